/* sts/session-rig.c */
#include "session-rig.h"

#include <string.h>

DubJson *from_text(const char *text)
{
    g_autofree char *json = g_strdelimit(g_strdup(text), "'", '"');
    g_autoptr(GError) error = NULL;
    DubJson *value = dub_json_parse(json, strlen(json), &error);
    g_assert_no_error(error);
    return value;
}

static void on_emit(const char *event, DubJson *payload, void *user_data)
{
    g_assert_nonnull(payload);
    g_ptr_array_add(((Rig *) user_data)->events, json_pack("[s, o]", event, payload));
}

static void on_open(const DubStreamInit *init, void *user_data)
{
    g_assert_nonnull(init->stream_id);
    ((Rig *) user_data)->opened++;
}

static void on_process(const DubFragmentData *fragment, void *user_data)
{
    const uint64_t number = (uint64_t) fragment->sequence_number;
    g_array_append_val(((Rig *) user_data)->processing, number);
}

static const char *on_cancel(G_GNUC_UNUSED uint64_t sequence_number, void *user_data)
{
    ((Rig *) user_data)->cancelled++;
    return "translation";
}

static void on_answered(G_GNUC_UNUSED const DubFragmentData *fragment, G_GNUC_UNUSED const DubFragmentProcessed *answer,
                        void *user_data)
{
    ((Rig *) user_data)->answered++;
}

static void on_release(void *user_data)
{
    ((Rig *) user_data)->released++;
}

static void on_close(void *user_data)
{
    ((Rig *) user_data)->closed++;
}

static void on_hang_up(void *user_data)
{
    ((Rig *) user_data)->hung_up++;
}

static const DubStsEffects effects = { on_emit,     on_open,    on_process, on_cancel,
                                       on_answered, on_release, on_close,   on_hang_up };

static void decref(void *json)
{
    json_decref(json);
}

void set_up(Rig *rig, bool echo)
{
    const DubStsSessionConfig config = { .session_id = "id",
                                         .echo = echo,
                                         .pressure_events = true,
                                         .thresholds =
                                             echo ? (DubStsThresholds){ 0.5, 0.7, 0.9 } : dub_sts_thresholds_full,
                                         .disconnect_delay_ns = 5 * SECOND };
    *rig = (Rig){ .events = g_ptr_array_new_with_free_func(decref),
                  .processing = g_array_new(FALSE, FALSE, sizeof(uint64_t)),
                  .now_ns = SECOND };
    rig->session = dub_sts_session_new(&config, &effects, rig);
}

void tear_down(Rig *rig)
{
    g_assert_cmpuint(rig->events->len, ==, 0);
    dub_sts_session_free(rig->session);
    g_ptr_array_unref(rig->events);
    g_array_unref(rig->processing);
}

void send_event(Rig *rig, const char *event, const char *payload)
{
    g_autoptr(DubJson) json = payload ? from_text(payload) : NULL;
    g_assert_true(dub_sts_session_event(rig->session, event, json, rig->now_ns));
}

void send_fragment(Rig *rig, unsigned number)
{
    g_autofree char *payload = g_strdup_printf(
        "{'fragment_id':'f%u','stream_id':'s','sequence_number':%u,'timestamp':1," AUDIO "}", number, number);
    send_event(rig, "fragment:data", payload);
}

void expect(Rig *rig, const char *name, const char *expected)
{
    if (rig->events->len == 0)
        g_error("no event, expected %s", name);
    g_autoptr(DubJson) event = g_ptr_array_steal_index(rig->events, 0);
    g_autofree char *text = dub_json_to_text(event);
    g_test_message("%s", text);
    g_assert_cmpstr(json_string_value(json_array_get(event, 0)), ==, name);
    g_autoptr(DubJson) wanted = from_text(expected);
    const char *key;
    DubJson *value;
    json_object_foreach(wanted, key, value)
    {
        const DubJson *member = json_object_get(json_array_get(event, 1), key);
        if (json_is_null(value) ? member != NULL : !json_equal(member, value))
            g_error("%s: %s is not as in %s", text, key, expected);
    }
}

void expect_error(Rig *rig, const char *code, const char *message)
{
    g_autoptr(DubJson) wanted = json_pack("{s:s, s:s}", "code", code, "message", message);
    g_autofree char *text = dub_json_to_text(wanted);
    expect(rig, "error", text);
}

void expect_nothing(Rig *rig)
{
    if (rig->events->len > 0) {
        g_autofree char *text = dub_json_to_text(g_ptr_array_index(rig->events, 0));
        g_error("unexpected %s", text);
    }
}

void open_with(Rig *rig, const char *init, guint parallel)
{
    send_event(rig, "stream:init", init);
    dub_sts_session_opened(rig->session, parallel, 0);
    expect(rig, "stream:ready", "{'stream_id':'s','session_id':'id'}");
}

void finish(Rig *rig, unsigned number, DubProcessedStatus status, double ms)
{
    DubFragmentProcessed *answer = status == DUB_PROCESSED_FAILED
                                       ? dub_sts_answer_new_failed("MODEL_ERROR", "tts", true, "why")
                                       : dub_fragment_processed_new();
    answer->status = status;
    answer->processing_time_ms = ms;
    dub_sts_session_finished(rig->session, number, answer, rig->now_ns);
}

void take(Rig *rig, unsigned first, unsigned n)
{
    for (unsigned number = first; number < first + n; number++)
        send_fragment(rig, number);
}

/* Unit tests of sts/session: JSON in, effects out, time by hand. */
#include "base/clock.h"
#include "sts/session.h"

#include <string.h>

#define SECOND DUB_NS_PER_S
#define HI     "{'stream_id':'s','worker_id':'w'}"

typedef struct {
    DubStsSession *session;
    GPtrArray *events;   /* of DubJson [name, payload], not looked at yet */
    GArray *processing;  /* of uint64_t */
    guint opened, released, closed, answered, cancelled;
    int64_t now_ns;
} Rig;

static DubJson *from_text(const char *text) /* with ' for " */
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

static const DubStsEffects effects = { on_emit, on_open, on_process, on_cancel, on_answered, on_release, on_close };

static void decref(void *json)
{
    json_decref(json);
}

static void set_up(Rig *rig, bool echo)
{
    const DubStsSessionConfig config = { .session_id = "id", .echo = echo, .pressure_events = true,
                                         .thresholds = echo ? (DubStsThresholds){ 0.5, 0.7, 0.9 }
                                                            : dub_sts_thresholds_full,
                                         .disconnect_delay_ns = 5 * SECOND };
    *rig = (Rig){ .events = g_ptr_array_new_with_free_func(decref),
                  .processing = g_array_new(FALSE, FALSE, sizeof(uint64_t)), .now_ns = SECOND };
    rig->session = dub_sts_session_new(&config, &effects, rig);
}

static void tear_down(Rig *rig)
{
    g_assert_cmpuint(rig->events->len, ==, 0);
    dub_sts_session_free(rig->session);
    g_ptr_array_unref(rig->events);
    g_array_unref(rig->processing);
}

static void send(Rig *rig, const char *event, const char *payload)
{
    g_autoptr(DubJson) json = payload ? from_text(payload) : NULL;
    g_assert_true(dub_sts_session_event(rig->session, event, json, rig->now_ns));
}

static void send_fragment(Rig *rig, unsigned number)
{
    g_autofree char *payload = g_strdup_printf(
        "{'fragment_id':'f%u','stream_id':'s','sequence_number':%u,'timestamp':1,'audio':{'format':'m4a',"
        "'sample_rate_hz':48000,'channels':2,'duration_ms':6000,'data_base64':'AAAA'}}", number, number);
    send(rig, "fragment:data", payload);
}

/* The oldest event must be @name and hold @expected's members. */
static void expect(Rig *rig, const char *name, const char *expected)
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
    json_object_foreach(wanted, key, value) {
        if (!json_equal(json_object_get(json_array_get(event, 1), key), value))
            g_error("%s: %s is not as in %s", text, key, expected);
    }
}

static void expect_error(Rig *rig, const char *code, const char *message)
{
    g_autoptr(DubJson) wanted = json_pack("{s:s, s:s}", "code", code, "message", message);
    g_autofree char *text = dub_json_to_text(wanted);
    expect(rig, "error", text);
}

static void expect_nothing(Rig *rig)
{
    if (rig->events->len > 0) {
        g_autofree char *text = dub_json_to_text(g_ptr_array_index(rig->events, 0));
        g_error("unexpected %s", text);
    }
}

static void open_with(Rig *rig, const char *init, guint parallel)
{
    send(rig, "stream:init", init);
    dub_sts_session_opened(rig->session, parallel, 0);
    expect(rig, "stream:ready", "{'stream_id':'s','session_id':'id'}");
}

static void finish(Rig *rig, unsigned number, DubProcessedStatus status, double ms)
{
    DubFragmentProcessed *answer = status == DUB_PROCESSED_FAILED
                                       ? dub_sts_answer_new_failed("MODEL_ERROR", "tts", true, "why")
                                       : dub_fragment_processed_new();
    answer->status = status;
    answer->processing_time_ms = ms;
    dub_sts_session_finished(rig->session, number, answer, rig->now_ns);
}

static void take(Rig *rig, unsigned first, unsigned n)
{
    for (unsigned number = first; number < first + n; number++)
        send_fragment(rig, number);
}

/* ── Contract: each wrong payload gets its error ── */

typedef struct {
    const char *name, *event, *payload, *code, *message;
} Refusal;

#define AUDIO "'audio':{'format':'m4a','sample_rate_hz':48000,'channels':2,'duration_ms':6000,'data_base64':'AAAA'}"
#define FRAGMENT(body) "{'fragment_id':'f','stream_id':'s','sequence_number':0,'timestamp':1," body "}"
static const Refusal before_init[] = {
    { "none", "stream:init", NULL, "INVALID_CONFIG", "stream:init: payload: not an object" },
    { "not-an-object", "stream:init", "[]", "INVALID_CONFIG", "stream:init: payload: not an object" },
    { "no-stream-id", "stream:init", "{'worker_id':'w'}", "INVALID_CONFIG", "stream:init: stream_id: missing" },
    { "stream-id-type", "stream:init", "{'stream_id':1}", "INVALID_CONFIG", "stream:init: stream_id: not a string" },
    { "stream-id-empty", "stream:init", "{'stream_id':''}", "INVALID_CONFIG", "stream:init: stream_id: empty" },
    { "no-worker-id", "stream:init", "{'stream_id':'s'}", "INVALID_CONFIG", "stream:init: worker_id: missing" },
    { "config-type", "stream:init", "{'stream_id':'s','worker_id':'w','config':5}", "INVALID_CONFIG",
      "stream:init: config: not an object" },
    { "language", "stream:init", "{'stream_id':'s','worker_id':'w','config':{'target_language':'e s'}}", "INVALID_CONFIG",
      "stream:init: config.target_language: \"e s\" is not a language code like \"es\"" },
    { "chunk-low", "stream:init", "{'stream_id':'s','worker_id':'w','config':{'chunk_duration_ms':99}}",
      "INVALID_CONFIG", "stream:init: config.chunk_duration_ms: 99 is not within 100 and 30000" },
    { "chunk-high", "stream:init", "{'stream_id':'s','worker_id':'w','config':{'chunk_duration_ms':30001}}",
      "INVALID_CONFIG", "stream:init: config.chunk_duration_ms: 30001 is not within 100 and 30000" },
    { "rate", "stream:init", "{'stream_id':'s','worker_id':'w','config':{'sample_rate_hz':8000}}", "INVALID_CONFIG",
      "stream:init: config.sample_rate_hz: 8000 is not one of 16000, 22050, 44100, 48000" },
    { "channels", "stream:init", "{'stream_id':'s','worker_id':'w','config':{'channels':3}}", "INVALID_CONFIG",
      "stream:init: config.channels: 3 is not within 1 and 2" },
    { "format", "stream:init", "{'stream_id':'s','worker_id':'w','config':{'format':'mp3'}}", "INVALID_CONFIG",
      "stream:init: config.format: \"mp3\" is not one of m4a, pcm_s16le" },
    { "inflight-low", "stream:init", "{'stream_id':'s','worker_id':'w','max_inflight':0}", "INVALID_CONFIG",
      "stream:init: max_inflight: 0 is not within 1 and 10" },
    { "inflight-high", "stream:init", "{'stream_id':'s','worker_id':'w','max_inflight':11}", "INVALID_CONFIG",
      "stream:init: max_inflight: 11 is not within 1 and 10" },
    { "timeout", "stream:init", "{'stream_id':'s','worker_id':'w','timeout_ms':999}", "INVALID_CONFIG",
      "stream:init: timeout_ms: 999 is not within 1000 and 30000" },
    { "data-before-init", "fragment:data", FRAGMENT(AUDIO), "STREAM_NOT_FOUND",
      "stream_id: the stream was never initialised on this connection, or has ended" },
    { "pause-before-init", "stream:pause", "{'stream_id':'s'}", "STREAM_NOT_FOUND",
      "stream_id: the stream was never initialised on this connection, or has ended" },
    { "end-before-init", "stream:end", "{'stream_id':'s'}", "STREAM_NOT_FOUND",
      "stream_id: the stream was never initialised on this connection, or has ended" },
    { "ack-without-id", "fragment:ack", "{'status':'applied'}", "INVALID_CONFIG", "fragment:ack: fragment_id: missing" },
    { "ack-status", "fragment:ack", "{'fragment_id':'f','status':'eaten'}", "INVALID_CONFIG",
      "fragment:ack: status: \"eaten\" is not one of received, applied" },
};

static const Refusal after_init[] = {
    { "init-again", "stream:init", HI, "INVALID_CONFIG",
      "stream:init: stream_id: this connection carries the stream s already; end it first" },
    { "other-stream", "fragment:data", "{'fragment_id':'f','stream_id':'other'}", "STREAM_NOT_FOUND",
      "stream_id: this connection carries the stream s" },
    { "pause-other", "stream:pause", "{'stream_id':'other'}", "STREAM_NOT_FOUND",
      "stream_id: this connection carries the stream s" },
    { "pause-nothing", "stream:pause", "{}", "INVALID_CONFIG", "stream:pause: stream_id: missing" },
    { "end-type", "stream:end", "{'stream_id':'s','reason':4}", "INVALID_CONFIG", "stream:end: reason: not a string" },
    { "no-fragment-id", "fragment:data", "{'stream_id':'s'}", "INVALID_CONFIG", "fragment:data: fragment_id: missing" },
    { "no-stream-id", "fragment:data", "{'fragment_id':'f'}", "INVALID_CONFIG", "fragment:data: stream_id: missing" },
    { "no-number", "fragment:data", "{'fragment_id':'f','stream_id':'s','timestamp':1," AUDIO "}", "INVALID_CONFIG",
      "fragment:data: sequence_number: missing" },
    { "negative", "fragment:data", "{'fragment_id':'f','stream_id':'s','sequence_number':-1," AUDIO "}",
      "INVALID_CONFIG", "fragment:data: sequence_number: -1 is not within 0 and 9007199254740991" },
    { "no-timestamp", "fragment:data", "{'fragment_id':'f','stream_id':'s','sequence_number':0," AUDIO "}",
      "INVALID_CONFIG", "fragment:data: timestamp: missing" },
    { "no-audio", "fragment:data", FRAGMENT("'x':1"), "INVALID_CONFIG", "fragment:data: audio: missing" },
    { "audio-type", "fragment:data", FRAGMENT("'audio':[]"), "INVALID_CONFIG", "fragment:data: audio: not an object" },
    { "no-format", "fragment:data", FRAGMENT("'audio':{}"), "INVALID_CONFIG", "fragment:data: audio.format: missing" },
    { "no-rate", "fragment:data", FRAGMENT("'audio':{'format':'m4a'}"), "INVALID_CONFIG",
      "fragment:data: audio.sample_rate_hz: missing" },
    { "no-channels", "fragment:data", FRAGMENT("'audio':{'format':'m4a','sample_rate_hz':48000}"), "INVALID_CONFIG",
      "fragment:data: audio.channels: missing" },
    { "no-duration", "fragment:data", FRAGMENT("'audio':{'format':'m4a','sample_rate_hz':48000,'channels':1}"),
      "INVALID_CONFIG", "fragment:data: audio.duration_ms: missing" },
    { "duration-high", "fragment:data",
      FRAGMENT("'audio':{'format':'m4a','sample_rate_hz':48000,'channels':1,'duration_ms':60001}"), "INVALID_CONFIG",
      "fragment:data: audio.duration_ms: 60001 is not within 0 and 60000" },
    { "no-data", "fragment:data",
      FRAGMENT("'audio':{'format':'m4a','sample_rate_hz':48000,'channels':1,'duration_ms':1}"), "INVALID_CONFIG",
      "fragment:data: audio.data_base64: missing" },
    { "base64-alphabet", "fragment:data",
      FRAGMENT("'audio':{'format':'m4a','sample_rate_hz':48000,'channels':1,'duration_ms':1,'data_base64':'A-A='}"),
      "INVALID_AUDIO", "fragment:data: audio.data_base64: not base64" },
    { "base64-length", "fragment:data",
      FRAGMENT("'audio':{'format':'m4a','sample_rate_hz':48000,'channels':1,'duration_ms':1,'data_base64':'AAAAA'}"),
      "INVALID_AUDIO", "fragment:data: audio.data_base64: not base64" },
    { "base64-padding", "fragment:data",
      FRAGMENT("'audio':{'format':'m4a','sample_rate_hz':48000,'channels':1,'duration_ms':1,'data_base64':'A==='}"),
      "INVALID_AUDIO", "fragment:data: audio.data_base64: not base64" },
    { "metadata-type", "fragment:data", FRAGMENT(AUDIO ",'metadata':'x'"), "INVALID_CONFIG",
      "fragment:data: metadata: not an object" },
};

static void check_refusal(Rig *rig, const Refusal *c)
{
    send(rig, c->event, c->payload);
    expect_error(rig, c->code, c->message);
    g_assert_cmpuint(rig->processing->len, ==, 0);
}

static void test_before_init(const void *data)
{
    Rig rig;
    set_up(&rig, false);
    check_refusal(&rig, data);
    g_assert_cmpuint(rig.opened, ==, 0);
    open_with(&rig, HI, 1); /* nothing is broken by it */
    tear_down(&rig);
}

static void test_after_init(const void *data)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, HI, 1);
    check_refusal(&rig, data);
    take(&rig, 0, 1);
    expect(&rig, "fragment:ack", "{'fragment_id':'f0','status':'processing'}");
    tear_down(&rig);
}

static void test_unknown_event(void)
{
    Rig rig;
    set_up(&rig, false);
    g_assert_false(dub_sts_session_event(rig.session, "stream:sing", NULL, 0));
    tear_down(&rig);
}

static void test_too_large(void)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, HI, 1);
    const gsize at_most = 10 * 1024 * 1024; /* 3 divides 10 MiB + 2 */
    for (gsize bytes = at_most - 1; bytes <= at_most + 2; bytes += 3) {
        g_autofree char *text = g_strnfill(bytes / 3 * 4, 'A');
        g_autoptr(DubJson) payload = from_text(FRAGMENT(AUDIO));
        json_object_set_new(json_object_get(payload, "audio"), "data_base64", json_string(text));
        dub_sts_session_event(rig.session, "fragment:data", payload, 0);
        if (bytes <= at_most)
            expect(&rig, "fragment:ack", "{}");
        else
            expect(&rig, "error", "{'code':'FRAGMENT_TOO_LARGE','fragment_id':'f','retryable':false}");
    }
    tear_down(&rig);
}

/* ── Flow ── */

static void test_defaults_and_ready(void)
{
    Rig rig;
    set_up(&rig, false);
    send(&rig, "stream:init", "{'stream_id':'s','worker_id':'w','max_inflight':7}");
    expect_nothing(&rig); /* not before the engines are there */
    g_assert_cmpuint(rig.opened, ==, 1);
    dub_sts_session_opened(rig.session, 2, 0);
    expect(&rig, "stream:ready",
           "{'stream_id':'s','session_id':'id','max_inflight':7,"
           "'capabilities':{'batch_processing':false,'async_delivery':true}}");
    tear_down(&rig);
}

static void test_refused_may_try_again(void)
{
    Rig rig;
    set_up(&rig, false);
    send(&rig, "stream:init", HI);
    dub_sts_session_refused(rig.session, "INVALID_VOICE_PROFILE", "no such voice");
    expect(&rig, "error", "{'code':'INVALID_VOICE_PROFILE','stream_id':'s','severity':'error','retryable':false}");
    g_assert_cmpint(dub_sts_session_get_state(rig.session), ==, DUB_STS_IDLE);
    open_with(&rig, HI, 1);
    tear_down(&rig);
}

static void test_early_events_wait(void)
{
    Rig rig;
    set_up(&rig, false);
    send(&rig, "stream:init", HI);
    take(&rig, 0, 2);
    send(&rig, "stream:end", "{'stream_id':'s'}");
    expect_nothing(&rig);
    dub_sts_session_opened(rig.session, 2, 0);
    expect(&rig, "stream:ready", "{}");
    expect(&rig, "fragment:ack", "{'fragment_id':'f0'}");
    expect(&rig, "fragment:ack", "{'fragment_id':'f1'}");
    finish(&rig, 0, DUB_PROCESSED_SUCCESS, 1);
    finish(&rig, 1, DUB_PROCESSED_SUCCESS, 1);
    expect(&rig, "fragment:processed", "{'fragment_id':'f0'}");
    expect(&rig, "fragment:processed", "{'fragment_id':'f1'}");
    expect(&rig, "stream:complete", "{'total_fragments':2}");
    tear_down(&rig);
}

static void test_early_events_of_a_refused_stream(void)
{
    Rig rig;
    set_up(&rig, false);
    send(&rig, "stream:init", HI);
    send_fragment(&rig, 0);
    dub_sts_session_refused(rig.session, "INVALID_CONFIG", "no such language");
    expect(&rig, "error", "{'code':'INVALID_CONFIG'}");
    expect(&rig, "error", "{'code':'STREAM_NOT_FOUND','fragment_id':'f0'}");
    tear_down(&rig);
}

static void test_early_events_are_bounded(void)
{
    Rig rig;
    set_up(&rig, false);
    send(&rig, "stream:init", HI);
    take(&rig, 0, 15);
    expect(&rig, "error", "{'code':'STREAM_NOT_FOUND','fragment_id':'f14'}");
    tear_down(&rig);
}

static void test_order(void)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, HI, 2);
    take(&rig, 0, 3);
    expect(&rig, "fragment:ack", "{'fragment_id':'f0','status':'processing'}");
    expect(&rig, "fragment:ack", "{'fragment_id':'f1','status':'processing'}");
    expect(&rig, "fragment:ack", "{'fragment_id':'f2','status':'queued','queue_position':1}");
    finish(&rig, 2, DUB_PROCESSED_SUCCESS, 100);
    finish(&rig, 1, DUB_PROCESSED_PARTIAL, 100);
    expect_nothing(&rig);
    finish(&rig, 0, DUB_PROCESSED_SUCCESS, 100);
    expect(&rig, "fragment:processed", "{'fragment_id':'f0','sequence_number':0,'status':'success'}");
    expect(&rig, "fragment:processed", "{'fragment_id':'f1','sequence_number':1,'status':'partial'}");
    expect(&rig, "fragment:processed", "{'fragment_id':'f2','sequence_number':2,'processing_time_ms':100}");
    tear_down(&rig);
}

static void test_same_again(void)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, HI, 2);
    send_fragment(&rig, 0);
    send_fragment(&rig, 0);
    expect(&rig, "fragment:ack", "{'fragment_id':'f0'}");
    expect(&rig, "fragment:ack", "{'fragment_id':'f0'}");
    finish(&rig, 0, DUB_PROCESSED_SUCCESS, 100);
    expect(&rig, "fragment:processed", "{'fragment_id':'f0'}");
    send_fragment(&rig, 0);
    expect(&rig, "fragment:processed", "{'fragment_id':'f0','status':'success'}");
    g_assert_cmpuint(rig.processing->len, ==, 1);
    send(&rig, "stream:end", "{'stream_id':'s'}");
    expect(&rig, "stream:complete", "{'total_fragments':1,'total_duration_ms':6000}");
    tear_down(&rig);
}

static void test_failed_is_done_again(void)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, HI, 2);
    send_fragment(&rig, 0);
    finish(&rig, 0, DUB_PROCESSED_FAILED, 100);
    send_fragment(&rig, 0);
    g_assert_cmpuint(rig.processing->len, ==, 2);
    finish(&rig, 0, DUB_PROCESSED_SUCCESS, 100);
    expect(&rig, "fragment:ack", "{}");
    expect(&rig, "fragment:processed",
           "{'status':'failed','error':{'code':'MODEL_ERROR','message':'why','stage':'tts','retryable':true}}");
    expect(&rig, "fragment:ack", "{}");
    expect(&rig, "fragment:processed", "{'status':'success','sequence_number':0}");
    send(&rig, "stream:end", "{'stream_id':'s'}");
    expect(&rig, "stream:complete",
           "{'total_fragments':1,'total_duration_ms':6000,'statistics':{'success_count':1,'partial_count':0,"
           "'failed_count':0,'avg_processing_time_ms':100,'p95_processing_time_ms':100}}");
    tear_down(&rig);
}

static void test_numbers(void)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, HI, 2);
    send_fragment(&rig, 10);
    expect_error(&rig, "INVALID_SEQUENCE", "sequence_number: 10 is more than 10 ahead of what is answered");
    send_fragment(&rig, 0);
    expect(&rig, "fragment:ack", "{}");
    send(&rig, "fragment:data", FRAGMENT(AUDIO));
    expect_error(&rig, "INVALID_SEQUENCE", "sequence_number: 0 is used already");
    tear_down(&rig);
}

static void test_pause(void)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, HI, 2);
    send_fragment(&rig, 0);
    expect(&rig, "fragment:ack", "{}");
    send(&rig, "stream:pause", "{'stream_id':'s','reason':'advert'}");
    send_fragment(&rig, 1);
    expect(&rig, "error", "{'code':'STREAM_PAUSED','fragment_id':'f1','retryable':true}");
    finish(&rig, 0, DUB_PROCESSED_SUCCESS, 1);
    expect(&rig, "fragment:processed", "{'fragment_id':'f0'}"); /* what is out goes on */
    send(&rig, "stream:resume", "{'stream_id':'s'}");
    send_fragment(&rig, 2); /* 1 is not waited for */
    expect(&rig, "fragment:ack", "{'fragment_id':'f2'}");
    finish(&rig, 2, DUB_PROCESSED_SUCCESS, 1);
    expect(&rig, "fragment:processed", "{'fragment_id':'f2'}");
    tear_down(&rig);
}

static void test_end_drains_and_closes(void)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, HI, 2);
    send_fragment(&rig, 0);
    send_fragment(&rig, 2); /* 1 never comes */
    finish(&rig, 2, DUB_PROCESSED_SUCCESS, 10);
    send(&rig, "stream:end", "{'stream_id':'s'}");
    expect(&rig, "fragment:ack", "{}");
    expect(&rig, "fragment:ack", "{}");
    expect_nothing(&rig);
    send_fragment(&rig, 3);
    expect(&rig, "error", "{'code':'STREAM_NOT_FOUND','fragment_id':'f3'}");
    finish(&rig, 0, DUB_PROCESSED_FAILED, 20);
    expect(&rig, "fragment:processed", "{'sequence_number':0,'status':'failed'}");
    expect(&rig, "fragment:processed", "{'sequence_number':2}");
    expect(&rig, "stream:complete",
           "{'stream_id':'s','total_fragments':2,'total_duration_ms':12000,'statistics':{'success_count':1,"
           "'partial_count':0,'failed_count':1,'avg_processing_time_ms':15,'p95_processing_time_ms':20}}");
    g_assert_cmpuint(rig.released, ==, 1);
    g_assert_cmpint(dub_sts_session_next_tick(rig.session), ==, rig.now_ns + 5 * SECOND);
    dub_sts_session_tick(rig.session, rig.now_ns + 5 * SECOND - 1);
    g_assert_cmpuint(rig.closed, ==, 0);
    send(&rig, "fragment:ack", "{'fragment_id':'f2','status':'applied','timestamp':1}"); /* late, and no error */
    dub_sts_session_tick(rig.session, rig.now_ns + 5 * SECOND);
    g_assert_cmpuint(rig.closed, ==, 1);
    tear_down(&rig);
}

static void test_another_stream_after_the_end(void)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, HI, 2);
    send(&rig, "stream:end", "{'stream_id':'s'}");
    expect(&rig, "stream:complete", "{'total_fragments':0}");
    open_with(&rig, HI, 2);
    g_assert_cmpint(dub_sts_session_next_tick(rig.session), ==, DUB_TIME_NONE); /* not closed any more */
    send_fragment(&rig, 0);                                                     /* numbers begin again */
    expect(&rig, "fragment:ack", "{}");
    tear_down(&rig);
}

static void test_timeout(void)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, "{'stream_id':'s','worker_id':'w','timeout_ms':2000}", 2);
    send_fragment(&rig, 0);
    expect(&rig, "fragment:ack", "{}");
    g_assert_cmpint(dub_sts_session_next_tick(rig.session), ==, rig.now_ns + 2 * SECOND);
    dub_sts_session_tick(rig.session, rig.now_ns + 2 * SECOND);
    g_assert_cmpuint(rig.cancelled, ==, 1);
    expect(&rig, "fragment:processed",
           "{'status':'failed','processing_time_ms':2000,'error':{'code':'TIMEOUT','message':'not done within 2000 ms',"
           "'stage':'translation','retryable':true}}");
    finish(&rig, 0, DUB_PROCESSED_SUCCESS, 1); /* too late: nobody hears it */
    tear_down(&rig);
}

static void test_echo_has_no_timeout(void)
{
    Rig rig;
    set_up(&rig, true);
    open_with(&rig, HI, 2);
    send_fragment(&rig, 0);
    expect(&rig, "fragment:ack", "{}");
    g_assert_cmpint(dub_sts_session_next_tick(rig.session), ==, DUB_TIME_NONE);
    tear_down(&rig);
}

static void test_missing_number_is_given_up(void)
{
    Rig rig;
    set_up(&rig, true);
    open_with(&rig, HI, 2);
    send_fragment(&rig, 1);
    expect(&rig, "fragment:ack", "{}");
    finish(&rig, 1, DUB_PROCESSED_SUCCESS, 1);
    expect_nothing(&rig);
    g_assert_cmpint(dub_sts_session_next_tick(rig.session), ==, rig.now_ns + 8 * SECOND);
    dub_sts_session_tick(rig.session, rig.now_ns + 8 * SECOND);
    expect(&rig, "fragment:processed", "{'sequence_number':1}");
    send_fragment(&rig, 0);
    expect(&rig, "error", "{'code':'INVALID_SEQUENCE','fragment_id':'f0'}");
    tear_down(&rig);
}

static void test_pressure_full(void)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, HI, 2);
    for (unsigned n = 0; n < 11; n++) {
        send_fragment(&rig, n);
        expect(&rig, n < 10 ? "fragment:ack" : "error", n < 10 ? "{}" : "{'code':'BACKPRESSURE_EXCEEDED',"
               "'severity':'warning','retryable':true,'fragment_id':'f10'}");
        if (n == 3)
            expect(&rig, "backpressure", "{'severity':'medium','current_inflight':4,'queue_depth':2,'action':'slow_down'}");
        if (n == 6)
            expect(&rig, "backpressure", "{'severity':'high','current_inflight':7,'queue_depth':5,'action':'pause'}");
    }
    for (unsigned n = 0; n < 10; n++) {
        finish(&rig, n, DUB_PROCESSED_SUCCESS, n < 2 ? 1000 : 500 + n * 500); /* two at once, a second each */
        expect(&rig, "fragment:processed", "{}");
        if (n == 3)
            expect(&rig, "backpressure",
                   "{'severity':'medium','current_inflight':6,'action':'slow_down','recommended_delay_ms':1500}");
        if (n == 6)
            expect(&rig, "backpressure", "{'severity':'low','current_inflight':3,'action':'none'}");
    }
    tear_down(&rig);
}

static void test_pressure_echo(void)
{
    Rig rig;
    set_up(&rig, true);
    open_with(&rig, "{'stream_id':'s','worker_id':'w','max_inflight':4}", 10);
    take(&rig, 0, 4);
    expect(&rig, "fragment:ack", "{}");
    expect(&rig, "fragment:ack", "{}");
    expect(&rig, "backpressure", "{'severity':'low','current_inflight':2,'action':'none'}");
    expect(&rig, "fragment:ack", "{}");
    expect(&rig, "backpressure", "{'severity':'medium','current_inflight':3,'action':'slow_down'}");
    expect(&rig, "fragment:ack", "{}");
    expect(&rig, "backpressure", "{'severity':'high','current_inflight':4,'action':'pause'}");
    for (unsigned n = 4; n-- > 1;)
        finish(&rig, n, DUB_PROCESSED_SUCCESS, 1);
    expect_nothing(&rig);
    finish(&rig, 0, DUB_PROCESSED_SUCCESS, 1);
    for (unsigned n = 0; n < 4; n++)
        expect(&rig, "fragment:processed", "{}");
    expect(&rig, "backpressure", "{'severity':'low','current_inflight':0,'action':'none'}");
    tear_down(&rig);
}

static void test_estimates(void)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, HI, 1);
    send_fragment(&rig, 0);
    finish(&rig, 0, DUB_PROCESSED_SUCCESS, 1000);
    send_fragment(&rig, 1);
    send_fragment(&rig, 2);
    expect(&rig, "fragment:ack", "{'status':'processing'}");
    expect(&rig, "fragment:processed", "{}");
    expect(&rig, "fragment:ack", "{'status':'processing','estimated_completion_ms':1000}");
    expect(&rig, "fragment:ack", "{'status':'queued','queue_position':1,'estimated_completion_ms':2000}");
    tear_down(&rig);
}

/* Sent again while it waits: told its own place, and not that of one more. */
static void test_position_of_one_sent_again(void)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, HI, 1);
    take(&rig, 0, 3);
    expect(&rig, "fragment:ack", "{'fragment_id':'f0','status':'processing'}");
    expect(&rig, "fragment:ack", "{'fragment_id':'f1','status':'queued','queue_position':1}");
    expect(&rig, "fragment:ack", "{'fragment_id':'f2','status':'queued','queue_position':2}");
    send_fragment(&rig, 1);
    expect(&rig, "fragment:ack", "{'fragment_id':'f1','status':'queued','queue_position':1}");
    finish(&rig, 1, DUB_PROCESSED_SUCCESS, 1); /* its answer waits for that of f0 */
    send_fragment(&rig, 1);
    expect(&rig, "fragment:ack", "{'fragment_id':'f1','status':'processing'}");
    tear_down(&rig);
}

/* A model of the work: `parallel` at once, the lowest number first, @ms for each give or take a fifth. */
typedef struct {
    guint parallel;
    double ms, done_ms[10]; /* when each of the parallel ones is free again */
    guint32 random;
} Model;

static double model_done_ms(Model *model, double now_ms)
{
    guint first = 0;
    for (guint i = 1; i < model->parallel; i++)
        if (model->done_ms[i] < model->done_ms[first])
            first = i;
    model->random = model->random * 1664525u + 1013904223u;
    const double takes_ms = model->ms * (0.8 + 0.4 * model->random / (double) G_MAXUINT32);
    return model->done_ms[first] = MAX(model->done_ms[first], now_ms) + takes_ms;
}

/* Returns: what the next ack expects; 0: nothing */
static double take_estimate(Rig *rig)
{
    g_autoptr(DubJson) event = g_ptr_array_steal_index(rig->events, 0);
    g_assert_cmpstr(json_string_value(json_array_get(event, 0)), ==, "fragment:ack");
    g_ptr_array_set_size(rig->events, 0); /* and whatever is told of pressure */
    return json_number_value(json_object_get(json_array_get(event, 1), "estimated_completion_ms"));
}

typedef struct {
    const char *name;
    guint parallel, in_flight;
} Load;

static const Load loads[] = {
    { "one-at-a-time", 1, 1 }, { "as-many-as-cores", 2, 2 }, { "usual-window", 2, 3 },
    { "full-window", 2, 7 },   { "one-core-full", 1, 10 },   { "more-cores", 4, 6 },
};

#define MODELLED 60 /* fragments; from the 30th on each takes four times as long */

typedef struct {
    double arrived_ms, done_ms, estimate_ms;
    bool is_out;
} Modelled;

static guint first_done(const Modelled *fragments, guint n)
{
    guint first = MODELLED;
    for (guint i = 0; i < n; i++)
        if (fragments[i].is_out && (first == MODELLED || fragments[i].done_ms < fragments[first].done_ms))
            first = i;
    return first;
}

/* From the 20th on, what is expected is the truth, give or take a third and the fifth by which it varies; and 20 after the
 * service became slower, that is known, too. */
static void check_estimates(const Modelled *fragments)
{
    for (guint n = 20; n < MODELLED; n++) {
        const double took_ms = fragments[n].done_ms - fragments[n].arrived_ms;
        g_test_message("%u: expected %.0f ms, took %.0f", n, fragments[n].estimate_ms, took_ms);
        if (n < 30 || n >= 50) {
            g_assert_cmpfloat(fragments[n].estimate_ms / took_ms, >, 0.6);
            g_assert_cmpfloat(fragments[n].estimate_ms / took_ms, <, 1.67);
        }
    }
}

/* So many are always out: with each answer the next comes. */
static void test_estimates_converge(const void *data)
{
    const Load *load = data;
    Model model = { .parallel = load->parallel, .ms = 800, .random = 1 };
    Modelled fragments[MODELLED] = { 0 };
    double now_ms = 0;
    Rig rig;
    set_up(&rig, false);
    send(&rig, "stream:init", "{'stream_id':'s','worker_id':'w','timeout_ms':30000}");
    dub_sts_session_opened(rig.session, load->parallel, 0);
    for (guint n = 0; n < MODELLED; n++) {
        if (n == 30)
            model.ms *= 4;
        if (n >= load->in_flight) {
            Modelled *first = &fragments[first_done(fragments, n)];
            now_ms = first->done_ms;
            rig.now_ns = SECOND + (int64_t) (now_ms * (double) DUB_NS_PER_MS);
            first->is_out = false;
            finish(&rig, (unsigned) (first - fragments), DUB_PROCESSED_SUCCESS, now_ms - first->arrived_ms);
        }
        g_ptr_array_set_size(rig.events, 0);
        send_fragment(&rig, n);
        fragments[n] = (Modelled){ now_ms, model_done_ms(&model, now_ms), take_estimate(&rig), true };
    }
    check_estimates(fragments);
    tear_down(&rig);
}

static void test_superseded(void)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, HI, 1);
    send_fragment(&rig, 0);
    expect(&rig, "fragment:ack", "{}");
    dub_sts_session_superseded(rig.session);
    expect(&rig, "error", "{'code':'STREAM_NOT_FOUND','stream_id':'s'}");
    finish(&rig, 0, DUB_PROCESSED_SUCCESS, 1);
    g_assert_cmpuint(rig.released, ==, 1);
    g_assert_cmpuint(rig.closed, ==, 1);
    g_assert_null(dub_sts_session_get_stream_id(rig.session));
    tear_down(&rig);
}

static void test_drain(void)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, HI, 1);
    send_fragment(&rig, 0);
    expect(&rig, "fragment:ack", "{}");
    dub_sts_session_drain(rig.session, rig.now_ns);
    expect_nothing(&rig);
    finish(&rig, 0, DUB_PROCESSED_SUCCESS, 1);
    expect(&rig, "fragment:processed", "{}");
    expect(&rig, "stream:complete", "{'total_fragments':1}");
    tear_down(&rig);
}

/* ── Simulated errors ── */

static void test_simulation(void)
{
    Rig rig;
    set_up(&rig, true);
    open_with(&rig, HI, 10);
    send(&rig, "config:error_simulation",
         "{'enabled':true,'rules':[{'trigger':'nth_fragment','value':2,'error_code':'TIMEOUT','stage':'asr'},"
         "{'trigger':'sequence_number','value':2,'error_code':'GPU_OOM','error_message':'full','retryable':false},"
         "{'trigger':'fragment_id','value':'f4','error_code':'MODEL_ERROR','stage':'tts'}]}");
    expect(&rig, "config:error_simulation:ack", "{'status':'accepted','rules_count':3}");
    for (unsigned n = 0; n < 5; n++) {
        send_fragment(&rig, n);
        finish(&rig, n, DUB_PROCESSED_SUCCESS, 1);
    }
    static const char *const answers[] = {
        "{'status':'success'}",
        "{'error':{'code':'TIMEOUT','message':'simulated failure','stage':'asr','retryable':true}}",
        "{'error':{'code':'GPU_OOM','message':'full','stage':'asr','retryable':false}}",
        "{'error':{'code':'TIMEOUT','message':'simulated failure','stage':'asr','retryable':true}}",
        "{'error':{'code':'MODEL_ERROR','message':'simulated failure','stage':'tts','retryable':true}}",
    };
    for (unsigned n = 0; n < 5; n++) {
        expect(&rig, "fragment:ack", "{}");
        expect(&rig, "fragment:processed", answers[n]);
    }
    send(&rig, "config:error_simulation", "{'enabled':false}");
    expect(&rig, "config:error_simulation:ack", "{'status':'accepted','rules_count':0}");
    tear_down(&rig);
}

typedef struct {
    const char *name, *payload, *message;
} Rejection;

static const Rejection rejections[] = {
    { "nothing", "{}", "enabled: missing" },
    { "no-rules", "{'enabled':true}", "rules: missing" },
    { "rules-type", "{'enabled':true,'rules':{}}", "rules: not an array" },
    { "rule-type", "{'enabled':true,'rules':[1]}", "rules[0]: not an object" },
    { "trigger", "{'enabled':true,'rules':[{'trigger':'moon'}]}",
      "rules[0].trigger: \"moon\" is not one of sequence_number, fragment_id, nth_fragment" },
    { "no-value", "{'enabled':true,'rules':[{'trigger':'sequence_number','error_code':'A'}]}", "rules[0].value: missing" },
    { "value-type", "{'enabled':true,'rules':[{'trigger':'fragment_id','value':1,'error_code':'A'}]}", "rules[0].value: not a string" },
    { "nth-zero", "{'enabled':true,'rules':[{'trigger':'nth_fragment','value':0,'error_code':'A'}]}",
      "rules[0].value: 0 is not within 1 and 9007199254740991" },
    { "no-code", "{'enabled':true,'rules':[{'trigger':'nth_fragment','value':1}]}", "rules[0].error_code: missing" },
    { "code", "{'enabled':true,'rules':[{'trigger':'nth_fragment','value':1,'error_code':''}]}",
      "rules[0].error_code: empty" },
    { "stage", "{'enabled':true,'rules':[{'trigger':'nth_fragment','value':1,'error_code':'TIMEOUT','stage':'x'}]}",
      "rules[0].stage: \"x\" is not one of asr, translation, tts" },
};

static void test_rejection(const void *data)
{
    const Rejection *c = data;
    Rig rig;
    set_up(&rig, true);
    send(&rig, "config:error_simulation", c->payload);
    g_autoptr(DubJson) wanted = json_pack("{s:s, s:s}", "status", "rejected", "error_message", c->message);
    g_autofree char *text = dub_json_to_text(wanted);
    expect(&rig, "config:error_simulation:ack", text);
    tear_down(&rig);
}

static void test_simulation_is_for_echo(void)
{
    Rig rig;
    set_up(&rig, false);
    send(&rig, "config:error_simulation", "{'enabled':true,'rules':[]}");
    expect(&rig, "config:error_simulation:ack",
           "{'status':'rejected','error_message':'errors are simulated in echo mode only'}");
    tear_down(&rig);
}

static void add_refusals(const char *group, const Refusal *cases, gsize n, GTestDataFunc test)
{
    for (gsize i = 0; i < n; i++) {
        g_autofree char *path =
            g_strdup_printf("/sts/session/%s/%s/%s", group, cases[i].event, cases[i].name);
        g_test_add_data_func(path, &cases[i], test);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_refusals("before-init", before_init, G_N_ELEMENTS(before_init), test_before_init);
    add_refusals("after-init", after_init, G_N_ELEMENTS(after_init), test_after_init);
    for (gsize i = 0; i < G_N_ELEMENTS(rejections); i++) {
        g_autofree char *path = g_strdup_printf("/sts/session/simulation/rejected/%s", rejections[i].name);
        g_test_add_data_func(path, &rejections[i], test_rejection);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(loads); i++) {
        g_autofree char *path = g_strdup_printf("/sts/session/estimates-converge/%s", loads[i].name);
        g_test_add_data_func(path, &loads[i], test_estimates_converge);
    }
    static const struct {
        const char *name;
        GTestFunc test;
    } flows[] = {
        { "unknown-event", test_unknown_event },
        { "too-large", test_too_large },
        { "defaults-and-ready", test_defaults_and_ready },
        { "refused-may-try-again", test_refused_may_try_again },
        { "early-events-wait", test_early_events_wait },
        { "early-events-of-a-refused-stream", test_early_events_of_a_refused_stream },
        { "early-events-are-bounded", test_early_events_are_bounded },
        { "order", test_order },
        { "same-again", test_same_again },
        { "failed-is-done-again", test_failed_is_done_again },
        { "numbers", test_numbers },
        { "pause", test_pause },
        { "end-drains-and-closes", test_end_drains_and_closes },
        { "another-stream-after-the-end", test_another_stream_after_the_end },
        { "timeout", test_timeout },
        { "echo-has-no-timeout", test_echo_has_no_timeout },
        { "missing-number-is-given-up", test_missing_number_is_given_up },
        { "pressure-full", test_pressure_full },
        { "pressure-echo", test_pressure_echo },
        { "estimates", test_estimates },
        { "position-of-one-sent-again", test_position_of_one_sent_again },
        { "superseded", test_superseded },
        { "drain", test_drain },
        { "simulation", test_simulation },
        { "simulation-is-for-echo", test_simulation_is_for_echo },
    };
    for (gsize i = 0; i < G_N_ELEMENTS(flows); i++) {
        g_autofree char *path = g_strdup_printf("/sts/session/%s", flows[i].name);
        g_test_add_func(path, flows[i].test);
    }
    return g_test_run();
}

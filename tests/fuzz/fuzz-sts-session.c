/* tests/fuzz/fuzz-sts-session.c: a stream of events against the session's state machine. The input is lines:
 *   EVENT JSON   an event of the peer's            o   the engines are there        r   the stream is refused
 *   !N           fragment N is finished            ?N  fragment N failed, retryably   xN  failed for good
 *   tN           N seconds pass                    d   the service drains           @   another connection takes over
 * Whatever comes: first answers leave in rising order, at most 10 fragments are out, a completed stream is complete. */
#include "base/clock.h"
#include "sts/order.h"
#include "sts/session.h"
#include "wire/events.h"

#include <stdlib.h>
#include <string.h>

#define MAX_LINES 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    DubStsSession *session;
    GHashTable *answered; /* of int64_t *: numbers of this stream */
    int64_t highest;      /* answered so far; -1: none */
    guint out;            /* taken and neither finished nor cancelled */
    int64_t now_ns;
} Rig;

static void check_answer(Rig *rig, const DubJson *payload)
{
    const int64_t number = json_integer_value(json_object_get(payload, "sequence_number"));
    if (g_hash_table_contains(rig->answered, &number))
        return; /* asked for again */
    g_assert_cmpint(number, >, rig->highest);
    rig->highest = number;
    g_hash_table_add(rig->answered, g_memdup2(&number, sizeof number));
}

static void check_complete(const Rig *rig, const DubJson *payload)
{
    g_assert_cmpuint(dub_sts_session_count_in_flight(rig->session), ==, 0);
    g_assert_cmpuint(rig->out, ==, 0);
    g_assert_cmpint(json_integer_value(json_object_get(payload, "total_fragments")), ==,
                    g_hash_table_size(rig->answered));
}

static void on_emit(const char *event, DubJson *payload, void *user_data)
{
    Rig *rig = user_data;
    g_assert_nonnull(payload);
    g_assert_cmpuint(dub_sts_session_count_in_flight(rig->session), <=, DUB_STS_WINDOW);
    if (strcmp(event, DUB_EVENT_STREAM_READY) == 0) {
        g_hash_table_remove_all(rig->answered);
        rig->highest = -1;
    } else if (strcmp(event, DUB_EVENT_FRAGMENT_PROCESSED) == 0) {
        check_answer(rig, payload);
    } else if (strcmp(event, DUB_EVENT_STREAM_COMPLETE) == 0) {
        check_complete(rig, payload);
    }
    json_decref(payload);
}

static void on_open(G_GNUC_UNUSED const DubStreamInit *init, void *user_data)
{
    Rig *rig = user_data;
    rig->out = 0;
}

static void on_process(G_GNUC_UNUSED const DubFragmentData *fragment, void *user_data)
{
    g_assert_cmpuint(++((Rig *) user_data)->out, <=, DUB_STS_WINDOW);
}

static const char *on_cancel(G_GNUC_UNUSED uint64_t sequence_number, G_GNUC_UNUSED void *user_data)
{
    return "asr";
}

static void on_answered(G_GNUC_UNUSED const DubFragmentData *fragment, const DubFragmentProcessed *answer,
                        void *user_data)
{
    g_assert_nonnull(answer->fragment_id);
    g_assert_cmpuint(((Rig *) user_data)->out--, >, 0);
}

static void on_asked(G_GNUC_UNUSED void *user_data)
{
}

static void finish(Rig *rig, char how, uint64_t number)
{
    DubFragmentProcessed *answer =
        how == '!' ? dub_fragment_processed_new() : dub_sts_answer_new_failed("MODEL_ERROR", "asr", how == '?', "why");
    dub_sts_session_finished(rig->session, number, answer, rig->now_ns);
}

static void send(Rig *rig, const char *line)
{
    const char *space = strchr(line, ' ');
    g_autofree char *event = space ? g_strndup(line, (gsize) (space - line)) : g_strdup(line);
    g_autoptr(DubJson) payload = space ? dub_json_parse(space + 1, strlen(space + 1), NULL) : NULL;
    dub_sts_session_event(rig->session, event, payload, rig->now_ns);
}

static void run_line(Rig *rig, const char *line)
{
    const uint64_t number = *line ? g_ascii_strtoull(line + 1, NULL, 10) : 0;
    switch (*line) {
    case 'o': dub_sts_session_opened(rig->session, 2, 0); break;
    case 'r': dub_sts_session_refused(rig->session, "INVALID_VOICE_PROFILE", "none"); break;
    case '!':
    case '?':
    case 'x': finish(rig, *line, number); break;
    case 't':
        rig->now_ns += (int64_t) (number % 100) * DUB_NS_PER_S;
        dub_sts_session_tick(rig->session, rig->now_ns);
        break;
    case 'd': dub_sts_session_drain(rig->session, rig->now_ns); break;
    case '@': dub_sts_session_superseded(rig->session); break;
    default: send(rig, line);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const DubStsEffects effects = { on_emit, on_open, on_process, on_cancel, on_answered, on_asked, on_asked };
    const DubStsSessionConfig config = { .session_id = "id",
                                         .echo = size % 2,
                                         .pressure_events = true,
                                         .thresholds = dub_sts_thresholds_full,
                                         .disconnect_delay_ns = DUB_NS_PER_S };
    Rig rig = { .answered = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL),
                .highest = -1,
                .now_ns = 1 };
    rig.session = dub_sts_session_new(&config, &effects, &rig);
    g_autofree char *text = g_strndup((const char *) data, size);
    g_auto(GStrv) lines = g_strsplit(text, "\n", MAX_LINES);
    for (char **line = lines; *line; line++)
        run_line(&rig, *line);
    dub_sts_session_free(rig.session);
    g_hash_table_unref(rig.answered);
    return 0;
}

/* engines/program-run.c: what drivers whose engine is a program have in common: requests and replies in the
 * protocol's words, and where our own programs lie. */
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "engines/program.h"

#include <string.h>
#include <unistd.h>

#define SPANS_MOST  4096 /* of a minute of speech */
#define OFFERS_MOST 4096
#define LIST_MS     30000

static void set_text(json_t *message, const char *name, const char *text)
{
    if (text && *text)
        json_object_set_new(message, name, json_string(text));
}

static json_t *to_message(DubEngineStage stage, const DubEngineRequest *request)
{
    static const char *const names[] = { [DUB_STAGE_ASR] = "asr", [DUB_STAGE_MT] = "mt", [DUB_STAGE_TTS] = "tts" };
    json_t *message = json_object();
    set_text(message, "run", names[stage]);
    set_text(message, "context", request->context);
    if (stage != DUB_STAGE_TTS)
        set_text(message, "from", request->from);
    if (stage == DUB_STAGE_ASR) {
        json_object_set_new(message, "rate_hz", json_integer(request->pcm->rate_hz));
        set_text(message, "terms", request->terms);
        return message;
    }
    set_text(message, "text", request->text);
    set_text(message, "to", request->to);
    if (stage == DUB_STAGE_TTS) {
        set_text(message, "voice", request->voice);
        json_object_set_new(message, "pace", json_real(request->pace >= 1 ? request->pace : 1));
    }
    return message;
}

/* ── The reply ── */

typedef void (*AddSpan)(DubEngineReply *reply, const char *text, int64_t start_ns, int64_t end_ns, double confidence);

/* Times outside the block are of no use to anybody; they are moved to its ends. */
static bool read_span(const json_t *span, int64_t length_ns, DubEngineReply *reply, AddSpan add, GError **error)
{
    const char *text = NULL;
    double start_ms = 0, end_ms = 0, confidence = -1;
    if (!dub_json_get_string(span, "text", DUB_JSON_REQUIRED, &text, error) ||
        !dub_json_get_double(span, "start_ms", DUB_JSON_REQUIRED, &start_ms, error) ||
        !dub_json_get_double(span, "end_ms", DUB_JSON_REQUIRED, &end_ms, error) ||
        !dub_json_get_double(span, "confidence", DUB_JSON_OPTIONAL, &confidence, error))
        return false;
    const double length_ms = (double) length_ns / DUB_NS_PER_MS;
    start_ms = CLAMP(start_ms, 0, length_ms);
    end_ms = CLAMP(end_ms, start_ms, length_ms);
    add(reply, text, (int64_t) (start_ms * DUB_NS_PER_MS), (int64_t) (end_ms * DUB_NS_PER_MS),
        confidence < 0 ? -1 : MIN(confidence, 1));
    return true;
}

static bool read_spans(const json_t *message, const char *name, int64_t length_ns, DubEngineReply *reply, AddSpan add,
                       GError **error)
{
    const json_t *spans = NULL;
    if (!dub_json_get_array(message, name, DUB_JSON_OPTIONAL, &spans, error))
        return false;
    if (json_array_size(spans) > SPANS_MOST) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_ENGINE, "%s: more than %d", name, SPANS_MOST);
        return false;
    }
    for (gsize i = 0; i < json_array_size(spans); i++)
        if (!read_span(json_array_get(spans, i), length_ns, reply, add, error))
            return false;
    return true;
}

static bool read_text(const json_t *message, DubEngineReply *reply, GError **error)
{
    const char *text = NULL;
    if (!dub_json_get_string(message, "text", DUB_JSON_REQUIRED, &text, error))
        return false;
    dub_engine_reply_set_text(reply, text);
    return true;
}

static bool read_common(const json_t *message, DubEngineReply *reply, GError **error)
{
    const char *model = NULL;
    if (!dub_json_get_string(message, "model", DUB_JSON_OPTIONAL, &model, error) ||
        !dub_json_get_int(message, "cost_micros", DUB_JSON_OPTIONAL, 0, G_MAXINT64, &reply->usage.cost_micros, error))
        return false;
    reply->model = g_strdup(model);
    return true;
}

static bool read_reply(DubEngineStage stage, const DubEngineRequest *request, const json_t *message, DubPcm *sound,
                       DubEngineReply *reply, GError **error)
{
    if (!read_common(message, reply, error))
        return false;
    if (stage == DUB_STAGE_TTS) {
        reply->pcm = sound ? dub_pcm_ref(sound) : dub_pcm_new(16000, 1, 0);
        return true;
    }
    if (stage == DUB_STAGE_MT)
        return read_text(message, reply, error);
    const int64_t length_ns = dub_pcm_duration_ns(request->pcm);
    return read_spans(message, "segments", length_ns, reply, dub_engine_reply_add_segment, error) &&
           read_spans(message, "words", length_ns, reply, dub_engine_reply_add_word, error) &&
           read_text(message, reply, error);
}

/* What a program of others answers is no argument of ours that would be invalid. */
static void blame_engine(const DubProgram *self, GError *problem, GError **error)
{
    const char *name = json_string_value(json_object_get(dub_program_hello(self), "name"));
    g_set_error(error, DUB_ERROR, DUB_ERROR_ENGINE, "%s: its reply: %s", name ? name : "engine program",
                problem->message);
    g_error_free(problem);
}

DubEngineReply *dub_program_run(DubProgram *self, DubEngineStage stage, const DubEngineRequest *request, GError **error)
{
    g_autoptr(DubJson) message = to_message(stage, request);
    g_autoptr(DubJson) answer = NULL;
    g_autoptr(DubPcm) sound = NULL;
    int64_t used_ns = 0;
    if (!dub_program_ask(self, message, stage == DUB_STAGE_ASR ? request->pcm : NULL, request->deadline_ns,
                         request->cancellable, &answer, &sound, &used_ns, error))
        return NULL;

    GError *problem = NULL;
    g_autoptr(DubEngineReply) reply = dub_engine_reply_new();
    reply->usage.programs_cpu_ns = used_ns;
    if (read_reply(stage, request, answer, sound, reply, &problem))
        return g_steal_pointer(&reply);
    blame_engine(self, problem, error);
    return NULL;
}

/* ── What it offers ── */

static DubEngineOffer *read_offer(DubEngineStage stage, const json_t *offer, GError **error)
{
    const char *language = NULL, *target = NULL, *name = "", *gender = "";
    if (!dub_json_get_string(offer, "language", DUB_JSON_REQUIRED, &language, error) ||
        !dub_json_get_string(offer, "target", stage == DUB_STAGE_MT ? DUB_JSON_REQUIRED : DUB_JSON_OPTIONAL, &target,
                             error) ||
        !dub_json_get_string(offer, "name", DUB_JSON_OPTIONAL, &name, error) ||
        !dub_json_get_string(offer, "gender", DUB_JSON_OPTIONAL, &gender, error))
        return NULL;
    return dub_engine_offer_new(name, language, stage == DUB_STAGE_MT ? target : NULL, gender);
}

static bool read_offers(DubEngineStage stage, const json_t *message, GPtrArray *offers, GError **error)
{
    const json_t *list = NULL;
    if (!dub_json_get_array(message, "offers", DUB_JSON_REQUIRED, &list, error))
        return false;
    for (gsize i = 0; i < MIN(json_array_size(list), OFFERS_MOST); i++) {
        DubEngineOffer *offer = read_offer(stage, json_array_get(list, i), error);
        if (!offer)
            return false;
        g_ptr_array_add(offers, offer);
    }
    return true;
}

GPtrArray *dub_program_list(DubProgram *self, DubEngineStage stage, GCancellable *cancellable, GError **error)
{
    g_autoptr(DubJson) message = json_object();
    g_autoptr(DubJson) answer = NULL;
    g_autoptr(DubPcm) sound = NULL;
    g_autoptr(GPtrArray) offers = g_ptr_array_new_with_free_func((GDestroyNotify) dub_engine_offer_free);
    int64_t used_ns = 0;
    GError *problem = NULL;
    set_text(message, "run", "list");
    if (!dub_program_ask(self, message, NULL, dub_clock_now() + LIST_MS * DUB_NS_PER_MS, cancellable, &answer, &sound,
                         &used_ns, error))
        return NULL;
    if (read_offers(stage, answer, offers, &problem))
        return g_steal_pointer(&offers);
    blame_engine(self, problem, error);
    return NULL;
}

/* ── Where our own are ── */

static char *executable_at(const char *folder, const char *below, const char *name)
{
    char *path = g_build_filename(folder, below, name, NULL);
    if (g_file_test(path, G_FILE_TEST_IS_EXECUTABLE) && !g_file_test(path, G_FILE_TEST_IS_DIR))
        return path;
    g_free(path);
    return NULL;
}

/* In the folder where Meson builds, programs and tests lie up to three folders deep. */
static char *executable_in_build(const char *folder, const char *name)
{
    static const char *const below[] = { "../engines", "../../apps/engines", "../../../apps/engines" };
    char *path = NULL;
    for (gsize i = 0; i < G_N_ELEMENTS(below) && !path; i++)
        path = executable_at(folder, below[i], name);
    return path;
}

char *dub_program_path(const char *name)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = self ? g_path_get_dirname(self) : g_strdup(AIRDUB_LIBEXECDIR);
    char *path = executable_at(folder, ".", name);
    if (!path)
        path = executable_in_build(folder, name);
    if (!path)
        path = executable_at(folder, "../libexec/airdub", name); /* an installation that was moved as a whole */
    return path ? path : executable_at(AIRDUB_LIBEXECDIR, ".", name);
}

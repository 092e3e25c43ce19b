/* airdub/cmd-bench.c: `airdub bench engines`: how fast each engine of this machine is, and how many live streams that
 * makes. */
#include "airdub/command.h"
#include "airdub/engine-list.h"
#include "airdub/engine-options.h"
#include "audio/convert.h"
#include "base/clock.h"
#include "base/error.h"
#include "engines/chain.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define FRAGMENT_S                 6.0 /* of sound: what a live stream sends at a time */
#define ROUNDS                     5   /* the median of them counts */
#define MOST_BUSY                  0.9 /* of the cores, as admission has it */
#define HEARD_HZ                   16000
#define SPEECH_CHARACTERS_A_SECOND 15.0 /* of dense speech */

/* Six seconds of somebody who talks without a pause. */
static const char english[] = "The home team has the ball at midfield, and there are two minutes left on the clock, "
                              "so this is the moment for a long pass.";

typedef struct {
    const DubEngineSettings *settings;
    const char *from, *to;
    DubPcm *speech;     /* what recognisers hear: FRAGMENT_S, mono; NULL: nothing here speaks the language */
    char *translation;  /* what synthesisers say */
    GPtrArray *results; /* of Result */
} Bench;

typedef struct {
    DubEngineStage stage;
    const char *engine;
    double load_s, first_s; /* until it is open; its first fragment */
    double fragment_s;      /* a fragment, once it is warm: median */
    unsigned n_engines;     /* side by side */
    char *problem;          /* NULL: it was measured */
} Result;

static void result_free(void *data)
{
    Result *result = data;
    g_free(result->problem);
    g_free(result);
}

static double seconds_since(int64_t begin_ns)
{
    return (double) (dub_clock_now() - begin_ns) / DUB_NS_PER_S;
}

/* ── The samples ── */

static char *translate_sample(const Bench *self, GError **error)
{
    g_autoptr(DubEngineChain) chain = dub_engine_chain_open(self->settings, DUB_STAGE_MT, self->from, self->to, error);
    if (!chain)
        return NULL;
    const DubEngineRequest request = { .text = english, .from = self->from, .to = self->to };
    g_autoptr(GPtrArray) replies = dub_engine_chain_run(chain, &request, 1, NULL, error);
    return replies ? g_strdup(((const DubEngineReply *) g_ptr_array_index(replies, 0))->text) : NULL;
}

/* Recognisers take as long for a synthetic voice as for a real one. */
static DubPcm *speak_sample(const Bench *self, GError **error)
{
    g_autoptr(DubEngineChain) chain = dub_engine_chain_open(self->settings, DUB_STAGE_TTS, self->to, self->from, error);
    if (!chain)
        return NULL;
    const DubEngineRequest request = { .text = english, .from = self->to, .to = self->from };
    g_autoptr(GPtrArray) replies = dub_engine_chain_run(chain, &request, 1, NULL, error);
    if (!replies)
        return NULL;
    const DubEngineReply *spoken = g_ptr_array_index(replies, 0);
    g_autoptr(DubPcm) heard = dub_pcm_convert(spoken->pcm, HEARD_HZ, 1, error);
    if (!heard)
        return NULL;
    DubPcm *sample = dub_pcm_new(HEARD_HZ, 1, (gsize) (FRAGMENT_S * HEARD_HZ));
    for (gsize i = 0; heard->n_frames && i < sample->n_frames; i++)
        sample->samples[i] = heard->samples[i % heard->n_frames];
    return sample;
}

/* ── Measuring ── */

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *) a, y = *(const double *) b;
    return (x > y) - (x < y);
}

static bool run_once(DubEngine *engine, const Bench *self, DubEngineStage stage, double *taken_s, GError **error)
{
    const DubEngineRequest request = {
        .pcm = stage == DUB_STAGE_ASR ? self->speech : NULL,
        .text = stage == DUB_STAGE_ASR  ? NULL
                : stage == DUB_STAGE_MT ? english
                                        : self->translation,
        .from = self->from,
        .to = self->to,
    };
    const int64_t begin_ns = dub_clock_now();
    g_autoptr(DubEngineReply) reply = dub_engine_run(engine, &request, error);
    *taken_s = seconds_since(begin_ns);
    if (reply && stage != DUB_STAGE_ASR) /* as much text as six seconds of dense speech have */
        *taken_s *= FRAGMENT_S * SPEECH_CHARACTERS_A_SECOND / (double) g_utf8_strlen(request.text, -1);
    return reply != NULL;
}

static bool measure_engine(DubEngine *engine, const Bench *self, Result *result, GError **error)
{
    double taken_s[ROUNDS];
    if (!run_once(engine, self, result->stage, &result->first_s, error))
        return false;
    for (int i = 0; i < ROUNDS; i++)
        if (!run_once(engine, self, result->stage, &taken_s[i], error))
            return false;
    qsort(taken_s, ROUNDS, sizeof(double), compare_doubles);
    result->fragment_s = taken_s[ROUNDS / 2];
    return true;
}

static unsigned count_engines(const DubEngineClass *klass, const DubEngineConfig *config)
{
    return klass->count ? MAX(klass->count(config), 1) : config->n_cores;
}

static void measure(Bench *self, const EngineRow *row)
{
    const DubEngineConfig config = dub_engine_settings_config(self->settings, row->klass, self->from, self->to, NULL);
    Result *result = g_new0(Result, 1);
    result->stage = row->klass->stage;
    result->engine = row->klass->name;
    result->n_engines = count_engines(row->klass, &config);
    g_ptr_array_add(self->results, result);
    const int64_t begin_ns = dub_clock_now();
    g_autoptr(GError) error = NULL;
    g_autoptr(DubEngine) engine = dub_engine_open(row->klass, &config, &error);
    result->load_s = seconds_since(begin_ns);
    if (!engine || !measure_engine(engine, self, result, &error))
        result->problem = g_strdup(error->message);
}

static bool covers(const Bench *self, const EngineRow *row)
{
    g_autofree char *pair = g_strdup_printf("%s-%s", self->from, self->to);
    const char *wanted = row->klass->stage == DUB_STAGE_ASR  ? self->from
                         : row->klass->stage == DUB_STAGE_MT ? pair
                                                             : self->to;
    return !row->problem && !(row->klass->flags & DUB_ENGINE_BY_NAME) &&
           g_strv_contains((const char *const *) row->covers, wanted);
}

static bool run_bench(Bench *self, GError **error)
{
    self->translation = translate_sample(self, error);
    self->speech = self->translation ? speak_sample(self, error) : NULL;
    if (!self->speech)
        return false;
    g_autoptr(GPtrArray) rows = engine_list_new(self->settings);
    for (guint i = 0; i < rows->len; i++)
        if (covers(self, rows->pdata[i]))
            measure(self, rows->pdata[i]);
    return true;
}

/* ── What it means ── */

static const Result *quickest(const Bench *self, DubEngineStage stage)
{
    const Result *best = NULL;
    for (guint i = 0; i < self->results->len; i++) {
        const Result *result = self->results->pdata[i];
        if (result->stage == stage && !result->problem && (!best || result->fragment_s < best->fragment_s))
            best = result;
    }
    return best;
}

/* The first of a stage is what airdub takes by itself. */
static const Result *preferred(const Bench *self, DubEngineStage stage)
{
    for (guint i = 0; i < self->results->len; i++) {
        const Result *result = self->results->pdata[i];
        if (result->stage == stage && !result->problem)
            return result;
    }
    return NULL;
}

/* A stage with one engine at a time uses all cores for it. */
static double core_seconds(const Result *result)
{
    const double cores = (double) g_get_num_processors();
    return result->fragment_s * (result->n_engines < cores ? cores / result->n_engines : 1);
}

static unsigned count_streams(const Result *asr, const Result *mt, const Result *tts)
{
    const double needed = core_seconds(asr) + core_seconds(mt) + core_seconds(tts);
    return (unsigned) floor(FRAGMENT_S * (double) g_get_num_processors() * MOST_BUSY / needed);
}

static DubJson *combination_to_json(const Result *asr, const Result *mt, const Result *tts)
{
    return json_pack("{s:s, s:s, s:s, s:i, s:o}", "asr", asr->engine, "mt", mt->engine, "tts", tts->engine, "streams",
                     (int) count_streams(asr, mt, tts), "fragment_s",
                     command_json_real(asr->fragment_s + mt->fragment_s + tts->fragment_s));
}

/* With the recogniser and the translator that airdub takes by itself: one for each voice. */
static DubJson *combinations(const Bench *self)
{
    DubJson *list = json_array();
    const Result *asr = preferred(self, DUB_STAGE_ASR), *mt = quickest(self, DUB_STAGE_MT);
    for (guint i = 0; asr && mt && i < self->results->len; i++) {
        const Result *result = self->results->pdata[i];
        if (result->stage == DUB_STAGE_TTS && !result->problem)
            json_array_append_new(list, combination_to_json(asr, mt, result));
    }
    return list;
}

static void print_table(const Bench *self)
{
    printf("%-12s  %-13s  %9s  %9s  %12s  %s\n", "STAGE", "ENGINE", "LOAD", "FIRST", "6 s OF SOUND",
           "REAL-TIME FACTOR");
    for (guint i = 0; i < self->results->len; i++) {
        const Result *r = self->results->pdata[i];
        if (r->problem)
            printf("%-12s  %-13s  %s\n", dub_engine_stage_to_string(r->stage), r->engine, r->problem);
        else
            printf("%-12s  %-13s  %7.2f s  %7.2f s  %10.3f s  %.3f\n", dub_engine_stage_to_string(r->stage), r->engine,
                   r->load_s, r->first_s, r->fragment_s, r->fragment_s / FRAGMENT_S);
    }
    puts("");
    g_autoptr(DubJson) list = combinations(self);
    size_t i;
    DubJson *c;
    json_array_foreach(list, i, c)
        printf("%s + %s + %s: %d live streams on %u cores, %.2f s a fragment\n",
               json_string_value(json_object_get(c, "asr")), json_string_value(json_object_get(c, "mt")),
               json_string_value(json_object_get(c, "tts")), (int) json_integer_value(json_object_get(c, "streams")),
               g_get_num_processors(), json_real_value(json_object_get(c, "fragment_s")));
}

static void print_json(const Bench *self)
{
    DubJson *engines = json_array();
    for (guint i = 0; i < self->results->len; i++) {
        const Result *r = self->results->pdata[i];
        json_array_append_new(engines,
                              json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "stage", dub_engine_stage_to_string(r->stage),
                                        "engine", r->engine, "load_s", command_json_real(r->load_s), "first_s",
                                        command_json_real(r->first_s), "fragment_s", command_json_real(r->fragment_s),
                                        "problem", command_json_string(r->problem)));
    }
    command_print_json(json_pack("{s:i, s:o, s:o}", "cores", (int) g_get_num_processors(), "engines", engines,
                                 "combinations", combinations(self)));
}

int cmd_bench(int argc, char **argv, GError **error)
{
    gboolean as_json = FALSE;
    g_autofree char *from = NULL, *to = NULL;
    g_auto(EngineOptions) chosen = { 0 };
    const GOptionEntry own[] = {
        { "from", 0, 0, G_OPTION_ARG_STRING, &from, "the language spoken [en]", "LANGUAGE" },
        { "to", 0, 0, G_OPTION_ARG_STRING, &to, "the language wanted [es]", "LANGUAGE" },
        { "json", 0, 0, G_OPTION_ARG_NONE, &as_json, "one JSON object instead of a table", NULL },
        G_OPTION_ENTRY_NULL,
    };
    g_autofree GOptionEntry *entries = engine_options_entries(&chosen, own);
    g_auto(GStrv) rest = NULL;
    if (!command_parse(argc, argv, entries, "engines", "Measures how fast the speech engines of this machine are.",
                       NULL, 1, &rest, error))
        return 0;
    if (strcmp(rest[0], "engines") != 0) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                    "there is no bench called '%.40s'; try airdub bench engines", rest[0]);
        return 0;
    }
    command_setup_log(false);
    g_autoptr(DubEngineSettings) settings = engine_options_settings(&chosen, error);
    if (!settings)
        return 0;
    Bench bench = { .settings = settings, .from = from ? from : "en", .to = to ? to : "es" };
    bench.results = g_ptr_array_new_with_free_func(result_free);
    if (run_bench(&bench, error)) {
        if (as_json)
            print_json(&bench);
        else
            print_table(&bench);
    }
    g_ptr_array_unref(bench.results);
    g_free(bench.translation);
    dub_pcm_unref(bench.speech);
    return 0;
}

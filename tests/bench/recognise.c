/* tests/bench/recognise.c: what a recogniser hears in a WAV file, in one go or cut into fragments by the segmenter.
 * For tests/support/recognition.py: a line of JSON for each file or fragment on stdout.
 *   recognise [--asr NAME] [--model MODEL] [--cut-ms 6000] [--shift-ms 6000] [--live] [--lanes 1] FILE.wav ...
 * (mono, 16000 Hz, s16). Whatever --asr and --model leave open is as in the programs: the environment, else the best
 * that is installed. */
#include "base/clock.h"
#include "engines/chain.h"
#include "timeline/segmenter.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define RATE_HZ          16000
#define WAV_HEADER_BYTES 44
#define STEP_MS          20 /* of sound at a time, as it comes live */
#define LANES_MOST       16

static int cut_ms, shift_ms, lanes = 1;
static gboolean live;
static char *language, *provider, *model;
static DubEngineChain *asr;
static DubEngineMemory *streams[LANES_MOST];
static char *said; /* in the fragment before */

static const GOptionEntry entries[] = {
    { "asr", 0, 0, G_OPTION_ARG_STRING, &provider, "the recogniser: see airdub engines", "NAME" },
    { "model", 0, 0, G_OPTION_ARG_STRING, &model, "its model: a name or a path", "MODEL" },
    { "language", 0, 0, G_OPTION_ARG_STRING, &language, "of the speech (en)", "CODE" },
    { "cut-ms", 0, 0, G_OPTION_ARG_INT, &cut_ms, "a mark each so many ms; 0: in one go", "N" },
    { "shift-ms", 0, 0, G_OPTION_ARG_INT, &shift_ms, "the first mark; 0: after the first --cut-ms", "N" },
    { "live", 0, 0, G_OPTION_ARG_NONE, &live,
      "cut as a live stream is: at the first clear pause, no fragment much longer", NULL },
    { "lanes", 0, 0, G_OPTION_ARG_INT, &lanes, "fragments go round so many streams", "N" },
    G_OPTION_ENTRY_NULL,
};

static gsize frames_of(int ms)
{
    return (gsize) ms * RATE_HZ / 1000;
}

static DubPcm *read_wav(const char *path)
{
    g_autofree char *bytes = NULL;
    gsize length = 0;
    g_autoptr(GError) error = NULL;
    if (!g_file_get_contents(path, &bytes, &length, &error) || length <= WAV_HEADER_BYTES) {
        g_printerr("%s: %s\n", path, error ? error->message : "no WAV file");
        exit(EXIT_FAILURE);
    }
    DubPcm *pcm = dub_pcm_new(RATE_HZ, 1, (length - WAV_HEADER_BYTES) / 2);
    for (gsize i = 0; i < pcm->n_frames; i++) {
        gint16 sample;
        memcpy(&sample, bytes + WAV_HEADER_BYTES + 2 * i, 2);
        pcm->samples[i] = (float) GINT16_FROM_LE(sample) / 32768.0f;
    }
    return pcm;
}

static json_t *spans_to_json(const GArray *spans, double offset_s)
{
    json_t *array = json_array();
    for (guint i = 0; i < spans->len; i++) {
        const DubEngineSpan *span = &g_array_index(spans, DubEngineSpan, i);
        json_array_append_new(array, json_pack("[s, f, f]", span->text, offset_s + (double) span->start_ns / 1e9,
                                               offset_s + (double) span->end_ns / 1e9));
    }
    return array;
}

static void print_reply(const DubEngineReply *reply, double offset_s, double taken_s)
{
    const DubEngineUsage *usage = &reply->usage;
    json_t *line =
        json_pack("{s:s, s:s, s:s, s:f, s:f, s:f, s:o, s:o}", "text", reply->text, "engine", reply->engine->name,
                  "model", reply->model ? reply->model : "", "audio_s", (double) usage->audio_ns / 1e9, "cpu_s",
                  (double) (usage->cpu_ns + usage->programs_cpu_ns) / 1e9, "taken_s", taken_s, "words",
                  spans_to_json(reply->words, offset_s), "segments", spans_to_json(reply->segments, offset_s));
    char *text = json_dumps(line, JSON_REAL_PRECISION(6));
    g_print("%s\n", text);
    free(text);
    json_decref(line);
}

static void end_with(const GError *error)
{
    g_printerr("%s\n", error->message);
    exit(EXIT_FAILURE);
}

static void recognise(const DubPcm *pcm, gsize first, gsize end, unsigned lane)
{
    g_autoptr(DubPcm) block = dub_pcm_slice(pcm, first, end - first);
    g_autoptr(GError) error = NULL;
    const int64_t begin_ns = dub_clock_now();
    const DubEngineRequest request = { .pcm = block, .memory = streams[lane], .context = said };
    g_autoptr(GPtrArray) replies = dub_engine_chain_run(asr, &request, 1, NULL, &error);
    if (!replies)
        end_with(error);
    const DubEngineReply *heard = g_ptr_array_index(replies, 0);
    g_free(said);
    said = *heard->text ? g_strdup(heard->text) : NULL;
    print_reply(heard, (double) first / RATE_HZ, (double) (dub_clock_now() - begin_ns) / 1e9);
}

/* The worker's own settings (src/worker/worker.c). */
static DubSegmenter *new_segmenter(void)
{
    const int64_t nominal_ns = cut_ms * DUB_NS_PER_MS;
    const DubSegmenterConfig config = {
        .rate_hz = RATE_HZ,
        .channels = 1,
        .nominal_ns = nominal_ns,
        .longest_ns = nominal_ns + (live ? nominal_ns / 6 : nominal_ns / 2),
        .mode = DUB_SEGMENT_PAUSE,
        .eager = live,
    };
    return dub_segmenter_new(&config);
}

static void recognise_segments(DubSegmenter *segmenter, const DubPcm *pcm, gsize lead)
{
    static unsigned index;
    DubSegment *segment;
    while ((segment = dub_segmenter_take(segmenter))) {
        const gsize first = MAX((gsize) segment->first_frame, lead);
        const gsize end = (gsize) (segment->first_frame + segment->n_frames);
        if (end > first)
            recognise(pcm, first - lead, end - lead, index++ % (unsigned) lanes);
        dub_segment_free(segment);
    }
}

/* Silence in front of the file moves the marks; it is not recognised. */
static void run_cut(const DubPcm *pcm)
{
    const gsize lead = shift_ms ? frames_of(cut_ms - shift_ms) : 0, step = frames_of(STEP_MS);
    g_autoptr(DubSegmenter) segmenter = new_segmenter();
    g_autofree float *silence = g_new0(float, lead + 1);
    dub_segmenter_push(segmenter, silence, lead);
    for (gsize at = 0; at < pcm->n_frames; at += step) {
        dub_segmenter_push(segmenter, pcm->samples + at, MIN(step, pcm->n_frames - at));
        recognise_segments(segmenter, pcm, lead);
    }
    dub_segmenter_finish(segmenter);
    recognise_segments(segmenter, pcm, lead);
}

static void run_file(const char *path)
{
    g_autoptr(DubPcm) pcm = read_wav(path);
    if (cut_ms)
        run_cut(pcm);
    else
        recognise(pcm, 0, pcm->n_frames, 0);
}

static DubEngineChain *open_recogniser(void)
{
    g_auto(GStrv) environment = g_get_environ();
    g_autoptr(GError) error = NULL;
    g_autoptr(DubEngineSettings) settings = dub_engine_settings_load(environment, &error);
    if (!settings || !dub_engine_settings_choose(settings, DUB_STAGE_ASR, provider, &error))
        end_with(error);
    if (model) {
        g_free(settings->asr_model);
        settings->asr_model = g_strdup(model);
    }
    DubEngineChain *chain = dub_engine_chain_open(settings, DUB_STAGE_ASR, language ? language : "en", "es", &error);
    if (!chain)
        end_with(error);
    return chain;
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GOptionContext) context = g_option_context_new("FILE...");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || lanes < 1 || lanes > LANES_MOST || cut_ms < 0 ||
        shift_ms < 0 || shift_ms > cut_ms) {
        g_printerr("%s\n", error ? error->message : "lanes: 1 to 16; shift-ms: at most cut-ms");
        return EXIT_FAILURE;
    }
    asr = open_recogniser();
    for (int i = 0; i < lanes; i++)
        streams[i] = dub_engine_memory_new();
    for (int i = 1; i < argc; i++)
        run_file(argv[i]);
    for (int i = 0; i < lanes; i++)
        dub_engine_memory_free(streams[i]);
    g_free(said);
    dub_engine_chain_close(asr);
    return EXIT_SUCCESS;
}

/* tests/bench/recognise.c: what the recogniser hears in a WAV file, in one go or cut into fragments as the segmenter
 * cuts them. For bench_recognition.py: a line of JSON for each file or fragment on stdout.
 *   recognise [--cut-ms 6000] [--search-ms 1500] [--shift-ms 0] [--lanes 1] FILE.wav ... (mono, 16000 Hz, s16) */
#include "audio/level.h"
#include "base/clock.h"
#include "engines/asr/asr.h"

#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RATE_HZ          16000
#define WAV_HEADER_BYTES 44
#define WINDOW_MS        100
#define LANES_MOST       16

static int cut_ms, search_ms = 1500, shift_ms, lanes = 1;
static DubAsr *asr;
static DubAsrStream *streams[LANES_MOST];

static const GOptionEntry entries[] = {
    {"cut-ms", 0, 0, G_OPTION_ARG_INT, &cut_ms, "a mark each so many ms; 0: in one go", "N"},
    {"search-ms", 0, 0, G_OPTION_ARG_INT, &search_ms, "cut at the quietest point within this of a mark", "N"},
    {"shift-ms", 0, 0, G_OPTION_ARG_INT, &shift_ms, "the first mark", "N"},
    {"lanes", 0, 0, G_OPTION_ARG_INT, &lanes, "fragments go round so many streams", "N"},
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

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static void print_words(const DubTranscript *transcript, double offset_s)
{
    for (guint i = 0; i < transcript->words->len; i++) {
        const DubAsrWord *word = &g_array_index(transcript->words, DubAsrWord, i);
        g_print("%s[\"%s\", %.2f, %.2f]", i ? ", " : "", word->text, offset_s + (double) word->start_ns / 1e9,
                offset_s + (double) word->end_ns / 1e9);
    }
}

static void recognise(const DubPcm *pcm, gsize first, gsize end, unsigned lane)
{
    g_autoptr(DubPcm) block = dub_pcm_slice(pcm, first, end - first);
    g_autoptr(GError) error = NULL;
    const double begin_s = cpu_s();
    g_autoptr(DubTranscript) transcript = dub_asr_transcribe(asr, streams[lane], block, NULL, &error);
    if (!transcript) {
        g_printerr("%s\n", error->message);
        exit(EXIT_FAILURE);
    }
    g_print("{\"text\": \"%s\", \"audio_s\": %.3f, \"cpu_s\": %.3f, \"words\": [", transcript->text,
            (double) (end - first) / RATE_HZ, cpu_s() - begin_s);
    print_words(transcript, (double) first / RATE_HZ);
    g_print("]}\n");
}

static gsize cut_near(const DubPcm *pcm, gsize mark)
{
    const gsize search = frames_of(search_ms), window = frames_of(WINDOW_MS);
    if (search == 0)
        return mark;
    return dub_level_quietest(pcm->samples, pcm->n_frames, 1, mark > search ? mark - search : 0, mark + search, window) +
           window / 2;
}

static void run_file(const char *path)
{
    g_autoptr(DubPcm) pcm = read_wav(path);
    gsize first = 0;
    unsigned index = 0;
    const gsize step = frames_of(cut_ms);
    for (gsize mark = shift_ms ? frames_of(shift_ms) : step; step && mark < pcm->n_frames; mark += step) {
        const gsize cut = MIN(cut_near(pcm, mark), pcm->n_frames);
        recognise(pcm, first, cut, index++ % (unsigned) lanes);
        first = cut;
    }
    recognise(pcm, first, pcm->n_frames, index % (unsigned) lanes);
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GOptionContext) context = g_option_context_new("FILE...");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || lanes < 1 || lanes > LANES_MOST) {
        g_printerr("%s\n", error ? error->message : "lanes: 1 to 16");
        return EXIT_FAILURE;
    }
    asr = dub_asr_open(NULL, "en", NULL, &error);
    if (!asr) {
        g_printerr("%s\n", error->message);
        return EXIT_FAILURE;
    }
    for (int i = 0; i < lanes; i++)
        streams[i] = dub_asr_stream_new();
    for (int i = 1; i < argc; i++)
        run_file(argv[i]);
    for (int i = 0; i < lanes; i++)
        dub_asr_stream_free(streams[i]);
    dub_asr_close(asr);
    return EXIT_SUCCESS;
}

/* engines/asr/subtitles.c: hears nothing: reads what is said from a file of subtitles, so that a human may have mended
 * it. */
#include "base/clock.h"
#include "base/error.h"
#include "engines/drivers.h"
#include "text/cues.h"

#include <stddef.h>
#include <string.h>

#define RATE_HZ 16000 /* any would do */

typedef struct {
    char *path;
} Settings;

static const DubEnvSpec rows[] = {
    { "ASR_SUBTITLES", DUB_ENV_STRING, offsetof(Settings, path), NULL,
      .help = "of the recogniser subtitles: the file with what is said: .srt, .vtt, .ass, .json" },
};

typedef struct {
    int64_t start_ns, end_ns;
    char *text;
} Word;

typedef struct {
    DubEngine base;
    GArray *words; /* of Word, of the whole file, in order of their middle */
} Subtitles;

/* Which of a stream's words have been given out: two blocks share the few milliseconds in which they are joined, and
 * blocks need not come in order. */
typedef struct {
    GByteArray *given;
} Memory;

static void clear_word(void *data)
{
    g_free(((Word *) data)->text);
}

static int64_t middle(const Word *word)
{
    return word->start_ns + (word->end_ns - word->start_ns) / 2;
}

static int compare_words(const void *a, const void *b)
{
    const int64_t x = middle(a), y = middle(b);
    return (x > y) - (x < y);
}

/* A cue's words share its time by their length: a block's border may cut it. */
static void add_words(GArray *words, const DubCue *cue)
{
    g_auto(GStrv) parts = g_strsplit(cue->text, " ", -1);
    const double n_bytes = (double) strlen(cue->text) + 1, length_ns = (double) (cue->end_ns - cue->start_ns);
    gsize at = 0;
    for (char **part = parts; *part; part++) {
        const gsize end = at + strlen(*part) + 1;
        const Word word = { cue->start_ns + (int64_t) (length_ns * (double) at / n_bytes),
                            cue->start_ns + (int64_t) (length_ns * (double) end / n_bytes), g_strdup(*part) };
        g_array_append_val(words, word);
        at = end;
    }
}

static guint first_from(const GArray *words, int64_t time_ns)
{
    guint low = 0, high = words->len;
    while (low < high) {
        const guint at = low + (high - low) / 2;
        if (middle(&g_array_index(words, Word, at)) < time_ns)
            low = at + 1;
        else
            high = at;
    }
    return low;
}

static void *make_memory(void)
{
    Memory *memory = g_new0(Memory, 1);
    memory->given = g_byte_array_new();
    return memory;
}

static void free_memory(void *data)
{
    Memory *memory = data;
    g_byte_array_unref(memory->given);
    g_free(memory);
}

/* Returns: whether it was not given yet */
static bool give(Memory *memory, guint i)
{
    while (memory->given->len <= i)
        g_byte_array_append(memory->given, (const guint8 *) "", 1);
    return !memory->given->data[i]++;
}

/* Neighbours share no more than a word, so the last one that was given says enough. */
static char *save_memory(const void *known)
{
    return g_strdup_printf("%u", ((const Memory *) known)->given->len);
}

static void *restore_memory(const char *saved)
{
    guint64 length;
    if (!g_ascii_string_to_unsigned(saved, 10, 0, DUB_CUES_MAX_BYTES, &length, NULL))
        return NULL;
    Memory *memory = make_memory();
    g_byte_array_set_size(memory->given, (guint) length);
    if (length > 0) {
        memset(memory->given->data, 0, length);
        memory->given->data[length - 1] = 1;
    }
    return memory;
}

static DubEngineReply *run(DubEngine *base, const DubEngineRequest *request, G_GNUC_UNUSED GError **error)
{
    const Subtitles *self = (const Subtitles *) base;
    Memory *memory = dub_engine_memory_get(request->memory, base->klass, make_memory, free_memory);
    const int64_t end_ns = request->start_ns + dub_pcm_duration_ns(request->pcm);
    const guint end = first_from(self->words, end_ns);
    DubEngineReply *reply = dub_engine_reply_new();
    for (guint i = first_from(self->words, request->start_ns); i < end; i++) {
        const Word *word = &g_array_index(self->words, Word, i);
        if (memory && !give(memory, i))
            continue;
        dub_engine_reply_add_word(reply, word->text, MAX(word->start_ns - request->start_ns, 0),
                                  MIN(word->end_ns, end_ns) - request->start_ns, 1);
    }
    return reply;
}

static void close_subtitles(DubEngine *base)
{
    Subtitles *self = (Subtitles *) base;
    g_array_unref(self->words);
    g_free(self);
}

static DubEngine *open_subtitles(const DubEngineConfig *config, GError **error)
{
    const Settings *settings = config->settings;
    if (!settings->path) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_ENGINE,
                            "subtitles: which file? 'airdub dub --transcript FILE', or ASR_SUBTITLES=FILE");
        return NULL;
    }
    g_autoptr(GPtrArray) cues = dub_cues_read(settings->path, error);
    if (!cues)
        return NULL;
    Subtitles *self = g_new0(Subtitles, 1);
    self->words = g_array_new(FALSE, FALSE, sizeof(Word));
    g_array_set_clear_func(self->words, clear_word);
    for (guint i = 0; i < cues->len; i++)
        add_words(self->words, g_ptr_array_index(cues, i));
    g_array_sort(self->words, compare_words);
    return &self->base;
}

static GPtrArray *list_file(const DubEngineConfig *config, G_GNUC_UNUSED GCancellable *cancellable,
                            G_GNUC_UNUSED GError **error)
{
    const Settings *settings = config->settings;
    GPtrArray *offers = g_ptr_array_new_with_free_func((GDestroyNotify) dub_engine_offer_free);
    if (settings && settings->path)
        g_ptr_array_add(offers, dub_engine_offer_new("", config->from ? config->from : "", NULL, ""));
    return offers;
}

const DubEngineClass dub_engine_subtitles = {
    .stage = DUB_STAGE_ASR,
    .name = "subtitles",
    .brings = "a file with what is said: ASR_SUBTITLES",
    .flags = DUB_ENGINE_WORD_TIMES | DUB_ENGINE_ANY_LANGUAGE | DUB_ENGINE_BY_NAME,
    .rate_hz = RATE_HZ,
    .settings = rows,
    .n_settings = G_N_ELEMENTS(rows),
    .settings_bytes = sizeof(Settings),
    .list = list_file,
    .open = open_subtitles,
    .run = run,
    .close = close_subtitles,
    .save = save_memory,
    .restore = restore_memory,
    .forget = free_memory,
};

/* engines/asr/pocketsphinx.c: CMU PocketSphinx with its US English model.
 * We drive its parts one by one instead of ps_process_raw(): its own silence removal loses the time of every word
 * after a pause, and its running cepstral mean lags behind the voice. Here the cepstra of the whole block come first,
 * then the parts without a voice are left out (their place is remembered), then the mean of what is left, weighed with
 * the stream's, is taken away, and only then words are searched. */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "engines/asr/activity.h"
#include "engines/drivers.h"

#include <math.h>
#include <pocketsphinx.h>
#include <sphinxbase/err.h>
#include <string.h>

#define RATE_HZ          16000
#define FRAME_NS         (10 * DUB_NS_PER_MS)
#define NOISE_LSB        10.0f /* -70 dBFS */
#define CHUNK_FRAMES     20    /* 200 ms between two looks at the cancellable */
#define UTTERANCE_MOST   1000  /* frames: no fragment of the usual length is longer */
#define UTTERANCE_LEAST  600
#define QUIET_FRAMES     10
#define MODEL_FOLDER     "/usr/share/pocketsphinx/model/en-us"
#define PACKAGE          "pocketsphinx-en-us"
#define MEAN_DIMENSIONS  13
#define MEAN_WEIGHT_MOST 600.0 /* frames: the stream's mean follows the voice within some seconds of speech */

/* What a stream's slot remembers: any decoder can go on with any stream. */
typedef struct {
    float mean[MEAN_DIMENSIONS]; /* of the cepstra of the speech heard so far */
    double weight;               /* frames that stand behind it; 0: nothing heard yet */
} Mean;

typedef struct {
    DubEngine base;
    ps_decoder_t *decoder;
    fe_t *front_end;
} PocketSphinx;

/* What is left of a block once the parts without speech are out. */
typedef struct {
    mfcc_t **frames; /* into the block's */
    gsize *origin;   /* the frame's number in the block */
    gsize n_frames;
} Heard;

static void G_GNUC_PRINTF(3, 4) on_message(void *user_data G_GNUC_UNUSED, err_lvl_t level, const char *format, ...)
{
    if (level < ERR_ERROR || !dub_log_enabled(DUB_LOG_DEBUG))
        return;
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_autofree char *line = dub_log_printable(g_strchomp(text), 400);
    dub_debug("pocketsphinx: %s", line);
}

static bool check_model(const char *hmm, const char *lm, const char *dictionary, GError **error)
{
    const char *const paths[] = { hmm, lm, dictionary };
    for (gsize i = 0; i < G_N_ELEMENTS(paths); i++) {
        if (g_file_test(paths[i], G_FILE_TEST_EXISTS))
            continue;
        g_set_error(error, DUB_ERROR, DUB_ERROR_ENGINE, "pocketsphinx: no %s; install it with: apt-get install %s",
                    paths[i], PACKAGE);
        return false;
    }
    return true;
}

/* Chosen by measuring (tests/bench): at most 3000 HMMs a frame takes a third less time than the default's 30000 and
 * costs no word; 1500 costs two points, narrower beams ten, one pass instead of three up to three. The two best
 * Gaussians of each codebook instead of four: a fifth less time, no word; every second frame's scores only: ten points
 * over a crowd. */
static cmd_ln_t *configure(const char *hmm, const char *lm, const char *dictionary)
{
    return cmd_ln_init(NULL, ps_args(), TRUE, "-hmm", hmm, "-lm", lm, "-dict", dictionary, "-remove_silence", "no",
                       "-maxhmmpf", "3000", "-topn", "2", NULL);
}

static bool load(PocketSphinx *self, const char *folder, GError **error)
{
    g_autofree char *hmm = g_build_filename(folder, "en-us", NULL);
    g_autofree char *lm = g_build_filename(folder, "en-us.lm.bin", NULL);
    g_autofree char *dictionary = g_build_filename(folder, "cmudict-en-us.dict", NULL);
    if (!check_model(hmm, lm, dictionary, error)) /* pocketsphinx would end the process */
        return false;

    cmd_ln_t *config = configure(hmm, lm, dictionary);
    self->decoder = config ? ps_init(config) : NULL;
    if (config)
        cmd_ln_free_r(config);
    if (self->decoder) /* its configuration holds the model's own feature parameters by now */
        self->front_end = fe_init_auto_r(ps_get_config(self->decoder));
    if (self->front_end)
        return true;
    g_set_error(error, DUB_ERROR, DUB_ERROR_ENGINE,
                "pocketsphinx: cannot load the model in %s; reinstall it with: apt-get install --reinstall %s", folder,
                PACKAGE);
    return false;
}

static void close_decoder(DubEngine *base)
{
    PocketSphinx *self = (PocketSphinx *) base;
    if (self->front_end)
        fe_free(self->front_end);
    if (self->decoder)
        ps_free(self->decoder);
    g_free(self);
}

static DubEngine *open_decoder(const DubEngineConfig *config, GError **error)
{
    err_set_logfp(NULL); /* of this thread */
    err_set_callback(on_message, NULL);
    PocketSphinx *self = g_new0(PocketSphinx, 1);
    if (load(self, config->model ? config->model : MODEL_FOLDER, error))
        return &self->base;
    close_decoder(&self->base);
    return NULL;
}

/* One language, and only where its model is. */
static GPtrArray *list_languages(const DubEngineConfig *config G_GNUC_UNUSED, GCancellable *cancellable G_GNUC_UNUSED,
                                 GError **error G_GNUC_UNUSED)
{
    GPtrArray *offers = g_ptr_array_new_with_free_func((GDestroyNotify) dub_engine_offer_free);
    if (g_file_test(MODEL_FOLDER, G_FILE_TEST_IS_DIR))
        g_ptr_array_add(offers, dub_engine_offer_new("en-us", "en", NULL, ""));
    return offers;
}

/* Digital silence has cepstra that no room has, and pulls the mean away from the voice: of thirty numbers spoken one by
 * one, every fourth was lost to it. So a little noise is added, the same at every run. */
static int16 *to_s16(const DubPcm *pcm)
{
    int16 *samples = g_new(int16, pcm->n_frames);
    guint32 random = 1;
    for (gsize i = 0; i < pcm->n_frames; i++) {
        random = random * 1664525u + 1013904223u; /* Numerical Recipes' generator */
        const float noise = ((float) random / (float) G_MAXUINT32 * 2.0f - 1.0f) * NOISE_LSB;
        samples[i] = (int16) lrintf(CLAMP(pcm->samples[i] * 32767.0f + noise, -32767.0f, 32767.0f));
    }
    return samples;
}

static mfcc_t **compute_cepstra(PocketSphinx *self, const DubPcm *pcm, gsize *n_frames, GError **error)
{
    g_autofree int16 *samples = to_s16(pcm);
    mfcc_t **cepstra = NULL;
    int32 n = 0;
    fe_start_stream(self->front_end);
    if (fe_start_utt(self->front_end) < 0 ||
        fe_process_utt(self->front_end, samples, pcm->n_frames, &cepstra, &n) < 0) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_ENGINE,
                    "pocketsphinx: cannot compute the features of %" G_GSIZE_FORMAT " samples", pcm->n_frames);
        return NULL;
    }
    *n_frames = n > 0 ? (gsize) n : 0;
    return cepstra;
}

static void keep_speech(Heard *heard, mfcc_t **cepstra, gsize n_cepstra, const bool *speech, gsize n_speech)
{
    const gsize n = MIN(n_cepstra, n_speech);
    heard->frames = g_new(mfcc_t *, n + 1);
    heard->origin = g_new(gsize, n + 1);
    for (gsize i = 0; i < n; i++) {
        if (!speech[i])
            continue;
        heard->frames[heard->n_frames] = cepstra[i];
        heard->origin[heard->n_frames++] = i;
    }
}

static void clear_heard(Heard *heard)
{
    g_free(heard->frames);
    g_free(heard->origin);
}

/* The block's own mean counts by its frames, the stream's by those it has heard. */
static void normalise(const Heard *heard, Mean *known)
{
    const double n = (double) heard->n_frames;
    for (gsize k = 0; k < MEAN_DIMENSIONS; k++) {
        double sum = known->mean[k] * known->weight;
        for (gsize i = 0; i < heard->n_frames; i++)
            sum += heard->frames[i][k];
        const float mean = (float) (sum / (n + known->weight));
        for (gsize i = 0; i < heard->n_frames; i++)
            heard->frames[i][k] -= mean;
        known->mean[k] = mean;
    }
    known->weight = MIN(known->weight + n, MEAN_WEIGHT_MOST);
}

static bool search(PocketSphinx *self, const Heard *heard, GCancellable *cancellable, GError **error)
{
    ps_start_stream(self->decoder);
    if (ps_start_utt(self->decoder) < 0) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_ENGINE, "pocketsphinx: cannot begin an utterance");
        return false;
    }
    ps_get_feat(self->decoder)->cmn = CMN_NONE; /* done by us */
    int status = 0;
    for (gsize i = 0; i < heard->n_frames && status >= 0 && !g_cancellable_is_cancelled(cancellable); i += CHUNK_FRAMES)
        status = ps_process_cep(self->decoder, heard->frames + i, (int) MIN(CHUNK_FRAMES, heard->n_frames - i), FALSE,
                                FALSE);
    if (ps_end_utt(self->decoder) < 0 || status < 0) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_ENGINE, "pocketsphinx: the search failed");
        return false;
    }
    if (!g_cancellable_is_cancelled(cancellable))
        return true;
    g_set_error_literal(error, DUB_ERROR, DUB_ERROR_CANCELLED, "recognition was cancelled");
    return false;
}

/* "<s>", "<sil>", "[NOISE]", "++BREATH++" are no words. */
static bool is_word(const char *token)
{
    return !strchr("<[+", token[0]);
}

/* English writes "I" large, translators do not know "i'm". */
static bool is_first_person(const char *word)
{
    return word[0] == 'i' && (word[1] == '\0' || word[1] == '\'');
}

/* "read(2)" is the second pronunciation of "read". */
static char *plain_word(const char *token)
{
    const char *variant = strchr(token, '(');
    char *word = variant && variant != token ? g_strndup(token, (gsize) (variant - token)) : g_strdup(token);
    if (is_first_person(word))
        word[0] = 'I';
    return word;
}

static int64_t frame_time_ns(const Heard *heard, int frame)
{
    const gsize index = (gsize) CLAMP(frame, 0, (int) heard->n_frames - 1);
    return (int64_t) heard->origin[index] * FRAME_NS;
}

/* "on the clock and no time" is heard as "and and an". English never says these twice in one breath, so the second is
 * none. Returns: the word before, or NULL when @word, from @start_ns on, is a word of its own. */
static DubEngineSpan *find_stuttered(const DubEngineReply *reply, const char *word, int64_t start_ns)
{
    static const char *const never_twice[] = { "a", "an", "and", "of", "or", "the", NULL };
    if (!reply->words->len || !g_strv_contains(never_twice, word))
        return NULL;
    DubEngineSpan *before = &g_array_index(reply->words, DubEngineSpan, reply->words->len - 1);
    return g_str_equal(before->text, word) && start_ns - before->end_ns <= FRAME_NS ? before : NULL;
}

static void collect(PocketSphinx *self, const Heard *heard, DubEngineReply *reply)
{
    for (ps_seg_t *segment = ps_seg_iter(self->decoder); segment; segment = ps_seg_next(segment)) {
        const char *token = ps_seg_word(segment);
        if (!token || !is_word(token))
            continue;
        int first, last;
        ps_seg_frames(segment, &first, &last);
        const int64_t start_ns = frame_time_ns(heard, first), end_ns = frame_time_ns(heard, last) + FRAME_NS;
        g_autofree char *word = plain_word(token);
        DubEngineSpan *stuttered = find_stuttered(reply, word, start_ns);
        if (stuttered)
            stuttered->end_ns = end_ns;
        else
            dub_engine_reply_add_word(reply, word, start_ns, end_ns, -1);
    }
}

/* Returns: the end of the utterance that begins at @first: where it is quietest, when all the rest would be too long.
 */
static gsize utterance_end(const Heard *heard, gsize first)
{
    if (heard->n_frames - first <= UTTERANCE_MOST)
        return heard->n_frames;
    gsize end = first + UTTERANCE_MOST;
    float quietest = INFINITY;
    for (gsize i = first + UTTERANCE_LEAST; i + QUIET_FRAMES <= first + UTTERANCE_MOST; i++) {
        float level = 0;
        for (gsize k = i; k < i + QUIET_FRAMES; k++)
            level += heard->frames[k][0]; /* the first coefficient is the frame's energy */
        if (level < quietest) {
            quietest = level;
            end = i + QUIET_FRAMES / 2;
        }
    }
    return end;
}

/* What the decoder does at the end of an utterance, a quarter of the whole work, cannot be stopped: so that it is never
 * long, long speech is more than one utterance. */
static DubEngineReply *recognise(PocketSphinx *self, const Heard *heard, GCancellable *cancellable, GError **error)
{
    g_autoptr(DubEngineReply) reply = dub_engine_reply_new();
    for (gsize first = 0, end; first < heard->n_frames; first = end) {
        end = utterance_end(heard, first);
        const Heard utterance = { heard->frames + first, heard->origin + first, end - first };
        if (!search(self, &utterance, cancellable, error))
            return NULL;
        collect(self, &utterance, reply);
    }
    return g_steal_pointer(&reply);
}

static void *new_mean(void)
{
    return g_new0(Mean, 1);
}

static char *save_mean(const void *known)
{
    const Mean *mean = known;
    GString *text = g_string_new(NULL);
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    g_string_append(text, g_ascii_dtostr(number, sizeof(number), mean->weight));
    for (gsize k = 0; k < MEAN_DIMENSIONS; k++)
        g_string_append_printf(text, " %s", g_ascii_dtostr(number, sizeof(number), (double) mean->mean[k]));
    return g_string_free(text, FALSE);
}

static bool read_number(const char *text, double *number)
{
    char *end = NULL;
    *number = g_ascii_strtod(text, &end);
    return end != text && !*end && isfinite(*number) && fabs(*number) < G_MAXFLOAT;
}

static void *restore_mean(const char *saved)
{
    g_auto(GStrv) numbers = g_strsplit(saved, " ", MEAN_DIMENSIONS + 2);
    g_autofree Mean *mean = new_mean();
    if (g_strv_length(numbers) != MEAN_DIMENSIONS + 1 || !read_number(numbers[0], &mean->weight) || mean->weight < 0)
        return NULL;
    for (gsize k = 0; k < MEAN_DIMENSIONS; k++) {
        double number;
        if (!read_number(numbers[k + 1], &number))
            return NULL;
        mean->mean[k] = (float) number;
    }
    return g_steal_pointer(&mean);
}

static DubEngineReply *run(DubEngine *base, const DubEngineRequest *request, GError **error)
{
    PocketSphinx *self = (PocketSphinx *) base;
    err_set_logfp(NULL); /* of this thread, which may not be the one that opened it */
    gsize n_speech = 0, n_cepstra = 0;
    g_autofree bool *speech = dub_activity_find(request->pcm, &n_speech);
    if (!speech)
        return dub_engine_reply_new();
    mfcc_t **cepstra = compute_cepstra(self, request->pcm, &n_cepstra, error);
    if (!cepstra)
        return NULL;

    Mean alone = { .weight = 0 };
    Mean *mean = dub_engine_memory_get(request->memory, base->klass, new_mean, g_free);
    Heard heard = { NULL };
    keep_speech(&heard, cepstra, n_cepstra, speech, n_speech);
    DubEngineReply *reply = NULL;
    if (heard.n_frames == 0) {
        reply = dub_engine_reply_new();
    } else {
        normalise(&heard, mean ? mean : &alone);
        reply = recognise(self, &heard, request->cancellable, error);
    }
    clear_heard(&heard);
    fe_free_2d(cepstra);
    return reply;
}

const DubEngineClass dub_engine_pocketsphinx = {
    .stage = DUB_STAGE_ASR,
    .name = "pocketsphinx",
    .brings = "apt-get install " PACKAGE,
    .flags = DUB_ENGINE_WORD_TIMES,
    .rate_hz = RATE_HZ,
    .list = list_languages,
    .open = open_decoder,
    .run = run,
    .close = close_decoder,
    .save = save_mean,
    .restore = restore_mean,
};

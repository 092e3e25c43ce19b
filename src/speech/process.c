/* speech/process.c: the stages in their order; each sees the time that is left. */
#include "speech/process.h"

#include "audio/convert.h"
#include "audio/level.h"
#include "audio/loudness.h"
#include "base/clock.h"
#include "base/error.h"
#include "speech/fit.h"
#include "speech/phrases.h"

#include <string.h>

#define SPEECH_DBFS       (-45.0) /* for an engine that gives no word times */
#define PACE_WORTH        1.02    /* from here on speaking again beats stretching */
#define LOUDNESS_MOST_DB  15.0    /* a whisper need not become a shout, nor the other way round */
#define LOUDNESS_TWICE_DB 3.01    /* the same sound from two channels */
#define LOUDNESS_CEILING  0.89    /* -1 dBFS: the usual limit of delivery */
#define TIMEOUT_NONE_MS   60000   /* bounds translation where nobody set a timeout */

typedef struct {
    const DubSpeechTools *tools;
    const DubFragment *fragment;
    const DubSpeechShape *shape;
    DubSpeechControl *control;
    int64_t begin_ns;
    GArray *phrases;  /* of DubPhrase */
    char **sentences; /* the translation of each */
    GPtrArray *dubs;  /* of DubPcm: the speech of each */
    DubSpeechResult *result;
} Work;

static const struct {
    DubErrorCode error;
    const char *code;
    bool retryable;
} codes[] = {
    {DUB_ERROR_TIMEOUT, "TIMEOUT", true},
    {DUB_ERROR_CORRUPT, "INVALID_AUDIO", false},
};

static void fail(DubSpeechResult *result, const char *stage, const char *code, const char *message, bool retryable)
{
    result->status = DUB_SPEECH_FAILED;
    result->error_stage = g_strdup(stage);
    result->error_code = g_strdup(code);
    result->error_message = g_strdup(message);
    result->retryable = retryable;
}

static double ms_since(int64_t begin_ns)
{
    return (double) (dub_clock_now() - begin_ns) / (double) DUB_NS_PER_MS;
}

static bool is_overdue(const Work *work)
{
    return work->shape->timeout_ms && ms_since(work->begin_ns) >= work->shape->timeout_ms;
}

/* Somebody ended it: because its time was over, or because nobody wants it any more. */
static void fail_ended(const Work *work, const char *stage)
{
    g_autofree char *message = is_overdue(work) ? g_strdup_printf("not done within %u ms", work->shape->timeout_ms)
                                                : g_strdup("cancelled");
    fail(work->result, stage, "TIMEOUT", message, true);
}

static bool fail_by(const Work *work, const char *stage, const GError *error)
{
    if (g_error_matches(error, DUB_ERROR, DUB_ERROR_CANCELLED)) {
        fail_ended(work, stage);
        return false;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(codes); i++)
        if (g_error_matches(error, DUB_ERROR, codes[i].error)) {
            fail(work->result, stage, codes[i].code, error->message, codes[i].retryable);
            return false;
        }
    fail(work->result, stage, "MODEL_ERROR", error->message, true);
    return false;
}

/* At the beginning of each stage, and within long ones: is the work still wanted? */
static bool enter(const Work *work, const char *stage)
{
    g_atomic_pointer_set(&work->control->stage, stage);
    if (!g_cancellable_is_cancelled(work->control->cancellable) && !is_overdue(work))
        return true;
    fail_ended(work, stage);
    return false;
}

static unsigned ms_left(const Work *work)
{
    if (!work->shape->timeout_ms)
        return TIMEOUT_NONE_MS;
    const double left_ms = work->shape->timeout_ms - ms_since(work->begin_ns);
    return left_ms > 1 ? (unsigned) left_ms : 1;
}

static GArray *find_phrases(const DubTranscript *transcript, const DubPcm *pcm)
{
    gsize first = 0, end = pcm->n_frames;
    if (*transcript->text && !transcript->words->len)
        dub_level_active_span(pcm, SPEECH_DBFS, &first, &end); /* all quiet: it stays the whole block */
    return dub_phrases_from_transcript(transcript, dub_samples_to_ns((int64_t) first, pcm->rate_hz),
                                       dub_samples_to_ns((int64_t) end, pcm->rate_hz));
}

static bool recognise(Work *work)
{
    if (!enter(work, "asr"))
        return false;
    const int64_t begin_ns = dub_clock_now();
    g_autoptr(GError) error = NULL;
    g_autoptr(DubTranscript) transcript = dub_asr_transcribe(work->tools->asr, work->tools->stream,
                                                             work->fragment->pcm, work->control->cancellable, &error);
    DubSpeechResult *result = work->result;
    result->asr_ms = ms_since(begin_ns);
    if (!transcript)
        return fail_by(work, "asr", error);

    g_free(result->transcript);
    result->transcript = g_strdup(transcript->text);
    work->phrases = find_phrases(transcript, work->fragment->pcm);
    if (work->phrases->len) {
        result->speech_start_ns = g_array_index(work->phrases, DubPhrase, 0).start_ns;
        result->speech_end_ns = g_array_index(work->phrases, DubPhrase, work->phrases->len - 1).end_ns;
    }
    return true;
}

static bool translate(Work *work)
{
    if (!enter(work, "translation"))
        return false;
    const int64_t begin_ns = dub_clock_now();
    const guint n = work->phrases->len;
    work->sentences = g_new0(char *, n + 1);
    for (guint i = 0; i < n; i++) {
        g_autoptr(GError) error = NULL;
        const char *sentence = g_array_index(work->phrases, DubPhrase, i).sentence;
        work->sentences[i] = dub_mt_translate(work->tools->mt, sentence, ms_left(work), work->control->cancellable, &error);
        if (!work->sentences[i])
            return fail_by(work, "translation", error);
    }
    work->result->mt_ms = ms_since(begin_ns);
    g_free(work->result->translated_text);
    work->result->translated_text = g_strjoinv(" ", work->sentences);
    return true;
}

static bool speak(Work *work, double pace)
{
    if (!enter(work, "tts"))
        return false;
    const int64_t begin_ns = dub_clock_now();
    g_clear_pointer(&work->dubs, g_ptr_array_unref);
    work->dubs = g_ptr_array_new_with_free_func((GDestroyNotify) dub_pcm_unref);
    for (guint i = 0; i < work->phrases->len; i++) {
        g_autoptr(GError) error = NULL;
        DubPcm *dub =
            dub_tts_synthesize_paced(work->tools->tts, work->sentences[i], pace, work->control->cancellable, &error);
        if (!dub)
            return fail_by(work, "tts", error);
        g_ptr_array_add(work->dubs, dub);
    }
    work->result->tts_ms += ms_since(begin_ns);
    return true;
}

/* @pace: at which the dubs were spoken; with what stretching adds it stays within the most a voice may be hurried */
static DubFitPlan plan_fit(const Work *work, DubFitPhrase *fits, double pace)
{
    for (guint i = 0; i < work->phrases->len; i++) {
        fits[i].start_ns = g_array_index(work->phrases, DubPhrase, i).start_ns;
        fits[i].dub_ns = dub_pcm_duration_ns(g_ptr_array_index(work->dubs, i));
    }
    return dub_fit_plan(fits, work->phrases->len, dub_pcm_duration_ns(work->fragment->pcm),
                        DUB_FIT_TEMPO_MOST / pace);
}

static bool add_phrase(DubPcm *dub, DubPcm *spoken, const DubFitPhrase *fit, GError **error)
{
    g_autoptr(DubPcm) paced = dub_pcm_stretch(spoken, fit->tempo, error);
    g_autoptr(DubPcm) shaped = paced ? dub_pcm_convert(paced, dub->rate_hz, 1, error) : NULL;
    if (!shaped)
        return false;
    const gsize at = (gsize) dub_ns_to_samples(fit->place_ns, dub->rate_hz);
    const gsize count = at < dub->n_frames ? MIN(shaped->n_frames, dub->n_frames - at) : 0;
    if (count)
        memcpy(dub->samples + at, shaped->samples, count * sizeof(float));
    return true;
}

static gsize fragment_frames(const Work *work)
{
    const DubPcm *pcm = work->fragment->pcm;
    if (pcm->rate_hz == work->shape->rate_hz)
        return pcm->n_frames;
    return (gsize) dub_ns_to_samples(dub_pcm_duration_ns(pcm), work->shape->rate_hz);
}

/* The dub is as loud as the speech it stands for: viewers do not reach for the volume when the language changes.
 * @dub: one channel still */
static void match_loudness(const Work *work, DubPcm *dub)
{
    const DubPcm *original = work->fragment->pcm;
    const DubSpeechResult *result = work->result;
    const double wanted = dub_loudness_lufs(original, (gsize) dub_ns_to_samples(result->speech_start_ns, original->rate_hz),
                                            (gsize) dub_ns_to_samples(result->speech_end_ns, original->rate_hz));
    const double now = dub_loudness_lufs(dub, 0, dub->n_frames);
    const double more = work->shape->channels == 2 ? LOUDNESS_TWICE_DB : 0;
    if (wanted > DUB_LOUDNESS_NONE && now > DUB_LOUDNESS_NONE)
        dub_loudness_apply(dub, CLAMP(wanted - now - more, -LOUDNESS_MOST_DB, LOUDNESS_MOST_DB), LOUDNESS_CEILING);
}

static bool assemble(Work *work, const DubFitPhrase *fits, const DubFitPlan *plan)
{
    const gsize needed = (gsize) dub_ns_to_samples(plan->end_ns, work->shape->rate_hz);
    g_autoptr(DubPcm) dub = dub_pcm_new(work->shape->rate_hz, 1, MAX(fragment_frames(work), needed));
    g_autoptr(GError) error = NULL;
    for (guint i = 0; i < work->phrases->len; i++) {
        if (!enter(work, "tts"))
            return false;
        if (!add_phrase(dub, g_ptr_array_index(work->dubs, i), &fits[i], &error))
            return fail_by(work, "tts", error);
    }
    match_loudness(work, dub);
    work->result->dub = dub_pcm_convert(dub, work->shape->rate_hz, work->shape->channels, &error);
    return work->result->dub ? true : fail_by(work, "tts", error);
}

static bool judge(Work *work, const DubFitPlan *plan)
{
    if (plan->verdict == DUB_FIT_GOOD)
        return true;
    g_autofree char *message =
        g_strdup_printf("the dub is %.1f %% longer than the fragment at %.2f times its natural speed",
                        plan->variance_percent, DUB_FIT_TEMPO_MOST);
    if (plan->verdict == DUB_FIT_TOO_LONG) {
        fail(work->result, "tts", "DURATION_MISMATCH_EXCEEDED", message, false);
        return false;
    }
    work->result->status = DUB_SPEECH_PARTIAL;
    work->result->error_code = g_strdup("DURATION_MISMATCH");
    work->result->error_message = g_steal_pointer(&message);
    return true;
}

/* A voice that hurries sounds better than one that is squeezed: what is too long is spoken again at the pace that is
 * needed, and only the rest is stretched. */
static bool speak_to_fit(Work *work)
{
    if (!speak(work, 1.0))
        return false;
    g_autofree DubFitPhrase *fits = g_new0(DubFitPhrase, work->phrases->len);
    DubFitPlan plan = plan_fit(work, fits, 1.0);
    if (plan.tempo > PACE_WORTH) {
        const double pace = plan.tempo;
        if (!speak(work, pace))
            return false;
        plan = plan_fit(work, fits, pace);
    }
    return judge(work, &plan) && assemble(work, fits, &plan);
}

static void run_stages(Work *work)
{
    if (!recognise(work))
        return;
    if (work->phrases->len == 0) { /* nobody speaks: silence, and a success */
        work->result->dub = dub_pcm_new(work->shape->rate_hz, work->shape->channels, fragment_frames(work));
        return;
    }
    if (translate(work))
        speak_to_fit(work);
}

static DubSpeechCpu read_meters(const DubSpeechTools *tools)
{
    return (DubSpeechCpu) {.asr_ns = dub_asr_cpu_ns(tools->asr),
                           .tts_ns = dub_tts_cpu_ns(tools->tts),
                           .mt_ns = dub_mt_processes_cpu_ns(tools->mt)};
}

DubSpeechResult *dub_speech_process(const DubSpeechTools *tools, const DubFragment *fragment,
                                    const DubSpeechShape *shape, DubSpeechControl *control)
{
    Work work = {.tools = tools, .fragment = fragment, .shape = shape, .control = control};
    work.begin_ns = dub_clock_now();
    work.result = dub_speech_result_new(fragment->sequence_number);
    const DubSpeechCpu before = read_meters(tools);
    run_stages(&work);
    const DubSpeechCpu after = read_meters(tools);
    work.result->cpu = (DubSpeechCpu) {.asr_ns = after.asr_ns - before.asr_ns,
                                       .tts_ns = after.tts_ns - before.tts_ns,
                                       .mt_ns = after.mt_ns - before.mt_ns};
    work.result->processing_ms = ms_since(work.begin_ns);
    g_strfreev(work.sentences);
    g_clear_pointer(&work.phrases, g_array_unref);
    g_clear_pointer(&work.dubs, g_ptr_array_unref);
    return work.result;
}

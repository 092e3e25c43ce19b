/* speech/process.c: the stages in their order; each sees the time that is left. */
#include "speech/process.h"

#include "audio/convert.h"
#include "audio/loudness.h"
#include "base/clock.h"
#include "base/error.h"
#include "speech/fit.h"
#include "speech/phrases.h"
#include "text/sentences.h"
#include "text/speakable.h"
#include "text/tidy.h"

#include <math.h>
#include <string.h>

#define PACE_WORTH        1.02 /* from here on speaking again beats stretching */
#define LOUDNESS_MOST_DB  15.0 /* a whisper need not become a shout, nor the other way round */
#define LOUDNESS_TWICE_DB 3.01 /* the same sound from two channels */
#define LOUDNESS_CEILING  0.89 /* -1 dBFS: the usual limit of delivery */
#define PROMPT_MOST_BYTES                                                                                          \
    300                     /* of terms that a recogniser is told: some sixty of the 224 tokens that Whisper takes \
                             */
#define HEARD_RATE_HZ 16000 /* what speech is looked for in */

typedef struct {
    DubEngineSet *engines;
    const DubSpeechPast *past;
    const DubFragment *fragment;
    const DubSpeechShape *shape;
    DubSpeechControl *control;
    int64_t begin_ns, deadline_ns; /* 0: no hurry */
    GArray *phrases;               /* of DubPhrase */
    const DubSpeechLine **given;   /* which of the fragment's given lines each is; NULL: it was heard */
    char **sentences;              /* the translation of each */
    char **lines;                  /* the same as it is spoken */
    DubSpeechLine **placed;        /* the result's line of each */
    GPtrArray *spoken;             /* of DubEngineReply: the speech of each */
    DubSpeechResult *result;
    DubFragmentProcessed *answer; /* the result's */
} Work;

#define ANY_STAGE DUB_N_STAGES

/* What an engine's error is on the wire. */
static const struct {
    DubErrorCode error;
    DubEngineStage at;
    const char *code;
    bool retryable;
} codes[] = {
    { DUB_ERROR_TIMEOUT, ANY_STAGE, "TIMEOUT", true },
    { DUB_ERROR_CORRUPT, ANY_STAGE, "INVALID_AUDIO", false },
    { DUB_ERROR_NOT_FOUND, DUB_STAGE_TTS, "INVALID_VOICE_PROFILE", false },
    { DUB_ERROR_NETWORK, DUB_STAGE_MT, "TRANSLATION_API_UNAVAILABLE", true },
    { DUB_ERROR_BACKPRESSURE, ANY_STAGE, "RATE_LIMIT", true },
    { DUB_ERROR_AUTH, ANY_STAGE, "MODEL_ERROR", false },
    { DUB_ERROR_NO_SPACE, ANY_STAGE, "MODEL_ERROR", false },
};

static double ms_since(int64_t begin_ns)
{
    return (double) (dub_clock_now() - begin_ns) / (double) DUB_NS_PER_MS;
}

static bool is_overdue(const Work *work)
{
    return work->deadline_ns && dub_clock_now() >= work->deadline_ns;
}

/* Somebody ended it: because its time was over, or because nobody wants it any more. */
static void fail_ended(const Work *work, const char *stage)
{
    const double allowed_ms = (double) MAX(work->deadline_ns - work->begin_ns, 0) / (double) DUB_NS_PER_MS;
    g_autofree char *message =
        is_overdue(work) ? g_strdup_printf("not done within %.0f ms", allowed_ms) : g_strdup("cancelled");
    dub_fragment_processed_fail(work->answer, "TIMEOUT", stage, true, message);
}

static bool fail_by(const Work *work, DubEngineStage at, const GError *error)
{
    const char *stage = dub_engine_stage_to_string(at);
    if (g_error_matches(error, DUB_ERROR, DUB_ERROR_CANCELLED)) {
        fail_ended(work, stage);
        return false;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(codes); i++)
        if (g_error_matches(error, DUB_ERROR, codes[i].error) && (codes[i].at == at || codes[i].at == ANY_STAGE)) {
            dub_fragment_processed_fail(work->answer, codes[i].code, stage, codes[i].retryable, error->message);
            return false;
        }
    dub_fragment_processed_fail(work->answer, "MODEL_ERROR", stage, true, error->message);
    return false;
}

/* At the beginning of each stage, and within long ones: is the work still wanted? */
static bool enter(const Work *work, DubEngineStage stage)
{
    g_atomic_pointer_set(&work->control->stage, dub_engine_stage_to_string(stage));
    if (!g_cancellable_is_cancelled(work->control->cancellable) && !is_overdue(work))
        return true;
    fail_ended(work, dub_engine_stage_to_string(stage));
    return false;
}

/* ── Asking engines ── */

static DubEngineRequest new_request(const Work *work)
{
    return (DubEngineRequest){
        .from = dub_engine_set_from(work->engines),
        .to = dub_engine_set_to(work->engines),
        .deadline_ns = work->deadline_ns,
        .cancellable = work->control->cancellable,
        .memory = work->past->memory,
        .context = work->past->context,
    };
}

static void add_usage(const Work *work, DubEngineStage stage, const GPtrArray *replies)
{
    DubSpeechCpu *cpu = &work->result->cpu;
    for (guint i = 0; i < replies->len; i++) {
        const DubEngineReply *reply = g_ptr_array_index(replies, i);
        cpu->threads_ns[stage] += reply->usage.cpu_ns;
        cpu->programs_ns[stage] += reply->usage.programs_cpu_ns;
    }
}

/* "whisper", or "whisper tiny.en" where the engine says which of its models it was. */
static void name_engine(const Work *work, DubEngineStage stage, const DubEngineReply *reply)
{
    static const char *const keys[DUB_N_STAGES] = { [DUB_STAGE_ASR] = "asr_model",
                                                    [DUB_STAGE_MT] = "translation_model",
                                                    [DUB_STAGE_TTS] = "tts_model" };
    g_autofree char *name =
        reply->model ? g_strdup_printf("%s %s", reply->engine->name, reply->model) : g_strdup(reply->engine->name);
    dub_fragment_processed_add(work->answer, keys[stage], json_string(name));
}

/* Returns: (transfer full): a reply for each request, or NULL when the fragment has failed */
static GPtrArray *ask(const Work *work, DubEngineStage stage, const DubEngineRequest *requests, gsize n_requests)
{
    g_autoptr(GError) error = NULL;
    GPtrArray *replies =
        dub_engine_chain_run(dub_engine_set_chain(work->engines, stage), requests, n_requests, NULL, &error);
    if (!replies) {
        fail_by(work, stage, error);
        return NULL;
    }
    add_usage(work, stage, replies);
    if (replies->len)
        name_engine(work, stage, g_ptr_array_index(replies, 0));
    return replies;
}

/* ── Recognition ── */

static void tell_span(Work *work)
{
    if (!work->phrases->len)
        return;
    const DubPhrase *phrases = &g_array_index(work->phrases, DubPhrase, 0);
    dub_fragment_processed_add(work->answer, "speech_start_ms", json_integer(phrases[0].start_ns / DUB_NS_PER_MS));
    dub_fragment_processed_add(work->answer, "speech_end_ms",
                               json_integer(phrases[work->phrases->len - 1].end_ns / DUB_NS_PER_MS));
}

/* A short glossary, of names perhaps, is told to the recogniser; a long one is not, nor the part of it that came up
 * just before: measured on the minute of commentary with Whisper tiny.en, that raised word errors from 1.1 to 11.3 %.
 * Returns: (transfer full) (nullable) */
static char *likely_terms(const Work *work)
{
    const DubGlossary *glossary = dub_engine_set_glossary(work->engines);
    if (!glossary)
        return NULL;
    g_autofree char *all = g_strjoinv(", ", (char **) dub_glossary_terms(glossary));
    return *all && strlen(all) <= PROMPT_MOST_BYTES ? g_steal_pointer(&all) : NULL;
}

/* Returns: (transfer full): NULL when the fragment has failed */
static DubEngineReply *listen(const Work *work, DubPcm *pcm)
{
    DubEngineRequest request = new_request(work);
    request.pcm = pcm;
    request.start_ns = work->fragment->start_ns;
    g_autofree char *terms = likely_terms(work);
    request.terms = terms;
    g_autoptr(GPtrArray) replies = ask(work, DUB_STAGE_ASR, &request, 1);
    return replies ? g_ptr_array_steal_index(replies, 0) : NULL;
}

static bool take_heard(Work *work, const DubEngineReply *heard, DubPcm *pcm)
{
    g_free(work->answer->transcript);
    work->answer->transcript = g_strdup(heard->text);
    work->phrases = dub_phrases_find(heard, pcm);
    tell_span(work);
    return true;
}

static bool is_blank(const char *text)
{
    return !text || !*text || strspn(text, " \t\r\n") == strlen(text);
}

/* A line without words, and one whose translation is empty, is not spoken. */
static bool is_spoken(const DubSpeechLine *line)
{
    return line->translation ? !is_blank(line->translation) : !is_blank(line->text);
}

static void add_line(const Work *work, const DubSpeechLine *line, const char *text, const char *translation)
{
    g_ptr_array_add(work->result->lines,
                    dub_speech_line_new(line->start_ns, line->end_ns, text, translation, line->voice));
}

static void clear_phrase(void *data)
{
    g_free(((DubPhrase *) data)->sentence);
}

/* Somebody has said what is said here: nobody need listen. */
static void take_given(Work *work)
{
    const GPtrArray *lines = work->fragment->given;
    g_autoptr(GString) transcript = g_string_new(NULL);
    work->phrases = g_array_new(FALSE, FALSE, sizeof(DubPhrase));
    g_array_set_clear_func(work->phrases, clear_phrase);
    work->given = g_new0(const DubSpeechLine *, lines->len);
    for (guint i = 0; i < lines->len; i++) {
        const DubSpeechLine *line = g_ptr_array_index(lines, i);
        if (!is_spoken(line)) {
            add_line(work, line, line->text, line->translation);
            continue;
        }
        work->given[work->phrases->len] = line;
        const DubPhrase phrase = { g_strdup(line->text ? line->text : ""), line->start_ns, line->end_ns };
        g_array_append_val(work->phrases, phrase);
        g_string_append_printf(transcript, "%s%s", transcript->len ? " " : "", phrase.sentence);
    }
    g_free(work->answer->transcript);
    work->answer->transcript = g_string_free(g_steal_pointer(&transcript), FALSE);
    tell_span(work);
}

static bool recognise(Work *work)
{
    if (!enter(work, DUB_STAGE_ASR))
        return false;
    const int64_t begin_ns = dub_clock_now();
    DubHearings *hearings = work->past->hearings;
    g_autoptr(GError) error = NULL;
    g_autoptr(DubPcm) pcm = dub_pcm_convert(work->fragment->pcm, HEARD_RATE_HZ, 1, &error);
    if (!pcm)
        return fail_by(work, DUB_STAGE_ASR, error);
    const DubEngineReply *known = hearings ? dub_hearings_find(hearings, work->fragment) : NULL;
    if (known)
        name_engine(work, DUB_STAGE_ASR, known);
    g_autoptr(DubEngineReply) heard = known ? NULL : listen(work, pcm);
    work->answer->asr_ms = ms_since(begin_ns);
    if (!known && !heard)
        return false;
    const bool found = take_heard(work, known ? known : heard, pcm);
    if (hearings && heard)
        dub_hearings_add(hearings, work->fragment, g_steal_pointer(&heard));
    return found;
}

/* ── Translation ── */

/* @request: of the whole text's translation, but for the sentence; NULL when the fragment has failed */
static char *translate_sentence(const Work *work, DubEngineRequest request, const char *sentence)
{
    request.text = sentence;
    g_autoptr(GPtrArray) replies = ask(work, DUB_STAGE_MT, &request, 1);
    if (!replies)
        return NULL;
    g_autofree char *tidy =
        dub_tidy(((const DubEngineReply *) g_ptr_array_index(replies, 0))->text, sentence, request.to);
    return g_steal_pointer(&tidy);
}

/* Sentence by sentence, which is what translators are made for. */
static char *translate_phrase(const Work *work, const char *text)
{
    DubEngineRequest request = new_request(work);
    request.glossary = dub_engine_set_glossary(work->engines);
    g_auto(GStrv) sentences = dub_sentences_split(text, request.from);
    const guint n = g_strv_length(sentences);
    g_auto(GStrv) translated = g_new0(char *, n + 1);
    for (guint i = 0; i < n; i++) {
        translated[i] = translate_sentence(work, request, sentences[i]);
        if (!translated[i])
            return NULL;
    }
    return dub_sentences_join((const char *const *) translated);
}

/* What is read, in the subtitles and on the wire. */
static void set_translated_text(const Work *work)
{
    g_autofree char *text = g_strjoinv(" ", work->sentences);
    g_free(work->answer->translated_text);
    work->answer->translated_text = dub_engine_set_clean(work->engines, text, false);
}

static bool translate(Work *work)
{
    if (!enter(work, DUB_STAGE_MT))
        return false;
    const int64_t begin_ns = dub_clock_now();
    const guint n = work->phrases->len;
    work->sentences = g_new0(char *, n + 1);
    for (guint i = 0; i < n; i++) {
        const char *given = work->given ? work->given[i]->translation : NULL;
        const char *sentence = g_array_index(work->phrases, DubPhrase, i).sentence;
        work->sentences[i] = given ? g_strdup(given) : translate_phrase(work, sentence);
        if (!work->sentences[i])
            break;
    }
    work->answer->translation_ms = ms_since(begin_ns);
    if (g_strv_length(work->sentences) < n)
        return false;
    set_translated_text(work);
    return true;
}

/* ── Speech ── */

/* What is said: swear words as the settings have it, terms as they are spoken, numbers and signs as words. */
static char *to_say(const Work *work, const char *text)
{
    const DubGlossary *glossary = dub_engine_set_glossary(work->engines);
    g_autofree char *clean = dub_engine_set_clean(work->engines, text, true);
    g_autofree char *spoken = glossary ? dub_glossary_spoken(glossary, clean) : g_strdup(clean);
    return dub_speakable(spoken, dub_engine_set_to(work->engines));
}

static void find_lines(Work *work)
{
    work->lines = g_new0(char *, work->phrases->len + 1);
    for (guint i = 0; i < work->phrases->len; i++)
        work->lines[i] = to_say(work, work->sentences[i]);
}

static DubEngineRequest *speech_requests(const Work *work, double pace)
{
    DubEngineRequest *requests = g_new0(DubEngineRequest, work->phrases->len);
    for (guint i = 0; i < work->phrases->len; i++) {
        requests[i] = new_request(work);
        requests[i].text = work->lines[i];
        requests[i].context = NULL; /* what was said before is in the other language */
        requests[i].voice = work->given && work->given[i]->voice ? work->given[i]->voice : work->shape->voice;
        requests[i].pace = pace;
    }
    return requests;
}

/* How many requests from @first on are for one voice: a chain takes each batch to the engine that has its voice. */
static guint one_voice(const DubEngineRequest *requests, guint first, guint n)
{
    guint end = first + 1;
    while (end < n && g_strcmp0(requests[end].voice, requests[first].voice) == 0)
        end++;
    return end - first;
}

static bool speak(Work *work)
{
    if (!enter(work, DUB_STAGE_TTS))
        return false;
    find_lines(work);
    g_autofree DubEngineRequest *requests = speech_requests(work, 1.0);
    const guint n = work->phrases->len;
    for (guint first = 0; first < n;) {
        const guint count = one_voice(requests, first, n);
        GPtrArray *replies = ask(work, DUB_STAGE_TTS, requests + first, count);
        if (!replies)
            return false;
        if (work->spoken)
            g_ptr_array_extend_and_steal(work->spoken, replies);
        else
            work->spoken = replies;
        first += count;
    }
    return true;
}

static const DubEngineClass *speaker_of(const Work *work, guint i)
{
    return ((const DubEngineReply *) g_ptr_array_index(work->spoken, i))->engine;
}

/* Returns: NULL where several engines speak in one fragment: they are stretched alike, since paces may differ. */
static const DubEngineClass *speaker(const Work *work)
{
    const DubEngineClass *klass = speaker_of(work, 0);
    for (guint i = 1; i < work->spoken->len; i++)
        if (speaker_of(work, i) != klass)
            return NULL;
    return klass;
}

static DubPcm *speech_of(const Work *work, guint i)
{
    return ((const DubEngineReply *) g_ptr_array_index(work->spoken, i))->pcm;
}

/* The same voice again, faster. Returns: false when that did not come about: what was spoken first stands then, and is
 * stretched. */
static bool speak_again(Work *work, double pace)
{
    g_autoptr(GError) error = NULL;
    g_autofree DubEngineRequest *requests = speech_requests(work, pace);
    GPtrArray *replies = dub_engine_chain_run(dub_engine_set_chain(work->engines, DUB_STAGE_TTS), requests,
                                              work->phrases->len, speaker(work), &error);
    if (!replies)
        return false;
    add_usage(work, DUB_STAGE_TTS, replies);
    g_ptr_array_unref(work->spoken);
    work->spoken = replies;
    return true;
}

/* @pace: at which the dubs were spoken; with what stretching adds it stays within the most a voice may be hurried */
static DubFitPlan plan_fit(const Work *work, DubFitPhrase *fits, double pace)
{
    for (guint i = 0; i < work->phrases->len; i++) {
        fits[i].start_ns = g_array_index(work->phrases, DubPhrase, i).start_ns;
        fits[i].dub_ns = dub_pcm_duration_ns(speech_of(work, i));
    }
    return dub_fit_plan(fits, work->phrases->len, dub_pcm_duration_ns(work->fragment->pcm), DUB_FIT_TEMPO_MOST / pace);
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
    const DubPhrase *first = &g_array_index(work->phrases, DubPhrase, 0);
    const DubPhrase *last = &g_array_index(work->phrases, DubPhrase, work->phrases->len - 1);
    const double wanted = dub_loudness_lufs(original, (gsize) dub_ns_to_samples(first->start_ns, original->rate_hz),
                                            (gsize) dub_ns_to_samples(last->end_ns, original->rate_hz));
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
        if (!enter(work, DUB_STAGE_TTS))
            return false;
        if (!add_phrase(dub, speech_of(work, i), &fits[i], &error))
            return fail_by(work, DUB_STAGE_TTS, error);
    }
    match_loudness(work, dub);
    work->result->dub = dub_pcm_convert(dub, work->shape->rate_hz, work->shape->channels, &error);
    return work->result->dub ? true : fail_by(work, DUB_STAGE_TTS, error);
}

static bool judge(Work *work, const DubFitPlan *plan)
{
    if (plan->verdict == DUB_FIT_GOOD)
        return true;
    g_autofree char *message =
        g_strdup_printf("the dub is %.1f %% longer than the fragment at %.2f times its natural speed",
                        plan->variance_percent, DUB_FIT_TEMPO_MOST);
    if (plan->verdict == DUB_FIT_TOO_LONG) {
        dub_fragment_processed_fail(work->answer, "DURATION_MISMATCH_EXCEEDED", "tts", false, message);
        return false;
    }
    work->answer->status = DUB_PROCESSED_PARTIAL;
    work->answer->error_code = g_strdup("DURATION_MISMATCH");
    work->answer->error_message = g_steal_pointer(&message);
    dub_fragment_processed_add(work->answer, "warning", json_string("duration_variance_high"));
    dub_fragment_processed_add(work->answer, "actual_variance_percent",
                               json_real(round(plan->variance_percent * 10) / 10));
    return true;
}

static void note_places(const Work *work, const DubFitPhrase *fits)
{
    for (guint i = 0; i < work->phrases->len; i++) {
        DubSpeechLine *line = work->placed[i];
        line->placed_ns = fits[i].place_ns;
        line->placed_end_ns = fits[i].place_ns + (int64_t) ((double) fits[i].dub_ns / fits[i].tempo + 0.5);
    }
}

/* A voice that hurries well is better than one that is squeezed: what is too long is spoken again at the pace that is
 * needed, and only the rest is stretched. A voice that does not is stretched at once. */
static bool fit(Work *work)
{
    g_autofree DubFitPhrase *fits = g_new0(DubFitPhrase, work->phrases->len);
    double pace = 1.0;
    DubFitPlan plan = plan_fit(work, fits, pace);
    const DubEngineClass *klass = speaker(work);
    if (plan.tempo > PACE_WORTH && klass && (klass->flags & DUB_ENGINE_PACES) && speak_again(work, plan.tempo)) {
        pace = plan.tempo;
        plan = plan_fit(work, fits, pace);
    }
    dub_fragment_processed_add(work->answer, "tempo", json_real(round(pace * plan.tempo * 100) / 100));
    note_places(work, fits);
    return judge(work, &plan) && assemble(work, fits, &plan);
}

static bool speak_to_fit(Work *work)
{
    const int64_t begin_ns = dub_clock_now();
    const bool fits = speak(work) && fit(work);
    work->answer->tts_ms = ms_since(begin_ns);
    return fits;
}

/* What was understood and translated, whatever becomes of it. */
static void note_lines(Work *work)
{
    const guint n = work->phrases ? work->phrases->len : 0;
    work->placed = g_new0(DubSpeechLine *, n + 1);
    for (guint i = 0; i < n; i++) {
        const DubPhrase *phrase = &g_array_index(work->phrases, DubPhrase, i);
        const DubSpeechLine *given = work->given ? work->given[i] : NULL;
        const char *text = given ? given->text : phrase->sentence;
        const char *translation = work->sentences ? work->sentences[i] : NULL;
        work->placed[i] =
            dub_speech_line_new(phrase->start_ns, phrase->end_ns, text, translation, given ? given->voice : NULL);
        g_ptr_array_add(work->result->lines, work->placed[i]);
    }
}

static bool understand(Work *work)
{
    if (!work->fragment->given)
        return recognise(work);
    take_given(work);
    return true;
}

static void run_stages(Work *work)
{
    if (!understand(work))
        return;
    if (work->phrases->len == 0) { /* nobody speaks: silence, and a success */
        work->result->dub = dub_pcm_new(work->shape->rate_hz, work->shape->channels, fragment_frames(work));
        return;
    }
    const bool is_translated = translate(work);
    note_lines(work);
    if (is_translated)
        speak_to_fit(work);
}

/* The earlier of two deadlines, of which 0 is none. */
static int64_t earlier(int64_t a_ns, int64_t b_ns)
{
    return !a_ns ? b_ns : !b_ns ? a_ns : MIN(a_ns, b_ns);
}

static void free_phrases(Work *work)
{
    g_strfreev(work->sentences);
    g_strfreev(work->lines);
    g_free(work->given);
    g_free(work->placed);
    g_clear_pointer(&work->phrases, g_array_unref);
    g_clear_pointer(&work->spoken, g_ptr_array_unref);
}

DubSpeechResult *dub_speech_process(DubEngineSet *engines, const DubSpeechPast *past, const DubFragment *fragment,
                                    const DubSpeechShape *shape, DubSpeechControl *control)
{
    Work work = { .engines = engines, .past = past, .fragment = fragment, .shape = shape, .control = control };
    work.begin_ns = dub_clock_now();
    work.deadline_ns =
        earlier(shape->timeout_ms ? work.begin_ns + shape->timeout_ms * DUB_NS_PER_MS : 0, fragment->deadline_ns);
    work.result = dub_speech_result_new(fragment->sequence_number);
    work.answer = work.result->answer;
    work.result->lines = dub_speech_lines_new();
    run_stages(&work);
    work.answer->processing_time_ms = ms_since(work.begin_ns);
    free_phrases(&work);
    return work.result;
}

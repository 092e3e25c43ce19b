/* sts/dubber.c: a fragment goes pool (decode) -> engines -> pool (encode); between them it is here, on the loop.
 * Only as many as there are lanes are with the engines at once, so that streams share them fairly. */
#include "sts/dubber.h"

#include "audio/convert.h"
#include "audio/fragment-codec.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#include <string.h>

#define MAX_DUB_RATE_HZ  48000
#define DEADLINE_MOST_MS (10 * 60 * 1000) /* what is further off is no deadline */

typedef struct _Dubber Dubber;

typedef enum { STEP_DECODE, STEP_WAIT, STEP_DUB, STEP_ENCODE } Step;

/* One fragment. On the loop it belongs to the dubber; while a pool job has it, the job reads `in` and writes `out`. */
typedef struct {
    gatomicrefcount refs; /* the dubber's and the job's */
    Dubber *dubber;
    uint64_t sequence_number;
    Step step;
    int64_t arrived_ns;
    GCancellable *cancellable;
    /* in */
    DubWireAudio *audio;
    int64_t pts_ns;
    int64_t deadline_ns; /* when the worker does not want it any more; 0: it has not said */
    char **log_tags;
    DubSpeechResult *result;
    guint rate_hz, channels; /* of the fragment, once decoded: what wins over the declared */
    /* out */
    DubPcm *pcm;
    DubWireAudio *dub;
    GError *error;
} Item;

struct _Dubber {
    DubStsWork parent;
    DubStsDubberConfig config;
    DubSpeechSessionConfig shape; /* of the speech session */
    char *from, *to, *voice;      /* as stream:init has them */
    guint timeout_ms;
    int64_t chunk_ns; /* a fragment's nominal length */
    DubEngineLease *lease;
    DubLanes *lanes;
    DubSpeechSession *session;
    DubStsLane *codecs;
    GSource *dubbing_more; /* NULL: nothing is due */
    GPtrArray *items;      /* of Item: every fragment that is not finished; the session's window bounds it */
};

/* ── Items ── */

static void item_unref(void *data)
{
    Item *item = data;
    if (!g_atomic_ref_count_dec(&item->refs))
        return;
    g_object_unref(item->cancellable);
    dub_wire_audio_free(item->audio);
    dub_wire_audio_free(item->dub);
    g_strfreev(item->log_tags);
    dub_speech_result_free(item->result);
    dub_pcm_unref(item->pcm);
    g_clear_error(&item->error);
    g_free(item);
}

static Item *item_ref(Item *item)
{
    g_atomic_ref_count_inc(&item->refs);
    return item;
}

static char **log_tags_of(const DubFragmentData *fragment, const char *traceparent)
{
    const char *const tags[] = { "stream_id",
                                 fragment->stream_id,
                                 "fragment_id",
                                 fragment->fragment_id,
                                 traceparent ? "traceparent" : NULL,
                                 traceparent,
                                 NULL };
    return g_strdupv((char **) tags);
}

static Item *item_new(Dubber *self, const DubFragmentData *fragment, const char *traceparent)
{
    Item *item = g_new0(Item, 1);
    g_atomic_ref_count_init(&item->refs);
    item->dubber = self;
    item->sequence_number = (uint64_t) fragment->sequence_number;
    item->arrived_ns = dub_clock_now();
    item->cancellable = g_cancellable_new();
    item->audio = dub_wire_audio_share(fragment->audio);
    item->log_tags = log_tags_of(fragment, traceparent);
    item->pts_ns = json_integer_value(json_object_get(fragment->metadata, "pts_ns"));
    const json_int_t left_ms = json_integer_value(json_object_get(fragment->metadata, "deadline_ms"));
    if (left_ms > 0 && left_ms < DEADLINE_MOST_MS)
        item->deadline_ns = item->arrived_ns + left_ms * DUB_NS_PER_MS;
    return item;
}

static Item *find_item(const Dubber *self, uint64_t sequence_number)
{
    for (guint i = 0; i < self->items->len; i++) {
        Item *item = g_ptr_array_index(self->items, i);
        if (item->sequence_number == sequence_number)
            return item;
    }
    return NULL;
}

/* Is it still worked on? (Another of its number may be, after it was cancelled and sent again.) */
static bool is_wanted(const Dubber *self, const Item *item)
{
    return g_ptr_array_find(self->items, item, NULL);
}

static guint count_step(const Dubber *self, Step step)
{
    guint n = 0;
    for (guint i = 0; i < self->items->len; i++)
        n += ((const Item *) g_ptr_array_index(self->items, i))->step == step;
    return n;
}

/* ── Answers ── */

static double ms_since(int64_t begin_ns)
{
    return (double) (dub_clock_now() - begin_ns) / (double) DUB_NS_PER_MS;
}

static DubFragmentProcessed *answer_of(Item *item)
{
    DubFragmentProcessed *answer = g_steal_pointer(&item->result->answer);
    if (answer->status == DUB_PROCESSED_FAILED && !answer->error_stage)
        answer->error_stage = g_strdup("asr");
    answer->dubbed_audio = g_steal_pointer(&item->dub);
    return answer;
}

static void finish(Dubber *self, Item *item, DubFragmentProcessed *answer)
{
    const uint64_t number = item->sequence_number;
    answer->processing_time_ms = ms_since(item->arrived_ns);
    g_ptr_array_remove(self->items, item);
    self->parent.callbacks.on_finished(number, answer, self->parent.user_data);
}

/* ── Encoding ── */

static gsize text_bytes_of_pcm(const DubPcm *pcm)
{
    return pcm->n_frames * pcm->channels * sizeof(int16_t) / 3 * 4;
}

/* Pool thread: what is logged on the way carries the fragment's ids. */
static void run_tagged(Item *item, GCancellable *cancellable, void (*run)(Item *item))
{
    if (g_cancellable_is_cancelled(cancellable))
        return;
    dub_log_set_tags((const char *const *) item->log_tags);
    run(item);
    dub_log_set_tags(NULL);
}

static void encode_dub(Item *item)
{
    g_autoptr(DubPcm) shaped = dub_pcm_convert(item->result->dub, item->rate_hz, item->channels, &item->error);
    if (!shaped)
        return;
    const bool as_pcm =
        strcmp(item->audio->format, "pcm_s16le") == 0 && text_bytes_of_pcm(shaped) < DUB_STS_MAX_AUDIO_TEXT_BYTES;
    const DubFragmentFormat format = as_pcm ? DUB_FORMAT_PCM_S16LE : DUB_FORMAT_M4A;
    g_autoptr(GBytes) bytes = dub_fragment_encode(shaped, format, &item->error);
    if (bytes)
        item->dub = dub_wire_audio_new(dub_fragment_format_to_string(format), shaped->rate_hz, shaped->channels,
                                       dub_pcm_duration_ns(shaped) / DUB_NS_PER_MS, bytes);
}

static void run_encode(void *data, GCancellable *cancellable)
{
    run_tagged(data, cancellable, encode_dub);
}

static void on_encoded(void *data)
{
    Item *item = data;
    Dubber *self = item->dubber;
    if (!is_wanted(self, item))
        return; /* cancelled */
    if (item->dub)
        finish(self, item, answer_of(item));
    else
        finish(self, item, dub_sts_answer_new_failed("MODEL_ERROR", "tts", true, item->error->message));
}

static bool is_empty(const DubSpeechResult *result)
{
    return result->answer->status == DUB_PROCESSED_SUCCESS && !*result->answer->transcript;
}

static void encode(Dubber *self, Item *item)
{
    static const DubStsJobClass encoding = { run_encode, on_encoded, item_unref };
    if (self->config.empty_original && is_empty(item->result)) {
        item->dub = dub_wire_audio_share(item->audio);
        finish(self, item, answer_of(item));
        return;
    }
    item->step = STEP_ENCODE;
    dub_sts_lane_push(self->codecs, &encoding, item_ref(item), item->cancellable);
}

/* ── Engines ── */

static void dub_more(Dubber *self);

static void on_dubbed(DubSpeechResult *result, void *user_data)
{
    Dubber *self = user_data;
    g_autoptr(DubSpeechResult) owned = result;
    Item *item = find_item(self, owned->sequence_number);
    if (item && item->step == STEP_DUB) {
        item->result = g_steal_pointer(&owned);
        if (item->result->answer->status == DUB_PROCESSED_FAILED || !item->result->dub) {
            item->result->answer->status = DUB_PROCESSED_FAILED;
            item_ref(item);
            finish(self, item, answer_of(item));
            item_unref(item);
        } else {
            encode(self, item);
        }
    }
    dub_more(self);
}

/* The engines' session is made for one shape. It is made again when the first fragment shows another than was declared;
 * later fragments of yet another shape are converted. */
static bool ensure_session(Dubber *self, guint rate_hz, guint channels, GError **error)
{
    if (self->session &&
        ((self->shape.rate_hz == rate_hz && self->shape.channels == channels) || count_step(self, STEP_DUB) > 0))
        return true;
    g_clear_pointer(&self->session, dub_speech_session_free);
    self->shape = (DubSpeechSessionConfig){ .voice = self->voice,
                                            .rate_hz = rate_hz,
                                            .channels = channels,
                                            .timeout_ms = self->timeout_ms };
    self->session = dub_speech_session_new(self->lanes, &self->shape, on_dubbed, self, error);
    return self->session != NULL;
}

static Item *next_waiting(const Dubber *self)
{
    Item *next = NULL;
    for (guint i = 0; i < self->items->len; i++) {
        Item *item = g_ptr_array_index(self->items, i);
        if (item->step == STEP_WAIT && (!next || item->sequence_number < next->sequence_number))
            next = item;
    }
    return next;
}

static void dub_more(Dubber *self)
{
    const guint n_lanes = dub_lanes_count(self->lanes);
    Item *item;
    while (count_step(self, STEP_DUB) < n_lanes && (item = next_waiting(self))) {
        g_autoptr(GError) error = NULL;
        if (!ensure_session(self, item->rate_hz, item->channels, &error)) {
            finish(self, item, dub_sts_answer_new_failed("MODEL_ERROR", "tts", true, error->message));
            continue;
        }
        item->step = STEP_DUB;
        DubFragment *fragment = dub_fragment_new(item->sequence_number, item->pts_ns, dub_pcm_ref(item->pcm));
        fragment->deadline_ns = item->deadline_ns;
        fragment->log_tags = g_strdupv(item->log_tags);
        dub_speech_session_submit(self->session, fragment);
    }
}

/* ── Decoding ── */

/* Bytes that are no container could always be raw samples: that they are, only the label can say. */
static bool check_content(const DubWireAudio *audio, GBytes *bytes, GError **error)
{
    if (g_bytes_get_size(bytes) == 0)
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_CORRUPT, "audio.data_base64: no audio");
    else if (dub_fragment_sniff(bytes) == DUB_CONTENT_RAW && strcmp(audio->format, "pcm_s16le") != 0)
        g_set_error(error, DUB_ERROR, DUB_ERROR_CORRUPT,
                    "audio.data_base64: neither MP4, ADTS nor WAV, and audio.format is \"%s\", not \"pcm_s16le\"",
                    audio->format);
    else
        return true;
    return false;
}

static void decode_audio(Item *item)
{
    g_autoptr(GBytes) bytes = dub_wire_audio_decode(item->audio);
    if (check_content(item->audio, bytes, &item->error))
        item->pcm =
            dub_fragment_decode(bytes, item->audio->sample_rate_hz, MIN(item->audio->channels, 2), &item->error);
}

static void run_decode(void *data, GCancellable *cancellable)
{
    run_tagged(data, cancellable, decode_audio);
}

static void on_decoded(void *data)
{
    Item *item = data;
    Dubber *self = item->dubber;
    if (!is_wanted(self, item))
        return; /* cancelled */
    if (!item->pcm) {
        finish(self, item, dub_sts_answer_new_failed("INVALID_AUDIO", "asr", false, item->error->message));
        return;
    }
    item->rate_hz = MIN(item->pcm->rate_hz, MAX_DUB_RATE_HZ);
    item->channels = item->pcm->channels;
    item->step = STEP_WAIT;
    dub_more(self);
}

static void dubber_process(DubStsWork *work, const DubFragmentData *fragment, const char *traceparent)
{
    static const DubStsJobClass decoding = { run_decode, on_decoded, item_unref };
    Dubber *self = (Dubber *) work;
    Item *item = item_new(self, fragment, traceparent);
    g_ptr_array_add(self->items, item);
    dub_sts_lane_push(self->codecs, &decoding, item_ref(item), item->cancellable);
}

static gboolean on_dub_more(void *data)
{
    Dubber *self = data;
    g_clear_pointer(&self->dubbing_more, g_source_unref);
    dub_more(self);
    return G_SOURCE_REMOVE;
}

/* Not from inside a call: it may finish something. */
static void dub_more_soon(Dubber *self)
{
    if (self->dubbing_more)
        return;
    self->dubbing_more = g_idle_source_new();
    g_source_set_priority(self->dubbing_more, G_PRIORITY_DEFAULT);
    g_source_set_callback(self->dubbing_more, on_dub_more, self, NULL);
    g_source_attach(self->dubbing_more, g_main_context_get_thread_default());
}

static const char *dubber_cancel(DubStsWork *work, uint64_t sequence_number)
{
    Dubber *self = (Dubber *) work;
    Item *item = find_item(self, sequence_number);
    if (!item)
        return "asr";
    const char *stage = "asr";
    if (item->step == STEP_DUB) {
        stage = dub_speech_session_cancel(self->session, sequence_number);
        dub_more_soon(self); /* in its place */
    } else if (item->step == STEP_ENCODE) {
        stage = "tts";
    }
    g_cancellable_cancel(item->cancellable);
    g_ptr_array_remove(self->items, item);
    return stage;
}

/* ── The stream ── */

static void refuse(Dubber *self, const char *code, const char *message)
{
    self->parent.callbacks.on_refused(code, message, self->parent.user_data);
}

static void refuse_pair(Dubber *self, const GError *problem)
{
    if (g_error_matches(problem, DUB_ERROR, DUB_ERROR_UNSUPPORTED)) {
        g_autofree char *message = g_strdup_printf("config.source_language \"%s\", config.target_language \"%s\": %s",
                                                   self->from, self->to, problem->message);
        refuse(self, "INVALID_CONFIG", message);
    } else {
        const bool busy = g_error_matches(problem, DUB_ERROR, DUB_ERROR_BACKPRESSURE);
        refuse(self, busy ? "RATE_LIMIT_EXCEEDED" : "MODEL_ERROR", problem->message);
    }
}

static void refuse_voice(Dubber *self, const GError *problem)
{
    const bool no_voice = g_error_matches(problem, DUB_ERROR, DUB_ERROR_NOT_FOUND);
    g_autofree char *message = g_strdup_printf("config.voice_profile: %s", problem->message);
    refuse(self, no_voice ? "INVALID_VOICE_PROFILE" : "MODEL_ERROR", no_voice ? message : problem->message);
}

static void on_lanes(DubLanes *lanes, const GError *problem, void *user_data)
{
    Dubber *self = user_data;
    g_autoptr(GError) error = NULL;
    self->lanes = lanes;
    if (!lanes) {
        refuse_pair(self, problem);
    } else if (!dub_lanes_admits(lanes, self->chunk_ns, &error)) {
        refuse(self, "RATE_LIMIT_EXCEEDED", error->message);
    } else if (!ensure_session(self, self->shape.rate_hz, self->shape.channels, &error)) {
        refuse_voice(self, error);
    } else {
        const int64_t expected_ns = dub_engine_set_estimate_ns(dub_lanes_engines(lanes), self->chunk_ns);
        self->parent.callbacks.on_ready(dub_lanes_count(lanes), (double) expected_ns / (double) DUB_NS_PER_MS,
                                        self->parent.user_data);
    }
}

static void dubber_free(DubStsWork *work)
{
    Dubber *self = (Dubber *) work;
    dub_sts_lane_free(self->codecs);
    if (self->dubbing_more)
        g_source_destroy(self->dubbing_more);
    g_clear_pointer(&self->dubbing_more, g_source_unref);
    g_clear_pointer(&self->session, dub_speech_session_free);
    dub_engine_lease_free(self->lease);
    g_ptr_array_unref(self->items);
    g_free(self->from);
    g_free(self->to);
    g_free(self->voice);
    g_free(self);
}

DubStsWork *dub_sts_dubber_new(const DubStsDubberConfig *config, const DubStreamInit *init,
                               const DubStsWorkCallbacks *callbacks, void *user_data)
{
    static const DubStsWorkClass klass = { dubber_process, dubber_cancel, dubber_free };
    Dubber *self = g_new0(Dubber, 1);
    self->parent = (DubStsWork){ &klass, *callbacks, user_data };
    self->config = *config;
    self->from = g_strdup(init->source_language);
    self->to = g_strdup(init->target_language);
    self->voice = g_strdup(init->voice_profile);
    self->timeout_ms = init->timeout_ms;
    self->chunk_ns = init->chunk_duration_ms * DUB_NS_PER_MS;
    self->shape = (DubSpeechSessionConfig){ .rate_hz = init->sample_rate_hz, .channels = init->channels };
    self->items = g_ptr_array_new_with_free_func(item_unref);
    self->codecs = dub_sts_lane_new(config->pool, 1);
    self->lease = dub_engine_sets_lease(config->engines, init->source_language, init->target_language, on_lanes, self);
    return &self->parent;
}

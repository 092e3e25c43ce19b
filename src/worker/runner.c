/* worker/runner.c: events of source, speech and sink go into the worker with the time they came at; its effects go out
 * to them. What an effect finds wrong at once is told to the worker from the loop, never from inside the effect. */
#include "worker/runner.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/timer.h"
#include "media/sink.h"
#include "timeline/speech-mix.h"

#define TICK_MS 20 /* under one video frame at 50 Hz, under one AAC frame at 48 kHz */

struct _DubRunner {
    DubRunnerConfig config;
    char *strings[11]; /* what config's pointers point to */
    DubRunnerCallbacks callbacks;
    void *user_data;
    GMainContext *context;
    DubWorker *worker;
    DubHeadSource *source;
    DubSink *sink;
    DubSpeech *speech;
    GstCaps *video_caps;          /* the source's, now */
    DubTrackFormat *video_format; /* NULL: nothing beyond the caps is known */
    DubCarriedTracks *carried;    /* what else the source's file holds; NULL: it is no file */
    int64_t origin_ns;            /* the source's time at output time 0: the earliest that is shown or heard */
    bool has_begun[2];            /* something of sound, of the picture has come */
    GstCaps *sink_caps;           /* those that the output has been told */
    GSource *tick;
    GSource *pending; /* errors found inside an effect, and the parts to be freed outside it */
    GError *source_error, *sink_error, *speech_error, *final_error;
    bool has_head; /* asked for: only what was missed before a publisher's first frame, not in a gap */
    bool source_closed, speech_ended, stopped;
    bool claiming; /* the output is asked for */
    DubWorkerInput sink_input;
    int64_t encoding_cpu_ns; /* of sinks that are closed */
    char *output;
};

/* --- later ------------------------------------------------------------------------------------------------------ */

static void close_sink(DubRunner *self)
{
    if (self->sink)
        self->encoding_cpu_ns += dub_sink_encoding_cpu_ns(self->sink);
    g_clear_pointer(&self->sink, dub_sink_free);
}

static void report_stopped(DubRunner *self)
{
    self->stopped = false;
    dub_timer_drop(&self->tick);
    g_clear_pointer(&self->source, dub_head_source_free);
    g_clear_pointer(&self->speech, dub_speech_free);
    self->output = self->sink ? g_strdup(dub_sink_output_name(self->sink)) : NULL;
    close_sink(self);
    g_autoptr(GError) error = g_steal_pointer(&self->final_error);
    self->callbacks.on_stopped(error, self->output, self->user_data); /* the last: it may free us */
}

static gboolean on_pending(gpointer data)
{
    DubRunner *self = data;
    g_clear_pointer(&self->pending, g_source_unref);
    if (self->source_closed) {
        self->source_closed = false;
        g_clear_pointer(&self->source, dub_head_source_free);
    }
    if (self->stopped) {
        report_stopped(self);
        return G_SOURCE_REMOVE;
    }
    const int64_t now = dub_clock_now();
    g_autoptr(GError) source_error = g_steal_pointer(&self->source_error);
    g_autoptr(GError) speech_error = g_steal_pointer(&self->speech_error);
    g_autoptr(GError) sink_error = g_steal_pointer(&self->sink_error);
    if (source_error)
        dub_worker_source_error(self->worker, source_error, now);
    if (speech_error)
        dub_worker_speech_failed(self->worker, speech_error, now);
    if (sink_error)
        dub_worker_sink_error(self->worker, sink_error, now);
    return G_SOURCE_REMOVE;
}

static void do_later(DubRunner *self)
{
    if (self->pending)
        return;
    self->pending = g_idle_source_new();
    g_source_set_priority(self->pending, G_PRIORITY_DEFAULT);
    g_source_set_callback(self->pending, on_pending, self, NULL);
    g_source_attach(self->pending, self->context);
}

static gboolean on_tick(gpointer data)
{
    DubRunner *self = data;
    dub_worker_tick(self->worker, dub_clock_now());
    return G_SOURCE_CONTINUE;
}

static void start_ticking(DubRunner *self)
{
    if (self->tick)
        return;
    self->tick = g_timeout_source_new(TICK_MS);
    g_source_set_callback(self->tick, on_tick, self, NULL);
    g_source_attach(self->tick, self->context);
}

/* --- source ----------------------------------------------------------------------------------------------------- */

static unsigned codec_of(const GstCaps *video_caps)
{
    return video_caps ? g_quark_from_string(gst_structure_get_name(gst_caps_get_structure(video_caps, 0))) : 0;
}

static void on_source_info(const DubSourceInfo *info, void *user_data)
{
    DubRunner *self = user_data;
    const DubWorkerInput input = { .has_video = info->video_caps != NULL,
                                   .live = info->live,
                                   .rate_hz = info->rate_hz,
                                   .channels = info->channels,
                                   .head_ns = info->age_ns,
                                   .first_ns = info->first_ns,
                                   .video_codec = codec_of(info->video_caps),
                                   .has_commentary = info->has_commentary };
    gst_caps_replace(&self->video_caps, info->video_caps);
    g_clear_pointer(&self->video_format, dub_track_format_unref);
    self->video_format = info->video_format ? dub_track_format_ref(info->video_format) : NULL;
    g_clear_pointer(&self->carried, dub_carried_tracks_unref);
    self->carried = info->carried ? dub_carried_tracks_ref(info->carried) : NULL;
    if (info->live || self->config.worker.paced)
        start_ticking(self);
    if (self->callbacks.on_info)
        self->callbacks.on_info(info, self->user_data);
    dub_worker_source_info(self->worker, &input, dub_clock_now());
}

/* Each unit carries its caps to the output: by then the source may have come back with others, and the output been
 * opened anew in between. */
static void attach_caps(DubRunner *self, DubAccessUnit *unit)
{
    if (unit->new_caps)
        gst_caps_replace(&self->video_caps, unit->new_caps);
    else
        gst_caps_replace(&unit->new_caps, self->video_caps);
}

/* As the worker finds output time 0: the earliest of both streams' first. */
static void note_origin(DubRunner *self, bool is_video, int64_t pts_ns)
{
    if (self->has_begun[true] && self->has_begun[false])
        return;
    self->has_begun[is_video] = true;
    self->origin_ns = MIN(self->origin_ns, pts_ns);
}

static void on_source_video(DubAccessUnit *unit, void *user_data)
{
    DubRunner *self = user_data;
    if (!unit->is_hidden)
        note_origin(self, true, unit->pts_ns);
    attach_caps(self, unit);
    const DubWorkerVideo video = { unit,
                                   unit->pts_ns,
                                   unit->dts_ns,
                                   unit->duration_ns,
                                   unit->key_frame,
                                   gst_buffer_get_size(unit->buffer),
                                   unit->is_hidden };
    dub_worker_source_video(self->worker, &video, dub_clock_now());
}

static void on_source_audio(DubPcm *pcm, int64_t pts_ns, void *user_data)
{
    DubRunner *self = user_data;
    note_origin(self, false, pts_ns);
    dub_worker_source_audio(self->worker, pcm, pts_ns, dub_clock_now());
    dub_pcm_unref(pcm);
}

static void on_source_commentary(DubPcm *pcm, int64_t pts_ns, void *user_data)
{
    DubRunner *self = user_data;
    dub_worker_source_commentary(self->worker, pcm, pts_ns, dub_clock_now());
    dub_pcm_unref(pcm);
}

static void on_source_eos(void *user_data)
{
    dub_worker_source_eos(((DubRunner *) user_data)->worker, dub_clock_now());
}

static void on_source_error(const GError *error, void *user_data)
{
    dub_worker_source_error(((DubRunner *) user_data)->worker, error, dub_clock_now());
}

static const DubSourceCallbacks source_callbacks = {
    .on_info = on_source_info,
    .on_video = on_source_video,
    .on_audio = on_source_audio,
    .on_eos = on_source_eos,
    .on_error = on_source_error,
    .on_commentary = on_source_commentary,
};

static DubSourceChoice source_choice(const DubRunner *self)
{
    DubSourceChoice choice = { .audio_track = self->config.audio_track,
                               .language = self->config.source_language,
                               .commentary_track = self->config.commentary_track };
    dub_sink_choose(self->config.sink_uri, &choice);
    return choice;
}

static void open_source(void *user_data)
{
    DubRunner *self = user_data;
    g_clear_pointer(&self->source, dub_head_source_free);
    self->source_closed = false;
    const DubHeadConfig head = {
        .playback_url = self->has_head ? NULL : self->config.playback_url,
        .path = self->config.playback_path,
        .since_unix_ms = self->config.since_unix_ms,
        .choice = source_choice(self),
    };
    self->source = dub_head_source_new(self->config.source_uri, &head, &source_callbacks, self, &self->source_error);
    self->has_head = true;
    if (self->source)
        dub_head_source_start(self->source);
    else
        do_later(self);
}

static void close_source(void *user_data)
{
    DubRunner *self = user_data;
    if (!self->source)
        return;
    dub_head_source_set_held(self->source, true); /* nothing more until it is freed, outside its own callback */
    self->source_closed = true;
    do_later(self);
}

static void hold_source(bool held, void *user_data)
{
    DubRunner *self = user_data;
    if (self->source && !self->source_closed)
        dub_head_source_set_held(self->source, held);
}

/* --- speech ----------------------------------------------------------------------------------------------------- */

static void on_speech_expected(int64_t processing_ns, void *user_data)
{
    dub_worker_speech_expected(((DubRunner *) user_data)->worker, processing_ns, dub_clock_now());
}

static void on_speech_ready(unsigned max_inflight, void *user_data)
{
    dub_worker_speech_ready(((DubRunner *) user_data)->worker, max_inflight, dub_clock_now());
}

static void on_speech_result(DubSpeechResult *result, void *user_data)
{
    dub_worker_speech_result(((DubRunner *) user_data)->worker, result, dub_clock_now());
}

static void on_speech_pressure(DubPressure pressure, unsigned delay_ms, void *user_data)
{
    dub_worker_speech_pressure(((DubRunner *) user_data)->worker, pressure, delay_ms, dub_clock_now());
}

static void on_speech_lost(const GError *error, unsigned attempt, void *user_data)
{
    DubRunner *self = user_data;
    dub_warning("stream %s: speech link lost: %s; attempt %u follows", self->config.stream_id, error->message, attempt);
    dub_worker_speech_lost(self->worker, dub_clock_now());
}

static void on_speech_failed(const GError *error, void *user_data)
{
    dub_worker_speech_failed(((DubRunner *) user_data)->worker, error, dub_clock_now());
}

static void on_speech_complete(G_GNUC_UNUSED void *user_data)
{
    /* The worker waits for answers, not for this: a link that dies while it says goodbye costs nothing. */
}

static const DubSpeechCallbacks speech_callbacks = {
    .on_expected = on_speech_expected,
    .on_ready = on_speech_ready,
    .on_result = on_speech_result,
    .on_pressure = on_speech_pressure,
    .on_lost = on_speech_lost,
    .on_failed = on_speech_failed,
    .on_complete = on_speech_complete,
};

static void start_speech(const DubWorkerInput *input, void *user_data)
{
    DubRunner *self = user_data;
    const DubSpeechConfig config = {
        .stream_id = self->config.stream_id,
        .worker_id = self->config.worker_id,
        .takes_over = self->config.takes_over,
        .source_language = self->config.source_language,
        .target_language = self->config.target_language,
        .voice = self->config.voice,
        .rate_hz = input->rate_hz,
        .channels = dub_speech_mix_channels(input->channels),
        .segment_ms = (unsigned) (self->config.worker.segment_ns / DUB_NS_PER_MS),
        .max_inflight = self->config.max_inflight,
        .timeout_ms = self->config.timeout_ms,
    };
    g_clear_pointer(&self->speech, dub_speech_free);
    self->speech =
        self->config.create_speech(&config, &speech_callbacks, self, self->config.factory_data, &self->speech_error);
    if (self->speech)
        dub_speech_start(self->speech);
    else
        do_later(self);
}

static void submit(DubFragment *fragment, void *user_data)
{
    dub_speech_submit(((DubRunner *) user_data)->speech, fragment);
}

static void applied(uint64_t sequence_number, void *user_data)
{
    DubRunner *self = user_data;
    if (self->speech && !self->speech_ended)
        dub_speech_applied(self->speech, sequence_number);
}

static void end_speech(void *user_data)
{
    DubRunner *self = user_data;
    if (self->speech && !self->speech_ended)
        dub_speech_end(self->speech);
    self->speech_ended = true;
}

/* --- sink ------------------------------------------------------------------------------------------------------- */

static void on_sink_room(void *user_data)
{
    dub_worker_sink_room(((DubRunner *) user_data)->worker, true, dub_clock_now());
}

static void on_sink_finished(void *user_data)
{
    dub_worker_sink_finished(((DubRunner *) user_data)->worker, dub_clock_now());
}

static void on_sink_error(const GError *error, void *user_data)
{
    dub_worker_sink_error(((DubRunner *) user_data)->worker, error, dub_clock_now());
}

static void on_sink_warning(const char *text, void *user_data)
{
    DubRunner *self = user_data;
    if (self->callbacks.on_warning)
        self->callbacks.on_warning(text, self->user_data);
}

static const DubSinkCallbacks sink_callbacks = {
    .on_warning = on_sink_warning,
    .on_room = on_sink_room,
    .on_finished = on_sink_finished,
    .on_error = on_sink_error,
};

static void make_sink(DubRunner *self)
{
    if (!self->sink_caps)
        gst_caps_replace(&self->sink_caps, self->video_caps);
    const DubSinkConfig config = {
        .uri = self->config.sink_uri,
        .video_caps = self->config.is_sound_only ? NULL : self->sink_caps,
        .video_format = self->config.is_sound_only ? NULL : self->video_format,
        .audio_language = self->config.target_language,
        .audio_title = self->config.audio_title,
        .carried = self->config.is_sound_only ? NULL : self->carried,
        .carry = { self->config.keeps_original, self->config.is_original_default, self->config.source_language },
        .origin_ns = self->origin_ns == G_MAXINT64 ? 0 : self->origin_ns,
        .text_language = self->config.has_texts ? self->config.target_language : NULL,
        .dubs = self->config.dubs,
        .rate_hz = self->sink_input.rate_hz,
        .channels = self->sink_input.channels,
        .live = self->sink_input.live || self->config.worker.paced,
        .tracks_ms = self->config.sink_tracks_ms,
    };
    self->sink = dub_sink_new(&config, &sink_callbacks, self, &self->sink_error);
    if (!self->sink)
        do_later(self);
}

static bool open_sink(const DubWorkerInput *input, void *user_data)
{
    DubRunner *self = user_data;
    self->sink_input = *input;
    close_sink(self);
    if (codec_of(self->sink_caps) != input->video_codec) /* it is for what the source has come back with */
        gst_caps_replace(&self->sink_caps, NULL);
    self->claiming = self->callbacks.on_claim != NULL;
    if (self->claiming)
        self->callbacks.on_claim(self->user_data);
    else
        make_sink(self);
    return !self->claiming;
}

void dub_runner_may_publish(DubRunner *self, const GError *error)
{
    if (!self->claiming)
        return;
    self->claiming = false;
    if (error) {
        dub_worker_sink_error(self->worker, error, dub_clock_now());
        return;
    }
    make_sink(self);
    dub_worker_sink_opened(self->worker, dub_clock_now());
}

bool dub_runner_is_publishing(const DubRunner *self)
{
    return self->sink != NULL && !self->sink_error;
}

static void tell_room(DubRunner *self)
{
    if (dub_sink_is_full(self->sink))
        dub_worker_sink_room(self->worker, false, dub_clock_now());
}

static void tell_caps_if_new(DubRunner *self, DubAccessUnit *unit)
{
    if (self->sink_caps && unit->new_caps && gst_caps_is_equal(self->sink_caps, unit->new_caps))
        gst_clear_caps(&unit->new_caps);
    else
        gst_caps_replace(&self->sink_caps, unit->new_caps);
}

static void push_video(void *payload, int64_t pts_ns, int64_t dts_ns, void *user_data)
{
    DubRunner *self = user_data;
    if (!self->sink) {
        dub_access_unit_free(payload);
        return;
    }
    tell_caps_if_new(self, payload);
    dub_sink_push_video(self->sink, payload, pts_ns, dts_ns);
    tell_room(self);
}

static void push_audio(DubPcm *pcm, void *user_data)
{
    DubRunner *self = user_data;
    if (!self->sink) {
        dub_pcm_unref(pcm);
        return;
    }
    dub_sink_push_audio(self->sink, pcm);
    tell_room(self);
}

static void push_stems(const DubPcm *bed, const DubPcm *dub, void *user_data)
{
    DubRunner *self = user_data;
    self->callbacks.on_stems(bed, dub, self->user_data);
}

void dub_runner_push_text(DubRunner *self, const char *text, int64_t pts_ns, int64_t duration_ns)
{
    if (self->sink)
        dub_sink_push_text(self->sink, text, pts_ns, duration_ns);
}

static void end_sink(bool complete, void *user_data)
{
    DubRunner *self = user_data;
    if (self->sink)
        dub_sink_end(self->sink, complete ? DUB_SINK_COMPLETE : DUB_SINK_INTERRUPTED);
}

/* --- what the owner hears ---------------------------------------------------------------------------------------- */

static void fragment_decided(const DubWorkerFragment *fragment, void *user_data)
{
    DubRunner *self = user_data;
    if (self->callbacks.on_fragment)
        self->callbacks.on_fragment(fragment, self->user_data);
}

static void state_changed(DubWorkerState state, void *user_data)
{
    DubRunner *self = user_data;
    if (self->callbacks.on_state)
        self->callbacks.on_state(state, self->user_data);
}

static void stopped(const GError *error, void *user_data)
{
    DubRunner *self = user_data;
    self->final_error = error ? g_error_copy(error) : NULL;
    self->stopped = true;
    self->claiming = false;
    do_later(self);
}

static void *copy_still(const void *payload)
{
    return dub_access_unit_copy_still(payload);
}

static void free_payload(void *payload)
{
    dub_access_unit_free(payload);
}

static const DubWorkerEffects effects = {
    .open_source = open_source,
    .close_source = close_source,
    .hold_source = hold_source,
    .start_speech = start_speech,
    .submit = submit,
    .applied = applied,
    .end_speech = end_speech,
    .open_sink = open_sink,
    .push_video = push_video,
    .push_audio = push_audio,
    .end_sink = end_sink,
    .fragment_decided = fragment_decided,
    .state_changed = state_changed,
    .stopped = stopped,
    .copy_still = copy_still,
    .free_payload = free_payload,
};

enum { SOURCE_URI = 0 }; /* the only one that may change */

static void keep_strings(DubRunner *self)
{
    const char **const fields[] = {
        &self->config.source_uri,    &self->config.sink_uri,        &self->config.playback_url,
        &self->config.playback_path, &self->config.source_language, &self->config.target_language,
        &self->config.voice,         &self->config.stream_id,       &self->config.worker_id,
        &self->config.audio_title,   &self->config.takes_over,
    };
    G_STATIC_ASSERT(G_N_ELEMENTS(fields) == G_N_ELEMENTS(self->strings));
    for (gsize i = 0; i < G_N_ELEMENTS(fields); i++) {
        self->strings[i] = g_strdup(*fields[i]);
        *fields[i] = self->strings[i];
    }
}

static void move_source(DubRunner *self, const char *uri)
{
    g_free(self->strings[SOURCE_URI]);
    self->config.source_uri = self->strings[SOURCE_URI] = g_strdup(uri);
}

DubRunner *dub_runner_new(const DubRunnerConfig *config, const DubRunnerCallbacks *callbacks, void *user_data,
                          GError **error)
{
    DubRunner *self = g_new0(DubRunner, 1);
    self->config = *config;
    self->origin_ns = G_MAXINT64;
    keep_strings(self);
    self->callbacks = *callbacks;
    self->user_data = user_data;
    self->context = g_main_context_ref_thread_default();
    self->config.worker.stream_id = self->config.stream_id;
    self->config.worker.timeout_ns = config->timeout_ms * DUB_NS_PER_MS;
    self->config.worker.paced = dub_media_uri_is_live(self->config.sink_uri);
    /* Only to fail early: nothing is opened before it is started. */
    g_autoptr(DubSource) probe = dub_source_new(self->config.source_uri, NULL, &source_callbacks, self, error);
    if (!probe) {
        dub_runner_free(self);
        return NULL;
    }
    DubWorkerEffects wanted = effects;
    wanted.push_stems = callbacks->on_stems ? push_stems : NULL;
    self->worker = dub_worker_new(&self->config.worker, &wanted, self);
    return self;
}

void dub_runner_start(DubRunner *self)
{
    dub_worker_start(self->worker, dub_clock_now());
}

void dub_runner_stop(DubRunner *self, unsigned within_ms)
{
    dub_worker_stop(self->worker, within_ms * DUB_NS_PER_MS, dub_clock_now());
}

bool dub_runner_resume(DubRunner *self, const char *source_uri, bool is_same)
{
    move_source(self, source_uri);
    if (!dub_worker_resume(self->worker, is_same, dub_clock_now()))
        return false;
    self->has_head = is_same;
    self->config.since_unix_ms = 0; /* the next publisher's stream is another */
    return true;
}

void dub_runner_source_gone(DubRunner *self)
{
    if (dub_worker_state(self->worker) == DUB_WORKER_CONNECTING)
        dub_worker_stop(self->worker, 0, dub_clock_now()); /* there never was one */
    else
        dub_worker_source_eos(self->worker, dub_clock_now());
}

void dub_runner_stats(const DubRunner *self, DubWorkerStats *stats)
{
    dub_worker_stats(self->worker, stats);
    stats->av_delta_ns = self->sink ? dub_sink_av_delta_ns(self->sink) : 0;
}

int64_t dub_runner_encoding_cpu_ns(const DubRunner *self)
{
    return self->encoding_cpu_ns + (self->sink ? dub_sink_encoding_cpu_ns(self->sink) : 0);
}

DubWorkerState dub_runner_state(const DubRunner *self)
{
    return dub_worker_state(self->worker);
}

void dub_runner_free(DubRunner *self)
{
    if (!self)
        return;
    dub_timer_drop(&self->tick);
    dub_timer_drop(&self->pending);
    dub_head_source_free(self->source);
    dub_speech_free(self->speech);
    dub_sink_free(self->sink);
    dub_worker_free(self->worker);
    gst_caps_replace(&self->video_caps, NULL);
    gst_caps_replace(&self->sink_caps, NULL);
    g_clear_pointer(&self->video_format, dub_track_format_unref);
    g_clear_pointer(&self->carried, dub_carried_tracks_unref);
    g_clear_error(&self->source_error);
    g_clear_error(&self->speech_error);
    g_clear_error(&self->sink_error);
    g_clear_error(&self->final_error);
    for (gsize i = 0; i < G_N_ELEMENTS(self->strings); i++)
        g_free(self->strings[i]);
    g_free(self->output);
    g_main_context_unref(self->context);
    g_free(self);
}

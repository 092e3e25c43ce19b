/* media/source.c: a source on the loop: delivers in order, decides when the streams are known, watches for silence.
 * Loop thread only; the streaming threads end at media/handover.h. */
#include "media/source.h"

#include "audio/layout.h"
#include "base/error.h"
#include "base/http.h"
#include "base/log.h"
#include "media/file-reader.h"
#include "media/gst-error.h"
#include "media/http-input.h"
#include "media/source-pipeline.h"

#include <stdio.h>
#include <string.h>

#define TICK_MS          500
#define LIVE_SILENCE_NS  (10 * DUB_NS_PER_S)
#define HTTP_SILENCE_NS  (30 * DUB_NS_PER_S) /* an HLS segment comes in one go, then nothing for its length */
#define LOCAL_SILENCE_NS (30 * DUB_NS_PER_S) /* a pipe, a playlist that does not grow, a disk that hangs */
#define LATE_NS          DUB_NS_PER_S        /* a track that begins so much later than the other is worth a warning */
#define STREAMS_WAIT_NS \
    (5 * DUB_NS_PER_S) /* for a second stream, after the first data: RTMP does not say what it holds */
#define SAYS_LISTEN      "; if it is ffmpeg -listen 1, let it listen on http:// or srt:// instead, with -f mpegts"
#define TRUNCATED_MIN_NS DUB_NS_PER_S /* a header's duration may be off by this */

struct _DubSource {
    unsigned refs; /* the owner's, and one while a callback runs */
    char *uri;
    DubSourceCallbacks callbacks;
    void *user_data;
    GMainContext *context;
    DubHandover *handover;
    DubSourceFeed *feed;
    GSource *tick;
    bool is_sound_alone, is_held, is_info_sent, is_over, is_freed;
    int64_t started_ns;                     /* or resumed */
    int64_t duration_ns;                    /* declared; DUB_TIME_NONE */
    int64_t delivered_ns;                   /* end of the last unit or PCM */
    int64_t first_video_ns, first_audio_ns; /* what was delivered first; DUB_TIME_NONE */
    unsigned audio_track, commentary_track; /* that were chosen; 0: none */
    bool is_length_declared;
};

bool dub_media_uri_is_live(const char *uri)
{
    static const char *const live[] = { "rtmp", "rtmps", "rtsp", "rtsps", "srt", "http", "https", NULL };
    g_autofree char *scheme = strstr(uri, "://") ? g_uri_parse_scheme(uri) : NULL;
    g_autofree char *lower = scheme ? g_ascii_strdown(scheme, -1) : NULL;
    return lower && g_strv_contains(live, lower);
}

void dub_source_streams_clear(DubSourceStreams *streams)
{
    gst_clear_caps(&streams->video_caps);
    g_clear_pointer(&streams->video_format, dub_track_format_unref);
    g_clear_pointer(&streams->carried, dub_carried_tracks_unref);
    g_clear_pointer(&streams->audio_name, g_free);
}

static void unref(DubSource *self)
{
    if (--self->refs)
        return;
    dub_handover_unref(self->handover);
    if (self->feed)
        self->feed->class->unref(self->feed);
    g_main_context_unref(self->context);
    g_free(self->uri);
    g_free(self);
}

/* Nothing is delivered after this. */
static void finish(DubSource *self)
{
    self->is_over = true;
    if (self->tick) {
        g_source_destroy(self->tick);
        g_clear_pointer(&self->tick, g_source_unref);
    }
}

static void report_error(DubSource *self, GError *error)
{
    finish(self);
    self->callbacks.on_error(error, self->user_data);
    g_error_free(error);
}

static GError *no_audio_error(DubSource *self, const DubSourceStreams *streams)
{
    g_autofree char *name = dub_url_printable(self->uri);
    if (streams->has_audio)
        return g_error_new(DUB_ERROR, DUB_ERROR_CORRUPT, "%s: its audio track holds no sound that can be decoded",
                           name);
    if (self->audio_track && (streams->has_video || streams->has_commentary))
        return g_error_new(DUB_ERROR, DUB_ERROR_NO_AUDIO, "%s: it has no audio track %u", name, self->audio_track);
    if (!streams->has_video && dub_media_uri_is_live(self->uri))
        return g_error_new(DUB_ERROR, DUB_ERROR_NETWORK, "%s: the server closed the connection before any media came%s",
                           name, g_str_has_prefix(self->uri, "rtmp") ? SAYS_LISTEN : "");
    if (!streams->has_video)
        return g_error_new(DUB_ERROR, DUB_ERROR_CORRUPT, "%s: not a media file or stream", name);
    return g_error_new(DUB_ERROR, DUB_ERROR_NO_AUDIO, "%s: audio track required for dubbing", name);
}

static void send_info(DubSource *self, const DubSourceStreams *streams)
{
    self->is_info_sent = true;
    if (self->is_sound_alone)
        ; /* nobody misses the picture */
    else if (!streams->video_caps && dub_media_uri_is_live(self->uri) && !dub_handover_has_ended(self->handover)) {
        g_autofree char *name = dub_url_printable(self->uri);
        dub_warning("%s: no picture has come; it goes on as sound alone", name);
    } else if (streams->has_video && !streams->video_caps) {
        g_autofree char *name = dub_url_printable(self->uri);
        dub_warning("%s: its video track has shown no picture so far; it goes on as sound alone", name);
    }
    if (self->commentary_track && !streams->has_commentary) {
        g_autofree char *name = dub_url_printable(self->uri);
        dub_warning("%s: no audio track %u has come, which was to have the commentary; the sound that is heard is "
                    "recognised",
                    name, self->commentary_track);
    }
    self->feed->class->freeze(self->feed);
    self->duration_ns = self->feed->class->duration_ns(self->feed);
    self->is_length_declared = streams->is_length_declared;
    dub_handover_start_bounding(self->handover);
    const DubSourceInfo info = {
        .video_caps = self->is_sound_alone ? NULL : streams->video_caps,
        .video_format = streams->video_format,
        .carried = streams->carried,
        .has_commentary = streams->has_commentary,
        .audio_name = streams->audio_name,
        .rate_hz = streams->rate_hz,
        .channels = streams->channels,
        .duration_ns = self->duration_ns,
        .live = dub_media_uri_is_live(self->uri) && self->duration_ns == DUB_TIME_NONE,
    };
    self->callbacks.on_info(&info, self->user_data);
}

/* Nobody waits longer: the file is read to its end, or a live stream has had its time. */
static bool must_decide(DubSource *self)
{
    if (dub_handover_has_ended(self->handover))
        return true;
    const int64_t first_ns = dub_handover_first_arrival_ns(self->handover);
    return dub_media_uri_is_live(self->uri) && first_ns != DUB_TIME_NONE &&
           dub_clock_now() - first_ns >= STREAMS_WAIT_NS;
}

/* Sends on_info or on_error as soon as it can be known. Returns: whether items may be delivered. */
static bool settle_streams(DubSource *self)
{
    DubSourceStreams streams;
    self->feed->class->get_streams(self->feed, &streams);
    const bool decide = streams.is_complete || must_decide(self);
    const bool lacks_picture = streams.has_video && !streams.video_caps && !self->is_sound_alone;
    GError *error = decide && lacks_picture ? dub_handover_steal_error(self->handover) : NULL;
    if (error) { /* what is only half there is not begun with */
        report_error(self, error);
    } else if (decide && streams.rate_hz) {
        send_info(self, &streams);
    } else if (decide) {
        error = dub_handover_steal_error(self->handover);
        report_error(self, error ? error : no_audio_error(self, &streams));
    }
    dub_source_streams_clear(&streams);
    return self->is_info_sent && !self->is_freed && !self->is_over;
}

static void note_delivered(DubSource *self, int64_t end_ns)
{
    self->delivered_ns = MAX(self->delivered_ns, end_ns);
}

/* Sound files do have pictures that begin late; a viewer should know that it is the file. */
static void note_first(DubSource *self, int64_t *first_ns, int64_t pts_ns)
{
    if (*first_ns != DUB_TIME_NONE)
        return;
    *first_ns = pts_ns;
    if (self->first_video_ns == DUB_TIME_NONE || self->first_audio_ns == DUB_TIME_NONE)
        return;
    const int64_t late_ns = self->first_video_ns - self->first_audio_ns;
    g_autofree char *name = dub_url_printable(self->uri);
    if (ABS(late_ns) > LATE_NS)
        dub_warning("%s: its %s begins %.1f s after its %s", name, late_ns > 0 ? "picture" : "sound",
                    (double) ABS(late_ns) / DUB_NS_PER_S, late_ns > 0 ? "sound" : "picture");
}

static void deliver_video(DubSource *self, DubHandoverItem *item)
{
    if (self->is_sound_alone) { /* of a live stream: a file's pictures are not even read */
        g_clear_pointer(&item->unit, dub_access_unit_free);
        return;
    }
    note_delivered(self, item->unit->pts_ns + MAX(item->unit->duration_ns, 0));
    if (!item->unit->is_hidden)
        note_first(self, &self->first_video_ns, item->unit->pts_ns);
    self->callbacks.on_video(g_steal_pointer(&item->unit), self->user_data);
}

static void deliver_audio(DubSource *self, DubHandoverItem *item)
{
    note_delivered(self, item->pts_ns + dub_pcm_duration_ns(item->pcm));
    note_first(self, &self->first_audio_ns, item->pts_ns);
    self->callbacks.on_audio(g_steal_pointer(&item->pcm), item->pts_ns, self->user_data);
}

static void deliver_commentary(DubSource *self, DubHandoverItem *item)
{
    if (self->callbacks.on_commentary)
        self->callbacks.on_commentary(g_steal_pointer(&item->pcm), item->pts_ns, self->user_data);
}

static GError *truncation_error(const DubSource *self)
{
    if (!self->is_length_declared || self->duration_ns == DUB_TIME_NONE || dub_media_uri_is_live(self->uri))
        return NULL;
    if (self->duration_ns - self->delivered_ns <= MAX(TRUNCATED_MIN_NS, self->duration_ns / 20))
        return NULL;
    g_autofree char *name = dub_url_printable(self->uri);
    return g_error_new(DUB_ERROR, DUB_ERROR_CORRUPT, "%s: truncated: it ends at %.1f s of %.1f s", name,
                       (double) self->delivered_ns / DUB_NS_PER_S, (double) self->duration_ns / DUB_NS_PER_S);
}

static void deliver_eos(DubSource *self, int64_t read_ns)
{
    note_delivered(self, read_ns);
    GError *error = truncation_error(self);
    if (error) {
        report_error(self, error);
        return;
    }
    finish(self);
    self->callbacks.on_eos(self->user_data);
}

static void dispatch_item(DubSource *self, DubHandoverItem *item)
{
    switch (item->kind) {
    case DUB_HANDOVER_VIDEO: deliver_video(self, item); return;
    case DUB_HANDOVER_AUDIO: deliver_audio(self, item); return;
    case DUB_HANDOVER_COMMENTARY: deliver_commentary(self, item); return;
    case DUB_HANDOVER_EOS: deliver_eos(self, item->pts_ns); return;
    case DUB_HANDOVER_ERROR: report_error(self, g_steal_pointer(&item->error)); return;
    }
}

/* Before any stream is known: an error says it all, and the end of a source that gave nothing is one. */
static bool deliver_before_info(DubSource *self, DubHandoverItem *item)
{
    if (item->kind == DUB_HANDOVER_ERROR) {
        dispatch_item(self, item);
        return true;
    }
    return settle_streams(self);
}

static bool deliver(DubHandoverItem *item, void *user_data)
{
    DubSource *self = user_data;
    if (self->is_over)
        return true; /* dropped */
    if (self->is_held)
        return false;
    self->refs++;
    bool taken = true;
    if (!self->is_info_sent)
        taken = deliver_before_info(self, item);
    if (self->is_held && taken && !self->is_over) /* on_info may hold us */
        taken = false;
    else if (taken && self->is_info_sent && !self->is_over && !self->is_freed)
        dispatch_item(self, item);
    unref(self);
    return taken;
}

static GError *silence_error(DubSource *self)
{
    const bool is_local = !dub_media_uri_is_live(self->uri);
    const int64_t limit_ns = is_local                           ? LOCAL_SILENCE_NS
                             : dub_http_input_is_url(self->uri) ? HTTP_SILENCE_NS
                                                                : LIVE_SILENCE_NS;
    const int64_t last_ns = dub_handover_last_arrival_ns(self->handover);
    if (dub_clock_now() - MAX(last_ns, self->started_ns) < limit_ns)
        return NULL;
    g_autofree char *name = dub_url_printable(self->uri);
    const char *what = last_ns == DUB_TIME_NONE ? "no data came within" : "no more data for";
    const bool may_listen = last_ns == DUB_TIME_NONE && g_str_has_prefix(self->uri, "rtmp");
    return g_error_new(DUB_ERROR, is_local ? DUB_ERROR_TIMEOUT : DUB_ERROR_STALLED, "%s: %s %d s%s", name, what,
                       (int) (limit_ns / DUB_NS_PER_S), may_listen ? SAYS_LISTEN : "");
}

static gboolean on_tick(void *data)
{
    DubSource *self = data;
    if (self->is_held)
        return G_SOURCE_CONTINUE;
    if (!self->is_info_sent)
        dub_handover_resume(self->handover); /* its first item asks again whether the wait is over */
    GError *error = silence_error(self);
    if (error)
        dub_handover_fail(self->handover, error);
    return G_SOURCE_CONTINUE;
}

static bool check_file(const char *path, GError **error)
{
    g_autofree char *missing = g_str_equal(path, "-") ? NULL : dub_error_missing_folder(path);
    if (g_file_test(path, G_FILE_TEST_IS_DIR))
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "%s: is a folder, not a media file", path);
    else if (!g_str_equal(path, "-") && !g_file_test(path, G_FILE_TEST_EXISTS))
        g_set_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND, "%s: %s", path, missing ? missing : "no such file");
    else
        return true;
    return false;
}

/* Debian's libavformat does not know Enhanced RTMP, which FLV files may hold too: they are read as RTMP is. */
static bool is_flv_file(const char *path)
{
    char magic[3] = "";
    if (!g_file_test(path, G_FILE_TEST_IS_REGULAR)) /* nothing is taken from a pipe */
        return false;
    FILE *file = fopen(path, "rb");
    const bool is_flv = file && fread(magic, 1, sizeof magic, file) == sizeof magic && !memcmp(magic, "FLV", 3);
    if (file)
        fclose(file);
    return is_flv;
}

static DubSourceFeed *new_feed(DubSource *self, const DubSourceChoice *choice, GError **error)
{
    const unsigned allowed = choice && choice->allowed_channels ? choice->allowed_channels : DUB_CHANNELS_STEREO;
    DubFileReaderConfig config = { .audio_track = choice ? choice->audio_track : 0,
                                   .language = choice ? choice->language : NULL,
                                   .commentary_track = choice ? choice->commentary_track : 0,
                                   .allowed_channels = allowed,
                                   .is_sound_alone = self->is_sound_alone,
                                   .silence_ns = LOCAL_SILENCE_NS };
    if (dub_http_input_is_url(self->uri)) {
        config.silence_ns = HTTP_SILENCE_NS;
        return dub_file_reader_new(self->uri, &config, self->handover);
    }
    if (strstr(self->uri, "://") && g_ascii_strncasecmp(self->uri, "file://", 7) != 0)
        return dub_source_pipeline_new(self->uri, choice, self->handover, error);
    g_autofree char *path =
        strstr(self->uri, "://") ? g_filename_from_uri(self->uri, NULL, error) : g_strdup(self->uri);
    if (!path || !check_file(path, error))
        return NULL;
    if (is_flv_file(path))
        return dub_source_pipeline_new(path, choice, self->handover, error);
    return dub_file_reader_new(path, &config, self->handover);
}

DubSource *dub_source_new(const char *uri, const DubSourceChoice *choice, const DubSourceCallbacks *callbacks,
                          void *user_data, GError **error)
{
    const bool blocks = !dub_media_uri_is_live(uri) || dub_http_input_is_url(uri);
    DubSource *self = g_new0(DubSource, 1);
    self->refs = 1;
    self->uri = g_strdup(uri);
    self->callbacks = *callbacks;
    self->user_data = user_data;
    self->is_sound_alone = choice && choice->is_sound_alone;
    self->duration_ns = self->first_video_ns = self->first_audio_ns = DUB_TIME_NONE;
    self->context = g_main_context_ref_thread_default();
    self->handover = dub_handover_new(self->context, blocks ? DUB_HANDOVER_BLOCK : DUB_HANDOVER_LIVE, deliver, self);
    self->audio_track = choice ? choice->audio_track : 0;
    self->commentary_track = choice ? choice->commentary_track : 0;
    self->feed = new_feed(self, choice, error);
    if (self->feed)
        return self;
    dub_source_free(self);
    return NULL;
}

void dub_source_start(DubSource *self)
{
    g_return_if_fail(!self->tick && !self->is_over);
    self->started_ns = dub_clock_now();
    self->tick = g_timeout_source_new(TICK_MS);
    g_source_set_callback(self->tick, on_tick, self, NULL);
    g_source_attach(self->tick, self->context);
    self->feed->class->start(self->feed);
}

void dub_source_set_held(DubSource *self, bool held)
{
    if (self->is_held && !held)
        self->started_ns = dub_clock_now(); /* what was held back is not silent */
    self->is_held = held;
    if (!held)
        dub_handover_resume(self->handover);
}

void dub_source_free(DubSource *self)
{
    if (!self)
        return;
    self->is_freed = true;
    finish(self);
    dub_handover_close(self->handover);
    if (self->feed)
        self->feed->class->stop(self->feed);
    unref(self);
}

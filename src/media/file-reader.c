/* media/file-reader.c: one thread that reads packets, makes access units and PCM of them, and puts both into the
 * handover, which holds it back when the loop has enough. `lock` guards the facts that the loop reads. */
#include "media/file-reader.h"

#include "audio/libav-setup.h"
#include "audio/layout.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/http.h"
#include "base/log.h"
#include "media/file-format.h"
#include "media/file-input.h"
#include "media/file-pictures.h"
#include "media/file-tracks.h"
#include "media/http-nested.h"
#include "media/sound-decoder.h"

#include <libavformat/avformat.h>
#include <string.h>

#define STOP_MAX_US   (5 * G_USEC_PER_SEC)
#define NO_PICTURE_NS (30 * DUB_NS_PER_S) /* of a video track: longer than any distance of key frames */
#define MAX_BAD_READS 16                  /* in a row; a demuxer goes on behind a damaged place, or never */
#define NO_PIPE                                                                                                     \
    "this format cannot be read from a pipe, since its index comes last; write it into a file first, or pipe .ts, " \
    ".mkv or .wav"
#define NO_RANGES                                                                                                   \
    "its index comes last, and its server takes no Range requests; download it first, or let the server give .ts, " \
    ".mkv or HLS"

typedef struct {
    DubSourceFeed feed;
    gatomicrefcount refs;
    char *path, *name; /* name: as errors call it */
    bool is_network;
    DubFileReaderConfig config;
    char *language;
    DubHandover *handover;
    GCancellable *cancellable;

    /* the thread's */
    DubHttpAccess *http; /* of a network source, as the next */
    DubHttpNested *nested;
    DubInput *input;
    AVFormatContext *format;
    const AVStream *video, *audio, *commentary;
    DubFilePictures *pictures;
    DubSoundDecoder *sound, *commentary_sound;
    int64_t n_pictures, end_ns;
    int64_t first_packet_ns; /* of the picture; DUB_TIME_NONE */
    int64_t read_ns;         /* end of what was read of any track, also of one that is not delivered */
    bool has_key;            /* of a network source */
    bool is_refused;         /* the handover takes no more */

    GMutex lock; /* guards all below */
    GCond ended;
    bool is_running;
    DubSourceStreams streams;
    int64_t duration_ns;
} DubFileReader;

static DubFileReader *reader_of(DubSourceFeed *feed)
{
    return (DubFileReader *) feed;
}

static void fail(DubFileReader *self, DubErrorCode code, const char *text)
{
    dub_handover_fail(self->handover, g_error_new(DUB_ERROR, code, "%s: %s", self->name, text));
}

/* --- what goes out (the thread) --- */

static bool on_picture(DubAccessUnit *unit, GstCaps *caps, void *user_data)
{
    DubFileReader *self = user_data;
    self->has_key |= unit->key_frame;
    if (self->is_network && !self->has_key) { /* joined in the middle: it cannot be shown */
        dub_access_unit_free(unit);
        return true;
    }
    const bool is_first = !self->n_pictures++;
    if (is_first) {
        g_mutex_lock(&self->lock);
        gst_caps_replace(&self->streams.video_caps, caps);
        g_mutex_unlock(&self->lock);
    }
    self->end_ns = MAX(self->end_ns, unit->pts_ns);
    const DubHandoverItem item = { .kind = DUB_HANDOVER_VIDEO,
                                   .unit = unit,
                                   .size_bytes = gst_buffer_get_size(unit->buffer) };
    self->is_refused = !dub_handover_push(self->handover, item);
    if (is_first)
        dub_handover_resume(self->handover); /* all may be known now */
    return !self->is_refused;
}

static bool on_pcm(DubPcm *pcm, int64_t pts_ns, void *user_data)
{
    DubFileReader *self = user_data;
    g_mutex_lock(&self->lock);
    const bool is_first = !self->streams.rate_hz;
    self->streams.rate_hz = pcm->rate_hz;
    self->streams.channels = pcm->channels;
    g_mutex_unlock(&self->lock);
    self->end_ns = MAX(self->end_ns, pts_ns + dub_pcm_duration_ns(pcm));
    const gsize size = pcm->n_frames * pcm->channels * sizeof(float);
    self->is_refused = !dub_handover_push(
        self->handover,
        (DubHandoverItem){ .kind = DUB_HANDOVER_AUDIO, .pcm = pcm, .pts_ns = pts_ns, .size_bytes = size });
    if (is_first)
        dub_handover_resume(self->handover);
    return !self->is_refused;
}

static bool on_commentary(DubPcm *pcm, int64_t pts_ns, void *user_data)
{
    DubFileReader *self = user_data;
    const gsize size = pcm->n_frames * pcm->channels * sizeof(float);
    self->is_refused = !dub_handover_push(
        self->handover,
        (DubHandoverItem){ .kind = DUB_HANDOVER_COMMENTARY, .pcm = pcm, .pts_ns = pts_ns, .size_bytes = size });
    return !self->is_refused;
}

/* --- opening (the thread) --- */

/* Returns: (transfer full) (nullable): why the bytes themselves could not be read */
static GError *steal_input_error(DubFileReader *self)
{
    GError *error = dub_input_steal_error(self->input);
    return error || !self->nested ? error : dub_http_nested_steal_error(self->nested);
}

static bool fail_opening(DubFileReader *self, int status, int score)
{
    GError *error = steal_input_error(self);
    if (error)
        dub_handover_fail(self->handover, error);
    else if (status == AVERROR_DEMUXER_NOT_FOUND || score <= AVPROBE_SCORE_EXTENSION)
        fail(self, DUB_ERROR_CORRUPT, "not a media file");
    else if (dub_input_size(self->input) < 0)
        fail(self, DUB_ERROR_UNSUPPORTED, self->is_network ? NO_RANGES : NO_PIPE);
    else
        fail(self, DUB_ERROR_CORRUPT, "corrupt, or cut short before its index");
    return false;
}

/* What is offered beside the chosen tracks in playlists of its own is not downloaded. */
static void leave_others(const DubFileReader *self)
{
    for (unsigned i = 0; i < self->format->nb_streams && dub_file_format_is_hls(self->format->iformat); i++)
        if (self->format->streams[i] != self->video && self->format->streams[i] != self->audio &&
            self->format->streams[i] != self->commentary)
            self->format->streams[i]->discard = AVDISCARD_ALL;
}

static bool open_format(DubFileReader *self)
{
    GError *error = NULL;
    DubFileFormat opened;
    const DubFileFormatConfig config = { self->is_network ? dub_http_input_url(self->input) : self->path, self->name,
                                         self->cancellable, self->http };
    const bool is_open = dub_file_format_open(self->input, &config, &opened, &error);
    self->format = opened.format;
    self->nested = opened.nested;
    if (error)
        dub_handover_fail(self->handover, error);
    return is_open || (!error && fail_opening(self, opened.status, opened.score));
}

static bool open_tracks(DubFileReader *self)
{
    g_autoptr(GError) error = NULL;
    if (self->video) {
        const bool has_dts = !strstr(self->format->iformat->name, "matroska");
        self->pictures =
            dub_file_pictures_new(self->video, self->streams.video_format, has_dts, on_picture, self, &error);
    }
    const DubSoundDecoderConfig sound = { dub_file_tracks_sound_end_ns(self->format, self->audio),
                                          self->config.allowed_channels };
    if (!error)
        self->sound = dub_sound_decoder_new(self->audio, &sound, on_pcm, self, &error);
    if (!error && self->commentary) {
        const DubSoundDecoderConfig commentary = { dub_file_tracks_sound_end_ns(self->format, self->commentary),
                                                   DUB_CHANNELS_STEREO }; /* only recognition hears it */
        self->commentary_sound = dub_sound_decoder_new(self->commentary, &commentary, on_commentary, self, &error);
    }
    if (!error)
        return true;
    fail(self, error->code, error->message);
    return false;
}

/* Returns: false when there is nothing to dub: the source says so, it is told that there is no sound. */
static bool choose_tracks(DubFileReader *self)
{
    g_autoptr(GError) error = NULL;
    const AVStream *video = dub_file_tracks_find_video(self->format);
    self->video = self->config.is_sound_alone ? NULL : video;
    if (self->config.commentary_track)
        self->commentary = dub_file_tracks_find_audio(self->format, self->config.commentary_track, NULL, NULL, &error);
    if (!error)
        self->audio = dub_file_tracks_find_audio(self->format, self->config.audio_track, self->language,
                                                 self->commentary, &error);
    const char *path =
        self->is_network || dub_input_size(self->input) < 0 ? NULL : self->path; /* read once, or twice */
    g_mutex_lock(&self->lock);
    self->streams.has_video = video != NULL;
    self->streams.has_audio = self->audio != NULL;
    self->streams.has_commentary = self->commentary != NULL;
    self->streams.video_format = self->video ? dub_track_format_new(self->video) : NULL;
    self->streams.audio_name = self->audio ? dub_file_tracks_audio_name(self->format, self->audio) : NULL;
    self->streams.carried = self->audio ? dub_carried_tracks_new(self->format, self->video, self->audio, path) : NULL;
    self->streams.is_length_declared =
        dub_file_tracks_is_length_declared(self->format, self->video, dub_input_size(self->input)) ||
        dub_file_tracks_is_length_declared(self->format, self->audio, dub_input_size(self->input));
    self->duration_ns = dub_file_tracks_duration_ns(self->format);
    g_mutex_unlock(&self->lock);
    if (error)
        fail(self, error->code, error->message);
    leave_others(self);
    return self->audio != NULL;
}

/* --- reading (the thread) --- */

static void note_read(DubFileReader *self, const AVPacket *packet)
{
    const AVRational ns = { 1, DUB_NS_PER_S };
    if (packet->pts != AV_NOPTS_VALUE)
        self->read_ns = MAX(self->read_ns, av_rescale_q(packet->pts + MAX(packet->duration, 0),
                                                        self->format->streams[packet->stream_index]->time_base, ns));
}

static void fail_without_pictures(DubFileReader *self)
{
    const enum AVCodecID codec = self->video->codecpar->codec_id;
    const bool has_sets = codec == AV_CODEC_ID_H264 || codec == AV_CODEC_ID_HEVC;
    g_autofree char *text =
        g_strdup_printf("its video track holds no picture that can be read%s; for the sound alone name OUT .m4a, "
                        ".mp3 or .wav",
                        has_sets ? ", since its parameter sets (SPS, PPS) are missing or damaged" : "");
    fail(self, DUB_ERROR_CORRUPT, text);
}

/* It is said before hours of sound have been dubbed. */
static bool lacks_pictures(DubFileReader *self, const AVPacket *packet)
{
    const AVRational ns = { 1, DUB_NS_PER_S };
    if (self->n_pictures || packet->dts == AV_NOPTS_VALUE)
        return false;
    const int64_t time_ns = av_rescale_q(packet->dts, self->video->time_base, ns);
    if (self->first_packet_ns == DUB_TIME_NONE)
        self->first_packet_ns = time_ns;
    if (self->is_network || time_ns - self->first_packet_ns < NO_PICTURE_NS)
        return false;
    fail_without_pictures(self);
    self->is_refused = true;
    return true;
}

static bool push_packet(DubFileReader *self, const AVPacket *packet)
{
    note_read(self, packet);
    if (self->video && packet->stream_index == self->video->index)
        return dub_file_pictures_push(self->pictures, packet) && !lacks_pictures(self, packet);
    if (packet->stream_index == self->audio->index)
        return dub_sound_decoder_push(self->sound, packet);
    if (self->commentary && packet->stream_index == self->commentary->index)
        return dub_sound_decoder_push(self->commentary_sound, packet);
    return true;
}

/* Returns: how reading ended; 0: the handover takes no more */
static int read_all(DubFileReader *self)
{
    AVPacket *packet = av_packet_alloc();
    int status = 0, n_bad = 0;
    while (!self->is_refused && n_bad < MAX_BAD_READS) {
        status = av_read_frame(self->format, packet);
        if (status == AVERROR_EOF || status == AVERROR_EXIT || g_cancellable_is_cancelled(self->cancellable))
            break;
        n_bad = status < 0 ? n_bad + 1 : 0;
        if (status >= 0)
            push_packet(self, packet);
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    return self->is_refused ? 0 : status;
}

/* A live stream may lose a segment and go on; something whole has then not been delivered whole. */
static bool fail_if_input_did(DubFileReader *self)
{
    const bool may_lose = self->nested && self->duration_ns == DUB_TIME_NONE;
    GError *error = dub_input_steal_error(self->input);
    if (!error && self->nested && (!may_lose || dub_http_nested_is_broken(self->nested)))
        error = dub_http_nested_steal_error(self->nested);
    if (error)
        dub_handover_fail(self->handover, error);
    return error != NULL;
}

/* What was announced has been delivered, or it is said what was not. */
static void finish(DubFileReader *self, int status)
{
    if (self->pictures)
        dub_file_pictures_push(self->pictures, NULL);
    dub_sound_decoder_push(self->sound, NULL);
    if (self->commentary_sound)
        dub_sound_decoder_push(self->commentary_sound, NULL);
    if (fail_if_input_did(self))
        return;
    if (dub_input_size(self->input) < 0 && self->end_ns == 0) {
        fail(self, DUB_ERROR_UNSUPPORTED, self->is_network ? NO_RANGES : NO_PIPE);
        return;
    }
    if (status != AVERROR_EOF && !self->streams.is_length_declared) { /* where it is, the source compares */
        g_autofree char *text = g_strdup_printf("damaged: nothing can be read beyond %.1f s: %s",
                                                (double) self->end_ns / DUB_NS_PER_S, av_err2str(status));
        fail(self, DUB_ERROR_CORRUPT, text);
        return;
    }
    if (self->pictures && !self->n_pictures) {
        fail_without_pictures(self);
        return;
    }
    if (self->pictures && dub_file_pictures_n_untimed(self->pictures))
        dub_warning("%s: %u pictures have no timestamp; they are placed by their order", self->name,
                    dub_file_pictures_n_untimed(self->pictures));
    if (dub_sound_decoder_n_broken(self->sound))
        dub_warning("%s: %u pieces of its sound cannot be decoded", self->name,
                    dub_sound_decoder_n_broken(self->sound));
    dub_handover_push(self->handover, (DubHandoverItem){ .kind = DUB_HANDOVER_EOS, .pts_ns = self->read_ns });
}

static void set_complete(DubFileReader *self)
{
    g_mutex_lock(&self->lock);
    self->streams.is_complete = true;
    g_mutex_unlock(&self->lock);
}

static bool open_bytes(DubFileReader *self)
{
    GError *error = NULL;
    if (self->is_network) {
        self->http = dub_http_access_new(self->path, self->config.silence_ns, self->cancellable, &error);
        self->input = self->http ? dub_http_input_open(self->http, self->path, 0, -1, &error) : NULL;
    } else {
        self->input = dub_file_input_open(self->path, self->config.silence_ns, self->cancellable, &error);
    }
    if (!self->input)
        dub_handover_fail(self->handover, error);
    return self->input != NULL;
}

static void read_file(DubFileReader *self)
{
    if (!open_bytes(self) || !open_format(self))
        return;
    const bool has_sound = choose_tracks(self);
    set_complete(self);
    if (!has_sound) {
        if (!fail_if_input_did(self))
            dub_handover_push(self->handover, (DubHandoverItem){ .kind = DUB_HANDOVER_EOS });
        return;
    }
    if (!open_tracks(self))
        return;
    const int status = read_all(self);
    if (status != 0 && !g_cancellable_is_cancelled(self->cancellable))
        finish(self, status);
}

static void close_all(DubFileReader *self)
{
    g_clear_pointer(&self->pictures, dub_file_pictures_free);
    g_clear_pointer(&self->sound, dub_sound_decoder_free);
    g_clear_pointer(&self->commentary_sound, dub_sound_decoder_free);
    avformat_close_input(&self->format);
    g_clear_pointer(&self->nested, dub_http_nested_free);
    g_clear_pointer(&self->input, dub_input_close);
    g_clear_pointer(&self->http, dub_http_access_free);
}

static void unref(DubSourceFeed *feed)
{
    DubFileReader *self = reader_of(feed);
    if (!g_atomic_ref_count_dec(&self->refs))
        return;
    dub_source_streams_clear(&self->streams);
    dub_handover_unref(self->handover);
    g_object_unref(self->cancellable);
    g_mutex_clear(&self->lock);
    g_cond_clear(&self->ended);
    g_free(self->path);
    g_free(self->name);
    g_free(self->language);
    g_free(self);
}

static void *run(void *data)
{
    DubFileReader *self = data;
    read_file(self);
    close_all(self);
    g_mutex_lock(&self->lock);
    self->is_running = false;
    g_cond_signal(&self->ended);
    g_mutex_unlock(&self->lock);
    unref(&self->feed);
    return NULL;
}

/* --- the loop thread --- */

static void start(DubSourceFeed *feed)
{
    DubFileReader *self = reader_of(feed);
    g_atomic_ref_count_inc(&self->refs);
    self->is_running = true;
    g_thread_unref(g_thread_new("file-reader", run, self));
}

/* A disk that does not answer is left to the thread. So is a server from the first: other streams run on this loop. */
static void stop(DubSourceFeed *feed)
{
    DubFileReader *self = reader_of(feed);
    const int64_t until_us = g_get_monotonic_time() + STOP_MAX_US;
    g_cancellable_cancel(self->cancellable);
    if (self->is_network)
        return;
    g_mutex_lock(&self->lock);
    while (self->is_running && g_cond_wait_until(&self->ended, &self->lock, until_us)) {
    }
    g_mutex_unlock(&self->lock);
}

static void get_streams(DubSourceFeed *feed, DubSourceStreams *streams)
{
    DubFileReader *self = reader_of(feed);
    g_mutex_lock(&self->lock);
    *streams = self->streams;
    streams->video_caps = self->streams.video_caps ? gst_caps_ref(self->streams.video_caps) : NULL;
    streams->video_format = self->streams.video_format ? dub_track_format_ref(self->streams.video_format) : NULL;
    streams->carried = self->streams.carried ? dub_carried_tracks_ref(self->streams.carried) : NULL;
    streams->audio_name = g_strdup(self->streams.audio_name);
    streams->is_complete &= (!self->streams.has_video || self->streams.video_caps || self->config.is_sound_alone) &&
                            (!self->streams.has_audio || self->streams.rate_hz);
    g_mutex_unlock(&self->lock);
}

static void freeze(DubSourceFeed *feed)
{
    (void) feed; /* all tracks are known from the header */
}

static int64_t duration_ns(DubSourceFeed *feed)
{
    DubFileReader *self = reader_of(feed);
    g_mutex_lock(&self->lock);
    const int64_t duration = self->duration_ns;
    g_mutex_unlock(&self->lock);
    return duration;
}

static const DubSourceFeedClass reader_class = { start, stop, unref, get_streams, freeze, duration_ns };

DubSourceFeed *dub_file_reader_new(const char *path, const DubFileReaderConfig *config, DubHandover *handover)
{
    dub_libav_setup();
    DubFileReader *self = g_new0(DubFileReader, 1);
    self->feed.class = &reader_class;
    g_atomic_ref_count_init(&self->refs);
    g_mutex_init(&self->lock);
    g_cond_init(&self->ended);
    self->path = g_strdup(path);
    self->name = g_str_equal(path, "-") ? g_strdup("standard input") : dub_url_printable(path);
    self->is_network = dub_http_input_is_url(path);
    self->config = *config;
    self->language = g_strdup(config->language);
    self->handover = dub_handover_ref(handover);
    self->cancellable = g_cancellable_new();
    self->duration_ns = self->first_packet_ns = DUB_TIME_NONE;
    return &self->feed;
}

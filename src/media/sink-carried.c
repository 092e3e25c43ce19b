/* media/sink-carried.c: the second reading of a file, in step with its output. */
#include "media/sink-carried.h"

#include "audio/libav-setup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "media/file-format.h"
#include "media/file-input.h"
#include "media/text-subtitles.h"

#include <unicode/uloc.h>

#define SILENCE_NS    (30 * DUB_NS_PER_S)
#define MAX_BAD_READS 16                    /* in a row */
#define BACK_NS       DUB_NS_PER_S          /* a step back by more is another time base, as in timeline/epoch.h */
#define GAP_NS        (3600 * DUB_NS_PER_S) /* likewise ahead, but for subtitles, which may be rare */
#define JUMP_WAIT_NS  (10 * DUB_NS_PER_S)   /* the picture jumps about where a track does, or never */

typedef struct {
    const DubCarriedTrack *track;
    AVStream *out;
    DubTextSubtitles *converter; /* NULL: packets as they are */
    int64_t last_dts;            /* out's ticks; AV_NOPTS_VALUE */
    int64_t next_dts;            /* the track's ticks: of a packet without; AV_NOPTS_VALUE */
    int64_t rescaled;            /* what av_rescale_delta() remembers */
    int64_t last_ns;             /* DUB_TIME_NONE */
    int64_t origin_ns;           /* the track's time at output time 0 */
    int64_t end_ns;              /* output time of its last packet */
    bool is_waiting;             /* its clock jumped, and the picture's has not yet */
    bool is_over;
} Kept;

struct _DubSinkCarried {
    DubCarriedTracks *tracks;
    DubContainer container;
    DubCarryChoice choice;
    char *original_language;
    int64_t origin_ns; /* the newest: of the picture */
    AVFormatContext *out;
    GPtrArray *kept; /* of Kept *; by the track's number, NULL: left out */
    int clock_index; /* a track whose packets only tell how far reading has come, and … */
    Kept clock;      /* … its times */
    bool has_packets;
    GCancellable *cancellable;

    DubInput *input;
    AVFormatContext *in;
    AVPacket *packet;
    Kept *pending;      /* whose `packet` is; NULL: none */
    int64_t pending_ns; /* output time, as the next */
    int64_t read_ns;    /* how far reading has come */
    unsigned n_bad;
    bool is_over;
};

static void free_kept(void *data)
{
    Kept *kept = data;
    if (kept)
        dub_text_subtitles_free(kept->converter);
    g_free(kept);
}

void dub_sink_carried_free(DubSinkCarried *self)
{
    if (!self)
        return;
    avformat_close_input(&self->in);
    dub_input_close(self->input);
    av_packet_free(&self->packet);
    g_ptr_array_unref(self->kept);
    dub_carried_tracks_unref(self->tracks);
    g_object_unref(self->cancellable);
    g_free(self->original_language);
    g_free(self);
}

void dub_sink_carried_cancel(DubSinkCarried *self)
{
    if (self)
        g_cancellable_cancel(self->cancellable);
}

/* --- the beginning --- */

static void name_original(const DubSinkCarried *self, AVStream *out)
{
    const char *language = self->original_language ? uloc_getISO3Language(self->original_language) : "";
    const AVDictionaryEntry *said = av_dict_get(out->metadata, "language", NULL, 0);
    if (language[0] && (!said || g_str_equal(said->value, "und")))
        av_dict_set(&out->metadata, "language", dub_carried_tracks_language(language, self->container), 0);
    if (av_dict_get(out->metadata, "title", NULL, 0))
        return;
    av_dict_set(&out->metadata, "title", "Original", 0);
    if (dub_container_is_mov(self->container))
        av_dict_set(&out->metadata, "handler_name", "Original", 0);
}

/* Of the sounds the dub is what players take, or the original. */
static int disposition_of(const DubSinkCarried *self, const DubCarriedTrack *track)
{
    int disposition = track->disposition;
    if (track->parameters->codec_type == AVMEDIA_TYPE_AUDIO)
        disposition &= ~AV_DISPOSITION_DEFAULT;
    if (!track->is_dubbed)
        return disposition;
    disposition = (disposition | AV_DISPOSITION_ORIGINAL) & ~AV_DISPOSITION_DUB;
    return disposition | (self->choice.is_original_default ? AV_DISPOSITION_DEFAULT : 0);
}

/* Matroska keeps a cover among its attachments, by the names that its specification gives it. */
static bool attach_cover(const DubCarriedTrack *track, AVStream *out)
{
    const bool is_png = track->parameters->codec_id == AV_CODEC_ID_PNG;
    out->codecpar->codec_type = AVMEDIA_TYPE_ATTACHMENT;
    out->codecpar->codec_id = track->parameters->codec_id;
    if (!dub_libav_set_extradata(out->codecpar, track->cover->data, (gsize) track->cover->size))
        return false;
    av_dict_set(&out->metadata, "filename", is_png ? "cover.png" : "cover.jpg", AV_DICT_DONT_OVERWRITE);
    av_dict_set(&out->metadata, "mimetype", is_png ? "image/png" : "image/jpeg", AV_DICT_DONT_OVERWRITE);
    return true;
}

static bool describe(const DubCarriedTrack *track, const Kept *kept)
{
    kept->out->time_base = track->time_base;
    if (!kept->converter)
        return dub_track_format_apply(track->format, NULL, kept->out);
    return dub_text_subtitles_describe(kept->converter, kept->out->codecpar);
}

static bool add_stream(DubSinkCarried *self, const DubCarriedTrack *track, DubCarryWay way, Kept *kept, GError **error)
{
    kept->out = avformat_new_stream(self->out, NULL);
    if (!kept->out)
        return false;
    dub_carried_tracks_copy_tags(track->metadata, self->container, &kept->out->metadata);
    if (track->cover && self->container == DUB_CONTAINER_MKV)
        return attach_cover(track, kept->out);
    if (track->parameters->codec_type == AVMEDIA_TYPE_ATTACHMENT) { /* the muxer insists on both */
        av_dict_set(&kept->out->metadata, "filename", "attachment", AV_DICT_DONT_OVERWRITE);
        av_dict_set(&kept->out->metadata, "mimetype", "application/octet-stream", AV_DICT_DONT_OVERWRITE);
    }
    if (way == DUB_CARRY_CONVERT) {
        kept->converter = dub_text_subtitles_new(track->parameters, track->time_base,
                                                 dub_carried_tracks_text_codec(self->container), error);
        if (!kept->converter)
            return false;
    }
    if (!describe(track, kept))
        return false;
    if (track->is_dubbed)
        name_original(self, kept->out);
    /* Only with this alone is it a cover to libavformat's muxer. */
    kept->out->disposition = track->cover ? AV_DISPOSITION_ATTACHED_PIC : disposition_of(self, track);
    self->has_packets |= !track->cover && track->parameters->codec_type != AVMEDIA_TYPE_ATTACHMENT;
    return true;
}

static bool is_wanted(const DubSinkCarried *self, const DubCarriedTrack *track, DubCarryWay way)
{
    if (track->is_dubbed && !self->choice.keeps_original)
        return false;
    return way == DUB_CARRY_COPY || way == DUB_CARRY_CONVERT;
}

/* The original comes before the other sounds. */
static bool add_streams(DubSinkCarried *self, bool of_original, GError **error)
{
    for (unsigned i = 0; i < dub_carried_tracks_count(self->tracks); i++) {
        const DubCarriedTrack *track = dub_carried_tracks_get(self->tracks, i);
        const DubCarryWay way = dub_carried_tracks_way(self->tracks, track, self->container);
        if (track->is_dubbed) {
            self->clock_index = track->index;
            self->clock = (Kept){ .track = track, .last_ns = DUB_TIME_NONE, .origin_ns = self->origin_ns };
        }
        if (track->is_dubbed != of_original || !is_wanted(self, track, way))
            continue;
        Kept *kept = g_new0(Kept, 1);
        *kept = (Kept){ .track = track,
                        .last_dts = AV_NOPTS_VALUE,
                        .rescaled = AV_NOPTS_VALUE,
                        .next_dts = AV_NOPTS_VALUE,
                        .last_ns = DUB_TIME_NONE,
                        .origin_ns = self->origin_ns };
        self->kept->pdata[i] = kept;
        if (!add_stream(self, track, way, kept, error))
            return false;
    }
    return true;
}

static DubSinkCarried *make(const DubSinkDrainConfig *config, AVFormatContext *out)
{
    DubSinkCarried *self = g_new0(DubSinkCarried, 1);
    self->tracks = dub_carried_tracks_ref(config->carried);
    self->container = config->container;
    self->choice = config->carry;
    self->original_language = g_strdup(config->carry.original_language);
    self->origin_ns = config->origin_ns;
    self->out = out;
    self->cancellable = g_cancellable_new();
    self->kept = g_ptr_array_new_with_free_func(free_kept);
    g_ptr_array_set_size(self->kept, (gint) dub_carried_tracks_count(self->tracks));
    self->read_ns = G_MININT64;
    return self;
}

DubSinkCarried *dub_sink_carried_new_tracks(const DubSinkDrainConfig *config, AVFormatContext *out, GError **error)
{
    DubSinkCarried *self = make(config, out);
    if (add_streams(self, true, error) && add_streams(self, false, error))
        return self;
    dub_sink_carried_free(self);
    return NULL;
}

DubSinkCarried *dub_sink_carried_new(const DubSinkDrainConfig *config, AVFormatContext *out, AVStream *video,
                                     GError **error)
{
    DubSinkCarried *self = make(config, out);
    dub_carried_tracks_apply(self->tracks, self->container, self->origin_ns, out);
    if (video)
        dub_carried_tracks_apply_video(self->tracks, self->container, video);
    if (add_streams(self, true, error) && add_streams(self, false, error))
        return self;
    dub_sink_carried_free(self);
    return NULL;
}

/* --- the muxer's thread --- */

static Kept *find_kept(const DubSinkCarried *self, int index)
{
    for (guint i = 0; i < self->kept->len; i++) {
        Kept *kept = self->kept->pdata[i];
        if (kept && kept->track->index == index && !kept->track->cover)
            return kept;
    }
    return NULL;
}

static bool open_file(DubSinkCarried *self, GError **error)
{
    const char *path = dub_carried_tracks_path(self->tracks);
    const DubFileFormatConfig config = { .path = path, .name = path, .cancellable = self->cancellable };
    DubFileFormat opened;
    self->input = dub_file_input_open(path, SILENCE_NS, self->cancellable, error);
    if (!self->input)
        return false;
    if (!dub_file_format_open(self->input, &config, &opened, NULL)) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_CORRUPT, "%s: its further tracks cannot be read: %s", path,
                    av_err2str(opened.status));
        return false;
    }
    self->in = opened.format;
    for (unsigned i = 0; i < self->in->nb_streams; i++)
        if ((int) i != self->clock_index && !find_kept(self, (int) i))
            self->in->streams[i]->discard = AVDISCARD_ALL;
    self->packet = av_packet_alloc();
    return true;
}

static int write_cover(DubSinkCarried *self, const Kept *kept)
{
    AVPacket *packet = av_packet_clone(kept->track->cover);
    if (!packet)
        return AVERROR(ENOMEM);
    packet->stream_index = kept->out->index;
    packet->pts = packet->dts = packet->duration = 0;
    const int status = av_write_frame(self->out, packet);
    av_packet_free(&packet);
    return status;
}

bool dub_sink_carried_begin(DubSinkCarried *self, GError **error)
{
    if (!self)
        return true;
    for (guint i = 0; i < self->kept->len; i++) {
        const Kept *kept = self->kept->pdata[i];
        if (kept && kept->track->cover && self->container != DUB_CONTAINER_MKV && write_cover(self, kept) < 0) {
            g_set_error_literal(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED, "its cover picture cannot be written there");
            return false;
        }
    }
    return !self->has_packets || open_file(self, error);
}

/* Matroska's milliseconds become whole frames again. */
static int64_t rescale_dts(Kept *kept, const AVPacket *packet)
{
    AVCodecParameters *parameters = kept->track->parameters;
    int frame =
        parameters->codec_type == AVMEDIA_TYPE_AUDIO ? av_get_audio_frame_duration2(parameters, packet->size) : 0;
    if (frame <= 0 || parameters->sample_rate <= 0)
        return av_rescale_q(packet->dts, kept->track->time_base, kept->out->time_base);
    return av_rescale_delta(kept->track->time_base, packet->dts, (AVRational){ 1, parameters->sample_rate }, frame,
                            &kept->rescaled, kept->out->time_base);
}

/* In Matroska a track's packets count from its codec's delay on: its reader takes the delay off, FFmpeg 5.1's writer
 * does not put it back. */
static int64_t delay_of(const Kept *kept, DubContainer container)
{
    const AVCodecParameters *parameters = kept->track->parameters;
    if (!dub_container_is_matroska(container) || parameters->codec_id != AV_CODEC_ID_OPUS)
        return 0;
    return av_rescale_q(parameters->initial_padding, (AVRational){ 1, 48000 }, kept->out->time_base);
}

static void rescale(Kept *kept, DubContainer container, AVPacket *packet)
{
    const AVRational ns = { 1, DUB_NS_PER_S }, from = kept->track->time_base, to = kept->out->time_base;
    const int64_t shift = av_rescale_q(kept->origin_ns, ns, from);
    packet->pts -= shift;
    packet->dts -= shift;
    const int64_t behind = av_rescale_q(packet->pts - packet->dts, from, to);
    packet->dts = rescale_dts(kept, packet);
    packet->dts += delay_of(kept, container);
    packet->pts = packet->dts + behind;
    packet->duration = av_rescale_q(packet->duration, from, to);
    packet->pos = -1;
    packet->time_base = to;
    packet->stream_index = kept->out->index;
}

/* Returns: false where nothing of it would be seen or heard, and no edit list could hide it. */
static bool fit_beginning(const DubSinkCarried *self, const Kept *kept, AVPacket *packet)
{
    if (packet->pts >= 0)
        return true;
    const bool is_text = kept->track->parameters->codec_type == AVMEDIA_TYPE_SUBTITLE;
    if (is_text && packet->pts + packet->duration > 0) { /* shown from the beginning */
        packet->duration += packet->pts;
        packet->pts = packet->dts = 0;
    }
    return packet->pts >= 0 || (!is_text && dub_container_has_edits(self->container)) ||
           (!is_text && packet->pts + packet->duration > 0);
}

static void fit_order(Kept *kept, AVPacket *packet)
{
    const bool may_be_equal = kept->track->parameters->codec_type == AVMEDIA_TYPE_SUBTITLE;
    if (kept->last_dts != AV_NOPTS_VALUE)
        packet->dts = MAX(packet->dts, kept->last_dts + (may_be_equal ? 0 : 1));
    packet->pts = MAX(packet->pts, packet->dts);
    kept->last_dts = packet->dts;
}

static int write_pending(DubSinkCarried *self)
{
    Kept *kept = g_steal_pointer(&self->pending);
    AVPacket *packet = self->packet;
    int status = 0;
    rescale(kept, self->container, packet);
    if (fit_beginning(self, kept, packet) &&
        (!kept->converter || dub_text_subtitles_convert(kept->converter, packet))) {
        fit_order(kept, packet);
        status = av_interleaved_write_frame(self->out, packet);
    }
    av_packet_unref(packet);
    return status;
}

static int64_t source_ns(const DubSinkCarried *self, const AVPacket *packet)
{
    const AVRational ns = { 1, DUB_NS_PER_S };
    return av_rescale_q(packet->dts, self->in->streams[packet->stream_index]->time_base, ns);
}

static bool runs_on(const Kept *kept, int64_t now_ns)
{
    const bool may_be_rare = kept->track->parameters->codec_type == AVMEDIA_TYPE_SUBTITLE;
    const int64_t step_ns = kept->last_ns == DUB_TIME_NONE ? 0 : now_ns - kept->last_ns;
    return step_ns >= -BACK_NS && (may_be_rare || step_ns <= GAP_NS);
}

/* Returns: output time; G_MAXINT64 while it is not known */
static int64_t place(const DubSinkCarried *self, Kept *kept, int64_t now_ns)
{
    kept->is_waiting |= !runs_on(kept, now_ns);
    kept->last_ns = now_ns;
    if (kept->is_waiting && kept->origin_ns == self->origin_ns)
        return G_MAXINT64;
    if (kept->is_waiting)
        kept->origin_ns = self->origin_ns;
    kept->is_waiting = false;
    kept->end_ns = now_ns - kept->origin_ns;
    return kept->end_ns;
}

void dub_sink_carried_set_origin(DubSinkCarried *self, int64_t origin_ns)
{
    if (!self)
        return;
    self->origin_ns = origin_ns;
    if (self->pending && self->pending->is_waiting)
        self->pending_ns = place(self, self->pending, self->pending->last_ns);
}

static void give_up(DubSinkCarried *self)
{
    Kept *kept = g_steal_pointer(&self->pending);
    kept->is_over = true;
    av_packet_unref(self->packet);
    dub_warning("%s: the timestamps of track %d jump by themselves; it is carried over up to there",
                dub_carried_tracks_path(self->tracks), kept->track->index);
}

/* Matroska stores no decoding times, and libavformat finds those of the first pictures only once it knows by how many
 * others overtake them, which is told beforehand by the codec. */
static void fill_times(Kept *kept, AVPacket *packet)
{
    const AVCodecParameters *parameters = kept->track->parameters;
    const int64_t ahead = parameters->codec_type == AVMEDIA_TYPE_VIDEO ? parameters->video_delay * packet->duration : 0;
    if (packet->dts == AV_NOPTS_VALUE && kept->next_dts != AV_NOPTS_VALUE)
        packet->dts = kept->next_dts;
    else if (packet->dts == AV_NOPTS_VALUE && packet->pts != AV_NOPTS_VALUE)
        packet->dts = packet->pts - ahead;
    if (packet->pts == AV_NOPTS_VALUE)
        packet->pts = packet->dts;
    if (packet->dts != AV_NOPTS_VALUE && packet->duration > 0)
        kept->next_dts = packet->dts + packet->duration;
}

static void read_packet(DubSinkCarried *self)
{
    AVPacket *packet = self->packet;
    const int status = av_read_frame(self->in, packet);
    self->n_bad = status < 0 ? self->n_bad + 1 : 0;
    self->is_over = status == AVERROR_EOF || status == AVERROR_EXIT || self->n_bad >= MAX_BAD_READS ||
                    g_cancellable_is_cancelled(self->cancellable);
    if (status < 0 || self->is_over) {
        av_packet_unref(packet);
        return;
    }
    Kept *kept = find_kept(self, packet->stream_index);
    if (kept)
        fill_times(kept, packet);
    if (kept && !kept->is_over && packet->dts != AV_NOPTS_VALUE) {
        self->pending = kept;
        self->pending_ns = place(self, kept, source_ns(self, packet));
        return;
    }
    if (packet->stream_index == self->clock_index && packet->dts != AV_NOPTS_VALUE) {
        const int64_t read_ns = place(self, &self->clock, source_ns(self, packet));
        self->read_ns = read_ns == G_MAXINT64 ? self->read_ns : read_ns;
    }
    av_packet_unref(packet);
}

int dub_sink_carried_write_until(DubSinkCarried *self, int64_t until_ns)
{
    int status = 0;
    while (self && self->in && status >= 0) {
        if (self->pending && self->pending->is_waiting && until_ns > self->pending->end_ns + JUMP_WAIT_NS)
            give_up(self);
        if (self->pending && self->pending_ns >= until_ns)
            break;
        if (self->pending)
            status = write_pending(self);
        else if (self->is_over || self->read_ns >= until_ns)
            break;
        else
            read_packet(self);
    }
    return status;
}

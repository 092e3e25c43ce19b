/* media/sink.h: encoded video and PCM in; a file or a published stream out. One AAC encoder (audio/aac-encoder.h) for
 * the whole stream, and behind it libavformat's muxers for files or GStreamer's for what is live. Loop thread only,
 * callbacks as in media/source.h. */
#pragma once

#include "audio/pcm.h"
#include "media/access-unit.h"
#include "media/carried-tracks.h"
#include "media/further-sound.h"
#include "media/source.h"
#include "media/track-format.h"

typedef struct {
    const char *uri;     /* a path (.mp4 .mov .mkv .ts .flv .m4a .mp3 .wav, or a folder/name.m3u8), rtmp://, srt:// */
    GstCaps *video_caps; /* (transfer none) NULL: audio alone */
    DubTrackFormat *video_format; /* (transfer none) (nullable) what else is known of the picture: carried over */
    const char *audio_language;   /* (nullable) BCP 47, and */
    const char *audio_title;      /* (nullable) … what players list the track as */
    DubCarriedTracks
        *carried; /* (transfer none) (nullable) what else the source's file holds: kept as the container can */
    DubCarryChoice carry;
    int64_t origin_ns;          /* the source's time at output time 0 */
    const char *text_language;  /* (nullable) BCP 47: there is a track of subtitles too, see dub_sink_push_text() */
    const GPtrArray *dubs;      /* (transfer none) (nullable) of DubFurtherSound: tracks of the output; the PCM that is
                                   pushed only tells then how far it has come. .mp4, .mov, .mkv, .m4a */
    unsigned rate_hz, channels; /* of the PCM */
    unsigned audio_bitrate_bps; /* 0: 64000 a channel */
    bool live;                  /* paced by the caller in real time: the muxer must not wait for a stream that pauses */
    unsigned tracks_ms;         /* RTMP: the server takes the tracks as known once a timestamp is so far on, and lets
                                   nobody in before (MediaMTX: 2000); 0: at once */
} DubSinkConfig;

typedef struct {
    /* In a file's case: room again after dub_sink_is_full() said true. */
    void (*on_room)(void *user_data);
    /* After dub_sink_end(): everything is written, closed and has its final name. */
    void (*on_finished)(void *user_data);
    /* DUB_ERROR_NO_SPACE, BUSY (path in use at the server), NETWORK, UNSUPPORTED (codec not allowed in this container:
     * named), IO. Nothing follows. */
    void (*on_error)(const GError *error, void *user_data);
    /* (nullable) What a viewer will see: a line for whoever waits for the result. From inside a push. */
    void (*on_warning)(const char *text, void *user_data);
} DubSinkCallbacks;

typedef struct _DubSink DubSink;

/* What of a source such an output holds: its channels, its picture. An @uri that is none changes nothing. */
void dub_sink_choose(const char *uri, DubSourceChoice *choice);

/* Files are written beside @uri as ".<name>.part" (same suffix kept last), fsynced and renamed at a complete end, so
 * the final name never holds half a file. Fails at once for a suffix, scheme or codec that cannot work. */
DubSink *dub_sink_new(const DubSinkConfig *config, const DubSinkCallbacks *callbacks, void *user_data, GError **error);
/* Times are on the output timeline: ns from 0, audio contiguous (the sink counts frames and refuses a gap: a bug of
 * ours). */
void dub_sink_push_video(DubSink *self, DubAccessUnit *unit /* (transfer full) */, int64_t pts_ns, int64_t dts_ns);
void dub_sink_push_audio(DubSink *self, DubPcm *pcm /* (transfer full) */);
/* One subtitle, UTF-8. No later than the sound of its time. */
void dub_sink_push_text(DubSink *self, const char *text, int64_t pts_ns, int64_t duration_ns);
bool dub_sink_is_full(const DubSink *self); /* files: queued more than a bound; stop pushing until on_room */

typedef enum {
    DUB_SINK_COMPLETE,    /* the final name */
    DUB_SINK_INTERRUPTED, /* a playable file named "<name>.partial.<suffix>", never the final name */
} DubSinkEnding;
void dub_sink_end(DubSink *self, DubSinkEnding ending);
/* How far the sound that is muxed reaches past where its newest picture is decoded; 0 until there are both, or where no
 * AAC is made. Of a live output it tells whether a player gets both in time: paced, it stays within a picture and an
 * AAC frame. */
int64_t dub_sink_av_delta_ns(const DubSink *self);
const char *dub_sink_output_name(const DubSink *self); /* where the result lies after on_finished */
int64_t dub_sink_encoding_cpu_ns(
    const DubSink *self);          /* CPU time that the AAC encoder has used; 0 where the muxer gets PCM */
void dub_sink_free(DubSink *self); /* without an end before: what was written is removed (files) or cut off (live) */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubSink, dub_sink_free)

/* media/source.h: a file or a live URL in; encoded video and decoded PCM out, with the timestamps they came with.
 * Local files, pipes, playlists and what is behind http(s) are read by libavformat (media/file-reader.h); GStreamer
 * pipelines read the rest: rtmp2src, rtspsrc, srtsrc. Video is parsed, never decoded. Loop thread only: callbacks come
 * on the GMainContext that was thread-default at creation, never from inside a call, and none after dub_source_free().
 */
#pragma once

#include "audio/pcm.h"
#include "media/access-unit.h"
#include "media/carried-tracks.h"
#include "media/track-format.h"

typedef struct {
    GstCaps *video_caps;          /* (transfer none) NULL: audio alone */
    DubTrackFormat *video_format; /* (transfer none) (nullable): what else its container says of the picture */
    DubCarriedTracks *carried;    /* (transfer none) (nullable): what else the file holds */
    bool has_commentary;          /* on_commentary brings it */
    const char *audio_name;       /* (nullable) which of several audio tracks this is: "track 2 of 3 (spa)" */
    unsigned rate_hz;             /* of the PCM that follows: the source's own */
    unsigned channels;            /* as audio/layout.h lists them; others are mixed */
    int64_t duration_ns;          /* DUB_TIME_NONE when not known (live) */
    bool live;                    /* the source sets the pace */
    int64_t age_ns;               /* how much older than now what comes first is; 0: just arrived (see media/head.h) */
    int64_t first_ns;             /* … and its timestamp; without meaning while age_ns is 0 */
} DubSourceInfo;

typedef struct {
    void (*on_info)(const DubSourceInfo *info, void *user_data);    /* once, before anything else */
    void (*on_video)(DubAccessUnit *unit, void *user_data);         /* (transfer full) decode order */
    void (*on_audio)(DubPcm *pcm, int64_t pts_ns, void *user_data); /* (transfer full) */
    void (*on_eos)(void *user_data);                                /* clean end: file over, publisher gone */
    /* Nothing follows. DUB_ERROR_NO_AUDIO "audio track required for dubbing", NOT_FOUND, CORRUPT, UNSUPPORTED, NETWORK,
     * TIMEOUT (no data for 10 s on a live source). What came before is good. */
    void (*on_error)(const GError *error, void *user_data);
    /* (transfer full): of any shape, in the time of the others. NULL where no commentary is chosen */
    void (*on_commentary)(DubPcm *pcm, int64_t pts_ns, void *user_data);
} DubSourceCallbacks;

/* What of a source is read, and in what shape. In Enhanced RTMP a track's number is its trackId and one more. */
typedef struct {
    unsigned audio_track; /* 1, 2, …; 0: the one in @language, else the default one, else the first; live: the first */
    const char *language;      /* (nullable) BCP 47; copied */
    unsigned commentary_track; /* the track that has the commentary alone; 0: none */
    unsigned allowed_channels; /* a set of audio/layout.h: what is something else is mixed into it; 0: mono, stereo */
    bool is_sound_alone;       /* pictures are left alone */
} DubSourceChoice;

typedef struct _DubSource DubSource;

/* @uri: a path, "-" for standard input, file://, rtmp://, rtmps://, rtsp://, srt://, http(s)://. Cheap checks (missing
 * file, unknown scheme) fail here, all else through on_error. */
DubSource *dub_source_new(const char *uri, const DubSourceChoice *choice /* (nullable) */,
                          const DubSourceCallbacks *callbacks, void *user_data, GError **error);
void dub_source_start(DubSource *self);
/* Held, nothing is delivered; a file's pipeline then blocks on bounded queues. A live source that is held for longer
 * than its queue (10 s) fails with DUB_ERROR_BACKPRESSURE. */
void dub_source_set_held(DubSource *self, bool held);
void dub_source_free(DubSource *self); /* a file: stops the pipeline, bounded (5 s); live: a thread does */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubSource, dub_source_free)

bool dub_media_uri_is_live(const char *uri); /* rtmp, rtsp, srt, http(s) */

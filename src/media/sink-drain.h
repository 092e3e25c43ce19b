/* media/sink-drain.h: where a sink's encoded data goes: a GStreamer pipeline (sink-pipeline.h) or libavformat's muxers
 * (sink-writer.h). Loop thread only; what happens in other threads comes back through on_event on the context that was
 * thread-default at creation, never from inside a call and never after free. */
#pragma once

#include "media/bounded-stop.h"
#include "media/carried-tracks.h"
#include "media/container.h"
#include "media/track-format.h"

#include <stdint.h>

typedef struct {
    DubContainer container;
    const char *location;         /* the file to write now, or the URL */
    const char *name;             /* what errors call it */
    GstCaps *video_caps;          /* (transfer none); NULL: audio alone */
    DubTrackFormat *video_format; /* (transfer none) (nullable): what else is known of the picture */
    GBytes *audio_config; /* (transfer none) AudioSpecificConfig; NULL: audio is pushed as float32 PCM, and encoded by
                             the drain */
    const char *audio_language, *audio_title; /* (nullable) BCP 47; what players list the track as */
    DubCarriedTracks *carried;                /* (transfer none) (nullable), as in media/sink.h, and the next four */
    DubCarryChoice carry;
    int64_t origin_ns;
    const char *text_language;
    const GPtrArray *dubs;
    unsigned rate_hz, channels, audio_bitrate_bps;
    bool live;
} DubSinkDrainConfig;

typedef enum {
    DUB_SINK_EVENT_ROOM,  /* after is_full said true */
    DUB_SINK_EVENT_EOS,   /* everything is out */
    DUB_SINK_EVENT_ERROR, /* nothing follows */
} DubSinkEvent;

typedef void (*DubSinkEventFunc)(DubSinkEvent event, const GError *error, void *user_data);

typedef struct _DubSinkDrain DubSinkDrain;

typedef struct {
    /* A file: stops it, within DUB_PIPELINE_STOP_MAX_MS; network: a thread does, and nobody waits. */
    void (*free)(DubSinkDrain *self);
    /* After DUB_SINK_EVENT_EOS, instead of free: nobody waits, and @closed tells when it has stopped and its file is
     * closed, at the latest after DUB_PIPELINE_STOP_MAX_MS. Returns: as dub_gst_stop() */
    DubGstStop *(*close)(DubSinkDrain *self, DubGstStoppedFunc closed, void *user_data);
    /* @buffer: (transfer full). Times are ns on the output timeline; @dts_ns may be negative, and @pts_ns of a hidden
     * unit. */
    void (*push_video)(DubSinkDrain *self, GstBuffer *buffer, int64_t pts_ns, int64_t dts_ns);
    void (*push_audio)(DubSinkDrain *self, GstBuffer *buffer, int64_t pts_ns, int64_t duration_ns);
    /* The video that follows has these. Returns: false where the muxer cannot change them: it keeps the first. */
    bool (*set_video_caps)(DubSinkDrain *self, GstCaps *caps);
    bool (*is_full)(DubSinkDrain *self);
    /* NULL where nothing but sound and picture is written */
    void (*push_text)(DubSinkDrain *self, const char *text, int64_t pts_ns, int64_t duration_ns);
    /* NULL likewise. From the next picture on output time 0 is that time of the source: its clock jumped. */
    void (*set_origin)(DubSinkDrain *self, int64_t origin_ns);
    /* DUB_SINK_EVENT_EOS follows. @is_whole: what is carried over follows to its end */
    void (*end)(DubSinkDrain *self, bool is_whole);
} DubSinkDrainClass;

/* The way back to the loop: what other threads hold of a drain. It outlives the drain. */
typedef struct _DubSinkPost DubSinkPost;

DubSinkPost *dub_sink_post_new(DubSinkEventFunc on_event, void *user_data);
DubSinkPost *dub_sink_post_ref(DubSinkPost *self); /* any thread, as the next two */
void dub_sink_post_unref(DubSinkPost *self);
void dub_sink_post_event(DubSinkPost *self, DubSinkEvent event, GError *error /* (transfer full) (nullable) */);
void dub_sink_post_close(DubSinkPost *self);            /* loop thread: nothing is delivered from here on */
bool dub_sink_post_is_over(const DubSinkPost *self);    /* loop thread: EOS or an error was delivered */
GMainContext *dub_sink_post_context(DubSinkPost *self); /* (transfer none) */

struct _DubSinkDrain { /* the first member of what implements it */
    const DubSinkDrainClass *class;
    DubSinkPost *post;
};

/* media/source-feed.h: what fills a source's handover: a GStreamer pipeline (source-pipeline.h) or the reader of local
 * files (file-reader.h). start, stop, get_streams, freeze, duration_ns: the loop thread. Reference counted, since a
 * thread that hangs in a system call may outlive its source. */
#pragma once

#include "media/carried-tracks.h"
#include "media/handover.h"
#include "media/track-format.h"

typedef struct {
    bool is_complete;             /* no further stream will turn up, and those there are have caps */
    bool has_commentary;          /* the chosen one was found */
    bool has_audio, has_video;    /* a stream was found; its caps may be still to come */
    GstCaps *video_caps;          /* owned; NULL until known */
    unsigned rate_hz, channels;   /* 0 until known */
    bool is_length_declared;      /* its container states a duration that can be trusted (mp4, mkv) */
    DubTrackFormat *video_format; /* owned; NULL: nothing beyond the caps is known */
    DubCarriedTracks *carried;    /* owned; NULL: it is not read as a file */
    char *audio_name;             /* owned; which track is dubbed: "track 2, spa"; NULL: there is only one */
} DubSourceStreams;

void dub_source_streams_clear(DubSourceStreams *streams);

typedef struct _DubSourceFeed DubSourceFeed;

typedef struct {
    void (*start)(DubSourceFeed *self); /* returns at once */
    void (*stop)(DubSourceFeed *self);  /* the handover is closed by then; within 5 s */
    void (*unref)(DubSourceFeed *self);
    void (*get_streams)(DubSourceFeed *self, DubSourceStreams *streams /* (out) */);
    void (*freeze)(DubSourceFeed *self);         /* streams that turn up from here on are left alone */
    int64_t (*duration_ns)(DubSourceFeed *self); /* DUB_TIME_NONE when not known */
} DubSourceFeedClass;

struct _DubSourceFeed { /* the first member of what implements it */
    const DubSourceFeedClass *class;
};

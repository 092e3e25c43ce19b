/* media/source-private.h: the struct that source-pipeline.c (fronts, messages, life) and source-branch.c (what becomes
 * of one stream) share. Inside this folder only. */
#pragma once

#include "audio/remix.h"
#include "base/error.h"
#include "media/dts-maker.h"
#include "media/source-pipeline.h"

typedef struct _DubSourcePipeline DubSourcePipeline;

typedef enum { FRONT_FLV_FILE, FRONT_RTMP, FRONT_RTSP, FRONT_SRT } Front;

typedef struct {
    DubSourcePipeline *pipeline; /* not a reference: the closures that carry a branch hold one */
    DubHandoverKind kind;        /* VIDEO, AUDIO, COMMENTARY */
    GstCaps *last_caps;          /* streaming thread only, as the next */
    DubDtsMaker *dts_maker;      /* NULL: the source has DTS */
    bool has_key, is_refused;
    bool has_plain_times; /* buffer times as they are, whatever the segment says */
    DubRemix *remix;      /* of the sound; NULL before its first caps */
} Branch;

struct _DubSourcePipeline {
    DubSourceFeed feed;
    gatomicrefcount refs;
    char *uri;
    Front front;
    unsigned allowed_channels;
    DubHandover *handover;
    GstElement *pipeline; /* NULL once stopped */
    bool is_stopping;     /* loop thread only: a thread takes it down, and it is not ours any more */
    Branch video, audio, commentary;
    unsigned commentary_track; /* as chosen, from 1; 0: none */
    int64_t srt_bytes_ns;      /* srtsrc's thread only, as the next: when the last came; DUB_TIME_NONE */
    bool has_srt_peer_left;

    GMutex start_lock; /* held while the state is changed, so that a stop cannot overtake the start */
    bool is_stopped;   /* guarded by start_lock */

    GMutex lock; /* guards all below */
    bool is_frozen, lacks_dts, is_length_declared, has_plain_times;
    GPtrArray *pending; /* of GstElement *, not references: fronts that have not told all their streams */
    unsigned n_linked, n_ended;
    bool expects_video, expects_audio, expects_commentary; /* told by a stream collection */
    bool has_video, has_audio, has_commentary;
    bool is_commentary_known; /* has caps */
    unsigned n_audio;         /* audio streams that have shown themselves */
    unsigned audio_track;     /* as chosen, from 1; 0: the first that is not the commentary */
    guint commentary_stream;  /* rtspsrc's number of it; G_MAXUINT: none */
    GstCaps *video_caps;
    unsigned rate_hz, channels;
    char *missing; /* what a missing-plugin message named */
};

DubSourcePipeline *dub_source_pipeline_ref(DubSourcePipeline *self);
void dub_source_pipeline_unref(DubSourcePipeline *self);
void dub_source_pipeline_fail(DubSourcePipeline *self, DubErrorCode code, const char *text);
bool dub_source_pipeline_is_network(const DubSourcePipeline *self);

/* source-branch.c, streaming threads */
void dub_source_link_stream(DubSourcePipeline *self, GstPad *pad, GstCaps *caps, DubHandoverKind kind);
bool dub_source_link_chain(DubSourcePipeline *self, GstPad *pad, GPtrArray *elements);
void dub_source_end_if_all_ended(DubSourcePipeline *self);
bool dub_source_append_element(DubSourcePipeline *self, GPtrArray *chain, const char *factory);
bool dub_source_are_all_found(const DubSourcePipeline *self); /* with the lock held */

/* media/head-seam.h: where a live stream begins within a recording of the same stream. The access units are the same
 * bytes in both and the sound decodes to the same samples; only the timestamps differ. Pure; one thread at a time. */
#pragma once

#include "audio/pcm.h"
#include "media/access-unit.h"

#include <stdbool.h>

typedef struct {
    DubPcm *pcm; /* owned */
    int64_t pts_ns;
} DubTakeSound;

typedef struct {
    GPtrArray *video; /* of DubAccessUnit *, owned; decode order */
    GArray *sound;    /* of DubTakeSound, in order */
    GstCaps *caps;    /* owned; of the video; NULL until known */
    gsize n_bytes;
} DubTake;

DubTake *dub_take_new(void);
void dub_take_free(DubTake *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubTake, dub_take_free)
void dub_take_add_video(DubTake *self, DubAccessUnit *unit /* (transfer full) */);
void dub_take_add_sound(DubTake *self, DubPcm *pcm /* (transfer full) */, int64_t pts_ns);

typedef struct {
    guint n_video;           /* units of the recording that come before the live ones */
    int64_t video_offset_ns; /* to be added to the recording's times */
    guint n_sound;           /* whole blocks of the recording … */
    gsize n_frames;          /* … and so much of the next one */
    int64_t sound_offset_ns;
    guint first_live_sound; /* block of the live stream that follows */
} DubSeam;

/**
 * dub_seam_find:
 * @head: the recording so far, @live: all that came live so far
 * Returns: false when they cannot be joined, or not yet: @head does not reach far enough, @live is too short
 */
bool dub_seam_find(const DubTake *head, const DubTake *live, DubSeam *seam /* (out) */);

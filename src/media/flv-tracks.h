/* media/flv-tracks.h: the tracks in one Enhanced RTMP tag ("Enhanced RTMP, version 2": multitrack, ModEx). A codec: no
 * I/O. Any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    unsigned track;        /* 0: the one that readers without multitrack take */
    const uint8_t *fourcc; /* 4 bytes */
    unsigned packet;       /* VideoPacketType or AudioPacketType, multitrack and ModEx resolved */
    const uint8_t *body;   /* what follows the FourCC, and the track's id and size */
    gsize size;
} DubFlvTrack;

typedef struct {
    const uint8_t *data;
    gsize left;
    unsigned packet, layout;
    const uint8_t *fourcc; /* of all tracks; NULL: each has its own */
    bool is_multitrack, is_over;
} DubFlvTracks;

/* @data: a tag's body whose first byte has the bit or format that says Enhanced. @is_video: else audio */
void dub_flv_tracks_init(DubFlvTracks *self, const uint8_t *data, gsize size, bool is_video);
/* Returns: false after the last track, or where the tag makes no sense any more. */
bool dub_flv_tracks_next(DubFlvTracks *self, DubFlvTrack *track);

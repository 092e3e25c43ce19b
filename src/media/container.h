/* media/container.h: which file or protocol an output name means, and what may go into it. Any thread, pure. */
#pragma once

#include <gst/gst.h>
#include <stdbool.h>

/* What to do with a picture that nothing here can hold. */
#define DUB_CONTAINER_MAKE_H264 "make it H.264 first: ffmpeg -i IN -c:v libx264 -c:a copy NEW.mkv"

typedef enum {
    DUB_CONTAINER_MP4,
    DUB_CONTAINER_MOV,
    DUB_CONTAINER_M4A,
    DUB_CONTAINER_MKV,
    DUB_CONTAINER_WEBM,
    DUB_CONTAINER_TS,
    DUB_CONTAINER_FLV,
    DUB_CONTAINER_MP3,
    DUB_CONTAINER_WAV,
    DUB_CONTAINER_FLAC,
    DUB_CONTAINER_OGG, /* with Opus, as the next */
    DUB_CONTAINER_OPUS,
    DUB_CONTAINER_HLS,
    DUB_CONTAINER_RTMP, /* FLV inside */
    DUB_CONTAINER_SRT,  /* MPEG-TS inside */
    DUB_N_CONTAINERS,
} DubContainer;

/* Returns: false with DUB_ERROR_UNSUPPORTED for a suffix or scheme that nothing here writes; the line lists those that
 * work. */
bool dub_container_from_uri(const char *uri, DubContainer *container, GError **error);
const char *dub_container_name(DubContainer container);  /* ".mp4", "rtmp": for messages */
const char *dub_container_muxer(DubContainer container); /* GStreamer element; NULL where GStreamer does not mux */
const char *dub_container_libav_muxer(DubContainer container); /* libavformat's; NULL where it does not mux */
const char *dub_container_encoder(DubContainer container);     /* libavcodec's for the sound; NULL: it is AAC */
bool dub_container_has_tracks(DubContainer container);         /* further sounds and subtitles beside the dub */
bool dub_container_is_mov(DubContainer container);             /* of QuickTime's family */
bool dub_container_is_matroska(DubContainer container);
unsigned dub_container_channels(DubContainer container);   /* which numbers of channels: a set of audio/layout.h */
bool dub_container_is_sound_alone(DubContainer container); /* pictures are left out */
bool dub_container_is_file(DubContainer container);        /* one file with a name to move at the end */
bool dub_container_has_edits(DubContainer container);      /* what lies before time 0 is decoded, not shown */
bool dub_container_is_network(DubContainer container);

/* Returns: false with DUB_ERROR_UNSUPPORTED for a container that holds no text subtitles, or no second track of sound
 * beside the dub: it names those that do. */
bool dub_container_check_texts(DubContainer container, GError **error);
bool dub_container_check_second_sound(DubContainer container, GError **error);
bool dub_container_check_dubs(DubContainer container, GError **error); /* likewise for dubs beside each other */

/* What the muxer's video input must look like. Returns: false with DUB_ERROR_UNSUPPORTED: "VP9 video cannot go into
 * .ts; use .mkv or .mp4". @parser: (out) element to convert with, NULL for none; @wanted: (out) caps to give it, NULL
 * for none */
bool dub_container_fit_video(DubContainer container, const GstCaps *caps, const char **parser, const char **wanted,
                             GError **error);

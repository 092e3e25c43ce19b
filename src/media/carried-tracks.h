/* media/carried-tracks.h: what a file holds beside the picture and the sound that are dubbed: further tracks, covers,
 * attachments, chapters, tags; and which of it an output's container can hold. A description without packets: immutable
 * once made, reference counted, any thread. media/sink-carried.h writes what it describes. */
#pragma once

#include "media/container.h"
#include "media/track-format.h"

#include <libavformat/avformat.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct _DubCarriedTracks DubCarriedTracks;

typedef struct {
    int index; /* in its file */
    AVCodecParameters *parameters;
    DubTrackFormat *format; /* the same and its side data, for a muxer */
    AVRational time_base;
    AVDictionary *metadata; /* language, title and the rest */
    int disposition;        /* AV_DISPOSITION_… */
    AVPacket *cover;        /* the picture itself; NULL: no cover */
    bool is_dubbed;         /* the sound that is dubbed: the original, carried where it is asked for */
} DubCarriedTrack;

/* What the one who dubs asks for. */
typedef struct {
    bool keeps_original;           /* the sound that is dubbed becomes a further track */
    bool is_original_default;      /* players take it by default, not the dub */
    const char *original_language; /* (nullable) BCP 47: where the file does not say it */
} DubCarryChoice;

/* @video: NULL: none. @path: to read the packets from once more; NULL: a pipe, so that what has packets is left out */
DubCarriedTracks *dub_carried_tracks_new(const AVFormatContext *format, const AVStream *video, const AVStream *audio,
                                         const char *path);
DubCarriedTracks *dub_carried_tracks_ref(DubCarriedTracks *self);
void dub_carried_tracks_unref(DubCarriedTracks *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubCarriedTracks, dub_carried_tracks_unref)

const char *dub_carried_tracks_path(const DubCarriedTracks *self); /* NULL: a pipe */
unsigned dub_carried_tracks_count(const DubCarriedTracks *self);
const DubCarriedTrack *dub_carried_tracks_get(const DubCarriedTracks *self, unsigned number); /* from 0 */

typedef enum {
    DUB_CARRY_NOT,     /* the container cannot hold it */
    DUB_CARRY_COPY,    /* packets, or a cover's or attachment's bytes, as they are */
    DUB_CARRY_CONVERT, /* text subtitles, into the container's own kind */
    DUB_CARRY_IMPLIED, /* the muxer makes it of the rest: timecode, the track of chapter names */
} DubCarryWay;

DubCarryWay dub_carried_tracks_way(const DubCarriedTracks *self, const DubCarriedTrack *track, DubContainer container);
/* Of text subtitles in that container; AV_CODEC_ID_NONE: it holds none. */
enum AVCodecID dub_carried_tracks_text_codec(DubContainer container);

/* Gives the output the file's tags and chapters, as far as its container holds them. @origin_ns: the file's time that
 * becomes 0 */
void dub_carried_tracks_apply(const DubCarriedTracks *self, DubContainer container, int64_t origin_ns,
                              AVFormatContext *out);
/* … and the track of pictures its own: language, title, timecode, dispositions. */
void dub_carried_tracks_apply_video(const DubCarriedTracks *self, DubContainer container, AVStream *out);
/* A track's tags as that container has them. @from: (transfer none) */
void dub_carried_tracks_copy_tags(const AVDictionary *from, DubContainer container, AVDictionary **to);
/* @code: of ISO 639-2. Returns: what libavformat's muxer for that container calls it: QuickTime numbers its languages,
 * and libavformat knows some of the numbers by a name of its own. */
const char *dub_carried_tracks_language(const char *code, DubContainer container);
/* Whether the tags want QuickTime's own kind of them (com.apple.…), which any name fits into, but no cover. */
bool dub_carried_tracks_wants_mdta(const DubCarriedTracks *self, DubContainer container);

/* Returns: (transfer full): "2 subtitle tracks (eng, spa)", "cover picture", …: what that output loses; empty: nothing
 */
char **dub_carried_tracks_left_out(const DubCarriedTracks *self, DubContainer container);
/* Returns: false with DUB_ERROR_UNSUPPORTED where the original sound cannot be kept there; it names what can be done */
bool dub_carried_tracks_check_original(const DubCarriedTracks *self /* (nullable) */, DubContainer container,
                                       GError **error);

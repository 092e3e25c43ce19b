/* media/text-subtitles.h: text subtitles of one kind into those of another: SubRip, ASS, WebVTT and plain text into
 * 3GPP timed text (.mp4, .mov), and all into SubRip (.mkv). What the target has no notion of (ASS positions and fonts)
 * is lost. One thread. */
#pragma once

#include <glib.h>
#include <libavcodec/avcodec.h>
#include <stdbool.h>

typedef struct _DubTextSubtitles DubTextSubtitles;

/* @from: of the track; its time base is @time_base. Returns: NULL with DUB_ERROR_UNSUPPORTED where libavcodec lacks one
 * of the two */
DubTextSubtitles *dub_text_subtitles_new(const AVCodecParameters *from, AVRational time_base, enum AVCodecID to,
                                         GError **error);
/* From plain text. */
DubTextSubtitles *dub_text_subtitles_new_plain(enum AVCodecID to, GError **error);
void dub_text_subtitles_free(DubTextSubtitles *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubTextSubtitles, dub_text_subtitles_free)

bool dub_text_subtitles_describe(const DubTextSubtitles *self, AVCodecParameters *parameters); /* false: no memory */
/* Replaces @packet's bytes, keeps its times. Returns: false where it says nothing that can be shown */
bool dub_text_subtitles_convert(DubTextSubtitles *self, AVPacket *packet);

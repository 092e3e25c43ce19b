/* airdub/subtitles.h: text with a time span into subtitle cues, and cues into WebVTT and SubRip. Any thread; no I/O.
 * Times are ns on the output's timeline. */
#pragma once

#include <glib.h>
#include <stdint.h>

#define SUBTITLES_LINE_CHARS  42                 /* what television allows in a line… */
#define SUBTITLES_LINES       2                  /* …and on the screen */
#define SUBTITLES_SHORTEST_NS INT64_C(500000000) /* nothing can be read in less */

typedef enum { SUBTITLES_VTT, SUBTITLES_SRT, SUBTITLES_N_FORMATS } SubtitlesFormat;
const char *subtitles_suffix(SubtitlesFormat format); /* "vtt", "srt" */

typedef struct {
    int64_t start_ns, end_ns;
    char *text; /* UTF-8, at most SUBTITLES_LINES lines of SUBTITLES_LINE_CHARS */
} SubtitlesCue;
void subtitles_cue_free(SubtitlesCue *self);

/**
 * subtitles_cues_new:
 * @text: UTF-8, any length, white space of any kind; what lies in [@start_ns, @end_ns) is said in it
 * Returns: (transfer full): of SubtitlesCue, one after the other without a gap, each as long as its share of the
 * text; empty for an empty text
 */
GPtrArray *subtitles_cues_new(const char *text, int64_t start_ns, int64_t end_ns);

const char *subtitles_header(SubtitlesFormat format); /* the file's first lines */
/* @number: 1, 2, … */
void subtitles_append_cue(GString *out, SubtitlesFormat format, unsigned number, const SubtitlesCue *cue);

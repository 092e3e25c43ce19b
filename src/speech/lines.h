/* speech/lines.h: what is said in a fragment, line by line: a line is a phrase that the speaker set off by pauses.
 * Any thread, one object one thread. Times are ns within the fragment. */
#pragma once

#include <glib.h>
#include <stdint.h>

typedef struct {
    int64_t start_ns, end_ns;         /* where the original says it */
    char *text;                       /* (nullable) what it says */
    char *translation;                /* (nullable) what is said instead; NULL: not translated; "": nothing */
    char *voice;                      /* (nullable) who says it; NULL: the stream's voice */
    int64_t placed_ns, placed_end_ns; /* where the dub says it; -1, both: it does not */
} DubSpeechLine;

DubSpeechLine *dub_speech_line_new(int64_t start_ns, int64_t end_ns, const char *text, const char *translation,
                                   const char *voice);
void dub_speech_line_free(DubSpeechLine *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubSpeechLine, dub_speech_line_free)

GPtrArray *dub_speech_lines_new(void); /* of DubSpeechLine, which it owns */

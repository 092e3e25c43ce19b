/* text/cues.h: a file of subtitles, or of a transcript, as texts with their times: .srt, .vtt, .ass (whatever
 * libavformat reads) and JSON: [{"start": 1.5, "end": 3.2, "text": "…"}, …] in seconds, or an object whose "segments"
 * are that, as OpenAI's verbose_json and whisper.cpp's users have it. Any thread; reading blocks. */
#pragma once

#include <glib.h>
#include <stdint.h>

typedef struct {
    int64_t start_ns, end_ns; /* end after start */
    char *text;               /* UTF-8, one line, without markup */
} DubCue;

#define DUB_CUES_MAX_BYTES (16 * 1024 * 1024) /* of the file: a day of dense speech is 1 MB */

/* Returns: (transfer full): of DubCue *, in order of their start, frees them. NULL with DUB_ERROR_NOT_FOUND, _IO,
 * _UNSUPPORTED (it is no such file) or _CORRUPT, which says where */
GPtrArray *dub_cues_read(const char *path, GError **error);

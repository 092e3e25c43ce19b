/* media/file-format.h: opens what an input holds, with all that libavformat can find out about its tracks. Blocks: a
 * reading thread of its own. */
#pragma once

#include "media/http-nested.h"
#include "media/input.h"

#include <libavformat/avformat.h>

typedef struct {
    const char *path; /* for the suffix; of a server: where redirects led */
    const char *name; /* as errors call it */
    GCancellable *cancellable;
    DubHttpAccess *http; /* NULL: a local file */
} DubFileFormatConfig;

typedef struct {
    AVFormatContext *format; /* free with avformat_close_input(); NULL: it was not opened */
    DubHttpNested *nested;   /* of what comes from a server, also where that failed; free it after the format */
    int status;              /* why not: an AVERROR */
    int score;               /* of libavformat's guess at the format, 0 to AVPROBE_SCORE_MAX */
} DubFileFormat;

/* @input: outlives the format. Returns: whether it is open; false with @error where it cannot be read from a server at
 * all, without where @opened says why */
bool dub_file_format_open(DubInput *input, const DubFileFormatConfig *config, DubFileFormat *opened, GError **error);
bool dub_file_format_is_hls(const AVInputFormat *demuxer);

/* media/file-format.h: opens what a file input holds, with all that libavformat can find out about its tracks. Blocks: a reading
 * thread of its own. */
#pragma once

#include "media/file-input.h"

#include <libavformat/avformat.h>

/* @path: for the suffix. @score: (out) of libavformat's guess at the format, 0 to AVPROBE_SCORE_MAX
 * Returns: NULL with @status, an AVERROR; the input outlives it; free with avformat_close_input() */
AVFormatContext *dub_file_format_open(DubFileInput *input, const char *path, GCancellable *cancellable, int *status,
                                      int *score);

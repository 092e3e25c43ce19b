/* media/file-format.c: probing. */
#include "media/file-format.h"

#define FILE_PROBE_BYTES (64 * 1024 * 1024) /* a track may begin late */
#define FILE_ANALYZE_US  (30 * INT64_C(1000000))
#define PIPE_PROBE_BYTES (2 * 1024 * 1024) /* what is probed arrives in real time, perhaps */
#define PIPE_ANALYZE_US  INT64_C(1000000)
#define PROTOCOLS        "file,crypto,data" /* what a playlist may name: a file must not make us call a server */

static int on_interrupt(void *user_data)
{
    return g_cancellable_is_cancelled(user_data);
}

AVFormatContext *dub_file_format_open(DubFileInput *input, const char *path, GCancellable *cancellable, int *status,
                                      int *score)
{
    const bool is_pipe = dub_file_input_size(input) < 0;
    AVIOContext *io = dub_file_input_io(input);
    const AVInputFormat *demuxer = NULL;
    const int guess = av_probe_input_buffer2(io, &demuxer, path, NULL, 0, is_pipe ? PIPE_PROBE_BYTES : 0);
    *score = MAX(guess, 0);
    *status = AVERROR_DEMUXER_NOT_FOUND;
    if (guess < 0)
        return NULL;
    AVFormatContext *format = avformat_alloc_context();
    format->pb = io;
    format->interrupt_callback = (AVIOInterruptCB){ on_interrupt, cancellable };
    format->flags |= AVFMT_FLAG_GENPTS;
    format->probesize = is_pipe ? PIPE_PROBE_BYTES : FILE_PROBE_BYTES;
    format->max_analyze_duration = is_pipe ? PIPE_ANALYZE_US : FILE_ANALYZE_US;
    AVDictionary *options = NULL;
    av_dict_set(&options, "protocol_whitelist", PROTOCOLS, 0);
    *status = avformat_open_input(&format, path, demuxer, &options); /* frees it where it fails */
    av_dict_free(&options);
    if (*status >= 0)
        *status = avformat_find_stream_info(format, NULL);
    if (*status < 0)
        avformat_close_input(&format);
    return format;
}

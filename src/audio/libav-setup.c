/* audio/libav-setup.c: a peer's broken bytes make libav talk a lot, where our own error already says what matters, and
 * take much memory: two kilobytes of MP4 may claim a table of 800 MB, and get it. */
#include "audio/libav-setup.h"

#include "audio/aac-encoder.h"
#include "audio/layout.h"
#include "base/log.h"

#include <libavcodec/defs.h>
#include <libavutil/log.h>
#include <libavutil/mem.h>
#include <string.h>

#define MAX_LINE_BYTES 256
#define MAX_BLOCK_BYTES \
    (96u << 20) /* above any fragment and its index, at most 24 bytes for each sample of a minute at 48 kHz */

static void on_message(void *context, int level, const char *format, va_list arguments)
{
    if (level > AV_LOG_INFO || !dub_log_enabled(DUB_LOG_DEBUG))
        return;
    char line[MAX_LINE_BYTES];
    int at_line_start = 1;
    av_log_format_line2(context, level, format, arguments, line, sizeof line, &at_line_start);
    g_autofree char *printable = dub_log_printable(g_strchomp(line), MAX_LINE_BYTES);
    dub_debug("libav: %s", printable);
}

void dub_libav_setup(void)
{
    static gsize done;
    if (g_once_init_enter(&done)) {
        av_log_set_callback(on_message);
        av_max_alloc(MAX_BLOCK_BYTES);
        g_once_init_leave(&done, 1);
    }
}

bool dub_libav_set_extradata(AVCodecParameters *parameters, const void *data, gsize size)
{
    parameters->extradata = av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!parameters->extradata)
        return false;
    memcpy(parameters->extradata, data, size);
    parameters->extradata_size = (int) size;
    return true;
}

bool dub_libav_describe_aac(AVCodecParameters *parameters, GBytes *config, unsigned rate_hz, unsigned channels)
{
    gsize size;
    const void *data = g_bytes_get_data(config, &size);
    if (!dub_libav_set_extradata(parameters, data, size))
        return false;
    parameters->codec_type = AVMEDIA_TYPE_AUDIO;
    parameters->codec_id = AV_CODEC_ID_AAC;
    parameters->sample_rate = (int) rate_hz;
    parameters->frame_size = DUB_AAC_FRAME;
    dub_layout_init(&parameters->ch_layout, channels);
    return true;
}

/* audio/libav-log.c: a peer's broken bytes make libav talk a lot; our own error already says what matters. */
#include "audio/libav-log.h"

#include "base/log.h"

#include <libavutil/log.h>

#define MAX_LINE_BYTES 256

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

void dub_libav_log_setup(void)
{
    static gsize done;
    if (g_once_init_enter(&done)) {
        av_log_set_callback(on_message);
        g_once_init_leave(&done, 1);
    }
}

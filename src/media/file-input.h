/* media/file-input.h: the bytes of a local file, a named pipe or standard input, for libavformat. Opening and reading never
 * wait longer than a silence is allowed to last, nor beyond a cancel. One thread, but for the cancellable. */
#pragma once

#include <gio/gio.h>
#include <libavformat/avio.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct _DubFileInput DubFileInput;

/* @path: "-" is standard input. @silence_ns: a pipe that yields nothing for so long is an error */
DubFileInput *dub_file_input_open(const char *path, int64_t silence_ns, GCancellable *cancellable, GError **error);
void dub_file_input_close(DubFileInput *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubFileInput, dub_file_input_close)

AVIOContext *dub_file_input_io(DubFileInput *self);    /* (transfer none) */
int64_t dub_file_input_size(const DubFileInput *self); /* bytes; -1: a pipe, which cannot be sought in */
GError *dub_file_input_steal_error(
    DubFileInput *self); /* (transfer full) (nullable): why reading failed: TIMEOUT, CANCELLED, IO */

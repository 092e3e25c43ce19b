/* media/file-input.h: the bytes of a local file, a named pipe or standard input. Opening and reading never wait longer
 * than a silence is allowed to last, nor beyond a cancel. */
#pragma once

#include "media/input.h"

/* @path: "-" is standard input. @silence_ns: a pipe that yields nothing for so long is an error. Errors of reading:
 * TIMEOUT, CANCELLED, IO */
DubInput *dub_file_input_open(const char *path, int64_t silence_ns, GCancellable *cancellable, GError **error);

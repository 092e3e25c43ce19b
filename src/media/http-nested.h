/* media/http-nested.h: what a playlist from a server names, opened for libavformat: by HTTP (http-input.h) and by
 * nothing else, so that no server can make us read a file of this machine. Segments in AES-128 are decrypted here. The
 * thread of the access. */
#pragma once

#include "media/http-input.h"

#include <libavformat/avformat.h>

typedef struct _DubHttpNested DubHttpNested;

/* @access: outlives it, as both outlive @format. @name: as errors call the source. Sets @format's opaque, io_open,
 * io_close2 and which protocols libavformat may use by itself: none. */
DubHttpNested *dub_http_nested_new(DubHttpAccess *access, const char *name, GCancellable *cancellable,
                                   AVFormatContext *format);
void dub_http_nested_free(DubHttpNested *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubHttpNested, dub_http_nested_free)

/* libavformat skips what cannot be opened, and takes a live playlist that is gone for its end. */
bool dub_http_nested_is_broken(const DubHttpNested *self); /* the newest could not be opened */
GError *dub_http_nested_steal_error(DubHttpNested *self);  /* (transfer full) (nullable): why one could not be opened */
void dub_http_nested_forget_error(DubHttpNested *self);

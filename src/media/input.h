/* media/input.h: where the bytes that libavformat reads come from: a file (file-input.h), a server (http-input.h). What
 * waits in it ends with a cancel. One thread, but for the cancellable. */
#pragma once

#include <gio/gio.h>
#include <libavformat/avio.h>
#include <stdbool.h>
#include <stdint.h>

#define DUB_INPUT_BUFFER_BYTES 65536

typedef struct _DubInput DubInput;

void dub_input_close(DubInput *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubInput, dub_input_close)

AVIOContext *dub_input_io(DubInput *self);     /* (transfer none) its opaque is @self */
int64_t dub_input_size(const DubInput *self);  /* bytes; -1: it cannot be sought in */
GError *dub_input_steal_error(DubInput *self); /* (transfer full) (nullable): why reading failed, in DUB_ERROR */

/* --- what implements one: it has this as its first member --- */

typedef struct {
    int (*read)(void *self, uint8_t *data, int size);        /* as AVIOContext's read_packet */
    int64_t (*seek)(void *self, int64_t offset, int whence); /* as AVIOContext's seek; not asked for AVSEEK_SIZE */
    void (*free)(DubInput *self);                            /* frees all but what is in here */
} DubInputClass;

struct _DubInput {
    const DubInputClass *class;
    AVIOContext *io;
    int64_t size; /* -1: not known */
    bool is_seekable;
    GError *error;
};

void dub_input_init(DubInput *self, const DubInputClass *class); /* once it is known whether it can be sought in */
/* Returns: @status. @error: (transfer full): the first one counts */
int dub_input_fail(DubInput *self, GError *error, int status);

/* media/input.c: what all inputs share: the AVIOContext, and the error that its numbers cannot tell. */
#include "media/input.h"

#include <libavutil/mem.h>

/* A size alone is worth knowing: durations are estimated by it. */
static int64_t seek_to(void *opaque, int64_t offset, int whence)
{
    DubInput *self = opaque;
    if (whence & AVSEEK_SIZE)
        return self->size >= 0 ? self->size : AVERROR(ENOSYS);
    return self->is_seekable ? self->class->seek(self, offset, whence & ~AVSEEK_FORCE) : AVERROR(ESPIPE);
}

void dub_input_init(DubInput *self, const DubInputClass *class)
{
    self->class = class;
    self->io = avio_alloc_context(av_malloc(DUB_INPUT_BUFFER_BYTES), DUB_INPUT_BUFFER_BYTES, 0, self, class->read, NULL,
                                  seek_to);
    self->io->seekable = self->is_seekable ? AVIO_SEEKABLE_NORMAL : 0;
}

int dub_input_fail(DubInput *self, GError *error, int status)
{
    if (self->error)
        g_error_free(error);
    else
        self->error = error;
    return status;
}

void dub_input_close(DubInput *self)
{
    if (!self)
        return;
    if (self->io)
        av_freep(&self->io->buffer);
    avio_context_free(&self->io);
    g_clear_error(&self->error);
    self->class->free(self);
}

AVIOContext *dub_input_io(DubInput *self)
{
    return self->io;
}

int64_t dub_input_size(const DubInput *self)
{
    return self->is_seekable ? self->size : -1;
}

GError *dub_input_steal_error(DubInput *self)
{
    return g_steal_pointer(&self->error);
}

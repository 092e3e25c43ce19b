/* engines/asr/asr-null.c: hears nothing. To run everything around recognition without its cost. */
#include "engines/asr/asr-driver.h"

static DubAsr *open_null(const char *language G_GNUC_UNUSED, const char *model G_GNUC_UNUSED,
                         GError **error G_GNUC_UNUSED)
{
    DubAsr *self = g_new0(DubAsr, 1);
    self->klass = &dub_asr_null;
    return self;
}

static void close_null(DubAsr *self)
{
    g_free(self);
}

static DubTranscript *transcribe(DubAsr *self G_GNUC_UNUSED, DubAsrStream *stream G_GNUC_UNUSED,
                                 const DubPcm *pcm G_GNUC_UNUSED, GCancellable *cancellable G_GNUC_UNUSED,
                                 GError **error G_GNUC_UNUSED)
{
    return dub_transcript_new();
}

static const char *const languages[] = {NULL};

const DubAsrClass dub_asr_null = {
    .info = {.name = "null", .languages = languages, .rate_hz = 16000, .cost = 0.0, .package = NULL},
    .open = open_null,
    .close = close_null,
    .transcribe = transcribe,
};

/* engines/tts/tts-null.c: says nothing. */
#include "engines/tts/tts-driver.h"

#define RATE_HZ 22050

static GPtrArray *list_voices(GError **error G_GNUC_UNUSED)
{
    return g_ptr_array_new_with_free_func((GDestroyNotify) dub_voice_free);
}

static DubTts *open_null(const char *language G_GNUC_UNUSED, const char *voice G_GNUC_UNUSED,
                         GError **error G_GNUC_UNUSED)
{
    DubTts *self = g_new0(DubTts, 1);
    self->klass = &dub_tts_null;
    return self;
}

static void close_null(DubTts *self)
{
    g_free(self);
}

static DubPcm *synthesize(DubTts *self G_GNUC_UNUSED, const char *text G_GNUC_UNUSED, double pace G_GNUC_UNUSED,
                          GCancellable *cancellable G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
    return dub_pcm_new(RATE_HZ, 1, 0);
}

const DubTtsClass dub_tts_null = {
    .info = {.name = "null", .package = NULL, .voices = list_voices},
    .takes_any_language = true,
    .open = open_null,
    .close = close_null,
    .synthesize = synthesize,
};

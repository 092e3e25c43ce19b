/* speech/lines.c: a struct with texts. */
#include "speech/lines.h"

DubSpeechLine *dub_speech_line_new(int64_t start_ns, int64_t end_ns, const char *text, const char *translation,
                                   const char *voice)
{
    DubSpeechLine *self = g_new0(DubSpeechLine, 1);
    self->start_ns = start_ns;
    self->end_ns = end_ns;
    self->text = g_strdup(text);
    self->translation = g_strdup(translation);
    self->voice = g_strdup(voice);
    self->placed_ns = self->placed_end_ns = -1;
    return self;
}

void dub_speech_line_free(DubSpeechLine *self)
{
    if (!self)
        return;
    g_free(self->text);
    g_free(self->translation);
    g_free(self->voice);
    g_free(self);
}

GPtrArray *dub_speech_lines_new(void)
{
    return g_ptr_array_new_with_free_func((GDestroyNotify) dub_speech_line_free);
}

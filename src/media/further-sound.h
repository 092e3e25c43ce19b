/* media/further-sound.h: a dub that lies ready in a file of its own (an .mp4 without pictures, which sink.h wrote), to
 * become a track of an output, its subtitles another. Any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *path, *language, *title; /* language: BCP 47 */
    bool is_default;               /* players take it by default */
} DubFurtherSound;

DubFurtherSound *dub_further_sound_new(const char *path, const char *language, const char *title, bool is_default);
void dub_further_sound_free(DubFurtherSound *self); /* NULL is fine */

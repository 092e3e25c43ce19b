/* airdub/stems.h: the two parts of a dubbed file's sound, as files of their own: FOLDER/dub.wav and FOLDER/bed.wav,
 * 32-bit floats, as long as the dub. Main thread only. They get their names at the end, so that a name never holds
 * half. */
#pragma once

#include "audio/pcm.h"

#include <stdbool.h>

typedef struct _Stems Stems;
/* @folder: made where it is not there; @replace: files of those names may be there.
 * Returns: NULL with %DUB_ERROR_INVALID_ARGUMENT (already there), NO_SPACE, IO… */
Stems *stems_new(const char *folder, bool replace, GError **error);
bool stems_add(Stems *self, const DubPcm *bed, const DubPcm *dub, GError **error);
bool stems_finish(Stems *self, GError **error); /* blocks until they are on the disk */
void stems_free(Stems *self);                   /* what was not finished is removed */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Stems, stems_free)

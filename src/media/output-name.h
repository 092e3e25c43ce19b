/* media/output-name.h: the names a file has while it is written, when it is complete, and when it was cut short.
 * Any thread; dub_output_name_settle() blocks on the disk. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *final;   /* what the user asked for: "dir/show.mp4" */
    char *part;    /* "dir/.show.part.mp4": while it is written */
    char *partial; /* "dir/show.partial.mp4": playable, but not all; one that is called so already keeps its name */
} DubOutputName;

void dub_output_name_init(DubOutputName *self, const char *path);
void dub_output_name_clear(DubOutputName *self);
/* Checks that the folder is there and takes a file. Errors name the cure. */
bool dub_output_name_check(const DubOutputName *self, GError **error);
/* fsync, then rename from part to @target (final or partial), then fsync of the folder. On failure part is removed. */
bool dub_output_name_settle(const DubOutputName *self, const char *target, GError **error);

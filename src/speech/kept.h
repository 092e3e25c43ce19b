/* speech/kept.h: speech that need not be made again: a folder with a project (speech/project.h) and a file of sound for
 * each fragment. Stands in front of the engines: a fragment that it has is answered from it, the others are asked for
 * and recorded, so that a run can go on where another ended, and a dub whose lines were mended speaks only these again.
 * docs/projects.md says what is in the folder.
 *
 * Open, begin, finish and remove block on the disk: before the loop runs and after it has ended. Find and record are
 * for the lanes, any number of threads; the rest is for any thread. What it holds in memory is what the project's text
 * holds, with %DUB_PROJECT_MAX_BYTES as its bound; sound is in memory while it is read or written. */
#pragma once

#include "speech/project.h"
#include "speech/speech.h"

typedef enum {
    DUB_KEPT_NEW,     /* nothing may be there */
    DUB_KEPT_REPLACE, /* what is there is of no use any more */
    DUB_KEPT_RESUME,  /* goes on with what is there, if anything is; what failed is asked for again */
    DUB_KEPT_REDUB,   /* it is there, and whole: what did not change stays as it was, what failed too */
} DubKeptMode;

/**
 * dub_kept_open:
 * @folder: made where it is not there
 * Returns: (transfer full); NULL with %DUB_ERROR_INVALID_ARGUMENT (there is one already), _NOT_FOUND (there is none),
 * _CORRUPT (which line, and how to mend it), _IO, _NO_SPACE …
 */
DubKept *dub_kept_open(const char *folder, DubKeptMode mode, GError **error);
void dub_kept_free(DubKept *self); /* after the lanes */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubKept, dub_kept_free)

const DubJson *dub_kept_header(const DubKept *self); /* of what was there; NULL: nothing was */

/* @header: of what is made now; @voice: (nullable) the stream's. From here on fragments are recorded. */
bool dub_kept_begin(DubKept *self, const DubJson *header, const char *voice, GError **error);

/* After begin: the most that any fragment needs of the engines. */
DubProjectChange dub_kept_needs(const DubKept *self);
/* After begin: does @has know the voice of each line that is spoken again? The error names the line. */
bool dub_kept_check_voices(const DubKept *self, bool (*has)(const char *voice, void *user_data), void *user_data,
                           GError **error);

/* (transfer full): of a fragment's sound, for the two that follow */
char *dub_kept_sound(const DubFragment *fragment);
/**
 * dub_kept_find:
 * @fragment: is given its lines where these are to be spoken again
 * @memory: becomes what it was after the fragment; nullable
 * Returns: (transfer full): what is kept, or NULL: the engines are to be asked
 */
DubSpeechResult *dub_kept_find(DubKept *self, DubFragment *fragment, const char *sound, DubEngineMemory *memory);
/* Failures to write are told by dub_kept_problem(). */
void dub_kept_record(DubKept *self, const DubFragment *fragment, const char *sound, const DubSpeechResult *result,
                     const DubEngineMemory *memory);

GError *dub_kept_problem(DubKept *self); /* (transfer full) (nullable): what went wrong first */
void dub_kept_counts(DubKept *self, guint64 *n_kept, guint64 *n_asked);

bool dub_kept_finish(DubKept *self, GError **error); /* all is dubbed: the project gets its name */
bool dub_kept_remove(DubKept *self, GError **error); /* the folder with all that is ours in it */

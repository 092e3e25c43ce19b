/* speech/project.h: a dub as text that a person mends: what was understood, translated, placed and spoken. Any thread,
 * one object one thread; bytes in, values out, no I/O. docs/projects.md describes the format for those who edit it.
 *
 * One object of JSON a line. The first is the header; a "fragment" says what became of a stretch of sound, and the
 * lines that follow it what is said there. A line belongs to the fragment in which it begins, wherever it stands. */
#pragma once

#include "base/json.h"
#include "speech/lines.h"

#include <stdbool.h>

#define DUB_PROJECT_VERSION        1
#define DUB_PROJECT_MAX_BYTES      (256u * 1024 * 1024) /* a day of dense speech is some 25 MB */
#define DUB_PROJECT_MAX_LINE_BYTES (256u * 1024)
#define DUB_PROJECT_MAX_ROWS       1000000u
#define DUB_PROJECT_DIGEST_CHARS   8 /* of each part of a made_from */

typedef struct {
    DubSpeechLine line; /* times within the fragment once it has its place, of the stream before */
    char *made_from;    /* nullable: dub_project_line_digest() when it was spoken */
    unsigned row;       /* in the file, from 1; 0: it has none */
} DubProjectLine;

typedef struct {
    uint64_t index;
    int64_t start_ns, length_ns; /* of the stream; length with what it shares with the next one */
    char *sound;                 /* dub_project_sound_digest() of the original */
    char *made_from;             /* dub_project_fragment_digest() when it was spoken */
    char *speech;                /* (nullable) name of the file with the dub, in the project's folder; NULL: silence */
    gsize speech_frames;         /* of that silence */
    DubJson *answer;             /* transcript, translated_text, status, error_code, error_message, metadata */
    DubJson *memory;             /* (nullable) what the engines had learnt by then */
    GPtrArray *lines;            /* of DubProjectLine, by their start */
    unsigned row;
} DubProjectFragment;
DubProjectFragment *dub_project_fragment_new(void);
void dub_project_fragment_free(DubProjectFragment *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubProjectFragment, dub_project_fragment_free)
/* @line: copied, times within the fragment; @voice: the stream's own */
void dub_project_fragment_add_line(DubProjectFragment *self, const DubSpeechLine *line, const char *voice);
bool dub_project_fragment_failed(const DubProjectFragment *self);
/* (transfer full): its row and those of its lines, each ended by a line break */
char *dub_project_fragment_to_text(const DubProjectFragment *self);

/* What is to be done with a fragment that somebody may have mended. */
typedef enum {
    DUB_PROJECT_SAME,
    DUB_PROJECT_SPEAK,     /* a line is new, gone, or has another translation, voice or time */
    DUB_PROJECT_TRANSLATE, /* also: a line's text has changed and its translation has not */
} DubProjectChange;
/* @given: (out) (nullable): (transfer full): of DubSpeechLine: what is to be said; a translation that is out of date is
 * left out */
DubProjectChange dub_project_fragment_change(const DubProjectFragment *self, const char *voice, GPtrArray **given);

typedef struct {
    DubJson *header;
    GPtrArray *fragments; /* of DubProjectFragment, by their start; none twice */
    gsize good_bytes;     /* up to here the text is sound */
} DubProject;
/**
 * dub_project_parse:
 * @is_journal: the end may be missing or spoilt, since power was cut: what is sound before it is taken
 * Returns: (transfer full); NULL with %DUB_ERROR_CORRUPT, which says in which line, and how to mend it
 */
DubProject *dub_project_parse(const char *text, gsize length, bool is_journal, GError **error);
void dub_project_free(DubProject *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubProject, dub_project_free)

/* (transfer full), both: hexadecimal. @bytes: the sound as it is */
char *dub_project_sound_digest(const void *bytes, gsize length, unsigned rate_hz, unsigned channels);
char *dub_project_fragment_digest(const DubProjectFragment *self, const char *voice);

char *dub_project_row_to_text(const DubJson *row); /* (transfer full): ended by a line break */

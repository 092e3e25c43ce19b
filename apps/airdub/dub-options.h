/* airdub/dub-options.h: what `airdub dub` was asked for, and whether it can be done at all. Main thread only. */
#pragma once

#include "airdub/dub-targets.h"
#include "airdub/engine-options.h"
#include "timeline/segmenter.h"

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *in, *out; /* paths or URLs */
    char *from, *to, *voice;
    char *bed, *segment_mode, *sts_url;
    double segment_s;
    int audio_track;                /* from 1; 0: by language */
    int commentary_track;           /* from 1; 0: what is heard is recognised */
    char *transcript, *translation; /* files with what is said, before or after translation; NULL: none */
    char *title;                    /* of the dub in OUT */
    char *project, *stems;          /* folders for what is kept, and for dub and bed apart; NULL: none */
    gboolean resume;
    bool is_redub;                           /* only what was mended in the project is spoken */
    char *subtitles_choice, *default_choice; /* files, embed, both; dub, original, a language */
    gboolean keep_original, one_file, force, as_json, quiet, verbose;
    GPtrArray *targets; /* of DubTarget; where it is one, to, voice, title and out are its */
    EngineOptions engines;
    bool writes_subtitles, embeds_subtitles; /* from subtitles_choice */
    bool is_original_default;                /* from default_choice, both */
    const char *default_language;            /* NULL: the first */
    double bed_gain;                         /* linear, from bed */
    DubSegmentMode mode;                     /* from segment_mode */
} DubOptions;

/* Also checks IN and OUT as far as it goes without opening them: nothing is written. */
bool dub_options_parse(DubOptions *self, int argc, char **argv, GError **error);
bool dub_options_check(DubOptions *self, GError **error); /* the same of options that came from elsewhere */
void dub_options_clear(DubOptions *self);

/* Returns: (transfer full): the path of a plain path or file:// URL; NULL for another URL */
char *dub_options_local_path(const char *name);

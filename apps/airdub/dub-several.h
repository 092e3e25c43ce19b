/* airdub/dub-several.h: one recording into several languages, one after the other; what is said in it is recognised
 * once. docs/architecture.md says why it is done so. Main thread only. */
#pragma once

#include "airdub/dub-options.h"
#include "speech/hearings.h"
#include "speech/kept.h"

/* One dub of IN: what it shares with the other languages, and where its result went. */
typedef struct {
    DubHearings *hearings; /* (nullable): of all languages */
    const char *shown_out; /* what the result will be called in the end; NULL: as the options say */
    bool is_sound_only;    /* the dub alone, without pictures: it will be a track of another file */
    bool has_transcript;   /* another language has written the transcript's subtitles already */
    const GPtrArray *dubs; /* of DubFurtherSound: nothing is dubbed any more, these are the sound; NULL: it is dubbed */
    DubKept *kept;         /* (transfer full) (nullable): see airdub/dub-run.h */
    char *output;          /* (out): where the result lies; NULL: there is none */
} DubRun;

/* Dubs @options' IN into the one language that is in them. */
typedef bool (*DubRunFunc)(const DubOptions *options, DubRun *run, GError **error);

/* @options: with several targets. Returns: false with an error that names the languages that failed: the others are
 * there all the same. */
bool dub_several(const DubOptions *options, DubRunFunc run, GError **error);

/* media/head.h: a live source together with what came before it. A reader that a MediaMTX lets in has missed the first
 * seconds of the stream; its playback server has them. They are delivered first, in the live stream's own time base,
 * and the joint is not to be seen or heard. Where they cannot be had, the live stream goes on without, after one
 * warning. Threads, order and callbacks as media/source.h. */
#pragma once

#include "media/source.h"

typedef struct {
    const char *playback_url; /* "http://mediamtx:9996"; NULL: the source alone */
    const char *path;         /* there: "live/x/in" */
    /* What came before has been played: the recording is wanted from the key picture before it on, and the output is
     * behind by what passed meanwhile. 0: from the stream's beginning. */
    int64_t since_unix_ms;
    unsigned wait_ms;       /* for the recording, from the first live unit on: then without; 0: 3000 */
    DubSourceChoice choice; /* of the source's audio tracks */
} DubHeadConfig;

typedef struct _DubHeadSource DubHeadSource;

/* Delivery starts with the answer of the playback server, at most wait_ms after the first live unit; without one, once
 * what had waited in the source is out of it. info.age_ns has how much older what comes first is by then. Fails as
 * dub_source_new(). */
DubHeadSource *dub_head_source_new(const char *uri, const DubHeadConfig *config, const DubSourceCallbacks *callbacks,
                                   void *user_data, GError **error);
void dub_head_source_start(DubHeadSource *self);
void dub_head_source_set_held(DubHeadSource *self, bool held);
void dub_head_source_free(
    DubHeadSource *self); /* not from inside a callback; bounded as dub_source_free(); NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubHeadSource, dub_head_source_free)

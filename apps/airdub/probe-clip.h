/* airdub/probe-clip.h: a file's sound as fragments that are ready to be sent. Main thread only. */
#pragma once

#include "wire/audio.h"

#include <glib.h>

#define PROBE_CLIP_MAX 200 /* fragments of a file that are kept: 20 minutes of the usual 6 s, some 25 MB */

typedef struct {
    unsigned rate_hz, channels; /* of what is sent */
    GPtrArray *audio;           /* of DubWireAudio, M4A; 1…PROBE_CLIP_MAX */
    gboolean is_cut;            /* the file has more */
} ProbeClip;

/**
 * probe_clip_read:
 * @segment_ns: a fragment's length, exactly; the last may be shorter
 * @max_fragments: no more are wanted
 * @loop: runs until all is read; whoever quits it before gets %DUB_ERROR_CANCELLED
 * Returns: (transfer full): NULL with the errors of dub_source_new(), %DUB_ERROR_NO_AUDIO too when the sound has no
 * length
 */
ProbeClip *probe_clip_read(const char *file, int64_t segment_ns, guint max_fragments, GMainLoop *loop, GError **error);
void probe_clip_free(ProbeClip *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ProbeClip, probe_clip_free)

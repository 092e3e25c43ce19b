/* media/dts-maker.h: decoding times for video whose container stores none (Matroska, RTP) or wrong ones. A codec: no
 * I/O. One thread at a time. The first units wait until the depth of reordering can be seen in them; after that nothing
 * waits. */
#pragma once

#include "media/access-unit.h"

#define DUB_DTS_LEARN_UNITS 17 /* H.264 and H.265 reorder over 16 frames at most: A.3.1, A.4.1 */

typedef struct _DubDtsMaker DubDtsMaker;

/* @unit: (transfer full), with dts_ns set: at most its pts_ns, rising from unit to unit, below 0 for the first ones.
 * Where even squeezing cannot keep both, the PTS is moved: no unit is ever dropped. */
typedef void (*DubDtsFunc)(DubAccessUnit *unit, void *user_data);

/* @keeps: the units come with a DTS each, which is kept if those of the first units make sense (rising, not after the
 * PTS); a later one that does not is squeezed in behind the one before it. Otherwise, and without @keeps, DTS are made
 * from the PTS. */
DubDtsMaker *dub_dts_maker_new(bool keeps, DubDtsFunc emit, void *user_data);
void dub_dts_maker_free(DubDtsMaker *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubDtsMaker, dub_dts_maker_free)

void dub_dts_maker_push(DubDtsMaker *self, DubAccessUnit *unit /* (transfer full) */);
void dub_dts_maker_flush(DubDtsMaker *self); /* the stream is over: whatever waits goes out */

/* timeline/playout.h: when what leaves. Worker's loop thread only; time is an argument.
 *
 * Live: output time p leaves at clock time anchor + p + delay. The anchor is the arrival of output time 0 and moves
 * only when the source stalled for longer than the delay covers (rebuffering). At the end it may all be played faster,
 * and so may a beginning that is overdue when it comes. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    void *payload;          /* opaque; freed by the queue's function unless popped */
    int64_t pts_ns, dts_ns; /* output timeline */
    bool key_frame;
    gsize size_bytes;
    bool after_gap; /* the first one after the source was away */
} DubVideoUnit;

typedef struct _DubPlayout DubPlayout;
/* @delay_ns: the playout delay D; @max_bytes: bound on the video that waits */
DubPlayout *dub_playout_new(int64_t delay_ns, gsize max_bytes, GDestroyNotify free_payload);
void dub_playout_free(DubPlayout *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubPlayout, dub_playout_free)

/* The delay the stream will have after all. Only while nothing has left yet: position negative, or not anchored. */
void dub_playout_set_delay(DubPlayout *self, int64_t delay_ns);
void dub_playout_anchor(DubPlayout *self, int64_t now_ns); /* output time 0 arrived now */
bool dub_playout_anchored(const DubPlayout *self);
int64_t dub_playout_position(const DubPlayout *self,
                             int64_t now_ns); /* output time that leaves at @now_ns; negative before */
int64_t dub_playout_arriving(const DubPlayout *self,
                             int64_t now_ns); /* output time that leaves a delay after @now_ns, late or not */
int64_t dub_playout_deadline(const DubPlayout *self, int64_t output_ns); /* clock time at which @output_ns leaves */
void dub_playout_shift(DubPlayout *self, int64_t by_ns);                 /* > 0: everything leaves later */
/* From @now_ns on @position_ns and what follows leaves, @rate times as fast as real time. */
void dub_playout_go_on_at(DubPlayout *self, int64_t position_ns, double rate, int64_t now_ns);
/* @position_ns and what follows leaves from @from_ns on, @rate (> 1) times as fast as real time, until it has caught up
 * with what would leave by then anyway. */
void dub_playout_catch_up(DubPlayout *self, int64_t position_ns, double rate, int64_t from_ns);

/* @unit: its payload becomes the queue's, also on failure. false: the bound is reached, the unit is gone. */
bool dub_playout_push(DubPlayout *self, const DubVideoUnit *unit);
/* Takes the oldest unit if it is due (dts_ns <= @position_ns); false: none is. */
bool dub_playout_pop(DubPlayout *self, int64_t position_ns, DubVideoUnit *unit);
guint dub_playout_length(const DubPlayout *self);
bool dub_playout_is_before_gap(const DubPlayout *self); /* what leaves next is the first after the source was away */
int64_t dub_playout_first_dts(const DubPlayout *self);  /* DUB_TIME_NONE when empty */

/* sts/order.h: which fragments of one stream are out, which may come in, and in what order their answers leave.
 * One thread. No time: who uses it decides how long a missing number is waited for.
 *
 * The window is counted from the lowest number that is not answered. A number that was refused (paused, too large, …)
 * does not hold up the ones after it, yet may be sent again as long as none of those has been answered. A number that
 * never came does hold them up, until dub_sts_order_give_up(). */
#pragma once

#include "base/json.h"
#include "wire/events.h"

#define DUB_STS_WINDOW         DUB_WIRE_MAX_IN_FLIGHT /* unanswered fragments of a stream: PROTOCOL.md, Rules */
#define DUB_STS_STORED_ANSWERS 16                     /* kept for fragments that are sent again … */
#define DUB_STS_STORED_BYTES   (16u * 1024 * 1024)    /* … and at most so much of them */

typedef struct _DubStsOrder DubStsOrder;

typedef enum {
    DUB_STS_ARRIVAL_NEW,    /* process it: it is out from now on */
    DUB_STS_ARRIVAL_REDO,   /* it had failed in a way that may pass: process it again, it is out */
    DUB_STS_ARRIVAL_OUT,    /* the same fragment is out already */
    DUB_STS_ARRIVAL_STORED, /* the same fragment was answered: dub_sts_order_stored() */
    DUB_STS_ARRIVAL_FULL,   /* DUB_STS_WINDOW fragments are out */
    DUB_STS_ARRIVAL_USED,   /* the number is another fragment's, the id another number's, or the number has passed */
    DUB_STS_ARRIVAL_BEYOND, /* further ahead than the window */
} DubStsArrival;

DubStsOrder *dub_sts_order_new(void);
void dub_sts_order_free(DubStsOrder *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubStsOrder, dub_sts_order_free)

DubStsArrival dub_sts_order_arrive(DubStsOrder *self, const char *fragment_id, uint64_t sequence_number);
/* Not taken for another reason: do not wait for this number. Harmless for one that is out or has passed. */
void dub_sts_order_refuse(DubStsOrder *self, uint64_t sequence_number);

/* @answer: (transfer full); @size_bytes: about what it holds. @may_redo: it failed retryably. Nothing happens for a
 * number that is not out. */
void dub_sts_order_finish(DubStsOrder *self, uint64_t sequence_number, DubJson *answer, gsize size_bytes,
                          bool may_redo);
/* Returns: (transfer full) (nullable): the next answer that may leave now; call until NULL */
DubJson *dub_sts_order_leave(DubStsOrder *self);
DubJson *dub_sts_order_stored(DubStsOrder *self, const char *fragment_id); /* (transfer none) (nullable) */

bool dub_sts_order_is_blocked(const DubStsOrder *self); /* an answer is there and waits for a number that never came */
void dub_sts_order_give_up(DubStsOrder *self);          /* those numbers are refused from now on */
guint dub_sts_order_count_out(const DubStsOrder *self); /* taken and not answered */

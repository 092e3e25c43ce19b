/* media/handover.c: a bounded queue from streaming threads to the loop.
 * One lock guards the queue; it is held for a pointer's worth of work. A batch is delivered per wake-up, and a blocked
 * thread is woken when the queue has fallen to half, so that a file costs few context switches. */
#include "media/handover.h"

#include "base/error.h"
#include "base/timer.h"

#define BATCH_ITEMS 64 /* then the loop gets a chance to do something else */

/* BLOCK: what a demuxer needs to interleave, and little memory: 720p fills the items first, 4K the bytes. */
#define BLOCK_MAX_ITEMS 256
#define BLOCK_MAX_BYTES (8u * 1024 * 1024)
/* LIVE: the header promises 10 s to a source that is held. */
#define LIVE_MAX_NS     (10 * DUB_NS_PER_S)
/* Both: before all streams are known nothing can be delivered, but a file whose sound starts late is still a file. */
#define HARD_MAX_BYTES  (64u * 1024 * 1024)

struct _DubHandover {
    gatomicrefcount refs;
    DubHandoverMode mode;
    GSource *source; /* its ready time is the wake-up */
    DubHandoverFunc deliver;
    void *user_data;

    GMutex lock;
    GCond room;
    GQueue items; /* of DubHandoverItem *; all below guarded by lock */
    gsize bytes;
    int64_t first_arrival_ns, last_arrival_ns;
    bool bounding, ended, closed;
};

void dub_handover_item_clear(DubHandoverItem *item)
{
    g_clear_pointer(&item->unit, dub_access_unit_free);
    g_clear_pointer(&item->pcm, dub_pcm_unref);
    g_clear_error(&item->error);
}

static void free_item(void *data)
{
    DubHandoverItem *item = data;
    dub_handover_item_clear(item);
    g_free(item);
}

static void wake_loop(DubHandover *self)
{
    g_source_set_ready_time(self->source, 0);
}

static bool is_block_full(const DubHandover *self)
{
    if (self->mode != DUB_HANDOVER_BLOCK)
        return false;
    if (!self->bounding)
        return self->bytes >= HARD_MAX_BYTES;
    return self->items.length >= BLOCK_MAX_ITEMS || self->bytes >= BLOCK_MAX_BYTES;
}

static bool is_half_empty(const DubHandover *self)
{
    return self->items.length <= BLOCK_MAX_ITEMS / 2 && self->bytes <= BLOCK_MAX_BYTES / 2;
}

static bool is_live_overrun(DubHandover *self, int64_t now_ns)
{
    if (self->mode != DUB_HANDOVER_LIVE || g_queue_is_empty(&self->items))
        return false;
    const DubHandoverItem *oldest = g_queue_peek_head(&self->items);
    return self->bytes >= HARD_MAX_BYTES || now_ns - oldest->arrival_ns > LIVE_MAX_NS;
}

static void append(DubHandover *self, DubHandoverItem item)
{
    g_queue_push_tail(&self->items, g_memdup2(&item, sizeof item));
    self->bytes += item.size_bytes;
    self->ended = item.kind == DUB_HANDOVER_EOS || item.kind == DUB_HANDOVER_ERROR;
}

bool dub_handover_push(DubHandover *self, DubHandoverItem item)
{
    item.arrival_ns = dub_clock_now();
    g_mutex_lock(&self->lock);
    self->last_arrival_ns = item.arrival_ns;
    if (self->first_arrival_ns == DUB_TIME_NONE)
        self->first_arrival_ns = item.arrival_ns;
    while (!self->closed && !self->ended && is_block_full(self))
        g_cond_wait(&self->room, &self->lock);
    if (self->closed || self->ended) {
        g_mutex_unlock(&self->lock);
        dub_handover_item_clear(&item);
        return false;
    }
    if (is_live_overrun(self, item.arrival_ns)) {
        dub_handover_item_clear(&item);
        item = (DubHandoverItem){ .kind = DUB_HANDOVER_ERROR, .arrival_ns = item.arrival_ns };
        item.error = g_error_new_literal(DUB_ERROR, DUB_ERROR_BACKPRESSURE,
                                         "live source was not read for 10 s; its queue is full");
    }
    append(self, item);
    const bool ended = self->ended;
    const bool is_first_full = !self->bounding && self->bytes >= HARD_MAX_BYTES;
    if (self->items.length == 1 || ended || is_first_full)
        wake_loop(self);
    g_mutex_unlock(&self->lock);
    return !ended || item.kind == DUB_HANDOVER_EOS;
}

void dub_handover_fail(DubHandover *self, GError *error)
{
    const DubHandoverItem item = { .kind = DUB_HANDOVER_ERROR, .error = error, .arrival_ns = dub_clock_now() };
    g_mutex_lock(&self->lock);
    const bool taken = !self->closed && !self->ended;
    if (taken) {
        append(self, item);
        wake_loop(self);
    }
    g_cond_broadcast(&self->room); /* ended: nobody may wait for room any more */
    g_mutex_unlock(&self->lock);
    if (!taken)
        g_error_free(error);
}

static DubHandoverItem *pop(DubHandover *self)
{
    g_mutex_lock(&self->lock);
    DubHandoverItem *item = self->closed ? NULL : g_queue_pop_head(&self->items);
    if (item) {
        self->bytes -= item->size_bytes;
        if (self->mode == DUB_HANDOVER_BLOCK && is_half_empty(self))
            g_cond_broadcast(&self->room);
    }
    g_mutex_unlock(&self->lock);
    return item;
}

/* The callback said no: the item is first again. */
static void push_back(DubHandover *self, DubHandoverItem *item)
{
    g_mutex_lock(&self->lock);
    const bool closed = self->closed;
    if (!closed) {
        g_queue_push_head(&self->items, item);
        self->bytes += item->size_bytes;
    }
    g_mutex_unlock(&self->lock);
    if (closed)
        free_item(item);
}

static gboolean on_ready(void *data)
{
    DubHandover *self = data;
    g_source_set_ready_time(self->source, -1);
    for (int i = 0; i < BATCH_ITEMS; i++) {
        DubHandoverItem *item = pop(self);
        if (!item)
            return G_SOURCE_CONTINUE;
        if (!self->deliver(item, self->user_data)) {
            push_back(self, item);
            return G_SOURCE_CONTINUE;
        }
        free_item(item);
    }
    wake_loop(self);
    return G_SOURCE_CONTINUE;
}

DubHandover *dub_handover_new(GMainContext *context, DubHandoverMode mode, DubHandoverFunc deliver, void *user_data)
{
    DubHandover *self = g_new0(DubHandover, 1);
    g_atomic_ref_count_init(&self->refs);
    g_mutex_init(&self->lock);
    g_cond_init(&self->room);
    self->mode = mode;
    self->deliver = deliver;
    self->user_data = user_data;
    self->first_arrival_ns = self->last_arrival_ns = DUB_TIME_NONE;
    /* The source's reference keeps us alive while a callback of ours closes us. */
    self->source = dub_timer_new(on_ready, dub_handover_ref(self), (GDestroyNotify) dub_handover_unref);
    g_source_set_name(self->source, "media-handover");
    g_source_attach(self->source, context);
    return self;
}

DubHandover *dub_handover_ref(DubHandover *self)
{
    g_atomic_ref_count_inc(&self->refs);
    return self;
}

void dub_handover_unref(DubHandover *self)
{
    if (!g_atomic_ref_count_dec(&self->refs))
        return;
    g_queue_clear_full(&self->items, free_item);
    g_source_unref(self->source);
    g_cond_clear(&self->room);
    g_mutex_clear(&self->lock);
    g_free(self);
}

void dub_handover_resume(DubHandover *self)
{
    wake_loop(self);
}

void dub_handover_start_bounding(DubHandover *self)
{
    g_mutex_lock(&self->lock);
    self->bounding = true;
    g_mutex_unlock(&self->lock);
}

bool dub_handover_has_ended(DubHandover *self)
{
    g_mutex_lock(&self->lock);
    const bool ended = self->ended || (!self->bounding && self->bytes >= HARD_MAX_BYTES);
    g_mutex_unlock(&self->lock);
    return ended;
}

GError *dub_handover_steal_error(DubHandover *self)
{
    g_mutex_lock(&self->lock);
    DubHandoverItem *last = g_queue_peek_tail(&self->items);
    GError *error = last ? g_steal_pointer(&last->error) : NULL;
    g_mutex_unlock(&self->lock);
    return error;
}

int64_t dub_handover_first_arrival_ns(DubHandover *self)
{
    g_mutex_lock(&self->lock);
    const int64_t first_arrival_ns = self->first_arrival_ns;
    g_mutex_unlock(&self->lock);
    return first_arrival_ns;
}

int64_t dub_handover_last_arrival_ns(DubHandover *self)
{
    g_mutex_lock(&self->lock);
    const int64_t last_arrival_ns = self->last_arrival_ns;
    g_mutex_unlock(&self->lock);
    return last_arrival_ns;
}

void dub_handover_close(DubHandover *self)
{
    g_mutex_lock(&self->lock);
    self->closed = true;
    g_cond_broadcast(&self->room);
    GQueue items = self->items;
    g_queue_init(&self->items);
    self->bytes = 0;
    g_mutex_unlock(&self->lock);
    g_queue_clear_full(&items, free_item);
    g_source_destroy(self->source);
}

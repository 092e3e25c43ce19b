/* timeline/playout.c: a bounded queue of access units in decode order, and the arithmetic of the playout delay. */
#include "timeline/playout.h"

#include "base/clock.h"

struct _DubPlayout {
    int64_t delay_ns;
    int64_t anchor_ns; /* DUB_TIME_NONE until output time 0 arrived; then when base_ns arrived, or would have */
    int64_t base_ns;   /* output time that leaves at anchor + delay */
    double rate;
    int64_t late_from_ns, late_base_ns; /* output time late_base_ns leaves then, and what follows at late_rate: */
    double late_rate;                   /* until it has caught up; 0: nothing is late */
    gsize max_bytes, bytes;
    GDestroyNotify free_payload;
    GQueue units; /* DubVideoUnit *, decode order */
};

DubPlayout *dub_playout_new(int64_t delay_ns, gsize max_bytes, GDestroyNotify free_payload)
{
    DubPlayout *self = g_new0(DubPlayout, 1);
    self->delay_ns = delay_ns;
    self->anchor_ns = DUB_TIME_NONE;
    self->rate = 1;
    self->max_bytes = max_bytes;
    self->free_payload = free_payload;
    g_queue_init(&self->units);
    return self;
}

void dub_playout_free(DubPlayout *self)
{
    if (!self)
        return;
    for (DubVideoUnit *unit = g_queue_pop_head(&self->units); unit; unit = g_queue_pop_head(&self->units)) {
        self->free_payload(unit->payload);
        g_free(unit);
    }
    g_free(self);
}

void dub_playout_set_delay(DubPlayout *self, int64_t delay_ns)
{
    self->delay_ns = delay_ns;
}

void dub_playout_anchor(DubPlayout *self, int64_t now_ns)
{
    self->anchor_ns = now_ns;
}

bool dub_playout_anchored(const DubPlayout *self)
{
    return self->anchor_ns != DUB_TIME_NONE;
}

/* What should leave then. */
static int64_t due_at(const DubPlayout *self, int64_t now_ns)
{
    g_return_val_if_fail(dub_playout_anchored(self), 0);
    const int64_t passed_ns = now_ns - self->anchor_ns - self->delay_ns;
    return self->base_ns + (self->rate > 1 ? (int64_t) ((double) passed_ns * self->rate) : passed_ns);
}

int64_t dub_playout_arriving(const DubPlayout *self, int64_t now_ns)
{
    return due_at(self, now_ns) + self->delay_ns;
}

int64_t dub_playout_position(const DubPlayout *self, int64_t now_ns)
{
    const int64_t due_ns = due_at(self, now_ns);
    if (self->late_rate <= 0)
        return due_ns;
    const double late_ns = (double) (now_ns - self->late_from_ns) * self->late_rate;
    return MIN(due_ns, self->late_base_ns + (int64_t) late_ns);
}

int64_t dub_playout_deadline(const DubPlayout *self, int64_t output_ns)
{
    g_return_val_if_fail(dub_playout_anchored(self), 0);
    const int64_t ahead_ns = output_ns - self->base_ns;
    const int64_t due_ns =
        self->anchor_ns + self->delay_ns + (self->rate > 1 ? (int64_t) ((double) ahead_ns / self->rate) : ahead_ns);
    if (self->late_rate <= 0)
        return due_ns;
    const double late_ns = (double) (output_ns - self->late_base_ns) / self->late_rate;
    return MAX(due_ns, self->late_from_ns + (int64_t) late_ns);
}

void dub_playout_shift(DubPlayout *self, int64_t by_ns)
{
    self->anchor_ns += by_ns;
}

void dub_playout_go_on_at(DubPlayout *self, int64_t position_ns, double rate, int64_t now_ns)
{
    self->anchor_ns = now_ns - self->delay_ns;
    self->base_ns = position_ns;
    self->rate = rate;
    self->late_rate = 0;
}

void dub_playout_catch_up(DubPlayout *self, int64_t position_ns, double rate, int64_t from_ns)
{
    self->late_from_ns = from_ns;
    self->late_base_ns = position_ns;
    self->late_rate = rate;
}

bool dub_playout_push(DubPlayout *self, const DubVideoUnit *unit)
{
    if (self->bytes + unit->size_bytes > self->max_bytes) {
        self->free_payload(unit->payload);
        return false;
    }
    self->bytes += unit->size_bytes;
    g_queue_push_tail(&self->units, g_memdup2(unit, sizeof *unit));
    return true;
}

bool dub_playout_pop(DubPlayout *self, int64_t position_ns, DubVideoUnit *unit)
{
    const DubVideoUnit *head = g_queue_peek_head(&self->units);
    if (!head || head->dts_ns > position_ns)
        return false;
    g_autofree DubVideoUnit *owned = g_queue_pop_head(&self->units);
    self->bytes -= owned->size_bytes;
    *unit = *owned;
    return true;
}

guint dub_playout_length(const DubPlayout *self)
{
    return self->units.length;
}

int64_t dub_playout_first_dts(const DubPlayout *self)
{
    const DubVideoUnit *head = g_queue_peek_head((GQueue *) &self->units);
    return head ? head->dts_ns : DUB_TIME_NONE;
}

bool dub_playout_is_before_gap(const DubPlayout *self)
{
    const DubVideoUnit *head = g_queue_peek_head((GQueue *) &self->units);
    return head && head->after_gap;
}

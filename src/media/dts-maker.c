/* media/dts-maker.c: the DTS of the nth unit is the nth smallest PTS, moved back by the depth of reordering. */
#include "media/dts-maker.h"

#define DEFAULT_FRAME_NS (DUB_NS_PER_S / 25) /* one unit alone shows no distance */
#define JUMP_BACK_NS     DUB_NS_PER_S        /* no encoder reorders over this much */
#define JUMP_AHEAD_NS    (10 * DUB_NS_PER_S)
#define SQUEEZE_NS       DUB_NS_PER_US

struct _DubDtsMaker {
    DubDtsFunc emit;
    void *user_data;
    bool keeps;     /* try to keep the DTS that units come with */
    bool is_kept;   /* … and those of this run are good */
    GQueue waiting; /* of DubAccessUnit *, until is_learnt */
    bool is_learnt;
    guint depth; /* units by which one may come late */
    int64_t frame_ns;
    int64_t first_pts_ns; /* the smallest of this run */
    guint n_started;      /* units of this run that are out, up to depth */
    GArray *window;       /* of int64_t, rising: PTS that have not been used as a DTS; depth entries at rest */
    int64_t last_dts_ns;
};

DubDtsMaker *dub_dts_maker_new(bool keeps, DubDtsFunc emit, void *user_data)
{
    DubDtsMaker *self = g_new0(DubDtsMaker, 1);
    self->keeps = keeps;
    self->emit = emit;
    self->user_data = user_data;
    self->window = g_array_new(FALSE, FALSE, sizeof(int64_t));
    self->last_dts_ns = DUB_TIME_NONE;
    return self;
}

static void free_unit(void *data)
{
    dub_access_unit_free(data);
}

void dub_dts_maker_free(DubDtsMaker *self)
{
    if (!self)
        return;
    g_queue_clear_full(&self->waiting, free_unit);
    g_array_unref(self->window);
    g_free(self);
}

static void insert_sorted(GArray *array, int64_t value)
{
    guint at = array->len;
    while (at > 0 && g_array_index(array, int64_t, at - 1) > value)
        at--;
    g_array_insert_val(array, at, value);
}

/* By how many units, at most, one came late. */
static guint depth_of(GQueue *units)
{
    guint depth = 0;
    for (const GList *late = units->head; late; late = late->next) {
        guint overtaken = 0;
        for (const GList *earlier = units->head; earlier != late; earlier = earlier->next)
            overtaken += ((DubAccessUnit *) earlier->data)->pts_ns > ((DubAccessUnit *) late->data)->pts_ns;
        depth = MAX(depth, overtaken);
    }
    return depth;
}

/* Equal times are those of a muxer that could not count below 0: nothing is wrong with their order. */
static bool are_dts_good(GQueue *units)
{
    int64_t last_ns = DUB_TIME_NONE;
    for (const GList *link = units->head; link; link = link->next) {
        const DubAccessUnit *unit = link->data;
        if (unit->dts_ns == DUB_TIME_NONE || unit->dts_ns > unit->pts_ns ||
            (last_ns != DUB_TIME_NONE && unit->dts_ns < last_ns))
            return false;
        last_ns = unit->dts_ns;
    }
    return true;
}

static void learn(DubDtsMaker *self)
{
    self->is_kept = self->keeps && are_dts_good(&self->waiting);
    g_autoptr(GArray) sorted = g_array_new(FALSE, FALSE, sizeof(int64_t));
    for (const GList *link = self->waiting.head; link; link = link->next)
        insert_sorted(sorted, ((DubAccessUnit *) link->data)->pts_ns);
    self->frame_ns = DEFAULT_FRAME_NS;
    for (guint i = 1; i < sorted->len; i++) {
        const int64_t distance_ns = g_array_index(sorted, int64_t, i) - g_array_index(sorted, int64_t, i - 1);
        if (distance_ns > 0)
            self->frame_ns = i == 1 ? distance_ns : MIN(self->frame_ns, distance_ns);
    }
    self->depth = depth_of(&self->waiting);
    self->first_pts_ns = g_array_index(sorted, int64_t, 0);
    self->is_learnt = true;
}

static int64_t next_dts(DubDtsMaker *self, int64_t pts_ns)
{
    insert_sorted(self->window, pts_ns);
    if (self->n_started < self->depth) {
        const guint before = self->depth - self->n_started++;
        return self->first_pts_ns - (int64_t) before * self->frame_ns;
    }
    const int64_t smallest_ns = g_array_index(self->window, int64_t, 0);
    g_array_remove_index(self->window, 0);
    return smallest_ns;
}

static void emit(DubDtsMaker *self, DubAccessUnit *unit)
{
    const bool has_dts = self->is_kept && unit->dts_ns != DUB_TIME_NONE;
    const int64_t wanted_ns = has_dts ? unit->dts_ns : self->is_kept ? unit->pts_ns : next_dts(self, unit->pts_ns);
    const int64_t dts_ns = MIN(wanted_ns, unit->pts_ns);
    const bool is_behind = self->last_dts_ns != DUB_TIME_NONE && dts_ns <= self->last_dts_ns;
    unit->dts_ns = is_behind ? self->last_dts_ns + SQUEEZE_NS : dts_ns;
    if (unit->dts_ns > unit->pts_ns) { /* reordered over more than was seen so far: once late, from here on known */
        if (!self->is_kept && self->window->len < DUB_DTS_LEARN_UNITS)
            insert_sorted(self->window, dts_ns);
        unit->pts_ns = unit->dts_ns;
    }
    self->last_dts_ns = unit->dts_ns;
    self->emit(unit, self->user_data);
}

static void emit_waiting(DubDtsMaker *self)
{
    if (!g_queue_is_empty(&self->waiting))
        learn(self);
    for (DubAccessUnit *unit = g_queue_pop_head(&self->waiting); unit; unit = g_queue_pop_head(&self->waiting))
        emit(self, unit);
}

/* The source's clock was set anew: what was learnt of the old times says nothing. */
static void start_anew(DubDtsMaker *self)
{
    emit_waiting(self);
    self->is_learnt = false;
    self->n_started = 0;
    g_array_set_size(self->window, 0);
    self->last_dts_ns = DUB_TIME_NONE;
}

static bool is_jump(DubDtsMaker *self, int64_t pts_ns)
{
    const DubAccessUnit *last = g_queue_peek_tail(&self->waiting);
    const int64_t last_ns = last ? last->pts_ns : self->last_dts_ns;
    return last_ns != DUB_TIME_NONE && (pts_ns < last_ns - JUMP_BACK_NS || pts_ns > last_ns + JUMP_AHEAD_NS);
}

void dub_dts_maker_push(DubDtsMaker *self, DubAccessUnit *unit)
{
    if (is_jump(self, unit->pts_ns))
        start_anew(self);
    if (self->is_learnt) {
        emit(self, unit);
        return;
    }
    g_queue_push_tail(&self->waiting, unit);
    if (self->waiting.length >= DUB_DTS_LEARN_UNITS)
        emit_waiting(self);
}

void dub_dts_maker_flush(DubDtsMaker *self)
{
    emit_waiting(self);
}

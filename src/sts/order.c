/* sts/order.c: a handful of entries in a list; the window is too small for anything cleverer to pay. */
#include "sts/order.h"

#include <string.h>

#define MASK_BITS 64 /* numbers from `next` on of which we remember that they were refused */

typedef enum {
    ENTRY_OUT,      /* being processed */
    ENTRY_FINISHED, /* its answer waits for the ones before it */
    ENTRY_ANSWERED, /* its answer has left; kept for when it is asked for again */
} EntryState;

typedef struct {
    char *id;
    uint64_t number;
    EntryState state;
    bool again;    /* out for a second time: its answer need not wait */
    bool may_redo; /* ANSWERED: failed in a way that may pass */
    DubJson *answer;
    gsize size_bytes;
} Entry;

struct _DubStsOrder {
    GPtrArray *entries; /* of Entry; at most DUB_STS_WINDOW not answered + DUB_STS_STORED_ANSWERS answered */
    uint64_t next;      /* lowest number that is not answered */
    uint64_t refused;   /* bit i: next + i was refused */
};

static void entry_free(void *data)
{
    Entry *entry = data;
    g_free(entry->id);
    json_decref(entry->answer);
    g_free(entry);
}

DubStsOrder *dub_sts_order_new(void)
{
    DubStsOrder *self = g_new0(DubStsOrder, 1);
    self->entries = g_ptr_array_new_with_free_func(entry_free);
    return self;
}

void dub_sts_order_free(DubStsOrder *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->entries);
    g_free(self);
}

static Entry *find_id(const DubStsOrder *self, const char *id)
{
    for (guint i = 0; i < self->entries->len; i++) {
        Entry *entry = g_ptr_array_index(self->entries, i);
        if (strcmp(entry->id, id) == 0)
            return entry;
    }
    return NULL;
}

static Entry *find_number(const DubStsOrder *self, uint64_t number)
{
    for (guint i = 0; i < self->entries->len; i++) {
        Entry *entry = g_ptr_array_index(self->entries, i);
        if (entry->number == number)
            return entry;
    }
    return NULL;
}

guint dub_sts_order_count_out(const DubStsOrder *self)
{
    guint n = 0;
    for (guint i = 0; i < self->entries->len; i++)
        n += ((const Entry *) g_ptr_array_index(self->entries, i))->state != ENTRY_ANSWERED;
    return n;
}

static bool was_refused(const DubStsOrder *self, uint64_t number)
{
    return number >= self->next && number - self->next < MASK_BITS && (self->refused >> (number - self->next)) & 1;
}

/* Numbers that may still be answered before @number: the refused ones do not count. */
static bool is_beyond(const DubStsOrder *self, uint64_t number)
{
    const uint64_t distance = number - self->next;
    const uint64_t mask = distance >= MASK_BITS ? UINT64_MAX : (UINT64_C(1) << distance) - 1;
    return distance - (uint64_t) __builtin_popcountll(self->refused & mask) >= DUB_STS_WINDOW;
}

static DubStsArrival arrive_again(DubStsOrder *self, Entry *entry)
{
    if (entry->state != ENTRY_ANSWERED)
        return DUB_STS_ARRIVAL_OUT;
    if (!entry->may_redo)
        return DUB_STS_ARRIVAL_STORED;
    if (dub_sts_order_count_out(self) >= DUB_STS_WINDOW)
        return DUB_STS_ARRIVAL_FULL;
    entry->state = ENTRY_OUT;
    entry->again = true;
    return DUB_STS_ARRIVAL_REDO;
}

DubStsArrival dub_sts_order_arrive(DubStsOrder *self, const char *fragment_id, uint64_t sequence_number)
{
    Entry *known = find_id(self, fragment_id);
    if (known)
        return known->number == sequence_number ? arrive_again(self, known) : DUB_STS_ARRIVAL_USED;
    if (sequence_number < self->next || find_number(self, sequence_number))
        return DUB_STS_ARRIVAL_USED;
    if (dub_sts_order_count_out(self) >= DUB_STS_WINDOW)
        return DUB_STS_ARRIVAL_FULL;
    if (is_beyond(self, sequence_number))
        return DUB_STS_ARRIVAL_BEYOND;
    Entry *entry = g_new0(Entry, 1);
    entry->id = g_strdup(fragment_id);
    entry->number = sequence_number;
    g_ptr_array_add(self->entries, entry);
    return DUB_STS_ARRIVAL_NEW;
}

static void advance(DubStsOrder *self, uint64_t steps)
{
    self->next += steps;
    self->refused = steps >= MASK_BITS ? 0 : self->refused >> steps;
}

void dub_sts_order_refuse(DubStsOrder *self, uint64_t sequence_number)
{
    if (sequence_number < self->next || find_number(self, sequence_number))
        return;
    /* A long pause refuses more numbers than the mask holds: with nothing out the oldest are forgotten. One far
     * ahead of the others was never part of this stream's count. */
    const uint64_t distance = sequence_number - self->next;
    if (distance >= MASK_BITS && distance < 2 * MASK_BITS && dub_sts_order_count_out(self) == 0)
        advance(self, distance - MASK_BITS + 1);
    if (sequence_number - self->next < MASK_BITS)
        self->refused |= UINT64_C(1) << (sequence_number - self->next);
}

void dub_sts_order_finish(DubStsOrder *self, uint64_t sequence_number, DubJson *answer, gsize size_bytes, bool may_redo)
{
    Entry *entry = find_number(self, sequence_number);
    if (!entry || entry->state != ENTRY_OUT) {
        json_decref(answer);
        return;
    }
    json_decref(entry->answer);
    entry->answer = answer;
    entry->size_bytes = size_bytes;
    entry->may_redo = may_redo;
    entry->state = ENTRY_FINISHED;
}

/* Oldest first. What was answered last is always kept, however large. */
static void drop_old_answers(DubStsOrder *self)
{
    guint n = 0;
    gsize bytes = 0;
    for (guint i = self->entries->len; i-- > 0;) {
        const Entry *entry = g_ptr_array_index(self->entries, i);
        if (entry->state != ENTRY_ANSWERED)
            continue;
        n++;
        bytes += entry->size_bytes;
        if (n > 1 && (n > DUB_STS_STORED_ANSWERS || bytes > DUB_STS_STORED_BYTES))
            g_ptr_array_remove_index(self->entries, i);
    }
}

/* The list's order is the order of the answers: the newest stands last. */
static DubJson *answer(DubStsOrder *self, Entry *entry)
{
    entry->state = ENTRY_ANSWERED;
    entry->again = false;
    DubJson *result = json_incref(entry->answer);
    guint index = 0;
    if (g_ptr_array_find(self->entries, entry, &index))
        g_ptr_array_add(self->entries, g_ptr_array_steal_index(self->entries, index));
    drop_old_answers(self);
    return result;
}

static Entry *find_finished_again(const DubStsOrder *self)
{
    for (guint i = 0; i < self->entries->len; i++) {
        Entry *entry = g_ptr_array_index(self->entries, i);
        if (entry->again && entry->state == ENTRY_FINISHED)
            return entry;
    }
    return NULL;
}

/* The lowest of the entries that wait for their turn; NULL when there is none. */
static Entry *find_first_waiting(const DubStsOrder *self)
{
    Entry *first = NULL;
    for (guint i = 0; i < self->entries->len; i++) {
        Entry *entry = g_ptr_array_index(self->entries, i);
        if (entry->number >= self->next && (!first || entry->number < first->number))
            first = entry;
    }
    return first;
}

static bool has_hole_before(const DubStsOrder *self, const Entry *entry)
{
    for (uint64_t number = self->next; number < entry->number; number++) {
        if (!was_refused(self, number))
            return true;
    }
    return false;
}

DubJson *dub_sts_order_leave(DubStsOrder *self)
{
    Entry *entry = find_finished_again(self);
    if (entry)
        return answer(self, entry);
    entry = find_first_waiting(self);
    if (!entry || entry->state != ENTRY_FINISHED || has_hole_before(self, entry))
        return NULL;
    advance(self, entry->number - self->next + 1);
    return answer(self, entry);
}

DubJson *dub_sts_order_stored(DubStsOrder *self, const char *fragment_id)
{
    const Entry *entry = find_id(self, fragment_id);
    return entry && entry->state == ENTRY_ANSWERED ? entry->answer : NULL;
}

bool dub_sts_order_is_blocked(const DubStsOrder *self)
{
    const Entry *entry = find_first_waiting(self);
    return entry && entry->state == ENTRY_FINISHED && has_hole_before(self, entry);
}

void dub_sts_order_give_up(DubStsOrder *self)
{
    const Entry *entry = find_first_waiting(self);
    for (uint64_t number = self->next; entry && number < entry->number; number++)
        dub_sts_order_refuse(self, number);
}

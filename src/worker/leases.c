/* worker/leases.c: one lease a stream that is wanted. */
#include "worker/leases.h"

#include "base/clock.h"

#define SPREAD_PARTS \
    6 /* of the TTL: how much later than an empty service a full one asks; and how long it takes to fill */
#define ROOM_PARTS    4            /* of the room: how many are asked for at once */
#define LEAST_AT_ONCE 8            /* all that others have are looked at once a TTL */
#define LOOK_NS       DUB_NS_PER_S /* between looks at a lease whose holder does not seem to use it */

typedef struct {
    char *stream_id;
    DubLease lease;
    uint64_t number; /* of the request under way */
    uint64_t serial; /* of the newest take */
    char *previous;
} Entry;

struct _DubLeases {
    guint max_held;
    int64_t ttl_ns;
    DubLeasesEffects effects;
    void *user_data;
    GHashTable *entries; /* stream id -> Entry; at most what the media server lists */
    guint n_in[DUB_N_LEASE_STATES];
    uint64_t next_number;
    int64_t next_take_ns; /* not before: others may have more room */
    int64_t due_ns;       /* no later than the earliest of them */
};

static void entry_free(void *data)
{
    Entry *entry = data;
    g_free(entry->stream_id);
    g_free(entry->previous);
    g_free(entry);
}

DubLeases *dub_leases_new(guint max_held, int64_t ttl_ns, const DubLeasesEffects *effects, void *user_data)
{
    DubLeases *self = g_new0(DubLeases, 1);
    self->max_held = max_held;
    self->ttl_ns = ttl_ns;
    self->effects = *effects;
    self->user_data = user_data;
    self->due_ns = G_MAXINT64;
    self->next_number = 1;
    self->entries = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
    return self;
}

void dub_leases_free(DubLeases *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->entries);
    g_free(self);
}

guint dub_leases_held(const DubLeases *self)
{
    return self->n_in[DUB_LEASE_HELD] + self->n_in[DUB_LEASE_RENEWING];
}

static bool has_room(const DubLeases *self)
{
    const guint held = dub_leases_held(self);
    if (held >= self->max_held)
        return false;
    const guint room = self->max_held - held;
    return self->n_in[DUB_LEASE_TAKING] < MIN(room, MAX(LEAST_AT_ONCE, room / ROOM_PARTS));
}

static int64_t spread_ns(const DubLeases *self)
{
    return self->ttl_ns / SPREAD_PARTS * dub_leases_held(self) / MAX(1, self->max_held);
}

/* Without room nothing waits for time: it is looked at again when there is room. */
static int64_t due_of(const DubLeases *self, const Entry *entry, DubLeaseEvent *event)
{
    const int64_t due_ns = dub_lease_due(&entry->lease, event);
    if (*event != DUB_LEASE_EV_TAKE)
        return due_ns;
    return has_room(self) ? MAX(due_ns, self->next_take_ns) : G_MAXINT64;
}

static void note_due(DubLeases *self, const Entry *entry)
{
    DubLeaseEvent event;
    self->due_ns = MIN(self->due_ns, due_of(self, entry, &event));
}

static void send(DubLeases *self, Entry *entry, DubLeaseVerb verb)
{
    const uint64_t number = self->next_number++;
    if (verb != DUB_LEASE_RELEASE)
        entry->number = number;
    if (verb == DUB_LEASE_TAKE)
        entry->serial = number;
    const DubLeaseRequest request = { .verb = verb,
                                      .stream_id = entry->stream_id,
                                      .number = number,
                                      .serial = entry->serial,
                                      .token = entry->lease.terms.token,
                                      .generation = entry->lease.terms.generation };
    self->effects.send(&request, self->user_data);
}

static void perform(DubLeases *self, Entry *entry, unsigned actions)
{
    if (actions & DUB_LEASE_SAY_LOST)
        self->effects.news(entry->stream_id, DUB_LEASE_NEWS_LOST, self->user_data);
    if (actions & DUB_LEASE_SEND_RELEASE)
        send(self, entry, DUB_LEASE_RELEASE);
    if (actions & DUB_LEASE_SEND_TAKE)
        send(self, entry, DUB_LEASE_TAKE);
    if (actions & DUB_LEASE_SEND_RENEW)
        send(self, entry, DUB_LEASE_RENEW);
    if (actions & DUB_LEASE_SAY_WON)
        self->effects.news(entry->stream_id, DUB_LEASE_NEWS_WON, self->user_data);
    if (actions & DUB_LEASE_SAY_OTHERS)
        self->effects.news(entry->stream_id, DUB_LEASE_NEWS_OTHERS, self->user_data);
}

static void step(DubLeases *self, Entry *entry, DubLeaseEvent event, const DubLeaseTerms *terms, int64_t now_ns)
{
    const bool had_room = has_room(self);
    self->n_in[entry->lease.state]--;
    const unsigned actions = dub_lease_step(&entry->lease, event, terms, now_ns);
    self->n_in[entry->lease.state]++;
    if (actions & DUB_LEASE_SAY_WON)
        self->next_take_ns = MAX(self->next_take_ns, now_ns) + self->ttl_ns / SPREAD_PARTS / MAX(1, self->max_held);
    if (!had_room && has_room(self))
        self->due_ns = MIN(self->due_ns, now_ns); /* for all that waited for it */
    perform(self, entry, actions);
    note_due(self, entry);
}

static void advance(DubLeases *self, Entry *entry, int64_t now_ns)
{
    DubLeaseEvent event;
    if (now_ns >= due_of(self, entry, &event))
        step(self, entry, event, NULL, now_ns);
}

static int compare_waits(const void *a, const void *b)
{
    const Entry *x = *(Entry *const *) a, *y = *(Entry *const *) b;
    return (x->lease.next_ns > y->lease.next_ns) - (x->lease.next_ns < y->lease.next_ns);
}

/* Whose turn was first is first, so that none waits for ever where there is little room. */
static void take_in_turn(DubLeases *self, GPtrArray *takes, int64_t now_ns)
{
    g_ptr_array_sort(takes, compare_waits);
    for (guint i = 0; i < takes->len; i++)
        advance(self, takes->pdata[i], now_ns);
    for (guint i = 0; i < takes->len; i++)
        note_due(self, takes->pdata[i]);
}

void dub_leases_tick(DubLeases *self, int64_t now_ns)
{
    if (now_ns < self->due_ns)
        return;
    self->due_ns = G_MAXINT64;
    g_autoptr(GPtrArray) takes = g_ptr_array_new();
    GHashTableIter iter;
    void *value;
    g_hash_table_iter_init(&iter, self->entries);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Entry *entry = value;
        DubLeaseEvent event;
        if (dub_lease_due(&entry->lease, &event) <= now_ns && event == DUB_LEASE_EV_TAKE)
            g_ptr_array_add(takes, entry);
        else
            advance(self, entry, now_ns);
        note_due(self, entry);
    }
    take_in_turn(self, takes, now_ns);
    self->due_ns = MAX(self->due_ns, now_ns + DUB_NS_PER_MS);
}

static Entry *find_or_add(DubLeases *self, const char *stream_id, int64_t now_ns)
{
    Entry *entry = g_hash_table_lookup(self->entries, stream_id);
    if (entry)
        return entry;
    entry = g_new0(Entry, 1);
    entry->stream_id = g_strdup(stream_id);
    dub_lease_init(&entry->lease, self->ttl_ns);
    entry->lease.next_ns = now_ns + spread_ns(self);
    g_hash_table_insert(self->entries, entry->stream_id, entry);
    self->n_in[DUB_LEASE_IDLE]++;
    return entry;
}

DubLeasesAnswer dub_leases_want(DubLeases *self, const char *stream_id, bool looks_free, int64_t now_ns)
{
    Entry *entry = find_or_add(self, stream_id, now_ns);
    DubLease *lease = &entry->lease;
    if (looks_free && lease->state == DUB_LEASE_OTHERS)
        lease->next_ns = MIN(lease->next_ns, MAX(now_ns, lease->asked_ns + LOOK_NS) + spread_ns(self));
    note_due(self, entry);
    if (dub_lease_is_ours(lease, now_ns))
        return DUB_LEASES_OURS;
    return lease->state == DUB_LEASE_OTHERS ? DUB_LEASES_OTHERS : DUB_LEASES_UNKNOWN;
}

void dub_leases_drop(DubLeases *self, const char *stream_id, int64_t now_ns)
{
    Entry *entry = g_hash_table_lookup(self->entries, stream_id);
    if (!entry)
        return;
    step(self, entry, DUB_LEASE_EV_DROP, NULL, now_ns);
    self->n_in[entry->lease.state]--;
    g_hash_table_remove(self->entries, stream_id);
}

/* Granted to nobody who waits for it any more: given back. It was a take, whose number is its serial. */
static void give_back(DubLeases *self, const DubLeaseAnswer *answer)
{
    const DubLeaseRequest request = { .verb = DUB_LEASE_RELEASE,
                                      .stream_id = answer->stream_id,
                                      .number = self->next_number++,
                                      .serial = answer->number };
    self->effects.send(&request, self->user_data);
}

void dub_leases_answer(DubLeases *self, const DubLeaseAnswer *answer, int64_t now_ns)
{
    if (answer->verb == DUB_LEASE_RELEASE)
        return;
    static const DubLeaseEvent events[] = { [DUB_LEASE_GRANTED] = DUB_LEASE_EV_GRANTED,
                                            [DUB_LEASE_REFUSED] = DUB_LEASE_EV_REFUSED,
                                            [DUB_LEASE_STORE_YOUNG] = DUB_LEASE_EV_YOUNG };
    Entry *entry = g_hash_table_lookup(self->entries, answer->stream_id);
    const bool is_awaited = entry && entry->number == answer->number &&
                            (entry->lease.state == DUB_LEASE_TAKING || entry->lease.state == DUB_LEASE_RENEWING);
    if (!is_awaited) {
        if (answer->verb == DUB_LEASE_TAKE && answer->outcome == DUB_LEASE_GRANTED)
            give_back(self, answer);
        return;
    }
    if (answer->verb == DUB_LEASE_TAKE) {
        g_free(entry->previous);
        entry->previous = g_strdup(answer->previous);
    }
    DubLeaseTerms terms = answer->terms;
    if (answer->outcome != DUB_LEASE_GRANTED)
        terms.wait_ns += DUB_NS_PER_MS + spread_ns(self);
    step(self, entry, events[answer->outcome], &terms, now_ns);
}

void dub_leases_stop_taking(DubLeases *self)
{
    self->max_held = 0;
}

void dub_leases_hurry(DubLeases *self, int64_t now_ns)
{
    GHashTableIter iter;
    void *value;
    g_hash_table_iter_init(&iter, self->entries);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Entry *entry = value;
        if (entry->lease.state == DUB_LEASE_TAKING || entry->lease.state == DUB_LEASE_RENEWING)
            step(self, entry, DUB_LEASE_EV_UNANSWERED, NULL, now_ns); /* asked of a link that is no more */
        if (entry->lease.state != DUB_LEASE_OTHERS)
            entry->lease.next_ns = MIN(entry->lease.next_ns, now_ns);
        note_due(self, entry);
    }
}

int64_t dub_leases_due(const DubLeases *self)
{
    return self->due_ns;
}

static const Entry *held_entry(const DubLeases *self, const char *stream_id)
{
    const Entry *entry = g_hash_table_lookup(self->entries, stream_id);
    return entry && entry->lease.state >= DUB_LEASE_HELD ? entry : NULL;
}

bool dub_leases_is_ours(const DubLeases *self, const char *stream_id, int64_t now_ns)
{
    const Entry *entry = held_entry(self, stream_id);
    return entry && dub_lease_is_ours(&entry->lease, now_ns);
}

const char *dub_leases_previous(const DubLeases *self, const char *stream_id)
{
    const Entry *entry = held_entry(self, stream_id);
    return entry ? entry->previous : NULL;
}

int64_t dub_leases_token(const DubLeases *self, const char *stream_id)
{
    const Entry *entry = held_entry(self, stream_id);
    return entry ? entry->lease.terms.token : 0;
}

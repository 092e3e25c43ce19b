/* worker/streams.c: one entry a stream id, kept while it is published or its worker runs. */
#include "worker/streams.h"

#include "base/clock.h"
#include "base/log.h"

#define GRACE_NS                                                                                         \
    (3 * DUB_NS_PER_S) /* a worker notices the end of its source by itself, sooner than the list says so \
                        */
#define CLOSING_NS     (2 * DUB_NS_PER_S) /* that long after its end an output may still be listed */
#define FIRST_RETRY_NS (2 * DUB_NS_PER_S)
#define MOST_DOUBLINGS 4u /* 2, 4, 8, 16, 32 s */
#define SETTLED_NS                                                                                     \
    (300 * DUB_NS_PER_S) /* a worker that lived this long, more than it can by trying again and again, \
                                               starts the waits anew when it fails */

typedef struct {
    char *stream_id, *source_id, *query;
    bool published, running, told_full, told_refused, is_in_reserve;
    bool draining;                /* its source has ended, or has been cut off */
    int64_t gone_since_ns;        /* when it stopped being published */
    int64_t started_ns, ended_ns; /* of its newest worker; ended: 0 while there was none */
    int64_t retry_at_ns;          /* not before */
    unsigned failures;            /* in a row */
} Entry;

struct _DubStreams {
    guint max_streams;
    DubStreamsEffects effects;
    void *user_data;
    GHashTable *entries; /* stream id -> Entry; at most what the media server lists */
};

const char *dub_streams_answer_to_string(DubStreamsAnswer answer)
{
    switch (answer) {
    case DUB_STREAMS_STARTED: return "started";
    case DUB_STREAMS_ALREADY: return "already";
    case DUB_STREAMS_RESUMED: return "resumed";
    case DUB_STREAMS_FULL: return "full";
    case DUB_STREAMS_RESERVE: return "in_reserve";
    case DUB_STREAMS_REFUSED: return "no_audio";
    case DUB_STREAMS_WAITING: return "waiting_for_lease";
    }
    return "invalid";
}

static void entry_free(void *data)
{
    Entry *entry = data;
    g_free(entry->stream_id);
    g_free(entry->source_id);
    g_free(entry->query);
    g_free(entry);
}

DubStreams *dub_streams_new(guint max_streams, const DubStreamsEffects *effects, void *user_data)
{
    DubStreams *self = g_new0(DubStreams, 1);
    self->max_streams = max_streams;
    self->effects = *effects;
    self->user_data = user_data;
    self->entries = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
    return self;
}

void dub_streams_free(DubStreams *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->entries);
    g_free(self);
}

guint dub_streams_running(const DubStreams *self)
{
    guint n = 0;
    GHashTableIter iter;
    void *value;
    g_hash_table_iter_init(&iter, self->entries);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        n += ((const Entry *) value)->running;
    return n;
}

static Entry *find_or_add(DubStreams *self, const char *stream_id)
{
    Entry *entry = g_hash_table_lookup(self->entries, stream_id);
    if (entry)
        return entry;
    entry = g_new0(Entry, 1);
    entry->stream_id = g_strdup(stream_id);
    entry->source_id = g_strdup("");
    entry->query = g_strdup("");
    g_hash_table_insert(self->entries, entry->stream_id, entry);
    return entry;
}

static void set_reserve(DubStreams *self, Entry *entry, bool is_in_reserve)
{
    if (entry->is_in_reserve == is_in_reserve)
        return;
    entry->is_in_reserve = is_in_reserve;
    self->effects.reserve(entry->stream_id, is_in_reserve, self->user_data);
}

static DubStreamsAnswer refuse(DubStreams *self, Entry *entry, const GError *refusal)
{
    if (!entry->told_refused)
        self->effects.refuse(entry->stream_id, refusal, self->user_data);
    entry->told_refused = true;
    return DUB_STREAMS_REFUSED;
}

static void disown(DubStreams *self, const Entry *entry)
{
    if (self->effects.disown)
        self->effects.disown(entry->stream_id, self->user_data);
}

/* Who has the lease may publish, whatever the media server still lists: an owner that stands still keeps its path.
 * Returns: DUB_STREAMS_STARTED: it may start */
static DubStreamsAnswer ask_owner(DubStreams *self, Entry *entry, const DubStreamEntry *told)
{
    if (!self->effects.own) {
        set_reserve(self, entry, told->output_id != NULL);
        return entry->is_in_reserve ? DUB_STREAMS_RESERVE : DUB_STREAMS_STARTED;
    }
    switch (self->effects.own(entry->stream_id, !told->output_id, self->user_data)) {
    case DUB_LEASES_OURS: set_reserve(self, entry, false); return DUB_STREAMS_STARTED;
    case DUB_LEASES_OTHERS: set_reserve(self, entry, true); return DUB_STREAMS_RESERVE;
    case DUB_LEASES_UNKNOWN: break;
    }
    return entry->is_in_reserve ? DUB_STREAMS_RESERVE : DUB_STREAMS_WAITING;
}

static DubStreamsAnswer refuse_full(DubStreams *self, Entry *entry)
{
    disown(self, entry);
    if (!entry->told_full)
        dub_warning("stream %s: %u streams run already; raise MAX_CONCURRENT_STREAMS to run more", entry->stream_id,
                    self->max_streams);
    entry->told_full = true;
    return DUB_STREAMS_FULL;
}

static DubStreamsAnswer start(DubStreams *self, Entry *entry, const DubStreamEntry *told, int64_t now_ns)
{
    if (told->refusal)
        return refuse(self, entry, told->refusal);
    if (now_ns < entry->retry_at_ns)
        return DUB_STREAMS_ALREADY;
    if (told->output_id && entry->ended_ns && now_ns - entry->ended_ns < CLOSING_NS)
        return DUB_STREAMS_ALREADY; /* that is our own, which the server has not closed yet */
    const bool is_full = dub_streams_running(self) >= self->max_streams;
    if (is_full && self->effects.own) /* no lease is taken that could not be used */
        return refuse_full(self, entry);
    const bool was_in_reserve = entry->is_in_reserve;
    const DubStreamsAnswer owner = ask_owner(self, entry, told);
    if (owner != DUB_STREAMS_STARTED)
        return owner;
    if (is_full)
        return refuse_full(self, entry);
    entry->running = true;
    entry->told_full = false;
    entry->started_ns = now_ns;
    const DubStreamEntry started = { .stream_id = entry->stream_id,
                                     .source_id = entry->source_id,
                                     .query = entry->query,
                                     .is_taken_over = was_in_reserve };
    self->effects.start(&started, self->user_data);
    return DUB_STREAMS_STARTED;
}

/* Not the publisher we knew: a server that gives no ids is told by its having been away. */
static bool is_another(const Entry *entry, const char *source_id)
{
    if (*source_id && *entry->source_id)
        return g_strcmp0(source_id, entry->source_id) != 0;
    return !entry->published;
}

static void remember_publisher(Entry *entry, const DubStreamEntry *told)
{
    g_free(entry->source_id);
    entry->source_id = g_strdup(told->source_id);
    g_free(entry->query);
    entry->query = g_strdup(told->query);
    entry->published = true;
}

DubStreamsAnswer dub_streams_ready(DubStreams *self, const DubStreamEntry *told, int64_t now_ns)
{
    Entry *entry = find_or_add(self, told->stream_id);
    const bool another = is_another(entry, told->source_id);
    if (another) { /* a new publisher need not pay for the old one's errors */
        entry->retry_at_ns = entry->failures = 0;
        entry->told_refused = false;
    }
    const bool came_back = entry->running && (another || entry->draining);
    if (came_back && !self->effects.resume(entry->stream_id, !another, self->user_data)) {
        entry->published = true; /* under its old id: asked again at each listing until it resumes or has ended */
        return DUB_STREAMS_ALREADY;
    }
    remember_publisher(entry, told);
    entry->draining = false;
    if (came_back)
        return DUB_STREAMS_RESUMED;
    return entry->running ? DUB_STREAMS_ALREADY : start(self, entry, told, now_ns);
}

static void forget_if_over(DubStreams *self, Entry *entry)
{
    if (entry->running || entry->published)
        return;
    disown(self, entry);
    set_reserve(self, entry, false);
    g_hash_table_remove(self->entries, entry->stream_id);
}

void dub_streams_not_ready(DubStreams *self, const char *stream_id, int64_t now_ns)
{
    Entry *entry = g_hash_table_lookup(self->entries, stream_id);
    if (!entry)
        return;
    if (entry->published)
        entry->gone_since_ns = now_ns;
    entry->published = false;
    if (entry->running && now_ns - entry->gone_since_ns >= GRACE_NS)
        self->effects.stop(stream_id, self->user_data);
    forget_if_over(self, entry);
}

static bool is_listed(const char *stream_id, const DubStreamEntry *entries, gsize n_entries)
{
    for (gsize i = 0; i < n_entries; i++) {
        if (g_str_equal(entries[i].stream_id, stream_id))
            return true;
    }
    return false;
}

void dub_streams_listed(DubStreams *self, const DubStreamEntry *entries, gsize n_entries, int64_t now_ns)
{
    g_autoptr(GPtrArray) gone = g_ptr_array_new_with_free_func(g_free);
    GHashTableIter iter;
    void *key;
    g_hash_table_iter_init(&iter, self->entries);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        if (!is_listed(key, entries, n_entries))
            g_ptr_array_add(gone, g_strdup(key));
    }
    for (guint i = 0; i < gone->len; i++)
        dub_streams_not_ready(self, gone->pdata[i], now_ns);
    for (gsize i = 0; i < n_entries; i++)
        dub_streams_ready(self, &entries[i], now_ns);
}

void dub_streams_source_ended(DubStreams *self, const char *stream_id)
{
    Entry *entry = g_hash_table_lookup(self->entries, stream_id);
    if (entry)
        entry->draining = entry->running;
}

void dub_streams_ended(DubStreams *self, const char *stream_id, bool failed, int64_t now_ns)
{
    Entry *entry = g_hash_table_lookup(self->entries, stream_id);
    if (!entry)
        return;
    entry->running = entry->draining = false;
    disown(self, entry); /* whoever asks first goes on with it */
    entry->ended_ns = now_ns;
    if (now_ns - entry->started_ns >= SETTLED_NS)
        entry->failures = 0;
    /* A clean end while the list still shows the publisher is the list being late; a real new one has another id. */
    const unsigned doublings = failed ? MIN(entry->failures, MOST_DOUBLINGS) : 0;
    entry->retry_at_ns = now_ns + (FIRST_RETRY_NS << doublings);
    entry->failures += failed;
    forget_if_over(self, entry);
}

void dub_streams_owned(DubStreams *self, const char *stream_id, int64_t now_ns)
{
    Entry *entry = g_hash_table_lookup(self->entries, stream_id);
    if (!entry || entry->running)
        return;
    const DubStreamEntry told = { .stream_id = entry->stream_id, .source_id = entry->source_id, .query = entry->query };
    if (!entry->published || start(self, entry, &told, now_ns) != DUB_STREAMS_STARTED)
        disown(self, entry);
}

/* speech/hearings.c: a table of replies by fragment. `lock` guards it; a reply that is in it stays as it is. */
#include "speech/hearings.h"

#include <string.h>

#define MOST_BYTES   ((gsize) 64 * 1024 * 1024)
#define FNV_OFFSET   G_GUINT64_CONSTANT(0xcbf29ce484222325)
#define FNV_PRIME    G_GUINT64_CONSTANT(0x100000001b3)
#define MALLOC_BYTES 16 /* what an allocation costs beside what is asked for */

typedef struct {
    int64_t start_ns;
    uint64_t n_frames, samples_hash;
    unsigned rate_hz, channels;
} Key;

struct _DubHearings {
    gatomicrefcount refs;
    gsize most_bytes;
    GMutex lock;         /* guards both below */
    GHashTable *replies; /* Key -> DubEngineReply */
    gsize n_bytes;
};

/* FNV-1a, by whole samples: a fragment is hashed in about a millisecond. */
static uint64_t hash_samples(const DubPcm *pcm)
{
    uint64_t hash = FNV_OFFSET;
    for (gsize i = 0; i < pcm->n_frames * pcm->channels; i++) {
        uint32_t bits;
        memcpy(&bits, &pcm->samples[i], sizeof bits);
        hash = (hash ^ bits) * FNV_PRIME;
    }
    return hash;
}

static Key key_of(const DubFragment *fragment)
{
    return (Key){ .start_ns = fragment->start_ns,
                  .n_frames = fragment->pcm->n_frames,
                  .samples_hash = hash_samples(fragment->pcm),
                  .rate_hz = fragment->pcm->rate_hz,
                  .channels = fragment->pcm->channels };
}

static guint hash_key(gconstpointer data)
{
    const Key *key = data;
    return (guint) (key->samples_hash ^ (key->samples_hash >> 32)) ^ (guint) key->start_ns;
}

static gboolean are_equal(gconstpointer a, gconstpointer b)
{
    const Key *x = a, *y = b;
    return x->start_ns == y->start_ns && x->n_frames == y->n_frames && x->samples_hash == y->samples_hash &&
           x->rate_hz == y->rate_hz && x->channels == y->channels;
}

static void free_reply(void *data)
{
    dub_engine_reply_free(data);
}

DubHearings *dub_hearings_new(gsize most_bytes)
{
    DubHearings *self = g_new0(DubHearings, 1);
    g_atomic_ref_count_init(&self->refs);
    g_mutex_init(&self->lock);
    self->most_bytes = most_bytes ? most_bytes : MOST_BYTES;
    self->replies = g_hash_table_new_full(hash_key, are_equal, g_free, free_reply);
    return self;
}

DubHearings *dub_hearings_ref(DubHearings *self)
{
    g_atomic_ref_count_inc(&self->refs);
    return self;
}

void dub_hearings_unref(DubHearings *self)
{
    if (!self || !g_atomic_ref_count_dec(&self->refs))
        return;
    g_hash_table_unref(self->replies);
    g_mutex_clear(&self->lock);
    g_free(self);
}

const DubEngineReply *dub_hearings_find(DubHearings *self, const DubFragment *fragment)
{
    const Key key = key_of(fragment);
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);
    return g_hash_table_lookup(self->replies, &key);
}

static gsize spans_bytes(const GArray *spans)
{
    gsize n_bytes = spans->len * (sizeof(DubEngineSpan) + MALLOC_BYTES);
    for (guint i = 0; i < spans->len; i++)
        n_bytes += strlen(g_array_index(spans, DubEngineSpan, i).text) + 1;
    return n_bytes;
}

static gsize reply_bytes(const DubEngineReply *reply)
{
    return sizeof(Key) + sizeof *reply + 4 * MALLOC_BYTES + strlen(reply->text) + 1 + spans_bytes(reply->segments) +
           spans_bytes(reply->words);
}

/* Two lanes may have heard the same: the first stays, since others may be reading it. */
void dub_hearings_add(DubHearings *self, const DubFragment *fragment, DubEngineReply *reply)
{
    const Key key = key_of(fragment);
    const gsize n_bytes = reply_bytes(reply);
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);
    if (self->n_bytes + n_bytes > self->most_bytes || g_hash_table_contains(self->replies, &key)) {
        dub_engine_reply_free(reply);
        return;
    }
    self->n_bytes += n_bytes;
    g_hash_table_insert(self->replies, g_memdup2(&key, sizeof key), reply);
}

guint dub_hearings_count(DubHearings *self)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);
    return g_hash_table_size(self->replies);
}

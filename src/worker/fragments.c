/* worker/fragments.c: a short queue; its length is bounded by the playout delay (live) or by holding the source
 * (files). */
#include "worker/fragments.h"

struct _DubFragments {
    GQueue queue; /* DubOpenFragment *, oldest first */
};

static void open_fragment_free(void *data)
{
    DubOpenFragment *fragment = data;
    dub_pcm_unref(fragment->pcm);
    dub_speech_result_free(fragment->result);
    g_free(fragment);
}

DubFragments *dub_fragments_new(void)
{
    DubFragments *self = g_new0(DubFragments, 1);
    g_queue_init(&self->queue);
    return self;
}

void dub_fragments_free(DubFragments *self)
{
    if (!self)
        return;
    g_queue_clear_full(&self->queue, open_fragment_free);
    g_free(self);
}

void dub_fragments_add(DubFragments *self, DubSegment *segment, uint64_t index)
{
    DubOpenFragment *fragment = g_new0(DubOpenFragment, 1);
    fragment->index = index;
    fragment->first_frame = segment->first_frame;
    fragment->n_frames = segment->n_frames;
    fragment->pcm = g_steal_pointer(&segment->pcm);
    dub_segment_free(segment);
    g_queue_push_tail(&self->queue, fragment);
}

guint dub_fragments_length(const DubFragments *self)
{
    return self->queue.length;
}

guint dub_fragments_inflight(const DubFragments *self)
{
    guint n = 0;
    for (const GList *l = self->queue.head; l; l = l->next)
        n += ((const DubOpenFragment *) l->data)->state == DUB_FRAGMENT_SENT;
    return n;
}

DubOpenFragment *dub_fragments_head(DubFragments *self)
{
    return g_queue_peek_head(&self->queue);
}

DubOpenFragment *dub_fragments_first_waiting(DubFragments *self)
{
    for (GList *l = self->queue.head; l; l = l->next) {
        DubOpenFragment *fragment = l->data;
        if (fragment->state == DUB_FRAGMENT_WAITING)
            return fragment;
    }
    return NULL;
}

DubOpenFragment *dub_fragments_find_sent(DubFragments *self, uint64_t sequence_number)
{
    for (GList *l = self->queue.head; l; l = l->next) {
        DubOpenFragment *fragment = l->data;
        if (fragment->state == DUB_FRAGMENT_SENT && fragment->sequence_number == sequence_number)
            return fragment;
    }
    return NULL;
}

void dub_fragments_pop(DubFragments *self)
{
    DubOpenFragment *fragment = g_queue_pop_head(&self->queue);
    if (fragment)
        open_fragment_free(fragment);
}

void dub_fragments_lose_sent(DubFragments *self, DubFragmentState into)
{
    for (GList *l = self->queue.head; l; l = l->next) {
        DubOpenFragment *fragment = l->data;
        if (fragment->state == DUB_FRAGMENT_SENT)
            fragment->state = into;
    }
}

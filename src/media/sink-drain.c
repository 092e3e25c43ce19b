/* media/sink-drain.c: events of other threads on their way to the loop. */
#include "media/sink-drain.h"

struct _DubSinkPost {
    gatomicrefcount refs;
    GMainContext *context;
    DubSinkEventFunc on_event;
    void *user_data;
    bool is_closed, is_over; /* loop only */
};

typedef struct {
    DubSinkPost *post;
    DubSinkEvent event;
    GError *error;
} Letter;

DubSinkPost *dub_sink_post_new(DubSinkEventFunc on_event, void *user_data)
{
    DubSinkPost *self = g_new0(DubSinkPost, 1);
    g_atomic_ref_count_init(&self->refs);
    self->context = g_main_context_ref_thread_default();
    self->on_event = on_event;
    self->user_data = user_data;
    return self;
}

DubSinkPost *dub_sink_post_ref(DubSinkPost *self)
{
    g_atomic_ref_count_inc(&self->refs);
    return self;
}

void dub_sink_post_unref(DubSinkPost *self)
{
    if (!g_atomic_ref_count_dec(&self->refs))
        return;
    g_main_context_unref(self->context);
    g_free(self);
}

static void free_letter(void *data)
{
    Letter *letter = data;
    dub_sink_post_unref(letter->post);
    g_clear_error(&letter->error);
    g_free(letter);
}

static gboolean on_letter(void *data)
{
    Letter *letter = data;
    DubSinkPost *self = letter->post;
    if (self->is_closed || self->is_over)
        return G_SOURCE_REMOVE;
    self->is_over = letter->event != DUB_SINK_EVENT_ROOM;
    self->on_event(letter->event, letter->error, self->user_data);
    return G_SOURCE_REMOVE;
}

void dub_sink_post_event(DubSinkPost *self, DubSinkEvent event, GError *error)
{
    Letter *letter = g_new0(Letter, 1);
    *letter = (Letter){ dub_sink_post_ref(self), event, error };
    g_autoptr(GSource) source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, on_letter, letter, free_letter);
    g_source_attach(source, self->context);
}

void dub_sink_post_close(DubSinkPost *self)
{
    self->is_closed = true;
}

bool dub_sink_post_is_over(const DubSinkPost *self)
{
    return self->is_over;
}

GMainContext *dub_sink_post_context(DubSinkPost *self)
{
    return self->context;
}

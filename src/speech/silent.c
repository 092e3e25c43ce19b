/* speech/silent.c: answers from an idle source, since none may come from inside a call. */
#include "speech/silent.h"

#include <gio/gio.h>

typedef struct {
    DubSpeech base;
    unsigned max_inflight;
    bool is_started, is_told, is_ended;
    GQueue fragments; /* of DubFragment */
    GSource *idle;    /* NULL: nothing to tell */
    bool *is_freed;   /* set when a callback frees us */
} Silent;

static DubSpeechResult *answer_to(const DubFragment *fragment)
{
    DubSpeechResult *result = dub_speech_result_new(fragment->sequence_number);
    result->dub = dub_pcm_new(fragment->pcm->rate_hz, fragment->pcm->channels, fragment->pcm->n_frames);
    return result;
}

static void tell_ready(Silent *self)
{
    self->is_told = true;
    self->base.callbacks.on_ready(self->max_inflight, self->base.user_data);
}

static void answer_next(Silent *self)
{
    g_autoptr(DubFragment) fragment = g_queue_pop_head(&self->fragments);
    self->base.callbacks.on_result(answer_to(fragment), self->base.user_data);
}

static void complete(Silent *self)
{
    self->is_ended = false;
    if (self->base.callbacks.on_complete)
        self->base.callbacks.on_complete(self->base.user_data);
}

/* Returns: whether there was something to tell */
static bool tell_one(Silent *self)
{
    if (self->is_started && !self->is_told)
        tell_ready(self);
    else if (!g_queue_is_empty(&self->fragments))
        answer_next(self);
    else if (self->is_ended)
        complete(self);
    else
        return false;
    return true;
}

static gboolean on_idle(gpointer data)
{
    Silent *self = data;
    bool freed = false;
    self->is_freed = &freed;
    const bool told = tell_one(self);
    if (freed)
        return G_SOURCE_REMOVE;
    self->is_freed = NULL;
    if (told)
        return G_SOURCE_CONTINUE;
    g_clear_pointer(&self->idle, g_source_unref);
    return G_SOURCE_REMOVE;
}

static void tell_soon(Silent *self)
{
    if (self->idle)
        return;
    self->idle = g_idle_source_new();
    g_source_set_priority(self->idle, G_PRIORITY_DEFAULT);
    g_source_set_callback(self->idle, on_idle, self, NULL);
    g_source_attach(self->idle, g_main_context_get_thread_default());
}

static void start(DubSpeech *base)
{
    Silent *self = (Silent *) base;
    self->is_started = true;
    tell_soon(self);
}

static void submit(DubSpeech *base, DubFragment *fragment)
{
    Silent *self = (Silent *) base;
    g_queue_push_tail(&self->fragments, fragment);
    tell_soon(self);
}

static void end(DubSpeech *base)
{
    Silent *self = (Silent *) base;
    self->is_ended = true;
    tell_soon(self);
}

static void free_fragment(gpointer data)
{
    dub_fragment_free(data);
}

static void free_silent(DubSpeech *base)
{
    Silent *self = (Silent *) base;
    if (self->is_freed)
        *self->is_freed = true;
    if (self->idle)
        g_source_destroy(self->idle);
    g_clear_pointer(&self->idle, g_source_unref);
    g_queue_clear_full(&self->fragments, free_fragment);
    g_free(self);
}

static const DubSpeechClass silent_class = {
    .name = "silent",
    .start = start,
    .submit = submit,
    .end = end,
    .free = free_silent,
};

DubSpeech *dub_speech_silent_new(const DubSpeechConfig *config, const DubSpeechCallbacks *callbacks, void *user_data)
{
    Silent *self = g_new0(Silent, 1);
    self->base = (DubSpeech){ &silent_class, *callbacks, user_data };
    self->max_inflight = CLAMP(config->max_inflight, 1, 10);
    return &self->base;
}

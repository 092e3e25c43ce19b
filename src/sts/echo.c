/* sts/echo.c: one timer for all fragments, since they wait equally long. */
#include "sts/echo.h"

#include "base/clock.h"
#include "base/timer.h"
#include "wire/events.h"

#include <gio/gio.h>

typedef struct {
    uint64_t sequence_number;
    int64_t arrived_ns, due_ns;
    DubFragmentProcessed *answer;
} Waiting;

typedef struct {
    DubStsWork parent;
    int64_t delay_ns;
    GQueue waiting; /* of Waiting, the first due first; the session's window bounds it */
    GSource *timer; /* always attached; dispatches at its ready time */
    bool told_ready;
} Echo;

static void waiting_free(void *data)
{
    Waiting *waiting = data;
    dub_fragment_processed_free(waiting->answer);
    g_free(waiting);
}

static void arm(Echo *self)
{
    const Waiting *first = g_queue_peek_head(&self->waiting);
    const int64_t due_ns = !self->told_ready ? 0 : first ? first->due_ns : -1;
    g_source_set_ready_time(self->timer, due_ns < 0 ? -1 : (due_ns + DUB_NS_PER_US - 1) / DUB_NS_PER_US);
}

static void finish_first(Echo *self, int64_t now_ns)
{
    Waiting *first = g_queue_pop_head(&self->waiting);
    DubFragmentProcessed *answer = g_steal_pointer(&first->answer);
    answer->processing_time_ms = (double) (now_ns - first->arrived_ns) / (double) DUB_NS_PER_MS;
    const uint64_t number = first->sequence_number;
    waiting_free(first);
    self->parent.callbacks.on_finished(number, answer, self->parent.user_data);
}

/* One thing each time: a callback may free us, which ends the source. */
static gboolean on_timer(void *data)
{
    Echo *self = data;
    g_autoptr(GSource) alive = g_source_ref(self->timer);
    const int64_t now_ns = dub_clock_now();
    const Waiting *first = g_queue_peek_head(&self->waiting);
    if (!self->told_ready) {
        self->told_ready = true;
        self->parent.callbacks.on_ready(DUB_WIRE_MAX_IN_FLIGHT, (double) self->delay_ns / DUB_NS_PER_MS,
                                        self->parent.user_data);
    } else if (first && first->due_ns <= now_ns) {
        finish_first(self, now_ns);
    }
    if (g_source_is_destroyed(alive))
        return G_SOURCE_REMOVE;
    arm(self);
    return G_SOURCE_CONTINUE;
}

static DubFragmentProcessed *echo_of(const DubWireAudio *audio)
{
    if (json_string_length(audio->data_base64) > DUB_STS_MAX_AUDIO_TEXT_BYTES)
        return dub_sts_answer_new_failed("FRAGMENT_TOO_LARGE", "tts", false,
                                         "its echo would be an answer of more than 4 MiB");
    DubFragmentProcessed *answer = dub_fragment_processed_new();
    answer->status = DUB_PROCESSED_SUCCESS;
    answer->dubbed_audio = dub_wire_audio_share(audio);
    answer->transcript = g_strdup("");
    answer->translated_text = g_strdup("");
    answer->metadata =
        json_pack("{s:s, s:s, s:s}", "asr_model", "echo", "translation_model", "echo", "tts_model", "echo");
    return answer;
}

static void echo_process(DubStsWork *work, const DubFragmentData *fragment, G_GNUC_UNUSED const char *traceparent)
{
    Echo *self = (Echo *) work;
    Waiting *waiting = g_new0(Waiting, 1);
    waiting->sequence_number = (uint64_t) fragment->sequence_number;
    waiting->arrived_ns = dub_clock_now();
    waiting->due_ns = waiting->arrived_ns + self->delay_ns;
    waiting->answer = echo_of(fragment->audio);
    g_queue_push_tail(&self->waiting, waiting);
    arm(self);
}

static const char *echo_cancel(DubStsWork *work, uint64_t sequence_number)
{
    Echo *self = (Echo *) work;
    for (GList *l = self->waiting.head; l; l = l->next) {
        if (((Waiting *) l->data)->sequence_number == sequence_number) {
            waiting_free(l->data);
            g_queue_delete_link(&self->waiting, l);
            break;
        }
    }
    arm(self);
    return "tts";
}

static void echo_free(DubStsWork *work)
{
    Echo *self = (Echo *) work;
    g_source_destroy(self->timer);
    g_source_unref(self->timer);
    g_queue_clear_full(&self->waiting, waiting_free);
    g_free(self);
}

DubStsWork *dub_sts_echo_new(guint delay_ms, const DubStsWorkCallbacks *callbacks, void *user_data)
{
    static const DubStsWorkClass klass = { echo_process, echo_cancel, echo_free };
    Echo *self = g_new0(Echo, 1);
    self->parent = (DubStsWork){ &klass, *callbacks, user_data };
    self->delay_ns = delay_ms * DUB_NS_PER_MS;
    g_queue_init(&self->waiting);
    self->timer = dub_timer_new(on_timer, self, NULL);
    g_source_attach(self->timer, g_main_context_get_thread_default());
    arm(self);
    return &self->parent;
}

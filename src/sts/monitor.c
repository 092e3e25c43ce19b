/* sts/monitor.c: listeners that keep up are in a room, so that an event is encoded once for all of them;
 * those that do not are out of it until they have read what waits for them. */
#include "sts/monitor.h"

#include "base/clock.h"
#include "base/log.h"
#include "sts/auth.h"
#include "wire/events.h"

#include <string.h>

#define NAMESPACE        "/monitor"
#define EVENT_LOST       "monitor:lost"
#define LISTENERS_LOGGED 30 /* a minute */
#define NODE_BYTES       8  /* of JSON around a value, about */

enum { BRIEF, WITH_AUDIO, N_ROOMS };
static const char *const rooms[N_ROOMS] = { "brief", "with-audio" };

struct _DubStsMonitor {
    SioServer *server;
    char *token;
    DubStsMonitorCallbacks callbacks;
    void *user_data;
    DubLogLimit *limit;   /* nullable */
    GPtrArray *listeners; /* of Listener, at most DUB_STS_MONITOR_MAX_LISTENERS */
};

typedef struct {
    SioSocket *socket; /* borrowed: it is connected */
    const char *room;
    uint64_t lost; /* since the last event that it got */
} Listener;

/* ── Listeners ── */

static bool on_authorize(SioSocket *socket, const json_t *auth, SioRefusal *refusal, void *user_data)
{
    DubStsMonitor *self = user_data;
    if (!dub_sts_auth_check(socket, auth, self->token, self->limit, refusal)) {
        self->callbacks.refused(self->user_data);
        return false;
    }
    if (self->listeners->len < DUB_STS_MONITOR_MAX_LISTENERS)
        return true;
    refusal->message = g_strdup_printf("RATE_LIMIT_EXCEEDED: %d listeners are there already, which is the limit",
                                       DUB_STS_MONITOR_MAX_LISTENERS);
    return false;
}

static void on_connect(SioSocket *socket, const json_t *auth, void *user_data)
{
    DubStsMonitor *self = user_data;
    Listener *listener = g_new0(Listener, 1);
    listener->socket = socket;
    listener->room = rooms[json_is_true(json_object_get(auth, "audio")) ? WITH_AUDIO : BRIEF];
    sio_socket_join(socket, listener->room);
    g_ptr_array_add(self->listeners, listener);
    self->callbacks.listeners(self->listeners->len, self->user_data);
    if (dub_log_limit_allows(self->limit, "listeners that came", LISTENERS_LOGGED))
        dub_log_fields(DUB_LOG_INFO, "a monitor listens", "session_id", sio_socket_get_id(socket), NULL);
}

static void on_disconnect(SioSocket *socket, SioDisconnectReason reason, void *user_data)
{
    DubStsMonitor *self = user_data;
    for (guint i = 0; i < self->listeners->len; i++) {
        if (((const Listener *) g_ptr_array_index(self->listeners, i))->socket == socket) {
            g_ptr_array_remove_index(self->listeners, i);
            break;
        }
    }
    self->callbacks.listeners(self->listeners->len, self->user_data);
    if (dub_log_limit_allows(self->limit, "listeners that went", LISTENERS_LOGGED))
        dub_log_fields(DUB_LOG_INFO, "a monitor has gone", "session_id", sio_socket_get_id(socket), "reason",
                       sio_disconnect_reason_to_string(reason), NULL);
}

DubStsMonitor *dub_sts_monitor_new(SioServer *server, const char *token, const DubStsMonitorCallbacks *callbacks,
                                   void *user_data, DubLogLimit *limit)
{
    static const SioNamespaceCallbacks sio_callbacks = { on_authorize, on_connect, NULL, on_disconnect };
    DubStsMonitor *self = g_new0(DubStsMonitor, 1);
    self->server = server;
    self->token = g_strdup(token);
    self->callbacks = *callbacks;
    self->user_data = user_data;
    self->limit = limit;
    self->listeners = g_ptr_array_new_with_free_func(g_free);
    sio_server_add_namespace(server, NAMESPACE, &sio_callbacks, self);
    return self;
}

void dub_sts_monitor_free(DubStsMonitor *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->listeners);
    g_free(self->token);
    g_free(self);
}

/* ── Room ── */

static void lose(DubStsMonitor *self, Listener *listener)
{
    if (listener->lost++ == 0) {
        sio_socket_leave(listener->socket, listener->room);
        if (dub_log_limit_allows(self->limit, "listeners that do not keep up", LISTENERS_LOGGED))
            dub_log_fields(DUB_LOG_WARNING, "a monitor does not keep up: it loses events", "session_id",
                           sio_socket_get_id(listener->socket), NULL);
    }
}

static void come_back(Listener *listener)
{
    sio_socket_emit(listener->socket, EVENT_LOST, json_pack("{s:I}", "count", (json_int_t) listener->lost));
    sio_socket_join(listener->socket, listener->room);
    listener->lost = 0;
}

/* Who is behind leaves its room, who has caught up comes back. @too_large: nobody gets this one. Returns: how
 * many lose it */
static guint sort_listeners(DubStsMonitor *self, bool too_large)
{
    guint n_lost = 0;
    for (guint i = 0; i < self->listeners->len; i++) {
        Listener *listener = g_ptr_array_index(self->listeners, i);
        if (too_large || sio_socket_buffered_bytes(listener->socket) > DUB_STS_MONITOR_MAX_WAITING_BYTES) {
            lose(self, listener);
            n_lost++;
        } else if (listener->lost) {
            come_back(listener);
        }
    }
    return n_lost;
}

static bool is_wanted(const DubStsMonitor *self, const char *room)
{
    for (guint i = 0; i < self->listeners->len; i++) {
        const Listener *listener = g_ptr_array_index(self->listeners, i);
        if (listener->room == room && !listener->lost)
            return true;
    }
    return false;
}

/* ── Events ── */

static bool is_told(const char *event)
{
    static const char *const told[] = {
        DUB_EVENT_STREAM_INIT,        DUB_EVENT_STREAM_READY, DUB_EVENT_FRAGMENT_DATA, DUB_EVENT_FRAGMENT_ACK,
        DUB_EVENT_FRAGMENT_PROCESSED, DUB_EVENT_BACKPRESSURE, DUB_EVENT_ERROR,         DUB_EVENT_STREAM_COMPLETE,
    };
    for (gsize i = 0; i < G_N_ELEMENTS(told); i++) {
        if (strcmp(told[i], event) == 0)
            return true;
    }
    return false;
}

/* Takes what @value needs as text off *@left; gives up where nothing is left, so that a worker's oddities
 * cost no more than the bound. The parser has bounded the depth. */
static void measure(const DubJson *value, gssize *left)
{
    const char *key;
    DubJson *member;
    *left -= NODE_BYTES;
    if (json_is_string(value)) {
        *left -= (gssize) json_string_length(value);
    } else if (json_is_array(value)) {
        for (gsize i = 0; i < json_array_size(value) && *left > 0; i++)
            measure(json_array_get(value, i), left);
    } else if (json_is_object(value)) {
        json_object_foreach((DubJson *) value, key, member)
        {
            *left -= (gssize) strlen(key);
            if (*left <= 0)
                return;
            measure(member, left);
        }
    }
}

/* The audio object at @key becomes one with its length instead of its text. Only what is changed is copied.
 */
static void leave_audio_out(DubJson *message, const char *key)
{
    const DubJson *audio = json_object_get(message, key);
    const DubJson *text = json_object_get(audio, "data_base64");
    if (!json_is_string(text))
        return;
    DubJson *brief = json_copy((DubJson *) audio);
    json_object_set_new(brief, "data_base64", json_integer((json_int_t) json_string_length(text)));
    json_object_set_new(message, key, brief);
}

static DubJson *without_audio(const DubJson *message)
{
    DubJson *brief = json_copy((DubJson *) message);
    leave_audio_out(brief, "audio");
    leave_audio_out(brief, "dubbed_audio");
    return brief;
}

void dub_sts_monitor_tell(DubStsMonitor *self, const char *session_id, const char *event, const DubJson *payload)
{
    if (!self || self->listeners->len == 0 || !is_told(event) || !json_is_object(payload))
        return;
    g_autoptr(DubJson) whole = json_copy((DubJson *) payload);
    json_object_set_new(whole, "at", json_integer(dub_clock_unix_ms()));
    json_object_set_new(whole, "session_id", json_string(session_id));
    g_autoptr(DubJson) brief = without_audio(whole);
    gssize left = DUB_STS_MONITOR_MAX_EVENT_BYTES;
    measure(brief, &left);
    const guint n_lost = sort_listeners(self, left <= 0);
    if (n_lost)
        self->callbacks.lost(n_lost, self->user_data);
    if (is_wanted(self, rooms[BRIEF]))
        sio_server_broadcast(self->server, NAMESPACE, rooms[BRIEF], NULL, event, json_incref(brief));
    if (is_wanted(self, rooms[WITH_AUDIO]))
        sio_server_broadcast(self->server, NAMESPACE, rooms[WITH_AUDIO], NULL, event, json_incref(whole));
}

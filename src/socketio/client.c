/* SPDX-License-Identifier: MIT
 * socketio/client.c */
#include "socketio/client.h"

#include "socketio/link.h"

#include <math.h>
#include <string.h>

#define MAX_EARLY 64 /* events that overtook the answer to our CONNECT */

typedef enum { CLIENT_IDLE, CLIENT_WAITING, CLIENT_OPENING, CLIENT_CONNECTED } ClientState;

struct _SioClient {
    grefcount refs;
    EioClient *engine;
    SioClientCallbacks callbacks;
    void *user_data;
    char *nsp;
    json_t *auth;
    SioReconnectPolicy reconnect;
    gsize max_payload_bytes;
    guint connect_timeout_ms;
    ClientState state;
    char *id;
    SioReader reader;
    GQueue early; /* of SioPacket */
    SioAcks *acks;
    guint n_failures; /* attempts in a row */
    GMainContext *context;
    GSource *connect_timer; /* from the engine's open to CONNECT */
    GSource *retry_timer;
};

static const char *const default_path = "/socket.io/";

void sio_client_options_init(SioClientOptions *options)
{
    *options = (SioClientOptions){
        .nsp = "/",
        .reconnect = { .attempts = 0, .first_ms = 2000, .max_ms = 32000, .factor = 2, .jitter = 0.1 },
        .max_pending_acks = 1024,
    };
    eio_client_options_init(&options->engine);
    options->engine.path = default_path;
}

guint sio_reconnect_policy_delay_ms(const SioReconnectPolicy *self, guint attempt, double random)
{
    const double base = self->first_ms * pow(self->factor, attempt > 0 ? attempt - 1 : 0);
    const double delay = fmin(base, self->max_ms) * (1 + self->jitter * (2 * random - 1));
    return (guint) fmax(1, fmin(delay, G_MAXINT));
}

static void client_unref(SioClient *self)
{
    if (!g_ref_count_dec(&self->refs))
        return;
    sio_acks_free(self->acks);
    json_decref(self->auth);
    g_free(self->nsp);
    g_free(self->id);
    g_clear_pointer(&self->context, g_main_context_unref);
    g_free(self);
}

static SioClient *client_ref(SioClient *self)
{
    g_ref_count_inc(&self->refs);
    return self;
}

static void clear_source(GSource **source)
{
    if (!*source)
        return;
    g_source_destroy(*source);
    g_clear_pointer(source, g_source_unref);
}

static GSource *start_timer(SioClient *self, guint ms, GSourceFunc callback)
{
    GSource *source = g_timeout_source_new(ms);
    g_source_set_callback(source, callback, self, NULL);
    g_source_attach(source, self->context);
    return source;
}

/* ---- endings ---- */

static void clear_early(SioClient *self)
{
    g_queue_clear_full(&self->early, (GDestroyNotify) sio_packet_free);
    g_queue_init(&self->early);
}

static void reset(SioClient *self)
{
    clear_source(&self->connect_timer);
    clear_source(&self->retry_timer);
    sio_reader_clear(&self->reader);
    clear_early(self);
    g_clear_pointer(&self->id, g_free);
    self->state = CLIENT_IDLE;
}

static gboolean on_retry(void *data)
{
    SioClient *self = data;
    clear_source(&self->retry_timer);
    self->state = CLIENT_OPENING;
    eio_client_open(self->engine);
    return G_SOURCE_REMOVE;
}

/* Returns: the wait before the next attempt, 0 when there is none */
static guint plan_retry(SioClient *self)
{
    if (self->n_failures >= self->reconnect.attempts)
        return 0;
    const guint ms = sio_reconnect_policy_delay_ms(&self->reconnect, ++self->n_failures, g_random_double());
    self->state = CLIENT_WAITING;
    self->retry_timer = start_timer(self, ms, on_retry);
    return ms;
}

static void report_error(SioClient *self, const GError *error, const json_t *data, bool may_retry)
{
    reset(self);
    const guint retry_ms = may_retry ? plan_retry(self) : 0;
    if (self->callbacks.on_connect_error)
        self->callbacks.on_connect_error(self, error, data, retry_ms, self->user_data);
}

static void report_disconnect(SioClient *self, SioDisconnectReason reason, bool may_retry)
{
    reset(self);
    sio_acks_fail_all(self->acks);
    const guint retry_ms = may_retry && self->engine && self->state == CLIENT_IDLE ? plan_retry(self) : 0;
    if (self->callbacks.on_disconnect)
        self->callbacks.on_disconnect(self, reason, retry_ms, self->user_data);
}

static SioDisconnectReason from_engine(EioCloseReason reason)
{
    switch (reason) {
    case EIO_CLOSE_CLIENT:
    case EIO_CLOSE_SERVER:
    case EIO_CLOSE_TRANSPORT: return SIO_DISCONNECT_TRANSPORT;
    case EIO_CLOSE_PING_TIMEOUT: return SIO_DISCONNECT_PING_TIMEOUT;
    case EIO_CLOSE_PARSE_ERROR: return SIO_DISCONNECT_PARSE_ERROR;
    case EIO_CLOSE_TOO_LARGE: return SIO_DISCONNECT_TOO_LARGE;
    case EIO_CLOSE_OVERFLOW: return SIO_DISCONNECT_OVERFLOW;
    }
    return SIO_DISCONNECT_TRANSPORT;
}

static void on_close(EioClient *engine G_GNUC_UNUSED, EioCloseReason reason, const GError *error, void *user_data)
{
    SioClient *self = user_data;
    client_ref(self);
    if (self->state == CLIENT_CONNECTED) {
        report_disconnect(self, from_engine(reason), true);
    } else if (self->state == CLIENT_OPENING) {
        const bool timed_out = g_error_matches(error, EIO_ERROR, EIO_ERROR_TIMEOUT);
        g_autoptr(GError) own = g_error_new_literal(SIO_ERROR, timed_out ? SIO_ERROR_TIMEOUT : SIO_ERROR_TRANSPORT,
                                                    error ? error->message : "closed before it was connected");
        report_error(self, own, NULL, true);
    }
    client_unref(self);
}

/* Ends the engine without its on_close reaching the user. */
static void drop_engine(SioClient *self, EioCloseReason reason)
{
    self->state = CLIENT_IDLE;
    eio_client_close_for(self->engine, reason);
}

static void protocol_failed(SioClient *self, const GError *error)
{
    const bool was_connected = self->state == CLIENT_CONNECTED;
    const bool too_large = g_error_matches(error, EIO_ERROR, EIO_ERROR_TOO_LARGE);
    drop_engine(self, too_large ? EIO_CLOSE_TOO_LARGE : EIO_CLOSE_PARSE_ERROR);
    if (was_connected)
        report_disconnect(self, too_large ? SIO_DISCONNECT_TOO_LARGE : SIO_DISCONNECT_PARSE_ERROR, true);
    else
        report_error(self, error, NULL, true);
}

static gboolean on_connect_timeout(void *data)
{
    SioClient *self = data;
    g_autoptr(GError) error =
        g_error_new(SIO_ERROR, SIO_ERROR_TIMEOUT, "no CONNECT for the namespace %s in time", self->nsp);
    client_ref(self);
    drop_engine(self, EIO_CLOSE_CLIENT);
    report_error(self, error, NULL, true);
    client_unref(self);
    return G_SOURCE_REMOVE;
}

/* ---- packets ---- */

static void on_open(EioClient *engine, void *user_data)
{
    SioClient *self = user_data;
    const SioPacket packet = { .type = SIO_PACKET_CONNECT, .nsp = self->nsp, .id = -1, .data = self->auth };
    g_autoptr(GBytes) text = sio_packet_encode(&packet);
    self->connect_timer = start_timer(self, self->connect_timeout_ms, on_connect_timeout);
    eio_client_send(engine, EIO_TEXT, text);
}

static void handle_event(SioClient *self, SioPacket *packet)
{
    SioEvent event;
    json_t *name;
    sio_event_from_packet(&event, packet, &name);
    if (self->callbacks.on_event)
        self->callbacks.on_event(self, &event, self->user_data);
    json_decref(name);
}

/* python-socketio's server emits from its connect handler before it sends CONNECT. @packet: (transfer full) */
static void keep_early(SioClient *self, SioPacket *packet)
{
    if (g_queue_get_length(&self->early) < MAX_EARLY)
        g_queue_push_tail(&self->early, packet);
    else
        sio_packet_free(packet);
}

static void deliver_early(SioClient *self)
{
    SioPacket *packet;
    while (self->state == CLIENT_CONNECTED && (packet = g_queue_pop_head(&self->early))) {
        handle_event(self, packet);
        sio_packet_free(packet);
    }
}

static void handle_connect(SioClient *self, const SioPacket *packet)
{
    if (self->state != CLIENT_OPENING)
        return;
    clear_source(&self->connect_timer);
    self->state = CLIENT_CONNECTED;
    self->n_failures = 0;
    self->id = g_strdup(json_string_value(json_object_get(packet->data, "sid")));
    if (self->callbacks.on_connect)
        self->callbacks.on_connect(self, self->user_data);
    deliver_early(self);
}

/* The server's own no: the same question again would get the same answer. */
static void handle_refusal(SioClient *self, const SioPacket *packet)
{
    const json_t *message = json_is_object(packet->data) ? json_object_get(packet->data, "message") : packet->data;
    const char *text = json_string_value(message);
    g_autoptr(GError) error = g_error_new_literal(SIO_ERROR, SIO_ERROR_REFUSED, text ? text : "refused");
    if (self->state != CLIENT_OPENING)
        return;
    drop_engine(self, EIO_CLOSE_CLIENT);
    report_error(self, error, json_object_get(packet->data, "data"), false);
}

static void handle_disconnect(SioClient *self)
{
    if (self->state != CLIENT_CONNECTED)
        return;
    drop_engine(self, EIO_CLOSE_CLIENT);
    report_disconnect(self, SIO_DISCONNECT_SERVER, false);
}

/* @packet: (transfer full) */
static void handle_packet(SioClient *self, SioPacket *packet)
{
    g_autoptr(SioPacket) owned = packet;
    if (strcmp(packet->nsp, self->nsp) != 0)
        return;
    switch (packet->type) {
    case SIO_PACKET_CONNECT: handle_connect(self, packet); break;
    case SIO_PACKET_CONNECT_ERROR: handle_refusal(self, packet); break;
    case SIO_PACKET_DISCONNECT: handle_disconnect(self); break;
    case SIO_PACKET_EVENT:
    case SIO_PACKET_BINARY_EVENT:
        if (self->state == CLIENT_CONNECTED)
            handle_event(self, packet);
        else if (self->state == CLIENT_OPENING)
            keep_early(self, g_steal_pointer(&owned));
        break;
    case SIO_PACKET_ACK:
    case SIO_PACKET_BINARY_ACK: sio_acks_resolve(self->acks, packet->id, packet->data, packet->attachments); break;
    }
}

static void on_message(EioClient *engine G_GNUC_UNUSED, EioFormat format, GBytes *data, void *user_data)
{
    SioClient *self = user_data;
    g_autoptr(GError) error = NULL;
    SioPacket *packet;
    client_ref(self);
    if (!sio_reader_feed(&self->reader, format, data, self->max_payload_bytes, &packet, &error))
        protocol_failed(self, error);
    else if (packet)
        handle_packet(self, packet);
    client_unref(self);
}

/* ---- what a user may do ---- */

void sio_client_connect(SioClient *self)
{
    if (self->state == CLIENT_OPENING || self->state == CLIENT_CONNECTED)
        return;
    clear_source(&self->retry_timer);
    if (!self->context)
        self->context = g_main_context_ref_thread_default();
    self->n_failures = 0;
    self->state = CLIENT_OPENING;
    eio_client_open(self->engine);
}

void sio_client_disconnect(SioClient *self)
{
    const bool was_connected = self->state == CLIENT_CONNECTED;
    client_ref(self);
    if (was_connected) {
        const SioPacket packet = { .type = SIO_PACKET_DISCONNECT, .nsp = self->nsp, .id = -1 };
        g_autoptr(GBytes) text = sio_packet_encode(&packet);
        eio_client_send(self->engine, EIO_TEXT, text);
    }
    drop_engine(self, EIO_CLOSE_CLIENT);
    if (was_connected)
        report_disconnect(self, SIO_DISCONNECT_CLIENT, false);
    else
        reset(self);
    client_unref(self);
}

static bool send_text(void *end, GBytes *text, GPtrArray *attachments)
{
    SioClient *self = end;
    bool ok = eio_client_send(self->engine, EIO_TEXT, text);
    for (guint i = 0; ok && attachments && i < attachments->len; i++)
        ok = eio_client_send(self->engine, EIO_BINARY, g_ptr_array_index(attachments, i));
    return ok;
}

static SioEmitter emitter(SioClient *self)
{
    return (SioEmitter){ self->nsp, self->acks, send_text, self->state == CLIENT_CONNECTED ? self : NULL };
}

bool sio_client_emit(SioClient *self, const char *event, json_t *arg)
{
    return sio_client_emit_args(self, event, sio_wrap_arg(arg), NULL);
}

bool sio_client_emit_args(SioClient *self, const char *event, json_t *args, GPtrArray *attachments)
{
    const SioEmitter to = emitter(self);
    return sio_emitter_event(&to, -1, event, args, attachments);
}

bool sio_client_emit_with_ack(SioClient *self, const char *event, json_t *args, GPtrArray *attachments,
                              guint timeout_ms, SioAckCallback callback, void *user_data)
{
    const SioEmitter to = emitter(self);
    return sio_emitter_event_with_ack(&to, event, args, attachments, timeout_ms, callback, user_data);
}

bool sio_client_ack(SioClient *self, int64_t ack_id, json_t *args, GPtrArray *attachments)
{
    const SioEmitter to = emitter(self);
    return sio_emitter_ack(&to, ack_id, args, attachments);
}

bool sio_client_is_connected(const SioClient *self)
{
    return self->state == CLIENT_CONNECTED;
}

const char *sio_client_get_id(const SioClient *self)
{
    return self->id;
}

gsize sio_client_buffered_bytes(const SioClient *self)
{
    return eio_client_get_buffered_bytes(self->engine);
}

/* ---- life ---- */

SioClient *sio_client_new(const SioClientOptions *options, const SioClientCallbacks *callbacks, void *user_data)
{
    static const EioClientCallbacks engine_callbacks = { on_open, on_message, on_close };
    SioClient *self = g_new0(SioClient, 1);
    g_ref_count_init(&self->refs);
    self->callbacks = *callbacks;
    self->user_data = user_data;
    self->nsp = g_strdup(options->nsp ? options->nsp : "/");
    self->auth = json_incref((json_t *) options->auth);
    self->reconnect = options->reconnect;
    self->max_payload_bytes = options->engine.max_payload_bytes;
    self->connect_timeout_ms = options->engine.connect_timeout_ms;
    self->acks = sio_acks_new(options->max_pending_acks);
    self->engine = eio_client_new(&options->engine, &engine_callbacks, self);
    return self;
}

void sio_client_free(SioClient *self)
{
    if (!self)
        return;
    memset(&self->callbacks, 0, sizeof self->callbacks);
    reset(self);
    g_clear_pointer(&self->engine, eio_client_free);
    client_unref(self);
}

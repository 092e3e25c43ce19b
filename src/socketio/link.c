/* SPDX-License-Identifier: MIT
 * socketio/link.c */
#include "socketio/link.h"

bool sio_reader_feed(SioReader *self, EioFormat format, GBytes *data, gsize max_bytes, SioPacket **packet,
                     GError **error)
{
    gsize size;
    const char *bytes = g_bytes_get_data(data, &size);
    *packet = NULL;
    if ((format == EIO_BINARY) != (self->pending != NULL)) {
        g_set_error_literal(error, SIO_ERROR, SIO_ERROR_BAD_PACKET,
                            self->pending ? "text where an attachment was promised" : "binary that nothing announced");
        return false;
    }
    if (self->pending) {
        self->pending_bytes += size;
        if (self->pending_bytes > max_bytes) {
            g_set_error_literal(error, EIO_ERROR, EIO_ERROR_TOO_LARGE, "attachments too large");
            return false;
        }
        sio_packet_add_attachment(self->pending, data);
    } else {
        self->pending = sio_packet_decode(bytes, size, error);
        self->pending_bytes = 0;
    }
    if (self->pending && sio_packet_is_complete(self->pending))
        *packet = g_steal_pointer(&self->pending);
    return *packet || self->pending;
}

void sio_reader_clear(SioReader *self)
{
    g_clear_pointer(&self->pending, sio_packet_free);
}

void sio_event_from_packet(SioEvent *event, SioPacket *packet, json_t **name)
{
    *name = json_incref(json_array_get(packet->data, 0));
    json_array_remove(packet->data, 0);
    *event = (SioEvent){ json_string_value(*name), packet->data, packet->attachments, packet->id };
}

json_t *sio_wrap_arg(json_t *arg)
{
    json_t *args = json_array();
    if (arg)
        json_array_append_new(args, arg);
    return args;
}

/* ---- acks ---- */

typedef struct {
    SioAcks *acks;
    int64_t id;
    SioAckCallback callback;
    void *user_data;
    GSource *timer; /* NULL: waits for ever */
} Ack;

struct _SioAcks {
    GHashTable *pending; /* &ack->id -> Ack */
    int64_t next_id;
    guint max_pending;
};

static void ack_free(void *data)
{
    Ack *ack = data;
    if (ack->timer) {
        g_source_destroy(ack->timer);
        g_source_unref(ack->timer);
    }
    g_free(ack);
}

SioAcks *sio_acks_new(guint max_pending)
{
    SioAcks *self = g_new0(SioAcks, 1);
    self->pending = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, ack_free);
    self->max_pending = max_pending;
    return self;
}

void sio_acks_free(SioAcks *self)
{
    g_hash_table_unref(self->pending);
    g_free(self);
}

/* Out of the table first: the callback may add, or free everything. */
static void finish(SioAcks *self, int64_t id, json_t *args, GPtrArray *attachments, const GError *error)
{
    Ack *ack;
    if (!g_hash_table_steal_extended(self->pending, &id, NULL, (void **) &ack))
        return;
    const SioAckCallback callback = ack->callback;
    void *user_data = ack->user_data;
    ack_free(ack);
    callback(args, attachments, error, user_data);
}

static gboolean on_timeout(void *data)
{
    const Ack *ack = data;
    g_autoptr(GError) error = g_error_new_literal(SIO_ERROR, SIO_ERROR_TIMEOUT, "no ack in time");
    finish(ack->acks, ack->id, NULL, NULL, error);
    return G_SOURCE_REMOVE;
}

int64_t sio_acks_add(SioAcks *self, guint timeout_ms, SioAckCallback callback, void *user_data)
{
    if (g_hash_table_size(self->pending) >= self->max_pending)
        return -1;
    Ack *ack = g_new0(Ack, 1);
    *ack = (Ack){ self, self->next_id++, callback, user_data, NULL };
    if (timeout_ms > 0) {
        g_autoptr(GMainContext) context = g_main_context_ref_thread_default();
        ack->timer = g_timeout_source_new(timeout_ms);
        g_source_set_callback(ack->timer, on_timeout, ack, NULL);
        g_source_attach(ack->timer, context);
    }
    g_hash_table_insert(self->pending, &ack->id, ack);
    return ack->id;
}

void sio_acks_cancel(SioAcks *self, int64_t id)
{
    g_hash_table_remove(self->pending, &id);
}

void sio_acks_resolve(SioAcks *self, int64_t id, json_t *args, GPtrArray *attachments)
{
    finish(self, id, args, attachments, NULL);
}

void sio_acks_fail_all(SioAcks *self)
{
    g_autoptr(GError) error = g_error_new_literal(SIO_ERROR, SIO_ERROR_CLOSED, "disconnected before the ack");
    g_autoptr(GHashTable) pending = g_steal_pointer(&self->pending);
    self->pending = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, ack_free);
    GHashTableIter iter;
    void *value;
    g_hash_table_iter_init(&iter, pending);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Ack *ack = value;
        ack->callback(NULL, NULL, error, ack->user_data);
    }
}

/* ---- sending ---- */

bool sio_emitter_event(const SioEmitter *self, int64_t id, const char *event, json_t *args, GPtrArray *attachments)
{
    bool ok = false;
    if (self->end) {
        g_autoptr(GBytes) text = sio_encode_event(self->nsp, id, event, args, attachments ? attachments->len : 0);
        ok = self->send(self->end, text, attachments);
    }
    json_decref(args);
    return ok;
}

bool sio_emitter_event_with_ack(const SioEmitter *self, const char *event, json_t *args, GPtrArray *attachments,
                                guint timeout_ms, SioAckCallback callback, void *user_data)
{
    const int64_t id = self->end ? sio_acks_add(self->acks, timeout_ms, callback, user_data) : -1;
    if (id < 0) {
        json_decref(args);
        return false;
    }
    if (sio_emitter_event(self, id, event, args, attachments))
        return true;
    sio_acks_cancel(self->acks, id);
    return false;
}

bool sio_emitter_ack(const SioEmitter *self, int64_t id, json_t *args, GPtrArray *attachments)
{
    bool ok = false;
    if (self->end && id >= 0) {
        g_autoptr(GBytes) text = sio_encode_ack(self->nsp, id, args, attachments ? attachments->len : 0);
        ok = self->send(self->end, text, attachments);
    }
    json_decref(args);
    return ok;
}

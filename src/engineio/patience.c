/* SPDX-License-Identifier: MIT
 * engineio/patience.c: a timer in each request, which ends its connection. */
#include "engineio/patience.h"

#include "engineio/listener.h"

#define SERVER_KEY  "eio-patience"
#define REQUEST_KEY "eio-request-guard"
#define ANSWER_KEY  "eio-answer-guard"

typedef struct {
    guint timeout_ms;
    GMainContext *context;
} Patience;

static void patience_free(void *data)
{
    Patience *self = data;
    g_main_context_unref(self->context);
    g_free(self);
}

/* One that came by soup_server_accept_iostream() has no socket to shut down: it is taken away from libsoup. */
static void end_connection(SoupServerMessage *request)
{
    g_object_ref(request);
    g_autoptr(GIOStream) stream = soup_server_message_steal_connection(request);
    if (stream)
        g_io_stream_close(stream, NULL, NULL);
    g_object_unref(request);
}

static gboolean on_timeout(void *data)
{
    GSocket *socket = eio_listener_find_socket(data);
    if (socket)
        g_socket_shutdown(socket, TRUE, TRUE, NULL); /* libsoup sees the end and cleans up */
    else
        end_connection(data);
    return G_SOURCE_REMOVE;
}

static void destroy_source(void *data)
{
    g_source_destroy(data);
    g_source_unref(data);
}

/* The source lives in the message: no longer than it. */
static void guard(const Patience *self, SoupServerMessage *request, const char *key)
{
    if (!self || self->timeout_ms == 0)
        return;
    GSource *source = g_timeout_source_new(self->timeout_ms);
    g_source_set_callback(source, on_timeout, request, NULL);
    g_source_attach(source, self->context);
    g_object_set_data_full(G_OBJECT(request), key, source, destroy_source);
}

static void on_request_read(SoupServerMessage *request, void *data G_GNUC_UNUSED)
{
    g_object_set_data(G_OBJECT(request), REQUEST_KEY, NULL);
}

static void on_answer_begun(SoupServerMessage *request, void *data G_GNUC_UNUSED)
{
    eio_patience_begin_answer(request);
}

static void on_finished(SoupServerMessage *request, void *data G_GNUC_UNUSED)
{
    eio_patience_forget(request);
}

static void on_request_started(SoupServer *soup G_GNUC_UNUSED, SoupServerMessage *request, Patience *self)
{
    g_object_set_data(G_OBJECT(request), SERVER_KEY, self);
    guard(self, request, REQUEST_KEY);
    g_signal_connect(request, "got-body", G_CALLBACK(on_request_read), NULL);
    g_signal_connect(request, "wrote-headers", G_CALLBACK(on_answer_begun), NULL);
    g_signal_connect(request, "finished", G_CALLBACK(on_finished), NULL);
}

void eio_patience_set(SoupServer *soup, guint timeout_ms)
{
    if (g_object_get_data(G_OBJECT(soup), SERVER_KEY))
        return;
    Patience *self = g_new(Patience, 1);
    *self = (Patience){ timeout_ms, g_main_context_ref_thread_default() };
    g_object_set_data_full(G_OBJECT(soup), SERVER_KEY, self, patience_free);
    g_signal_connect(soup, "request-started", G_CALLBACK(on_request_started), self);
}

void eio_patience_begin_answer(SoupServerMessage *request)
{
    if (!g_object_get_data(G_OBJECT(request), ANSWER_KEY))
        guard(g_object_get_data(G_OBJECT(request), SERVER_KEY), request, ANSWER_KEY);
}

void eio_patience_forget(SoupServerMessage *request)
{
    g_object_set_data(G_OBJECT(request), REQUEST_KEY, NULL);
    g_object_set_data(G_OBJECT(request), ANSWER_KEY, NULL);
}

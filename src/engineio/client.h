/* SPDX-License-Identifier: MIT
 * engineio/client.h: an Engine.IO v4 client over WebSocket (ws and wss, through HTTP and SOCKS proxies).
 * One thread: that whose thread-default main context was current at eio_client_open(). Callbacks come on it, never from
 * inside eio_client_open(). Reconnecting is the caller's: open() again after on_close. */
#pragma once

#include "engineio/server.h"

typedef struct _EioClient EioClient;

typedef struct {
    const char *url;            /* "http://host:3000", https, ws or wss; its path and query are ignored. Copied. */
    const char *path;           /* ["/engine.io/"] copied */
    const char *const *headers; /* [NULL] name, value, …, NULL; copied */
    const char *const *query;   /* [NULL] further query members: name, value, …, NULL; copied */
    guint connect_timeout_ms;   /* [10000] until the OPEN packet has come */
    gsize max_payload_bytes;    /* [50 MiB] largest message that is taken */
    gsize max_buffered_bytes;   /* [64 MiB] sent and not yet written; more closes the connection */
    GProxyResolver *proxy;      /* [NULL] the system's (environment http_proxy, https_proxy) */
    GTlsDatabase *tls_database; /* [NULL] the system's certificate authorities */
} EioClientOptions;
void eio_client_options_init(EioClientOptions *options);

typedef struct {
    void (*on_open)(EioClient *client, void *user_data);
    void (*on_message)(EioClient *client, EioFormat format, GBytes *data, void *user_data); /* @data: (transfer none) */
    /* Once for each eio_client_open() (never for one that eio_client_free() ended). @error: NULL when
     * eio_client_close() ended it or the server did in good order; was never open: the reason why not. The client may
     * be opened again or freed in here. */
    void (*on_close)(EioClient *client, EioCloseReason reason, const GError *error, void *user_data);
} EioClientCallbacks;

EioClient *eio_client_new(const EioClientOptions *options, const EioClientCallbacks *callbacks, void *user_data);
void eio_client_free(EioClient *self); /* at any time, also inside a callback; none comes any more */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EioClient, eio_client_free)

void eio_client_open(EioClient *self); /* on_open or on_close follows; ignored unless closed */
/* @data: (transfer none). Never calls back. Returns: false when not open, when @data is over the server's maxPayload,
 * or when it closes because of max_buffered_bytes */
bool eio_client_send(EioClient *self, EioFormat format, GBytes *data);
void eio_client_close(EioClient *self); /* what is queued still goes out; on_close comes from here */
void eio_client_close_for(EioClient *self, EioCloseReason reason); /* the same, with the reason that on_close gets */

bool eio_client_is_open(const EioClient *self);
const char *eio_client_get_sid(const EioClient *self); /* (nullable) */
gsize eio_client_get_buffered_bytes(const EioClient *self);

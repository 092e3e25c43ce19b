/* rtmp/tls.h: RTMPS: TLS on a socket that does not block, the server's side. The server's loop thread only.
 * GnuTLS itself rather than GIO's GTlsConnection, whose handshakes on such a socket each hold a thread of GTask's pool
 * for as long as the peer likes. */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct _DubRtmpTlsKeys DubRtmpTlsKeys; /* of a server, shared by its connections */

/**
 * dub_rtmp_tls_keys_new:
 * @cert, @key: PEM files: the certificate with those that vouch for it behind it, and its private key
 * Returns: NULL with %DUB_ERROR_NOT_FOUND, %DUB_ERROR_IO or %DUB_ERROR_INVALID_ARGUMENT: "RTMPS_CERT: /x.pem: …"
 */
DubRtmpTlsKeys *dub_rtmp_tls_keys_new(const char *cert, const char *key, GError **error);
void dub_rtmp_tls_keys_free(DubRtmpTlsKeys *self); /* NULL is fine; after all connections */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubRtmpTlsKeys, dub_rtmp_tls_keys_free)

typedef struct _DubRtmpTls DubRtmpTls;
DubRtmpTls *dub_rtmp_tls_new(const DubRtmpTlsKeys *keys, int fd);
void dub_rtmp_tls_free(DubRtmpTls *self); /* NULL is fine; @fd stays open */

#define DUB_RTMP_TLS_RECORD_BYTES 16384u /* the most that one has */

/**
 * dub_rtmp_tls_read:
 * @size: at least %DUB_RTMP_TLS_RECORD_BYTES, so that nothing is left which the socket would not tell of
 * The handshake, then what the peer sends.
 * Returns: bytes; 0 at the end; -1 with %G_IO_ERROR_WOULD_BLOCK, %DUB_ERROR_PROTOCOL (it is no TLS, or
 * not sound), or another %G_IO_ERROR
 */
gssize dub_rtmp_tls_read(DubRtmpTls *self, uint8_t *buffer, gsize size, GError **error);
bool dub_rtmp_tls_is_open(const DubRtmpTls *self); /* the handshake is done; only dub_rtmp_tls_read() goes on with it */

/**
 * dub_rtmp_tls_write:
 * @sent: (out): what was taken of the front of @vectors; dub_rtmp_tls_is_blocked() tells whether all that was taken is
 * out
 */
bool dub_rtmp_tls_write(DubRtmpTls *self, const GOutputVector *vectors, guint n_vectors, gsize *sent, GError **error);
bool dub_rtmp_tls_is_blocked(const DubRtmpTls *self); /* waits until the socket takes more */

void dub_rtmp_tls_bye(DubRtmpTls *self); /* tells the peer that this was all, if the socket takes it now */

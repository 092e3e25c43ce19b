/* rtmp/tls.c */
#include "rtmp/tls.h"

#include "base/error.h"

#include <gnutls/gnutls.h>
#include <string.h>
#include <sys/socket.h>

#define RECORD_BYTES        DUB_RTMP_TLS_RECORD_BYTES
#define RTMP_VERSION        0x03 /* the first byte of plain RTMP; of TLS it is 0x16 */
#define MOST_PEM_BYTES      (1u << 20)
#define MOST_RECORDS_A_TURN 64u /* a megabyte: then others have their turn */

struct _DubRtmpTlsKeys {
    gnutls_certificate_credentials_t credentials;
};

struct _DubRtmpTls {
    gnutls_session_t session;
    int fd;
    bool is_known;   /* the peer's first byte has been looked at */
    bool is_open;    /* the handshake is done */
    bool is_blocked; /* the socket takes no more for now */
};

/* Looked at first: what GnuTLS 3.7 has begun of a certificate that is none, it never frees. */
static bool is_pem(const char *text, gsize size)
{
    const gnutls_datum_t pem = { (uint8_t *) text, (unsigned) size };
    gnutls_datum_t decoded = { NULL, 0 };
    const bool is_sound = size <= MOST_PEM_BYTES && gnutls_pem_base64_decode2(NULL, &pem, &decoded) >= 0;
    gnutls_free(decoded.data);
    return is_sound;
}

static bool read_pem(const char *setting, const char *path, char **text, gsize *size, GError **error)
{
    g_autoptr(GError) problem = NULL;
    if (!g_file_get_contents(path, text, size, &problem)) {
        const bool is_missing = g_error_matches(problem, G_FILE_ERROR, G_FILE_ERROR_NOENT);
        g_set_error(error, DUB_ERROR, is_missing ? DUB_ERROR_NOT_FOUND : DUB_ERROR_IO, "%s: %s", setting,
                    problem->message);
        return false;
    }
    if (is_pem(*text, *size))
        return true;
    g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "%s: %s is not a PEM file", setting, path);
    return false;
}

DubRtmpTlsKeys *dub_rtmp_tls_keys_new(const char *cert, const char *key, GError **error)
{
    g_autofree char *cert_text = NULL, *key_text = NULL;
    gsize cert_bytes = 0, key_bytes = 0;
    if (!read_pem("RTMPS_CERT", cert, &cert_text, &cert_bytes, error) ||
        !read_pem("RTMPS_KEY", key, &key_text, &key_bytes, error))
        return NULL;
    g_autoptr(DubRtmpTlsKeys) self = g_new0(DubRtmpTlsKeys, 1);
    const gnutls_datum_t cert_pem = { (uint8_t *) cert_text, (unsigned) cert_bytes };
    const gnutls_datum_t key_pem = { (uint8_t *) key_text, (unsigned) key_bytes };
    int result = gnutls_certificate_allocate_credentials(&self->credentials);
    if (result >= 0)
        result = gnutls_certificate_set_x509_key_mem(self->credentials, &cert_pem, &key_pem, GNUTLS_X509_FMT_PEM);
    if (result >= 0)
        return g_steal_pointer(&self);
    g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                "RTMPS_CERT and RTMPS_KEY: %s with %s: %s: they must be a certificate and its private key", cert, key,
                gnutls_strerror(result));
    return NULL;
}

void dub_rtmp_tls_keys_free(DubRtmpTlsKeys *self)
{
    if (!self)
        return;
    if (self->credentials)
        gnutls_certificate_free_credentials(self->credentials);
    g_free(self);
}

DubRtmpTls *dub_rtmp_tls_new(const DubRtmpTlsKeys *keys, int fd)
{
    DubRtmpTls *self = g_new0(DubRtmpTls, 1);
    self->fd = fd;
    gnutls_init(&self->session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL); /* fails out of memory alone */
    gnutls_set_default_priority(self->session);
    gnutls_credentials_set(self->session, GNUTLS_CRD_CERTIFICATE, keys->credentials);
    gnutls_transport_set_int(self->session, fd);
    return self;
}

void dub_rtmp_tls_free(DubRtmpTls *self)
{
    if (!self)
        return;
    gnutls_deinit(self->session);
    g_free(self);
}

static bool is_again(int result)
{
    return result == GNUTLS_E_AGAIN || result == GNUTLS_E_INTERRUPTED;
}

static gssize would_block(GError **error)
{
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "nothing now");
    return -1;
}

static gssize fail(const DubRtmpTls *self, int result, GError **error)
{
    const char *what = self->is_open ? "TLS" : "the TLS handshake failed";
    if (result == GNUTLS_E_PULL_ERROR || result == GNUTLS_E_PUSH_ERROR)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED, "%s: the connection broke", what);
    else if (result == GNUTLS_E_FATAL_ALERT_RECEIVED)
        g_set_error(
            error, DUB_ERROR, DUB_ERROR_PROTOCOL, "%s: the peer says: %s", what,
            gnutls_alert_get_name(gnutls_alert_get(self->session))); /* what it dislikes, often our certificate */
    else
        g_set_error(error, DUB_ERROR, DUB_ERROR_PROTOCOL, "%s: %s", what, gnutls_strerror(result));
    return -1;
}

/* Returns: 1; 0 at the end; -1 */
static gssize look_at_first_byte(DubRtmpTls *self, GError **error)
{
    uint8_t first;
    const ssize_t size = recv(self->fd, &first, 1, MSG_PEEK | MSG_DONTWAIT);
    if (size < 0)
        return would_block(error); /* a connection that is broken says so when it is read */
    self->is_known = true;
    if (size == 0 || first != RTMP_VERSION)
        return size;
    g_set_error_literal(error, DUB_ERROR, DUB_ERROR_PROTOCOL,
                        "it speaks plain RTMP, and this port takes RTMPS: publish to rtmps://, or to RTMP_PORT");
    return -1;
}

/* Returns: 1; 0 at the end; -1 */
static gssize shake_hands(DubRtmpTls *self, GError **error)
{
    const gssize known = self->is_known ? 1 : look_at_first_byte(self, error);
    if (known <= 0)
        return known;
    const int result = gnutls_handshake(self->session);
    self->is_blocked = is_again(result) && gnutls_record_get_direction(self->session) == 1;
    self->is_open = result == GNUTLS_E_SUCCESS;
    if (self->is_open)
        return 1;
    if (result == GNUTLS_E_PREMATURE_TERMINATION)
        return 0;
    return is_again(result) || !gnutls_error_is_fatal(result) ? would_block(error) : fail(self, result, error);
}

gssize dub_rtmp_tls_read(DubRtmpTls *self, uint8_t *buffer, gsize size, GError **error)
{
    const gssize open = self->is_open ? 1 : shake_hands(self, error);
    if (open <= 0)
        return open;
    const ssize_t result = gnutls_record_recv(self->session, buffer, size);
    if (result >= 0)
        return result;
    if (result == GNUTLS_E_PREMATURE_TERMINATION)
        return 0; /* many encoders close without a word */
    const bool is_fatal = gnutls_error_is_fatal((int) result) || result == GNUTLS_E_REHANDSHAKE; /* nobody needs one */
    return is_fatal ? fail(self, (int) result, error) : would_block(error);
}

bool dub_rtmp_tls_is_open(const DubRtmpTls *self)
{
    return self->is_open;
}

bool dub_rtmp_tls_is_blocked(const DubRtmpTls *self)
{
    return self->is_blocked;
}

/* One record's worth of the vectors, past the first @skip bytes. */
static gsize gather(const GOutputVector *vectors, guint n, gsize skip, uint8_t *record)
{
    gsize filled = 0;
    for (guint i = 0; i < n && filled < RECORD_BYTES; i++) {
        const gsize passed = MIN(skip, vectors[i].size);
        const gsize size = MIN(vectors[i].size - passed, RECORD_BYTES - filled);
        memcpy(record + filled, (const uint8_t *) vectors[i].buffer + passed, size);
        skip -= passed;
        filled += size;
    }
    return filled;
}

/* What GnuTLS has of the last record goes first. */
static bool send_rest(DubRtmpTls *self, GError **error)
{
    if (!self->is_blocked)
        return true;
    const ssize_t result = gnutls_record_send(self->session, NULL, 0);
    self->is_blocked = is_again((int) result);
    return result >= 0 || self->is_blocked || fail(self, (int) result, error) > 0;
}

bool dub_rtmp_tls_write(DubRtmpTls *self, const GOutputVector *vectors, guint n_vectors, gsize *sent, GError **error)
{
    uint8_t record[RECORD_BYTES];
    *sent = 0;
    if (!self->is_open) /* what the peer is told before it has shaken hands waits */
        return true;
    if (!send_rest(self, error))
        return false;
    for (guint i = 0; i < MOST_RECORDS_A_TURN && !self->is_blocked; i++) {
        const gsize size = gather(vectors, n_vectors, *sent, record);
        const ssize_t result = size > 0 ? gnutls_record_send(self->session, record, size) : 0;
        if (size == 0)
            break;
        self->is_blocked = is_again((int) result);
        if (result < 0 && !self->is_blocked)
            return fail(self, (int) result, error) > 0;
        *sent += self->is_blocked ? size : (gsize) result; /* GnuTLS holds a record that it could not send */
    }
    return true;
}

void dub_rtmp_tls_bye(DubRtmpTls *self)
{
    if (self->is_open)
        gnutls_bye(self->session, GNUTLS_SHUT_WR);
}

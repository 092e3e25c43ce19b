/* sts/auth.c */
#include "sts/auth.h"

#include "base/log.h"
#include "wire/sts-messages.h"

#include <string.h>

#define MAX_TOKEN_BYTES 1024

/* Takes as long whatever the token is. */
static bool is_same(const char *a, const char *b)
{
    g_autofree char *x = g_compute_checksum_for_string(G_CHECKSUM_SHA256, a, -1);
    g_autofree char *y = g_compute_checksum_for_string(G_CHECKSUM_SHA256, b, -1);
    unsigned differences = 0;
    for (gsize i = 0; x[i] && y[i]; i++)
        differences |= (unsigned) (x[i] ^ y[i]);
    return differences == 0;
}

bool dub_sts_auth_check(const SioSocket *socket, const json_t *auth, const char *token, SioRefusal *refusal)
{
    const char *sent = json_string_value(json_object_get(auth, "token"));
    if (!token || (sent && strlen(sent) <= MAX_TOKEN_BYTES && is_same(sent, token)))
        return true;
    const char *message = sent ? "the token is wrong" : "a token is required: {\"token\": …}";
    dub_log_fields(DUB_LOG_WARNING, "connection refused", "code", "AUTH_FAILED", "from",
                   eio_socket_get_remote_address(sio_socket_get_engine(socket)), NULL);
    refusal->message = g_strdup("AUTH_FAILED");
    g_autoptr(DubErrorEvent) error = dub_error_event_new_for("AUTH_FAILED", NULL, NULL, message);
    refusal->data = dub_error_event_to_json(error);
    return false;
}

/* sts/auth.c */
#include "sts/auth.h"

#include "base/log.h"
#include "base/secret.h"
#include "wire/sts-messages.h"

#define REFUSALS_LOGGED 5 /* a minute */

bool dub_sts_auth_check(const SioSocket *socket, const json_t *auth, const char *token, DubLogLimit *limit,
                        SioRefusal *refusal)
{
    const char *sent = json_string_value(json_object_get(auth, "token"));
    if (!token || dub_secret_is(sent, token))
        return true;
    const char *message = sent ? "the token is wrong" : "a token is required: {\"token\": …}";
    if (dub_log_limit_allows(limit, "connections refused for their token", REFUSALS_LOGGED))
        dub_log_fields(DUB_LOG_WARNING, "connection refused", "code", "AUTH_FAILED", "from",
                       eio_socket_get_remote_address(sio_socket_get_engine(socket)), NULL);
    refusal->message = g_strdup("AUTH_FAILED");
    g_autoptr(DubErrorEvent) error = dub_error_event_new_for("AUTH_FAILED", NULL, NULL, message);
    refusal->data = dub_error_event_to_json(error);
    return false;
}

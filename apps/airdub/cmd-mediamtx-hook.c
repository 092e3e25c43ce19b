/* airdub/cmd-mediamtx-hook.c: what a MediaMTX started by `airdub live` runs when a path comes or goes: posts the event
 * to media-service. A program and not a shell line with curl, because the query is the publisher's own text: no quoting
 * of it can go wrong here. The event is a hint only (media-service reads the path list too), so a few tries are enough.
 */
#include "airdub/command.h"

#include "base/env.h"
#include "base/error.h"
#include "base/http.h"
#include "mediamtx/hook.h"

#include <libsoup/soup.h>

#define TRIES     3
#define TIMEOUT_S 3

static const char *value_of(char **environment, const char *variable)
{
    const char *value = g_environ_getenv(environment, variable);
    return value ? value : "";
}

static char *payload_new(char **environment)
{
    return dub_mediamtx_hook_build(value_of(environment, "MTX_PATH"), value_of(environment, "MTX_QUERY"),
                                   value_of(environment, "MTX_SOURCE_TYPE"), value_of(environment, "MTX_SOURCE_ID"));
}

/* @token: (nullable) */
static bool post(SoupSession *session, const char *url, const char *token, const char *body, GError **error)
{
    g_autoptr(SoupMessage) message = soup_message_new("POST", url);
    if (!message) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "ORCHESTRATOR_URL: %.200s is not an address", url);
        return false;
    }
    dub_http_authorize(message, token);
    g_autoptr(GBytes) bytes = g_bytes_new(body, strlen(body));
    soup_message_set_request_body_from_bytes(message, "application/json", bytes);
    g_autoptr(GError) problem = NULL;
    g_autoptr(GBytes) answer = soup_session_send_and_read(session, message, NULL, &problem);
    if (answer && SOUP_STATUS_IS_SUCCESSFUL(soup_message_get_status(message)))
        return true;
    g_autofree char *name = dub_url_printable(url);
    if (answer)
        g_set_error(error, DUB_ERROR, DUB_ERROR_PROTOCOL, "%s answered %u", name, soup_message_get_status(message));
    else
        g_set_error(error, DUB_ERROR, DUB_ERROR_NETWORK, "%s: %s", name, problem->message);
    return false;
}

int cmd_mediamtx_hook(int argc, char **argv, GError **error)
{
    static const GOptionEntry none[] = { G_OPTION_ENTRY_NULL };
    g_auto(GStrv) rest = NULL;
    if (!command_parse(argc, argv, none, "ready|not-ready", "For MediaMTX: tells media-service of a path.", NULL, 1,
                       &rest, error))
        return 0;
    if (!g_str_equal(rest[0], "ready") && !g_str_equal(rest[0], "not-ready")) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                    "mediamtx-hook: '%.40s' is neither ready nor not-ready", rest[0]);
        return 0;
    }
    g_auto(GStrv) environment = g_get_environ();
    const char *base = g_environ_getenv(environment, "ORCHESTRATOR_URL");
    g_autofree char *url = g_strdup_printf("%s/v1/mediamtx/events/%s", base ? base : "http://localhost:8080", rest[0]);
    g_autofree char *token = NULL;
    if (!dub_env_secret("API_TOKEN", environment, &token, error))
        return 0;
    g_autofree char *body = payload_new(environment);
    g_autoptr(SoupSession) session = soup_session_new_with_options("timeout", TIMEOUT_S, NULL);
    for (int i = 0; i < TRIES; i++) {
        g_clear_error(error);
        if (post(session, url, token, body, error))
            return 0;
        g_usleep((gulong) (i + 1) * G_USEC_PER_SEC);
    }
    return 0;
}

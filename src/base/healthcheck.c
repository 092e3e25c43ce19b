/* base/healthcheck.c */
#include "base/healthcheck.h"

#include "base/error.h"
#include "base/http.h"

#include <libsoup/soup.h>
#include <stdio.h>

#define TIMEOUT_S   3
#define REASON_SIZE 200 /* bytes of the answer that are shown */

static bool judge(SoupMessage *message, GBytes *body, const char *url, GError **error)
{
    const guint status = soup_message_get_status(message);
    if (status == SOUP_STATUS_OK)
        return true;
    gsize size;
    const char *text = g_bytes_get_data(body, &size);
    g_set_error(error, DUB_ERROR, DUB_ERROR_BUSY, "%s says %u: %.*s", url, status, (int) MIN(size, REASON_SIZE),
                text ? text : "");
    return false;
}

bool dub_healthcheck(const char *host, guint port, const char *path, GError **error)
{
    if (port == 0) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                            "PORT=0 lets the service choose its port, so it cannot be asked; set PORT");
        return false;
    }
    g_autofree char *base = dub_http_local_url(host, port);
    g_autofree char *url = g_strconcat(base, path, NULL);
    g_autoptr(SoupMessage) message = soup_message_new(SOUP_METHOD_GET, url);
    if (!message) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "HOST: %s is no address", host);
        return false;
    }
    g_autoptr(SoupSession) session = soup_session_new_with_options("timeout", TIMEOUT_S, "proxy-resolver", NULL, NULL);
    g_autoptr(GError) cause = NULL;
    g_autoptr(GBytes) body = soup_session_send_and_read(session, message, NULL, &cause);
    if (body)
        return judge(message, body, url, error);
    g_set_error(error, DUB_ERROR, DUB_ERROR_NETWORK, "%s does not answer: %s", url, cause->message);
    return false;
}

int dub_healthcheck_run(const char *program, const char *host, guint port, const char *path)
{
    g_autoptr(GError) error = NULL;
    if (dub_healthcheck(host, port, path, &error))
        return 0;
    fprintf(stderr, "%s: %s\n", program, error->message);
    return 1;
}

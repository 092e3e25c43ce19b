/* sts-service/http.c */
#include "http.h"

#include "base/clock.h"
#include "base/http.h"

#include <string.h>

static bool is_read(SoupServerMessage *message)
{
    const char *method = soup_server_message_get_method(message);
    if (method == SOUP_METHOD_GET || method == SOUP_METHOD_HEAD)
        return true;
    soup_message_headers_replace(soup_server_message_get_response_headers(message), "Allow", "GET, HEAD");
    dub_http_reply_error(message, SOUP_STATUS_METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "read it with GET");
    return false;
}

static void reply_health(SoupServerMessage *message, const StsHttp *http)
{
    g_autoptr(DubJson) body = json_pack("{s:s, s:s, s:s, s:s, s:I, s:i, s:i}", "status", "healthy", "service",
                                        "sts-service", "version", AIRDUB_VERSION, "mode", http->mode, "uptime_seconds",
                                        (json_int_t) ((dub_clock_now() - http->started_ns) / DUB_NS_PER_S),
                                        "active_streams", (int) dub_sts_service_count_streams(http->service),
                                        "connections", (int) sio_server_count_connections(http->sio));
    dub_http_reply_json(message, SOUP_STATUS_OK, body);
}

/* NULL: it is ready */
static const char *why_not_ready(DubStsReadiness readiness)
{
    switch (readiness) {
    case DUB_STS_LOADING: return "the engines are loading";
    case DUB_STS_READY: return NULL;
    case DUB_STS_BROKEN: return "the engines could not be loaded";
    case DUB_STS_DRAINING: return "the service is ending";
    }
    return "invalid";
}

static void reply_ready(SoupServerMessage *message, const StsHttp *http)
{
    const DubStsReadiness readiness = dub_sts_service_readiness(http->service);
    g_autoptr(DubJson) body = json_pack("{s:s, s:s, s:s*}", "status", dub_sts_readiness_to_string(readiness), "mode",
                                        http->mode, "reason", why_not_ready(readiness));
    dub_http_reply_json(message, readiness == DUB_STS_READY ? SOUP_STATUS_OK : SOUP_STATUS_SERVICE_UNAVAILABLE, body);
}

static void on_health(G_GNUC_UNUSED SoupServer *server, SoupServerMessage *message, const char *path,
                      G_GNUC_UNUSED GHashTable *query, gpointer user_data)
{
    if (!is_read(message))
        return;
    if (strcmp(path, "/health") == 0 || strcmp(path, "/health/live") == 0)
        reply_health(message, user_data);
    else if (strcmp(path, "/health/ready") == 0)
        reply_ready(message, user_data);
    else
        dub_http_reply_error(message, SOUP_STATUS_NOT_FOUND, "NOT_FOUND", "no such page; try /health or /health/ready");
}

static void on_other(G_GNUC_UNUSED SoupServer *server, SoupServerMessage *message, G_GNUC_UNUSED const char *path,
                     G_GNUC_UNUSED GHashTable *query, G_GNUC_UNUSED gpointer user_data)
{
    dub_http_reply_error(message, SOUP_STATUS_NOT_FOUND, "NOT_FOUND",
                         "no such page; there are /health, /health/ready, /metrics, /socket.io/ and /ws/sts");
}

void sts_http_add(SoupServer *server, const StsHttp *http, DubMetrics *metrics)
{
    soup_server_add_handler(server, NULL, on_other, NULL, NULL);
    soup_server_add_handler(server, "/health", on_health, (void *) http, NULL);
    dub_http_add_metrics(server, metrics);
}

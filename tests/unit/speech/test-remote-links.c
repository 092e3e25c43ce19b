/* The remote backend on links that break or are refused, and freed at any time. */
#include "remote-peer.h"

#include <stdlib.h>
#include <string.h>

static void test_reconnect(void)
{
    Client client = { 0 };
    Server *server = serve_ready(&client, silent_script, NULL, NULL);
    submit(&client, 0);
    submit(&client, 1);
    WAIT_FOR(json_array_size(server->kept) == 2);
    sio_socket_close_connection(server->socket);
    WAIT_FOR(client.n_lost == 1);
    g_assert_cmpuint(client.last_attempt, ==, 1);
    g_assert_error(client.lost, DUB_ERROR, DUB_ERROR_NETWORK);
    WAIT_FOR(client.n_ready == 2);
    server->script = echo_script;
    submit(&client, 0); /* numbers begin anew */
    WAIT_FOR(client.results->len == 1);
    g_assert_cmpint(result_at(&client, 0)->answer->status, ==, DUB_PROCESSED_SUCCESS);
    g_assert_cmpuint(dub_speech_remote_stats(client.speech).losses, ==, 1);
    end(&client, server);
}

static void test_given_up(void)
{
    Server *server = server_new(mute_script);
    Client client = { 0 };
    DubSpeechRemoteOptions options = default_options();
    options.attempts = 3;
    options.first_wait_ms = 2;
    g_autofree char *url = g_strdup(server->url);
    options.url = url;
    server_free(server); /* nobody listens there */
    client_init(&client, &default_config, &options);
    WAIT_FOR(client.failed);
    g_assert_error(client.failed, DUB_ERROR, DUB_ERROR_NETWORK);
    g_assert_cmpuint(client.n_lost, ==, 3);
    g_assert_cmpuint(client.last_attempt, ==, 3);
    g_assert_nonnull(strstr(client.failed->message, "given up after 3 attempts"));
    client_clear(&client);
}

/* Nobody waits for the next attempt, a minute away, when the service is there again. */
static void test_service_is_back(void)
{
    Client client = { 0 };
    DubSpeechRemoteOptions options = default_options();
    options.first_wait_ms = 60000;
    Server *server = serve(&client, echo_script, NULL, &options);
    WAIT_FOR(client.n_ready == 1);
    g_autofree char *url = g_strdup(server->url);
    server_free(server);
    WAIT_FOR(client.n_lost == 1);
    const gint64 lost_us = g_get_monotonic_time();
    const gint64 away_us = 1500 * G_TIME_SPAN_MILLISECOND; /* it is looked for twice a second */
    WAIT_FOR(g_get_monotonic_time() - lost_us > away_us);
    server = server_new_at(echo_script, (guint) atoi(strrchr(url, ':') + 1));
    WAIT_FOR(client.n_ready == 2);
    g_assert_cmpuint(client.n_lost, ==, 1);
    end(&client, server);
}

/* A service that answers but hangs up is given the time that the policy says. */
static void test_healthy_service_is_not_hurried(void)
{
    Client client = { 0 };
    DubSpeechRemoteOptions options = default_options();
    options.first_wait_ms = 60000;
    Server *server = serve_ready(&client, echo_script, NULL, &options);
    sio_socket_close_connection(server->socket);
    WAIT_FOR(client.n_lost == 1);
    WAIT_FOR(server->n_health >= 3);
    g_assert_cmpuint(server->n_connected, ==, 1);
    end(&client, server);
}

/* Where nobody listens: a port that was free a moment ago. */
static char *url_of_nobody(void)
{
    Server *server = server_new(mute_script);
    char *url = g_strdup(server->url);
    server_free(server);
    return url;
}

static void test_next_service(void)
{
    Client client = { 0 };
    DubSpeechRemoteOptions options = default_options();
    options.first_wait_ms = 60000;
    Server *server = server_new(echo_script);
    g_autofree char *nobody = url_of_nobody();
    g_autofree char *urls = g_strdup_printf("%s, %s", nobody, server->url);
    options.url = urls;
    client_init(&client, &default_config, &options);
    WAIT_FOR(client.n_ready == 1);
    g_assert_cmpuint(client.n_lost, ==, 1);
    g_assert_nonnull(strstr(client.lost->message, nobody)); /* each by its own name */
    end(&client, server);
}

/* Each attempt asks all of them. */
static void test_all_services_given_up(void)
{
    Client client = { 0 };
    DubSpeechRemoteOptions options = default_options();
    options.attempts = 2;
    options.first_wait_ms = 2;
    g_autofree char *one = url_of_nobody();
    g_autofree char *other = url_of_nobody();
    g_autofree char *urls = g_strdup_printf("%s,%s", one, other);
    options.url = urls;
    client_init(&client, &default_config, &options);
    WAIT_FOR(client.failed);
    g_assert_nonnull(strstr(client.failed->message, "given up after 2 attempts"));
    g_assert_cmpuint(client.n_lost, ==, 5); /* (one, other) twice, and one */
    client_clear(&client);
}

static void test_never_given_up(void)
{
    Server *server = server_new(mute_script);
    Client client = { 0 };
    DubSpeechRemoteOptions options = default_options();
    options.attempts = 2;
    options.first_wait_ms = 2;
    options.rest_ms = 10;
    g_autofree char *url = g_strdup(server->url);
    options.url = url;
    server_free(server);
    client_init(&client, &default_config, &options);
    WAIT_FOR(client.n_lost == 6);
    g_assert_null(client.failed);
    client_clear(&client);
}

static void test_ready_timeout(void)
{
    Client client = { 0 };
    DubSpeechRemoteOptions options = default_options();
    options.ready_timeout_ms = 300;
    Server *server = serve(&client, mute_script, NULL, &options);
    WAIT_FOR(client.n_lost == 1);
    g_assert_error(client.lost, DUB_ERROR, DUB_ERROR_TIMEOUT);
    server->script = echo_script;
    WAIT_FOR(client.n_ready == 1);
    g_assert_cmpuint(server->n_connected, ==, 2);
    end(&client, server);
}

static const char *refusal_code; /* of the script below; set before each use */

static void refusing_script(G_GNUC_UNUSED Server *server, SioSocket *socket, G_GNUC_UNUSED const char *event,
                            G_GNUC_UNUSED const json_t *payload)
{
    sio_socket_emit(socket, "error", json_pack("{s:s, s:s}", "code", refusal_code, "message", "because"));
}

typedef struct {
    const char *name, *code;
    int error; /* on_failed's; -1: it is tried again */
} Refusal;

static const Refusal refusals[] = {
    { "config", "INVALID_CONFIG", DUB_ERROR_INVALID_ARGUMENT },
    { "voice", "INVALID_VOICE_PROFILE", DUB_ERROR_INVALID_ARGUMENT },
    { "auth", "AUTH_FAILED", DUB_ERROR_AUTH },
    { "unknown", "SOMETHING_NEW", DUB_ERROR_ENGINE },
    { "busy", "RATE_LIMIT_EXCEEDED", -1 },
};

static void test_refusal(const void *data)
{
    const Refusal *c = data;
    refusal_code = c->code;
    Client client = { 0 };
    Server *server = serve(&client, refusing_script, NULL, NULL);
    WAIT_FOR(client.failed || client.n_lost);
    if (c->error >= 0) {
        g_assert_error(client.failed, DUB_ERROR, c->error);
        g_assert_nonnull(strstr(client.failed->message, "because"));
        g_assert_cmpuint(client.n_lost, ==, 0);
    } else {
        server->script = echo_script;
        WAIT_FOR(client.n_ready == 1);
    }
    end(&client, server);
}

typedef struct {
    const char *name, *token;
    bool allowed;
} Token;

static const Token tokens[] = { { "right", "sesame", true }, { "wrong", "open", false }, { "none", NULL, false } };

static void test_token(const void *data)
{
    const Token *c = data;
    Client client = { 0 };
    DubSpeechRemoteOptions options = default_options();
    options.token = c->token;
    Server *server = serve(&client, echo_script, NULL, &options);
    server->token = "sesame"; /* nothing has reached it yet: the loop stands */
    WAIT_FOR(client.failed || client.n_ready || client.n_lost);
    g_assert_true(client.n_ready == c->allowed);
    if (!c->allowed)
        g_assert_error(client.failed, DUB_ERROR, DUB_ERROR_AUTH);
    end(&client, server);
}

/* The service ends the stream itself, as when it is shut down: what is in flight still counts, then the link
 * is made anew. */
static void test_ended_by_service(void)
{
    Client client = { 0 };
    Server *server = serve_ready(&client, silent_script, NULL, NULL);
    submit(&client, 0);
    WAIT_FOR(json_array_size(server->kept) == 1);
    sio_socket_emit(server->socket, "fragment:processed", echo_of(json_array_get(server->kept, 0)));
    emit_complete(server->socket);
    WAIT_FOR(client.n_lost == 1);
    g_assert_cmpuint(client.results->len, ==, 1);
    WAIT_FOR(client.n_ready == 2);
    end(&client, server);
}

/* ---- freed at any time ---- */

typedef struct {
    const char *name;
    FreeWhen when;
    Script script;
} Freed;

static const Freed freed[] = {
    { "on-ready", FREE_ON_READY, echo_script },       { "on-result", FREE_ON_RESULT, echo_script },
    { "on-lost", FREE_ON_LOST, silent_script },       { "on-failed", FREE_ON_FAILED, refusing_script },
    { "on-complete", FREE_ON_COMPLETE, echo_script },
};

static void test_freed(const void *data)
{
    const Freed *c = data;
    refusal_code = "INVALID_CONFIG";
    Client client = { .free_when = c->when };
    Server *server = serve(&client, c->script, NULL, NULL);
    WAIT_FOR(client.n_ready || client.failed);
    if (client.speech) {
        submit(&client, 0);
        submit(&client, 1);
        if (c->when == FREE_ON_COMPLETE)
            dub_speech_end(client.speech);
        if (c->when == FREE_ON_LOST)
            sio_socket_close_connection(server->socket);
    }
    WAIT_FOR(!client.speech);
    end(&client, server);
}

/* With work on the thread and bytes on the wire. */
static void test_freed_busy(void)
{
    Server *server = server_new(echo_script);
    for (int round = 0; round < 10; round++) {
        Client client = { 0 };
        client_connect(&client, server, NULL, NULL);
        WAIT_FOR(client.n_ready);
        for (uint64_t i = 0; i < 4; i++)
            submit(&client, i);
        for (int i = 0; i < round; i++)
            g_main_context_iteration(NULL, TRUE);
        client_clear(&client);
    }
    server_free(server);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(refusals); i++) {
        g_autofree char *path = g_strconcat("/speech/remote/refusal/", refusals[i].name, NULL);
        g_test_add_data_func(path, &refusals[i], test_refusal);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(tokens); i++) {
        g_autofree char *path = g_strconcat("/speech/remote/token/", tokens[i].name, NULL);
        g_test_add_data_func(path, &tokens[i], test_token);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(freed); i++) {
        g_autofree char *path = g_strconcat("/speech/remote/freed/", freed[i].name, NULL);
        g_test_add_data_func(path, &freed[i], test_freed);
    }
    g_test_add_func("/speech/remote/reconnect", test_reconnect);
    g_test_add_func("/speech/remote/given-up", test_given_up);
    g_test_add_func("/speech/remote/service-is-back", test_service_is_back);
    g_test_add_func("/speech/remote/healthy-service-is-not-hurried", test_healthy_service_is_not_hurried);
    g_test_add_func("/speech/remote/next-service", test_next_service);
    g_test_add_func("/speech/remote/all-services-given-up", test_all_services_given_up);
    g_test_add_func("/speech/remote/never-given-up", test_never_given_up);
    g_test_add_func("/speech/remote/ready-timeout", test_ready_timeout);
    g_test_add_func("/speech/remote/ended-by-service", test_ended_by_service);
    g_test_add_func("/speech/remote/freed-busy", test_freed_busy);
    return g_test_run();
}

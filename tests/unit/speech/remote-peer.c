/* speech/remote-peer.c */
#include "remote-peer.h"

#include "base/clock.h"
#include "base/http.h"

#include <math.h>
#include <string.h>

#define LIMIT_S 20

/* ---- the other side ---- */

static bool on_authorize(G_GNUC_UNUSED SioSocket *socket, const json_t *auth, SioRefusal *refusal, void *user_data)
{
    const Server *server = user_data;
    const char *token = json_string_value(json_object_get(auth, "token"));
    if (!server->token || g_strcmp0(token, server->token) == 0)
        return true;
    refusal->message = g_strdup("AUTH_FAILED");
    refusal->data = json_pack("{s:s, s:s}", "code", "AUTH_FAILED", "message", "wrong token");
    return false;
}

static void on_connect(SioSocket *socket, G_GNUC_UNUSED const json_t *auth, void *user_data)
{
    Server *server = user_data;
    server->n_connected++;
    g_clear_pointer(&server->socket, sio_socket_unref);
    server->socket = sio_socket_ref(socket);
}

static void on_event(SioSocket *socket, const SioEvent *event, void *user_data)
{
    Server *server = user_data;
    json_t *payload = sio_event_get_arg(event, 0);
    g_ptr_array_add(server->names, g_strdup(event->name));
    if (strcmp(event->name, "stream:init") == 0) {
        json_decref(server->init);
        server->init = json_incref(payload);
    } else if (strcmp(event->name, "fragment:data") == 0) {
        json_array_append(server->kept, payload);
    } else if (strcmp(event->name, "fragment:ack") == 0) {
        json_array_append(server->receipts, payload);
    }
    server->script(server, socket, event->name, payload);
}

static void on_health(G_GNUC_UNUSED SoupServer *soup, SoupServerMessage *message, G_GNUC_UNUSED const char *path,
                      G_GNUC_UNUSED GHashTable *query, void *user_data)
{
    ((Server *) user_data)->n_health++;
    dub_http_reply_text(message, SOUP_STATUS_OK, "text/plain", "fine");
}

Server *server_new(Script script)
{
    return server_new_at(script, 0);
}

Server *server_new_at(Script script, guint at_port)
{
    static const SioNamespaceCallbacks callbacks = { on_authorize, on_connect, on_event, NULL };
    Server *server = g_new0(Server, 1);
    g_autoptr(GError) error = NULL;
    server->script = script;
    server->names = g_ptr_array_new_with_free_func(g_free);
    server->kept = json_array();
    server->receipts = json_array();
    server->soup = soup_server_new(NULL, NULL);
    server->sio = sio_server_new(server->soup, NULL);
    soup_server_add_handler(server->soup, "/health", on_health, server, NULL);
    sio_server_add_namespace(server->sio, "/", &callbacks, server);
    sio_server_add_namespace(server->sio, "/sts", &callbacks, server);
    guint port;
    g_autoptr(GSocket) socket = dub_http_bind("127.0.0.1", at_port, "PORT", &port, &error);
    g_assert_no_error(error);
    server->listener = eio_listener_new(server->soup, socket, NULL);
    server->url = g_strdup_printf("http://127.0.0.1:%u", port);
    return server;
}

void server_free(Server *server)
{
    g_clear_pointer(&server->socket, sio_socket_unref);
    sio_server_free(server->sio);
    eio_listener_free(server->listener);
    soup_server_disconnect(server->soup);
    g_object_unref(server->soup);
    g_ptr_array_unref(server->names);
    json_decref(server->init);
    json_decref(server->kept);
    json_decref(server->receipts);
    g_free(server->url);
    g_free(server);
}

guint count_events(const Server *server, const char *name)
{
    guint n = 0;
    for (guint i = 0; i < server->names->len; i++)
        n += g_str_equal(g_ptr_array_index(server->names, i), name);
    return n;
}

static void emit_ready(SioSocket *socket, int max_inflight)
{
    sio_socket_emit(socket, "stream:ready",
                    json_pack("{s:s, s:s, s:i}", "stream_id", "demo", "session_id", "x", "max_inflight", max_inflight));
}

json_t *echo_of(const json_t *data)
{
    return json_pack("{s:O, s:O, s:O, s:s, s:O, s:s, s:s, s:i, s:{s:i, s:i, s:i}, s:{s:i, s:f}}", "fragment_id",
                     json_object_get(data, "fragment_id"), "stream_id", json_object_get(data, "stream_id"),
                     "sequence_number", json_object_get(data, "sequence_number"), "status", "success", "dubbed_audio",
                     json_object_get(data, "audio"), "transcript", "one", "translated_text", "uno",
                     "processing_time_ms", 60, "stage_timings", "asr_ms", 10, "translation_ms", 20, "tts_ms", 30,
                     "metadata", "speech_start_ms", 250, "speech_end_ms", 900.5);
}

void emit_complete(SioSocket *socket)
{
    sio_socket_emit(socket, "stream:complete",
                    json_pack("{s:s, s:i, s:i, s:{}}", "stream_id", "demo", "total_fragments", 0, "total_duration_ms",
                              0, "statistics"));
}

void echo_script(G_GNUC_UNUSED Server *server, SioSocket *socket, const char *event, const json_t *payload)
{
    if (strcmp(event, "stream:init") == 0)
        emit_ready(socket, 5);
    else if (strcmp(event, "fragment:data") == 0)
        sio_socket_emit(socket, "fragment:processed", echo_of(payload));
    else if (strcmp(event, "stream:end") == 0)
        emit_complete(socket);
}

void silent_script(G_GNUC_UNUSED Server *server, SioSocket *socket, const char *event,
                   G_GNUC_UNUSED const json_t *payload)
{
    if (strcmp(event, "stream:init") == 0)
        emit_ready(socket, 3);
}

void mute_script(G_GNUC_UNUSED Server *server, G_GNUC_UNUSED SioSocket *socket, G_GNUC_UNUSED const char *event,
                 G_GNUC_UNUSED const json_t *payload)
{
}

/* ---- our side ---- */

const DubSpeechConfig default_config = {
    .stream_id = "demo",
    .worker_id = "worker-1",
    .source_language = "en",
    .target_language = "es",
    .rate_hz = RATE_HZ,
    .channels = 2,
    .segment_ms = 6000,
    .max_inflight = 4,
    .timeout_ms = 8000,
};

static void free_if(Client *client, FreeWhen when)
{
    if (client->free_when == when)
        g_clear_pointer(&client->speech, dub_speech_free);
}

static void on_ready(unsigned max_inflight, void *user_data)
{
    Client *client = user_data;
    g_assert_nonnull(client->speech);
    client->n_ready++;
    client->max_inflight = max_inflight;
    free_if(client, FREE_ON_READY);
}

static void on_expected(int64_t processing_ns, void *user_data)
{
    Client *client = user_data;
    client->expected_ns = processing_ns;
}

static void on_result(DubSpeechResult *result, void *user_data)
{
    Client *client = user_data;
    g_assert_nonnull(client->speech);
    g_ptr_array_add(client->results, result);
    free_if(client, FREE_ON_RESULT);
}

static void on_pressure(DubPressure pressure, unsigned delay_ms, void *user_data)
{
    Client *client = user_data;
    client->n_pressure++;
    client->pressure = pressure;
    client->delay_ms = delay_ms;
}

static void on_lost(const GError *error, unsigned attempt, void *user_data)
{
    Client *client = user_data;
    g_assert_nonnull(client->speech);
    client->n_lost++;
    client->last_attempt = attempt;
    g_clear_error(&client->lost);
    client->lost = g_error_copy(error);
    free_if(client, FREE_ON_LOST);
}

static void on_failed(const GError *error, void *user_data)
{
    Client *client = user_data;
    g_assert_nonnull(client->speech);
    g_assert_null(client->failed);
    client->failed = g_error_copy(error);
    free_if(client, FREE_ON_FAILED);
}

static void on_complete(void *user_data)
{
    Client *client = user_data;
    g_assert_nonnull(client->speech);
    client->n_complete++;
    free_if(client, FREE_ON_COMPLETE);
}

void client_init(Client *client, const DubSpeechConfig *config, const DubSpeechRemoteOptions *options)
{
    static const DubSpeechCallbacks callbacks = {
        .on_expected = on_expected,
        .on_ready = on_ready,
        .on_result = on_result,
        .on_pressure = on_pressure,
        .on_lost = on_lost,
        .on_failed = on_failed,
        .on_complete = on_complete,
    };
    client->results = g_ptr_array_new_with_free_func((GDestroyNotify) dub_speech_result_free);
    client->speech = dub_speech_remote_new(config, options, &callbacks, client);
    dub_speech_start(client->speech);
    g_assert_cmpuint(client->n_ready + client->n_lost, ==, 0); /* never from inside a call */
}

void client_clear(Client *client)
{
    dub_speech_free(client->speech);
    g_clear_error(&client->lost);
    g_clear_error(&client->failed);
    g_ptr_array_unref(client->results);
}

DubSpeechRemoteOptions default_options(void)
{
    DubSpeechRemoteOptions options;
    dub_speech_remote_options_init(&options);
    options.first_wait_ms = 20;
    return options;
}

void client_connect(Client *client, const Server *server, const DubSpeechConfig *config,
                    const DubSpeechRemoteOptions *options)
{
    DubSpeechRemoteOptions there = options ? *options : default_options();
    there.url = server->url;
    client_init(client, config ? config : &default_config, &there);
}

Server *serve(Client *client, Script script, const DubSpeechConfig *config, const DubSpeechRemoteOptions *options)
{
    Server *server = server_new(script);
    client_connect(client, server, config, options);
    return server;
}

Server *serve_ready(Client *client, Script script, const DubSpeechConfig *config, const DubSpeechRemoteOptions *options)
{
    Server *server = serve(client, script, config, options);
    WAIT_FOR(client->n_ready);
    return server;
}

void end(Client *client, Server *server)
{
    client_clear(client);
    server_free(server);
}

static gboolean on_limit(void *data)
{
    *(bool *) data = true;
    return G_SOURCE_CONTINUE;
}

guint start_limit(bool *over)
{
    *over = false;
    return g_timeout_add_seconds(LIMIT_S, on_limit, over);
}

DubPcm *tone(unsigned rate_hz, unsigned channels, double seconds, double hz)
{
    DubPcm *pcm = dub_pcm_new(rate_hz, channels, (gsize) (seconds * rate_hz));
    for (gsize i = 0; i < pcm->n_frames * channels; i++)
        pcm->samples[i] = (float) (0.4 * sin(2 * G_PI * hz * (double) (i / channels) / rate_hz));
    return pcm;
}

void submit(Client *client, uint64_t sequence_number)
{
    dub_speech_submit(client->speech, dub_fragment_new(sequence_number, (int64_t) sequence_number * DUB_NS_PER_S,
                                                       tone(RATE_HZ, 2, 1, 440)));
}

DubSpeechResult *result_at(const Client *client, guint index)
{
    g_assert_cmpuint(index, <, client->results->len);
    return g_ptr_array_index(client->results, index);
}

double snr_db(const DubPcm *expected, const DubPcm *actual)
{
    double signal = 0, noise = 1e-12;
    for (gsize i = 0; i < expected->n_frames * expected->channels; i++) {
        signal += (double) expected->samples[i] * expected->samples[i];
        noise +=
            ((double) actual->samples[i] - expected->samples[i]) * ((double) actual->samples[i] - expected->samples[i]);
    }
    return 10 * log10(signal / noise);
}

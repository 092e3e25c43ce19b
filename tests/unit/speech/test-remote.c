/* The remote backend when all goes well, against a scripted server and against the real sts-service's echo. */
#include "remote-peer.h"

#include "base/clock.h"
#include "base/http.h"
#include "sts/service.h"

#include <string.h>

static void test_init(void)
{
    Client client = { 0 };
    DubSpeechConfig config = default_config;
    config.voice = "alto";
    DubSpeechRemoteOptions options = default_options();
    options.nsp = "/sts";
    Server *server = serve_ready(&client, echo_script, &config, &options);
    g_assert_cmpuint(client.max_inflight, ==, 4); /* wanted 4, offered 5 */
    g_assert_cmpstr(sio_socket_get_namespace(server->socket), ==, "/sts");
    g_assert_cmpstr(sio_socket_get_header(server->socket, "X-Stream-ID"), ==, "demo");
    g_assert_cmpstr(sio_socket_get_header(server->socket, "X-Worker-ID"), ==, "worker-1");
    g_autoptr(DubJson) expected = json_pack(
        "{s:s, s:s, s:{s:s, s:s, s:s, s:i, s:i, s:i, s:s}, s:i, s:i}", "stream_id", "demo", "worker_id", "worker-1",
        "config", "source_language", "en", "target_language", "es", "voice_profile", "alto", "chunk_duration_ms", 6000,
        "sample_rate_hz", RATE_HZ, "channels", 2, "format", "m4a", "max_inflight", 4, "timeout_ms", 8000);
    g_assert_true(json_equal(server->init, expected));
    end(&client, server);
}

typedef struct {
    const char *name;
    DubFragmentFormat format;
    unsigned rate_hz, channels, wire_rate_hz;
    double min_snr_db;
} RoundTrip;

static const RoundTrip round_trips[] = {
    { "m4a-stereo", DUB_FORMAT_M4A, 44100, 2, 44100, 20 },
    { "m4a-mono", DUB_FORMAT_M4A, 16000, 1, 16000, 20 },
    { "pcm-stereo", DUB_FORMAT_PCM_S16LE, 48000, 2, 48000, 70 },
    { "pcm-mono", DUB_FORMAT_PCM_S16LE, 22050, 1, 22050, 70 },
    { "rate-that-is-none-of-the-protocol", DUB_FORMAT_PCM_S16LE, 32000, 1, 48000, 50 },
};

static void test_round_trip(const void *data)
{
    const RoundTrip *c = data;
    Client client = { 0 };
    DubSpeechConfig config = default_config;
    config.rate_hz = c->rate_hz;
    config.channels = c->channels;
    DubSpeechRemoteOptions options = default_options();
    options.format = c->format;
    Server *server = serve_ready(&client, echo_script, &config, &options);

    g_autoptr(DubPcm) sent = tone(c->rate_hz, c->channels, 1.234, 440);
    dub_speech_submit(client.speech, dub_fragment_new(0, 7 * DUB_NS_PER_S, dub_pcm_ref(sent)));
    WAIT_FOR(client.results->len);
    const DubSpeechResult *result = result_at(&client, 0);
    g_assert_cmpint(result->answer->status, ==, DUB_PROCESSED_SUCCESS);
    g_assert_cmpuint(result->dub->rate_hz, ==, c->rate_hz);
    g_assert_cmpuint(result->dub->channels, ==, c->channels);
    g_assert_cmpuint(result->dub->n_frames, ==, sent->n_frames);
    g_assert_cmpfloat(snr_db(sent, result->dub), >, c->min_snr_db);
    g_assert_cmpstr(result->answer->transcript, ==, "one");
    g_assert_cmpstr(result->answer->translated_text, ==, "uno");
    g_assert_cmpfloat(result->answer->asr_ms, ==, 10);
    g_assert_cmpfloat(result->answer->translation_ms, ==, 20);
    g_assert_cmpfloat(result->answer->tts_ms, ==, 30);
    g_assert_cmpfloat(result->answer->processing_time_ms, ==, 60);
    int64_t start_ns, end_ns;
    g_assert_true(dub_speech_result_span(result, &start_ns, &end_ns));
    g_assert_cmpint(start_ns, ==, 250 * DUB_NS_PER_MS);
    g_assert_cmpint(end_ns, ==, 900500 * DUB_NS_PER_US);

    const json_t *fragment = json_array_get(server->kept, 0), *audio = json_object_get(fragment, "audio");
    g_assert_cmpint(json_integer_value(json_object_get(audio, "sample_rate_hz")), ==, c->wire_rate_hz);
    g_assert_cmpint(json_integer_value(json_object_get(audio, "duration_ms")), ==, 1234);
    g_assert_cmpint(json_integer_value(json_object_get(json_object_get(fragment, "metadata"), "pts_ns")), ==,
                    7 * DUB_NS_PER_S);
    end(&client, server);
}

static void test_receipts(void)
{
    Client client = { 0 };
    Server *server = serve_ready(&client, echo_script, NULL, NULL);
    submit(&client, 0);
    WAIT_FOR(client.results->len == 1);
    WAIT_FOR(json_array_size(server->receipts) == 1);
    dub_speech_applied(client.speech, 0);
    dub_speech_applied(client.speech, 0);  /* once is enough */
    dub_speech_applied(client.speech, 99); /* never was */
    submit(&client, 1);
    WAIT_FOR(client.results->len == 2);
    WAIT_FOR(json_array_size(server->receipts) == 3);
    const json_t *applied = json_array_get(server->receipts, 1);
    g_assert_cmpstr(json_string_value(json_object_get(applied, "status")), ==, "applied");
    g_assert_cmpstr(json_string_value(json_object_get(applied, "fragment_id")), ==,
                    json_string_value(json_object_get(json_array_get(server->kept, 0), "fragment_id")));
    g_assert_cmpstr(json_string_value(json_object_get(json_array_get(server->receipts, 2), "status")), ==, "received");
    end(&client, server);
}

/* Whatever order the answers have, results have theirs. */
static void test_order(void)
{
    Client client = { 0 };
    Server *server = serve_ready(&client, silent_script, NULL, NULL);
    for (uint64_t i = 0; i < 3; i++)
        submit(&client, i);
    WAIT_FOR(json_array_size(server->kept) == 3);
    for (guint i = 0; i < 3; i++) /* sent in order */
        g_assert_cmpint(json_integer_value(json_object_get(json_array_get(server->kept, i), "sequence_number")), ==, i);
    for (int i = 2; i >= 0; i--)
        sio_socket_emit(server->socket, "fragment:processed", echo_of(json_array_get(server->kept, (size_t) i)));
    WAIT_FOR(client.results->len == 3);
    for (guint i = 0; i < 3; i++)
        g_assert_cmpuint(result_at(&client, i)->sequence_number, ==, i);
    end(&client, server);
}

static void test_end(void)
{
    Client client = { 0 };
    Server *server = serve_ready(&client, echo_script, NULL, NULL);
    submit(&client, 0);
    submit(&client, 1);
    dub_speech_end(client.speech);
    WAIT_FOR(client.n_complete);
    g_assert_cmpuint(client.results->len, ==, 2); /* all of them, first */
    g_assert_cmpuint(client.n_lost, ==, 0);
    g_assert_cmpstr(g_ptr_array_index(server->names, server->names->len - 1), !=, "fragment:data");
    g_assert_cmpuint(count_events(server, "stream:end"), ==, 1);
    end(&client, server);
}

static void test_end_without_complete(void)
{
    Client client = { 0 };
    DubSpeechRemoteOptions options = default_options();
    options.complete_timeout_ms = 50;
    Server *server = serve_ready(&client, silent_script, NULL, &options);
    dub_speech_end(client.speech);
    WAIT_FOR(client.n_complete);
    g_assert_cmpuint(count_events(server, "stream:end"), ==, 1);
    end(&client, server);
}

static void test_end_before_ready(void)
{
    Client client = { 0 };
    Server *server = serve(&client, mute_script, NULL, NULL);
    dub_speech_end(client.speech);
    g_assert_cmpuint(client.n_complete, ==, 0); /* never from inside a call */
    WAIT_FOR(client.n_complete);
    end(&client, server);
}

static void test_end_with_loss(void)
{
    Client client = { 0 };
    Server *server = serve_ready(&client, silent_script, NULL, NULL);
    submit(&client, 0);
    dub_speech_end(client.speech);
    WAIT_FOR(count_events(server, "stream:end"));
    sio_socket_close_connection(server->socket);
    WAIT_FOR(client.n_complete);
    g_assert_cmpuint(client.n_lost, ==, 1);
    g_assert_cmpuint(client.results->len, ==, 0);
    g_assert_cmpuint(server->n_connected, ==, 1);
    end(&client, server);
}

/* ---- the real thing ---- */

static void test_sts_service(void)
{
    const DubStsServiceConfig config = {
        .echo = true,
        .pressure_events = true,
        .pressure_low = 0.5,
        .pressure_medium = 0.7,
        .pressure_high = 0.9,
        .max_sessions = 4,
        .disconnect_delay_ms = 100,
        .from = "en",
        .to = "es",
    };
    g_autoptr(GError) error = NULL;
    g_autoptr(DubMetrics) metrics = dub_metrics_new(dub_sts_metric_specs, dub_sts_n_metric_specs);
    g_autoptr(SoupServer) soup = soup_server_new(NULL, NULL);
    SioServer *sio = sio_server_new(soup, NULL);
    DubStsService *service = dub_sts_service_new(&config, metrics, NULL, NULL);
    dub_sts_service_attach(service, sio);
    guint port;
    g_autoptr(GSocket) socket = dub_http_bind("127.0.0.1", 0, "PORT", &port, &error);
    g_assert_no_error(error);
    EioListener *listener = eio_listener_new(soup, socket, NULL);

    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u", port);
    DubSpeechRemoteOptions options = default_options();
    options.url = url;
    Client client = { 0 };
    client_init(&client, &default_config, &options);
    WAIT_FOR(client.n_ready);
    g_autoptr(DubPcm) sent = tone(RATE_HZ, 2, 1, 440);
    for (uint64_t i = 0; i < 3; i++)
        submit(&client, i);
    dub_speech_end(client.speech);
    WAIT_FOR(client.n_complete);
    g_assert_cmpuint(client.results->len, ==, 3);
    for (guint i = 0; i < 3; i++) {
        g_assert_cmpint(result_at(&client, i)->answer->status, ==, DUB_PROCESSED_SUCCESS);
        g_assert_cmpuint(result_at(&client, i)->dub->n_frames, ==, sent->n_frames);
        g_assert_cmpfloat(snr_db(sent, result_at(&client, i)->dub), >, 20);
    }
    client_clear(&client);
    sio_server_free(sio);
    dub_sts_service_free(service);
    eio_listener_free(listener);
    soup_server_disconnect(soup);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(round_trips); i++) {
        g_autofree char *path = g_strconcat("/speech/remote/round-trip/", round_trips[i].name, NULL);
        g_test_add_data_func(path, &round_trips[i], test_round_trip);
    }
    g_test_add_func("/speech/remote/init", test_init);
    g_test_add_func("/speech/remote/receipts", test_receipts);
    g_test_add_func("/speech/remote/order", test_order);
    g_test_add_func("/speech/remote/end", test_end);
    g_test_add_func("/speech/remote/end-without-complete", test_end_without_complete);
    g_test_add_func("/speech/remote/end-before-ready", test_end_before_ready);
    g_test_add_func("/speech/remote/end-with-loss", test_end_with_loss);
    g_test_add_func("/speech/remote/sts-service", test_sts_service);
    return g_test_run();
}

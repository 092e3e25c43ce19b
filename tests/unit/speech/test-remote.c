/* The remote backend against a Socket.IO server in this process that follows a script, and against the real
 * sts-service's echo. Waits are for conditions, with one limit for all. */
#include "base/clock.h"
#include "base/error.h"
#include "base/http.h"
#include "audio/level.h"
#include "socketio/server.h"
#include "speech/remote.h"
#include "sts/service.h"

#include <math.h>
#include <string.h>

#define LIMIT_S 20
#define RATE_HZ 44100

/* ---- the other side ---- */

typedef struct _Server Server;
typedef void (*Script)(Server *server, SioSocket *socket, const char *event, const json_t *payload);

struct _Server {
    SoupServer *soup;
    SioServer *sio;
    char *url;
    Script script;
    const char *token; /* wanted; NULL: none */
    SioSocket *socket; /* the last that connected */
    guint n_connected;
    GPtrArray *names; /* of events, in the order they came */
    json_t *init;     /* the last stream:init */
    json_t *kept;     /* array of fragment:data, for scripts that answer later */
    json_t *receipts; /* array of fragment:ack */
};

static bool on_authorize(G_GNUC_UNUSED SioSocket *socket, const json_t *auth, SioRefusal *refusal,
                         void *user_data)
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

static Server *server_new(Script script)
{
    static const SioNamespaceCallbacks callbacks = {on_authorize, on_connect, on_event, NULL};
    Server *server = g_new0(Server, 1);
    g_autoptr(GError) error = NULL;
    server->script = script;
    server->names = g_ptr_array_new_with_free_func(g_free);
    server->kept = json_array();
    server->receipts = json_array();
    server->soup = soup_server_new(NULL, NULL);
    server->sio = sio_server_new(server->soup, NULL);
    sio_server_add_namespace(server->sio, "/", &callbacks, server);
    sio_server_add_namespace(server->sio, "/sts", &callbacks, server);
    const guint port = dub_http_listen(server->soup, "127.0.0.1", 0, "PORT", &error);
    g_assert_no_error(error);
    server->url = g_strdup_printf("http://127.0.0.1:%u", port);
    return server;
}

static void server_free(Server *server)
{
    g_clear_pointer(&server->socket, sio_socket_unref);
    sio_server_free(server->sio);
    soup_server_disconnect(server->soup);
    g_object_unref(server->soup);
    g_ptr_array_unref(server->names);
    json_decref(server->init);
    json_decref(server->kept);
    json_decref(server->receipts);
    g_free(server->url);
    g_free(server);
}

static guint count_events(const Server *server, const char *name)
{
    guint n = 0;
    for (guint i = 0; i < server->names->len; i++)
        n += g_str_equal(g_ptr_array_index(server->names, i), name);
    return n;
}

static void emit_ready(SioSocket *socket, int max_inflight)
{
    sio_socket_emit(
        socket, "stream:ready",
        json_pack("{s:s, s:s, s:i}", "stream_id", "demo", "session_id", "x", "max_inflight", max_inflight));
}

/* Returns: (transfer full): the answer that echoes @data. */
static json_t *echo_of(const json_t *data)
{
    return json_pack("{s:O, s:O, s:O, s:s, s:O, s:s, s:s, s:i, s:{s:i, s:i, s:i}, s:{s:i, s:f}}",
                     "fragment_id", json_object_get(data, "fragment_id"), "stream_id",
                     json_object_get(data, "stream_id"), "sequence_number",
                     json_object_get(data, "sequence_number"), "status", "success", "dubbed_audio",
                     json_object_get(data, "audio"), "transcript", "one", "translated_text", "uno",
                     "processing_time_ms", 60, "stage_timings", "asr_ms", 10, "translation_ms", 20, "tts_ms",
                     30, "metadata", "speech_start_ms", 250, "speech_end_ms", 900.5);
}

static void emit_complete(SioSocket *socket)
{
    sio_socket_emit(socket, "stream:complete",
                    json_pack("{s:s, s:i, s:i, s:{}}", "stream_id", "demo", "total_fragments", 0,
                              "total_duration_ms", 0, "statistics"));
}

/* What a good server does, bar the engines. */
static void echo_script(G_GNUC_UNUSED Server *server, SioSocket *socket, const char *event,
                        const json_t *payload)
{
    if (strcmp(event, "stream:init") == 0)
        emit_ready(socket, 5);
    else if (strcmp(event, "fragment:data") == 0)
        sio_socket_emit(socket, "fragment:processed", echo_of(payload));
    else if (strcmp(event, "stream:end") == 0)
        emit_complete(socket);
}

/* Takes fragments and leaves the answering to the test. */
static void silent_script(G_GNUC_UNUSED Server *server, SioSocket *socket, const char *event,
                          G_GNUC_UNUSED const json_t *payload)
{
    if (strcmp(event, "stream:init") == 0)
        emit_ready(socket, 3);
}

static void mute_script(G_GNUC_UNUSED Server *server, G_GNUC_UNUSED SioSocket *socket,
                        G_GNUC_UNUSED const char *event, G_GNUC_UNUSED const json_t *payload)
{
}

/* ---- our side ---- */

typedef enum {
    FREE_NEVER,
    FREE_ON_READY,
    FREE_ON_RESULT,
    FREE_ON_LOST,
    FREE_ON_FAILED,
    FREE_ON_COMPLETE
} FreeWhen;

typedef struct {
    DubSpeech *speech;
    FreeWhen free_when;
    guint n_ready, max_inflight, n_lost, last_attempt, n_complete, n_pressure;
    DubPressure pressure;
    unsigned delay_ms;
    GError *lost, *failed;
    GPtrArray *results;
} Client;

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

static const DubSpeechConfig default_config = {
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

static void client_init(Client *client, const DubSpeechConfig *config, const DubSpeechRemoteOptions *options)
{
    static const DubSpeechCallbacks callbacks = {on_ready, on_result, on_pressure,
                                                 on_lost,  on_failed, on_complete};
    client->results = g_ptr_array_new_with_free_func((GDestroyNotify) dub_speech_result_free);
    client->speech = dub_speech_remote_new(config, options, &callbacks, client);
    dub_speech_start(client->speech);
    g_assert_cmpuint(client->n_ready + client->n_lost, ==, 0); /* never from inside a call */
}

static void client_clear(Client *client)
{
    dub_speech_free(client->speech);
    g_clear_error(&client->lost);
    g_clear_error(&client->failed);
    g_ptr_array_unref(client->results);
}

static DubSpeechRemoteOptions options_for(const Server *server)
{
    DubSpeechRemoteOptions options;
    dub_speech_remote_options_init(&options);
    options.url = server->url;
    options.first_wait_ms = 20;
    return options;
}

static gboolean on_limit(void *data)
{
    *(bool *) data = true;
    return G_SOURCE_CONTINUE;
}

static guint start_limit(bool *over)
{
    *over = false;
    return g_timeout_add_seconds(LIMIT_S, on_limit, over);
}

#define WAIT_FOR(condition)                                                                                  \
    do {                                                                                                     \
        bool over;                                                                                           \
        const guint limit = start_limit(&over);                                                              \
        while (!(condition) && !over)                                                                        \
            g_main_context_iteration(NULL, TRUE);                                                            \
        g_source_remove(limit);                                                                              \
        g_assert_true(condition);                                                                            \
    } while (0)

static DubPcm *tone(unsigned rate_hz, unsigned channels, double seconds, double hz)
{
    DubPcm *pcm = dub_pcm_new(rate_hz, channels, (gsize) (seconds * rate_hz));
    for (gsize i = 0; i < pcm->n_frames * channels; i++)
        pcm->samples[i] = (float) (0.4 * sin(2 * G_PI * hz * (double) (i / channels) / rate_hz));
    return pcm;
}

static void submit(Client *client, uint64_t sequence_number)
{
    dub_speech_submit(client->speech,
                      dub_fragment_new(sequence_number, (int64_t) sequence_number * DUB_NS_PER_S,
                                       tone(RATE_HZ, 2, 1, 440)));
}

static DubSpeechResult *result_at(const Client *client, guint index)
{
    g_assert_cmpuint(index, <, client->results->len);
    return g_ptr_array_index(client->results, index);
}

static double snr_db(const DubPcm *expected, const DubPcm *actual)
{
    double signal = 0, noise = 1e-12;
    for (gsize i = 0; i < expected->n_frames * expected->channels; i++) {
        signal += (double) expected->samples[i] * expected->samples[i];
        noise += ((double) actual->samples[i] - expected->samples[i]) *
                 ((double) actual->samples[i] - expected->samples[i]);
    }
    return 10 * log10(signal / noise);
}

/* ---- the good way ---- */

static void test_init(void)
{
    Server *server = server_new(echo_script);
    Client client = {0};
    DubSpeechConfig config = default_config;
    config.voice = "alto";
    DubSpeechRemoteOptions options = options_for(server);
    options.nsp = "/sts";
    client_init(&client, &config, &options);
    WAIT_FOR(client.n_ready);
    g_assert_cmpuint(client.max_inflight, ==, 4); /* wanted 4, offered 5 */
    g_assert_cmpstr(sio_socket_get_namespace(server->socket), ==, "/sts");
    g_assert_cmpstr(sio_socket_get_header(server->socket, "X-Stream-ID"), ==, "demo");
    g_assert_cmpstr(sio_socket_get_header(server->socket, "X-Worker-ID"), ==, "worker-1");
    g_autoptr(DubJson) expected =
        json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:i, s:i, s:i, s:s}, s:i, s:i}", "stream_id", "demo",
                  "worker_id", "worker-1", "config", "source_language", "en", "target_language", "es",
                  "voice_profile", "alto", "chunk_duration_ms", 6000, "sample_rate_hz", RATE_HZ, "channels",
                  2, "format", "m4a", "max_inflight", 4, "timeout_ms", 8000);
    g_assert_true(json_equal(server->init, expected));
    client_clear(&client);
    server_free(server);
}

typedef struct {
    const char *name;
    DubFragmentFormat format;
    unsigned rate_hz, channels, wire_rate_hz;
    double min_snr_db;
} RoundTrip;

static const RoundTrip round_trips[] = {
    {"m4a-stereo", DUB_FORMAT_M4A, 44100, 2, 44100, 20},
    {"m4a-mono", DUB_FORMAT_M4A, 16000, 1, 16000, 20},
    {"pcm-stereo", DUB_FORMAT_PCM_S16LE, 48000, 2, 48000, 70},
    {"pcm-mono", DUB_FORMAT_PCM_S16LE, 22050, 1, 22050, 70},
    {"rate-that-is-none-of-the-protocol", DUB_FORMAT_PCM_S16LE, 32000, 1, 48000, 50},
};

static void test_round_trip(const void *data)
{
    const RoundTrip *c = data;
    Server *server = server_new(echo_script);
    Client client = {0};
    DubSpeechConfig config = default_config;
    config.rate_hz = c->rate_hz;
    config.channels = c->channels;
    DubSpeechRemoteOptions options = options_for(server);
    options.format = c->format;
    client_init(&client, &config, &options);
    WAIT_FOR(client.n_ready);

    g_autoptr(DubPcm) sent = tone(c->rate_hz, c->channels, 1.234, 440);
    dub_speech_submit(client.speech, dub_fragment_new(0, 7 * DUB_NS_PER_S, dub_pcm_ref(sent)));
    WAIT_FOR(client.results->len);
    const DubSpeechResult *result = result_at(&client, 0);
    g_assert_cmpint(result->status, ==, DUB_SPEECH_SUCCESS);
    g_assert_cmpuint(result->dub->rate_hz, ==, c->rate_hz);
    g_assert_cmpuint(result->dub->channels, ==, c->channels);
    g_assert_cmpuint(result->dub->n_frames, ==, sent->n_frames);
    g_assert_cmpfloat(snr_db(sent, result->dub), >, c->min_snr_db);
    g_assert_cmpstr(result->transcript, ==, "one");
    g_assert_cmpstr(result->translated_text, ==, "uno");
    g_assert_cmpfloat(result->asr_ms, ==, 10);
    g_assert_cmpfloat(result->mt_ms, ==, 20);
    g_assert_cmpfloat(result->tts_ms, ==, 30);
    g_assert_cmpfloat(result->processing_ms, ==, 60);
    g_assert_cmpint(result->speech_start_ns, ==, 250 * DUB_NS_PER_MS);
    g_assert_cmpint(result->speech_end_ns, ==, 900500 * DUB_NS_PER_US);

    const json_t *fragment = json_array_get(server->kept, 0), *audio = json_object_get(fragment, "audio");
    g_assert_cmpint(json_integer_value(json_object_get(audio, "sample_rate_hz")), ==, c->wire_rate_hz);
    g_assert_cmpint(json_integer_value(json_object_get(audio, "duration_ms")), ==, 1234);
    g_assert_cmpint(json_integer_value(json_object_get(json_object_get(fragment, "metadata"), "pts_ns")), ==,
                    7 * DUB_NS_PER_S);
    client_clear(&client);
    server_free(server);
}

static void test_receipts(void)
{
    Server *server = server_new(echo_script);
    Client client = {0};
    const DubSpeechRemoteOptions options = options_for(server);
    client_init(&client, &default_config, &options);
    WAIT_FOR(client.n_ready);
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
    g_assert_cmpstr(json_string_value(json_object_get(json_array_get(server->receipts, 2), "status")), ==,
                    "received");
    client_clear(&client);
    server_free(server);
}

/* Whatever order the answers have, results have theirs. */
static void test_order(void)
{
    Server *server = server_new(silent_script);
    Client client = {0};
    const DubSpeechRemoteOptions options = options_for(server);
    client_init(&client, &default_config, &options);
    WAIT_FOR(client.n_ready);
    for (uint64_t i = 0; i < 3; i++)
        submit(&client, i);
    WAIT_FOR(json_array_size(server->kept) == 3);
    for (guint i = 0; i < 3; i++) /* sent in order */
        g_assert_cmpint(
            json_integer_value(json_object_get(json_array_get(server->kept, i), "sequence_number")), ==, i);
    for (int i = 2; i >= 0; i--)
        sio_socket_emit(server->socket, "fragment:processed",
                        echo_of(json_array_get(server->kept, (size_t) i)));
    WAIT_FOR(client.results->len == 3);
    for (guint i = 0; i < 3; i++)
        g_assert_cmpuint(result_at(&client, i)->sequence_number, ==, i);
    client_clear(&client);
    server_free(server);
}

static void test_end(void)
{
    Server *server = server_new(echo_script);
    Client client = {0};
    const DubSpeechRemoteOptions options = options_for(server);
    client_init(&client, &default_config, &options);
    WAIT_FOR(client.n_ready);
    submit(&client, 0);
    submit(&client, 1);
    dub_speech_end(client.speech);
    WAIT_FOR(client.n_complete);
    g_assert_cmpuint(client.results->len, ==, 2); /* all of them, first */
    g_assert_cmpuint(client.n_lost, ==, 0);
    g_assert_cmpstr(g_ptr_array_index(server->names, server->names->len - 1), !=, "fragment:data");
    g_assert_cmpuint(count_events(server, "stream:end"), ==, 1);
    client_clear(&client);
    server_free(server);
}

static void test_end_without_complete(void)
{
    Server *server = server_new(silent_script);
    Client client = {0};
    DubSpeechRemoteOptions options = options_for(server);
    options.complete_timeout_ms = 50;
    client_init(&client, &default_config, &options);
    WAIT_FOR(client.n_ready);
    dub_speech_end(client.speech);
    WAIT_FOR(client.n_complete);
    g_assert_cmpuint(count_events(server, "stream:end"), ==, 1);
    client_clear(&client);
    server_free(server);
}

static void test_end_before_ready(void)
{
    Server *server = server_new(mute_script);
    Client client = {0};
    const DubSpeechRemoteOptions options = options_for(server);
    client_init(&client, &default_config, &options);
    dub_speech_end(client.speech);
    g_assert_cmpuint(client.n_complete, ==, 0); /* never from inside a call */
    WAIT_FOR(client.n_complete);
    client_clear(&client);
    server_free(server);
}

static void test_end_with_loss(void)
{
    Server *server = server_new(silent_script);
    Client client = {0};
    const DubSpeechRemoteOptions options = options_for(server);
    client_init(&client, &default_config, &options);
    WAIT_FOR(client.n_ready);
    submit(&client, 0);
    dub_speech_end(client.speech);
    WAIT_FOR(count_events(server, "stream:end"));
    sio_socket_close_connection(server->socket);
    WAIT_FOR(client.n_complete);
    g_assert_cmpuint(client.n_lost, ==, 1);
    g_assert_cmpuint(client.results->len, ==, 0);
    g_assert_cmpuint(server->n_connected, ==, 1);
    client_clear(&client);
    server_free(server);
}

/* ---- answers that are none ---- */

typedef struct {
    const char *name;
    const char *event, *fields; /* of the answer, beside the ids; ' stands for " */
    DubSpeechStatus status;
    const char *code, *message;
    bool retryable;
} Answer;

#define NO_AUDIO(bytes)                                                                                      \
    "'status':'success','dubbed_audio':{'format':'m4a','sample_rate_hz':48000,'channels':1,'duration_ms':"   \
    "1000,"                                                                                                  \
    "'data_base64':'" bytes "'}"

static const Answer answers[] = {
    {"failed", "fragment:processed",
     "'status':'failed','error':{'code':'MODEL_ERROR','message':'no','stage':'asr','retryable':true}",
     DUB_SPEECH_FAILED, "MODEL_ERROR", "no", true},
    {"failed-for-good", "fragment:processed",
     "'status':'failed','error':{'code':'DURATION_MISMATCH_EXCEEDED','message':'long','retryable':false}",
     DUB_SPEECH_FAILED, "DURATION_MISMATCH_EXCEEDED", "long", false},
    {"failed-without-a-word", "fragment:processed", "'status':'failed'", DUB_SPEECH_FAILED, "MODEL_ERROR",
     NULL, true},
    {"partial-without-audio", "fragment:processed", "'status':'partial'", DUB_SPEECH_FAILED, "MODEL_ERROR",
     NULL, true},
    {"success-without-audio", "fragment:processed", "'status':'success'", DUB_SPEECH_FAILED, "INVALID_AUDIO",
     "fragment:processed: dubbed_audio: missing", false},
    {"no-base64", "fragment:processed", NO_AUDIO("*"), DUB_SPEECH_FAILED, "INVALID_AUDIO",
     "fragment:processed: dubbed_audio.data_base64: not base64", false},
    {"no-container", "fragment:processed", NO_AUDIO("AAECAwQFBgc="), DUB_SPEECH_FAILED, "INVALID_AUDIO",
     "dubbed audio is neither MP4, ADTS nor WAV", false},
    {"status-unknown", "fragment:processed", "'status':'great'", DUB_SPEECH_FAILED, "INVALID_AUDIO",
     "fragment:processed: status: \"great\" is not one of success, partial, failed", false},
    {"error-event", "error",
     "'code':'BACKPRESSURE_EXCEEDED','message':'full','severity':'warning','retryable':true",
     DUB_SPEECH_FAILED, "BACKPRESSURE_EXCEEDED", "full", true},
};

static json_t *answer_of(const Answer *c, const json_t *data)
{
    g_autofree char *text = g_strdup_printf("{%s}", c->fields);
    g_strdelimit(text, "'", '"');
    json_t *answer = json_loads(text, 0, NULL);
    g_assert_nonnull(answer);
    json_object_set(answer, "fragment_id", json_object_get(data, "fragment_id"));
    json_object_set(answer, "stream_id", json_object_get(data, "stream_id"));
    json_object_set(answer, "sequence_number", json_object_get(data, "sequence_number"));
    return answer;
}

static void test_answer(const void *data)
{
    const Answer *c = data;
    Server *server = server_new(silent_script);
    Client client = {0};
    const DubSpeechRemoteOptions options = options_for(server);
    client_init(&client, &default_config, &options);
    WAIT_FOR(client.n_ready);
    submit(&client, 0);
    submit(&client, 1);
    WAIT_FOR(json_array_size(server->kept) == 2);
    sio_socket_emit(server->socket, c->event, answer_of(c, json_array_get(server->kept, 0)));
    sio_socket_emit(server->socket, "fragment:processed", echo_of(json_array_get(server->kept, 1)));
    WAIT_FOR(client.results->len == 2);
    const DubSpeechResult *result = result_at(&client, 0);
    g_assert_cmpint(result->status, ==, (int) c->status);
    g_assert_cmpstr(result->error_code, ==, c->code);
    g_assert_cmpstr(result->error_message, ==, c->message);
    g_assert_true(result->retryable == c->retryable);
    g_assert_null(result->dub);
    g_assert_cmpint(result_at(&client, 1)->status, ==,
                    DUB_SPEECH_SUCCESS); /* one bad answer spoils no other */
    client_clear(&client);
    server_free(server);
}

static void test_partial(void)
{
    Server *server = server_new(silent_script);
    Client client = {0};
    const DubSpeechRemoteOptions options = options_for(server);
    client_init(&client, &default_config, &options);
    WAIT_FOR(client.n_ready);
    submit(&client, 0);
    WAIT_FOR(json_array_size(server->kept) == 1);
    json_t *answer = echo_of(json_array_get(server->kept, 0));
    json_object_set_new(answer, "status", json_string("partial"));
    json_object_set_new(answer, "metadata",
                        json_pack("{s:i, s:i}", "speech_start_ms", 900, "speech_end_ms", 100));
    sio_socket_emit(server->socket, "fragment:processed", answer);
    WAIT_FOR(client.results->len == 1);
    g_assert_cmpint(result_at(&client, 0)->status, ==, DUB_SPEECH_PARTIAL);
    g_assert_nonnull(result_at(&client, 0)->dub);
    g_assert_cmpint(result_at(&client, 0)->speech_start_ns, ==, -1); /* it makes no sense */
    client_clear(&client);
    server_free(server);
}

static void test_timeout(void)
{
    Server *server = server_new(silent_script);
    Client client = {0};
    DubSpeechConfig config = default_config;
    config.timeout_ms = 1000;
    const DubSpeechRemoteOptions options = options_for(server);
    client_init(&client, &config, &options);
    WAIT_FOR(client.n_ready);
    submit(&client, 0);
    submit(&client, 1);
    WAIT_FOR(json_array_size(server->kept) == 2);
    sio_socket_emit(server->socket, "fragment:processed", echo_of(json_array_get(server->kept, 1)));
    WAIT_FOR(client.results->len == 2); /* 1 waits for 0, which never comes */
    g_assert_cmpint(result_at(&client, 0)->status, ==, DUB_SPEECH_FAILED);
    g_assert_cmpstr(result_at(&client, 0)->error_code, ==, "TIMEOUT");
    g_assert_true(result_at(&client, 0)->retryable);
    g_assert_cmpint(result_at(&client, 1)->status, ==, DUB_SPEECH_SUCCESS);

    sio_socket_emit(server->socket, "fragment:processed",
                    echo_of(json_array_get(server->kept, 0))); /* late */
    submit(&client, 2);
    WAIT_FOR(json_array_size(server->kept) == 3);
    sio_socket_emit(server->socket, "fragment:processed", echo_of(json_array_get(server->kept, 2)));
    WAIT_FOR(client.results->len == 3);
    g_assert_cmpuint(result_at(&client, 2)->sequence_number, ==, 2);
    const DubSpeechRemoteStats stats = dub_speech_remote_stats(client.speech);
    g_assert_cmpuint(stats.sent, ==, 3);
    g_assert_cmpuint(stats.answered, ==, 2);
    g_assert_cmpuint(stats.timed_out, ==, 1);
    g_assert_cmpuint(stats.late, ==, 1);
    client_clear(&client);
    server_free(server);
}

/* A careless caller gets answers too, and the service is not flooded. */
static void test_too_many(void)
{
    Server *server = server_new(silent_script);
    Client client = {0};
    DubSpeechConfig config = default_config;
    config.timeout_ms = 1000;
    const DubSpeechRemoteOptions options = options_for(server);
    client_init(&client, &config, &options);
    WAIT_FOR(client.n_ready);
    for (uint64_t i = 0; i < 80; i++)
        dub_speech_submit(client.speech, dub_fragment_new(i, 0, dub_pcm_new(RATE_HZ, 2, 1000)));
    WAIT_FOR(client.results->len == 80);
    g_assert_cmpstr(result_at(&client, 63)->error_code, ==, "TIMEOUT");
    g_assert_cmpstr(result_at(&client, 64)->error_code, ==, "QUEUE_FULL");
    client_clear(&client);
    server_free(server);
}

static void test_pressure(void)
{
    Server *server = server_new(silent_script);
    Client client = {0};
    const DubSpeechRemoteOptions options = options_for(server);
    client_init(&client, &default_config, &options);
    WAIT_FOR(client.n_ready);
    sio_socket_emit(server->socket, "backpressure",
                    json_pack("{s:s, s:s, s:s, s:i, s:i, s:i}", "stream_id", "demo", "severity", "medium",
                              "action", "slow_down", "current_inflight", 5, "queue_depth", 2,
                              "recommended_delay_ms", 250));
    WAIT_FOR(client.n_pressure == 1);
    g_assert_cmpint(client.pressure, ==, DUB_PRESSURE_SLOW_DOWN);
    g_assert_cmpuint(client.delay_ms, ==, 250);
    sio_socket_emit(server->socket, "backpressure", json_string("nonsense")); /* is ignored */
    sio_socket_emit(server->socket, "backpressure",
                    json_pack("{s:s, s:s, s:s, s:i, s:i}", "stream_id", "demo", "severity", "high", "action",
                              "pause", "current_inflight", 9, "queue_depth", 6));
    WAIT_FOR(client.n_pressure == 2);
    g_assert_cmpint(client.pressure, ==, DUB_PRESSURE_PAUSE);
    g_assert_cmpuint(client.delay_ms, ==, 0);
    sio_socket_close_connection(server->socket);
    WAIT_FOR(client.n_ready == 2); /* a new link begins without pressure */
    g_assert_cmpint(client.pressure, ==, DUB_PRESSURE_NONE);
    client_clear(&client);
    server_free(server);
}

/* ---- links that break ---- */

static void test_reconnect(void)
{
    Server *server = server_new(silent_script);
    Client client = {0};
    const DubSpeechRemoteOptions options = options_for(server);
    client_init(&client, &default_config, &options);
    WAIT_FOR(client.n_ready);
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
    g_assert_cmpint(result_at(&client, 0)->status, ==, DUB_SPEECH_SUCCESS);
    g_assert_cmpuint(dub_speech_remote_stats(client.speech).losses, ==, 1);
    client_clear(&client);
    server_free(server);
}

static void test_given_up(void)
{
    Server *server = server_new(mute_script);
    Client client = {0};
    DubSpeechRemoteOptions options = options_for(server);
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

static void test_ready_timeout(void)
{
    Server *server = server_new(mute_script);
    Client client = {0};
    DubSpeechRemoteOptions options = options_for(server);
    options.ready_timeout_ms = 300;
    client_init(&client, &default_config, &options);
    WAIT_FOR(client.n_lost == 1);
    g_assert_error(client.lost, DUB_ERROR, DUB_ERROR_TIMEOUT);
    server->script = echo_script;
    WAIT_FOR(client.n_ready == 1);
    g_assert_cmpuint(server->n_connected, ==, 2);
    client_clear(&client);
    server_free(server);
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
    {"config", "INVALID_CONFIG", DUB_ERROR_INVALID_ARGUMENT},
    {"voice", "INVALID_VOICE_PROFILE", DUB_ERROR_INVALID_ARGUMENT},
    {"auth", "AUTH_FAILED", DUB_ERROR_AUTH},
    {"unknown", "SOMETHING_NEW", DUB_ERROR_ENGINE},
    {"busy", "RATE_LIMIT_EXCEEDED", -1},
};

static void test_refusal(const void *data)
{
    const Refusal *c = data;
    refusal_code = c->code;
    Server *server = server_new(refusing_script);
    Client client = {0};
    const DubSpeechRemoteOptions options = options_for(server);
    client_init(&client, &default_config, &options);
    WAIT_FOR(client.failed || client.n_lost);
    if (c->error >= 0) {
        g_assert_error(client.failed, DUB_ERROR, c->error);
        g_assert_nonnull(strstr(client.failed->message, "because"));
        g_assert_cmpuint(client.n_lost, ==, 0);
    } else {
        server->script = echo_script;
        WAIT_FOR(client.n_ready == 1);
    }
    client_clear(&client);
    server_free(server);
}

typedef struct {
    const char *name, *token;
    bool allowed;
} Token;

static const Token tokens[] = {{"right", "sesame", true}, {"wrong", "open", false}, {"none", NULL, false}};

static void test_token(const void *data)
{
    const Token *c = data;
    Server *server = server_new(echo_script);
    server->token = "sesame";
    Client client = {0};
    DubSpeechRemoteOptions options = options_for(server);
    options.token = c->token;
    client_init(&client, &default_config, &options);
    WAIT_FOR(client.failed || client.n_ready || client.n_lost);
    g_assert_true(client.n_ready == c->allowed);
    if (!c->allowed)
        g_assert_error(client.failed, DUB_ERROR, DUB_ERROR_AUTH);
    client_clear(&client);
    server_free(server);
}

/* The service ends the stream itself, as when it is shut down: what is in flight still counts, then the link
 * is made anew. */
static void test_ended_by_service(void)
{
    Server *server = server_new(silent_script);
    Client client = {0};
    const DubSpeechRemoteOptions options = options_for(server);
    client_init(&client, &default_config, &options);
    WAIT_FOR(client.n_ready);
    submit(&client, 0);
    WAIT_FOR(json_array_size(server->kept) == 1);
    sio_socket_emit(server->socket, "fragment:processed", echo_of(json_array_get(server->kept, 0)));
    emit_complete(server->socket);
    WAIT_FOR(client.n_lost == 1);
    g_assert_cmpuint(client.results->len, ==, 1);
    WAIT_FOR(client.n_ready == 2);
    client_clear(&client);
    server_free(server);
}

/* ---- freed at any time ---- */

typedef struct {
    const char *name;
    FreeWhen when;
    Script script;
} Freed;

static const Freed freed[] = {
    {"on-ready", FREE_ON_READY, echo_script},       {"on-result", FREE_ON_RESULT, echo_script},
    {"on-lost", FREE_ON_LOST, silent_script},       {"on-failed", FREE_ON_FAILED, refusing_script},
    {"on-complete", FREE_ON_COMPLETE, echo_script},
};

static void test_freed(const void *data)
{
    const Freed *c = data;
    refusal_code = "INVALID_CONFIG";
    Server *server = server_new(c->script);
    Client client = {.free_when = c->when};
    const DubSpeechRemoteOptions options = options_for(server);
    client_init(&client, &default_config, &options);
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
    client_clear(&client);
    server_free(server);
}

/* With work on the thread and bytes on the wire. */
static void test_freed_busy(void)
{
    Server *server = server_new(echo_script);
    for (int round = 0; round < 10; round++) {
        Client client = {0};
        const DubSpeechRemoteOptions options = options_for(server);
        client_init(&client, &default_config, &options);
        WAIT_FOR(client.n_ready);
        for (uint64_t i = 0; i < 4; i++)
            submit(&client, i);
        for (int i = 0; i < round; i++)
            g_main_context_iteration(NULL, TRUE);
        client_clear(&client);
    }
    server_free(server);
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
    const guint port = dub_http_listen(soup, "127.0.0.1", 0, "PORT", &error);
    g_assert_no_error(error);

    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u", port);
    DubSpeechRemoteOptions options;
    dub_speech_remote_options_init(&options);
    options.url = url;
    Client client = {0};
    client_init(&client, &default_config, &options);
    WAIT_FOR(client.n_ready);
    g_autoptr(DubPcm) sent = tone(RATE_HZ, 2, 1, 440);
    for (uint64_t i = 0; i < 3; i++)
        submit(&client, i);
    dub_speech_end(client.speech);
    WAIT_FOR(client.n_complete);
    g_assert_cmpuint(client.results->len, ==, 3);
    for (guint i = 0; i < 3; i++) {
        g_assert_cmpint(result_at(&client, i)->status, ==, DUB_SPEECH_SUCCESS);
        g_assert_cmpuint(result_at(&client, i)->dub->n_frames, ==, sent->n_frames);
        g_assert_cmpfloat(snr_db(sent, result_at(&client, i)->dub), >, 20);
    }
    client_clear(&client);
    sio_server_free(sio);
    dub_sts_service_free(service);
    soup_server_disconnect(soup);
}

static void add_rows(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(round_trips); i++) {
        g_autofree char *path = g_strconcat("/speech/remote/round-trip/", round_trips[i].name, NULL);
        g_test_add_data_func(path, &round_trips[i], test_round_trip);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(answers); i++) {
        g_autofree char *path = g_strconcat("/speech/remote/answer/", answers[i].name, NULL);
        g_test_add_data_func(path, &answers[i], test_answer);
    }
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
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_rows();
    g_test_add_func("/speech/remote/init", test_init);
    g_test_add_func("/speech/remote/receipts", test_receipts);
    g_test_add_func("/speech/remote/order", test_order);
    g_test_add_func("/speech/remote/end", test_end);
    g_test_add_func("/speech/remote/end-without-complete", test_end_without_complete);
    g_test_add_func("/speech/remote/end-before-ready", test_end_before_ready);
    g_test_add_func("/speech/remote/end-with-loss", test_end_with_loss);
    g_test_add_func("/speech/remote/partial", test_partial);
    g_test_add_func("/speech/remote/timeout", test_timeout);
    g_test_add_func("/speech/remote/too-many", test_too_many);
    g_test_add_func("/speech/remote/pressure", test_pressure);
    g_test_add_func("/speech/remote/reconnect", test_reconnect);
    g_test_add_func("/speech/remote/given-up", test_given_up);
    g_test_add_func("/speech/remote/ready-timeout", test_ready_timeout);
    g_test_add_func("/speech/remote/ended-by-service", test_ended_by_service);
    g_test_add_func("/speech/remote/freed-busy", test_freed_busy);
    g_test_add_func("/speech/remote/sts-service", test_sts_service);
    return g_test_run();
}

/* What the remote backend makes of answers that are none, late, or too many, and of backpressure. */
#include "remote-peer.h"

#include <string.h>

typedef struct {
    const char *name;
    const char *event, *fields; /* of the answer, beside the ids; ' stands for " */
    DubProcessedStatus status;
    const char *code, *message;
    bool retryable;
} Answer;

#define NO_AUDIO(bytes)                                                                                    \
    "'status':'success','dubbed_audio':{'format':'m4a','sample_rate_hz':48000,'channels':1,'duration_ms':" \
    "1000,"                                                                                                \
    "'data_base64':'" bytes "'}"

static const Answer answers[] = {
    { "failed", "fragment:processed",
      "'status':'failed','error':{'code':'MODEL_ERROR','message':'no','stage':'asr','retryable':true}",
      DUB_PROCESSED_FAILED, "MODEL_ERROR", "no", true },
    { "failed-for-good", "fragment:processed",
      "'status':'failed','error':{'code':'DURATION_MISMATCH_EXCEEDED','message':'long','retryable':false}",
      DUB_PROCESSED_FAILED, "DURATION_MISMATCH_EXCEEDED", "long", false },
    { "failed-without-a-word", "fragment:processed", "'status':'failed'", DUB_PROCESSED_FAILED, "MODEL_ERROR", "",
      true },
    { "failed-without-a-code", "fragment:processed", "'status':'failed','error':{'message':'no'}", DUB_PROCESSED_FAILED,
      "MODEL_ERROR", "no", true },
    { "partial-without-audio", "fragment:processed", "'status':'partial'", DUB_PROCESSED_FAILED, "MODEL_ERROR", "",
      true },
    { "success-without-audio", "fragment:processed", "'status':'success'", DUB_PROCESSED_FAILED, "INVALID_AUDIO",
      "fragment:processed: dubbed_audio: missing", false },
    { "no-base64", "fragment:processed", NO_AUDIO("*"), DUB_PROCESSED_FAILED, "INVALID_AUDIO",
      "fragment:processed: dubbed_audio.data_base64: not base64", false },
    { "no-container", "fragment:processed", NO_AUDIO("AAECAwQFBgc="), DUB_PROCESSED_FAILED, "INVALID_AUDIO",
      "dubbed audio is neither MP4, ADTS nor WAV", false },
    { "status-unknown", "fragment:processed", "'status':'great'", DUB_PROCESSED_FAILED, "INVALID_AUDIO",
      "fragment:processed: status: \"great\" is not one of success, partial, failed", false },
    { "error-event", "error", "'code':'BACKPRESSURE_EXCEEDED','message':'full','severity':'warning','retryable':true",
      DUB_PROCESSED_FAILED, "BACKPRESSURE_EXCEEDED", "full", true },
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
    Client client = { 0 };
    Server *server = serve_ready(&client, silent_script, NULL, NULL);
    submit(&client, 0);
    submit(&client, 1);
    WAIT_FOR(json_array_size(server->kept) == 2);
    sio_socket_emit(server->socket, c->event, answer_of(c, json_array_get(server->kept, 0)));
    sio_socket_emit(server->socket, "fragment:processed", echo_of(json_array_get(server->kept, 1)));
    WAIT_FOR(client.results->len == 2);
    const DubSpeechResult *result = result_at(&client, 0);
    g_assert_cmpint(result->answer->status, ==, (int) c->status);
    g_assert_cmpstr(result->answer->error_code, ==, c->code);
    g_assert_cmpstr(result->answer->error_message, ==, c->message);
    g_assert_true(result->answer->error_retryable == c->retryable);
    g_assert_null(result->dub);
    g_assert_cmpint(result_at(&client, 1)->answer->status, ==,
                    DUB_PROCESSED_SUCCESS); /* one bad answer spoils no other */
    end(&client, server);
}

static void test_partial(void)
{
    Client client = { 0 };
    Server *server = serve_ready(&client, silent_script, NULL, NULL);
    submit(&client, 0);
    WAIT_FOR(json_array_size(server->kept) == 1);
    json_t *answer = echo_of(json_array_get(server->kept, 0));
    json_object_set_new(answer, "status", json_string("partial"));
    json_object_set_new(answer, "metadata", json_pack("{s:i, s:i}", "speech_start_ms", 900, "speech_end_ms", 100));
    sio_socket_emit(server->socket, "fragment:processed", answer);
    WAIT_FOR(client.results->len == 1);
    g_assert_cmpint(result_at(&client, 0)->answer->status, ==, DUB_PROCESSED_PARTIAL);
    g_assert_nonnull(result_at(&client, 0)->dub);
    int64_t start_ns, end_ns;
    g_assert_false(dub_speech_result_span(result_at(&client, 0), &start_ns, &end_ns)); /* it makes no sense */
    g_assert_cmpint(start_ns, ==, -1);
    end(&client, server);
}

static void test_timeout(void)
{
    Client client = { 0 };
    DubSpeechConfig config = default_config;
    config.timeout_ms = 1000;
    Server *server = serve_ready(&client, silent_script, &config, NULL);
    submit(&client, 0);
    submit(&client, 1);
    WAIT_FOR(json_array_size(server->kept) == 2);
    sio_socket_emit(server->socket, "fragment:processed", echo_of(json_array_get(server->kept, 1)));
    WAIT_FOR(client.results->len == 2); /* 1 waits for 0, which never comes */
    g_assert_cmpint(result_at(&client, 0)->answer->status, ==, DUB_PROCESSED_FAILED);
    g_assert_cmpstr(result_at(&client, 0)->answer->error_code, ==, "TIMEOUT");
    g_assert_true(result_at(&client, 0)->answer->error_retryable);
    g_assert_cmpint(result_at(&client, 1)->answer->status, ==, DUB_PROCESSED_SUCCESS);

    sio_socket_emit(server->socket, "fragment:processed", echo_of(json_array_get(server->kept, 0))); /* late */
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
    end(&client, server);
}

/* A careless caller gets answers too, and the service is not flooded. */
static void test_too_many(void)
{
    Client client = { 0 };
    DubSpeechConfig config = default_config;
    config.timeout_ms = 1000;
    Server *server = serve_ready(&client, silent_script, &config, NULL);
    for (uint64_t i = 0; i < 80; i++)
        dub_speech_submit(client.speech, dub_fragment_new(i, 0, dub_pcm_new(RATE_HZ, 2, 1000)));
    WAIT_FOR(client.results->len == 80);
    g_assert_cmpstr(result_at(&client, 63)->answer->error_code, ==, "TIMEOUT");
    g_assert_cmpstr(result_at(&client, 64)->answer->error_code, ==, "QUEUE_FULL");
    end(&client, server);
}

static void test_pressure(void)
{
    Client client = { 0 };
    Server *server = serve_ready(&client, silent_script, NULL, NULL);
    sio_socket_emit(server->socket, "backpressure",
                    json_pack("{s:s, s:s, s:s, s:i, s:i, s:i}", "stream_id", "demo", "severity", "medium", "action",
                              "slow_down", "current_inflight", 5, "queue_depth", 2, "recommended_delay_ms", 250));
    WAIT_FOR(client.n_pressure == 1);
    g_assert_cmpint(client.pressure, ==, DUB_PRESSURE_SLOW_DOWN);
    g_assert_cmpuint(client.delay_ms, ==, 250);
    sio_socket_emit(server->socket, "backpressure", json_string("nonsense")); /* is ignored */
    sio_socket_emit(server->socket, "backpressure",
                    json_pack("{s:s, s:s, s:s, s:i, s:i}", "stream_id", "demo", "severity", "high", "action", "pause",
                              "current_inflight", 9, "queue_depth", 6));
    WAIT_FOR(client.n_pressure == 2);
    g_assert_cmpint(client.pressure, ==, DUB_PRESSURE_PAUSE);
    g_assert_cmpuint(client.delay_ms, ==, 0);
    sio_socket_close_connection(server->socket);
    WAIT_FOR(client.n_ready == 2); /* a new link begins without pressure */
    g_assert_cmpint(client.pressure, ==, DUB_PRESSURE_NONE);
    end(&client, server);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(answers); i++) {
        g_autofree char *path = g_strconcat("/speech/remote/answer/", answers[i].name, NULL);
        g_test_add_data_func(path, &answers[i], test_answer);
    }
    g_test_add_func("/speech/remote/partial", test_partial);
    g_test_add_func("/speech/remote/timeout", test_timeout);
    g_test_add_func("/speech/remote/too-many", test_too_many);
    g_test_add_func("/speech/remote/pressure", test_pressure);
    return g_test_run();
}

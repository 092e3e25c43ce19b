/* Unit tests of sts/session: each wrong payload gets its error. */
#include "session-rig.h"

typedef struct {
    const char *name, *event, *payload, *code, *message;
} Refusal;

static const Refusal before_init[] = {
    { "none", "stream:init", NULL, "INVALID_CONFIG", "stream:init: payload: not an object" },
    { "not-an-object", "stream:init", "[]", "INVALID_CONFIG", "stream:init: payload: not an object" },
    { "no-stream-id", "stream:init", "{'worker_id':'w'}", "INVALID_CONFIG", "stream:init: stream_id: missing" },
    { "stream-id-type", "stream:init", "{'stream_id':1}", "INVALID_CONFIG", "stream:init: stream_id: not a string" },
    { "stream-id-empty", "stream:init", "{'stream_id':''}", "INVALID_CONFIG", "stream:init: stream_id: empty" },
    { "no-worker-id", "stream:init", "{'stream_id':'s'}", "INVALID_CONFIG", "stream:init: worker_id: missing" },
    { "config-type", "stream:init", "{'stream_id':'s','worker_id':'w','config':5}", "INVALID_CONFIG",
      "stream:init: config: not an object" },
    { "language", "stream:init", "{'stream_id':'s','worker_id':'w','config':{'target_language':'e s'}}",
      "INVALID_CONFIG", "stream:init: config.target_language: \"e s\" is not a language code like \"es\"" },
    { "chunk-low", "stream:init", "{'stream_id':'s','worker_id':'w','config':{'chunk_duration_ms':99}}",
      "INVALID_CONFIG", "stream:init: config.chunk_duration_ms: 99 is not within 100 and 30000" },
    { "chunk-high", "stream:init", "{'stream_id':'s','worker_id':'w','config':{'chunk_duration_ms':30001}}",
      "INVALID_CONFIG", "stream:init: config.chunk_duration_ms: 30001 is not within 100 and 30000" },
    { "rate", "stream:init", "{'stream_id':'s','worker_id':'w','config':{'sample_rate_hz':8000}}", "INVALID_CONFIG",
      "stream:init: config.sample_rate_hz: 8000 is not one of 16000, 22050, 44100, 48000" },
    { "channels", "stream:init", "{'stream_id':'s','worker_id':'w','config':{'channels':3}}", "INVALID_CONFIG",
      "stream:init: config.channels: 3 is not within 1 and 2" },
    { "format", "stream:init", "{'stream_id':'s','worker_id':'w','config':{'format':'mp3'}}", "INVALID_CONFIG",
      "stream:init: config.format: \"mp3\" is not one of m4a, pcm_s16le" },
    { "inflight-low", "stream:init", "{'stream_id':'s','worker_id':'w','max_inflight':0}", "INVALID_CONFIG",
      "stream:init: max_inflight: 0 is not within 1 and 10" },
    { "inflight-high", "stream:init", "{'stream_id':'s','worker_id':'w','max_inflight':11}", "INVALID_CONFIG",
      "stream:init: max_inflight: 11 is not within 1 and 10" },
    { "timeout", "stream:init", "{'stream_id':'s','worker_id':'w','timeout_ms':999}", "INVALID_CONFIG",
      "stream:init: timeout_ms: 999 is not within 1000 and 30000" },
    { "data-before-init", "fragment:data", FRAGMENT(AUDIO), "STREAM_NOT_FOUND",
      "stream_id: the stream was never initialised on this connection, or has ended" },
    { "pause-before-init", "stream:pause", "{'stream_id':'s'}", "STREAM_NOT_FOUND",
      "stream_id: the stream was never initialised on this connection, or has ended" },
    { "end-before-init", "stream:end", "{'stream_id':'s'}", "STREAM_NOT_FOUND",
      "stream_id: the stream was never initialised on this connection, or has ended" },
    { "ack-without-id", "fragment:ack", "{'status':'applied'}", "INVALID_CONFIG",
      "fragment:ack: fragment_id: missing" },
    { "ack-status", "fragment:ack", "{'fragment_id':'f','status':'eaten'}", "INVALID_CONFIG",
      "fragment:ack: status: \"eaten\" is not one of received, applied" },
};

static const Refusal after_init[] = {
    { "init-again", "stream:init", HI, "INVALID_CONFIG",
      "stream:init: stream_id: this connection carries the stream s already; end it first" },
    { "other-stream", "fragment:data", "{'fragment_id':'f','stream_id':'other'}", "STREAM_NOT_FOUND",
      "stream_id: this connection carries the stream s" },
    { "pause-other", "stream:pause", "{'stream_id':'other'}", "STREAM_NOT_FOUND",
      "stream_id: this connection carries the stream s" },
    { "pause-nothing", "stream:pause", "{}", "INVALID_CONFIG", "stream:pause: stream_id: missing" },
    { "end-type", "stream:end", "{'stream_id':'s','reason':4}", "INVALID_CONFIG", "stream:end: reason: not a string" },
    { "no-fragment-id", "fragment:data", "{'stream_id':'s'}", "INVALID_CONFIG", "fragment:data: fragment_id: missing" },
    { "no-stream-id", "fragment:data", "{'fragment_id':'f'}", "INVALID_CONFIG", "fragment:data: stream_id: missing" },
    { "no-number", "fragment:data", "{'fragment_id':'f','stream_id':'s','timestamp':1," AUDIO "}", "INVALID_CONFIG",
      "fragment:data: sequence_number: missing" },
    { "negative", "fragment:data", "{'fragment_id':'f','stream_id':'s','sequence_number':-1," AUDIO "}",
      "INVALID_CONFIG", "fragment:data: sequence_number: -1 is not within 0 and 9007199254740991" },
    { "no-timestamp", "fragment:data", "{'fragment_id':'f','stream_id':'s','sequence_number':0," AUDIO "}",
      "INVALID_CONFIG", "fragment:data: timestamp: missing" },
    { "no-audio", "fragment:data", FRAGMENT("'x':1"), "INVALID_CONFIG", "fragment:data: audio: missing" },
    { "audio-type", "fragment:data", FRAGMENT("'audio':[]"), "INVALID_CONFIG", "fragment:data: audio: not an object" },
    { "no-format", "fragment:data", FRAGMENT("'audio':{}"), "INVALID_CONFIG", "fragment:data: audio.format: missing" },
    { "no-rate", "fragment:data", FRAGMENT("'audio':{'format':'m4a'}"), "INVALID_CONFIG",
      "fragment:data: audio.sample_rate_hz: missing" },
    { "no-channels", "fragment:data", FRAGMENT("'audio':{'format':'m4a','sample_rate_hz':48000}"), "INVALID_CONFIG",
      "fragment:data: audio.channels: missing" },
    { "no-duration", "fragment:data", FRAGMENT("'audio':{'format':'m4a','sample_rate_hz':48000,'channels':1}"),
      "INVALID_CONFIG", "fragment:data: audio.duration_ms: missing" },
    { "duration-high", "fragment:data",
      FRAGMENT("'audio':{'format':'m4a','sample_rate_hz':48000,'channels':1,'duration_ms':60001}"), "INVALID_CONFIG",
      "fragment:data: audio.duration_ms: 60001 is not within 0 and 60000" },
    { "no-data", "fragment:data",
      FRAGMENT("'audio':{'format':'m4a','sample_rate_hz':48000,'channels':1,'duration_ms':1}"), "INVALID_CONFIG",
      "fragment:data: audio.data_base64: missing" },
    { "base64-alphabet", "fragment:data",
      FRAGMENT("'audio':{'format':'m4a','sample_rate_hz':48000,'channels':1,'duration_ms':1,'data_base64':'A-A='}"),
      "INVALID_AUDIO", "fragment:data: audio.data_base64: not base64" },
    { "base64-length", "fragment:data",
      FRAGMENT("'audio':{'format':'m4a','sample_rate_hz':48000,'channels':1,'duration_ms':1,'data_base64':'AAAAA'}"),
      "INVALID_AUDIO", "fragment:data: audio.data_base64: not base64" },
    { "base64-padding", "fragment:data",
      FRAGMENT("'audio':{'format':'m4a','sample_rate_hz':48000,'channels':1,'duration_ms':1,'data_base64':'A==='}"),
      "INVALID_AUDIO", "fragment:data: audio.data_base64: not base64" },
    { "metadata-type", "fragment:data", FRAGMENT(AUDIO ",'metadata':'x'"), "INVALID_CONFIG",
      "fragment:data: metadata: not an object" },
};

static void check_refusal(Rig *rig, const Refusal *c)
{
    send_event(rig, c->event, c->payload);
    expect_error(rig, c->code, c->message);
    g_assert_cmpuint(rig->processing->len, ==, 0);
}

static void test_before_init(const void *data)
{
    Rig rig;
    set_up(&rig, false);
    check_refusal(&rig, data);
    g_assert_cmpuint(rig.opened, ==, 0);
    open_with(&rig, HI, 1); /* nothing is broken by it */
    tear_down(&rig);
}

static void test_after_init(const void *data)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, HI, 1);
    check_refusal(&rig, data);
    take(&rig, 0, 1);
    expect(&rig, "fragment:ack", "{'fragment_id':'f0','status':'queued','queue_position':0}");
    tear_down(&rig);
}

static void test_unknown_event(void)
{
    Rig rig;
    set_up(&rig, false);
    g_assert_false(dub_sts_session_event(rig.session, "stream:sing", NULL, 0));
    tear_down(&rig);
}

static void test_too_large(void)
{
    Rig rig;
    set_up(&rig, false);
    open_with(&rig, HI, 1);
    const gsize at_most = 10 * 1024 * 1024; /* 3 divides 10 MiB + 2 */
    for (gsize bytes = at_most - 1; bytes <= at_most + 2; bytes += 3) {
        g_autofree char *text = g_strnfill(bytes / 3 * 4, 'A');
        g_autoptr(DubJson) payload = from_text(FRAGMENT(AUDIO));
        json_object_set_new(json_object_get(payload, "audio"), "data_base64", json_string(text));
        dub_sts_session_event(rig.session, "fragment:data", payload, 0);
        if (bytes <= at_most)
            expect(&rig, "fragment:ack", "{}");
        else
            expect(&rig, "error", "{'code':'FRAGMENT_TOO_LARGE','fragment_id':'f','retryable':false}");
    }
    g_autofree char *no_base64 = g_strnfill(at_most / 3 * 4 + 8, '?'); /* too long is too long, whatever it holds */
    g_autoptr(DubJson) payload = from_text(FRAGMENT(AUDIO));
    json_object_set_new(json_object_get(payload, "audio"), "data_base64", json_string(no_base64));
    dub_sts_session_event(rig.session, "fragment:data", payload, 0);
    expect(&rig, "error", "{'code':'FRAGMENT_TOO_LARGE','fragment_id':'f','retryable':false}");
    tear_down(&rig);
}

static void add_refusals(const char *group, const Refusal *cases, gsize n, GTestDataFunc test)
{
    for (gsize i = 0; i < n; i++) {
        g_autofree char *path = g_strdup_printf("/sts/session/%s/%s/%s", group, cases[i].event, cases[i].name);
        g_test_add_data_func(path, &cases[i], test);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_refusals("before-init", before_init, G_N_ELEMENTS(before_init), test_before_init);
    add_refusals("after-init", after_init, G_N_ELEMENTS(after_init), test_after_init);
    g_test_add_func("/sts/session/unknown-event", test_unknown_event);
    g_test_add_func("/sts/session/too-large", test_too_large);
    return g_test_run();
}

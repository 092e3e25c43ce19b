/* Every event of the protocol: valid, each needed field missing, each wrong type, each value out of range,
 * with the exact error; and what is written is read back as it was. In the tables ' stands for ". */
#include "base/error.h"
#include "wire/events.h"
#include "wire/sts-messages.h"
#include "wire/worker-messages.h"
#include "wire/traceparent.h"

#include <string.h>

typedef struct {
    const char *name;
    void *(*parse)(const DubJson *payload, GError **error);
    DubJson *(*to_json)(const void *message);
    void (*free)(void *message);
} Kind;

#define KIND(name, prefix)                                                                     \
    {                                                                                          \
        name, (void *(*) (const DubJson *, GError **) ) prefix##_parse,                        \
            (DubJson * (*) (const void *) ) prefix##_to_json, (void (*)(void *)) prefix##_free \
    }

enum {
    INIT,
    DATA,
    RECEIPT,
    CONTROL,
    SIMULATION,
    READY,
    ACK,
    PROCESSED,
    BACKPRESSURE,
    COMPLETE,
    ERROR,
    SIMULATION_ACK,
    DISCONNECT,
    DISCONNECT_ACK
};
static const Kind kinds[] = {
    [INIT] = KIND("stream-init", dub_stream_init),
    [DATA] = KIND("fragment-data", dub_fragment_data),
    [RECEIPT] = KIND("fragment-ack-of-worker", dub_fragment_receipt),
    [CONTROL] = KIND("stream-control", dub_stream_control),
    [SIMULATION] = KIND("error-simulation", dub_error_simulation),
    [READY] = KIND("stream-ready", dub_stream_ready),
    [ACK] = KIND("fragment-ack", dub_fragment_ack),
    [PROCESSED] = KIND("fragment-processed", dub_fragment_processed),
    [BACKPRESSURE] = KIND("backpressure", dub_backpressure),
    [COMPLETE] = KIND("stream-complete", dub_stream_complete),
    [ERROR] = KIND("error", dub_error_event),
    [SIMULATION_ACK] = KIND("error-simulation-ack", dub_error_simulation_ack),
    [DISCONNECT] = KIND("disconnect-simulation", dub_disconnect_simulation),
    [DISCONNECT_ACK] = KIND("disconnect-ack", dub_disconnect_ack),
};

#define AUDIO    "{'format':'m4a','sample_rate_hz':48000,'channels':2,'duration_ms':6000,'data_base64':'AAEC'}"
#define IDS      "'stream_id':'s','worker_id':'w'"
#define FRAGMENT "'fragment_id':'f','stream_id':'s','sequence_number':0"

/* What comes out again is @text itself, or @written where there is one. */
typedef struct {
    const char *name;
    int kind;
    const char *text, *written;
} Good;

static const Good good[] = {
    { "defaults", INIT, "{" IDS "}",
      "{" IDS ",'config':{'source_language':'en','target_language':'es','voice_profile':'default',"
      "'chunk_duration_ms':6000,'sample_rate_hz':48000,'channels':2,'format':'m4a'},'max_inflight':3,'timeout_"
      "ms':8000}" },
    { "all", INIT,
      "{" IDS ",'config':{'source_language':'pt-BR','target_language':'de','voice_profile':'rms',"
      "'chunk_duration_ms':100,'sample_rate_hz':16000,'channels':1,'format':'pcm_s16le'},'max_inflight':10,"
      "'timeout_ms':30000}",
      NULL },
    { "null-is-absent-unknown-is-ignored", INIT,
      "{" IDS ",'config':{'channels':null,'later':[1]},'max_inflight':null,'extra':{'x':1}}",
      "{" IDS ",'config':{'source_language':'en','target_language':'es','voice_profile':'default',"
      "'chunk_duration_ms':6000,'sample_rate_hz':48000,'channels':2,'format':'m4a'},'max_inflight':3,'timeout_"
      "ms':8000}" },
    { "minimal", DATA, "{" FRAGMENT ",'timestamp':1,'audio':" AUDIO "}", NULL },
    { "metadata", DATA, "{" FRAGMENT ",'timestamp':1700000000000,'audio':" AUDIO ",'metadata':{'pts_ns':12,'x':[]}}",
      NULL },
    { "fractional-timestamp", DATA, "{" FRAGMENT ",'timestamp':1700000000000.6,'audio':" AUDIO "}",
      "{" FRAGMENT ",'timestamp':1700000000001,'audio':" AUDIO "}" },
    { "highest-sequence-number", DATA,
      "{'fragment_id':'f','stream_id':'s','sequence_number':9007199254740991,'timestamp':0,'audio':" AUDIO "}", NULL },
    { "no-bytes", DATA,
      "{" FRAGMENT ",'timestamp':0,'audio':{'format':'aac','sample_rate_hz':8000,'channels':2,'duration_ms':0,"
      "'data_base64':''}}",
      NULL },
    { "received", RECEIPT, "{'fragment_id':'f','status':'received','timestamp':5}", NULL },
    { "applied", RECEIPT, "{'fragment_id':'f','status':'applied','timestamp':5}", NULL },
    { "plain", CONTROL, "{'stream_id':'s'}", NULL },
    { "reason", CONTROL, "{'stream_id':'s','reason':''}", NULL },
    { "off", SIMULATION, "{'enabled':false}", "{'enabled':false,'rules':[]}" },
    { "rules", SIMULATION,
      "{'enabled':true,'rules':[{'trigger':'sequence_number','value':0,'error_code':'TIMEOUT','retryable':"
      "true},"
      "{'trigger':'fragment_id','value':'f','error_code':'X','error_message':'m','retryable':false,'stage':'"
      "asr'},"
      "{'trigger':'nth_fragment','value':3,'error_code':'GPU_OOM','retryable':true,'stage':'tts'}]}",
      NULL },
    { "plain", READY, "{'stream_id':'s','session_id':'x','max_inflight':3}",
      "{'stream_id':'s','session_id':'x','max_inflight':3,'capabilities':{'batch_processing':false,"
      "'async_delivery':false}}" },
    { "more-capabilities", READY,
      "{'stream_id':'s','session_id':'x','max_inflight':10,'capabilities':{'batch_processing':true,'async_"
      "delivery':true,"
      "'echo':true}}",
      "{'stream_id':'s','session_id':'x','max_inflight':10,'capabilities':{'batch_processing':true,"
      "'async_delivery':true}}" },
    { "queued", ACK, "{'fragment_id':'f','status':'queued','queue_position':2,'estimated_completion_ms':900}", NULL },
    { "processing", ACK, "{'fragment_id':'f','status':'processing'}", NULL },
    { "success", PROCESSED,
      "{" FRAGMENT ",'status':'success','dubbed_audio':" AUDIO ",'transcript':'one','translated_text':'uno',"
      "'processing_time_ms':12,'stage_timings':{'asr_ms':1,'translation_ms':2,'tts_ms':3},'metadata':{'asr_"
      "model':'m'}}",
      NULL },
    { "failed", PROCESSED,
      "{" FRAGMENT
      ",'status':'failed','processing_time_ms':8000,'error':{'code':'TIMEOUT','message':'late','stage':'asr',"
      "'retryable':true}}",
      NULL },
    { "failed-retryable-not-told", PROCESSED, "{" FRAGMENT ",'status':'failed','error':{'code':'GPU_OOM'}}",
      "{" FRAGMENT ",'status':'failed','processing_time_ms':0,'error':{'code':'GPU_OOM','retryable':true}}" },
    { "failed-no-error", PROCESSED, "{" FRAGMENT ",'status':'failed','error':null}",
      "{" FRAGMENT ",'status':'failed','processing_time_ms':0}" },
    { "pause", BACKPRESSURE,
      "{'stream_id':'s','severity':'high','action':'pause','current_inflight':9,'queue_depth':6,"
      "'recommended_delay_ms':500}",
      NULL },
    { "recovery", BACKPRESSURE,
      "{'stream_id':'s','severity':'low','action':'none','current_inflight':0,'queue_depth':0,'recommended_"
      "delay_ms':null}",
      "{'stream_id':'s','severity':'low','action':'none','current_inflight':0,'queue_depth':0}" },
    { "all", COMPLETE,
      "{'stream_id':'s','total_fragments':3,'total_duration_ms':18000,'statistics':{'success_count':1,'"
      "partial_count':1,"
      "'failed_count':1,'avg_processing_time_ms':10,'p95_processing_time_ms':20}}",
      NULL },
    { "all", ERROR,
      "{'error_id':'e','stream_id':'s','fragment_id':'f','code':'STREAM_PAUSED','message':'m','severity':'"
      "error',"
      "'retryable':true,'metadata':{'a':1}}",
      NULL },
    { "code-alone", ERROR, "{'code':'QUEUE_FULL'}",
      "{'code':'QUEUE_FULL','message':'','severity':'warning','retryable':true}" },
    { "unknown-code", ERROR, "{'code':'NEW_ONE'}",
      "{'code':'NEW_ONE','message':'','severity':'error','retryable':false}" },
    { "accepted", SIMULATION_ACK, "{'status':'accepted','rules_count':0}", NULL },
    { "rejected", SIMULATION_ACK, "{'status':'rejected','error_message':'no'}", NULL },
    { "at-once", DISCONNECT, "{}", "{'delay_ms':0}" },
    { "latest", DISCONNECT, "{'delay_ms':600000}", NULL },
    { "scheduled", DISCONNECT_ACK, "{'status':'scheduled','disconnect_at_ms':1700000000000}", NULL },
    { "rejected", DISCONNECT_ACK, "{'status':'rejected','error_message':'no'}", NULL },
};

typedef struct {
    const char *name;
    int kind;
    const char *text, *message;
    DubErrorCode code; /* 0: DUB_ERROR_INVALID_ARGUMENT */
} Bad;

#define WITH_CONFIG(fields) "{" IDS ",'config':{" fields "}}"
#define WITH_AUDIO(fields)  "{" FRAGMENT ",'timestamp':1,'audio':{" fields "}}"
#define LONG_ID                                                        \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0"

static const Bad bad[] = {
    { "not-an-object", INIT, "[1]", "payload: not an object" },
    { "not-even-an-array", INIT, "null", "payload: not an object" },
    { "no-stream-id", INIT, "{'worker_id':'w'}", "stream_id: missing" },
    { "null-stream-id", INIT, "{'stream_id':null,'worker_id':'w'}", "stream_id: missing" },
    { "stream-id-number", INIT, "{'stream_id':1,'worker_id':'w'}", "stream_id: not a string" },
    { "stream-id-empty", INIT, "{'stream_id':'','worker_id':'w'}", "stream_id: empty" },
    { "stream-id-long", INIT, "{'stream_id':'" LONG_ID "','worker_id':'w'}", "stream_id: longer than 128 bytes" },
    { "no-worker-id", INIT, "{'stream_id':'s'}", "worker_id: missing" },
    { "config-array", INIT, "{" IDS ",'config':[]}", "config: not an object" },
    { "language-number", INIT, WITH_CONFIG("'source_language':7"), "config.source_language: not a string" },
    { "language-empty", INIT, WITH_CONFIG("'source_language':''"), "config.source_language: empty" },
    { "language-words", INIT, WITH_CONFIG("'target_language':'e s'"),
      "config.target_language: \"e s\" is not a language code like \"es\"" },
    { "voice-number", INIT, WITH_CONFIG("'voice_profile':1"), "config.voice_profile: not a string" },
    { "chunk-low", INIT, WITH_CONFIG("'chunk_duration_ms':99"),
      "config.chunk_duration_ms: 99 is not within 100 and 30000" },
    { "chunk-high", INIT, WITH_CONFIG("'chunk_duration_ms':30001"),
      "config.chunk_duration_ms: 30001 is not within 100 and 30000" },
    { "chunk-fraction", INIT, WITH_CONFIG("'chunk_duration_ms':600.5"), "config.chunk_duration_ms: not an integer" },
    { "rate-odd", INIT, WITH_CONFIG("'sample_rate_hz':44000"),
      "config.sample_rate_hz: 44000 is not one of 16000, 22050, 44100, 48000" },
    { "rate-text", INIT, WITH_CONFIG("'sample_rate_hz':'48000'"), "config.sample_rate_hz: not an integer" },
    { "channels-3", INIT, WITH_CONFIG("'channels':3"), "config.channels: 3 is not within 1 and 2" },
    { "channels-0", INIT, WITH_CONFIG("'channels':0"), "config.channels: 0 is not within 1 and 2" },
    { "format-other", INIT, WITH_CONFIG("'format':'mp3'"), "config.format: \"mp3\" is not one of m4a, pcm_s16le" },
    { "format-prefix", INIT, WITH_CONFIG("'format':'m4'"), "config.format: \"m4\" is not one of m4a, pcm_s16le" },
    { "inflight-0", INIT, "{" IDS ",'max_inflight':0}", "max_inflight: 0 is not within 1 and 10" },
    { "inflight-11", INIT, "{" IDS ",'max_inflight':11}", "max_inflight: 11 is not within 1 and 10" },
    { "timeout-999", INIT, "{" IDS ",'timeout_ms':999}", "timeout_ms: 999 is not within 1000 and 30000" },
    { "timeout-bool", INIT, "{" IDS ",'timeout_ms':true}", "timeout_ms: not an integer" },

    { "no-fragment-id", DATA, "{'stream_id':'s','sequence_number':0,'timestamp':1,'audio':" AUDIO "}",
      "fragment_id: missing" },
    { "no-stream-id", DATA, "{'fragment_id':'f','sequence_number':0,'timestamp':1,'audio':" AUDIO "}",
      "stream_id: missing" },
    { "no-sequence-number", DATA, "{'fragment_id':'f','stream_id':'s','timestamp':1,'audio':" AUDIO "}",
      "sequence_number: missing" },
    { "sequence-negative", DATA,
      "{'fragment_id':'f','stream_id':'s','sequence_number':-1,'timestamp':1,'audio':" AUDIO "}",
      "sequence_number: -1 is not within 0 and 9007199254740991" },
    { "no-timestamp", DATA, "{" FRAGMENT ",'audio':" AUDIO "}", "timestamp: missing" },
    { "timestamp-text", DATA, "{" FRAGMENT ",'timestamp':'1','audio':" AUDIO "}", "timestamp: not a number" },
    { "timestamp-minus-one", DATA, "{" FRAGMENT ",'timestamp':-1,'audio':" AUDIO "}",
      "timestamp: -1 is not within 0 and 1e+15" },
    { "timestamp-negative", DATA, "{" FRAGMENT ",'timestamp':-5,'audio':" AUDIO "}",
      "timestamp: -5 is not within 0 and 1e+15" },
    { "timestamp-huge", DATA, "{" FRAGMENT ",'timestamp':1e300,'audio':" AUDIO "}",
      "timestamp: 1e+300 is not within 0 and 1e+15" },
    { "no-audio", DATA, "{" FRAGMENT ",'timestamp':1}", "audio: missing" },
    { "audio-text", DATA, "{" FRAGMENT ",'timestamp':1,'audio':'AAEC'}", "audio: not an object" },
    { "no-format", DATA, WITH_AUDIO("'sample_rate_hz':48000,'channels':2,'duration_ms':6000,'data_base64':''"),
      "audio.format: missing" },
    { "format-empty", DATA, WITH_AUDIO("'format':''"), "audio.format: empty" },
    { "format-long", DATA, WITH_AUDIO("'format':'" LONG_ID "'"), "audio.format: longer than 64 bytes" },
    { "no-rate", DATA, WITH_AUDIO("'format':'m4a','channels':2,'duration_ms':6000,'data_base64':''"),
      "audio.sample_rate_hz: missing" },
    { "rate-low", DATA, WITH_AUDIO("'format':'m4a','sample_rate_hz':1"),
      "audio.sample_rate_hz: 1 is not within 8000 and 96000" },
    { "rate-high", DATA, WITH_AUDIO("'format':'m4a','sample_rate_hz':96001"),
      "audio.sample_rate_hz: 96001 is not within 8000 and 96000" },
    { "no-channels", DATA, WITH_AUDIO("'format':'m4a','sample_rate_hz':48000"), "audio.channels: missing" },
    { "channels-3", DATA, WITH_AUDIO("'format':'m4a','sample_rate_hz':48000,'channels':3"),
      "audio.channels: 3 is not within 1 and 2" },
    { "no-duration", DATA, WITH_AUDIO("'format':'m4a','sample_rate_hz':48000,'channels':2"),
      "audio.duration_ms: missing" },
    { "duration-long", DATA, WITH_AUDIO("'format':'m4a','sample_rate_hz':48000,'channels':2,'duration_ms':60001"),
      "audio.duration_ms: 60001 is not within 0 and 60000" },
    { "no-data", DATA, WITH_AUDIO("'format':'m4a','sample_rate_hz':48000,'channels':2,'duration_ms':6"),
      "audio.data_base64: missing" },
    { "data-number", DATA,
      WITH_AUDIO("'format':'m4a','sample_rate_hz':48000,'channels':2,'duration_ms':6,'data_base64':1"),
      "audio.data_base64: not a string" },
    { "data-short", DATA,
      WITH_AUDIO("'format':'m4a','sample_rate_hz':48000,'channels':2,'duration_ms':6,'data_base64':'AAE'"),
      "audio.data_base64: not base64", DUB_ERROR_CORRUPT },
    { "data-alphabet", DATA,
      WITH_AUDIO("'format':'m4a','sample_rate_hz':48000,'channels':2,'duration_ms':6,'data_base64':'AA-_'"),
      "audio.data_base64: not base64", DUB_ERROR_CORRUPT },
    { "data-padding-inside", DATA,
      WITH_AUDIO("'format':'m4a','sample_rate_hz':48000,'channels':2,'duration_ms':6,'data_base64':'A===AAAA'"),
      "audio.data_base64: not base64", DUB_ERROR_CORRUPT },
    { "metadata-array", DATA, "{" FRAGMENT ",'timestamp':1,'audio':" AUDIO ",'metadata':[]}",
      "metadata: not an object" },

    { "no-fragment-id", RECEIPT, "{'status':'applied','timestamp':5}", "fragment_id: missing" },
    { "no-status", RECEIPT, "{'fragment_id':'f','timestamp':5}", "status: missing" },
    { "status-other", RECEIPT, "{'fragment_id':'f','status':'queued','timestamp':5}",
      "status: \"queued\" is not one of received, applied" },
    { "no-timestamp", RECEIPT, "{'fragment_id':'f','status':'applied'}", "timestamp: missing" },
    { "no-stream-id", CONTROL, "{'reason':'over'}", "stream_id: missing" },
    { "reason-number", CONTROL, "{'stream_id':'s','reason':1}", "reason: not a string" },

    { "simulation-nothing", SIMULATION, "null", "payload: not an object" },
    { "no-enabled", SIMULATION, "{'rules':[]}", "enabled: missing" },
    { "enabled-number", SIMULATION, "{'enabled':1,'rules':[]}", "enabled: not true or false" },
    { "no-rules", SIMULATION, "{'enabled':true}", "rules: missing" },
    { "rules-object", SIMULATION, "{'enabled':true,'rules':{}}", "rules: not an array" },
    { "rule-text", SIMULATION, "{'enabled':true,'rules':['x']}", "rules[0]: not an object" },
    { "no-trigger", SIMULATION, "{'enabled':true,'rules':[{'value':1,'error_code':'X'}]}",
      "rules[0].trigger: missing" },
    { "trigger-other", SIMULATION, "{'enabled':true,'rules':[{'trigger':'always','value':1,'error_code':'X'}]}",
      "rules[0].trigger: \"always\" is not one of sequence_number, fragment_id, nth_fragment" },
    { "no-value", SIMULATION, "{'enabled':true,'rules':[{'trigger':'nth_fragment','error_code':'X'}]}",
      "rules[0].value: missing" },
    { "every-0th", SIMULATION, "{'enabled':true,'rules':[{'trigger':'nth_fragment','value':0,'error_code':'X'}]}",
      "rules[0].value: 0 is not within 1 and 9007199254740991" },
    { "id-number", SIMULATION, "{'enabled':true,'rules':[{'trigger':'fragment_id','value':0,'error_code':'X'}]}",
      "rules[0].value: not a string" },
    { "second-rule", SIMULATION,
      "{'enabled':true,'rules':[{'trigger':'fragment_id','value':'f','error_code':'X'},"
      "{'trigger':'fragment_id','value':'f'}]}",
      "rules[1].error_code: missing" },
    { "stage-other", SIMULATION,
      "{'enabled':true,'rules':[{'trigger':'fragment_id','value':'f','error_code':'X','stage':'mt'}]}",
      "rules[0].stage: \"mt\" is not one of asr, translation, tts" },

    { "no-stream-id", READY, "{'session_id':'x','max_inflight':3}", "stream_id: missing" },
    { "no-session-id", READY, "{'stream_id':'s','max_inflight':3}", "session_id: missing" },
    { "no-inflight", READY, "{'stream_id':'s','session_id':'x'}", "max_inflight: missing" },
    { "inflight-0", READY, "{'stream_id':'s','session_id':'x','max_inflight':0}",
      "max_inflight: 0 is not within 1 and 10" },
    { "capability-text", READY,
      "{'stream_id':'s','session_id':'x','max_inflight':1,'capabilities':{'batch_processing':'no'}}",
      "capabilities.batch_processing: not true or false" },
    { "no-fragment-id", ACK, "{'status':'queued'}", "fragment_id: missing" },
    { "status-other", ACK, "{'fragment_id':'f','status':'applied'}",
      "status: \"applied\" is not one of queued, processing" },
    { "position-negative", ACK, "{'fragment_id':'f','status':'queued','queue_position':-2}",
      "queue_position: -2 is not within 0 and 9007199254740991" },
    { "no-sequence-number", PROCESSED, "{'fragment_id':'f','stream_id':'s','status':'failed'}",
      "sequence_number: missing" },
    { "no-status", PROCESSED, "{" FRAGMENT "}", "status: missing" },
    { "no-dub", PROCESSED, "{" FRAGMENT ",'status':'success'}", "dubbed_audio: missing" },
    { "dub-no-base64", PROCESSED,
      "{" FRAGMENT ",'status':'success','dubbed_audio':{'format':'m4a','sample_rate_hz':48000,'channels':2,"
      "'duration_ms':6,'data_base64':'***='}}",
      "dubbed_audio.data_base64: not base64", DUB_ERROR_CORRUPT },
    { "transcript-array", PROCESSED, "{" FRAGMENT ",'status':'failed','transcript':[]}", "transcript: not a string" },
    { "timings-number", PROCESSED, "{" FRAGMENT ",'status':'failed','stage_timings':5}",
      "stage_timings: not an object" },
    { "error-text", PROCESSED, "{" FRAGMENT ",'status':'failed','error':'bad'}", "error: not an object" },
    { "severity-other", BACKPRESSURE, "{'stream_id':'s','severity':'max','action':'none'}",
      "severity: \"max\" is not one of low, medium, high" },
    { "no-action", BACKPRESSURE, "{'stream_id':'s','severity':'low'}", "action: missing" },
    { "delay-text", BACKPRESSURE, "{'stream_id':'s','severity':'low','action':'none','recommended_delay_ms':'5'}",
      "recommended_delay_ms: not a number" },
    { "no-total", COMPLETE, "{'stream_id':'s'}", "total_fragments: missing" },
    { "no-code", ERROR, "{'message':'m'}", "code: missing" },
    { "severity-other", ERROR, "{'code':'X','severity':'bad'}",
      "severity: \"bad\" is not one of warning, error, fatal" },
    { "no-status", SIMULATION_ACK, "{}", "status: missing" },
    { "delay-long", DISCONNECT, "{'delay_ms':600001}", "delay_ms: 600001 is not within 0 and 600000" },
    { "delay-text", DISCONNECT, "{'delay_ms':'soon'}", "delay_ms: not an integer" },
    { "no-status", DISCONNECT_ACK, "{}", "status: missing" },
};

static DubJson *json_of(const char *text)
{
    g_autofree char *quoted = g_strdelimit(g_strdup(text), "'", '"');
    g_autoptr(GError) error = NULL;
    DubJson *value = dub_json_parse(quoted, strlen(quoted), &error);
    g_assert_no_error(error);
    return value;
}

static void test_good(const void *data)
{
    const Good *c = data;
    const Kind *kind = &kinds[c->kind];
    g_autoptr(GError) error = NULL;
    g_autoptr(DubJson) payload = json_of(c->text);
    g_autoptr(DubJson) expected = json_of(c->written ? c->written : c->text);
    void *message = kind->parse(payload, &error);
    g_assert_no_error(error);
    g_autoptr(DubJson) written = kind->to_json(message);
    kind->free(message);
    g_autofree char *expected_text = json_dumps(expected, JSON_SORT_KEYS);
    g_autofree char *written_text = json_dumps(written, JSON_SORT_KEYS);
    g_assert_cmpstr(written_text, ==, expected_text);
}

static void test_bad(const void *data)
{
    const Bad *c = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(DubJson) payload = json_of(c->text);
    void *message = kinds[c->kind].parse(payload, &error);
    g_assert_null(message);
    g_assert_error(error, DUB_ERROR, (int) (c->code ? c->code : DUB_ERROR_INVALID_ARGUMENT));
    g_assert_cmpstr(error->message, ==, c->message);
}

/* Any bytes survive; too many of them are told from too odd ones. */
static void test_audio_bytes(void)
{
    for (gsize size = 0; size < 300; size += 1 + size / 5) {
        g_autofree guint8 *data = g_malloc(size + 1);
        for (gsize i = 0; i < size; i++)
            data[i] = (guint8) (i * 37 + size);
        g_autoptr(GBytes) bytes = g_bytes_new(data, size);
        g_autoptr(DubWireAudio) audio = dub_wire_audio_new("m4a", 48000, 2, 6000, bytes);
        g_autoptr(DubJson) payload = json_pack("{s:o}", "audio", dub_wire_audio_to_json(audio));
        g_autoptr(DubWireAudio) read = dub_wire_audio_parse(payload, "audio", NULL);
        g_assert_nonnull(read);
        g_assert_cmpuint(read->n_bytes, ==, size);
        g_autoptr(GBytes) back = dub_wire_audio_decode(read);
        g_assert_true(g_bytes_equal(bytes, back));
    }
}

/* Each byte at each place of a text of several blocks and a rest: in RFC 4648's alphabet, or refused. */
static void test_base64_alphabet(void)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char text[92];
    for (gsize place = 0; place < sizeof text; place++) {
        for (guint c = 1; c < 256; c++) {
            memset(text, 'A', sizeof text);
            text[place] = (char) c;
            const bool is_padding = c == '=' && place == sizeof text - 1;
            g_autoptr(DubJson) payload =
                json_pack("{s:{s:s, s:i, s:i, s:i, s:o}}", "audio", "format", "m4a", "sample_rate_hz", 48000,
                          "channels", 2, "duration_ms", 6, "data_base64", json_stringn_nocheck(text, sizeof text));
            g_autoptr(DubWireAudio) read = dub_wire_audio_parse(payload, "audio", NULL);
            g_assert_true(!!read == (strchr(alphabet, (int) c) || is_padding));
        }
    }
}

typedef struct {
    const char *name;
    gsize n_bytes;
    bool allowed;
} Size;

static const Size sizes[] = {
    { "largest", DUB_WIRE_MAX_AUDIO_BYTES, true },
    { "one-more", DUB_WIRE_MAX_AUDIO_BYTES + 1, false },
};

static void test_audio_size(const void *data)
{
    const Size *c = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = g_bytes_new_take(g_malloc0(c->n_bytes), c->n_bytes);
    g_autoptr(DubWireAudio) audio = dub_wire_audio_new("m4a", 48000, 2, 6000, bytes);
    g_autoptr(DubJson) payload = json_pack("{s:o}", "audio", dub_wire_audio_to_json(audio));
    g_autoptr(DubWireAudio) read = dub_wire_audio_parse(payload, "audio", &error);
    g_assert_true(!!read == c->allowed);
    if (!c->allowed) {
        g_assert_error(error, DUB_ERROR, DUB_ERROR_NO_SPACE);
        g_assert_cmpstr(dub_wire_code_of_error(error), ==, "FRAGMENT_TOO_LARGE");
        g_assert_true(g_str_has_prefix(error->message, "audio.data_base64: 10485761 bytes"));
    }
}

typedef struct {
    const char *code;
    DubSeverity severity;
    bool retryable;
} ErrorKind;

static const ErrorKind error_kinds[] = {
    /* PROTOCOL.md, "Error codes", once more by hand */
    { "AUTH_FAILED", DUB_SEVERITY_FATAL, false },
    { "STREAM_NOT_FOUND", DUB_SEVERITY_ERROR, false },
    { "STREAM_PAUSED", DUB_SEVERITY_ERROR, true },
    { "FRAGMENT_TOO_LARGE", DUB_SEVERITY_ERROR, false },
    { "TIMEOUT", DUB_SEVERITY_ERROR, true },
    { "QUEUE_FULL", DUB_SEVERITY_WARNING, true },
    { "RATE_LIMIT_EXCEEDED", DUB_SEVERITY_WARNING, true },
    { "DURATION_MISMATCH_EXCEEDED", DUB_SEVERITY_ERROR, false },
    { "NOT_IN_THE_TABLE", DUB_SEVERITY_ERROR, false },
};

static void test_error_kind(const void *data)
{
    const ErrorKind *c = data;
    g_autoptr(DubErrorEvent) event = dub_error_event_new_for(c->code, "s", NULL, "why");
    g_autoptr(DubJson) payload = dub_error_event_to_json(event);
    g_autoptr(DubErrorEvent) read = dub_error_event_parse(payload, NULL);
    g_assert_cmpint(read->severity, ==, (int) c->severity);
    g_assert_true(read->retryable == c->retryable);
    g_assert_cmpstr(read->message, ==, "why");
    g_assert_null(read->fragment_id);
    g_assert_cmpuint(strlen(read->error_id), ==, 36);
}

/* Text from outside that is no UTF-8 does not make a message that cannot be sent. */
static void test_invalid_utf8_is_mended(void)
{
    g_autoptr(DubErrorEvent) event = dub_error_event_new_for("TIMEOUT", "s", NULL,
                                                             "a\xff"
                                                             "b");
    g_autoptr(DubJson) payload = dub_error_event_to_json(event);
    g_assert_cmpstr(json_string_value(json_object_get(payload, "message")), ==,
                    "a\xef\xbf\xbd"
                    "b");
}

static const struct {
    const char *text;
    bool valid;
} traceparents[] = {
    { "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true },
    { "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff", true },
    { "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true },         /* a later version */
    { "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-is", true }, /* and what it adds */
    { "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-is", false },
    { "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.", false },
    { "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false },
    { "00-00000000000000000000000000000000-00f067aa0ba902b7-01", false },
    { "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false },
    { "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false },
    { "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0", false },
    { "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01", false },
    { "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g", false },
    { "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false },
    { "0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011", false },
    { "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\n", false },
    { "", false },
    { "secret", false },
};

static void test_traceparent(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(traceparents); i++) {
        g_test_message("%s", traceparents[i].text);
        g_assert_cmpint(dub_traceparent_is_valid(traceparents[i].text), ==, traceparents[i].valid);
        g_autoptr(DubJson) metadata = json_pack("{s:s}", "traceparent", traceparents[i].text);
        g_assert_cmpstr(dub_traceparent_of(metadata), ==, traceparents[i].valid ? traceparents[i].text : NULL);
    }
    g_autofree char *endless = g_strdup_printf("cc-%032d-%016d-01-%0500d", 1, 1, 1);
    g_assert_false(dub_traceparent_is_valid(endless));
    g_assert_null(dub_traceparent_of(NULL));
    g_autoptr(DubJson) number = json_pack("{s:i}", "traceparent", 5);
    g_assert_null(dub_traceparent_of(number));
}

/* Also with what it holds already: a failure keeps its message under another code. */
static void test_processed_fail(void)
{
    g_autoptr(DubFragmentProcessed) answer = dub_fragment_processed_new();
    dub_fragment_processed_fail(answer, "MODEL_ERROR", "asr", true, NULL);
    g_assert_cmpint(answer->status, ==, DUB_PROCESSED_FAILED);
    g_assert_cmpstr(answer->error_code, ==, "MODEL_ERROR");
    g_assert_cmpstr(answer->error_message, ==, "");
    g_assert_true(answer->error_retryable);
    dub_fragment_processed_fail(answer, "TIMEOUT", "tts", true, "too slow");
    dub_fragment_processed_fail(answer, "INVALID_AUDIO", answer->error_stage, false, answer->error_message);
    g_assert_cmpstr(answer->error_code, ==, "INVALID_AUDIO");
    g_assert_cmpstr(answer->error_stage, ==, "tts");
    g_assert_cmpstr(answer->error_message, ==, "too slow");
    g_assert_false(answer->error_retryable);
}

typedef struct {
    const char *name, *metadata; /* ' stands for " */
    bool is_known;
    double start_ms, end_ms;
} Span;

static const Span spans[] = {
    { "told", "{'speech_start_ms':250,'speech_end_ms':900.5}", true, 250, 900.5 },
    { "all-of-it", "{'speech_start_ms':0,'speech_end_ms':0}", true, 0, 0 },
    { "nothing", "{}", false, -1, -1 },
    { "no-end", "{'speech_start_ms':250}", false, -1, -1 },
    { "no-number", "{'speech_start_ms':'soon','speech_end_ms':900}", false, -1, -1 },
    { "backwards", "{'speech_start_ms':900,'speech_end_ms':250}", false, -1, -1 },
    { "before-it", "{'speech_start_ms':-1,'speech_end_ms':250}", false, -1, -1 },
    { "endless", "{'speech_start_ms':0,'speech_end_ms':1e12}", false, -1, -1 },
};

static void test_processed_span(const void *data)
{
    const Span *c = data;
    g_autofree char *text = g_strdelimit(g_strdup(c->metadata), "'", '"');
    g_autoptr(DubFragmentProcessed) answer = dub_fragment_processed_new();
    double start_ms = 0, end_ms = 0;
    g_assert_false(dub_fragment_processed_speech(answer, &start_ms, &end_ms)); /* no metadata at all */
    answer->metadata = json_loads(text, 0, NULL);
    g_assert_cmpint(dub_fragment_processed_speech(answer, &start_ms, &end_ms), ==, c->is_known);
    if (c->is_known) {
        g_assert_cmpfloat(start_ms, ==, c->start_ms);
        g_assert_cmpfloat(end_ms, ==, c->end_ms);
    }
}

static void test_processed_add(void)
{
    g_autoptr(DubFragmentProcessed) answer = dub_fragment_processed_new();
    dub_fragment_processed_add(answer, "asr_model", json_string("whisper"));
    dub_fragment_processed_add(answer, "asr_model", json_string("whisper tiny.en")); /* the last one stays */
    g_assert_cmpuint(json_object_size(answer->metadata), ==, 1);
    g_assert_cmpstr(json_string_value(json_object_get(answer->metadata, "asr_model")), ==, "whisper tiny.en");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autofree char *path = g_strdup_printf("/wire/messages/%s/good/%s", kinds[good[i].kind].name, good[i].name);
        g_test_add_data_func(path, &good[i], test_good);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *path = g_strdup_printf("/wire/messages/%s/bad/%s", kinds[bad[i].kind].name, bad[i].name);
        g_test_add_data_func(path, &bad[i], test_bad);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autofree char *path = g_strconcat("/wire/audio/size/", sizes[i].name, NULL);
        g_test_add_data_func(path, &sizes[i], test_audio_size);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(error_kinds); i++) {
        g_autofree char *path = g_strconcat("/wire/errors/", error_kinds[i].code, NULL);
        g_test_add_data_func(path, &error_kinds[i], test_error_kind);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(spans); i++) {
        g_autofree char *path = g_strconcat("/wire/processed/span/", spans[i].name, NULL);
        g_test_add_data_func(path, &spans[i], test_processed_span);
    }
    g_test_add_func("/wire/processed/fail", test_processed_fail);
    g_test_add_func("/wire/processed/add", test_processed_add);
    g_test_add_func("/wire/audio/bytes", test_audio_bytes);
    g_test_add_func("/wire/audio/base64-alphabet", test_base64_alphabet);
    g_test_add_func("/wire/messages/invalid-utf8-is-mended", test_invalid_utf8_is_mended);
    g_test_add_func("/wire/traceparent", test_traceparent);
    return g_test_run();
}

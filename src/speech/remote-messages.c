/* speech/remote-messages.c */
#include "speech/remote-messages.h"

#include "base/clock.h"
#include "wire/events.h"

#define DEFAULT_RATE_HZ 48000
#define WAY_BACK_NS     (200 * DUB_NS_PER_MS) /* of the answer: the network, and decoding it */

static void replace_text(char **text, const char *with)
{
    g_free(*text);
    *text = g_strdup(with);
}

unsigned dub_remote_wire_rate_hz(unsigned rate_hz)
{
    return rate_hz == 16000 || rate_hz == 22050 || rate_hz == 44100 ? rate_hz : DEFAULT_RATE_HZ;
}

DubStreamInit *dub_remote_init_of(const DubSpeechConfig *config, DubFragmentFormat format)
{
    DubStreamInit *init = dub_stream_init_new();
    replace_text(&init->stream_id, config->stream_id);
    replace_text(&init->worker_id, config->worker_id);
    replace_text(&init->takes_over, config->takes_over);
    replace_text(&init->source_language, config->source_language);
    replace_text(&init->target_language, config->target_language);
    if (config->voice)
        replace_text(&init->voice_profile, config->voice);
    replace_text(&init->format, dub_fragment_format_to_string(format));
    init->chunk_duration_ms = CLAMP(config->segment_ms, 100, 30000);
    init->sample_rate_hz = dub_remote_wire_rate_hz(config->rate_hz);
    init->channels = config->channels;
    init->max_inflight = CLAMP(config->max_inflight, 1, DUB_WIRE_MAX_IN_FLIGHT);
    init->timeout_ms = CLAMP(config->timeout_ms, 1000, 30000);
    return init;
}

DubJson *dub_remote_fragment_to_json(const char *fragment_id, const char *stream_id, const DubFragment *fragment,
                                     DubWireAudio *audio)
{
    g_autoptr(DubFragmentData) data = dub_fragment_data_new();
    data->fragment_id = g_strdup(fragment_id);
    data->stream_id = g_strdup(stream_id);
    data->sequence_number = (int64_t) fragment->sequence_number;
    data->timestamp_ms = (double) dub_clock_unix_ms();
    data->audio = audio;
    data->metadata = json_pack("{s:I}", "pts_ns", (json_int_t) fragment->start_ns);
    if (fragment->deadline_ns) {
        const int64_t left_ns = fragment->deadline_ns - dub_clock_now() - WAY_BACK_NS;
        json_object_set_new(data->metadata, "deadline_ms", json_integer(MAX(left_ns / DUB_NS_PER_MS, 1)));
    }
    return dub_fragment_data_to_json(data);
}

DubJson *dub_remote_receipt_to_json(const char *fragment_id, DubReceiptStatus status)
{
    g_autoptr(DubFragmentReceipt) receipt = dub_fragment_receipt_new();
    receipt->fragment_id = g_strdup(fragment_id);
    receipt->status = status;
    receipt->timestamp_ms = (double) dub_clock_unix_ms();
    return dub_fragment_receipt_to_json(receipt);
}

DubSpeechResult *dub_remote_result_of(DubFragmentProcessed *processed, uint64_t sequence_number)
{
    DubSpeechResult *result = dub_speech_result_new_for(sequence_number, processed);
    if (processed->dubbed_audio || processed->status == DUB_PROCESSED_FAILED) {
        if (processed->status == DUB_PROCESSED_FAILED && !processed->error_code)
            dub_fragment_processed_fail(processed, "MODEL_ERROR", NULL, true, processed->error_message);
        return result;
    }
    g_autofree char *code = g_strdup(processed->error_code ? processed->error_code : "MODEL_ERROR");
    g_autofree char *message = g_strdup(processed->error_message);
    g_autofree char *stage = g_strdup(processed->error_stage);
    dub_fragment_processed_fail(processed, code, stage, processed->error_code ? processed->error_retryable : true,
                                message);
    return result;
}

DubSpeechResult *dub_remote_failed_result(uint64_t sequence_number, const char *code, const char *message)
{
    DubSpeechResult *result = dub_speech_result_new(sequence_number);
    dub_fragment_processed_fail(result->answer, code, NULL, dub_wire_error_kind(code)->retryable, message);
    return result;
}

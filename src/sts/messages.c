/* sts/messages.c: field by field, in the order of PROTOCOL.md, so that the first wrong one is named. */
#include "sts/messages.h"

#include "base/error.h"

#include <string.h>

#define REFUSE(error, ...) (g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, __VA_ARGS__), false)

#define MAX_WORD_BYTES 64
#define MAX_SEQUENCE   INT64_C(9007199254740991) /* what a JavaScript peer counts exactly */

const char *dub_sts_peek_id(const DubJson *payload, const char *key)
{
    const char *id = json_string_value(json_object_get(payload, key));
    return id && *id && strlen(id) <= DUB_STS_MAX_ID_BYTES ? id : NULL;
}

static bool get_text(const DubJson *payload, const char *path, DubJsonNeed need, gsize max_bytes, char **value,
                     GError **error)
{
    const char *text = NULL;
    if (!dub_json_get_string(payload, path, need, &text, error))
        return false;
    if (!text)
        return true;
    if (!*text)
        return REFUSE(error, "%s: empty", path);
    if (strlen(text) > max_bytes)
        return REFUSE(error, "%s: longer than %zu bytes", path, max_bytes);
    g_free(*value);
    *value = g_strdup(text);
    return true;
}

static bool get_uint(const DubJson *payload, const char *path, DubJsonNeed need, guint min, guint max, guint *value,
                     GError **error)
{
    int64_t number = *value;
    if (!dub_json_get_int(payload, path, need, min, max, &number, error))
        return false;
    *value = (guint) number;
    return true;
}

static bool check_language(const char *path, const char *language, GError **error)
{
    for (const char *p = language; *p; p++) {
        if (!g_ascii_isalnum(*p) && *p != '-' && *p != '_')
            return REFUSE(error, "%s: \"%s\" is not a language code like \"es\"", path, language);
    }
    return true;
}

static bool get_language(const DubJson *payload, const char *path, char **value, GError **error)
{
    return get_text(payload, path, DUB_JSON_OPTIONAL, MAX_WORD_BYTES, value, error) &&
           check_language(path, *value, error);
}

static bool get_rate(const DubJson *payload, guint *value, GError **error)
{
    static const guint rates[] = { 16000, 22050, 44100, 48000 };
    if (!get_uint(payload, "config.sample_rate_hz", DUB_JSON_OPTIONAL, 0, G_MAXINT32, value, error))
        return false;
    for (gsize i = 0; i < G_N_ELEMENTS(rates); i++) {
        if (rates[i] == *value)
            return true;
    }
    return REFUSE(error, "config.sample_rate_hz: %u is not one of 16000, 22050, 44100, 48000", *value);
}

static bool get_format(const DubJson *payload, char **value, GError **error)
{
    if (!get_text(payload, "config.format", DUB_JSON_OPTIONAL, MAX_WORD_BYTES, value, error))
        return false;
    if (strcmp(*value, "m4a") == 0 || strcmp(*value, "pcm_s16le") == 0)
        return true;
    return REFUSE(error, "config.format: \"%s\" is not one of m4a, pcm_s16le", *value);
}

static bool read_init_config(const DubJson *payload, DubStsInit *init, GError **error)
{
    const DubJson *config = NULL;
    return dub_json_get_object(payload, "config", DUB_JSON_OPTIONAL, &config, error) &&
           get_language(payload, "config.source_language", &init->source_language, error) &&
           get_language(payload, "config.target_language", &init->target_language, error) &&
           get_text(payload, "config.voice_profile", DUB_JSON_OPTIONAL, MAX_WORD_BYTES, &init->voice_profile, error) &&
           get_uint(payload, "config.chunk_duration_ms", DUB_JSON_OPTIONAL, 100, 30000, &init->chunk_duration_ms,
                    error) &&
           get_rate(payload, &init->sample_rate_hz, error) &&
           get_uint(payload, "config.channels", DUB_JSON_OPTIONAL, 1, 2, &init->channels, error) &&
           get_format(payload, &init->format, error);
}

static bool read_init(const DubJson *payload, DubStsInit *init, GError **error)
{
    return get_text(payload, "stream_id", DUB_JSON_REQUIRED, DUB_STS_MAX_ID_BYTES, &init->stream_id, error) &&
           get_text(payload, "worker_id", DUB_JSON_REQUIRED, DUB_STS_MAX_ID_BYTES, &init->worker_id, error) &&
           read_init_config(payload, init, error) &&
           get_uint(payload, "max_inflight", DUB_JSON_OPTIONAL, 1, DUB_STS_MAX_IN_FLIGHT, &init->max_inflight, error) &&
           get_uint(payload, "timeout_ms", DUB_JSON_OPTIONAL, 1000, 30000, &init->timeout_ms, error);
}

DubStsInit *dub_sts_init_parse(const DubJson *payload, GError **error)
{
    g_autoptr(DubStsInit) init = g_new0(DubStsInit, 1);
    init->source_language = g_strdup("en");
    init->target_language = g_strdup("es");
    init->voice_profile = g_strdup("default");
    init->format = g_strdup("m4a");
    init->chunk_duration_ms = 6000;
    init->sample_rate_hz = 48000;
    init->channels = 2;
    init->max_inflight = 3;
    init->timeout_ms = 8000;
    return read_init(payload, init, error) ? g_steal_pointer(&init) : NULL;
}

void dub_sts_init_free(DubStsInit *self)
{
    if (!self)
        return;
    g_free(self->stream_id);
    g_free(self->worker_id);
    g_free(self->source_language);
    g_free(self->target_language);
    g_free(self->voice_profile);
    g_free(self->format);
    g_free(self);
}

/* Returns: how many bytes the text stands for, or -1: it is not base64 (RFC 4648, section 4) */
static gssize base64_size(const char *text, gsize length)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bool known[256] = { false };
    for (const char *p = alphabet; *p; p++)
        known[(unsigned char) *p] = true;
    const gsize padding = length >= 2 ? (text[length - 1] == '=') + (gsize) (strncmp(text + length - 2, "==", 2) == 0)
                                      : 0;
    bool good = length % 4 == 0;
    for (gsize i = 0; i < length - padding; i++)
        good &= known[(unsigned char) text[i]];
    return good ? (gssize) (length / 4 * 3 - padding) : -1;
}

static bool read_data(const DubJson *payload, DubStsFragment *fragment, GError **error)
{
    const char *text = NULL;
    if (!dub_json_get_string(payload, "audio.data_base64", DUB_JSON_REQUIRED, &text, error))
        return false;
    DubJson *string = json_object_get(json_object_get(payload, "audio"), "data_base64");
    const gssize size = base64_size(text, json_string_length(string));
    if (size < 0) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_CORRUPT, "audio.data_base64: not base64");
        return false;
    }
    if (size > (gssize) DUB_STS_MAX_AUDIO_BYTES) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_NO_SPACE, "audio.data_base64: %zd bytes of audio are more than %u", size,
                    DUB_STS_MAX_AUDIO_BYTES);
        return false;
    }
    fragment->data_base64 = json_incref(string);
    fragment->audio_bytes = (gsize) size;
    return true;
}

static bool read_audio(const DubJson *payload, DubStsFragment *fragment, GError **error)
{
    const DubJson *audio;
    return dub_json_get_object(payload, "audio", DUB_JSON_REQUIRED, &audio, error) &&
           get_text(payload, "audio.format", DUB_JSON_REQUIRED, MAX_WORD_BYTES, &fragment->format, error) &&
           get_uint(payload, "audio.sample_rate_hz", DUB_JSON_REQUIRED, 8000, 192000, &fragment->sample_rate_hz,
                    error) &&
           get_uint(payload, "audio.channels", DUB_JSON_REQUIRED, 1, 8, &fragment->channels, error) &&
           dub_json_get_int(payload, "audio.duration_ms", DUB_JSON_REQUIRED, 0, 60000, &fragment->duration_ms, error) &&
           read_data(payload, fragment, error);
}

static bool read_fragment(const DubJson *payload, DubStsFragment *fragment, GError **error)
{
    int64_t number = 0;
    double timestamp_ms = 0;
    const DubJson *metadata = NULL;
    if (!get_text(payload, "fragment_id", DUB_JSON_REQUIRED, DUB_STS_MAX_ID_BYTES, &fragment->fragment_id, error) ||
        !get_text(payload, "stream_id", DUB_JSON_REQUIRED, DUB_STS_MAX_ID_BYTES, &fragment->stream_id, error) ||
        !dub_json_get_int(payload, "sequence_number", DUB_JSON_REQUIRED, 0, MAX_SEQUENCE, &number, error) ||
        !dub_json_get_double(payload, "timestamp", DUB_JSON_REQUIRED, &timestamp_ms, error) ||
        !read_audio(payload, fragment, error) ||
        !dub_json_get_object(payload, "metadata", DUB_JSON_OPTIONAL, &metadata, error))
        return false;
    fragment->sequence_number = (uint64_t) number;
    fragment->metadata = json_incref((DubJson *) metadata);
    return true;
}

DubStsFragment *dub_sts_fragment_parse(const DubJson *payload, GError **error)
{
    g_autoptr(DubStsFragment) fragment = g_new0(DubStsFragment, 1);
    return read_fragment(payload, fragment, error) ? g_steal_pointer(&fragment) : NULL;
}

void dub_sts_fragment_free(DubStsFragment *self)
{
    if (!self)
        return;
    g_free(self->fragment_id);
    g_free(self->stream_id);
    g_free(self->format);
    json_decref(self->data_base64);
    json_decref(self->metadata);
    g_free(self);
}

GBytes *dub_sts_fragment_decode(const DubStsFragment *self)
{
    gsize size = 0;
    guchar *bytes = g_base64_decode(json_string_value(self->data_base64), &size);
    return g_bytes_new_take(bytes, size);
}

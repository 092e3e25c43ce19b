/* wire/audio.c: base64 is checked where it comes in and decoded only where its bytes are wanted. */
#include "wire/audio.h"

#include "base/error.h"
#include "wire/events.h"

#include <string.h>
#ifdef __SSE2__
#include <immintrin.h>
#endif

#define MAX_BASE64_BYTES ((DUB_WIRE_MAX_AUDIO_BYTES + 2) / 3 * 4)

/* RFC 4648, section 4: 1 for what may stand before the padding. */
static const uint8_t is_base64[256] = {
    ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1, ['0' ... '9'] = 1, ['+'] = 1, ['/'] = 1,
};

/* What comes by the hundred kilobytes goes 16 bytes at a time, or 32. Both return how many of them were looked at;
 * @good is and-ed. */
#ifdef __SSE2__
/* All bits set where a byte is within @first and @first + @n - 1. */
static __m128i within(__m128i bytes, char first, char n)
{
    const __m128i offset = _mm_sub_epi8(bytes, _mm_set1_epi8(first));
    return _mm_cmpeq_epi8(_mm_min_epu8(offset, _mm_set1_epi8((char) (n - 1))), offset);
}

static gsize check_16(const char *text, gsize length, bool *good)
{
    __m128i all = _mm_set1_epi8(-1);
    gsize i = 0;
    for (; i + 16 <= length; i += 16) {
        const __m128i bytes = _mm_loadu_si128((const __m128i *) (text + i));
        const __m128i letters = within(_mm_or_si128(bytes, _mm_set1_epi8('a' - 'A')), 'a', 26);
        const __m128i digits = within(bytes, '/', 11); /* '/' stands before '0' */
        const __m128i plus = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('+'));
        all = _mm_and_si128(all, _mm_or_si128(_mm_or_si128(letters, digits), plus));
    }
    *good &= _mm_movemask_epi8(all) == 0xffff;
    return i;
}

/* Each high half of a byte has a bit (what is in no alphabet 0x10); a low half has those of the high halves with which
 * it makes a byte that is not in the alphabet. */
__attribute__((target("avx2"))) static gsize check_32(const char *text, gsize length, bool *good)
{
    const __m256i low_table = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x13, 0x1a, 0x1b, 0x1b, 0x1b, 0x1a));
    const __m256i high_table = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10));
    const __m256i nibble = _mm256_set1_epi8(0x0f);
    __m256i wrong = _mm256_setzero_si256();
    gsize i = 0;
    for (; i + 32 <= length; i += 32) {
        const __m256i bytes = _mm256_loadu_si256((const __m256i *) (text + i));
        const __m256i low = _mm256_shuffle_epi8(low_table, _mm256_and_si256(bytes, nibble));
        const __m256i high = _mm256_shuffle_epi8(high_table, _mm256_and_si256(_mm256_srli_epi32(bytes, 4), nibble));
        wrong = _mm256_or_si256(wrong, _mm256_and_si256(low, high));
    }
    *good &= _mm256_testz_si256(wrong, wrong);
    return i;
}

static gsize check_blocks(const char *text, gsize length, bool *good)
{
    const gsize n = __builtin_cpu_supports("avx2") ? check_32(text, length, good) : 0;
    return n + check_16(text + n, length - n, good);
}
#else
static gsize check_blocks(G_GNUC_UNUSED const char *text, G_GNUC_UNUSED gsize length, G_GNUC_UNUSED bool *good)
{
    return 0;
}
#endif

/* Returns: how many bytes the text stands for, -1 when it is not base64. */
static gssize base64_size(const char *text, gsize length)
{
    if (length % 4)
        return -1;
    gsize padding = 0;
    while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
        padding++;
    bool good = true;
    for (gsize i = check_blocks(text, length - padding, &good); i < length - padding; i++)
        good &= is_base64[(uint8_t) text[i]];
    return good ? (gssize) (length / 4 * 3 - padding) : -1;
}

DubWireAudio *dub_wire_audio_new(const char *format, guint sample_rate_hz, guint channels, int64_t duration_ms,
                                 GBytes *bytes)
{
    gsize size;
    const guchar *data = g_bytes_get_data(bytes, &size);
    DubWireAudio *self = g_new0(DubWireAudio, 1);
    self->format = g_strdup(format);
    self->sample_rate_hz = sample_rate_hz;
    self->channels = channels;
    self->duration_ms = duration_ms;
    g_autofree char *text = g_base64_encode(data, size);
    self->data_base64 = json_stringn_nocheck(text, strlen(text)); /* ASCII: no need to look for UTF-8 faults */
    self->n_bytes = size;
    return self;
}

DubWireAudio *dub_wire_audio_share(const DubWireAudio *self)
{
    DubWireAudio *shared = g_memdup2(self, sizeof *self);
    shared->format = g_strdup(self->format);
    json_incref(shared->data_base64);
    return shared;
}

void dub_wire_audio_free(DubWireAudio *self)
{
    if (!self)
        return;
    g_free(self->format);
    json_decref(self->data_base64);
    g_free(self);
}

GBytes *dub_wire_audio_decode(const DubWireAudio *self)
{
    if (!self->n_bytes)
        return g_bytes_new(NULL, 0);
    gsize size = 0;
    guchar *data = g_base64_decode(json_string_value(self->data_base64), &size);
    return g_bytes_new_take(data, size);
}

static bool refuse_size(const char *path, gsize n_bytes, GError **error)
{
    g_set_error(error, DUB_ERROR, DUB_ERROR_NO_SPACE, "%s.data_base64: %zu bytes of audio are more than %d", path,
                n_bytes, DUB_WIRE_MAX_AUDIO_BYTES);
    return false;
}

static bool read_data(DubWireAudio *self, const DubJson *object, const char *path, GError **error)
{
    DubJson *string = json_object_get(object, "data_base64");
    const gsize length = json_string_length(string);
    if (length > MAX_BASE64_BYTES) /* so that nobody has to look at it */
        return refuse_size(path, length / 4 * 3, error);
    const gssize size = base64_size(json_string_value(string), length);
    if (size < 0) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_CORRUPT, "%s.data_base64: not base64", path);
        return false;
    }
    if (size > DUB_WIRE_MAX_AUDIO_BYTES)
        return refuse_size(path, (gsize) size, error);
    self->data_base64 = json_incref(string);
    self->n_bytes = (gsize) size;
    return true;
}

static bool read_shape(DubWireAudio *self, const DubJson *object, GError **error)
{
    const char *text = NULL;
    int64_t rate_hz = 0, channels = 0;
    if (!dub_json_get_string(object, "format", DUB_JSON_REQUIRED, &text, error))
        return false;
    if (!*text || strlen(text) > DUB_WIRE_MAX_WORD_BYTES) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                    *text ? "format: longer than %d bytes" : "format: empty", DUB_WIRE_MAX_WORD_BYTES);
        return false;
    }
    self->format = g_strdup(text);
    if (!dub_json_get_int(object, "sample_rate_hz", DUB_JSON_REQUIRED, 8000, DUB_WIRE_MAX_RATE_HZ, &rate_hz, error) ||
        !dub_json_get_int(object, "channels", DUB_JSON_REQUIRED, 1, DUB_WIRE_MAX_CHANNELS, &channels, error) ||
        !dub_json_get_int(object, "duration_ms", DUB_JSON_REQUIRED, 0, DUB_WIRE_MAX_DURATION_MS, &self->duration_ms,
                          error) ||
        !dub_json_get_string(object, "data_base64", DUB_JSON_REQUIRED, &text, error))
        return false;
    self->sample_rate_hz = (guint) rate_hz;
    self->channels = (guint) channels;
    return true;
}

DubWireAudio *dub_wire_audio_parse(const DubJson *payload, const char *path, GError **error)
{
    const DubJson *object = NULL;
    if (!dub_json_get_object(payload, path, DUB_JSON_REQUIRED, &object, error))
        return NULL;
    g_autoptr(DubWireAudio) self = g_new0(DubWireAudio, 1);
    if (!read_shape(self, object, error)) {
        g_prefix_error(error, "%s.", path);
        return NULL;
    }
    return read_data(self, object, path, error) ? g_steal_pointer(&self) : NULL;
}

DubJson *dub_wire_audio_to_json(const DubWireAudio *self)
{
    return json_pack("{s:s, s:i, s:i, s:I, s:O}", "format", self->format, "sample_rate_hz", (int) self->sample_rate_hz,
                     "channels", (int) self->channels, "duration_ms", (json_int_t) self->duration_ms, "data_base64",
                     self->data_base64);
}

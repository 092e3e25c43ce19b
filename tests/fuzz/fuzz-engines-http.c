/* tests/fuzz/fuzz-engines-http.c: what a server elsewhere may answer. The first byte chooses who reads the
 * rest. Every answer is refused, or gives texts that are UTF-8 and times within the sound; no message shows a
 * key. */
#include "engines/http-answers.h"
#include "engines/http-text.h"
#include "engines/mt/guard.h"
#include "engines/mt/prompt.h"
#include "engines/wav.h"

#include <string.h>

#define KEY         "sk-4711-abcdefgh"
#define DURATION_NS INT64_C(6000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
    g_assert_true(g_utf8_validate(text, -1, NULL));
}

static void check_reply(const DubEngineReply *reply)
{
    int64_t before_ns = 0;
    check_text(reply->text);
    g_assert_cmpuint(reply->segments->len, <=, DUB_ANSWER_SEGMENTS_MOST);
    for (guint i = 0; i < reply->segments->len; i++) {
        const DubEngineSpan *span = &g_array_index(reply->segments, DubEngineSpan, i);
        check_text(span->text);
        g_assert_true(*span->text && span->confidence <= 1);
        g_assert_true(before_ns <= span->start_ns && span->start_ns <= span->end_ns && span->end_ns <= DURATION_NS);
        before_ns = span->start_ns;
    }
}

static void check_offers(const GPtrArray *offers)
{
    for (guint i = 0; i < offers->len; i++) {
        const DubEngineOffer *offer = g_ptr_array_index(offers, i);
        g_assert_true(offer->name && offer->language && offer->gender);
    }
}

static void check_voices(const GPtrArray *voices)
{
    for (guint i = 0; i < voices->len; i++) {
        const DubElevenLabsVoice *voice = g_ptr_array_index(voices, i);
        g_assert_true(voice->id && voice->name && voice->gender);
    }
}

/* ---- readers of JSON: each refuses it, or makes something good of it ---- */

static bool read_heard(const DubJson *json, DubEngineReply *reply, GError **error)
{
    return dub_answer_transcription(json, DURATION_NS, reply, error);
}

static GPtrArray *list_deepl(const DubJson *json, GError **error)
{
    return dub_answer_deepl_languages(json, json, NULL, NULL, error);
}

static GPtrArray *list_libretranslate(const DubJson *json, GError **error)
{
    return dub_answer_libretranslate_languages(json, NULL, NULL, error);
}

static GPtrArray *list_apertium_apy(const DubJson *json, GError **error)
{
    return dub_answer_apertium_apy_pairs(json, NULL, NULL, error);
}

static GPtrArray *list_voices(const DubJson *json, GError **error)
{
    return dub_answer_voices(json, "es", error);
}

/* ---- readers of text and of sound ---- */

/* What a server says goes into a message; the key does not. */
static void read_words(const char *text, size_t size)
{
    g_autoptr(GPtrArray) secrets = g_ptr_array_new_null_terminated(1, g_free, TRUE);
    dub_secrets_add(secrets, KEY);
    g_autofree char *words = dub_http_server_words(text, size, "text/plain");
    g_autofree char *hidden = words ? dub_secrets_hide(words, (const char *const *) secrets->pdata) : NULL;
    g_autofree char *lower = hidden ? g_ascii_strdown(hidden, -1) : NULL;
    for (gsize i = 0; lower && i + DUB_SECRET_SHOWN_MOST <= strlen(KEY); i++) {
        g_autofree char *part = g_strndup(&KEY[i], DUB_SECRET_SHOWN_MOST);
        g_assert_null(strstr(lower, part));
    }
    g_autofree char *value = g_strndup(text, size);
    g_assert_cmpint(dub_http_retry_after_ns(value, NULL, 0), <=, INT64_C(1000000000) * 1000000000);
}

static void read_sound(const char *data, size_t size)
{
    g_autoptr(GBytes) bytes = g_bytes_new(data, size);
    g_autoptr(DubPcm) wav = dub_wav_read(bytes, NULL);
    g_autoptr(DubPcm) raw = dub_wav_read_raw(bytes, 24000, NULL);
    g_assert_true(!wav || (wav->n_frames && wav->channels == 1));
    g_assert_true(!raw || raw->n_frames == size / 2);
}

/* A model may answer anything at all. */
static void read_translation(const char *text, size_t size)
{
    static DubGuard *guard; /* reading the names takes a thousand times as long as using them */
    g_autofree char *copy = g_strndup(text, size);
    g_autofree char *valid = g_utf8_make_valid(copy, -1);
    char *half = strchr(valid, '\n');
    g_autoptr(GError) error = NULL;
    if (!guard)
        guard = dub_guard_new("en", "es");
    if (half)
        *half++ = '\0';
    g_autofree char *line = dub_prompt_read(half ? half : "", valid);
    g_assert_true(dub_guard_check(guard, valid, line, NULL, &error) == !error);
}

/* ---- the choice ---- */

/* Reads a reply, a list or a text; the other two are NULL. */
typedef struct {
    bool (*reply)(const DubJson *json, DubEngineReply *reply, GError **error);
    GPtrArray *(*list)(const DubJson *json, GError **error);
    void (*text)(const char *text, size_t size);
    void (*check)(const GPtrArray *list); /* goes with list */
} Reader;

/* The first byte of an input chooses: FIRST is the first reader, and so on. A new reader goes to the end, so
 * that the inputs of the corpus stay with theirs. */
#define FIRST '4'
static const Reader readers[] = {
    { .reply = read_heard },
    { .reply = dub_answer_deepl },
    { .reply = dub_answer_libretranslate },
    { .reply = dub_answer_apertium_apy },
    { .reply = dub_answer_chat },
    { .list = list_deepl, .check = check_offers },
    { .list = list_libretranslate, .check = check_offers },
    { .list = list_apertium_apy, .check = check_offers },
    { .list = list_voices, .check = check_offers },
    { .list = dub_answer_elevenlabs_voices, .check = check_voices },
    { .text = read_words },
    { .text = read_sound },
    { .text = read_translation },
};

static void read_json(const Reader *reader, const DubJson *json)
{
    g_autoptr(GError) error = NULL;
    if (reader->list) {
        g_autoptr(GPtrArray) list = reader->list(json, &error);
        g_assert_true(!list == !!error);
        if (list)
            reader->check(list);
        return;
    }
    g_autoptr(DubEngineReply) reply = dub_engine_reply_new();
    const bool ok = reader->reply(json, reply, &error);
    g_assert_true(ok == !error);
    if (ok)
        check_reply(reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    const char *text = (const char *) data + 1;
    const Reader *reader = &readers[(uint8_t) (data[0] - FIRST) % G_N_ELEMENTS(readers)];
    if (reader->text) {
        reader->text(text, size - 1);
        return 0;
    }
    g_autoptr(DubJson) json = dub_json_parse(text, size - 1, NULL);
    if (json)
        read_json(reader, json);
    return 0;
}

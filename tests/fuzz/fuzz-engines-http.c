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
        g_assert_true(before_ns <= span->start_ns && span->start_ns <= span->end_ns &&
                      span->end_ns <= DURATION_NS);
        before_ns = span->start_ns;
    }
}

static void check_offers(GPtrArray *offers)
{
    for (guint i = 0; offers && i < offers->len; i++) {
        const DubEngineOffer *offer = g_ptr_array_index(offers, i);
        g_assert_true(offer->name && offer->language && offer->gender);
    }
    g_clear_pointer(&offers, g_ptr_array_unref);
}

/* Either a list, and then a good one, or an error. */
static void read_list(unsigned kind, const DubJson *json)
{
    g_autoptr(GError) error = NULL;
    GPtrArray *list = NULL;
    switch (kind) {
    case 0: list = dub_answer_deepl_languages(json, json, NULL, NULL, &error); break;
    case 1: list = dub_answer_libretranslate_languages(json, NULL, NULL, &error); break;
    case 2: list = dub_answer_apertium_apy_pairs(json, NULL, NULL, &error); break;
    case 3: list = dub_answer_voices(json, "es", &error); break;
    default: {
        g_autoptr(GPtrArray) voices = dub_answer_elevenlabs_voices(json, &error);
        g_assert_true(!voices == !!error);
        return;
    }
    }
    g_assert_true(!list == !!error);
    check_offers(list);
}

static void read_reply(unsigned kind, const DubJson *json)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubEngineReply) reply = dub_engine_reply_new();
    bool ok = false;
    switch (kind) {
    case 0:  ok = dub_answer_transcription(json, DURATION_NS, reply, &error); break;
    case 1:  ok = dub_answer_deepl(json, reply, &error); break;
    case 2:  ok = dub_answer_libretranslate(json, reply, &error); break;
    case 3:  ok = dub_answer_apertium_apy(json, reply, &error); break;
    default: ok = dub_answer_chat(json, reply, &error); break;
    }
    g_assert_true(ok == !error);
    if (ok)
        check_reply(reply);
}

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    const char *text = (const char *) data + 1;
    const unsigned kind = data[0] % 13;
    size--;
    if (kind == 10)
        read_words(text, size);
    else if (kind == 11)
        read_sound(text, size);
    else if (kind == 12)
        read_translation(text, size);
    if (kind >= 10)
        return 0;
    g_autoptr(DubJson) json = dub_json_parse(text, size, NULL);
    if (json && kind < 5)
        read_reply(kind, json);
    else if (json)
        read_list(kind - 5, json);
    return 0;
}

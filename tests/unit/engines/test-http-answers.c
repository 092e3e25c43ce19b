/* Unit tests of engines/http-answers: what servers answer, as it should be and not. */
#include "engines/http-answers.h"

#include "base/error.h"

#include <string.h>

/* ---- answers that become one text ---- */

typedef bool (*Reader)(const DubJson *json, DubEngineReply *reply, GError **error);

typedef struct {
    const char *name;
    Reader read;
    const char *json;
    const char *text;  /* NULL: refused */
    const char *error; /* its message begins so */
} TextCase;

#define CHAT(content) "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":" content "},"

static const TextCase text_cases[] = {
    { "deepl", dub_answer_deepl, "{\"translations\":[{\"detected_source_language\":\"EN\",\"text\":\"Hola\"}]}",
      "Hola" },
    { "deepl-empty", dub_answer_deepl, "{\"translations\":[{\"text\":\"\"}]}", "" },
    { "deepl-none", dub_answer_deepl, "{\"translations\":[]}", NULL, "translations: 0 instead of one" },
    { "deepl-two", dub_answer_deepl, "{\"translations\":[{\"text\":\"a\"},{\"text\":\"b\"}]}", NULL,
      "translations: 2 instead of one" },
    { "deepl-no-text", dub_answer_deepl, "{\"translations\":[{}]}", NULL, "text: missing" },
    { "deepl-number", dub_answer_deepl, "{\"translations\":[{\"text\":7}]}", NULL, "text: not a string" },
    { "deepl-not-object", dub_answer_deepl, "{\"translations\":[7]}", NULL, "payload: not an object" },
    { "deepl-array", dub_answer_deepl, "[]", NULL, "payload: not an object" },
    { "deepl-no-array", dub_answer_deepl, "{\"translations\":{}}", NULL, "translations: not an array" },
    { "libretranslate", dub_answer_libretranslate, "{\"translatedText\":\"Hola\"}", "Hola" },
    { "libretranslate-list", dub_answer_libretranslate, "{\"translatedText\":[\"Hola\"]}", NULL,
      "translatedText: not a string" },
    { "libretranslate-none", dub_answer_libretranslate, "{}", NULL, "translatedText: missing" },
    { "apy", dub_answer_apertium_apy,
      "{\"responseData\":{\"translatedText\":\"Hola\\n\"},\"responseDetails\":null,\"responseStatus\":200}", "Hola" },
    { "apy-null", dub_answer_apertium_apy, "{\"responseData\":null}", NULL, "responseData.translatedText: missing" },
    { "apy-text", dub_answer_apertium_apy, "{\"responseData\":\"x\"}", NULL, "responseData: not an object" },
    { "chat", dub_answer_chat, CHAT("\"Hola\"") "\"finish_reason\":\"stop\"}]}", "Hola" },
    { "chat-no-reason", dub_answer_chat, CHAT("\"Hola\"") "\"finish_reason\":null}]}", "Hola" },
    { "chat-other-end", dub_answer_chat, CHAT("\"Hola\"") "\"finish_reason\":\"eos\"}]}", "Hola" },
    { "chat-cut", dub_answer_chat, CHAT("\"Hola\"") "\"finish_reason\":\"length\"}]}", NULL, "finish_reason: length" },
    { "chat-filtered", dub_answer_chat, CHAT("\"\"") "\"finish_reason\":\"content_filter\"}]}", NULL,
      "finish_reason: c" },
    { "chat-null", dub_answer_chat, CHAT("null") "\"finish_reason\":\"stop\"}]}", NULL, "message.content: missing" },
    { "chat-none", dub_answer_chat, "{\"choices\":[]}", NULL, "choices: empty" },
    { "chat-no-choices", dub_answer_chat, "{\"object\":\"chat.completion\"}", NULL, "choices: missing" },
};

static void test_text(const void *data)
{
    const TextCase *c = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(DubJson) json = dub_json_parse(c->json, strlen(c->json), &error);
    g_assert_no_error(error);
    g_autoptr(DubEngineReply) reply = dub_engine_reply_new();
    g_assert_true(c->read(json, reply, &error) == !!c->text);
    if (c->text) {
        g_assert_cmpstr(reply->text, ==, c->text);
        return;
    }
    g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
    g_assert_true(g_str_has_prefix(error->message, c->error));
}

static void test_chat_tells_its_cost(void)
{
    static const struct {
        const char *usage;
        int64_t micros;
    } cases[] = { { "{\"cost\":0.00042}", 420 },
                  { "{\"total_tokens\":7}", 0 },
                  { "{\"cost\":\"much\"}", 0 },
                  { "{\"cost\":-1}", 0 },
                  { "{\"cost\":1e300}", INT64_C(1000000000000) },
                  { "null", 0 } };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text =
            g_strdup_printf(CHAT("\"a\"") "\"finish_reason\":\"stop\"}],\"usage\":%s}", cases[i].usage);
        g_autoptr(DubJson) json = dub_json_parse(text, strlen(text), NULL);
        g_autoptr(DubEngineReply) reply = dub_engine_reply_new();
        g_assert_true(dub_answer_chat(json, reply, NULL));
        g_assert_cmpint(reply->usage.cost_micros, ==, cases[i].micros);
    }
}

/* ---- transcriptions ---- */

typedef struct {
    const char *name, *json;
    const char *text;     /* NULL: refused */
    const char *segments; /* "text@start-end(confidence);" in ms and percent */
    const char *error;
} HeardCase;

#define SEGMENT(text, times) "{\"text\":\"" text "\"," times "}"
#define HEARD(segments)      "{\"task\":\"transcribe\",\"text\":\"all of it\",\"segments\":[" segments "]}"

static const HeardCase heard_cases[] = {
    { "plain", "{\"text\":\" Good evening. \"}", "Good evening.", "" },
    { "nothing", "{\"text\":\"\"}", "", "" },
    { "no-segments", "{\"text\":\"Good evening.\",\"segments\":[]}", "Good evening.", "" },
    { "null-segments", "{\"text\":\"Good evening.\",\"segments\":null}", "Good evening.", "" },
    { "segments",
      HEARD(SEGMENT(" Good evening.", "\"start\":0,\"end\":1.5,\"avg_logprob\":-0.105") "," SEGMENT(
          " Welcome.", "\"start\":1.5,\"end\":2.25")),
      "Good evening. Welcome.", "Good evening.@0-1500(90);Welcome.@1500-2250(-100);" },
    { "no-speech", HEARD(SEGMENT("you", "\"start\":0,\"end\":2,\"no_speech_prob\":0.94")), "", "" },
    { "just-speech", HEARD(SEGMENT("you", "\"start\":0,\"end\":2,\"no_speech_prob\":0.6")), "you",
      "you@0-2000(-100);" },
    { "circles", HEARD(SEGMENT("no no no no", "\"start\":0,\"end\":2,\"compression_ratio\":2.5")), "", "" },
    { "brackets",
      HEARD(SEGMENT("[BLANK_AUDIO]", "\"start\":0,\"end\":1") "," SEGMENT("(applause) What [x] a (y)catch!",
                                                                          "\"start\":1,\"end\":2")),
      "What a catch!", "What a catch!@1000-2000(-100);" },
    { "brackets-plain", "{\"text\":\"[Music] ♪ la ♪\"}", "la", "" },
    { "bracket-alone", "{\"text\":\"a ( b\"}", "a ( b", "" },
    { "beyond-the-end", HEARD(SEGMENT("a", "\"start\":-1,\"end\":30")), "a", "a@0-3000(-100);" },
    { "backwards", HEARD(SEGMENT("a", "\"start\":2,\"end\":1")), "a", "a@2000-2000(-100);" },
    { "out-of-order", HEARD(SEGMENT("a", "\"start\":2,\"end\":2.5") "," SEGMENT("b", "\"start\":1,\"end\":3")), "a b",
      "a@2000-2500(-100);b@2000-3000(-100);" },
    { "strange-confidence", HEARD(SEGMENT("a", "\"start\":0,\"end\":1,\"avg_logprob\":5")), "a", "a@0-1000(100);" },
    { "huge-times", HEARD(SEGMENT("a", "\"start\":1e300,\"end\":1e308")), "a", "a@3000-3000(-100);" },
    { "no-text", "{\"segments\":[]}", NULL, NULL, "text: missing" },
    { "text-is-number", "{\"text\":1}", NULL, NULL, "text: not a string" },
    { "segment-without-text", HEARD("{\"start\":0,\"end\":1}"), NULL, NULL, "segments[0].text: missing" },
    { "segment-without-time", HEARD(SEGMENT("a", "\"start\":0,\"end\":1") "," SEGMENT("a", "\"start\":0")), NULL, NULL,
      "segments[1].end: missing" },
    { "segment-is-text", HEARD("\"a\""), NULL, NULL, "segments[0].payload: not an object" },
    { "segments-is-object", "{\"text\":\"a\",\"segments\":{}}", NULL, NULL, "segments: not an array" },
    { "array", "[]", NULL, NULL, "payload: not an object" },
};

static char *describe(const GArray *segments)
{
    GString *out = g_string_new(NULL);
    for (guint i = 0; i < segments->len; i++) {
        const DubEngineSpan *s = &g_array_index(segments, DubEngineSpan, i);
        g_string_append_printf(out, "%s@%" G_GINT64_FORMAT "-%" G_GINT64_FORMAT "(%.0f);", s->text,
                               s->start_ns / 1000000, s->end_ns / 1000000, 100 * s->confidence);
    }
    return g_string_free(out, FALSE);
}

static void test_heard(const void *data)
{
    const HeardCase *c = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(DubJson) json = dub_json_parse(c->json, strlen(c->json), &error);
    g_assert_no_error(error);
    g_autoptr(DubEngineReply) reply = dub_engine_reply_new();
    g_assert_true(dub_answer_transcription(json, INT64_C(3000000000), reply, &error) == !!c->text);
    if (!c->text) {
        g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
        g_assert_cmpstr(error->message, ==, c->error);
        return;
    }
    g_autofree char *segments = describe(reply->segments);
    g_assert_cmpstr(reply->text, ==, c->text);
    g_assert_cmpstr(segments, ==, c->segments);
}

static void test_many_segments(void)
{
    g_autoptr(GString) text = g_string_new("{\"text\":\"\",\"segments\":[");
    for (int i = 0; i < DUB_ANSWER_SEGMENTS_MOST + 10; i++)
        g_string_append_printf(text, "%s{\"text\":\"a\",\"start\":0,\"end\":1}", i ? "," : "");
    g_string_append(text, "]}");
    g_autoptr(DubJson) json = dub_json_parse(text->str, text->len, NULL);
    g_autoptr(DubEngineReply) reply = dub_engine_reply_new();
    g_assert_true(dub_answer_transcription(json, 3000, reply, NULL));
    g_assert_cmpuint(reply->segments->len, ==, DUB_ANSWER_SEGMENTS_MOST);
}

/* ---- lists ---- */

typedef GPtrArray *(*ListReader)(const char *text, const char *from, const char *to, GError **error);

static GPtrArray *read_deepl(const char *text, const char *from, const char *to, GError **error)
{
    g_autoptr(DubJson) both = dub_json_parse(text, strlen(text), NULL);
    return dub_answer_deepl_languages(json_array_get(both, 0), json_array_get(both, 1), from, to, error);
}

static GPtrArray *read_libretranslate(const char *text, const char *from, const char *to, GError **error)
{
    g_autoptr(DubJson) json = dub_json_parse(text, strlen(text), NULL);
    return dub_answer_libretranslate_languages(json, from, to, error);
}

static GPtrArray *read_apy(const char *text, const char *from, const char *to, GError **error)
{
    g_autoptr(DubJson) json = dub_json_parse(text, strlen(text), NULL);
    return dub_answer_apertium_apy_pairs(json, from, to, error);
}

static GPtrArray *read_voices(const char *text, const char *from, const char *to G_GNUC_UNUSED, GError **error)
{
    g_autoptr(DubJson) json = dub_json_parse(text, strlen(text), NULL);
    return dub_answer_voices(json, from, error);
}

static GPtrArray *read_elevenlabs(const char *text, const char *from G_GNUC_UNUSED, const char *to G_GNUC_UNUSED,
                                  GError **error)
{
    g_autoptr(DubJson) json = dub_json_parse(text, strlen(text), NULL);
    g_autoptr(GPtrArray) voices = dub_answer_elevenlabs_voices(json, error);
    if (!voices)
        return NULL;
    GPtrArray *offers = g_ptr_array_new_with_free_func((GDestroyNotify) dub_engine_offer_free);
    for (guint i = 0; i < voices->len; i++) {
        const DubElevenLabsVoice *v = g_ptr_array_index(voices, i);
        g_ptr_array_add(offers, dub_engine_offer_new(v->name, v->language ? v->language : "-", v->id, v->gender));
    }
    return offers;
}

typedef struct {
    const char *name;
    ListReader read;
    const char *json, *from, *to;
    const char *offers; /* "name:language>target/gender;"; NULL: refused */
    const char *error;
} ListCase;

#define DEEPL                                                              \
    "[[{\"language\":\"EN\",\"name\":\"English\"},{\"language\":\"ES\"}]," \
    "[{\"language\":\"EN-GB\"},{\"language\":\"EN-US\"},{\"language\":\"ES\"},{\"language\":\"PT-BR\"}]]"
#define LIBRE                                                                                      \
    "[{\"code\":\"en\",\"name\":\"English\",\"targets\":[\"en\",\"es\",\"fr\"]},{\"code\":\"es\"," \
    "\"targets\":[\"en\"]}]"
#define APY                                                                                                  \
    "{\"responseData\":[{\"sourceLanguage\":\"eng\",\"targetLanguage\":\"spa\"},{\"sourceLanguage\":\"en\"," \
    "\"targetLanguage\":\"es\"},{\"sourceLanguage\":\"spa\",\"targetLanguage\":\"eng_US\"}],"                \
    "\"responseStatus\":200}"

static const ListCase list_cases[] = {
    { "deepl", read_deepl, DEEPL, NULL, NULL, ":en>es/;:en>pt/;:es>en/;:es>pt/;" },
    { "deepl-pair", read_deepl, DEEPL, "en", "es", ":en>es/;" },
    { "deepl-no-pair", read_deepl, DEEPL, "en", "fr", "" },
    { "deepl-object", read_deepl, "[{},[]]", NULL, NULL, NULL, "the list of languages: not an array" },
    { "deepl-nameless", read_deepl, "[[{}],[]]", NULL, NULL, NULL, "language: missing" },
    { "libretranslate", read_libretranslate, LIBRE, NULL, NULL, ":en>es/;:en>fr/;:es>en/;" },
    { "libretranslate-pair", read_libretranslate, LIBRE, "en", "es", ":en>es/;" },
    { "libretranslate-chinese", read_libretranslate,
      "[{\"code\":\"en\",\"targets\":[\"zh-Hans\",\"zh-Hant\",\"pt-BR\"]},"
      "{\"code\":\"zh-Hans\",\"targets\":[\"en\",\"zh-Hans\"]}]",
      NULL, NULL, ":en>zh/;:en>zh-Hant/;:en>pt-BR/;:zh>en/;" },
    { "libretranslate-to-chinese", read_libretranslate, "[{\"code\":\"en\",\"targets\":[\"zh-Hans\"]}]", "en", "zh",
      ":en>zh/;" },
    { "libretranslate-object", read_libretranslate, "{}", NULL, NULL, NULL, "the list of languages: not an array" },
    { "libretranslate-old", read_libretranslate, "[{\"code\":\"en\"}]", NULL, NULL, NULL, "targets: missing" },
    { "libretranslate-numbers", read_libretranslate, "[{\"code\":\"en\",\"targets\":[1]}]", NULL, NULL, NULL,
      "targets[0]: not a string" },
    { "apy", read_apy, APY, NULL, NULL, ":en>es/;:es>en/;" },
    { "apy-pair", read_apy, APY, "es", "en", ":es>en/;" },
    { "apy-strange", read_apy, "{\"responseData\":[{\"sourceLanguage\":\"\",\"targetLanguage\":\"x y\"}]}", NULL, NULL,
      "" },
    { "apy-half", read_apy, "{\"responseData\":[{\"sourceLanguage\":\"eng\"}]}", NULL, NULL, NULL,
      "responseData[0].targetLanguage: missing" },
    { "apy-none", read_apy, "{}", NULL, NULL, NULL, "responseData: missing" },
    { "voices", read_voices, "{\"voices\":[\"af_bella\",\"ef_dora\"]}", "es", NULL, "af_bella:es>-/;ef_dora:es>-/;" },
    { "voices-array", read_voices, "[\"a\"]", "es", NULL, "a:es>-/;" },
    { "voices-objects", read_voices,
      "{\"voices\":[{\"id\":\"a\",\"name\":\"Anna\",\"language\":\"de\",\"gender\":\"female\"},{\"name\":"
      "\"b\"}]}",
      "es", NULL, "a:de>-/female;b:es>-/;" },
    { "voices-data", read_voices, "{\"object\":\"list\",\"data\":[{\"voice_id\":\"a\",\"id\":\"model\"}]}", "es", NULL,
      "a:es>-/;" },
    { "voices-nameless", read_voices, "{\"voices\":[{}]}", "es", NULL, NULL, "voices[0]: has no name" },
    { "voices-empty-name", read_voices, "[\"\"]", "es", NULL, NULL, "voices[0]: has no name" },
    { "voices-number", read_voices, "7", "es", NULL, NULL, "voices: not an array" },
    { "elevenlabs", read_elevenlabs,
      "{\"voices\":[{\"voice_id\":\"21m\",\"name\":\"Rachel\",\"labels\":{\"gender\":\"female\",\"language\":"
      "\"en\"}},"
      "{\"voice_id\":\"x\",\"name\":\"Mine\",\"labels\":{\"gender\":\"robot\"}},{\"voice_id\":\"y\",\"name\":"
      "\"N\"}]}",
      NULL, NULL, "Rachel:en>21m/female;Mine:->x/;N:->y/;" },
    { "elevenlabs-nameless", read_elevenlabs, "{\"voices\":[{\"voice_id\":\"21m\"}]}", NULL, NULL, NULL,
      "voices[0].name: missing" },
    { "elevenlabs-none", read_elevenlabs, "{}", NULL, NULL, NULL, "voices: missing" },
};

static void test_list(const void *data)
{
    const ListCase *c = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) offers = c->read(c->json, c->from, c->to, &error);
    g_assert_true(!!offers == !!c->offers);
    if (!offers) {
        g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
        g_assert_cmpstr(error->message, ==, c->error);
        return;
    }
    g_autoptr(GString) all = g_string_new(NULL);
    for (guint i = 0; i < offers->len; i++) {
        const DubEngineOffer *offer = g_ptr_array_index(offers, i);
        g_string_append_printf(all, "%s:%s>%s/%s;", offer->name, offer->language, offer->target ? offer->target : "-",
                               offer->gender);
    }
    g_assert_cmpstr(all->str, ==, c->offers);
}

/* A list without an end ends. */
static void test_many_languages(void)
{
    g_autoptr(DubJson) sources = json_array(), targets = json_array();
    for (int i = 0; i < 200; i++) {
        json_array_append_new(sources, json_pack("{s:o}", "language", json_sprintf("a%d", i)));
        json_array_append_new(targets, json_pack("{s:o}", "language", json_sprintf("b%d", i)));
    }
    g_autoptr(GPtrArray) offers = dub_answer_deepl_languages(sources, targets, NULL, NULL, NULL);
    g_assert_cmpuint(offers->len, ==, DUB_ANSWER_OFFERS_MOST);
}

#define ADD(cases, prefix, func)                                                                       \
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {                                                  \
        g_autofree char *path = g_strconcat("/engines/http-answers/" prefix "/", cases[i].name, NULL); \
        g_test_add_data_func(path, &cases[i], func);                                                   \
    }

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD(text_cases, "text", test_text)
    g_test_add_func("/engines/http-answers/chat-cost", test_chat_tells_its_cost);
    ADD(heard_cases, "heard", test_heard)
    g_test_add_func("/engines/http-answers/many-segments", test_many_segments);
    ADD(list_cases, "list", test_list)
    g_test_add_func("/engines/http-answers/many-languages", test_many_languages);
    return g_test_run();
}

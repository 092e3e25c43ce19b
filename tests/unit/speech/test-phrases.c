/* What was heard, cut into phrases: by words, by segments drawn in to the voice, or as a whole. */
#include "base/clock.h"
#include "say.h"
#include "speech/phrases.h"

#include <string.h>

#define MS(x) ((x) *DUB_NS_PER_MS)

typedef struct {
    const char *name;
    const char *spans;     /* "start:end:text|…" in ms; a text of words may hold blanks */
    const char *sentences; /* "start:end:sentence|…" */
} Case;

static const Case by_words[] = {
    { "nothing", "", "" },
    { "one", "100:300:hello", "100:300:Hello." },
    { "pause-too-short", "0:500:good|899:1200:evening", "0:1200:Good evening." },
    { "pause", "0:500:good|900:1200:evening", "0:500:Good.|900:1200:Evening." },
    { "first-person", "0:100:I|100:200:think|200:300:I'm|300:400:in", "0:400:I think I'm in." },
    { "stop-is-there", "0:100:yes!", "0:100:Yes!" },
    { "accent", "0:100:école", "0:100:École." },
    { "three", "0:1:a|500:501:b|502:503:c|1000:1001:d", "0:1:A.|500:503:B c.|1000:1001:D." },
    { "no-sentence-ends", "0:100:yes.|100:200:no.", "0:200:Yes. no." }, /* words are cut at pauses alone */
    { "overlap", "0:500:good|300:700:evening", "0:700:Good evening." },
};

/* Nobody speaks in the sound that goes with these, so nothing is drawn in. */
static const Case by_segments[] = {
    { "one", "0:3000:Good evening.", "0:3000:Good evening." },
    { "two-sentences", "0:1000:One.|1000:2000:Two.", "0:1000:One.|1000:2000:Two." },
    { "half-sentences-join", "0:1000:And then|1000:2000:he ran.", "0:2000:And then he ran." },
    { "pause", "0:1000:And then|1400:2000:he ran.", "0:1000:And then.|1400:2000:He ran." },
    { "pause-too-short", "0:1000:And then|1399:2000:he ran.", "0:2000:And then he ran." },
    { "question", "0:1000:Who?|1000:2000:Me!", "0:1000:Who?|1000:2000:Me!" },
    { "quoted", "0:1000:He said \"yes.\"|1000:2000:And went.", "0:1000:He said \"yes.\"|1000:2000:And went." },
    { "bracket", "0:1000:(It was over.)|1000:2000:All of it.", "0:1000:(It was over.)|1000:2000:All of it." },
    { "ellipsis", "0:1000:And then…|1000:2000:nothing", "0:1000:And then…|1000:2000:Nothing." },
    { "comma", "0:1000:First,|1000:2000:second.", "0:2000:First, second." },
    { "comma-last", "0:1000:First,|1400:2000:second -", "0:1000:First.|1400:2000:Second." },
    { "dash-last", "0:1000:And then — ,", "0:1000:And then." },
    { "commas-alone", "0:1000:,,", "" },
    { "quotes-alone", "0:1000:\"'|1000:2000:x", "0:2000:\"' x." },
    { "blank", "0:1000: |1000:2000:Yes.", "1000:2000:Yes." },
    { "blank-last", "0:1000:Yes.|1000:2000: ", "0:1000:Yes." },
    { "spaces-around", "0:1000: One. |1000:2000: Two. ", "0:1000:One.|1000:2000:Two." },
};

static void read_spans(const char *text, DubEngineReply *heard,
                       void (*add)(DubEngineReply *, const char *, int64_t, int64_t, double))
{
    g_auto(GStrv) spans = g_strsplit(text, "|", -1);
    for (char **span = spans; *span && **span; span++) {
        g_auto(GStrv) parts = g_strsplit(*span, ":", 3);
        add(heard, parts[2], MS(g_ascii_strtoll(parts[0], NULL, 10)), MS(g_ascii_strtoll(parts[1], NULL, 10)), -1);
    }
}

static char *write_phrases(GArray *phrases)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < phrases->len; i++) {
        const DubPhrase *phrase = &g_array_index(phrases, DubPhrase, i);
        g_string_append_printf(text, "%s%d:%d:%s", i ? "|" : "", (int) (phrase->start_ns / MS(1)),
                               (int) (phrase->end_ns / MS(1)), phrase->sentence);
    }
    return g_string_free(text, FALSE);
}

static void assert_phrases(const DubEngineReply *heard, const DubPcm *pcm, const char *expected)
{
    g_autoptr(GArray) phrases = dub_phrases_find(heard, pcm);
    g_autofree char *text = write_phrases(phrases);
    g_assert_cmpstr(text, ==, expected);
}

static void test_words(const void *data)
{
    const Case *c = data;
    g_autoptr(DubEngineReply) heard = dub_engine_reply_new();
    read_spans(c->spans, heard, dub_engine_reply_add_word);
    g_autoptr(DubPcm) pcm = say_silence(6);
    assert_phrases(heard, pcm, c->sentences);
}

static void test_segments(const void *data)
{
    const Case *c = data;
    g_autoptr(DubEngineReply) heard = dub_engine_reply_new();
    read_spans(c->spans, heard, dub_engine_reply_add_segment);
    g_autoptr(DubPcm) pcm = say_silence(6);
    assert_phrases(heard, pcm, c->sentences);
}

/* Segments end where sentences do; words are what a recogniser guesses the times of. */
static void test_segments_before_words(void)
{
    g_autoptr(DubEngineReply) heard = dub_engine_reply_new();
    dub_engine_reply_add_word(heard, "one", MS(100), MS(200), -1);
    dub_engine_reply_add_word(heard, "two", MS(900), MS(1000), -1);
    dub_engine_reply_add_segment(heard, "One two.", 0, MS(1200), -1);
    g_autoptr(DubPcm) pcm = say_silence(2);
    assert_phrases(heard, pcm, "0:1200:One two.");
}

/* ── Where the voice is ── */

#define BEFORE_MS 1000 /* of silence before the first voice */
#define NEAR_MS   150  /* flite's own silence at the ends, and what the search for voices leaves around */

static void assert_near(int64_t ns, int64_t expected_ns)
{
    g_test_message("%d ms, %d expected", (int) (ns / MS(1)), (int) (expected_ns / MS(1)));
    g_assert_cmpint(ABS(ns - expected_ns), <=, MS(NEAR_MS));
}

/* A segment is as long as the sound; the phrase is where somebody speaks. */
static void test_drawn_in(void)
{
    DubPcm *voice = say("slt", "the weather is clear tonight");
    const int64_t end_ns = MS(BEFORE_MS) + dub_pcm_duration_ns(voice);
    g_autoptr(DubPcm) pcm = say_joined(say_silence(BEFORE_MS / 1000.0), voice, say_silence(1.5), NULL);
    g_autoptr(DubEngineReply) heard = dub_engine_reply_new();
    dub_engine_reply_add_segment(heard, "The weather is clear tonight.", 0, dub_pcm_duration_ns(pcm), -1);
    g_autoptr(GArray) phrases = dub_phrases_find(heard, pcm);
    g_assert_cmpuint(phrases->len, ==, 1);
    const DubPhrase *phrase = &g_array_index(phrases, DubPhrase, 0);
    assert_near(phrase->start_ns, MS(BEFORE_MS));
    assert_near(phrase->end_ns, end_ns);
    g_assert_cmpint(phrase->start_ns, >=, MS(BEFORE_MS - 300));
}

/* The pause is seen between the voices, though the segments meet in it: two phrases, each where it was said. */
static void test_drawn_in_apart(void)
{
    DubPcm *first = say("slt", "good evening and welcome"), *second = say("slt", "the weather is clear tonight");
    const int64_t second_ns = MS(500) + dub_pcm_duration_ns(first) + MS(1500);
    const int64_t meet_ns = second_ns - MS(700);
    g_autoptr(DubPcm) pcm = say_joined(say_silence(0.5), first, say_silence(1.5), second, say_silence(0.5), NULL);
    g_autoptr(DubEngineReply) heard = dub_engine_reply_new();
    dub_engine_reply_add_segment(heard, "Good evening and welcome,", 0, meet_ns, -1);
    dub_engine_reply_add_segment(heard, "the weather is clear tonight", meet_ns, dub_pcm_duration_ns(pcm), -1);
    g_autoptr(GArray) phrases = dub_phrases_find(heard, pcm);
    g_assert_cmpuint(phrases->len, ==, 2);
    const DubPhrase *one = &g_array_index(phrases, DubPhrase, 0), *two = &g_array_index(phrases, DubPhrase, 1);
    assert_near(one->start_ns, MS(500));
    assert_near(one->end_ns, second_ns - MS(1500));
    assert_near(two->start_ns, second_ns);
    g_assert_cmpstr(one->sentence, ==, "Good evening and welcome.");
    g_assert_cmpstr(two->sentence, ==, "The weather is clear tonight.");
}

/* Where no voice was found within it, a segment stays as it is; nothing is ever made longer. */
static void test_not_drawn_in(void)
{
    DubPcm *voice = say("slt", "good evening and welcome");
    const int64_t voice_ns = dub_pcm_duration_ns(voice);
    g_autoptr(DubPcm) pcm = say_joined(voice, say_silence(3), NULL);
    g_autoptr(DubEngineReply) heard = dub_engine_reply_new();
    dub_engine_reply_add_segment(heard, "Of the voice.", MS(400), MS(800), -1);
    dub_engine_reply_add_segment(heard, "Of nobody.", voice_ns + MS(1000), voice_ns + MS(2000), -1);
    dub_engine_reply_add_segment(heard, "Beyond the end.", voice_ns + MS(2900), voice_ns + MS(9000), -1);
    dub_engine_reply_add_segment(heard, "Backwards.", voice_ns + MS(9500), MS(0), -1);
    g_autoptr(GArray) phrases = dub_phrases_find(heard, pcm);
    g_assert_cmpuint(phrases->len, >=, 3);
    const DubPhrase *inside = &g_array_index(phrases, DubPhrase, 0), *nobody = &g_array_index(phrases, DubPhrase, 1);
    g_assert_cmpint(inside->start_ns, ==, MS(400));
    g_assert_cmpint(inside->end_ns, ==, MS(800));
    g_assert_cmpint(nobody->start_ns, ==, voice_ns + MS(1000));
    g_assert_cmpint(nobody->end_ns, ==, voice_ns + MS(2000));
}

/* An engine that gives text and no times at all. */
static void test_whole_text(void)
{
    g_autoptr(DubPcm) pcm =
        say_joined(say_silence(1), say("slt", "the weather is clear tonight"), say_silence(1), NULL);
    g_autoptr(DubEngineReply) heard = dub_engine_reply_new();
    dub_engine_reply_set_text(heard, "the weather is clear tonight");
    g_autoptr(GArray) phrases = dub_phrases_find(heard, pcm);
    g_assert_cmpuint(phrases->len, ==, 1);
    const DubPhrase *phrase = &g_array_index(phrases, DubPhrase, 0);
    g_assert_cmpstr(phrase->sentence, ==, "The weather is clear tonight.");
    assert_near(phrase->start_ns, MS(1000));
    assert_near(phrase->end_ns, dub_pcm_duration_ns(pcm) - MS(1000));
}

static void test_whole_text_without_a_voice(void)
{
    g_autoptr(DubPcm) pcm = say_silence(4);
    g_autoptr(DubEngineReply) heard = dub_engine_reply_new();
    dub_engine_reply_set_text(heard, " it is good. ");
    assert_phrases(heard, pcm, "0:4000:It is good.");
    dub_engine_reply_set_text(heard, " ");
    assert_phrases(heard, pcm, "");
}

#define ADD_ROWS(group, rows, test)                                                              \
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {                                             \
        g_autofree char *path = g_strconcat("/speech/phrases/" group "/", (rows)[i].name, NULL); \
        g_test_add_data_func(path, &(rows)[i], test);                                            \
    }

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD_ROWS("words", by_words, test_words)
    ADD_ROWS("segments", by_segments, test_segments)
    g_test_add_func("/speech/phrases/segments-before-words", test_segments_before_words);
    g_test_add_func("/speech/phrases/drawn-in/around-the-voice", test_drawn_in);
    g_test_add_func("/speech/phrases/drawn-in/apart", test_drawn_in_apart);
    g_test_add_func("/speech/phrases/drawn-in/not", test_not_drawn_in);
    g_test_add_func("/speech/phrases/whole-text/voice", test_whole_text);
    g_test_add_func("/speech/phrases/whole-text/no-voice", test_whole_text_without_a_voice);
    return g_test_run();
}

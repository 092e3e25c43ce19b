/* What airdub-engine-whisper believes of Whisper's words, and where it cuts sound. */
#include "whisper-pieces.h"
#include "whisper-text.h"

#include <math.h>
#include <string.h>

/* ── Words ── */

typedef struct {
    const char *name, *text, *clean;
} Clean;

static const Clean cleans[] = {
    { "plain", " Hello, world. ", "Hello, world." },
    { "square", "[Applause] And so it begins. [BLANK_AUDIO]", "And so it begins." },
    { "round", "(laughs) Right.", "Right." },
    { "notes", "♪ la la la ♪", "" },
    { "one-note", "♪ We go", "We go" },
    { "asterisks", "*cheering* Goal!", "Goal!" },
    { "open-bracket", "It is [over", "It is over" },
    { "closed-bracket", "It is over]", "It is over" },
    { "nothing-said", " ... - ! ", "" },
    { "blanks", "a \n\t  b", "a b" },
    { "cut-character", "caf\xc3", "caf" },
    { "spanish", "¿Qué? ¡Sí!", "¿Qué? ¡Sí!" },
    { "wide-brackets", "（笑）はい", "はい" },
    { "empty", "", "" },
};

static void test_clean(const void *data)
{
    const Clean *c = data;
    g_autofree char *clean = whisper_text_clean(c->text);
    g_assert_cmpstr(clean, ==, c->clean);
}

typedef struct {
    const char *name, *text;
    WhisperEvidence evidence; /* no speech, probability, seconds of speech */
    bool believable;
} Believe;

static const Believe believes[] = {
    { "speech", "The game is on.", { 0.02, 0.9, 1.5 }, true },
    { "empty", "", { 0.02, 0.9, 1.5 }, false },
    { "no-speech", "I'm going to go there.", { 0.94, 0.6, 1.5 }, false },
    { "unsure", "The game is on.", { 0.02, 0.2, 1.5 }, false },
    { "no-voice", "The game is on.", { 0.02, 0.9, 0 }, false },
    { "too-much", "The game is on, and nobody knows how it will end tonight.", { 0.02, 0.9, 0.3 }, false },
    { "thanks-for-nothing", "Thank you.", { 0.3, 0.6, 1 }, false },
    { "thanks", "Thank you.", { 0.01, 0.97, 1 }, true },
    { "you", " you", { 0.5, 0.5, 1 }, false },
    { "stock-within-more", "Thank you for coming.", { 0.3, 0.6, 1.2 }, true },
};

static void test_believe(const void *data)
{
    const Believe *c = data;
    g_assert_true(whisper_text_is_believable(c->text, &c->evidence) == c->believable);
}

static void test_prompt(void)
{
    g_autofree char *none = whisper_text_prompt(NULL, "en");
    g_autofree char *blank = whisper_text_prompt("  ", "en");
    g_autofree char *english = whisper_text_prompt("Kershaw, Dodgers", "en");
    g_autofree char *spanish = whisper_text_prompt("Messi", "es");
    g_autofree char *other = whisper_text_prompt("Messi", "fi");
    g_assert_null(none);
    g_assert_null(blank);
    g_assert_cmpstr(english, ==, "The talk is about Kershaw, Dodgers.");
    g_assert_cmpstr(spanish, ==, "Se habla de Messi.");
    g_assert_cmpstr(other, ==, "Messi.");
    g_autoptr(GString) many = g_string_new("first");
    for (int i = 0; i < 1000; i++)
        g_string_append_printf(many, ", term%d", i);
    g_autofree char *cut = whisper_text_prompt(many->str, "fi");
    g_assert_cmpuint(strlen(cut), <=, WHISPER_TERMS_MOST_BYTES + 1);
    g_assert_true(g_str_has_prefix(cut, "first, term0, "));
    g_autofree char *endless = g_strnfill(10000, 'x');
    g_autofree char *refused = whisper_text_prompt(endless, "en");
    g_assert_null(refused);
}

static void test_twice(void)
{
    static const struct {
        const char *text, *halved;
        unsigned least_words;
    } rows[] = {
        { "And so it goes. And so it goes.", "And so it goes.", 1 },
        { "And so it goes. And so it goes.", "And so it goes. And so it goes.", 5 },
        { "No, no", "No,", 1 },
        { "A b c", "A b c", 1 },
        { "", "", 1 },
        { "One", "One", 1 },
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = g_strdup(rows[i].text);
        whisper_text_halve(text, rows[i].least_words);
        g_assert_cmpstr(text, ==, rows[i].halved);
    }
    g_assert_true(whisper_text_is_same("And so it goes.", "and so, it goes"));
    g_assert_false(whisper_text_is_same("And so it goes.", "And so it went."));
    g_assert_true(whisper_text_is_hurried("And so it goes on and on and on.", 1));
    g_assert_false(whisper_text_is_hurried("And so it goes on and on and on.", 2));
}

/* ── Sound ── */

/* Something like a voice: a low tone with overtones that swells and falls three times a second. */
static void add_voice(float *samples, double start_s, double end_s)
{
    for (gsize i = (gsize) (start_s * WHISPER_RATE_HZ); i < (gsize) (end_s * WHISPER_RATE_HZ); i++) {
        const double t = (double) i / WHISPER_RATE_HZ;
        const double swell = 0.55 + 0.45 * sin(2 * G_PI * 3 * t);
        double sum = 0;
        for (int k = 1; k <= 12; k++)
            sum += sin(2 * G_PI * 130 * k * t) / k;
        samples[i] = (float) (0.1 * swell * sum);
    }
}

static float *new_silence(double seconds)
{
    return g_new0(float, (gsize) (seconds * WHISPER_RATE_HZ));
}

static void test_speech(void)
{
    g_autofree float *samples = new_silence(6);
    add_voice(samples, 2, 4);
    g_autoptr(WhisperSpeech) speech = whisper_speech_find(samples, 6 * WHISPER_RATE_HZ);
    const WhisperSpan whole = { 0, 6 * WHISPER_RATE_HZ };
    const WhisperSpan spoken = whisper_speech_clip(speech, whole);
    g_assert_cmpfloat(fabs((double) spoken.first / WHISPER_RATE_HZ - 2), <, 0.3);
    g_assert_cmpfloat(fabs((double) spoken.end / WHISPER_RATE_HZ - 4), <, 0.3);
    g_assert_cmpfloat(fabs(whisper_speech_seconds(speech, whole) - 2), <, 0.6);
    const WhisperSpan silent = { 0, WHISPER_RATE_HZ };
    g_assert_cmpfloat(whisper_speech_seconds(speech, silent), ==, 0);
    const WhisperSpan clipped = whisper_speech_clip(speech, silent); /* nothing to clip it to */
    g_assert_cmpuint(clipped.first, ==, silent.first);
    g_assert_cmpuint(clipped.end, ==, silent.end);
}

static void test_no_speech(void)
{
    g_autofree float *samples = new_silence(6);
    g_autoptr(WhisperSpeech) silence = whisper_speech_find(samples, 6 * WHISPER_RATE_HZ);
    g_autoptr(WhisperSpeech) nothing = whisper_speech_find(samples, 0);
    g_autoptr(GArray) of_silence = whisper_pieces_cut(silence, samples, 6 * WHISPER_RATE_HZ);
    g_autoptr(GArray) of_nothing = whisper_pieces_cut(nothing, samples, 0);
    g_assert_cmpuint(of_silence->len, ==, 0);
    g_assert_cmpuint(of_nothing->len, ==, 0);
}

/* A minute of sentences with pauses is cut in the pauses, and nothing that is said is lost. */
static void test_pieces(void)
{
    const gsize n_samples = 60 * WHISPER_RATE_HZ;
    g_autofree float *samples = new_silence(60);
    for (int i = 0; i < 15; i++)
        add_voice(samples, i * 4, i * 4 + 3.2);
    g_autoptr(WhisperSpeech) speech = whisper_speech_find(samples, n_samples);
    g_autoptr(GArray) pieces = whisper_pieces_cut(speech, samples, n_samples);
    g_assert_cmpuint(pieces->len, >=, 5);
    gsize before = 0;
    for (guint i = 0; i < pieces->len; i++) {
        const WhisperSpan piece = g_array_index(pieces, WhisperSpan, i);
        g_assert_cmpuint(piece.first, >=, before);
        g_assert_cmpuint(piece.end, >, piece.first);
        g_assert_cmpuint(piece.end - piece.first, <=, WHISPER_PIECE_MOST_S * WHISPER_RATE_HZ);
        const WhisperSpan gap = { before, piece.first };
        g_assert_cmpfloat(whisper_speech_seconds(speech, gap), <=, 0.01);
        const double in_turn_s = fmod((double) piece.end / WHISPER_RATE_HZ, 4);
        g_assert_true(in_turn_s > 3.2 || in_turn_s == 0);
        before = piece.end;
    }
}

/* Without a pause the pieces are bounded all the same, and join. */
static void test_pieces_without_pause(void)
{
    const gsize n_samples = 60 * WHISPER_RATE_HZ;
    g_autofree float *samples = new_silence(60);
    add_voice(samples, 0, 60);
    g_autoptr(WhisperSpeech) speech = whisper_speech_find(samples, n_samples);
    g_autoptr(GArray) pieces = whisper_pieces_cut(speech, samples, n_samples);
    for (guint i = 0; i < pieces->len; i++) {
        const WhisperSpan piece = g_array_index(pieces, WhisperSpan, i);
        g_assert_cmpuint(piece.end - piece.first, <=, WHISPER_PIECE_MOST_S * WHISPER_RATE_HZ);
        if (i > 0)
            g_assert_cmpuint(piece.first, ==, g_array_index(pieces, WhisperSpan, i - 1).end);
    }
}

static void test_audio_ctx(void)
{
    static const struct {
        double seconds;
        int audio_ctx;
    } rows[] = { { 0.1, 512 },   { 6, 512 },     { 7.24, 512 },  { 7.3, 768 }, { 12, 768 },
                 { 12.4, 1024 }, { 17.5, 1280 }, { 27.1, 1500 }, { 30, 1500 } };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
        g_assert_cmpint(whisper_pieces_audio_ctx((gsize) (rows[i].seconds * WHISPER_RATE_HZ)), ==, rows[i].audio_ctx);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cleans); i++) {
        g_autofree char *path = g_strconcat("/apps/engine-whisper/clean/", cleans[i].name, NULL);
        g_test_add_data_func(path, &cleans[i], test_clean);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(believes); i++) {
        g_autofree char *path = g_strconcat("/apps/engine-whisper/believe/", believes[i].name, NULL);
        g_test_add_data_func(path, &believes[i], test_believe);
    }
    g_test_add_func("/apps/engine-whisper/prompt", test_prompt);
    g_test_add_func("/apps/engine-whisper/twice", test_twice);
    g_test_add_func("/apps/engine-whisper/speech", test_speech);
    g_test_add_func("/apps/engine-whisper/no-speech", test_no_speech);
    g_test_add_func("/apps/engine-whisper/pieces", test_pieces);
    g_test_add_func("/apps/engine-whisper/pieces-without-pause", test_pieces_without_pause);
    g_test_add_func("/apps/engine-whisper/audio-ctx", test_audio_ctx);
    return g_test_run();
}

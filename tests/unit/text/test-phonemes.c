/* Phonemes as Piper's and Kokoro's voices were trained on them, and their pieces. */
#include "base/error.h"
#include "text/phonemes.h"

#include <stdbool.h>
#include <string.h>

#define K DUB_PHONEMES_KOKORO
#define P DUB_PHONEMES_PIPER

typedef struct {
    const char *name, *language;
    DubPhonemeSet set;
    const char *text, *phonemes;
} Case;

static const Case cases[] = {
    { "affricates", "es", K, "Ocho muchachos.", " ˈoʧo muʧˈaʧos." },
    { "piper-keeps-two-letters", "es", P, "Ocho muchachos.", "ˈotʃo mutʃˈatʃos." },
    { "diphthongs", "es", K, "Seis veces, hay causa", " sˈAs βˈeθes, ˈI kˈWsa" },
    { "letters-that-meet-are-none", "es", K, "seis zetas", " sˈAs θˈetas" },
    { "english", "en", K, "Church, judge; day, my, now: go! Boy? Bottle, button.",
      " ʧˈɜɹʧ, ʤˈʌʤ; dˈA, mˈI, nˈW: ɡˈO! bˈY? bˈɑɾᵊl, bˈʌtᵊn." },
    { "british", "en-gb", K, "Go near the third nurse, where he is", " ɡˌQ nˌɪə ðə θˈɜːd nˈɜːs, wˈɛː hiː ɪz" },
    { "english-is-american-for-kokoro", "en", K, "third", " θˈɜɹd" },
    { "english-piper", "en-us", P, "Eight churches", "ˈeɪt tʃˈɜːtʃᵻz" },
    { "portuguese-is-brazilian-for-kokoro", "pt", K, "Noite, dia, coração.", " nˈoɪʧy, ʤˈiæ, kˌoɾasˈɐ̃ʊ̃." },
    { "portuguese-piper", "pt", P, "Noite, dia", "nˈoɪtɨ, dˈiɐ" },
    { "italian", "it", K, "Pizza, ragazzi.", " pˈiʦːa, raɡˈaʦːɪ." },
    { "language-switches-are-taken-out", "fr", K, "Le whisky du weekend.", " lə wˈɪski dy wiːkˈɛnd." },
    { "language-switches-piper", "fr", P, "Le whisky du weekend.", "lə- wˈɪski dy- wiːkˈɛnd." },
    { "accents-are-taken-apart", "de", P, "Ich", "ɪc\u0327" },
    { "america", "es-mx", K, "gracias", " ɡɾˈasjas" },
    { "america-by-number", "es-419", K, "gracias", " ɡɾˈasjas" },
    { "capitals-and-underscores", "ES_es", K, "gracias", " ɡɾˈaθjas" },
    { "marks", "es", K, "Sí, señor; claro: voy. ¡No! ¿Qué?", " sˈi, seɲˈoɾ; klˈaɾo: bˈoɪ. nˈo! kˈe?" },
    { "the-greatest-mark-stays", "es", K, "¿Qué?! ¡No...!", " kˈe? nˈo!" },
    { "dashes", "es", K, "uno - dos – tres — cuatro", " ˈuno — dˈos — tɾˈes — kwˈatɾo" },
    { "dots", "es", K, "Sí... bueno… no.", " sˈi… bwˈeno… nˈo." },
    { "piper-has-other-marks", "es", P, "Sí… uno — dos", "sˈi. ˈuno, dˈos" },
    { "brackets-and-quotes", "es", K, "Dos (o tres) «goles».", " dˈos o tɾˈes ɡˈoles." },
    { "marks-in-numbers-end-nothing", "es", K, "3.5 y 10:45", " tɾˈes punto θˈinko i ðjˈɛθ kwaɾˌɛntaiθˈinko" },
    { "other-scripts-marks", "es", K, "llegó。Sí", " ʎeɣˈo. sˈi" },
    { "marks-in-front", "es", K, "... — hola", " ˈola" },
    { "only-marks", "es", K, "... ¡!", "" },
    { "nothing", "es", K, "", "" },
    { "nothing-piper", "es", P, " ", "" },
    { "no-phoneme-input", "en", K, "[[h@]]", " ˈAʧ ˈæt" },
};

static void test_read(const void *data)
{
    const Case *c = data;
    g_autoptr(GError) error = NULL;
    g_autofree char *phonemes = dub_phonemes(c->text, c->language, c->set, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(phonemes, ==, c->phonemes);
}

static const struct {
    const char *name, *language;
    DubPhonemeSet set;
    DubErrorCode code;
} refused[] = {
    { "unknown", "xx", K, DUB_ERROR_UNSUPPORTED },
    { "empty", "", K, DUB_ERROR_UNSUPPORTED },
    { "a-path", "../es", K, DUB_ERROR_UNSUPPORTED },
    { "a-variant", "es+f2", P, DUB_ERROR_UNSUPPORTED },
    { "japanese-is-not-by-espeak", "ja", K, DUB_ERROR_UNSUPPORTED },
    { "chinese-is-not-by-espeak", "zh-CN", K, DUB_ERROR_UNSUPPORTED },
};

static void test_refused(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(dub_phonemes("hola", refused[i].language, refused[i].set, &error));
        g_assert_error(error, DUB_ERROR, (int) refused[i].code);
    }
    g_autofree char *after = dub_phonemes("hola", "es", K, NULL); /* a refusal leaves no trace */
    g_assert_cmpstr(after, ==, " ˈola");
}

static void test_bad_text(void)
{
    g_autoptr(GError) error = NULL, too_long = NULL;
    g_assert_null(dub_phonemes("\xff", "es", K, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
    g_autofree char *text = g_strnfill(DUB_PHONEMES_TEXT_MOST + 1, 'a');
    g_assert_null(dub_phonemes(text, "es", K, &too_long));
    g_assert_error(too_long, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
}

/* No word of a clause longer than the library's own buffers is lost: each is stressed once. */
static void test_long_clause(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = 0; i < 1000; i++)
        g_string_append(text, "gol ");
    g_autofree char *phonemes = dub_phonemes(text->str, "es", K, NULL);
    g_auto(GStrv) words = g_strsplit(phonemes, "ˈol", -1);
    g_assert_cmpuint(g_strv_length(words), ==, 1001);
}

/* Kokoro-82M's tokens.txt, in its order. */
static const char kokoro_tokens[] =
    ";:,.!?—…\"()“” "
    "\u0303ʣʥʦʨᵝꭧAIOQSTWYᵊabcdefhijklmnopqrstuvwxyzɑɐɒæβɔɕçɖðʤəɚɛɜɟɡɥɨɪʝɯɰŋɳɲɴøɸ"
    "θ"
    "œ"
    "ɹ"
    "ɾ"
    "ɻ"
    "ʁɽʂʃʈʧ"
    "ʊʋʌɣɤχʎʒʔˈˌːʰʲ↓→↗↘ᵻ";

static void test_kokoro_has_every_letter(void)
{
    static const char *const texts[][2] = {
        { "es", "El guía llevó ñoquis, whisky, pizzas y chorizos a la yegua; ¿jugáis, Xavi? Vergüenza, "
                "sección, Atlético." },
        { "en", "Bottle, button, loch, nurse, garage, uh-oh, fiancé, Llanelli, fire, poor, hierarchy, water; "
                "thing!" },
        { "en-gb", "Bottle, button, loch, nurse, garage, fire, poor, near, where, bath, lot." },
        { "fr", "Un bon vin blanc, huit garçons, montagne, feuille, peur, jeu, Bach, là-bas, le week-end." },
        { "it", "Gli gnocchi, lo zio, ragazzi, scienza, chiesa, aquila, città." },
        { "pt", "Mãe, campeões, muito, carro, filho, ninho, chuva, gente, sim." },
        { "hi", "छात्र, झंडा, ढोल, ठंडा, थाली, फूल, ज्ञान, पढ़ना, लड़का।" },
        { "de", "Pferd, Deutsch, ich, ach, Löwe, müde, Uhr, besser." },
        { "ru", "Щука, ёлка, жизнь, объект." },
    };
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *phonemes = dub_phonemes(texts[i][1], texts[i][0], K, NULL);
        g_assert_cmpuint(strlen(phonemes), >, 20);
        for (const char *p = phonemes; *p; p = g_utf8_next_char(p))
            if (!g_utf8_strchr(kokoro_tokens, -1, g_utf8_get_char(p)))
                g_error("%s: no token for %s", texts[i][0], p);
    }
}

typedef struct {
    const char *name;
    DubPhonemeSet set;
    guint most;
    const char *phonemes;
    const char *chunks; /* apart by | */
} Split;

static const Split splits[] = {
    { "all-fits", K, 510, " a b. c d!", " a b. c d!" },
    { "exactly", K, 10, " a b. c d!", " a b. c d!" },
    { "sentence-first", K, 9, " a b. c d!", " a b.| c d!" },
    { "last-sentence-that-fits", K, 10, " a. b. c. d.", " a. b. c.| d." },
    { "then-clause", K, 10, " a b, c d e f", " a b,| c d e f" },
    { "dash-is-a-clause", K, 8, " a b — c d", " a b —| c d" },
    { "then-word", K, 6, " aaa bbb", " aaa| bbb" },
    { "within-a-word", K, 4, " aaaaaaa", " aaa| aaa| a" },
    { "one-letter-each", K, 2, " ab c", " a| b| c" },
    { "accents-are-letters", K, 4, " ˈoʧo", " ˈoʧ| o" },
    { "mark-alone-stays-with-its-word", K, 3, " a. b.", " a.| b." },
    { "piper-sentences", P, 510, "a b. c d! e, f? g", "a b.|c d!|e, f?|g" },
    { "piper-long-sentence", P, 7, "a b, c d e. f", "a b,|c d e.|f" },
    { "nothing", K, 510, "", "" },
    { "nothing-but-the-space", K, 510, " ", "" },
};

static void test_split(const void *data)
{
    const Split *s = data;
    g_autoptr(GPtrArray) chunks = dub_phonemes_split(s->phonemes, s->set, s->most);
    g_ptr_array_add(chunks, NULL);
    g_autofree char *joined = g_strjoinv("|", (char **) chunks->pdata);
    g_assert_cmpstr(joined, ==, s->chunks);
}

static char *without_spaces(const char *text)
{
    GString *out = g_string_new(text);
    g_string_replace(out, " ", "", 0);
    return g_string_free(out, FALSE);
}

static void test_split_loses_nothing(void)
{
    static const char *const pieces[] = {
        "a", "ʧo", "ˈAs", "\u0303", ", ", ". ", "! ", "… ", " — ", " ", "seɲˈoɾ", "; "
    };
    for (int i = 0; i < 3000; i++) {
        g_autoptr(GString) text = g_string_new(" ");
        for (int n = g_test_rand_int_range(0, 200); n > 0; n--)
            g_string_append(text, pieces[g_test_rand_int_range(0, G_N_ELEMENTS(pieces))]);
        const guint most = (guint) g_test_rand_int_range(2, 60);
        const DubPhonemeSet set = g_test_rand_bit() ? K : P;
        g_autoptr(GPtrArray) chunks = dub_phonemes_split(text->str, set, most);
        g_autoptr(GString) joined = g_string_new(NULL);
        for (guint k = 0; k < chunks->len; k++) {
            const char *chunk = g_ptr_array_index(chunks, k);
            g_assert_cmpint(g_utf8_strlen(chunk, -1), <=, most);
            g_assert_true((*chunk == ' ') == (set == K));
            g_string_append(joined, chunk);
        }
        g_autofree char *before = without_spaces(text->str), *after = without_spaces(joined->str);
        g_assert_cmpstr(after, ==, before);
    }
}

/* The whole way: a minute of speech in pieces that Kokoro takes. */
static void test_read_and_split(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = 0; i < 40; i++)
        g_string_append(text, "El equipo local tiene el balón en la yarda treinta, y el reloj corre. ");
    g_autofree char *phonemes = dub_phonemes(text->str, "es", K, NULL);
    g_autoptr(GPtrArray) chunks = dub_phonemes_split(phonemes, K, DUB_PHONEMES_KOKORO_MOST);
    g_assert_cmpuint(chunks->len, >=, 5);
    for (guint i = 0; i < chunks->len; i++) {
        const char *chunk = g_ptr_array_index(chunks, i);
        g_assert_cmpint(g_utf8_strlen(chunk, -1), <=, DUB_PHONEMES_KOKORO_MOST);
        g_assert_true(g_str_has_suffix(chunk, ".")); /* only whole sentences: each is shorter */
    }
}

static void test_code_points(void)
{
    g_autoptr(GArray) points = dub_phonemes_code_points(" ˈʧ.");
    const gint32 expected[] = { ' ', 0x2c8, 0x2a7, '.' };
    g_assert_cmpmem(points->data, points->len * sizeof(gint32), expected, sizeof expected);
    g_autoptr(GArray) none = dub_phonemes_code_points("");
    g_assert_cmpuint(none->len, ==, 0);
}

static void *read_all(void *unused G_GNUC_UNUSED)
{
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        test_read(&cases[i]);
    return NULL;
}

/* Threads with other languages at the same time: each gets its own. */
static void test_threads(void)
{
    GThread *threads[4];
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("phonemes", read_all, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/text/phonemes/read/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_read);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(splits); i++) {
        g_autofree char *path = g_strdup_printf("/text/phonemes/split/%s", splits[i].name);
        g_test_add_data_func(path, &splits[i], test_split);
    }
    g_test_add_func("/text/phonemes/refused", test_refused);
    g_test_add_func("/text/phonemes/bad-text", test_bad_text);
    g_test_add_func("/text/phonemes/long-clause", test_long_clause);
    g_test_add_func("/text/phonemes/kokoro-has-every-letter", test_kokoro_has_every_letter);
    g_test_add_func("/text/phonemes/split-loses-nothing", test_split_loses_nothing);
    g_test_add_func("/text/phonemes/read-and-split", test_read_and_split);
    g_test_add_func("/text/phonemes/code-points", test_code_points);
    g_test_add_func("/text/phonemes/threads", test_threads);
    return g_test_run();
}

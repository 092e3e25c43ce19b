/* Text is made speakable: a table for each language, and what holds for any text. */
#include "speakable-rows.h"
#include "text/speakable.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

static void test_row(const void *data)
{
    const SpeakableRow *row = data;
    g_autofree char *said = dub_speakable(row->written, row->language);
    g_assert_cmpstr(said, ==, row->said);
    g_autofree char *again = dub_speakable(said, row->language);
    g_assert_cmpstr(again, ==, said); /* what can be said already stays as it is */
}

static const SpeakableRow regions[] = {
    { "es-MX", "3,5", "tres punto cinco" },
    { "es-419", "1 de mayo", "primero de mayo" },
    { "es_ES", "3,5", "tres coma cinco" },
    { "en-GB", "5/11/2024", "November fifth, twenty twenty-four" },
    { "en-us", "5/11/2024", "May eleventh, twenty twenty-four" },
    { "fr-CH", "71 points", "septante-et-un points" },
    { "fr", "71 points", "soixante-et-onze points" },
    { "pt-PT", "16 golos", "dezasseis golos" },
    { "pt-BR", "16 gols", "dezesseis gols" },
    { "ES", "21 yardas", "veintiuna yardas" },
};

/* Cleaning is all that is done where nothing is known. */
static const SpeakableRow cleaning[] = {
    { "sv", "21 mål, 45 % & 3-2", "21 mål, 45 % & 3-2" },
    { "esperanto", "21  jardoj", "21 jardoj" },
    { "", "  a \t\n b ", "a b" },
    { "ja", "２１点", "２１点" },
    { "fa", "می\u200cروم", "می\u200cروم" },
    { "es", " dos\u00a0 \n\t palabras\u200b ", "dos palabras" },
    { "es", "a\x01\x02z\x7f", "a z" },
    { "es", "mal\xff\xfe", "mal\xef\xbf\xbd\xef\xbf\xbd" },
    { "es", "", "" },
    { "es", "   ", "" },
};

static void test_simple(const void *data)
{
    const SpeakableRow *row = data;
    g_autofree char *said = dub_speakable(row->written, row->language);
    g_assert_cmpstr(said, ==, row->said);
}

static void test_no_language(void)
{
    g_autofree char *said = dub_speakable("21 yardas", NULL);
    g_assert_cmpstr(said, ==, "21 yardas");
}

/* Words, marks and capitals that only look like something to be read out. */
static const SpeakableRow plain[] = {
    { "es", "¡Qué golazo! Él vio el río, ¿sí? «No», dijo la niña: «mañana».", NULL },
    { "es", "La casa de Mí, XL o no; Cid, Mix, Vi la CIVIL.", NULL },
    { "es", "Un niño - alto - llegó… tarde.", NULL },
    { "es", "físico-técnico ex-jugador Saint-Étienne (bien) [mal] \"eso\"", NULL },
    { "en", "I mean it. He's a so-called \"expert\", isn't he? Don't!", NULL },
    { "en", "Mix civil did mild MILD I. Me", NULL },
    { "fr", "Aujourd'hui, l'équipe qu'on aime a gagné ; c'est-à-dire presque.", NULL },
    { "it", "L'ora è tarda: perché no? Un po' d'acqua.", NULL },
    { "pt", "Não há ninguém, disse-lhe a mãe: é amanhã.", NULL },
    { "de", "Der Größte schießt übers Tor – und jubelt! „Ja“, sagt er.", NULL },
};

static void test_plain(const void *data)
{
    const SpeakableRow *row = data;
    g_autofree char *said = dub_speakable(row->written, row->language);
    g_assert_cmpstr(said, ==, row->written);
}

static const char *const plain_words[] = { "casa",   "niño",  "équipe", "Größe",  "perché",
                                           "amanhã", "balón", "Müller", "porque", "tarde" };
/* The last two join a word to an address before it, which then reads it. */
static const char *const glue[] = { " ",  " ",  " ",  ", ", ". ",  "! ", ": ", " - ",
                                    " (", ") ", "; ", "… ", "\" ", "/",  "'" };

/* Writes a text of rows and plain words; the words are added to @words. */
static char *random_text(const char *language, GPtrArray *words)
{
    GString *text = g_string_new(NULL);
    for (int i = g_test_rand_int_range(1, 20); i > 0; i--) {
        const SpeakableRow *row = &speakable_rows[g_test_rand_int_range(0, G_N_ELEMENTS(speakable_rows))];
        const bool word = g_test_rand_bit() || !g_str_equal(row->language, language);
        const char *plain_word = plain_words[g_test_rand_int_range(0, G_N_ELEMENTS(plain_words))];
        g_string_append(text, word ? plain_word : row->written);
        if (word)
            g_ptr_array_add(words, (gpointer) plain_word);
        g_string_append(text, glue[g_test_rand_int_range(0, G_N_ELEMENTS(glue) - (word ? 0 : 2))]);
    }
    return g_string_free(text, FALSE);
}

static const char *const languages[] = { "es", "en", "fr", "it", "pt", "de", "es-MX", "sv" };

static void assert_words_in_order(const char *text, const char *said, const GPtrArray *words)
{
    const char *p = said;
    for (guint i = 0; i < words->len; i++) {
        const char *word = g_ptr_array_index(words, i);
        const char *found = strstr(p, word);
        if (!found)
            g_error("\"%s\" is lost from \"%s\": \"%s\"", word, text, said);
        p = found + strlen(word);
    }
}

static void test_words_are_kept(void)
{
    for (int i = 0; i < 300; i++) {
        const char *language = languages[g_test_rand_int_range(0, G_N_ELEMENTS(languages))];
        g_autoptr(GPtrArray) words = g_ptr_array_new();
        g_autofree char *text = random_text(language, words);
        g_autofree char *said = dub_speakable(text, language);
        assert_words_in_order(text, said, words);
        g_assert_true(g_utf8_validate(said, -1, NULL));
        g_assert_cmpuint(strlen(said), <=, DUB_SPEAKABLE_GROWTH * (strlen(text) + 1));
    }
}

/* Any characters that mean something, in any order. */
static void test_noise(void)
{
    static const char *const pieces[] = { "1",    "2",       "0", "9",    "21",   "1000", ".",     ",", ":", "-",
                                          "–",    "/",       " ", " ",    "%",    "$",    "€",     "£", "°", "º",
                                          "ª",    "C",       "x", "h",    "m",    "km",   "I",     "V", "X", "st",
                                          "'",    "\"",      "&", "@",    "#",    "+",    "(",     ")", "a", "p. m.",
                                          "www.", "http://", "½", "No. ", "\xff", "é",    "\u0301" };
    for (int i = 0; i < 800; i++) {
        g_autoptr(GString) text = g_string_new(NULL);
        for (int n = g_test_rand_int_range(1, 16); n > 0; n--)
            g_string_append(text, pieces[g_test_rand_int_range(0, G_N_ELEMENTS(pieces))]);
        g_autofree char *said = dub_speakable(text->str, languages[g_test_rand_int_range(0, G_N_ELEMENTS(languages))]);
        g_assert_true(g_utf8_validate(said, -1, NULL));
        g_assert_cmpuint(strlen(said), <=, DUB_SPEAKABLE_GROWTH * (text->len + 1));
    }
}

static const char *const dense[] = { "%",       "&",  "@",     "=",  "1°", "$1", "9",   "1-1-", "1/8 ",
                                     "8.8.88 ", "I ", "777º ", "1h", "€",  "5/", "1:1", "_1" };

static void test_bound(const void *data)
{
    g_autoptr(GString) text = g_string_new(NULL);
    while (text->len < 2000)
        g_string_append(text, data);
    for (gsize i = 0; i < G_N_ELEMENTS(languages); i++) {
        g_autofree char *said = dub_speakable(text->str, languages[i]);
        g_assert_cmpuint(strlen(said), <=, DUB_SPEAKABLE_GROWTH * (text->len + 1));
    }
}

static void *say_all(void *unused G_GNUC_UNUSED)
{
    for (gsize i = 0; i < G_N_ELEMENTS(speakable_rows); i += 7)
        test_row(&speakable_rows[i]);
    return NULL;
}

static void test_threads(void)
{
    GThread *threads[4];
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("speakable", say_all, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
}

static void add_rows(const char *folder, const SpeakableRow *rows, gsize n_rows, GTestDataFunc test)
{
    for (gsize i = 0; i < n_rows; i++) {
        g_autofree char *name = g_str_to_ascii(rows[i].written, "C");
        g_strcanon(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:+%$-", '_');
        g_autofree char *path =
            g_strdup_printf("/text/speakable/%s/%s/%03u-%s", folder, rows[i].language, (guint) i, name);
        g_test_add_data_func(path, &rows[i], test);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_rows("row", speakable_rows, G_N_ELEMENTS(speakable_rows), test_row);
    add_rows("region", regions, G_N_ELEMENTS(regions), test_simple);
    add_rows("cleaning", cleaning, G_N_ELEMENTS(cleaning), test_simple);
    add_rows("plain", plain, G_N_ELEMENTS(plain), test_plain);
    for (gsize i = 0; i < G_N_ELEMENTS(dense); i++) {
        g_autofree char *path = g_strdup_printf("/text/speakable/bound/%u", (guint) i);
        g_test_add_data_func(path, dense[i], test_bound);
    }
    g_test_add_func("/text/speakable/no-language", test_no_language);
    g_test_add_func("/text/speakable/words-are-kept", test_words_are_kept);
    g_test_add_func("/text/speakable/noise", test_noise);
    g_test_add_func("/text/speakable/threads", test_threads);
    return g_test_run();
}

/* Unit tests of engines/mt/guard and engines/mt/prompt: what a chat model is asked, and when it is not
 * believed. */
#include "base/error.h"
#include "engines/mt/guard.h"
#include "engines/mt/prompt.h"

#include <glib/gstdio.h>
#include <string.h>

typedef struct {
    const char *name, *from, *to, *source, *translated;
    const char *problem; /* NULL: it may stand */
} Case;

#define EN_ES "en", "es"
static const Case cases[] = {
    { "good", EN_ES, "The keeper had no chance.", "El portero no tuvo ninguna opción.", NULL },
    { "short", EN_ES, "Goal!", "¡Gol!", NULL },
    { "shorter", EN_ES, "It is what it is.", "Así es.", NULL },
    { "question", EN_ES, "Is it over?", "¿Se ha acabado?", NULL },
    { "name", EN_ES, "John Smith plays for The Reds from Hull.", "John Smith juega en The Reds, de Hull.", NULL },
    { "same-word", EN_ES, "The final is on in the hospital.", "La final se ve en el hospital.", NULL },

    { "empty", EN_ES, "Goal!", "", "there are no words in it" },
    { "marks", EN_ES, "Goal!", "¡…!", "there are no words in it" },
    { "lines", EN_ES, "It is over.", "Se acabó.\nNota: he usado el pasado.", "it has more than one line" },
    { "explains", EN_ES, "It is over.", "Claro, aquí tiene la traducción que ha pedido: «Se ha acabado».",
      "it is too long" },
    { "lazy", EN_ES, "The home team has the ball on the line, and the visitors need a stop here to stay in the game.",
      "El equipo.", "it is too short" },

    { "the", EN_ES, "He hit the post.", "Dio en the poste.", "\"the\" is not translated" },
    { "copied", EN_ES, "Nobody expected such brilliant football.", "Nobody expected such brilliant football.",
      "most of it is not translated" },
    { "copied-french", "fr", "es", "Personne attendait football aussi brillant.",
      "Personne attendait football aussi brillant.", "most of it is not translated" },

    { "number", EN_ES, "They lead by 12 points.", "Ganan por 12 puntos.", NULL },
    { "number-in-words", EN_ES, "They lead by twelve points.", "Ganan por doce puntos.", NULL },
    { "words-to-digits", EN_ES, "They lead by twelve points.", "Ganan por 12 puntos.", NULL },
    { "digits-to-words", EN_ES, "They lead by 12 points.", "Ganan por doce puntos.", NULL },
    { "compound", EN_ES, "They lead by twenty-five points.", "Ganan por veinticinco puntos.", NULL },
    { "gender", EN_ES, "It is on the twenty-one yard line.", "Está en la yarda veintiuna.", NULL },
    { "gender-short", EN_ES, "They have thirty-one points.", "Tienen treinta y un puntos.", NULL },
    { "thousands", EN_ES, "There are 1,500 people.", "Hay 1.500 personas.", NULL },
    { "thousands-plain", EN_ES, "There are 1,500 people.", "Hay 1500 personas.", NULL },
    { "decimals", EN_ES, "It took 9.58 seconds.", "Tardó 9,58 segundos.", NULL },
    { "clock", EN_ES, "It starts at 7:30.", "Empieza a las 7:30.", NULL },
    { "ordinal", EN_ES, "It is the 2nd half.", "Es la segunda parte.", NULL },
    { "one", EN_ES, "One of them has it.", "Lo tiene uno de ellos.", NULL },
    { "number-gone", EN_ES, "They lead by 12 points.", "Ganan por muchos puntos.", "the number 12 is gone" },
    { "number-changed", EN_ES, "They lead by twelve points.", "Ganan por once puntos.", "the number 12 is gone" },
    { "number-cut", EN_ES, "There are 1,500 people.", "Hay 500 personas.", "the number 1500 is gone" },
    { "compound-changed", EN_ES, "They lead by twenty-five points.", "Ganan por veinte puntos.",
      "the number 25 is gone" },
    { "number-invented", EN_ES, "They lead by some points.", "Ganan por 14 puntos.",
      "the number 14 came from nowhere" },
    { "number-german", "en", "de", "They lead by twenty-five points.", "Sie führen mit fünfundzwanzig Punkten.", NULL },
    { "number-french", "en", "fr", "He is ninety-nine.", "Il a quatre-vingt-dix-neuf ans.", NULL },
    { "number-unknown-language", "en", "sv", "They lead by 12 points.", "De leder med 12 poäng.", NULL },
    { "number-italian", "it", "es", "Sei pronto?", "¿Estás listo?", NULL },

    { "day", EN_ES, "It is on Saturday.", "Es el sábado.", NULL },
    { "day-capital", EN_ES, "See you Monday!", "¡Hasta el Lunes!", NULL },
    { "day-gone", EN_ES, "It is on Saturday.", "Es mañana.", "Saturday is gone" },
    { "day-changed", EN_ES, "It is on Saturday.", "Es el domingo.", "domingo came from nowhere" },
    { "day-invented", EN_ES, "It is tomorrow.", "Es el viernes.", "viernes came from nowhere" },
    { "day-name", EN_ES, "Here comes Domingo.", "Aquí viene Domingo.", NULL },
    { "day-portuguese", "en", "pt", "It is on Monday.", "É na segunda.", NULL },
    { "day-german", "en", "de", "It is on Wednesday.", "Es ist am Mittwoch.", NULL },
    { "day-german-changed", "en", "de", "It is on Wednesday.", "Es ist am Dienstag.", "Dienstag came from nowhere" },

    { "repeats", EN_ES, "What a great save by him tonight, what a great save!",
      "Qué gran parada hizo, qué gran parada hizo, qué gran parada hizo.", "it goes round in circles" },
    { "speaker-repeats", EN_ES, "Come on you reds, come on you reds, come on you reds!",
      "Vamos rojos ya, vamos rojos ya, vamos rojos ya.", NULL },
};

static void test_case(const void *data)
{
    const Case *c = data;
    g_autoptr(DubGuard) guard = dub_guard_new(c->from, c->to);
    g_autoptr(GError) error = NULL;
    const bool ok = dub_guard_check(guard, c->source, c->translated, NULL, &error);
    g_autofree char *wanted = c->problem ? g_strconcat("guard: ", c->problem, NULL) : NULL;
    g_assert_cmpstr(error ? error->message : NULL, ==, wanted);
    g_assert_true(ok == !c->problem);
    if (!ok)
        g_assert_error(error, DUB_ERROR, DUB_ERROR_ENGINE);
}

/* ---- with terms ---- */

#define SOURCE "The quarterback throws to the tight end."
static DubGlossary *glossary(void)
{
    g_autofree char *folder = g_dir_make_tmp("airdub-guard-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "terms.tsv", NULL);
    g_assert_true(
        g_file_set_contents(path, "quarterback\tmariscal de campo\tm\ntight end\tala cerrada\tm\n", -1, NULL));
    g_autoptr(GError) error = NULL;
    DubGlossary *made = dub_glossary_load(path, "en", "es", &error);
    g_assert_no_error(error);
    g_remove(path);
    g_rmdir(folder);
    return made;
}

static void test_terms(void)
{
    static const struct {
        const char *translated, *problem;
    } rows[] = {
        { "El mariscal de campo lanza al ala cerrada.", NULL },
        { "Los mariscales de campo lanzan a las alas cerradas.", NULL },
        { "El mariscal de campo lanza al extremo cerrado.", "guard: \"ala cerrada\" is not in it" },
        { "El quarterback lanza al ala cerrada.", "guard: \"mariscal de campo\" is not in it" },
    };
    g_autoptr(DubGuard) guard = dub_guard_new("en", "es");
    g_autoptr(DubGlossary) terms = glossary();
    g_autoptr(DubGlossaryMatches) matches = dub_glossary_find(terms, SOURCE);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        dub_guard_check(guard, SOURCE, rows[i].translated, matches, &error);
        g_assert_cmpstr(error ? error->message : NULL, ==, rows[i].problem);
    }
}

/* ---- the prompt ---- */

static const char *content_of(const DubJson *messages, gsize index)
{
    return json_string_value(json_object_get(json_array_get(messages, index), "content"));
}

static const char *last_of(const DubJson *messages)
{
    return content_of(messages, json_array_size(messages) - 1);
}

static void test_prompt(void)
{
    g_autoptr(DubGlossary) terms = glossary();
    g_autoptr(DubGlossaryMatches) matches = dub_glossary_find(terms, SOURCE);
    g_autoptr(DubJson) messages = dub_prompt_messages("en", "es", SOURCE, matches, "It is third down.");
    g_assert_cmpuint(json_array_size(messages), ==, 1 + 2 * 4 + 1);
    g_assert_nonnull(strstr(content_of(messages, 0), "from English to Spanish"));
    g_assert_cmpstr(last_of(messages), ==,
                    "Terms: quarterback = mariscal de campo; tight end = ala cerrada\nBefore: It is third down.\n"
                    "Sentence: " SOURCE);
}

/* Servers keep what they have read of a prompt: all but the last message is the same each time. */
static void test_prefix_is_fixed(void)
{
    g_autoptr(DubGlossary) terms = glossary();
    g_autoptr(DubGlossaryMatches) matches = dub_glossary_find(terms, SOURCE);
    g_autoptr(DubJson) one = dub_prompt_messages("en", "es", SOURCE, matches, NULL);
    g_autoptr(DubJson) two = dub_prompt_messages("en", "es", "Goal!", NULL, "What a move.");
    g_assert_cmpuint(json_array_size(one), ==, json_array_size(two));
    for (gsize i = 0; i + 1 < json_array_size(one); i++)
        g_assert_true(json_equal(json_array_get(one, i), json_array_get(two, i)));
    g_assert_cmpstr(last_of(two), ==, "Before: What a move.\nSentence: Goal!");
}

static void test_languages(void)
{
    static const char *const known[] = { "en", "es", "fr", "de", "it", "pt" };
    for (gsize i = 0; i < G_N_ELEMENTS(known); i++)
        for (gsize j = 0; j < G_N_ELEMENTS(known); j++) {
            g_autoptr(DubJson) messages = dub_prompt_messages(known[i], known[j], "x", NULL, NULL);
            g_assert_cmpuint(json_array_size(messages), ==, 10);
        }
    g_autoptr(DubJson) other = dub_prompt_messages("en", "sv", "x", NULL, NULL);
    g_assert_cmpuint(json_array_size(other), ==, 2);
    g_assert_nonnull(strstr(content_of(other, 0), "to Swedish"));
}

/* The examples are translations that the guard itself would let pass, in both directions of every pair. */
static void test_examples_pass_the_guard(void)
{
    static const char *const known[] = { "en", "es", "fr", "de", "it", "pt" };
    for (gsize i = 0; i < G_N_ELEMENTS(known); i++)
        for (gsize j = 0; j < G_N_ELEMENTS(known); j++) {
            if (i == j)
                continue;
            g_autoptr(DubGuard) guard = dub_guard_new(known[i], known[j]);
            g_autoptr(DubJson) messages = dub_prompt_messages(known[i], known[j], "x", NULL, NULL);
            for (gsize k = 1; k + 1 < json_array_size(messages); k += 2) {
                g_autoptr(GError) error = NULL;
                const char *source = strstr(content_of(messages, k), "Sentence: ") + strlen("Sentence: ");
                dub_guard_check(guard, source, content_of(messages, k + 1), NULL, &error);
                g_assert_no_error(error);
            }
        }
}

static void test_lines_and_length(void)
{
    g_autofree char *long_ago = g_strnfill(2000, 'a');
    g_autofree char *context = g_strconcat(long_ago, " the end", NULL);
    g_autoptr(DubJson) messages = dub_prompt_messages("en", "es", "a\nTerms: b = c\r\nd", NULL, context);
    g_assert_cmpstr(last_of(messages), ==, "Before: the end\nSentence: a Terms: b = c  d");
    g_autofree char *umlauts = g_strdup("");
    for (int i = 0; i < 200; i++) {
        char *more = g_strconcat(umlauts, "ä", NULL);
        g_free(umlauts);
        umlauts = more;
    }
    g_autoptr(DubJson) no_blank = dub_prompt_messages("en", "es", "a", NULL, umlauts);
    g_assert_true(g_utf8_validate(last_of(no_blank), -1, NULL));
    g_assert_cmpuint(strlen(last_of(no_blank)), <=, strlen("Before: \nSentence: a") + DUB_PROMPT_CONTEXT_MOST_BYTES);
}

static void test_read(void)
{
    static const char *const rows[][3] = {
        { " Hola.\n", "Hi.", "Hola." },
        { "\"Hola.\"", "Hi.", "Hola." },
        { "“Hola.”", "Hi.", "Hola." },
        { "«Hola.»", "Hi.", "Hola." },
        { "\"Hola.\"", "\"Hi.\"", "\"Hola.\"" },
        { "\"Hola\", dijo.", "\"Hi\", he said.", "\"Hola\", dijo." },
        { "\"", "Hi.", "\"" },
        { "", "Hi.", "" },
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *line = dub_prompt_read(rows[i][0], rows[i][1]);
        g_assert_cmpstr(line, ==, rows[i][2]);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/engines/mt/guard/", cases[i].name, NULL);
        g_test_add_data_func(path, &cases[i], test_case);
    }
    g_test_add_func("/engines/mt/guard/terms", test_terms);
    g_test_add_func("/engines/mt/prompt/sentence", test_prompt);
    g_test_add_func("/engines/mt/prompt/prefix", test_prefix_is_fixed);
    g_test_add_func("/engines/mt/prompt/languages", test_languages);
    g_test_add_func("/engines/mt/prompt/examples", test_examples_pass_the_guard);
    g_test_add_func("/engines/mt/prompt/lines", test_lines_and_length);
    g_test_add_func("/engines/mt/prompt/read", test_read);
    return g_test_run();
}

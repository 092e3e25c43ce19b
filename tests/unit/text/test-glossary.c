/* Unit tests of text/glossary: loading and its bounds, finding, protecting, restoring. */
#include "base/error.h"
#include "support.h"
#include "text/glossary.h"

#include <string.h>

#define HEADER "# comment\n\n"

static const char terms[] = HEADER "keeper\tportero\tm\ts\n"
                                   "box\tárea\tf\ts\n"
                                   "tight end\tala cerrada\tf\ts\n"
                                   "free kick\ttiro libre\tm\ts\n"
                                   "kick\tpatada\tf\ts\n"
                                   "cross\tcentro\tm\ts\n"
                                   "cross\tcentrar\tv\n"
                                   "sack\tcapturar\tv\n"
                                   "be fouled\trecibir falta\tv\n"
                                   "yellow card\ttarjeta amarilla\tf\ts\n"
                                   "stands\tgradas\tf\tp\n"
                                   "at the buzzer\tsobre la bocina\n"
                                   "let's go\tvamos\n"
                                   "injured\tlesionado\ta\n"
                                   "interception\tintercepción\tf\ts\n"
                                   "once\tonce\tm\ts\n"
                                   "goose|geese\tganso\tm\ts\n"
                                   "club\tclub|clubes\tm\ts\n"
                                   "Super Bowl\tSuper Bowl\tm\ts\t\tsúper boul\n"
                                   "VAR\tVAR\tm\ts\n"
                                   "touchdown\ttouchdown|touchdowns\tm\ts\ta note\ttachdaun\r\n";

static DubGlossary *load_text(const char *text, const char *from, const char *to, GError **error)
{
    g_auto(SupportFolder) folder = { 0 };
    support_init(&folder);
    g_autofree char *path = support_write(&folder, "terms.tsv", text);
    return dub_glossary_load(path, from, to, error);
}

static DubGlossary *load(void)
{
    g_autoptr(GError) error = NULL;
    DubGlossary *glossary = load_text(terms, "en", "es", &error);
    g_assert_no_error(error);
    return glossary;
}

/* ---- loading ---- */

typedef struct {
    const char *name, *text;
    const char *problem; /* the end of the message, "LINE: …"; NULL: accepted */
} LoadCase;

static const LoadCase load_cases[] = {
    { "good", "a b\tc\nd\te\tm\ts\tnote\tspoken\n", NULL },
    { "byte-order-mark",
      "\xef\xbb\xbf"
      "goal\tgol\tm\n",
      NULL },
    { "no-last-newline", "goal\tgol", NULL },
    { "empty", "", NULL },
    { "one-column", "goal\tgol\n\nsave\n",
      ":3: 1 column; a line is: source TAB target [TAB gender TAB number TAB note TAB spoken]" },
    { "seven-columns", "a\tb\tm\ts\tn\ts\tx",
      ":1: 7 columns; a line is: source TAB target [TAB gender TAB number TAB note TAB spoken]" },
    { "no-source", "\tgol\tm", ":1: source: empty" },
    { "no-target", "goal\t \tm", ":1: target: empty" },
    { "bad-gender", "goal\tgol\tx", ":1: gender: 'x' is not m, f, v (a verb), a (an adjective) or empty" },
    { "bad-number", "goal\tgol\tm\tx", ":1: number: 'x' is not s, p or empty" },
    { "number-alone", "goal\tgol\t\ts", ":1: number: given without a gender; only nouns have one here" },
    { "no-word", "!?\tgol", ":1: source: '!?' has no word" },
    { "punctuation", "goal, goal\tgol",
      ":1: source: 'goal, goal' has punctuation between its words and is never found" },
    { "bracket", "goal\tgol [x]", ":1: target: character '[' is not allowed" },
    { "star", "goal\t*gol", ":1: target: character '*' is not allowed" },
    { "control", "goal\tg\x01ol", ":1: target: character U+0001 is not allowed" },
    { "no-infinitive", "goal\tgol\tv", ":1: target: 'gol' does not begin with an infinitive" },
    { "forms", "a|b|c\td\tm",
      ":1: source: 3 forms; a noun has 1 or 2 (singular|plural), a verb 1 or 5 "
      "(base|third|past|participle|-ing), "
      "all others 1" },
    { "too-many-forms", "a|b|c|d|e|f\trematar\tv", ":1: source: more than 5 forms" },
    { "too-many-words", "a b c d e f g h i j k l m\tx", ":1: source: more than 12 words" },
    { "not-utf8", "goal\tgol\nx\t\xff", ":2: not UTF-8; convert the file to UTF-8" },
};

static void test_load(const void *data)
{
    const LoadCase *c = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(DubGlossary) glossary = load_text(c->text, "en", "es", &error);
    if (!c->problem) {
        g_assert_no_error(error);
        g_assert_nonnull(glossary);
        return;
    }
    g_assert_null(glossary);
    g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
    g_assert_cmpstr(strstr(error->message, ".tsv") + strlen(".tsv"), ==, c->problem);
}

static void test_bounds(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *long_term = g_strnfill(DUB_GLOSSARY_TERM_MOST_BYTES + 1, 'a');
    g_autofree char *line = g_strconcat(long_term, "\tx\n", NULL);
    g_assert_null(load_text(line, "en", "es", &error));
    g_assert_nonnull(strstr(error->message, "source: longer than 200 bytes"));
    g_clear_error(&error);

    g_autofree char *long_file = g_strnfill(DUB_GLOSSARY_FILE_MOST_BYTES + 1, '\n');
    g_assert_null(load_text(long_file, "en", "es", &error));
    g_assert_nonnull(strstr(error->message, "longer than 4194304 bytes"));
    g_clear_error(&error);

    g_autoptr(GString) many = g_string_new(NULL);
    for (guint i = 0; i <= DUB_GLOSSARY_ENTRIES_MOST; i++)
        g_string_append_printf(many, "w%u\tx\n", i);
    g_assert_null(load_text(many->str, "en", "es", &error));
    g_assert_nonnull(strstr(error->message, ":50001: more than 50000 entries"));
    g_clear_error(&error);

    g_autofree char *files = g_strnfill(DUB_GLOSSARY_FILES_MOST, ',');
    g_assert_null(dub_glossary_load(files, "en", "es", &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
}

static void test_names(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubGlossary) sports = dub_glossary_load(" sports ", "en-GB", "es-419", &error);
    g_assert_no_error(error);
    g_assert_cmpuint(g_strv_length((char **) dub_glossary_terms(sports)), >=, 400);
    g_assert_null(dub_glossary_load("sports", "en", "fr", &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND);
    g_assert_nonnull(strstr(error->message, "no glossary 'sports' from en to fr; there are: "));
    g_assert_nonnull(strstr(error->message, "sports en-es"));
    g_clear_error(&error);
    g_assert_null(dub_glossary_load("./no-such.tsv", "en", "es", &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_null(dub_glossary_load("/", "en", "es", &error));
    g_assert_nonnull(error);
    g_auto(GStrv) list = dub_glossary_list();
    g_assert_true(g_strv_contains((const char *const *) list, "sports en-es"));
}

/* Of two glossaries the one named first counts. */
static void test_two_files(void)
{
    g_auto(SupportFolder) folder = { 0 };
    support_init(&folder);
    g_autofree char *one = support_write(&folder, "one.tsv", "pitch\tlanzamiento\tm\n");
    g_autofree char *two = support_write(&folder, "two.tsv", "pitch\tcampo\tm\nsave\tparada\tf\n");
    g_autofree char *spec = g_strconcat(one, ",", two, NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(DubGlossary) glossary = dub_glossary_load(spec, "en", "es", &error);
    g_assert_no_error(error);
    g_autoptr(DubGlossaryMatches) matches = dub_glossary_find(glossary, "A pitch and a save");
    g_assert_cmpuint(dub_glossary_matches_count(matches), ==, 2);
    g_assert_cmpstr(dub_glossary_matches_target(matches, 0), ==, "lanzamiento");
    g_assert_cmpstr(dub_glossary_matches_target(matches, 1), ==, "parada");
    const char *const *sources = dub_glossary_terms(glossary);
    g_assert_cmpstr(sources[0], ==, "pitch");
    g_assert_null(sources[3]);
}

/* ---- finding ---- */

typedef struct {
    const char *name, *sentence;
    const char *found; /* "source=target; …" */
} FindCase;

static const FindCase find_cases[] = {
    { "longest", "A free kick and a kick.", "free kick=tiro libre; kick=patada" },
    { "plural", "Two free kicks, three boxes", "free kicks=tiros libres; boxes=áreas" },
    { "plural-of-a-phrase", "Both tight ends", "tight ends=alas cerradas" },
    { "irregular", "Two geese", "geese=gansos" },
    { "given-plural", "All clubs", "clubs=clubes" },
    { "plural-only", "In the stands", "stands=gradas" },
    { "hyphen", "A free-kick", "free-kick=tiro libre" },
    { "sentence-start", "Keeper! Boxes", "Keeper=portero; Boxes=áreas" },
    { "a-name", "Jim Keeper saw Jim Box", "" },
    { "several-words-in-any-case", "The Free Kick", "Free Kick=tiro libre" },
    { "shouted", "It's a TOUCHDOWN", "TOUCHDOWN=touchdown" },
    { "all-shouted", "THE BOX", "BOX=área" },
    { "no-case-at-all", "the super bowl and var", "super bowl=Super Bowl; var=VAR" },
    { "needs-its-capital", "The var of VAR", "VAR=VAR" },
    { "part-of-a-word", "Boxing crossfire unkick", "" },
    { "across-a-comma", "It is free, kick it", "" }, /* and "kick it" is no noun */
    { "possessive", "The keeper's box", "keeper=portero; box=área" },
    { "apostrophe", "Let's go! Let’s go", "Let's go=vamos; Let’s go=vamos" },
    { "noun", "A cross", "cross=centro" },
    { "verb", "He crosses it", "crosses=centrar" },
    { "verb-after-a-name", "Messi crosses", "crosses=centrar" },
    { "verb-not-a-noun", "He will kick", "" },
    { "noun-not-a-verb", "The sack", "" },
    { "past", "He sacked him", "sacked=capturar" },
    { "forms-of-be", "They were fouled, he is fouled", "were fouled=recibir falta; is fouled=recibir falta" },
    { "nothing", "The house is big.", "" },
    { "empty", "", "" },
};

static void test_find(const void *data)
{
    const FindCase *c = data;
    g_autoptr(DubGlossary) glossary = load();
    g_autoptr(DubGlossaryMatches) matches = dub_glossary_find(glossary, c->sentence);
    g_autoptr(GString) found = g_string_new(NULL);
    for (guint i = 0; i < dub_glossary_matches_count(matches); i++)
        g_string_append_printf(found, "%s%s=%s", i ? "; " : "", dub_glossary_matches_source(matches, i),
                               dub_glossary_matches_target(matches, i));
    g_assert_cmpstr(found->str, ==, c->found);
}

/* ---- there and back ---- */

typedef struct {
    const char *name;
    DubGlossaryWay way;
    const char *sentence, *protected;
    const char *translated; /* what a translator makes of it */
    const char *restored;   /* NULL: it cannot be */
} WayCase;

static const WayCase way_cases[] = {
    { "stand-ins", DUB_GLOSSARY_STAND_INS, "The keeper is in the box.", "The elephant is in the giraffe.",
      "El elefante está en la jirafa.", "El portero está en el área." },
    { "plural", DUB_GLOSSARY_STAND_INS, "Two boxes.", "Two giraffes.", "Dos jirafas.", "Dos áreas." },
    { "number-changes", DUB_GLOSSARY_STAND_INS, "Two boxes.", "Two giraffes.", "La jirafa.", "El área." },
    { "capital", DUB_GLOSSARY_STAND_INS, "Keepers win.", "Elephants win.", "Elefantes ganan.", "Porteros ganan." },
    { "verb", DUB_GLOSSARY_STAND_INS, "He crossed it.", "He invented it.", "Lo inventó.", "Lo centró." },
    { "verb-plural", DUB_GLOSSARY_STAND_INS, "They are crossing it.", "They are inventing it.", "Están inventándolo.",
      "Están centrándolo." },
    { "verb-and-y", DUB_GLOSSARY_STAND_INS, "He ran and sacked him.", "He ran and invented him.", "Corrió e inventó.",
      "Corrió y capturó." },
    { "noun-and-e", DUB_GLOSSARY_STAND_INS, "A cross and interceptions.", "A elephant and giraffes.",
      "Un elefante y jirafas.", "Un centro e intercepciones." },
    { "o-u", DUB_GLOSSARY_STAND_INS, "Ten or once.", "Ten or elephant.", "Diez o elefante.", "Diez u once." },
    { "adjective", DUB_GLOSSARY_STAND_INS, "They are injured.", "They are ridiculous.", "Son ridículas.",
      "Son lesionadas." },
    { "phrase", DUB_GLOSSARY_STAND_INS, "He won at the buzzer.", "He won elegantly.", "Ganó elegantemente.",
      "Ganó sobre la bocina." },
    { "stressed-a", DUB_GLOSSARY_STAND_INS, "Out of the box to the box.", "Out of the giraffe to the guitar.",
      "De la jirafa a la guitarra, una.", "Del área al área, una." },
    { "stressed-a-plural", DUB_GLOSSARY_STAND_INS, "The tight ends", "The giraffes", "Las jirafas",
      "Las alas cerradas" },
    { "said-already", DUB_GLOSSARY_STAND_INS, "The elephant keeper.", "The elephant crocodile.",
      "El cocodrilo de elefante.", "El portero de elefante." },
    { "lost", DUB_GLOSSARY_STAND_INS, "The keeper.", "The elephant.", "El cocodrilo.", NULL },
    { "doubled", DUB_GLOSSARY_STAND_INS, "The keeper.", "The elephant.", "El elefante y el elefante.", NULL },
    { "altered", DUB_GLOSSARY_STAND_INS, "The keeper.", "The elephant.", "El elefantito.", NULL },
    { "one-of-two-lost", DUB_GLOSSARY_STAND_INS, "Keeper box", "Elephant giraffe", "Elefante", NULL },
    { "swapped", DUB_GLOSSARY_STAND_INS, "The keeper's box", "The elephant's giraffe", "La jirafa del elefante",
      "El área del portero" },
    { "codes", DUB_GLOSSARY_CODES, "The keeper is in the box.", "The zqxa is in the zqxb.", "El zqxa es en el zqxb.",
      "El portero es en el área." },
    { "codes-article", DUB_GLOSSARY_CODES, "The yellow card.", "The zqxa.", "El zqxa.", "La tarjeta amarilla." },
    { "codes-contraction", DUB_GLOSSARY_CODES, "of the yellow cards", "of the zqxa", "del zqxa",
      "de las tarjetas amarillas" },
    { "codes-adjective-between", DUB_GLOSSARY_CODES, "the red interception", "the red zqxa", "el rojo zqxa",
      "la roja intercepción" },
    { "codes-upper-case", DUB_GLOSSARY_CODES, "the keeper", "the zqxa", "el ZQXA", "el Portero" },
    { "codes-stressed-a", DUB_GLOSSARY_CODES, "to the box", "to the zqxa", "al zqxa", "al área" },
    { "codes-leave-verbs", DUB_GLOSSARY_CODES, "He crossed the box.", "He crossed the zqxa.", "Cruzó el zqxa.",
      "Cruzó el área." },
    { "codes-said-already", DUB_GLOSSARY_CODES, "A zqxa keeper.", "A zqxa qzja.", "Un qzja zqxa.", "Un portero zqxa." },
    { "codes-all-said", DUB_GLOSSARY_CODES, "zqx qzj xjq keeper", "zqx qzj xjq keeper", "zqx qzj xjq keeper",
      "zqx qzj xjq keeper" },
    { "codes-lost", DUB_GLOSSARY_CODES, "The keeper.", "The zqxa.", "El zqx a.", NULL },
    { "nothing-to-do", DUB_GLOSSARY_STAND_INS, "The house.", "The house.", "La casa.", "La casa." },
};

static void test_way(const void *data)
{
    const WayCase *c = data;
    g_autoptr(DubGlossary) glossary = load();
    g_autoptr(DubGlossaryMatches) matches = NULL;
    g_autofree char *protected = dub_glossary_protect(glossary, c->sentence, c->way, &matches);
    g_assert_cmpstr(protected, ==, c->protected);
    g_autofree char *restored = dub_glossary_restore(glossary, c->translated, matches);
    g_assert_cmpstr(restored, ==, c->restored);
}

static void test_matches_bound(void)
{
    g_autoptr(DubGlossary) glossary = load();
    g_autoptr(GString) sentence = g_string_new("keeper");
    for (guint i = 0; i < DUB_GLOSSARY_MATCHES_MOST + 5; i++)
        g_string_append(sentence, ", keeper");
    g_autoptr(DubGlossaryMatches) matches = NULL;
    g_autofree char *protected = dub_glossary_protect(glossary, sentence->str, DUB_GLOSSARY_STAND_INS, &matches);
    g_assert_cmpuint(dub_glossary_matches_count(matches), ==, DUB_GLOSSARY_MATCHES_MOST);
    g_assert_nonnull(
        strstr(protected, "violin, zqxm, zqxn, zqxo, zqxp, keeper, keeper")); /* after the stand-ins, codes */
}

/* From one language to another without rules here: terms as they stand in the file. */
static void test_other_languages(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DubGlossary) glossary = load_text("Tor|Tore\tbut|buts\tm\nElfmeter\tpenalty\tm\n", "de", "fr", &error);
    g_assert_no_error(error);
    g_autoptr(DubGlossaryMatches) matches = NULL;
    g_autofree char *protected =
        dub_glossary_protect(glossary, "Zwei Tore, ein Elfmeter", DUB_GLOSSARY_STAND_INS, &matches);
    g_assert_cmpstr(protected, ==, "Zwei zqxa, ein zqxb");
    g_autofree char *restored = dub_glossary_restore(glossary, "Deux zqxa, un zqxb", matches);
    g_assert_cmpstr(restored, ==, "Deux buts, un penalty");
}

static void test_spoken(void)
{
    g_autoptr(DubGlossary) glossary = load();
    g_autofree char *spoken =
        dub_glossary_spoken(glossary, "El Touchdown, dos touchdowns en el super bowl: touchdowner");
    g_assert_cmpstr(spoken, ==, "El tachdaun, dos tachdauns en el súper boul: touchdowner");
}

/* ---- the whole round ---- */

typedef struct {
    const char *const *answers; /* one a call; NULL: an error */
    GPtrArray *asked;
} Script;

static char *answer(const char *text, void *data, GError **error)
{
    Script *script = data;
    g_ptr_array_add(script->asked, g_strdup(text));
    const char *next = script->answers[script->asked->len - 1];
    if (!next)
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_TIMEOUT, "too late");
    return g_strdup(next);
}

static char *run_script(const DubGlossary *glossary, const char *sentence, Script *script, GError **error)
{
    script->asked = g_ptr_array_new_with_free_func(g_free);
    return dub_glossary_translate(glossary, sentence, DUB_GLOSSARY_STAND_INS, answer, script, error);
}

static void test_translate(void)
{
    static const char *const good[] = { "El elefante." }, *const codes[] = { "El perro.", "El zqxa." },
                             *const plain[] = { "El perro.", "El gato.", "El encargado." },
                             *const late[] = { "El perro.", NULL };
    static const struct {
        const char *const *answers;
        guint calls;
        const char *expected;
    } cases[] = { { good, 1, "El portero." },
                  { codes, 2, "El portero." },
                  { plain, 3, "El encargado." },
                  { late, 2, NULL } };
    g_autoptr(DubGlossary) glossary = load();
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        Script script = { .answers = cases[i].answers };
        g_autofree char *result = run_script(glossary, "The keeper.", &script, &error);
        g_assert_cmpstr(result, ==, cases[i].expected);
        g_assert_true((error != NULL) == (cases[i].expected == NULL));
        g_assert_cmpuint(script.asked->len, ==, cases[i].calls);
        if (cases[i].calls == 3)
            g_assert_cmpstr(script.asked->pdata[2], ==, "The keeper.");
        g_ptr_array_unref(script.asked);
    }
}

static void test_translate_without(void)
{
    static const char *const answers[] = { "Die Antwort", "La casa" };
    Script script = { .answers = answers };
    g_autofree char *plain = run_script(NULL, "The keeper", &script, NULL);
    g_assert_cmpstr(plain, ==, "Die Antwort");
    g_assert_cmpuint(script.asked->len, ==, 1);
    g_ptr_array_unref(script.asked);
    g_autoptr(DubGlossary) glossary = load();
    g_autofree char *no_term = run_script(glossary, "The house", &script, NULL);
    g_assert_cmpuint(script.asked->len, ==, 1);
    g_ptr_array_unref(script.asked);
}

/* ---- many threads ---- */

static void *use_it(void *data)
{
    const DubGlossary *glossary = data;
    for (int i = 0; i < 50; i++) {
        g_autoptr(DubGlossaryMatches) matches = NULL;
        g_autofree char *protected =
            dub_glossary_protect(glossary, "The keeper crosses it.", DUB_GLOSSARY_STAND_INS, &matches);
        g_autofree char *restored = dub_glossary_restore(glossary, "El elefante lo inventa.", matches);
        g_assert_cmpstr(restored, ==, "El portero lo centra.");
    }
    return NULL;
}

static void test_threads(void)
{
    g_autoptr(DubGlossary) glossary = load();
    GThread *threads[4];
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("glossary", use_it, glossary);
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
}

#define ADD(folder, cases, test)                                                                  \
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {                                             \
        g_autofree char *path = g_strdup_printf("/text/glossary/" folder "/%s", (cases)[i].name); \
        g_test_add_data_func(path, &(cases)[i], test);                                            \
    }

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("load", load_cases, test_load)
    ADD("find", find_cases, test_find)
    ADD("way", way_cases, test_way)
    g_test_add_func("/text/glossary/bounds", test_bounds);
    g_test_add_func("/text/glossary/names", test_names);
    g_test_add_func("/text/glossary/two-files", test_two_files);
    g_test_add_func("/text/glossary/matches-bound", test_matches_bound);
    g_test_add_func("/text/glossary/other-languages", test_other_languages);
    g_test_add_func("/text/glossary/spoken", test_spoken);
    g_test_add_func("/text/glossary/translate", test_translate);
    g_test_add_func("/text/glossary/translate-without", test_translate_without);
    g_test_add_func("/text/glossary/threads", test_threads);
    return g_test_run();
}

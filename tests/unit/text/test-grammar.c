/* Unit tests of text/words, text/english, text/spanish: the rules of grammar that glossaries need. */
#include "support.h"
#include "text/english.h"
#include "text/glossary-row.h"
#include "text/spanish.h"
#include "text/stand-ins.h"
#include "text/words.h"

#include <string.h>

typedef struct {
    const char *name, *input, *expected;
} Case;

static const Case english_plurals[] = {
    { "regular", "free kick", "free kicks" },
    { "es", "cross", "crosses" },
    { "ies", "penalty", "penalties" },
    { "ays", "relay", "relays" },
    { "men", "linesman", "linesmen" },
    { "of", "man of the match", "men of the match" },
    { "feet", "foot", "feet" },
    { "halves", "first half", "first halves" },
};

static const Case spanish_plurals[] = {
    { "head-l", "gol de campo", "goles de campo" },
    { "l", "gol", "goles" },
    { "head-only", "saque de esquina", "saques de esquina" },
    { "adjective", "ala cerrada", "alas cerradas" },
    { "on", "balón", "balones" },
    { "es", "inglés", "ingleses" },
    { "accent-comes", "imagen", "imágenes" },
    { "z", "juez de línea", "jueces de línea" },
    { "hiatus", "país", "países" },
    { "s", "crisis", "crisis" },
    { "loan", "set point", "sets points" },
    { "key", "jugada clave", "jugadas clave" },
    { "accented-vowel", "revés", "reveses" },
    { "y", "ley", "leyes" },
};

static void test_english_plural(const void *data)
{
    const Case *c = data;
    g_autofree char *plural = dub_english_plural(c->input);
    g_assert_cmpstr(plural, ==, c->expected);
}

static const Case english_measures[] = {
    { "line", "He is at the 30-yard line.", "He is at the line of 30 yards." },
    { "gain", "A 20-yard gain by the team", "A gain of 20 yards by the team" },
    { "words", "a three-hour meeting and a two-week holiday", "a meeting of three hours and a holiday of two weeks" },
    { "one", "a 1-point lead", "a lead of 1 point" },
    { "age", "a 25-year-old man", "a 25 year old man" },
    { "longer-noun", "a 45-yard touchdown pass", "a 45 yard touchdown pass" }, /* who knows how long the noun is */
    { "others", "a 7-0 win, a one-handed catch, a well-known name",
      "a 7-0 win, a one-handed catch, a well-known name" },
    { "none", "no hyphen", "no hyphen" },
};

static void test_english_measures(const void *data)
{
    const Case *c = data;
    g_autofree char *measures = dub_english_measures(c->input);
    g_assert_cmpstr(measures, ==, c->expected);
}

static void test_spanish_plural(const void *data)
{
    const Case *c = data;
    g_autofree char *plural = dub_spanish_plural(c->input);
    g_assert_cmpstr(plural, ==, c->expected);
}

static const struct {
    const char *verb, *forms[DUB_N_ENGLISH_FORMS];
} english_verbs[] = {
    { "kick", { "kick", "kicks", "kicked", "kicked", "kicking" } },
    { "punch clear", { "punch clear", "punches clear", "punched clear", "punched clear", "punching clear" } },
    { "tie", { "tie", "ties", "tied", "tied", "tying" } },
    { "volley", { "volley", "volleys", "volleyed", "volleyed", "volleying" } },
    { "carry", { "carry", "carries", "carried", "carried", "carrying" } },
    { "chip", { "chip", "chips", "chipped", "chipped", "chipping" } },
    { "dribble", { "dribble", "dribbles", "dribbled", "dribbled", "dribbling" } },
    { "head", { "head", "heads", "headed", "headed", "heading" } },
    { "free", { "free", "frees", "freed", "freed", "freeing" } },
    { "transfer", { "transfer", "transfers", "transferred", "transferred", "transferring" } },
    { "hit", { "hit", "hits", "hit", "hit", "hitting" } },
    { "run out the clock",
      { "run out the clock", "runs out the clock", "ran out the clock", "run out the clock",
        "running out the clock" } },
    { "throw", { "throw", "throws", "threw", "thrown", "throwing" } },
    { "go wide", { "go wide", "goes wide", "went wide", "gone wide", "going wide" } },
    { "be fouled", { "be fouled", "is fouled", "was fouled", "been fouled", "being fouled" } },
};

static void test_english_verbs(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(english_verbs); i++)
        for (DubEnglishForm form = 0; form < DUB_N_ENGLISH_FORMS; form++) {
            g_autofree char *inflected = dub_english_verb(english_verbs[i].verb, form);
            g_assert_cmpstr(inflected, ==, english_verbs[i].forms[form]);
        }
}

static const struct {
    const char *sentence, *word;
    DubEnglishRole role;
} roles[] = {
    { "The pass is good", "pass", DUB_ROLE_NOUN },  { "He will pass to Smith", "pass", DUB_ROLE_VERB },
    { "What a great save", "save", DUB_ROLE_NOUN }, { "They score again", "score", DUB_ROLE_VERB },
    { "The keeper's save", "save", DUB_ROLE_NOUN }, { "He'll save it", "save", DUB_ROLE_VERB },
    { "Don't shoot", "shoot", DUB_ROLE_VERB },      { "It's a draw", "draw", DUB_ROLE_NOUN },
    { "Messi shoots", "shoots", DUB_ROLE_UNKNOWN }, { "Jones saves the ball", "saves", DUB_ROLE_VERB },
    { "Save the last one", "save", DUB_ROLE_VERB }, { "three saves by the keeper", "saves", DUB_ROLE_NOUN },
    { "Good, save", "save", DUB_ROLE_UNKNOWN },
};

static void test_roles(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(roles); i++) {
        g_autoptr(GArray) words = dub_words_find(roles[i].sentence);
        guint at = 0;
        while (strcmp(g_array_index(words, DubWord, at).folded, roles[i].word) != 0)
            at++;
        g_test_message("%s", roles[i].sentence);
        g_assert_cmpint(dub_english_role(words, at, 1), ==, roles[i].role);
    }
}

static void test_words(void)
{
    g_autoptr(GArray) words = dub_words_find("¡Let's go, free-kick! He’s 2nd. É");
    static const struct {
        const char *folded;
        DubWordGap gap;
        bool start;
    } wanted[] = {
        { "let", DUB_GAP_BREAK, true },     { "s", DUB_GAP_APOSTROPHE, false }, { "go", DUB_GAP_BLANK, false },
        { "free", DUB_GAP_BREAK, false },   { "kick", DUB_GAP_BLANK, false },   { "he", DUB_GAP_BREAK, true },
        { "s", DUB_GAP_APOSTROPHE, false }, { "2nd", DUB_GAP_BLANK, false },    { "é", DUB_GAP_BREAK, true },
    };
    g_assert_cmpuint(words->len, ==, G_N_ELEMENTS(wanted));
    for (guint i = 0; i < words->len; i++) {
        const DubWord *word = &g_array_index(words, DubWord, i);
        g_assert_cmpstr(word->folded, ==, wanted[i].folded);
        g_assert_cmpint(word->gap, ==, wanted[i].gap);
        g_assert_true(word->sentence_start == wanted[i].start);
    }
    g_autofree char *key = dub_words_key(words, 0, 3);
    g_assert_cmpstr(key, ==, "let's go");
    g_assert_cmpuint(dub_words_run(words, 0, 9), ==, 3);
    g_assert_cmpuint(dub_words_run(words, 8, 9), ==, 1);
    g_assert_cmpuint(dub_words_run(words, 0, 2), ==, 2);
    g_autofree char *capital = dub_words_capital("¿únicamente?");
    g_assert_cmpstr(capital, ==, "¿Únicamente?");
}

static void test_word_case(void)
{
    g_assert_cmpint(dub_word_case("goal", 4), ==, DUB_CASE_LOWER);
    g_assert_cmpint(dub_word_case("Goal", 4), ==, DUB_CASE_INITIAL);
    g_assert_cmpint(dub_word_case("GOAL", 4), ==, DUB_CASE_UPPER);
    g_assert_cmpint(dub_word_case("McGo", 4), ==, DUB_CASE_MIXED);
    g_assert_cmpint(dub_word_case("I", 1), ==, DUB_CASE_INITIAL);
    g_assert_cmpint(dub_word_case("12", 2), ==, DUB_CASE_LOWER);
}

static void test_adjectives(void)
{
    static const char *const cases[][4] = {
        { "invicto", "invicta", "invictos", "invictas" },
        { "ganador", "ganadora", "ganadores", "ganadoras" },
        { "mejor", "mejor", "mejores", "mejores" },
        { "increíble", "increíble", "increíbles", "increíbles" },
        { "inglés", "inglesa", "ingleses", "inglesas" },
        { "expulsado de casa", "expulsada de casa", "expulsados de casa", "expulsadas de casa" },
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        for (guint form = 0; form < 4; form++) {
            g_autofree char *adjective = dub_spanish_adjective(cases[i][0], form & 1, form >= 2);
            g_assert_cmpstr(adjective, ==, cases[i][form]);
        }
}

static void test_neighbours(void)
{
    g_autofree char *la = dub_spanish_agree("el", true, false);
    g_autofree char *de_las = dub_spanish_agree("del", true, true);
    g_assert_cmpstr(la, ==, "la");
    g_assert_cmpstr(de_las, ==, "de las");
    g_assert_null(dub_spanish_agree("el", false, false));
    g_assert_null(dub_spanish_agree("rojo", true, false));
    g_assert_true(dub_spanish_has_stressed_a("área pequeña"));
    g_assert_false(dub_spanish_has_stressed_a("arena"));
    g_assert_true(dub_spanish_takes_e("intercepción"));
    g_assert_false(dub_spanish_takes_e("hielo"));
    g_assert_true(dub_spanish_takes_u("once inicial"));
    g_assert_false(dub_spanish_takes_u("gol"));
}

static const struct {
    const char *verb;
    DubSpanishForm form;
    const char *expected;
} conjugated[] = {
    { "rematar de cabeza", { DUB_SPANISH_PRETERITE, 2, "" }, "remató de cabeza" },
    { "marcar", { DUB_SPANISH_PRETERITE, 0, "" }, "marqué" },
    { "lanzar", { DUB_SPANISH_SUBJUNCTIVE, 5, "" }, "lancen" },
    { "perder por", { DUB_SPANISH_PRESENT, 5, "" }, "pierden por" },
    { "lesionarse", { DUB_SPANISH_PRETERITE, 2, "" }, "se lesionó" },
    { "lesionarse", { DUB_SPANISH_GERUND, 0, "" }, "lesionándose" },
    { "colocarse", { DUB_SPANISH_PRESENT, 3, "" }, "nos colocamos" },
    { "ponerlo out", { DUB_SPANISH_PRESENT, 2, "" }, "lo pone out" },
    { "detener", { DUB_SPANISH_INFINITIVE, 0, "lo" }, "detenerlo" },
    { "sustituir", { DUB_SPANISH_SUBJUNCTIVE_PAST, 3, "" }, "sustituyéramos" },
    { "hacer", { DUB_SPANISH_PRETERITE, 2, "" }, "hizo" },
    { "romper", { DUB_SPANISH_PARTICIPLE, 3, "" }, "rotas" },
    { "ir", { DUB_SPANISH_IMPERFECT, 4, "" }, "ibais" },
    { "gol", { DUB_SPANISH_PRESENT, 0, "" }, NULL },
};

static void test_conjugation(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(conjugated); i++) {
        g_autofree char *form = dub_spanish_conjugate(conjugated[i].verb, &conjugated[i].form);
        g_assert_cmpstr(form, ==, conjugated[i].expected);
    }
    g_assert_true(dub_spanish_is_verb("jugársela") == false); /* two pronouns are more than the rules know */
    g_assert_true(dub_spanish_is_verb("ponerlo out"));
    g_assert_false(dub_spanish_is_verb("gol"));
}

/* Every form of a stand-in is found, and conjugates the same. */
static void test_stand_in_forms(void)
{
    for (const DubStandIn *verb = dub_stand_ins(DUB_STAND_IN_VERB); verb->english; verb++) {
        g_autofree char *infinitive = g_strconcat(verb->spanish, "ar", NULL);
        for (DubSpanishTense tense = 0; tense < DUB_N_SPANISH_TENSES; tense++)
            for (unsigned index = 0; index < dub_spanish_tense_size(tense); index++) {
                const DubSpanishForm form = { tense, index, "" };
                DubSpanishForm found;
                g_autofree char *word = dub_spanish_conjugate(infinitive, &form);
                g_assert_true(dub_stand_in_is(verb, DUB_STAND_IN_VERB, word, &found));
                g_autofree char *again = dub_spanish_conjugate(infinitive, &found);
                g_assert_cmpstr(again, ==, word);
            }
        DubSpanishForm form;
        g_autofree char *with_pronoun = g_strconcat(verb->spanish, "ándolos", NULL);
        g_assert_true(dub_stand_in_is(verb, DUB_STAND_IN_VERB, with_pronoun, &form));
        g_assert_cmpstr(form.enclitic, ==, "los");
        g_assert_false(dub_stand_in_is(verb, DUB_STAND_IN_VERB, "gol", &form));
    }
}

/* ---- against Apertium's own dictionary ---- */

/* Where the two differ the dictionary is wrong ("muestramos"), or both are in use ("construís"). */
static const char *const known_differences[] = { "contáis", "mostramos", "acertemos", "durmáis", "dais", NULL };

static void add_tags(GPtrArray *forms, GString *input, const char *verb, DubSpanishTense tense, unsigned index)
{
    static const char *const tenses[] = { "inf", "ger", "pp", "pri", "ifi", "pii", "fti", "cni", "prs", "pis" };
    static const char *const participles[] = { "<m><sg>", "<f><sg>", "<m><pl>", "<f><pl>" };
    static const char *const persons[] = { "<p1><sg>", "<p2><sg>", "<p3><sg>", "<p1><pl>", "<p2><pl>", "<p3><pl>" };
    const DubSpanishForm form = { tense, index, "" };
    const char *tags = tense < DUB_SPANISH_PARTICIPLE    ? ""
                       : tense == DUB_SPANISH_PARTICIPLE ? participles[index]
                                                         : persons[index];
    g_ptr_array_add(forms, dub_spanish_conjugate(verb, &form));
    g_string_append_printf(input, "^%s<vblex><%s>%s$\n", verb, tenses[tense], tags);
}

static void add_verb(GPtrArray *forms, GString *input, const char *verb)
{
    for (DubSpanishTense tense = 0; tense < DUB_N_SPANISH_TENSES; tense++)
        for (unsigned index = 0; index < dub_spanish_tense_size(tense); index++)
            add_tags(forms, input, verb, tense, index);
}

static bool may_differ(const char *form)
{
    return g_strv_contains(known_differences, form) || g_str_has_suffix(form, "uís");
}

static void compare_with_dictionary(const GPtrArray *forms, const GString *input)
{
    static const char *const argv[] = { "lt-proc", "-g", "/usr/share/apertium/apertium-eng-spa/eng-spa.autogen.bin",
                                        NULL };
    g_autofree char *output = support_run(argv, input->str);
    g_auto(GStrv) lines = g_strsplit(output, "\n", -1);
    guint compared = 0;
    for (guint i = 0; i < forms->len; i++) {
        const char *form = forms->pdata[i], *theirs = g_strstrip(lines[i]);
        if (*theirs == '#' || may_differ(form))
            continue;
        g_assert_cmpstr(form, ==, theirs);
        compared++;
    }
    g_assert_cmpuint(compared * 10, >, forms->len * 6); /* it knows most of them */
    g_test_message("%u of %u forms compared", compared, forms->len);
}

static void test_against_dictionary(void)
{
    static const char *const verbs[] = {
        "rematar",     "marcar",   "lanzar",   "jugar",     "forzar",   "colgar", "detener",    "obtener",
        "devolver",    "mover",    "romper",   "sustituir", "vencer",   "perder", "ascender",   "conseguir",
        "servir",      "hacer",    "poner",    "dar",       "caer",     "salir",  "venir",      "ir",
        "estar",       "ver",      "proteger", "dirigir",   "elegir",   "pagar",  "enviar",     "continuar",
        "convertir",   "pedir",    "contar",   "mostrar",   "defender", "cerrar", "comenzar",   "calentar",
        "acertar",     "leer",     "traer",    "conducir",  "decir",    "poder",  "querer",     "saber",
        "andar",       "dormir",   "ofrecer",  "abrir",     "escribir", "ser",    "distinguir", "presentar",
        "interpretar", "entregar", "mandar",   "cambiar",
    };
    g_autoptr(GPtrArray) forms = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GString) input = g_string_new(NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(verbs); i++)
        add_verb(forms, input, verbs[i]);
    compare_with_dictionary(forms, input);
}

/* The one-word verbs of the glossary that comes with airdub. */
static void test_sports_against_dictionary(void)
{
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(SPORTS, &text, NULL, NULL));
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GPtrArray) forms = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GString) input = g_string_new(NULL);
    for (char **line = lines; *line; line++) {
        DubGlossaryRow row;
        g_assert_null(dub_glossary_row_parse(*line, &row));
        g_autofree char *verb =
            row.sources && row.kind == DUB_KIND_VERB ? g_strndup(row.targets[0], strcspn(row.targets[0], " ")) : NULL;
        dub_glossary_row_clear(&row);
        if (verb && g_str_has_suffix(verb, "r") && g_hash_table_add(seen, g_strdup(verb)))
            add_verb(forms, input, verb);
    }
    compare_with_dictionary(forms, input);
}

static void add_cases(const char *folder, const Case *cases, gsize n, GTestDataFunc test)
{
    for (gsize i = 0; i < n; i++) {
        g_autofree char *path = g_strdup_printf("/text/%s/%s", folder, cases[i].name);
        g_test_add_data_func(path, &cases[i], test);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_cases("english/plural", english_plurals, G_N_ELEMENTS(english_plurals), test_english_plural);
    add_cases("english/measures", english_measures, G_N_ELEMENTS(english_measures), test_english_measures);
    add_cases("spanish/plural", spanish_plurals, G_N_ELEMENTS(spanish_plurals), test_spanish_plural);
    g_test_add_func("/text/words/find", test_words);
    g_test_add_func("/text/words/case", test_word_case);
    g_test_add_func("/text/english/verbs", test_english_verbs);
    g_test_add_func("/text/english/roles", test_roles);
    g_test_add_func("/text/spanish/adjectives", test_adjectives);
    g_test_add_func("/text/spanish/neighbours", test_neighbours);
    g_test_add_func("/text/spanish/conjugation", test_conjugation);
    g_test_add_func("/text/spanish/stand-ins", test_stand_in_forms);
    g_test_add_func("/text/spanish/dictionary", test_against_dictionary);
    g_test_add_func("/text/spanish/dictionary-sports", test_sports_against_dictionary);
    return g_test_run();
}

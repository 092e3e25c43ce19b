/* Property tests of text/glossary: random glossaries and random sentences, through a translator that
 * shuffles, loses, doubles and alters, and through the real Apertium. A placeholder never leaks; what is
 * restored holds every term and every other word. The seed is GLib's (--seed), so that a failure can be
 * repeated. */
#include "support.h"
#include "text/glossary.h"
#include "text/stand-ins.h"
#include "text/words.h"

#include <string.h>

#define ROUNDS 300

static const char *const source_words[] = { "keeper", "box",  "corner", "pitch", "cross", "save", "throw",
                                            "line",   "post", "flag",   "card",  "spot",  "wall", "bench",
                                            "cup",    "set",  "ace",    "lane",  "heat",  "bat" };
static const char *const target_words[] = { "portero", "área",  "córner",  "campo",   "centro", "parada",  "saque",
                                            "línea",   "poste", "bandera", "tarjeta", "punto",  "barrera", "banquillo",
                                            "copa",    "manga", "as",      "calle",   "serie",  "bate" };
static const char *const other_words[] = { "the", "a",  "red", "big",  "house",  "he", "sees",
                                           "and", "of", "two", "with", "Madrid", "is", "here" };

static const char *const kinds[] = { "", "m", "f", "m\tp", "f\tp", "a" };

static const char *pick(const char *const *list, gsize n)
{
    return list[g_test_rand_int_range(0, (gint32) n)];
}

/* A term of one to three words, each a word of its own kind: no two rows of the tables share words. */
static void append_entry(GString *file, guint index, GPtrArray *sources)
{
    g_autoptr(GString) source = g_string_new(source_words[index]);
    g_autoptr(GString) target = g_string_new(target_words[index]);
    for (gint32 more = g_test_rand_int_range(0, 3); more > 0; more--) {
        g_string_append_printf(source, " %s", pick(source_words, G_N_ELEMENTS(source_words)));
        g_string_append_printf(target, " de %s", pick(target_words, G_N_ELEMENTS(target_words)));
    }
    g_string_append_printf(file, "%s\t%s\t%s\n", source->str, target->str, pick(kinds, G_N_ELEMENTS(kinds)));
    g_ptr_array_add(sources, g_strdup(source->str));
}

static DubGlossary *random_glossary(GPtrArray *sources)
{
    g_auto(SupportFolder) folder = { 0 };
    support_init(&folder);
    g_autoptr(GString) file = g_string_new(NULL);
    for (guint i = 0; i < G_N_ELEMENTS(source_words); i++)
        if (g_test_rand_int_range(0, 3))
            append_entry(file, i, sources);
    g_autofree char *path = support_write(&folder, "random.tsv", file->str);
    g_autoptr(GError) error = NULL;
    DubGlossary *glossary = dub_glossary_load(path, "en", "es", &error);
    g_assert_no_error(error);
    return glossary;
}

static char *random_sentence(const GPtrArray *sources)
{
    static const char *const joints[] = { " ", " ", " ", " ", ", ", "-", "'s ", "! " };
    GString *sentence = g_string_new(NULL);
    for (gint32 n = g_test_rand_int_range(1, 14); n > 0; n--) {
        const bool term = sources->len && g_test_rand_int_range(0, 2);
        const char *word = term ? sources->pdata[g_test_rand_int_range(0, (gint32) sources->len)]
                                : pick(other_words, G_N_ELEMENTS(other_words));
        if (sentence->len)
            g_string_append(sentence, pick(joints, G_N_ELEMENTS(joints)));
        g_autofree char *capital = g_test_rand_int_range(0, 5) ? g_strdup(word) : dub_words_capital(word);
        g_string_append(sentence, capital);
    }
    g_string_append(sentence, pick((const char *const[]){ ".", "!", "?", "", "..." }, 5));
    return g_string_free(sentence, FALSE);
}

/* ---- a translator of a few lines ---- */

typedef enum { HONEST, LOSES, DOUBLES, ALTERS, N_TEMPERS } Temper;

/* The Spanish of a stand-in; NULL for any other word. */
static char *translate_stand_in(const char *word)
{
    for (DubStandInKind kind = 0; kind < DUB_N_STAND_IN_KINDS; kind++)
        for (const DubStandIn *row = dub_stand_ins(kind); row->english; row++) {
            if (strncmp(word, row->english, strlen(row->english) - 1) != 0) /* "cherry", "cherries" */
                continue;
            const bool plural = g_str_has_suffix(word, "s");
            return plural ? dub_spanish_plural(row->spanish) : g_strdup(row->spanish);
        }
    return NULL;
}

static bool is_code(const char *word)
{
    return g_str_has_prefix(word, "zqx") || g_str_has_prefix(word, "qzj");
}

static char *translate_word(const char *folded)
{
    char *spanish = translate_stand_in(folded);
    return spanish ? spanish : g_strdup(folded);
}

static void shuffle(GPtrArray *words)
{
    for (guint i = words->len; i > 1; i--) {
        const guint j = (guint) g_test_rand_int_range(0, (gint32) i);
        gpointer other = words->pdata[i - 1];
        words->pdata[i - 1] = words->pdata[j];
        words->pdata[j] = other;
    }
}

/* Gives the words in any order. @spoilt: (out): whether a placeholder was lost, doubled or altered on the way
 */
static char *translate_badly(const char *text, Temper temper, bool *spoilt)
{
    g_autoptr(GArray) found = dub_words_find(text);
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < found->len; i++) {
        const char *folded = g_array_index(found, DubWord, i).folded;
        g_autofree char *stand_in = translate_stand_in(folded);
        const bool chosen = (stand_in || is_code(folded)) && !*spoilt && temper != HONEST;
        char *word = translate_word(folded);
        *spoilt |= chosen;
        if (chosen && temper == LOSES) {
            g_free(word);
            continue;
        }
        if (chosen && temper == DOUBLES)
            g_ptr_array_add(words, g_strdup(word));
        if (chosen && temper == ALTERS) {
            char *altered = g_strconcat(word, "illo", NULL);
            g_free(word);
            word = altered;
        }
        g_ptr_array_add(words, word);
    }
    shuffle(words);
    g_ptr_array_add(words, NULL);
    return g_strjoinv(" ", (char **) words->pdata);
}

/* ---- what must hold ---- */

static guint count_word(const char *text, const char *word)
{
    g_autoptr(GArray) words = dub_words_find(text);
    guint n = 0;
    for (guint i = 0; i < words->len; i++)
        n += g_str_equal(g_array_index(words, DubWord, i).folded, word) ? 1 : 0;
    return n;
}

static void assert_nothing_leaks(const char *text, const char *sentence)
{
    g_autoptr(GArray) words = dub_words_find(text);
    for (guint i = 0; i < words->len; i++) {
        const char *word = g_array_index(words, DubWord, i).folded;
        DubSpanishForm form;
        g_assert_false(is_code(word));
        for (DubStandInKind kind = 0; kind < DUB_N_STAND_IN_KINDS; kind++)
            for (const DubStandIn *row = dub_stand_ins(kind); row->english; row++)
                if (dub_stand_in_is(row, kind, word, &form) || g_str_has_prefix(word, row->english))
                    g_error("\"%s\" leaks into \"%s\" of \"%s\"", word, text, sentence);
    }
}

static char *first_letters(const char *text)
{
    return g_strndup(text, MIN(strcspn(text, " "), 3));
}

static void assert_holds_terms(const char *text, const DubGlossaryMatches *matches)
{
    g_autoptr(GArray) words = dub_words_find(text);
    g_autofree char *all = dub_words_key(words, 0, words->len);
    for (guint i = 0; i < dub_glossary_matches_count(matches); i++) {
        g_autofree char *first =
            first_letters(dub_glossary_matches_target(matches, i)); /* the end depends on number and gender */
        if (!strstr(all, first))
            g_error("\"%s\" is not in \"%s\"", dub_glossary_matches_target(matches, i), text);
    }
}

/* The words of the sentence that are no term come through as often as they went in. */
static void assert_holds_others(const char *restored, const char *protected)
{
    for (gsize i = 0; i < G_N_ELEMENTS(other_words); i++) {
        g_autofree char *word = g_utf8_strdown(other_words[i], -1);
        if (g_str_equal(word, "a")) /* Spanish has such a word, too, and contracts it */
            continue;
        g_assert_cmpuint(count_word(restored, word), >=, count_word(protected, word));
    }
}

static void test_simulated(const void *data)
{
    const Temper temper = (Temper) GPOINTER_TO_UINT(data);
    guint n_restored = 0, n_refused = 0;
    for (guint round = 0; round < ROUNDS; round++) {
        g_autoptr(GPtrArray) sources = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(DubGlossary) glossary = random_glossary(sources);
        g_autofree char *sentence = random_sentence(sources);
        const DubGlossaryWay way = round % 2 ? DUB_GLOSSARY_STAND_INS : DUB_GLOSSARY_CODES;
        g_autoptr(DubGlossaryMatches) matches = NULL;
        g_autofree char *protected = dub_glossary_protect(glossary, sentence, way, &matches);
        bool spoilt = false;
        g_autofree char *translated = translate_badly(protected, temper, &spoilt);
        g_autofree char *restored = dub_glossary_restore(glossary, translated, matches);
        g_assert_true((restored == NULL) == spoilt);
        if (restored) {
            assert_nothing_leaks(restored, sentence);
            assert_holds_terms(restored, matches);
            assert_holds_others(restored, protected);
        }
        n_restored += restored && dub_glossary_matches_count(matches) ? 1 : 0;
        n_refused += spoilt ? 1 : 0;
    }
    g_test_message("%u restored, %u refused", n_restored, n_refused);
    g_assert_cmpuint(temper == HONEST ? n_restored : n_refused, >, ROUNDS / 3);
}

/* ---- the real one ---- */

static const char *const frames[] = {
    "The %s is here.",
    "What a %s!",
    "He gave the %s to the %s.",
    "Two %s and a %s.",
    "%s!",
    "It was his %s's %s.",
    "There is no %s, but a %s.",
    "The big red %s of the %s.",
    "%s for Madrid, %s for Paris.",
    "They %s the car.",
    "Is it a %s?",
    "And so, with a %s, we go to the %s...",
    "The %s wins, 2-1.",
    "the %s %s",
    "\"%s\", he said.",
};

typedef struct {
    GPtrArray *sentences;
    GPtrArray *matches;
    GPtrArray *protected;
} Batch;

static void add_to_batch(Batch *batch, const DubGlossary *glossary, const char *sentence, DubGlossaryWay way)
{
    DubGlossaryMatches *matches = NULL;
    g_ptr_array_add(batch->protected, dub_glossary_protect(glossary, sentence, way, &matches));
    g_ptr_array_add(batch->matches, matches);
    g_ptr_array_add(batch->sentences, g_strdup(sentence));
}

static char *random_term(const char *const *terms)
{
    const gint32 n = (gint32) g_strv_length((char **) terms);
    return g_strdup(terms[g_test_rand_int_range(0, n)]);
}

static char *fill_frame(const char *frame, const char *const *terms)
{
    GString *sentence = g_string_new(NULL);
    for (const char *c = frame; *c; c++) {
        if (c[0] != '%') {
            g_string_append_c(sentence, *c);
            continue;
        }
        g_autofree char *term = random_term(terms);
        g_autofree char *capital = sentence->len == 0 ? dub_words_capital(term) : g_strdup(term);
        g_string_append(sentence, capital);
        c++;
    }
    return g_string_free(sentence, FALSE);
}

static void test_apertium(const void *data)
{
    const DubGlossaryWay way = (DubGlossaryWay) GPOINTER_TO_UINT(data);
    g_autoptr(GError) error = NULL;
    g_autoptr(DubGlossary) glossary = dub_glossary_load(SPORTS, "en", "es", &error);
    g_assert_no_error(error);
    Batch batch = { .sentences = g_ptr_array_new_with_free_func(g_free),
                    .matches = g_ptr_array_new_with_free_func((GDestroyNotify) dub_glossary_matches_free),
                    .protected = g_ptr_array_new_with_free_func(g_free) };
    for (guint i = 0; i < 600; i++) {
        g_autofree char *sentence = fill_frame(frames[i % G_N_ELEMENTS(frames)], dub_glossary_terms(glossary));
        add_to_batch(&batch, glossary, sentence, way);
    }
    g_auto(GStrv) translated = support_apertium(batch.protected);
    guint n_with = 0, n_restored = 0;
    for (guint i = 0; i < batch.sentences->len; i++) {
        const DubGlossaryMatches *matches = batch.matches->pdata[i];
        g_autofree char *restored = dub_glossary_restore(glossary, translated[i], matches);
        n_with += dub_glossary_matches_count(matches) ? 1 : 0;
        n_restored += restored && dub_glossary_matches_count(matches) ? 1 : 0;
        if (restored)
            assert_nothing_leaks(restored, batch.sentences->pdata[i]);
        else
            g_test_message("not restored: \"%s\" -> \"%s\" -> \"%s\"", (char *) batch.sentences->pdata[i],
                           (char *) batch.protected->pdata[i], translated[i]);
    }
    g_test_message("%u of %u sentences with terms restored at the first attempt", n_restored, n_with);
    g_assert_cmpuint(n_with, >, 500);
    g_assert_cmpuint(n_restored * 100, >=, n_with * 95);
    g_ptr_array_unref(batch.sentences);
    g_ptr_array_unref(batch.matches);
    g_ptr_array_unref(batch.protected);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    static const char *const tempers[N_TEMPERS] = { "honest", "loses", "doubles", "alters" };
    for (guint i = 0; i < N_TEMPERS; i++) {
        g_autofree char *path = g_strdup_printf("/text/glossary/properties/%s", tempers[i]);
        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_simulated);
    }
    g_test_add_data_func("/text/glossary/properties/apertium-stand-ins", GUINT_TO_POINTER(DUB_GLOSSARY_STAND_INS),
                         test_apertium);
    g_test_add_data_func("/text/glossary/properties/apertium-codes", GUINT_TO_POINTER(DUB_GLOSSARY_CODES),
                         test_apertium);
    return g_test_run();
}

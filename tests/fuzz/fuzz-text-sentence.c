/* tests/fuzz/fuzz-text-sentence.c: any text goes through sentences, glossary, tidy-up and profanity.
 * Sentences lose nothing but blanks, a glossary gives back what no translator touched, and what is tidy stays
 * so. The first line may be a glossary's. */
#include "text/glossary-row.h"
#include "text/glossary.h"
#include "text/profanity.h"
#include "text/sentences.h"
#include "text/tidy.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_row(const char *text)
{
    g_autofree char *line = g_strndup(text, strcspn(text, "\n"));
    DubGlossaryRow row;
    g_autofree char *problem = dub_glossary_row_parse(line, &row);
    g_assert_true(!problem || !row.sources);
    dub_glossary_row_clear(&row);
}

static void check_sentences(const char *text)
{
    g_autoptr(GArray) sentences = dub_sentences_find(text, "en");
    gsize done = 0;
    for (guint i = 0; i < sentences->len; i++) {
        const DubSentence *sentence = &g_array_index(sentences, DubSentence, i);
        g_assert_cmpuint(sentence->start, >=, done);
        g_assert_cmpuint(sentence->length, >, 0);
        done = sentence->start + sentence->length;
        g_autofree char *part = g_strndup(text + sentence->start, sentence->length);
        g_assert_true(g_utf8_validate(part, -1, NULL));
    }
    g_assert_cmpuint(done, <=, strlen(text));
}

/* Codes that come back as they went are exchanged for targets, and nothing else is. */
static void check_glossary(const DubGlossary *glossary, const char *text)
{
    g_autoptr(DubGlossaryMatches) matches = NULL;
    g_autofree char *protected = dub_glossary_protect(glossary, text, DUB_GLOSSARY_CODES, &matches);
    g_autofree char *restored = dub_glossary_restore(glossary, protected, matches);
    g_assert_nonnull(restored);
    g_assert_true(g_utf8_validate(restored, -1, NULL));
    if (dub_glossary_matches_count(matches) == 0)
        g_assert_cmpstr(restored, ==, text);
    for (DubGlossaryWay way = 0; way < DUB_N_GLOSSARY_WAYS; way++) {
        g_autoptr(DubGlossaryMatches) other = NULL;
        g_autofree char *hidden = dub_glossary_protect(glossary, text, way, &other);
        g_assert_true(g_utf8_validate(hidden, -1, NULL));
        g_autofree char *lost = dub_glossary_restore(glossary, "", other);
        g_assert_true((lost == NULL) == (dub_glossary_matches_count(other) > 0));
    }
    g_autofree char *spoken = dub_glossary_spoken(glossary, text);
    g_assert_true(g_utf8_validate(spoken, -1, NULL));
}

static void check_tidy(const char *text)
{
    g_autofree char *once = dub_tidy(text, NULL, "es");
    g_autofree char *twice = dub_tidy(once, NULL, "es");
    g_assert_true(g_utf8_validate(once, -1, NULL));
    g_assert_cmpstr(once, ==, twice);
    g_autofree char *with_source = dub_tidy(text, text, "fr");
    g_assert_true(g_utf8_validate(with_source, -1, NULL));
}

static void check_profanity(const DubProfanity *profanity, const char *text)
{
    for (DubProfanityPolicy policy = DUB_PROFANITY_KEEP; policy <= DUB_PROFANITY_DROP; policy++) {
        g_autofree char *result = dub_profanity_apply(profanity, policy, text);
        g_assert_true(g_utf8_validate(result, -1, NULL));
        g_assert_cmpuint(strlen(result), <=, strlen(text));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static DubGlossary *glossary;
    static DubProfanity *profanity;
    if (!glossary) {
        glossary = dub_glossary_load("sports", "en", "es", NULL);
        profanity = dub_profanity_load("en", NULL);
        g_assert_true(glossary && profanity);
    }
    g_autofree char *bytes = g_strndup((const char *) data, MIN(size, 2000));
    g_autofree char *text = g_utf8_make_valid(bytes, -1);
    check_row(text);
    check_sentences(text);
    check_glossary(glossary, text);
    check_tidy(text);
    check_profanity(profanity, text);
    return 0;
}

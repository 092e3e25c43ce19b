/* text/glossary-protect.c: the terms of a sentence, and their way around the translator and back. */
#include "text/english.h"
#include "text/glossary-mend.h"
#include "text/glossary-private.h"
#include "text/spanish.h"
#include "text/stand-ins.h"
#include "text/words.h"

#include <string.h>

#define SHOUTED_LETTERS 4 /* "It's a TOUCHDOWN": an abbreviation is shorter */

/* Beginnings of codes; no English or Spanish word has one. The first that the sentence does not contain is
 * taken. */
static const char *const code_beginnings[] = { "zqx", "qzj", "xjq" };

typedef struct {
    gsize start, length; /* in the sentence */
    char *source;        /* as it stands there */
    char *target;
    const DubGlossaryTerm *term;
    DubStandInKind kind;
    const DubStandIn *stand_in; /* NULL: a code is the placeholder */
    char *code;
    bool capital;
} Match;

struct _DubGlossaryMatches {
    GArray *matches; /* of Match */
};

static void clear_match(void *data)
{
    Match *match = data;
    g_free(match->source);
    g_free(match->target);
    g_free(match->code);
}

void dub_glossary_matches_free(DubGlossaryMatches *self)
{
    if (!self)
        return;
    g_array_unref(self->matches);
    g_free(self);
}

guint dub_glossary_matches_count(const DubGlossaryMatches *self)
{
    return self->matches->len;
}

const char *dub_glossary_matches_source(const DubGlossaryMatches *self, guint index)
{
    return g_array_index(self->matches, Match, index).source;
}

const char *dub_glossary_matches_target(const DubGlossaryMatches *self, guint index)
{
    return g_array_index(self->matches, Match, index).target;
}

typedef struct {
    const DubGlossary *glossary;
    const char *text;
    GArray *words;
    bool has_lower, has_upper;
} Sentence;

static void sentence_init(Sentence *self, const DubGlossary *glossary, const char *text)
{
    *self = (Sentence){ .glossary = glossary, .text = text, .words = dub_words_find(text) };
    for (const char *c = text; *c; c = g_utf8_next_char(c)) {
        self->has_lower |= g_unichar_islower(g_utf8_get_char(c)) != FALSE;
        self->has_upper |= g_unichar_isupper(g_utf8_get_char(c)) != FALSE;
    }
}

static void sentence_clear(Sentence *self)
{
    g_array_unref(self->words);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Sentence, sentence_clear)

/* A single word with a capital inside a sentence is a name ("Jim Pitcher"), unless all of it is shouted.
 * Terms of several words are taken however they are written: recognisers are fond of "Free Kick". */
static bool is_case_fitting(const Sentence *sentence, guint first, guint n, const DubGlossaryTerm *term)
{
    const DubWord *word = &g_array_index(sentence->words, DubWord, first);
    const char *text = sentence->text + word->start;
    if (n > 1 || !sentence->has_lower || !sentence->has_upper)
        return true;
    if (term->entry->has_capital)
        return strncmp(text, term->source, word->length) == 0;
    switch (dub_word_case(text, word->length)) {
    case DUB_CASE_LOWER: return true;
    case DUB_CASE_INITIAL: return word->sentence_start;
    case DUB_CASE_UPPER: return word->length >= SHOUTED_LETTERS;
    case DUB_CASE_MIXED: return false;
    }
    return false;
}

/* Only these can be another part of speech: "saves" may be a noun or a verb, "saved" and "far post" may not.
 */
static bool is_ambiguous(const DubGlossaryTerm *term, guint n)
{
    if (term->entry->row.kind == DUB_KIND_VERB)
        return term->form <= DUB_ENGLISH_THIRD;
    return dub_glossary_kind_is_noun(term->entry->row.kind) && n == 1;
}

static bool is_role_fitting(const Sentence *sentence, guint first, guint n, const DubGlossaryTerm *term)
{
    if (!sentence->glossary->from_english || !is_ambiguous(term, n))
        return true;
    const DubEnglishRole role = dub_english_role(sentence->words, first, n);
    if (role == DUB_ROLE_UNKNOWN)
        return true;
    return (role == DUB_ROLE_VERB) == (term->entry->row.kind == DUB_KIND_VERB);
}

/* Of those that fit. What ends in an s is rather a verb ("Messi shoots"), all else rather a noun. */
static const DubGlossaryTerm *choose_term(const Sentence *sentence, guint first, guint n, const DubGlossaryTerm *terms)
{
    const DubGlossaryTerm *verb = NULL, *other = NULL;
    for (const DubGlossaryTerm *term = terms; term; term = term->next) {
        if (!is_case_fitting(sentence, first, n, term) || !is_role_fitting(sentence, first, n, term))
            continue;
        if (term->entry->row.kind == DUB_KIND_VERB)
            verb = term;
        else
            other = term;
    }
    if (!other || (verb && verb->form == DUB_ENGLISH_THIRD))
        return verb;
    return other;
}

/* @n: (out): the words of the longest term that begins at @first */
static const DubGlossaryTerm *find_term(const Sentence *sentence, guint first, guint *n)
{
    const DubGlossary *glossary = sentence->glossary;
    for (*n = dub_words_run(sentence->words, first, glossary->longest); *n > 0; (*n)--) {
        g_autofree char *key = dub_words_key(sentence->words, first, *n);
        const DubGlossaryTerm *term = choose_term(sentence, first, *n, g_hash_table_lookup(glossary->terms, key));
        if (term)
            return term;
    }
    return NULL;
}

static void add_match(const Sentence *sentence, DubGlossaryMatches *matches, guint first, guint n,
                      const DubGlossaryTerm *term)
{
    const DubWord *begin = &g_array_index(sentence->words, DubWord, first);
    const DubWord *last = &g_array_index(sentence->words, DubWord, first + n - 1);
    const gsize length = last->start + last->length - begin->start;
    const gunichar initial = g_utf8_get_char(sentence->text + begin->start);
    const Match match = {
        .start = begin->start,
        .length = length,
        .source = g_strndup(sentence->text + begin->start, length),
        .target = dub_glossary_term_target(sentence->glossary, term),
        .term = term,
        .capital = begin->sentence_start && g_unichar_isupper(initial),
    };
    g_array_append_val(matches->matches, match);
}

static DubGlossaryMatches *find_matches(const Sentence *sentence)
{
    DubGlossaryMatches *matches = g_new0(DubGlossaryMatches, 1);
    matches->matches = g_array_new(FALSE, FALSE, sizeof(Match));
    g_array_set_clear_func(matches->matches, clear_match);
    for (guint i = 0; i < sentence->words->len && matches->matches->len < DUB_GLOSSARY_MATCHES_MOST;) {
        guint n = 0;
        const DubGlossaryTerm *term = find_term(sentence, i, &n);
        if (term)
            add_match(sentence, matches, i, n, term);
        i += MAX(n, 1);
    }
    return matches;
}

DubGlossaryMatches *dub_glossary_find(const DubGlossary *self, const char *sentence)
{
    g_auto(Sentence) words = { 0 };
    sentence_init(&words, self, sentence);
    return find_matches(&words);
}

static DubStandInKind stand_in_kind(DubGlossaryKind kind)
{
    switch (kind) {
    case DUB_KIND_PHRASE: return DUB_STAND_IN_ADVERB;
    case DUB_KIND_MASCULINE: return DUB_STAND_IN_MASCULINE;
    case DUB_KIND_FEMININE: return DUB_STAND_IN_FEMININE;
    case DUB_KIND_VERB: return DUB_STAND_IN_VERB;
    case DUB_KIND_ADJECTIVE: return DUB_STAND_IN_ADJECTIVE;
    }
    return DUB_STAND_IN_ADVERB;
}

/* Is it, or the Spanish for it, said in the sentence already? */
static bool is_said(const Sentence *sentence, const DubStandIn *stand_in)
{
    for (guint i = 0; i < sentence->words->len; i++) {
        const char *word = g_array_index(sentence->words, DubWord, i).folded;
        if (g_str_has_prefix(word, stand_in->english) || g_str_has_prefix(word, stand_in->spanish))
            return true;
    }
    return false;
}

/* @used: of each kind, how many rows were looked at */
static const DubStandIn *next_stand_in(const Sentence *sentence, DubStandInKind kind, guint used[DUB_N_STAND_IN_KINDS])
{
    const DubStandIn *row = dub_stand_ins(kind) + used[kind];
    while (row->english && is_said(sentence, row))
        row++;
    used[kind] = (guint) (row - dub_stand_ins(kind)) + (row->english ? 1 : 0);
    return row->english ? row : NULL;
}

static char *inflect_stand_in(const Match *match)
{
    const char *english = match->stand_in->english;
    if (match->kind == DUB_STAND_IN_VERB)
        return dub_english_verb(english, match->term->form);
    if (dub_glossary_kind_is_noun(match->term->entry->row.kind) && match->term->form == 1)
        return dub_english_plural(english);
    return g_strdup(english);
}

static const char *choose_beginning(const char *sentence)
{
    g_autofree char *folded = g_utf8_strdown(sentence, -1);
    for (gsize i = 0; i < G_N_ELEMENTS(code_beginnings); i++)
        if (!strstr(folded, code_beginnings[i]))
            return code_beginnings[i];
    return NULL;
}

/* Gives each match its placeholder, and forgets those that can have none: a verb comes back from a code
 * without its form, and a sentence may itself look like codes. */
static void choose_placeholders(const Sentence *sentence, DubGlossaryWay way, DubGlossaryMatches *matches)
{
    const bool has_stand_ins = sentence->glossary->from_english && sentence->glossary->to_spanish;
    const char *beginning = choose_beginning(sentence->text);
    guint used[DUB_N_STAND_IN_KINDS] = { 0 };
    for (guint i = 0; i < matches->matches->len;) {
        Match *match = &g_array_index(matches->matches, Match, i);
        match->kind = stand_in_kind(match->term->entry->row.kind);
        if (way == DUB_GLOSSARY_STAND_INS && has_stand_ins)
            match->stand_in = next_stand_in(sentence, match->kind, used);
        if (!match->stand_in && (!beginning || match->kind == DUB_STAND_IN_VERB)) {
            g_array_remove_index(matches->matches, i);
            continue;
        }
        match->code = g_strdup_printf("%s%c", beginning ? beginning : "", 'a' + (int) i);
        i++;
    }
}

static char *placeholder_of(const Match *match)
{
    g_autofree char *plain = match->stand_in ? inflect_stand_in(match) : g_strdup(match->code);
    return match->capital ? dub_words_capital(plain) : g_steal_pointer(&plain);
}

char *dub_glossary_protect(const DubGlossary *self, const char *text, DubGlossaryWay way, DubGlossaryMatches **result)
{
    g_auto(Sentence) sentence = { 0 };
    sentence_init(&sentence, self, text);
    g_autoptr(DubGlossaryMatches) matches = find_matches(&sentence);
    choose_placeholders(&sentence, way, matches);
    GString *protected = g_string_new(NULL);
    gsize done = 0;
    for (guint i = 0; i < matches->matches->len; i++) {
        const Match *match = &g_array_index(matches->matches, Match, i);
        g_autofree char *placeholder = placeholder_of(match);
        g_string_append_len(protected, text + done, (gssize) (match->start - done));
        g_string_append(protected, placeholder);
        done = match->start + match->length;
    }
    g_string_append(protected, text + done);
    *result = g_steal_pointer(&matches);
    return g_string_free(protected, FALSE);
}

static bool is_placeholder(const Match *match, const char *word, DubSpanishForm *form)
{
    if (match->stand_in)
        return dub_stand_in_is(match->stand_in, match->kind, word, form);
    *form = (DubSpanishForm){ 0 };
    return g_str_equal(word, match->code);
}

/* @index: (out): the one word that is @match's placeholder; false if there is none, or more than one */
static bool find_placeholder(const GArray *words, const Match *match, guint *index, DubSpanishForm *form)
{
    guint found = 0;
    for (guint i = 0; i < words->len; i++) {
        DubSpanishForm candidate;
        if (!is_placeholder(match, g_array_index(words, DubWord, i).folded, &candidate))
            continue;
        *index = i;
        *form = candidate;
        found++;
    }
    return found == 1;
}

/* The target in the form that the placeholder came back in. */
static char *inflect_target(const DubGlossary *self, const Match *match, const DubSpanishForm *form)
{
    const DubGlossaryRow *row = &match->term->entry->row;
    if (!match->stand_in)
        return g_strdup(match->target);
    switch (row->kind) {
    case DUB_KIND_PHRASE: return g_strdup(row->targets[0]);
    case DUB_KIND_MASCULINE:
    case DUB_KIND_FEMININE: return form->index >= 2 ? dub_glossary_plural_target(self, row) : g_strdup(row->targets[0]);
    case DUB_KIND_VERB: return dub_spanish_conjugate(row->targets[0], form);
    case DUB_KIND_ADJECTIVE:
        if (row->targets[1])
            return g_strdup(row->targets[form->index]);
        return dub_spanish_adjective(row->targets[0], form->index & 1, form->index >= 2);
    }
    return g_strdup(match->target);
}

static bool place_target(const DubGlossary *self, DubMend *mend, const GArray *words, const Match *match)
{
    guint index = 0;
    DubSpanishForm form;
    if (!find_placeholder(words, match, &index, &form))
        return false;
    const DubGlossaryRow *row = &match->term->entry->row;
    const bool plural = match->stand_in ? form.index >= 2 : match->term->form == 1;
    DubMendTerm *term = dub_mend_put(mend, index, inflect_target(self, match, &form));
    term->is_noun = dub_glossary_kind_is_noun(row->kind);
    term->feminine = row->kind == DUB_KIND_FEMININE;
    term->plural = term->is_noun && plural;
    term->agrees = match->stand_in != NULL;
    return true;
}

char *dub_glossary_restore(const DubGlossary *self, const char *translated, const DubGlossaryMatches *matches)
{
    if (matches->matches->len == 0)
        return g_strdup(translated);
    g_autoptr(GArray) words = dub_words_find(translated);
    g_autoptr(DubMend) mend = dub_mend_new(translated, words);
    for (guint i = 0; i < matches->matches->len; i++)
        if (!place_target(self, mend, words, &g_array_index(matches->matches, Match, i)))
            return NULL;
    return dub_mend_finish(mend, self->to_spanish);
}

char *dub_glossary_translate(const DubGlossary *self, const char *sentence, DubGlossaryWay first_way,
                             DubGlossaryTranslateFunc translate, void *user_data, GError **error)
{
    for (DubGlossaryWay way = first_way; self && way < DUB_N_GLOSSARY_WAYS; way++) {
        g_autoptr(DubGlossaryMatches) matches = NULL;
        g_autofree char *protected = dub_glossary_protect(self, sentence, way, &matches);
        if (matches->matches->len == 0)
            break;
        g_autofree char *translated = translate(protected, user_data, error);
        if (!translated)
            return NULL;
        char *restored = dub_glossary_restore(self, translated, matches);
        if (restored)
            return restored;
    }
    return translate(sentence, user_data, error);
}

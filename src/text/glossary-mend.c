/* text/glossary-mend.c: a sentence in pieces, with terms among them. */
#include "text/glossary-mend.h"

#include "text/spanish.h"
#include "text/words.h"

#include <string.h>

typedef struct {
    char *gap; /* before the word */
    char *word;
    DubMendTerm *term;
} Piece;

struct _DubMend {
    GArray *pieces; /* of Piece */
    char *tail;
};

static void clear_piece(void *data)
{
    Piece *piece = data;
    g_free(piece->gap);
    g_free(piece->word);
    if (piece->term)
        g_free(piece->term->text);
    g_free(piece->term);
}

DubMend *dub_mend_new(const char *translated, const GArray *words)
{
    DubMend *self = g_new0(DubMend, 1);
    self->pieces = g_array_new(FALSE, FALSE, sizeof(Piece));
    g_array_set_clear_func(self->pieces, clear_piece);
    gsize done = 0;
    for (guint i = 0; i < words->len; i++) {
        const DubWord *word = &g_array_index(words, DubWord, i);
        const Piece piece = { .gap = g_strndup(translated + done, word->start - done),
                              .word = g_strndup(translated + word->start, word->length) };
        g_array_append_val(self->pieces, piece);
        done = word->start + word->length;
    }
    self->tail = g_strdup(translated + done);
    return self;
}

void dub_mend_free(DubMend *self)
{
    if (!self)
        return;
    g_array_unref(self->pieces);
    g_free(self->tail);
    g_free(self);
}

DubMendTerm *dub_mend_put(DubMend *self, guint index, char *text)
{
    Piece *piece = &g_array_index(self->pieces, Piece, index);
    piece->term = g_new0(DubMendTerm, 1);
    piece->term->text = text;
    return piece->term;
}

static bool is_blank(const char *gap)
{
    return *gap && gap[strspn(gap, " ")] == '\0';
}

/* The piece @distance before the one at @index, if only blanks and no other term lie between. */
static Piece *piece_before(DubMend *self, guint index, guint distance)
{
    for (guint i = 0; i < distance; i++) {
        if (index == i || !is_blank(g_array_index(self->pieces, Piece, index - i).gap))
            return NULL;
        if (g_array_index(self->pieces, Piece, index - i - 1).term)
            return NULL;
    }
    return &g_array_index(self->pieces, Piece, index - distance);
}

/* @text: written with a capital if the word was. */
static void set_word(Piece *piece, const char *text)
{
    const bool capital = g_unichar_isupper(g_utf8_get_char(piece->word));
    g_free(piece->word);
    piece->word = capital ? dub_words_capital(text) : g_strdup(text);
}

static void remove_word(Piece *piece)
{
    g_free(piece->gap);
    g_free(piece->word);
    piece->gap = g_strdup("");
    piece->word = g_strdup("");
}

static bool is_word(const Piece *piece, const char *word)
{
    g_autofree char *folded = g_utf8_strdown(piece->word, -1);
    return g_str_equal(folded, word);
}

/* Before a stressed a the article of the singular is the masculine one, which a code has already. */
static bool agree(Piece *piece, const DubMendTerm *term)
{
    static const char *const masculine[] = { "el", "del", "al", "un", "algún", "ningún", NULL };
    g_autofree char *folded = g_utf8_strdown(piece->word, -1);
    if (!term->plural && dub_spanish_has_stressed_a(term->text) && g_strv_contains(masculine, folded))
        return true;
    g_autofree char *agreeing = dub_spanish_agree(folded, term->feminine, term->plural);
    if (agreeing)
        set_word(piece, agreeing);
    return agreeing != NULL;
}

/* A code has no gender: the translator took it for a masculine singular. "el zqxa" -> "la yarda", "el gran
 * zqxa" -> "la gran yarda", "el rojo zqxa" -> "la roja yarda". */
static void mend_agreement(DubMend *self, guint index, const DubMendTerm *term)
{
    Piece *before = piece_before(self, index, 1);
    if (!before || agree(before, term))
        return;
    Piece *article = piece_before(self, index, 2);
    if (!article || !agree(article, term))
        return;
    g_autofree char *folded = g_utf8_strdown(before->word, -1);
    g_autofree char *adjective = dub_spanish_adjective(folded, term->feminine, term->plural);
    if (g_str_has_suffix(folded, "o"))
        set_word(before, adjective);
}

/* "la ala" -> "el ala", "una área" -> "un área", "de la ala" -> "del ala" */
static void mend_stressed_a(DubMend *self, guint index, const DubMendTerm *term)
{
    static const DubEnding articles[] = { { "la", "el" },
                                          { "una", "un" },
                                          { "alguna", "algún" },
                                          { "ninguna", "ningún" } };
    Piece *article = piece_before(self, index, 1);
    if (!article || !term->feminine || term->plural || !dub_spanish_has_stressed_a(term->text))
        return;
    for (gsize i = 0; i < G_N_ELEMENTS(articles); i++)
        if (is_word(article, articles[i].ending)) {
            set_word(article, articles[i].instead);
            break;
        }
    Piece *preposition = piece_before(self, index, 2);
    if (!preposition || !is_word(article, "el"))
        return;
    if (is_word(preposition, "de"))
        set_word(preposition, "del");
    else if (is_word(preposition, "a"))
        set_word(preposition, "al");
    else
        return;
    remove_word(article);
}

/* A term with an article of its own: "de" + "el banquillo" -> "del banquillo". A name keeps it: "de El
 * Salvador". */
static void mend_contraction(DubMend *self, guint index, DubMendTerm *term)
{
    Piece *preposition = piece_before(self, index, 1);
    if (!preposition || !g_str_has_prefix(term->text, "el "))
        return;
    const bool is_de = is_word(preposition, "de");
    if (!is_de && !is_word(preposition, "a"))
        return;
    set_word(preposition, is_de ? "del" : "al");
    char *rest = g_strdup(term->text + strlen("el "));
    g_free(term->text);
    term->text = rest;
}

static void mend_conjunction(DubMend *self, guint index, const DubMendTerm *term)
{
    Piece *before = piece_before(self, index, 1);
    if (!before)
        return;
    if (is_word(before, "y") && dub_spanish_takes_e(term->text))
        set_word(before, "e");
    else if (is_word(before, "e") && !dub_spanish_takes_e(term->text)) /* for the placeholder's sake */
        set_word(before, "y");
    else if (is_word(before, "o") && dub_spanish_takes_u(term->text))
        set_word(before, "u");
}

static void mend_spanish(DubMend *self)
{
    for (guint i = 0; i < self->pieces->len; i++) {
        DubMendTerm *term = g_array_index(self->pieces, Piece, i).term;
        if (!term)
            continue;
        if (term->is_noun && !term->agrees)
            mend_agreement(self, i, term);
        if (term->is_noun)
            mend_stressed_a(self, i, term);
        mend_contraction(self, i, term);
        mend_conjunction(self, i, term);
    }
}

/* A placeholder came back with a capital where the term's own place asks for one. */
static char *text_of(const Piece *piece)
{
    if (!piece->term)
        return g_strdup(piece->word);
    return g_unichar_isupper(g_utf8_get_char(piece->word)) ? dub_words_capital(piece->term->text)
                                                           : g_strdup(piece->term->text);
}

char *dub_mend_finish(DubMend *self, bool spanish)
{
    if (spanish)
        mend_spanish(self);
    GString *result = g_string_new(NULL);
    for (guint i = 0; i < self->pieces->len; i++) {
        const Piece *piece = &g_array_index(self->pieces, Piece, i);
        g_autofree char *text = text_of(piece);
        g_string_append(result, piece->gap);
        g_string_append(result, text);
    }
    g_string_append(result, self->tail);
    return g_string_free(result, FALSE);
}

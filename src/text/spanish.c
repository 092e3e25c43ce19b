/* text/spanish.c: plurals, agreement, and how words sound to their neighbours. */
#include "text/spanish.h"
#include "text/words.h"

#include <string.h>

/* What follows one of these belongs to the noun before and keeps its number. */
static const char *const prepositions[] = { "de",   "del",    "a",     "al",    "en",    "por",  "con",   "sin",
                                            "para", "contra", "entre", "sobre", "bajo",  "tras", "desde", "hasta",
                                            "ante", "según",  "y",     "o",     "fuera", NULL };

/* Words that stand beside nouns and have no plural of their own. */
static const char *const invariable[] = { "clave", "más",    "menos",    "muy",  "bien", "mal",
                                          "no",    "récord", "estrella", "casa", NULL };

/* From plain to accented and back, by position. */
static const char plain_vowels[] = "aeiou";
static const char *const accented_vowels[] = { "á", "é", "í", "ó", "ú" };

static bool is_vowel(gunichar c)
{
    return c && c < 0x100 && (strchr("aeiouAEIOU", (int) c) || strchr("\xe1\xe9\xed\xf3\xfa\xfc", (int) c));
}

/* The plain letter of an accented vowel; 0 for all others. */
static char plain_of(gunichar c)
{
    for (gsize i = 0; i < G_N_ELEMENTS(accented_vowels); i++)
        if (c == g_utf8_get_char(accented_vowels[i]))
            return plain_vowels[i];
    return '\0';
}

static bool has_accent(const char *word)
{
    for (const char *c = word; *c; c = g_utf8_next_char(c))
        if (plain_of(g_utf8_get_char(c)))
            return true;
    return false;
}

static guint count_vowel_groups(const char *word)
{
    guint groups = 0;
    bool inside = false;
    for (const char *c = word; *c; c = g_utf8_next_char(c)) {
        const bool vowel = is_vowel(g_utf8_get_char(c));
        groups += vowel && !inside ? 1 : 0;
        inside = vowel;
    }
    return groups;
}

/* "balón" -> "balon", "inglés" -> "ingles": the ending takes the stress's place. "país" keeps its accent,
 * which parts two vowels. */
static char *drop_last_accent(const char *word)
{
    const char *last = g_utf8_find_prev_char(word, word + strlen(word));
    const char *vowel = last ? g_utf8_find_prev_char(word, last) : NULL;
    const char plain = vowel ? plain_of(g_utf8_get_char(vowel)) : '\0';
    const char *before = plain ? g_utf8_find_prev_char(word, vowel) : NULL;
    const bool parts = (plain == 'i' || plain == 'u') && before && is_vowel(g_utf8_get_char(before));
    if (!plain || parts)
        return g_strdup(word);
    g_autofree char *head = g_strndup(word, (gsize) (vowel - word));
    return g_strdup_printf("%s%c%s", head, plain, last);
}

/* "imagen" -> "imágen", to be followed by "es": the stress stays where it was. */
static char *add_accent(const char *word)
{
    const char *last_group = NULL;
    for (const char *c = word + strlen(word); (c = g_utf8_find_prev_char(word, c));) {
        const char *place = strchr(plain_vowels, *c);
        if (!place || !*c)
            continue;
        if (!last_group) {
            last_group = c;
            continue;
        }
        g_autofree char *head = g_strndup(word, (gsize) (c - word));
        return g_strconcat(head, accented_vowels[place - plain_vowels], c + 1, NULL);
    }
    return g_strdup(word);
}

static char *plural_after_consonant(const char *word)
{
    const char last = word[strlen(word) - 1];
    if (last == 'z')
        return g_strdup_printf("%.*sces", (int) strlen(word) - 1, word);
    if ((last == 's' || last == 'x') && (!has_accent(word) || last == 'x') && count_vowel_groups(word) > 1)
        return g_strdup(word); /* "crisis" */
    if (last == 'n' && !has_accent(word) && count_vowel_groups(word) > 1) {
        g_autofree char *stressed = add_accent(word);
        return g_strconcat(stressed, "es", NULL);
    }
    if (!strchr("dlnrsjy", last)) /* loan words: "hits", "sets", "ratings" */
        return g_strconcat(word, "s", NULL);
    g_autofree char *stem = drop_last_accent(word);
    return g_strconcat(stem, "es", NULL);
}

static char *plural_of(const char *word)
{
    const char *last = g_utf8_find_prev_char(word, word + strlen(word));
    if (!last || g_strv_contains(invariable, word))
        return g_strdup(word);
    if (is_vowel(g_utf8_get_char(last)))
        return g_strconcat(word, g_str_equal(last, "í") || g_str_equal(last, "ú") ? "es" : "s", NULL);
    return g_unichar_isalpha(g_utf8_get_char(last)) ? plural_after_consonant(word) : g_strdup(word);
}

/* Applies @change to the words of @phrase up to the first preposition. */
static char *change_head(const char *phrase, char *(*change)(const char *word, void *data), void *data)
{
    g_auto(GStrv) words = g_strsplit(phrase, " ", -1);
    for (char **word = words; *word && !g_strv_contains(prepositions, *word); word++) {
        char *changed = change(*word, data);
        g_free(*word);
        *word = changed;
    }
    return g_strjoinv(" ", words);
}

static char *change_to_plural(const char *word, void *data)
{
    (void) data;
    return plural_of(word);
}

char *dub_spanish_plural(const char *phrase)
{
    return change_head(phrase, change_to_plural, NULL);
}

/* The first row that fits; adjectives in -e, -ista and most consonants are the same for both. */
static const DubEnding feminine_endings[] = {
    { "mejor", "mejor" }, { "peor", "peor" }, { "mayor", "mayor" }, { "menor", "menor" },
    { "erior", "erior" }, { "or", "ora" },    { "ón", "ona" },      { "án", "ana" },
    { "és", "esa" },      { "o", "a" },       { NULL, NULL },
};

typedef struct {
    bool feminine, plural;
} Agreement;

static char *change_adjective(const char *word, void *data)
{
    const Agreement *agreement = data;
    g_autofree char *gendered = agreement->feminine ? dub_words_exchange_ending(word, feminine_endings) : NULL;
    if (!gendered)
        gendered = g_strdup(word);
    return agreement->plural ? plural_of(gendered) : g_steal_pointer(&gendered);
}

char *dub_spanish_adjective(const char *phrase, bool feminine, bool plural)
{
    Agreement agreement = { feminine, plural };
    return change_head(phrase, change_adjective, &agreement);
}

/* m.s., f.s., m.pl., f.pl. */
static const char *const determiners[][4] = {
    { "el", "la", "los", "las" },
    { "del", "de la", "de los", "de las" },
    { "al", "a la", "a los", "a las" },
    { "un", "una", "unos", "unas" },
    { "este", "esta", "estos", "estas" },
    { "ese", "esa", "esos", "esas" },
    { "aquel", "aquella", "aquellos", "aquellas" },
    { "otro", "otra", "otros", "otras" },
    { "todo", "toda", "todos", "todas" },
    { "mucho", "mucha", "muchos", "muchas" },
    { "primer", "primera", "primeros", "primeras" },
    { "tercer", "tercera", "terceros", "terceras" },
    { "segundo", "segunda", "segundos", "segundas" },
    { "último", "última", "últimos", "últimas" },
    { "nuestro", "nuestra", "nuestros", "nuestras" },
    { "algún", "alguna", "algunos", "algunas" },
    { "ningún", "ninguna", "ningunos", "ningunas" },
    { "buen", "buena", "buenos", "buenas" },
    { "mal", "mala", "malos", "malas" },
    { "su", "su", "sus", "sus" },
    { "mi", "mi", "mis", "mis" },
    { "tu", "tu", "tus", "tus" },
};

char *dub_spanish_agree(const char *word, bool feminine, bool plural)
{
    const guint wanted = (plural ? 2 : 0) + (feminine ? 1 : 0);
    for (gsize i = 0; i < G_N_ELEMENTS(determiners); i++)
        for (guint j = 0; j < 4; j++)
            if (g_str_equal(word, determiners[i][j]))
                return g_str_equal(word, determiners[i][wanted]) ? NULL : g_strdup(determiners[i][wanted]);
    return NULL;
}

bool dub_spanish_has_stressed_a(const char *noun)
{
    static const char *const nouns[] = { "área", "ala",  "agua", "águila", "arma", "alma",   "aula",  "hacha", "ancla",
                                         "acta", "asta", "alza", "aspa",   "ave",  "hambre", "habla", "ansia", NULL };
    g_autofree char *first = g_strndup(noun, strcspn(noun, " "));
    g_autofree char *folded = g_utf8_strdown(first, -1);
    return g_strv_contains(nouns, folded);
}

static bool begins_with(const char *word, const char *const *beginnings)
{
    g_autofree char *folded = g_utf8_strdown(word, -1);
    for (; *beginnings; beginnings++)
        if (g_str_has_prefix(folded, *beginnings))
            return true;
    return false;
}

bool dub_spanish_takes_e(const char *word)
{
    static const char *const sounded[] = { "i", "í", "hi", "hí", NULL };
    static const char *const diphthongs[] = { "ia", "ie", "io", "iu", "hia", "hie", "hio", "hiu", NULL };
    return begins_with(word, sounded) && !begins_with(word, diphthongs);
}

bool dub_spanish_takes_u(const char *word)
{
    static const char *const sounded[] = { "o", "ó", "ho", "hó", NULL };
    return begins_with(word, sounded);
}

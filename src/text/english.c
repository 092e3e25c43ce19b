/* text/english.c: plurals, forms of verbs, noun or verb. */
#include "text/english.h"

#include <string.h>

/* The first row that fits, first of these, then of the next table. What fits none takes an s. */
static const DubEnding irregular_plurals[] = {
    { "woman", "women" },   { "man", "men" },     { "foot", "feet" },   { "child", "children" }, { "half", "halves" },
    { "person", "people" }, { "hero", "heroes" }, { "echo", "echoes" }, { NULL, NULL },
};

/* The same for nouns and for the third person of verbs. */
static const DubEnding s_endings[] = {
    { "s", "ses" },  { "x", "xes" },  { "z", "zes" },  { "ch", "ches" }, { "sh", "shes" }, { "ay", "ays" },
    { "ey", "eys" }, { "oy", "oys" }, { "uy", "uys" }, { "y", "ies" },   { NULL, NULL },
};

/* base, past, participle. The gerund and the third person are regular, but for the doubled consonants below.
 */
static const struct {
    const char *base, *past, *participle;
} irregular[] = {
    { "be", "was", "been" },
    { "beat", "beat", "beaten" },
    { "begin", "began", "begun" },
    { "bite", "bit", "bitten" },
    { "blow", "blew", "blown" },
    { "break", "broke", "broken" },
    { "bring", "brought", "brought" },
    { "build", "built", "built" },
    { "buy", "bought", "bought" },
    { "catch", "caught", "caught" },
    { "come", "came", "come" },
    { "cut", "cut", "cut" },
    { "deal", "dealt", "dealt" },
    { "do", "did", "done" },
    { "draw", "drew", "drawn" },
    { "drive", "drove", "driven" },
    { "fall", "fell", "fallen" },
    { "feed", "fed", "fed" },
    { "fight", "fought", "fought" },
    { "find", "found", "found" },
    { "fly", "flew", "flown" },
    { "get", "got", "got" },
    { "give", "gave", "given" },
    { "go", "went", "gone" },
    { "have", "had", "had" },
    { "hit", "hit", "hit" },
    { "hold", "held", "held" },
    { "hurt", "hurt", "hurt" },
    { "keep", "kept", "kept" },
    { "lay", "laid", "laid" },
    { "lead", "led", "led" },
    { "leap", "leapt", "leapt" },
    { "leave", "left", "left" },
    { "lose", "lost", "lost" },
    { "make", "made", "made" },
    { "meet", "met", "met" },
    { "outrun", "outran", "outrun" },
    { "overcome", "overcame", "overcome" },
    { "overthrow", "overthrew", "overthrown" },
    { "pay", "paid", "paid" },
    { "put", "put", "put" },
    { "ride", "rode", "ridden" },
    { "rise", "rose", "risen" },
    { "run", "ran", "run" },
    { "see", "saw", "seen" },
    { "seek", "sought", "sought" },
    { "send", "sent", "sent" },
    { "set", "set", "set" },
    { "shoot", "shot", "shot" },
    { "shut", "shut", "shut" },
    { "slide", "slid", "slid" },
    { "spin", "spun", "spun" },
    { "split", "split", "split" },
    { "stand", "stood", "stood" },
    { "steal", "stole", "stolen" },
    { "strike", "struck", "struck" },
    { "swim", "swam", "swum" },
    { "swing", "swung", "swung" },
    { "take", "took", "taken" },
    { "think", "thought", "thought" },
    { "throw", "threw", "thrown" },
    { "win", "won", "won" },
    { "withdraw", "withdrew", "withdrawn" },
};

/* Of more than one syllable, with the stress on the last. */
static const char *const doubling[] = { "admit",  "begin",  "commit", "concur", "defer",  "excel",    "occur", "outrun",
                                        "permit", "prefer", "refer",  "regret", "submit", "transfer", "upset", NULL };

static const char *const prepositions[] = { "of",   "in",   "to",   "on",   "for", "at", "by",
                                            "from", "with", "over", "into", "off", NULL };

/* Before a noun, at once or with an adjective between. */
static const char *const before_noun[] = {
    "a",      "an",   "the",     "this",      "that",   "these",  "those", "my",      "your",      "his",       "her",
    "its",    "our",  "their",   "another",   "each",   "every",  "some",  "any",     "no",        "what",      "which",
    "whose",  "of",   "from",    "with",      "in",     "on",     "by",    "for",     "at",        "into",      "after",
    "before", "over", "two",     "three",     "four",   "five",   "six",   "seven",   "eight",     "nine",      "ten",
    "many",   "few",  "several", "one",       "first",  "second", "third", "fourth",  "last",      "next",      "good",
    "great",  "big",  "huge",    "bad",       "poor",   "long",   "short", "nice",    "fine",      "high",      "low",
    "little", "late", "early",   "brilliant", "superb", "such",   "quick", "perfect", "beautiful", "wonderful", "easy",
    "hard",   "deep", "strong",  "wide",      "more",   "other",  NULL,
};

static const char *const before_verb[] = {
    "to",     "i",    "you",   "we",     "they",  "he",   "she",    "it",    "who", "will", "would", "can", "could",
    "should", "must", "may",   "might",  "shall", "ll",   "cannot", "not",   "t",   "let",  "lets",  "do",  "does",
    "did",    "don",  "never", "always", "just",  "then", "please", "gonna", "d",   "also", "still", NULL,
};

/* After "passes", "saves" and the like: what is done to whom, or where. */
static const char *const after_verb[] = {
    "a",    "an",   "the",  "it", "him",  "her", "his",     "them",   "their",   "its",  "this", "that", "past",
    "into", "down", "away", "up", "back", "off", "through", "around", "forward", "wide", "home", NULL,
};

static bool is_one_of(const char *word, const char *const *list)
{
    return g_strv_contains(list, word);
}

/* Splits "man of the match" before " of", or at the end: the first part's last word is inflected. */
static gsize head_length(const char *phrase)
{
    g_auto(GStrv) words = g_strsplit(phrase, " ", -1);
    gsize length = strlen(words[0]);
    for (guint i = 1; words[i] && !is_one_of(words[i], prepositions); i++)
        length += 1 + strlen(words[i]);
    return MIN(length, strlen(phrase));
}

static char *add_s(const char *word)
{
    char *longer = dub_words_exchange_ending(word, s_endings);
    return longer ? longer : g_strconcat(word, "s", NULL);
}

char *dub_english_plural(const char *phrase)
{
    const gsize length = head_length(phrase);
    g_autofree char *head = g_strndup(phrase, length);
    g_autofree char *plural = dub_words_exchange_ending(head, irregular_plurals);
    if (!plural)
        plural = add_s(head);
    return g_strconcat(plural, phrase + length, NULL);
}

static bool is_vowel(char c)
{
    return c != '\0' && strchr("aeiouAEIOU", c) != NULL;
}

/* "hit", "stop", "chip": one vowel, and after it one consonant that is doubled. */
static bool doubles(const char *verb)
{
    const gsize n = strlen(verb);
    if (is_one_of(verb, doubling))
        return true;
    if (n < 3 || is_vowel(verb[n - 1]) || strchr("wxyh", verb[n - 1]) || !is_vowel(verb[n - 2]) ||
        is_vowel(verb[n - 3]))
        return false;
    for (gsize i = 0; i + 3 < n; i++)
        if (is_vowel(verb[i]))
            return false;
    return true;
}

/* @ending: "ed" or "ing" */
static char *add_ending(const char *verb, const char *ending)
{
    const gsize n = strlen(verb);
    if (n < 2)
        return g_strconcat(verb, ending, NULL);
    const bool past = *ending == 'e';
    if (g_str_has_suffix(verb, "ie") && !past) /* tie, tying */
        return g_strdup_printf("%.*sy%s", (int) n - 2, verb, ending);
    if (verb[n - 1] == 'y' && past && !is_vowel(verb[n - 2]))
        return g_strdup_printf("%.*si%s", (int) n - 1, verb, ending);
    if (verb[n - 1] == 'e' && (past || (verb[n - 2] != 'e' && n > 2)))
        return g_strdup_printf("%.*s%s", (int) n - 1, verb, ending);
    if (doubles(verb))
        return g_strdup_printf("%s%c%s", verb, verb[n - 1], ending);
    return g_strconcat(verb, ending, NULL);
}

static char *past_of(const char *verb, bool participle)
{
    for (gsize i = 0; i < G_N_ELEMENTS(irregular); i++)
        if (g_str_equal(verb, irregular[i].base))
            return g_strdup(participle ? irregular[i].participle : irregular[i].past);
    return add_ending(verb, "ed");
}

static char *third_of(const char *verb)
{
    if (g_str_equal(verb, "be"))
        return g_strdup("is");
    if (g_str_equal(verb, "have"))
        return g_strdup("has");
    if (g_str_has_suffix(verb, "o"))
        return g_strconcat(verb, "es", NULL);
    return add_s(verb);
}

char *dub_english_verb(const char *phrase, DubEnglishForm form)
{
    const gsize length = strcspn(phrase, " ");
    g_autofree char *verb = g_strndup(phrase, length);
    g_autofree char *inflected = NULL;
    switch (form) {
    case DUB_ENGLISH_THIRD: inflected = third_of(verb); break;
    case DUB_ENGLISH_PAST: inflected = past_of(verb, false); break;
    case DUB_ENGLISH_PARTICIPLE: inflected = past_of(verb, true); break;
    case DUB_ENGLISH_GERUND: inflected = add_ending(verb, "ing"); break;
    case DUB_ENGLISH_BASE:
    case DUB_N_ENGLISH_FORMS: inflected = g_strdup(verb); break;
    }
    return g_strconcat(inflected, phrase + length, NULL);
}

static const char *neighbour(const GArray *words, guint index, DubWordGap *gap)
{
    if (index >= words->len)
        return NULL;
    const DubWord *word = &g_array_index(words, DubWord, index);
    *gap = word->gap;
    return word->folded;
}

static bool is_number(const char *word)
{
    return g_ascii_isdigit(*word);
}

/* What the word before says. @begin: the words stand at the begin of a sentence or after a comma */
static DubEnglishRole role_by_previous(const GArray *words, guint first)
{
    if (first == 0 || g_array_index(words, DubWord, first).gap == DUB_GAP_BREAK)
        return DUB_ROLE_UNKNOWN;
    const DubWord *previous = &g_array_index(words, DubWord, first - 1);
    if (previous->gap == DUB_GAP_APOSTROPHE) /* "the keeper's save", "he'll save", "don't pass", "let's go" */
        return g_str_equal(previous->folded, "s") &&
                       !(first >= 2 && is_one_of(g_array_index(words, DubWord, first - 2).folded, before_verb))
                   ? DUB_ROLE_NOUN
                   : DUB_ROLE_VERB;
    if (is_one_of(previous->folded, before_noun) || is_number(previous->folded))
        return DUB_ROLE_NOUN;
    return is_one_of(previous->folded, before_verb) ? DUB_ROLE_VERB : DUB_ROLE_UNKNOWN;
}

DubEnglishRole dub_english_role(const GArray *words, guint first, guint n)
{
    const DubEnglishRole role = role_by_previous(words, first);
    if (role != DUB_ROLE_UNKNOWN)
        return role;
    DubWordGap gap = DUB_GAP_BREAK;
    const char *next = neighbour(words, first + n, &gap);
    if (!next || gap != DUB_GAP_BLANK)
        return DUB_ROLE_UNKNOWN;
    return is_one_of(next, after_verb) ? DUB_ROLE_VERB : DUB_ROLE_UNKNOWN;
}

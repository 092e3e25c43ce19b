/* engines/mt/guard.c: what is compared is words, folded; numbers and days are known in the languages of both
 * sides. */
#include "engines/mt/guard.h"

#include "base/error.h"
#include "text/words.h"

#include <string.h>
#include <unicode/udat.h>
#include <unicode/unum.h>
#include <unicode/ustring.h>

#define NUMBER_LEAST 2   /* "one" is an article in many languages */
#define NUMBER_MOST  100 /* beyond it, numbers are written in digits */
#define NUMBER_WORDS 4   /* "quatre-vingt-dix-neuf" */
#define N_DAYS       7

/* What one language calls things. */
typedef struct {
    GHashTable *numbers;  /* words, joined by a blank -> the number + 1 */
    GArray *days[N_DAYS]; /* of DubWord */
    char *day_texts[N_DAYS];
} Names;

struct _DubGuard {
    Names from, to;
    bool from_english;
};

/* One side of the comparison. */
typedef struct {
    const char *text;
    GArray *words;   /* of DubWord */
    GArray *numbers; /* of guint64 */
    GArray *digits;  /* those of them that stand in digits */
} Side;

static const DubWord *word_at(const GArray *words, guint index)
{
    return &g_array_index(words, DubWord, index);
}

/* ── Names ── */

/* Words that are a number and something else that is said as often: in the source they may be no number. */
static bool is_ambiguous(const char *language, const char *word)
{
    static const char *const pairs[][2] = {
        { "it", "sei" }, { "fr", "neuf" }, { "fr", "cent" }, { "de", "acht" }, { "nl", "acht" },
    };
    for (gsize i = 0; i < G_N_ELEMENTS(pairs); i++)
        if (g_str_equal(pairs[i][0], language) && g_str_equal(pairs[i][1], word))
            return true;
    return false;
}

static void add_number(Names *names, char *key, guint number)
{
    static const DubEnding genders[] = {
        { "uno", "una" }, { "uno", "un" }, { "uno", "ún" }, { "um", "uma" }, { "dois", "duas" }, { "un", "une" },
    };
    for (gsize i = 0; i < G_N_ELEMENTS(genders); i++) {
        const DubEnding one[] = { genders[i], { NULL, NULL } };
        char *other = dub_words_exchange_ending(key, one);
        if (other)
            g_hash_table_insert(names->numbers, other, GUINT_TO_POINTER(number + 1));
    }
    g_hash_table_insert(names->numbers, key, GUINT_TO_POINTER(number + 1));
}

/* (transfer full): "veinticinco", or digits where ICU has no words. It marks where German words may be
 * hyphenated. */
static char *spell(UNumberFormat *format, int number)
{
    static const char soft_hyphen[] = "\u00ad";
    UErrorCode status = U_ZERO_ERROR;
    UChar wide[128];
    char spelt[512] = "";
    unum_format(format, number, wide, G_N_ELEMENTS(wide), NULL, &status);
    if (U_SUCCESS(status))
        u_strToUTF8(spelt, sizeof spelt, NULL, wide, -1, &status);
    g_auto(GStrv) parts = g_strsplit(U_SUCCESS(status) ? spelt : "", soft_hyphen, -1);
    return g_strjoinv("", parts);
}

static void load_number(Names *names, const char *language, const char *spelt, guint number, bool is_source)
{
    g_autoptr(GArray) words = dub_words_find(spelt);
    if (!words->len || words->len > NUMBER_WORDS || g_ascii_isdigit(*spelt) ||
        (is_source && is_ambiguous(language, spelt)))
        return;
    add_number(names, dub_words_key(words, 0, words->len), number);
}

static void load_numbers(Names *names, const char *language, bool is_source)
{
    UErrorCode status = U_ZERO_ERROR;
    names->numbers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    UNumberFormat *format = unum_open(UNUM_SPELLOUT, NULL, 0, language, NULL, &status);
    for (guint number = NUMBER_LEAST; U_SUCCESS(status) && number <= NUMBER_MOST; number++) {
        g_autofree char *spelt = spell(format, (int) number);
        load_number(names, language, spelt, number, is_source);
    }
    unum_close(format); /* NULL is fine */
}

/* A language that ICU does not know has English days, which do no harm. */
static void load_days(Names *names, const char *language)
{
    UErrorCode status = U_ZERO_ERROR;
    UDateFormat *format = udat_open(UDAT_FULL, UDAT_NONE, language, NULL, 0, NULL, 0, &status);
    for (int day = 0; day < N_DAYS; day++) {
        UChar wide[64];
        char name[256] = "";
        if (U_SUCCESS(status))
            udat_getSymbols(format, UDAT_STANDALONE_WEEKDAYS, day + 1, wide, G_N_ELEMENTS(wide), &status);
        if (U_SUCCESS(status))
            u_strToUTF8(name, sizeof name, NULL, wide, -1, &status);
        names->day_texts[day] = g_strdup(U_SUCCESS(status) ? name : "");
        names->days[day] = dub_words_find(names->day_texts[day]);
    }
    if (format)
        udat_close(format);
}

static void load_names(Names *names, const char *language, bool is_source)
{
    load_numbers(names, language, is_source);
    load_days(names, language);
}

static void clear_names(Names *names)
{
    g_hash_table_unref(names->numbers);
    for (int day = 0; day < N_DAYS; day++) {
        g_array_unref(names->days[day]);
        g_free(names->day_texts[day]);
    }
}

DubGuard *dub_guard_new(const char *from, const char *to)
{
    DubGuard *self = g_new0(DubGuard, 1);
    load_names(&self->from, from, true);
    load_names(&self->to, to, false);
    self->from_english = g_str_has_prefix(from, "en");
    return self;
}

void dub_guard_free(DubGuard *self)
{
    if (!self)
        return;
    clear_names(&self->from);
    clear_names(&self->to);
    g_free(self);
}

/* ── The numbers of a text ── */

static bool is_digits(const char *text)
{
    for (const char *c = text; *c; c++)
        if (!g_ascii_isdigit(*c))
            return false;
    return *text;
}

/* "1,500" and "1.500": what follows a separator and has three digits is the same number's. */
static bool continues_number(const Side *side, guint index)
{
    static const char *const separators[] = { ",", ".", "'", "\u2019", "\u00a0", "\u202f" };
    const DubWord *word = word_at(side->words, index), *before = word_at(side->words, index - 1);
    const char *gap = side->text + before->start + before->length;
    const gsize length = word->start - before->start - before->length;
    if (word->length != 3 || !is_digits(word->folded))
        return false;
    for (gsize i = 0; i < G_N_ELEMENTS(separators); i++)
        if (strlen(separators[i]) == length && strncmp(gap, separators[i], length) == 0)
            return true;
    return false;
}

/* Returns: how many words the number in digits has that begins at @index; 0: there is none */
static guint read_digits(const Side *side, guint index, guint64 *number)
{
    g_autoptr(GString) digits = g_string_new(NULL);
    guint n = 0;
    if (!is_digits(word_at(side->words, index)->folded))
        return 0;
    do
        g_string_append(digits, word_at(side->words, index + n++)->folded);
    while (index + n < side->words->len && continues_number(side, index + n));
    *number = g_ascii_strtoull(digits->str, NULL, 10);
    return n;
}

static guint read_words(const Side *side, const Names *names, guint index, guint64 *number)
{
    for (guint n = dub_words_run(side->words, index, NUMBER_WORDS); n > 0; n--) {
        g_autofree char *key = dub_words_key(side->words, index, n);
        const guint found = GPOINTER_TO_UINT(g_hash_table_lookup(names->numbers, key));
        if (found) {
            *number = found - 1;
            return n;
        }
    }
    return 0;
}

static void find_numbers(Side *side, const Names *names)
{
    side->numbers = g_array_new(FALSE, FALSE, sizeof(guint64));
    side->digits = g_array_new(FALSE, FALSE, sizeof(guint64));
    for (guint i = 0; i < side->words->len;) {
        guint64 number = 0;
        const guint n_digits = read_digits(side, i, &number);
        const guint n = n_digits ? n_digits : read_words(side, names, i, &number);
        if (n_digits)
            g_array_append_val(side->digits, number);
        if (n)
            g_array_append_val(side->numbers, number);
        i += MAX(n, 1);
    }
}

static bool has_number(const GArray *numbers, guint64 number)
{
    for (guint i = 0; i < numbers->len; i++)
        if (g_array_index(numbers, guint64, i) == number)
            return true;
    return false;
}

static void side_init(Side *self, const char *text, const Names *names)
{
    self->text = text;
    self->words = dub_words_find(text);
    find_numbers(self, names);
}

static void side_clear(Side *self)
{
    g_array_unref(self->words);
    g_array_unref(self->numbers);
    g_array_unref(self->digits);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Side, side_clear)

/* ── The checks: each returns what is wrong (transfer full), or NULL ── */

static char *check_length(const Side *source, const Side *target)
{
    const gsize before = (gsize) g_utf8_strlen(source->text, -1), after = (gsize) g_utf8_strlen(target->text, -1);
    if (!target->words->len)
        return g_strdup("there are no words in it");
    if (strpbrk(target->text, "\r\n"))
        return g_strdup("it has more than one line");
    if (after > 2 * before + 20)
        return g_strdup("it is too long");
    return after * 5 + 50 < before * 2 ? g_strdup("it is too short") : NULL;
}

static bool has_word(const Side *side, const char *folded)
{
    for (guint i = 0; i < side->words->len; i++)
        if (g_str_equal(word_at(side->words, i)->folded, folded))
            return true;
    return false;
}

/* English words that no other language with Latin letters writes; names and titles have capitals. */
static bool is_english(const Side *side, guint index)
{
    static const char *const words[] = { "the", "and", "with", "they", "their", "from", "which", "would", "because" };
    const DubWord *word = word_at(side->words, index);
    if (!word->sentence_start && dub_word_case(side->text + word->start, word->length) != DUB_CASE_LOWER)
        return false;
    for (gsize i = 0; i < G_N_ELEMENTS(words); i++)
        if (g_str_equal(words[i], word->folded))
            return true;
    return false;
}

/* Short words are alike in many languages by chance, numbers and names always. */
static bool is_left(const Side *source, const Side *target, guint index)
{
    const DubWord *word = word_at(target->words, index);
    return word->length >= 4 && dub_word_case(target->text + word->start, word->length) == DUB_CASE_LOWER &&
           !g_ascii_isdigit(*word->folded) && has_word(source, word->folded);
}

static char *check_left(const DubGuard *self, const Side *source, const Side *target)
{
    guint n_left = 0;
    for (guint i = 0; i < target->words->len; i++) {
        const DubWord *word = word_at(target->words, i);
        if (self->from_english && is_english(target, i) && has_word(source, word->folded))
            return g_strdup_printf("\"%s\" is not translated", word->folded);
        n_left += is_left(source, target, i);
    }
    return n_left >= 3 && n_left * 3 > target->words->len ? g_strdup("most of it is not translated") : NULL;
}

/* "mariscal" is also there as "mariscales" */
static bool has_stem(const Side *side, const DubWord *wanted)
{
    const gsize length = strlen(wanted->folded);
    const gsize stem = length >= 5 ? MAX(length - 2, 3) : length;
    for (guint i = 0; i < side->words->len; i++)
        if (strncmp(word_at(side->words, i)->folded, wanted->folded, stem) == 0)
            return true;
    return false;
}

static char *check_terms(const Side *target, const DubGlossaryMatches *terms)
{
    for (guint i = 0; terms && i < dub_glossary_matches_count(terms); i++) {
        g_autoptr(GArray) words = dub_words_find(dub_glossary_matches_target(terms, i));
        for (guint j = 0; j < words->len; j++)
            if (!has_stem(target, word_at(words, j)))
                return g_strdup_printf("\"%s\" is not in it", dub_glossary_matches_target(terms, i));
    }
    return NULL;
}

static char *check_numbers(const Side *source, const Side *target)
{
    for (guint i = 0; i < source->numbers->len; i++) {
        const guint64 number = g_array_index(source->numbers, guint64, i);
        if (!has_number(target->numbers, number))
            return g_strdup_printf("the number %" G_GUINT64_FORMAT " is gone", number);
    }
    for (guint i = 0; i < target->digits->len; i++) {
        const guint64 number = g_array_index(target->digits, guint64, i);
        if (!has_number(source->numbers, number) && number > 1) /* "one" is not among the words */
            return g_strdup_printf("the number %" G_GUINT64_FORMAT " came from nowhere", number);
    }
    return NULL;
}

/* @most: of its words: Portuguese says "segunda" for "segunda-feira" */
static bool has_day(const Side *side, const GArray *day, guint most)
{
    const guint n = MIN(day->len, most);
    for (guint i = 0; n && i + n <= side->words->len; i++) {
        guint same = 0;
        while (same < n && g_str_equal(word_at(side->words, i + same)->folded, word_at(day, same)->folded))
            same++;
        if (same == n)
            return true;
    }
    return false;
}

static char *check_days(const DubGuard *self, const Side *source, const Side *target)
{
    for (int day = 0; day < N_DAYS; day++) {
        const bool before = has_day(source, self->from.days[day], G_MAXUINT);
        const bool after = has_day(target, self->to.days[day], before ? 1 : G_MAXUINT);
        if (before && !after)
            return g_strdup_printf("%s is gone", self->from.day_texts[day]);
        if (after && !before && !has_day(source, self->to.days[day], G_MAXUINT)) /* a name: Plácido Domingo */
            return g_strdup_printf("%s came from nowhere", self->to.day_texts[day]);
    }
    return NULL;
}

/* How often the three words that come most often come. */
static guint most_repeated(const Side *side)
{
    g_autoptr(GHashTable) counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    guint most = 0;
    for (guint i = 0; i + 3 <= side->words->len; i++) {
        char *key = dub_words_key(side->words, i, 3);
        const guint count = GPOINTER_TO_UINT(g_hash_table_lookup(counts, key)) + 1;
        g_hash_table_replace(counts, key, GUINT_TO_POINTER(count));
        most = MAX(most, count);
    }
    return most;
}

static char *check_repetition(const Side *source, const Side *target)
{
    const guint after = most_repeated(target);
    return after >= 3 && after > most_repeated(source) ? g_strdup("it goes round in circles") : NULL;
}

bool dub_guard_check(const DubGuard *self, const char *source, const char *translated, const DubGlossaryMatches *terms,
                     GError **error)
{
    g_auto(Side) before = { 0 }, after = { 0 };
    side_init(&before, source, &self->from);
    side_init(&after, translated, &self->to);
    g_autofree char *problem = check_length(&before, &after);
    problem = problem ? problem : check_repetition(&before, &after);
    problem = problem ? problem : check_left(self, &before, &after);
    problem = problem ? problem : check_terms(&after, terms);
    problem = problem ? problem : check_numbers(&before, &after);
    problem = problem ? problem : check_days(self, &before, &after);
    if (!problem)
        return true;
    g_set_error(error, DUB_ERROR, DUB_ERROR_ENGINE, "guard: %s", problem);
    return false;
}

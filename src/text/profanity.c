/* text/profanity.c: a language's list, and what becomes of its words. A line of the list is a word, or a
 * phrase; one that ends in '*' is the begin of words. */
#include "text/profanity.h"

#include "base/error.h"
#include "text/data-files.h"
#include "text/words.h"

#include <string.h>

#define FILE_MOST_BYTES 65536
#define WORDS_MOST      4 /* of a phrase */

struct _DubProfanity {
    GHashTable *words;     /* dub_words_key() of whole words and phrases */
    GPtrArray *beginnings; /* of folded strings */
};

static const char *const names[] = {
    [DUB_PROFANITY_KEEP] = "keep", [DUB_PROFANITY_MASK] = "mask", [DUB_PROFANITY_DROP] = "drop"
};

bool dub_profanity_policy_from_string(const char *word, DubProfanityPolicy *policy)
{
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
        if (g_str_equal(word, names[i])) {
            *policy = (DubProfanityPolicy) i;
            return true;
        }
    return false;
}

const char *dub_profanity_policy_to_string(DubProfanityPolicy policy)
{
    g_return_val_if_fail((gsize) policy < G_N_ELEMENTS(names), NULL);
    return names[policy];
}

static bool add_word(DubProfanity *self, const char *line)
{
    g_autoptr(GArray) words = dub_words_find(line);
    if (words->len == 0 || words->len > WORDS_MOST)
        return false;
    char *key = dub_words_key(words, 0, words->len);
    if (g_str_has_suffix(line, "*"))
        g_ptr_array_add(self->beginnings, key);
    else
        g_hash_table_add(self->words, key);
    return true;
}

static bool add_lines(DubProfanity *self, const char *path, const char *text, GError **error)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i]; i++) {
        const char *line = g_strstrip(lines[i]);
        if (!*line || *line == '#' || add_word(self, line))
            continue;
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "%s:%u: not 1 to %d words", path, i + 1, WORDS_MOST);
        return false;
    }
    return true;
}

void dub_profanity_free(DubProfanity *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->words);
    g_ptr_array_unref(self->beginnings);
    g_free(self);
}

DubProfanity *dub_profanity_load(const char *language, GError **error)
{
    g_autofree char *name = g_ascii_strdown(language, (gssize) strcspn(language, "-_"));
    g_autofree char *file = g_strconcat(name, ".txt", NULL);
    g_autofree char *path = dub_data_files_path("profanity", file);
    g_autoptr(DubProfanity) self = g_new0(DubProfanity, 1);
    self->words = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self->beginnings = g_ptr_array_new_with_free_func(g_free);
    if (strchr(name, '/') || !g_file_test(path, G_FILE_TEST_EXISTS))
        return g_steal_pointer(&self);
    g_autofree char *text = dub_data_files_read(path, FILE_MOST_BYTES, error);
    if (!text || !add_lines(self, path, text, error))
        return NULL;
    return g_steal_pointer(&self);
}

static bool begins_badly(const DubProfanity *self, const char *word)
{
    for (guint i = 0; i < self->beginnings->len; i++)
        if (g_str_has_prefix(word, self->beginnings->pdata[i]))
            return true;
    return false;
}

/* Returns: how many words from @first on the list has together; 0: none */
static guint listed_length(const DubProfanity *self, const GArray *words, guint first)
{
    for (guint n = dub_words_run(words, first, WORDS_MOST); n > 0; n--) {
        g_autofree char *key = dub_words_key(words, first, n);
        if (g_hash_table_contains(self->words, key))
            return n;
    }
    return begins_badly(self, g_array_index(words, DubWord, first).folded) ? 1 : 0;
}

/* "shit" -> "s***" */
static void append_masked(GString *result, const char *text, gsize length)
{
    const char *end = text + length;
    bool first = true;
    for (const char *c = text; c < end; c = g_utf8_next_char(c)) {
        const gunichar character = g_utf8_get_char(c);
        const bool kept = first || !g_unichar_isalnum(character);
        first = !g_unichar_isalnum(character);
        g_string_append_unichar(result, kept ? character : '*');
    }
}

/* Does nothing but the sentence's mark follow the comma at @comma? */
static bool ends_after(const char *comma)
{
    const char *next = comma + 1 + strspn(comma + 1, " ");
    return !*next || strchr(".!?", *next);
}

/* What a dropped word leaves: blanks on both sides, a capital that is now inside nothing. */
static char *close_gaps(const char *text, const char *original)
{
    GString *result = g_string_new(NULL);
    for (const char *c = text; *c; c++) {
        const char last = result->len ? result->str[result->len - 1] : ' ';
        if (*c == ' ' && (last == ' ' || (c[1] && strchr(",.;:!?", c[1]))))
            continue;
        if (strchr(",;:", *c) && (result->len == 0 || strchr(",;:", last) || ends_after(c)))
            continue;
        g_string_append_c(result, *c);
    }
    g_autofree char *closed = g_strchomp(g_string_free(result, FALSE));
    return g_unichar_isupper(g_utf8_get_char(original)) ? dub_words_capital(closed) : g_steal_pointer(&closed);
}

char *dub_profanity_apply(const DubProfanity *self, DubProfanityPolicy policy, const char *text)
{
    if (policy == DUB_PROFANITY_KEEP)
        return g_strdup(text);
    g_autoptr(GArray) words = dub_words_find(text);
    g_autoptr(GString) result = g_string_new(NULL);
    gsize done = 0;
    for (guint i = 0; i < words->len;) {
        const guint n = listed_length(self, words, i);
        const DubWord *first = &g_array_index(words, DubWord, i);
        i += MAX(n, 1);
        if (n == 0)
            continue;
        const DubWord *last = &g_array_index(words, DubWord, i - 1);
        const gsize length = last->start + last->length - first->start;
        g_string_append_len(result, text + done, (gssize) (first->start - done));
        if (policy == DUB_PROFANITY_MASK)
            append_masked(result, text + first->start, length);
        done = first->start + length;
    }
    if (done == 0)
        return g_strdup(text);
    g_string_append(result, text + done);
    return policy == DUB_PROFANITY_DROP ? close_gaps(result->str, text) : g_strdup(result->str);
}

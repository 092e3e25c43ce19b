/* text/phonemes-split.c: phonemes in pieces that a voice can take: borders of sentences first, then of
 * clauses, then of words. */
#include "text/phonemes.h"

#include <stdbool.h>
#include <string.h>

static bool is_one_of(gunichar c, const char *marks)
{
    return g_utf8_strchr(marks, -1, c) != NULL;
}

/* Where a chunk could end: each is the end of the last border of its kind that fits, or NULL. */
typedef struct {
    const char *sentence, *clause, *word, *any;
    const char *first_sentence;
} Borders;

static Borders find_borders(const char *start, guint most)
{
    Borders found = { 0 };
    gunichar before = 0;
    const char *p = start;
    for (guint n = 0; *p && n <= most; n++, p = g_utf8_next_char(p)) {
        const gunichar c = g_utf8_get_char(p);
        if (c == ' ' && p > start) {
            found.word = p;
            if (is_one_of(before, ",;:—"))
                found.clause = p;
            if (is_one_of(before, ".…!?"))
                found.sentence = p;
            if (found.sentence && !found.first_sentence)
                found.first_sentence = p;
        }
        if (n == most)
            break;
        before = c;
    }
    found.any = p;
    return found;
}

/* Returns: where the chunk that begins at @start ends; after @start. */
static const char *end_of_chunk(const char *start, DubPhonemeSet set, guint most)
{
    const Borders found = find_borders(start, most);
    if (set == DUB_PHONEMES_PIPER && found.first_sentence)
        return found.first_sentence;
    if (!*found.any)
        return found.any;
    return found.sentence ? found.sentence : found.clause ? found.clause : found.word ? found.word : found.any;
}

GPtrArray *dub_phonemes_split(const char *phonemes, DubPhonemeSet set, guint most)
{
    g_return_val_if_fail(most >= 2, NULL);
    GPtrArray *chunks = g_ptr_array_new_with_free_func(g_free);
    const char *lead = set == DUB_PHONEMES_KOKORO ? " " : "";
    const guint room = most - (guint) strlen(lead);
    for (const char *p = phonemes + strspn(phonemes, " "); *p; p += strspn(p, " ")) {
        const char *end = end_of_chunk(p, set, room);
        g_autofree char *chunk = g_strndup(p, (gsize) (end - p));
        g_ptr_array_add(chunks, g_strconcat(lead, chunk, NULL));
        p = end;
    }
    return chunks;
}

GArray *dub_phonemes_code_points(const char *phonemes)
{
    glong length = 0;
    g_autofree gunichar *points = g_utf8_to_ucs4_fast(phonemes, -1, &length);
    GArray *array = g_array_sized_new(FALSE, FALSE, sizeof(gint32), (guint) length);
    g_array_append_vals(array, points, (guint) length);
    return array;
}

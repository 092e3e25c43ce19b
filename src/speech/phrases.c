/* speech/phrases.c: from words with times to sentences with times. */
#include "speech/phrases.h"

#include "base/clock.h"

#include <string.h>

static void clear_phrase(gpointer data)
{
    g_free(((DubPhrase *) data)->sentence);
}

/* Recognisers write in lower case; translators do not know "i'm". */
static bool is_first_person(const char *word)
{
    return word[0] == 'i' && (word[1] == '\0' || word[1] == '\'');
}

static void append_word(GString *sentence, const char *word)
{
    if (sentence->len)
        g_string_append_c(sentence, ' ');
    const gsize at = sentence->len;
    g_string_append(sentence, word);
    if (is_first_person(word))
        sentence->str[at] = 'I';
}

static char *finish_sentence(GString *sentence)
{
    if (sentence->len && !strchr(".!?", sentence->str[sentence->len - 1]))
        g_string_append_c(sentence, '.');
    g_autofree char *text = g_string_free(sentence, FALSE);
    const char *rest = g_utf8_next_char(text);
    g_autofree char *initial = g_utf8_strup(text, rest - text);
    return g_strconcat(initial, rest, NULL);
}

static void append_phrase(GArray *phrases, GString *sentence, int64_t start_ns, int64_t end_ns)
{
    const DubPhrase phrase = {finish_sentence(sentence), start_ns, end_ns};
    g_array_append_val(phrases, phrase);
}

static void append_range(GArray *phrases, const DubAsrWord *words, guint first, guint end)
{
    GString *sentence = g_string_new(NULL);
    for (guint i = first; i < end; i++)
        append_word(sentence, words[i].text);
    append_phrase(phrases, sentence, words[first].start_ns, words[end - 1].end_ns);
}

static void append_words(GArray *phrases, const DubAsrWord *words, guint n_words)
{
    guint first = 0;
    for (guint i = 1; i <= n_words; i++) {
        if (i < n_words && words[i].start_ns - words[i - 1].end_ns < DUB_PHRASE_PAUSE_MS * DUB_NS_PER_MS)
            continue;
        append_range(phrases, words, first, i);
        first = i;
    }
}

GArray *dub_phrases_from_transcript(const DubTranscript *transcript, int64_t fallback_start_ns,
                                    int64_t fallback_end_ns)
{
    GArray *phrases = g_array_new(FALSE, FALSE, sizeof(DubPhrase));
    g_array_set_clear_func(phrases, clear_phrase);
    if (transcript->words->len)
        append_words(phrases, &g_array_index(transcript->words, DubAsrWord, 0), transcript->words->len);
    else if (*transcript->text)
        append_phrase(phrases, g_string_new(transcript->text), fallback_start_ns, fallback_end_ns);
    return phrases;
}

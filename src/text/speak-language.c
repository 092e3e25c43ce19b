/* text/speak-language.c: finds a language's data, and words in its lists. */
#include "text/speak-language-private.h"

#include <glib.h>
#include <string.h>

const DubSpeakLanguage *dub_speak_language_find(const char *tag)
{
    static const DubSpeakLanguage *const known[] = { &dub_speak_spanish, &dub_speak_english,    &dub_speak_french,
                                                     &dub_speak_italian, &dub_speak_portuguese, &dub_speak_german };
    for (gsize i = 0; tag && i < G_N_ELEMENTS(known); i++) {
        const gsize length = strlen(known[i]->code);
        if (g_ascii_strncasecmp(tag, known[i]->code, length) == 0 && !g_ascii_isalnum(tag[length]))
            return known[i];
    }
    return NULL;
}

static bool matches(const char *entry, gsize length, const char *word, gsize word_length)
{
    const bool ending = *entry == '-' && length > 1;
    if (!ending)
        return length == word_length && memcmp(entry, word, length) == 0;
    return word_length >= length - 1 && memcmp(entry + 1, word + word_length - (length - 1), length - 1) == 0;
}

bool dub_speak_words_have(const char *words, const char *word)
{
    const gsize word_length = strlen(word);
    for (const char *entry = words; entry && *entry && word_length;) {
        const gsize length = strcspn(entry, " ");
        if (matches(entry, length, word, word_length))
            return true;
        entry += length + (entry[length] == ' ');
    }
    return false;
}

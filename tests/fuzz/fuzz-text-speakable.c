/* tests/fuzz/fuzz-text-speakable.c: any bytes come back as valid UTF-8 without control characters, no longer
 * than promised, and so again when they are made speakable a second time. The first byte chooses the
 * language. */
#include "text/speakable.h"

#include <glib.h>
#include <stdint.h>
#include <string.h>

#define TEXT_MOST 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *speak(const char *text, const char *language)
{
    char *said = dub_speakable(text, language);
    g_assert_true(g_utf8_validate(said, -1, NULL));
    g_assert_cmpuint(strlen(said), <=, DUB_SPEAKABLE_GROWTH * (strlen(text) + 1));
    for (const char *p = said; *p; p++)
        g_assert_false(g_ascii_iscntrl(*p));
    return said;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const languages[] = { "es", "en", "fr", "it", "pt", "de", "es-MX", "sv" };
    if (size < 1 || size > TEXT_MOST)
        return 0;
    g_autofree char *text =
        g_strndup((const char *) data + 1, size - 1); /* ends at the first NUL, as every text does */
    const char *language = languages[data[0] % G_N_ELEMENTS(languages)];
    g_autofree char *said = speak(text, language);
    g_autofree char *again = speak(said, language);
    return 0;
}

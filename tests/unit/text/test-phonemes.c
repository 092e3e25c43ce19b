/* Phonemes as Piper's and Kokoro's voices know them. */
#include "base/error.h"
#include "text/phonemes.h"
int main(int argc, char **argv)
{
    for (int i = 2; i + 1 < argc; i += 2) {
        g_autoptr(GError) error = NULL;
        g_autofree char *p = dub_phonemes(argv[i + 1], argv[i], argv[1][0] == 'k', &error);
        g_print("[%s]\n", p ? p : error->message);
    }
}

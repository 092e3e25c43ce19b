/* translate: English on standard input, a sentence a line; Spanish by Apertium on standard output: plain, tidied, and with a glossary. */
#include "engines/mt/mt.h"
#include "text/glossary.h"
#include "text/tidy.h"

#include <stdio.h>
#include <string.h>

#define TIMEOUT_MS 20000

static char *translate(const char *text, void *mt, GError **error)
{
    return dub_mt_translate(mt, text, TIMEOUT_MS, NULL, error);
}

/* @glossary: NULL for none. @way: the first to be tried */
static bool print_translation(DubMt *mt, const DubGlossary *glossary, DubGlossaryWay way, bool tidy, const char *sentence, GError **error)
{
    g_autofree char *translated = dub_glossary_translate(glossary, sentence, way, translate, mt, error);
    if (!translated)
        return false;
    g_autofree char *tidied = tidy ? dub_tidy(translated, sentence, "es") : g_strdup(translated);
    puts(tidied);
    return true;
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    if (argc != 4) {
        fprintf(stderr, "usage: translate GLOSSARY|none stand-ins|codes tidy|plain\n");
        return 2;
    }
    g_autoptr(DubGlossary) glossary = NULL;
    if (!g_str_equal(argv[1], "none") && !(glossary = dub_glossary_load(argv[1], "en", "es", &error))) {
        fprintf(stderr, "translate: %s\n", error->message);
        return 1;
    }
    g_autoptr(DubMt) mt = dub_mt_open(NULL, "en", "es", &error);
    const DubGlossaryWay way = g_str_equal(argv[2], "codes") ? DUB_GLOSSARY_CODES : DUB_GLOSSARY_STAND_INS;
    char line[4096];
    while (mt && fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (!print_translation(mt, glossary, way, g_str_equal(argv[3], "tidy"), line, &error))
            break;
    }
    if (!error)
        return 0;
    fprintf(stderr, "translate: %s\n", error->message);
    return 1;
}

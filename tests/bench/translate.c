/* translate: English on standard input, a sentence a line; Spanish by Apertium on standard output: plain, tidied, and with a glossary. */
#include "base/clock.h"
#include "engines/drivers.h"
#include "text/glossary.h"
#include "text/tidy.h"

#include <stdio.h>
#include <string.h>

#define TIMEOUT_MS 20000

static char *translate(const char *text, void *mt, GError **error)
{
    const DubEngineRequest request = {
        .text = text, .from = "en", .to = "es", .deadline_ns = dub_clock_now() + TIMEOUT_MS * DUB_NS_PER_MS
    };
    g_autoptr(DubEngineReply) reply = dub_engine_run(mt, &request, error);
    return reply ? g_steal_pointer(&reply->text) : NULL;
}

/* @glossary: NULL for none. @way: the first to be tried */
static bool print_translation(DubEngine *mt, const DubGlossary *glossary, DubGlossaryWay way, bool tidy,
                              const char *sentence, GError **error)
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
    const DubEngineConfig config = {.from = "en", .to = "es", .n_cores = 1};
    g_autoptr(DubEngine) mt = dub_engine_open(&dub_engine_apertium, &config, &error);
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

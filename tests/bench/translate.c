/* tests/bench/translate.c: sentences on standard input, one a line, and their translations on standard output, as
 * airdub would have them in its subtitles: by the chain of translators, with the glossary, tidied. translate [--mt
 * NAME[,NAME]] [--glossary FILE|NAME] [--from en] [--to es] What is left open is as in the programs: the environment,
 * else the best that is installed. */
#include "base/clock.h"
#include "engines/set.h"
#include "text/tidy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_NS (60 * DUB_NS_PER_S)
#define LINE_BYTES 4096

static char *provider, *glossary_name, *from, *to;

static const GOptionEntry entries[] = {
    { "mt", 0, 0, G_OPTION_ARG_STRING, &provider, "the translator: see airdub engines", "NAME[,NAME]" },
    { "glossary", 0, 0, G_OPTION_ARG_STRING, &glossary_name, "none unless it is named", "FILE|NAME" },
    { "from", 0, 0, G_OPTION_ARG_STRING, &from, "the sentences' language [en]", "CODE" },
    { "to", 0, 0, G_OPTION_ARG_STRING, &to, "the language wanted [es]", "CODE" },
    G_OPTION_ENTRY_NULL,
};

static DubEngineSettings *read_settings(GError **error)
{
    g_auto(GStrv) environment = g_get_environ();
    g_autoptr(DubEngineSettings) settings = dub_engine_settings_load(environment, error);
    if (!settings || !dub_engine_settings_choose(settings, DUB_STAGE_MT, provider, error))
        return NULL;
    if (glossary_name) {
        g_free(settings->glossary);
        settings->glossary = g_strdup(glossary_name);
    }
    return g_steal_pointer(&settings);
}

static bool print_translation(DubEngineChain *chain, const DubGlossary *glossary, const char *sentence, GError **error)
{
    const DubEngineRequest request = { .text = sentence,
                                       .from = from,
                                       .to = to,
                                       .glossary = glossary,
                                       .deadline_ns = dub_clock_now() + TIMEOUT_NS };
    g_autoptr(GPtrArray) replies = dub_engine_chain_run(chain, &request, 1, NULL, error);
    if (!replies)
        return false;
    const DubEngineReply *reply = g_ptr_array_index(replies, 0);
    g_autofree char *tidy = dub_tidy(reply->text, sentence, to);
    return puts(tidy) >= 0;
}

static bool translate_lines(GError **error)
{
    g_autoptr(DubEngineSettings) settings = read_settings(error);
    if (!settings)
        return false;
    g_autoptr(DubGlossary) glossary = NULL;
    if (settings->glossary && !(glossary = dub_glossary_load(settings->glossary, from, to, error)))
        return false;
    g_autoptr(DubEngineChain) chain = dub_engine_chain_open(settings, DUB_STAGE_MT, from, to, error);
    char line[LINE_BYTES];
    bool ok = chain != NULL;
    while (ok && fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        ok = print_translation(chain, glossary, line, error);
    }
    return ok;
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GOptionContext) context = g_option_context_new("< SENTENCES");
    g_option_context_add_main_entries(context, entries, NULL);
    if (g_option_context_parse(context, &argc, &argv, &error)) {
        from = from ? from : g_strdup("en");
        to = to ? to : g_strdup("es");
        if (translate_lines(&error))
            return EXIT_SUCCESS;
    }
    g_printerr("translate: %s\n", error->message);
    return EXIT_FAILURE;
}

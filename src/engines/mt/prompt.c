/* engines/mt/prompt.c: instruction, examples, sentence. */
#include "engines/mt/prompt.h"

#include <string.h>
#include <unicode/uloc.h>
#include <unicode/ustring.h>

#define N_EXAMPLES     4
#define LABEL_TERMS    "Terms: "
#define LABEL_BEFORE   "Before: "
#define LABEL_SENTENCE "Sentence: "

/* The same four in each language: a plain sentence, one with a term, one with what was said before, and one
 * that a fragment's border has cut, which is not to be completed. */
typedef struct {
    char language[3];
    const char *sentences[N_EXAMPLES];
    const char *term;   /* of the second */
    const char *before; /* the third */
} Examples;

static const Examples examples[] = {
    { "en",
      { "The keeper had no chance, and the score is level again.", "Kick-off is at eight on Saturday.",
        "I don't think they will forget it.", "and that is why the whole stadium" },
      "kick-off",
      "What an evening for this team!" },
    { "es",
      { "El portero no tuvo ninguna opción y el marcador vuelve a estar igualado.",
        "El saque inicial es el sábado a las ocho.", "No creo que la olviden.", "y por eso todo el estadio" },
      "saque inicial",
      "¡Qué noche para este equipo!" },
    { "fr",
      { "Le gardien n'avait aucune chance et le score est de nouveau à égalité.",
        "Le coup d'envoi est samedi à huit heures.", "Je ne crois pas qu'ils l'oublieront.",
        "et c'est pour cela que tout le stade" },
      "coup d'envoi",
      "Quelle soirée pour cette équipe !" },
    { "de",
      { "Der Torwart war chancenlos, und es steht wieder unentschieden.", "Anstoß ist am Samstag um acht.",
        "Ich glaube nicht, dass sie ihn vergessen werden.", "und deshalb hat das ganze Stadion" },
      "Anstoß",
      "Was für ein Abend für diese Mannschaft!" },
    { "it",
      { "Il portiere non poteva farci nulla e il risultato è di nuovo in parità.",
        "Il calcio d'inizio è sabato alle otto.", "Non credo che la dimenticheranno.",
        "ed è per questo che tutto lo stadio" },
      "calcio d'inizio",
      "Che serata per questa squadra!" },
    { "pt",
      { "O goleiro não teve chance e o placar está empatado de novo.", "O pontapé inicial é no sábado às oito.",
        "Não creio que vão esquecê-la.", "e é por isso que todo o estádio" },
      "pontapé inicial",
      "Que noite para este time!" },
};

static const Examples *examples_of(const char *language)
{
    for (gsize i = 0; i < G_N_ELEMENTS(examples); i++)
        if (g_str_equal(examples[i].language, language))
            return &examples[i];
    return NULL;
}

/* (transfer full): "Spanish" */
static char *language_name(const char *code)
{
    UChar wide[128];
    char name[256] = "";
    UErrorCode status = U_ZERO_ERROR;
    uloc_getDisplayLanguage(code, "en", wide, G_N_ELEMENTS(wide), &status);
    if (U_SUCCESS(status))
        u_strToUTF8(name, sizeof name, NULL, wide, -1, &status);
    return g_strdup(U_SUCCESS(status) && *name ? name : code);
}

static void append_line(GString *out, const char *text)
{
    for (const char *c = text; *c; c++)
        g_string_append_c(out, g_ascii_iscntrl(*c) ? ' ' : *c);
}

static void append_labelled(GString *out, const char *label, const char *text)
{
    g_string_append_printf(out, "%s%s", out->len ? "\n" : "", label);
    append_line(out, text);
}

static void add_message(DubJson *messages, const char *role, const char *content)
{
    json_array_append_new(messages, json_pack("{s:s, s:s}", "role", role, "content", content));
}

static void add_instruction(DubJson *messages, const char *from, const char *to)
{
    g_autofree char *source = language_name(from), *target = language_name(to);
    g_autofree char *text = g_strdup_printf("You translate what is said in a live broadcast from %s to %s. "
                                            "Answer with the translation of the sentence in "
                                            "one line, and with nothing else. Use the translations given as "
                                            "terms. What was said before is there to be "
                                            "understood; do not translate it. Keep names and numbers. Do not "
                                            "complete a sentence that is cut off.",
                                            source, target);
    add_message(messages, "system", text);
}

static void add_example(DubJson *messages, const Examples *from, const Examples *to, int index)
{
    g_autoptr(GString) question = g_string_new(NULL);
    if (index == 1)
        g_string_append_printf(question, LABEL_TERMS "%s = %s", from->term, to->term);
    if (index == 2)
        append_labelled(question, LABEL_BEFORE, from->before);
    append_labelled(question, LABEL_SENTENCE, from->sentences[index]);
    add_message(messages, "user", question->str);
    add_message(messages, "assistant", to->sentences[index]);
}

static void append_terms(GString *out, const DubGlossaryMatches *terms)
{
    for (guint i = 0; i < dub_glossary_matches_count(terms); i++) {
        g_string_append(out, i ? "; " : LABEL_TERMS);
        append_line(out, dub_glossary_matches_source(terms, i));
        g_string_append(out, " = ");
        append_line(out, dub_glossary_matches_target(terms, i));
    }
}

/* The last words of it that fit */
static const char *end_of(const char *context)
{
    const gsize length = strlen(context);
    if (length <= DUB_PROMPT_CONTEXT_MOST_BYTES)
        return context;
    const char *start = context + length - DUB_PROMPT_CONTEXT_MOST_BYTES;
    const char *blank = strchr(start, ' ');
    while ((*start & 0xc0) == 0x80)
        start++;
    return blank ? blank + 1 : start;
}

DubJson *dub_prompt_messages(const char *from, const char *to, const char *sentence, const DubGlossaryMatches *terms,
                             const char *context)
{
    DubJson *messages = json_array();
    const Examples *sources = examples_of(from), *targets = examples_of(to);
    add_instruction(messages, from, to);
    for (int i = 0; sources && targets && i < N_EXAMPLES; i++)
        add_example(messages, sources, targets, i);
    g_autoptr(GString) question = g_string_new(NULL);
    if (terms)
        append_terms(question, terms);
    if (context && *context)
        append_labelled(question, LABEL_BEFORE, end_of(context));
    append_labelled(question, LABEL_SENTENCE, sentence);
    add_message(messages, "user", question->str);
    return messages;
}

/* ── The answer ── */

static bool is_quoted(const char *text, const char *open, const char *close)
{
    return strlen(text) > strlen(open) + strlen(close) && g_str_has_prefix(text, open) && g_str_has_suffix(text, close);
}

char *dub_prompt_read(const char *content, const char *sentence)
{
    static const char *const quotes[][2] = { { "\"", "\"" }, { "“", "”" }, { "«", "»" }, { "'", "'" } };
    g_autofree char *line = g_strstrip(g_strdup(content));
    for (gsize i = 0; i < G_N_ELEMENTS(quotes); i++) {
        if (!is_quoted(line, quotes[i][0], quotes[i][1]) || strchr("\"'", *sentence) || g_str_has_prefix(sentence, "“"))
            continue;
        const gsize open = strlen(quotes[i][0]), close = strlen(quotes[i][1]);
        return g_strstrip(g_strndup(line + open, strlen(line) - open - close));
    }
    return g_steal_pointer(&line);
}

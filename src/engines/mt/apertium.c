/* engines/mt/apertium.c: Apertium's chain of programs, kept running.
 * The chain is read from the pair's mode file and started without a shell, each program with -z: it answers at each NUL
 * byte. lt-proc understands -z, but in most of its modes it does not flush its output then (lttoolbox 3.7), so stdbuf
 * starts it. */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "engines/drivers.h"
#include "engines/mt/pipeline.h"
#include "text/english.h"

#include <stdlib.h>
#include <string.h>

#define MODES_FOLDER     "/usr/share/apertium/modes"
#define MODE_MOST_BYTES  65536
#define ANSWER_MOST_MS   60000 /* where nobody set a deadline */
#define PIECE_MOST_BYTES 2000  /* longer text is translated in pieces: the chain's pipes hold 64 KiB of analyses */

typedef struct {
    DubEngine base;
    GPtrArray *stages; /* of char ** */
    bool from_english;
    DubPipeline *pipeline; /* NULL: to be started */
    int64_t ended_cpu_ns;  /* used by chains that were stopped */
    int64_t told_cpu_ns;   /* that replies have told of */
} Apertium;

/* Apertium calls languages by ISO 639-2/3; where both names are in use, both are looked for. */
static const struct {
    char iso1[3];
    char iso3[4];
} languages[] = {
    { "af", "afr" }, { "an", "arg" }, { "ar", "ara" }, { "be", "bel" }, { "bg", "bul" }, { "br", "bre" },
    { "ca", "cat" }, { "cy", "cym" }, { "da", "dan" }, { "de", "deu" }, { "en", "eng" }, { "eo", "epo" },
    { "es", "spa" }, { "eu", "eus" }, { "fr", "fra" }, { "ga", "gle" }, { "gl", "glg" }, { "hi", "hin" },
    { "id", "ind" }, { "is", "isl" }, { "it", "ita" }, { "kk", "kaz" }, { "mk", "mkd" }, { "ms", "zlm" },
    { "mt", "mlt" }, { "nb", "nob" }, { "nl", "nld" }, { "nn", "nno" }, { "oc", "oci" }, { "pl", "pol" },
    { "pt", "por" }, { "ro", "ron" }, { "ru", "rus" }, { "sc", "srd" }, { "se", "sme" }, { "sl", "slv" },
    { "sv", "swe" }, { "tr", "tur" }, { "tt", "tat" }, { "uk", "ukr" }, { "ur", "urd" },
};

static const char *to_iso3(const char *iso1)
{
    for (gsize i = 0; i < G_N_ELEMENTS(languages); i++)
        if (g_str_equal(iso1, languages[i].iso1))
            return languages[i].iso3;
    return iso1;
}

static const char *to_iso1(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(languages); i++)
        if (g_str_equal(name, languages[i].iso3))
            return languages[i].iso1;
    return name;
}

/* "eng-spa.mode" is the pair "en", "es"; "spa-eng_US.mode" and other variants are no pair of their own. */
static DubEngineOffer *offer_of(const char *file)
{
    if (!g_str_has_suffix(file, ".mode"))
        return NULL;
    g_autofree char *name = g_strndup(file, strlen(file) - strlen(".mode"));
    g_auto(GStrv) parts = g_strsplit(name, "-", -1);
    if (g_strv_length(parts) != 2 || strchr(name, '_'))
        return NULL;
    return dub_engine_offer_new("", to_iso1(parts[0]), to_iso1(parts[1]), "");
}

static int compare_offers(gconstpointer a, gconstpointer b)
{
    const DubEngineOffer *x = *(const DubEngineOffer *const *) a, *y = *(const DubEngineOffer *const *) b;
    const int order = strcmp(x->language, y->language);
    return order ? order : strcmp(x->target, y->target);
}

/* The modes are there, and nobody to run them: broken, and not merely absent. Every chain begins with it. */
static bool check_programs(GError **error)
{
    g_autofree char *path = g_find_program_in_path("lt-proc");
    if (!path)
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_ENGINE,
                            "apertium: its program lt-proc is not on PATH; install it with: apt-get install apertium");
    return path != NULL;
}

static GPtrArray *list_pairs(const DubEngineConfig *config G_GNUC_UNUSED, GCancellable *cancellable G_GNUC_UNUSED,
                             GError **error)
{
    g_autoptr(GPtrArray) offers = g_ptr_array_new_with_free_func((GDestroyNotify) dub_engine_offer_free);
    g_autoptr(GDir) folder = g_dir_open(MODES_FOLDER, 0, NULL); /* none: nothing is installed */
    const char *file;
    while (folder && (file = g_dir_read_name(folder))) {
        DubEngineOffer *offer = offer_of(file);
        if (offer)
            g_ptr_array_add(offers, offer);
    }
    if (offers->len && !check_programs(error))
        return NULL;
    g_ptr_array_sort(offers, compare_offers);
    return g_steal_pointer(&offers);
}

static char *read_mode(const char *from, const char *to, GError **error)
{
    const char *const spellings[][2] = { { to_iso3(from), to_iso3(to) }, { from, to } };
    for (gsize i = 0; i < G_N_ELEMENTS(spellings); i++) {
        g_autofree char *path = g_strdup_printf(MODES_FOLDER "/%s-%s.mode", spellings[i][0], spellings[i][1]);
        char *text = NULL;
        gsize length = 0;
        if (g_file_get_contents(path, &text, &length, NULL) && length <= MODE_MOST_BYTES)
            return text;
        g_free(text);
    }
    g_set_error(error, DUB_ERROR, DUB_ERROR_ENGINE,
                "apertium: no mode %s-%s in " MODES_FOLDER "; install it with: apt-get install apertium-%s-%s",
                to_iso3(from), to_iso3(to), to_iso3(from), to_iso3(to));
    return NULL;
}

/* $1 asks the generator to leave out the marks of unknown words, $2 is empty: the tagger shows no ambiguity. */
static void add_argument(GPtrArray *argv, const char *word)
{
    if (g_str_equal(word, "$1"))
        g_ptr_array_add(argv, g_strdup("-n"));
    else if (!g_str_equal(word, "$2"))
        g_ptr_array_add(argv, g_strdup(word));
}

static char **stage_of(char **words)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    if (g_str_equal(words[0], "lt-proc")) {
        g_ptr_array_add(argv, g_strdup("stdbuf"));
        g_ptr_array_add(argv, g_strdup("-o0"));
    }
    g_ptr_array_add(argv, g_strdup(words[0]));
    g_ptr_array_add(argv, g_strdup("-z"));
    for (char **word = words + 1; *word; word++)
        add_argument(argv, *word);
    g_ptr_array_add(argv, NULL);
    return (char **) g_ptr_array_steal(argv, NULL);
}

/* A mode file is one shell pipeline of plain words and quoted paths; anything else in it is refused. */
static GPtrArray *parse_mode(const char *text, GError **error)
{
    g_autoptr(GPtrArray) stages = g_ptr_array_new_with_free_func((GDestroyNotify) g_strfreev);
    g_auto(GStrv) commands = g_strsplit(text, "|", DUB_PIPELINE_STAGES_MOST + 1);
    for (char **command = commands; *command; command++) {
        g_auto(GStrv) words = NULL;
        if (!g_shell_parse_argv(g_strstrip(*command), NULL, &words, NULL) || stages->len == DUB_PIPELINE_STAGES_MOST) {
            g_set_error(error, DUB_ERROR, DUB_ERROR_ENGINE, "apertium: cannot read the mode file: \"%s\"", *command);
            return NULL;
        }
        g_ptr_array_add(stages, stage_of(words));
    }
    return g_steal_pointer(&stages);
}

static void close_apertium(DubEngine *base)
{
    Apertium *self = (Apertium *) base;
    dub_pipeline_stop(self->pipeline);
    g_ptr_array_unref(self->stages);
    g_free(self);
}

static DubEngine *open_apertium(const DubEngineConfig *config, GError **error)
{
    g_autofree char *mode = read_mode(config->from, config->to, error);
    if (!mode)
        return NULL;
    GPtrArray *stages = parse_mode(mode, error);
    if (!stages)
        return NULL;
    Apertium *self = g_new0(Apertium, 1);
    self->stages = stages;
    self->from_english = g_str_equal(config->from, "en");
    self->pipeline = dub_pipeline_start(stages, error);
    if (self->pipeline)
        return &self->base;
    g_prefix_error(error, "apertium (is the package apertium installed?): ");
    close_apertium(&self->base);
    return NULL;
}

/* What the stream format gives a meaning to. */
static bool is_special(char c)
{
    return c != '\0' && strchr("^$[]{}/\\@<>", c) != NULL;
}

/* The empty block at the end keeps the sentence's stop from getting lost; Apertium's own txt format does the same. */
static char *to_stream(const char *text, gsize length)
{
    GString *stream = g_string_sized_new(length + 16);
    for (gsize i = 0; i < length; i++) {
        if (is_special(text[i]))
            g_string_append_c(stream, '\\');
        g_string_append_c(stream, g_ascii_isspace(text[i]) ? ' ' : text[i]);
    }
    g_string_append(stream, "[]");
    return g_string_free(stream, FALSE);
}

/* Words that the rules leave out (pronouns, mostly) leave their blanks behind, and the capital goes with them. */
static char *from_stream(const char *stream, bool capital)
{
    g_autoptr(GString) text = g_string_sized_new(strlen(stream));
    for (const char *c = stream; *c; c++) {
        if (*c == '\\' && is_special(c[1]))
            g_string_append_c(text, *++c);
        else if (*c != '[' && *c != ']' && !(*c == ' ' && (text->len == 0 || text->str[text->len - 1] == ' ')))
            g_string_append_c(text, *c);
    }
    g_strchomp(text->str);
    if (!capital || !*text->str)
        return g_strdup(text->str);
    const char *rest = g_utf8_next_char(text->str);
    g_autofree char *initial = g_utf8_strup(text->str, rest - text->str);
    return g_strconcat(initial, rest, NULL);
}

/* Where one program has died, those after it still end their output with a NUL byte: only the block that ends every
 * question tells an answer from that. @answer: NULL when there is an error already */
static bool is_whole(const char *answer, GError **error)
{
    if (!answer)
        return false;
    if (strstr(answer, "[]"))
        return true;
    g_set_error_literal(error, DUB_ERROR, DUB_ERROR_ENGINE, "a translation program ended unexpectedly");
    return false;
}

/* A chain that did not answer is out of step, or hangs. Its programs read their dictionaries while the next fragment is
 * still being recognised. */
static void start_over(Apertium *self, const GError *failure)
{
    g_autoptr(GError) problem = NULL;
    dub_warning("apertium: %s; starting it again", failure->message);
    self->pipeline = dub_pipeline_start(self->stages, &problem);
    if (!self->pipeline) /* tried again when it is needed */
        dub_warning("apertium: %s", problem->message);
}

/* One piece. A chain that died, now or since the last call, or that did not answer in half of the time there is, is
 * started once more: who hangs costs nobody anything but time. */
static char *ask(Apertium *self, const char *piece, int64_t deadline_ns, GCancellable *cancellable, GError **error)
{
    const int64_t begin_ns = dub_clock_now();
    for (int attempt = 0;; attempt++) {
        g_autoptr(GError) failure = NULL;
        const int64_t until_ns = attempt ? deadline_ns : begin_ns + (deadline_ns - begin_ns) / 2;
        if (!self->pipeline)
            self->pipeline = dub_pipeline_start(self->stages, &failure);
        if (self->pipeline) {
            g_autofree char *answer = dub_pipeline_ask(self->pipeline, piece, until_ns, cancellable, &failure);
            if (is_whole(answer, &failure))
                return g_steal_pointer(&answer);
            self->ended_cpu_ns += dub_pipeline_cpu_ns(self->pipeline);
            g_clear_pointer(&self->pipeline, dub_pipeline_stop);
        }
        const bool cancelled = g_cancellable_is_cancelled(cancellable);
        if (attempt == 0 || !cancelled)
            start_over(self, failure);
        if (attempt > 0 || cancelled) {
            g_propagate_prefixed_error(error, g_steal_pointer(&failure), "apertium: ");
            return NULL;
        }
    }
}

/* Returns: how many bytes of @text the next piece takes: up to the last end of a sentence, else the last blank, else
 * the last whole character within the bound. */
static gsize piece_length(const char *text)
{
    const gsize length = strlen(text);
    if (length <= PIECE_MOST_BYTES)
        return length;
    gsize blank = 0;
    for (gsize i = PIECE_MOST_BYTES; i > 1; i--) {
        if (text[i] != ' ')
            continue;
        if (strchr(".!?", text[i - 1]))
            return i;
        blank = MAX(blank, i);
    }
    if (blank)
        return blank;
    gsize end = PIECE_MOST_BYTES;
    while ((text[end] & 0xc0) == 0x80)
        end--;
    return end;
}

static char *translate(Apertium *self, const char *text, int64_t deadline_ns, GCancellable *cancellable, GError **error)
{
    g_autoptr(GString) result = g_string_new(NULL);
    while (*text) {
        const gsize length = piece_length(text);
        g_autofree char *piece = to_stream(text, length);
        g_autofree char *answer = ask(self, piece, deadline_ns, cancellable, error);
        if (!answer)
            return NULL;
        g_autofree char *plain = from_stream(answer, g_unichar_isupper(g_utf8_get_char(text)));
        g_string_append_printf(result, "%s%s", result->len ? " " : "", plain);
        text += length;
        while (*text == ' ')
            text++;
    }
    return g_string_free(g_steal_pointer(&result), FALSE);
}

/* What the programs have used since it was last told. */
static int64_t take_cpu_ns(Apertium *self)
{
    const int64_t used_ns = self->ended_cpu_ns + (self->pipeline ? dub_pipeline_cpu_ns(self->pipeline) : 0);
    const int64_t more_ns = used_ns - self->told_cpu_ns;
    self->told_cpu_ns = used_ns;
    return more_ns;
}

static DubEngineReply *run(DubEngine *base, const DubEngineRequest *request, GError **error)
{
    Apertium *self = (Apertium *) base;
    const int64_t deadline_ns = dub_clock_now() + (int64_t) dub_engine_ms_left(request, ANSWER_MOST_MS) * DUB_NS_PER_MS;
    g_autofree char *source = self->from_english ? dub_english_measures(request->text) : g_strdup(request->text);
    g_autofree char *text = translate(self, source, deadline_ns, request->cancellable, error);
    if (!text)
        return NULL;
    DubEngineReply *reply = dub_engine_reply_new();
    dub_engine_reply_set_text(reply, text);
    reply->usage.programs_cpu_ns = take_cpu_ns(self);
    return reply;
}

/* A sentence takes milliseconds and a chain 107 MB: one serves all lanes. */
static unsigned count(const DubEngineConfig *config G_GNUC_UNUSED)
{
    return 1;
}

const DubEngineClass dub_engine_apertium = {
    .stage = DUB_STAGE_MT,
    .name = "apertium",
    .flags = DUB_ENGINE_RULES,
    .brings = "apt-get install apertium-eng-spa (more pairs: apt-cache search apertium-)",
    .list = list_pairs,
    .count = count,
    .open = open_apertium,
    .run = run,
    .close = close_apertium,
};

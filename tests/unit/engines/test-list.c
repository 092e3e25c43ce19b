/* The real list of drivers, and the names they are found by. */
#include "base/error.h"
#include "engines/list.h"
#include "engines/settings.h"

#include <string.h>

/* What every driver must bring, so that nobody who goes through the list has to ask. */
static void test_complete(void)
{
    unsigned n[DUB_N_STAGES] = { 0 };
    for (const DubEngineClass *const *klass = dub_engine_list(); *klass; klass++) {
        g_test_message("%s %s", dub_engine_stage_to_string((*klass)->stage), (*klass)->name);
        g_assert_cmpint((*klass)->stage, <, DUB_N_STAGES);
        n[(*klass)->stage]++;
        g_assert_nonnull((*klass)->name);
        g_assert_null(strpbrk((*klass)->name, ":, "));
        g_assert_nonnull((*klass)->list);
        g_assert_nonnull((*klass)->open);
        g_assert_nonnull((*klass)->run);
        g_assert_nonnull((*klass)->close);
        if ((*klass)->stage == DUB_STAGE_ASR)
            g_assert_cmpuint((*klass)->rate_hz, >=, 8000);
        g_assert_cmpint((*klass)->n_settings > 0, ==, (*klass)->settings_bytes > 0);
        for (gsize i = 0; i < (*klass)->n_settings; i++)
            g_assert_cmpuint((*klass)->settings[i].offset, <, (*klass)->settings_bytes);
    }
    for (int stage = 0; stage < DUB_N_STAGES; stage++)
        g_assert_cmpuint(n[stage], >=, 2);
}

/* Each is found by its name, and none is in the way of another. */
static void test_found(void)
{
    for (const DubEngineClass *const *klass = dub_engine_list(); *klass; klass++) {
        g_autofree char *argument = NULL;
        g_autoptr(GError) error = NULL;
        g_assert_true(dub_engine_find((*klass)->stage, (*klass)->name, &argument, &error) == *klass);
        g_assert_no_error(error);
        g_assert_null(argument);
    }
}

static void test_null_by_name_only(void)
{
    for (int stage = 0; stage < DUB_N_STAGES; stage++) {
        g_autofree char *argument = NULL;
        const DubEngineClass *klass = dub_engine_find((DubEngineStage) stage, "null", &argument, NULL);
        g_assert_nonnull(klass);
        g_assert_true(klass->flags & DUB_ENGINE_BY_NAME);
        g_assert_true(klass->flags & DUB_ENGINE_ANY_LANGUAGE);
    }
}

typedef struct {
    const char *name, *asked, *argument;
} Argument;

static const Argument arguments[] = {
    { "none", "null", NULL },
    { "path", "null:/usr/bin/mine --fast", "/usr/bin/mine --fast" },
    { "colons", "null:http://localhost:8080", "http://localhost:8080" },
    { "empty", "null:", "" },
};

static void test_argument(const void *data)
{
    const Argument *c = data;
    g_autofree char *argument = NULL;
    g_autoptr(GError) error = NULL;
    const DubEngineClass *klass = dub_engine_find(DUB_STAGE_MT, c->asked, &argument, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(klass->name, ==, "null");
    g_assert_cmpstr(argument, ==, c->argument);
}

typedef struct {
    const char *name;
    DubEngineStage stage;
    const char *asked, *says[3];
} Wrong;

static const Wrong wrong[] = {
    { "recogniser",
      DUB_STAGE_ASR,
      "telepathy",
      { "no speech recogniser is called \"telepathy\"", "pocketsphinx", "null" } },
    { "translator", DUB_STAGE_MT, "babelfish", { "no translator is called \"babelfish\"", "apertium", "null" } },
    { "voice", DUB_STAGE_TTS, "parrot", { "no speech synthesiser is called \"parrot\"", "espeak-ng", "null" } },
    { "of-another-stage", DUB_STAGE_ASR, "apertium", { "\"apertium\"", "pocketsphinx", "null" } },
    { "empty", DUB_STAGE_ASR, "", { "\"\"", "pocketsphinx", "null" } },
    { "with-argument", DUB_STAGE_ASR, "nobody:here", { "\"nobody:here\"", "pocketsphinx", "null" } },
    { "case", DUB_STAGE_TTS, "eSpeak-NG", { "\"eSpeak-NG\"", "espeak-ng", "null" } },
};

static void test_wrong(const void *data)
{
    const Wrong *c = data;
    char *argument = (char *) "left over";
    g_autoptr(GError) error = NULL;
    g_assert_null(dub_engine_find(c->stage, c->asked, &argument, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
    g_assert_null(argument);
    g_test_message("%s", error->message);
    for (gsize i = 0; i < G_N_ELEMENTS(c->says); i++)
        g_assert_nonnull(strstr(error->message, c->says[i]));
}

typedef struct {
    DubEngineStage stage;
    const char *name, *means;
} Alias;

static const Alias aliases[] = {
    { DUB_STAGE_ASR, "faster-whisper", "whisper" },
    { DUB_STAGE_ASR, "whisper.cpp", "whisper" },
    { DUB_STAGE_TTS, "coqui", "vits" },
    { DUB_STAGE_TTS, "piper", "vits" },
    { DUB_STAGE_TTS, "espeak", "espeak-ng" },
};

/* As other systems call them; where the engine itself is not in the list, neither is the alias. */
static void test_alias(const void *data)
{
    const Alias *c = data;
    g_autofree char *argument = NULL, *other_argument = NULL;
    const DubEngineClass *by_alias = dub_engine_find(c->stage, c->name, &argument, NULL);
    g_assert_true(by_alias == dub_engine_find(c->stage, c->means, &other_argument, NULL));
    g_assert_true(dub_engine_is_borrowed(c->stage, c->name));
    g_assert_false(dub_engine_is_borrowed(c->stage, c->means));
    const DubEngineStage other = c->stage == DUB_STAGE_ASR ? DUB_STAGE_TTS : DUB_STAGE_ASR;
    g_assert_false(dub_engine_is_borrowed(other, c->name));
    if (g_str_equal(c->means, "espeak-ng"))
        g_assert_nonnull(by_alias);
}

/* The tables of all drivers and the shared one are one environment: no name means two things. */
static void test_settings_are_apart(void)
{
    g_autofree char *help = dub_engine_settings_help();
    g_auto(GStrv) lines = g_strsplit(help, "\n", -1);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (char **line = lines; *line && **line; line++) {
        g_assert_true(g_str_has_prefix(*line, "  "));
        g_autofree char *name = g_strndup(*line + 2, strcspn(*line + 2, " ,"));
        g_test_message("%s", name);
        g_assert_true(g_hash_table_add(seen, g_steal_pointer(&name)));
    }
    g_assert_cmpuint(g_hash_table_size(seen), >=, 9);
}

#define ADD_ROWS(group, rows, test)                                                            \
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {                                           \
        g_autofree char *path = g_strconcat("/engines/list/" group "/", (rows)[i].name, NULL); \
        g_test_add_data_func(path, &(rows)[i], test);                                          \
    }

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/engines/list/complete", test_complete);
    g_test_add_func("/engines/list/found", test_found);
    g_test_add_func("/engines/list/null-by-name-only", test_null_by_name_only);
    ADD_ROWS("argument", arguments, test_argument)
    ADD_ROWS("wrong", wrong, test_wrong)
    ADD_ROWS("alias", aliases, test_alias)
    g_test_add_func("/engines/list/settings-are-apart", test_settings_are_apart);
    return g_test_run();
}

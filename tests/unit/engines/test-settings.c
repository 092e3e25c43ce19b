/* What the environment says of engines, with a driver ("voice") that has rows of its own. */
#include "base/error.h"
#include "engines/settings.h"
#include "fakes.h"
#include "rig.h"

#include <string.h>

static void test_defaults(void)
{
    g_autoptr(DubEngineSettings) settings = rig_default_settings();
    for (int stage = 0; stage < DUB_N_STAGES; stage++)
        g_assert_null(settings->providers[stage]);
    g_assert_null(settings->asr_model);
    g_assert_null(settings->model_dir);
    g_assert_null(settings->glossary);
    g_assert_cmpstr(settings->profanity, ==, "keep");
    g_assert_cmpstr(settings->device, ==, "cpu");
    g_assert_cmpuint(settings->n_lanes, ==, 0);
}

static void test_all_rows(void)
{
    g_autoptr(DubEngineSettings) settings = rig_settings(
        "ASR_PROVIDER=ear,whisper", "ASR_MODEL=tiny", "TRANSLATION_PROVIDER=rules", "TTS_PROVIDER=voice, espeak",
        "MODEL_DIR=/models", "GLOSSARY=sports,mine.tsv", "PROFANITY=mask", "DEVICE=cpu", "ENGINE_LANES=3", NULL);
    g_assert_cmpstr(settings->providers[DUB_STAGE_ASR], ==, "ear,whisper");
    g_assert_cmpstr(settings->providers[DUB_STAGE_MT], ==, "rules");
    g_assert_cmpstr(settings->providers[DUB_STAGE_TTS], ==, "voice, espeak");
    g_assert_cmpstr(settings->asr_model, ==, "tiny");
    g_assert_cmpstr(settings->model_dir, ==, "/models");
    g_assert_cmpstr(settings->glossary, ==, "sports,mine.tsv");
    g_assert_cmpstr(settings->profanity, ==, "mask");
    g_assert_cmpuint(settings->n_lanes, ==, 3);
}

typedef struct {
    const char *name, *entry, *says[2];
} Wrong;

static const Wrong wrong[] = {
    { "recogniser", "ASR_PROVIDER=telepathy", { "ASR_PROVIDER: ", "\"telepathy\"" } },
    { "second-recogniser", "ASR_PROVIDER=ear,telepathy", { "ASR_PROVIDER: ", "\"telepathy\"" } },
    { "translator", "TRANSLATION_PROVIDER=babelfish", { "TRANSLATION_PROVIDER: ", "rules, model" } },
    { "voice", "TTS_PROVIDER=ear", { "TTS_PROVIDER: ", "cloud-voice, voice, espeak-ng" } },
    { "hole", "TTS_PROVIDER=voice,,espeak-ng", { "TTS_PROVIDER: ", "\"\"" } },
    { "comma-alone", "TTS_PROVIDER=,", { "TTS_PROVIDER: ", "\"\"" } },
    { "blank", "TTS_PROVIDER= ", { "TTS_PROVIDER: ", "\"\"" } },
    { "profanity", "PROFANITY=shout", { "PROFANITY: ", "keep, mask, drop" } },
    { "device", "DEVICE=abacus", { "DEVICE: ", "cpu, cuda" } },
    { "lanes", "ENGINE_LANES=33", { "ENGINE_LANES: ", "32" } },
    { "of-a-driver", "VOICE_SPEED=10", { "VOICE_SPEED: ", "9" } },
};

static void test_wrong(const void *data)
{
    const Wrong *c = data;
    char *environment[] = { (char *) c->entry, NULL };
    g_autoptr(GError) error = NULL;
    g_assert_null(dub_engine_settings_load(environment, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
    g_test_message("%s", error->message);
    for (gsize i = 0; i < G_N_ELEMENTS(c->says); i++)
        g_assert_nonnull(strstr(error->message, c->says[i]));
}

typedef struct {
    const char *name, *entry, *warning; /* NULL: none */
} Stand;

/* What is taken and not done, is told. */
static const Stand stands[] = {
    { "mock", "ASR_PROVIDER=mock", "*ASR_PROVIDER=mock: there is no mock here*" },
    { "default", "TTS_PROVIDER=default", NULL },
    { "cuda", "DEVICE=cuda", "*DEVICE=cuda: the engines here were built without GPU support*" },
    { "cpu", "DEVICE=cpu", NULL },
};

static void test_stand_in(const void *data)
{
    const Stand *c = data;
    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_passed();
        if (c->warning)
            g_test_trap_assert_stderr(c->warning);
        else
            g_test_trap_assert_stderr_unmatched("*WARN*");
        return;
    }
    g_autoptr(DubEngineSettings) settings = rig_settings(c->entry, NULL);
    for (int stage = 0; stage < DUB_N_STAGES; stage++)
        g_assert_null(settings->providers[stage]);
}

/* ── Drivers' own rows ── */

static void test_own_rows(void)
{
    g_autoptr(DubEngineSettings) settings = rig_settings("VOICE_KEY=sesame", "VOICE_SPEED=7", NULL);
    const DubEngineConfig config = dub_engine_settings_config(settings, &fake_voice_class, "en", "es", NULL);
    const FakeSettings *own = config.settings;
    g_assert_cmpstr(own->key, ==, "sesame");
    g_assert_cmpuint(own->speed, ==, 7);
    const DubEngineConfig other = dub_engine_settings_config(settings, &fake_quick_class, "en", "es", NULL);
    g_assert_null(other.settings);
}

static void test_own_defaults(void)
{
    g_autoptr(DubEngineSettings) settings = rig_default_settings();
    const DubEngineConfig config = dub_engine_settings_config(settings, &fake_voice_class, "en", "es", NULL);
    const FakeSettings *own = config.settings;
    g_assert_null(own->key);
    g_assert_cmpuint(own->speed, ==, 3);
}

static void test_help(void)
{
    static const char *const names[] = { "ASR_PROVIDER", "ASR_MODEL",  "TRANSLATION_PROVIDER",
                                         "TTS_PROVIDER", "MODEL_DIR",  "GLOSSARY",
                                         "PROFANITY",    "DEVICE",     "ENGINE_LANES",
                                         "VOICE_KEY",    "VOICE_SPEED" };
    g_autofree char *rows = dub_engine_settings_help();
    g_autofree char *help = g_strconcat("\n", rows, NULL);
    const char *at = help;
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *row = g_strdup_printf("\n  %s", names[i]);
        at = strstr(at, row); /* the shared ones first, each once, in this order */
        g_assert_nonnull(at);
    }
    g_assert_nonnull(strstr(help, "how fast the voice is [3] (1…9)"));
}

/* ── Given to an engine ── */

static void test_config(void)
{
    g_autoptr(DubEngineSettings) settings = rig_settings("ASR_MODEL=tiny", "MODEL_DIR=/models", "ENGINE_LANES=3", NULL);
    const DubEngineConfig ear = dub_engine_settings_config(settings, &fake_ear_class, "en", "es", "fast");
    g_assert_cmpstr(ear.model, ==, "tiny");
    g_assert_cmpstr(ear.model_dir, ==, "/models");
    g_assert_cmpstr(ear.argument, ==, "fast");
    g_assert_cmpstr(ear.from, ==, "en");
    g_assert_cmpstr(ear.to, ==, "es");
    g_assert_cmpuint(ear.n_cores, >=, 1);
    g_assert_cmpuint(ear.n_lanes, ==, 3);
    g_assert_null(ear.settings);
    const DubEngineConfig voice = dub_engine_settings_config(settings, &fake_voice_class, "en", "es", NULL);
    g_assert_null(voice.model); /* it is the recogniser's */
    g_assert_cmpstr(voice.model_dir, ==, "/models");
}

/* ── Chosen on the command line ── */

static void test_choose(void)
{
    g_autoptr(DubEngineSettings) settings = rig_settings("ASR_PROVIDER=ear", NULL);
    g_autoptr(GError) error = NULL;
    g_assert_true(dub_engine_settings_choose(settings, DUB_STAGE_ASR, NULL, &error));
    g_assert_cmpstr(settings->providers[DUB_STAGE_ASR], ==, "ear");
    g_assert_true(dub_engine_settings_choose(settings, DUB_STAGE_ASR, "whisper,ear", &error));
    g_assert_cmpstr(settings->providers[DUB_STAGE_ASR], ==, "whisper,ear");
    g_assert_true(dub_engine_settings_choose(settings, DUB_STAGE_ASR, "default", &error));
    g_assert_null(settings->providers[DUB_STAGE_ASR]);
    g_assert_true(dub_engine_settings_choose(settings, DUB_STAGE_MT, "rules", &error));
    g_assert_true(dub_engine_settings_choose(settings, DUB_STAGE_MT, "", &error)); /* as an empty variable */
    g_assert_null(settings->providers[DUB_STAGE_MT]);
    g_assert_no_error(error);
}

typedef struct {
    const char *name;
    DubEngineStage stage;
    const char *chosen, *says;
} Choice;

static const Choice choices[] = {
    { "recogniser", DUB_STAGE_ASR, "telepathy", "--asr: " },
    { "translator", DUB_STAGE_MT, "babelfish", "--mt: " },
    { "voice", DUB_STAGE_TTS, "parrot", "--tts: " },
    { "blank", DUB_STAGE_TTS, " ", "--tts: " },
};

static void test_choose_wrong(const void *data)
{
    const Choice *c = data;
    g_autoptr(DubEngineSettings) settings = rig_default_settings();
    g_autoptr(GError) error = NULL;
    g_assert_false(dub_engine_settings_choose(settings, c->stage, c->chosen, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
    g_assert_true(g_str_has_prefix(error->message, c->says));
}

/* Whoever holds a reference may go on when the program has let go. */
static void test_references(void)
{
    DubEngineSettings *settings = rig_settings("ASR_PROVIDER=ear", NULL);
    g_autoptr(DubEngineSettings) mine = dub_engine_settings_ref(settings);
    dub_engine_settings_free(settings);
    dub_engine_settings_free(NULL);
    g_assert_cmpstr(mine->providers[DUB_STAGE_ASR], ==, "ear");
}

#define ADD_ROWS(group, rows, test)                                                                \
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {                                               \
        g_autofree char *path = g_strconcat("/engines/settings/" group "/", (rows)[i].name, NULL); \
        g_test_add_data_func(path, &(rows)[i], test);                                              \
    }

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    fakes_reset();
    g_test_add_func("/engines/settings/defaults", test_defaults);
    g_test_add_func("/engines/settings/all-rows", test_all_rows);
    ADD_ROWS("wrong", wrong, test_wrong)
    ADD_ROWS("stand-in", stands, test_stand_in)
    g_test_add_func("/engines/settings/own/rows", test_own_rows);
    g_test_add_func("/engines/settings/own/defaults", test_own_defaults);
    g_test_add_func("/engines/settings/help", test_help);
    g_test_add_func("/engines/settings/config", test_config);
    g_test_add_func("/engines/settings/choose/right", test_choose);
    ADD_ROWS("choose/wrong", choices, test_choose_wrong)
    g_test_add_func("/engines/settings/references", test_references);
    const int status = g_test_run();
    fakes_reset();
    return status;
}

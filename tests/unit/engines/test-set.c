/* The engines of one pair of languages, and the words that go with it. */
#include "base/clock.h"
#include "base/error.h"
#include "engines/set.h"
#include "fakes.h"
#include "rig.h"

#include <string.h>

static DubEngineSet *open_set(const char *entry)
{
    g_autoptr(DubEngineSettings) settings = rig_settings(entry, NULL);
    g_autoptr(GError) error = NULL;
    DubEngineSet *set = dub_engine_set_open(settings, "en", "es", &error);
    g_assert_no_error(error);
    return set;
}

static void test_open(void)
{
    fakes_reset();
    fake_rules.count = 3;
    DubEngineSet *set = open_set("TTS_PROVIDER=espeak-ng");
    g_assert_cmpstr(dub_engine_set_from(set), ==, "en");
    g_assert_cmpstr(dub_engine_set_to(set), ==, "es");
    g_assert_cmpstr(dub_engine_chain_name(dub_engine_set_chain(set, DUB_STAGE_ASR)), ==, "ear");
    g_assert_cmpstr(dub_engine_chain_name(dub_engine_set_chain(set, DUB_STAGE_MT)), ==, "rules");
    g_assert_cmpstr(dub_engine_chain_name(dub_engine_set_chain(set, DUB_STAGE_TTS)), ==, "espeak-ng");
    g_assert_cmpuint(dub_engine_set_count(set), ==, 3); /* the most of any stage */
    g_assert_cmpint(dub_engine_set_loading_cpu_ns(set), >, 0);
    g_assert_null(dub_engine_set_glossary(set));
    dub_engine_set_close(set);
    dub_engine_set_close(NULL);
    fakes_assert_closed();
}

typedef struct {
    const char *name;
    Fake *broken;
} Broken;

static const Broken broken[] = { { "recogniser", &fake_ear }, { "translator", &fake_rules }, { "voice", &fake_voice } };

/* One stage cannot be opened: the others are closed again. */
static void test_stage_is_missing(void const *data)
{
    const Broken *c = data;
    fakes_reset();
    c->broken->open_error = "apt-get install it";
    g_autoptr(DubEngineSettings) settings =
        rig_settings("ASR_PROVIDER=ear", "TRANSLATION_PROVIDER=rules", "TTS_PROVIDER=voice", NULL);
    g_autoptr(GError) error = NULL;
    g_assert_null(dub_engine_set_open(settings, "en", "es", &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_ENGINE);
    g_assert_cmpstr(error->message, ==, "apt-get install it");
    fakes_assert_closed();
}

/* A list of words that is not there is told before anything is loaded. */
static void test_glossary_is_missing(void)
{
    fakes_reset();
    g_autoptr(DubEngineSettings) settings = rig_settings("GLOSSARY=/nowhere/words.tsv", NULL);
    g_autoptr(GError) error = NULL;
    g_assert_null(dub_engine_set_open(settings, "en", "es", &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND);
    g_assert_nonnull(strstr(error->message, "/nowhere/words.tsv"));
    g_assert_cmpint(fake_opened(&fake_ear), ==, 0);
}

static void test_glossary(void)
{
    fakes_reset();
    g_autoptr(DubEngineSet) set = open_set("GLOSSARY=sports");
    const char *const *terms = dub_glossary_terms(dub_engine_set_glossary(set));
    g_assert_true(g_strv_contains(terms, "quarterback"));
}

/* One setting serves a service that dubs several pairs: where a glossary knows another pair, this one goes without; a
 * name that nobody knows stays an error. */
static void test_glossary_of_other_languages(void)
{
    fakes_reset();
    g_autoptr(DubEngineSettings) known = rig_settings("GLOSSARY=sports", NULL),
                                 unknown = rig_settings("GLOSSARY=spotrs", NULL);
    g_autoptr(GError) error = NULL, typo = NULL;
    g_autoptr(DubEngineSet) set = dub_engine_set_open(known, "es", "en", &error);
    g_assert_false(g_error_matches(error, DUB_ERROR, DUB_ERROR_NOT_FOUND));
    g_assert_null(set ? dub_engine_set_glossary(set) : NULL);
    g_assert_null(dub_engine_set_open(unknown, "en", "es", &typo));
    g_assert_error(typo, DUB_ERROR, DUB_ERROR_NOT_FOUND);
}

typedef struct {
    const char *name, *entry, *for_eyes, *for_ears;
} Clean;

/* Nothing can be masked for ears: there it is left out. */
static const Clean cleans[] = {
    { "keep", "PROFANITY=keep", "¡Qué mierda, señor!", "¡Qué mierda, señor!" },
    { "mask", "PROFANITY=mask", "¡Qué m*****, señor!", "¡Qué, señor!" },
    { "drop", "PROFANITY=drop", "¡Qué, señor!", "¡Qué, señor!" },
};

static void test_clean(const void *data)
{
    const Clean *c = data;
    fakes_reset();
    g_autoptr(DubEngineSet) set = open_set(c->entry);
    g_autofree char *for_eyes = dub_engine_set_clean(set, "¡Qué mierda, señor!", false);
    g_assert_cmpstr(for_eyes, ==, c->for_eyes);
    g_autofree char *for_ears = dub_engine_set_clean(set, "¡Qué mierda, señor!", true);
    g_assert_cmpstr(for_ears, ==, c->for_ears);
}

/* ── What a fragment takes ── */

static void hear(DubEngineSet *set, double seconds)
{
    g_autoptr(DubPcm) pcm = dub_pcm_new(FAKE_RATE_HZ, 1, (gsize) (seconds * FAKE_RATE_HZ));
    const DubEngineRequest request = { .pcm = pcm };
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) replies =
        dub_engine_chain_run(dub_engine_set_chain(set, DUB_STAGE_ASR), &request, 1, NULL, &error);
    g_assert_no_error(error);
}

/* A stage that was not measured yet counts with a fifth of the sound; what was measured counts as it was. */
static void test_estimate(void)
{
    fakes_reset();
    fake_rules.takes_ms = 84; /* for 84 characters, so 90 ms for the 90 of 6 s, and half as much again */
    g_autoptr(DubEngineSet) set = open_set("TTS_PROVIDER=espeak-ng");
    const int64_t before_ns = dub_engine_set_estimate_ns(set, 6 * DUB_NS_PER_S);
    g_assert_cmpint(before_ns, >=, (1200 + 135) * DUB_NS_PER_MS);
    g_assert_cmpint(dub_engine_set_least_ns(set, 6 * DUB_NS_PER_S), ==, 0); /* recognition is not known */

    FAKE_SET(&fake_ear, takes_ms, 100);
    hear(set, 1);
    const int64_t ear_ns = dub_engine_chain_estimate_ns(dub_engine_set_chain(set, DUB_STAGE_ASR), 6);
    g_assert_cmpint(ear_ns, >=, 900 * DUB_NS_PER_MS);
    g_assert_cmpint(dub_engine_set_estimate_ns(set, 6 * DUB_NS_PER_S), ==, before_ns - 1200 * DUB_NS_PER_MS + ear_ns);
    g_assert_cmpint(dub_engine_set_least_ns(set, 6 * DUB_NS_PER_S), >=,
                    (600 + 90) * DUB_NS_PER_MS); /* on the average */
    g_assert_cmpint(dub_engine_set_least_ns(set, 6 * DUB_NS_PER_S), <,
                    dub_engine_set_estimate_ns(set, 6 * DUB_NS_PER_S));
}

/* With a quick voice behind a slow one, the quick one carries the machine when there is much to do. */
static void test_least_is_of_the_quickest(void)
{
    fakes_reset();
    fake_voice.takes_ms = 1680; /* 1800 ms for 6 s */
    g_autoptr(DubEngineSet) set = open_set("TTS_PROVIDER=voice,espeak-ng");
    hear(set, 1);
    g_assert_cmpint(dub_engine_set_estimate_ns(set, 6 * DUB_NS_PER_S), >=, 1800 * DUB_NS_PER_MS);
    g_assert_cmpint(dub_engine_set_least_ns(set, 6 * DUB_NS_PER_S), <, 1800 * DUB_NS_PER_MS);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/engines/set/open", test_open);
    for (gsize i = 0; i < G_N_ELEMENTS(broken); i++) {
        g_autofree char *path = g_strconcat("/engines/set/missing/", broken[i].name, NULL);
        g_test_add_data_func(path, &broken[i], test_stage_is_missing);
    }
    g_test_add_func("/engines/set/missing/glossary", test_glossary_is_missing);
    g_test_add_func("/engines/set/glossary", test_glossary);
    g_test_add_func("/engines/set/glossary-of-other-languages", test_glossary_of_other_languages);
    for (gsize i = 0; i < G_N_ELEMENTS(cleans); i++) {
        g_autofree char *path = g_strconcat("/engines/set/clean/", cleans[i].name, NULL);
        g_test_add_data_func(path, &cleans[i], test_clean);
    }
    g_test_add_func("/engines/set/estimate", test_estimate);
    g_test_add_func("/engines/set/least-is-of-the-quickest", test_least_is_of_the_quickest);
    const int status = g_test_run();
    fakes_reset();
    return status;
}

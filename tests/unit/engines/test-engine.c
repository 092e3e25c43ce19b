/* What all engines have in common: what they are given, what is answered without them, what their replies are made of.
 */
#include "audio/level.h"
#include "base/clock.h"
#include "base/error.h"
#include "engines/drivers.h"
#include "fakes.h"
#include "rig.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static DubEngine *open_fake(const DubEngineClass *klass)
{
    fakes_reset();
    return rig_open(klass, "en", "es");
}

static DubEngineReply *run(DubEngine *engine, const DubEngineRequest *request)
{
    g_autoptr(GError) error = NULL;
    DubEngineReply *reply = dub_engine_run(engine, request, &error);
    g_assert_no_error(error);
    return reply;
}

static DubEngineReply *run_text(DubEngine *engine, const char *text)
{
    const DubEngineRequest request = { .text = text, .from = "en", .to = "es" };
    return run(engine, &request);
}

static void test_stages(void)
{
    g_assert_cmpstr(dub_engine_stage_to_string(DUB_STAGE_ASR), ==, "asr");
    g_assert_cmpstr(dub_engine_stage_to_string(DUB_STAGE_MT), ==, "translation");
    g_assert_cmpstr(dub_engine_stage_to_string(DUB_STAGE_TTS), ==, "tts");
}

typedef struct {
    const char *name, *offered, *language;
    bool is_covered;
} Cover;

static const Cover covers[] = {
    { "same", "es", "es", true },
    { "region", "es-419", "es", true },
    { "underscore", "pt_BR", "pt", true },
    { "case", "ES-mx", "es", true },
    { "longer", "kok", "ko", false },
    { "shorter", "ko", "kok", false },
    { "region-asked", "es", "es-419", false },
    { "other", "fr", "es", false },
    { "nothing", "", "es", false },
    { "first-letter", "e", "es", false },
    { "region-exactly", "es-419", "es-419", true },
};

static void test_covers(const void *data)
{
    const Cover *c = data;
    g_assert_cmpint(dub_engine_covers(c->offered, c->language), ==, c->is_covered);
}

static void test_offer(void)
{
    DubEngineOffer *voice = dub_engine_offer_new("dora", "es", NULL, "female");
    g_assert_cmpstr(voice->name, ==, "dora");
    g_assert_cmpstr(voice->language, ==, "es");
    g_assert_null(voice->target);
    g_assert_cmpstr(voice->gender, ==, "female");
    dub_engine_offer_free(voice);
    dub_engine_offer_free(NULL);
}

/* ── Replies ── */

static void test_reply(void)
{
    g_autoptr(DubEngineReply) reply = dub_engine_reply_new();
    g_assert_cmpstr(reply->text, ==, "");
    dub_engine_reply_add_word(reply, "good", 10, 20, 0.5);
    dub_engine_reply_add_word(reply, "evening", 20, 40, -1);
    g_assert_cmpstr(reply->text, ==, "good evening");
    g_assert_cmpuint(reply->words->len, ==, 2);
    const DubEngineSpan *word = &g_array_index(reply->words, DubEngineSpan, 1);
    g_assert_cmpstr(word->text, ==, "evening");
    g_assert_cmpint(word->start_ns, ==, 20);
    g_assert_cmpint(word->end_ns, ==, 40);
    g_assert_cmpfloat(word->confidence, ==, -1);

    dub_engine_reply_add_segment(reply, "Good evening.", 10, 40, 0.9);
    g_assert_cmpuint(reply->segments->len, ==, 1);
    g_assert_cmpstr(reply->text, ==, "good evening");                /* segments do not make up the text */
    dub_engine_reply_set_text(reply, reply->text + strlen("good ")); /* a part of its own */
    g_assert_cmpstr(reply->text, ==, "evening");
    dub_engine_reply_free(NULL);
}

/* ── What needs no engine ── */

static void test_no_sound(void)
{
    g_autoptr(DubEngine) ear = open_fake(&fake_ear_class);
    g_autoptr(DubPcm) nothing = dub_pcm_new(44100, 2, 0);
    const DubEngineRequest request = { .pcm = nothing, .from = "en", .to = "es" };
    g_autoptr(DubEngineReply) reply = run(ear, &request);
    g_assert_cmpstr(reply->text, ==, "");
    g_assert_true(reply->engine == &fake_ear_class);
    g_assert_cmpint(fake_runs(&fake_ear), ==, 0);
}

/* A single sample at a high rate is none at the engine's. */
static void test_next_to_no_sound(void)
{
    g_autoptr(DubEngine) ear = open_fake(&fake_ear_class);
    g_autoptr(DubPcm) blink = dub_pcm_new(48000, 1, 1);
    const DubEngineRequest request = { .pcm = blink, .from = "en", .to = "es" };
    g_autoptr(DubEngineReply) reply = run(ear, &request);
    g_assert_cmpstr(reply->text, ==, "");
    g_assert_cmpint(fake_runs(&fake_ear), ==, 0);
}

typedef struct {
    const char *name, *text;
} Blank;

static const Blank blanks[] = {
    { "empty", "" },
    { "space", " " },
    { "line", " \n\t\r\n" },
    { "no-break-space", "\u00a0" },
    { "wide", "\u3000 \u2003" },
};

static void test_blank(const void *data)
{
    const Blank *c = data;
    g_autoptr(DubEngine) rules = open_fake(&fake_rules_class);
    g_autoptr(DubEngineReply) translated = run_text(rules, c->text);
    g_assert_cmpstr(translated->text, ==, "");
    g_assert_null(translated->pcm);
    g_assert_true(translated->engine == &fake_rules_class);
    g_assert_cmpint(fake_runs(&fake_rules), ==, 0);

    g_autoptr(DubEngine) voice = open_fake(&fake_voice_class);
    g_autoptr(DubEngineReply) spoken = run_text(voice, c->text);
    g_assert_cmpuint(spoken->pcm->n_frames, ==, 0);
    g_assert_cmpint(fake_runs(&fake_voice), ==, 0);
}

/* ── What an engine is given ── */

typedef struct {
    const char *name;
    gsize length;     /* of so many 'a' */
    const char *text; /* or this one */
    bool is_good;
} Text;

static const Text texts[] = {
    { "longest", DUB_ENGINE_TEXT_MOST_BYTES, NULL, true },
    { "too-long", DUB_ENGINE_TEXT_MOST_BYTES + 1, NULL, false },
    { "not-utf8", 0, "caf\xe9", false },
    { "cut-in-a-character", 0, "caf\xc3", false },
    { "surrogate", 0, "\xed\xa0\x80", false },
    { "utf8", 0, "café", true },
};

static void test_text(const void *data)
{
    const Text *c = data;
    g_autoptr(DubEngine) rules = open_fake(&fake_rules_class);
    g_autofree char *text = c->text ? g_strdup(c->text) : g_strnfill(c->length, 'a');
    const DubEngineRequest request = { .text = text, .from = "en", .to = "es" };
    g_autoptr(GError) error = NULL;
    g_autoptr(DubEngineReply) reply = dub_engine_run(rules, &request, &error);
    g_assert_cmpint(reply != NULL, ==, c->is_good);
    g_assert_cmpint(fake_runs(&fake_rules), ==, c->is_good);
    if (!c->is_good)
        g_assert_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT);
}

static void test_stripped(void)
{
    g_autoptr(DubEngine) rules = open_fake(&fake_rules_class);
    g_autoptr(DubEngineReply) reply = run_text(rules, " \tThe house. \n");
    g_assert_cmpstr(FAKE_LAST(&fake_rules, text), ==, "The house.");
}

typedef struct {
    const char *name;
    double asked, given;
} Pace;

static const Pace paces[] = {
    { "not-told", 0, 1 },   { "usual", 1, 1 },    { "slower", 0.5, 1 },
    { "faster", 1.2, 1.2 }, { "most", 1.5, 1.5 }, { "beyond", 9, 1.5 },
};

static void test_pace(const void *data)
{
    const Pace *c = data;
    g_autoptr(DubEngine) voice = open_fake(&fake_voice_class);
    const DubEngineRequest request = { .text = "Hola.", .from = "en", .to = "es", .pace = c->asked };
    g_autoptr(DubEngineReply) reply = run(voice, &request);
    g_assert_cmpfloat(FAKE_LAST(&fake_voice, pace), ==, c->given);
}

static void test_sound_is_converted(void)
{
    g_autoptr(DubEngine) ear = open_fake(&fake_ear_class);
    g_autoptr(DubPcm) second = dub_pcm_new(44100, 2, 44100);
    const DubEngineRequest request = { .pcm = second, .from = "en", .to = "es" };
    g_autoptr(DubEngineReply) reply = run(ear, &request);
    g_assert_cmpstr(reply->text, ==, "heard");
    g_assert_cmpuint(fake_ear.rate_hz, ==, FAKE_RATE_HZ);
    g_assert_cmpuint(fake_ear.channels, ==, 1);
    g_assert_cmpuint(fake_ear.n_frames, ==, FAKE_RATE_HZ);
    g_assert_cmpint(reply->usage.audio_ns, ==, DUB_NS_PER_S);
}

/* ── What becomes of it ── */

static void test_usage(void)
{
    g_autoptr(DubEngine) rules = open_fake(&fake_rules_class);
    g_autoptr(DubEngineReply) reply = run_text(rules, " ñandú ");
    g_assert_cmpint(reply->usage.characters, ==, 5); /* without what was stripped, and not in bytes */
    g_assert_cmpint(reply->usage.audio_ns, ==, 0);
    g_assert_cmpint(reply->usage.cpu_ns, >=, 0);
    g_assert_cmpint(reply->usage.cpu_ns, <, DUB_NS_PER_S);
    g_assert_true(reply->engine == &fake_rules_class);
}

static void test_trimmed(void)
{
    g_autoptr(DubEngine) voice = open_fake(&fake_voice_class);
    g_autoptr(DubEngineReply) reply = run_text(voice, "Hola.");
    const DubPcm *pcm = reply->pcm;
    gsize first = 0, end = 0;
    g_assert_true(dub_level_active_span(pcm, -50, &first, &end));
    g_assert_cmpuint(first, <=, pcm->rate_hz / 100 + 1);
    g_assert_cmpuint(pcm->n_frames - end, <=, pcm->rate_hz / 100 + 1);
    g_assert_cmpint(dub_pcm_duration_ns(pcm), >=, 200 * DUB_NS_PER_MS);
    g_assert_cmpint(dub_pcm_duration_ns(pcm), <, 250 * DUB_NS_PER_MS);
}

static DubEngine *open_null_voice(void)
{
    return rig_open(&dub_engine_null_tts, "en", "es");
}

static void test_silence_is_trimmed_away(void)
{
    g_autoptr(DubEngine) voice = open_null_voice();
    g_autoptr(DubEngineReply) reply = run_text(voice, "Hola.");
    g_assert_cmpuint(reply->pcm->n_frames, ==, 0);
    g_assert_cmpint(reply->usage.audio_ns, ==, 0);
}

static void test_error(void)
{
    g_autoptr(DubEngine) rules = open_fake(&fake_rules_class);
    fake_rules.run_error = "the quota is used up";
    fake_rules.error_code = DUB_ERROR_NO_SPACE;
    const DubEngineRequest request = { .text = "The house.", .from = "en", .to = "es" };
    g_autoptr(GError) error = NULL;
    g_assert_null(dub_engine_run(rules, &request, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_NO_SPACE);
    g_assert_cmpstr(error->message, ==, "the quota is used up");
}

static void test_open_and_close(void)
{
    fakes_reset();
    fake_ear.open_error = "apt-get install ear";
    const DubEngineConfig config = { .from = "en", .to = "es", .n_cores = 1, .model = "tiny", .argument = "fast" };
    g_autoptr(GError) error = NULL;
    g_assert_null(dub_engine_open(&fake_ear_class, &config, &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_ENGINE);
    g_clear_error(&error);
    fake_ear.open_error = NULL;
    DubEngine *ear = dub_engine_open(&fake_ear_class, &config, &error);
    g_assert_no_error(error);
    g_assert_true(ear->klass == &fake_ear_class);
    g_assert_cmpstr(fake_ear.model, ==, "tiny");
    g_assert_cmpstr(fake_ear.argument, ==, "fast");
    dub_engine_close(ear);
    dub_engine_close(NULL);
    fakes_assert_closed();
}

/* ── A glossary ── */

static DubGlossary *load_glossary(const char *rows)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = NULL;
    const int fd = g_file_open_tmp("airdub-XXXXXX.tsv", &path, &error);
    g_assert_no_error(error);
    close(fd);
    g_file_set_contents(path, rows, -1, &error);
    g_assert_no_error(error);
    DubGlossary *glossary = dub_glossary_load(path, "en", "es", &error);
    g_assert_no_error(error);
    g_unlink(path);
    return glossary;
}

static DubEngineReply *run_glossed(DubEngine *engine, const DubGlossary *glossary, const char *text, GError **error)
{
    const DubEngineRequest request = { .text = text, .from = "en", .to = "es", .glossary = glossary };
    return dub_engine_run(engine, &request, error);
}

/* The fake gives back what it was given: it must not have seen the term, and the reply has its translation. */
static void test_glossary_around(void)
{
    g_autoptr(DubGlossary) glossary = load_glossary("quarterback\tmariscal de campo\tm\ts\n");
    g_autoptr(DubEngine) rules = open_fake(&fake_rules_class);
    g_autoptr(GError) error = NULL;
    g_autoptr(DubEngineReply) reply = run_glossed(rules, glossary, "He saw a quarterback there.", &error);
    g_assert_no_error(error);
    g_assert_null(strstr(FAKE_LAST(&fake_rules, text), "quarterback"));
    g_assert_nonnull(strstr(reply->text, "mariscal de campo"));
    g_assert_true(reply->engine == &fake_rules_class);

    g_autoptr(DubEngineReply) plain = run_glossed(rules, glossary, "He saw a dog there.", &error);
    g_assert_cmpstr(FAKE_LAST(&fake_rules, text), ==, "He saw a dog there.");
}

static void test_glossary_of_its_own(void)
{
    g_autoptr(DubGlossary) glossary = load_glossary("quarterback\tmariscal de campo\tm\ts\n");
    g_autoptr(DubEngine) model = open_fake(&fake_model_class);
    g_autoptr(GError) error = NULL;
    g_autoptr(DubEngineReply) reply = run_glossed(model, glossary, "He saw a quarterback there.", &error);
    g_assert_cmpstr(FAKE_LAST(&fake_model, text), ==, "He saw a quarterback there.");
    g_assert_true(FAKE_LAST(&fake_model, glossary) == glossary);
}

static void test_glossary_and_an_error(void)
{
    g_autoptr(DubGlossary) glossary = load_glossary("quarterback\tmariscal de campo\tm\ts\n");
    g_autoptr(DubEngine) rules = open_fake(&fake_rules_class);
    fake_rules.run_error = "broken";
    g_autoptr(GError) error = NULL;
    g_assert_null(run_glossed(rules, glossary, "He saw a quarterback there.", &error));
    g_assert_error(error, DUB_ERROR, DUB_ERROR_ENGINE);
    g_assert_cmpint(fake_runs(&fake_rules), ==, 1); /* an error ends the attempts */
}

/* A translator that garbles every placeholder is asked again, and at last without any; the use of all counts. */
static void test_glossary_is_garbled(void)
{
    g_autoptr(DubGlossary) glossary = load_glossary("quarterback\tmariscal de campo\tm\ts\n");
    g_autoptr(DubEngine) rules = open_fake(&fake_rules_class);
    fake_rules.says = "Nada.";
    g_autoptr(GError) error = NULL;
    g_autoptr(DubEngineReply) reply = run_glossed(rules, glossary, "He saw a quarterback there.", &error);
    g_assert_no_error(error);
    g_assert_cmpstr(reply->text, ==, "Nada.");
    g_assert_cmpint(fake_runs(&fake_rules), >, 1);
    g_assert_cmpstr(FAKE_LAST(&fake_rules, text), ==, "He saw a quarterback there.");
    g_assert_cmpint(reply->usage.characters, >, 27); /* more than the sentence by itself */
}

/* ── Time ── */

static void test_ms_left(void)
{
    const DubEngineRequest no_hurry = { .deadline_ns = 0 };
    g_assert_cmpuint(dub_engine_ms_left(&no_hurry, 5000), ==, 5000);
    const DubEngineRequest over = { .deadline_ns = dub_clock_now() - DUB_NS_PER_S };
    g_assert_cmpuint(dub_engine_ms_left(&over, 5000), ==, 1);
    const DubEngineRequest later = { .deadline_ns = dub_clock_now() + 3600 * DUB_NS_PER_S };
    g_assert_cmpuint(dub_engine_ms_left(&later, 5000), ==, 5000);
    g_assert_cmpuint(dub_engine_ms_left(&later, 7200 * 1000), <=, 3600 * 1000);
    g_assert_cmpuint(dub_engine_ms_left(&later, 7200 * 1000), >, 3500 * 1000);
}

/* ── Memory ── */

static int n_made, n_destroyed;

static void *make_known(void)
{
    n_made++;
    return g_new0(int, 1);
}

static void destroy_known(void *data)
{
    n_destroyed++;
    g_free(data);
}

/* Each class has its own, made once. */
static void test_memory(void)
{
    n_made = n_destroyed = 0;
    DubEngineMemory *memory = dub_engine_memory_new();
    int *one = dub_engine_memory_get(memory, &fake_ear_class, make_known, destroy_known);
    *one = 7;
    int *other = dub_engine_memory_get(memory, &fake_other_ear_class, make_known, destroy_known);
    g_assert_true(one != other);
    g_assert_cmpint(*other, ==, 0);
    g_assert_true(dub_engine_memory_get(memory, &fake_ear_class, make_known, destroy_known) == one);
    g_assert_cmpint(*one, ==, 7);
    g_assert_cmpint(n_made, ==, 2);
    dub_engine_memory_free(memory);
    g_assert_cmpint(n_destroyed, ==, 2);
    g_assert_null(dub_engine_memory_get(NULL, &fake_ear_class, make_known, destroy_known));
    dub_engine_memory_free(NULL);
}

#define ADD_ROWS(group, rows, test)                                                              \
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {                                             \
        g_autofree char *path = g_strconcat("/engines/engine/" group "/", (rows)[i].name, NULL); \
        g_test_add_data_func(path, &(rows)[i], test);                                            \
    }

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/engines/engine/stages", test_stages);
    ADD_ROWS("covers", covers, test_covers)
    g_test_add_func("/engines/engine/offer", test_offer);
    g_test_add_func("/engines/engine/reply", test_reply);
    g_test_add_func("/engines/engine/no-sound", test_no_sound);
    g_test_add_func("/engines/engine/next-to-no-sound", test_next_to_no_sound);
    ADD_ROWS("blank", blanks, test_blank)
    ADD_ROWS("text", texts, test_text)
    g_test_add_func("/engines/engine/stripped", test_stripped);
    ADD_ROWS("pace", paces, test_pace)
    g_test_add_func("/engines/engine/sound-is-converted", test_sound_is_converted);
    g_test_add_func("/engines/engine/usage", test_usage);
    g_test_add_func("/engines/engine/trimmed", test_trimmed);
    g_test_add_func("/engines/engine/silence-is-trimmed-away", test_silence_is_trimmed_away);
    g_test_add_func("/engines/engine/error", test_error);
    g_test_add_func("/engines/engine/open-and-close", test_open_and_close);
    g_test_add_func("/engines/engine/glossary/around", test_glossary_around);
    g_test_add_func("/engines/engine/glossary/of-its-own", test_glossary_of_its_own);
    g_test_add_func("/engines/engine/glossary/error", test_glossary_and_an_error);
    g_test_add_func("/engines/engine/glossary/garbled", test_glossary_is_garbled);
    g_test_add_func("/engines/engine/ms-left", test_ms_left);
    g_test_add_func("/engines/engine/memory", test_memory);
    const int status = g_test_run();
    fakes_reset();
    return status;
}

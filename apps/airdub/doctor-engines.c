/* airdub/doctor-engines.c: opens each engine for the languages asked for and lets it do a little of its work. */
#include "airdub/doctor.h"

#include "engines/asr/asr.h"
#include "engines/mt/mt.h"
#include "engines/tts/tts.h"

#include <string.h>

#define GROUP          "engines"
#define TRANSLATE_MS   10000
#define ASR_PROBE_S    1 /* of silence: the model has to load and to run */

static char *install(const char *package)
{
    return package ? g_strdup_printf("apt-get install %s", package) : NULL;
}

/* The package of the first driver that is not the null one: what brings the stage to a bare machine. */
static const char *asr_package(void)
{
    const DubAsrDriver *const *driver = dub_asr_drivers();
    while (*driver && !(*driver)->package)
        driver++;
    return *driver ? (*driver)->package : NULL;
}

static const char *mt_package(void)
{
    const DubMtDriver *const *driver = dub_mt_drivers();
    while (*driver && !(*driver)->package)
        driver++;
    return *driver ? (*driver)->package : NULL;
}

static const char *tts_package(void)
{
    const DubTtsDriver *const *driver = dub_tts_drivers();
    while (*driver && !(*driver)->package)
        driver++;
    return *driver ? (*driver)->package : NULL;
}

static bool try_asr(const char *language, char **detail, GError **error)
{
    g_autoptr(DubAsr) asr = dub_asr_open(NULL, language, NULL, error);
    if (!asr)
        return false;
    const DubAsrDriver *driver = dub_asr_get_driver(asr);
    g_autoptr(DubPcm) silence = dub_pcm_new(driver->rate_hz, 1, (gsize) driver->rate_hz * ASR_PROBE_S);
    g_autoptr(DubTranscript) heard = dub_asr_transcribe(asr, NULL, silence, NULL, error);
    if (!heard)
        return false;
    *detail = g_strdup_printf("%s understands %s", driver->name, language);
    return true;
}

static bool try_mt(const char *from, const char *to, char **detail, GError **error)
{
    g_autoptr(DubMt) mt = dub_mt_open(NULL, from, to, error);
    if (!mt)
        return false;
    const char *word = strcmp(from, "en") == 0 ? "house" : "1";
    g_autofree char *translation = dub_mt_translate(mt, word, TRANSLATE_MS, NULL, error);
    if (!translation)
        return false;
    *detail = g_strdup_printf("%s translates %s-%s: '%s' is '%s'", dub_mt_get_driver(mt)->name, from, to, word,
                              translation);
    return true;
}

static bool try_tts(const char *language, char **detail, GError **error)
{
    g_autoptr(DubTts) tts = dub_tts_open(NULL, language, NULL, error);
    if (!tts)
        return false;
    g_autoptr(DubPcm) spoken = dub_tts_synthesize(tts, "1 2 3", NULL, error);
    if (!spoken)
        return false;
    *detail = g_strdup_printf("%s speaks %s", dub_tts_get_driver(tts)->name, language);
    return true;
}

/* @cure: (transfer full) */
static void report_try(DoctorReport *report, const char *name, bool works, char *detail, const GError *error, char *cure)
{
    if (works) {
        g_free(cure);
        doctor_add(report, DOCTOR_OK, GROUP, g_strdup(name), detail, NULL);
    } else {
        doctor_add(report, DOCTOR_FAIL, GROUP, g_strdup(name), g_strdup(error->message), cure);
    }
}

static void check_asr(DoctorReport *report, const char *language)
{
    g_autoptr(GError) error = NULL;
    char *detail = NULL;
    const bool works = try_asr(language, &detail, &error);
    report_try(report, "ASR", works, detail, error, install(asr_package()));
}

static void check_mt(DoctorReport *report, const char *from, const char *to)
{
    g_autoptr(GError) error = NULL;
    char *detail = NULL;
    const bool works = try_mt(from, to, &detail, &error);
    report_try(report, "MT", works, detail, error, install(mt_package()));
}

static void check_tts(DoctorReport *report, const char *language)
{
    g_autoptr(GError) error = NULL;
    char *detail = NULL;
    const bool works = try_tts(language, &detail, &error);
    report_try(report, "TTS", works, detail, error, install(tts_package()));
}

static unsigned count_voices(const GPtrArray *voices, const char *language)
{
    unsigned n = 0;
    for (guint i = 0; i < voices->len; i++) {
        const DubVoice *voice = voices->pdata[i];
        n += g_str_has_prefix(voice->language, language);
    }
    return n;
}

static void check_voices(DoctorReport *report, const char *language)
{
    unsigned n = 0;
    g_autoptr(GError) error = NULL;
    for (const DubTtsDriver *const *driver = dub_tts_drivers(); *driver && !error; driver++) {
        g_autoptr(GPtrArray) voices = (*driver)->voices(&error);
        n += voices ? count_voices(voices, language) : 0;
    }
    if (n > 0)
        doctor_add(report, DOCTOR_OK, GROUP, g_strdup("voices"),
                   g_strdup_printf("%u speak %s; 'airdub voices' lists them", n, language), NULL);
    else
        doctor_add(report, DOCTOR_FAIL, GROUP, g_strdup("voices"),
                   error ? g_strdup(error->message) : g_strdup_printf("none speaks %s", language),
                   install(tts_package()));
}

void doctor_check_engines(DoctorReport *report, const DoctorQuestion *question)
{
    check_asr(report, question->from);
    check_mt(report, question->from, question->to);
    check_tts(report, question->to);
    check_voices(report, question->to);
}

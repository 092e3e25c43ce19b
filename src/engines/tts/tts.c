/* engines/tts/tts.c: chooses the driver that speaks the language, trims what it says. */
#include "engines/tts/tts.h"

#include "audio/level.h"
#include "base/clock.h"
#include "base/error.h"
#include "engines/tts/tts-driver.h"

#include <string.h>

#define SILENCE_DBFS (-50.0)

static const DubTtsClass *const classes[] = {&dub_tts_espeak, &dub_tts_null};
static const DubTtsDriver *const drivers[] = {&dub_tts_espeak.info, &dub_tts_null.info, NULL};

const DubTtsDriver *const *dub_tts_drivers(void)
{
    return drivers;
}

DubVoice *dub_voice_new(const char *name, const char *language, const char *gender)
{
    DubVoice *self = g_new0(DubVoice, 1);
    self->name = g_strdup(name);
    self->language = g_strdup(language);
    self->gender = g_strdup(gender);
    return self;
}

void dub_voice_free(DubVoice *self)
{
    if (!self)
        return;
    g_free(self->name);
    g_free(self->language);
    g_free(self->gender);
    g_free(self);
}

/* "es" is spoken by the voices of "es" and of "es-419". */
static bool speaks(const DubVoice *voice, const char *language)
{
    const gsize length = strlen(language);
    return g_str_has_prefix(voice->language, language) && strchr("-", voice->language[length]);
}

static bool has_language(const DubTtsClass *klass, const char *language, GError **error)
{
    g_autoptr(GPtrArray) voices = klass->info.voices(error);
    for (guint i = 0; voices && i < voices->len; i++)
        if (speaks(g_ptr_array_index(voices, i), language))
            return true;
    return false;
}

static const DubTtsClass *find_class(const char *driver, const char *language, GError **error)
{
    g_autoptr(GError) cause = NULL;
    bool named = false;
    for (gsize i = 0; i < G_N_ELEMENTS(classes); i++) {
        if (driver && !g_str_equal(driver, classes[i]->info.name))
            continue;
        named = true;
        g_clear_error(&cause);
        if ((driver && classes[i]->takes_any_language) || has_language(classes[i], language, &cause))
            return classes[i];
        if (cause)
            break;
    }
    if (cause)
        g_propagate_error(error, g_steal_pointer(&cause));
    else if (named)
        g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED,
                    "no voice speaks \"%s\"; \"airdub voices\" lists the languages there are", language);
    else
        g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED, "no speech synthesiser is called \"%s\"; there is: %s, %s",
                    driver, drivers[0]->name, drivers[1]->name);
    return NULL;
}

DubTts *dub_tts_open(const char *driver, const char *language, const char *voice, GError **error)
{
    g_return_val_if_fail(language, NULL);

    const DubTtsClass *klass = find_class(driver, language, error);
    const bool own = !voice || !*voice || g_str_equal(voice, "default");
    return klass ? klass->open(language, own ? NULL : voice, error) : NULL;
}

void dub_tts_close(DubTts *self)
{
    if (self)
        self->klass->close(self);
}

const DubTtsDriver *dub_tts_get_driver(const DubTts *self)
{
    return &self->klass->info;
}

int64_t dub_tts_cpu_ns(const DubTts *self)
{
    return self->cpu_ns;
}

/* 10 ms stay before the first sound and after the last. */
static DubPcm *trim(DubPcm *pcm)
{
    gsize first = 0, end = 0;
    if (!dub_level_active_span(pcm, SILENCE_DBFS, &first, &end))
        return dub_pcm_new(pcm->rate_hz, pcm->channels, 0);
    const gsize kept = pcm->rate_hz / 100;
    first -= MIN(first, kept);
    end = MIN(end + kept, pcm->n_frames);
    return dub_pcm_slice(pcm, first, end - first);
}

DubPcm *dub_tts_synthesize(DubTts *self, const char *text, GCancellable *cancellable, GError **error)
{
    return dub_tts_synthesize_paced(self, text, 1.0, cancellable, error);
}

DubPcm *dub_tts_synthesize_paced(DubTts *self, const char *text, double pace, GCancellable *cancellable,
                                 GError **error)
{
    g_return_val_if_fail(self && text && pace > 0, NULL);

    if (strlen(text) > DUB_TTS_TEXT_MOST_BYTES || !g_utf8_validate(text, -1, NULL)) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "text to speak: not UTF-8, or longer than %d bytes",
                    DUB_TTS_TEXT_MOST_BYTES);
        return NULL;
    }
    const int64_t begin_ns = dub_clock_thread_cpu();
    g_autoptr(DubPcm) spoken =
        self->klass->synthesize(self, text, CLAMP(pace, 1.0, DUB_TTS_PACE_MOST), cancellable, error);
    self->cpu_ns += dub_clock_thread_cpu() - begin_ns;
    return spoken ? trim(spoken) : NULL;
}

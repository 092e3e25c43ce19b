/* engines/asr/asr.c: chooses the driver and hands it what it wants to hear. */
#include "engines/asr/asr.h"

#include "audio/convert.h"
#include "base/clock.h"
#include "base/error.h"
#include "engines/asr/asr-driver.h"

#include <string.h>

/* The first that knows a language is its default. */
static const DubAsrClass *const classes[] = {&dub_asr_pocketsphinx, &dub_asr_null};
static const DubAsrDriver *const drivers[] = {&dub_asr_pocketsphinx.info, &dub_asr_null.info, NULL};

const DubAsrDriver *const *dub_asr_drivers(void)
{
    return drivers;
}

static void clear_word(gpointer data)
{
    g_free(((DubAsrWord *) data)->text);
}

DubTranscript *dub_transcript_new(void)
{
    DubTranscript *self = g_new0(DubTranscript, 1);
    self->text = g_strdup("");
    self->words = g_array_new(FALSE, FALSE, sizeof(DubAsrWord));
    g_array_set_clear_func(self->words, clear_word);
    return self;
}

void dub_transcript_free(DubTranscript *self)
{
    if (!self)
        return;
    g_free(self->text);
    g_array_unref(self->words);
    g_free(self);
}

void dub_transcript_add(DubTranscript *self, const char *word, int64_t start_ns, int64_t end_ns)
{
    const DubAsrWord entry = {g_strdup(word), start_ns, end_ns};
    g_array_append_val(self->words, entry);
    char *text = *self->text ? g_strconcat(self->text, " ", word, NULL) : g_strdup(word);
    g_free(self->text);
    self->text = text;
}

static char *list_languages(void)
{
    GString *list = g_string_new(NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(classes); i++)
        for (const char *const *language = classes[i]->info.languages; *language; language++)
            g_string_append_printf(list, "%s%s (%s)", list->len ? ", " : "", *language, classes[i]->info.name);
    return g_string_free(list, FALSE);
}

static const DubAsrClass *find_class(const char *driver, const char *language, GError **error)
{
    bool named = false;
    for (gsize i = 0; i < G_N_ELEMENTS(classes); i++) {
        const DubAsrDriver *info = &classes[i]->info;
        if (driver && !g_str_equal(driver, info->name))
            continue;
        named = true;
        /* A driver without languages takes any, but only when asked for by its name. */
        if (g_strv_contains(info->languages, language) || (driver && !info->languages[0]))
            return classes[i];
    }
    g_autofree char *list = list_languages();
    if (named)
        g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED,
                    "no speech recognition for language \"%s\"; there is: %s", language, list);
    else
        g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED,
                    "no speech recogniser is called \"%s\"; there is: %s", driver, list);
    return NULL;
}

DubAsr *dub_asr_open(const char *driver, const char *language, const char *model, GError **error)
{
    g_return_val_if_fail(language, NULL);

    const DubAsrClass *klass = find_class(driver, language, error);
    return klass ? klass->open(language, model, error) : NULL;
}

void dub_asr_close(DubAsr *self)
{
    if (self)
        self->klass->close(self);
}

const DubAsrDriver *dub_asr_get_driver(const DubAsr *self)
{
    return &self->klass->info;
}

int64_t dub_asr_cpu_ns(const DubAsr *self)
{
    return self->cpu_ns;
}

DubAsrStream *dub_asr_stream_new(void)
{
    return g_new0(DubAsrStream, 1);
}

void dub_asr_stream_free(DubAsrStream *self)
{
    g_free(self);
}

DubTranscript *dub_asr_transcribe(DubAsr *self, DubAsrStream *stream, DubPcm *pcm, GCancellable *cancellable,
                                  GError **error)
{
    g_return_val_if_fail(self && pcm, NULL);

    if (pcm->n_frames == 0)
        return dub_transcript_new();
    g_autoptr(DubPcm) heard = dub_pcm_convert(pcm, self->klass->info.rate_hz, 1, error);
    if (!heard)
        return NULL;
    DubAsrStream alone = {.weight = 0};
    const int64_t begin_ns = dub_clock_thread_cpu();
    DubTranscript *transcript =
        self->klass->transcribe(self, stream ? stream : &alone, heard, cancellable, error);
    self->cpu_ns += dub_clock_thread_cpu() - begin_ns;
    return transcript;
}

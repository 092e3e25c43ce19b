/* engines/tts/espeak.c: eSpeak NG in this process.
 * The library is one global state: one thread at a time has it, from choosing the voice to the last sample. It speaks
 * some hundred times faster than real time, so nobody waits long, and who waits can be cancelled. */
#include "base/error.h"
#include "engines/drivers.h"

#include <espeak-ng/speak_lib.h>
#include <string.h>

#define PACKAGE       "espeak-ng-data"
#define BUFFER_MS     200   /* sound between two looks at the cancellable */
#define LOOK_US       20000 /* the same while another speaks */
#define SPOKEN_MOST_S 120   /* a fragment is a minute at most */

/* The sound of a voice can be changed by a variant: "es+f2". */
static const struct {
    const char *suffix, *gender;
} variants[] = { { "+f2", "female" }, { "+f5", "female" }, { "+m3", "male" }, { "+m7", "male" } };

typedef struct {
    DubEngine base;
    GPtrArray *voices; /* of DubEngineOffer: all there are */
    char *voice;       /* the language's own */
} Espeak;

/* What the callback fills; set while the lock is held. */
typedef struct {
    GArray *samples; /* of short */
    gsize most;
    GCancellable *cancellable;
} Sink;

static GMutex lock; /* guards busy */
static GCond idle;
static bool busy;   /* a thread has the library, and with it what follows */
static int rate_hz; /* 0: not initialised yet */
static Sink *sink;

/* Returns: false when it was cancelled before the library was free; else leave() follows. */
static bool enter(GCancellable *cancellable)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
    while (busy && !g_cancellable_is_cancelled(cancellable))
        g_cond_wait_until(&idle, &lock, g_get_monotonic_time() + LOOK_US);
    if (g_cancellable_is_cancelled(cancellable))
        return false;
    busy = true;
    return true;
}

static void leave(void)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
    busy = false;
    g_cond_signal(&idle);
}

static int on_samples(short *samples, int n_samples, espeak_EVENT *events G_GNUC_UNUSED)
{
    if (!samples || n_samples <= 0 || !sink)
        return 0;
    const gsize room = sink->most - sink->samples->len;
    g_array_append_vals(sink->samples, samples, (guint) MIN((gsize) n_samples, room));
    return (gsize) n_samples > room || g_cancellable_is_cancelled(sink->cancellable);
}

/* With the library taken. */
static bool initialise(GError **error)
{
    if (rate_hz > 0)
        return true;
    rate_hz = espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, BUFFER_MS, NULL, espeakINITIALIZE_DONT_EXIT);
    if (rate_hz <= 0) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_ENGINE,
                    "espeak-ng: its data is missing; install it with: apt-get install %s", PACKAGE);
        return false;
    }
    espeak_SetSynthCallback(on_samples);
    return true;
}

static const char *gender_name(unsigned char gender)
{
    return gender == 2 ? "female" : "male"; /* eSpeak's own voices are male where nothing is said */
}

/* @languages: pairs of a priority byte and a name ended by NUL; the first is the voice's own. */
static void add_voice(GPtrArray *voices, const espeak_VOICE *voice)
{
    const char *language = voice->languages + 1;
    if (!voice->languages[0] || !*language || g_str_has_prefix(language, "variant"))
        return;
    g_ptr_array_add(voices, dub_engine_offer_new(language, language, NULL, gender_name(voice->gender)));
    for (gsize i = 0; i < G_N_ELEMENTS(variants); i++) {
        g_autofree char *name = g_strconcat(language, variants[i].suffix, NULL);
        g_ptr_array_add(voices, dub_engine_offer_new(name, language, NULL, variants[i].gender));
    }
}

/* With the library taken. */
static GPtrArray *read_voices(GError **error)
{
    if (!initialise(error))
        return NULL;
    GPtrArray *voices = g_ptr_array_new_with_free_func((GDestroyNotify) dub_engine_offer_free);
    const espeak_VOICE **list = espeak_ListVoices(NULL);
    for (gsize i = 0; list && list[i]; i++)
        if (!strstr(list[i]->identifier, "mb/")) /* MBROLA's voices need data that eSpeak NG does not bring */
            add_voice(voices, list[i]);
    return voices;
}

static GPtrArray *list_voices(const DubEngineConfig *config G_GNUC_UNUSED, GCancellable *cancellable, GError **error)
{
    if (!enter(cancellable)) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_CANCELLED, "listing voices was cancelled");
        return NULL;
    }
    GPtrArray *voices = read_voices(error);
    leave();
    return voices;
}

static const DubEngineOffer *find_voice(const GPtrArray *voices, const char *name)
{
    for (guint i = 0; i < voices->len; i++) {
        const DubEngineOffer *voice = g_ptr_array_index(voices, i);
        if (g_str_equal(voice->name, name))
            return voice;
    }
    return NULL;
}

static const DubEngineOffer *first_of_language(const GPtrArray *voices, const char *language)
{
    const DubEngineOffer *exact = find_voice(voices, language);
    for (guint i = 0; !exact && i < voices->len; i++) {
        const DubEngineOffer *voice = g_ptr_array_index(voices, i);
        if (dub_engine_covers(voice->language, language))
            exact = voice;
    }
    return exact;
}

static void close_espeak(DubEngine *base)
{
    Espeak *self = (Espeak *) base;
    g_ptr_array_unref(self->voices);
    g_free(self->voice);
    g_free(self);
}

static DubEngine *open_espeak(const DubEngineConfig *config, GError **error)
{
    g_autoptr(GPtrArray) voices = list_voices(config, NULL, error);
    if (!voices)
        return NULL;
    const DubEngineOffer *voice = first_of_language(voices, config->to);
    if (!voice) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_UNSUPPORTED,
                    "espeak-ng: no voice speaks \"%s\"; \"airdub voices\" lists the languages there are", config->to);
        return NULL;
    }
    Espeak *self = g_new0(Espeak, 1);
    self->voice = g_strdup(voice->name);
    self->voices = g_steal_pointer(&voices);
    return &self->base;
}

/* With the library taken. */
static bool speak(const char *voice, const char *text, double pace, GError **error)
{
    /* The voice again at each call: setting it also takes back what the text before changed. */
    bool well = espeak_SetVoiceByName(voice) == EE_OK;
    well = well && espeak_SetParameter(espeakRATE, (int) (espeakRATE_NORMAL * pace + 0.5), 0) == EE_OK;
    well = well && espeak_Synth(text, strlen(text) + 1, 0, POS_CHARACTER, 0, espeakCHARS_UTF8, NULL, NULL) == EE_OK;
    if (!well)
        g_set_error(error, DUB_ERROR, DUB_ERROR_ENGINE, "espeak-ng: voice \"%s\" failed to speak", voice);
    return well;
}

static DubPcm *from_s16(const GArray *samples, unsigned rate)
{
    DubPcm *pcm = dub_pcm_new(rate, 1, samples->len);
    for (guint i = 0; i < samples->len; i++)
        pcm->samples[i] = (float) g_array_index(samples, short, i) / 32768.0f;
    return pcm;
}

/* With the library taken. */
static bool speak_into(GArray *samples, const char *voice, const DubEngineRequest *request, GError **error)
{
    Sink own = { samples, (gsize) rate_hz * SPOKEN_MOST_S, request->cancellable };
    sink = &own;
    const bool spoken = speak(voice, request->text, request->pace, error);
    sink = NULL;
    return spoken;
}

static const char *voice_for(const Espeak *self, const char *name, GError **error)
{
    if (!name)
        return self->voice;
    const DubEngineOffer *voice = find_voice(self->voices, name);
    if (!voice)
        g_set_error(error, DUB_ERROR, DUB_ERROR_NOT_FOUND,
                    "no voice is called \"%s\"; \"airdub voices\" lists those there are", name);
    return voice ? voice->name : NULL;
}

static DubEngineReply *run(DubEngine *base, const DubEngineRequest *request, GError **error)
{
    const char *voice = voice_for((const Espeak *) base, request->voice, error);
    if (!voice)
        return NULL;
    g_autoptr(GArray) samples = g_array_new(FALSE, FALSE, sizeof(short));
    if (enter(request->cancellable)) {
        const bool spoken = speak_into(samples, voice, request, error);
        leave();
        if (!spoken)
            return NULL;
    }
    if (g_cancellable_is_cancelled(request->cancellable)) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_CANCELLED, "synthesis was cancelled");
        return NULL;
    }
    DubEngineReply *reply = dub_engine_reply_new();
    reply->pcm = from_s16(samples, (unsigned) rate_hz);
    reply->model = g_strdup(voice);
    return reply;
}

/* The library is one: a second engine would only wait for the first. */
static unsigned count(const DubEngineConfig *config G_GNUC_UNUSED)
{
    return 1;
}

const DubEngineClass dub_engine_espeak = {
    .stage = DUB_STAGE_TTS,
    .name = "espeak-ng",
    .brings = "apt-get install " PACKAGE,
    .flags = DUB_ENGINE_PACES,
    .list = list_voices,
    .count = count,
    .open = open_espeak,
    .run = run,
    .close = close_espeak,
};

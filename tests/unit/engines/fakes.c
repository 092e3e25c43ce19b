/* tests/unit/engines/fakes.c: one lock guards what all of them count. */
#include "fakes.h"

#include "base/clock.h"
#include "base/error.h"
#include "engines/list.h"

#include <math.h>
#include <string.h>

#define LOOK_US        2000
#define WAIT_MOST_US   (60 * G_USEC_PER_SEC)
#define SPEECH_MS      200 /* of the sound that a voice makes, and the silence before and after it */
#define SPEECH_RATE_HZ 22050

typedef struct {
    DubEngine base;
    Fake *fake;
} FakeEngine;

static GMutex lock;
static GCond changed;

static DubEngine *open_fake(Fake *fake, const DubEngineConfig *config, GError **error)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
    if (fake->open_error || (fake->opens_most && fake->n_opened >= fake->opens_most)) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_ENGINE,
                            fake->open_error ? fake->open_error : "no more of these");
        return NULL;
    }
    FakeEngine *self = g_new0(FakeEngine, 1);
    self->fake = fake;
    fake->n_opened++;
    g_free(fake->model);
    fake->model = g_strdup(config->model);
    g_free(fake->argument);
    fake->argument = g_strdup(config->argument);
    return &self->base;
}

static void close_fake(DubEngine *base)
{
    Fake *fake = ((FakeEngine *) base)->fake;
    g_mutex_lock(&lock);
    fake->n_closed++;
    fake->closed_by = g_thread_self();
    g_cond_broadcast(&changed);
    g_mutex_unlock(&lock);
    g_free(base);
}

static DubEngineOffer *offer_of(DubEngineStage stage, const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, stage == DUB_STAGE_MT ? "-" : ":", 2);
    if (stage == DUB_STAGE_MT)
        return dub_engine_offer_new("", parts[0], parts[1], "");
    return dub_engine_offer_new(parts[1] ? parts[1] : "", parts[0], NULL, "");
}

static GPtrArray *list_fake(Fake *fake, DubEngineStage stage, GError **error)
{
    g_mutex_lock(&lock);
    fake->n_listed++;
    g_mutex_unlock(&lock);
    if (fake->list_error) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_ENGINE, fake->list_error);
        return NULL;
    }
    GPtrArray *offers = g_ptr_array_new_with_free_func((GDestroyNotify) dub_engine_offer_free);
    g_auto(GStrv) texts = g_strsplit(fake->offers ? fake->offers : "", " ", -1);
    for (char **text = texts; *text && **text; text++)
        g_ptr_array_add(offers, offer_of(stage, *text));
    return offers;
}

/* ── Working ── */

static void replace(char **field, const char *with)
{
    g_free(*field);
    *field = g_strdup(with);
}

/* Lock held. */
static void remember(Fake *fake, const DubEngineRequest *request)
{
    replace(&fake->text, request->text);
    replace(&fake->voice, request->voice);
    replace(&fake->from, request->from);
    replace(&fake->to, request->to);
    replace(&fake->context, request->context);
    fake->last = *request;
    fake->last.text = fake->text;
    fake->last.voice = fake->voice;
    fake->last.from = fake->from;
    fake->last.to = fake->to;
    fake->last.context = fake->context;
    fake->n_frames = request->pcm ? request->pcm->n_frames : 0;
    fake->rate_hz = request->pcm ? request->pcm->rate_hz : 0;
    fake->channels = request->pcm ? request->pcm->channels : 0;
}

/* Lock held. Returns: false with the error that ended it */
static bool work(Fake *fake, const DubEngineRequest *request, GError **error)
{
    const unsigned takes_ms = fake->takes_ms + (fake->n_run == 1 ? fake->first_takes_ms : 0);
    const int64_t done_us = g_get_monotonic_time() + takes_ms * INT64_C(1000);
    while (fake->holds || g_get_monotonic_time() < done_us) {
        if (g_cancellable_is_cancelled(request->cancellable)) {
            g_set_error_literal(error, DUB_ERROR, DUB_ERROR_CANCELLED, "the fake was cancelled");
            return false;
        }
        if (request->deadline_ns && dub_clock_now() >= request->deadline_ns) {
            g_set_error_literal(error, DUB_ERROR, DUB_ERROR_TIMEOUT, "the fake ran out of time");
            return false;
        }
        const int64_t look_us = g_get_monotonic_time() + LOOK_US;
        g_cond_wait_until(&changed, &lock, fake->holds ? look_us : MIN(look_us, done_us));
    }
    if (!fake->run_error && (!fake->fails_from || fake->n_run < fake->fails_from))
        return true;
    g_set_error_literal(error, DUB_ERROR, fake->error_code, fake->run_error ? fake->run_error : "failed in the end");
    return false;
}

/* Silence, a tone, silence. */
static DubPcm *make_speech(void)
{
    const gsize part = SPEECH_RATE_HZ * SPEECH_MS / 1000;
    DubPcm *pcm = dub_pcm_new(SPEECH_RATE_HZ, 1, 3 * part);
    for (gsize i = part; i < 2 * part; i++)
        pcm->samples[i] = 0.3f * sinf((float) i * 0.1f);
    return pcm;
}

static DubEngineReply *reply_of(const Fake *fake, DubEngineStage stage, const DubEngineRequest *request)
{
    DubEngineReply *reply = dub_engine_reply_new();
    if (stage == DUB_STAGE_TTS)
        reply->pcm = make_speech();
    else
        dub_engine_reply_set_text(reply, fake->says ? fake->says : stage == DUB_STAGE_ASR ? "heard" : request->text);
    return reply;
}

static DubEngineReply *run_fake(DubEngine *base, const DubEngineRequest *request, GError **error)
{
    Fake *fake = ((FakeEngine *) base)->fake;
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
    fake->n_run++;
    fake->n_running++;
    fake->most_running = MAX(fake->most_running, fake->n_running);
    remember(fake, request);
    g_cond_broadcast(&changed);
    const bool worked = work(fake, request, error);
    fake->n_running--;
    g_cond_broadcast(&changed);
    return worked ? reply_of(fake, base->klass->stage, request) : NULL;
}

/* ── The classes ── */

static const DubEnvSpec voice_rows[] = {
    { "VOICE_KEY", DUB_ENV_STRING, offsetof(FakeSettings, key), NULL, .help = "what the voice is opened with",
      .secret = true },
    { "VOICE_SPEED", DUB_ENV_UINT, offsetof(FakeSettings, speed), "3", 1, 9, .help = "how fast the voice is" },
};

#define FUNCTIONS(id, its_stage)                                                                                      \
    Fake id;                                                                                                          \
    static DubEngine *open_##id(const DubEngineConfig *config, GError **error)                                        \
    {                                                                                                                 \
        return open_fake(&id, config, error);                                                                         \
    }                                                                                                                 \
    static GPtrArray *list_##id(G_GNUC_UNUSED const DubEngineConfig *config, G_GNUC_UNUSED GCancellable *cancellable, \
                                GError **error)                                                                       \
    {                                                                                                                 \
        return list_fake(&id, its_stage, error);                                                                      \
    }
#define COUNT(id)                                                           \
    static unsigned count_##id(G_GNUC_UNUSED const DubEngineConfig *config) \
    {                                                                       \
        return id.count ? id.count : 1;                                     \
    }
#define CLASS(id, its_stage, its_name, its_flags)                                                    \
    .stage = its_stage, .name = its_name, .brings = "apt-get install " its_name, .flags = its_flags, \
    .rate_hz = FAKE_RATE_HZ, .list = list_##id, .open = open_##id, .run = run_fake, .close = close_fake

FUNCTIONS(fake_ear, DUB_STAGE_ASR)
COUNT(fake_ear)
FUNCTIONS(fake_other_ear, DUB_STAGE_ASR)
FUNCTIONS(fake_cloud_ear, DUB_STAGE_ASR)
FUNCTIONS(fake_named_ear, DUB_STAGE_ASR)
COUNT(fake_named_ear)
FUNCTIONS(fake_rules, DUB_STAGE_MT)
COUNT(fake_rules)
FUNCTIONS(fake_model, DUB_STAGE_MT)
COUNT(fake_model)
FUNCTIONS(fake_voice, DUB_STAGE_TTS)
COUNT(fake_voice)
FUNCTIONS(fake_cloud_voice, DUB_STAGE_TTS)
COUNT(fake_cloud_voice)
FUNCTIONS(fake_quick, DUB_STAGE_TTS)
COUNT(fake_quick)

const DubEngineClass fake_ear_class = { CLASS(fake_ear, DUB_STAGE_ASR, "ear", 0), .count = count_fake_ear };
const DubEngineClass fake_other_ear_class = { CLASS(fake_other_ear, DUB_STAGE_ASR, "whisper", 0) };
const DubEngineClass fake_cloud_ear_class = { CLASS(fake_cloud_ear, DUB_STAGE_ASR, "cloud-ear", DUB_ENGINE_REMOTE) };
const DubEngineClass fake_named_ear_class = { CLASS(fake_named_ear, DUB_STAGE_ASR, "named-ear",
                                                    DUB_ENGINE_BY_NAME | DUB_ENGINE_ANY_LANGUAGE),
                                              .count = count_fake_named_ear };
const DubEngineClass fake_rules_class = { CLASS(fake_rules, DUB_STAGE_MT, "rules", 0), .count = count_fake_rules };
const DubEngineClass fake_model_class = { CLASS(fake_model, DUB_STAGE_MT, "model", DUB_ENGINE_GLOSSARY),
                                          .count = count_fake_model };
const DubEngineClass fake_voice_class = { CLASS(fake_voice, DUB_STAGE_TTS, "voice", 0), .count = count_fake_voice,
                                          .settings = voice_rows, .n_settings = G_N_ELEMENTS(voice_rows),
                                          .settings_bytes = sizeof(FakeSettings) };
const DubEngineClass fake_cloud_voice_class = {
    CLASS(fake_cloud_voice, DUB_STAGE_TTS, "cloud-voice", DUB_ENGINE_REMOTE), .count = count_fake_cloud_voice
};
const DubEngineClass fake_quick_class = { CLASS(fake_quick, DUB_STAGE_TTS, "espeak-ng", DUB_ENGINE_PACES),
                                          .count = count_fake_quick };

static const DubEngineClass *const classes[] = {
    &fake_cloud_ear_class, &fake_named_ear_class,   &fake_ear_class,   &fake_other_ear_class, &fake_rules_class,
    &fake_model_class,     &fake_cloud_voice_class, &fake_voice_class, &fake_quick_class,     NULL,
};
static Fake *const fakes[] = {
    &fake_cloud_ear, &fake_named_ear,   &fake_ear,   &fake_other_ear, &fake_rules,
    &fake_model,     &fake_cloud_voice, &fake_voice, &fake_quick,
};

const DubEngineClass *const *dub_engine_list(void)
{
    return classes;
}

/* ── The test's side ── */

static void clear_fake(Fake *fake)
{
    g_free(fake->text);
    g_free(fake->voice);
    g_free(fake->from);
    g_free(fake->to);
    g_free(fake->context);
    g_free(fake->model);
    g_free(fake->argument);
    *fake = (Fake){ .error_code = DUB_ERROR_ENGINE };
}

void fakes_reset(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(fakes); i++)
        clear_fake(fakes[i]);
    fake_ear.offers = fake_other_ear.offers = fake_cloud_ear.offers = "en";
    fake_rules.offers = fake_model.offers = "en-es";
    fake_voice.offers = "es:voice";
    fake_cloud_voice.offers = "es:cloud-voice";
    fake_quick.offers = "es:quick";
}

void fakes_assert_closed(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(fakes); i++)
        g_assert_cmpint(fake_opened(fakes[i]), ==, fake_closed(fakes[i]));
}

void fakes_lock(void)
{
    g_mutex_lock(&lock);
}

void fakes_unlock(void)
{
    g_mutex_unlock(&lock);
}

static int read_count(const int *count)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
    return *count;
}

int fake_runs(Fake *self)
{
    return read_count(&self->n_run);
}

int fake_opened(Fake *self)
{
    return read_count(&self->n_opened);
}

int fake_closed(Fake *self)
{
    return read_count(&self->n_closed);
}

int fake_most_running(Fake *self)
{
    return read_count(&self->most_running);
}

void fake_wait_running(Fake *self, int n)
{
    const int64_t end_us = g_get_monotonic_time() + WAIT_MOST_US;
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
    while (self->n_running != n)
        g_assert_true(g_cond_wait_until(&changed, &lock, end_us));
}

void fake_let_go(Fake *self)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
    self->holds = false;
    g_cond_broadcast(&changed);
}

const DubEngineRequest *fake_last(Fake *self)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
    return &self->last;
}

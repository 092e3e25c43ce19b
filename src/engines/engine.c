/* engines/engine.c: what all engines have in common: checking, conversion, measuring. */
#include "engines/engine.h"

#include "audio/convert.h"
#include "audio/level.h"
#include "base/clock.h"
#include "base/error.h"
#include "engines/list.h"

#include <string.h>

#define SILENCE_DBFS (-50.0) /* around speech */

const char *dub_engine_stage_to_string(DubEngineStage stage)
{
    switch (stage) {
    case DUB_STAGE_ASR: return "asr";
    case DUB_STAGE_MT: return "translation";
    case DUB_STAGE_TTS: return "tts";
    case DUB_N_STAGES: break;
    }
    return "invalid";
}

/* ── Offers ── */

DubEngineOffer *dub_engine_offer_new(const char *name, const char *language, const char *target, const char *gender)
{
    DubEngineOffer *self = g_new0(DubEngineOffer, 1);
    self->name = g_strdup(name);
    self->language = g_strdup(language);
    self->target = g_strdup(target);
    self->gender = g_strdup(gender);
    return self;
}

void dub_engine_offer_free(DubEngineOffer *self)
{
    if (!self)
        return;
    g_free(self->name);
    g_free(self->language);
    g_free(self->target);
    g_free(self->gender);
    g_free(self);
}

bool dub_engine_covers(const char *offered, const char *language)
{
    const gsize length = strlen(language);
    return g_ascii_strncasecmp(offered, language, length) == 0 &&
           (offered[length] == '\0' || offered[length] == '-' || offered[length] == '_');
}

/* ── Replies ── */

static void clear_span(gpointer data)
{
    g_free(((DubEngineSpan *) data)->text);
}

static GArray *new_spans(void)
{
    GArray *spans = g_array_new(FALSE, FALSE, sizeof(DubEngineSpan));
    g_array_set_clear_func(spans, clear_span);
    return spans;
}

DubEngineReply *dub_engine_reply_new(void)
{
    DubEngineReply *self = g_new0(DubEngineReply, 1);
    self->text = g_strdup("");
    self->segments = new_spans();
    self->words = new_spans();
    return self;
}

void dub_engine_reply_free(DubEngineReply *self)
{
    if (!self)
        return;
    g_free(self->text);
    g_array_unref(self->segments);
    g_array_unref(self->words);
    dub_pcm_unref(self->pcm);
    g_free(self->model);
    g_free(self);
}

void dub_engine_reply_set_text(DubEngineReply *self, const char *text)
{
    char *copy = g_strdup(text);
    g_free(self->text);
    self->text = copy;
}

static void add_span(GArray *spans, const char *text, int64_t start_ns, int64_t end_ns, double confidence)
{
    const DubEngineSpan span = { .text = g_strdup(text),
                                 .start_ns = start_ns,
                                 .end_ns = end_ns,
                                 .confidence = confidence };
    g_array_append_val(spans, span);
}

void dub_engine_reply_add_segment(DubEngineReply *self, const char *text, int64_t start_ns, int64_t end_ns,
                                  double confidence)
{
    add_span(self->segments, text, start_ns, end_ns, confidence);
}

void dub_engine_reply_add_word(DubEngineReply *self, const char *word, int64_t start_ns, int64_t end_ns,
                               double confidence)
{
    add_span(self->words, word, start_ns, end_ns, confidence);
    g_autofree char *text = *self->text ? g_strconcat(self->text, " ", word, NULL) : g_strdup(word);
    dub_engine_reply_set_text(self, text);
}

/* ── Use ── */

DubEngine *dub_engine_open(const DubEngineClass *klass, const DubEngineConfig *config, GError **error)
{
    g_return_val_if_fail(klass && config && config->from && config->to, NULL);

    DubEngine *self = klass->open(config, error);
    if (self)
        self->klass = klass;
    return self;
}

void dub_engine_close(DubEngine *self)
{
    if (self)
        self->klass->close(self);
}

/* 10 ms stay before the first sound and after the last. */
static DubPcm *trim(const DubPcm *pcm)
{
    gsize first = 0, end = 0;
    if (!dub_level_active_span(pcm, SILENCE_DBFS, &first, &end))
        return dub_pcm_new(pcm->rate_hz, pcm->channels, 0);
    const gsize kept = pcm->rate_hz / 100;
    first -= MIN(first, kept);
    end = MIN(end + kept, pcm->n_frames);
    return dub_pcm_slice(pcm, first, end - first);
}

static bool check_text(const char *text, GError **error)
{
    if (strlen(text) <= DUB_ENGINE_TEXT_MOST_BYTES && g_utf8_validate(text, -1, NULL))
        return true;
    g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, "the text is not UTF-8, or longer than %d bytes",
                DUB_ENGINE_TEXT_MOST_BYTES);
    return false;
}

static bool is_blank(const char *text)
{
    for (; *text; text = g_utf8_next_char(text))
        if (!g_unichar_isspace(g_utf8_get_char(text)))
            return false;
    return true;
}

/* Nothing to hear, to translate or to say: no engine needs to be asked. */
static bool is_empty(const DubEngine *self, const DubEngineRequest *request)
{
    return self->klass->stage == DUB_STAGE_ASR ? request->pcm->n_frames == 0 : is_blank(request->text);
}

static DubEngineReply *answer_empty(const DubEngine *self)
{
    DubEngineReply *reply = dub_engine_reply_new();
    reply->engine = self->klass;
    if (self->klass->stage == DUB_STAGE_TTS)
        reply->pcm = dub_pcm_new(16000, 1, 0);
    return reply;
}

static void finish(const DubEngine *self, const DubEngineRequest *request, DubEngineReply *reply, int64_t cpu_ns)
{
    reply->engine = self->klass;
    reply->usage.cpu_ns += cpu_ns;
    if (request->pcm)
        reply->usage.audio_ns = dub_pcm_duration_ns(request->pcm);
    if (request->text)
        reply->usage.characters = g_utf8_strlen(request->text, -1);
    if (!reply->pcm)
        return;
    reply->usage.audio_ns = dub_pcm_duration_ns(reply->pcm);
    DubPcm *trimmed = trim(reply->pcm);
    dub_pcm_unref(reply->pcm);
    reply->pcm = trimmed;
}

/* @request: as the driver gets it */
static DubEngineReply *run_checked(DubEngine *self, const DubEngineRequest *request, GError **error)
{
    const int64_t begin_ns = dub_clock_thread_cpu();
    DubEngineReply *reply = self->klass->run(self, request, error);
    if (reply)
        finish(self, request, reply, dub_clock_thread_cpu() - begin_ns);
    return reply;
}

/* ── A glossary around a translator that knows none ── */

typedef struct {
    DubEngine *engine;
    DubEngineRequest request;
    DubEngineReply *reply; /* of the last attempt, with the use of all */
} Glossed;

static char *translate_glossed(const char *text, void *user_data, GError **error)
{
    Glossed *self = user_data;
    const DubEngineUsage before = self->reply ? self->reply->usage : (DubEngineUsage){ 0 };
    g_clear_pointer(&self->reply, dub_engine_reply_free);
    self->request.text = text;
    self->reply = run_checked(self->engine, &self->request, error);
    if (!self->reply)
        return NULL;
    self->reply->usage.cpu_ns += before.cpu_ns;
    self->reply->usage.programs_cpu_ns += before.programs_cpu_ns;
    self->reply->usage.characters += before.characters;
    self->reply->usage.cost_micros += before.cost_micros;
    return g_strdup(self->reply->text);
}

static DubEngineReply *run_glossed(DubEngine *self, const DubEngineRequest *request, GError **error)
{
    Glossed glossed = { .engine = self, .request = *request };
    const bool by_rules = self->klass->flags & DUB_ENGINE_RULES;
    g_autofree char *text =
        dub_glossary_translate(request->glossary, request->text, by_rules ? DUB_GLOSSARY_STAND_INS : DUB_GLOSSARY_CODES,
                               translate_glossed, &glossed, error);
    if (!text) {
        dub_engine_reply_free(glossed.reply);
        return NULL;
    }
    if (!glossed.reply) /* nothing but terms */
        glossed.reply = answer_empty(self);
    dub_engine_reply_set_text(glossed.reply, text);
    return glossed.reply;
}

static DubEngineReply *run_on_text(DubEngine *self, DubEngineRequest request, GError **error)
{
    g_autofree char *stripped = g_strstrip(g_strdup(request.text));
    request.text = stripped;
    request.pace = CLAMP(request.pace, 1.0, DUB_ENGINE_PACE_MOST);
    const bool glossed =
        request.glossary && self->klass->stage == DUB_STAGE_MT && !(self->klass->flags & DUB_ENGINE_GLOSSARY);
    return glossed ? run_glossed(self, &request, error) : run_checked(self, &request, error);
}

static DubEngineReply *run_on_sound(DubEngine *self, DubEngineRequest request, GError **error)
{
    g_autoptr(DubPcm) heard = dub_pcm_convert(request.pcm, self->klass->rate_hz, 1, error);
    if (!heard)
        return NULL;
    if (!heard->n_frames) /* of a frame or two at a higher rate nothing is left */
        return answer_empty(self);
    request.pcm = heard;
    return run_checked(self, &request, error);
}

DubEngineReply *dub_engine_run(DubEngine *self, const DubEngineRequest *request, GError **error)
{
    g_return_val_if_fail(self && request && (request->pcm || request->text), NULL);

    if (request->text && !check_text(request->text, error))
        return NULL;
    if (is_empty(self, request))
        return answer_empty(self);
    return request->pcm ? run_on_sound(self, *request, error) : run_on_text(self, *request, error);
}

unsigned dub_engine_ms_left(const DubEngineRequest *request, unsigned most_ms)
{
    if (!request->deadline_ns)
        return most_ms;
    const int64_t left_ms = (request->deadline_ns - dub_clock_now()) / DUB_NS_PER_MS;
    return (unsigned) CLAMP(left_ms, 1, (int64_t) most_ms);
}

/* ── Memory ── */

struct _DubEngineMemory {
    GHashTable *known; /* DubEngineClass -> Known */
};

typedef struct {
    void *data;
    GDestroyNotify destroy;
} Known;

static void free_known(gpointer data)
{
    Known *known = data;
    known->destroy(known->data);
    g_free(known);
}

DubEngineMemory *dub_engine_memory_new(void)
{
    DubEngineMemory *self = g_new0(DubEngineMemory, 1);
    self->known = g_hash_table_new_full(NULL, NULL, NULL, free_known);
    return self;
}

void dub_engine_memory_free(DubEngineMemory *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->known);
    g_free(self);
}

void *dub_engine_memory_get(DubEngineMemory *self, const DubEngineClass *klass, void *(*make)(void),
                            GDestroyNotify destroy)
{
    if (!self)
        return NULL;
    Known *known = g_hash_table_lookup(self->known, klass);
    if (!known) {
        known = g_new0(Known, 1);
        known->data = make();
        known->destroy = destroy;
        g_hash_table_insert(self->known, (gpointer) klass, known);
    }
    return known->data;
}

DubJson *dub_engine_memory_save(const DubEngineMemory *self)
{
    DubJson *all = NULL;
    GHashTableIter iter;
    gpointer key, value;
    if (!self)
        return NULL;
    g_hash_table_iter_init(&iter, self->known);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        const DubEngineClass *klass = key;
        g_autofree char *text = klass->save ? klass->save(((const Known *) value)->data) : NULL;
        if (!text)
            continue;
        all = all ? all : json_object();
        json_object_set_new(all, klass->name, json_string(text));
    }
    return all;
}

void dub_engine_memory_restore(DubEngineMemory *self, const DubJson *saved)
{
    for (const DubEngineClass *const *klass = dub_engine_list(); self && saved && *klass; klass++) {
        const char *text = (*klass)->restore ? json_string_value(json_object_get(saved, (*klass)->name)) : NULL;
        void *data = text ? (*klass)->restore(text) : NULL;
        if (!data)
            continue;
        Known *known = g_new0(Known, 1);
        known->data = data;
        known->destroy = (*klass)->forget ? (*klass)->forget : g_free;
        g_hash_table_insert(self->known, (gpointer) *klass, known);
    }
}

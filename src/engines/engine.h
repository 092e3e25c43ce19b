/* engines/engine.h: the one shape of every engine: what hears, translates or speaks.
 * A driver is a file that defines one DubEngineClass, and a line in engines/list.c. Whether it works in this process,
 * in a program of its own (engines/program.h) or on another machine is nobody else's concern.
 *
 * Threads: a DubEngine is used by one thread at a time, not always the same. list() and open() may take seconds and are
 * never called on the main loop. Times are ns; deadlines are on dub_clock_now(). */
#pragma once

#include "audio/pcm.h"
#include "base/env.h"
#include "base/json.h"
#include "text/glossary.h"

#include <gio/gio.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum { DUB_STAGE_ASR, DUB_STAGE_MT, DUB_STAGE_TTS, DUB_N_STAGES } DubEngineStage;
const char *dub_engine_stage_to_string(DubEngineStage stage); /* as on the wire: "asr", "translation", "tts" */

typedef enum {
    DUB_ENGINE_WORD_TIMES = 1 << 0, /* replies carry words with their times */
    DUB_ENGINE_PACES = 1 << 1,  /* speaks faster when told to, and is understood as well; else its sound is stretched */
    DUB_ENGINE_REMOTE = 1 << 2, /* works on another machine: limited by connections, not by cores */
    DUB_ENGINE_ANY_LANGUAGE = 1 << 3, /* not asked which languages there are */
    DUB_ENGINE_BY_NAME = 1 << 4,      /* never chosen unless somebody asks for it */
    DUB_ENGINE_GLOSSARY =
        1 << 5, /* MT: looks at the request's glossary itself; else it gets placeholders for its terms */
    DUB_ENGINE_RULES =
        1 << 6, /* MT: translates by dictionary and rules, as Apertium: placeholders are words that it knows */
} DubEngineFlags;

/* ── What there is ── */

/* One thing an engine can do now. ASR: a language. MT: a pair. TTS: a voice. */
typedef struct {
    char *name;     /* TTS: what --voice takes; ASR: the model; else "" */
    char *language; /* ISO 639-1, with a region for voices ("es", "es-419"); MT: the source */
    char *target;   /* MT only, else NULL */
    char *gender;   /* TTS: "male", "female" or "" */
} DubEngineOffer;
DubEngineOffer *dub_engine_offer_new(const char *name, const char *language, const char *target, const char *gender);
void dub_engine_offer_free(DubEngineOffer *self);

/* "es" is covered by "es" and by "es-419", "kok" is not "ko". */
bool dub_engine_covers(const char *offered, const char *language);

/* What open() and list() are given. Nothing of it is kept. */
typedef struct {
    const void *settings;  /* the driver's own struct, filled from its rows; NULL: it has none */
    const char *model_dir; /* NULL: the usual folders (engines/models.h) */
    const char *model;     /* NULL: the driver's own choice; a name or a path */
    const char *argument;  /* what follows a colon in the engine's name ("exec:/usr/bin/mine"); NULL: nothing */
    const char *from, *to; /* ISO 639-1; TTS speaks @to; NULL in list(): every language */
    unsigned n_cores;      /* that the program may use: at least 1 */
    unsigned n_lanes;      /* pieces of work at once at most; 0: not known */
} DubEngineConfig;

/* ── One piece of work ── */

typedef struct _DubEngineMemory DubEngineMemory;

typedef struct {
    DubPcm *pcm;                 /* ASR; for run(): mono, at the class's rate, at least one frame */
    int64_t start_ns;            /* ASR: of its first sample, in the stream's time */
    const char *text;            /* MT, TTS; for run(): valid UTF-8, not blank, at most %DUB_ENGINE_TEXT_MOST_BYTES */
    const char *from, *to;       /* ISO 639-1 */
    const char *voice;           /* TTS: one of the engine's offers, or NULL for the language's own */
    double pace;                 /* TTS: 1 … %DUB_ENGINE_PACE_MOST times as fast as usual; 0 counts as 1 */
    const DubGlossary *glossary; /* MT; nullable */
    const char *terms;           /* ASR: words that are likely to come, separated by ", "; nullable */
    const char *context;         /* what was said just before, in the language of the input; nullable */
    int64_t deadline_ns;         /* nobody wants the reply later than this; 0: no hurry */
    GCancellable *cancellable;   /* nullable; ends the work within 300 ms */
    DubEngineMemory *memory;     /* what the engine has learnt of the stream; NULL: this piece stands alone */
} DubEngineRequest;

#define DUB_ENGINE_TEXT_MOST_BYTES 65536 /* a fragment is a minute at most: far more than anyone says in it */
#define DUB_ENGINE_PACE_MOST       1.5

/* A part of what was heard. */
typedef struct {
    char *text;
    int64_t start_ns, end_ns; /* within the block, 0 = its first sample */
    double confidence;        /* 0…1; negative: not told */
} DubEngineSpan;

typedef struct {
    int64_t cpu_ns;          /* on threads of this process; dub_engine_run() measures the calling one */
    int64_t programs_cpu_ns; /* in programs of the engine's own */
    int64_t audio_ns;        /* sound heard or spoken */
    int64_t characters;      /* text taken */
    int64_t cost_micros;     /* millionths of a US dollar; 0: free or not told */
} DubEngineUsage;

typedef struct _DubEngineClass DubEngineClass;

typedef struct {
    char *text;       /* ASR, MT; "" when nothing was said. Never NULL */
    GArray *segments; /* ASR: of DubEngineSpan, in order: sentences or parts of them; may be empty */
    GArray *words;    /* ASR: of DubEngineSpan, in order; empty when the engine gives none */
    DubPcm *pcm;      /* TTS: mono, at the engine's own rate */
    DubEngineUsage usage;
    const DubEngineClass *engine; /* that did it */
    char *model;                  /* the model or voice that did it; nullable */
} DubEngineReply;
DubEngineReply *dub_engine_reply_new(void);
void dub_engine_reply_free(DubEngineReply *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubEngineReply, dub_engine_reply_free)
void dub_engine_reply_set_text(DubEngineReply *self, const char *text); /* (transfer none) */
/* Appends to segments or words; @text: (transfer none). Words also make up the reply's text. */
void dub_engine_reply_add_segment(DubEngineReply *self, const char *text, int64_t start_ns, int64_t end_ns,
                                  double confidence);
void dub_engine_reply_add_word(DubEngineReply *self, const char *word, int64_t start_ns, int64_t end_ns,
                               double confidence);

/* ── The driver ── */

typedef struct {
    const DubEngineClass *klass;
} DubEngine; /* a driver's own struct begins with it */

struct _DubEngineClass {
    DubEngineStage stage;
    const char *name;           /* "whisper" */
    const char *brings;         /* what to install where it is missing: "apt-get install apertium-eng-spa" */
    unsigned flags;             /* DubEngineFlags */
    unsigned rate_hz;           /* ASR: what it wants to hear, mono */
    const DubEnvSpec *settings; /* rows of the driver's own; offsets into a struct of @settings_bytes */
    gsize n_settings, settings_bytes;
    /* (transfer full): of DubEngineOffer. An engine that is not installed offers nothing, which is no error; an error
     * is one that is there and broken, or a server that does not answer. */
    GPtrArray *(*list)(const DubEngineConfig *config, GCancellable *cancellable, GError **error);
    /* How many work side by side at most; NULL: one a core, or %DUB_ENGINE_CONNECTIONS where it is remote. */
    unsigned (*count)(const DubEngineConfig *config);
    /* %DUB_ERROR_ENGINE names what to install. */
    DubEngine *(*open)(const DubEngineConfig *config, GError **error);
    /* Errors: %DUB_ERROR_CANCELLED, _TIMEOUT (the deadline), _ENGINE, _CORRUPT, _INVALID_ARGUMENT; of remote ones also
     * _NETWORK, _AUTH, _BACKPRESSURE (asked too often), _NO_SPACE (the quota is used up). No secret stands in a
     * message. */
    DubEngineReply *(*run)(DubEngine *self, const DubEngineRequest *request, GError **error);
    void (*close)(DubEngine *self);
    /* What the engine has learnt of a stream, as text and back, for a run that goes on after another; NULL, both: it
     * learns nothing that a text could hold. */
    char *(*save)(const void *known);    /* (transfer full) */
    void *(*restore)(const char *saved); /* (transfer full): freed by g_free() or @forget; NULL: no such text */
    GDestroyNotify forget;               /* frees what is remembered; NULL: g_free() */
};

#define DUB_ENGINE_CONNECTIONS 8

/* ── Use ── */

DubEngine *dub_engine_open(const DubEngineClass *klass, const DubEngineConfig *config, GError **error);
void dub_engine_close(DubEngine *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubEngine, dub_engine_close)

/**
 * dub_engine_run:
 * Checks and converts what the engine is given, answers what needs no engine (no sound, blank text), puts the
 * glossary's terms around a translator that knows no glossary, measures the CPU of this thread, and trims the silence
 * around speech to 10 ms. Returns: (transfer full), or NULL
 */
DubEngineReply *dub_engine_run(DubEngine *self, const DubEngineRequest *request, GError **error);

/* ── What an engine remembers of a stream ── */

DubEngineMemory *dub_engine_memory_new(void); /* one thread at a time */
void dub_engine_memory_free(DubEngineMemory *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubEngineMemory, dub_engine_memory_free)
/* Returns: (transfer none): the class's own, made by @make at the first call; NULL when @self is NULL */
void *dub_engine_memory_get(DubEngineMemory *self, const DubEngineClass *klass, void *(*make)(void),
                            GDestroyNotify destroy);
/* Returns: (transfer full) (nullable): a text for each engine that has one, by its name */
DubJson *dub_engine_memory_save(const DubEngineMemory *self);
/* @saved: (nullable): what it does not say stays as it is */
void dub_engine_memory_restore(DubEngineMemory *self, const DubJson *saved);

/* ── Waiting ── */

/* What is left until @deadline_ns, at most @most_ms: for calls that take a time-out; at least 1. */
unsigned dub_engine_ms_left(const DubEngineRequest *request, unsigned most_ms);

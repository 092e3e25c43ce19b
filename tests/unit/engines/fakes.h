/* tests/unit/engines/fakes.h: engines that do what a test tells them: work, fail, take their time, never end.
 * fakes.c stands in for engines/list.c: dub_engine_list() gives these, so whoever opens engines by settings gets them.
 * A Fake is set up after fakes_reset(), and by FAKE_SET() once its engines are open. What it counts is looked at by
 * fake_… functions, from any thread. Opening lets each local engine work once, to warm it up. */
#pragma once

#include "engines/engine.h"

typedef struct {
    /* What it does. Strings are the test's. */
    const char
        *offers; /* by blanks: "en fr" (ASR), "en-es" (MT), "es:maria es:juan" (TTS: language:voice); NULL: none */
    const char *list_error;  /* list() fails */
    const char *open_error;  /* open() fails with %DUB_ERROR_ENGINE */
    const char *run_error;   /* run() fails ... */
    int error_code;          /* ... with this DubErrorCode */
    int fails_from;          /* run() fails from this piece on, counted from 1; 0: see run_error */
    const char *says;        /* ASR, MT: the reply's text; NULL: "heard", or the request's own text */
    unsigned takes_ms;       /* each piece of work ... */
    unsigned first_takes_ms; /* ... and the first of all so much more */
    int opens_most;          /* so many open() calls succeed; 0: all */
    unsigned count;          /* engines side by side; 0: one. Not looked at where the class has no count() */
    bool holds;              /* works until fake_let_go(), the deadline or the cancelling */

    /*< private >*/
    int n_opened, n_closed, n_listed, n_run, n_running, most_running;
    DubEngineRequest last; /* its strings are below */
    char *text, *voice, *from, *to, *context, *model, *argument;
    gsize n_frames;
    unsigned rate_hz, channels;
    GThread *closed_by;
} Fake;

/* In the order of the list. "quick" is what the chain calls a quick voice: espeak-ng. */
extern Fake fake_ear, fake_other_ear, fake_cloud_ear, fake_named_ear; /* "ear", "whisper", "cloud-ear", "named-ear" */
extern Fake fake_rules, fake_model;                   /* "rules" (no glossary of its own), "model" (its own) */
extern Fake fake_voice, fake_cloud_voice, fake_quick; /* "voice", "cloud-voice", "espeak-ng" */
extern const DubEngineClass fake_ear_class, fake_other_ear_class, fake_cloud_ear_class, fake_named_ear_class;
extern const DubEngineClass fake_rules_class, fake_model_class;
extern const DubEngineClass fake_voice_class, fake_cloud_voice_class, fake_quick_class;

/* The rows of "voice" */
typedef struct {
    char *key;
    unsigned speed;
} FakeSettings;

/* All are as new: they offer "en" (ASR), "en-es" (MT), "es:…" (TTS: a voice named after the engine), and work at once.
 */
void fakes_reset(void);
void fakes_assert_closed(void); /* as many as were opened */

int fake_runs(Fake *self); /* how many pieces of work were begun */
int fake_opened(Fake *self);
int fake_closed(Fake *self);
int fake_most_running(Fake *self);         /* at once */
void fake_wait_running(Fake *self, int n); /* until so many are at work */
void fake_let_go(Fake *self);              /* ends what it holds, and holds no more */

#define FAKE_SET(fake, field, value) (fakes_lock(), (fake)->field = (value), fakes_unlock())
void fakes_lock(void);
void fakes_unlock(void);

/* Of its last piece of work: a field of the request; strings stay until the next reset. */
#define FAKE_LAST(fake, field) (fake_last(fake)->field)
const DubEngineRequest *fake_last(Fake *self);

#define FAKE_RATE_HZ 16000

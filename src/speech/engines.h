/* speech/engines.h: engines loaded once, in lanes that work side by side, shared by any number of sessions.
 * A lane is a thread with a recogniser and a translator of its own. A session is one stream's use of them. A free lane takes
 * the waiting fragment whose sound began first, of whatever session: of live streams with one delay, that is the one that is
 * due first. What is learnt of a voice stays with the session, and is the same at every run. */
#pragma once

#include "speech/speech.h"

#define DUB_LANES_MOST 32

typedef struct {
    const char *from, *to;                           /* ISO 639-1 */
    const char *asr_driver, *mt_driver, *tts_driver; /* NULL: the language's default */
    const char *asr_model;                           /* NULL: the driver's own */
    unsigned n_lanes;                                /* 0: one a core; at most %DUB_LANES_MOST */
} DubSpeechEnginesConfig;

typedef struct _DubSpeechEngines DubSpeechEngines;
typedef struct _DubSpeechSession DubSpeechSession;

/**
 * dub_speech_engines_open:
 * Loads and warms all lanes, side by side; blocks for a second or so. Any thread.
 * Returns: %DUB_ERROR_UNSUPPORTED for a language or driver there is not, %DUB_ERROR_ENGINE for one not installed
 */
DubSpeechEngines *dub_speech_engines_open(const DubSpeechEnginesConfig *config, GError **error);
/* Every session must be free by then. Waits for the work at hand to be cancelled; any thread but a lane's. */
void dub_speech_engines_close(DubSpeechEngines *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubSpeechEngines, dub_speech_engines_close)

unsigned dub_speech_engines_n_lanes(const DubSpeechEngines *self);

/* What loading took, in CPU time: on threads of this process, and in the processes that translate. */
typedef struct {
    int64_t threads_ns, processes_ns;
} DubSpeechLoading;
DubSpeechLoading dub_speech_engines_loading(const DubSpeechEngines *self);
/* The drivers' names, for metadata. Static strings. */
const char *dub_speech_engines_asr_name(const DubSpeechEngines *self);
const char *dub_speech_engines_mt_name(const DubSpeechEngines *self);
const char *dub_speech_engines_tts_name(const DubSpeechEngines *self);

typedef struct {
    const char *voice;          /* NULL or "default": the language's own */
    unsigned rate_hz, channels; /* of the dubs */
    unsigned timeout_ms;        /* a fragment's, from when a lane takes it up: it is cancelled then; 0: none */
} DubSpeechSessionConfig;

/* @result: (transfer full). In any order. */
typedef void (*DubSpeechDoneFunc)(DubSpeechResult *result, void *user_data);

/**
 * dub_speech_session_new:
 * @on_done: called on the GMainContext that is the thread's default now, never from inside submit
 * Sessions belong to one thread. %DUB_ERROR_NOT_FOUND: no such voice
 */
DubSpeechSession *dub_speech_session_new(DubSpeechEngines *engines, const DubSpeechSessionConfig *config,
                                         DubSpeechDoneFunc on_done, void *user_data, GError **error);
/* Cancels what is in flight; on_done is not called any more. */
void dub_speech_session_free(DubSpeechSession *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubSpeechSession, dub_speech_session_free)

/* @fragment: (transfer full). Each is answered once, unless the session is freed before. How many may wait is for the
 * caller to bound. */
void dub_speech_session_submit(DubSpeechSession *self, DubFragment *fragment);

/**
 * dub_speech_session_cancel:
 * Nobody wants this fragment any more: it is not answered, and its lane is free within some 200 ms.
 * Returns: the stage it was in, "asr" when it had not begun or is not known
 */
const char *dub_speech_session_cancel(DubSpeechSession *self, uint64_t sequence_number);

/* speech/lanes.h: threads that carry fragments through the engines of one pair of languages, shared by any number of
 * streams. A lane takes one fragment through all its stages, and waits for an engine of a stage where all are busy. A
 * session is one stream's use of the lanes. A free lane takes the waiting fragment whose sound began first, of whatever
 * session: of live streams with one delay, that is the one that is due first. What is learnt of a voice stays with the
 * session, and is the same at every run. */
#pragma once

#include "engines/set.h"
#include "speech/hearings.h"
#include "speech/speech.h"

#define DUB_LANES_MOST 32

typedef struct _DubLanes DubLanes;
typedef struct _DubSpeechSession DubSpeechSession;

/* @engines: (transfer full). @n_lanes: 0: as many fragments as there are engines for. Any thread. */
DubLanes *dub_lanes_new(DubEngineSet *engines, unsigned n_lanes);
/* Every session must be free by then. Waits for the work at hand to be cancelled; any thread but a lane's. */
void dub_lanes_free(DubLanes *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubLanes, dub_lanes_free)

unsigned dub_lanes_count(const DubLanes *self);
DubEngineSet *dub_lanes_engines(const DubLanes *self); /* (transfer none) */

/**
 * dub_lanes_admits:
 * Would one stream more be dubbed in time, with fragments of @fragment_ns? By what fragments have taken until now, with
 * the quickest engine of each stage. Before anything was measured, and where no stream is dubbed, the answer is yes.
 * Returns: true, or false with %DUB_ERROR_BACKPRESSURE, which names how many streams this machine carries
 */
bool dub_lanes_admits(DubLanes *self, int64_t fragment_ns, GError **error);

/* @voice: NULL or "default": the language's own, which there always is. %DUB_ERROR_NOT_FOUND */
bool dub_lanes_check_voice(const DubLanes *self, const char *voice, GError **error);

typedef struct {
    const char *voice;          /* NULL or "default": the language's own */
    unsigned rate_hz, channels; /* of the dubs */
    unsigned timeout_ms;        /* a fragment's, from when a lane takes it up: it is cancelled then; 0: none */
    DubKept *kept;              /* (nullable) answers what it has; outlives the lanes */
    DubHearings *hearings;      /* (nullable) as in speech/process.h */
} DubSpeechSessionConfig;

/* @result: (transfer full). In any order. */
typedef void (*DubSpeechDoneFunc)(DubSpeechResult *result, void *user_data);

/**
 * dub_speech_session_new:
 * @on_done: called on the GMainContext that is the thread's default now, never from inside submit
 * Sessions belong to one thread. %DUB_ERROR_NOT_FOUND: no such voice
 */
DubSpeechSession *dub_speech_session_new(DubLanes *lanes, const DubSpeechSessionConfig *config,
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

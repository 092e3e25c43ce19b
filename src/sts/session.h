/* sts/session.h: sts-service's side of one stream on one connection: a state machine.
 *
 * One thread. Time is an argument of every event and effects are calls out through DubStsEffects, so the whole of it
 * runs under virtual time without a socket or an engine near it. An effect must not call back into the session: what it
 * causes comes as a later event.
 *
 *   state     entered when                              leaves when
 *   idle      created; a stream:init was refused        a stream:init is well-formed
 *   opening   the engines are asked for; what comes     they are there (stream:ready), or the stream is refused
 *             early waits
 *   active    fragments are taken                       stream:pause, stream:end
 *   paused    fragments are refused; those out go on    stream:resume, stream:end
 *   ending    no more fragments                         all are answered (stream:complete)
 *   complete  the connection is closed after a while    then; or another stream:init
 */
#pragma once

#include "sts/answer.h"
#include "sts/pressure.h"

typedef enum {
    DUB_STS_IDLE,
    DUB_STS_OPENING,
    DUB_STS_ACTIVE,
    DUB_STS_PAUSED,
    DUB_STS_ENDING,
    DUB_STS_COMPLETE,
} DubStsState;
const char *dub_sts_state_to_string(DubStsState state);

typedef struct {
    const char *session_id; /* copied */
    bool echo;              /* failures may be simulated, and a fragment has no time limit here: the worker's own is
                                    what echo mode is there to test */
    bool pressure_events;
    DubStsThresholds thresholds; /* in fragments; in fractions of max_inflight when `echo` */
    int64_t disconnect_delay_ns; /* from stream:complete to closing the connection */
} DubStsSessionConfig;

typedef struct {
    void (*emit)(const char *event, DubJson *payload, void *user_data); /* payload: (transfer full) */
    /* Can this stream be served? dub_sts_session_opened() or dub_sts_session_refused() follows. */
    void (*open)(const DubStreamInit *init, void *user_data);
    void (*process)(const DubFragmentData *fragment, void *user_data); /* dub_sts_session_finished() follows */
    /* No _finished() is wanted. Returns: the stage it was in, "asr", "translation" or "tts" */
    const char *(*cancel)(uint64_t sequence_number, void *user_data);
    /* For metrics and log; @answer is complete now. */
    void (*answered)(const DubFragmentData *fragment, const DubFragmentProcessed *answer, void *user_data);
    void (*release)(void *user_data); /* the stream needs no engines any more */
    void (*close)(void *user_data);   /* the connection, told to the worker first, so that it stays away */
    void (*hang_up)(void *user_data); /* the connection breaks: simulated */
} DubStsEffects;

typedef struct _DubStsSession DubStsSession;
DubStsSession *dub_sts_session_new(const DubStsSessionConfig *config, const DubStsEffects *effects, void *user_data);
void dub_sts_session_free(DubStsSession *self); /* calls no effect */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubStsSession, dub_sts_session_free)

/* @payload: (nullable) the event's first argument. Returns: false for an event that is none of the protocol's */
bool dub_sts_session_event(DubStsSession *self, const char *event, const DubJson *payload, int64_t now_ns);

/* @parallel: fragments of the stream that are worked on at once. @expected_ms: for one of them; 0: not known */
void dub_sts_session_opened(DubStsSession *self, guint parallel, double expected_ms);
void dub_sts_session_refused(DubStsSession *self, const char *code, const char *message);
/* @answer: (transfer full) */
void dub_sts_session_finished(DubStsSession *self, uint64_t sequence_number, DubFragmentProcessed *answer,
                              int64_t now_ns);
void dub_sts_session_superseded(DubStsSession *self);            /* another connection carries the stream from now on */
void dub_sts_session_drain(DubStsSession *self, int64_t now_ns); /* the service ends: as if stream:end had come */

void dub_sts_session_tick(DubStsSession *self, int64_t now_ns);
int64_t dub_sts_session_next_tick(const DubStsSession *self); /* when; %DUB_TIME_NONE: nothing is waited for */

DubStsState dub_sts_session_get_state(const DubStsSession *self);
const char *dub_sts_session_get_stream_id(const DubStsSession *self); /* (nullable) while idle */
guint dub_sts_session_count_in_flight(const DubStsSession *self);
guint dub_sts_session_count_waiting(const DubStsSession *self); /* of those in flight, not begun */

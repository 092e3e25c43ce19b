/* sts/session-rig.h: a session of sts/session for its tests: JSON in (with ' for "), effects kept or counted, time by
 * hand. */
#pragma once

#include "base/clock.h"
#include "sts/session.h"

#define SECOND         DUB_NS_PER_S
#define HI             "{'stream_id':'s','worker_id':'w'}"
#define AUDIO          "'audio':{'format':'m4a','sample_rate_hz':48000,'channels':2,'duration_ms':6000,'data_base64':'AAAA'}"
#define FRAGMENT(body) "{'fragment_id':'f','stream_id':'s','sequence_number':0,'timestamp':1," body "}"

typedef struct {
    DubStsSession *session;
    GPtrArray *events;  /* of DubJson [name, payload], not looked at yet */
    GArray *processing; /* of uint64_t */
    guint opened, released, closed, hung_up, answered, cancelled;
    int64_t now_ns;
} Rig;

void set_up(Rig *rig, bool echo);
void tear_down(Rig *rig); /* every event must have been looked at */

DubJson *from_text(const char *text);
void send_event(Rig *rig, const char *event, const char *payload); /* NULL: without one */
void send_fragment(Rig *rig, unsigned number);
void take(Rig *rig, unsigned first, unsigned n); /* fragments of n numbers */
void open_with(Rig *rig, const char *init, guint parallel);
void finish(Rig *rig, unsigned number, DubProcessedStatus status, double ms);

/* The oldest event must be @name and hold @expected's members, bar those that are null there: it must not have them. */
void expect(Rig *rig, const char *name, const char *expected);
void expect_error(Rig *rig, const char *code, const char *message);
void expect_nothing(Rig *rig);

/* speech/remote.h: the backend whose engines run in an sts-service, behind Socket.IO. See speech/speech.h for the
 * rules.
 *
 *   state         entered when                               leaves when
 *   idle          created                                    start
 *   connecting    start; a wait is over                      connected
 *   initialising  stream:init is sent                        stream:ready (on_ready)
 *   ready         fragments are taken                        end
 *   ending        stream:end follows the last fragment       stream:complete, or nothing is waited for (on_complete)
 *   waiting       the link broke (on_lost)                   the next attempt is due; the service answers /health again
 *   closed        complete (on_complete) or failed (on_failed); nothing follows
 *
 * Of several services the first that works has the stream; when it does not any more, the next is asked at once. A
 * service that has said nothing from a fragment's submission until its time was over is as good as gone.
 *
 * A fragment's time runs from its submission. What comes later is dropped and counted. The wait for stream:ready ends
 * like a lost link. A link that is lost while ending is not made again: what was in flight is lost, on_complete
 * follows. */
#pragma once

#include "audio/fragment-codec.h"
#include "speech/speech.h"

typedef struct {
    const char *url;   /* "http://localhost:3000", https, ws, wss, or several, with commas between them; copied */
    const char *path;  /* ["/socket.io/"] copied */
    const char *nsp;   /* ["/"] or "/sts"; copied */
    const char *token; /* [NULL] sent with CONNECT as {"token": …}; copied */
    DubFragmentFormat format;  /* [%DUB_FORMAT_M4A] of what is sent; what comes back is told by its bytes */
    guint ready_timeout_ms;    /* [10000] from stream:init to stream:ready; also for the connection itself */
    guint complete_timeout_ms; /* [5000] from the last answer to stream:complete */
    guint attempts;            /* [5] after a loss, before on_failed */
    guint rest_ms;             /* [0] then an attempt each time this has passed, and no on_failed; 0: on_failed */
    guint first_wait_ms;       /* [2000] before the first; each next wait is twice as long */
} DubSpeechRemoteOptions;
void dub_speech_remote_options_init(DubSpeechRemoteOptions *options); /* the defaults in brackets; url is NULL */

DubSpeech *dub_speech_remote_new(const DubSpeechConfig *config, const DubSpeechRemoteOptions *options,
                                 const DubSpeechCallbacks *callbacks, void *user_data);

typedef struct {
    uint64_t sent;     /* fragments */
    uint64_t answered; /* in time, failures included */
    uint64_t timed_out;
    uint64_t late;   /* answers to fragments that nobody waits for any more */
    uint64_t losses; /* of a link that was ready */
} DubSpeechRemoteStats;
DubSpeechRemoteStats dub_speech_remote_stats(const DubSpeech *self);

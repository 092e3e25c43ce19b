/* speech/remote-peer.h: both sides of the remote backend's tests: a Socket.IO server in this process that follows a
 * script, and a client that keeps what the backend tells it. Waits are for conditions, with one limit for all. */
#pragma once

#include "base/error.h"
#include "engineio/listener.h"
#include "socketio/server.h"
#include "speech/remote.h"

#define RATE_HZ 44100

/* ---- the other side ---- */

typedef struct _Server Server;
typedef void (*Script)(Server *server, SioSocket *socket, const char *event, const json_t *payload);

struct _Server {
    SoupServer *soup;
    EioListener *listener;
    SioServer *sio;
    char *url;
    Script script;
    const char *token;           /* wanted; NULL: none */
    SioSocket *socket;           /* the last that connected */
    guint n_connected, n_health; /* connections; times that /health was asked for */
    GPtrArray *names;            /* of events, in the order they came */
    json_t *init;                /* the last stream:init */
    json_t *kept;                /* array of fragment:data, for scripts that answer later */
    json_t *receipts;            /* array of fragment:ack */
};
Server *server_new(Script script);
Server *server_new_at(Script script, guint port); /* 0: a free one */
void server_free(Server *server);
guint count_events(const Server *server, const char *name);

/* What a good server does, bar the engines. */
void echo_script(Server *server, SioSocket *socket, const char *event, const json_t *payload);
/* Takes fragments and leaves the answering to the test. */
void silent_script(Server *server, SioSocket *socket, const char *event, const json_t *payload);
void mute_script(Server *server, SioSocket *socket, const char *event, const json_t *payload);

/* Returns: (transfer full): the answer that echoes @data. */
json_t *echo_of(const json_t *data);
void emit_complete(SioSocket *socket);

/* ---- our side ---- */

typedef enum { FREE_NEVER, FREE_ON_READY, FREE_ON_RESULT, FREE_ON_LOST, FREE_ON_FAILED, FREE_ON_COMPLETE } FreeWhen;

typedef struct {
    DubSpeech *speech;
    FreeWhen free_when;
    guint n_ready, max_inflight, n_lost, last_attempt, n_complete, n_pressure;
    int64_t expected_ns; /* what the service says a fragment takes; 0: nothing */
    DubPressure pressure;
    unsigned delay_ms;
    GError *lost, *failed;
    GPtrArray *results;
} Client;

extern const DubSpeechConfig default_config;
DubSpeechRemoteOptions default_options(void); /* without a URL */
void client_init(Client *client, const DubSpeechConfig *config, const DubSpeechRemoteOptions *options);
void client_clear(Client *client);
void submit(Client *client, uint64_t sequence_number); /* a second of tone */
DubSpeechResult *result_at(const Client *client, guint index);

guint start_limit(bool *over); /* for WAIT_FOR */
#define WAIT_FOR(condition)                       \
    do {                                          \
        bool over;                                \
        const guint limit = start_limit(&over);   \
        while (!(condition) && !over)             \
            g_main_context_iteration(NULL, TRUE); \
        g_source_remove(limit);                   \
        g_assert_true(condition);                 \
    } while (0)

/* ---- both ---- */

/* A server, and @client (zeroed, but for free_when), which is about to connect to it. @config, @options: NULL: the
 * default; the URL is the server's. */
Server *serve(Client *client, Script script, const DubSpeechConfig *config, const DubSpeechRemoteOptions *options);
Server *serve_ready(Client *client, Script script, const DubSpeechConfig *config,
                    const DubSpeechRemoteOptions *options); /* the stream is ready */
void client_connect(Client *client, const Server *server, const DubSpeechConfig *config,
                    const DubSpeechRemoteOptions *options); /* as serve(), with a server that is there */
void end(Client *client, Server *server);

DubPcm *tone(unsigned rate_hz, unsigned channels, double seconds, double hz);
double snr_db(const DubPcm *expected, const DubPcm *actual);

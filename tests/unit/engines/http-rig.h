/* tests/unit/engines/http-rig.h: a client of engines/http and the server that it asks. Whatever fails here
 * ends the test. */
#pragma once

#include "engines/http.h"
#include "peer.h"

#define KEY       "sk-4711-the-key-that-nobody-sees"
#define CANCEL_NS (INT64_C(300) * 1000000)
#define OK_JSON   "{\"a\":1}"
#define GOOD                                \
    {                                       \
        "200 OK", NULL, OK_JSON, PEER_KEEPS \
    }

extern const DubHttpService http_service; /* "test", TEST_URL, TEST_KEY */
extern const DubHttpRequest http_post;    /* POST /v1/x {} */

typedef struct {
    Peer *peer;
    DubHttpClient *client;
} HttpRig;

/* @steps: static */
HttpRig *http_rig_new(const PeerStep *steps, guint n_steps);
HttpRig *http_rig_new_with(const PeerStep *steps, guint n_steps, const char *key); /* @key: nullable */
void http_rig_free(HttpRig *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpRig, http_rig_free)

DubHttpClient *http_client(const char *url, const char *key, const char *proxy); /* the last two nullable */

/* (transfer full): "ok", or the error's message, which is checked to show no key; *code: of it, or -1 */
char *http_ask(DubHttpClient *client, const DubHttpRequest *request, int *code);

void assert_code(int code, int wanted, const char *said);
void assert_holds(const char *text, const char *part);

/* sts/auth.h: the token that a client sends with its CONNECT. Its thread is the
 * Socket.IO server's. */
#pragma once

#include "base/log-limit.h"
#include "socketio/server.h"

/* @auth: CONNECT's payload, nullable. @token: the one that is wanted; NULL: everybody may come in. Takes as
 * long whatever the client's token is. Returns: false with @refusal filled in: AUTH_FAILED, and why */
bool dub_sts_auth_check(const SioSocket *socket, const json_t *auth, const char *token, DubLogLimit *limit,
                        SioRefusal *refusal);

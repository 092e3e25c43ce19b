/* engines/http-text.h: the texts of HTTP that come from settings and from servers. Any thread; nothing is
 * kept. */
#pragma once

#include "base/json.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* ── Secrets ── */

#define DUB_SECRET_SHOWN_MOST 8 /* so many characters of a secret in a row are as bad as all of it */

/**
 * dub_secrets_hide:
 * @secrets: ended by NULL
 * Returns: (transfer full): @text with "[…]" in place of each secret and of each part of one that has
 * %DUB_SECRET_SHOWN_MOST characters or more, whatever the case of the letters: servers quote keys shortened,
 * too
 */
char *dub_secrets_hide(const char *text, const char *const *secrets);

/* The forms in which a server may quote @secret: as it is, escaped for a URL, in base64.
 * Appends to @secrets; NULL and "" append nothing. */
void dub_secrets_add(GPtrArray *secrets, const char *secret);

/* ── URLs ── */

typedef struct {
    char *base;     /* without a slash at the end */
    char *place;    /* "https://host:port", for messages */
    char *password; /* "user:password" in it; nullable */
    bool encrypted;
    bool local; /* the same machine */
} DubHttpUrl;

/* @setting: names it in the message: "DEEPL_URL: not an http:// or https:// URL". The message does not repeat
 * @text, which may hold a password. Returns: false with %DUB_ERROR_INVALID_ARGUMENT, and nothing in @url */
bool dub_http_url_parse(DubHttpUrl *url, const char *text, const char *setting, GError **error);
void dub_http_url_clear(DubHttpUrl *url);

/* Returns: (transfer full): @base and @path, which begins with a slash. People write the version into the URL
 * or leave it out: "https://host/v1" and "/v1/models" are "https://host/v1/models". */
char *dub_http_url_join(const char *base, const char *path);

/* ── What servers say ── */

#define DUB_HTTP_QUOTED_MOST_BYTES 200

/**
 * dub_http_server_words:
 * What went wrong, in the server's own words: the message in any of the shapes of JSON that are in use, or
 * plain text. Returns: (transfer full) (nullable): NULL where there are none, and for pages made for browsers
 */
char *dub_http_server_words(const char *body, gsize length, const char *content_type);

/**
 * dub_http_retry_after_ns:
 * @value: of Retry-After: seconds, or a date
 * @date: (nullable): the Date of the same answer, so that a clock that is wrong does not matter
 * @unix_ms: now
 * Returns: at least 0; negative when @value says nothing
 */
int64_t dub_http_retry_after_ns(const char *value, const char *date, int64_t unix_ms);

/* @type: of the answer, with parameters; NULL is anything. "application/problem+json" is JSON too. */
bool dub_http_type_is_json(const char *type);

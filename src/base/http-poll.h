/* base/http-poll.h: asks one page again and again, one request at a time, whatever it answers. One GLib main context:
 * that which was thread-default at creation. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct _DubHttpPoll DubHttpPoll;

/* @status: of HTTP; 0: nobody answered, or not in time. Not from inside a call; it may free the poll. */
typedef void (*DubHttpPollFunc)(guint status, void *user_data);

/* @timeout_s: for one answer. It asks nothing yet. */
DubHttpPoll *dub_http_poll_new(const char *url, guint each_ms, guint timeout_s, DubHttpPollFunc on_answer,
                               void *user_data);
void dub_http_poll_ask(DubHttpPoll *self); /* now, unless a request is under way */
void dub_http_poll_run(DubHttpPoll *self,
                       bool runs);          /* after each @each_ms; stopped, what is under way is not answered */
void dub_http_poll_free(DubHttpPoll *self); /* no callback after it; NULL is fine */

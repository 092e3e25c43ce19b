/* airdub/child.h: one supervised program: started, watched, started again when it dies, stopped in good order.
 * Loop thread only: callbacks come on the thread-default GMainContext of creation, never from inside a call, and none
 * after child_free(). A child gets SIGTERM by itself when this program dies, however it dies. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct _Child Child;

typedef struct {
    /* A line of its stdout or stderr, valid UTF-8, at most 4096 bytes. */
    void (*on_line)(Child *child, const char *line, void *user_data);
    /* It died by itself and is started again in @wait_ms. @how: "exit status 1", "signal 9 (Killed)" */
    void (*on_died)(Child *child, const char *how, unsigned wait_ms, void *user_data);
    /* Nothing follows: it cannot be started, died too often at once, or refused its settings. Names its last line. */
    void (*on_given_up)(Child *child, const GError *error, void *user_data);
    /* After child_stop(): it is gone. @clean: without SIGKILL. */
    void (*on_stopped)(Child *child, bool clean, void *user_data);
} ChildCallbacks;

/* @name: for messages and the log. @argv, @environment: copied. */
Child *child_new(const char *name, const char *const *argv, char **environment, const ChildCallbacks *callbacks,
                 void *user_data);
const char *child_name(const Child *self);
int child_pid(const Child *self); /* 0 while it does not run */
/* Counts for the next start: a port that was chosen once is kept over restarts. */
void child_set_env(Child *self, const char *variable, const char *value);
bool child_is_started(const Child *self); /* child_start() was called */
void child_start(Child *self);
/* Its settings are good: from here on an early death is an accident, not a refusal. */
void child_set_ready(Child *self);
/* SIGTERM, and SIGKILL after @kill_after_ms; 0: SIGKILL at once. on_stopped follows, also if it does not run. */
void child_stop(Child *self, unsigned kill_after_ms);
void child_free(Child *self); /* kills it if it still runs */

/* engines/child.h: starts and ends the programs that engines are made of. Any thread.
 * A program is our own child, without a shell between, in a process group of its own: Ctrl-C in the terminal
 * is for us, who still have to drain, and ending the group ends whatever the program has started. When we are
 * killed, its standard input ends, and so should it. (PR_SET_PDEATHSIG would kill it with the thread that
 * started it, not with the process.) */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

/**
 * dub_child_start:
 * @argv: found on PATH, or by its path; ended by NULL
 * @environment: (nullable): "NAME=value", ended by NULL. Of our own environment, which holds keys and
 * settings that are nobody else's, a program gets PATH, LD_LIBRARY_PATH, HOME and TMPDIR; the locale is UTF-8
 * @in, @out, @err: its standard input, output and error; they stay open here. A negative @err is ours
 * Returns: the process, to be ended by dub_child_end(); -1 with %DUB_ERROR_ENGINE: it does not start
 */
pid_t dub_child_start(const char *const *argv, const char *const *environment, int in, int out, int err,
                      GError **error);

/* Kills it and all that it has started. dub_child_wait() has to follow: a program with much memory takes a
 * while to go. */
void dub_child_kill(pid_t pid);
/* Returns: whether it is gone for good; always true when @block waits for it. */
bool dub_child_wait(pid_t pid, bool block);
void dub_child_end(pid_t pid); /* both: no zombie is left */

/* airdub/interrupts.h: Ctrl-C and SIGTERM for a command that winds up when asked. They are counted in a thread of their
 * own, so that the second one ends the program even where its loop is stuck. */
#pragma once

#include <glib.h>

typedef struct _Interrupts Interrupts;

/* @on_interrupt: on the default main context; @count: 1, 2. The second also ends the process with status 130 after 3 s,
 * whatever it still does; a third one does at once. */
Interrupts *interrupts_new(void (*on_interrupt)(unsigned count, void *user_data), void *user_data);
void interrupts_free(Interrupts *self); /* main thread; no call after it; NULL is fine */

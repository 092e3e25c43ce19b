/* base/process.h: what each long-running program of ours does to its own process, first thing in main(), before threads. */
#pragma once

#include <stdbool.h>

/* A peer that goes away is an error of a write, not the end of the program; buffers of a few hundred kilobytes, which come
 * and go with each fragment, stay with the process: giving them back to the kernel each time costs more than the work on
 * them. */
void dub_process_setup(void);

/* SIGTERM comes when the parent process ends (Linux). false: it has ended already; there is nothing to run for. */
bool dub_process_end_with_parent(void);

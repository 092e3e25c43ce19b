/* base/process.h: what each long-running program of ours does to its own process, first thing in main(), before threads. */
#pragma once

#include <stdbool.h>

/* A peer that goes away is an error of a write, not the end of the program. Texts and encoded sound of a few hundred kilobytes, which
 * come and go with each fragment, stay with the process: giving them back to the kernel each time costs more than the work on them.
 * Larger blocks, which are there for a second of recognition, get pages of their own: in the heap they leave holes that small ones
 * are scattered over. */
void dub_process_setup(void);

/* For programs that move media for weeks. Blocks of sound and key frames get pages of their own, which go back to the kernel with
 * them, so that they leave no holes in a heap; threads share two of malloc's heaps, where they would have up to eight a core: what one
 * stream's threads free, the next stream's use. Not for programs that compute on many cores: their threads would wait for each
 * other. */
void dub_process_keep_heaps_small(void);

/* SIGTERM comes when the parent process ends (Linux). false: it has ended already; there is nothing to run for. */
bool dub_process_end_with_parent(void);

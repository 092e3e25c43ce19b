/* base/process.h: what each program of ours does to its own process, in main(), before it has threads. */
#pragma once

#include <stdbool.h>

/* How memory is kept. Blocks that come and go with each fragment cost page faults where they are given back each time;
 * where they stay in a heap, what is small scatters over the holes they leave, and the heap grows for hours. */
typedef enum {
    DUB_PROCESS_COMMAND, /* ends with its work: all stays with it */
    DUB_PROCESS_ENGINES, /* runs for weeks, computes on all cores: texts and encoded sound stay; sound, there for a
                            second of work, goes */
    DUB_PROCESS_MEDIA, /* runs for weeks, moves media: key frames go too, and threads share two heaps, where they would
                        * have up to eight a core: what one stream's threads free, the next stream's use */
} DubProcessKind;

/* Also: a peer that goes away is an error of a write, not the end of the program. */
void dub_process_setup(DubProcessKind kind);

/* SIGTERM comes when the parent process ends (Linux). false: it has ended already; there is nothing to run for. */
bool dub_process_end_with_parent(void);

/* engines/mt/mt-driver.h: what a translator implements. For the files of this folder only. */
#pragma once

#include "engines/mt/mt.h"

#include <stdbool.h>

#define DUB_MT_TEXT_MOST_BYTES 65536 /* a fragment is a minute at most: far more than anyone can say in it */

typedef struct {
    DubMtDriver info;
    DubMt *(*open)(const char *from, const char *to, GError **error);
    void (*close)(DubMt *self);
    /* @text: not empty, at most %DUB_MT_TEXT_MOST_BYTES of valid UTF-8 */
    char *(*translate)(DubMt *self, const char *text, unsigned timeout_ms, GCancellable *cancellable, GError **error);
    int64_t (*processes_cpu_ns)(const DubMt *self); /* NULL: it has none */
} DubMtClass;

struct _DubMt { /* a driver's own struct begins with it */
    const DubMtClass *klass;
};

extern const DubMtClass dub_mt_apertium;
extern const DubMtClass dub_mt_null;

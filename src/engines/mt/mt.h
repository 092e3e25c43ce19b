/* engines/mt/mt.h: text to text. Drivers: apertium (a process kept running), null (returns the text as it came).
 * A DubMt belongs to one thread at a time; open as many as there are lanes, or guard it. */
#pragma once

#include <gio/gio.h>

typedef struct _DubMt DubMt;

typedef struct {
    const char *name;          /* "apertium" */
    const char *package;       /* for doctor */
    char **(*pairs)(void);     /* (transfer full) "en-es", … installed now; ended by NULL */
} DubMtDriver;
const DubMtDriver *const *dub_mt_drivers(void);

/* @from, @to: ISO 639-1. %DUB_ERROR_UNSUPPORTED names the pairs there are; %DUB_ERROR_ENGINE the package to install. */
DubMt *dub_mt_open(const char *driver, const char *from, const char *to, GError **error);
void dub_mt_close(DubMt *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubMt, dub_mt_close)
const DubMtDriver *dub_mt_get_driver(const DubMt *self);
/* What the processes that translate have used so far, with their loading: ns of CPU; 0 where there are none. */
int64_t dub_mt_processes_cpu_ns(const DubMt *self);

/* Returns: (transfer full): the translation, UTF-8, no marks of unknown words. A process that died is started once
 * more before %DUB_ERROR_ENGINE. @timeout_ms bounds the wait (%DUB_ERROR_TIMEOUT), @cancellable ends it at once; a process
 * that had not answered by then is killed and another started. */
char *dub_mt_translate(DubMt *self, const char *text, unsigned timeout_ms, GCancellable *cancellable, GError **error);

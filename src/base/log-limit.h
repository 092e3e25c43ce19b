/* base/log-limit.h: keeps what strangers can make a program say from filling its log. Each kind of line comes as it is
 * until there have been @most in a minute; the rest of the minute's are counted, and the count is told at its end. One
 * thread: that of the main context that is the thread's default in dub_log_limit_new(). */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define DUB_LOG_LIMIT_MS 60000

typedef struct _DubLogLimit DubLogLimit;

/* @who: static, begins the line that tells the count: "rtmp". @window_ms: [DUB_LOG_LIMIT_MS] 0 takes it */
DubLogLimit *dub_log_limit_new(const char *who, guint window_ms);
void dub_log_limit_free(DubLogLimit *self); /* tells what it has counted; NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DubLogLimit, dub_log_limit_free)

/**
 * dub_log_limit_allows:
 * @self: (nullable): nothing is limited
 * @kind: static: one pointer, one kind; it stands in the line that tells the count: "closed"
 * @most: lines of the kind in a minute
 * Returns: whether the line may be written; else it has been counted
 */
bool dub_log_limit_allows(DubLogLimit *self, const char *kind, guint most);

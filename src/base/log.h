/* base/log.h: one line an event, to stderr. Any thread.
 * Text for people ("12:00:00.123 INFO  stream demo: ..."), or one JSON object a line for machines. On a terminal, text
 * takes the place of an unfinished line, such as a progress bar.
 * What a peer sent goes through dub_log_printable() first: a log line is never more than a line. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum {
    DUB_LOG_ERROR,   /* the program or a stream cannot go on */
    DUB_LOG_WARNING, /* something was lost or fell back; the program goes on */
    DUB_LOG_INFO,    /* a state changed */
    DUB_LOG_DEBUG,
} DubLogLevel;

typedef enum { DUB_LOG_TEXT, DUB_LOG_JSON } DubLogFormat;

/**
 * dub_log_setup:
 * @program: static string, the name in JSON lines
 * Call once in main(), before threads. GLib's own messages (libsoup, GStreamer) go the same way.
 */
void dub_log_setup(const char *program, DubLogLevel level, DubLogFormat format);
bool dub_log_level_from_string(const char *text, DubLogLevel *level); /* "DEBUG" "info" "WARN" "WARNING" "error" */
bool dub_log_enabled(DubLogLevel level);

void dub_log(DubLogLevel level, const char *format, ...) G_GNUC_PRINTF(2, 3);

/**
 * dub_log_fields:
 * @message: the line's text
 * @...: pairs of const char *key, const char *value, ended by NULL; a NULL value drops its pair.
 * In text they follow as key=value (control characters escaped), in JSON they are members.
 */
void dub_log_fields(DubLogLevel level, const char *message, ...) G_GNUC_NULL_TERMINATED;

/**
 * dub_log_set_tags:
 * What each line of this thread carries after its own fields from now on: the ids of what it is at work on.
 * @tags: (nullable): pairs of key and value, ended by NULL; must stay until the next call
 */
void dub_log_set_tags(const char *const *tags);

/* Returns: (transfer full): @text with control characters escaped and cut at @max_bytes. */
char *dub_log_printable(const char *text, gsize max_bytes);

#define dub_error(...)   dub_log(DUB_LOG_ERROR, __VA_ARGS__)
#define dub_warning(...) dub_log(DUB_LOG_WARNING, __VA_ARGS__)
#define dub_info(...)    dub_log(DUB_LOG_INFO, __VA_ARGS__)
#define dub_debug(...)                           \
    do {                                         \
        if (dub_log_enabled(DUB_LOG_DEBUG))      \
            dub_log(DUB_LOG_DEBUG, __VA_ARGS__); \
    } while (0)

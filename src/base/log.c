/* base/log.c: formats a whole line first and writes it with one call, so that threads never mix lines. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Set in main() before any thread, read-only afterwards. */
static struct {
    const char *program;
    DubLogLevel level;
    DubLogFormat format;
    bool on_terminal; /* where a program may rewrite a line in place: the log's line takes its place */
} settings = { "airdub", DUB_LOG_INFO, DUB_LOG_TEXT, false };

static _Thread_local const char *const *tags; /* dub_log_set_tags() */

static const char *const level_names[] = {
    [DUB_LOG_ERROR] = "ERROR", [DUB_LOG_WARNING] = "WARN", [DUB_LOG_INFO] = "INFO", [DUB_LOG_DEBUG] = "DEBUG"
};

bool dub_log_level_from_string(const char *text, DubLogLevel *level)
{
    for (gsize i = 0; i < G_N_ELEMENTS(level_names); i++) {
        if (g_ascii_strcasecmp(text, level_names[i]) == 0) {
            *level = (DubLogLevel) i;
            return true;
        }
    }
    if (g_ascii_strcasecmp(text, "WARNING") == 0) {
        *level = DUB_LOG_WARNING;
        return true;
    }
    return false;
}

bool dub_log_enabled(DubLogLevel level)
{
    return level <= settings.level;
}

static void append_escaped(GString *out, const char *text, gsize max_bytes)
{
    for (const char *p = text; *p && (gsize) (p - text) < max_bytes; p++) {
        const unsigned char c = (unsigned char) *p;
        if (c == '"' || c == '\\')
            g_string_append_printf(out, "\\%c", c);
        else if (c == '\n')
            g_string_append(out, "\\n");
        else if (c < 0x20 || c == 0x7f)
            g_string_append_printf(out, "\\u%04x", c);
        else
            g_string_append_c(out, (char) c);
    }
}

char *dub_log_printable(const char *text, gsize max_bytes)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    GString *out = g_string_new(NULL);
    append_escaped(out, valid, max_bytes);
    if (strlen(valid) > max_bytes) {
        g_autofree char *cut = g_utf8_make_valid(out->str, -1); /* the cut may have split a character */
        g_string_assign(out, cut);
        g_string_append(out, "…");
    }
    return g_string_free(out, FALSE);
}

static void append_json_member(GString *line, const char *key, const char *value)
{
    g_autofree char *valid = g_utf8_make_valid(value, -1);
    g_string_append_printf(line, ",\"%s\":\"", key);
    append_escaped(line, valid, G_MAXSIZE);
    g_string_append_c(line, '"');
}

static GString *begin_line(DubLogLevel level, const char *message)
{
    GString *line = g_string_sized_new(160);
    if (settings.on_terminal)
        g_string_append(line, "\r\033[K");
    g_autoptr(GDateTime) now =
        settings.format == DUB_LOG_JSON ? g_date_time_new_now_utc() : g_date_time_new_now_local();
    g_autofree char *second =
        g_date_time_format(now, settings.format == DUB_LOG_JSON ? "%Y-%m-%dT%H:%M:%S" : "%H:%M:%S");
    const int ms = g_date_time_get_microsecond(now) / 1000;
    if (settings.format == DUB_LOG_JSON) {
        g_string_append_printf(line, "{\"time\":\"%s.%03dZ\",\"level\":\"%s\",\"program\":\"%s\"", second, ms,
                               level_names[level], settings.program);
        append_json_member(line, "message", message);
    } else {
        g_string_append_printf(line, "%s.%03d %-5s %s", second, ms, level_names[level], message);
    }
    return line;
}

/* Values may be a peer's: a line stays one line. */
static void append_field(GString *line, const char *key, const char *value)
{
    if (settings.format == DUB_LOG_JSON) {
        append_json_member(line, key, value);
        return;
    }
    g_string_append_printf(line, " %s=", key);
    for (const char *p = value; *p; p++) {
        if ((unsigned char) *p < 0x20 || *p == 0x7f)
            g_string_append_printf(line, "\\u%04x", (unsigned) *p);
        else
            g_string_append_c(line, *p);
    }
}

void dub_log_set_tags(const char *const *new_tags)
{
    tags = new_tags;
}

static void write_line(GString *line)
{
    for (const char *const *tag = tags; tag && *tag; tag += 2)
        append_field(line, tag[0], tag[1]);
    g_string_append(line, settings.format == DUB_LOG_JSON ? "}\n" : "\n");
    gsize done = 0;
    while (done < line->len) {
        const gssize n = write(STDERR_FILENO, line->str + done, line->len - done);
        if (n <= 0)
            break; /* nowhere left to say so */
        done += (gsize) n;
    }
    g_string_free(line, TRUE);
}

void dub_log(DubLogLevel level, const char *format, ...)
{
    if (!dub_log_enabled(level))
        return;
    va_list args;
    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    write_line(begin_line(level, message));
}

void dub_log_fields(DubLogLevel level, const char *message, ...)
{
    if (!dub_log_enabled(level))
        return;
    GString *line = begin_line(level, message);
    va_list args;
    va_start(args, message);
    for (const char *key = va_arg(args, const char *); key; key = va_arg(args, const char *)) {
        const char *value = va_arg(args, const char *);
        if (value)
            append_field(line, key, value);
    }
    va_end(args);
    write_line(line);
}

static GLogWriterOutput on_glib_message(GLogLevelFlags flags, const GLogField *fields, gsize n_fields,
                                        G_GNUC_UNUSED gpointer user_data)
{
    const char *message = NULL;
    for (gsize i = 0; i < n_fields; i++) {
        if (strcmp(fields[i].key, "MESSAGE") == 0)
            message = fields[i].value;
    }
    const DubLogLevel level = flags & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL) ? DUB_LOG_ERROR
                              : flags & G_LOG_LEVEL_WARNING                      ? DUB_LOG_WARNING
                                                                                 : DUB_LOG_DEBUG;
    if (message)
        dub_log(level, "%s", message);
    return G_LOG_WRITER_HANDLED;
}

void dub_log_setup(const char *program, DubLogLevel level, DubLogFormat format)
{
    settings.program = program;
    settings.level = level;
    settings.format = format;
    settings.on_terminal = format == DUB_LOG_TEXT && isatty(STDERR_FILENO);
    g_log_set_writer_func(on_glib_message, NULL, NULL);
}

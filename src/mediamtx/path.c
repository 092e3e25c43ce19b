/* mediamtx/path.c */
#include "mediamtx/path.h"

#include "base/error.h"
#include "base/log.h"

#include <string.h>

#define MAX_NAMES 1024 /* tracks or readers that we look at */

void dub_mediamtx_path_free(DubMediamtxPath *self)
{
    if (!self)
        return;
    g_free(self->name);
    g_free(self->source_type);
    g_free(self->source_id);
    g_free(self->query);
    g_strfreev(self->tracks);
    g_strfreev(self->reader_ids);
    g_free(self);
}

static char *optional_string(const DubJson *item, const char *path, GError **error)
{
    const char *value = "";
    return dub_json_get_string(item, path, DUB_JSON_OPTIONAL, &value, error) ? g_strdup(value) : NULL;
}

/* Old releases say "ready", newer ones (1.20) "available" too and call the first deprecated: either says it. */
static bool read_ready(const DubJson *item, DubMediamtxPath *self, GError **error)
{
    bool available = false;
    const char *time = NULL;
    if (!dub_json_get_bool(item, "ready", DUB_JSON_OPTIONAL, &self->ready, error) ||
        !dub_json_get_bool(item, "available", DUB_JSON_OPTIONAL, &available, error) ||
        !dub_json_get_string(item, "readyTime", DUB_JSON_OPTIONAL, &time, error) ||
        (!time && !dub_json_get_string(item, "availableTime", DUB_JSON_OPTIONAL, &time, error)))
        return false;
    self->ready |= available;
    g_autoptr(GDateTime) ready_since = time ? g_date_time_new_from_iso8601(time, NULL) : NULL;
    if (ready_since)
        self->ready_unix_ms = g_date_time_to_unix(ready_since) * 1000 + g_date_time_get_microsecond(ready_since) / 1000;
    return true;
}

static bool read_bytes(const DubJson *item, const char *first, const char *second, uint64_t *bytes, GError **error)
{
    int64_t value = 0;
    if (!dub_json_get_int(item, first, DUB_JSON_OPTIONAL, 0, INT64_MAX, &value, error) ||
        !dub_json_get_int(item, second, DUB_JSON_OPTIONAL, 0, INT64_MAX, &value, error))
        return false;
    *bytes = (uint64_t) value;
    return true;
}

/* @member: NULL when the items are strings themselves. Items of another shape do not matter to us. */
static bool read_names(const DubJson *item, const char *field, const char *member, char ***names, GError **error)
{
    const DubJson *array = NULL;
    if (!dub_json_get_array(item, field, DUB_JSON_OPTIONAL, &array, error))
        return false;
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    const gsize count = array ? MIN(json_array_size(array), MAX_NAMES) : 0;
    for (gsize i = 0; i < count; i++) {
        const json_t *value = json_array_get(array, i);
        const char *text = json_string_value(member ? json_object_get(value, member) : value);
        if (text)
            g_strv_builder_add(builder, text);
    }
    *names = g_strv_builder_end(builder);
    return true;
}

static bool read_path(const DubJson *item, DubMediamtxPath *self, GError **error)
{
    const char *name = NULL;
    if (!dub_json_get_string(item, "name", DUB_JSON_REQUIRED, &name, error))
        return false;
    self->name = g_strdup(name);
    return read_ready(item, self, error) && (self->source_type = optional_string(item, "source.type", error)) &&
           (self->source_id = optional_string(item, "source.id", error)) &&
           (self->query = optional_string(item, "query", error)) &&
           read_names(item, "tracks", NULL, &self->tracks, error) &&
           read_names(item, "readers", "id", &self->reader_ids, error) &&
           read_bytes(item, "bytesReceived", "inboundBytes", &self->bytes_received, error) &&
           read_bytes(item, "bytesSent", "outboundBytes", &self->bytes_sent, error);
}

DubMediamtxPath *dub_mediamtx_path_from_json(const DubJson *item, GError **error)
{
    g_autoptr(DubMediamtxPath) self = g_new0(DubMediamtxPath, 1);
    g_autoptr(GError) problem = NULL;
    if (!json_is_object(item)) {
        g_set_error_literal(error, DUB_ERROR, DUB_ERROR_PROTOCOL, "path: not an object");
        return NULL;
    }
    if (!read_path(item, self, &problem)) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_PROTOCOL, "path: %s", problem->message);
        return NULL;
    }
    return g_steal_pointer(&self);
}

static json_t *time_to_json(const DubMediamtxPath *self)
{
    if (!self->ready || self->ready_unix_ms <= 0)
        return json_null();
    g_autoptr(GDateTime) seconds = g_date_time_new_from_unix_utc(self->ready_unix_ms / 1000);
    g_autofree char *day = g_date_time_format(seconds, "%Y-%m-%dT%H:%M:%S");
    g_autofree char *text = g_strdup_printf("%s.%03dZ", day, (int) (self->ready_unix_ms % 1000));
    return json_string(text);
}

static json_t *tracks_to_json(const DubMediamtxPath *self, bool with_properties)
{
    json_t *array = json_array();
    for (char **track = self->tracks; track && *track; track++)
        json_array_append_new(array, with_properties ? json_pack("{s:s, s:n}", "codec", *track, "codecProps")
                                                     : json_string(*track));
    return array;
}

static json_t *readers_to_json(const DubMediamtxPath *self)
{
    json_t *array = json_array();
    for (char **id = self->reader_ids; id && *id; id++)
        json_array_append_new(array, json_pack("{s:s, s:s}", "type", "rtmpConn", "id", *id));
    return array;
}

static json_t *source_to_json(const DubMediamtxPath *self)
{
    if (!self->source_type || !*self->source_type)
        return json_null();
    return json_pack("{s:s, s:s}", "type", self->source_type, "id", self->source_id ? self->source_id : "");
}

static void set_both(json_t *item, const char *old_name, const char *new_name, json_t *value)
{
    json_object_set(item, old_name, value);
    json_object_set_new(item, new_name, value);
}

DubJson *dub_mediamtx_path_to_json(const DubMediamtxPath *self)
{
    json_t *item = json_object();
    json_object_set_new(item, "name", json_string(self->name));
    json_object_set_new(item, "confName", json_string("all_others"));
    set_both(item, "ready", "available", json_boolean(self->ready));
    set_both(item, "readyTime", "availableTime", time_to_json(self));
    json_object_set_new(item, "online", json_boolean(self->ready));
    json_object_set_new(item, "onlineTime", time_to_json(self));
    json_object_set_new(item, "source", source_to_json(self));
    json_object_set_new(item, "query", json_string(self->query ? self->query : ""));
    json_object_set_new(item, "tracks", tracks_to_json(self, false));
    json_object_set_new(item, "tracks2", tracks_to_json(self, true));
    json_object_set_new(item, "readers", readers_to_json(self));
    set_both(item, "bytesReceived", "inboundBytes", json_integer((json_int_t) self->bytes_received));
    set_both(item, "bytesSent", "outboundBytes", json_integer((json_int_t) self->bytes_sent));
    json_object_set_new(item, "inboundFramesInError", json_integer(0));
    return item;
}

static bool is_stream_id(const char *id)
{
    static const char others[] = "_-.~:";
    const gsize length = strlen(id);
    if (length == 0 || length > DUB_MEDIAMTX_MAX_STREAM_ID_BYTES || strcmp(id, ".") == 0 || strcmp(id, "..") == 0)
        return false;
    for (const char *c = id; *c; c++) {
        if (!g_ascii_isalnum(*c) && !strchr(others, *c))
            return false;
    }
    return true;
}

bool dub_mediamtx_split_name(const char *name, char **stream_id, DubMediamtxDirection *direction, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(name, "/", 4);
    const bool three = g_strv_length(parts) == 3 && strcmp(parts[0], "live") == 0;
    const bool input = three && strcmp(parts[2], "in") == 0;
    if (!three || (!input && strcmp(parts[2], "out") != 0) || !is_stream_id(parts[1])) {
        g_autofree char *shown = dub_log_printable(name, 128);
        g_set_error(error, DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT,
                    "path: '%s' is not live/<id>/in or live/<id>/out with an id of 1 to %d letters, digits and _-.~:",
                    shown, DUB_MEDIAMTX_MAX_STREAM_ID_BYTES);
        return false;
    }
    *stream_id = g_strdup(parts[1]);
    *direction = input ? DUB_MEDIAMTX_INPUT : DUB_MEDIAMTX_OUTPUT;
    return true;
}

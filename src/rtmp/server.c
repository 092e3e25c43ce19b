/* rtmp/server.c: clock tick, and the functions for the program around it. */
#include "rtmp/private.h"

#include "base/clock.h"
#include "base/log.h"

#include <string.h>

#define TICK_MS         250
#define LINES_OF_A_KIND 60 /* that peers cause, in a minute */

static const DubRtmpServerConfig defaults = {
    .host = "0.0.0.0",
    .port_setting = "RTMP_PORT",
    .max_connections = 512,
    .memory_bytes = 256u << 20,
    .max_message_bytes = DUB_RTMP_MAX_MESSAGE_BYTES,
    .cache_bytes = 8u << 20,
    .cache_ms = 12000,
    .head_ms = 5000,
    .player_queue_bytes = 24u << 20,
    .player_lag_ms = 15000,
    .stall_ms = 10000,
    .setup_ms = 10000,
    .wait_ms = 10000,
    .idle_ms = 30000,
};

#define DEFAULT(field)                      \
    do {                                    \
        if (!config->field)                 \
            config->field = defaults.field; \
    } while (0)

static void fill_defaults(DubRtmpServerConfig *config)
{
    DEFAULT(host);
    DEFAULT(port_setting);
    DEFAULT(max_connections);
    DEFAULT(memory_bytes);
    DEFAULT(max_message_bytes);
    DEFAULT(cache_bytes);
    DEFAULT(cache_ms);
    DEFAULT(head_ms);
    DEFAULT(player_queue_bytes);
    DEFAULT(player_lag_ms);
    DEFAULT(stall_ms);
    DEFAULT(setup_ms);
    DEFAULT(wait_ms);
    DEFAULT(idle_ms);
}

bool dub_rtmp_server_may_log(DubRtmpServer *self, const char *kind)
{
    return dub_log_limit_allows(self->log_limit, kind, LINES_OF_A_KIND);
}

/* Who has not said yet what it wants makes room for one that may, the oldest first; then who waits for a publisher. */
static DubRtmpConnection *find_idlest(const DubRtmpServer *self)
{
    DubRtmpConnection *found = NULL;
    GHashTableIter iter;
    void *key;
    g_hash_table_iter_init(&iter, self->connections);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        DubRtmpConnection *connection = key;
        const bool is_waiting = connection->state == DUB_RTMP_WAITING;
        if (connection->state > DUB_RTMP_ASKING && !is_waiting)
            continue;
        const bool found_waiting = found && found->state == DUB_RTMP_WAITING;
        if (!found || (found_waiting && !is_waiting) ||
            (found_waiting == is_waiting && connection->since_ns < found->since_ns))
            found = connection;
    }
    return found;
}

static void settle_soon(DubRtmpServer *self);

void dub_rtmp_server_accept(DubRtmpServer *self, GSocket *socket, const DubRtmpTlsKeys *keys)
{
    const bool is_full = g_hash_table_size(self->connections) >= self->config.max_connections;
    DubRtmpConnection *idlest = is_full ? find_idlest(self) : NULL;
    if (idlest) {
        dub_rtmp_connection_close(
            idlest, "it neither publishes nor plays, and as many are connected as RTMP_MAX_CONNECTIONS allows");
        settle_soon(self);
    }
    if (!is_full || idlest) {
        dub_rtmp_connection_new(self, socket, keys);
        return;
    }
    if (dub_rtmp_server_may_log(self, "connections refused: too many are open"))
        dub_warning("rtmp: %u connections are open, further ones are refused: RTMP_MAX_CONNECTIONS",
                    self->config.max_connections);
    g_socket_close(socket, NULL);
}

static void end_source(GSource **source)
{
    if (*source)
        g_source_destroy(*source);
    g_clear_pointer(source, g_source_unref);
}

static void tick_connections(DubRtmpServer *self, int64_t now_ns)
{
    g_autofree gpointer *all = g_hash_table_get_keys_as_array(self->connections, NULL);
    for (gsize i = 0; all[i]; i++) /* closed ones live until settle() */
        dub_rtmp_connection_tick(all[i], now_ns);
    dub_rtmp_server_settle(self);
}

static gboolean on_tick(gpointer user_data)
{
    DubRtmpServer *self = user_data;
    const int64_t now_ns = dub_clock_now();
    dub_rtmp_listener_tick(&self->plain, now_ns);
    dub_rtmp_listener_tick(&self->secure, now_ns);
    if (g_hash_table_size(self->connections) == 0 || self->in_event)
        return G_SOURCE_CONTINUE;
    self->in_event = true;
    tick_connections(self, now_ns);
    return G_SOURCE_CONTINUE;
}

/* What an event left behind: data to send, connections to free. Either may cause more of the other. */
void dub_rtmp_server_settle(DubRtmpServer *self)
{
    do {
        while (self->dirty->len > 0) {
            DubRtmpConnection *connection = g_ptr_array_steal_index_fast(self->dirty, self->dirty->len - 1);
            connection->dirty = false;
            dub_rtmp_connection_flush(connection);
        }
        g_ptr_array_set_size(self->dead, 0);
    } while (dub_rtmp_budget_relieve(self));
    self->in_event = false;
}

static void start_tick(DubRtmpServer *self)
{
    self->tick_source = g_timeout_source_new(TICK_MS);
    g_source_set_callback(self->tick_source, on_tick, self, NULL);
    g_source_attach(self->tick_source, self->context);
}

static bool listen_all(DubRtmpServer *self, GError **error)
{
    const DubRtmpServerConfig *config = &self->config;
    if (!dub_rtmp_listener_open(&self->plain, self, config->port, config->port_setting, NULL, error))
        return false;
    if (!config->tls_cert)
        return true;
    self->keys = dub_rtmp_tls_keys_new(config->tls_cert, config->tls_key, error);
    return self->keys && dub_rtmp_listener_open(&self->secure, self, config->tls_port, "RTMPS_PORT", self->keys, error);
}

static void close_listeners(DubRtmpServer *self)
{
    dub_rtmp_listener_close(&self->plain);
    dub_rtmp_listener_close(&self->secure);
}

DubRtmpServer *dub_rtmp_server_new(const DubRtmpServerConfig *config, const DubRtmpServerCallbacks *callbacks,
                                   void *user_data, GError **error)
{
    g_return_val_if_fail(config->port <= 65535, NULL);
    g_autoptr(DubRtmpServer) self = g_new0(DubRtmpServer, 1);
    self->config = *config;
    fill_defaults(&self->config);
    self->config.publish_key = g_strdup(config->publish_key);
    self->config.play_key = g_strdup(config->play_key);
    self->config.own_key = g_strdup(config->own_key);
    self->log_limit = dub_log_limit_new("rtmp", 0);
    if (callbacks)
        self->callbacks = *callbacks;
    self->user_data = user_data;
    self->context = g_main_context_ref_thread_default();
    self->connections = g_hash_table_new(NULL, NULL);
    self->paths = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify) dub_rtmp_path_free);
    self->dirty = g_ptr_array_new();
    self->dead = g_ptr_array_new_with_free_func((GDestroyNotify) dub_rtmp_connection_free);
    if (!listen_all(self, error))
        return NULL;
    start_tick(self);
    return g_steal_pointer(&self);
}

void dub_rtmp_server_free(DubRtmpServer *self)
{
    if (!self)
        return;
    memset(&self->callbacks, 0, sizeof self->callbacks);
    close_listeners(self);
    end_source(&self->tick_source);
    end_source(&self->settle_source);
    g_autofree gpointer *all = g_hash_table_get_keys_as_array(self->connections, NULL);
    for (gsize i = 0; all[i]; i++)
        dub_rtmp_connection_close(all[i], NULL);
    g_ptr_array_set_size(self->dirty, 0);
    g_ptr_array_unref(self->dead);
    g_ptr_array_unref(self->dirty);
    g_hash_table_unref(self->connections);
    g_hash_table_unref(self->paths);
    dub_rtmp_tls_keys_free(self->keys);
    dub_log_limit_free(self->log_limit);
    g_free((char *) self->config.publish_key);
    g_free((char *) self->config.play_key);
    g_free((char *) self->config.own_key);
    g_main_context_unref(self->context);
    g_free(self);
}

guint dub_rtmp_server_port(const DubRtmpServer *self)
{
    return self->plain.port;
}

guint dub_rtmp_server_tls_port(const DubRtmpServer *self)
{
    return self->secure.port;
}

guint dub_rtmp_server_connections(const DubRtmpServer *self)
{
    return g_hash_table_size(self->connections);
}

static gboolean on_settle(gpointer user_data)
{
    DubRtmpServer *self = user_data;
    g_clear_pointer(&self->settle_source, g_source_unref);
    if (!self->in_event) /* else the event under way settles */
        dub_rtmp_server_settle(self);
    return G_SOURCE_REMOVE;
}

/* For what is called from outside our own events, or from a callback inside one. */
static void settle_soon(DubRtmpServer *self)
{
    if (self->settle_source)
        return;
    self->settle_source = g_idle_source_new();
    g_source_set_priority(self->settle_source, G_PRIORITY_DEFAULT);
    g_source_set_callback(self->settle_source, on_settle, self, NULL);
    g_source_attach(self->settle_source, self->context);
}

static DubRtmpConnection *find_asking(const DubRtmpServer *self, const char *id)
{
    GHashTableIter iter;
    void *key;
    g_hash_table_iter_init(&iter, self->connections);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        DubRtmpConnection *connection = key;
        if (connection->state == DUB_RTMP_ASKING && strcmp(connection->id, id) == 0)
            return connection;
    }
    return NULL;
}

void dub_rtmp_server_answer(DubRtmpServer *self, const char *id, const char *refusal)
{
    DubRtmpConnection *connection = find_asking(self, id);
    if (!connection)
        return;
    const bool is_inside = self->in_event; /* of the event that asked: its reader goes on by itself */
    self->in_event = true;
    dub_rtmp_access_answer(connection, refusal);
    if (!connection->read_source)
        dub_rtmp_connection_go_on(connection);
    if (is_inside)
        settle_soon(self);
    else
        dub_rtmp_server_settle(self);
}

void dub_rtmp_server_stop(DubRtmpServer *self)
{
    close_listeners(self);
    g_autofree gpointer *all = g_hash_table_get_keys_as_array(self->connections, NULL);
    for (gsize i = 0; all[i]; i++) {
        DubRtmpConnection *connection = all[i];
        if (connection->state == DUB_RTMP_WAITING)
            dub_rtmp_session_play_not_found(connection);
        else if (connection->state == DUB_RTMP_PLAYING)
            dub_rtmp_session_play_ended(connection);
        else if (connection->state != DUB_RTMP_ENDING)
            dub_rtmp_connection_close_gently(connection); /* of a publisher: its players get the end */
    }
    settle_soon(self);
}

static char **tracks_of(const DubRtmpPath *path)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    if (path->video_codec)
        g_strv_builder_add(builder, path->video_codec);
    if (path->audio_codec)
        g_strv_builder_add(builder, path->audio_codec);
    return g_strv_builder_end(builder);
}

static char **readers_of(const DubRtmpPath *path)
{
    char **ids = g_new0(char *, path->players->len + 1);
    for (guint i = 0; i < path->players->len; i++)
        ids[i] = g_strdup(((const DubRtmpConnection *) path->players->pdata[i])->id);
    return ids;
}

static DubRtmpPathInfo *describe(const DubRtmpPath *path)
{
    DubRtmpPathInfo *info = g_new0(DubRtmpPathInfo, 1);
    info->name = g_strdup(path->name);
    info->ready = path->ready;
    info->ready_unix_ms = path->ready_unix_ms;
    info->bytes_received = path->bytes_received;
    info->bytes_sent = path->bytes_sent;
    info->readers = path->players->len;
    info->reader_ids = readers_of(path);
    info->tracks = tracks_of(path);
    info->source_type = path->publisher->tls ? "rtmpsConn" : "rtmpConn";
    info->source_id = g_strdup(path->publisher->id);
    info->query = g_strdup(path->query);
    info->asked = g_strdup(path->asked);
    return info;
}

void dub_rtmp_path_info_free(DubRtmpPathInfo *self)
{
    if (!self)
        return;
    g_free(self->name);
    g_strfreev(self->reader_ids);
    g_strfreev(self->tracks);
    g_free(self->source_id);
    g_free(self->query);
    g_free(self->asked);
    g_free(self);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(DubRtmpPathInfo *const *) a)->name, (*(DubRtmpPathInfo *const *) b)->name);
}

GPtrArray *dub_rtmp_server_paths(const DubRtmpServer *self)
{
    GPtrArray *infos = g_ptr_array_new_with_free_func((GDestroyNotify) dub_rtmp_path_info_free);
    GHashTableIter iter;
    void *path;
    g_hash_table_iter_init(&iter, self->paths);
    while (g_hash_table_iter_next(&iter, NULL, &path)) {
        if (((const DubRtmpPath *) path)->publisher)
            g_ptr_array_add(infos, describe(path));
    }
    g_ptr_array_sort(infos, compare_names);
    return infos;
}

static DubRtmpPath *find_published(const DubRtmpServer *self, const char *name)
{
    DubRtmpPath *path = g_hash_table_lookup(self->paths, name);
    return path && path->publisher ? path : NULL;
}

DubRtmpPathInfo *dub_rtmp_server_path(const DubRtmpServer *self, const char *name)
{
    const DubRtmpPath *path = find_published(self, name);
    return path ? describe(path) : NULL;
}

bool dub_rtmp_server_kick(DubRtmpServer *self, const char *name)
{
    const DubRtmpPath *path = find_published(self, name);
    if (!path)
        return false;
    dub_info("rtmp: %s: its publisher is closed on request", name);
    dub_rtmp_connection_close_gently(path->publisher);
    settle_soon(self);
    return true;
}

/* examples/rtmp-server.c: src/rtmp by itself: rtmp-server [PORT]. Publish and play any path; Ctrl-C ends it.
 * WAIT_MS, HEAD_MS and KEEPS_PUBLISHERS in the environment set the three fields of DubRtmpServerConfig.
 * A line on stdout for each event: "listening PORT", "publish PATH QUERY", "unpublish PATH", and after a line
 * "paths" on stdin one "path NAME READY BYTES READERS TRACKS" each, then "end". "kick PATH" on stdin kicks. */
#include "base/log.h"
#include "rtmp/server.h"

#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    GMainLoop *loop;
    DubRtmpServer *server;
} Program;

static void on_publish(const char *path, const char *query, const char *source_id G_GNUC_UNUSED,
                       void *user_data G_GNUC_UNUSED)
{
    printf("publish %s %s\n", path, query);
    fflush(stdout);
}

static void on_unpublish(const char *path, const char *source_id G_GNUC_UNUSED, void *user_data G_GNUC_UNUSED)
{
    printf("unpublish %s\n", path);
    fflush(stdout);
}

static void print_paths(const DubRtmpServer *server)
{
    g_autoptr(GPtrArray) paths = dub_rtmp_server_paths(server);
    for (guint i = 0; i < paths->len; i++) {
        const DubRtmpPathInfo *info = paths->pdata[i];
        g_autofree char *tracks = g_strjoinv(",", info->tracks);
        printf("path %s %d %" G_GUINT64_FORMAT " %u %s\n", info->name, info->ready, info->bytes_received, info->readers,
               tracks);
    }
    puts("end");
    fflush(stdout);
}

static gboolean on_input(GIOChannel *channel, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    Program *program = user_data;
    g_autofree char *line = NULL;
    if (g_io_channel_read_line(channel, &line, NULL, NULL, NULL) != G_IO_STATUS_NORMAL)
        return G_SOURCE_REMOVE;
    g_strchomp(line);
    if (strcmp(line, "paths") == 0)
        print_paths(program->server);
    else if (g_str_has_prefix(line, "kick "))
        dub_rtmp_server_kick(program->server, line + strlen("kick "));
    return G_SOURCE_CONTINUE;
}

static gboolean on_signal(gpointer user_data)
{
    g_main_loop_quit(user_data);
    return G_SOURCE_CONTINUE;
}

static guint setting(const char *name)
{
    const char *value = g_getenv(name);
    return value ? (guint) atoi(value) : 0;
}

int main(int argc, char **argv)
{
    static const DubRtmpServerCallbacks callbacks = { .on_publish = on_publish, .on_unpublish = on_unpublish };
    const DubRtmpServerConfig config = { .host = "127.0.0.1",
                                         .port = argc > 1 ? (guint) atoi(argv[1]) : 1935,
                                         .wait_ms = setting("WAIT_MS"),
                                         .head_ms = setting("HEAD_MS"),
                                         .keeps_publishers = setting("KEEPS_PUBLISHERS"),
                                         .port_setting = "the first argument" };
    dub_log_setup("rtmp-server", DUB_LOG_INFO, DUB_LOG_TEXT);
    g_autoptr(GError) error = NULL;
    g_autoptr(DubRtmpServer) server = dub_rtmp_server_new(&config, &callbacks, NULL, &error);
    if (!server) {
        dub_error("%s", error->message);
        return 1;
    }
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    Program program = { loop, server };
    g_autoptr(GIOChannel) input = g_io_channel_unix_new(0);
    g_io_add_watch(input, G_IO_IN | G_IO_HUP, on_input, &program);
    g_unix_signal_add(SIGINT, on_signal, loop);
    g_unix_signal_add(SIGTERM, on_signal, loop);
    printf("listening %u\n", dub_rtmp_server_port(server));
    fflush(stdout);
    g_main_loop_run(loop);
    return 0;
}

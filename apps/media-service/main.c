/* apps/media-service/main.c: settings, log, loop, signals. */
#include "config.h"
#include "service.h"

#include "base/error.h"
#include "base/healthcheck.h"
#include "base/log.h"
#include "base/process.h"

#include <glib-unix.h>
#include <gst/gst.h>
#include <stdio.h>

#ifndef AIRDUB_VERSION
#define AIRDUB_VERSION "unknown"
#endif

typedef struct {
    GMainLoop *loop;
    MediaService *service;
} Main;

static void on_done(void *user_data)
{
    g_main_loop_quit(((Main *) user_data)->loop);
}

static gboolean on_signal(gpointer data)
{
    media_service_stop(((Main *) data)->service);
    return G_SOURCE_CONTINUE;
}

static int fail(const GError *error)
{
    fprintf(stderr, "media-service: %s\n", error->message);
    return dub_error_exit_status(error);
}

static void setup_log(const MediaConfig *config)
{
    DubLogLevel level = DUB_LOG_INFO;
    dub_log_level_from_string(config->log_level, &level);
    dub_log_setup("media-service", level, g_str_equal(config->log_format, "json") ? DUB_LOG_JSON : DUB_LOG_TEXT);
}

static int run(const MediaConfig *config)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    Main state = { loop, NULL };
    state.service = media_service_new(config, on_done, &state, &error);
    if (!state.service)
        return fail(error);
    const guint signals[] = { g_unix_signal_add(SIGTERM, on_signal, &state),
                              g_unix_signal_add(SIGINT, on_signal, &state) };
    g_main_loop_run(loop);
    for (gsize i = 0; i < G_N_ELEMENTS(signals); i++)
        g_source_remove(signals[i]);
    media_service_free(state.service);
    dub_info("media-service: stopped");
    return 0;
}

static int print_help(void)
{
    g_autofree char *table = media_config_help();
    printf("Usage: media-service [--help] [--version] [--healthcheck]\n\n"
           "Pulls each live/<id>/in from the media server, dubs it and publishes live/<id>/out.\n"
           "--healthcheck asks the one that runs with these settings how it is: status 0, or 1 and the reason.\n"
           "Settings come from the environment:\n\n%s",
           table);
    return 0;
}

/* Returns: an exit status, or -1: run */
static int read_arguments(int argc, char **argv, bool *healthcheck)
{
    if (argc > 1 && g_str_equal(argv[1], "--version")) {
        printf("media-service %s\n", AIRDUB_VERSION);
        return 0;
    }
    if (argc > 1 && g_str_equal(argv[1], "--help"))
        return print_help();
    *healthcheck = argc == 2 && g_str_equal(argv[1], "--healthcheck");
    if (argc > 1 && !*healthcheck) {
        fprintf(stderr, "media-service: %s: no such option; settings come from the environment, see --help\n", argv[1]);
        return dub_error_exit_status(&(GError){ DUB_ERROR, DUB_ERROR_INVALID_ARGUMENT, NULL });
    }
    return -1;
}

static int serve(const MediaConfig *config)
{
    setup_log(config);
    dub_process_setup(g_str_equal(config->speech, "remote") ? DUB_PROCESS_MEDIA : DUB_PROCESS_ENGINES);
    gst_init(NULL, NULL);
    return run(config);
}

int main(int argc, char **argv)
{
    bool healthcheck = false;
    const int done = read_arguments(argc, argv, &healthcheck);
    if (done >= 0)
        return done;
    MediaConfig config = { 0 };
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) environment = g_get_environ();
    if (!media_config_load(&config, environment, &error))
        return fail(error);
    if (config.supervised && !dub_process_end_with_parent())
        return 0;
    const int status =
        healthcheck ? dub_healthcheck_run("media-service", config.host, config.port, "/health") : serve(&config);
    media_config_clear(&config);
    return status;
}

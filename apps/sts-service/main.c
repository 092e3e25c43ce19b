/* sts-service/main.c: wiring, and the life of the process from the first line to the last. */
#include "config.h"
#include "http.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/healthcheck.h"
#include "base/http.h"
#include "base/process.h"
#include "engineio/listener.h"

#include <glib-unix.h>
#include <locale.h>
#include <string.h>

#define GOODBYE_MS 1000 /* for what was emitted last to go out */

typedef struct {
    const StsConfig *config;
    GMainLoop *loop;
    SoupServer *soup;
    EioListener *listener; /* NULL: it could not listen */
    SioServer *sio;
    DubMetrics *metrics;
    DubStsService *service;
    StsHttp http;
    int64_t give_up_ns; /* when the farewell is over, whoever is still there */
    bool ending;
    int status;
} App;

static int usage(void)
{
    g_autofree char *table = sts_config_help();
    g_print("Usage: sts-service [--help] [--version] [--healthcheck]\n"
            "Speech to speech over Socket.IO: takes fragments of a stream's audio, gives back their dub.\n"
            "--healthcheck asks the one that runs with these settings if it is ready: 0, or 1 and the reason.\n\n"
            "Settings are environment variables [default] (allowed values):\n%s",
            table);
    return 0;
}

/* Returns: an exit status, or -1: run */
static int read_arguments(int argc, char **argv, bool *healthcheck)
{
    if (argc == 1)
        return -1;
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
        return usage();
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        g_print("sts-service %s\n", AIRDUB_VERSION);
        return 0;
    }
    *healthcheck = argc == 2 && strcmp(argv[1], "--healthcheck") == 0;
    if (*healthcheck)
        return -1;
    g_printerr("sts-service: unknown argument %s; settings are environment variables, see sts-service --help\n",
               argv[1]);
    return 2;
}

static int fail(const GError *error)
{
    g_printerr("sts-service: %s\n", error->message);
    return dub_error_exit_status(error);
}

static gboolean on_farewell(void *user_data)
{
    App *app = user_data;
    if (sio_server_count_connections(app->sio) > 0 && dub_clock_now() < app->give_up_ns)
        return G_SOURCE_CONTINUE;
    g_main_loop_quit(app->loop);
    return G_SOURCE_REMOVE;
}

static void on_drained(void *user_data)
{
    App *app = user_data;
    sio_server_close(app->sio);
    app->give_up_ns = dub_clock_now() + GOODBYE_MS * DUB_NS_PER_MS;
    g_timeout_add(10, on_farewell, app);
}

static gboolean on_drain_timeout(void *user_data)
{
    App *app = user_data;
    dub_warning("%u fragments are not answered; ending without them", dub_sts_service_count_in_flight(app->service));
    g_main_loop_quit(app->loop);
    return G_SOURCE_REMOVE;
}

static void end(App *app)
{
    app->ending = true;
    g_timeout_add((guint) (app->config->shutdown_timeout_s * 1000), on_drain_timeout, app);
    dub_sts_service_drain(app->service, on_drained, app);
}

/* The second signal does not wait for anything. */
static gboolean on_signal(void *user_data)
{
    App *app = user_data;
    dub_info(app->ending ? "ending at once" : "ending: streams are drained first");
    if (app->ending)
        g_main_loop_quit(app->loop);
    else
        end(app);
    return G_SOURCE_CONTINUE;
}

static void on_loaded(const GError *error, void *user_data)
{
    App *app = user_data;
    if (!error) {
        dub_info("sts-service: ready");
        return;
    }
    app->status = fail(error);
    g_main_loop_quit(app->loop);
}

static void tell_open(const StsConfig *config, const char *host, guint port)
{
    const bool has_monitor_key = config->monitor_token || config->api_key;
    const DubOpenDoor doors[] = {
        { "dubbing", host, port, "set STS_API_KEY", config->api_key != NULL },
        { "/metrics", host, port, "set API_TOKEN", config->api_token != NULL },
        { "/monitor", host, port, "set STS_MONITOR_TOKEN", !config->monitor || has_monitor_key },
    };
    dub_http_tell_open("sts-service", doors, G_N_ELEMENTS(doors));
}

static void start_service(App *app)
{
    static const char *const guarded[] = { "/metrics", NULL };
    DubStsServiceConfig service;
    SioServerOptions options;
    sts_config_service(app->config, &service);
    sts_config_server(app->config, &options);
    app->metrics = dub_metrics_new(dub_sts_metric_specs, dub_sts_n_metric_specs);
    app->soup = soup_server_new("server-header", "airdub/" AIRDUB_VERSION, NULL);
    dub_http_limit_bodies(app->soup, options.paths); /* Engine.IO has limits of its own */
    app->sio = sio_server_new(app->soup, &options);
    app->service = dub_sts_service_new(&service, app->metrics, on_loaded, app);
    dub_sts_service_attach(app->service, app->sio);
    app->http = (StsHttp){ app->service, app->sio, app->config->mode, dub_clock_now() };
    sts_http_add(app->soup, &app->http, app->metrics);
    dub_http_require_token(app->soup, guarded, app->config->api_token);
}

static void stop_service(App *app)
{
    eio_listener_free(app->listener);
    soup_server_disconnect(app->soup);
    sio_server_free(app->sio);
    dub_sts_service_free(app->service);
    g_object_unref(app->soup);
    dub_metrics_free(app->metrics);
}

static int run(const StsConfig *config)
{
    App app = { .config = config, .loop = g_main_loop_new(NULL, FALSE) };
    g_autoptr(GError) error = NULL;
    start_service(&app);
    const char *host = sts_config_host(config);
    guint port;
    g_autoptr(GSocket) socket = dub_http_bind(host, sts_config_port(config), "PORT", &port, &error);
    if (socket) {
        app.listener = eio_listener_new(app.soup, socket, NULL);
        dub_info(strchr(host, ':') ? "sts-service: listening on http://[%s]:%u"
                                   : "sts-service: listening on http://%s:%u",
                 host, port);
        tell_open(config, host, port);
        if (dub_sts_service_readiness(app.service) == DUB_STS_READY)
            dub_info("sts-service: ready"); /* without engines; else on_loaded says so */
        const guint sources[] = { g_unix_signal_add(SIGTERM, on_signal, &app),
                                  g_unix_signal_add(SIGINT, on_signal, &app) };
        g_main_loop_run(app.loop);
        for (gsize i = 0; i < G_N_ELEMENTS(sources); i++)
            g_source_remove(sources[i]);
    } else {
        app.status = fail(error);
    }
    stop_service(&app);
    g_main_loop_unref(app.loop);
    return app.status;
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "");
    bool healthcheck = false;
    const int status = read_arguments(argc, argv, &healthcheck);
    if (status >= 0)
        return status;
    g_auto(GStrv) environment = g_get_environ();
    g_auto(StsConfig) config = { 0 };
    g_autoptr(GError) error = NULL;
    if (!sts_config_load(&config, environment, &error))
        return fail(error);
    if (healthcheck)
        return dub_healthcheck_run("sts-service", sts_config_host(&config), sts_config_port(&config), "/health/ready");
    if (config.supervised && !dub_process_end_with_parent())
        return 0;
    dub_process_setup(DUB_PROCESS_ENGINES);
    dub_log_setup("sts-service", sts_config_log_level(&config), sts_config_log_format(&config));
    return run(&config);
}

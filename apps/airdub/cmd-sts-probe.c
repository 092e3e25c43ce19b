/* airdub/cmd-sts-probe.c: `airdub sts-probe URL FILE`: reads the file, runs the streams until each is done, sums up. */
#include "airdub/command.h"
#include "airdub/probe-clip.h"
#include "airdub/probe-options.h"
#include "airdub/probe-report.h"
#include "airdub/probe-stream.h"
#include "base/clock.h"
#include "base/error.h"

#include <glib-unix.h>
#include <gst/gst.h>
#include <unistd.h>

typedef struct {
    const ProbeOptions *options;
    GMainLoop *loop;
    ProbeReport *report;
    ProbeClip *clip;
    GPtrArray *streams; /* of ProbeStream */
    guint n_done;
    bool is_interrupted;
} Probe;

static gboolean on_signal(void *user_data)
{
    Probe *self = user_data;
    self->is_interrupted = true;
    g_main_loop_quit(self->loop);
    return G_SOURCE_CONTINUE;
}

static void on_result(const ProbeResult *result, void *user_data)
{
    probe_report_result(((Probe *) user_data)->report, result, dub_clock_now());
}

static void on_pressure(void *user_data)
{
    probe_report_pressure(((Probe *) user_data)->report);
}

static void on_done(const GError *error, void *user_data)
{
    Probe *self = user_data;
    if (error)
        probe_report_stream_failed(self->report, error);
    if (++self->n_done == (guint) self->options->streams)
        g_main_loop_quit(self->loop);
}

/* As many of the file as will be sent. */
static ProbeClip *read_clip(const Probe *self, int64_t segment_ns, GError **error)
{
    const int64_t wanted = self->options->fragments;
    const guint max = wanted > 0 ? (guint) MIN(wanted, PROBE_CLIP_MAX) : PROBE_CLIP_MAX;
    return probe_clip_read(self->options->file, segment_ns, max, self->loop, error);
}

static uint64_t count_fragments(const Probe *self)
{
    const ProbeOptions *o = self->options;
    return o->fragments > 0 ? (uint64_t) o->fragments : (uint64_t) self->clip->audio->len * (uint64_t) o->repeat;
}

static int64_t interval_ns(const ProbeOptions *options, int64_t segment_ns)
{
    if (options->realtime)
        return segment_ns;
    return options->rate > 0 ? (int64_t) ((double) DUB_NS_PER_S / options->rate) : 0;
}

/* Streams with a rate begin one after the other within an interval, so that their fragments do not come in one heap. */
static void start_streams(Probe *self, int64_t segment_ns)
{
    static const ProbeStreamCallbacks callbacks = { on_result, on_pressure, on_done };
    const ProbeOptions *o = self->options;
    ProbeStreamConfig config = {
        .url = o->url,
        .path = o->path,
        .nsp = o->nsp,
        .token = o->key,
        .from = o->from,
        .to = o->to,
        .voice = o->voice,
        .clip = self->clip,
        .window = (guint) o->window,
        .n_fragments = count_fragments(self),
        .segment_ns = segment_ns,
        .interval_ns = interval_ns(o, segment_ns),
        .timeout_ms = (guint) (o->timeout_s * 1000),
    };
    for (int i = 0; i < o->streams; i++) {
        g_autofree char *name = g_strdup_printf("probe-%d-%d", getpid(), i);
        config.offset_ns = config.interval_ns * i / o->streams;
        g_ptr_array_add(self->streams, probe_stream_new((guint) i, name, &config, &callbacks, self));
    }
}

static guint count_in_flight(const Probe *self)
{
    guint n = 0;
    for (guint i = 0; i < self->streams->len; i++)
        n += probe_stream_count_in_flight(self->streams->pdata[i]);
    return n;
}

static void conclude(Probe *self, GError **error)
{
    g_autoptr(GError) failure = self->is_interrupted
                                    ? g_error_new_literal(DUB_ERROR, DUB_ERROR_CANCELLED, "interrupted")
                                    : probe_report_failure(self->report);
    if (!probe_report_is_empty(self->report) || self->is_interrupted)
        probe_report_summary(self->report, count_in_flight(self), failure);
    else if (failure && self->options->as_json)
        command_print_json_error(failure);
    if (failure)
        g_propagate_error(error, g_steal_pointer(&failure));
}

static void probe(Probe *self, GError **error)
{
    const int64_t segment_ns = (int64_t) (self->options->segment_s * (double) DUB_NS_PER_S);
    g_autoptr(GError) problem = NULL;
    self->clip = read_clip(self, segment_ns, &problem);
    if (!self->clip) {
        if (self->options->as_json)
            command_print_json_error(problem);
        g_propagate_error(error, g_steal_pointer(&problem));
        return;
    }
    probe_report_start(self->report, self->clip, count_fragments(self));
    start_streams(self, segment_ns);
    g_main_loop_run(self->loop);
    conclude(self, error);
}

static void run(const ProbeOptions *options, GError **error)
{
    Probe self = { .options = options, .loop = g_main_loop_new(NULL, FALSE) };
    self.report = probe_report_new(options);
    self.streams = g_ptr_array_new_with_free_func((GDestroyNotify) probe_stream_free);
    const guint sources[] = { g_unix_signal_add(SIGINT, on_signal, &self),
                              g_unix_signal_add(SIGTERM, on_signal, &self) };
    probe(&self, error);
    for (gsize i = 0; i < G_N_ELEMENTS(sources); i++)
        g_source_remove(sources[i]);
    g_ptr_array_unref(self.streams);
    probe_clip_free(self.clip);
    probe_report_free(self.report);
    g_main_loop_unref(self.loop);
}

int cmd_sts_probe(int argc, char **argv, GError **error)
{
    ProbeOptions options;
    g_auto(GStrv) environment = g_get_environ();
    if (probe_options_parse(&options, argc, argv, environment, error)) {
        command_setup_log(options.verbose);
        gst_init(NULL, NULL);
        run(&options, error);
    }
    probe_options_clear(&options);
    return 0;
}

/* airdub/cmd-dub.c: `airdub dub IN OUT`: a runner with a speech backend, on the main loop until it stops. */
#include "airdub/command.h"
#include "airdub/dub-options.h"
#include "airdub/dub-project.h"
#include "airdub/dub-report.h"
#include "airdub/dub-run.h"
#include "airdub/dub-several.h"
#include "airdub/interrupts.h"
#include "airdub/stems.h"
#include "airdub/subtitle-files.h"
#include "airdub/subtitles.h"
#include "base/clock.h"
#include "base/env.h"
#include "base/error.h"
#include "speech/local.h"
#include "speech/remote.h"
#include "speech/remote-services.h"
#include "speech/silent.h"

#include <gst/gst.h>
#include <string.h>
#include <unistd.h>

#define PROGRESS_MS         100
#define CUT_SHORT_MS        1000   /* after the second signal; then we go whatever still waits */
#define FILE_TIMEOUT_MS     30000  /* nobody waits for a file's fragment: the most the protocol has */
#define OWN_TIMEOUT_MS      180000 /* likewise, of engines here: a slow voice on a busy machine */
#define LIVE_TIMEOUT_MS     8000
#define MOST_INFLIGHT       10
#define REMOTE_INFLIGHT     3 /* what an sts-service takes without asking us to slow down */
#define STS_CONNECT_S       5
#define BREAKER_THRESHOLD   5
#define BREAKER_COOLDOWN_NS (30 * DUB_NS_PER_S)
#define SOURCE_ATTEMPTS     5

typedef struct {
    const DubOptions *options;
    DubRun *run;
    GMainLoop *loop;
    DubReport *report;
    DubEngineSettings *settings;
    DubEngineSets *engines; /* NULL with --sts */
    DubEngineLease *lease;
    DubLanes *lanes; /* NULL while they load */
    char *sts_token;
    DubRunner *runner;
    SubtitleFiles *subtitles; /* NULL: not wanted, or given up */
    DubKept *kept;            /* NULL: nothing is kept */
    Stems *stems;             /* NULL: not wanted, or given up */
    bool has_lost_stems;
    GError *failure;
    int64_t embedded_until_ns; /* end of the last subtitle in the output */
    char *output;              /* where the result lies */
    char *last_fault;          /* what the last fragment that could not be dubbed says */
    unsigned n_signals;
    bool live;
    Interrupts *interrupts;
    guint progress_source, cut_short_source;
} Dub;

static void take_failure(Dub *self, GError *error)
{
    if (self->failure)
        g_error_free(error);
    else
        self->failure = error;
}

static const char *shown_out(const Dub *self)
{
    return self->run->shown_out ? self->run->shown_out : self->options->out;
}

/* ---- what the runner tells ---- */

static void on_info(const DubSourceInfo *info, void *user_data)
{
    Dub *self = user_data;
    const DubOptions *options = self->options;
    self->live = info->live;
    const bool paced = info->live || dub_media_uri_is_live(options->out);
    DubContainer container;
    g_auto(GStrv) left_out = info->carried && dub_container_from_uri(options->out, &container, NULL)
                                 ? dub_carried_tracks_left_out(info->carried, container)
                                 : NULL;
    dub_report_start(self->report, options->in, shown_out(self), options->from, options->to, paced, info, left_out);
}

static void give_up(Dub *self, GError *error)
{
    take_failure(self, error);
    dub_runner_stop(self->runner, 0);
}

static void embed_subtitles(Dub *self, int64_t start_ns, int64_t end_ns, const char *text)
{
    if (!self->options->embeds_subtitles || !text)
        return;
    g_autoptr(GPtrArray) cues = subtitles_cues_new(text, MAX(start_ns, self->embedded_until_ns), end_ns);
    for (guint i = 0; i < cues->len; i++) {
        const SubtitlesCue *cue = cues->pdata[i];
        dub_runner_push_text(self->runner, cue->text, cue->start_ns, cue->end_ns - cue->start_ns);
        self->embedded_until_ns = cue->end_ns;
    }
}

static void write_subtitles(Dub *self, const DubWorkerFragment *fragment)
{
    const DubSpeechResult *result = fragment->result;
    if (!result)
        return;
    int64_t from_ns, to_ns;
    const bool heard = dub_speech_result_span(result, &from_ns, &to_ns) && to_ns > from_ns;
    const int64_t start_ns = fragment->start_ns + (heard ? from_ns : 0);
    const int64_t end_ns = fragment->start_ns + (heard ? to_ns : fragment->duration_ns);
    embed_subtitles(self, start_ns, end_ns, result->answer->translated_text);
    g_autoptr(GError) error = NULL;
    if (!self->subtitles || subtitle_files_add(self->subtitles, start_ns, end_ns, result->answer->transcript,
                                               result->answer->translated_text, &error))
        return;
    g_clear_pointer(&self->subtitles, subtitle_files_free);
    give_up(self, g_steal_pointer(&error));
}

/* What could not be written ends the run: nobody need wait an hour for it. */
static void check_written(Dub *self)
{
    GError *problem = self->kept ? dub_kept_problem(self->kept) : NULL;
    if (problem)
        give_up(self, problem);
    else if (self->has_lost_stems)
        dub_runner_stop(self->runner, 0);
}

static void on_stems(const DubPcm *bed, const DubPcm *dub, void *user_data)
{
    Dub *self = user_data;
    g_autoptr(GError) error = NULL;
    if (!self->stems || stems_add(self->stems, bed, dub, &error))
        return;
    g_clear_pointer(&self->stems, stems_free);
    self->has_lost_stems = true;
    take_failure(self, g_steal_pointer(&error));
}

static void on_fragment(const DubWorkerFragment *fragment, void *user_data)
{
    Dub *self = user_data;
    dub_report_fragment(self->report, fragment);
    if (fragment->fallback != DUB_FALLBACK_NONE && fragment->result && fragment->result->answer->error_message) {
        g_free(self->last_fault);
        self->last_fault = g_strdup(fragment->result->answer->error_message);
    }
    write_subtitles(self, fragment);
    check_written(self);
}

static void on_warning(const char *text, void *user_data)
{
    dub_report_warning(((Dub *) user_data)->report, text);
}

static void on_stopped(const GError *error, const char *output, void *user_data)
{
    Dub *self = user_data;
    self->output = g_strdup(output);
    if (error)
        take_failure(self, g_error_copy(error));
    g_main_loop_quit(self->loop);
}

/* ---- loop ---- */

static gboolean on_progress(void *user_data)
{
    Dub *self = user_data;
    DubWorkerStats stats;
    dub_runner_stats(self->runner, &stats);
    dub_report_progress(self->report, &stats, dub_clock_now());
    return G_SOURCE_CONTINUE;
}

static gboolean on_cut_short(void *user_data)
{
    Dub *self = user_data;
    self->cut_short_source = 0;
    g_main_loop_quit(self->loop);
    return G_SOURCE_REMOVE;
}

static void on_interrupt(unsigned count, void *user_data)
{
    Dub *self = user_data;
    self->n_signals = count;
    if (!self->runner) {
        take_failure(self, g_error_new_literal(DUB_ERROR, DUB_ERROR_CANCELLED, "interrupted"));
        return;
    }
    dub_runner_stop(self->runner, 0);
    if (count == 2 && !self->cut_short_source)
        self->cut_short_source = g_timeout_add(CUT_SHORT_MS, on_cut_short, self);
}

/* ---- speech ---- */

static DubSpeech *create_speech(const DubSpeechConfig *config, const DubSpeechCallbacks *callbacks,
                                void *callbacks_data, void *factory_data, G_GNUC_UNUSED GError **error)
{
    const Dub *self = factory_data;
    if (self->run->dubs)
        return dub_speech_silent_new(config, callbacks, callbacks_data);
    if (self->engines) {
        DubSpeechConfig local = *config;
        local.kept = self->kept;
        return dub_speech_local_new(&local, self->engines, self->run->hearings, callbacks, callbacks_data);
    }
    DubSpeechRemoteOptions options;
    dub_speech_remote_options_init(&options);
    options.url = self->options->sts_url;
    options.token = self->sts_token;
    return dub_speech_remote_new(config, &options, callbacks, callbacks_data);
}

static guint16 default_port(const char *url)
{
    return g_str_has_prefix(url, "https:") || g_str_has_prefix(url, "wss:") ? 443 : 80;
}

/* A service that is not there is told now; one that goes away later costs the fragments of that time. */
static bool check_sts(const char *url, GError **error)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GError) problem = NULL;
    g_socket_client_set_timeout(client, STS_CONNECT_S);
    g_autoptr(GSocketConnection) connection =
        g_socket_client_connect_to_uri(client, url, default_port(url), NULL, &problem);
    if (connection)
        return true;
    g_set_error(error, DUB_ERROR, DUB_ERROR_NETWORK, "no sts-service answers at %s: %s; start it, or leave --sts out",
                url, problem->message);
    return false;
}

/* One that answers is enough. */
static bool check_any_sts(const char *urls, GError **error)
{
    g_auto(GStrv) list = dub_remote_services_split(urls);
    for (char **url = list; *url; url++) {
        const bool is_last = !url[1];
        if (check_sts(*url, is_last ? error : NULL))
            return true;
    }
    return false;
}

static bool has_voice(const char *voice, void *user_data)
{
    const Dub *self = user_data;
    return dub_lanes_check_voice(self->lanes, voice, NULL);
}

static bool check_voice(Dub *self, GError **error)
{
    if (self->kept && !dub_kept_check_voices(self->kept, has_voice, self, error))
        return false;
    if (dub_lanes_check_voice(self->lanes, self->options->voice, error))
        return true;
    g_prefix_error(error, "--voice: ");
    return false;
}

static void on_lanes(DubLanes *lanes, const GError *error, void *user_data)
{
    Dub *self = user_data;
    self->lanes = lanes;
    if (error)
        take_failure(self, g_error_copy(error));
}

/* Nothing else happens before the engines are there. */
static bool load_engines(Dub *self, GError **error)
{
    self->engines = dub_engine_sets_new(self->settings);
    self->lease = dub_engine_sets_lease(self->engines, self->options->from, self->options->to, on_lanes, self);
    while (!self->lanes && !self->failure)
        g_main_context_iteration(NULL, TRUE);
    if (!self->failure)
        return check_voice(self, error);
    g_propagate_error(error, g_steal_pointer(&self->failure));
    return false;
}

static bool open_speech(Dub *self, GError **error)
{
    if (self->run->dubs)
        return true;
    if (self->options->sts_url) {
        g_auto(GStrv) environment = g_get_environ();
        return dub_env_secret("STS_API_KEY", environment, &self->sts_token, error) &&
               check_any_sts(self->options->sts_url, error);
    }
    self->settings = engine_options_settings(&self->options->engines, error);
    if (!self->settings || !load_engines(self, error))
        return false;
    dub_report_loaded(self->report, dub_engine_set_loading_cpu_ns(dub_lanes_engines(self->lanes)));
    return true;
}

/* ---- run ---- */

static unsigned inflight(const Dub *self)
{
    if (!self->lanes)
        return REMOTE_INFLIGHT;
    return MIN(dub_lanes_count(self->lanes) + 2, MOST_INFLIGHT); /* no lane waits for the loop */
}

static bool create_runner(Dub *self, GError **error)
{
    const DubRunnerCallbacks callbacks = { .on_info = on_info,
                                           .on_fragment = on_fragment,
                                           .on_warning = on_warning,
                                           .on_stems = self->stems ? on_stems : NULL,
                                           .on_stopped = on_stopped };
    const DubOptions *options = self->options;
    const bool live = dub_media_uri_is_live(options->in) || dub_media_uri_is_live(options->out);
    g_autofree char *worker_id = g_strdup_printf("airdub-%d", getpid());
    const DubRunnerConfig config = {
        .source_uri = options->in,
        .sink_uri = options->out,
        .audio_track = (unsigned) options->audio_track,
        .commentary_track = (unsigned) options->commentary_track,
        .audio_title = options->title,
        .is_sound_only = self->run->is_sound_only,
        .dubs = self->run->dubs,
        .keeps_original = options->keep_original,
        .is_original_default = options->is_original_default,
        .has_texts = options->embeds_subtitles,
        .source_language = options->from,
        .target_language = options->to,
        .voice = options->voice,
        .stream_id = "dub",
        .worker_id = worker_id,
        .max_inflight = inflight(self),
        .timeout_ms = live          ? LIVE_TIMEOUT_MS
                      : self->lanes ? OWN_TIMEOUT_MS
                                    : FILE_TIMEOUT_MS,
        .worker = { .segment_ns = (int64_t) (options->segment_s * DUB_NS_PER_S),
                    .segment_mode = options->mode,
                    .bed_gain = options->bed_gain,
                    .breaker_threshold = BREAKER_THRESHOLD,
                    .breaker_cooldown_ns = BREAKER_COOLDOWN_NS,
                    .source_attempts = SOURCE_ATTEMPTS },
        .create_speech = create_speech,
        .factory_data = self,
    };
    self->runner = dub_runner_new(&config, &callbacks, self, error);
    return self->runner != NULL;
}

static bool open_subtitles(Dub *self, GError **error)
{
    const DubOptions *options = self->options;
    if (!options->writes_subtitles)
        return true;
    g_autofree char *path = dub_options_local_path(shown_out(self));
    self->subtitles =
        subtitle_files_new(path, self->run->has_transcript ? NULL : options->from, options->to, options->force, error);
    return self->subtitles != NULL;
}

static bool open_stems(Dub *self, GError **error)
{
    if (!self->options->stems)
        return true;
    self->stems = stems_new(self->options->stems, self->options->force, error);
    return self->stems != NULL;
}

/* Of a redub it is open already: its project says what is to be done. */
static bool open_kept(Dub *self, GError **error)
{
    if (self->kept || (!self->options->project && !self->options->resume))
        return true;
    self->kept = dub_project_open(self->options, error);
    return self->kept != NULL;
}

static bool is_complete(const Dub *self)
{
    g_autofree char *path = dub_options_local_path(self->options->out);
    return self->output && (g_str_equal(self->output, self->options->out) || (path && g_str_equal(self->output, path)));
}

/* A live source has no end of its own: Ctrl-C is how it is meant to end, if everything was played. */
static bool was_interrupted(const Dub *self)
{
    return self->n_signals > 0 && !(self->live && self->n_signals == 1 && is_complete(self));
}

static void finish_subtitles(Dub *self, char ***names)
{
    g_autoptr(GError) error = NULL;
    if (!self->subtitles || !self->output || (self->run->shown_out && !is_complete(self)))
        return;
    if (!subtitle_files_finish(self->subtitles, self->run->shown_out ? self->run->shown_out : self->output, &error))
        take_failure(self, g_steal_pointer(&error));
    *names = subtitle_files_names(self->subtitles);
}

/* A file whose every fragment kept the original sound is no success, even if it is whole. One that was cut short is
 * told as such. */
static void check_anything_dubbed(Dub *self, const DubWorkerStats *stats)
{
    uint64_t kept = 0;
    for (int reason = DUB_FALLBACK_NONE + 1; reason < DUB_N_FALLBACKS; reason++)
        kept += stats->fallbacks[reason];
    if (self->failure || stats->dubbed > 0 || kept == 0 || was_interrupted(self))
        return;
    const char *cause = self->last_fault ? self->last_fault : "";
    const char *colon = self->last_fault ? ": " : "",
               *where = self->options->sts_url ? "the log of the sts-service" : "airdub doctor";
    take_failure(self, self->run->shown_out
                           ? g_error_new(DUB_ERROR, DUB_ERROR_ENGINE, "no fragment could be dubbed%s%s; see %s", colon,
                                         cause, where)
                           : g_error_new(DUB_ERROR, DUB_ERROR_ENGINE,
                                         "no fragment could be dubbed, %s has the original sound%s%s; see %s",
                                         self->output ? self->output : self->options->out, colon, cause, where));
}

static void finish_kept(Dub *self)
{
    g_autoptr(GError) error = NULL;
    const bool is_whole = is_complete(self) && !self->failure;
    if (self->stems && is_whole && !stems_finish(self->stems, &error))
        take_failure(self, g_steal_pointer(&error));
    if (self->kept && !dub_project_close(self->options, self->kept, is_whole, &error))
        take_failure(self, g_steal_pointer(&error));
}

static void tell_kept(const Dub *self)
{
    guint64 n_kept, n_asked;
    if (!self->kept)
        return;
    dub_kept_counts(self->kept, &n_kept, &n_asked);
    if (n_kept + n_asked > 0)
        dub_report_kept(self->report, n_kept, n_asked);
}

static void tell_where_it_lies(Dub *self)
{
    if (!self->output || is_complete(self))
        return;
    g_autofree char *told =
        g_strdup_printf("%s; what was dubbed so far is in %s", self->failure->message, self->output);
    g_free(self->failure->message);
    self->failure->message = g_steal_pointer(&told);
}

static void conclude(Dub *self)
{
    DubWorkerStats stats;
    g_auto(GStrv) subtitles = NULL;
    dub_runner_stats(self->runner, &stats);
    finish_subtitles(self, &subtitles);
    check_anything_dubbed(self, &stats);
    if (was_interrupted(self))
        take_failure(self, g_error_new_literal(DUB_ERROR, DUB_ERROR_CANCELLED,
                                               self->kept && !self->options->is_redub
                                                   ? "interrupted; --resume goes on with it"
                                                   : "interrupted"));
    finish_kept(self);
    tell_kept(self);
    if (!self->failure || (self->output && !is_complete(self)))
        dub_report_done(self->report, &stats, dub_runner_encoding_cpu_ns(self->runner),
                        self->run->shown_out ? self->run->shown_out : self->output, subtitles, was_interrupted(self),
                        dub_clock_now());
    if (self->failure && !self->run->shown_out)
        tell_where_it_lies(self);
}

static void run_loop(Dub *self)
{
    self->progress_source = g_timeout_add(PROGRESS_MS, on_progress, self);
    dub_runner_start(self->runner);
    g_main_loop_run(self->loop);
    g_clear_handle_id(&self->progress_source, g_source_remove);
}

static void dub(Dub *self, GError **error)
{
    self->interrupts = interrupts_new(on_interrupt, self);
    if (!open_kept(self, error) || !open_speech(self, error) || !open_stems(self, error) ||
        !create_runner(self, error) || !open_subtitles(self, error))
        return;
    run_loop(self);
    conclude(self);
    if (self->failure)
        g_propagate_error(error, g_steal_pointer(&self->failure));
}

static void clear(Dub *self)
{
    g_clear_handle_id(&self->cut_short_source, g_source_remove);
    dub_runner_free(self->runner);
    interrupts_free(self->interrupts); /* after what may hang */
    subtitle_files_free(self->subtitles);
    dub_engine_lease_free(self->lease);
    dub_engine_sets_free(self->engines);
    dub_kept_free(self->kept); /* after the lanes, which record into it */
    stems_free(self->stems);
    dub_engine_settings_free(self->settings);
    g_free(self->sts_token);
    dub_report_free(self->report);
    g_clear_error(&self->failure);
    g_free(self->output);
    g_free(self->last_fault);
    g_main_loop_unref(self->loop);
}

static DubReportStyle style_of(const DubOptions *options)
{
    if (options->as_json)
        return DUB_REPORT_JSON;
    if (options->quiet)
        return DUB_REPORT_QUIET;
    return isatty(STDOUT_FILENO) ? DUB_REPORT_TERMINAL : DUB_REPORT_PLAIN;
}

static bool dub_once(const DubOptions *options, DubRun *run, GError **error)
{
    g_autoptr(GError) problem = NULL;
    Dub self = { .options = options, .run = run, .kept = run->kept, .loop = g_main_loop_new(NULL, FALSE) };
    self.report = dub_report_new(run->dubs ? DUB_REPORT_QUIET : style_of(options), options->verbose, dub_clock_now());
    dub(&self, &problem);
    run->output = g_strdup(self.output);
    clear(&self);
    if (!problem)
        return true;
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
}

void dub_run(const DubOptions *options, DubKept *kept, GError **problem, GError **error)
{
    g_autoptr(GError) failure = g_steal_pointer(problem);
    command_setup_log(options->verbose);
    if (!failure && options->targets->len > 1) {
        dub_several(options, dub_once, &failure);
    } else if (!failure) {
        DubRun run = { .kept = kept };
        dub_once(options, &run, &failure);
        g_free(run.output);
    } else {
        dub_kept_free(kept);
    }
    if (failure && options->as_json)
        command_print_json_error(failure);
    if (failure)
        g_propagate_error(error, g_steal_pointer(&failure));
}

int cmd_dub(int argc, char **argv, GError **error)
{
    DubOptions options;
    GError *problem = NULL;
    gst_init(NULL, NULL); /* container.c asks it about caps */
    dub_options_parse(&options, argc, argv, &problem);
    dub_run(&options, NULL, &problem, error);
    dub_options_clear(&options);
    return 0;
}

/* airdub/dub-report.c: progress and summary, for a terminal, a log or a machine. */
#include "airdub/dub-report.h"

#include "airdub/command.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#include <math.h>
#include <stdio.h>

#define TERMINAL_EVERY_NS (DUB_NS_PER_S / 5)
#define PLAIN_EVERY_NS    (3 * DUB_NS_PER_S)
#define JSON_EVERY_NS     DUB_NS_PER_S
#define BAR_CELLS         30
#define SAID_BYTES        400

struct _DubReport {
    DubReportStyle style;
    bool tell_fragments;
    bool line_open;      /* the terminal's cursor stands behind the bar */
    int64_t duration_ns; /* DUB_TIME_NONE when not known */
    bool started, paced;
    char *to;
    int64_t begun_ns;                  /* the command: engines were loaded since */
    int64_t first_ns, first_played_ns; /* when something was played first, and how much; DUB_TIME_NONE before */
    int64_t step_ns, step_played_ns;   /* the last time it had become more: a file goes on by whole fragments */
    int64_t last_ns;                   /* of the last progress shown */
    int64_t starting_cpu_ns;           /* what the program itself took to be there */
    int64_t loading_cpu_ns;            /* of loading the engines, on our own threads */
    DubSpeechCpu engines;              /* of all fragments that were answered */
};

DubReport *dub_report_new(DubReportStyle style, bool tell_fragments, int64_t now_ns)
{
    DubReport *self = g_new0(DubReport, 1);
    self->style = style;
    self->tell_fragments = tell_fragments;
    self->begun_ns = now_ns;
    self->starting_cpu_ns = dub_clock_process_cpu();
    self->duration_ns = DUB_TIME_NONE;
    self->first_ns = DUB_TIME_NONE;
    self->last_ns = now_ns;
    return self;
}

static double seconds(int64_t ns)
{
    return (double) ns / (double) DUB_NS_PER_S;
}

/* Milliseconds are enough for a reader; -1 and "none" are null. */
static DubJson *json_seconds(int64_t ns)
{
    return ns < 0 ? json_null() : command_json_real(round(seconds(ns) * 1000) / 1000);
}

static DubJson *json_ms(double ms)
{
    return command_json_real(round(ms * 10) / 10);
}

void dub_report_end_line(DubReport *self)
{
    if (self->line_open)
        putchar('\n');
    self->line_open = false;
    fflush(stdout);
}

static void clear_line(DubReport *self)
{
    if (self->line_open)
        fputs("\r\033[K", stdout);
    self->line_open = false;
}

void dub_report_loaded(DubReport *self, int64_t loading_cpu_ns)
{
    self->loading_cpu_ns = loading_cpu_ns;
}

/* ---- start ---- */

static DubJson *names_to_json(char **names)
{
    DubJson *array = json_array();
    for (; names && *names; names++)
        json_array_append_new(array, command_json_string(*names));
    return array;
}

static void print_tracks(const DubSourceInfo *info, char **left_out)
{
    if (info->audio_name)
        printf("audio: %s\n", info->audio_name);
    if (!left_out || !*left_out)
        return;
    g_autofree char *listed = g_strjoinv(", ", left_out);
    g_autofree char *text = dub_log_printable(listed, SAID_BYTES);
    printf("not carried over: %s\n", text);
}

void dub_report_start(DubReport *self, const char *in, const char *out, const char *from, const char *to, bool paced,
                      const DubSourceInfo *info, char **left_out)
{
    self->started = true;
    self->paced = paced;
    g_free(self->to);
    self->to = g_strdup(to);
    self->duration_ns = info->duration_ns > 0 ? info->duration_ns : DUB_TIME_NONE;
    if (self->style != DUB_REPORT_JSON) {
        if (self->style != DUB_REPORT_QUIET)
            print_tracks(info, left_out);
        return;
    }
    command_print_json(json_pack("{s:s, s:o, s:o, s:s, s:s, s:o, s:b, s:b, s:i, s:i, s:o, s:o}", "event", "start",
                                 "input", command_json_string(in), "output", command_json_string(out), "from", from,
                                 "to", to, "duration", json_seconds(self->duration_ns), "live", info->live, "video",
                                 info->video_caps != NULL, "rate_hz", (int) info->rate_hz, "channels",
                                 (int) info->channels, "audio",
                                 info->audio_name ? command_json_string(info->audio_name) : json_null(),
                                 "not_carried_over", names_to_json(left_out)));
}

/* ---- fragments ---- */

/* A stage that was not reached took no time. */
static DubJson *json_stage_ms(double ms)
{
    return json_ms(MAX(ms, 0));
}

static void add_result(DubJson *line, const DubWorkerFragment *fragment)
{
    const DubFragmentProcessed *a = fragment->result->answer;
    int64_t start_ns, end_ns;
    const bool heard = dub_speech_result_span(fragment->result, &start_ns, &end_ns);
    g_autoptr(DubJson) members = json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "result", dub_processed_status_to_string(a->status),
        "transcript", command_json_string(a->transcript), "translation", command_json_string(a->translated_text),
        "speech_start", heard ? json_seconds(fragment->start_ns + start_ns) : json_null(), "speech_end",
        heard ? json_seconds(fragment->start_ns + end_ns) : json_null(), "asr_ms", json_stage_ms(a->asr_ms), "mt_ms",
        json_stage_ms(a->translation_ms), "tts_ms", json_stage_ms(a->tts_ms), "processing_ms",
        json_ms(a->processing_time_ms));
    json_object_update(line, members);
    if (a->metadata)
        json_object_set(line, "metadata", a->metadata);
    if (!a->error_code && !a->error_message)
        return;
    json_object_set_new(line, "error",
                        json_pack("{s:o, s:o, s:o}", "code", command_json_string(a->error_code), "message",
                                  command_json_string(a->error_message), "stage", command_json_string(a->error_stage)));
}

static void print_fragment_json(const DubWorkerFragment *fragment)
{
    const bool dubbed = fragment->fallback == DUB_FALLBACK_NONE;
    DubJson *line =
        json_pack("{s:s, s:I, s:o, s:o, s:s, s:o, s:o}", "event", "fragment", "index", (json_int_t) fragment->index,
                  "start", json_seconds(fragment->start_ns), "duration", json_seconds(fragment->duration_ns), "status",
                  dubbed ? "dubbed" : "fallback", "reason",
                  dubbed ? json_null() : command_json_string(dub_fallback_to_string(fragment->fallback)), "latency_ms",
                  fragment->latency_ns < 0 ? json_null() : json_ms(seconds(fragment->latency_ns) * 1000));
    if (fragment->result)
        add_result(line, fragment);
    command_print_json(line);
}

static char *clock_text(int64_t ns)
{
    const int64_t tenths = MAX(ns, 0) / (DUB_NS_PER_S / 10);
    return g_strdup_printf("%d:%02d:%02d.%d", (int) (tenths / 36000), (int) (tenths / 600 % 60),
                           (int) (tenths / 10 % 60), (int) (tenths % 10));
}

static char *said(const char *text)
{
    return text && *text ? dub_log_printable(text, SAID_BYTES) : g_strdup("-");
}

static void print_fragment(DubReport *self, const DubWorkerFragment *fragment)
{
    const DubSpeechResult *result = fragment->result;
    g_autofree char *at = clock_text(fragment->start_ns);
    g_autofree char *transcript = said(result ? result->answer->transcript : NULL);
    g_autofree char *translation = said(result ? result->answer->translated_text : NULL);
    clear_line(self); /* the bar comes back below it */
    if (fragment->fallback == DUB_FALLBACK_NONE)
        printf("%s  %s\n%*s  %s\n", at, transcript, (int) strlen(at), "", translation);
    else
        printf("%s  original kept (%s): %s\n", at, dub_fallback_to_string(fragment->fallback),
               result && result->answer->error_message ? result->answer->error_message : transcript);
    fflush(stdout);
}

static void add_cpu(DubReport *self, const DubSpeechCpu *cpu)
{
    for (int stage = 0; stage < DUB_N_STAGES; stage++) {
        self->engines.threads_ns[stage] += cpu->threads_ns[stage];
        self->engines.programs_ns[stage] += cpu->programs_ns[stage];
    }
}

void dub_report_fragment(DubReport *self, const DubWorkerFragment *fragment)
{
    if (fragment->result)
        add_cpu(self, &fragment->result->cpu);
    if (self->style == DUB_REPORT_JSON)
        print_fragment_json(fragment);
    else if (self->tell_fragments && self->style != DUB_REPORT_QUIET)
        print_fragment(self, fragment);
}

/* ---- progress ---- */

typedef struct {
    double speed; /* × real time; -1 when not known yet */
    double part;  /* 0…1; -1 when the duration is not known */
    double eta_s; /* -1 when not known */
} Progress;

static Progress measure(const DubReport *self, const DubWorkerStats *stats, int64_t now_ns)
{
    Progress p = { -1, -1, -1 };
    if (self->first_ns != DUB_TIME_NONE && self->step_ns > self->first_ns)
        p.speed = (double) (self->step_played_ns - self->first_played_ns) / (double) (self->step_ns - self->first_ns);
    if (self->duration_ns == DUB_TIME_NONE)
        return p;
    p.part = CLAMP((double) stats->played_ns / (double) self->duration_ns, 0, 1);
    if (p.speed > 0)
        p.eta_s = MAX(seconds(self->duration_ns - self->step_played_ns) / p.speed - seconds(now_ns - self->step_ns), 0);
    return p;
}

/* The first dub comes after the engines have had their time with it: speed counts from there. */
static void note_step(DubReport *self, const DubWorkerStats *stats, int64_t now_ns)
{
    if (stats->played_ns <= self->step_played_ns)
        return;
    self->step_ns = now_ns;
    self->step_played_ns = stats->played_ns;
    if (self->first_ns != DUB_TIME_NONE)
        return;
    self->first_ns = now_ns;
    self->first_played_ns = stats->played_ns;
}

static char *speed_text(const DubReport *self, const DubWorkerStats *stats, const Progress *p)
{
    if (self->paced)
        return g_strdup_printf("  %.1f s behind", seconds(stats->delay_ns));
    return p->speed < 0 ? g_strdup("") : g_strdup_printf("  %.1fx", p->speed);
}

static char *progress_text(const DubReport *self, const DubWorkerStats *stats, const Progress *p)
{
    g_autofree char *played = clock_text(stats->played_ns);
    g_autofree char *speed = speed_text(self, stats, p);
    if (p->part < 0)
        return g_strdup_printf("%s%s", played, speed);
    g_autofree char *duration = clock_text(self->duration_ns);
    g_autofree char *eta = p->eta_s < 0 ? g_strdup("") : g_strdup_printf("  ETA %.0f s", p->eta_s);
    return g_strdup_printf("%3.0f %%  %s of %s%s%s", p->part * 100, played, duration, speed, eta);
}

static void print_bar(DubReport *self, const char *text, double part)
{
    char bar[BAR_CELLS + 1];
    const int full = part < 0 ? 0 : (int) (part * BAR_CELLS);
    for (int i = 0; i < BAR_CELLS; i++)
        bar[i] = i < full ? '#' : '.';
    bar[BAR_CELLS] = '\0';
    if (part < 0)
        printf("\r%s\033[K", text);
    else
        printf("\r[%s] %s\033[K", bar, text);
    fflush(stdout);
    self->line_open = true;
}

static void print_progress_json(const DubReport *self, const DubWorkerStats *stats, const Progress *p)
{
    command_print_json(json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "event", "progress", "media_time",
                                 json_seconds(stats->played_ns), "duration", json_seconds(self->duration_ns), "percent",
                                 p->part < 0 ? json_null() : command_json_real(round(p->part * 1000) / 10), "speed",
                                 p->speed < 0 ? json_null() : command_json_real(round(p->speed * 100) / 100), "eta",
                                 p->eta_s < 0 ? json_null() : command_json_real(round(p->eta_s * 10) / 10)));
}

static int64_t interval_ns(DubReportStyle style)
{
    switch (style) {
    case DUB_REPORT_TERMINAL: return TERMINAL_EVERY_NS;
    case DUB_REPORT_PLAIN: return PLAIN_EVERY_NS;
    case DUB_REPORT_JSON: return JSON_EVERY_NS;
    case DUB_REPORT_QUIET: break;
    }
    return INT64_MAX;
}

void dub_report_progress(DubReport *self, const DubWorkerStats *stats, int64_t now_ns)
{
    note_step(self, stats, now_ns);
    if (!self->started || now_ns - self->last_ns < interval_ns(self->style))
        return;
    self->last_ns = now_ns;
    const Progress progress = measure(self, stats, now_ns);
    if (self->style == DUB_REPORT_JSON) {
        print_progress_json(self, stats, &progress);
        return;
    }
    g_autofree char *text = progress_text(self, stats, &progress);
    if (self->style == DUB_REPORT_TERMINAL) {
        print_bar(self, text, progress.part);
    } else {
        puts(text);
        fflush(stdout);
    }
}

/* ---- end ---- */

static uint64_t count_fallbacks(const DubWorkerStats *stats)
{
    uint64_t n = 0;
    for (int reason = DUB_FALLBACK_NONE + 1; reason < DUB_N_FALLBACKS; reason++)
        n += stats->fallbacks[reason];
    return n;
}

static DubJson *fallbacks_to_json(const DubWorkerStats *stats)
{
    DubJson *object = json_object();
    for (int reason = DUB_FALLBACK_NONE + 1; reason < DUB_N_FALLBACKS; reason++)
        json_object_set_new(object, dub_fallback_to_string(reason),
                            json_integer((json_int_t) stats->fallbacks[reason]));
    return object;
}

static char *fallbacks_text(const DubWorkerStats *stats)
{
    GString *text = g_string_new(NULL);
    for (int reason = DUB_FALLBACK_NONE + 1; reason < DUB_N_FALLBACKS; reason++) {
        if (stats->fallbacks[reason] > 0)
            g_string_append_printf(text, "%s%s %" G_GUINT64_FORMAT, text->len ? ", " : " (",
                                   dub_fallback_to_string(reason), stats->fallbacks[reason]);
    }
    if (text->len)
        g_string_append_c(text, ')');
    return g_string_free(text, FALSE);
}

static int64_t sum_stages(const int64_t *ns)
{
    return ns[DUB_STAGE_ASR] + ns[DUB_STAGE_MT] + ns[DUB_STAGE_TTS];
}

static DubJson *json_stage_cpu(const DubSpeechCpu *cpu, DubEngineStage stage)
{
    return json_seconds(cpu->threads_ns[stage] + cpu->programs_ns[stage]);
}

/* "around": what this process used beside the engines and the output's encoder, once it was there. */
static DubJson *cpu_to_json(const DubReport *self, int64_t codec_ns)
{
    const DubSpeechCpu *engines = &self->engines;
    const int64_t process_ns = dub_clock_process_cpu();
    const int64_t around_ns =
        process_ns - self->starting_cpu_ns - self->loading_cpu_ns - sum_stages(engines->threads_ns) - codec_ns;
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "total",
                     json_seconds(process_ns + sum_stages(engines->programs_ns)), "starting",
                     json_seconds(self->starting_cpu_ns), "loading", json_seconds(self->loading_cpu_ns), "asr",
                     json_stage_cpu(engines, DUB_STAGE_ASR), "mt", json_stage_cpu(engines, DUB_STAGE_MT), "tts",
                     json_stage_cpu(engines, DUB_STAGE_TTS), "codec", json_seconds(codec_ns), "around",
                     json_seconds(around_ns));
}

static void print_done_json(const DubReport *self, const DubWorkerStats *stats, int64_t codec_ns, const char *output,
                            char **subtitles, bool interrupted, double elapsed_s, double factor)
{
    const uint64_t fallbacks = count_fallbacks(stats);
    command_print_json(json_pack(
        "{s:s, s:o, s:o, s:o, s:b, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "event", "done", "to",
        command_json_string(self->to), "output", command_json_string(output), "subtitles", names_to_json(subtitles),
        "interrupted", interrupted, "fragments", (json_int_t) (stats->dubbed + fallbacks), "dubbed",
        (json_int_t) stats->dubbed, "fallback", (json_int_t) fallbacks, "fallback_reasons", fallbacks_to_json(stats),
        "duration", json_seconds(stats->played_ns), "elapsed", command_json_real(round(elapsed_s * 1000) / 1000),
        "real_time_factor", command_json_real(round(factor * 10000) / 10000), "cpu", cpu_to_json(self, codec_ns)));
}

static char *pace_text(const DubReport *self, const DubWorkerStats *stats, double elapsed_s, double factor)
{
    if (self->paced)
        return g_strdup_printf("live, %.1f s behind", seconds(stats->delay_ns));
    return g_strdup_printf("in %.1f s (real-time factor %.2f)", elapsed_s, factor);
}

void dub_report_done(DubReport *self, const DubWorkerStats *stats, int64_t codec_ns, const char *output,
                     char **subtitles, bool interrupted, int64_t now_ns)
{
    const double elapsed_s = seconds(now_ns - self->begun_ns);
    const double factor = stats->played_ns > 0 ? elapsed_s / seconds(stats->played_ns) : 0;
    if (self->style == DUB_REPORT_JSON) {
        print_done_json(self, stats, codec_ns, output, subtitles, interrupted, elapsed_s, factor);
        return;
    }
    if (self->style == DUB_REPORT_QUIET)
        return;
    const uint64_t fallbacks = count_fallbacks(stats);
    g_autofree char *reasons = fallbacks_text(stats);
    clear_line(self);
    g_autofree char *pace = pace_text(self, stats, elapsed_s, factor);
    printf("%.1f s %s: %" G_GUINT64_FORMAT " fragments, %" G_GUINT64_FORMAT " dubbed, %" G_GUINT64_FORMAT
           " fallback%s -> %s\n",
           seconds(stats->played_ns), pace, stats->dubbed + fallbacks, stats->dubbed, fallbacks, reasons,
           output ? output : "nothing");
    fflush(stdout);
}

void dub_report_kept(DubReport *self, uint64_t n_kept, uint64_t n_asked)
{
    if (self->style == DUB_REPORT_JSON) {
        command_print_json(
            json_pack("{s:s, s:I, s:I}", "event", "kept", "kept", (json_int_t) n_kept, "asked", (json_int_t) n_asked));
        return;
    }
    if (self->style == DUB_REPORT_QUIET)
        return;
    dub_report_end_line(self);
    printf("%" G_GUINT64_FORMAT " fragments as they were, %" G_GUINT64_FORMAT " dubbed now\n", n_kept, n_asked);
}

void dub_report_warning(DubReport *self, const char *text)
{
    if (self->style == DUB_REPORT_JSON) {
        command_print_json(json_pack("{s:s, s:o}", "event", "warning", "message", command_json_string(text)));
        return;
    }
    g_autofree char *line = dub_log_printable(text, SAID_BYTES);
    dub_report_end_line(self);
    fprintf(stderr, "airdub: warning: %s\n", line);
}

void dub_report_free(DubReport *self)
{
    if (!self)
        return;
    dub_report_end_line(self);
    g_free(self->to);
    g_free(self);
}

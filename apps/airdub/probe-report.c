/* airdub/probe-report.c: everything it keeps is of constant size, so a probe may run for days. */
#include "airdub/probe-report.h"

#include "airdub/command.h"
#include "airdub/probe-times.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/http.h"
#include "base/log.h"

#include <stdio.h>

#define MAX_CODES   32 /* kept apart; a peer may make up any number */
#define CODE_BYTES  40 /* printed of one */
#define BAR_COLUMNS 50

typedef enum { TIME_ACK, TIME_PROCESSED, TIME_SERVER, TIME_ENGINES, TIME_AROUND, N_TIMES } TimeKind;

static const struct {
    const char *name, *label;
} times[N_TIMES] = {
    [TIME_ACK] = { "ack_ms", "fragment:ack" },
    [TIME_PROCESSED] = { "processed_ms", "fragment:processed" },
    [TIME_SERVER] = { "server_ms", "server's own count" },
    [TIME_ENGINES] = { "engines_ms", "its engines" },
    [TIME_AROUND] = { "around_ms", "all but the engines" },
};

struct _ProbeReport {
    const ProbeOptions *options;
    int64_t started_ns, last_ns; /* the last answer's */
    double audio_ms;             /* of what was answered */
    const ProbeClip *clip;
    uint64_t statuses[PROBE_N_STATUSES];
    GHashTable *codes; /* name -> count in a pointer */
    uint64_t n_pressure;
    guint n_streams_failed;
    GError *first_failure;
    ProbeTimes times[N_TIMES];
};

ProbeReport *probe_report_new(const ProbeOptions *options)
{
    ProbeReport *self = g_new0(ProbeReport, 1);
    self->options = options;
    self->codes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return self;
}

void probe_report_free(ProbeReport *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->codes);
    g_clear_error(&self->first_failure);
    g_free(self);
}

/* ---- start ---- */

static double average_bytes(const ProbeClip *clip)
{
    double total = 0;
    for (guint i = 0; i < clip->audio->len; i++)
        total += (double) ((const DubWireAudio *) clip->audio->pdata[i])->n_bytes;
    return total / clip->audio->len;
}

static void print_start(const ProbeReport *self, uint64_t n_fragments)
{
    const ProbeOptions *o = self->options;
    printf("%s: %u fragments of %.0f bytes (%g s, %u Hz, %u channels)%s\n", o->file, self->clip->audio->len,
           average_bytes(self->clip), o->segment_s, self->clip->rate_hz, self->clip->channels,
           self->clip->is_cut ? "; the rest of the file is not sent" : "");
    g_autofree char *service = dub_url_printable(o->url);
    printf("%s: streams: %d, window: %d, fragments each: %" G_GUINT64_FORMAT "\n\n", service, o->streams, o->window,
           n_fragments);
    printf("%6s %8s %9s %12s %9s %7s %7s %7s  %s\n", "STREAM", "FRAGMENT", "ACK ms", "PROCESSED ms", "SERVER ms", "ASR",
           "MT", "TTS", "STATUS");
}

void probe_report_start(ProbeReport *self, const ProbeClip *clip, uint64_t n_fragments)
{
    const ProbeOptions *o = self->options;
    self->clip = clip;
    self->started_ns = self->last_ns = dub_clock_now();
    if (o->quiet)
        return;
    if (!o->as_json) {
        print_start(self, n_fragments);
        return;
    }
    command_print_json(json_pack("{s:s, s:o, s:o, s:i, s:i, s:I, s:i, s:o, s:i, s:i, s:b}", "event", "start", "url",
                                 command_json_string(o->url), "file", command_json_string(o->file), "streams",
                                 o->streams, "window", o->window, "fragments", (json_int_t) n_fragments,
                                 "clip_fragments", (int) clip->audio->len, "average_bytes",
                                 command_json_real(average_bytes(clip)), "rate_hz", (int) clip->rate_hz, "channels",
                                 (int) clip->channels, "clip_is_cut", (int) clip->is_cut));
}

/* ---- a fragment ---- */

static void count_code(ProbeReport *self, const char *code)
{
    const bool is_known = g_hash_table_contains(self->codes, code);
    if (!is_known && g_hash_table_size(self->codes) >= MAX_CODES)
        code = "other";
    const gsize count = GPOINTER_TO_SIZE(g_hash_table_lookup(self->codes, code));
    g_hash_table_insert(self->codes, g_strdup(code), GSIZE_TO_POINTER(count + 1));
}

/* What the three stages took together; -1 where none is told. */
static double engines_ms(const ProbeResult *result)
{
    if (result->asr_ms < 0 && result->translation_ms < 0 && result->tts_ms < 0)
        return -1;
    return MAX(result->asr_ms, 0) + MAX(result->translation_ms, 0) + MAX(result->tts_ms, 0);
}

static void add_time(ProbeReport *self, TimeKind kind, double ms)
{
    if (ms >= 0)
        probe_times_add(&self->times[kind], ms);
}

static void count(ProbeReport *self, const ProbeResult *result)
{
    const double engines = engines_ms(result);
    self->statuses[result->status]++;
    if (result->code)
        count_code(self, result->code);
    add_time(self, TIME_ACK, result->ack_ms);
    if (!probe_status_is_answer(result->status))
        return;
    add_time(self, TIME_PROCESSED, result->processed_ms);
    add_time(self, TIME_SERVER, result->server_ms);
    add_time(self, TIME_ENGINES, engines);
    if (engines >= 0)
        add_time(self, TIME_AROUND, MAX(result->processed_ms - engines, 0));
}

static void print_ms(int width, double ms)
{
    if (ms < 0)
        printf(" %*s", width, "-");
    else
        printf(" %*.*f", width, ms < 100 ? 2 : 0, ms);
}

static void print_result(const ProbeResult *r)
{
    printf("%6u %8" G_GUINT64_FORMAT, r->stream, r->number);
    print_ms(9, r->ack_ms);
    print_ms(12, r->processed_ms);
    print_ms(9, r->server_ms);
    print_ms(7, r->asr_ms);
    print_ms(7, r->translation_ms);
    print_ms(7, r->tts_ms);
    g_autofree char *code = r->code ? dub_log_printable(r->code, CODE_BYTES) : NULL;
    printf("  %s%s%s\n", probe_status_to_string(r->status), code ? " " : "", code ? code : "");
    fflush(stdout);
}

static DubJson *ms_or_null(double ms)
{
    return ms < 0 ? json_null() : command_json_real(ms);
}

static void print_json_result(const ProbeResult *r)
{
    command_print_json(json_pack(
        "{s:s, s:i, s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "event", "fragment", "stream", (int) r->stream,
        "number", (json_int_t) r->number, "status", probe_status_to_string(r->status), "ack_ms", ms_or_null(r->ack_ms),
        "processed_ms", ms_or_null(r->processed_ms), "server_ms", ms_or_null(r->server_ms), "asr_ms",
        ms_or_null(r->asr_ms), "mt_ms", ms_or_null(r->translation_ms), "tts_ms", ms_or_null(r->tts_ms), "code",
        command_json_string(r->code), "message", command_json_string(r->message)));
}

void probe_report_result(ProbeReport *self, const ProbeResult *result, int64_t now_ns)
{
    count(self, result);
    if (probe_status_is_answer(result->status)) {
        const DubWireAudio *audio = self->clip->audio->pdata[result->number % self->clip->audio->len];
        self->last_ns = now_ns;
        self->audio_ms += (double) audio->duration_ms;
    }
    if (self->options->quiet)
        return;
    if (self->options->as_json)
        print_json_result(result);
    else
        print_result(result);
}

void probe_report_pressure(ProbeReport *self)
{
    self->n_pressure++;
}

/* ---- failure ---- */

void probe_report_stream_failed(ProbeReport *self, const GError *error)
{
    self->n_streams_failed++;
    if (!self->first_failure)
        self->first_failure = g_error_copy(error);
}

static uint64_t count_all(const ProbeReport *self)
{
    uint64_t n = 0;
    for (guint i = 0; i < PROBE_N_STATUSES; i++)
        n += self->statuses[i];
    return n;
}

bool probe_report_is_empty(const ProbeReport *self)
{
    return count_all(self) == 0;
}

GError *probe_report_failure(const ProbeReport *self)
{
    const uint64_t n = count_all(self);
    const uint64_t bad = n - self->statuses[PROBE_SUCCESS] - self->statuses[PROBE_PARTIAL];
    if (self->first_failure) {
        GError *error = g_error_copy(self->first_failure);
        if (self->options->streams > 1)
            g_prefix_error(&error, "%u of %d streams failed; the first: ", self->n_streams_failed,
                           self->options->streams);
        return error;
    }
    if (bad == 0)
        return NULL;
    return g_error_new(DUB_ERROR, DUB_ERROR_FAILED,
                       "%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                       " fragments failed; their codes are above, the reasons in the log of the sts-service",
                       bad, n);
}

/* ---- summary ---- */

static double elapsed_s(const ProbeReport *self)
{
    return (double) (self->last_ns - self->started_ns) / (double) DUB_NS_PER_S;
}

static double per_second(const ProbeReport *self, double what)
{
    return elapsed_s(self) > 0 ? what / elapsed_s(self) : 0;
}

static double count_answers(const ProbeReport *self)
{
    return (double) (self->statuses[PROBE_SUCCESS] + self->statuses[PROBE_PARTIAL] + self->statuses[PROBE_FAILED]);
}

static void print_counts(const ProbeReport *self, guint unanswered)
{
    const char *separator = "";
    printf("\nfragments  ");
    for (guint i = 0; i < PROBE_N_STATUSES; i++) {
        if (self->statuses[i] == 0)
            continue;
        printf("%s%" G_GUINT64_FORMAT " %s", separator, self->statuses[i], probe_status_to_string(i));
        separator = ", ";
    }
    if (unanswered > 0)
        printf("%s%u on their way", separator, unanswered);
    printf("%s\n", probe_report_is_empty(self) && !unanswered ? "none" : "");
    GHashTableIter iter;
    void *code, *n;
    g_hash_table_iter_init(&iter, self->codes);
    while (g_hash_table_iter_next(&iter, &code, &n)) {
        g_autofree char *printable = dub_log_printable(code, CODE_BYTES);
        printf("code       %s %" G_GSIZE_FORMAT "\n", printable, GPOINTER_TO_SIZE(n));
    }
    if (self->n_pressure > 0)
        printf("pressure   asked to slow down %" G_GUINT64_FORMAT " times\n", self->n_pressure);
    printf("rate       %.1f fragments a second, %.1f seconds of sound a second, %.1f s\n",
           per_second(self, count_answers(self)), per_second(self, self->audio_ms / 1000), elapsed_s(self));
}

static void print_times(const ProbeReport *self)
{
    printf("\n%-19s %9s %9s %9s %9s %9s\n", "ms", "mean", "p50", "p95", "p99", "max");
    for (guint i = 0; i < N_TIMES; i++) {
        const ProbeTimes *t = &self->times[i];
        if (t->n == 0)
            continue;
        printf("%-19s", times[i].label);
        print_ms(9, probe_times_mean_ms(t));
        print_ms(9, probe_times_quantile_ms(t, 0.5));
        print_ms(9, probe_times_quantile_ms(t, 0.95));
        print_ms(9, probe_times_quantile_ms(t, 0.99));
        print_ms(9, t->max_ms);
        printf("\n");
    }
}

static void print_histogram(const ProbeReport *self, TimeKind kind)
{
    const ProbeTimes *t = &self->times[kind];
    g_autoptr(GArray) bars = probe_times_bars(t);
    uint64_t most = 1;
    if (bars->len == 0)
        return;
    for (guint i = 0; i < bars->len; i++)
        most = MAX(most, g_array_index(bars, ProbeBar, i).n);
    printf("\n%s, up to … ms\n", times[kind].label);
    for (guint i = 0; i < bars->len; i++) {
        const ProbeBar *bar = &g_array_index(bars, ProbeBar, i);
        const int columns = (int) (BAR_COLUMNS * bar->n / most);
        printf("%10g %9" G_GUINT64_FORMAT " %.*s\n", bar->to_ms, bar->n, columns,
               "##################################################");
    }
}

static DubJson *bars_to_json(const ProbeTimes *t)
{
    g_autoptr(GArray) bars = probe_times_bars(t);
    DubJson *list = json_array();
    for (guint i = 0; i < bars->len; i++) {
        const ProbeBar *bar = &g_array_index(bars, ProbeBar, i);
        json_array_append_new(list, json_pack("{s:f, s:I}", "to_ms", bar->to_ms, "count", (json_int_t) bar->n));
    }
    return list;
}

static DubJson *times_to_json(const ProbeTimes *t)
{
    if (t->n == 0)
        return json_null();
    return json_pack("{s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:o}", "count", (json_int_t) t->n, "min", t->min_ms, "mean",
                     probe_times_mean_ms(t), "p50", probe_times_quantile_ms(t, 0.5), "p95",
                     probe_times_quantile_ms(t, 0.95), "p99", probe_times_quantile_ms(t, 0.99), "max", t->max_ms,
                     "histogram", bars_to_json(t));
}

static DubJson *codes_to_json(const ProbeReport *self)
{
    DubJson *object = json_object();
    GHashTableIter iter;
    void *code, *n;
    g_hash_table_iter_init(&iter, self->codes);
    while (g_hash_table_iter_next(&iter, &code, &n))
        json_object_set_new(object, code, json_integer((json_int_t) GPOINTER_TO_SIZE(n)));
    return object;
}

static DubJson *failure_to_json(const GError *failure)
{
    if (!failure)
        return json_null();
    return json_pack("{s:o, s:i}", "message", command_json_string(failure->message), "status",
                     dub_error_exit_status(failure));
}

static void print_json_summary(const ProbeReport *self, guint unanswered, const GError *failure)
{
    DubJson *statuses = json_object();
    for (guint i = 0; i < PROBE_N_STATUSES; i++)
        json_object_set_new(statuses, probe_status_to_string(i), json_integer((json_int_t) self->statuses[i]));
    DubJson *summary =
        json_pack("{s:s, s:I, s:i, s:o, s:o, s:I, s:i, s:o, s:o, s:o, s:o}", "event", "summary", "fragments",
                  (json_int_t) count_all(self), "unanswered", (int) unanswered, "statuses", statuses, "codes",
                  codes_to_json(self), "pressure_events", (json_int_t) self->n_pressure, "streams_failed",
                  (int) self->n_streams_failed, "elapsed", command_json_real(elapsed_s(self)), "fragments_per_second",
                  command_json_real(per_second(self, count_answers(self))), "audio_per_second",
                  command_json_real(per_second(self, self->audio_ms / 1000)), "error", failure_to_json(failure));
    for (guint i = 0; i < N_TIMES; i++)
        json_object_set_new(summary, times[i].name, times_to_json(&self->times[i]));
    command_print_json(summary);
}

void probe_report_summary(const ProbeReport *self, guint unanswered, const GError *failure)
{
    if (self->options->as_json) {
        print_json_summary(self, unanswered, failure);
        return;
    }
    print_counts(self, unanswered);
    print_times(self);
    print_histogram(self, TIME_ACK);
    print_histogram(self, TIME_PROCESSED);
    fflush(stdout);
}

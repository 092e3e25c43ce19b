/* apps/media-service/stream.c: a runner, its metrics and its checkpoint. */
#include "stream.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "metrics.h"
#include "worker/checkpoint.h"

#include <libsoup/soup.h>
#include <stdlib.h>
#include <string.h>

#define TRACKS_MS   2000 /* of timestamps, before MediaMTX takes a publisher's tracks as known */
#define SAVE_MS     1000 /* of what is played: what is fetched and shown twice after kill -9 */
#define SEEN_MS     2000 /* the media server is asked each second, and answers */
#define LATENCIES   256  /* the newest, for the percentiles: 25 minutes of 6 s fragments */
#define MOST_TRACKS 256  /* trackId has a byte */

struct _MediaStream {
    const MediaStreamContext *context;
    char *id, *worker_id;
    char *takes_over; /* worker_id of who had it, which proves that it is ours now; NULL: nobody, or unknown */
    DubRunner *runner;
    MediaStreamStoppedFunc on_stopped;
    void *user_data;
    bool leaving; /* it is the service that stops: the next one goes on where this one has stopped */
    int64_t started_ns;
    double latencies_ms[LATENCIES];
    guint n_latencies;
    DubCheckpoint before; /* of the workers before this one */
    uint64_t next_fragment;
    uint64_t saved_fragment; /* as the file has it … */
    int64_t saved_played_ms; /* … and this */
    bool checkpoint_failed;  /* said once, not every 6 s */
    char *own_output;        /* who publishes our output, by the media server, while that was us; NULL: never heard */
};

const char *media_stream_id(const MediaStream *self)
{
    return self->id;
}

static void note_latency(MediaStream *self, int64_t latency_ns)
{
    const double ms = (double) latency_ns / DUB_NS_PER_MS;
    self->latencies_ms[self->n_latencies++ % LATENCIES] = ms;
    media_metrics_latency(self->context->metrics, self->id, ms / 1000);
}

static void on_fragment(const DubWorkerFragment *fragment, void *user_data)
{
    MediaStream *self = user_data;
    if (fragment->latency_ns != DUB_TIME_NONE)
        note_latency(self, fragment->latency_ns);
    self->next_fragment = fragment->index + 1;
    const DubSpeechResult *result = fragment->result;
    g_autofree char *heard =
        result && result->answer->transcript ? dub_log_printable(result->answer->transcript, 200) : NULL;
    g_autofree char *said =
        result && result->answer->translated_text ? dub_log_printable(result->answer->translated_text, 200) : NULL;
    dub_info("stream %s: fragment %" G_GUINT64_FORMAT " at %.2f s: %s%s%s%s%s", self->id, fragment->index,
             (double) fragment->start_ns / DUB_NS_PER_S,
             fragment->fallback == DUB_FALLBACK_NONE ? "dubbed" : dub_fallback_to_string(fragment->fallback),
             heard ? ": " : "", heard ? heard : "", said ? " -> " : "", said ? said : "");
    media_stream_refresh(self);
}

static void on_state(DubWorkerState state, void *user_data)
{
    MediaStream *self = user_data;
    if (self->runner)
        media_stream_refresh(self);
    if (state == DUB_WORKER_DRAINING)
        self->context->on_source_ended(self->id, self->context->factory_data);
}

static void on_claim(void *user_data)
{
    MediaStream *self = user_data;
    self->context->on_claim(self->id, self->context->factory_data);
}

static void on_stopped(const GError *error, G_GNUC_UNUSED const char *output, void *user_data)
{
    MediaStream *self = user_data;
    media_stream_refresh(self);
    if (error)
        media_metrics_error(self->context->metrics, self->id, error);
    else if (!self->leaving)
        dub_checkpoint_remove(self->context->config->segment_dir, self->id);
    self->on_stopped(self, error, self->user_data);
}

static DubRunnerCallbacks callbacks_of(const MediaStreamContext *context)
{
    return (DubRunnerCallbacks){ .on_state = on_state,
                                 .on_fragment = on_fragment,
                                 .on_stopped = on_stopped,
                                 .on_claim = context->on_claim ? on_claim : NULL };
}

static void read_checkpoint(MediaStream *self)
{
    g_autoptr(GError) error = NULL;
    if (dub_checkpoint_read(self->context->config->segment_dir, self->id, &self->before, &error)) {
        dub_info("stream %s: goes on at fragment %" G_GUINT64_FORMAT, self->id, self->before.next_fragment);
    } else {
        memset(&self->before, 0, sizeof self->before);
        if (!g_error_matches(error, DUB_ERROR, DUB_ERROR_NOT_FOUND))
            dub_warning("stream %s: %s", self->id, error->message);
    }
    self->next_fragment = self->saved_fragment = self->before.next_fragment;
}

static uint64_t sum_fallbacks(const DubWorkerStats *stats)
{
    uint64_t sum = 0;
    for (int i = DUB_FALLBACK_NONE + 1; i < DUB_N_FALLBACKS; i++)
        sum += stats->fallbacks[i];
    return sum;
}

/* What had come by then has been played. */
static int64_t played_unix_ms(const DubWorkerStats *stats)
{
    if (stats->played_arrived_ns == DUB_TIME_NONE || stats->played_ns == 0)
        return 0;
    return dub_clock_unix_ms() - (dub_clock_now() - stats->played_arrived_ns) / DUB_NS_PER_MS;
}

/* Until this worker has played something, what the one before it had played counts. */
static void write_checkpoint(MediaStream *self, const DubWorkerStats *stats)
{
    const int64_t played_ms = played_unix_ms(stats);
    const DubCheckpoint now = {
        .next_fragment = self->next_fragment,
        .epoch = self->before.epoch + stats->epochs + 1, /* the next worker starts one of its own */
        .dubbed = self->before.dubbed + stats->dubbed,
        .fallbacks = self->before.fallbacks + sum_fallbacks(stats),
        .played_unix_ms = played_ms ? played_ms : self->before.played_unix_ms,
    };
    g_autoptr(GError) error = NULL;
    const bool written = dub_checkpoint_write(self->context->config->segment_dir, self->id, &now, &error);
    if (!written && !self->checkpoint_failed)
        dub_warning("stream %s: no checkpoints: %s; the stream goes on", self->id, error->message);
    self->checkpoint_failed = !written;
    self->saved_fragment = self->next_fragment;
    self->saved_played_ms = now.played_unix_ms;
}

static bool has_news(const MediaStream *self, const DubWorkerStats *stats)
{
    const bool is_over = dub_runner_state(self->runner) == DUB_WORKER_STOPPED;
    const int64_t more_ms = played_unix_ms(stats) - self->saved_played_ms;
    return self->next_fragment != self->saved_fragment || more_ms >= SAVE_MS || (is_over && more_ms > 0);
}

void media_stream_refresh(MediaStream *self)
{
    DubWorkerStats stats;
    dub_runner_stats(self->runner, &stats);
    media_metrics_update(self->context->metrics, self->id, dub_runner_state(self->runner), &stats, self->before.dubbed);
    if (has_news(self, &stats))
        write_checkpoint(self, &stats);
}

static const char *query_value(GHashTable *query, const char *key, const char *fallback)
{
    const char *value = query ? g_hash_table_lookup(query, key) : NULL;
    return value && *value ? value : fallback;
}

/* Of what a publisher says: 0 where it says nothing, or nonsense, which is told. */
static unsigned query_track(const MediaStream *self, GHashTable *query, const char *key)
{
    const char *text = query_value(query, key, NULL);
    guint64 number = 0;
    if (!text || g_ascii_string_to_unsigned(text, 10, 1, MOST_TRACKS, &number, NULL))
        return (unsigned) number;
    g_autofree char *shown = dub_log_printable(text, 40);
    dub_warning("stream %s: ?%s=%s is no number of a track within 1 and %d; it is passed over", self->id, key, shown,
                MOST_TRACKS);
    return 0;
}

static DubRunner *make_runner(MediaStream *self, const char *source, GHashTable *query, GError **error)
{
    const MediaConfig *config = self->context->config;
    g_autofree char *out =
        g_strdup_printf("%s/live/%s/out%s", self->context->rtmp_url, self->id, self->context->rtmp_query);
    g_autofree char *path = g_strdup_printf("live/%s/in", self->id);
    const bool goes_on = self->before.next_fragment > 0; /* its head has been played */
    const DubRunnerConfig runner = {
        .source_uri = source,
        .sink_uri = out,
        .sink_tracks_ms = g_str_equal(config->media_server, "mediamtx") ? TRACKS_MS : 0,
        .playback_url = goes_on && !self->before.played_unix_ms ? NULL : config->playback_url,
        .playback_path = path,
        .since_unix_ms = self->before.played_unix_ms,
        .audio_track = query_track(self, query, "audio"),
        .commentary_track = query_track(self, query, "commentary"),
        .source_language = query_value(query, "from", config->source_language),
        .target_language = query_value(query, "lang", config->target_language),
        .voice = query_value(query, "voice", config->voice),
        .stream_id = self->id,
        .worker_id = self->worker_id,
        .takes_over = self->takes_over,
        .max_inflight = config->max_inflight,
        .timeout_ms = config->sts_timeout_ms,
        .worker = {
            .segment_ns = (int64_t) (config->segment_s * DUB_NS_PER_S),
            .segment_mode = g_str_equal(config->segment_mode, "fixed") ? DUB_SEGMENT_FIXED : DUB_SEGMENT_PAUSE,
            .playout_delay_ns = (int64_t) (config->playout_delay_s * DUB_NS_PER_S),
            .bed_gain = media_config_bed_gain(config),
            .breaker_threshold = config->breaker_threshold,
            .breaker_cooldown_ns = config->breaker_timeout_s * DUB_NS_PER_S,
            .source_attempts = 5,
            .patience_ns = config->source_patience_s * DUB_NS_PER_S,
            .first_fragment = self->before.next_fragment,
        },
        .create_speech = self->context->create_speech,
        .factory_data = self->context->factory_data,
    };
    const DubRunnerCallbacks callbacks = callbacks_of(self->context);
    return dub_runner_new(&runner, &callbacks, self, error);
}

bool media_stream_chooses_track(const char *query)
{
    g_autoptr(GHashTable) values = soup_form_decode(query);
    return query_value(values, "audio", NULL) || query_value(values, "commentary", NULL);
}

/* Another had the output until it was last seen there, or until it last renewed its lease at the latest, and was as far
 * behind as we would be. */
static void take_over(MediaStream *self)
{
    const MediaConfig *config = self->context->config;
    const int64_t delay_ns = config->playout_delay_s > 0
                                 ? (int64_t) (config->playout_delay_s * DUB_NS_PER_S)
                                 : dub_worker_default_delay((int64_t) (config->segment_s * DUB_NS_PER_S),
                                                            config->sts_timeout_ms * DUB_NS_PER_MS, 0);
    const int64_t played_ms = dub_clock_unix_ms() - SEEN_MS - self->context->lease_ttl_ms - delay_ns / DUB_NS_PER_MS;
    self->before.played_unix_ms = MAX(self->before.played_unix_ms, played_ms);
}

/* Of one instance alone, which may then take its own session over at once, and nobody else's; at most 64 */
static char *make_worker_id(const char *instance, const char *stream_id)
{
    return g_strdup_printf("%s-%.47s", instance, stream_id);
}

MediaStream *media_stream_new(const MediaStreamContext *context, const DubStreamEntry *entry, const char *previous,
                              const char *source, MediaStreamStoppedFunc stopped, void *user_data, GError **error)
{
    const char *stream_id = entry->stream_id;
    MediaStream *self = g_new0(MediaStream, 1);
    self->context = context;
    self->id = g_strdup(stream_id);
    self->worker_id = make_worker_id(context->instance, stream_id);
    self->takes_over = previous ? make_worker_id(previous, stream_id) : NULL;
    self->on_stopped = stopped;
    self->user_data = user_data;
    self->started_ns = dub_clock_now();
    read_checkpoint(self);
    if (entry->is_taken_over)
        take_over(self);
    g_autoptr(GHashTable) values = soup_form_decode(entry->query);
    self->runner = make_runner(self, source, values, error);
    if (!self->runner) {
        media_stream_free(self);
        return NULL;
    }
    /* Anybody may read the metrics, and whoever knows the whole could take the stream over. */
    g_autofree char *shown = g_strdup_printf("%.8s-%s", context->instance, stream_id);
    media_metrics_begin(context->metrics, self->id, shown);
    dub_runner_start(self->runner);
    return self;
}

void media_stream_free(MediaStream *self)
{
    if (!self)
        return;
    dub_runner_free(self->runner);
    g_free(self->own_output);
    g_free(self->worker_id);
    g_free(self->takes_over);
    g_free(self->id);
    g_free(self);
}

bool media_stream_resume(MediaStream *self, const char *source, bool is_same)
{
    return dub_runner_resume(self->runner, source, is_same);
}

void media_stream_source_gone(MediaStream *self)
{
    dub_runner_source_gone(self->runner);
}

/* "": a server that does not say who: what we had, may be ours still; what we never had, is not. */
static bool is_own(const MediaStream *self, const char *owner)
{
    return self->own_output && (!*owner || g_str_equal(owner, self->own_output));
}

void media_stream_output_owner(MediaStream *self, const char *owner, const GError *error)
{
    g_autoptr(GError) taken = NULL;
    if (!error && owner && !is_own(self, owner))
        taken = g_error_new(DUB_ERROR, DUB_ERROR_BUSY, "live/%s/out is published by another; in reserve", self->id);
    dub_runner_may_publish(self->runner, error ? error : taken);
}

void media_stream_note_output(MediaStream *self, const char *owner)
{
    if (!owner || !dub_runner_is_publishing(self->runner))
        return;
    g_free(self->own_output);
    self->own_output = g_strdup(owner);
}

void media_stream_stop(MediaStream *self, unsigned within_ms)
{
    self->leaving = true;
    dub_runner_stop(self->runner, within_ms);
}

void media_stream_lose(MediaStream *self)
{
    DubWorkerStats stats;
    media_stream_refresh(self);
    dub_runner_stats(self->runner, &stats);
    media_metrics_update(self->context->metrics, self->id, DUB_WORKER_STOPPED, &stats, self->before.dubbed);
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *) a, y = *(const double *) b;
    return (x > y) - (x < y);
}

/* Nearest rank; 0 without samples. */
static double percentile(const MediaStream *self, double p)
{
    const guint n = MIN(self->n_latencies, LATENCIES);
    double sorted[LATENCIES];
    memcpy(sorted, self->latencies_ms, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare_doubles);
    return n ? sorted[MIN((guint) (p * n), n - 1)] : 0;
}

DubJson *media_stream_to_json(const MediaStream *self)
{
    DubWorkerStats stats;
    dub_runner_stats(self->runner, &stats);
    const uint64_t dubbed = self->before.dubbed + stats.dubbed;
    const uint64_t fallbacks = self->before.fallbacks + sum_fallbacks(&stats);
    return json_pack(
        "{s:s, s:s, s:I, s:I, s:I, s:f, s:f, s:i, s:s, s:f, s:f, s:I, s:I}", "stream_id", self->id, "state",
        dub_worker_state_to_string(dub_runner_state(self->runner)), "fragments", (json_int_t) (dubbed + fallbacks),
        "dubbed", (json_int_t) dubbed, "fallback", (json_int_t) fallbacks, "latency_p50_ms", percentile(self, 0.5),
        "latency_p95_ms", percentile(self, 0.95), "inflight", (int) stats.inflight, "breaker",
        dub_breaker_state_to_string(stats.breaker), "delay_ms", (double) stats.delay_ns / DUB_NS_PER_MS, "uptime_s",
        (double) (dub_clock_now() - self->started_ns) / DUB_NS_PER_S, "played_ms",
        (json_int_t) (stats.played_ns / DUB_NS_PER_MS), "first_fragment", (json_int_t) self->before.next_fragment);
}

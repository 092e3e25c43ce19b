/* Random schedules: whatever source, speech service, output and operator do, in whatever order, a stream's output stays one
 * timeline, and each fragment has one fate. Virtual time; the world here keeps to the contracts of worker.h, no more.
 *
 * Each frame of sound that the source delivers carries its own number as its level, and a dub repeats the sound that was sent.
 * So the output tells, sample by sample, which frame of the source it is.
 *
 *   test-schedules                 100,000 schedules from GTest's seed
 *   test-schedules --seed R02S…    the same ones again
 *   test-schedules --schedule N    one, by the number that a failure has printed */
#include "worker/worker.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#include <math.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define SCHEDULES  100000
#define RATE       8000u
#define MS         DUB_NS_PER_MS
#define BLOCK_MS   20
#define BLOCK      (RATE / 1000 * BLOCK_MS)
#define CODES      (1 << 20)          /* numbers of frames that a level tells apart: two minutes */
#define OFF_NS     (61 * MS)          /* timestamps that are off by up to 60 ms are jitter, and a frame for rounding */
#define HANGS_NS   (600 * DUB_NS_PER_S)
#define MOST_STEPS 160
#define FADE       (RATE / 1000 * DUB_CROSSFADE_MS)

typedef enum {
    PLAY,        /* so many blocks of the source */
    WAIT,        /* time passes, and nothing comes */
    SKIP,        /* timestamps go on later, earlier, or elsewhere */
    READY,       /* the link is there */
    ANSWER,      /* one fragment is dubbed, or fails */
    AGAIN,       /* an answer comes twice, or is for nobody */
    PRESSURE,    /* pause, slow down, resume */
    LINK_ERROR,  /* it is lost, or given up */
    EXPECTED,    /* the engines tell what they take */
    AWAY,        /* the source breaks, or ends */
    BACK,        /* the source tells its shape; or who waits for it learns that it is there */
    SINK_BREAKS, /* the output */
    SINK_OPENS,  /* it is ours */
    ROOM,        /* it takes no more, or more again */
    STOP,
    N_EVENTS
} EventType;

static const struct {
    const char *name;
    unsigned weight;
} event_types[N_EVENTS] = {
    [PLAY] = { "play", 40 },         [WAIT] = { "wait", 8 },       [SKIP] = { "skip", 4 },
    [READY] = { "ready", 5 },        [ANSWER] = { "answer", 16 },  [AGAIN] = { "again", 2 },
    [PRESSURE] = { "pressure", 3 },  [LINK_ERROR] = { "link-error", 2 }, [EXPECTED] = { "expected", 1 },
    [AWAY] = { "away", 2 },          [BACK] = { "back", 6 },       [SINK_BREAKS] = { "sink-breaks", 2 },
    [SINK_OPENS] = { "sink-opens", 4 }, [ROOM] = { "room", 3 },    [STOP] = { "stop", 1 },
};

typedef struct {
    EventType type;
    unsigned a, b; /* any number: what of it matters, each event says */
} Event;

typedef struct {
    unsigned number;
    unsigned setting[8];
    unsigned n_events;
    Event events[MOST_STEPS];
} Schedule;

typedef struct {
    int64_t first_code, source_ns;
    unsigned base;
    bool taken, is_late, is_early; /* its timestamp lies after, or before the end of the block before it */
} Block;

typedef struct {
    int64_t source_ns, number;
    unsigned base;
    bool key_frame, squeezed; /* it goes back in time: the worker gives it another */
} Picture;

typedef struct {
    int64_t start_ns, deadline_ns;
    uint64_t sequence_number;
    gsize n_frames;
    float *samples; /* what an echo answers */
    bool is_out, was_lost, succeeded, failed;
} Sent;

typedef struct {
    int64_t from, end; /* output frames */
} FadeIn;

typedef struct {
    const Schedule *schedule;
    char *problem;
    DubWorkerConfig config;
    DubWorker *worker;
    DubWorkerInput input;
    DubWorkerStats stats;
    int64_t now_ns;
    bool live, ended, end_asked, complete, stopped, erred, stop_asked, cut_short, winding_down;
    int64_t stop_by_ns;
    /* source */
    bool source_open, told, held, is_known;
    int64_t source_ns, furthest_ns, sound_end_ns; /* of the next block; of the pictures and of the sound so far, in this base */
    unsigned base, blocks_since_key, pictures_in_base;
    GArray *blocks; /* Block */
    int64_t next_code, n_pictures, live_pictures;
    uint64_t pictures_in, pictures_out;
    bool is_late, is_early, has_skipped, may_rejoin;
    /* speech */
    bool speech_started, speech_up;
    unsigned max_inflight;
    uint64_t next_sequence, submitted, results, late;
    GArray *sent; /* Sent: not decided yet */
    uint64_t next_index, n_dubbed, n_original;
    int64_t decided_end_ns;
    /* sink */
    bool sink_open, sink_opening, sink_broke;
    unsigned n_sinks;
    bool sink_has_video, sink_has_sound;
    int64_t sink_frames, last_dts_ns, last_number;
    int64_t out_end; /* frame of the output timeline after the last one pushed; -1: this sink has none */
    int64_t last_code;
    guint block_at;
    bool tailless;  /* the dub decided last */
    GArray *fades;  /* FadeIn */
    bool was_away;    /* something before it was played to nobody */
    gsize n_zeros;    /* frames of silence since last_code */
    int64_t n_unsure; /* frames since last_code that fade in */
    unsigned sound_base, video_base;
    int64_t sound_offset_ns, video_offset_ns; /* output - source, in this sink */
} World;

static World *now_running; /* for what has no argument: free_payload, a crash */

#define CHECK(w, condition, ...)                                                      \
    do {                                                                              \
        if (!(condition) && !(w)->problem) {                                          \
            g_autofree char *told = g_strdup_printf(__VA_ARGS__);                     \
            (w)->problem = g_strdup_printf("%s: %s (line %d)", #condition, told, __LINE__); \
        }                                                                             \
    } while (0)

/* --- effects ---------------------------------------------------------------------------------------------------- */

static void on_open_source(void *data)
{
    World *w = data;
    CHECK(w, !w->stopped && !w->source_open, "the source is opened while it is open, or after the end");
    w->source_open = true;
    w->told = false;
}

static void on_close_source(void *data)
{
    ((World *) data)->source_open = false;
}

static void on_hold_source(bool held, void *data)
{
    World *w = data;
    CHECK(w, !w->live && held != w->held, "held %d", held);
    w->held = held;
}

static void on_start_speech(G_GNUC_UNUSED const DubWorkerInput *input, void *data)
{
    World *w = data;
    CHECK(w, !w->stopped && !w->speech_up, "speech is started while there is a link");
    w->speech_started = true;
}

static unsigned count_out(const World *w)
{
    unsigned n = 0;
    for (guint i = 0; i < w->sent->len; i++)
        n += g_array_index(w->sent, Sent, i).is_out;
    return n;
}

static guint find_sent(const World *w, int64_t start_ns)
{
    guint i = 0;
    while (i < w->sent->len && g_array_index(w->sent, Sent, i).start_ns != start_ns)
        i++;
    return i;
}

static void forget_sent(World *w, guint i)
{
    g_free(g_array_index(w->sent, Sent, i).samples);
    g_array_remove_index(w->sent, i);
}

static void on_submit(DubFragment *fragment, void *data)
{
    World *w = data;
    CHECK(w, w->speech_up, "fragment %" G_GUINT64_FORMAT " is sent without a link", fragment->sequence_number);
    CHECK(w, fragment->sequence_number == w->next_sequence, "number %" G_GUINT64_FORMAT, fragment->sequence_number);
    w->next_sequence++;
    w->submitted++;
    const guint before = find_sent(w, fragment->start_ns);
    if (before < w->sent->len) {
        CHECK(w, !w->config.paced && !w->live, "a live fragment is sent twice");
        CHECK(w, g_array_index(w->sent, Sent, before).was_lost, "it is still out");
        forget_sent(w, before);
    }
    const Sent sent = {
        .start_ns = fragment->start_ns,
        .deadline_ns = fragment->deadline_ns,
        .sequence_number = fragment->sequence_number,
        .n_frames = fragment->pcm->n_frames,
        .samples = g_memdup2(fragment->pcm->samples, fragment->pcm->n_frames * sizeof(float)),
        .is_out = true,
    };
    g_array_append_val(w->sent, sent);
    CHECK(w, count_out(w) <= w->max_inflight, "%u are out", count_out(w));
    dub_fragment_free(fragment);
}

static void on_applied(uint64_t sequence_number, void *data)
{
    World *w = data;
    bool found = false;
    for (guint i = 0; i < w->sent->len; i++) {
        const Sent *sent = &g_array_index(w->sent, Sent, i);
        found |= sent->succeeded && sent->sequence_number == sequence_number;
    }
    CHECK(w, found, "%" G_GUINT64_FORMAT " is applied", sequence_number);
}

static void on_end_speech(void *data)
{
    ((World *) data)->speech_up = ((World *) data)->speech_started = false;
}

static void sink_is_open(World *w)
{
    w->sink_open = true;
    w->sink_opening = false;
    w->n_sinks++;
    w->sink_frames = 0;
    w->sink_has_video = w->sink_has_sound = false;
    w->last_dts_ns = G_MININT64;
    w->sound_base = w->video_base = G_MAXUINT;
}

static bool on_open_sink(G_GNUC_UNUSED const DubWorkerInput *input, void *data)
{
    World *w = data;
    CHECK(w, !w->stopped && !w->sink_open && !w->sink_opening && !w->end_asked, "the output is open already");
    if ((w->n_sinks + w->schedule->setting[0]) % 3 == 0 && !w->winding_down) {
        w->sink_opening = true;
        return false;
    }
    sink_is_open(w);
    return true;
}

/* Where sound and picture of one time base lie in the output, against where they lay in the source. */
static void check_sync(World *w)
{
    if (w->sound_base != w->video_base || w->sound_base == G_MAXUINT)
        return;
    CHECK(w, ABS(w->sound_offset_ns - w->video_offset_ns) <= OFF_NS, "sound is %.1f ms after the picture",
          (double) (w->sound_offset_ns - w->video_offset_ns) / MS);
}

static void on_push_video(void *payload, int64_t pts_ns, int64_t dts_ns, void *data)
{
    World *w = data;
    g_autofree Picture *picture = payload;
    w->live_pictures--;
    w->pictures_out++;
    CHECK(w, w->sink_open && !w->end_asked, "a picture without an output");
    CHECK(w, dts_ns > w->last_dts_ns, "dts %" G_GINT64_FORMAT " after %" G_GINT64_FORMAT, dts_ns, w->last_dts_ns);
    CHECK(w, pts_ns >= dts_ns, "shown before it is decoded");
    CHECK(w, picture->number > w->last_number, "picture %d after %d", (int) picture->number, (int) w->last_number);
    CHECK(w, w->sink_has_video || picture->key_frame || !w->sink_broke || w->out_end <= 0,
          "the output begins again in the middle of a group");
    w->sink_has_video = true;
    w->last_dts_ns = dts_ns;
    w->last_number = picture->number;
    if (picture->squeezed)
        return;
    w->video_base = picture->base;
    w->video_offset_ns = dts_ns - picture->source_ns;
    check_sync(w);
}

/* Were the frames from @code up to @end rightly left out? */
static void check_left_out(World *w, int64_t code, int64_t end, bool was_away)
{
    while (code < end) {
        while (w->block_at + 1 < w->blocks->len && g_array_index(w->blocks, Block, w->block_at + 1).first_code <= code)
            w->block_at++;
        const Block *block = &g_array_index(w->blocks, Block, w->block_at);
        CHECK(w, was_away || !block->taken || block->is_early, "frame %d of the source is missing", (int) code);
        code = MIN(end, block->first_code + BLOCK);
    }
}

static void check_code(World *w, int64_t code, int64_t out_ns)
{
    CHECK(w, code > w->last_code, "frame %d of the source after %d", (int) code, (int) w->last_code);
    if (w->problem)
        return;
    if (code != w->last_code + 1 || w->n_zeros > 0) {
        check_left_out(w, MIN(w->last_code + 1 + w->n_unsure, code), code, w->was_away);
        while (w->block_at + 1 < w->blocks->len && g_array_index(w->blocks, Block, w->block_at + 1).first_code <= code)
            w->block_at++;
    } else if (w->block_at + 1 < w->blocks->len &&
               g_array_index(w->blocks, Block, w->block_at + 1).first_code <= code) {
        w->block_at++;
    }
    const Block *block = &g_array_index(w->blocks, Block, w->block_at);
    CHECK(w, block->taken, "frame %d came while nothing was to be taken", (int) code);
    CHECK(w, w->n_zeros == 0 || w->last_code < 0 || w->n_unsure > 0 || block->is_late, "%d frames of silence before frame %d", (int) w->n_zeros,
          (int) code);
    w->last_code = code;
    w->n_unsure = 0;
    if (code != block->first_code)
        return;
    w->sound_base = block->base;
    w->sound_offset_ns = out_ns - block->source_ns;
    check_sync(w);
}

static bool is_fading(World *w, int64_t frame)
{
    while (w->fades->len > 0 && g_array_index(w->fades, FadeIn, 0).end <= frame)
        g_array_remove_index(w->fades, 0);
    return w->fades->len > 0 && g_array_index(w->fades, FadeIn, 0).from <= frame;
}

static void on_push_audio(DubPcm *pcm, void *data)
{
    World *w = data;
    DubWorkerStats stats;
    dub_worker_stats(w->worker, &stats);
    const int64_t end = dub_ns_to_samples(stats.played_ns, RATE), first = end - (int64_t) pcm->n_frames;
    CHECK(w, w->sink_open && !w->end_asked, "sound without an output");
    CHECK(w, first == w->out_end || (first > w->out_end && !w->sink_has_sound), "frame %d after %d", (int) first,
          (int) w->out_end);
    w->was_away |= first > w->out_end;
    w->n_zeros = w->was_away ? 0 : w->n_zeros;
    for (gsize i = 0; i < pcm->n_frames && !w->problem; i++) {
        if (is_fading(w, first + (int64_t) i)) {
            w->n_unsure++;
            continue;
        }
        const int64_t code = lrintf(pcm->samples[i] * CODES) - 1;
        CHECK(w, fabsf(pcm->samples[i] * CODES - (float) (code + 1)) < 0.25f, "no frame of the source");
        if (code < 0) {
            w->n_zeros += !w->was_away;
            continue;
        }
        check_code(w, code, dub_samples_to_ns(w->sink_frames + (int64_t) i, RATE));
        w->was_away = false;
        w->n_zeros = 0;
    }
    w->sink_has_sound = true;
    w->out_end = end;
    w->sink_frames += (int64_t) pcm->n_frames;
    dub_pcm_unref(pcm);
}

static void on_end_sink(bool complete, void *data)
{
    World *w = data;
    CHECK(w, w->sink_open && !w->end_asked, "an output is ended that is not there");
    w->end_asked = true;
    w->complete = complete;
}

static DubFallback expected_fate(const World *w, const Sent *sent)
{
    if (!sent)
        return DUB_N_FALLBACKS; /* never sent: for any of three reasons */
    if (sent->succeeded)
        return DUB_FALLBACK_NONE;
    if (sent->failed)
        return DUB_FALLBACK_FAILED;
    return sent->was_lost || (w->cut_short && sent->is_out) ? DUB_FALLBACK_DISCONNECTED : DUB_FALLBACK_DEADLINE;
}

static bool is_never_sent(DubFallback fallback)
{
    return fallback == DUB_FALLBACK_BACKPRESSURE || fallback == DUB_FALLBACK_CIRCUIT_OPEN ||
           fallback == DUB_FALLBACK_DISCONNECTED;
}

/* A segment that was cut because nothing followed has no tail to fade into what follows after all. */
static void note_fade(World *w, int64_t start_ns)
{
    if (!w->tailless)
        return;
    w->tailless = false;
    const FadeIn fade = { dub_ns_to_samples(start_ns, RATE), dub_ns_to_samples(start_ns, RATE) + FADE };
    g_array_append_val(w->fades, fade);
}

static void on_decided(const DubWorkerFragment *fragment, void *data)
{
    World *w = data;
    CHECK(w, fragment->index == w->config.first_fragment + w->next_index, "fragment %d", (int) fragment->index);
    CHECK(w, fragment->start_ns == w->decided_end_ns || ABS(fragment->start_ns - w->decided_end_ns) <= 1,
          "starts at %" G_GINT64_FORMAT ", not at %" G_GINT64_FORMAT, fragment->start_ns, w->decided_end_ns);
    CHECK(w, fragment->duration_ns > 0, "an empty fragment");
    note_fade(w, fragment->start_ns);
    w->next_index++;
    w->decided_end_ns = fragment->start_ns + fragment->duration_ns;
    w->n_dubbed += fragment->fallback == DUB_FALLBACK_NONE;
    w->n_original += fragment->fallback != DUB_FALLBACK_NONE;
    const guint at = find_sent(w, fragment->start_ns);
    const Sent *sent = at < w->sent->len ? &g_array_index(w->sent, Sent, at) : NULL;
    const DubFallback expected = expected_fate(w, sent);
    CHECK(w, fragment->fallback == expected || (!sent && is_never_sent(fragment->fallback)) ||
              (sent && !w->live && !w->config.paced && sent->was_lost && is_never_sent(fragment->fallback)),
          "fragment %d: %s instead of %s", (int) fragment->index, dub_fallback_to_string(fragment->fallback),
          dub_fallback_to_string(expected));
    if (!sent)
        return;
    const int64_t tail = (int64_t) sent->n_frames - dub_ns_to_samples(fragment->duration_ns, RATE);
    w->tailless = fragment->fallback == DUB_FALLBACK_NONE && tail < FADE;
    forget_sent(w, at);
}

static void on_state(G_GNUC_UNUSED DubWorkerState state, void *data)
{
    CHECK((World *) data, !((World *) data)->stopped, "a state after the end");
}

static void on_stopped(const GError *error, void *data)
{
    World *w = data;
    CHECK(w, !w->stopped, "it ends twice");
    w->stopped = true;
    w->erred = error != NULL;
    w->source_open = false;
}

static void on_free_payload(void *payload)
{
    now_running->live_pictures--;
    g_free(payload);
}

static const DubWorkerEffects effects = {
    .open_source = on_open_source,
    .close_source = on_close_source,
    .hold_source = on_hold_source,
    .start_speech = on_start_speech,
    .submit = on_submit,
    .applied = on_applied,
    .end_speech = on_end_speech,
    .open_sink = on_open_sink,
    .push_video = on_push_video,
    .push_audio = on_push_audio,
    .end_sink = on_end_sink,
    .fragment_decided = on_decided,
    .state_changed = on_state,
    .stopped = on_stopped,
    .free_payload = on_free_payload,
};

/* --- what holds after each event ------------------------------------------------------------------------------------ */

static uint64_t sum_fallbacks(const DubWorkerStats *stats)
{
    uint64_t sum = 0;
    for (int i = DUB_FALLBACK_NONE + 1; i < DUB_N_FALLBACKS; i++)
        sum += stats->fallbacks[i];
    return sum;
}

static void check_counters(World *w, const DubWorkerStats *now)
{
    const DubWorkerStats *before = &w->stats;
#define RISES(field) CHECK(w, now->field >= before->field, "the counter went down")
    RISES(video_units);
    RISES(video_bytes);
    RISES(audio_segments);
    RISES(audio_bytes);
    RISES(sent);
    RISES(dubbed);
    RISES(late);
    RISES(epochs);
    RISES(gaps_filled);
    RISES(overlaps_dropped);
    RISES(rebuffers);
    RISES(video_dropped);
    RISES(reconnections);
    RISES(played_ns);
    RISES(breaker_failures);
    for (int i = 0; i < 3; i++) {
        RISES(answered[i]);
        RISES(pressure_events[i]);
    }
    for (int i = 0; i < DUB_N_FALLBACKS; i++)
        RISES(fallbacks[i]);
#undef RISES
}

static void check(World *w)
{
    DubWorkerStats now;
    dub_worker_stats(w->worker, &now);
    check_counters(w, &now);
    CHECK(w, now.dubbed == w->n_dubbed && sum_fallbacks(&now) == w->n_original, "fates told and counted differ");
    CHECK(w, now.sent == w->submitted && now.late == w->late, "%d sent, %d late", (int) now.sent, (int) now.late);
    CHECK(w, now.answered[0] + now.answered[1] + now.answered[2] == w->results, "answers");
    CHECK(w, now.audio_segments >= w->next_index, "a fragment is decided that was not cut");
    CHECK(w, now.video_units <= w->pictures_in, "pictures");
    CHECK(w, now.audio_queued_ns >= 0 && now.audio_queued_ns <= 60 * DUB_NS_PER_S, "sound waits");
    w->stats = now;
}

static void check_end(World *w)
{
    CHECK(w, w->stopped, "it does not end");
    CHECK(w, !w->stopped || dub_worker_state(w->worker) == DUB_WORKER_STOPPED, "state");
    if (w->erred || w->problem)
        return;
    CHECK(w, w->stats.audio_segments == w->next_index, "%d of %d fragments have a fate", (int) w->next_index,
          (int) w->stats.audio_segments);
    CHECK(w, ABS(w->decided_end_ns - w->stats.played_ns) <= 1, "played to %.3f s, decided to %.3f s",
          (double) w->stats.played_ns / DUB_NS_PER_S, (double) w->decided_end_ns / DUB_NS_PER_S);
    CHECK(w, w->stats.audio_queued_ns == 0 && w->stats.video_queued == 0, "something is not played");
    const bool was_whole = w->n_sinks == 1 && w->end_asked && (w->live || !w->stop_asked) && !w->sink_broke;
    if (was_whole && w->out_end == dub_ns_to_samples(w->stats.played_ns, RATE))
        check_left_out(w, w->last_code + 1, w->next_code, false);
}

/* --- events ----------------------------------------------------------------------------------------------------- */

static void tick(World *w)
{
    if (w->live || w->config.paced)
        dub_worker_tick(w->worker, w->now_ns);
    if (w->end_asked && !w->stopped && !w->problem) {
        w->sink_open = false;
        dub_worker_sink_finished(w->worker, w->now_ns);
    }
}

static void deliver_picture(World *w)
{
    static const int64_t reordered_ns[] = { 40 * MS, 80 * MS, 0, 0 };
    Picture *picture = g_new0(Picture, 1);
    *picture = (Picture){ w->source_ns, ++w->n_pictures, w->base, w->blocks_since_key == 0,
                          w->source_ns <= w->furthest_ns };
    const int64_t pts_ns = w->source_ns + reordered_ns[w->n_pictures % 4];
    const DubWorkerVideo video = { picture, pts_ns, w->source_ns, 2 * BLOCK_MS * MS, picture->key_frame, 1000, false };
    w->furthest_ns = MAX(w->furthest_ns, w->source_ns);
    w->blocks_since_key = (w->blocks_since_key + 1) % 10;
    w->live_pictures++;
    w->pictures_in++;
    w->pictures_in_base++;
    dub_worker_source_video(w->worker, &video, w->now_ns);
}

static void deliver_block(World *w)
{
    if (w->input.has_video && w->blocks->len % 2 == 0)
        deliver_picture(w);
    g_autoptr(DubPcm) pcm = dub_pcm_new(RATE, 1, BLOCK);
    for (gsize i = 0; i < BLOCK; i++)
        pcm->samples[i] = (float) (w->next_code + (int64_t) i + 1) / CODES;
    const bool taken = dub_worker_state(w->worker) == DUB_WORKER_RUNNING;
    const Block block = { w->next_code, w->source_ns, w->base, taken, w->is_late, w->is_early || w->may_rejoin };
    g_array_append_val(w->blocks, block);
    w->next_code += BLOCK;
    w->is_late = w->has_skipped = false;
    dub_worker_source_audio(w->worker, pcm, w->source_ns, w->now_ns);
    w->source_ns += BLOCK_MS * MS;
    w->is_early = w->is_early && w->source_ns < w->sound_end_ns;
    w->sound_end_ns = MAX(w->sound_end_ns, w->source_ns);
}

static void play(World *w, unsigned n_blocks)
{
    for (unsigned i = 0; i < n_blocks && !w->problem && !w->stopped; i++) {
        if (w->source_open && w->told && !w->held && w->next_code < CODES * 9 / 10)
            deliver_block(w);
        w->now_ns += BLOCK_MS * MS;
        tick(w);
    }
}

static void new_base(World *w, int64_t source_ns)
{
    /* Where only sound had left and is back before a picture was, it is where it has been heard already. */
    w->may_rejoin = w->input.has_video && w->pictures_in_base == 0;
    w->pictures_in_base = 0;
    w->base++;
    w->source_ns = source_ns;
    w->furthest_ns = w->sound_end_ns = G_MININT64;
    w->is_late = true;
}

static void skip(World *w, unsigned a, unsigned b)
{
    const int64_t span_ns = (int64_t) (260 + b % 2000) * MS; /* a quarter of it is no jitter either */
    if (w->has_skipped)
        return; /* two steps at once are one, which may be none */
    w->has_skipped = true;
    switch (a % 4) {
    case 0:
        w->source_ns += span_ns;
        w->is_late = true;
        break;
    case 1:
        w->furthest_ns = MAX(w->furthest_ns, w->source_ns);
        w->source_ns -= span_ns / 4;
        w->base += w->furthest_ns - w->source_ns > 900 * MS; /* steps may add up to a jump */
        w->is_early = w->is_late = true; /* and what was left out may be made up for with silence */
        break;
    case 2: new_base(w, w->source_ns + 7200 * DUB_NS_PER_S); break; /* further than the gaps of files */
    case 3: new_base(w, w->source_ns - 7200 * DUB_NS_PER_S); break;
    }
}

static void answer_at(World *w, guint i, unsigned how)
{
    Sent *sent = &g_array_index(w->sent, Sent, i);
    DubSpeechResult *result = dub_speech_result_new(sent->sequence_number);
    const bool fails = how % 8 < 3;
    if (fails)
        dub_fragment_processed_fail(result->answer, "MODEL_ERROR", "asr", how % 8 < 2, "made to fail");
    else
        result->dub = dub_pcm_new(RATE, 1, sent->n_frames);
    if (!fails)
        memcpy(result->dub->samples, sent->samples, sent->n_frames * sizeof(float));
    if (how % 8 == 7)
        result->answer->status = DUB_PROCESSED_PARTIAL;
    sent->is_out = false;
    sent->failed = fails;
    sent->succeeded = !fails;
    w->results++;
    dub_worker_speech_result(w->worker, result, w->now_ns);
}

/* Mostly the oldest; @a chooses. */
static void answer(World *w, unsigned a, unsigned b)
{
    const unsigned n_out = count_out(w);
    if (!w->speech_up || n_out == 0)
        return;
    unsigned nth = a % 3 > 0 ? 0 : a / 3 % n_out;
    for (guint i = 0; i < w->sent->len; i++) {
        if (g_array_index(w->sent, Sent, i).is_out && nth-- == 0) {
            answer_at(w, i, b);
            return;
        }
    }
}

/* For a fragment that has its answer, is decided, or never was. */
static void answer_again(World *w, unsigned a)
{
    if (!w->speech_up)
        return;
    uint64_t number = a % 2 && w->next_sequence > 0 ? a / 2 % w->next_sequence : w->next_sequence + a;
    for (guint i = 0; i < w->sent->len; i++) {
        const Sent *sent = &g_array_index(w->sent, Sent, i);
        if (sent->is_out && sent->sequence_number == number)
            number = w->next_sequence + a;
    }
    DubSpeechResult *result = dub_speech_result_new(number);
    result->dub = dub_pcm_new(RATE, 1, BLOCK);
    w->results++;
    w->late++;
    dub_worker_speech_result(w->worker, result, w->now_ns);
}

static void link_is_ready(World *w, unsigned a)
{
    if (!w->speech_started || w->speech_up)
        return;
    w->speech_up = true;
    w->next_sequence = 0;
    w->max_inflight = 1 + a % 4;
    dub_worker_speech_ready(w->worker, w->max_inflight, w->now_ns);
}

static void link_breaks(World *w, unsigned a)
{
    if (!w->speech_started)
        return;
    g_autoptr(GError) error = g_error_new_literal(DUB_ERROR, DUB_ERROR_NETWORK, "the link broke");
    w->speech_up = false;
    for (guint i = 0; i < w->sent->len; i++) {
        Sent *sent = &g_array_index(w->sent, Sent, i);
        sent->was_lost |= sent->is_out;
        sent->is_out = false;
    }
    w->speech_started = a % 4 > 0;
    if (w->speech_started)
        dub_worker_speech_lost(w->worker, w->now_ns);
    else
        dub_worker_speech_failed(w->worker, error, w->now_ns);
}

static void source_goes(World *w, unsigned a)
{
    if (!w->source_open)
        return;
    const int code = a % 8 == 7 ? DUB_ERROR_UNSUPPORTED : DUB_ERROR_NETWORK;
    g_autoptr(GError) error = g_error_new_literal(DUB_ERROR, code, "the source broke");
    if (w->told && w->held)
        return; /* a source that is held does not get to its end */
    if (w->told && a % 3 == 0)
        dub_worker_source_eos(w->worker, w->now_ns);
    else
        dub_worker_source_error(w->worker, error, w->now_ns);
}

static void source_comes(World *w, unsigned a, unsigned b)
{
    if (!w->source_open && w->live)
        dub_worker_resume(w->worker, a % 2, w->now_ns);
    tick(w);
    if (!w->source_open || w->told)
        return;
    new_base(w, b % 2 ? w->source_ns : 0);
    w->blocks_since_key = a % 2; /* from a key frame on, or from the middle of a group */
    DubWorkerInput input = w->input;
    input.head_ns = b % 3 ? 0 : (int64_t) (b % 500) * MS;
    input.first_ns = w->source_ns;
    if (w->is_known && b % 16 == 15)
        input.channels = 2;
    w->told = w->is_known = true;
    dub_worker_source_info(w->worker, &input, w->now_ns);
}

static void sink_breaks(World *w, unsigned a)
{
    if ((!w->sink_open && !w->sink_opening))
        return;
    static const int codes[] = { DUB_ERROR_NETWORK, DUB_ERROR_NETWORK, DUB_ERROR_TIMEOUT, DUB_ERROR_BUSY,
                                 DUB_ERROR_NETWORK, DUB_ERROR_NETWORK, DUB_ERROR_NETWORK, DUB_ERROR_NO_SPACE };
    g_autoptr(GError) error = g_error_new_literal(DUB_ERROR, codes[a % 8], "the output broke");
    w->sink_open = w->sink_opening = false;
    w->sink_broke = true;
    dub_worker_sink_error(w->worker, error, w->now_ns);
}

static void sink_opens(World *w)
{
    if (!w->sink_opening)
        return;
    sink_is_open(w);
    dub_worker_sink_opened(w->worker, w->now_ns);
}

static void stop(World *w, unsigned a)
{
    w->cut_short |= dub_worker_state(w->worker) == DUB_WORKER_DRAINING;
    w->stop_asked = true;
    dub_worker_stop(w->worker, a % 3 ? (int64_t) (a % 2000) * MS : 0, w->now_ns);
}

static void happen(World *w, const Event *event)
{
    const unsigned a = event->a, b = event->b;
    switch (event->type) {
    case PLAY: play(w, 1 + a % 16); break;
    case WAIT:
        w->now_ns += (b % 16 ? a % 300 : a % 40000) * MS;
        w->is_late |= w->live; /* what comes of a live source then may belong later, too */
        break;
    case SKIP: skip(w, a, b); break;
    case READY: link_is_ready(w, a); break;
    case ANSWER: answer(w, a, b); break;
    case AGAIN: answer_again(w, a); break;
    case PRESSURE: dub_worker_speech_pressure(w->worker, (DubPressure) (a % 3), b % 3000, w->now_ns); break;
    case LINK_ERROR: link_breaks(w, a); break;
    case EXPECTED:
        if (w->speech_started && !w->speech_up)
            dub_worker_speech_expected(w->worker, a % 1000 * MS, w->now_ns);
        break;
    case AWAY: source_goes(w, a); break;
    case BACK: source_comes(w, a, b); break;
    case SINK_BREAKS: sink_breaks(w, a); break;
    case SINK_OPENS: sink_opens(w); break;
    case ROOM: dub_worker_sink_room(w->worker, a % 2, w->now_ns); break;
    case STOP: stop(w, a); break;
    case N_EVENTS: break;
    }
    tick(w);
}

/* --- a schedule ------------------------------------------------------------------------------------------------- */

static EventType choose(GRand *random)
{
    unsigned sum = 0;
    for (int i = 0; i < N_EVENTS; i++)
        sum += event_types[i].weight;
    unsigned at = g_rand_int(random) % sum;
    int type = 0;
    while (at >= event_types[type].weight)
        at -= event_types[type++].weight;
    return (EventType) type;
}

static void draw(Schedule *schedule, unsigned number)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(number);
    schedule->number = number;
    for (gsize i = 0; i < G_N_ELEMENTS(schedule->setting); i++)
        schedule->setting[i] = g_rand_int(random);
    schedule->n_events = g_rand_int(random) % 8 ? 10 + g_rand_int(random) % 30 : 10 + g_rand_int(random) % 150;
    for (unsigned i = 0; i < schedule->n_events; i++)
        schedule->events[i] = (Event){ choose(random), g_rand_int(random) >> 8, g_rand_int(random) >> 8 };
}

static void set_up(World *w)
{
    const unsigned *setting = w->schedule->setting;
    w->live = setting[1] % 4 > 0;
    w->config = (DubWorkerConfig){
        .stream_id = "schedule",
        .segment_ns = (200 + setting[2] % 300) * MS,
        .segment_mode = setting[2] % 2 ? DUB_SEGMENT_FIXED : DUB_SEGMENT_PAUSE,
        .playout_delay_ns = setting[3] % 4 ? (300 + setting[3] % 900) * MS : 0,
        .timeout_ns = (300 + setting[4] % 1000) * MS,
        .paced = setting[1] % 8 == 0,
        .bed_gain = 0,
        .breaker_threshold = 1 + setting[5] % 5,
        .breaker_cooldown_ns = (200 + setting[5] % 3000) * MS,
        .source_attempts = setting[6] % 6,
        .first_fragment = setting[6] % 3,
    };
    w->input = (DubWorkerInput){ .has_video = setting[7] % 4 > 0, .live = w->live, .rate_hz = RATE, .channels = 1 };
    w->now_ns = 1000 * DUB_NS_PER_S;
    w->furthest_ns = w->sound_end_ns = G_MININT64;
    w->decided_end_ns = 0;
    w->last_code = -1;
    w->blocks = g_array_new(FALSE, FALSE, sizeof(Block));
    w->sent = g_array_new(FALSE, FALSE, sizeof(Sent));
    w->fades = g_array_new(FALSE, FALSE, sizeof(FadeIn));
    w->worker = dub_worker_new(&w->config, &effects, w);
}

static void tear_down(World *w)
{
    dub_worker_free(w->worker);
    CHECK(w, w->live_pictures == 0, "%d pictures are held for ever", (int) w->live_pictures);
    for (guint i = 0; i < w->sent->len; i++)
        g_free(g_array_index(w->sent, Sent, i).samples);
    g_array_unref(w->sent);
    g_array_unref(w->fades);
    g_array_unref(w->blocks);
}

/* From now on everything works, but the source: it ends, or the stream is stopped. */
static void wind_down(World *w)
{
    const int64_t since_ns = w->now_ns;
    int64_t step_ns = BLOCK_MS * MS;
    w->winding_down = true;
    if (w->schedule->setting[0] % 2)
        stop(w, w->schedule->setting[0]);
    while (!w->stopped && !w->problem && w->now_ns - since_ns < HANGS_NS) {
        dub_worker_sink_room(w->worker, true, w->now_ns);
        sink_opens(w);
        link_is_ready(w, 1);
        if (w->source_open && !w->held)
            source_goes(w, w->told ? 0 : 1);
        answer(w, 1, 7);
        tick(w);
        check(w);
        w->now_ns += step_ns;
        step_ns = MIN(step_ns + step_ns / 8, DUB_NS_PER_S);
    }
}

/* Returns: (transfer full) (nullable): what is wrong */
static char *run(const Schedule *schedule)
{
    World w = { .schedule = schedule };
    now_running = &w;
    set_up(&w);
    dub_worker_start(w.worker, w.now_ns);
    if (schedule->setting[0] % 8) /* most begin as a stream does */
        source_comes(&w, schedule->setting[4], 0);
    if (schedule->setting[0] % 4)
        link_is_ready(&w, schedule->setting[5]);
    for (unsigned i = 0; i < schedule->n_events && !w.stopped && !w.problem; i++) {
        happen(&w, &schedule->events[i]);
        check(&w);
    }
    wind_down(&w);
    check(&w);
    check_end(&w);
    tear_down(&w);
    return w.problem;
}

/* Leaves out what the failure does not need: halves first, then less, then single events. */
static void shrink(Schedule *schedule)
{
    for (unsigned n = schedule->n_events / 2; n > 0; n /= 2) {
        for (unsigned from = 0; from + n <= schedule->n_events;) {
            g_autofree Schedule *less = g_memdup2(schedule, sizeof *schedule);
            less->n_events -= n;
            memmove(less->events + from, less->events + from + n, (less->n_events - from) * sizeof *less->events);
            g_autofree char *problem = run(less);
            if (problem)
                *schedule = *less;
            else
                from += n;
        }
    }
}

static void tell_schedule(const Schedule *schedule)
{
    for (int i = 0; i < 8; i++)
        g_printerr("%s%u", i ? " " : "# settings: ", schedule->setting[i]);
    g_printerr("\n");
    for (unsigned i = 0; i < schedule->n_events; i++)
        g_printerr("# %s %u %u\n", event_types[schedule->events[i].type].name, schedule->events[i].a,
                   schedule->events[i].b);
}

static void fail_with(Schedule *schedule, const char *problem)
{
    g_printerr("# %s\n", problem);
    shrink(schedule);
    tell_schedule(schedule);
    g_autofree char *still = run(schedule);
    g_error("schedule %u: %s; again: --schedule %u", schedule->number, still, schedule->number);
}

static void run_number(unsigned number)
{
    Schedule schedule;
    draw(&schedule, number);
    g_autofree char *problem = run(&schedule);
    if (problem)
        fail_with(&schedule, problem);
}

static void test_schedules(void)
{
    const unsigned first = (unsigned) g_test_rand_int();
    for (unsigned i = 0; i < SCHEDULES; i++)
        run_number(first + i);
}

static unsigned only;

static void test_one(void)
{
    run_number(only);
}

/* An assertion of the worker's own, or a sanitizer, ends the program: which schedule it was must be known all the same. */
static void on_abort(int signal)
{
    char text[64];
    const int length = g_snprintf(text, sizeof text, "# in --schedule %u\n", now_running->schedule->number);
    if (write(STDERR_FILENO, text, (size_t) length) < 0)
        _exit(1);
    (void) signal;
}

int main(int argc, char **argv)
{
    signal(SIGABRT, on_abort);
    dub_log_setup("test-schedules", DUB_LOG_ERROR, DUB_LOG_TEXT);
    if (argc == 3 && g_str_equal(argv[1], "--schedule")) {
        only = (unsigned) g_ascii_strtoull(argv[2], NULL, 10);
        argc = 1;
    }
    g_test_init(&argc, &argv, NULL);
    if (only)
        g_test_add_func("/worker/schedules/one", test_one);
    else
        g_test_add_func("/worker/schedules/all", test_schedules);
    return g_test_run();
}

/* worker/schedule-world.c: each frame of sound that the source delivers carries its own number as its level, and a dub
 * repeats the sound that was sent. So the output tells, sample by sample, which frame of the source it is. */
#include "schedule-world.h"

#include <math.h>

#define OFF_NS (61 * MS) /* timestamps that are off by up to 60 ms are jitter; and a frame for rounding */

World *schedule_world_running;

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

guint schedule_world_count_out(const World *w)
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
    CHECK(w, schedule_world_count_out(w) <= w->max_inflight, "%u are out", schedule_world_count_out(w));
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

void schedule_world_new_sink(World *w)
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
    CHECK(w, !w->stopped && (!w->sink_open || w->may_change > 0) && !w->sink_opening && !w->end_asked,
          "the output is open already");
    w->may_change -= w->sink_open;
    w->sink_broke |= w->sink_open;
    w->sink_open = false;
    if ((w->n_sinks + w->schedule->setting[0]) % 3 == 0 && !w->winding_down) {
        w->sink_opening = true;
        return false;
    }
    schedule_world_new_sink(w);
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
    w->pictures_out += !picture->is_still;
    CHECK(w, w->sink_open && !w->end_asked, "a picture without an output");
    CHECK(w, dts_ns > w->last_dts_ns, "dts %" G_GINT64_FORMAT " after %" G_GINT64_FORMAT, dts_ns, w->last_dts_ns);
    CHECK(w, pts_ns >= dts_ns, "shown before it is decoded");
    CHECK(w, picture->is_still || picture->number > w->last_number, "picture %d after %d", (int) picture->number,
          (int) w->last_number);
    CHECK(w, !picture->is_still || (w->config.patience_ns > 0 && w->live), "a picture is shown again");
    CHECK(w, w->sink_has_video || picture->key_frame || !w->sink_broke || w->out_end <= 0,
          "the output begins again in the middle of a group");
    w->sink_has_video = true;
    w->last_dts_ns = dts_ns;
    w->last_number = MAX(w->last_number, picture->number);
    if (picture->squeezed || picture->is_still)
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

/* @frame: of this output */
static void check_code(World *w, int64_t code, int64_t frame)
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
    CHECK(w, w->n_zeros == 0 || w->last_code < 0 || w->n_unsure > 0 || block->is_late,
          "%d frames of silence before frame %d", (int) w->n_zeros, (int) code);
    w->last_code = code;
    w->n_unsure = 0;
    if (code != block->first_code)
        return;
    w->sound_base = block->base;
    w->sound_offset_ns = dub_samples_to_ns(frame, RATE) - block->source_ns;
    check_sync(w);
}

/* Most are: the next frame of the same block. */
static bool is_next(const World *w, float level)
{
    return fabsf(level * CODES - (float) (w->last_code + 2)) < 0.25f && w->fades->len == 0 && w->n_zeros == 0 &&
           w->n_unsure == 0 && !w->was_away && (w->last_code + 1) % BLOCK != 0;
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
        if (is_next(w, pcm->samples[i])) {
            w->last_code++;
            continue;
        }
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
        check_code(w, code, w->sink_frames + (int64_t) i);
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
    DubWorkerStats stats;
    dub_worker_stats(w->worker, &stats);
    w->decided_end_ns += stats.stood_in_ns - w->stood_in_ns;
    w->stood_in_ns = stats.stood_in_ns;
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
    CHECK(w,
          fragment->fallback == expected || (!sent && is_never_sent(fragment->fallback)) ||
              (sent && sent->was_lost && is_never_sent(fragment->fallback)),
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

static void *on_copy_still(const void *payload)
{
    Picture *copy = g_memdup2(payload, sizeof *copy);
    CHECK(schedule_world_running, copy->key_frame, "picture %d cannot be shown again", (int) copy->number);
    copy->is_still = true;
    schedule_world_running->live_pictures++;
    return copy;
}

static void on_free_payload(void *payload)
{
    schedule_world_running->live_pictures--;
    g_free(payload);
}

const DubWorkerEffects schedule_world_effects = {
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
    .copy_still = on_copy_still,
    .free_payload = on_free_payload,
};

/* --- what holds after each event ------------------------------------------------------------------------------------
 */

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
    RISES(stood_in_ns);
    RISES(breaker_failures);
    for (int i = 0; i < 3; i++) {
        RISES(answered[i]);
        RISES(pressure_events[i]);
    }
    for (int i = 0; i < DUB_N_FALLBACKS; i++)
        RISES(fallbacks[i]);
#undef RISES
}

void schedule_world_check(World *w)
{
    DubWorkerStats now;
    dub_worker_stats(w->worker, &now);
    check_counters(w, &now);
    CHECK(w, now.dubbed == w->n_dubbed && sum_fallbacks(&now) == w->n_original, "fates told and counted differ");
    CHECK(w, now.sent == w->submitted && now.late == w->late, "%d sent, %d late", (int) now.sent, (int) now.late);
    CHECK(w, now.answered[0] + now.answered[1] + now.answered[2] == w->results, "answers");
    CHECK(w, now.audio_segments >= w->next_index, "a fragment is decided that was not cut");
    CHECK(w, now.video_units <= w->pictures_in, "pictures");
    CHECK(w, now.audio_queued_ns >= 0 && now.audio_queued_ns <= 60 * DUB_NS_PER_S,
          "sound waits: %.3f s, stood in %.3f, state %d", (double) now.audio_queued_ns / 1e9,
          (double) now.stood_in_ns / 1e9, (int) dub_worker_state(w->worker));
    CHECK(w, w->stop_by_ns == 0 || w->now_ns <= w->stop_by_ns || now.audio_queued_ns == 0, "%d ms wait after the stop",
          (int) (now.audio_queued_ns / MS));
    w->stats = now;
}

void schedule_world_check_end(World *w)
{
    CHECK(w, w->stopped, "it does not end");
    CHECK(w, !w->stopped || dub_worker_state(w->worker) == DUB_WORKER_STOPPED, "state");
    if (w->erred || w->problem)
        return;
    CHECK(w, w->stats.audio_segments == w->next_index, "%d of %d fragments have a fate", (int) w->next_index,
          (int) w->stats.audio_segments);
    w->decided_end_ns += w->stats.stood_in_ns - w->stood_in_ns;
    CHECK(w, ABS(w->decided_end_ns - w->stats.played_ns) <= 1, "played to %.3f s, decided to %.3f s",
          (double) w->stats.played_ns / DUB_NS_PER_S, (double) w->decided_end_ns / DUB_NS_PER_S);
    CHECK(w, w->stats.audio_queued_ns == 0 && w->stats.video_queued == 0, "something is not played");
    const bool was_whole = w->n_sinks == 1 && w->end_asked && (w->live || !w->stop_asked) && !w->sink_broke;
    if (was_whole && w->out_end == dub_ns_to_samples(w->stats.played_ns, RATE))
        check_left_out(w, w->last_code + 1, w->next_code, w->was_away); /* what came first may have met no output */
}

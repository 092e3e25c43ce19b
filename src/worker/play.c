/* worker/play.c: the path of the sound through a worker: segments are sent, fragments decided, output rendered and
 * pushed with the video beside it. Runs after every event and tick; does what can be done and returns. */
#include "worker/private.h"

#include "base/clock.h"
#include "base/log.h"

#include <math.h>

#define SINK_LEAD_NS                                                                                \
    (1500 * DUB_NS_PER_MS) /* a live sink connects this long before its first frame: a media server \
                                               wants tracks soon after publish (MediaMTX: readTimeout 10 s) */
#define MUTE_LEAD_NS                                                                                     \
    (1000 * DUB_NS_PER_MS) /* … without a link to the speech service: of two that both want an output, \
                                               the one that can dub is first */
#define FULL_OPEN_FRAGMENTS(self) (2 * (self)->max_inflight + 2)
#define SILENT                    0.001f /* -60 dBFS: what is left of silence after two codecs is far below */
#define SLOWEST_HURRY             5.0    /* times real time: players' buffers take it */
#define STILL_NS                  (200 * DUB_NS_PER_MS) /* between two repeated pictures: below what a player calls a stall, */
#define STILL_NS_PER_BYTE         2                     /* … at 4 Mbit/s of them at most, */
#define MOST_STILL_NS             DUB_NS_PER_S          /* … but at least so often */
#define MOST_CHANGE_NS            (2 * DUB_NS_PER_S)  /* how long what is due waits for another output */
#define AHEAD_NS                  (10 * DUB_NS_PER_S) /* how far a file may be read before it is played in real time */

int64_t dub_worker_frames_to_ns(const DubWorker *self, int64_t frames)
{
    return dub_samples_to_ns(frames, self->input.rate_hz);
}

void dub_worker_take_segments(DubWorker *self)
{
    for (DubSegment *segment = dub_segmenter_take(self->segmenter); segment;
         segment = dub_segmenter_take(self->segmenter)) {
        const uint64_t index = self->config.first_fragment + segment->index;
        self->stats.audio_segments++;
        self->stats.audio_bytes += (uint64_t) segment->n_frames * segment->pcm->channels * sizeof(float);
        dub_fragments_add(self->fragments, segment, index);
    }
}

/* --- sending ---------------------------------------------------------------------------------------------------- */

static bool may_send(DubWorker *self, DubOpenFragment *fragment, int64_t now_ns)
{
    if (self->link != LINK_READY || now_ns < self->send_after_ns)
        return false;
    if (dub_fragments_inflight(self->fragments) >= self->max_inflight)
        return false;
    fragment->refused_by_breaker = self->paced && !dub_breaker_allow(&self->breaker, now_ns);
    return !fragment->refused_by_breaker;
}

static DubFragment *to_submit(const DubWorker *self, const DubOpenFragment *fragment)
{
    const int64_t start_ns = dub_worker_frames_to_ns(self, fragment->first_frame);
    DubFragment *submitted = dub_fragment_new(fragment->sequence_number, start_ns, dub_pcm_ref(fragment->pcm));
    if (self->paced && dub_playout_anchored(self->playout))
        submitted->deadline_ns = MAX(dub_playout_deadline(self->playout, start_ns), self->decide_by_ns);
    return submitted;
}

static void send_waiting(DubWorker *self, int64_t now_ns)
{
    for (;;) {
        DubOpenFragment *fragment = dub_fragments_first_waiting(self->fragments);
        if (!fragment || !may_send(self, fragment, now_ns))
            return;
        fragment->state = DUB_FRAGMENT_SENT;
        fragment->sequence_number = self->next_sequence++;
        fragment->sent_ns = now_ns;
        self->stats.sent++;
        self->effects.submit(to_submit(self, fragment), self->user_data);
    }
}

/* --- the end, in a hurry -------------------------------------------------------------------------------------------
 */

int64_t dub_worker_end(const DubWorker *self)
{
    const int64_t sound_ns = dub_worker_frames_to_ns(self, dub_mixer_received(self->mixer));
    return self->last_dts_ns == DUB_TIME_NONE ? sound_ns : MAX(sound_ns, self->last_dts_ns);
}

/* Evenly, since a media server drops what comes all at once. */
void dub_worker_hurry_from(DubWorker *self, int64_t position_ns, int64_t now_ns)
{
    const double rate = (double) (dub_worker_end(self) - position_ns) / (double) self->hurry_ns;
    dub_playout_go_on_at(self->playout, position_ns, MAX(rate, SLOWEST_HURRY), now_ns);
}

/* It does not run into what may still be dubbed, as long as there is time to wait. */
static void wait_for_dubs(DubWorker *self, int64_t now_ns)
{
    if (self->decide_by_ns == DUB_TIME_NONE || now_ns >= self->decide_by_ns ||
        dub_fragments_length(self->fragments) == 0)
        return;
    const int64_t undecided_ns = dub_worker_frames_to_ns(self, dub_mixer_decided(self->mixer));
    if (dub_playout_position(self->playout, now_ns) >= undecided_ns)
        dub_worker_hurry_from(self, undecided_ns - 1, now_ns);
}

/* --- deciding --------------------------------------------------------------------------------------------------- */

static DubFallback why_not_answered(const DubWorker *self, const DubOpenFragment *fragment)
{
    switch (fragment->state) {
    case DUB_FRAGMENT_ANSWERED: return DUB_FALLBACK_FAILED;
    case DUB_FRAGMENT_SENT: return DUB_FALLBACK_DEADLINE;
    case DUB_FRAGMENT_LOST: return DUB_FALLBACK_DISCONNECTED;
    case DUB_FRAGMENT_WAITING: break;
    }
    if (fragment->refused_by_breaker)
        return DUB_FALLBACK_CIRCUIT_OPEN;
    return self->link == LINK_READY ? DUB_FALLBACK_BACKPRESSURE : DUB_FALLBACK_DISCONNECTED;
}

static void tell(DubWorker *self, const DubOpenFragment *fragment, DubFallback fallback)
{
    const bool answered = fragment->state == DUB_FRAGMENT_ANSWERED;
    const DubWorkerFragment told = {
        .index = fragment->index,
        .start_ns = dub_worker_frames_to_ns(self, fragment->first_frame),
        .duration_ns = dub_worker_frames_to_ns(self, fragment->n_frames),
        .fallback = fallback,
        .result = fragment->result,
        .latency_ns = answered ? fragment->answered_ns - fragment->sent_ns : DUB_TIME_NONE,
    };
    self->effects.fragment_decided(&told, self->user_data);
}

static bool is_silent(const DubPcm *pcm)
{
    for (gsize i = 0; i < pcm->n_frames * pcm->channels; i++) {
        if (fabsf(pcm->samples[i]) > SILENT)
            return false;
    }
    return true;
}

/* Where the original steps back: under the speech if it is known where that is, nowhere if nobody spoke and nothing is
 * said; all along otherwise, and when the bed is off. */
static void decide_dub(DubWorker *self, DubOpenFragment *fragment)
{
    const DubSpeechResult *result = fragment->result;
    int64_t start_ns, end_ns;
    int64_t first = -1, end = -1;
    if (self->config.bed_gain <= 0) {
        ; /* none of the original is wanted, spoken over or not */
    } else if (dub_speech_result_span(result, &start_ns, &end_ns)) {
        first = dub_ns_to_samples(start_ns, self->input.rate_hz);
        end = dub_ns_to_samples(end_ns, self->input.rate_hz);
    } else if (!*result->answer->transcript && is_silent(result->dub)) {
        first = end = 0;
    }
    dub_mixer_decide_dub(self->mixer, fragment->n_frames, result->dub, first, end);
    self->stats.dubbed++;
    self->effects.applied(fragment->sequence_number, self->user_data);
    tell(self, fragment, DUB_FALLBACK_NONE);
}

static void decide_original(DubWorker *self, DubOpenFragment *fragment, int64_t now_ns)
{
    const DubFallback reason = why_not_answered(self, fragment);
    if (reason == DUB_FALLBACK_DEADLINE)
        dub_breaker_failure(&self->breaker, true, now_ns); /* PROTOCOL.md: TIMEOUT is retryable */
    dub_mixer_decide_original(self->mixer, fragment->n_frames);
    self->stats.fallbacks[reason]++;
    dub_warning("stream %s: fragment %" G_GUINT64_FORMAT " plays the original: %s", self->stream_id, fragment->index,
                dub_fallback_to_string(reason));
    tell(self, fragment, reason);
}

static bool is_due(const DubWorker *self, int64_t frame, int64_t now_ns)
{
    return self->paced && dub_playout_anchored(self->playout) &&
           dub_playout_position(self->playout, now_ns) >= dub_worker_frames_to_ns(self, frame);
}

static bool is_hopeless(const DubWorker *self, const DubOpenFragment *fragment)
{
    if (fragment->state == DUB_FRAGMENT_LOST)
        return true;
    return !self->paced && fragment->state == DUB_FRAGMENT_WAITING && self->speech_retry_ns != DUB_TIME_NONE;
}

/* Decides the oldest fragment if its time or its answer has come. */
static bool decide_head(DubWorker *self, int64_t now_ns)
{
    DubOpenFragment *head = dub_fragments_head(self->fragments);
    if (!head)
        return false;
    const bool usable = head->state == DUB_FRAGMENT_ANSWERED && head->result->answer->status != DUB_PROCESSED_FAILED &&
                        head->result->dub;
    if (usable)
        decide_dub(self, head);
    else if (head->state == DUB_FRAGMENT_ANSWERED || is_hopeless(self, head) || is_due(self, head->first_frame, now_ns))
        decide_original(self, head, now_ns);
    else
        return false;
    dub_fragments_pop(self->fragments);
    return true;
}

static void decide(DubWorker *self, int64_t now_ns)
{
    while (decide_head(self, now_ns))
        ;
    /* The source stalled: its time came before a whole segment did. What there is of it is played as it is. */
    const bool starving = dub_fragments_length(self->fragments) == 0 &&
                          is_due(self, dub_mixer_decided(self->mixer), now_ns) &&
                          dub_mixer_received(self->mixer) > dub_mixer_decided(self->mixer);
    if (!starving)
        return;
    dub_worker_hear_commentary(self, true);
    dub_segmenter_force(self->segmenter);
    dub_worker_take_segments(self);
    while (decide_head(self, now_ns))
        ;
}

/* --- the sink --------------------------------------------------------------------------------------------------- */

static void open_sink(DubWorker *self, int64_t now_ns)
{
    self->sink_opened_ns = now_ns;
    self->sink_room = true;
    self->sink_started = false;
    self->sink = self->effects.open_sink(&self->input, self->user_data) ? SINK_OPEN : SINK_OPENING;
}

static void open_sink_in_time(DubWorker *self, int64_t now_ns)
{
    if (self->sink == SINK_BROKEN && now_ns >= self->sink_retry_ns) {
        open_sink(self, now_ns);
        return;
    }
    if (self->sink != SINK_CLOSED || !dub_playout_anchored(self->playout))
        return;
    const int64_t lead_ns = self->link == LINK_DOWN ? MUTE_LEAD_NS : SINK_LEAD_NS;
    if (!self->paced || now_ns >= dub_playout_deadline(self->playout, 0) - lead_ns)
        open_sink(self, now_ns);
}

/* A sink that was opened anew starts at a key frame; what comes before it is let go. */
static bool begins_sink(DubWorker *self, const DubVideoUnit *unit)
{
    if (self->sink_started)
        return true;
    if (unit->key_frame || dub_mixer_rendered(self->mixer) == 0) {
        self->sink_base_frame = dub_mixer_rendered(self->mixer);
        self->sink_started = true;
    }
    return self->sink_started;
}

static void push_unit(DubWorker *self, const DubVideoUnit *unit)
{
    if (self->sink != SINK_OPEN || !begins_sink(self, unit)) {
        self->stats.video_dropped++;
        self->effects.free_payload(unit->payload);
        return;
    }
    const int64_t base_ns = dub_worker_frames_to_ns(self, self->sink_base_frame);
    self->effects.push_video(unit->payload, unit->pts_ns - base_ns, unit->dts_ns - base_ns, self->user_data);
}

static DubPcm *render(DubWorker *self, int64_t until_frame)
{
    if (!self->effects.push_stems)
        return dub_mixer_render(self->mixer, until_frame);
    g_autoptr(DubPcm) bed = NULL;
    g_autoptr(DubPcm) dub = NULL;
    DubPcm *pcm = dub_mixer_render_parts(self->mixer, until_frame, &bed, &dub);
    if (pcm)
        self->effects.push_stems(bed, dub, self->user_data);
    return pcm;
}

static void push_sound(DubWorker *self, int64_t until_frame)
{
    g_autoptr(DubPcm) pcm = render(self, until_frame);
    if (!pcm || self->sink != SINK_OPEN)
        return;
    if (!self->sink_started) {
        if (self->input.has_video && self->sink_was_broken)
            return; /* after a break the picture leads: it needs its key frame */
        self->sink_base_frame = dub_mixer_rendered(self->mixer) - (int64_t) pcm->n_frames;
        self->sink_started = true;
    }
    self->effects.push_audio(g_steal_pointer(&pcm), self->user_data);
}

void dub_worker_forget_still(DubWorker *self)
{
    if (self->still)
        self->effects.free_payload(self->still);
    self->still = NULL;
}

static void note_shown(DubWorker *self, const DubVideoUnit *unit)
{
    self->shown_ns = MAX(self->shown_ns, MAX(unit->dts_ns, unit->pts_ns));
    if (!unit->key_frame || self->config.patience_ns == 0 || !self->input.live)
        return;
    dub_worker_forget_still(self);
    self->still = self->effects.copy_still(unit->payload);
    self->still_bytes = unit->size_bytes;
}

static void push_pictures(DubWorker *self, int64_t until_ns)
{
    DubVideoUnit unit;
    while (dub_playout_pop(self->playout, until_ns, &unit)) {
        note_shown(self, &unit);
        push_unit(self, &unit);
    }
}

/* --- in place of a source that is away --------------------------------------------------------------------------- */

static void tell_stand_in(DubWorker *self)
{
    if (!self->stands_in)
        dub_info("stream %s: the source is away: its last picture and silence go on, for %.0f s at most",
                 self->stream_id, (double) self->config.patience_ns / DUB_NS_PER_S);
    self->stands_in = true;
}

void dub_worker_put_silence(DubWorker *self, int64_t until_frame)
{
    const int64_t n_frames = until_frame - dub_mixer_received(self->mixer);
    if (n_frames <= 0 || dub_mixer_decided(self->mixer) != dub_mixer_received(self->mixer))
        return;
    g_autofree float *zeros = g_new0(float, (gsize) n_frames * self->input.channels);
    dub_mixer_push_original(self->mixer, zeros, (gsize) n_frames);
    dub_mixer_decide_original(self->mixer, n_frames);
    dub_segmenter_skip(self->segmenter, n_frames);
    self->stats.stood_in_ns += dub_worker_frames_to_ns(self, n_frames);
}

/* Also where it came back within the delay: between the last picture and the first one after it. */
static void show_still(DubWorker *self, int64_t position_ns, int64_t now_ns)
{
    const bool is_missing = dub_playout_length(self->playout) > 0 ? dub_playout_is_before_gap(self->playout)
                                                                  : dub_worker_awaits(self, DUB_TRACK_VIDEO, now_ns);
    const int64_t wait_ns = CLAMP((int64_t) self->still_bytes * STILL_NS_PER_BYTE, STILL_NS, MOST_STILL_NS);
    if (!is_missing || !self->still || position_ns < self->shown_ns + wait_ns)
        return;
    void *payload = self->effects.copy_still(self->still);
    const DubVideoUnit unit = { payload, position_ns, position_ns, true, self->still_bytes, false };
    self->shown_ns = position_ns;
    self->last_dts_ns = MAX(self->last_dts_ns, position_ns);
    push_unit(self, &unit);
}

/* --- another output ---------------------------------------------------------------------------------------------- */

static const char *name_change(const DubWorkerInput *from, const DubWorkerInput *to)
{
    if (!to->has_video)
        return "without a picture";
    return from->has_video ? "with another video codec" : "with a picture";
}

/* What came before goes to the output that there was. */
static void change_output(DubWorker *self, int64_t position_ns, int64_t now_ns)
{
    const DubOutputChange *next = g_queue_peek_head(&self->changes);
    if (!next || next->at_ns == DUB_TIME_NONE || position_ns < next->at_ns)
        return;
    g_autofree DubOutputChange *change = g_queue_pop_head(&self->changes);
    push_pictures(self, change->at_ns - 1);
    push_sound(self, dub_ns_to_samples(change->at_ns, self->input.rate_hz));
    dub_info("stream %s: the source came back %s: the output is opened anew", self->stream_id,
             name_change(&self->input, &change->input));
    self->input.has_video = change->input.has_video;
    self->input.video_codec = change->input.video_codec;
    self->sink_was_broken = true;
    dub_worker_forget_still(self);
    if (self->sink != SINK_OPEN)
        return;
    open_sink(self, now_ns);
    self->is_changing_output = true;
}

/* A source that fell silent for longer than the delay covers: from here on everything is later by the shortage. One
 * that is away is stood in for instead. Returns: what is due */
static int64_t meet_shortage(DubWorker *self, int64_t position, int64_t now_ns)
{
    const bool is_away = dub_worker_awaits(self, DUB_TRACK_AUDIO, now_ns);
    const int64_t due = dub_ns_to_samples(position, self->input.rate_hz);
    if (is_away && due > dub_mixer_received(self->mixer)) { /* no further: what comes back has its place after it */
        tell_stand_in(self);
        dub_worker_put_silence(self, due);
    }
    const int64_t received = dub_worker_frames_to_ns(self, dub_mixer_received(self->mixer));
    const bool starving = !is_away && self->state != DUB_WORKER_DRAINING && position > received &&
                          (dub_playout_length(self->playout) == 0 || dub_playout_first_dts(self->playout) > received);
    if (starving) {
        dub_playout_shift(self->playout, position - received);
        dub_pace_reset(&self->pace);
        position = received;
        self->stats.rebuffers += !self->starving;
    }
    self->starving = starving;
    return position;
}

static void play_paced(DubWorker *self, int64_t now_ns)
{
    if (!dub_playout_anchored(self->playout))
        return;
    const int64_t position = meet_shortage(self, dub_playout_position(self->playout, now_ns), now_ns);
    change_output(self, position, now_ns);
    self->is_changing_output &=
        self->sink == SINK_OPENING && !self->stop_asked && now_ns - self->sink_opened_ns < MOST_CHANGE_NS;
    if (self->is_changing_output)
        return;
    push_pictures(self, position);
    show_still(self, position, now_ns);
    push_sound(self, dub_ns_to_samples(MAX(position, 0), self->input.rate_hz));
}

static void play_file(DubWorker *self)
{
    if (!self->sink_room || self->sink != SINK_OPEN)
        return;
    push_sound(self, G_MAXINT64);
    const bool all_sound = self->state == DUB_WORKER_DRAINING && dub_fragments_length(self->fragments) == 0;
    push_pictures(self, all_sound ? G_MAXINT64 : dub_worker_frames_to_ns(self, dub_mixer_rendered(self->mixer)));
}

/* --- holding a file back ---------------------------------------------------------------------------------------- */

bool dub_worker_is_full(const DubWorker *self, int64_t now_ns)
{
    if (self->input.live)
        return false;
    if (dub_fragments_length(self->fragments) >= FULL_OPEN_FRAGMENTS(self) || !self->sink_room)
        return true;
    if (!self->paced || !dub_playout_anchored(self->playout))
        return false;
    const int64_t received = dub_worker_frames_to_ns(self, dub_mixer_received(self->mixer));
    return received - dub_playout_position(self->playout, now_ns) > self->stats.delay_ns + AHEAD_NS;
}

static bool should_hold(const DubWorker *self, int64_t now_ns)
{
    return self->state == DUB_WORKER_RUNNING && !self->input.live &&
           (self->owed_frames > 0 || dub_worker_is_full(self, now_ns));
}

static void hold(DubWorker *self, int64_t now_ns)
{
    const bool wanted = should_hold(self, now_ns);
    if (wanted == self->held)
        return;
    self->held = wanted;
    self->effects.hold_source(wanted, self->user_data);
}

void dub_worker_play(DubWorker *self, int64_t now_ns)
{
    send_waiting(self, now_ns);
    wait_for_dubs(self, now_ns);
    decide(self, now_ns);
    send_waiting(self, now_ns); /* a decision may have made room */
    open_sink_in_time(self, now_ns);
    if (self->paced)
        play_paced(self, now_ns);
    else
        play_file(self);
    hold(self, now_ns);
}

bool dub_worker_all_played(const DubWorker *self)
{
    return dub_fragments_length(self->fragments) == 0 &&
           dub_mixer_rendered(self->mixer) >= dub_mixer_received(self->mixer) && dub_playout_length(self->playout) == 0;
}

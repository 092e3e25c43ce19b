/* worker/intake.c: what the source delivers gets its place in output time: sound as a row of frames without holes,
 * pictures in an order that muxers take. */
#include "worker/private.h"

#include "base/clock.h"
#include "base/log.h"

#define EARLY_WAIT_NS     (2 * DUB_NS_PER_S)   /* for the other stream's first timestamp, on any clock */
#define EARLY_MAX         1024u                /* 20 s of sound, should timestamps stand still in a file */
#define SQUEEZE_NS        DUB_NS_PER_US        /* between pictures whose times do not rise */
#define GAP_NS            (60 * DUB_NS_PER_MS) /* audio timestamps that are off by more are a gap or an overlap */
#define DRIFT_NS          (12 * DUB_NS_PER_MS) /* smoothed: that much is no jitter, and a viewer sees nothing of it yet */
#define SMOOTHING         64                   /* blocks: a second and a half of AAC */
#define CATCH_UP_AFTER_NS (2 * DUB_NS_PER_S)
#define CATCH_UP_RATE     3.0          /* a media server drops what comes all at once, and dubs take their time too */
#define LIVE_LATE_NS      DUB_NS_PER_S /* commentary that is so far behind the programme is not waited for */
#define FILE_LATE_NS      (10 * DUB_NS_PER_S) /* likewise: files may have a few seconds of one, then of the other */

typedef struct {
    bool is_video, is_commentary;
    DubWorkerVideo video;
    DubPcm *pcm;
    int64_t pts_ns;
} Early;

typedef struct {
    DubPcm *pcm;
    int64_t pts_ns;
} Delayed;

static void early_free(DubWorker *self, Early *early)
{
    if (early->is_video)
        self->effects.free_payload(early->video.payload);
    dub_pcm_unref(early->pcm);
    g_free(early);
}

static Delayed *delayed_new(const DubPcm *pcm, int64_t pts_ns)
{
    Delayed *delayed = g_new(Delayed, 1);
    *delayed = (Delayed){ dub_pcm_ref((DubPcm *) pcm), pts_ns };
    return delayed;
}

static void delayed_free(void *data)
{
    Delayed *delayed = data;
    dub_pcm_unref(delayed->pcm);
    g_free(delayed);
}

/* What is new leaves after D; what had waited before it got here has spent that much of it. */
static int64_t resume_at(const DubWorker *self, int64_t source_ns, int64_t now_ns)
{
    if (!self->input.live || !dub_playout_anchored(self->playout))
        return 0;
    const int64_t age_ns = self->age_ns > 0 ? MAX(self->age_ns - (source_ns - self->first_ns), 0) : 0;
    return dub_playout_arriving(self->playout, now_ns) - age_ns;
}

static int64_t place(DubWorker *self, DubTrack track, int64_t source_ns, int64_t duration_ns, int64_t now_ns)
{
    int64_t offset;
    if (!dub_epochs_map(&self->epochs, track, source_ns, duration_ns, resume_at(self, source_ns, now_ns), &offset))
        return offset;
    dub_info("stream %s: epoch %u: timestamps of the source jumped", self->stream_id, self->epochs.epoch);
    self->age_ns = 0;
    DubOutputChange *change = g_queue_peek_tail(&self->changes);
    if (change && change->at_ns == DUB_TIME_NONE)
        change->at_ns = self->epochs.opened_at_ns;
    return offset;
}

static void take_video(DubWorker *self, const DubWorkerVideo *video, int64_t now_ns)
{
    const int64_t dts = video->dts_ns != DUB_TIME_NONE ? video->dts_ns : video->pts_ns;
    const int64_t duration = video->duration_ns != DUB_TIME_NONE ? video->duration_ns : 0;
    const int64_t offset = place(self, DUB_TRACK_VIDEO, dts, duration, now_ns);
    DubVideoUnit unit = { video->payload,   video->pts_ns - offset, dts - offset,
                          video->key_frame, video->size_bytes,      self->awaits[DUB_TRACK_VIDEO] };
    self->awaits[DUB_TRACK_VIDEO] = false;
    self->stats.video_units++;
    self->stats.video_bytes += video->size_bytes;
    if (self->last_dts_ns != DUB_TIME_NONE &&
        unit.dts_ns <= self->last_dts_ns) {           /* nothing goes backwards, and none is lost: */
        unit.dts_ns = self->last_dts_ns + SQUEEZE_NS; /* others may be decoded from it */
        unit.pts_ns = MAX(unit.pts_ns, unit.dts_ns);
    }
    self->last_dts_ns = unit.dts_ns;
    if (!dub_playout_push(self->playout, &unit) && self->stats.video_dropped++ % 100 == 0)
        dub_warning("stream %s: video dropped: %" G_GUINT64_FORMAT " bytes already wait to be played", self->stream_id,
                    DUB_WORKER_VIDEO_BYTES_MAX);
}

static void note_commentary(DubWorker *self, bool is_missed)
{
    if (is_missed && !self->is_commentary_missed)
        dub_warning("stream %s: its commentary track gives no sound; nothing is recognised meanwhile", self->stream_id);
    self->is_commentary_missed = is_missed;
}

/* Both sounds are cut at the same frames: the commentary is recognised as far as both have come. */
void dub_worker_hear_commentary(DubWorker *self, bool is_all)
{
    if (!self->commentary)
        return;
    const int64_t late_ns = self->input.live ? LIVE_LATE_NS : FILE_LATE_NS;
    const int64_t sound = dub_mixer_received(self->mixer), heard = dub_companion_received(self->commentary);
    const int64_t overdue = sound - dub_ns_to_samples(late_ns, self->input.rate_hz);
    note_commentary(self, heard < overdue);
    g_autoptr(DubPcm) pcm = dub_companion_take(self->commentary, is_all ? sound : MIN(MAX(heard, overdue), sound));
    if (!pcm)
        return;
    dub_segmenter_push(self->segmenter, pcm->samples, pcm->n_frames);
    dub_worker_take_segments(self);
}

static void put_sound(DubWorker *self, const float *samples, gsize n_frames)
{
    dub_mixer_push_original(self->mixer, samples, n_frames);
    if (self->commentary) {
        dub_worker_hear_commentary(self, false);
        return;
    }
    dub_segmenter_push(self->segmenter, dub_speech_mix_push(self->speech_mix, samples, n_frames), n_frames);
    dub_worker_take_segments(self);
}

/* By the newest offset of the sound that it belongs to. */
static void take_commentary(DubWorker *self, DubPcm *pcm, int64_t pts_ns)
{
    const int64_t output_ns = pts_ns - self->epochs.tracks[DUB_TRACK_AUDIO].offset_ns;
    if (dub_companion_push(self->commentary, pcm, output_ns))
        dub_worker_hear_commentary(self, false);
}

/* A second at a time: a gap may be an hour long. */
static void put_owed_silence(DubWorker *self)
{
    const gsize n_frames = (gsize) MIN(self->owed_frames, (int64_t) self->input.rate_hz);
    g_autofree float *zeros = g_new0(float, n_frames * self->input.channels);
    put_sound(self, zeros, n_frames);
    self->owed_frames -= (int64_t) n_frames;
}

void dub_worker_end_drift(DubWorker *self)
{
    gsize n_frames;
    const float *samples = dub_drift_end(self->drift, &n_frames);
    if (n_frames > 0)
        put_sound(self, samples, n_frames);
    self->drift_ns = 0;
}

/* How many frames audio's own timestamp is ahead of where the frame count would put it; what is within the jitter of
 * timestamps only counts as drift, once it lasts. @is_exact: it is known to be no jitter: the first of an epoch, and
 * what is left of an overlap. */
static int64_t frames_off(DubWorker *self, int64_t target_frame, bool is_exact)
{
    const int64_t off = target_frame - dub_mixer_received(self->mixer) - dub_drift_held(self->drift);
    const int64_t off_ns = dub_worker_frames_to_ns(self, off);
    if (!is_exact && ABS(off_ns) <= GAP_NS) {
        self->drift_ns += (off_ns - self->drift_ns) / SMOOTHING;
        return 0;
    }
    dub_worker_end_drift(self);
    return target_frame - dub_mixer_received(self->mixer);
}

/* A source whose sound runs at another rate than its timestamps, by some millionths: it is resampled from when that
 * shows. */
static void put_drifting(DubWorker *self, const float *samples, gsize n_frames)
{
    if (ABS(self->drift_ns) > DRIFT_NS && !dub_drift_has_begun(self->drift)) {
        dub_info("stream %s: its sound drifts against its timestamps: resampled from here on", self->stream_id);
        dub_drift_begin(self->drift);
    }
    const int64_t more = dub_ns_to_samples(self->drift_ns, self->input.rate_hz);
    gsize n_out;
    const float *out = dub_drift_put(self->drift, samples, n_frames, more, &n_out);
    put_sound(self, out, n_out);
}

static void come_back(DubWorker *self, int64_t now_ns)
{
    if (self->awaits[DUB_TRACK_AUDIO] && self->stands_in)
        dub_info("stream %s: the source is back after %.1f s", self->stream_id,
                 (double) (now_ns - self->away_since_ns) / DUB_NS_PER_S);
    self->awaits[DUB_TRACK_AUDIO] = self->stands_in = false;
}

static void put_audio(DubWorker *self, const DubPcm *pcm, int64_t pts_ns, int64_t now_ns)
{
    const int64_t offset = place(self, DUB_TRACK_AUDIO, pts_ns, dub_pcm_duration_ns(pcm), now_ns);
    const bool stood_in = self->stands_in;
    come_back(self, now_ns);
    const int64_t target = dub_ns_to_samples(pts_ns - offset, self->input.rate_hz);
    const bool is_first = dub_mixer_received(self->mixer) == 0 || offset != self->sound_offset_ns;
    const int64_t off = frames_off(self, target, is_first || self->in_overlap);
    if (is_first)
        dub_pace_reset(&self->pace);
    self->sound_offset_ns = offset;
    self->in_overlap = off < 0 && (gsize) -off > pcm->n_frames;
    if (off > 0 && stood_in) {
        dub_worker_put_silence(self, target);
    } else if (off > 0) {
        self->stats.gaps_filled += dub_mixer_received(self->mixer) > 0;
        self->owed_frames = off;
        g_queue_push_head(&self->delayed, delayed_new(pcm, pts_ns));
        return;
    }
    const gsize skip = off < 0 ? MIN((gsize) -off, pcm->n_frames) : 0;
    self->stats.overlaps_dropped += skip > 0 && dub_mixer_received(self->mixer) > 0;
    put_drifting(self, pcm->samples + skip * pcm->channels, pcm->n_frames - skip);
}

/* One piece of what waits for room. Returns: whether there was any, and room for it. */
bool dub_worker_take_owed(DubWorker *self, int64_t now_ns)
{
    const bool is_live = self->input.live; /* a gap in it is at most DUB_EPOCH_LIVE_GAP_NS long */
    if (g_queue_is_empty(&self->delayed) || (!is_live && dub_worker_is_full(self, now_ns)))
        return false;
    if (self->owed_frames > 0) {
        put_owed_silence(self);
        return true;
    }
    Delayed *delayed = g_queue_pop_head(&self->delayed);
    put_audio(self, delayed->pcm, delayed->pts_ns, now_ns);
    delayed_free(delayed);
    return true;
}

static void take_audio(DubWorker *self, const DubPcm *pcm, int64_t pts_ns, int64_t now_ns)
{
    if (g_queue_is_empty(&self->delayed))
        put_audio(self, pcm, pts_ns, now_ns);
    else
        g_queue_push_tail(&self->delayed, delayed_new(pcm, pts_ns));
    if (self->input.live) {
        while (dub_worker_take_owed(self, now_ns))
            ;
    }
}

static bool is_unheeded(const Early *early)
{
    return early->is_commentary || (early->is_video && early->video.is_hidden);
}

/* When the first is seen or heard. Where all that has come is hidden, what is shown comes next. */
static int64_t first_shown(const DubWorker *self)
{
    int64_t first = G_MAXINT64, last_hidden = G_MININT64;
    for (const GList *l = self->early.head; l; l = l->next) {
        const Early *early = l->data;
        if (is_unheeded(early))
            last_hidden = MAX(last_hidden, early->pts_ns);
        else
            first = MIN(first, early->pts_ns);
    }
    return first != G_MAXINT64 ? first : last_hidden;
}

/* A stream that was taken up again after a restart begins with what is overdue. There is time to open the output and
 * to dub the first of it, and then it leaves faster, which is what players' buffers have lost meanwhile. */
static void catch_up(DubWorker *self, int64_t now_ns)
{
    if (self->input.live && dub_playout_position(self->playout, now_ns) > -CATCH_UP_AFTER_NS)
        dub_playout_catch_up(self->playout, 0, CATCH_UP_RATE, now_ns + CATCH_UP_AFTER_NS);
}

static void anchor(DubWorker *self, int64_t now_ns)
{
    dub_epochs_anchor(&self->epochs, first_shown(self));
    dub_playout_anchor(self->playout, self->early_since_ns - self->age_ns);
    catch_up(self, now_ns);
    self->age_ns = 0;
    for (Early *early = g_queue_pop_head(&self->early); early; early = g_queue_pop_head(&self->early)) {
        if (early->is_video)
            take_video(self, &early->video, now_ns);
        else if (early->is_commentary)
            take_commentary(self, early->pcm, early->pts_ns);
        else
            take_audio(self, early->pcm, early->pts_ns, now_ns);
        early->is_video = false; /* its payload is the queue's now */
        early_free(self, early);
    }
}

/* Output time 0 is the earliest of both streams, so neither is placed before the other has shown itself; but it is not
 * waited for for ever, and timestamps that stand still are no clock. */
static void wait_early(DubWorker *self, Early *early, int64_t now_ns)
{
    if (self->early_since_ns == DUB_TIME_NONE)
        self->early_since_ns = now_ns;
    g_queue_push_tail(&self->early, early);
    self->early_has[early->is_video] |= !is_unheeded(early);
    const Early *first = g_queue_peek_head(&self->early);
    const bool both = self->early_has[false] && (!self->input.has_video || self->early_has[true]);
    const bool waited = self->input.live && now_ns - self->early_since_ns > EARLY_WAIT_NS;
    if (both || waited || early->pts_ns - first->pts_ns > EARLY_WAIT_NS || self->early.length >= EARLY_MAX)
        anchor(self, now_ns);
}

void dub_worker_source_video(DubWorker *self, const DubWorkerVideo *video, int64_t now_ns)
{
    if (self->state != DUB_WORKER_RUNNING) {
        self->effects.free_payload(video->payload);
        return;
    }
    if (self->epochs.anchored) {
        take_video(self, video, now_ns);
    } else {
        Early *early = g_new0(Early, 1);
        *early = (Early){ .is_video = true, .video = *video, .pts_ns = video->pts_ns };
        wait_early(self, early, now_ns);
    }
    if (!self->paced)
        dub_worker_go_on(self, now_ns);
}

/* A source whose clock is not this machine's would come later and later, or wait longer and longer. */
static void follow_pace(DubWorker *self, int64_t pts_ns, int64_t now_ns)
{
    if (!self->input.live)
        return;
    const int64_t due_ns = dub_playout_deadline(self->playout, pts_ns - self->sound_offset_ns) - self->stats.delay_ns;
    const int64_t by_ns = dub_pace_arrived(&self->pace, due_ns - now_ns, now_ns);
    if (by_ns)
        dub_playout_shift(self->playout, by_ns);
}

void dub_worker_source_audio(DubWorker *self, const DubPcm *given, int64_t pts_ns, int64_t now_ns)
{
    if (self->state != DUB_WORKER_RUNNING)
        return;
    g_autoptr(DubPcm) pcm = dub_resampler_put(self->resampler, given, &pts_ns);
    if (!pcm)
        return;
    if (self->epochs.anchored) {
        take_audio(self, pcm, pts_ns, now_ns);
        follow_pace(self, pts_ns, now_ns);
        self->arrived_ns = now_ns;
    } else {
        Early *early = g_new0(Early, 1);
        *early = (Early){ .pcm = dub_pcm_ref(pcm), .pts_ns = pts_ns };
        wait_early(self, early, now_ns);
    }
    dub_worker_go_on(self, now_ns);
}

void dub_worker_source_commentary(DubWorker *self, DubPcm *pcm, int64_t pts_ns, int64_t now_ns)
{
    if (self->state != DUB_WORKER_RUNNING || !self->commentary)
        return;
    if (self->epochs.anchored) {
        take_commentary(self, pcm, pts_ns);
    } else {
        Early *early = g_new0(Early, 1);
        *early = (Early){ .is_commentary = true, .pcm = dub_pcm_ref(pcm), .pts_ns = pts_ns };
        wait_early(self, early, now_ns);
    }
    dub_worker_go_on(self, now_ns);
}

void dub_worker_finish_intake(DubWorker *self, int64_t now_ns)
{
    if (!self->epochs.anchored && self->early.length > 0)
        anchor(self, now_ns);
    g_queue_clear_full(&self->delayed, delayed_free); /* held, a source does not end: it was stopped */
    self->owed_frames = 0;
}

void dub_worker_clear_intake(DubWorker *self)
{
    for (Early *early = g_queue_pop_head(&self->early); early; early = g_queue_pop_head(&self->early))
        early_free(self, early);
    g_queue_clear_full(&self->delayed, delayed_free);
    g_queue_clear_full(&self->changes, g_free);
}

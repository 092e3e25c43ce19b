/* airdub/probe-clip.c: source, segmenter and fragment codec, as a stream has them; the source is held once there is
 * enough. */
#include "airdub/probe-clip.h"

#include "audio/convert.h"
#include "audio/fragment-codec.h"
#include "base/clock.h"
#include "base/error.h"
#include "media/source.h"
#include "speech/remote-messages.h"
#include "timeline/segmenter.h"

typedef struct {
    ProbeClip *clip;
    DubSource *source;
    DubSegmenter *segmenter;
    int64_t segment_ns;
    guint max_fragments;
    GMainLoop *loop;
    bool is_done;
    GError *error;
} Reading;

static void finish(Reading *self)
{
    self->is_done = true;
    if (self->source)
        dub_source_set_held(self->source, true);
    g_main_loop_quit(self->loop);
}

static DubWireAudio *encode(const ProbeClip *clip, const DubSegment *segment, GError **error)
{
    g_autoptr(DubPcm) whole = dub_pcm_slice(segment->pcm, 0, (gsize) segment->n_frames); /* without the tail */
    g_autoptr(DubPcm) pcm = dub_pcm_convert(whole, clip->rate_hz, clip->channels, error);
    g_autoptr(GBytes) bytes = pcm ? dub_fragment_encode(pcm, DUB_FORMAT_M4A, error) : NULL;
    if (!bytes)
        return NULL;
    return dub_wire_audio_new(dub_fragment_format_to_string(DUB_FORMAT_M4A), clip->rate_hz, clip->channels,
                              dub_pcm_duration_ns(pcm) / DUB_NS_PER_MS, bytes);
}

static void take_segments(Reading *self)
{
    DubSegment *next;
    while (!self->is_done && (next = dub_segmenter_take(self->segmenter))) {
        g_autoptr(DubSegment) segment = next;
        if (self->clip->audio->len >= self->max_fragments) {
            self->clip->is_cut = TRUE;
            finish(self);
            return;
        }
        DubWireAudio *audio = encode(self->clip, segment, &self->error);
        if (audio)
            g_ptr_array_add(self->clip->audio, audio);
        else
            finish(self);
    }
}

static void on_info(const DubSourceInfo *info, void *user_data)
{
    Reading *self = user_data;
    const DubSegmenterConfig config = { info->rate_hz,    info->channels,    self->segment_ns,
                                        self->segment_ns, DUB_SEGMENT_FIXED, false };
    self->clip->rate_hz = dub_remote_wire_rate_hz(info->rate_hz);
    self->clip->channels = info->channels;
    self->segmenter = dub_segmenter_new(&config);
}

static void on_video(DubAccessUnit *unit, G_GNUC_UNUSED void *user_data)
{
    dub_access_unit_free(unit);
}

static void on_audio(DubPcm *pcm, G_GNUC_UNUSED int64_t pts_ns, void *user_data)
{
    Reading *self = user_data;
    g_autoptr(DubPcm) owned = pcm;
    if (self->is_done)
        return;
    dub_segmenter_push(self->segmenter, pcm->samples, pcm->n_frames);
    take_segments(self);
}

static void on_eos(void *user_data)
{
    Reading *self = user_data;
    if (self->is_done)
        return;
    dub_segmenter_finish(self->segmenter);
    take_segments(self);
    finish(self);
}

static void on_error(const GError *error, void *user_data)
{
    Reading *self = user_data;
    if (self->is_done)
        return;
    self->error = g_error_copy(error);
    finish(self);
}

static void check(Reading *self, const char *file)
{
    if (!self->is_done)
        self->error = g_error_new_literal(DUB_ERROR, DUB_ERROR_CANCELLED, "interrupted");
    else if (!self->error && self->clip->audio->len == 0)
        self->error = g_error_new(DUB_ERROR, DUB_ERROR_NO_AUDIO, "%s: its audio track is empty", file);
}

ProbeClip *probe_clip_read(const char *file, int64_t segment_ns, guint max_fragments, GMainLoop *loop, GError **error)
{
    static const DubSourceCallbacks callbacks = { on_info, on_video, on_audio, on_eos, on_error };
    g_autoptr(ProbeClip) clip = g_new0(ProbeClip, 1);
    clip->audio = g_ptr_array_new_with_free_func((GDestroyNotify) dub_wire_audio_free);
    Reading self = { .clip = clip,
                     .segment_ns = segment_ns,
                     .max_fragments = MIN(max_fragments, PROBE_CLIP_MAX),
                     .loop = loop };
    self.source = dub_source_new(file, NULL, &callbacks, &self, error);
    if (!self.source)
        return NULL;
    dub_source_start(self.source);
    g_main_loop_run(loop);
    check(&self, file);
    dub_source_free(self.source);
    dub_segmenter_free(self.segmenter);
    if (!self.error)
        return g_steal_pointer(&clip);
    g_propagate_error(error, self.error);
    return NULL;
}

void probe_clip_free(ProbeClip *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->audio);
    g_free(self);
}

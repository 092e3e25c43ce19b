/* media/head-seam.c: video is matched byte for byte; sound by correlation near where the video's match puts it. */
#include "media/head-seam.h"

#include <string.h>

#define FADE_BLOCKS   2u /* a decoder that starts in the middle gives its first frame wrong, an HE-AAC one its second */
#define HEADERS_BYTES 512                  /* of parameter sets: usually under 100 */
#define WINDOW_FRAMES 2048                 /* of sound that is compared: two AAC frames */
#define SEARCH_NS     (25 * DUB_NS_PER_MS) /* timestamps in whole milliseconds are off by far less */
#define FAR_ERROR                                                                                       \
    0.02 /* of the energy, at the end of the search: a steady tone fits each period, the nearest counts \
          */
#define AHEAD_NS      (300 * DUB_NS_PER_MS) /* a recording cannot be further than the live stream; timestamps jitter */
#define SAME_ERROR    0.1  /* of the energy: noise that an AAC decoder fills in differs from run to run */
#define SILENT_ENERGY 1e-3 /* of the window: nothing to compare */

typedef struct {
    float *samples; /* first channel */
    gsize *starts;  /* first frame of each block */
    gsize n_frames;
} Flat;

static void sound_clear(void *data)
{
    dub_pcm_unref(((DubTakeSound *) data)->pcm);
}

DubTake *dub_take_new(void)
{
    DubTake *self = g_new0(DubTake, 1);
    self->video = g_ptr_array_new_with_free_func((GDestroyNotify) dub_access_unit_free);
    self->sound = g_array_new(FALSE, FALSE, sizeof(DubTakeSound));
    g_array_set_clear_func(self->sound, sound_clear);
    return self;
}

void dub_take_free(DubTake *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->video);
    g_array_unref(self->sound);
    gst_clear_caps(&self->caps);
    g_free(self);
}

void dub_take_add_video(DubTake *self, DubAccessUnit *unit)
{
    self->n_bytes += gst_buffer_get_size(unit->buffer);
    g_ptr_array_add(self->video, unit);
}

void dub_take_add_sound(DubTake *self, DubPcm *pcm, int64_t pts_ns)
{
    const DubTakeSound sound = { pcm, pts_ns };
    self->n_bytes += pcm->n_frames * pcm->channels * sizeof(float);
    g_array_append_val(self->sound, sound);
}

static const DubTakeSound *sound_at(const DubTake *take, guint i)
{
    return &g_array_index(take->sound, DubTakeSound, i);
}

static const DubAccessUnit *unit_at(const DubTake *take, guint i)
{
    return take->video->pdata[i];
}

/* --- video ------------------------------------------------------------------------------------------------------- */

/* @more_bytes: that may come before @live's. */
static bool is_same_unit(const DubAccessUnit *head, const DubAccessUnit *live, gsize more_bytes)
{
    GstMapInfo map;
    const gsize size = gst_buffer_get_size(head->buffer), live_size = gst_buffer_get_size(live->buffer);
    if (live_size < size || live_size - size > more_bytes || !gst_buffer_map(head->buffer, &map, GST_MAP_READ))
        return false;
    const bool same = gst_buffer_memcmp(live->buffer, live_size - size, map.data, size) == 0;
    gst_buffer_unmap(head->buffer, &map);
    return same;
}

/* From @first on the recording holds what the live stream holds, to the end of the shorter one. Parsers put parameter
 * sets into the first unit that they see. */
static bool runs_along(const DubTake *head, guint first, const DubTake *live)
{
    const guint n = MIN(head->video->len - first, live->video->len);
    for (guint i = 0; i < n; i++) {
        if (!is_same_unit(unit_at(head, first + i), unit_at(live, i), i == 0 ? HEADERS_BYTES : 0))
            return false;
    }
    return n > 0;
}

static int64_t offset_at(const DubTake *head, guint first, const DubTake *live)
{
    return unit_at(live, 0)->pts_ns - unit_at(head, first)->pts_ns;
}

static bool ends_in_time(const DubTake *head, int64_t offset_ns, const DubTake *live)
{
    const int64_t end_ns = unit_at(head, head->video->len - 1)->pts_ns + offset_ns;
    return end_ns <= unit_at(live, live->video->len - 1)->pts_ns + AHEAD_NS;
}

/* --- sound ------------------------------------------------------------------------------------------------------- */

static Flat flatten(const DubTake *take)
{
    Flat flat = { .starts = g_new(gsize, take->sound->len + 1) };
    for (guint i = 0; i < take->sound->len; i++) {
        flat.starts[i] = flat.n_frames;
        flat.n_frames += sound_at(take, i)->pcm->n_frames;
    }
    flat.starts[take->sound->len] = flat.n_frames;
    flat.samples = g_new(float, flat.n_frames + 1);
    float *out = flat.samples;
    for (guint i = 0; i < take->sound->len; i++) {
        const DubPcm *pcm = sound_at(take, i)->pcm;
        for (gsize k = 0; k < pcm->n_frames; k++)
            *out++ = pcm->samples[k * pcm->channels];
    }
    return flat;
}

static void flat_clear(Flat *flat)
{
    g_free(flat->samples);
    g_free(flat->starts);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Flat, flat_clear)

/* The frame whose time is @pts_ns, by the timestamp of its own block; < 0: before the first. */
static int64_t frame_at(const DubTake *take, const Flat *flat, int64_t pts_ns)
{
    guint block = 0;
    while (block + 1 < take->sound->len && sound_at(take, block + 1)->pts_ns <= pts_ns)
        block++;
    const DubTakeSound *sound = sound_at(take, block);
    return (int64_t) flat->starts[block] + dub_ns_to_samples(pts_ns - sound->pts_ns, sound->pcm->rate_hz);
}

static double energy_of(const float *samples)
{
    double sum = 0;
    for (int i = 0; i < WINDOW_FRAMES; i++)
        sum += (double) samples[i] * samples[i];
    return sum;
}

static double distance(const float *a, const float *b, double limit)
{
    double sum = 0;
    for (int i = 0; i < WINDOW_FRAMES && sum < limit; i++)
        sum += (double) (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}

/* Where @wanted is found near @guess. Returns: false when nothing there is the same sound. */
static bool search(const Flat *head, const float *wanted, int64_t guess, unsigned rate_hz, int64_t *found)
{
    const int64_t reach = dub_ns_to_samples(SEARCH_NS, rate_hz);
    const double energy = energy_of(wanted);
    double best = energy * SAME_ERROR; /* what is heard differently, and how far it is from where it should be */
    if (energy < SILENT_ENERGY)
        return false;
    bool is_found = false;
    for (int64_t at = MAX(guess - reach, 0); at <= MIN(guess + reach, (int64_t) head->n_frames - WINDOW_FRAMES); at++) {
        const double far = energy * FAR_ERROR * (double) ABS(at - guess) / (double) reach;
        const double off = far + distance(head->samples + at, wanted, best - far);
        if (off >= best)
            continue;
        best = off;
        *found = at;
        is_found = true;
    }
    return is_found;
}

static void cut_sound(const DubTake *head, const Flat *flat, gsize frame, DubSeam *seam)
{
    while (seam->n_sound < head->sound->len && flat->starts[seam->n_sound + 1] <= frame)
        seam->n_sound++;
    seam->n_frames = frame - flat->starts[seam->n_sound];
}

/* Returns: false when the recording's sound does not reach to the seam yet. @is_exact: the sound itself was found. */
static bool join_sound(const DubTake *head, const DubTake *live, DubSeam *seam, bool *is_exact)
{
    g_auto(Flat) from = flatten(head);
    g_auto(Flat) to = flatten(live);
    const DubTakeSound *next = sound_at(live, FADE_BLOCKS);
    const unsigned rate_hz = next->pcm->rate_hz;
    const int64_t guess = frame_at(head, &from, next->pts_ns - seam->video_offset_ns);
    if (guess < 0 || guess + WINDOW_FRAMES + dub_ns_to_samples(SEARCH_NS, rate_hz) > (int64_t) from.n_frames)
        return false;
    int64_t found = guess;
    *is_exact = search(&from, to.samples + to.starts[FADE_BLOCKS], guess, rate_hz, &found);
    seam->first_live_sound = FADE_BLOCKS;
    seam->n_sound = 0;
    cut_sound(head, &from, (gsize) found, seam);
    const DubTakeSound *cut = sound_at(head, MIN(seam->n_sound, head->sound->len - 1));
    const int64_t cut_ns = cut->pts_ns + dub_samples_to_ns((int64_t) seam->n_frames, rate_hz);
    seam->sound_offset_ns = *is_exact ? next->pts_ns - cut_ns : seam->video_offset_ns;
    return true;
}

static bool has_enough(const DubTake *head, const DubTake *live)
{
    gsize n_frames = 0;
    for (guint i = FADE_BLOCKS; i < live->sound->len; i++)
        n_frames += sound_at(live, i)->pcm->n_frames;
    return head->video->len > 0 && head->sound->len > 0 && live->video->len > 0 && n_frames >= WINDOW_FRAMES &&
           sound_at(head, 0)->pcm->rate_hz == sound_at(live, 0)->pcm->rate_hz &&
           sound_at(head, 0)->pcm->channels == sound_at(live, 0)->pcm->channels;
}

/* A still picture repeats itself: of several places the one whose sound agrees counts, else the first possible one,
 * which lets the recording reach furthest. */
bool dub_seam_find(const DubTake *head, const DubTake *live, DubSeam *seam)
{
    bool is_found = false;
    if (!has_enough(head, live))
        return false;
    for (guint first = 0; first < head->video->len; first++) {
        const int64_t offset_ns = offset_at(head, first, live);
        DubSeam candidate = { .n_video = first, .video_offset_ns = offset_ns };
        bool is_exact = false;
        if (!runs_along(head, first, live) || !ends_in_time(head, offset_ns, live) ||
            !join_sound(head, live, &candidate, &is_exact))
            continue;
        if (!is_found || is_exact)
            *seam = candidate;
        is_found = true;
        if (is_exact)
            break;
    }
    return is_found;
}

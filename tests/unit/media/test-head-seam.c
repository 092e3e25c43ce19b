/* tests/unit/media/test-head-seam.c: where two takes of one stream join, made up of numbered units and sound. */
#include "media/head-seam.h"

#include <math.h>

#define RATE        48000
#define BLOCK       1024
#define FRAME_NS    (40 * DUB_NS_PER_MS)
#define LIVE_NS     (700 * DUB_NS_PER_S) /* the live stream's time base is another */
#define HEAD_FRAMES 150                  /* of video: 6 s */

typedef struct {
    const char *name;
    unsigned first_live;               /* video unit at which the live stream begins */
    int missing_ms;                    /* of the recording's end */
    int jitter_ms;                     /* live sound's timestamps are off by this */
    unsigned period;                   /* unit i looks like unit i % period; 0: all differ */
    bool is_silent, is_tone, is_noisy; /* noisy: as an AAC decoder fills in noise, each time another */
    bool is_other_stream;
    bool is_found;
    int64_t tolerance_frames; /* of the joint */
} Case;

static const Case cases[] = {
    { "plain", 60, 0, 0, .is_found = true },
    { "rounded-timestamps", 60, 0, 7, .is_found = true },
    { "decoder-noise", 60, 0, 7, .is_noisy = true, .is_found = true, .tolerance_frames = 2 },
    { "steady-tone", 60, 0, 1, .is_tone = true, .is_found = true },
    { "still-picture", 60, 0, 0, .period = 25, .is_found = true },
    { "silence-goes-by-timestamps", 60, 0, 0, .is_silent = true, .is_found = true },
    { "recording-is-behind", 140, 1000, 0 },
    { "sound-is-behind", 60, 3550, 0 },
    { "other-stream", 60, 0, 0, .is_other_stream = true },
    { "nothing-missed", 0, 0, 0, .is_found = true },
};

static DubAccessUnit *make_unit(const Case *c, unsigned i, int64_t pts_ns, unsigned salt)
{
    const guint32 seed = (c->period ? i % c->period : i) + salt;
    guint32 *bytes = g_new(guint32, 50);
    for (int k = 0; k < 50; k++)
        bytes[k] = seed * 2654435761u + (guint32) k;
    DubAccessUnit *unit = dub_access_unit_new(gst_buffer_new_wrapped(bytes, 200), pts_ns, pts_ns);
    unit->key_frame = i % 25 == 0;
    return unit;
}

static double hiss_at(gint64 frame)
{
    const guint64 x = ((guint64) frame + 1) * G_GUINT64_CONSTANT(0x9E3779B97F4A7C15);
    return (double) ((x ^ (x >> 29)) * G_GUINT64_CONSTANT(0xBF58476D1CE4E5B9) >> 40) / (1 << 23) - 1;
}

/* Dull noise, as a voice is; @first: frame of the whole stream. */
static double voice_at(gint64 frame)
{
    return 0.1 * (hiss_at(frame / 8) + hiss_at((frame + 4) / 8) + hiss_at((frame + 8) / 8));
}

static DubPcm *make_sound(const Case *c, gint64 first, GRand *noise)
{
    DubPcm *pcm = dub_pcm_new(RATE, 2, BLOCK);
    for (gsize k = 0; k < BLOCK && !c->is_silent; k++) {
        const gint64 at = first + (gint64) k;
        const double hiss = c->is_noisy ? g_rand_double_range(noise, -0.03, 0.03) : 0;
        pcm->samples[2 * k] =
            (float) ((c->is_tone ? 0.3 * sin(G_PI * 2 * (double) (at % 160) / 160) : voice_at(at)) + hiss);
    }
    return pcm;
}

static DubTake *make_head(const Case *c, GRand *noise)
{
    DubTake *head = dub_take_new();
    const int64_t length_ns = HEAD_FRAMES * FRAME_NS - c->missing_ms * DUB_NS_PER_MS;
    for (unsigned i = 0; i * FRAME_NS < length_ns; i++)
        dub_take_add_video(head, make_unit(c, i, i * FRAME_NS, 0));
    for (gint64 at = 0; dub_samples_to_ns(at, RATE) < length_ns; at += BLOCK)
        dub_take_add_sound(head, make_sound(c, at, noise), dub_samples_to_ns(at, RATE));
    return head;
}

/* As a reader gets it that joined at a key frame: the first block of sound is not what it should be. */
static DubTake *make_live(const Case *c, gint64 first_sound, GRand *noise)
{
    DubTake *live = dub_take_new();
    for (unsigned i = c->first_live; i < HEAD_FRAMES; i++)
        dub_take_add_video(live, make_unit(c, i, LIVE_NS + i * FRAME_NS, c->is_other_stream ? 1000 : 0));
    for (gint64 at = first_sound; dub_samples_to_ns(at, RATE) < HEAD_FRAMES * FRAME_NS; at += BLOCK) {
        DubPcm *pcm = make_sound(c, at, noise);
        for (gsize k = 0; k < BLOCK && at == first_sound; k++)
            pcm->samples[2 * k] *= (float) k / BLOCK;
        dub_take_add_sound(live, pcm, LIVE_NS + dub_samples_to_ns(at, RATE) + c->jitter_ms * DUB_NS_PER_MS);
    }
    return live;
}

static void expect_seam(const Case *c, const DubSeam *seam, gint64 first_sound)
{
    g_assert_cmpuint(seam->n_video, ==, c->first_live);
    g_assert_cmpint(seam->video_offset_ns, ==, LIVE_NS);
    const gint64 joint = first_sound + (gint64) seam->first_live_sound * BLOCK;
    const gint64 cut = (gint64) seam->n_sound * BLOCK + (gint64) seam->n_frames;
    g_assert_cmpint(ABS(cut - joint), <=, c->tolerance_frames);
    const int64_t off_ns = seam->sound_offset_ns - LIVE_NS - c->jitter_ms * DUB_NS_PER_MS;
    g_assert_cmpint(ABS(off_ns), <=, 2 * DUB_NS_PER_S / RATE);
}

static void test_case(const void *data)
{
    const Case *c = data;
    GRand *noise = g_rand_new_with_seed(7);
    const gint64 first_sound = dub_ns_to_samples(c->first_live * FRAME_NS, RATE) / BLOCK * BLOCK;
    g_autoptr(DubTake) head = make_head(c, noise);
    g_autoptr(DubTake) live = make_live(c, first_sound, noise);
    DubSeam seam;
    g_assert_cmpint(dub_seam_find(head, live, &seam), ==, c->is_found);
    if (c->is_found)
        expect_seam(c, &seam, first_sound);
    g_rand_free(noise);
}

static void test_too_little(void)
{
    g_autoptr(DubTake) head = dub_take_new();
    g_autoptr(DubTake) live = dub_take_new();
    DubSeam seam;
    g_assert_false(dub_seam_find(head, live, &seam));
    dub_take_add_video(head, make_unit(&cases[0], 0, 0, 0));
    dub_take_add_video(live, make_unit(&cases[0], 0, 0, 0));
    g_assert_false(dub_seam_find(head, live, &seam));
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/media/head-seam/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_case);
    }
    g_test_add_func("/media/head-seam/too-little", test_too_little);
    return g_test_run();
}

/* A second sound beside the first: what was pushed is taken at its place, silence where nothing came. */
#include "base/clock.h"
#include "timeline/companion.h"

#include <math.h>

#define RATE 16000u
#define FAR  (G_MAXINT64 / (2 * DUB_NS_PER_S) * (int64_t) RATE) /* frames; as far as a time in ns goes */

/* Samples that say where they lie: frame n is n/1000000. */
static DubPcm *ramp(int64_t first, gsize n_frames)
{
    DubPcm *pcm = dub_pcm_new(RATE, 1, n_frames);
    for (gsize i = 0; i < n_frames; i++)
        pcm->samples[i] = (float) (first + (int64_t) i) / 1e6f;
    return pcm;
}

static bool push(DubCompanion *companion, int64_t first, gsize n_frames, int64_t at)
{
    g_autoptr(DubPcm) pcm = ramp(first, n_frames);
    return dub_companion_push(companion, pcm, dub_samples_to_ns(at, RATE));
}

/* @from: what the frame at @first of the output is; -1: silence up to @end */
static void expect(const DubPcm *pcm, int64_t taken, int64_t first, int64_t end, int64_t from)
{
    for (int64_t i = first; i < end; i++) {
        const float wanted = from < 0 ? 0 : (float) (from + i - first) / 1e6f;
        g_assert_cmpfloat(fabsf(pcm->samples[i - taken] - wanted), <, 1e-7);
    }
}

static void test_in_order(void)
{
    g_autoptr(DubCompanion) companion = dub_companion_new(RATE, 1);
    g_assert_true(push(companion, 100, 320, 0));
    g_assert_true(push(companion, 420, 320, 325)); /* jitter of a timestamp: it joins */
    g_assert_cmpint(dub_companion_received(companion), ==, 640);
    g_autoptr(DubPcm) first = dub_companion_take(companion, 400);
    g_autoptr(DubPcm) second = dub_companion_take(companion, 640);
    expect(first, 0, 0, 400, 100);
    expect(second, 400, 400, 640, 500);
    g_assert_null(dub_companion_take(companion, 640));
    g_assert_cmpint(dub_companion_taken(companion), ==, 640);
}

static void test_gap_and_overlap(void)
{
    g_autoptr(DubCompanion) companion = dub_companion_new(RATE, 1);
    g_assert_true(push(companion, 0, 320, 3200)); /* it begins later */
    g_assert_true(push(companion, 0, 3200, 640)); /* an overlap that reaches beyond by 320 */
    g_autoptr(DubPcm) pcm = dub_companion_take(companion, 4000);
    g_assert_cmpuint(pcm->n_frames, ==, 4000);
    expect(pcm, 0, 0, 3200, -1);
    expect(pcm, 0, 3200, 3520, 0);
    expect(pcm, 0, 3520, 3840, 2880);
    expect(pcm, 0, 3840, 4000, -1);                /* nothing came */
    g_assert_true(push(companion, 0, 1600, 2000)); /* what was taken already is not given again */
    g_assert_cmpint(dub_companion_received(companion), ==, 4000);
}

/* What is too far ahead is refused, however it comes. */
static void test_bound(void)
{
    g_autoptr(DubCompanion) companion = dub_companion_new(RATE, 1);
    g_assert_false(push(companion, 0, 320, (int64_t) RATE * DUB_COMPANION_AHEAD_S));
    g_assert_cmpint(dub_companion_received(companion), ==, 0);
    for (int64_t at = 0; at < (int64_t) RATE * 60; at += 320)
        push(companion, at, 320, at);
    g_assert_cmpint(dub_companion_received(companion), ==, (int64_t) RATE * DUB_COMPANION_AHEAD_S);
    dub_pcm_unref(dub_companion_take(companion, RATE));
    g_assert_true(push(companion, 0, 320, (int64_t) RATE * DUB_COMPANION_AHEAD_S));
    g_assert_false(push(companion, 0, 320, FAR));
    g_assert_true(push(companion, 0, 320, -(FAR)));
}

/* Another rate and two channels: as many frames as it lasts, in both. */
static void test_shape(void)
{
    g_autoptr(DubCompanion) companion = dub_companion_new(RATE, 2);
    for (int i = 0; i < 100; i++) {
        g_autoptr(DubPcm) pcm = dub_pcm_new(44100, 1, 441);
        for (gsize k = 0; k < pcm->n_frames; k++)
            pcm->samples[k] = sinf((float) (i * 441 + (int) k) * 440 * 2 * (float) G_PI / 44100);
        g_assert_true(dub_companion_push(companion, pcm, i * 10 * DUB_NS_PER_MS));
    }
    g_assert_cmpint(ABS(dub_companion_received(companion) - (int64_t) RATE), <=, 20);
    g_autoptr(DubPcm) pcm = dub_companion_take(companion, 15000);
    for (gsize i = 1000; i < 14000; i++) { /* one sine, without a seam */
        const float *s = pcm->samples + 2 * i;
        const float turn = 2 * cosf(440 * 2 * (float) G_PI / RATE);
        g_assert_cmpfloat(fabsf(s[2] + s[-2] - turn * s[0]), <, 0.004);
        g_assert_cmpfloat(fabsf(s[0] - s[1]), <, 1e-6);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/timeline/companion/in-order", test_in_order);
    g_test_add_func("/timeline/companion/gap-and-overlap", test_gap_and_overlap);
    g_test_add_func("/timeline/companion/bound", test_bound);
    g_test_add_func("/timeline/companion/shape", test_shape);
    return g_test_run();
}

/* Cuts: where they fall, that nothing is lost between them, that every bound holds. */
#include "timeline/segmenter.h"

#include "base/clock.h"

#include <math.h>
#include <stdbool.h>

#define RATE        16000u
#define SHORT_LEASH (7600 * DUB_NS_PER_MS) /* the longest segment: a cut may be 1.5 s early */
#define LONG_LEASH  (9 * DUB_NS_PER_S)     /* 2.9 s */

typedef struct {
    const char *name;
    DubSegmentMode mode;
    int64_t longest_ns;
    double pauses_s[8]; /* 200 ms of silence around each, ended by 0 */
    double length_s;
    double cuts_s[8]; /* expected, ±60 ms, ended by 0 */
} Case;

static const Case cases[] = {
    { "fixed-cuts-at-the-marks", DUB_SEGMENT_FIXED, SHORT_LEASH, { 5.0, 11.0 }, 20, { 6, 12, 18 } },
    { "pause-before-the-mark", DUB_SEGMENT_PAUSE, SHORT_LEASH, { 5.0, 11.5, 17.2 }, 20, { 5.0, 11.5, 17.2 } },
    { "pause-after-the-mark-within-the-longest", DUB_SEGMENT_PAUSE, SHORT_LEASH, { 6.8, 12.9 }, 15, { 6.8, 12.9 } },
    { "a-pause-too-far-away-is-not-taken", DUB_SEGMENT_PAUSE, LONG_LEASH, { 2.0, 6.3 }, 9, { 6.3 } },
    { "a-clear-pause-further-back-before-a-cut-word", DUB_SEGMENT_PAUSE, LONG_LEASH, { 3.4, 9.4 }, 16, { 3.4, 9.4 } },
    { "not-so-far-back-that-the-next-mark-is-out-of-reach", DUB_SEGMENT_PAUSE, LONG_LEASH, { 2.8, 6.3 }, 9, { 6.3 } },
    { "a-pause-further-back-only-where-there-is-no-nearer-one",
      DUB_SEGMENT_PAUSE,
      LONG_LEASH,
      { 3.8, 6.9 },
      10,
      { 6.9 } },
    { "an-early-cut-does-not-shift-the-next-mark",
      DUB_SEGMENT_PAUSE,
      SHORT_LEASH,
      { 4.6, 11.3, 16.8 },
      20,
      { 4.6, 11.3, 16.8 } },
    { "shorter-than-a-segment", DUB_SEGMENT_PAUSE, SHORT_LEASH, { 0 }, 3, { 0 } },
};

static DubSegmenter *new_segmenter(DubSegmentMode mode, int64_t longest_ns)
{
    const DubSegmenterConfig config = { RATE, 1, 6 * DUB_NS_PER_S, longest_ns, mode, false };
    return dub_segmenter_new(&config);
}

static bool is_pause(const Case *c, double t)
{
    for (int i = 0; c->pauses_s[i] > 0; i++) {
        if (fabs(t - c->pauses_s[i]) < 0.1)
            return true;
    }
    return false;
}

/* A sample's value says where it is, so that loss and repetition show. */
static float sample_at(const Case *c, int64_t frame)
{
    const double t = (double) frame / RATE;
    return is_pause(c, t) ? 0.0f : 0.5f + 0.25f * sinf((float) frame * 0.37f);
}

static void check_segment(const Case *c, const DubSegment *segment, int64_t expected_first, int64_t total)
{
    g_assert_cmpint(segment->first_frame, ==, expected_first);
    g_assert_cmpint(segment->n_frames, <=, c->longest_ns * RATE / DUB_NS_PER_S);
    const int64_t tail = (int64_t) segment->pcm->n_frames - segment->n_frames;
    const bool last = segment->first_frame + segment->n_frames == total;
    g_assert_cmpint(tail, ==, last ? 0 : RATE * DUB_CROSSFADE_MS / 1000);
    for (gsize i = 0; i < segment->pcm->n_frames; i++)
        g_assert_cmpfloat(segment->pcm->samples[i], ==, sample_at(c, segment->first_frame + (int64_t) i));
}

static void test_cuts(const void *data)
{
    const Case *c = data;
    g_autoptr(DubSegmenter) segmenter = new_segmenter(c->mode, c->longest_ns);
    const int64_t total = (int64_t) (c->length_s * RATE);
    int64_t pushed = 0, at = 0;
    int n = 0;
    while (at < total) {
        g_autoptr(DubSegment) segment = dub_segmenter_take(segmenter);
        if (segment) {
            check_segment(c, segment, at, total);
            at += segment->n_frames;
            if (at < total)
                g_assert_cmpfloat(fabs((double) at / RATE - c->cuts_s[n++]), <, 0.06);
        } else if (pushed < total) {
            float block[777];
            const gsize take = (gsize) MIN(777, total - pushed);
            for (gsize i = 0; i < take; i++)
                block[i] = sample_at(c, pushed + (int64_t) i);
            dub_segmenter_push(segmenter, block, take);
            pushed += (int64_t) take;
            if (pushed == total)
                dub_segmenter_finish(segmenter);
        }
    }
    g_assert_cmpfloat(c->cuts_s[n], ==, 0.0);
    g_assert_null(dub_segmenter_take(segmenter));
}

static void test_forced(void)
{
    g_autoptr(DubSegmenter) segmenter = new_segmenter(DUB_SEGMENT_PAUSE, SHORT_LEASH);
    g_autofree float *block = g_new0(float, RATE);
    dub_segmenter_push(segmenter, block, RATE);
    g_assert_null(dub_segmenter_take(segmenter));
    dub_segmenter_force(segmenter);
    g_autoptr(DubSegment) segment = dub_segmenter_take(segmenter);
    g_assert_cmpint(segment->n_frames, ==, RATE);
    g_assert_cmpint((gint64) segment->pcm->n_frames, ==, RATE);
    dub_segmenter_force(segmenter); /* nothing there: nothing comes */
    g_assert_null(dub_segmenter_take(segmenter));
}

static DubSegment *push_until_cut(DubSegmenter *segmenter, const Case *c, int64_t *pushed)
{
    DubSegment *segment = NULL;
    for (; !segment; *pushed += 160) {
        float block[160];
        for (int i = 0; i < 160; i++)
            block[i] = sample_at(c, *pushed + i);
        dub_segmenter_push(segmenter, block, 160);
        segment = dub_segmenter_take(segmenter);
    }
    return segment;
}

/* Live, a clear pause is cut at as soon as the mark is past; without one the search goes to its end. */
static void test_eager(void)
{
    const DubSegmenterConfig config = { RATE, 1, 6 * DUB_NS_PER_S, SHORT_LEASH, DUB_SEGMENT_PAUSE, true };
    static const Case paused = { .name = "eager", .pauses_s = { 5.0, 5.9 } };
    g_autoptr(DubSegmenter) segmenter = dub_segmenter_new(&config);
    int64_t pushed = 0;
    g_autoptr(DubSegment) first = push_until_cut(segmenter, &paused, &pushed);
    g_assert_cmpfloat(fabs((double) first->n_frames / RATE - 5.0), <, 0.11);
    g_assert_cmpfloat((double) pushed / RATE, <, 6.3);
    g_autoptr(DubSegment) second = NULL; /* one tone on end: no pause until the longest is reached */
    for (; !second; pushed += 160) {
        float block[160];
        for (int i = 0; i < 160; i++)
            block[i] = 0.5f;
        dub_segmenter_push(segmenter, block, 160);
        second = dub_segmenter_take(segmenter);
    }
    g_assert_cmpint(pushed - second->first_frame, >=, SHORT_LEASH * RATE / DUB_NS_PER_S);
}

/* Without a clear pause in the window, the one before it is cut at, and not a moment later than the window ends. */
static void test_eager_looks_back(void)
{
    const DubSegmenterConfig config = { RATE, 1, 6 * DUB_NS_PER_S, LONG_LEASH, DUB_SEGMENT_PAUSE, true };
    static const Case paused = { .name = "eager-looks-back", .pauses_s = { 5.0, 9.6, 14.6 } };
    g_autoptr(DubSegmenter) segmenter = dub_segmenter_new(&config);
    int64_t pushed = 0;
    g_autoptr(DubSegment) first = push_until_cut(segmenter, &paused, &pushed);
    g_autoptr(DubSegment) second = push_until_cut(segmenter, &paused, &pushed);
    g_assert_cmpfloat(fabs((double) second->first_frame / RATE - 5.0), <, 0.11);
    g_assert_cmpfloat(fabs((double) (second->first_frame + second->n_frames) / RATE - 9.6), <, 0.06);
    g_assert_cmpint(pushed - 135 * RATE / 10, <=, RATE * DUB_CROSSFADE_MS / 1000 + 160);
}

/* --- as many segments as the length gives
 * ----------------------------------------------------------------------------- */

static float babble(int64_t frame, guint seed) /* pauses of 300 ms here and there, other ones with each seed */
{
    const guint slot = (guint) (frame / (RATE * 3 / 10)), hash = (slot * 2654435761u + seed * 40503u) >> 13;
    return hash % 9 == 0 ? 0.0f : 0.5f + 0.25f * sinf((float) frame * 0.37f);
}

static int count_segments(int64_t longest_ns, bool eager, guint seed, int64_t total)
{
    const DubSegmenterConfig config = { RATE, 1, 6 * DUB_NS_PER_S, longest_ns, DUB_SEGMENT_PAUSE, eager };
    g_autoptr(DubSegmenter) segmenter = dub_segmenter_new(&config);
    int n = 0;
    for (int64_t pushed = 0; pushed < total; pushed += 320) {
        float block[320];
        const int64_t take = MIN(320, total - pushed);
        for (int64_t i = 0; i < take; i++)
            block[i] = babble(pushed + i, seed);
        dub_segmenter_push(segmenter, block, (gsize) take);
        if (pushed + take == total)
            dub_segmenter_finish(segmenter);
        DubSegment *segment;
        while ((segment = dub_segmenter_take(segmenter))) {
            dub_segment_free(segment);
            n++;
        }
    }
    return n;
}

/* Wherever the pauses are: early cuts never leave more for the last segment than fits into it. The stream may be a
 * little longer than a whole number of segments, as AAC's last frame makes it. */
static void test_count(void)
{
    static const int64_t longest_ns[] = { 7 * DUB_NS_PER_S, 7500 * DUB_NS_PER_MS, LONG_LEASH };
    for (gsize i = 0; i < G_N_ELEMENTS(longest_ns); i++) {
        for (guint seed = 0; seed < 40; seed++) {
            const int expected = 2 + (int) (seed % 9);
            const int64_t total = (int64_t) expected * 6 * RATE + (seed % 3) * RATE * 40 / 1000;
            g_assert_cmpint(count_segments(longest_ns[i], seed % 2 == 0, seed, total), ==, expected);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/timeline/segmenter/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_cuts);
    }
    g_test_add_func("/timeline/segmenter/forced", test_forced);
    g_test_add_func("/timeline/segmenter/eager", test_eager);
    g_test_add_func("/timeline/segmenter/eager-looks-back", test_eager_looks_back);
    g_test_add_func("/timeline/segmenter/count", test_count);
    return g_test_run();
}

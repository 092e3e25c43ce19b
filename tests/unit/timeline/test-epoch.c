/* Timestamps of all sorts against the one output timeline. */
#include "timeline/epoch.h"

#define MS(x) ((int64_t) (x) *1000000)

typedef struct {
    DubTrack track;
    int64_t source_ms, duration_ms, resume_at_ms;
    int64_t output_ms; /* expected */
    bool opens;        /* a new epoch */
} Step;

typedef struct {
    const char *name;
    int64_t anchor_ms;
    Step steps[10]; /* ended by duration 0 */
} Case;

#define V DUB_TRACK_VIDEO
#define A DUB_TRACK_AUDIO

static const Case cases[] = {
    { "runs-on", 1000, { { V, 1000, 40, 0, 0, false }, { A, 1010, 20, 0, 10, false }, { V, 1040, 40, 0, 40, false } } },
    { "b-frames-and-jitter",
      0,
      { { V, 80, 40, 0, 80, false }, { V, 40, 40, 0, 40, false }, { V, 120, 40, 0, 120, false } } },
    { "a-gap-is-a-gap", 0, { { A, 0, 20, 0, 0, false }, { A, 5000, 20, 0, 5000, false } } },
    { "restart-from-zero-continues",
      500000,
      { { V, 500000, 40, 0, 0, false },
        { A, 500000, 20, 0, 0, false },
        { V, 500040, 40, 0, 40, false },
        { V, 0, 40, 0, 80, true },
        { A, 0, 20, 0, 80, false },
        { V, 40, 40, 0, 120, false } } },
    { "old-audio-after-the-video-jumped-keeps-its-place",
      0,
      { { V, 90000, 40, 0, 90000, true }, { A, 20, 20, 0, 20, false } } },
    { "jump-forward-of-an-hour",
      0,
      { { V, 0, 40, 0, 0, false },
        { A, 0, 20, 0, 0, false },
        { A, 3600000, 20, 0, 40, true },
        { V, 3600000, 40, 0, 40, false } } },
    { "one-strange-timestamp-is-no-new-epoch-for-what-follows",
      0,
      { { V, 0, 40, 0, 0, false },
        { A, 0, 20, 0, 0, false },
        { A, 90000, 20, 0, 40, true },
        { A, 40, 20, 0, 40, false },
        { V, 40, 40, 0, 40, false } } },
    { "a-step-back-of-a-second-is-the-same-for-both",
      0,
      { { V, 2000, 40, 0, 2000, false },
        { A, 2000, 20, 0, 2000, false },
        { V, 1044, 40, 0, 1044, false }, /* 996 ms before its end */
        { A, 1000, 20, 0, 2040, true },  /* 1020 ms */
        { A, 1020, 20, 0, 2060, false },
        { V, 1084, 40, 0, 2124, false } } },
    { "a-strange-timestamp-after-a-stall-takes-both-along",
      0,
      { { V, 0, 40, 0, 0, false },
        { A, 0, 20, 0, 0, false },
        { A, 7200000, 20, 15000, 15000, true },
        { A, 20, 20, 15020, 15020, true },
        { V, 40, 40, 15040, 15040, false },
        { A, 40, 20, 15040, 15040, false } } },
    { "one-epoch-after-a-stall-and-a-jump",
      0,
      { { V, 0, 40, 0, 0, false },
        { A, 0, 20, 0, 0, false },
        { A, 7200000, 20, 34000, 34000, true },
        { V, 7200020, 40, 34245, 34020, false } } },
    { "live-resumes-where-the-clock-stands",
      0,
      { { V, 7200000, 40, 0, 7200000, true }, { V, 0, 40, 7205000, 7205000, true } } },
};

static void test_map(const void *data)
{
    const Case *c = data;
    DubEpochs epochs;
    dub_epochs_init(&epochs, DUB_EPOCH_LIVE_GAP_NS);
    dub_epochs_anchor(&epochs, MS(c->anchor_ms));
    for (const Step *s = c->steps; s->duration_ms; s++) {
        int64_t offset;
        const bool opened =
            dub_epochs_map(&epochs, s->track, MS(s->source_ms), MS(s->duration_ms), MS(s->resume_at_ms), &offset);
        g_assert_cmpint(opened, ==, s->opens);
        if (s->opens && s == c->steps)
            continue; /* where a first, absurd timestamp lands is the resume point: the next rows tell */
        g_assert_cmpint(MS(s->source_ms) - offset, ==, MS(s->output_ms));
    }
}

static void test_break(void)
{
    DubEpochs epochs;
    int64_t offset;
    dub_epochs_init(&epochs, DUB_EPOCH_LIVE_GAP_NS);
    dub_epochs_anchor(&epochs, 0);
    dub_epochs_map(&epochs, V, 0, MS(40), 0, &offset);
    dub_epochs_map(&epochs, A, 0, MS(40), 0, &offset);
    dub_epochs_break(&epochs);
    /* The same timestamps again, three seconds later on the clock: later on the timeline, and together. */
    g_assert_true(dub_epochs_map(&epochs, A, 0, MS(20), MS(3000), &offset));
    g_assert_cmpint(-offset, ==, MS(3000));
    g_assert_false(dub_epochs_map(&epochs, V, MS(10), MS(40), MS(3010), &offset));
    g_assert_cmpint(MS(10) - offset, ==, MS(3010));
    /* However long it was away, the one epoch is for both. */
    dub_epochs_break(&epochs);
    g_assert_true(dub_epochs_map(&epochs, A, 0, MS(20), MS(60000), &offset));
    g_assert_false(dub_epochs_map(&epochs, V, MS(1900), MS(40), MS(60003), &offset));
    g_assert_cmpint(-offset, ==, MS(60000));
    g_assert_cmpuint(epochs.epoch, ==, 2);
}

/* Sound alone had jumped before the break: that epoch is none to come back to. */
static void test_break_after_a_jump(void)
{
    DubEpochs epochs;
    int64_t offset;
    dub_epochs_init(&epochs, DUB_EPOCH_LIVE_GAP_NS);
    dub_epochs_anchor(&epochs, 0);
    dub_epochs_map(&epochs, V, 0, MS(40), 0, &offset);
    dub_epochs_map(&epochs, A, 0, MS(20), 0, &offset);
    g_assert_true(dub_epochs_map(&epochs, A, MS(90000), MS(20), 0, &offset));
    dub_epochs_break(&epochs);
    g_assert_true(dub_epochs_map(&epochs, V, MS(90020), MS(40), MS(3000), &offset));
    g_assert_cmpint(MS(90020) - offset, ==, MS(3000));
    g_assert_false(dub_epochs_map(&epochs, A, MS(90020), MS(20), MS(3000), &offset));
    g_assert_cmpint(MS(90020) - offset, ==, MS(3000));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/timeline/epoch/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_map);
    }
    g_test_add_func("/timeline/epoch/a-reopened-source-is-a-new-epoch", test_break);
    g_test_add_func("/timeline/epoch/what-jumped-before-a-break-is-forgotten", test_break_after_a_jump);
    return g_test_run();
}

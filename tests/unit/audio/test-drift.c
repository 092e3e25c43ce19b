/* Not a sample is lost or doubled where the correction begins and where it ends, and before that none is touched. */
#include "audio/drift.h"

#include <math.h>

#define RATE  48000u
#define BLOCK 1024

static float tone(int64_t frame)
{
    return 0.5f * (float) sin(2 * G_PI * 997 / RATE * (double) frame);
}

static void check(const float *got, gsize n_frames, int64_t *at, double limit)
{
    for (gsize i = 0; i < n_frames; i++, (*at)++)
        g_assert_cmpfloat(fabs(got[2 * i] - tone(*at)), <=, limit);
}

static void test_joins(void)
{
    g_autoptr(DubDrift) drift = dub_drift_new(RATE, 2);
    float in[BLOCK * 2];
    int64_t at = 0, given = 0;
    gsize n_out;
    for (int block = 0; block < 40; block++) {
        for (int i = 0; i < BLOCK; i++)
            in[2 * i] = in[2 * i + 1] = tone(given++);
        if (block == 20)
            dub_drift_begin(drift);
        const float *out = dub_drift_put(drift, in, BLOCK, 0, &n_out);
        g_assert_true(block >= 20 || out == in);
        check(out, n_out, &at, block < 20 ? 0 : 1e-4);
    }
    g_assert_cmpint(at + dub_drift_held(drift), ==, given);
    g_assert_cmpint(dub_drift_held(drift), >, 0);
    const float *rest = dub_drift_end(drift, &n_out);
    check(rest, n_out, &at, 0.5); /* its last samples have nothing after them */
    g_assert_cmpint(at, ==, given);
    g_assert_false(dub_drift_has_begun(drift));
}

static void test_makes_up(void)
{
    static const int64_t missing[] = { 480, -480 }; /* 10 ms, within ten seconds */
    for (gsize i = 0; i < G_N_ELEMENTS(missing); i++) {
        g_autoptr(DubDrift) drift = dub_drift_new(RATE, 1);
        float in[BLOCK] = { 0 };
        gsize n_out;
        int64_t given = 0, got = 0;
        dub_drift_begin(drift);
        while (given < 10 * (int64_t) RATE) {
            dub_drift_put(drift, in, BLOCK, missing[i], &n_out);
            given += BLOCK;
            got += (int64_t) n_out;
        }
        const int64_t more = got + dub_drift_held(drift) - given;
        g_assert_cmpint(ABS(more - missing[i]), <=, 4);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/audio/drift/joins", test_joins);
    g_test_add_func("/audio/drift/makes-up", test_makes_up);
    return g_test_run();
}

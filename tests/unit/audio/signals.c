/* tests/unit/audio/signals.c */
#include "signals.h"

#include <math.h>

DubPcm *test_chirp(unsigned rate_hz, unsigned channels, gsize n_frames)
{
    DubPcm *pcm = dub_pcm_new(rate_hz, channels, n_frames);
    const double seconds = MAX(n_frames, 1) / (double) rate_hz;
    for (gsize i = 0; i < n_frames; i++) {
        const double t = (double) i / rate_hz;
        const double slope = (rate_hz / 4.0 - 300) / seconds;
        const float value = (float) (0.5 * sin(2 * G_PI * (300 * t + slope * t * t / 2)));
        for (unsigned c = 0; c < channels; c++)
            pcm->samples[i * channels + c] = c ? -value : value;
    }
    return pcm;
}

DubPcm *test_sine(unsigned rate_hz, unsigned channels, gsize n_frames, double frequency_hz, double amplitude)
{
    DubPcm *pcm = dub_pcm_new(rate_hz, channels, n_frames);
    for (gsize i = 0; i < n_frames; i++)
        for (unsigned c = 0; c < channels; c++)
            pcm->samples[i * channels + c] = (float) (amplitude * sin(2 * G_PI * frequency_hz * (double) i / rate_hz));
    return pcm;
}

int test_lag(const DubPcm *expected, const DubPcm *actual, gsize first, gsize n_frames, int reach)
{
    double best = -INFINITY;
    int best_lag = 0;
    for (int lag = -reach; lag <= reach; lag++) {
        double sum = 0;
        for (gsize i = first; i < first + n_frames; i++) {
            const int64_t at = (int64_t) i + lag;
            if (at >= 0 && at < (int64_t) actual->n_frames)
                sum += (double) expected->samples[i * expected->channels] * actual->samples[at * actual->channels];
        }
        if (sum > best) {
            best = sum;
            best_lag = lag;
        }
    }
    return best_lag;
}

double test_snr_db(const DubPcm *expected, const DubPcm *actual, gsize first, gsize end)
{
    double signal = 0, noise = 1e-20;
    for (gsize i = first * expected->channels; i < end * expected->channels; i++) {
        const double difference = (double) actual->samples[i] - expected->samples[i];
        signal += (double) expected->samples[i] * expected->samples[i];
        noise += difference * difference;
    }
    return 10 * log10(signal / noise);
}

double test_phase(const DubPcm *pcm, double frequency_hz, gsize first, gsize n_frames)
{
    double in_phase = 0, quadrature = 0;
    for (gsize i = first; i < first + n_frames; i++) {
        const double angle = 2 * G_PI * frequency_hz * (double) i / pcm->rate_hz;
        in_phase += pcm->samples[i * pcm->channels] * sin(angle);
        quadrature += pcm->samples[i * pcm->channels] * cos(angle);
    }
    return atan2(quadrature, in_phase);
}

/* tests/unit/audio/signals.h: signals whose place in time can be read back exactly. */
#pragma once

#include "audio/pcm.h"

/* A linear chirp from 300 Hz to a quarter of the rate over the whole block; the second channel is it upside down. */
DubPcm *test_chirp(unsigned rate_hz, unsigned channels, gsize n_frames);
DubPcm *test_sine(unsigned rate_hz, unsigned channels, gsize n_frames, double frequency_hz, double amplitude);

/* Frames by which @actual is behind @expected (first channel), of all within ±@reach, by correlation over
 * [@first, @first + @n_frames). */
int test_lag(const DubPcm *expected, const DubPcm *actual, gsize first, gsize n_frames, int reach);

/* Energy of @expected over that of the difference, in dB, over all channels of [@first, @end). */
double test_snr_db(const DubPcm *expected, const DubPcm *actual, gsize first, gsize end);

/* Phase of @frequency_hz in [@first, @first + @n_frames), radians, against a sine that started at frame 0. */
double test_phase(const DubPcm *pcm, double frequency_hz, gsize first, gsize n_frames);

"""Whether there is speech, where it begins, and whether two pieces of sound are the same."""

import numpy as np

FRAME_S = 0.02


def levels_db(samples, rate_hz, frame_s=FRAME_S):
    """RMS of each frame, dB below full scale."""
    length = round(frame_s * rate_hz)
    frames = samples[:len(samples) // length * length].reshape(-1, length)
    return 20 * np.log10(np.sqrt(np.mean(np.square(frames, dtype=np.float64), axis=1)) + 1e-9)


def onset_s(samples, rate_hz, above_db=-35.0, for_s=0.06):
    """When sound louder than above_db first lasts for_s; None when it never does."""
    loud = levels_db(samples, rate_hz) > above_db
    need = max(1, round(for_s / FRAME_S))
    run = np.convolve(loud, np.ones(need), "valid") >= need
    hits = np.flatnonzero(run)
    return float(hits[0] * FRAME_S) if len(hits) else None


def voiced_share(samples, rate_hz, low_hz=70.0, high_hz=400.0):
    """The share of the loud 40 ms frames that repeat themselves at a voice's pitch: near 0 for noise, over 0.4 for speech."""
    length = round(0.04 * rate_hz)
    frames = samples[:len(samples) // length * length].reshape(-1, length).astype(np.float64)
    frames = frames[np.sqrt(np.mean(frames ** 2, axis=1)) > 0.01]
    if len(frames) == 0:
        return 0.0
    frames = frames - frames.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(frames, 2 * length, axis=1)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, :length]
    lags = np.arange(length)
    unbiased = correlation / correlation[:, :1] * (length / (length - np.minimum(lags, length - 1)))
    wanted = unbiased[:, int(rate_hz / high_hz):int(rate_hz / low_hz)]
    return float(np.mean(wanted.max(axis=1) > 0.6))


def bands_db(samples, rate_hz, bands=32, low_hz=80.0, high_hz=7000.0):
    """Loudness of logarithmic bands over time, shape (frames, bands)."""
    length = round(0.032 * rate_hz)
    frames = samples[:len(samples) // length * length].reshape(-1, length) * np.hanning(length)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    hz = np.fft.rfftfreq(length, 1 / rate_hz)
    edges = np.geomspace(low_hz, min(high_hz, rate_hz / 2), bands + 1)
    band = np.digitize(hz, edges) - 1
    out = np.stack([power[:, band == b].mean(axis=1) if np.any(band == b) else np.zeros(len(frames)) for b in range(bands)], 1)
    return 10 * np.log10(out / length + 1e-9)


def aligned(one, other, rate_hz, within_s=0.1):
    """Both sounds without the lag between them, found by where they correlate best, at most within_s either way."""
    length = min(len(one), len(other))
    size = 2 * length
    correlation = np.fft.irfft(np.fft.rfft(one[:length], size) * np.conj(np.fft.rfft(other[:length], size)), size)
    reach = round(within_s * rate_hz)
    lags = np.concatenate((np.arange(reach + 1), np.arange(-reach, 0)))
    lag = int(lags[np.argmax(correlation[lags])])
    return (one[lag:], other) if lag >= 0 else (one, other[-lag:])


def difference_db(one, other, rate_hz):
    """Mean distance of two sounds' spectra over time, each brought to the same loudness.

    Under 2 for the same sound encoded twice; over 6 for different speech."""
    length = min(len(one), len(other))
    a, b = (bands_db(_normalised(x[:length]), rate_hz) for x in (one, other))
    audible = np.maximum(a, b) > -50
    return float(np.mean(np.abs(np.maximum(a, -50) - np.maximum(b, -50))[audible])) if audible.any() else 0.0


def _normalised(samples):
    return samples * (0.1 / (np.sqrt(np.mean(np.square(samples, dtype=np.float64))) + 1e-9))

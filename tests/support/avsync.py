"""The offset between picture and sound, from the media itself: each white flash against its 1 kHz beep.

Works on a dubbed file too, where the beep lies 18 dB down under somebody speaking: a filter matched to the beep
(100 ms of 1 kHz, any phase) finds the position that explains most of the sound."""

from dataclasses import dataclass

import numpy as np

from support import media

BEEP_HZ = 1000.0
BEEP_S = 0.1
SEARCH_S = 1.0  # an offset beyond this is reported as a beep that is missing
RATE_HZ = 16000
WHITE = 180.0  # mean luma; the clips' pictures stay under 130
FAINTEST = 0.02  # amplitude; the clips' beep has 0.5 here (both channels added), and 0.06 when it is 18 dB down
CANDIDATES = 4  # how many loud tones are looked at before the beep counts as missing


@dataclass(frozen=True)
class Mark:
    """One flash; offset_ms > 0 when the sound is late, None when no beep was found near it."""

    flash_s: float
    offset_ms: float | None


def flashes(luma):
    """Times in seconds of the pictures at which the screen turns white."""
    white = luma.mean > WHITE
    rising = np.flatnonzero(white[1:] & ~white[:-1]) + 1
    return [float(luma.pts_s[i]) for i in rising]


def _match(samples):
    """How much of the sound is explained by a beep that begins at each sample (amplitude of the fitted tone)."""
    length = round(BEEP_S * RATE_HZ)
    turned = samples * np.exp(-2j * np.pi * BEEP_HZ / RATE_HZ * np.arange(len(samples)))
    total = np.concatenate(([0], np.cumsum(turned)))
    return 2 / length * np.abs(total[length:] - total[:-length])


def _band(samples, low_hz=700.0, high_hz=1300.0):
    """The sound around the beep's pitch: edges stay sharp to a millisecond, most of a voice is gone."""
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / RATE_HZ)
    spectrum[(hz < low_hz) | (hz > high_hz)] = 0
    return np.fft.irfft(spectrum, len(samples))


def _peak_position(match, at):
    """The tip of the triangle that the matched filter makes, between samples: where its two flanks cross."""
    reach = round(0.02 * RATE_HZ)
    skip = round(0.002 * RATE_HZ)
    left, right = np.arange(at - reach, at - skip), np.arange(at + skip, at + reach)
    if left[0] < 0 or right[-1] >= len(match):
        return float(at)
    rise, rise_0 = np.polyfit(left - at, match[left], 1)
    fall, fall_0 = np.polyfit(right - at, match[right], 1)
    if rise <= 0 or fall >= 0:
        return float(at)
    crossing = (fall_0 - rise_0) / (rise - fall)
    return at + float(np.clip(crossing, -skip * 4, skip * 4))


def _tone(samples, at, length):
    """Complex amplitude of the tone over length samples from at on, its phase counted from the start of samples."""
    piece = samples[max(0, at):max(0, at + length)]
    if len(piece) == 0:
        return 0.0
    turn = np.exp(-2j * np.pi * BEEP_HZ / RATE_HZ * (max(0, at) + np.arange(len(piece))))
    return 2 / len(piece) * np.sum(piece * turn)


def _is_beep(samples, at):
    """Whether the tone at that sample lasts 100 ms in one phase and is not there before and after: a held vowel is neither."""
    quarter = round(BEEP_S * RATE_HZ / 4)
    guard = quarter // 3
    whole = _tone(samples, at, 4 * quarter)
    if abs(whole) < FAINTEST:
        return False
    unsteady = [abs(_tone(samples, at + i * quarter, quarter) / whole - 1) for i in range(4)]
    before = abs(_tone(samples, at - guard - quarter, quarter))
    after = abs(_tone(samples, at + 4 * quarter + guard, quarter))
    return max(unsteady) < 0.5 and max(before, after) < 0.6 * abs(whole)


def find_beep(samples, near_s, search_s=SEARCH_S):
    """When the beep within search_s of near_s starts, in seconds; None when nothing there is a beep."""
    first = max(0, round((near_s - search_s) * RATE_HZ))
    last = min(len(samples), round((near_s + search_s + BEEP_S) * RATE_HZ))
    if last - first < round(4 * BEEP_S * RATE_HZ):
        return None
    band = _band(samples[first:last])
    match = _match(band)
    for _ in range(CANDIDATES):
        at = int(np.argmax(match))
        if _is_beep(band, at):
            return (first + _peak_position(match, at)) / RATE_HZ
        match[max(0, at - round(BEEP_S * RATE_HZ / 2)):at + round(BEEP_S * RATE_HZ / 2)] = 0
    return None


def tone_level(samples, at_s):
    """Amplitude of 1 kHz in the 100 ms from at_s on."""
    return float(abs(_tone(samples, round(at_s * RATE_HZ), round(BEEP_S * RATE_HZ))))


def measure(path, search_s=SEARCH_S):
    """A Mark for each flash of the file."""
    samples = media.decode_audio(path, RATE_HZ)
    marks = []
    for flash_s in flashes(media.decode_luma(path)):
        beep_s = find_beep(samples, flash_s, search_s)
        marks.append(Mark(flash_s, None if beep_s is None else (beep_s - flash_s) * 1000))
    return marks


def drift_ms(marks):
    """How much the offset changes from the first to the last mark, by the straight line through all of them."""
    found = [(m.flash_s, m.offset_ms) for m in marks if m.offset_ms is not None]
    if len(found) < 2:
        return 0.0
    times, offsets = np.array(found).T
    slope = np.polyfit(times, offsets, 1)[0]
    return float(slope * (times[-1] - times[0]))


def assert_in_sync(marks, flashes):
    """Of a dubbed clip: so many flashes, at most one of them with its beep too deep under a voice to be measured."""
    offsets = [mark.offset_ms for mark in marks if mark.offset_ms is not None]
    assert len(marks) >= flashes and len(offsets) >= len(marks) - 1, marks
    assert all(abs(offset) < 45 for offset in offsets), marks
    assert abs(drift_ms(marks)) < 10, marks


def describe(marks):
    """One line for people: how many marks, the worst and the mean offset."""
    found = [m.offset_ms for m in marks if m.offset_ms is not None]
    if not found:
        return f"{len(marks)} flashes, no beep found"
    worst = max(found, key=abs)
    return f"{len(found)} of {len(marks)} marks, mean {np.mean(found):+.1f} ms, worst {worst:+.1f} ms"

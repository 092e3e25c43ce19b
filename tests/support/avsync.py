"""The offset between picture and sound, from the media itself: each white flash against its beep.

Works on a dubbed file too, where the beep lies 18 dB down under somebody speaking: its overtone is above every voice, and the 100 ms in
which its band is loudest are the beep."""

from dataclasses import dataclass

import numpy as np

from fixtures.sound import BEEP_S, OVERTONE_HZ
from support import media

SEARCH_S = 1.0  # an offset beyond this is reported as a beep that is missing
RATE_HZ = 44100
BAND_HZ = 1000.0
WHITE = 180.0  # mean luma; the clips' pictures stay under 130
FAINTEST = 0.01  # amplitude; the clips' overtone has 0.28 here (both channels added), and 0.035 when it is 18 dB down


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


def _overtone(samples):
    """How loud the overtone's band is at each sample (amplitude): edges stay sharp to a millisecond, voices are gone."""
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / RATE_HZ)
    spectrum[np.abs(hz - OVERTONE_HZ) > BAND_HZ / 2] = 0
    return np.abs(np.fft.ifft(2 * spectrum, len(samples)))


def _match(loudness):
    """Mean loudness of the beep's length from each sample on."""
    length = round(BEEP_S * RATE_HZ)
    total = np.concatenate(([0], np.cumsum(loudness)))
    return (total[length:] - total[:-length]) / length


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


def _is_beep(loudness, at):
    """Whether the tone from that sample on lasts 100 ms, evenly, and is not there before and after."""
    quarter = round(BEEP_S * RATE_HZ / 4)
    guard = quarter // 3
    inside = loudness[at + guard:at + 4 * quarter - guard]
    outside = np.concatenate((loudness[max(0, at - guard - quarter):max(0, at - guard)],
                              loudness[at + 4 * quarter + guard:at + 5 * quarter + guard]))
    return min(inside, default=0) > FAINTEST and max(outside, default=0) < 0.5 * np.mean(inside)


def find_beep(samples, near_s, search_s=SEARCH_S):
    """When the beep within search_s of near_s starts, in seconds; None when nothing there is a beep."""
    first = max(0, round((near_s - search_s) * RATE_HZ))
    last = min(len(samples), round((near_s + search_s + BEEP_S) * RATE_HZ))
    if last - first < round(4 * BEEP_S * RATE_HZ):
        return None
    loudness = _overtone(samples[first:last])
    match = _match(loudness)
    at = int(np.argmax(match))
    return (first + _peak_position(match, at)) / RATE_HZ if _is_beep(loudness, at) else None


def tone_level(samples, at_s):
    """Amplitude of the overtone in the 100 ms from at_s on; samples at RATE_HZ."""
    first = round(at_s * RATE_HZ)
    return float(np.mean(_overtone(samples[first:first + round(BEEP_S * RATE_HZ)])))


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
    """Every flash is there and has its beep, and they stay together."""
    assert len(marks) >= flashes, marks
    assert all(mark.offset_ms is not None and abs(mark.offset_ms) < 45 for mark in marks), marks
    assert abs(drift_ms(marks)) < 10, marks


def describe(marks):
    """One line for people: how many marks, the worst and the mean offset."""
    found = [m.offset_ms for m in marks if m.offset_ms is not None]
    if not found:
        return f"{len(marks)} flashes, no beep found"
    worst = max(found, key=abs)
    return f"{len(found)} of {len(marks)} marks, mean {np.mean(found):+.1f} ms, worst {worst:+.1f} ms"

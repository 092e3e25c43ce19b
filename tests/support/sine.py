"""Whether a tone is one continuous tone: its phase, its loudness and its purity, all along the file."""

from dataclasses import dataclass, field

import numpy as np

HOP_S = 0.005
CLICK_RATIO = 0.12  # of the tone's amplitude; AAC's own error stays under 0.03 of it
EDGE_S = 0.1  # encoders settle here


@dataclass
class SineReport:
    """worst_phase_ms: the largest distance in time from a perfect tone; worst_step_ms: the largest change of it from one
    window to the next but one; level_min/max: loudness against the usual; clicks_s: where something else is heard."""

    worst_phase_ms: float = 0.0
    worst_phase_at_s: float = 0.0
    worst_step_ms: float = 0.0
    worst_step_at_s: float = 0.0
    level_min: float = 1.0
    level_max: float = 1.0
    clicks_s: list = field(default_factory=list)


def _windows(samples, rate_hz, frequency_hz):
    """(start of each window in s, complex amplitude there). A window is four whole periods, so the tone's own ripple is nil."""
    length = round(4 * rate_hz / frequency_hz)
    hop = round(HOP_S * rate_hz)
    starts, values = [], []
    block = hop * 2000
    for first in range(0, max(1, len(samples) - length), block):
        piece = samples[first:first + block + length]
        turned = piece * np.exp(-2j * np.pi * frequency_hz / rate_hz * (first + np.arange(len(piece))))
        total = np.concatenate(([0], np.cumsum(turned)))
        at = np.arange(0, min(block, len(piece) - length), hop)
        starts.append((first + at) / rate_hz)
        values.append(2 / length * (total[at + length] - total[at]))
    return np.concatenate(starts), np.concatenate(values)


def _clicks(samples, rate_hz, frequency_hz, amplitude):
    """Where the sound is not what a tone allows: x[n+1] + x[n-1] = 2 cos(w) x[n], whatever the phase and loudness."""
    w = 2 * np.pi * frequency_hz / rate_hz
    step = max(1, round(rate_hz / frequency_hz / 8))  # an eighth of a period apart, so that noise is not blown up
    w *= step
    rest = samples[2 * step:] + samples[:-2 * step] - 2 * np.cos(w) * samples[step:-step]
    loud = (np.flatnonzero(np.abs(rest) > CLICK_RATIO * amplitude) + step) / rate_hz
    if len(loud) == 0:
        return []
    first = np.concatenate(([True], np.diff(loud) > 0.05))
    return [float(t) for t in loud[first]]


def analyse(samples, rate_hz, frequency_hz, edge_s=EDGE_S):
    """A SineReport of mono samples, without the first and last edge_s.

    Phase is measured from its median, so a constant delay does not count; a lost or repeated piece does."""
    times, values = _windows(np.asarray(samples, np.float64), rate_hz, frequency_hz)
    inside = (times > edge_s) & (times < len(samples) / rate_hz - edge_s - 4 / frequency_hz)
    times, values = times[inside], values[inside]
    if len(times) == 0:
        raise ValueError("too short to analyse")
    level = np.abs(values)
    usual = float(np.median(level))
    late_ms = -np.unwrap(np.angle(values)) / (2 * np.pi * frequency_hz) * 1000
    late_ms -= np.median(late_ms)
    reach = max(1, round(0.025 / HOP_S))  # a step is smeared over one window
    steps = np.abs(late_ms[reach:] - late_ms[:-reach]) if len(late_ms) > reach else np.zeros(1)
    worst, worst_step = int(np.argmax(np.abs(late_ms))), int(np.argmax(steps))
    clicks = [t for t in _clicks(samples, rate_hz, frequency_hz, usual) if edge_s < t < len(samples) / rate_hz - edge_s]
    return SineReport(float(late_ms[worst]), float(times[worst]), float(steps[worst_step]), float(times[worst_step]),
                      float(level.min() / usual), float(level.max() / usual), clicks)

#!/usr/bin/env python3
"""What cutting speech into fragments costs, and what each second of speech costs.

Speaks tests/bench/sentences.txt with flite's voices into one clip, recognises it in one go, then cut near each 6 s mark
as the segmenter does, for a number of shifts of the marks; prints the word error rates, the words said twice and the
real-time factor.  --bed DB puts pink noise so many dB under the speech; --max-extra fails when the cut costs more points.

    tests/bench/bench_recognition.py [--shifts 20] [--lanes 1] [--bed DB] [--max-extra 3]
Programs are found through AIRDUB_BUILD (the meson build directory, default: build).
"""

import argparse
import json
import os
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import wave
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from support.wer import said_twice, word_errors  # noqa: E402

RATE_HZ = 16000
SEGMENT_MS = 6000


def speak(text, voice, folder):
    path = Path(folder) / "sentence.wav"
    subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(path)], check=True)
    with wave.open(str(path)) as sound:
        assert sound.getframerate() == RATE_HZ and sound.getnchannels() == 1
        return struct.unpack(f"<{sound.getnframes()}h", sound.readframes(sound.getnframes()))


def pink_noise(count, dice):
    """Voss: sources that change at half the rate of the one before."""
    sources = [dice.uniform(-1, 1) for _ in range(12)]
    out = []
    for index in range(count):
        lowest_bit = (index & -index).bit_length() - 1
        if 0 <= lowest_bit < len(sources):
            sources[lowest_bit] = dice.uniform(-1, 1)
        out.append(sum(sources) + dice.uniform(-1, 1))
    return out


def rms(samples):
    return (sum(s * s for s in samples) / max(1, len(samples))) ** 0.5


def make_clip(sentences, bed_db, folder):
    dice = random.Random(7)
    samples = []
    for index, sentence in enumerate(sentences):
        samples += speak(sentence, ("rms", "slt")[index % 2], folder)
        samples += [0] * int(RATE_HZ * dice.uniform(0.1, 0.5))
    if bed_db is not None:
        noise = pink_noise(len(samples), dice)
        gain = rms([s for s in samples if abs(s) > 300]) * 10 ** (-bed_db / 20) / rms(noise)
        samples = [max(-32768, min(32767, round(s + n * gain))) for s, n in zip(samples, noise)]
    path = Path(folder) / "clip.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE_HZ)
        sound.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return path


def recognise(clip, *options):
    build = Path(os.environ.get("AIRDUB_BUILD", "build"))
    out = subprocess.run([str(build / "tests/unit/engines/recognise"), *options, str(clip)], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    fragments = [json.loads(line) for line in out.splitlines()]
    text = " ".join(f["text"] for f in fragments if f["text"])
    return text, sum(f["cpu_s"] for f in fragments) / sum(f["audio_s"] for f in fragments)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shifts", type=int, default=20)
    parser.add_argument("--lanes", type=int, default=1)
    parser.add_argument("--bed", type=float)
    parser.add_argument("--max-extra", type=float)
    options = parser.parse_args()

    sentences = (HERE / "sentences.txt").read_text().split("\n")
    sentences = [s for s in sentences if s]
    reference = " ".join(sentences)
    with tempfile.TemporaryDirectory() as folder:
        clip = make_clip(sentences, options.bed, folder)
        text, factor = recognise(clip)
        whole = 100 * word_errors(reference, text).rate
        print(f"in one go: {whole:.1f} % word errors, real-time factor {factor:.3f}", flush=True)
        rates, factors, twice = [], [], 0
        for index in range(options.shifts):
            shift_ms = round(SEGMENT_MS * (index + 1) / options.shifts)
            text, factor = recognise(clip, f"--cut-ms={SEGMENT_MS}", f"--shift-ms={shift_ms}",
                                     f"--lanes={options.lanes}")
            rates.append(100 * word_errors(reference, text).rate)
            factors.append(factor)
            twice += len(said_twice(reference, text))
            print(f"cut, first mark at {shift_ms} ms: {rates[-1]:.1f} %, real-time factor {factor:.3f}", flush=True)
    print(f"cut, {len(rates)} shifts: median {statistics.median(rates):.1f} %, worst {max(rates):.1f} %; "
          f"{twice} words said twice; real-time factor {statistics.median(factors):.3f}")
    if options.max_extra is not None and statistics.median(rates) > whole + options.max_extra:
        sys.exit(f"the cut costs more than {options.max_extra} points")


if __name__ == "__main__":
    main()

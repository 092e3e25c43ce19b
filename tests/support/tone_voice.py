#!/usr/bin/env python3
"""A voice (docs/engine-protocol.md) that gives the same samples for the same text each time: a tone as long as the text.

eSpeak NG's noise goes on from one piece of speech to the next, and which of its processes speaks a piece is chance."""

import json
import sys
import zlib

import numpy as np

RATE_HZ = 22050


def speak(text):
    seconds = np.arange(int(RATE_HZ * 0.05 * len(text))) / RATE_HZ
    return (8000 * np.sin(2 * np.pi * (300 + zlib.crc32(text.encode()) % 600) * seconds)).astype("<i2").tobytes()


def main():
    print(json.dumps({"ready": True, "name": "tone-voice"}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if request["run"] == "list":
            print(json.dumps({"id": request["id"], "offers": [{"language": to, "name": f"tone-{to}"} for to in ("es", "fr", "it")]}),
                  flush=True)
            continue
        sound = speak(request["text"])
        sys.stdout.buffer.write(json.dumps({"id": request["id"], "rate_hz": RATE_HZ, "bytes": len(sound)}).encode() + b"\n" + sound)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""A recogniser (docs/engine-protocol.md) that hears which tone it is given: tone_ear.py LOG

It says "Tone 1000" for a tone of 1000 Hz, and "" for silence. LOG gets a line of JSON for each request: {"seconds", "hz"}."""

import json
import sys

import numpy as np

STEP_HZ = 50


def loudest_hz(samples, rate_hz):
    if not len(samples) or np.abs(samples).max() < 300:
        return 0
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    spectrum[: int(50 * len(samples) / rate_hz)] = 0
    return STEP_HZ * round(float(np.argmax(spectrum)) * rate_hz / len(samples) / STEP_HZ)


def main(log):
    print(json.dumps({"ready": True, "name": "tone-ear"}), flush=True)
    for line in sys.stdin.buffer:
        request = json.loads(line)
        reply = {"id": request["id"]}
        if request["run"] == "list":
            reply["offers"] = [{"language": "en"}]
        else:
            samples = np.frombuffer(sys.stdin.buffer.read(request["bytes"]), np.int16).astype(float)
            hz = loudest_hz(samples, request["rate_hz"])
            with open(log, "a") as out:
                out.write(json.dumps({"seconds": len(samples) / request["rate_hz"], "hz": hz}) + "\n")
            reply["text"] = f"Tone {hz}" if hz else ""
            reply["words"] = [{"text": word, "start_ms": 500.5 + 300 * i, "end_ms": 750.25 + 300 * i, "confidence": 0.9}
                              for i, word in enumerate(reply["text"].split())]
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])

#!/usr/bin/python3
"""A synthesiser for `--tts exec:`: says each text as a row of tones, one a letter, and the same text always the same way. Writes
each text that it says into the file that its first argument names; the second is how long it takes for each, in seconds."""

import array
import json
import math
import sys
import time

RATE_HZ = 22050
LETTER_S = 0.05


def tone(letter):
    hz = 200 + 17 * (ord(letter) % 40)
    n = int(RATE_HZ * LETTER_S)
    return (int(9000 * math.sin(2 * math.pi * hz * i / RATE_HZ) * math.sin(math.pi * i / n)) for i in range(n))


def say(text):
    samples = array.array("h")
    for letter in text:
        samples.extend(tone(letter))
    return samples.tobytes()


def main(path="/dev/null", takes_s="0"):
    print(json.dumps({"ready": True, "name": "plain"}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        reply = {"id": request["id"]}
        sound = b""
        if request["run"] == "list":
            reply["offers"] = [{"language": "es", "name": "plain"}, {"language": "es", "name": "other"}]
        else:
            time.sleep(float(takes_s))
            with open(path, "a") as log:
                log.write(request["text"] + "\n")
            sound = say(request["text"] + (" other" if request.get("voice") == "other" else ""))
            reply |= {"rate_hz": RATE_HZ, "bytes": len(sound)}
        sys.stdout.buffer.write(json.dumps(reply).encode() + b"\n" + sound)
        sys.stdout.buffer.flush()


main(*sys.argv[1:])

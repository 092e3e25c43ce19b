#!/usr/bin/python3
"""An engine program that misbehaves as it is told: by its argument as it starts, by a request's text after that.

"echo" and every text that it does not know are answered as they should be."""

import json
import os
import signal
import sys
import time

OUT = sys.stdout.buffer
IN = sys.stdin.buffer


HEARD = {  # what it answers when it is told to hear, chosen by the request's terms
    "spans": {"text": "one two", "model": "mine", "cost_micros": 12, "new": "field",
              "segments": [{"text": "one two", "start_ms": 100, "end_ms": 9999.5, "confidence": 0.5}],
              "words": [{"text": "one", "start_ms": -5, "end_ms": 500},
                        {"text": "two", "start_ms": 1500, "end_ms": 700}]},
    "no-text": {},
    "bad-span": {"text": "one", "segments": [{"text": "one", "start_ms": "soon"}]},
    "text-is-number": {"text": 3},
}


def write(data):
    OUT.write(data)
    OUT.flush()


def line(**fields):
    write(json.dumps(fields).encode() + b"\n")


def start(how):
    if how == "exit":
        print("my model is missing", file=sys.stderr)
        sys.exit(3)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "refuse":
        line(error="no model; get one")
        sys.exit(1)
    if how == "rubbish":
        write(b"Welcome to my engine!\n")
    if how == "half":
        write(b'{"ready": tr')
    if how in ("silent", "half", "rubbish"):
        time.sleep(600)
    if how == "slow":
        time.sleep(0.5)
    if how == "unready":
        line(name="evil")
        time.sleep(600)
    line(ready=True, name="evil")


def endless(data):
    while True:
        write(data)


def answer(request):
    number, text = request["id"], request.get("text", "")
    if request["run"] == "asr":
        return line(id=number, **HEARD[request.get("terms", "spans")])
    if text == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif text == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif text == "never":
        time.sleep(600)
    elif text == "slow":
        time.sleep(0.3)
    elif text == "exit":
        print("out of ideas", file=sys.stderr)
        sys.exit(3)
    elif text == "close":
        os.close(1)
        time.sleep(600)
    elif text == "rubbish":
        write(b"\xff\xfenot json\n")
    elif text == "array":
        write(b"[1, 2]\n")
    elif text == "half":
        write(b'{"id": %d, "te' % number)
        time.sleep(600)
    elif text == "half-then-exit":
        write(b'{"id": %d, "te' % number)
        sys.exit(0)
    elif text == "endless-line":
        endless(b"a" * 65536)
    elif text == "endless-lines":
        endless(b'{"id": 1, "text": "a"}\n' * 4096)
    elif text == "wrong-id":
        number += 1
    elif text == "no-id":
        return line(text=text)
    elif text == "claims":
        return line(id=number, text=text, rate_hz=16000, bytes=10 ** 12)
    elif text == "negative":
        return line(id=number, text=text, bytes=-2)
    elif text == "odd":
        return line(id=number, text=text, rate_hz=16000, bytes=3)
    elif text == "too-few":
        line(id=number, text=text, rate_hz=16000, bytes=100)
        write(bytes(10))
        time.sleep(600)
    elif text == "too-many":
        write(json.dumps({"id": number, "text": text, "rate_hz": 16000, "bytes": 4}).encode() + b"\n" + bytes(4000))
        return None
    elif text == "no-rate":
        line(id=number, text=text, bytes=4)
        return write(bytes(4))
    elif text == "mad-rate":
        line(id=number, text=text, rate_hz=10 ** 9, bytes=4)
        return write(bytes(4))
    elif text == "refuse":
        return line(id=number, error="not \"in\"\n this language", code="UNSUPPORTED")
    elif text == "sound":
        line(id=number, text=text, rate_hz=22050, bytes=8)
        return write(b"\x00\x40\x00\xc0\xff\x7f\x00\x80")
    elif text == "noisy":
        for i in range(40000):
            print("noise", i // 10000, "x" * 200, file=sys.stderr)
    elif text == "chatty":
        line(id=number, text=text)
        return write(b"and another thing\n")
    elif text == "end-after":
        line(id=number, text=text)
        sys.exit(0)
    elif text == "child":
        if os.fork() == 0:
            time.sleep(600)
    elif text == "deaf-after":
        line(id=number, text=text)
        time.sleep(600)
    elif text == "early":  # before it has read the sound
        return line(id=number, text=text)
    elif text == "environment":
        text = ",".join(sorted(os.environ))
    return line(id=number, text=text)


def main():
    start(sys.argv[1] if len(sys.argv) > 1 else "well")
    while request := IN.readline():
        request = json.loads(request)
        if request.get("text") != "early":
            IN.read(request.get("bytes", 0))
            answer(request)
        else:
            answer(request)
            IN.read(request.get("bytes", 0))


main()

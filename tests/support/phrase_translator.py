#!/usr/bin/env python3
"""A translator (docs/engine-protocol.md) of one phrase a language: phrase_translator.py es+fr+it [fail:fr] [hang:it]

From English; what it is asked for in a language that fails is an error, in one that hangs it never
answers, and leaves the file hangs.it."""

import json
import sys
import time
from pathlib import Path

PHRASES = {"es": "El portero atrapa el balón.", "fr": "Le gardien attrape le ballon.", "it": "Il portiere prende la palla."}


def answer(request, offered, troubles):
    if request["run"] == "list":
        return {"offers": [{"language": "en", "target": to} for to in offered]}
    if troubles.get(request["to"]) == "fail":
        return {"error": "this language is not its day", "code": "UNSUPPORTED"}
    while troubles.get(request["to"]) == "hang":
        Path(f"hangs.{request['to']}").touch()
        time.sleep(1)
    return {"text": PHRASES[request["to"]]}


def main(offered, *troubles):
    troubles = {language: kind for kind, language in (word.split(":") for word in troubles)}
    print(json.dumps({"ready": True, "name": "phrases"}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps({"id": request["id"], **answer(request, offered.split("+"), troubles)}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

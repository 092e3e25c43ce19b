#!/usr/bin/env python3
"""An engine that is a program of its own, by docs/engine-protocol.md: it translates by shouting."""
import json
import sys

print(json.dumps({"ready": True, "name": "shout"}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    reply = {"id": request["id"]}
    if request["run"] == "list":
        reply["offers"] = [{"language": "en", "target": "es"}]
    else:
        reply["text"] = request["text"].upper()
    print(json.dumps(reply), flush=True)

"""A generator, message by message."""

import json
import sys


def send(**message):
    print(json.dumps(message), flush=True)


call = json.loads(sys.stdin.readline())
if call["call"] == "describe":
    generator = {"name": "Backwards", "summary": "Say it backwards.", "accepts": ["HfModel"]}
    answer = {"name": "backwards", "version": "1.0.0", "generators": [generator]}
elif call["call"] == "prepare":
    answer = []
else:
    words = call["request"]["config"]["prompt"].split(" ")[::-1]
    for word in words:
        send(event="text", text=word + " ")
    answer = {"kind": "text", "value": " ".join(words) + " "}
send(event="done", answer=answer)

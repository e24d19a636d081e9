"""Serves a model folder over HTTP, one request after the other.

    python serve.py MODEL_DIR [PORT]
    curl localhost:8000/generate -d '{"prompt": "Hello", "max_new_tokens": 16}'

The answer is `{"text": "…"}`; `GET /health` answers `{"ready": true}`.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from generate import Continuation


class Handler(BaseHTTPRequestHandler):
    continuation = None

    def do_GET(self):
        if self.path == "/health":
            self.answer(200, {"ready": True})
        else:
            self.answer(404, {"error": "ask `GET /health` or `POST /generate`"})

    def do_POST(self):
        if self.path != "/generate":
            return self.answer(404, {"error": "ask `POST /generate`"})
        length = int(self.headers.get("Content-Length", 0))
        try:
            asked = json.loads(self.rfile.read(length))
            prompt, max_new_tokens = asked["prompt"], int(asked.get("max_new_tokens", 64))
        except (ValueError, KeyError, TypeError) as error:
            return self.answer(400, {"error": f"write a JSON object with `prompt`: {error}"})
        text = "".join(self.continuation.pieces(prompt, max_new_tokens))
        return self.answer(200, {"text": text})

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python serve.py MODEL_DIR [PORT]")
    port = int(sys.argv[2]) if len(sys.argv) == 3 else 8000
    Handler.continuation = Continuation(sys.argv[1])
    with HTTPServer(("", port), Handler) as server:
        print(f"listening on port {server.server_port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()

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
    # Seconds that a silent caller keeps others waiting.
    timeout = 30

    def do_GET(self):
        if self.path == "/health":
            self.answer(200, {"ready": True})
        else:
            self.answer(404, {"error": "ask `GET /health` or `POST /generate`"})

    def do_POST(self):
        if self.path != "/generate":
            return self.answer(404, {"error": "ask `POST /generate`"})
        try:
            prompt, max_new_tokens = self.asked()
        except (ValueError, RecursionError) as error:
            return self.answer(400, {"error": str(error)})
        try:
            text = "".join(self.continuation.pieces(prompt, max_new_tokens))
        except Exception as error:
            return self.answer(500, {"error": f"the model cannot go on: {error}"})
        return self.answer(200, {"text": text})

    def asked(self):
        """Prompt and number of tokens of the request."""
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal():
            raise ValueError("`Content-Length` is no number of bytes")
        asked = json.loads(self.rfile.read(int(length)))
        prompt = asked.get("prompt") if isinstance(asked, dict) else None
        if not isinstance(prompt, str):
            raise ValueError("write a JSON object with the text `prompt`")
        max_new_tokens = asked.get("max_new_tokens", 64)
        if type(max_new_tokens) is not int or max_new_tokens < 1:
            raise ValueError("`max_new_tokens` is a whole number from 1 on")
        return prompt, max_new_tokens

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

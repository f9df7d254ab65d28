"""An engine's stand-in: the doors that ours uses, up in a second. As the real one, it asks the action server each time.

Called as `engine/rasa` is: `serve --port N --auth-token=T ...` serves; `train --out FOLDER ...` writes a small model.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

MARK = "From the engine."
"""Stands in each of its answers, and in no plain one."""


def option(name: str) -> str:
    for number, argument in enumerate(sys.argv):
        if argument == name:
            return sys.argv[number + 1]
        if argument.startswith(f"{name}="):
            return argument.partition("=")[2]
    raise SystemExit(f"{name} is missing")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = urlsplit(self.path)
        if path.path == "/":
            self._say(200, "Hello from Rasa: 3.6.21")
        else:
            self._say(200 if parse_qs(path.query).get("token") == [TOKEN] else 401, {})

    def do_PUT(self) -> None:
        self._body()
        self._say(200, {})

    def do_POST(self) -> None:
        asked = json.loads(self._body())
        actions = os.environ["SEPTIMUS_ACTIONS_URL"].replace("/webhook", "/health")
        with urllib.request.urlopen(actions, timeout=300) as answer:
            answer.read()
        text = f"**{asked['message']}**\n\n{MARK}"
        self._say(200, [{"custom": {"outcome": {"kind": "answer", "replies": [{"text": text}]}}}])

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _say(self, status: int, body: object) -> None:
        content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    if sys.argv[1] == "train":
        with gzip.open(Path(option("--out")) / f"{option('--fixed-model-name')}.tar.gz", "wb") as model:
            model.write(b"a model" * 1000)
    else:
        TOKEN = option("--auth-token")
        ThreadingHTTPServer(("127.0.0.1", int(option("--port"))), Handler).serve_forever()

"""One address before several: each request goes to the next in turn, and on to another when that one is down."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

import httpx

_PASSED_ON = frozenset({"content-type", "x-telegram-bot-api-secret-token"})


class Balancer:
    """Where it listens, and how many requests each of those behind it has taken."""

    def __init__(self, url: str, behind: Sequence[str]) -> None:
        self.url = url
        self.taken = dict.fromkeys(behind, 0)


@contextmanager
def balancer(behind: Sequence[str]) -> Iterator[Balancer]:
    """Stand before some addresses, on a free port of loopback."""
    turns = count()
    clients = {each: httpx.Client(base_url=each, timeout=10, trust_env=False) for each in behind}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name: value for name, value in self.headers.items() if name.lower() in _PASSED_ON}
            first = next(turns)
            for number in range(len(behind)):
                each = behind[(first + number) % len(behind)]
                try:
                    answer = clients[each].post(self.path, content=body, headers=headers)
                except httpx.HTTPError:
                    continue
                shown.taken[each] += answer.status_code == 200
                return self._respond(answer.status_code, answer.content)
            return self._respond(502, b"")

        def _respond(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    shown = Balancer(f"http://127.0.0.1:{server.server_port}", behind)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield shown
    finally:
        server.shutdown()
        server.server_close()
        for client in clients.values():
            client.close()

"""A Redis server of one's own: on a free port of loopback, with nothing kept on disk."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_READY_WITHIN_S = 10.0


class NoServer(Exception):
    """Redis's server is missing or does not start; says what to do."""


@contextmanager
def server() -> Iterator[str]:
    """Start an empty server, give its address, and take it away in the end.

    Raises:
        NoServer: the server is not installed, or did not answer in ten seconds.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise NoServer("redis-server is missing; apt-get install redis-server")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    folder = Path(tempfile.mkdtemp(prefix="septimus-redis-"))
    options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(folder)]
    process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(process, port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(timeout=10)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if ask(port, b"PING\r\n").startswith(b"+PONG"):
                return
        except OSError:
            time.sleep(0.05)
    raise NoServer(f"redis-server did not answer on port {port} in {_READY_WITHIN_S:.0f} s")


def ask(port: int, command: bytes) -> bytes:
    """Send a command in Redis's inline form, and return the first of what it says."""
    with socket.create_connection(("127.0.0.1", port), timeout=2.0) as connection:
        connection.sendall(command)
        return connection.recv(65536)

"""The engine's alarm as a child process of its own, for letters: started with the first, ended when none comes.

It runs in the engine's environment (`engine/hear.py`), where what the alarm was trained with is installed. Nothing of
Rasa is started.
"""

import json
import os
import selectors
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from typing import IO, Self, cast

import structlog

from bot.settings import ROOT

log = structlog.get_logger()

STARTS_WITHIN_S = 120.0
"""Seconds. It takes about three; many times that on a machine that is busy with something else."""
ANSWERS_WITHIN_S = 30.0
IDLE_S = 300.0
RESTS_S = 60.0
"""After a fault it is not asked: each row of a long list would else wait for it anew."""
_COMMAND = (str(ROOT / "engine" / ".venv" / "bin" / "python"), "-m", "engine.hear")


def _log(fault: str) -> None:
    log.error("second_reading.away", fault=fault)


class SecondReader:
    """Asks the alarm, one caller at a time. Safe to call from threads.

    Args:
        command: what to start.
        within: seconds to wait for an answer.
        idle: seconds without a letter after which the child is ended.
        on_away: is told the kind of fault when the alarm can't be asked; the log by default.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        command: Sequence[str] = _COMMAND,
        within: float = ANSWERS_WITHIN_S,
        idle: float = IDLE_S,
        on_away: Callable[[str], None] = _log,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._on_away = on_away
        self._command, self._within, self._idle = tuple(command), within, idle
        self._lock = threading.Lock()
        self._child: subprocess.Popen[str] | None = None
        self._away_until = 0.0
        self._rest: threading.Timer | None = None

    def __enter__(self) -> Self:
        """Nothing is started before the first letter."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the child."""
        self.close()

    def __call__(self, sentences: Sequence[str]) -> list[float] | None:
        """Return the log odds that each sentence tells of an emergency; None when the alarm can't be asked.

        A letter is then read once, and whoever is told of faults hears of it.
        """
        with self._lock:
            if self._rest is not None:
                self._rest.cancel()
            if self._clock() < self._away_until:
                return None
            try:
                odds = self._asked(sentences)
            except (OSError, ValueError, TimeoutError) as error:
                self._end()
                self._away_until = self._clock() + RESTS_S
                self._on_away(type(error).__name__)
                return None
            self._rest = threading.Timer(self._idle, self.close)
            self._rest.daemon = True
            self._rest.start()
            return odds

    def close(self) -> None:
        """End the child; the next letter starts another."""
        with self._lock:
            if self._rest is not None:
                self._rest.cancel()
            self._end()

    def _asked(self, sentences: Sequence[str]) -> list[float]:
        if self._child is None or self._child.poll() is not None:
            self._child = subprocess.Popen(  # noqa: S603 (our own program)
                self._command,
                cwd=ROOT,
                env={**os.environ, "PYTHONWARNINGS": "ignore"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
            )
            _line(self._child, STARTS_WITHIN_S)  # it says when it has loaded
        asks = cast(IO[str], self._child.stdin)
        asks.write(json.dumps(list(sentences)) + "\n")
        asks.flush()
        odds = json.loads(_line(self._child, self._within))
        if not isinstance(odds, list) or len(odds) != len(sentences):
            raise ValueError("not one figure a sentence")
        return [float(each) for each in odds]

    def _end(self) -> None:
        if self._child is None:
            return
        self._child.kill()
        self._child.communicate()
        self._child = None


def _line(child: subprocess.Popen[str], within: float) -> str:
    tells = cast(IO[str], child.stdout)
    with selectors.DefaultSelector() as ready:
        ready.register(tells, selectors.EVENT_READ)
        if not ready.select(within):
            raise TimeoutError
    # The child writes a whole line at once, so it doesn't wait here once it has begun.
    return tells.readline()

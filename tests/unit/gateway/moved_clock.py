"""A clock that the test moves, and waiting for a condition."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass
class MovedClock:
    start: datetime
    moved: timedelta

    def __call__(self) -> datetime:
        return self.start + self.moved

    def move(self, by: timedelta) -> None:
        self.moved += by


async def until[T](condition: Callable[[], Awaitable[T | None]], seconds: float = 10) -> T:
    deadline = time.monotonic() + seconds
    while not (found := await condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.005)
    return found

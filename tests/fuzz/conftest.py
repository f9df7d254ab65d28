"""What the fuzz tests share: how many examples, and what "bounded" means. FUZZ_EXAMPLES=2000 looks longer.

FUZZ_SHRINK=1 makes a failing example as small as can be, which takes a while.
"""

from __future__ import annotations

import gc
import os
import resource
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

from bot.knowledge import Shelf
from bot.settings import CONTENT
from bot.words import Words

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
# Making a slow example small would take longer than the whole run: only where somebody looks for it.
PHASES = [phase for phase in Phase if phase is not Phase.shrink or "FUZZ_SHRINK" in os.environ]
SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
MOST_GROWN = 400 * 1024
"""Kilobytes by which the process may grow in one module of these tests: content and examples, and no bomb."""


def examples(share: float) -> settings:
    """The settings for a test whose examples cost more or less than most: that share of the usual number."""
    return settings(
        max_examples=max(5, int(EXAMPLES * share)), deadline=None, suppress_health_check=SLOW, phases=PHASES
    )


class TooSlow(AssertionError):
    """Something took longer than is promised."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fail when what is done in it takes more seconds of this thread's own time. Others may share the machine."""
    begun = time.thread_time()
    yield
    took = time.thread_time() - begun
    if took > seconds:
        raise TooSlow(f"it took {took:.1f} s; {seconds} s are promised")


@pytest.fixture(scope="module", autouse=True)
def memory_is_bounded() -> Iterator[None]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    gc.collect()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < MOST_GROWN, f"the process grew by {grown // 1024} MB"


@pytest.fixture(scope="session")
def shelf() -> Shelf:
    return Shelf(CONTENT, reload=False, must_be_reviewed=False, clock=time.monotonic)


@pytest.fixture(scope="session")
def words() -> Words:
    return Words.load(CONTENT / "words.yml")


@pytest.fixture(scope="session")
def copied_content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the content and the example questions beside it, in which files may be broken and mended."""
    root = tmp_path_factory.mktemp("copy")
    shutil.copytree(CONTENT, root / "content")
    shutil.copytree(CONTENT.parent / "nlu_data", root / "nlu_data")
    return root / "content"

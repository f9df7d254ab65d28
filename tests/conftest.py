"""What keeps any run of the tests cheap. Nothing here changes what a test sees."""

import gc
import re
import ssl
from collections.abc import Generator, Iterator
from typing import Any

import hypothesis
import pytest

# A letter's phrases and the triage cues are some seven thousand patterns. Many tests load them again; Python compiles
# only the first 512 that it meets once, so every further load would take seconds.
re._MAXCACHE = 100_000  # type: ignore[attr-defined]
# Hypothesis allows an example 200 ms of the clock, unless told. It shows how busy the machine is, and fails by chance when
# workers run side by side. What must be quick has a bound of its own in its test.
hypothesis.settings.register_profile("septimus", hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("septimus")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """Look for no garbage while ten thousand tests are listed: all of it is kept, and each search walks it all."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def certificates_are_read_once() -> Iterator[None]:
    """Every HTTP client reads the world's certificates, which takes longer than most tests; nothing here speaks TLS."""
    once = ssl.create_default_context()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", lambda *_, **__: once)
        yield

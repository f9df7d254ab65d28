"""A model that is cut short or changed on the disk is noticed before anything starts, and made anew; or it is refused.

The commands are real, in a copy of the program; what they call in the place of Rasa makes a small model in no time.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.stack.model import is_whole
from tests.faults.system import IN_USE, System, copy_program

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> System:
    """A program of its own with a fresh model, which does not run."""
    made = System(copy_program(tmp_path_factory.mktemp("program")), tmp_path_factory.mktemp("home"))
    assert septimus(made, "train").returncode == 0
    return made


def septimus(system: System, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot", *words],
        cwd=system.program,
        env=system.environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def model_of(system: System) -> Path:
    (model,) = (system.program / "models").glob("septimus-*.tar.gz")
    return model


def cut_short(raw: bytes) -> bytes:
    return raw[: len(raw) // 2]


def changed(raw: bytes) -> bytes:
    middle = len(raw) // 2
    return raw[:middle] + bytes([raw[middle] ^ 0xFF, raw[middle + 1] ^ 0xFF]) + raw[middle + 2 :]


def emptied(_raw: bytes) -> bytes:
    return b""


@pytest.mark.parametrize("spoil", [cut_short, changed, emptied], ids=lambda each: each.__name__)
def test_a_damaged_model_is_said_to_be_and_made_anew(trained: System, spoil: Callable[[bytes], bytes]) -> None:
    model = model_of(trained)
    model.write_bytes(spoil(model.read_bytes()))
    told = septimus(trained, "train")
    assert told.returncode == 0, told.stderr
    assert f"The model {model.name} is damaged" in told.stderr
    assert is_whole(model_of(trained))


def test_a_start_with_a_damaged_model_that_cannot_be_made_anew_is_refused_with_what_to_do(trained: System) -> None:
    model, python = model_of(trained), trained.program / "engine" / ".venv" / "bin" / "python"
    whole, where = model.read_bytes(), python.readlink()
    model.write_bytes(cut_short(whole))
    python.unlink()
    try:
        told = septimus(trained, "run")
    finally:
        model.write_bytes(whole)
        python.symlink_to(where)
    assert told.returncode == 2
    assert "make setup" in told.stderr
    assert not any(trained.answers(name) for name in IN_USE)


def test_an_engine_that_does_not_take_its_model_stops_the_start_and_leaves_nothing_running(trained: System) -> None:
    rasa = trained.program / "engine" / "rasa"
    usual = rasa.read_text()
    rasa.write_text("#!/bin/sh\necho 'invented: the model can not be loaded' >&2\nexit 1\n")
    try:
        told = septimus(trained, "run")
    finally:
        rasa.write_text(usual)
    assert told.returncode == 2
    assert "The engine ended while starting" in told.stderr
    assert "the model can not be loaded" in told.stderr
    assert not any(trained.answers(name) for name in IN_USE)

"""The engine's model: trained when it is missing, damaged, or when anything it depends on has changed."""

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import zlib
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from pathlib import Path

from bot.referral.kept import kept
from bot.settings import CONTENT, MODELS, ROOT

ENGINE_PYTHON = ROOT / "engine" / ".venv" / "bin" / "python"
_STANDARD_ERROR = 2
"""Rasa's own lines go there: the standard output of `septimus replay` holds answers alone."""
_STAMP = MODELS / "trained-from.sha256"


class EngineMissing(Exception):
    """The engine's environment is not installed; the message says how to install it."""


def fingerprint() -> str:
    """Return a digest of everything the model is made from."""
    parts = [ROOT / "config.yml", ROOT / "domain.yml", ROOT / "engine" / "uv.lock"]
    components = (ROOT / "engine" / "components").iterdir()
    parts += sorted((ROOT / "nlu_data").rglob("*.yml")) + sorted(p for p in components if p.suffix in {".py", ".txt"})
    digest = hashlib.sha256()
    for path in parts:
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def current_model() -> Path | None:
    """Return the model trained from the present data, or None when it is missing, stale or damaged."""
    model = stamped_model()
    return model if model is not None and is_whole(model) else None


def stamped_model() -> Path | None:
    """Return the model that was trained from the present data, whole or damaged; None when there is none."""
    stamp = _STAMP.read_text(encoding="utf-8").strip() if _STAMP.exists() else ""
    model = MODELS / f"septimus-{stamp[:16]}.tar.gz"
    return model if stamp == fingerprint() and model.exists() else None


def is_whole(model: Path) -> bool:
    """Say whether a model can be unpacked to its end, where its checksum stands: cut short or changed, it can't."""
    seen = model.stat()
    return _unpacks(model, seen.st_size, seen.st_mtime_ns)


@cache  # it takes a second, and is asked for more than once at a start
def _unpacks(model: Path, _size: int, _changed: int) -> bool:
    try:
        with gzip.open(model) as packed:
            held = 0
            while part := packed.read(1 << 20):
                held += len(part)
    except (OSError, EOFError, zlib.error):
        return False
    return held > 0  # of an empty file gzip reads nothing, without a word


def train(*, force: bool = False) -> Path:
    """Return the model, trained now unless it is fresh. Training shows Rasa's own progress.

    What the desk reads letters with is learnt too, when its labels or phrases have changed (a minute).

    Raises:
        EngineMissing: the engine's environment is not installed.
        subprocess.CalledProcessError: Rasa refused the data; its own lines above say why.
    """
    fresh = current_model()
    learn_letters(force=force)
    if fresh is not None and not force:
        return fresh
    if not ENGINE_PYTHON.exists():
        raise EngineMissing("The engine's environment is missing. Run `make setup` (it needs Python 3.10).")
    damaged = stamped_model()
    if damaged is not None and not is_whole(damaged):
        sys.stderr.write(f"The model {damaged.name} is damaged, so the engine is trained anew.\n")
    wanted = fingerprint()
    making = MODELS / "making"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    command = [str(ROOT / "engine" / "rasa"), "train", "--out", str(making), "--fixed-model-name", "septimus"]
    # Rasa's cache would keep what a damaged run left; the fingerprint above already avoids needless training.
    environment = {**os.environ, "RASA_MAX_CACHE_SIZE": "0"}
    subprocess.run(command, check=True, cwd=ROOT, stdout=_STANDARD_ERROR, env=environment)  # noqa: S603 - our own script
    model = MODELS / f"septimus-{wanted[:16]}.tar.gz"
    (making / "septimus.tar.gz").replace(model)
    shutil.rmtree(making)
    for old in MODELS.glob("septimus-*.tar.gz"):
        if old != model:
            old.unlink()
    _STAMP.write_text(f"{wanted}\n", encoding="utf-8")
    return model


def learn_letters(*, force: bool = False) -> None:
    """Learn what the desk reads letters by, unless that is fresh. Where it can't be kept, phrases read letters alone.

    Raises:
        ContentError: a labelled file is malformed.
    """
    if not force and kept(CONTENT, MODELS).exists():
        return
    from bot.referral.learned import learn  # a second to load, and needed once

    try:
        learn(CONTENT, MODELS)
    except (OSError, BrokenProcessPool) as fault:
        told = f"What letters are read by can't be learnt or kept ({type(fault).__name__}); their phrases read alone."
        sys.stderr.write(f"{told} Mend `models/` or the memory, then run `septimus train --force`.\n")

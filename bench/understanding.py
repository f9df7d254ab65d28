"""Understanding: the figures that `make understanding` has written; nothing is trained here."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime

from bench.measure import Json, ratio
from bot.settings import ROOT

_FIGURES = ROOT / "docs" / "understanding.json"
_SERVED = "served: words x meaning x nearest, MPNet"
_SAME = "served, on the same quarter of the data"
_RASAS = "Rasa's default: sparse features + DIET"


def measure() -> Json:
    """Return what is served beside Rasa's default pipeline, with when that was measured and on what."""
    found = json.loads(_FIGURES.read_text(encoding="utf-8"))
    rows = found["rows"]
    same, rasas = rows[_SAME], rows[_RASAS]
    return {
        "made_at": _made_at(),
        "machine": found["machine"],
        "served": rows[_SERVED],
        "served_on_the_same_quarter": same,
        "rasas_default_on_the_same_quarter": rasas,
        "training_times_faster": ratio(rasas["train_s"], same["train_s"], 1),
        "topic_f1_more": round(same["topic_f1"] - rasas["topic_f1"], 4),
    }


def _made_at() -> str:
    """When the figures were kept: their commit, or the file's own date where there is no history."""
    command = ["git", "log", "-1", "--format=%cI", "--", str(_FIGURES)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        done = ""
    return done or datetime.fromtimestamp(_FIGURES.stat().st_mtime, UTC).isoformat(timespec="seconds")

"""The alarm alone: how likely sentences tell of an emergency, asked line by line, without Rasa around it.

Writes `"ready"`, then reads one JSON list of sentences a line and answers with one JSON list of log odds a line, until
its input ends. The newest trained model is read; nothing is stored.
"""

import json
import sys
import tarfile
from pathlib import Path
from typing import Any, List, Sequence, Text

import joblib

from engine.components.encoder import SentenceEncoder, ready

ROOT = Path(__file__).resolve().parent.parent


class NoModel(RuntimeError):
    """There is no trained model, or it holds no alarm."""


def newest(models: Path = ROOT / "models") -> Path:
    """Return the model that was trained last.

    Raises:
        NoModel: there is none.
    """
    found = sorted(models.glob("septimus-*.tar.gz"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise NoModel("There is no trained model yet. Run `septimus train`.")
    return found[-1]


class Hearing:
    """A trained model's alarm."""

    def __init__(self, model: Path) -> None:
        with tarfile.open(model) as archive:
            packed = next((each for each in archive if each.name.endswith("/classifier.joblib")), None)
            content = archive.extractfile(packed) if packed is not None else None
            if content is None:
                raise NoModel(f"{model.name} holds no classifier. Train again: `septimus train`.")
            self._words, _, self._alarm = joblib.load(content)
        if self._alarm is None:
            raise NoModel(f"{model.name} was trained on red flags alone. Train again: `septimus train`.")
        self._encoder: Any = SentenceEncoder(ready())

    def __call__(self, sentences: Sequence[Text]) -> List[float]:
        """Return the log odds that each sentence tells of an emergency or a crisis."""
        if not sentences:
            return []
        odds, _ = self._alarm.hear(self._words(sentences), self._encoder.encode(sentences))
        return [round(float(each), 3) for each in odds]


def main() -> None:
    """Answer each line, until the input ends."""
    hearing = Hearing(newest())
    _tell("ready")
    for line in sys.stdin:
        _tell(hearing(json.loads(line)))


def _tell(answer: Any) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

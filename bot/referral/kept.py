"""Where what was learnt of letters is kept, and whether it is fresh. It loads nothing: every start asks it."""

import hashlib
from importlib.metadata import version
from pathlib import Path

LABELLED = Path("referral") / "letters"
"""The folder of the labelled letters, in the content folder."""


def fingerprint(content: Path) -> str:
    """A digest of everything that is learnt from: the labels, the phrases, the screen's cues, and the code."""
    parts = sorted((content / LABELLED).glob("*.yml"))
    parts += [content / "referral" / "letter.yml", content / "triage" / "cues.yml"]
    parts += [Path(__file__).with_name(name) for name in ("learned.py", "letter.py", "standing.py", "when.py")]
    digest = hashlib.sha256(version("scikit-learn").encode())
    for path in parts:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def kept(content: Path, models: Path) -> Path:
    """The file of what is learnt from the present labels, whether it is there or not."""
    return models / f"letters-{fingerprint(content)[:16]}.joblib"

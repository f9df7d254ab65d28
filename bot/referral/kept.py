"""Where what was learnt of letters is kept, and whether it is fresh. It loads nothing: every start asks it."""

import hashlib
from importlib.metadata import version
from pathlib import Path

LABELLED = Path("referral") / "letters"
"""The folder of the labelled letters, in the content folder."""

_CODE = ("labelled", "learned", "letter", "standing", "when", "source", "page", "figures", "record")


def fingerprint(content: Path) -> str:
    """A digest of everything that is learnt from: the labels, the phrases, the screen's cues, and the code."""
    parts = sorted((content / LABELLED).glob("*.yml"))
    parts += [content / "referral" / name for name in ("letter.yml", "bands.yml")]
    parts += [content / "triage" / name for name in ("cues.yml", "english_words.txt", "findings.yml")]
    parts += [Path(__file__).with_name(f"{name}.py") for name in _CODE]
    parts += [Path(__file__).parents[1] / "triage" / name for name in ("pattern.py", "screen.py")]
    digest = hashlib.sha256("".join(version(name) for name in ("scikit-learn", "scipy", "numpy", "joblib")).encode())
    for path in parts:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def kept(content: Path, models: Path) -> Path:
    """The file of what is learnt from the present labels, whether it is there or not."""
    return models / f"letters-{fingerprint(content)[:16]}.joblib"

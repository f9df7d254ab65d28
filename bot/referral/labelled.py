"""Letters and sentences that somebody labelled with what they state: what the learned reader learns from.

They are data, in `content/referral/letters/`: invented letters, line by line, and single sentences. A label is a
finding and its value, as in `cannot_close_eye: "yes"`. A line without labels states nothing of the patient now, and is
learnt from as well.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bot.content_file import Problem, Strict, read
from bot.referral.kept import LABELLED
from bot.triage.rules import Finding

_CERTAIN = frozenset({"yes", "no", "unsure"})


class _Line(Strict):
    says: str
    states: Mapping[str, str] = {}


class _Letter(Strict):
    id: str
    received: date
    band: str
    why: str
    onset: date | None = None
    onset_within_days: int = 2
    side: str | None = None
    cause: str | None = None
    grade: str | None = None
    lines: tuple[_Line, ...]


class _File(Strict):
    letters: tuple[_Letter, ...] = ()
    sentences: tuple[_Line, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelledLine:
    """A line and what it states: "finding=value", each."""

    says: str
    states: frozenset[str]


@dataclass(frozen=True, slots=True)
class LabelledLetter:
    """A whole letter, with the day its palsy began; None when nobody wrote it or there is none.

    Attributes:
        within: by how many days a reading of the onset may differ and still be right.
        band: the band that a reader of the evidence pack gave it.
    """

    id: str
    received: date
    text: str
    onset: date | None
    within: int
    band: str


@dataclass(frozen=True, slots=True)
class Labelled:
    """All that was labelled."""

    lines: tuple[LabelledLine, ...]
    letters: tuple[LabelledLetter, ...]


def load_labelled(content: Path) -> Labelled:
    """What `content/referral/letters/` holds.

    Raises:
        ContentError: a file is malformed.
    """
    lines: list[LabelledLine] = []
    letters: list[LabelledLetter] = []
    for path in _paths(content):
        file, _ = read(path, _File)
        for letter in file.letters:
            lines += _labelled(letter.lines)
            letters.append(
                LabelledLetter(
                    letter.id, letter.received, _text(letter.lines), letter.onset,
                    max(2, letter.onset_within_days), letter.band,
                )
            )  # fmt: skip
        lines += _labelled(file.sentences)
    return Labelled(tuple(lines), tuple(letters))


def check_labelled(content: Path, findings: Mapping[str, Finding]) -> list[Problem]:
    """What is wrong with the labels, each problem with its file and line; empty when nothing is.

    Args:
        content: the content folder.
        findings: the findings that may be stated.

    Raises:
        ContentError: a file is malformed.
    """
    problems = []
    seen: set[str] = set()
    for path in _paths(content):
        file, lines = read(path, _File)
        for index, letter in enumerate(file.letters):
            if letter.id in seen:
                problems.append(
                    Problem(_name(path), lines.of("letters", index), f"the id {letter.id} is used twice. Give another.")
                )
            seen.add(letter.id)
        places = [
            (("letters", index, "lines", number), line)
            for index, letter in enumerate(file.letters)
            for number, line in enumerate(letter.lines)
        ]
        places += [(("sentences", number), line) for number, line in enumerate(file.sentences)]  # type: ignore[misc]
        for place, line in places:
            for name, value in line.states.items():
                if problem := _problem(name, value, findings):
                    problems.append(Problem(_name(path), lines.of(*place), problem))
    return problems


def _problem(name: str, value: str, findings: Mapping[str, Finding]) -> str | None:
    if name == "side":
        return None if value in ("L", "R", "both") else f"a side is L, R or both, not {value}."
    finding = findings.get(name)
    if finding is None:
        return f"there is no finding {name}. Use a name of findings.yml or bands.yml."
    if value == "unsure" or finding.allows(value):
        return None
    return f"{name} can't be {value}. Use one of the values that it has there."


def _paths(content: Path) -> list[Path]:
    return sorted((content / LABELLED).glob("*.yml"))


def _name(path: Path) -> str:
    return f"content/{LABELLED.as_posix()}/{path.name}"


def _labelled(lines: Iterable[_Line]) -> Iterable[LabelledLine]:
    for line in lines:
        if says := line.says.strip():
            yield LabelledLine(says, frozenset(f"{name}={value}" for name, value in line.states.items()))


def _text(lines: Iterable[_Line]) -> str:
    text = ""
    for line in lines:
        text += " " if text and not text.endswith("\n") and line.says != "\n" else ""
        text += line.says
    return text

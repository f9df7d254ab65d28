"""Reading content files strictly, with errors that name the file, the line and the remedy."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

type Place = tuple[str | int, ...]


class ContentError(ValueError):
    """A content file is wrong. The message says where, what, and what to do."""

    def __init__(self, path: Path, line: int | None, problem: str) -> None:
        folder = f"{path.parent.name}/" if path.parent.name in {"triage", "content"} else ""
        where = f"{folder}{path.name}" + (f", line {line}" if line else "")
        super().__init__(f"{where}: {problem}")
        self.path = path
        self.line = line


class Strict(BaseModel):
    """A frozen part of a content file in which an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Lines:
    """On which line of a file each part of it stands."""

    def __init__(self, path: Path, places: Mapping[Place, int]) -> None:
        self.path = path
        self._places = places

    def error(self, problem: str, *place: str | int) -> ContentError:
        """The error for a problem at a place, or at the nearest part around it whose line is known."""
        for end in range(len(place), -1, -1):
            if place[:end] in self._places:
                return ContentError(self.path, self._places[place[:end]], problem)
        return ContentError(self.path, None, problem)


def read[M: BaseModel](path: Path, model: type[M]) -> tuple[M, Lines]:
    """The validated content of a YAML file, and where its parts stand.

    Raises:
        ContentError: the file is missing, is not YAML, has a key twice, or does not fit the model.
    """
    text = _text(path)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        problem = f"this is not valid YAML ({error.problem}). Check quotes, colons and indentation here."
        raise ContentError(path, line, problem) from None
    places: dict[Place, int] = {}
    if node is not None:
        _walk(node, (), places, path)
    lines = Lines(path, places)
    try:
        return model.model_validate(data), lines
    except ValidationError as error:
        # A misspelt key shows as one unknown and one missing: name the one the writer can see.
        problems = error.errors(include_url=False, include_input=False)
        first = min(problems, key=lambda problem: problem["type"] != "extra_forbidden")
        named = " > ".join(str(part) for part in first["loc"]) or "the whole file"
        raise lines.error(f"{named}: {first['msg']}. {_remedy(first['type'])}", *first["loc"]) from None


def read_words(path: Path) -> frozenset[str]:
    """The words of a list with one word a line; lines that begin with # are remarks.

    Raises:
        ContentError: the file is missing.
    """
    return frozenset(word for word in _text(path).split("\n") if word and not word.startswith("#"))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ContentError(path, None, "the file is missing. Restore it from the repository.") from None


def _remedy(kind: str) -> str:
    if kind == "extra_forbidden":
        return "Remove this key or correct its spelling."
    if kind == "missing":
        return "Add this key."
    return "Correct this value."


def _walk(node: Any, place: Place, places: dict[Place, int], path: Path) -> None:
    places.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                problem = f"the key '{key.value}' stands here a second time. Keep one of the two."
                raise ContentError(path, key.start_mark.line + 1, problem)
            seen.add(key.value)
            places[(*place, key.value)] = key.start_mark.line + 1
            _walk(value, (*place, key.value), places, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _walk(value, (*place, index), places, path)

"""Reading content files strictly: every fault is told with its file, its line and the remedy."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

type Place = tuple[str | int, ...]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault: the file, the line (1 when it concerns the whole file), and what is wrong with its remedy."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        """Return `file:line: message`, the form editors can jump to."""
        return f"{self.file}:{self.line}: {self.message}"


class ContentError(ValueError):
    """Content that cannot be used; carries every problem found, not only the first."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @classmethod
    def at(cls, path: Path, line: int | None, problem: str) -> "ContentError":
        """Return the error for one problem in a file."""
        return cls([Problem(name_of(path), line or 1, problem)])


def name_of(path: Path) -> str:
    """Return a file's name as shown in a problem: from the content folder on, never a path of this machine."""
    for root in ("content", "nlu_data"):
        if root in path.parts:
            return "/".join(path.parts[len(path.parts) - 1 - path.parts[::-1].index(root) :])
    return "/".join(path.parts[-2:])


class Strict(BaseModel):
    """A frozen part of a content file in which an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Lines:
    """On which line of a file each part of it stands."""

    def __init__(self, path: Path, places: Mapping[Place, int]) -> None:
        self.path = path
        self._places = places

    def of(self, *place: str | int) -> int:
        """Return the line of a place, or of the nearest part around it whose line is known."""
        return next((self._places[place[:end]] for end in range(len(place), -1, -1) if place[:end] in self._places), 1)

    def error(self, problem: str, *place: str | int) -> ContentError:
        """Return the error for a problem at a place."""
        return ContentError.at(self.path, self.of(*place), problem)


def read[M: BaseModel](path: Path, model: type[M]) -> tuple[M, Lines]:
    """Return the validated content of a YAML file, and where its parts stand.

    Raises:
        ContentError: the file is missing, is not YAML, has a key twice, or does not fit the model.
    """
    data, lines = parse(text_of(path), path)
    return fit(data, model, lines), lines


def parse(text: str, path: Path, before: int = 0) -> tuple[Any, Lines]:
    """Return YAML's data and where its parts stand; `before` is how many lines of the file come before the text.

    Raises:
        ContentError: the text is not YAML, or has a key twice.
    """
    places: dict[Place, int] = {}
    loader = None
    try:
        loader = _LOADER(text)
        node = loader.get_single_node()
        if node is not None:  # before the data is made of it: what is merged (<<) would stand twice in it
            _walk(node, (), places, path, before, set())
        data = loader.construct_document(node) if node is not None else None
    except ContentError:
        raise
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 + before if error.problem_mark else None
        problem = f"this is not valid YAML ({error.problem}). Check quotes, colons and indentation here."
        raise ContentError.at(path, line, problem) from None
    except yaml.YAMLError as error:
        problem = f"this can't be read as YAML ({error}). Look for a character that is not text."
        raise ContentError.at(path, before + 1, problem) from None
    except (
        ValueError,
        AttributeError,
        TypeError,
        OverflowError,
    ) as error:  # the last three by tags such as !!timestamp
        problem = f"a value is impossible ({error}), such as a day that no calendar has. Correct it."
        raise ContentError.at(path, before + 1, problem) from None
    except RecursionError:
        raise ContentError.at(path, before + 1, _TOO_DEEP) from None
    finally:
        if loader is not None:
            loader.dispose()
    return data, Lines(path, places)


_TOO_DEEP = "it is nested too deeply to be read. Look for brackets or dashes that were doubled."


def fit[M: BaseModel](data: Any, model: type[M], lines: Lines) -> M:
    """Return data as a model.

    Raises:
        ContentError: it does not fit; all problems, the ones a writer can see first.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        # A misspelt key shows as one unknown and one missing: the one the writer can see is told alone.
        visible = [problem for problem in problems if problem["type"] == "extra_forbidden"] or problems
        raise ContentError([_problem(problem, lines) for problem in visible]) from None


def _problem(fault: Any, lines: Lines) -> Problem:
    named = ".".join(str(part) for part in fault["loc"]) or "the whole file"
    return Problem(name_of(lines.path), lines.of(*fault["loc"]), f"`{named}`: {fault['msg']}. {_remedy(fault['type'])}")


def unreviewed(folder: Path) -> list[Problem]:
    """Return every place in a folder's YAML files whose `reviewed_by` is empty: no clinician has read it.

    Raises:
        ContentError: a file is not YAML.
    """
    problems: list[Problem] = []
    for path in sorted(folder.rglob("*.yml")):
        data, lines = parse(text_of(path), path)
        problems += [
            Problem(name_of(path), lines.of(*place), "is not reviewed; production mode needs `reviewed_by`")
            for place in _empty_reviews(data, ())
        ]
    return problems


def _empty_reviews(data: Any, place: Place) -> list[Place]:
    if isinstance(data, Mapping):
        empty = [(*place, "reviewed_by")] if "reviewed_by" in data and not data["reviewed_by"] else []
        return empty + [found for key, part in data.items() for found in _empty_reviews(part, (*place, key))]
    if isinstance(data, list):
        return [found for index, part in enumerate(data) for found in _empty_reviews(part, (*place, index))]
    return []


def read_words(path: Path) -> frozenset[str]:
    """The words of a list with one word a line; lines that begin with # are remarks.

    Raises:
        ContentError: the file is missing.
    """
    return frozenset(word for word in text_of(path).split("\n") if word and not word.startswith("#"))


def text_of(path: Path) -> str:
    """Return a file's text.

    Raises:
        ContentError: the file is missing, or not in UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ContentError.at(path, None, "the file is not in UTF-8. Save it again in that encoding.") from None
    except FileNotFoundError:
        raise ContentError.at(path, None, "the file is missing. Restore it from the repository.") from None


def _remedy(kind: str) -> str:
    if kind == "extra_forbidden":
        return "Remove this key or correct its spelling."
    if kind == "missing":
        return "Add this key."
    return "Correct this value."


def _walk(node: Any, place: Place, places: dict[Place, int], path: Path, before: int, walked: set[int]) -> None:
    line = node.start_mark.line + 1 + before
    places.setdefault(place, line)
    if isinstance(node, yaml.CollectionNode):
        # A part that is used again (*name) could hold itself, or grow beyond all measure when it is checked.
        if id(node) in walked:
            raise ContentError.at(path, line, "this part is used again by its name (*). Write it out at each place.")
        walked.add(id(node))
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                problem = f"the key '{key.value}' stands here a second time. Keep one of the two."
                raise ContentError.at(path, key.start_mark.line + 1 + before, problem)
            seen.add(key.value)
            places[(*place, key.value)] = key.start_mark.line + 1 + before
            _walk(value, (*place, key.value), places, path, before, walked)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _walk(value, (*place, index), places, path, before, walked)

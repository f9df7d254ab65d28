"""A fault in content, told so that a clinician can mend it: which file, which line, what to do."""

from dataclasses import dataclass
from pathlib import Path

import yaml


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault: the file, the line (1 when it concerns the whole file), and what is wrong with its remedy."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        """Return `file:line: message`, the form editors can jump to."""
        return f"{self.file}:{self.line}: {self.message}"


class ContentError(Exception):
    """Content that cannot be used; carries every problem found, not only the first."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def line_of(node: yaml.Node | None, path: tuple[int | str, ...], offset: int = 0) -> int:
    """Return the line of the deepest part of `path` that stands in a composed YAML document.

    `offset` is the number of lines before the document in its file.
    """
    line = (node.start_mark.line + 1 if node else 1) + offset
    for key in path:
        if isinstance(node, yaml.MappingNode):
            found = next((pair for pair in node.value if pair[0].value == str(key)), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1 + offset, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            line = node.start_mark.line + 1 + offset
        else:
            break
    return line


def name_of(path: Path) -> str:
    """Return a file's name as shown in a problem: from the content folder on, never a path of this machine."""
    parts = path.parts
    for root in ("content", "nlu_data"):
        if root in parts:
            return "/".join(parts[len(parts) - 1 - parts[::-1].index(root) :])
    return path.name

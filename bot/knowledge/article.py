"""One article: its typed front matter and its body, parsed from a Markdown file."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from bot.knowledge.problems import ContentError, Problem, line_of, name_of

Stage = Literal["any", "acute", "flaccid", "recovery", "synkinesis", "chronic", "post-surgery"]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=48)]
Line = Annotated[str, StringConstraints(min_length=3, max_length=300, strip_whitespace=True)]


class GetHelp(BaseModel):
    """When to get help: the condition with what to do, and the triage rules that say so."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: Line
    rules: tuple[str, ...] = Field(min_length=1)


class Article(BaseModel):
    """An article as its file says it. `reviewed_by` stays empty until a clinician has approved it."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    id: Slug
    title: Annotated[str, StringConstraints(min_length=3, max_length=60)]
    label: Annotated[str, StringConstraints(min_length=3, max_length=34)]
    topic: Slug
    stages: tuple[Stage, ...] = Field(min_length=1)
    short: Annotated[str, StringConstraints(min_length=20, max_length=600, strip_whitespace=True)]
    do: tuple[Line, ...] = Field(default=(), max_length=6)
    dont: tuple[Line, ...] = Field(default=(), max_length=6)
    get_help: tuple[GetHelp, ...] = Field(min_length=1, max_length=4)
    see_also: tuple[Slug, ...] = Field(default=(), max_length=4)
    sources: tuple[str, ...] = Field(min_length=1)
    provenance: tuple[Literal["GMK", "DES", "recalled"], ...] = ()
    reviewed_by: str | None
    review_due: date | None
    version: int = Field(ge=1)
    body: str = Field(min_length=40)


def parse_article(path: Path) -> Article:
    """Read one article.

    Raises:
        ContentError: naming file, line and remedy for each thing that is wrong.
    """
    name = name_of(path)
    text = path.read_text(encoding="utf-8")
    if not text.startswith("---\n") or "\n---\n" not in text[4:]:
        raise ContentError(
            [Problem(name, 1, "has no front matter: begin the file with a line '---' and end it with another")]
        )
    front, body = text[4:].split("\n---\n", 1)
    try:
        node = yaml.compose(front, Loader=yaml.SafeLoader)
        fields = yaml.safe_load(front)
    except yaml.MarkedYAMLError as error:
        line = (error.problem_mark.line if error.problem_mark else 0) + 2
        raise ContentError(
            [Problem(name, line, f"is not valid YAML ({error.problem}); put quotes around text that holds ': '")]
        ) from error
    if not isinstance(fields, dict):
        raise ContentError([Problem(name, 2, "has a front matter without fields; write `id: ...` and so on")])
    if "body" in fields:
        line = line_of(node, ("body",), 1)
        raise ContentError([Problem(name, line, "`body` is the text below the front matter; remove the field")])
    try:
        return Article.model_validate({**fields, "body": body.strip()})
    except ValidationError as error:
        raise ContentError(
            [
                Problem(name, line_of(node, fault["loc"], 1), f"`{_dotted(fault['loc'])}`: {fault['msg']}")
                for fault in error.errors()
            ]
        ) from error


def _dotted(path: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in path)

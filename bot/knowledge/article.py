"""One article: its typed front matter and its body, parsed from a Markdown file."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from bot.content_file import ContentError, Strict, fit, parse, text_of

Stage = Literal["any", "acute", "flaccid", "recovery", "synkinesis", "chronic", "post-surgery"]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=48)]
Line = Annotated[str, StringConstraints(min_length=3, max_length=300, strip_whitespace=True)]


class GetHelp(Strict):
    """When to get help: the condition with what to do, and the triage rules that say so."""

    text: Line
    rules: tuple[str, ...] = Field(min_length=1)


class Article(Strict):
    """An article as its file says it. `reviewed_by` stays empty until a clinician has approved it."""

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

    @property
    def urgency(self) -> int:
        """How soon its first warning wants help: 0 for an emergency, 1 for today, 2 for everything later."""
        return {"E": 0, "D": 1}.get(self.get_help[0].rules[0][0], 2)


def parse_article(path: Path) -> Article:
    """Read one article.

    Raises:
        ContentError: naming file, line and remedy for each thing that is wrong.
    """
    text = text_of(path)
    if not text.startswith("---\n") or "\n---\n" not in text[4:]:
        problem = "has no front matter: begin the file with a line '---' and end it with another."
        raise ContentError.at(path, 1, problem)
    front, body = text[4:].split("\n---\n", 1)
    fields, lines = parse(front, path, before=1)
    if not isinstance(fields, dict):
        raise ContentError.at(path, 2, "has a front matter without fields; write `id: ...` and so on.")
    if "body" in fields:
        raise lines.error("`body` is the text below the front matter; remove the field.", "body")
    return fit({**fields, "body": body.strip()}, Article, lines)

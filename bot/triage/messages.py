"""The words of the screen: emergency, question, crisis and same-day messages, from `content/triage/messages.yml`."""

import string
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import Field

from bot.content_file import ContentError, Strict, read
from bot.triage.countries import Country
from bot.triage.rules import Provenance

type Words = Annotated[str, Field(min_length=10)]


class EmergencyWords(Strict):
    """One family of emergencies: what to say when it is certain, and the one question when it may be."""

    headline: Words
    message: Words
    line: Words
    question: Words
    if_no: Words
    provenance: Annotated[tuple[Provenance, ...], Field(min_length=1)]


class CrisisWords(Strict):
    """What to say in a crisis, and the gentle question when it is unclear whether there is one.

    The `violence` fields are for who is hurt by somebody: what they need is safety, not a line for thoughts of dying.
    """

    act: Words
    thoughts: Words
    unclear: Words
    unclear_no: Words
    danger_yes: Words
    danger_no: Words
    lines_with_emergency: Words
    violence: Words
    violence_question: Words
    violence_yes: Words
    violence_no: Words
    violence_with_emergency: Words
    provenance: Annotated[tuple[Provenance, ...], Field(min_length=1)]


class SameDayWords(Strict):
    """What to say when somebody must be seen today."""

    message: Words
    provenance: Annotated[tuple[Provenance, ...], Field(min_length=1)]


class Messages(Strict):
    """All words of the screen. Placeholders: `{emergency_number}` and `{crisis_lines}`."""

    version: Annotated[str, Field(pattern=r"^\d{4}\.\d+$")]
    reviewed_by: str | None
    review_due: date | None
    answers: tuple[Annotated[str, Field(min_length=1)], Annotated[str, Field(min_length=1)]]
    emergency: Annotated[dict[str, EmergencyWords], Field(min_length=1)]
    crisis: CrisisWords
    same_day: Annotated[dict[str, SameDayWords], Field(min_length=1)]

    @classmethod
    def load(cls, path: Path) -> "Messages":
        """The words of the file.

        Raises:
            ContentError: the file is malformed, or uses a placeholder that nobody fills.
        """
        messages, lines = read(path, cls)
        for name, words in messages.emergency.items():
            for key in ("headline", "message", "line", "question", "if_no"):
                if problem := _placeholders(getattr(words, key), {"emergency_number"}):
                    raise lines.error(problem, "emergency", name, key)
        for key in CrisisWords.model_fields:
            if key != "provenance" and (
                problem := _placeholders(getattr(messages.crisis, key), {"emergency_number", "crisis_lines"})
            ):
                raise lines.error(problem, "crisis", key)
        for name, same_day in messages.same_day.items():
            if problem := _placeholders(same_day.message, {"emergency_number"}):
                raise lines.error(problem, "same_day", name, "message")
        return messages

    def require(self, path: Path, emergency: Iterable[str], same_day: Iterable[str], crisis: Iterable[str]) -> None:
        """Check that every family which cues can raise has its words.

        Raises:
            ContentError: a family has none.
        """
        for section, families, known in (
            ("emergency", emergency, set(self.emergency)),
            ("same_day", same_day, set(self.same_day)),
            ("crisis", crisis, {"act", "thoughts", "unclear", "violence"}),
        ):
            for family in sorted(set(families) - known):
                problem = f"`{section}:` has no words for the family '{family}' of cues.yml. Add them."
                raise ContentError.at(path, None, problem)

    def fill(self, words: str, country: Country) -> str:
        """The words with the country's numbers and lines in their places."""
        filled = words.replace("{crisis_lines}", country.crisis_text() or "your national crisis line")
        return filled.replace("{emergency_number}", country.emergency_number)


def _placeholders(words: str, allowed: set[str]) -> str | None:
    try:
        used = {name for _, name, _, _ in string.Formatter().parse(words) if name is not None}
    except ValueError:
        return "a brace { or } stands alone here. Write placeholders as {emergency_number}."
    unknown = sorted(used - allowed)
    if unknown:
        return f"the placeholder {{{unknown[0]}}} is not filled by anything. Use {{{'} or {'.join(sorted(allowed))}}}."
    return None

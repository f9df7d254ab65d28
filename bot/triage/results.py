"""How a result is told: the words of `content/triage/results.yml`, filled for the person's country."""

import math
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from bot.content_file import Strict, read
from bot.triage.assess import Assessment
from bot.triage.countries import Country
from bot.triage.rules import Disposition, Route, Rule

type Words = Annotated[str, Field(min_length=3)]

_TOLD = 3
"""Of rules that are as urgent, so many are told at most; the others stand in the summary."""


class DispositionWords(Strict):
    """How one disposition is told. `again` is after how many hours to check again."""

    headline: Words
    when: Words
    watch: Words
    again: Literal[24, 72, 168]


class Results(Strict):
    """All words of results."""

    version: str
    reviewed_by: str | None
    review_due: date | None
    dispositions: dict[Disposition, DispositionWords]
    routes: dict[Route, Words]
    raised: dict[str, Words]
    families: dict[str, str]
    no_visit: Words
    default_urgent_line: Words

    @classmethod
    def load(cls, path: Path) -> "Results":
        """The words of the file.

        Raises:
            ContentError: the file is malformed, or a disposition or route has no words.
        """
        results, lines = read(path, cls)
        missing = [each.value for each in Disposition if each.rank and each not in results.dispositions]
        missing += [route for route in Route.__value__.__args__ if route not in results.routes]
        if missing:
            raise lines.error(f"there are no words for '{missing[0]}'. Add them.")
        return results

    def told(self, assessment: Assessment) -> tuple[Rule, ...]:
        """The rules that the result is told by: the most urgent ones, and who it is not for."""
        rank = max((each.rule.disposition.rank for each in assessment.fired), default=0)
        top = [each.rule for each in assessment.fired if each.rule.disposition.rank == rank]
        specific = [rule for rule in top if rule.id not in _FLOORS] or top
        outside = [each.rule for each in assessment.fired if each.rule.out_of_scope and each.rule not in top]
        return (*specific[:_TOLD], *outside)

    def text(self, assessment: Assessment, country: Country) -> str:
        """What to do, by when, where, and what to watch for, as light Markdown."""
        words = self.dispositions[assessment.disposition]
        told = [self.fill(rule.tell, country) for rule in self.told(assessment)] or [self.no_visit]
        told += [self.raised[reason] for reason in assessment.raised]
        parts = [f"**{words.headline}**", *dict.fromkeys(told), self.fill(f"**When:** {words.when}", country)]
        routes = [self.fill(self.routes[route], country) for route in assessment.routes[:2]]
        if routes:
            parts.append(f"**Where:** {'; or '.join(routes)}.")
        parts.append(self.fill(f"**Watch for:** {words.watch}", country))
        return "\n\n".join(parts)

    def again_after(self, disposition: Disposition) -> int:
        """After how many hours to check again."""
        return self.dispositions[disposition].again

    def fill(self, words: str, country: Country) -> str:
        """The words with the country's numbers in their places."""
        urgent = country.urgent_line or self.default_urgent_line
        return words.replace("{emergency_number}", country.emergency_number).replace("{urgent_line}", urgent)


_FLOORS: frozenset[str] = frozenset({"D00", "D03", "U00"})
"""Rules that say only "be seen", told when nothing says more."""


def finding_words(findings: Mapping[str, object]) -> dict[str, str]:
    """Findings as plain strings, for storing and for the contract's output; what never was is left out."""
    told = {name: value for name, value in findings.items() if value != math.inf}
    return {name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in told.items()}

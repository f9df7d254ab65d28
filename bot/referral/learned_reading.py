"""From margins to proposals: what a letter states by what was learnt, in place of what its phrases alone found.

What was learnt knows the phrases' opinion of each sentence, so it replaces it for every finding that it knows. Numbers,
grades, scores and goals are read by phrases as before, and so is what too few labelled lines state.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, Self

from bot.referral.figures import APPROXIMATE
from bot.referral.learned import Candidate, candidates, load, sentences
from bot.referral.letter import LetterReader, settled
from bot.referral.record import UNSURE, Proposed, Referral
from bot.triage.rules import Finding

STATED, DENIED, ASKED = -0.35, -0.2, 0.0
"""Margins from which a sentence is taken to state, deny or leave unsure. Set on letters whose writers were left out of
the learning: a finding missed costs as much as one too many."""
STATED_RARELY = -0.45
"""The same for what few labelled lines state: a machine that saw little of a sign is shy of saying yes."""
_OWN = {"droop": 0.1}
"""Nearly every letter speaks of a weak face, also those that deny it."""
_PHRASES_FILL_IN = frozenset({"droop", "pregnant", "postpartum_6w"})
"""Findings that phrases know well enough to be believed where the machines are silent."""
_SURER = 0.3
"""By so much a doubt must be surer than the statement to stand for it."""
_ONSET, _CAUSE = -1.5, -0.3
"""Margins from which a time is taken for the onset, and a cause for the cause."""
type Best = Mapping[str, tuple[float, str]]


class Reads(Protocol):
    """What was learnt (see `learned.Learned`)."""

    names: tuple[str, ...]
    rare: frozenset[str]

    def __call__(self, texts: Sequence[str], phrases: LetterReader) -> list[dict[str, float]]:
        """For each sentence the labels that may hold, with their margins."""
        ...

    def onset(self, seen: Sequence[Candidate]) -> list[float]:
        """For each time how likely it is the onset."""
        ...


def learned_reading(referral: Referral, phrases: LetterReader, learned: Reads) -> Referral:
    """The referral as the letter is read by what was learnt, each finding with the sentence that says so.

    Args:
        referral: as it was read by phrases, unsettled.
        phrases: the phrases.
        learned: what was learnt.
    """
    texts = [referral.text[start:end].strip() for start, end in sentences(referral.text)]
    best = _best(texts, learned(texts, phrases))
    known = {name.partition("=")[0] for name in learned.names} - {"cause"}
    findings = {
        name: each
        for name, each in referral.findings.items()
        if name not in known
        or name in _PHRASES_FILL_IN
        # A value that too few lines state was never learnt: the phrases alone can read it.
        or f"{name}={each.value}" not in learned.names
    }
    for name in sorted(known):
        proposed, by_phrases, stays = _proposed(name, best, learned), referral.findings.get(name), findings.get(name)
        if proposed is None or (stays is not None and stays.value == "yes" and proposed.value == "no"):
            continue
        # Where both say the same, the phrases' words are the shorter part of the sentence.
        same = by_phrases is not None and by_phrases.value == proposed.value
        findings[name] = by_phrases if same and by_phrases is not None else proposed
    quotes = dict(referral.quotes)
    onset, exact = referral.onset, referral.onset_is_exact
    seen = candidates(referral.text, referral.written or referral.received, referral.onset)
    odds = learned.onset(seen)
    surest, time = max(zip(odds, seen, strict=True), key=lambda each: each[0], default=(-9.0, None))
    if time is not None and surest > _ONSET and not _is_the_phrases_time(time, referral):
        onset = time.when.day
        exact = time.when.exact and not APPROXIMATE.search(time.left[-14:])
        quotes["onset"] = f"{time.left}{time.words}{time.right}".strip().rstrip(".;,")
    cause = referral.cause
    named = [(margin, name, quote) for name, (margin, quote) in best.items() if name.startswith("cause=")]
    if named and max(named)[0] > _CAUSE:
        _, name, quotes["cause"] = max(named)
        cause = name.removeprefix("cause=")
    return replace(
        referral,
        findings=MappingProxyType(findings),
        onset=onset,
        onset_is_exact=exact,
        cause=cause,
        quotes=MappingProxyType(quotes),
    )


def _is_the_phrases_time(time: Candidate, referral: Referral) -> bool:
    """Whether the phrases read the onset from the same words; they know what a length counts from."""
    quote = referral.quotes.get("onset")
    if referral.onset is None or quote is None:
        return False
    return referral.onset == time.when.day or (time.when.days is not None and time.words in quote)


def _best(texts: Sequence[str], margins: Iterable[Mapping[str, float]]) -> Best:
    """For each label the sentence that states it most surely."""
    best: dict[str, tuple[float, str]] = {}
    for text, found in zip(texts, margins, strict=True):
        for name, margin in found.items():
            if name not in best or margin > best[name][0]:
                best[name] = (margin, text.rstrip(".;,"))
    return best


def _proposed(finding: str, best: Best, learned: Reads) -> Proposed | None:
    """A finding's value: stated goes before asked, asked before denied, as in a letter read from the worse side."""
    nothing = (-9.0, "")
    stated, denied, asked = (best.get(f"{finding}={value}", nothing) for value in ("yes", "no", UNSURE))
    enough = STATED_RARELY if f"{finding}=yes" in learned.rare else _OWN.get(finding, STATED)
    if stated[0] > enough and stated[0] > asked[0] - _SURER:
        return Proposed("yes", stated[1])
    if asked[0] > ASKED:
        return Proposed(UNSURE, asked[1])
    if denied[0] > DENIED:
        return Proposed("no", denied[1])
    choices = [
        (*best[name], name.partition("=")[2])
        for name in learned.names
        if name.partition("=")[0] == finding and name.partition("=")[2] not in ("yes", "no", UNSURE) and name in best
    ]
    if choices and max(choices)[0] > STATED:
        _, quote, value = max(choices)
        return Proposed(value, quote)
    return None


@dataclass(frozen=True, repr=False)
class LetterReading:
    """The first reading of a letter: its phrases, and what was learnt in their place where there is any."""

    phrases: LetterReader
    _content: Path
    _models: Path | None
    _missing: Callable[[], None]

    @classmethod
    def load(
        cls,
        content: Path,
        findings: Mapping[str, Finding],
        models: Path | None = None,
        missing: Callable[[], None] = lambda: None,
    ) -> Self:
        """What reads the letters of a content folder; what was learnt is loaded with the first of them.

        Args:
            content: the content folder.
            findings: the findings that a letter may state.
            models: where what was learnt is kept; without it phrases read alone.
            missing: is called when nothing fresh is kept there, and phrases read alone for that.

        Raises:
            ContentError: a phrase can't be used.
        """
        return cls(LetterReader.load(content, findings), content, models, missing)

    @cached_property
    def learned(self) -> Reads | None:
        """What was learnt from the present labels; None without any. It takes a second, and 120 MB."""
        if self._models is None:
            return None
        learned = load(self._content, self._models)
        if learned is None:
            self._missing()
        return learned

    def __call__(self, text: str, received: date) -> Referral:
        """What a letter states. Never fails, whatever the text."""
        referral, placed = self.phrases.unsettled(text, received)
        if self.learned is not None:
            referral = learned_reading(referral, self.phrases, self.learned)
        return settled(referral, placed)

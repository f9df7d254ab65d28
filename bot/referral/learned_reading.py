"""From margins to proposals: what a letter states by what was learnt, in place of what its phrases alone found.

What was learnt knows the phrases' opinion of each sentence, so it replaces it for every finding that it knows. Numbers,
grades, scores and goals are read by phrases as before, and so is what too few labelled lines state.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, partial
from math import log
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, Self

from bot.referral.bands import Bands
from bot.referral.figures import APPROXIMATE
from bot.referral.learned import READ, Candidate, Span, candidates, load, sentences
from bot.referral.letter import LetterReader, settled
from bot.referral.reconciled import LEAST_PROBABLE, Doubt, reconciled
from bot.referral.record import UNSURE, Proposed, Referral
from bot.referral.second_reading import FINDING as RED_FLAG
from bot.referral.second_reading import turns

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
_NO_ONSET, _ODDS_A_MARGIN = -4.0, 4.0
"""Times whose log odds lie lower are no onset; and by so many log odds a time counts as by a margin of 1."""
_FEWEST_WORDS, _FEWEST_WORDS_OF_SENTENCE = 10, 4
"""Of fewer words nothing is said as a whole."""
_SURELY, _PLAINLY, _AGREED = 0.4, 0.2, 0.0
"""Margins from which on a stated finding is in no doubt: always; where no word of its sentence could turn it; and where
phrases read it, too."""
_PHRASES_ALONE = 0.5
"""What it costs to doubt a finding that phrases filled in."""
_URGENT_UNNAMED, _LEAST_URGENT, _LEAST_DROP = 0.45, 0.1, 0.2
"""What it costs to take a letter for an emergency that no finding names, how probable that must be, and by how many log
odds less it must be without the sentence that is to blame."""
_WORD = re.compile(r"[^\W\d_]{2,}")
type Expected = Mapping[str, float]
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

    def bands(self, texts: Sequence[str]) -> list[dict[str, float]]:
        """For each text how probable each band is by its words; nothing where no bands were learnt."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Read:
    """A letter read sentence by sentence.

    Attributes:
        referral: as the sentences are read.
        doubts: what they would bear to be read otherwise.
        expected: how probable each band is by the words of the whole letter; empty when they are too few to tell.
    """

    referral: Referral
    doubts: tuple[Doubt, ...]
    expected: Expected


def learned_reading(referral: Referral, phrases: LetterReader, learned: Reads) -> Read:
    """The referral as the letter is read by what was learnt, each finding with the sentence that says so.

    Args:
        referral: as it was read by phrases, unsettled.
        phrases: the phrases.
        learned: what was learnt.
    """
    spans = list(sentences(referral.text))
    texts = [referral.text[start:end].strip() for start, end in spans]
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
    doubts: list[Doubt] = []
    for name in sorted(known):
        leanings = _leanings(name, best, learned)
        proposed, by_phrases, stays = _proposed(leanings), referral.findings.get(name), findings.get(name)
        if proposed is not None and not (stays is not None and stays.value == "yes" and proposed.value == "no"):
            # Where both say the same, the phrases' words are the shorter part of the sentence.
            same = by_phrases is not None and by_phrases.value == proposed.value
            findings[name] = by_phrases if same and by_phrases is not None else proposed
        doubts += _doubts_of_finding(name, findings.get(name), by_phrases, leanings)
    seen = candidates(referral.text, referral.written or referral.received, referral.onset)
    times = sorted(zip(learned.onset(seen), seen, strict=True), key=lambda each: -each[0])
    causes = (name for name in best if name.startswith("cause="))
    named = sorted(((best[name][0], name.removeprefix("cause="), best[name][1]) for name in causes), reverse=True)
    read = replace(referral, findings=MappingProxyType(findings))
    if times and times[0][0] > _ONSET and not _is_the_phrases_time(times[0][1], referral):
        read = _with_onset(read, times[0][1])
    if named and named[0][0] > _CAUSE:
        read = _with_cause(read, *named[0][1:])
    doubts += _doubts_of_onset(read, times)
    doubts += _doubts_of_cause(read, named)
    expected = _expected(referral.text, learned)
    doubts += _doubt_of_urgency(referral, spans, expected, learned)
    return Read(read, tuple(doubts), expected)


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


@dataclass(frozen=True, slots=True)
class _Leaning:
    """How surely a letter's surest sentence for a value states it, and from which margin on that is believed."""

    margin: float
    enough: float
    quote: str

    @property
    def over(self) -> float:
        return self.margin - self.enough


def _leanings(finding: str, best: Best, learned: Reads) -> dict[str, _Leaning]:
    """For each value of a finding that some sentence may state, how surely."""
    found = {}
    for name in learned.names:
        of, _, value = name.partition("=")
        if of == finding and name in best:
            enough = {"no": DENIED, UNSURE: ASKED}.get(value, STATED)
            if value == "yes":
                enough = STATED_RARELY if name in learned.rare else _OWN.get(finding, STATED)
            found[value] = _Leaning(best[name][0], enough, best[name][1])
    return found


def _proposed(leanings: Mapping[str, _Leaning]) -> Proposed | None:
    """A finding's value: stated goes before asked, asked before denied, as in a letter read from the worse side."""
    nothing = _Leaning(-9.0, 0.0, "")
    stated, denied, asked = (leanings.get(value, nothing) for value in ("yes", "no", UNSURE))
    if stated.over > 0 and stated.margin > asked.margin - _SURER:
        return Proposed("yes", stated.quote)
    if asked.over > 0:
        return Proposed(UNSURE, asked.quote)
    if denied.over > 0:
        return Proposed("no", denied.quote)
    choices = [
        (each.margin, each.quote, value) for value, each in leanings.items() if value not in ("yes", "no", UNSURE)
    ]
    if choices and max(choices)[0] > STATED:
        _, quote, value = max(choices)
        return Proposed(value, quote)
    return None


def _expected(text: str, learned: Reads) -> Expected:
    """How probable each band is by the words of a whole letter; nothing when they are too few."""
    return learned.bands([text])[0] if len(text.split()) >= _FEWEST_WORDS else {}


# --- what may be read otherwise -------------------------------------------------------------------------------------


def _doubts_of_finding(
    name: str, read: Proposed | None, by_phrases: Proposed | None, leanings: Mapping[str, _Leaning]
) -> Iterator[Doubt]:
    """The other values of a finding, and none at all. What is plainly stated stands, and so does what phrases read."""
    over = 0.0
    if read is not None and read.value in leanings:
        if read.value == "yes" and _is_plain(leanings["yes"], by_phrases):
            return
        over = max(0.0, leanings[read.value].over)
    elif read is not None:
        if name not in _PHRASES_FILL_IN:
            return
        over = _PHRASES_ALONE
    if read is not None:
        yield Doubt(name, over, partial(_with_finding, name=name, found=None))
    for value, each in leanings.items():
        own = read is not None and read.value in leanings and leanings[read.value].quote == each.quote
        if (read is None or value != read.value) and not (own and value == "no"):
            found = Proposed(value, each.quote)
            yield Doubt(name, max(0.0, over - each.over), partial(_with_finding, name=name, found=found))


def _is_plain(stated: _Leaning, by_phrases: Proposed | None) -> bool:
    """Whether a "yes" is in no doubt: it is sure, or its sentence has no word that could turn what it says."""
    if stated.margin > _SURELY:
        return True
    agreed = by_phrases is not None and by_phrases.value == "yes"
    return stated.margin > (_AGREED if agreed else _PLAINLY) and not turns(stated.quote)


def _doubts_of_onset(read: Referral, times: Sequence[tuple[float, Candidate]]) -> Iterator[Doubt]:
    """The other times of a letter, the likeliest of each day, and none at all."""
    odds = {time.when.day: odds for odds, time in reversed(times)}
    as_read = max(odds.get(read.onset, _ONSET), _ONSET) if read.onset else _ONSET
    days = {read.onset}
    for likely, time in times:
        if likely > _NO_ONSET and time.when.day not in days:
            days.add(time.when.day)
            yield Doubt("onset", max(0.0, as_read - likely) / _ODDS_A_MARGIN, partial(_with_onset, time=time))
    if read.onset is not None:
        yield Doubt("onset", (as_read - _ONSET) / _ODDS_A_MARGIN, partial(_with_onset, time=None))


def _doubts_of_cause(read: Referral, named: Sequence[tuple[float, str, str]]) -> Iterator[Doubt]:
    """The other causes that sentences may name, and none at all."""
    margins = {cause: margin for margin, cause, _ in named}
    as_read = max(margins.get(read.cause or "", _CAUSE), _CAUSE)
    for margin, cause, quote in named:
        if cause != read.cause:
            yield Doubt("cause", max(0.0, as_read - margin), partial(_with_cause, cause=cause, quote=quote))
    if read.cause in margins:
        yield Doubt("cause", as_read - _CAUSE, partial(_with_cause, cause=None, quote=None))


def _doubt_of_urgency(referral: Referral, spans: Sequence[Span], expected: Expected, learned: Reads) -> Iterator[Doubt]:
    """An emergency in words that no finding foresees: the sentence without which the letter sounds least like one."""
    probable = expected.get("P0", 0.0)
    if probable < _LEAST_URGENT:
        return
    text = referral.text[:READ]
    told = [
        (start, end)
        for start, end in spans
        if len(_WORD.findall(text[start:end])) >= _FEWEST_WORDS_OF_SENTENCE and not turns(text[start:end])
    ]
    without = learned.bands([text[:start] + text[end:] for start, end in told])
    least, (start, end) = min(
        ((each.get("P0", 0.0), span) for each, span in zip(without, told, strict=True)), default=(probable, (0, 0))
    )
    if _odds(probable) - _odds(least) >= _LEAST_DROP:
        found = Proposed("yes", text[start:end].strip().rstrip(".;,"))
        yield Doubt(RED_FLAG, _URGENT_UNNAMED, partial(_with_finding, name=RED_FLAG, found=found))


def _odds(probable: float) -> float:
    within = min(max(probable, LEAST_PROBABLE), 1 - LEAST_PROBABLE)
    return log(within / (1 - within))


def _with_finding(referral: Referral, *, name: str, found: Proposed | None) -> Referral:
    findings = {other: each for other, each in referral.findings.items() if other != name}
    return replace(referral, findings=MappingProxyType(findings | ({name: found} if found else {})))


def _with_onset(referral: Referral, time: Candidate | None) -> Referral:
    quotes = {name: quote for name, quote in referral.quotes.items() if name != "onset"}
    if time is None:
        return replace(referral, onset=None, onset_is_exact=False, quotes=MappingProxyType(quotes))
    quotes["onset"] = f"{time.left}{time.words}{time.right}".strip().rstrip(".;,")
    exact = time.when.exact and not APPROXIMATE.search(time.left[-14:])
    return replace(referral, onset=time.when.day, onset_is_exact=exact, quotes=MappingProxyType(quotes))


def _with_cause(referral: Referral, cause: str | None, quote: str | None) -> Referral:
    quotes = {name: each for name, each in referral.quotes.items() if name != "cause"}
    return replace(
        referral, cause=cause, quotes=MappingProxyType(quotes | ({"cause": quote} if quote is not None else {}))
    )


@dataclass(frozen=True, repr=False)
class LetterReading:
    """The first reading of a letter: its phrases, and what was learnt in their place where there is any."""

    phrases: LetterReader
    bands: Bands
    _content: Path
    _models: Path | None
    _missing: Callable[[], None]

    @classmethod
    def load(
        cls,
        content: Path,
        bands: Bands,
        models: Path | None = None,
        missing: Callable[[], None] = lambda: None,
    ) -> Self:
        """What reads the letters of a content folder; what was learnt is loaded with the first of them.

        Args:
            content: the content folder.
            bands: the findings that a letter may state, and the rules that make bands of them.
            models: where what was learnt is kept; without it phrases read alone.
            missing: is called when nothing fresh is kept there, and phrases read alone for that.

        Raises:
            ContentError: a phrase can't be used.
        """
        return cls(LetterReader.load(content, bands.findings), bands, content, models, missing)

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
            read = learned_reading(referral, self.phrases, self.learned)

            def band_of(otherwise: Referral) -> str:
                return self.bands(settled(otherwise, placed), received).band

            referral = reconciled(read.referral, read.doubts, read.expected, band_of)
        return settled(referral, placed)

    def urgency(self, text: str) -> float | None:
        """The log odds that a letter is for today by its words as a whole; None when nothing was learnt, or too few."""
        expected = _expected(text, self.learned) if self.learned is not None else {}
        return _odds(expected["P0"]) if "P0" in expected else None

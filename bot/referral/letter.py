"""What a referral letter states, finding by finding, each with the letter's own words.

The phrases are data, in `content/referral/letter.yml`; how one is understood where it stands is in `standing.py`.

A proposal, never a decision: a person confirms. What isn't stated is absent. "No red flags" is not a "no" to each.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, Self, cast

from pydantic import Field

from bot.content_file import ContentError, Lines, Problem, Strict, read, read_words
from bot.referral.figures import (
    APPROXIMATE,
    DAYS_SINCE,
    FDI,
    SUNNYBROOK,
    delayed,
    goals_of,
    grade_of,
    is_coming,
    numbers,
    score_of,
    written_on,
)
from bot.referral.page import Counts, Mention, Page, Reads, Span, sentences_of, token_at
from bot.referral.record import CAUSES, EYE_SYMPTOMS, UNSURE, Proposed, Referral, Side
from bot.referral.source import Source, readable, shorthand
from bot.referral.standing import (
    about_relative,
    long_ago,
    long_before,
    nearest_part,
    polarity,
    quoted,
    standing_in_time,
    state_after,
    state_before,
    warned,
)
from bot.referral.when import When, times
from bot.triage.pattern import COMMA, Language, Pattern, PatternError
from bot.triage.rules import Finding
from bot.triage.screen import Level, Screen

type Compiled = tuple[Pattern, ...]
type Placed = Sequence[tuple[When, str, float]]
"""The times of a letter, each with what it is the time of, and how far away that stands."""

_REPEATED = re.compile(r"\(([^()]*)\)\*")
_ASKED_IS_STATED = frozenset({"stroke_suspected", "assessed_by_clinician", "droop"})
"""To ask whether it is a stroke is to suspect one, and "?Bell's" is a weak face that a clinician has seen."""
_STILL_COUNTS = frozenset({
    "arm_or_leg_weak", "one_side_numb", "speech_slurred_or_words_wrong", "sudden_vision_loss", "double_vision",
    "collapse_or_seizure", "confused_or_drowsy", "thunderclap_headache", "suicidal_thought",
    "suicide_plan_intent_or_act",
})  # fmt: skip
"""What counts in a new illness even when it has settled."""
_NOT_FROM_THE_SCREEN = frozenset({"droop_new", "droop"})
"""Whether there is a weakness, and whether it is new: of that a letter speaks in its own way."""

_SAME_WORDS = {"thunderclap_headache": "severe_headache"}
"""Findings of the screen that letters tell in the words of another: a denied headache denies both."""

_SETTLES = frozenset({
    "eye_pain", "eye_red", "gritty_dry", "light_sensitive_one_eye", "eye_discharge_pus", "foreign_body_feeling",
    "white_spot_on_cornea",
})  # fmt: skip
"""Signs that count as gone where a later sentence calls them so."""
_NOT_ANY_MORE = re.compile(
    r"\b(?:at\s+all|any\s*more|any\s+longer|now|today|current(?:ly)?|residual|on\s+exam\w*|never\s+(?:had|been))\b|"
    r"\b(?:face|facial)\b.{0,40}\bsymmetric\w*",
    re.IGNORECASE,
)
"""What makes "no facial weakness" the last word on it."""
_RISK = ("suicidal_thought", "self_harm")
_OF_A_STROKE = (
    "arm_or_leg_weak", "one_side_numb", "speech_slurred_or_words_wrong", "sudden_vision_loss", "double_vision",
    "unsteady_or_cannot_walk", "new_swallow_trouble", "confused_or_drowsy",
)  # fmt: skip
_OF_AN_OLD_EAR = ("unsteady_or_cannot_walk", "acute_vertigo", "hearing_loss_new_sudden")
"""What an illness of the inner ear leaves behind: months later, and called unchanged, it is no sign for today."""
_OLD_DAYS = 90
_FRESH = re.compile(
    r"\b(?:new(?:ly)?|sudden(?:ly)?|since\s+(?:yesterday|last|this)|today|yesterday|this\s+(?:morning|week)|worse\w*|"
    r"fresh|overnight|tonight|past\s+few|recent(?:ly)?)\b",
    re.IGNORECASE,
)
"""Words that make a sign new, though the illness is old."""
_REMAINS = re.compile(
    r"\b(?:residual|spastic\w*|static|stable|unchanged|long[\s-]?standing|old|previous|improving|improved|recovering|"
    r"rehab\w*|since\s+(?:the|his|her|my)\s+(?:stroke|bleed|injury)|since\s+(?:then|onset)|dates?\s+from|left\s+with)\b",
    re.IGNORECASE,
)
"""Words that make a sign what is left of an old illness."""
_NEW = re.compile(
    r"\b(?:new(?:ly)?|today|yesterday|tonight|this\s+(?:morning|week)|worse\w*|sudden(?:ly)?)\b", re.IGNORECASE
)
_NOTHING_NEW = re.compile(r"\b(?:no|nothing|not)\s+(?:new|worse)\w*", re.IGNORECASE)
_FROM_AN_EVENT = ("vs", "parotid", "surgery", "tumour", "trauma", "stroke")
"""Causes that begin with an event: an operation, an injury, a stroke."""
_CAUSES_HEARING_LOSS = frozenset({"vs", "rhs", "trauma", "surgery", "tumour", "otitis", "parotid"})

_EARLIER = re.compile(r"\s*(?:earlier|before|previously|prior)\b", re.IGNORECASE)
_BROKEN = re.compile(r"fractur|lacerat|penetrat|stab|cut|wound", re.IGNORECASE)
_UNRELATED = re.compile(r"\b(?:peripheral|lower\s+motor|lmn|unrelated|old|previous|cva)\b", re.IGNORECASE)
_BEYOND = 2
_CUE_REACH = 7
_WRITTEN_DAY = 8
_VISIT_REACH = 4

_IN_THE_SENTENCE_BEFORE = 8.25
"""How far away an anchor counts that stands in the sentence before the time."""

_BLANK_LINE = re.compile(r"\n\s*\n")
_FRESH_DAYS = 14
_ACUTE_DAYS = 30
"""How old a weakness may be for "at onset she had ..." to be about now."""


class _Finding(Strict):
    finding: str
    value: str = "yes"
    reads: Reads = "now"
    counts: Counts = "always"
    says: tuple[str, ...] = ()
    says_not: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    well: str = "no"
    ill: str | None = "yes"
    of: Literal["eye", "ear"] | None = None
    core: tuple[str, ...] = ()
    yes_when: tuple[str, ...] = ()
    no_when: tuple[str, ...] = ()


class _Contexts(Strict):
    denial_list: tuple[str, ...]
    denial: tuple[str, ...]
    joint: tuple[str, ...]
    no_denial: tuple[str, ...]
    denied_after: tuple[str, ...]
    affirmed_after: tuple[str, ...]
    not_answered: tuple[str, ...]
    settled_after: tuple[str, ...]
    settled: tuple[str, ...]
    turn: tuple[str, ...]
    predicate: tuple[str, ...]
    item_asserts: tuple[str, ...]
    alternative: tuple[str, ...]
    query: tuple[str, ...]
    query_after: tuple[str, ...]
    warning: tuple[str, ...]
    warning_ends: tuple[str, ...]
    relative: tuple[str, ...]
    relative_of_patient: tuple[str, ...]
    about_patient: tuple[str, ...]
    reporter: tuple[str, ...]
    past: tuple[str, ...]
    no_past: tuple[str, ...]
    history_of: tuple[str, ...]
    episode: tuple[str, ...]
    thought_at_first: tuple[str, ...]
    now: tuple[str, ...]
    again: tuple[str, ...]
    fresh: tuple[str, ...]
    residual: tuple[str, ...]
    long_standing: tuple[str, ...]
    sound: tuple[str, ...]
    sound_before: tuple[str, ...]
    impaired: tuple[str, ...]
    impaired_before: tuple[str, ...]
    healed: tuple[str, ...]
    listed: tuple[str, ...]
    listed_before: tuple[str, ...]
    joins: tuple[str, ...]
    answered_no: tuple[str, ...]
    answered_yes: tuple[str, ...]
    part_eye: tuple[str, ...]
    part_ear: tuple[str, ...]
    part_other: tuple[str, ...]


class _Cause(Strict):
    patterns: Annotated[tuple[str, ...], Field(min_length=1)]
    unless: tuple[str, ...] = ()


class _LetterFile(Strict):
    version: Annotated[str, Field(pattern=r"^\d{4}\.\d+$")]
    reviewed_by: str | None
    review_due: date | None
    shorthand: dict[str, str]
    words: dict[Annotated[str, Field(pattern=r"^[a-z_]+$")], tuple[str, ...]]
    expansions: dict[str, str]
    gap_stops: tuple[str, ...]
    contexts: _Contexts
    sections: dict[Literal["now", "past", "family", "warning", "other"], tuple[str, ...]]
    anchors: dict[str, tuple[str, ...]]
    sides: dict[Literal["left", "right", "both", "near", "far"], tuple[str, ...]]
    causes: dict[str, _Cause]
    findings: Annotated[tuple[_Finding, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class _Entry:
    finding: str
    value: str
    reads: Reads
    counts: Counts
    yes: Compiled
    no: Compiled
    unless: Compiled
    topics: Compiled
    well: str
    ill: str | None
    of: Literal["eye", "ear"] | None
    core: Compiled
    yes_when: Compiled
    no_when: Compiled


@dataclass(frozen=True, slots=True)
class _Reading:
    name: str
    value: str
    quote: str
    at: int
    settled: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class LetterReader:
    """Reads letters by the phrases of `content/referral/letter.yml`."""

    version: str
    _language: Language
    _shorthand: Mapping[str, str]
    _short: re.Pattern[str]
    _contexts: Mapping[str, Compiled]
    _sections: tuple[tuple[str, re.Pattern[str]], ...]
    _anchors: Mapping[str, Compiled]
    _sides: Mapping[str, Compiled]
    _causes: Mapping[str, tuple[Compiled, Compiled]]
    _entries: tuple[_Entry, ...]
    _screen: Screen

    @classmethod
    def load(cls, content: Path, findings: Mapping[str, Finding]) -> Self:
        """The reader of a content folder.

        Args:
            content: the folder with `referral/letter.yml` and all that the red-flag screen needs.
            findings: those of the triage rules and of the bands, by name.

        Raises:
            ContentError: the file is malformed, names what doesn't exist, or a pattern is not in the language.
        """
        path = content / "referral" / "letter.yml"
        file, lines = read(path, _LetterFile)
        _check_names(file, lines, findings)
        language = Language(
            file.words, file.expansions, file.gap_stops, read_words(content / "triage" / "english_words.txt")
        )
        contexts: dict[str, tuple[str, ...]] = {name: getattr(file.contexts, name) for name in _Contexts.model_fields}
        try:
            language.learn(
                [
                    *(_repeated(each) for patterns in contexts.values() for each in patterns),
                    *(each for patterns in file.anchors.values() for each in patterns),
                    *(each for patterns in file.sides.values() for each in patterns),
                    *(each for cause in file.causes.values() for each in (*cause.patterns, *cause.unless)),
                    *(
                        _repeated(each)
                        for entry in file.findings
                        for each in (
                            *entry.says,
                            *entry.says_not,
                            *entry.unless,
                            *entry.topics,
                            *entry.core,
                            *entry.yes_when,
                            *entry.no_when,
                        )
                    ),
                ]
            )
        except PatternError as error:
            raise ContentError.at(path, None, str(error)) from None

        def compiled(patterns: Iterable[str], *place: str | int) -> Compiled:
            made: list[Pattern] = []
            for index, pattern in enumerate(patterns):
                try:
                    made += language.compile([_repeated(pattern)])
                except PatternError as error:
                    raise lines.error(str(error), *place, index) from None
            return tuple(made)

        return cls(
            version=file.version,
            _language=language,
            _shorthand=file.shorthand,
            _short=shorthand(file.shorthand),
            _contexts={name: compiled(patterns, "contexts", name) for name, patterns in contexts.items()},
            _sections=tuple((kind, _heading(names)) for kind, names in file.sections.items()),
            _anchors={name: compiled(patterns, "anchors", name) for name, patterns in file.anchors.items()},
            _sides={name: compiled(patterns, "sides", name) for name, patterns in file.sides.items()},
            _causes={
                name: (
                    compiled(cause.patterns, "causes", name, "patterns"),
                    compiled(cause.unless, "causes", name, "unless"),
                )
                for name, cause in file.causes.items()
            },
            _entries=tuple(
                _Entry(
                    entry.finding,
                    entry.value,
                    entry.reads,
                    entry.counts,
                    compiled(entry.says, "findings", index, "says"),
                    compiled(entry.says_not, "findings", index, "says_not"),
                    compiled(entry.unless, "findings", index, "unless"),
                    compiled(entry.topics, "findings", index, "topics"),
                    entry.well,
                    entry.ill,
                    entry.of,
                    compiled(entry.core, "findings", index, "core"),
                    compiled(entry.yes_when, "findings", index, "yes_when"),
                    compiled(entry.no_when, "findings", index, "no_when"),
                )
                for index, entry in enumerate(file.findings)
            ),
            _screen=Screen.load(content),
        )

    def __call__(self, text: str, received: date) -> Referral:
        """What a letter states. Never fails, whatever the text; of a letter over 20,000 signs the beginning is read.

        Args:
            text: the letter as it was pasted.
            received: the day the clinic received it; "three weeks ago" counts from the day the letter bears, else this.
        """
        return settled(*self.unsettled(text, received))

    def unsettled(self, text: str, received: date) -> tuple[Referral, Placed]:
        """What a letter states, before what follows from it (see `settled`), and the times it names.

        Args:
            text: the letter as it was pasted.
            received: the day the clinic received it; "three weeks ago" counts from the day the letter bears, else this.
        """
        page = self._page(readable(text, self._short, self._shorthand))
        written, written_quote = written_on(page, received)
        base = written or received
        placed = tuple(self._placed(page, base, written_quote))
        onset = self._onset(page, placed, base)
        cause_named = [name for name in _FROM_AN_EVENT if self._names(page, name)]
        onset = onset or _since_event(page, placed, base, cause_named)
        onset = onset or _since_presented(page, placed, base)
        acute = onset is None or (base - onset[0]).days <= _ACUTE_DAYS
        readings = [
            reading
            for mention in self._all_mentions(page)
            if (reading := self._read(page, mention, acute, base)) is not None
        ]
        findings = _merged(readings)
        quotes: dict[str, str] = {}
        suspected = "stroke_suspected" in findings and findings["stroke_suspected"].value != "no"
        cause, cause_quote = self._cause(page, base, onset[0] if onset else None, suspected=suspected)
        side, side_quote = self._side(page, base)
        grade, grade_quote = grade_of(page)
        sunnybrook, sunnybrook_quote = score_of(page, SUNNYBROOK)
        fdi, fdi_quote = score_of(page, FDI, least=True)
        goals = goals_of(page)
        for name, each in numbers(page, base, placed).items():
            findings.setdefault(name, each)
        quoted = {
            "onset": onset[2] if onset else None, "cause": cause_quote, "side": side_quote, "grade": grade_quote,
            "sunnybrook": sunnybrook_quote, "fdi": fdi_quote, "written": written_quote, "goals": goals,
        }  # fmt: skip
        quotes = {name: quote for name, quote in quoted.items() if quote}
        return Referral(
            received=received,
            findings=MappingProxyType(findings),
            onset=onset[0] if onset else None,
            onset_is_exact=bool(onset and onset[1]),
            side=side,
            cause=cause,
            grade=grade,
            sunnybrook=sunnybrook,
            fdi=fdi,
            written=written,
            goals=goals,
            text=text,
            quotes=MappingProxyType(quotes),
        ), placed

    # --- the page ---------------------------------------------------------------------------------------------

    def _page(self, source: Source) -> Page:
        encoded = self._language.encode(source.text)
        contexts = {
            name: tuple(found.span() for pattern in patterns for found in pattern.finditer(encoded.codes))
            for name, patterns in self._contexts.items()
        }
        begins = {name: _longest(places) for name, places in contexts.items()}
        page = Page(source, encoded, tuple(sentences_of(encoded.codes)), (), contexts, begins)
        page = replace(page, sections=tuple(self._found_sections(page)))
        opening = 60
        return replace(page, patient_is_relative=page.has("about_patient", 0, opening))

    def _found_sections(self, page: Page) -> Iterator[tuple[int, int, str]]:
        heads: list[tuple[int, int, str]] = []
        for kind, pattern in self._sections:
            heads += [(found.start(), found.end(), kind) for found in pattern.finditer(page.source.text)]
        heads.sort()
        text = page.source.text
        for index, (start, end, kind) in enumerate(heads):
            until = heads[index + 1][0] if index + 1 < len(heads) else len(text)
            # A heading on a line of its own may be followed by a blank line before its text.
            begun = re.compile(r"\S").search(text, end)
            blank = _BLANK_LINE.search(text, begun.start() if begun else end)
            until = min(until, blank.start() if blank else until)
            inline = text[end : (text.find("\n", end) + 1 or len(text) + 1) - 1]
            if kind != "now" and inline.strip() and start > 0 and text[start - 1] != "\n":
                # Within running text ("PMH: asthma. O/E ..."): up to the end of the sentence.
                stop = re.compile(r"[.;](?=\s)").search(text, end)
                until = min(until, stop.start() + 1 if stop else len(text))
            first = token_at(page.encoded, start)
            yield first, max(first, token_at(page.encoded, until)), kind

    # --- findings ---------------------------------------------------------------------------------------------

    def _all_mentions(self, page: Page) -> list[Mention]:
        """The mentions by letters' phrases, and red flags in people's own words where those say nothing.

        The red-flag screen knows many more ways in which people tell an emergency. What it finds is then understood
        like any other phrase: a warning or a relative's illness stays one.
        """
        mentions, refused = self._mentions(page)
        told = {(each.name, page.sentence(each.start)) for each in mentions} | refused
        for hit in self._screen(page.source.text).hits:
            if hit.level is not Level.CERTAIN or hit.value != "yes" or hit.finding in _NOT_FROM_THE_SCREEN:
                continue
            at = page.source.text.find(hit.words)
            if at < 0:
                continue
            start, end = token_at(page.encoded, at), token_at(page.encoded, at + len(hit.words))
            as_told = _SAME_WORDS.get(hit.finding, hit.finding)
            if (hit.finding, page.sentence(start)) not in told and (as_told, page.sentence(start)) not in told:
                name = "new_or_worse_neuro_finding" if hit.finding == "any_brain_finding" else hit.finding
                mentions.append(Mention(name, "yes", "now", start, max(end, start + 1)))
        return mentions

    def _mentions(self, page: Page) -> tuple[list[Mention], set[tuple[str, Span]]]:
        """What the phrases find, and in which sentences one was found that its `unless` refuses."""
        found: list[Mention] = []
        refused: set[tuple[str, Span]] = set()
        for entry in self._entries:
            for value, patterns in ((entry.value, entry.yes), ("no", entry.no)):
                for pattern in patterns:
                    for match in pattern.finditer(page.codes):
                        start, end = match.span()
                        if entry.of and nearest_part(page, start, end) != entry.of:
                            continue
                        if self._refused(page, entry, start, end):
                            refused.add((entry.finding, page.sentence(start)))
                        else:
                            found.append(Mention(entry.finding, value, entry.reads, start, end, entry.counts))
        found += self._of_topics(page)
        found += self._by_cues(page, {(each.name, page.sentence(each.start)) for each in found} | refused)
        found.sort(key=lambda each: (each.name, each.start - each.end, each.start))
        kept: list[Mention] = []
        for each in found:  # of two that overlap, the longer says it more exactly
            if not any(each.name == other.name and each.start < other.end and other.start < each.end for other in kept):
                kept.append(each)
        return sorted(kept, key=lambda each: each.start), refused

    def _refused(self, page: Page, entry: _Entry, start: int, end: int) -> bool:
        """Whether words nearby, in the same clause or just before or after it, say that it is something else."""
        left, right = page.sentence(start)
        first, last = page.clause(start, end)
        near = (max(left, start - 8, first - _BEYOND), min(right, end + 8, last + _BEYOND))
        return any(unless.search(page.codes, *near) for unless in entry.unless)

    def _by_cues(self, page: Page, told: set[tuple[str, Span]]) -> Iterator[Mention]:
        """What is told in words that no phrase has: a core word, and in its clause a cue that says how it is."""
        for entry in self._entries:
            for pattern in entry.core:
                for match in pattern.finditer(page.codes):
                    start, end = match.span()
                    if (entry.finding, page.sentence(start)) in told:
                        continue
                    if entry.of and nearest_part(page, start, end) != entry.of:
                        continue
                    if self._refused(page, entry, start, end):
                        continue
                    first, last = page.clause(start, end)
                    bounds = (max(first, start - _CUE_REACH), min(last, end + _CUE_REACH))
                    for value, cues in (("yes", entry.yes_when), ("no", entry.no_when)):
                        if cue := next((found for each in cues if (found := each.search(page.codes, *bounds))), None):
                            yield Mention(
                                entry.finding,
                                value,
                                entry.reads,
                                min(start, cue.start()),
                                max(end, cue.end()),
                                "stated",
                            )
                            break

    def _of_topics(self, page: Page) -> Iterator[Mention]:
        """What is called sound or impaired, alone or in a list: "speech, swallow and gait all normal"."""
        told = [
            (entry, match.span())
            for entry in self._entries
            for pattern in entry.topics
            for match in pattern.finditer(page.codes)
        ]
        topics = frozenset(position for _, (start, end) in told for position in range(start, end))
        states: dict[tuple[str, int], tuple[str | None, Span] | None] = {}
        for entry, (start, end) in told:
            for way, look in (("after", state_after), ("before", state_before)):
                key = (way, end if way == "after" else start)
                if key not in states:
                    states[key] = look(page, key[1], topics)
                state = states[key]
                value = None if state is None else entry.well if state[0] == "sound" else entry.ill
                if state is None or value is None:
                    continue
                span = (min(start, state[1][0]), max(end, state[1][1]))
                if not self._refused(page, entry, start, end):
                    yield Mention(entry.finding, value, entry.reads, *span, entry.counts)
                    break

    def _read(self, page: Page, mention: Mention, acute: bool, base: date) -> _Reading | None:
        section = page.section(mention.start)
        if section in ("family", "other", "warning"):
            return None
        if about_relative(page, mention) or warned(page, mention):
            return None
        sure, quoted_from, quoted_to = polarity(page, mention)
        if sure is None:
            return None
        value = mention.value
        if mention.counts == ("denied" if sure != "denied" else "stated"):
            return None
        if sure == "denied":
            flipped = {"yes": "no", "no": "yes"}.get(value)
            if flipped is None:
                return None
            value = flipped
        positive, settled = value != "no", False
        if sure == "query" and mention.name not in _ASKED_IS_STATED:
            value = UNSURE
        if mention.reads != "history" and sure != "denied" and value != "no":
            past = standing_in_time(page, mention, section, base)
            if past == "settled" and mention.name in _STILL_COUNTS:
                past = "episode"  # slurred speech that has gone may have been a TIA
            if past == "settled" and mention.name == "droop":
                return None
            if past == "settled":
                settled = True
                value = "no" if mention.reads == "now" and positive else value
            elif past == "past" or (past == "episode" and not acute and mention.reads == "now"):
                return None
        if value == "no" and mention.name in _SETTLES:
            settled = settled or page.has("healed", *page.sentence(mention.start))
        start, end = quoted(page, quoted_from, quoted_to)
        return _Reading(mention.name, value, page.quote(start, end), mention.start, settled)

    # --- onset ------------------------------------------------------------------------------------------------

    def _placed(self, page: Page, base: date, written: str | None) -> Iterator[tuple[When, str, float]]:
        """Each time with what it is the time of, and how far away that stands."""
        spans = {
            name: [found.span() for pattern in patterns for found in pattern.finditer(page.codes)]
            for name, patterns in self._anchors.items()
        }
        # An anchor inside a longer one ("Bell's palsy" in "previous Bell's palsy") doesn't count.
        every = [(start, end, name) for name, found in spans.items() for start, end in found]
        anchors = [
            each
            for each in every
            if not any(
                other[2] != each[2] and other[0] <= each[0] and each[1] <= other[1] and other[:2] != each[:2]
                for other in every
            )
        ]
        for when in times(page.source.text, base):
            if written == page.source.quote(when.start, when.end):
                continue
            first = token_at(page.encoded, when.start)
            last = max(first + 1, token_at(page.encoded, when.end))
            if is_coming(page, when):
                continue
            nearest = self._nearest(page, anchors, first, last)
            elsewhere = nearest is not None and nearest[1] == _IN_THE_SENTENCE_BEFORE
            if nearest is not None and not (elsewhere and when.year_only):
                yield when, nearest[0], nearest[1]

    def _nearest(
        self, page: Page, anchors: Sequence[tuple[int, int, str]], first: int, last: int
    ) -> tuple[str, float] | None:
        left, right = page.sentence(first)
        best: tuple[float, str] | None = None
        for start, end, name in anchors:
            if not (left <= start < right) or (first <= start and end <= last):
                continue
            between = page.codes[end:first] if end <= first else page.codes[last:start] if start >= last else ""
            apart = len(between) + 3.0 * between.count(COMMA)
            if start >= last:
                apart += 0.5
            a, b = (end, first) if end <= first else (last, start)
            if a < b and page.has("turn", a, b):
                apart += 8
            if best is None or apart < best[0]:
                best = (apart, name)
        if best is not None:
            return best[1], best[0]
        # "Bell's palsy. Three days' history.": of two sentences the first says what the time is of.
        before = [(start, name) for start, end, name in anchors if left - 14 <= start < left]
        name = max(before)[1] if before else ""
        return (name, _IN_THE_SENTENCE_BEFORE) if name.startswith("onset") else None

    def _onset(
        self, page: Page, placed: Sequence[tuple[When, str, float]], base: date
    ) -> tuple[date, bool, str] | None:
        best: tuple[float, When] | None = None
        for when, anchor, apart in placed:
            if anchor not in ("onset", "onset_label") or when.day > base or apart > (14 if when.year_only else 25):
                continue
            position = token_at(page.encoded, when.start)
            section = page.section(position)
            if section in ("family", "other", "warning"):
                continue
            rank = apart - (20 if anchor == "onset_label" else 0) + (12 if section == "past" else 0)
            rank += 15 if when.year_only else 0
            # A written day is surer than a length, and both than "today" or "yesterday".
            rank -= _WRITTEN_DAY if when.days is None and when.exact and when.named else 0
            rank += 4 if not when.named and when.days is None else 0
            end = token_at(page.encoded, when.end)
            rank -= 6 if page.has("again", max(0, position - 4), end + 2) else 0
            if delayed(page, when):
                continue
            if best is None or rank < best[0]:
                best = (rank, when)
        if best is None:
            return None
        when = self._counted_from(page, best[1], placed)
        position, end = token_at(page.encoded, when.start), token_at(page.encoded, when.end)
        start, end = page.clause(position, max(end, position + 1))
        exact = when.exact and not APPROXIMATE.search(page.source.text, max(0, when.start - 14), when.start)
        return when.day, exact, page.quote(start, end)

    def _counted_from(self, page: Page, when: When, placed: Sequence[tuple[When, str, float]]) -> When:
        """A length beside the day of a visit counts from that day: "three weeks before I saw her on 4 November"."""
        if when.days is None:
            return when
        left, right = page.sentence(token_at(page.encoded, when.start))
        if _EARLIER.match(page.source.text[when.end : when.end + 14]):
            left = page.sentence(max(0, left - 1))[0]
        for other, anchor, apart in placed:
            if (
                other.days is not None
                or not other.exact
                or anchor not in ("contact", "presented")
                or apart > _VISIT_REACH
            ):
                continue
            if left <= token_at(page.encoded, other.start) < right:
                return replace(when, day=other.day - timedelta(days=round(when.days)))
        return when

    # --- cause and side ---------------------------------------------------------------------------------------

    def _cause(self, page: Page, base: date, onset: date | None, *, suspected: bool) -> tuple[str | None, str | None]:
        firm: dict[str, str] = {}
        asked: dict[str, str] = {}
        for name, (patterns, unless) in self._causes.items():
            for pattern in patterns:
                for match in pattern.finditer(page.codes):
                    start, end = match.span()
                    left, right = page.sentence(start)
                    if any(each.search(page.codes, max(left, start - 6), min(right, end + 6)) for each in unless):
                        continue
                    mention = Mention(name, "yes", "episode", start, end)
                    section = page.section(start)
                    if section in ("family", "other", "warning") or about_relative(page, mention):
                        continue
                    if warned(page, mention):
                        continue
                    sure, first, last = polarity(page, mention)
                    if sure in ("denied", None):
                        continue
                    past = standing_in_time(page, mention, section, base) if name not in ("vs", "congenital") else "now"
                    if past == "past" or (name == "bells" and page.has("thought_at_first", *page.clause(start, end))):
                        continue
                    if onset and name != "vs" and long_before(page, start, end, base, onset):
                        continue
                    quote = page.quote(*quoted(page, first, last))
                    (asked if sure == "query" else firm).setdefault(name, quote)
        if "brain_injury" in firm and "trauma" in firm and not _BROKEN.search(firm["trauma"]):
            del firm["trauma"]  # "a traumatic brain injury" by itself injures no facial nerve
        if "bells" in firm and "stroke" in firm and _UNRELATED.search(firm["bells"] + " " + firm["stroke"]):
            del firm["stroke"]
        for name in self._causes:  # in the file's order: what is more particular comes first
            if name in firm:
                return name, firm[name]
        if len(asked) == 1:
            name = next(iter(asked))
            if not suspected and name not in ("stroke", "gbs", "tumour", "parotid", "brain_injury"):
                return name, asked[name]
        return None, None

    def _names(self, page: Page, cause: str) -> bool:
        return any(pattern.search(page.codes) for pattern in self._causes[cause][0]) if cause in self._causes else False

    def _side(self, page: Page, base: date) -> tuple[Side | None, str | None]:
        near = [found.span() for pattern in self._sides["near"] for found in pattern.finditer(page.codes)]
        far = [found.span() for pattern in self._sides["far"] for found in pattern.finditer(page.codes)]
        scores: dict[Side, tuple[float, float, str]] = {}
        for side, name in cast(tuple[tuple[Side, str], ...], (("L", "left"), ("R", "right"), ("both", "both"))):
            for pattern in self._sides[name]:
                for match in pattern.finditer(page.codes):
                    start, end = match.span()
                    mention = Mention("side", side, "now", start, end)
                    if page.section(start) in ("family", "other", "past") or about_relative(page, mention):
                        continue
                    clause = page.clause(start, end)
                    weight = _side_weight(page, start, end, near, far)
                    denied = polarity(page, mention)[0] != "stated"
                    if side == "both" and (weight < 3 or denied or page.has("sound", *clause)):
                        continue
                    if weight > 0 and (page.has("past", *clause) or long_ago(page, start, end, base)):
                        weight = 0.1
                    elif weight > 0 and denied:
                        weight = 0.2
                    if weight <= 0:
                        continue
                    weight += 0.6 if page.has("again", *clause) else 0
                    best, total, quote = scores.get(side, (0.0, 0.0, ""))
                    if weight > best:
                        quote = page.quote(*quoted(page, start, end))
                    scores[side] = (max(best, weight), total + weight, quote)
        if not scores:
            return None, None
        if "both" in scores:
            return "both", scores["both"][2]
        # The clearest mention decides; of two as clear, the side that is spoken of more.
        first, *others = sorted(scores, key=lambda side: (-scores[side][0], -scores[side][1]))
        if others and scores[first][0] - scores[others[0]][0] < 0.5:
            first, second = sorted(scores, key=lambda side: -scores[side][1])
            if scores[first][1] < 1.3 * scores[second][1]:
                return None, None
        return first, scores[first][2]


def check_letter(reader: LetterReader, findings: Mapping[str, Finding]) -> list[Problem]:
    """What is wrong with the phrases, each problem with its remedy; empty when nothing is.

    Loading has checked names and patterns. Here: a yes/no finding whose phrases can never say "yes".
    """
    said = {entry.finding for entry in reader._entries if entry.yes}
    return [
        Problem("content/referral/letter.yml", 1, f"'{entry.finding}' has phrases for no, none for yes. Add some.")
        for entry in reader._entries
        if entry.finding not in said and findings[entry.finding].kind == "yes_no"
    ]


# --- putting together ----------------------------------------------------------------------------------------------


def _merged(readings: Sequence[_Reading]) -> dict[str, Proposed]:
    """One proposal for each finding. A stated "yes" stands above what is unsure, and that above a "no".

    But a symptom of the eye that a later sentence calls gone is gone, and "seen by nobody" stands above a "Dear Dr".
    """
    gone = {each.name: each.at for each in readings if each.settled and each.name in _SETTLES}
    gone |= {each.name: each.at for each in readings if each.value == "no" and each.name == "stroke_suspected"}
    readings = [
        each
        for each in readings
        if each.settled or each.value == "no" or each.at >= gone.get(each.name, 0) or _NEW.search(each.quote)
    ]
    if any(each.name == "droop" and each.value == "no" and _NOT_ANY_MORE.search(each.quote) for each in readings):
        readings = [each for each in readings if each.name != "droop" or each.value == "no"]
    if any(each.name == "assessed_by_clinician" and each.value == "no" for each in readings):
        readings = [each for each in readings if each.name != "assessed_by_clinician" or each.value == "no"]
    merged: dict[str, Proposed] = {}
    rank = {"no": 0, UNSURE: 1}
    reassuring = {"has_eye_protection_plan", "any_movement_back", "improving", "specialist_review_done",
                  "under_eye_team", "steroid_given", "steroid_within_72h", "full_recovery",
                  "forehead_moves_normally", "suicide_risk_routed"}  # fmt: skip
    for reading in readings:
        before = merged.get(reading.name)
        now = Proposed(reading.value, reading.quote)
        if before is None:
            merged[reading.name] = now
        elif before.value == now.value:
            if _FRESH.search(now.quote or "") and not _FRESH.search(before.quote or ""):
                merged[reading.name] = now  # what is fresh is what counts
        elif reading.name in reassuring - {"forehead_moves_normally"} and {before.value, now.value} == {"yes", "no"}:
            # Here "no" is the worse answer. A letter that says both has not settled it.
            merged[reading.name] = Proposed(UNSURE, now.quote)
        elif rank.get(now.value, 2) > rank.get(before.value, 2):
            merged[reading.name] = now
    return merged


def settled(referral: Referral, placed: Placed) -> Referral:
    """A referral with what follows from its times and from its findings together.

    Args:
        referral: as it was read.
        placed: the times that its letter names.
    """
    return replace(referral, findings=MappingProxyType(_settled(referral, placed)))


def _settled(referral: Referral, placed: Placed) -> dict[str, Proposed]:
    findings = dict(referral.findings)
    speed = findings.get("onset_speed")
    young = referral.onset is not None and (referral.received - referral.onset).days < 21
    if young and speed is not None and speed.value == "over_3w":
        findings["onset_speed"] = Proposed("over_3d_to_3w", speed.quote)
    if "droop" not in findings and referral.grade not in (None, "HB 1"):
        findings["droop"] = Proposed("yes", referral.quotes.get("grade"))
    if "assessed_by_clinician" not in findings and referral.cause not in (None, "trauma"):
        findings["assessed_by_clinician"] = Proposed("yes", referral.quotes.get("cause"))
    since = (referral.received - referral.onset).days if referral.onset else None
    hearing = findings.get("hearing_loss_new_sudden")
    old = hearing and hearing.value == "yes" and not _FRESH.search(hearing.quote or "")
    if hearing and old and since is not None and (since > _ACUTE_DAYS or referral.cause in _CAUSES_HEARING_LOSS):
        # Without a word of newness it began with the illness; long ago it is no sudden loss for today.
        findings.setdefault("hearing_loss_days", Proposed(str(max(0, since)), hearing.quote))
    nothing_new = findings.get("new_or_worse_neuro_finding")
    known = findings.get("explained_by_known_cause")
    explained = (nothing_new and nothing_new.value == "no") or (known and known.value == "yes")
    old_stroke = referral.cause in ("stroke", "brain_injury") and (since is None or since > _FRESH_DAYS)
    if old_stroke and not explained:
        for name in _OF_A_STROKE:
            told = findings.get(name)
            if told and told.value == "yes" and _is_left_over(referral.text, told.quote or ""):
                del findings[name]
    if since is not None and since > _OLD_DAYS:
        for name in _OF_AN_OLD_EAR:
            told = findings.get(name)
            if told and told.value == "yes" and _is_left_over(referral.text, told.quote or ""):
                del findings[name]
    if old_stroke and explained:
        # What is left of a known stroke, where the letter says that nothing is new. What is fresh stays.
        for name in _OF_A_STROKE:
            told = findings.get(name)
            if told and told.value == "yes" and not _FRESH.search(told.quote or ""):
                del findings[name]
    if _crisis_team_has_it(findings):
        findings["suicide_risk_in_hand"] = Proposed("yes", findings["suicide_risk_routed"].quote)
    if _eye_service_has_it(findings):
        findings["eye_symptoms_in_hand"] = Proposed("yes", findings["under_eye_team"].quote)
    if referral.cause == "trauma" and since is not None and "head_or_face_injury_days" not in findings:
        # The injury is as old as the weakness, or older by a few days: nobody wrote its own day.
        findings["head_or_face_injury_days"] = Proposed(str(since), referral.quotes.get("onset"))
    steroid = min((when.day for when, anchor, apart in placed if anchor == "steroid" and apart <= 6), default=None)
    if (
        "steroid_within_72h" not in findings
        and steroid is not None
        and referral.onset is not None
        and referral.onset_is_exact
    ):
        given = findings.get("steroid_given")
        if given is not None and given.value == "yes" and steroid >= referral.onset:
            near = (steroid - referral.onset).days <= 3
            findings["steroid_within_72h"] = Proposed("yes" if near else "no", given.quote)
    return findings


def _eye_service_has_it(findings: Mapping[str, Proposed]) -> bool:
    """Whether an eye service has examined the symptoms and treats them, and none of them is told as fresh."""
    wanted = ("under_eye_team", "has_eye_protection_plan", "corneal_signs")
    if any(name not in findings or findings[name].value != "yes" for name in wanted):
        return False
    told = [findings[name] for name in EYE_SYMPTOMS if name in findings and findings[name].value == "yes"]
    return not any(_FRESH.search(each.quote or "") for each in told)


def _is_left_over(text: str, quote: str) -> bool:
    """Whether the words around a quote call a sign what is left of an old illness, and none of them calls it new."""
    at = text.find(quote)
    around = re.split(r"(?<=[^\W\d_])[.\n]", text[at + len(quote) : at + len(quote) + 80])[0]
    around = _NOTHING_NEW.sub(" stable ", quote + around)
    return _REMAINS.search(around) is not None and not _NEW.search(around)


def _crisis_team_has_it(findings: Mapping[str, Proposed]) -> bool:
    """Whether a crisis or mental health team looks after a risk to life, and nothing of it is told as fresh."""
    routed, planned = findings.get("suicide_risk_routed"), findings.get("suicide_plan_intent_or_act")
    if routed is None or routed.value != "yes" or (planned is not None and planned.value != "no"):
        return False
    told = [findings[name] for name in _RISK if name in findings and findings[name].value == "yes"]
    return bool(told) and not any(_FRESH.search(each.quote or "") for each in told)


def _since_event(
    page: Page, placed: Sequence[tuple[When, str, float]], base: date, causes: Iterable[str]
) -> tuple[date, bool, str] | None:
    """The day of the operation or injury that caused it, where no other beginning is told."""
    wanted = {"trauma": "injury", "stroke": "stroke"}
    for cause in causes:
        for when, anchor, apart in placed:
            if anchor == wanted.get(cause, "surgery") and apart <= 10 and when.day <= base:
                return when.day, False, page.source.quote(when.start, when.end)
    return None


def _since_presented(
    page: Page, placed: Sequence[tuple[When, str, float]], base: date
) -> tuple[date, bool, str] | None:
    """The day on which a doctor first saw it, where no beginning is told: it is at least as old."""
    days = [
        when for when, anchor, apart in placed if anchor == "presented" and apart <= _VISIT_REACH and when.day <= base
    ]
    if not days:
        return None
    first = min(days, key=lambda when: when.day)
    return first.day, False, page.source.quote(first.start, first.end)


def _side_weight(page: Page, start: int, end: int, near: Sequence[Span], far: Sequence[Span]) -> float:
    """How surely a "left" is the weak side: 3 beside the palsy's own words, less further off, 0 beside a limb."""
    left, right = page.sentence(start)
    first, last = page.clause(start, end)

    def apart(spans: Sequence[Span], bounds: Span) -> int:
        found = [
            max(0, one - end, start - other) + (1 if other <= start else 0)
            for one, other in spans
            if bounds[0] <= one and other <= bounds[1]
        ]
        return min(found, default=99)

    own, others = apart(near, (first, last)), apart(far, (first, last))
    if others < own:
        return 0.5 if others == 99 else 0.0
    if own <= 6:
        return 3.0
    if own < 99 or apart(near, (left, right)) < 99:
        return 2.0
    return 0.5


def _longest(places: Iterable[Span]) -> dict[int, int]:
    """Where the longest of the places that begin at a token ends."""
    longest: dict[int, int] = {}
    for start, end in places:
        longest[start] = max(end, longest.get(start, 0))
    return longest


# --- small things --------------------------------------------------------------------------------------------------


def _heading(names: Sequence[str]) -> re.Pattern[str]:
    """A heading: on a line of its own, or with a colon (or dash) after it."""
    quoted = "|".join(
        re.escape(name).replace(r"\ ", r"[\s/&-]+(?:and\s+)?") for name in sorted(names, key=len, reverse=True)
    )
    return re.compile(
        rf"(?:(?<=\n)|(?<=^)|(?<=[.;]\s)|(?<=\n\s))[ \t*#_•-]*(?:{quoted})[ \t*_]*(?:[:=–—]|-\s|(?=\n|$))",
        re.IGNORECASE,
    )


def _repeated(pattern: str) -> str:
    """Write out `(a|b)*`, none to four of these, in the pattern language."""
    return _REPEATED.sub(lambda found: " ".join([f"({found[1]})?"] * 4), pattern)


def _check_names(file: _LetterFile, lines: Lines, findings: Mapping[str, Finding]) -> None:
    for index, entry in enumerate(file.findings):
        finding = findings.get(entry.finding)
        if finding is None:
            problem = f"there is no finding '{entry.finding}'. Add it to bands.yml, or mend the name."
            raise lines.error(problem, "findings", index, "finding")
        if not finding.allows(entry.value):
            problem = f"'{entry.finding}' is never '{entry.value}'. See the finding's values."
            raise lines.error(problem, "findings", index, "value")
        if entry.topics and not all(finding.allows(each) for each in (entry.well, entry.ill) if each):
            problem = f"'{entry.finding}' is never what `well` or `ill` says. See the finding's values."
            raise lines.error(problem, "findings", index, "finding")
        if not (entry.says or entry.says_not or entry.topics or entry.core):
            raise lines.error(f"'{entry.finding}' has no phrases. Add some.", "findings", index)
    for name in file.causes:
        if name not in CAUSES:
            raise lines.error(f"'{name}' is not a cause of a referral. It may be: {', '.join(CAUSES)}.", "causes", name)
    for name in ("onset", "onset_label", "steroid", *DAYS_SINCE):
        if name not in file.anchors:
            raise lines.error(f"the anchor '{name}' is missing. Add it.", "anchors")

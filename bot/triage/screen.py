"""The red-flag screen: what a message says that must not wait, found before anything else reads it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from bot.content_file import read_words
from bot.triage.cues import Combination, Cue, Cues, load_cues, worst
from bot.triage.languages import Languages
from bot.triage.messages import Messages
from bot.triage.pattern import COLON, COMMA, SENTENCE_ENDS, Encoded, Pattern
from bot.triage.rules import Disposition, Rule, load_rules

_LONGEST = 8192
"""Characters of a message that are read; Telegram sends at most 4,096."""

_NEGATION_REACH = 9
"""Tokens over which a "no" still denies what follows."""

_HYPOTHETICAL_REACH = 10

_QUESTION_REACH = 18
"""Tokens over which a question's opening still makes a question of what follows."""

_NEAR = 12
"""Tokens on either side of a cue in which other words of its sentence still explain it: many people write no stops."""


class Level(StrEnum):
    """How sure the screen is that this can't wait."""

    NONE = "NONE"
    POSSIBLE = "POSSIBLE"
    CERTAIN = "CERTAIN"

    @property
    def rank(self) -> int:
        """0, 1, 2."""
        return ["NONE", "POSSIBLE", "CERTAIN"].index(self.value)


@dataclass(frozen=True, slots=True)
class Hit:
    """One cue found in the message. `words` are the person's own."""

    cue: str
    finding: str
    value: str
    rules: tuple[str, ...]
    words: str
    level: Level
    kind: Literal["emergency", "crisis"] = "emergency"
    family: str = ""
    disposition: str | None = None


@dataclass(frozen=True, slots=True)
class Screening:
    """What the screen says of one message.

    `level` and `kind` say what must happen now; with an emergency and a crisis together `kind` is the more certain
    of the two (the emergency when equal), and `emergency` and `crisis` give the level of each. `family` names the
    words in `messages.yml`. `disposition` is what is established: `EMERGENCY` only when certain; while `level` is
    POSSIBLE it is what holds if the answer is no. A level of NONE with `SAME_DAY` never interrupts: it is reported.
    `families` are all families with a hit, the same-day ones too, most urgent first.
    """

    level: Level
    kind: str | None
    family: str | None
    hits: tuple[Hit, ...]
    findings: Mapping[str, str]
    rules: tuple[str, ...]
    disposition: str | None
    ruleset: str
    emergency: Level = Level.NONE
    crisis: Level = Level.NONE
    crisis_family: str | None = None
    families: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Message:
    """A message with its sentences, clauses and the places of every context."""

    encoded: Encoded
    sentences: tuple[tuple[int, int], ...]
    clauses: tuple[tuple[int, int], ...]
    contexts: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)

    def around(self, position: int, parts: Sequence[tuple[int, int]]) -> tuple[int, int]:
        """The sentence or clause in which a token stands."""
        return next((part for part in parts if part[0] <= position < part[1]), (0, len(self.encoded.codes)))

    def near(self, start: int, end: int) -> tuple[int, int]:
        """The part of the sentence close to some tokens."""
        left, right = self.around(start, self.sentences)
        return max(left, start - _NEAR), max(end, min(right, end + _NEAR))

    def has(self, context: str, start: int, end: int) -> bool:
        """Whether a context's words stand between two tokens."""
        return any(start <= left and right <= end for left, right in self.contexts[context])


@dataclass(frozen=True, slots=True, repr=False)
class Screen:
    """Reads one message and says whether it can wait. Pure: the same text gives the same answer."""

    cues: Cues
    languages: Languages
    rules: Mapping[str, Rule]
    ruleset: str
    messages: Messages

    @classmethod
    def load(cls, content: Path) -> "Screen":
        """The screen of the content folder, everything checked.

        Raises:
            ContentError: a file is missing or wrong; the message names it, the line and the remedy.
        """
        folder = content / "triage"
        rules = load_rules(folder)
        lookalikes = read_words(folder / "english_words.txt")
        cues = load_cues(folder / "cues.yml", rules.findings, rules.by_id, lookalikes)
        messages = Messages.load(folder / "messages.yml")
        emergencies = [(cue.family, cue.level) for cue in cues.cues if cue.kind == "emergency"]
        emergencies += [(each.family, each.level) for each in cues.combinations]
        messages.require(
            folder / "messages.yml",
            emergency=[family for family, level in emergencies if level in {"certain", "possible"}],
            same_day=[family for family, level in emergencies if level == "same_day"],
            crisis=[cue.family for cue in cues.cues if cue.kind == "crisis"],
        )
        return cls(cues, Languages.load(folder / "languages.yml"), rules.by_id, rules.version, messages)

    def __call__(self, text: str) -> Screening:
        """What the message says that must not wait. Never fails, whatever the text."""
        message = self._understand(self.cues.language.encode(text[:_LONGEST]))
        hits = [hit for cue in self.cues.cues if (hit := self._hit(cue, message))]
        hits += [_LANGUAGE_HITS[kind](words) for kind, words in self.languages.find(text[:_LONGEST])]
        # Combinations first: of two that are as certain, their words fit the person better.
        hits = [hit for each in self.cues.combinations if (hit := _combined(each, hits))] + hits
        return _screening(hits, self.ruleset)

    def _understand(self, encoded: Encoded) -> _Message:
        codes = encoded.codes
        contexts = {
            name: tuple(found.span() for pattern in patterns for found in pattern.finditer(codes))
            for name, patterns in self.cues.contexts.items()
        }
        turns = {left for left, _ in contexts["turn"]}
        sentences = tuple(_parts(codes, set(SENTENCE_ENDS), set()))
        clauses = tuple(_parts(codes, set(SENTENCE_ENDS) | {COMMA, COLON}, turns))
        return _Message(encoded, sentences, clauses, contexts)

    def _hit(self, cue: Cue, message: _Message) -> Hit | None:
        best: Hit | None = None
        if any(pattern.search(message.encoded.codes) for pattern in cue.unless_anywhere):
            return None
        for start, end in _places(cue.patterns, message.encoded.codes):
            level = self._level(cue, message, start, end)
            if level is None:
                continue
            words = message.encoded.words(start, end)
            disposition = cue.disposition.value if cue.disposition else None
            hit = Hit(cue.id, cue.finding, cue.value, cue.rules, words, level, cue.kind, cue.family, disposition)
            if best is None or level.rank > best.level.rank:
                best = hit
            if cue.level != "certain" or level is Level.CERTAIN:
                break  # no later place can count for more
        return best

    def _level(self, cue: Cue, message: _Message, start: int, end: int) -> Level | None:
        """How far the cue counts here; None when the context makes it harmless."""
        codes = message.encoded.codes
        left, right = message.near(start, end)
        if _is_excused(cue, codes, start, end, left, right):
            return None
        softened = any(pattern.search(codes, left, right) for pattern in cue.softer_if)
        for context, reads in _CONTEXTS.items():
            if context in cue.ignores:
                continue
            outcome = reads(cue, message, start, end)
            if outcome == "off":
                return None
            softened = softened or outcome == "softer"
        if cue.level == "certain":
            return Level.POSSIBLE if softened else Level.CERTAIN
        if cue.level == "possible":
            return Level.POSSIBLE
        return None if softened and cue.level == "same_day" else Level.NONE


type _Outcome = Literal["counts", "softer", "off"]


def _negation(cue: Cue, message: _Message, start: int, end: int) -> _Outcome:
    codes = message.encoded.codes
    left, right = message.around(start, message.sentences)
    for begin, finish in message.contexts["negation_of_clause"]:
        if left <= begin and finish <= start and not message.has("turn", finish, start):
            return "off"
    for begin, finish in message.contexts["negation"]:
        if not left <= begin or finish > start or start - finish > _NEGATION_REACH:
            continue
        if any(first <= begin < last for first, last in message.contexts["no_negation"]):
            continue
        if message.has("turn", finish, start) or message.has("subject", finish, start + 1):
            continue
        listed = COMMA in codes[finish:start] or COLON in codes[finish:start]
        if listed and (cue.kind == "crisis" or message.has("present", start, end)):
            continue
        return "off"
    if message.has("negation_after", end - 1, min(right, end + 5)) and not message.has("turn", end, end + 4):
        return "off"
    return "counts"


def _past(cue: Cue, message: _Message, start: int, end: int) -> _Outcome:
    sentence = message.near(start, end)
    clause = message.around(start, message.clauses)
    clause = (clause[0], max(clause[1], message.around(end - 1, message.clauses)[1]))
    if message.has("now", *clause):
        return "counts"
    if message.has("past", *clause):
        return "off"
    if message.has("past", *sentence) and not message.has("present", start, end):
        # "Botox two weeks ago, trouble breathing" is about now; "in 2015, my arm went weak" is not.
        return "off" if message.has("went", start, end) and not message.has("now", *sentence) else "softer"
    return "counts"


def _others(cue: Cue, message: _Message, start: int, end: int) -> _Outcome:
    sentence = message.near(start, end)
    if message.has("now", *sentence) or message.has("present", start, end):
        return "counts"
    if message.has("hearsay", *sentence):
        # "I read that my words come out wrong in a stroke" is rare; "..., my words come out wrong" is the person's own.
        mine = message.has("personal", max(sentence[0], start - 1), end)
        return "counts" if mine else "off"
    if message.has("distant", sentence[0], end):
        return "softer"
    return "counts"


def _question(cue: Cue, message: _Message, start: int, end: int) -> _Outcome:
    left, right = message.around(start, message.sentences)
    if not message.has("question", max(left, start - _QUESTION_REACH), start):
        return "counts"
    if message.has("no_question", left, len(message.encoded.codes)):
        return "counts"
    if message.has("now", left, right):
        return "counts"
    if message.has("personal", left, right) or message.has("carer", left, right):
        return "softer" if not message.has("present", start, end) else "counts"
    return "off"


def _hypothetical(cue: Cue, message: _Message, start: int, end: int) -> _Outcome:
    codes = message.encoded.codes
    left, right = message.around(start, message.sentences)
    now = message.has("now", left, right)
    present = message.has("present", start, end)
    for context in ("hypothetical", "fear"):
        for begin, finish in message.contexts[context]:
            if begin < left or finish > start or start - finish > _HYPOTHETICAL_REACH:
                continue
            if any(first <= begin < last for first, last in message.contexts["no_hypothetical"]):
                continue
            apart = COMMA in codes[finish:start] or COLON in codes[finish:start]
            # "If this is a stroke, my arm is numb", "worried about my arm, it is numb": said to be so.
            if message.has("turn", finish, start) or (present and (apart or context == "fear")):
                continue
            # "Is it Bell's if my arm is weak too?" may be about now; "if I ever can't breathe" is not.
            told = present and message.has("personal", begin, end) and not message.has("ever", left, right)
            return "softer" if now or apart or told else "off"
    return "counts"


def _explained(cue: Cue, message: _Message, start: int, end: int) -> _Outcome:
    left, right = message.near(start, end)
    places = [place for place in message.contexts["explained"] if left <= place[0] and place[1] <= right]
    # "They ruled out a stroke, but now ...": what comes after the turn is new.
    places = [place for place in places if place[0] > start or not message.has("turn", place[1], start + 1)]
    if not places:
        return "counts"
    again = ("worse", "now") if places[0][0] > start else ("worse", "now", "present")
    if message.has("present", start, end) and "present" in again:
        return "softer"
    return "softer" if any(message.has(context, left, right) for context in again[:2]) else "off"


def _long_standing(cue: Cue, message: _Message, start: int, end: int) -> _Outcome:
    left, right = message.near(start, end)
    if message.has("long_standing", left, right):
        return "softer" if message.has("worse", left, right) or message.has("now", left, right) else "off"
    return "counts"


def _figurative(cue: Cue, message: _Message, start: int, end: int) -> _Outcome:
    return "off" if any(first < end and start < last for first, last in message.contexts["figurative"]) else "counts"


def _elsewhere(cue: Cue, message: _Message, start: int, end: int) -> _Outcome:
    """Talk of an animal, a text or a machine: asked instead of told, for it may still be about the person."""
    if cue.kind == "crisis" or message.has("now", *message.around(start, message.sentences)):
        return "counts"
    return "softer" if message.has("elsewhere", *message.near(start, end)) else "counts"


_CONTEXTS = {
    "negation": _negation,
    "past": _past,
    "others": _others,
    "question": _question,
    "hypothetical": _hypothetical,
    "explained": _explained,
    "long_standing": _long_standing,
    "figurative": _figurative,
    "elsewhere": _elsewhere,
}


_LANGUAGE_HITS = {
    "stroke": lambda words: Hit(
        "language-stroke",
        "any_brain_finding",
        "unknown",
        ("E02",),
        words,
        Level.POSSIBLE,
        "emergency",
        "stroke",
        "EMERGENCY",
    ),
    "breathing": lambda words: Hit(
        "language-breathing",
        "breathless",
        "unknown",
        ("E09",),
        words,
        Level.POSSIBLE,
        "emergency",
        "breathing",
        "EMERGENCY",
    ),
    "crisis": lambda words: Hit(
        "language-crisis", "suicidal_thought", "yes", ("D29",), words, Level.CERTAIN, "crisis", "thoughts", "SAME_DAY"
    ),
}


def _places(patterns: Sequence[Pattern], codes: str) -> Iterator[tuple[int, int]]:
    for pattern in patterns:
        for found in pattern.finditer(codes):
            yield found.span()


def _is_excused(cue: Cue, codes: str, start: int, end: int, left: int, right: int) -> bool:
    """Whether an excuse's words overlap the cue's or stand right beside them: another clause excuses nothing."""
    for pattern in cue.unless:
        found = pattern.search(codes, left, right)
        while found:
            if found.start() <= end and start <= found.end():
                return True
            # From the next word on, not from this match's end: a later beginning may reach as far as the cue.
            found = pattern.search(codes, found.start() + 1, right)
    return False


def _parts(codes: str, ends: set[str], turns: set[int]) -> Iterator[tuple[int, int]]:
    start = 0
    for index, code in enumerate(codes):
        if index in turns and index > start:
            yield start, index
            start = index
        if code in ends:
            yield start, index + 1
            start = index + 1
    yield start, len(codes) + 1


def _combined(each: Combination, hits: Sequence[Hit]) -> Hit | None:
    found = {hit.cue: hit for hit in hits}
    found |= {hit.finding: hit for hit in hits if hit.value != "unknown"}
    if not all(name in found for name in each.all) or any(name in found for name in each.none):
        return None
    either = [name for name in each.any if name in found]
    if each.any and not either:
        return None
    parts = [found[name] for name in (*each.all, *either[:1])]
    level = {"certain": Level.CERTAIN, "possible": Level.POSSIBLE, "same_day": Level.NONE}[each.level]
    words = " … ".join(dict.fromkeys(part.words for part in parts))
    disposition = each.disposition.value if each.disposition else None
    return replace(
        parts[-1],
        cue=each.id,
        rules=each.rules,
        words=words,
        level=level,
        family=each.family,
        disposition=disposition,
        kind="emergency",
    )


def _screening(hits: Sequence[Hit], ruleset: str) -> Screening:
    ordered = sorted(hits, key=lambda hit: (-hit.level.rank, -_rank(hit.disposition)))
    emergency = _first(ordered, "emergency")
    crisis = _first(ordered, "crisis")
    first = crisis if crisis and (not emergency or crisis.level.rank > emergency.level.rank) else emergency
    findings: dict[str, str] = {}
    for hit in ordered:
        if hit.value != "unknown":
            findings.setdefault(hit.finding, hit.value)
    # While it is only possible, an emergency isn't established: the answer to the question decides.
    counted = [hit for hit in ordered if hit.disposition and hit.level is not Level.POSSIBLE]
    disposition = worst(Disposition(hit.disposition) for hit in counted if hit.disposition)
    return Screening(
        level=first.level if first else Level.NONE,
        kind=first.kind if first else None,
        family=first.family if first else None,
        hits=tuple(ordered),
        findings=MappingProxyType(findings),
        rules=tuple(dict.fromkeys(rule for hit in ordered for rule in hit.rules)),
        disposition=disposition.value if disposition else None,
        ruleset=ruleset,
        emergency=emergency.level if emergency else Level.NONE,
        crisis=crisis.level if crisis else Level.NONE,
        crisis_family=crisis.family if crisis else None,
        families=tuple(dict.fromkeys(hit.family for hit in ordered if hit.disposition)),
    )


def _first(hits: Sequence[Hit], kind: str) -> Hit | None:
    return next((hit for hit in hits if hit.kind == kind and hit.level is not Level.NONE), None)


def _rank(disposition: str | None) -> int:
    return Disposition(disposition).rank if disposition else 0

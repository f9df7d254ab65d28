"""A letter in tokens: its sentences, its sections, and the places of the words by which a phrase is understood."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from bot.referral.source import Source
from bot.triage.pattern import COLON, COMMA, SENTENCE_ENDS, Encoded

type Reads = Literal["now", "episode", "history"]
"""What the past means for a finding: see the top of `content/referral/letter.yml`."""
type Counts = Literal["always", "stated", "denied"]
type Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Mention:
    """One place where something is said: which tokens, what by itself, and how it is to be taken there."""

    name: str
    value: str
    reads: Reads
    start: int
    end: int
    counts: Counts = "always"


@dataclass(frozen=True, slots=True)
class Page:
    """A letter with its tokens, sentences, sections, and the places of every context."""

    source: Source
    encoded: Encoded
    sentences: tuple[Span, ...]
    sections: tuple[tuple[int, int, str], ...]
    contexts: Mapping[str, tuple[Span, ...]]
    begins: Mapping[str, Mapping[int, int]]
    patient_is_relative: bool = False

    @property
    def codes(self) -> str:
        """The tokens, one sign each."""
        return self.encoded.codes

    def sentence(self, position: int) -> Span:
        """The sentence in which a token stands."""
        return next((each for each in self.sentences if each[0] <= position < each[1]), (0, len(self.codes)))

    def section(self, position: int) -> str:
        """Under which kind of heading a token stands: now, past, family, warning or other."""
        return next((kind for start, end, kind in self.sections if start <= position < end), "now")

    def within(self, context: str, start: int, end: int) -> Iterator[Span]:
        """The places of a context's words between two tokens."""
        return (place for place in self.contexts[context] if start <= place[0] and place[1] <= end)

    def has(self, context: str, start: int, end: int) -> bool:
        """Whether a context's words stand between two tokens."""
        return any(True for _ in self.within(context, start, end))

    def starts(self, context: str, position: int) -> bool:
        """Whether a context's words begin at a token."""
        return position in self.begins[context]

    def clause(self, start: int, end: int) -> Span:
        """The part between commas, turns and stops around some tokens."""
        left, right = self.sentence(start)
        turns = {place[0] for place in self.within("turn", left, right)}
        while start > left and not self._parts(start - 1) and start not in turns:
            start -= 1
        while end < right and end < len(self.codes) and end not in turns:
            if self._parts(end) and self.codes[end] != COLON:
                break
            end += 1
        return start, end

    def _parts(self, token: int) -> bool:
        """Whether a clause ends at this sign. The stroke of "3/52" or "eye/ear" parts nothing."""
        code = self.codes[token]
        if code == COMMA:
            return self.source.text[self.encoded.starts[token]] != "/"
        return code == COLON or code in SENTENCE_ENDS

    def quote(self, start: int, end: int) -> str:
        """The letter's own words for some tokens."""
        if start >= end:
            return ""
        return self.source.quote(self.encoded.starts[start], self.encoded.ends[end - 1])


def sentences_of(codes: str) -> Iterator[Span]:
    """The sentences of a letter, as spans of tokens."""
    start = 0
    for index, code in enumerate(codes):
        if code in SENTENCE_ENDS:
            yield start, index + 1
            start = index + 1
    yield start, len(codes) + 1


def token_at(encoded: Encoded, char: int) -> int:
    """The first token that begins at or after a sign."""
    low, high = 0, len(encoded.starts)
    while low < high:
        middle = (low + high) // 2
        if encoded.starts[middle] < char:
            low = middle + 1
        else:
            high = middle
    return low


def char_at(page: Page, token: int) -> int:
    """Where a token begins in the readable text."""
    return page.encoded.starts[token] if token < len(page.encoded.starts) else len(page.source.text)


def char_end(page: Page, token: int) -> int:
    """Where the token before this one ends in the readable text."""
    return page.encoded.ends[token - 1] if 0 < token <= len(page.encoded.ends) else len(page.source.text)

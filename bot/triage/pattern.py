"""The small pattern language of `cues.yml`, and how a message becomes something it can be matched on.

A pattern is a line of words that must follow each other:

| written | means |
|---|---|
| `arm` | this word, typing slips allowed |
| `droop*` | any word that begins so |
| `<limb>` | any word of the set `limb` |
| `..3` | up to three words in between; never across the end of a sentence, a "but", or a word that stops a gap |
| `~3` | as `..3`, and the two sides may stand in either order |
| `(one side|half)` | either of these |
| `word?`, `<set>?`, `(a b)?` | may be missing |
| `!word`, `!<set>`, `!(a|b)` | the next word is not this |
| `^`, `$` | the sentence begins, or ends, here |

Every word the patterns know gets one character, and so does every token of a message; a pattern is then a regular
expression over these characters. It keeps matching fast, and its time bounded, whatever people type.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein

# One character each. Words start in the private-use area, so that none is special in a regular expression.
FULL_STOP, QUESTION, COMMA, COLON, UNKNOWN, NUMBER, MANY, YEAR = "\ue000\ue001\ue002\ue003\ue004\ue005\ue006\ue007"
SENTENCE_ENDS = FULL_STOP + QUESTION
_FIRST_WORD = 0xE010
_LAST_WORD = 0xF8FF
_LONGEST_WORD = 24

_TOKEN = re.compile(r"\d+\.\d+|[^\W_]+(?:['’‘ʼ`´][^\W_]+)*|[.!?;,:…\n()\[\]/=؟。！？]|[-–—]+", re.UNICODE)
_APOSTROPHES = re.compile(r"['’‘ʼ`´]")
_REPEATED = re.compile(r"(.)\1{2,}")
_PUNCTUATION = dict.fromkeys(".!;\n…。！", FULL_STOP) | dict.fromkeys("?؟？", QUESTION) | dict.fromkeys(",()[]/", COMMA)
_ENDINGS = {"m": "am", "ve": "have", "re": "are", "ll": "will", "d": "would", "s": "'s"}
_SHORTENED = {"ca": "can", "wo": "will", "sha": "shall"}


class PatternError(ValueError):
    """A pattern is not written in the language. The message says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A message as one character for each token, and where each token stands in the message."""

    codes: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    text: str

    def words(self, start: int, end: int) -> str:
        """The person's own words of the tokens from `start` up to `end`."""
        return self.text[self.starts[start] : self.ends[end - 1]]


class Pattern:
    """One pattern, as `re.Pattern` as far as it goes; made ready only when a message has the words that it needs.

    There are thousands, and most messages need none of them: to compile all takes seconds of every start.

    Args:
        regex: the regular expression over a message's characters; it is known to be one.
        needs: sets of characters, of each of which a message must hold one.
    """

    __slots__ = ("_compiled", "_needs", "regex")

    def __init__(self, regex: str, needs: tuple[frozenset[str], ...]) -> None:
        self.regex, self._needs = regex, needs
        self._compiled: re.Pattern[str] | None = None

    def search(self, codes: str, start: int = 0, end: int | None = None) -> re.Match[str] | None:
        """The first match from `start` on, wholly before `end`."""
        ready = self._ready(codes)
        return ready.search(codes, start, len(codes) if end is None else end) if ready else None

    def finditer(self, codes: str) -> Iterator[re.Match[str]]:
        """All matches that don't overlap, from left to right."""
        ready = self._ready(codes)
        return ready.finditer(codes) if ready else iter(())

    def _ready(self, codes: str) -> re.Pattern[str] | None:
        """The compiled pattern; None when a message lacks what it needs."""
        said = _characters_of(codes)
        for needed in self._needs:
            if needed.isdisjoint(said):
                return None
        if self._compiled is None:
            self._compiled = re.compile(self.regex)
        return self._compiled


@lru_cache(maxsize=2)
def _characters_of(codes: str) -> frozenset[str]:
    return frozenset(codes)


class _Part(NamedTuple):
    """A part of a pattern: its regular expression, whether it can match nothing, and what it needs."""

    regex: str
    may_be_nothing: bool
    needs: tuple[frozenset[str], ...]


_NEEDS_KEPT = 3
"""So many sets of a pattern are looked at, the smallest first: more would cost more than they spare."""


_PIECE = re.compile(r"\s+|<[a-z_]+>|\.\.\d+|~\d+|[()|?!^$]|[^\s<>()|?!^$~]+")
_WORD = re.compile(r"(?:'s|[^\W_]+\*?)")


@dataclass(slots=True, repr=False)
class Language:
    """The words that the patterns know: sets, spellings, and the character of each word."""

    sets: Mapping[str, tuple[str, ...]]
    expansions: Mapping[str, str]
    gap_stops: tuple[str, ...]
    lookalikes: frozenset[str] = frozenset()
    phrases: Mapping[str, str] = field(default_factory=dict)
    _codes: dict[str, str] = field(default_factory=dict)
    _stems: dict[str, str] = field(default_factory=dict)
    _buckets: dict[tuple[str, int], list[str]] = field(default_factory=lambda: defaultdict(list))
    _rewrites: dict[str, str] = field(default_factory=dict)
    _sets: dict[str, tuple[str, frozenset[str]]] = field(
        default_factory=dict
    )  # of a piece, found once for all patterns

    def learn(self, patterns: Iterable[str]) -> None:
        """Give each word of the sets and patterns its character. Compile only after this."""
        self._sets.clear()
        words: set[str] = set()
        for pattern in [*patterns, *(word for members in self.sets.values() for word in members), *self.gap_stops]:
            for piece in _PIECE.findall(pattern):
                if piece[0] not in " <(|)?!^$~." or piece.startswith("'"):
                    words.add(piece)
        for phrase in (*self.expansions.values(), *self.phrases, *self.phrases.values()):
            words.update(phrase.split())
        for word in sorted(words):
            code = chr(_FIRST_WORD + len(self._codes) + len(self._stems))
            if ord(code) > _LAST_WORD:
                raise PatternError("the patterns use more than 6,000 different words. Use stems such as `droop*`.")
            if word.endswith("*"):
                self._stems[word[:-1]] = code
            else:
                self._codes[word] = code
                if len(word) >= 4:
                    self._buckets[word[0], len(word)].append(word)
        for phrase, meant in self.phrases.items():
            self._rewrites["".join(map(self._code, phrase.split()))] = "".join(map(self._code, meant.split()))

    # --- messages ---------------------------------------------------------------------------------------------

    def encode(self, text: str) -> Encoded:
        """The message as characters. Never fails; the time grows linearly with the length."""
        codes: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        for found in _TOKEN.finditer(text):
            for code in self._token(found.group()):
                codes.append(code)
                starts.append(found.start())
                ends.append(found.end())
        return self._rewritten(Encoded("".join(codes), tuple(starts), tuple(ends), text))

    def _rewritten(self, read: Encoded) -> Encoded:
        """The message with each phrase read as what it means, the longest first; its words keep their places."""
        codes: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        lengths = sorted({len(phrase) for phrase in self._rewrites}, reverse=True)
        position = 0
        while position < len(read.codes):
            length = next((n for n in lengths if read.codes[position : position + n] in self._rewrites), 1)
            said = read.codes[position : position + length]
            meant = self._rewrites.get(said, said)
            codes.append(meant)
            starts += [read.starts[position]] * len(meant)
            ends += [read.ends[position + length - 1]] * len(meant)
            position += length
        return Encoded("".join(codes), tuple(starts), tuple(ends), read.text)

    def _token(self, raw: str) -> Iterator[str]:
        if not raw[0].isalnum():
            if raw[0] in "-–—:=":
                yield COLON
            else:
                yield _PUNCTUATION.get(raw[0], COMMA)
            return
        if len(raw) > _LONGEST_WORD:
            yield UNKNOWN
            return
        word = _plain(raw.partition(".")[0])  # 39.5 is one number, not the end of a sentence
        for part in self._parts(word):
            yield self._code(part)

    def _parts(self, word: str) -> list[str]:
        pieces = _APOSTROPHES.split(word)
        if len(pieces) == 2 and all(pieces):
            stem, ending = pieces
            if ending == "t" and stem.endswith("n"):
                base = stem[:-1]
                return [_SHORTENED.get(base, base), "not"]
            if ending in _ENDINGS:
                return [stem, _ENDINGS[ending]]
        bare = "".join(pieces)
        return self.expansions[bare].split() if bare in self.expansions else [bare]

    def _code(self, word: str) -> str:
        if not word:  # nothing but apostrophes or accents
            return UNKNOWN
        known = self._codes.get(word)
        if known:
            return known
        if word.isdigit():
            if len(word) == 4 and word[:2] in {"19", "20"}:
                return YEAR
            return MANY if len(word) > 2 or (word >= "20" and len(word) == 2) else NUMBER
        for length in range(len(word), 2, -1):
            stem = self._stems.get(word[:length])
            if stem:
                return stem
        if word[0].isdigit():
            return NUMBER
        if len(word) >= 4 and word not in self.lookalikes:
            near = self._nearest(_REPEATED.sub(r"\1", word))
            if near:
                return self._codes[near]
        return UNKNOWN

    def _nearest(self, word: str) -> str | None:
        """The one known word that this is most likely a slip for. Short words: swapped letters only."""
        if word in self._codes:
            return word
        best: tuple[int, str] | None = None
        reach = 1 if len(word) < 8 else 2
        for length in range(len(word) - reach, len(word) + reach + 1):
            for known in self._buckets.get((word[0], length), ()):
                distance = _slips(word, known, reach)
                if distance <= reach and (best is None or distance < best[0]):
                    best = (distance, known)
        return best[1] if best else None

    # --- patterns ---------------------------------------------------------------------------------------------

    def compile(self, patterns: Iterable[str]) -> tuple[Pattern, ...]:
        """The patterns as regular expressions over a message's characters.

        Raises:
            PatternError: a pattern is empty, is not in the language, or names a set that doesn't exist.
        """
        return tuple(Pattern(part.regex, part.needs) for part in map(self._part, patterns))

    def characters(self, words: Iterable[str]) -> frozenset[str]:
        """The characters of some words or `<sets>`."""
        return frozenset("".join(self._set(word)[0] for word in words))

    def _part(self, pattern: str) -> _Part:
        for left, apart, right in _either_order(pattern):
            one, other = self._part(f"{left} ..{apart} {right}"), self._part(f"{right} ..{apart} {left}")
            return _Part(f"(?:{one.regex}|{other.regex})", may_be_nothing=False, needs=one.needs)
        pieces = [piece for piece in _PIECE.findall(pattern) if not piece.isspace()]
        if "".join(pieces) != re.sub(r"\s", "", pattern):
            raise PatternError(f"`{pattern}` has a sign the language doesn't know. See the top of cues.yml.")
        if not any(piece[0] not in "(|)?!^$.~" for piece in pieces):
            raise PatternError(f"`{pattern}` is empty: it would match anything. Write at least one word in it.")
        if pieces.count("(") != pieces.count(")"):
            raise PatternError(f"`{pattern}` opens and closes brackets unequally. Balance ( and ).")
        for piece in pieces:
            if piece[0] not in "<(|)?!^$." and not _WORD.fullmatch(piece):
                raise PatternError(
                    f"`{pattern}` has `{piece}`, which is no word of the language. See the top of cues.yml."
                )
        reader = _Reader(self, pattern, pieces)
        part = reader.either()
        if not reader.is_through:
            raise reader.misplaced()
        if part.may_be_nothing:
            raise PatternError(f"`{pattern}` could match nothing at all. Make at least one word needed.")
        return _Part(part.regex, part.may_be_nothing, tuple(sorted(part.needs, key=len)[:_NEEDS_KEPT]))

    def gap(self, piece: str, pattern: str) -> str:
        """The regular expression of a gap such as `..3`."""
        apart = int(piece[2:])
        if not 0 < apart <= 8:
            raise PatternError(f"`{pattern}` has a gap of {apart} words. A gap is 1 to 8 words.")
        stops = "".join(sorted(self.characters(self.gap_stops))) + SENTENCE_ENDS
        return f"[^{stops}]{{0,{apart}}}?"

    def one_of(self, piece: str, pattern: str) -> _Part:
        """A word, a stem or a set: one token of a message."""
        characters, needed = self._set(piece, pattern)
        if not characters:
            raise PatternError(f"`{pattern}` has `{piece}`, which no word begins with. Write a word that begins so.")
        return _Part(f"[{characters}]", may_be_nothing=False, needs=(needed,))

    def _set(self, piece: str, pattern: str = "") -> tuple[str, frozenset[str]]:
        if piece not in self._sets:
            characters = self._word(piece, pattern)
            self._sets[piece] = characters, frozenset(characters)
        return self._sets[piece]

    def _word(self, piece: str, pattern: str = "") -> str:
        if piece == "<number>":
            return NUMBER + MANY + YEAR + "".join(code for word, code in self._codes.items() if word.isdigit())
        if piece == "<many>":
            learned = (code for word, code in self._codes.items() if word.isdigit() and int(word) >= 20)
            return MANY + "".join(learned)
        if piece == "<year>":
            return YEAR
        if piece == "<comma>":
            return COMMA + COLON
        if piece == "<colon>":
            return COLON
        if piece == "<stop>":
            return FULL_STOP
        if piece == "<question>":
            return QUESTION
        if piece.startswith("<"):
            name = piece[1:-1]
            if name not in self.sets:
                raise PatternError(
                    f"`{pattern}` names the word set <{name}>, which `words:` doesn't have. Add it there."
                )
            return "".join(self._set(member, pattern)[0] for member in self.sets[name])
        if piece.endswith("*"):
            stem = piece[:-1]
            return "".join(
                code for words in (self._codes, self._stems) for known, code in words.items() if known.startswith(stem)
            )
        if piece not in self._codes:
            raise PatternError(f"`{pattern or piece}` has the word `{piece}`, which was not learned.")
        return self._codes[piece]


class _Reader:
    """Reads the pieces of one pattern from left to right."""

    def __init__(self, language: Language, pattern: str, pieces: list[str]) -> None:
        self._language, self._pattern, self._pieces = language, pattern, pieces
        self._at = 0

    @property
    def is_through(self) -> bool:
        """Whether all pieces have been read."""
        return self._at == len(self._pieces)

    def misplaced(self) -> PatternError:
        """What to raise for a piece that can't stand where it does."""
        return PatternError(f"`{self._pattern}` has a `?`, `|` or bracket in the wrong place.")

    def either(self) -> _Part:
        """Read what stands between brackets, or all: one way, or several with `|` between them."""
        ways = [self._sequence()]
        while self._takes("|"):
            ways.append(self._sequence())
        if len(ways) == 1:
            return ways[0]
        smallest = [min(way.needs, key=len) if way.needs else None for way in ways]
        needs = frozenset[str]().union(*(each for each in smallest if each is not None))
        return _Part(
            "|".join(way.regex for way in ways),
            any(way.may_be_nothing for way in ways),
            () if None in smallest else (needs,),
        )

    def _sequence(self) -> _Part:
        parts = []
        while not self.is_through and self._pieces[self._at] not in {"|", ")"}:
            parts.append(self._one())
        return _Part(
            "".join(part.regex for part in parts),
            all(part.may_be_nothing for part in parts),
            tuple(needed for part in parts for needed in part.needs),
        )

    def _one(self) -> _Part:
        piece = self._pieces[self._at]
        if piece == "?":
            raise self.misplaced()
        self._at += 1
        if piece == "!":
            return self._refused()
        if piece == "^":
            return _Part(f"(?<![^{SENTENCE_ENDS}])", may_be_nothing=True, needs=())
        if piece == "$":
            return _Part(f"(?![^{SENTENCE_ENDS}])", may_be_nothing=True, needs=())
        if piece.startswith(".."):
            return _Part(self._language.gap(piece, self._pattern), may_be_nothing=True, needs=())
        part = self._bracketed() if piece == "(" else self._language.one_of(piece, self._pattern)
        return _Part(f"{part.regex}?", may_be_nothing=True, needs=()) if self._takes("?") else part

    def _refused(self) -> _Part:
        """Read what must not come next."""
        if self.is_through or self._pieces[self._at] in set("|)?!^$") or self._pieces[self._at].startswith(".."):
            raise PatternError(f"`{self._pattern}` has a `!` without a word after it. Write `!word` or `!(a|b)`.")
        piece = self._pieces[self._at]
        self._at += 1
        part = self._bracketed() if piece == "(" else self._language.one_of(piece, self._pattern)
        return _Part(f"(?!{part.regex})", may_be_nothing=True, needs=())

    def _bracketed(self) -> _Part:
        part = self.either()
        if not self._takes(")"):
            raise self.misplaced()
        return _Part(f"(?:{part.regex})", part.may_be_nothing, part.needs)

    def _takes(self, piece: str) -> bool:
        if self.is_through or self._pieces[self._at] != piece:
            return False
        self._at += 1
        return True


def _plain(raw: str) -> str:
    lowered = unicodedata.normalize("NFKD", raw).lower()
    return "".join(letter for letter in lowered if not unicodedata.combining(letter))


def _slips(word: str, known: str, reach: int) -> int:
    if len(word) == len(known) and sorted(word) == sorted(known):
        differing = [index for index, letter in enumerate(word) if letter != known[index]]
        if len(differing) == 2 and differing[1] == differing[0] + 1:
            return 1
    if len(known) == len(word) == 4 and word[3] == known[3]:
        return Levenshtein.distance(word, known, score_cutoff=1)
    if len(known) < 5:
        return reach + 1
    return Levenshtein.distance(word, known, score_cutoff=reach)


def _either_order(pattern: str) -> Iterator[tuple[str, str, str]]:
    """The first `~n` outside brackets, as left side, n, right side."""
    depth = 0
    position = 0
    for piece in _PIECE.findall(pattern):
        depth += (piece == "(") - (piece == ")")
        if depth == 0 and piece.startswith("~"):
            yield pattern[:position].strip(), piece[1:], pattern[position + len(piece) :].strip()
            return
        position += len(piece)

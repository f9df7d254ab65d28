"""The language in which a rule says when it holds: small enough for a clinician to read, read strictly.

    droop_new and (arm_or_leg_weak or speech_slurred_or_words_wrong)
    onset_hours <= 72 and onset_speed is hours_to_3d and forehead_moves_normally is no
    cannot_close_eye and not has_eye_protection_plan
    unknown in {forehead_moves_normally, onset_speed}

A bare name holds when the finding is "yes". `not` holds when its term is not known to hold, so an unknown finding is
never taken for a reassuring "no"; who wants an explicit "no" writes `is no`. `and` beside `or` needs brackets.

A condition is read against what is known and against what may still be asked (`open`): it then surely holds, surely
fails, or is not decided. With nothing open every condition is decided.
"""

import re
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Protocol

type Value = str | float
"""A finding's value: `yes`, `no`, one of its choices, or a number."""

HOLDS, FAILS = 1, 2
UNDECIDED = HOLDS | FAILS
"""What a condition may turn out to be, as bits."""

type _Read = Callable[[Mapping[str, Value], Set[str]], int]

_TOKEN = re.compile(r"\s*(?:(?P<name>[a-z][a-z0-9_]*|[A-Z])|(?P<number>\d+(?:\.\d+)?)|(?P<sign><=|>=|[<>(){},]))")
_WORDS = {"and", "or", "not", "is", "in", "unknown"}
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


class NotACondition(ValueError):
    """The text can't be read; the message says where and what to write instead."""


class Known(Protocol):
    """What a condition may speak of: `kind` is `yes_no`, `choice` or `number`; `values` are a choice's."""

    @property
    def kind(self) -> str:
        """`yes_no`, `choice` or `number`."""

    @property
    def values(self) -> tuple[str, ...]:
        """The choices."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition, read. `names` are the findings that it speaks of, in their order."""

    text: str
    names: tuple[str, ...]
    _read: _Read

    def on(self, known: Mapping[str, Value], open_: Set[str] = frozenset()) -> int:
        """What the condition may turn out to be: `HOLDS`, `FAILS` or, while an answer is awaited, `UNDECIDED`.

        Args:
            known: the findings that are known; what is not here is unknown.
            open_: unknown findings that may still be asked.
        """
        return self._read(known, open_)


def parse(text: str, findings: Mapping[str, Known], constants: Mapping[str, Value] | None = None) -> Condition:
    """Read a condition.

    Args:
        text: the condition.
        findings: what it may speak of.
        constants: names that stand for a fixed value (the policy switches).

    Raises:
        NotACondition: a word, a finding or a value is not known, or a bracket is missing.
    """
    reader = _Reader(text, findings, constants or {})
    read = reader.whole()
    return Condition(text, tuple(dict.fromkeys(reader.names)), read)


class _Reader:
    def __init__(self, text: str, findings: Mapping[str, Known], constants: Mapping[str, Value]) -> None:
        self._text, self._findings, self._constants = text, findings, constants
        self._tokens = _tokens(text)
        self._at = 0
        self.names: list[str] = []

    def whole(self) -> _Read:
        try:
            read = self._sentence()
        except RecursionError:
            raise NotACondition("there are too many brackets or `not` within each other. Write it flat.") from None
        if (left := self._peek()) is not None:
            raise NotACondition(f"'{left}' is not expected here. Join two terms with `and` or `or`.")
        return read

    def _sentence(self) -> _Read:
        terms, joint = [self._term()], self._peek()
        while self._peek() in ("and", "or"):
            if self._peek() != joint:
                raise NotACondition("`and` stands beside `or`. Put brackets around what belongs together.")
            self._next()
            terms.append(self._term())
        if len(terms) == 1:
            return terms[0]
        return _all_of(tuple(terms)) if joint == "and" else _any_of(tuple(terms))

    def _term(self) -> _Read:
        word = self._next()
        if word == "not":
            return _negated(self._term())
        if word == "(":
            inner = self._sentence()
            self._expect(")")
            return inner
        if word == "unknown":
            self._expect("in")
            return _any_of(tuple(_unknown(self._finding(name)) for name in self._set()))
        if word in self._constants:
            return self._constant(word)
        return self._about(self._finding(word))

    def _about(self, name: str) -> _Read:
        following = self._peek()
        if following in _COMPARE:
            if self._findings[name].kind != "number":
                raise NotACondition(f"'{name}' is not a number, so '{following}' has no meaning here.")
            sign = self._next()
            return _compared(name, _COMPARE[sign], self._number())
        if following == "is":
            self._next()
            denied = self._peek() == "not"
            if denied:
                self._next()
            value = self._next()
            if value == "unknown":
                return _negated(_unknown(name)) if denied else _unknown(name)
            read = _one_of(name, frozenset({self._value(name, value)}))
            return _negated(read) if denied else read
        if following == "in":
            self._next()
            return _one_of(name, frozenset(self._value(name, value) for value in self._set()))
        if self._findings[name].kind != "yes_no":
            raise NotACondition(f"'{name}' is not a yes/no finding. Write what it should be, as in `{name} is ...`.")
        return _one_of(name, frozenset({"yes"}))

    def _constant(self, name: str) -> _Read:
        self._expect("is")
        wanted, value = self._next(), self._constants[name]
        result = HOLDS if wanted == value else FAILS
        return lambda known, open_: result

    def _number(self) -> float:
        token = self._next()
        value = self._constants.get(token, token)
        try:
            return float(value)
        except ValueError:
            raise NotACondition(f"a number is expected here, not '{token}'.") from None

    def _set(self) -> list[str]:
        self._expect("{")
        values = [self._next()]
        while self._peek() == ",":
            self._next()
            values.append(self._next())
        self._expect("}")
        return values

    def _finding(self, name: str) -> str:
        if name in _WORDS or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise NotACondition(f"a finding is expected, not '{name}'.")
        if name not in self._findings:
            raise NotACondition(f"there is no finding '{name}'. Add it to findings.yml, or mend the name.")
        self.names.append(name)
        return name

    def _value(self, name: str, value: str) -> str:
        finding = self._findings[name]
        allowed = ("yes", "no") if finding.kind == "yes_no" else finding.values
        if value not in allowed:
            shown = ", ".join(allowed) or "a number, compared with < or >="
            raise NotACondition(f"'{name}' is never '{value}'. It may be: {shown}.")
        return value

    def _peek(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next(self) -> str:
        token = self._peek()
        if token is None:
            raise NotACondition("the condition ends too early.")
        self._at += 1
        return token

    def _expect(self, wanted: str) -> None:
        token = self._peek()
        if token != wanted:
            raise NotACondition(f"'{wanted}' is expected, not {f"'{token}'" if token else 'the end'}.")
        self._at += 1


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise NotACondition(
                f"'{text[at:].split()[0]}' can't be read. Use findings, and, or, not, is, in, < <= > >=."
            )
        tokens.append(match.group().strip())
        at = match.end()
    return tokens


def _unsettled(name: str, open_: Set[str]) -> int:
    """What a term about an unknown finding may be: anything while it can be asked, not so after."""
    return UNDECIDED if name in open_ else FAILS


def _one_of(name: str, values: frozenset[str]) -> _Read:
    def read(known: Mapping[str, Value], open_: Set[str]) -> int:
        value = known.get(name)
        if value is None:
            return _unsettled(name, open_)
        return HOLDS if value in values else FAILS

    return read


def _compared(name: str, compare: Callable[[float, float], bool], limit: float) -> _Read:
    def read(known: Mapping[str, Value], open_: Set[str]) -> int:
        value = known.get(name)
        if value is None:
            return _unsettled(name, open_)
        return HOLDS if compare(float(value), limit) else FAILS

    return read


def _unknown(name: str) -> _Read:
    def read(known: Mapping[str, Value], open_: Set[str]) -> int:
        if name in known:
            return FAILS
        return UNDECIDED if name in open_ else HOLDS

    return read


def _negated(term: _Read) -> _Read:
    swapped = {HOLDS: FAILS, FAILS: HOLDS, UNDECIDED: UNDECIDED}

    def read(known: Mapping[str, Value], open_: Set[str]) -> int:
        return swapped[term(known, open_)]

    return read


def _all_of(terms: tuple[_Read, ...]) -> _Read:
    def read(known: Mapping[str, Value], open_: Set[str]) -> int:
        undecided = False
        for term in terms:
            result = term(known, open_)
            if result == FAILS:
                return FAILS
            undecided = undecided or result == UNDECIDED
        return UNDECIDED if undecided else HOLDS

    return read


def _any_of(terms: tuple[_Read, ...]) -> _Read:
    def read(known: Mapping[str, Value], open_: Set[str]) -> int:
        undecided = False
        for term in terms:
            result = term(known, open_)
            if result == HOLDS:
                return HOLDS
            undecided = undecided or result == UNDECIDED
        return UNDECIDED if undecided else FAILS

    return read

"""When a rule holds, in words for a therapist: made from its condition, so that the words and the rule never differ.

What the rules' authors noted beside a rule is not shown here.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.knowledge.library import Source
from bot.referral.bands import BandRule
from bot.triage.rules import Rules

_TOKEN = re.compile(r"[a-z][a-z0-9_]*|[A-Z]|\d+(?:\.\d+)?|<=|>=|[<>(){},]")
_COMPARED = {"<": "under {}", "<=": "{} at most", ">": "over {}", ">=": "{} at least"}
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_UNSOURCED = {
    "GMK": "general medical knowledge",
    "DES": "a decision of this program's design",
    "DAGGER": "a recalled figure",
}

type _Named = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Reason:
    """What a rule says: when it holds, in words, each line a part that must be so, and where that comes from."""

    lines: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True)
class _Group:
    """Terms that hold together (`and`), or of which one is enough (`or`)."""

    joint: str
    terms: tuple["str | _Group", ...]


def reasons(
    rules: Rules, own_rules: Iterable[BandRule], sources: Mapping[str, Source], finding: _Named, value: _Named
) -> Mapping[str, Reason]:
    """What every rule says, by its id: the triage rules from their conditions, the bands' own in their own words.

    Args:
        rules: the triage rules.
        own_rules: the bands' own.
        sources: what they cite, by key.
        finding: a finding's name in words.
        value: a value in words.
    """
    fixed = {name: str(each.value) for name, each in rules.policy.items() if each.used_in == "rules"}
    told = {
        each.id: Reason(
            in_words(each.condition, finding, value, fixed), _source(each.sources, each.provenance, sources)
        )
        for each in rules.by_id.values()
    }
    own = {each.id: Reason((each.why,), _source(each.sources, each.provenance, sources)) for each in own_rules}
    return {**told, **own}


def in_words(condition: str, finding: _Named, value: _Named, fixed: Mapping[str, str]) -> tuple[str, ...]:
    """A condition in words: lines that must all be so. What a switch settles is left out.

    Args:
        condition: as it stands in the rules; it has been read before, so it is well-formed.
        finding: a finding's name in words.
        value: a value in words.
        fixed: the values of the switches.
    """
    whole = _Reader(_TOKEN.findall(condition), finding, value, fixed).sentence()
    if not whole:
        return ("Always.",)
    parts = whole.terms if isinstance(whole, _Group) and whole.joint == "and" else (whole,)
    lines = [_said(each) for each in parts]
    return tuple(f"{line[:1].upper()}{line[1:]}" for line in lines)


def _said(term: "str | _Group", *, is_inside: bool = False) -> str:
    if isinstance(term, str):
        return term
    if term.joint == "and":
        return " together with ".join(_said(each, is_inside=True) for each in term.terms)
    told = f"one of: {'; '.join(_said(each, is_inside=True) for each in term.terms)}"
    return f"({told})" if is_inside else told


class _Reader:
    """Reads the terms of a condition that the rules' own reader has accepted."""

    def __init__(self, tokens: Sequence[str], finding: _Named, value: _Named, fixed: Mapping[str, str]) -> None:
        self._tokens, self._at = list(tokens), 0
        self._finding, self._value, self._fixed = finding, value, fixed

    def sentence(self) -> "str | _Group | None":
        """The terms up to a bracket or the end; None when a switch has settled that they hold."""
        terms, joint = [self._term()], "and"
        while self._peek() in ("and", "or"):
            joint = self._next()
            terms.append(self._term())
        left = [each for each in terms if each is not None and each != ""]
        if joint == "or" and None in terms:
            return None
        if not left:
            return None if joint == "and" else ""
        return left[0] if len(left) == 1 else _Group(joint, tuple(left))

    def _term(self) -> "str | _Group | None":
        word = self._next()
        if word == "(":
            inner = self.sentence()
            self._next()
            return inner
        if word == "not":
            return self._denied()
        if word == "unknown":
            self._next()
            names = [_small(self._finding(name)) for name in self._set()]
            return _Group("or", tuple(f"{name}: not known" for name in names))
        if word in self._fixed:
            self._next()
            return None if self._next() == self._fixed[word] else ""
        return self._about(word)

    def _denied(self) -> "str | _Group | None":
        if self._peek() == "(":
            self._next()
            inner = self.sentence()
            self._next()
            return f"not known: {_said(inner)}" if inner else inner
        word = self._next()
        name = _small(self._finding(word))
        if self._peek() in _COMPARED:
            sign = self._next()
            return f"{name}: {_COMPARED[_OPPOSITE[sign]].format(self._number())}, or not known"
        if self._peek() in ("is", "in"):
            return f"not known: {self._about(word)}"
        return f"{name}: no, or not known"

    def _about(self, word: str) -> str:
        name, following = _small(self._finding(word)), self._peek()
        if following in _COMPARED:
            return f"{name}: {_COMPARED[self._next()].format(self._number())}"
        if following == "is":
            self._next()
            is_denied = self._peek() == "not"
            if is_denied:
                self._next()
            given = self._next()
            if given == "unknown":
                return f"{name}: {'known' if is_denied else 'not known'}"
            if is_denied:
                return f"{name}: not ruled out" if given == "no" else f"{name}: not {_small(self._value(given))}"
            return f"{name}: {self._value(given)}"
        if following == "in":
            self._next()
            values = [_small(self._value(each)) for each in self._set()]
            return f"{name}: {', '.join(values[:-1])}{' or ' if len(values) > 1 else ''}{values[-1]}"
        return name

    def _number(self) -> str:
        token = self._next()
        return self._fixed.get(token, token)

    def _set(self) -> list[str]:
        self._next()
        values = [self._next()]
        while self._peek() == ",":
            self._next()
            values.append(self._next())
        self._next()
        return values

    def _peek(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]


def _small(name: str) -> str:
    """A name inside a sentence; one that begins with a name or an abbreviation keeps its capital."""
    first = name.split()[0] if name else ""
    keeps = (
        first[1:2].isupper()
        or first[:1].isdigit()
        or first in ("House-Brackmann", "Lyme", "Ramsay", "Bell's", "Guillain-Barré")
    )
    return name if keeps else f"{name[:1].lower()}{name[1:]}"


def _source(keys: Sequence[str], provenance: Sequence[str], sources: Mapping[str, Source]) -> str:
    cited = [sources[key].cited() if key in sources else key for key in keys]
    unsourced = [_UNSOURCED[mark] for mark in provenance if mark in _UNSOURCED]
    also = f"{' and '.join(unsourced)}; no clinician has checked it" if unsourced else ""
    return "; ".join([*cited, *([also] if also else [])]) or "none cited"

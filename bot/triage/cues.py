"""The cues: which words of a message point to which finding, as clinicians keep them in `content/triage/cues.yml`."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from bot.content_file import ContentError, Lines, Strict, read
from bot.triage.pattern import Language, Pattern, PatternError
from bot.triage.rules import Disposition, Finding, Provenance, Rule

type Strength = Literal["certain", "possible", "same_day", "note"]
type Context = Literal[
    "negation", "past", "others", "question", "hypothetical", "explained", "figurative", "long_standing", "elsewhere"
]  # fmt: skip


class _Cue(Strict):
    id: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    finding: str
    value: str = "yes"
    kind: Literal["emergency", "crisis"] = "emergency"
    family: str
    level: Strength
    rules: tuple[str, ...] = ()
    patterns: Annotated[tuple[str, ...], Field(min_length=1)]
    unless: tuple[str, ...] = ()
    unless_anywhere: tuple[str, ...] = ()
    softer_if: tuple[str, ...] = ()
    ignores: tuple[Context, ...] = ()
    provenance: Annotated[tuple[Provenance, ...], Field(min_length=1)]

    @property
    def every_pattern(self) -> tuple[str, ...]:
        return (*self.patterns, *self.unless, *self.unless_anywhere, *self.softer_if)


class _Combination(Strict):
    id: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    all: Annotated[tuple[str, ...], Field(min_length=1)]
    any: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    family: str
    level: Literal["certain", "possible", "same_day"]
    rules: Annotated[tuple[str, ...], Field(min_length=1)]
    provenance: Annotated[tuple[Provenance, ...], Field(min_length=1)]


class _Contexts(Strict):
    """The patterns by which a clause is understood. What each one does is written beside it in the file."""

    negation: tuple[str, ...]
    negation_of_clause: tuple[str, ...]
    no_negation: tuple[str, ...]
    negation_after: tuple[str, ...]
    turn: tuple[str, ...]
    subject: tuple[str, ...]
    present: tuple[str, ...]
    now: tuple[str, ...]
    past: tuple[str, ...]
    went: tuple[str, ...]
    personal: tuple[str, ...]
    carer: tuple[str, ...]
    distant: tuple[str, ...]
    hearsay: tuple[str, ...]
    question: tuple[str, ...]
    no_question: tuple[str, ...]
    hypothetical: tuple[str, ...]
    fear: tuple[str, ...]
    ever: tuple[str, ...]
    no_hypothetical: tuple[str, ...]
    explained: tuple[str, ...]
    long_standing: tuple[str, ...]
    worse: tuple[str, ...]
    figurative: tuple[str, ...]
    elsewhere: tuple[str, ...]


class _CuesFile(Strict):
    version: Annotated[str, Field(pattern=r"^\d{4}\.\d+$")]
    words: dict[Annotated[str, Field(pattern=r"^[a-z_]+$")], tuple[str, ...]]
    expansions: dict[str, str]
    phrases: dict[str, str] = Field(default_factory=dict)
    gap_stops: tuple[str, ...]
    contexts: _Contexts
    cues: Annotated[tuple[_Cue, ...], Field(min_length=1)]
    combinations: tuple[_Combination, ...] = ()


type Compiled = tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class Cue:
    """Words that point to one finding, how sure they make us, and which contexts don't weaken them."""

    id: str
    finding: str
    value: str
    kind: Literal["emergency", "crisis"]
    family: str
    level: Strength
    rules: tuple[str, ...]
    disposition: Disposition | None
    patterns: Compiled
    unless: Compiled
    unless_anywhere: Compiled
    softer_if: Compiled
    ignores: frozenset[str]


@dataclass(frozen=True, slots=True)
class Combination:
    """Findings that mean more together than each alone."""

    id: str
    all: tuple[str, ...]
    any: tuple[str, ...]
    none: tuple[str, ...]
    family: str
    level: Literal["certain", "possible", "same_day"]
    rules: tuple[str, ...]
    disposition: Disposition | None


@dataclass(frozen=True, slots=True)
class Cues:
    """Everything of `cues.yml`, checked and ready to match."""

    version: str
    language: Language
    contexts: Mapping[str, Compiled]
    cues: tuple[Cue, ...]
    combinations: tuple[Combination, ...]


def load_cues(
    path: Path, findings: Mapping[str, Finding], rules: Mapping[str, Rule], lookalikes: frozenset[str]
) -> Cues:
    """The cues of the file, checked against the findings and the rules.

    Args:
        path: `content/triage/cues.yml`.
        findings: the dictionary of findings, by name.
        rules: the rules, by id.
        lookalikes: English words that are never read as a slip for another.

    Raises:
        ContentError: the file is malformed; a cue names a finding, value, rule or word set that doesn't exist;
            a pattern is empty or not in the language.
    """
    file, lines = read(path, _CuesFile)
    _check_names(file, lines, findings, rules)
    contexts = {name: getattr(file.contexts, name) for name in _Contexts.model_fields}
    language = Language(file.words, file.expansions, file.gap_stops, lookalikes, file.phrases)
    try:
        language.learn(
            [
                *(pattern for patterns in contexts.values() for pattern in patterns),
                *(pattern for cue in file.cues for pattern in cue.every_pattern),
            ]
        )
        language.characters(file.gap_stops)
        for name, members in file.words.items():
            _compiled(language, lines, members, "words", name)
    except PatternError as error:
        raise ContentError.at(path, None, str(error)) from None
    return Cues(
        version=file.version,
        language=language,
        contexts={name: _compiled(language, lines, patterns, "contexts", name) for name, patterns in contexts.items()},
        cues=tuple(
            Cue(
                id=cue.id,
                finding=cue.finding,
                value=cue.value,
                kind=cue.kind,
                family=cue.family,
                level=cue.level,
                rules=cue.rules,
                disposition=worst(rules[rule].disposition for rule in cue.rules),
                patterns=_compiled(language, lines, cue.patterns, "cues", index, "patterns"),
                unless=_compiled(language, lines, cue.unless, "cues", index, "unless"),
                unless_anywhere=_compiled(language, lines, cue.unless_anywhere, "cues", index, "unless_anywhere"),
                softer_if=_compiled(language, lines, cue.softer_if, "cues", index, "softer_if"),
                ignores=frozenset(cue.ignores),
            )
            for index, cue in enumerate(file.cues)
        ),
        combinations=tuple(
            Combination(
                id=each.id,
                all=each.all,
                any=each.any,
                none=each.none,
                family=each.family,
                level=each.level,
                rules=each.rules,
                disposition=worst(rules[rule].disposition for rule in each.rules),
            )
            for each in file.combinations
        ),
    )


def worst(dispositions: Iterable[Disposition]) -> Disposition | None:
    """The most urgent of some dispositions; None when there is none."""
    return max(dispositions, key=lambda disposition: disposition.rank, default=None)


def _compiled(language: Language, lines: Lines, patterns: Iterable[str], *place: str | int) -> Compiled:
    compiled: list[Pattern] = []
    for index, pattern in enumerate(patterns):
        try:
            compiled.extend(language.compile([pattern]))
        except PatternError as error:
            raise lines.error(f"{_named(lines, place)}{error}", *place, index) from None
    return tuple(compiled)


def _named(lines: Lines, place: tuple[str | int, ...]) -> str:
    return f"in {' > '.join(str(part) for part in place)}: "


def _check_names(file: _CuesFile, lines: Lines, findings: Mapping[str, Finding], rules: Mapping[str, Rule]) -> None:
    seen: set[str] = set()
    sections: list[tuple[str, tuple[_Cue | _Combination, ...]]] = [
        ("cues", file.cues),
        ("combinations", file.combinations),
    ]
    for section, entries in sections:
        for index, entry in enumerate(entries):
            if entry.id in seen:
                problem = f"the cue id '{entry.id}' is used twice. Give one of them another id."
                raise lines.error(problem, section, index)
            seen.add(entry.id)
            for rule in entry.rules:
                if rule not in rules:
                    problem = f"cue '{entry.id}' names the rule {rule}, which rules.yml doesn't have."
                    raise lines.error(f"{problem} {_meant(rule, rules)}", section, index, "rules")
            named = [entry.finding] if isinstance(entry, _Cue) else [*entry.all, *entry.any, *entry.none]
            cues = set() if isinstance(entry, _Cue) else {cue.id for cue in file.cues}
            for finding in named:
                if finding not in findings and finding not in cues:
                    problem = f"cue '{entry.id}' names the finding '{finding}', which findings.yml doesn't have."
                    key = "finding" if isinstance(entry, _Cue) else "id"
                    raise lines.error(f"{problem} {_meant(finding, findings)}", section, index, key)
            if entry.level != "note" and not entry.rules:
                problem = f"cue '{entry.id}' has the level '{entry.level}' but no rule. Name a rule, or make it a note."
                raise lines.error(problem, section, index)
            if isinstance(entry, _Cue) and not findings[entry.finding].allows(entry.value):
                problem = f"cue '{entry.id}' gives '{entry.finding}' the value '{entry.value}', which it can't have."
                raise lines.error(f"{problem} See the finding in findings.yml.", section, index, "value")


def _meant(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"Did you mean '{near[0]}'?" if near else "Add it there, or name another."

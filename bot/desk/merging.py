"""Two referrals of one patient as one: which fields differ, whose value stands, and how the whole is sorted. Pure.

Nothing that worries is lost by it: of two answers the worse stands, a doubt stands before a reassuring "no", and what
nobody stated never takes a value away. What is choosable, a person chooses.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Literal

from bot.desk.findings_form import WrongField
from bot.desk.sorting import Sorter
from bot.referral.record import UNSURE, Proposed, Referral
from bot.store.referrals import OPEN, Kept, Override, Sorting, State
from bot.triage.rules import Finding

type Whose = Literal["kept", "other"]
type Why = Literal["only", "worse", "earlier", "chosen", "both"]
"""Why a value stands: only one has it, it is the worse or the earlier, somebody chooses, or both stand."""

_SHOWN: tuple[Why, ...] = ("chosen", "worse", "earlier", "only", "both")
_AUTHORS = ("person", "patient", "letter")


@dataclass(frozen=True, slots=True)
class Field:
    """A field that the two tell differently. `name` of a finding is `f.` and its own name.

    `stands` says whose value it is that stands; None: both.
    """

    name: str
    kept: Any
    other: Any
    stands: Whose | None
    why: Why


@dataclass(frozen=True, slots=True)
class Together:
    """What the two become. `is_less_urgent`: more urgent apart than together, which a person must look at.

    `own_band_ends`: a clinician's band would make them less urgent than one of them was, so it counts no more.
    """

    fields: tuple[Field, ...]
    referral: Referral
    sorting: Sorting
    override: Override | None
    patient_ref: str
    referrer: str
    state: State
    booked_for: datetime | None
    assigned_to: int | None
    is_less_urgent: bool
    own_band_ends: bool


def together(kept: Kept, other: Kept, sorter: Sorter, today: date, chosen: Mapping[str, str] | None = None) -> Together:
    """What two referrals become when one stays and the other goes into it.

    Args:
        kept: the one that stays.
        other: the one that goes into it.
        sorter: sorts, and knows the findings.
        today: the clinic's day.
        chosen: whose value stands, by the field's name, where that may be chosen.

    Raises:
        WrongField: a choice is neither of the two.
    """
    weighing = _Weighing(chosen or {})
    one, two = kept.referral, other.referral
    referral = Referral(
        received=min(one.received, two.received),
        written=weighing.choose("written", one.written, two.written),
        onset=weighing.choose("onset", one.onset, two.onset, first="other" if _surer(two, one) else "kept"),
        side=weighing.choose("side", one.side, two.side),
        cause=weighing.choose("cause", one.cause, two.cause),
        grade=weighing.choose("grade", one.grade, two.grade, first=_worse(one.grade, two.grade, str.__gt__)),
        sunnybrook=weighing.choose(
            "sunnybrook", one.sunnybrook, two.sunnybrook, first=_worse(one.sunnybrook, two.sunnybrook, float.__lt__)
        ),
        fdi=weighing.choose("fdi", one.fdi, two.fdi, first=_worse(one.fdi, two.fdi, float.__lt__)),
        goals=weighing.both("goals", one.goals, two.goals, "\n\n"),
        text=weighing.both("letter", one.text, two.text, f"\n\nFrom referral {other.id}:\n\n") or "",
    )
    if one.received != two.received:
        first: Whose = "kept" if one.received < two.received else "other"
        weighing.fields.append(Field("received", one.received, two.received, first, "earlier"))
    of = {"kept": one, "other": two}
    whose = {each.name: each.stands for each in weighing.fields}
    exact = {"kept": one.onset_is_exact, "other": two.onset_is_exact}
    onset_is_exact = exact[whose.get("onset") or "kept"]
    if "onset" not in whose and one.onset is not None:
        onset_is_exact = one.onset_is_exact or two.onset_is_exact
    quotes = dict(two.quotes) | dict(one.quotes)
    for name, stands in whose.items():
        if stands is not None and name in quotes:
            del quotes[name]
            if quote := of[stands].quotes.get(name):
                quotes[name] = quote
    findings, soft = _findings(weighing, one.findings, two.findings, sorter.findings)
    referral = replace(
        referral,
        onset_is_exact=onset_is_exact,
        quotes=MappingProxyType(quotes),
        findings=MappingProxyType(findings),
    )
    patient_ref = weighing.choose("reference", kept.patient_ref, other.patient_ref)
    referrer = weighing.choose("referrer", kept.referrer or None, other.referrer or None)
    weighing.check()
    referral, sorting, override, is_less, ends = _sorted(kept, other, referral, soft, sorter, today)
    moves = other.state == "booked" and kept.state in ("new", "waiting")
    return Together(
        fields=tuple(sorted(weighing.fields, key=lambda each: _SHOWN.index(each.why))),
        referral=referral,
        sorting=sorting,
        override=override,
        patient_ref=patient_ref or "",
        referrer=referrer or "",
        state="booked" if moves else kept.state,
        booked_for=other.booked_for if moves else kept.booked_for,
        assigned_to=kept.assigned_to or other.assigned_to,
        is_less_urgent=is_less,
        own_band_ends=ends,
    )


def may_stay(kept: Kept, other: Kept) -> bool:
    """Whether a referral may be the one that stays: a closed one never swallows one that is open."""
    return kept.state in OPEN or other.state not in OPEN


class _Weighing:
    """What differs, and what was chosen of it."""

    def __init__(self, chosen: Mapping[str, str]) -> None:
        self.fields: list[Field] = []
        self._chosen = dict(chosen)

    def choose[T](self, name: str, one: T | None, two: T | None, *, first: Whose = "kept") -> T | None:
        """The value that stands; of two that differ the chosen one, else the first."""
        if one == two:
            return one
        if one is None or two is None:
            stands: Whose = "other" if one is None else "kept"
            self.fields.append(Field(name, one, two, stands, "only"))
            return two if one is None else one
        told = self._chosen.pop(name, first)
        if told not in ("kept", "other"):
            raise WrongField(name)
        self.fields.append(Field(name, one, two, "kept" if told == "kept" else "other", "chosen"))
        return one if told == "kept" else two

    def both(self, name: str, one: str | None, two: str | None, joint: str) -> str | None:
        """Free text: nothing of it is lost."""
        if not one or not two or one == two:
            if (one or "") != (two or ""):
                self.fields.append(Field(name, one or None, two or None, "kept" if one else "other", "only"))
            return one or two
        self.fields.append(Field(name, one, two, None, "both"))
        return f"{one}{joint}{two}"

    def check(self) -> None:
        """Refuse a choice where there was nothing to choose."""
        for name in self._chosen:
            raise WrongField(name)


def _findings(
    weighing: _Weighing, one: Mapping[str, Proposed], two: Mapping[str, Proposed], known: Mapping[str, Finding]
) -> tuple[dict[str, Proposed], list[str]]:
    """The findings of both; and those that reassure, and that only one of the two states."""
    stated: dict[str, Proposed] = {}
    soft = []
    for name in dict.fromkeys((*one, *two)):
        here, there = one.get(name), two.get(name)
        finding = known.get(name)
        if finding is not None and finding.worse == "neither" and finding.kind == "yes_no" and here != there:
            soft.append(name)
        if here is None or there is None:
            single = here or there
            if single is not None:
                stated[name] = single
                value_of = (here.value if here else None), (there.value if there else None)
                weighing.fields.append(Field(f"f.{name}", *value_of, "kept" if here else "other", "only"))
            continue
        if here.value == there.value:
            stated[name] = min(here, there, key=lambda each: _AUTHORS.index(each.by))
            continue
        if finding is not None and finding.kind == "yes_no" and finding.worse != "neither":
            worse = max(here, there, key=lambda each: _weight(each.value, finding.worse))
            stands: Whose = "kept" if worse is here else "other"
            weighing.fields.append(Field(f"f.{name}", here.value, there.value, stands, "worse"))
            stated[name] = worse
        elif UNSURE in (here.value, there.value):
            sure = there if here.value == UNSURE else here
            stands = "kept" if sure is here else "other"
            weighing.fields.append(Field(f"f.{name}", here.value, there.value, stands, "only"))
            stated[name] = sure
        else:
            first: Whose = "other" if there.by == "person" and here.by != "person" else "kept"
            value = weighing.choose(f"f.{name}", here.value, there.value, first=first)
            stated[name] = here if value == here.value else there
    return stated, soft


def _sorted(
    kept: Kept, other: Kept, referral: Referral, soft: list[str], sorter: Sorter, today: date
) -> tuple[Referral, Sorting, Override | None, bool, bool]:
    """How the whole is sorted, with the clinician's band that may still count."""
    rank = tuple(sorter.bands).index
    apart = min(rank(sorter.sort(each.referral, today).machine_band) for each in (kept, other))
    sorting = sorter.sort(referral, today)
    if rank(sorting.machine_band) > apart and soft:
        # What reassures was written of one course of events and may not answer what the other letter tells.
        doubtful = {name: Proposed(UNSURE) for name in soft}
        doubted = replace(referral, findings=MappingProxyType({**referral.findings, **doubtful}))
        again = sorter.sort(doubted, today)
        if rank(again.machine_band) < rank(sorting.machine_band):
            referral, sorting = doubted, again
    is_less = rank(sorting.machine_band) > apart
    own = [each.override for each in (kept, other) if each.override is not None]
    override = min(own, key=lambda each: rank(each.band)) if own else None
    ends = False
    if override is not None:
        with_own = sorter.sort(referral, today, override)
        ends = rank(with_own.band) > rank(sorting.band) and not _saw_all(override, sorting)
        override, sorting = (None, sorting) if ends else (override, with_own)
    return referral, sorting, override, is_less, ends


def _saw_all(override: Override, sorting: Sorting) -> bool:
    """Whether a clinician had seen every rule that holds now when they chose their band."""
    return {str(rule["id"]) for rule in sorting.machine_rules} <= set(override.saw)


def _weight(value: str, worse: str) -> int:
    return 2 if value == worse else 1 if value == UNSURE else 0


def _worse[T](one: T | None, two: T | None, is_worse: Callable[[T, T], bool]) -> Whose:
    return "other" if one is not None and two is not None and is_worse(two, one) else "kept"


def _surer(one: Referral, two: Referral) -> bool:
    return one.onset_is_exact and not two.onset_is_exact

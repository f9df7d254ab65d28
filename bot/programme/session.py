"""A guided session: which exercise, which instruction, what comes next. Pure; its state travels as JSON.

Every move makes a new state with a new `turn`. A button carries the session and the turn it was shown for, so one that
is tapped twice, out of order, from another session or after the end is known as such and changes nothing.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal
from zlib import crc32

from bot.programme.exercise import Exercise, ExerciseLibrary, PickItem, Programme
from bot.programme.gate import Standing, locked_by

LONGEST_S = 360
"""A session is to be done in about five minutes: what would take it over six waits for its turn next time."""
TURNS = 1000
"""Turns are counted up to here, and then from 0: a button has room for three digits."""
RESUMABLE = timedelta(hours=20)
"""A session left open for longer is over; the next one begins anew."""

type Move = Literal["next", "done", "again", "easier", "harder", "skip", "hurts", "stop"]
type Ending = Literal["finished", "stopped", "hurt"]
type Asking = Literal["", "effort", "comfort"]


@dataclass(frozen=True, slots=True)
class Session:
    """A session under way.

    `at` is the exercise (an index of `items`), `step` its instruction; one past the last instruction is the practice,
    with its count. `eased` are those made smaller. `replaced` are smaller exercises that were taken, each with the one
    in whose place it stands. `asking`: the score that is asked at the end.
    """

    id: str
    programme: str
    stage: str
    began: str
    moved: str
    items: tuple[str, ...]
    at: int = 0
    step: int = 0
    turn: int = 0
    eased: tuple[str, ...] = ()
    replaced: tuple[tuple[str, str], ...] = ()
    done: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    asking: Asking = ""
    effort: int | None = None
    comfort: int | None = None

    def exercise(self, library: ExerciseLibrary) -> Exercise:
        """The exercise that is due."""
        return library.exercises[self.items[self.at]]

    def is_practice(self, library: ExerciseLibrary) -> bool:
        """Whether all instructions were given, and it is being done."""
        return self.step >= len(self.exercise(library).steps)

    @property
    def is_smaller(self) -> bool:
        """Whether the exercise that is due is smaller than the programme's own."""
        here = self.items[self.at]
        return here in self.eased or any(here == smaller for smaller, _ in self.replaced)

    def is_open(self, now: datetime) -> bool:
        """Whether it can still be gone on with."""
        return now - datetime.fromisoformat(self.moved) < RESUMABLE


@dataclass(frozen=True, slots=True)
class Moved:
    """The session after a move; `ended` says how it is over, None while it goes on."""

    session: Session
    ended: Ending | None = None


@dataclass(frozen=True, slots=True)
class Lead:
    """What chooses where a programme leaves a choice. It never opens anything.

    `region` is the one that the person named for this time. `weights` are by region and by exercise, from what they
    answered: the higher, the sooner it comes.
    """

    region: str | None = None
    weights: Mapping[str, int] = field(default_factory=dict)

    def of(self, exercise: Exercise, by: str) -> tuple[bool, int]:
        """How much an exercise is wanted in a pick: by `saq`, by `region`, or in `turn`."""
        wanted = {"saq": exercise.id, "region": exercise.region}.get(by, "")
        return exercise.region == self.region, self.weights.get(wanted, 0)


def begin(
    programme: Programme,
    library: ExerciseLibrary,
    standing: Standing,
    *,
    id_: str,
    now: datetime,
    count: int,
    smaller: tuple[str, ...] = (),
    lead: Lead | None = None,
    as_it_stands: bool = False,
) -> Session | None:
    """A new session of what is open today; None when nothing is.

    Args:
        programme: the programme of the person's stage.
        library: all exercises.
        standing: what is known of the person.
        id_: a name for the session, of its own.
        now: when it begins, aware.
        count: how many sessions came before: picks take their turns by it.
        smaller: exercises that were hard or skipped last time; they come smaller, and last.
        lead: what chooses among the open exercises of a pick; without it they take turns.
        as_it_stands: all of it, in its own order: somebody chose just that.
    """
    today, lead = now.date(), lead or Lead()
    items = list(_picked(programme, library, standing, today, count, lead))
    if not as_it_stands:
        items = _short(items, library, smaller, count, lead)
        items.sort(key=lambda each: each in smaller)
    if not items:
        return None
    eased = tuple(each for each in items if each in smaller)
    return Session(
        id=id_,
        programme=programme.id,
        stage=programme.stage,
        began=now.isoformat(),
        moved=now.isoformat(),
        items=tuple(items),
        eased=eased,
    )


def _picked(
    programme: Programme, library: ExerciseLibrary, standing: Standing, today: date, count: int, lead: Lead
) -> tuple[str, ...]:
    chosen: list[str] = []
    for item in programme.session:
        of = item.pick.of if isinstance(item, PickItem) else (item,)
        wanted = item.pick.count if isinstance(item, PickItem) else 1
        opened = [each for each in of if not locked_by(library.exercises[each], standing, today)]
        start = (count * wanted) % len(opened) if opened else 0
        turned = [*opened[start:], *opened[:start]]
        if isinstance(item, PickItem):  # those that are wanted alike keep their turns
            by = item.pick.by
            turned.sort(key=lambda each: lead.of(library.exercises[each], by), reverse=True)
        chosen += turned[:wanted]
    return tuple(dict.fromkeys(chosen))


def _short(items: list[str], library: ExerciseLibrary, smaller: tuple[str, ...], count: int, lead: Lead) -> list[str]:
    """As many of the items as fit, in their order: the first always, and two at least.

    Which of the others wait is drawn anew for each session, so that none waits for ever; the region that was named
    waits last.
    """

    def turn(each: str) -> tuple[bool, int]:
        return library.exercises[each].region != lead.region, crc32(f"{each} {count}".encode())

    kept: set[str] = set()
    taken = 0
    for each in [*items[:1], *sorted(items[1:], key=turn)]:
        needs = seconds(library.exercises[each], eased=each in smaller)
        if len(kept) < 2 or taken + needs <= LONGEST_S:
            kept.add(each)
            taken += needs
    return [each for each in items if each in kept]


def move(session: Session, event: Move, library: ExerciseLibrary, now: datetime) -> Moved:
    """The session after what the person did.

    "Done" with an instruction leads to the next one: only a practice is an exercise done.

    Raises:
        ValueError: a score is asked, so there is nothing to practise; it can still be stopped, and can still hurt.
    """
    if session.asking and event not in ("stop", "hurts"):
        raise ValueError("a score is asked: nothing is left to practise")
    moved = _turned(session, now)
    match event:
        case "stop":
            return Moved(moved, "stopped")
        case "hurts":
            return Moved(moved, "hurt")
        case "next" | "done" if not session.is_practice(library):
            return Moved(dataclasses.replace(moved, step=session.step + 1))
        case "next" | "done":
            return Moved(_onward(dataclasses.replace(moved, done=(*session.done, session.items[session.at]))))
        case "skip":
            return Moved(_onward(dataclasses.replace(moved, skipped=(*session.skipped, session.items[session.at]))))
        case "again":
            whole = len(session.exercise(library).steps)
            return Moved(dataclasses.replace(moved, step=whole if session.is_practice(library) else 0))
        case "easier":
            return Moved(_eased(moved, session.exercise(library)))
        case "harder":
            return Moved(_as_before(moved))


def _turned(session: Session, now: datetime) -> Session:
    return dataclasses.replace(session, turn=(session.turn + 1) % TURNS, moved=now.isoformat())


def _onward(session: Session) -> Session:
    if session.at + 1 < len(session.items):
        return dataclasses.replace(session, at=session.at + 1, step=0)
    return dataclasses.replace(session, asking="effort")


def _eased(session: Session, exercise: Exercise) -> Session:
    """Smaller: the same exercise with less, or, when it was smaller already, the smaller one in its place."""
    if exercise.id not in session.eased:
        return dataclasses.replace(session, eased=(*session.eased, exercise.id))
    if exercise.easier_id is None or exercise.easier_id in session.items:
        return session
    replaced = (*session.replaced, (exercise.easier_id, exercise.id))
    return dataclasses.replace(_in_place(session, exercise.easier_id), replaced=replaced)


def _as_before(session: Session) -> Session:
    """One step back from what was made smaller; never beyond the programme's own."""
    here = session.items[session.at]
    if here in session.eased:
        return dataclasses.replace(session, eased=tuple(each for each in session.eased if each != here))
    own = dict(session.replaced).get(here)
    if own is None:
        return session
    replaced = tuple(each for each in session.replaced if each != (here, own))
    return dataclasses.replace(_in_place(session, own), replaced=replaced)


def _in_place(session: Session, exercise: str) -> Session:
    """Another exercise in the place of the one that is due, from its first instruction."""
    items = (*session.items[: session.at], exercise, *session.items[session.at + 1 :])
    return dataclasses.replace(session, items=items, step=0)


def score(session: Session, value: int, now: datetime) -> Moved:
    """The session with the score that was asked: effort first, then comfort.

    Raises:
        ValueError: the score is not 0 to 10, or none was asked.
    """
    if not session.asking or not 0 <= value <= 10:
        raise ValueError("a score is 0 to 10, and only when one was asked")
    moved = _turned(session, now)
    if session.asking == "effort":
        return Moved(dataclasses.replace(moved, effort=value, asking="comfort"))
    return Moved(dataclasses.replace(moved, comfort=value, asking=""), "finished")


def repetitions(exercise: Exercise, *, eased: bool) -> int:
    """How often it is done: sets by repetitions, half of it (at least once) when it was made smaller."""
    often = (exercise.dose.repetitions or 1) * (exercise.dose.sets or 1)
    return max(1, often // 2) if eased else often


def seconds(exercise: Exercise, *, eased: bool) -> int:
    """About how long it takes, reading included."""
    reading = 5 * len(exercise.steps)
    if exercise.dose.minutes is not None:
        return reading + exercise.dose.minutes * (30 if eased else 60)
    each = (exercise.dose.hold_s or 3) + 3
    return reading + repetitions(exercise, eased=eased) * each + (exercise.dose.rest_s or 0)

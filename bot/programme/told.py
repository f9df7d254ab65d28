"""From what is kept of a person to what is told of their progress, and that in words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from bot.pictures.line import number
from bot.programme import diary
from bot.programme.exercise import ExerciseLibrary
from bot.programme.own import CLINICS, OwnProgramme
from bot.programme.progress import Measured, Milestone, Practised, Prescription, Progress, Trend, Week, progress_of
from bot.programme.questionnaire import Questionnaire, Value
from bot.words import Words


@dataclass(frozen=True, slots=True)
class Given:
    """An answered questionnaire: its id, when (aware), its figures by part, its answers by item, and its flag."""

    questionnaire: str
    at: datetime
    parts: Mapping[str, float | None]
    answers: Mapping[str, Value | None]
    flagged: str | None = None


def tell(
    practised: Iterable[Practised],
    given: Iterable[Given],
    *,
    library: ExerciseLibrary,
    questionnaires: Mapping[str, Questionnaire],
    now: datetime,
    zone: str,
    words: Words,
    rest_days: frozenset[date] = frozenset(),
    own: OwnProgramme | None = None,
) -> Progress | None:
    """What is told of a person's progress; None while there is nothing to tell: no session done, and no figure.

    Which figures are told, and what a first "yes" is called, the questionnaires say. A programme that the library does
    not have any more asks for nothing, and so does every day on which exercises were shut.

    Args:
        practised: the diary, whole, in any order.
        given: every answered questionnaire, in any order.
        library: says what each programme asks for.
        questionnaires: by id.
        now: the present moment, aware.
        zone: the IANA zone that the person is in now.
        words: the bot's own words.
        rest_days: local days on which exercises were shut.
        own: the programme that the clinic chose, which asks for its times a day.

    Raises:
        ValueError: a moment carries no zone, or a zone is not one of the IANA.
    """
    practised, in_order = list(practised), sorted(given, key=lambda each: each.at)
    scores = [
        measured
        for questionnaire in questionnaires.values()  # whose order is that of the files, and so the same each time
        for measured in _measured(questionnaire, in_order, zone)
    ]
    milestones = [each for one in questionnaires.values() for each in _milestones(one, in_order, zone)]
    if not scores and not milestones and not any(each.done for each in practised):
        return None
    return progress_of(
        practised,
        scores,
        milestones,
        prescribed={
            **{each.id: Prescription(each.times_a_day, each.days_a_week) for each in library.programmes.values()},
            **({CLINICS: Prescription(own.times_a_day, 7)} if own is not None else {}),
        },
        now=now,
        zone=zone,
        words=words,
        rest_days=rest_days,
    )


def _measured(questionnaire: Questionnaire, given: Sequence[Given], zone: str) -> list[Measured]:
    """The figures of a questionnaire that are told: one after the other, each from the first time to the last."""
    return [
        Measured(
            figure.name,
            diary.local_day(each.at, zone),
            value,
            figure.best,
            figure.worst,
            questionnaire.scoring.meaning,
            questionnaire.status.awaiting_permission,
            each.flagged or "",
        )
        for figure in questionnaire.scoring.figures
        for each in given
        if each.questionnaire == questionnaire.id and (value := each.parts.get(figure.part)) is not None
    ]


def _milestones(questionnaire: Questionnaire, given: Sequence[Given], zone: str) -> list[Milestone]:
    first: dict[str, Milestone] = {}
    for each in given:
        for item in questionnaire.items if each.questionnaire == questionnaire.id else ():
            if item.milestone is not None and each.answers.get(item.id) == "yes":
                first.setdefault(item.id, Milestone(diary.local_day(each.at, zone), item.milestone))
    return list(first.values())


def in_words(progress: Progress, words: Words) -> tuple[str, ...]:
    """The picture's figures in words, a line for each sort; the first is the weeks, the oldest first.

    It weighs nothing: who reads it hears what who sees the picture sees.
    """
    lines: list[str] = []
    if any(each.done or each.planned for each in progress.weeks):
        weeks = [_week(each, words, is_last=each is progress.weeks[-1]) for each in progress.weeks]
        lines.append(words("progress.weeks_in_words", text="; ".join(weeks)))
    if any(each.comfort is not None for each in progress.weeks):
        lines.append(words("progress.comfort_in_words"))
    if progress.milestones:
        told = "; ".join(f"{_day(each.day)} {each.words}" for each in progress.milestones)
        lines.append(words("progress.milestones_in_words", text=told))
    return (*lines, *(_score(each, progress, words) for each in progress.scores))


def _week(week: Week, words: Words, *, is_last: bool) -> str:
    first = words("progress.now_in_words") if is_last else _day(week.first)
    key = "progress.week_of" if week.planned else "progress.week_done"
    told = words(key, first=first, done=week.done, count=week.planned)
    if week.comfort is None:
        return told
    return words("progress.with_comfort", text=told, number=number(week.comfort))


def _score(trend: Trend, progress: Progress, words: Words) -> str:
    how = progress.captions["higher" if trend.higher_is_better else "lower"]
    latest = _value(trend.latest, words)
    if trend.change is None:
        return words("progress.score_once", name=trend.name, number=latest, how=how)
    first = _value(trend.first, words)
    return words("progress.score_twice", name=trend.name, first=first, number=latest, how=how)


def _value(measured: Measured, words: Words) -> str:
    shown = number(measured.value)
    return words("progress.about", number=shown) if measured.flagged else shown


def _day(day: date) -> str:
    return f"{day.day} {day:%b}"

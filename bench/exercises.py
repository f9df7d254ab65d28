"""Measure the pictures and the gates: `python -m bench.exercises` prints JSON and writes docs/exercises.md.

Quote ratios and counts; single times depend on the machine. The ratios are to a blank picture of the same size, drawn
by the same library in between. It takes about a minute. Everything in it is invented.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from bot.gateway.pdf import progress_pdf
from bot.gateway.picture import Pictures, picture_of
from bot.knowledge.library import load_library
from bot.pictures import draw, render
from bot.pictures.face import Shade, Weak
from bot.pictures.progress import draw_progress
from bot.programme.exercise import ExerciseLibrary, load_exercises
from bot.programme.gate import Standing, locked_by, programme_for
from bot.programme.progress import Practised, Progress
from bot.programme.questionnaire import load_questionnaires
from bot.programme.session import begin, seconds
from bot.programme.told import Given, tell
from bot.settings import CONTENT, ROOT
from bot.words import Words

TABLE = ROOT / "docs" / "exercises.md"
NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)
PICTURE_MS, CHART_MS = 200, 500
"""What the pictures may take."""
_SIDES, _GROUNDS = ("left", "right"), ("light", "dark")
_BLANK = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}"><rect width="{0}" height="{1}" fill="#fff"/></svg>'
)

type Json = dict[str, Any]


def _ms(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def _figures(taken: list[float], blank: list[float]) -> Json:
    quantiles = statistics.quantiles(taken, n=20, method="inclusive")
    return {
        "count": len(taken),
        "p50_ms": round(statistics.median(taken), 1),
        "p95_ms": round(quantiles[18], 1),
        "max_ms": round(max(taken), 1),
        "blank_p50_ms": round(statistics.median(blank), 1),
        "of_blank": round(statistics.median(taken) / statistics.median(blank), 2),
    }


def measure_pictures(library: ExerciseLibrary) -> Json:
    """Every exercise, both weak sides, both grounds: drawn and rendered, with a blank one after each."""
    taken, blank = [], []
    empty = _BLANK.format(740, 740)
    for exercise, side, ground in itertools.product(library.exercises.values(), _SIDES, _GROUNDS):
        taken.append(_ms(lambda: render(draw(picture_of(exercise), cast(Weak, side), cast(Shade, ground)))))  # noqa: B023
        blank.append(_ms(lambda: render(empty)))
    return _figures(taken, blank)


async def measure_cached(library: ExerciseLibrary, words: Words, times: int = 200) -> Json:
    """The same picture, asked for again before Telegram has told its id."""
    pictures = Pictures(library, words)
    began = time.perf_counter()
    await pictures.get("EX-13/left")
    first = (time.perf_counter() - began) * 1000
    again = []
    for _ in range(times):
        began = time.perf_counter()
        await pictures.get("EX-13/left")
        again.append((time.perf_counter() - began) * 1000)
    return {"first_ms": round(first, 1), "again_p50_ms": round(statistics.median(again), 4)}


def _progress(library: ExerciseLibrary, words: Words, weeks: int) -> Progress:
    """So many weeks with two sessions a day, all figures each week and every milestone."""
    practised = [
        Practised(NOW - timedelta(hours=12 * n), "Europe/London", "P-S2", "S2", "finished", ("EX-13",), 2, 1 + n % 10)
        for n in range(weeks * 14)
    ]
    questionnaires = load_questionnaires(CONTENT / "questionnaires")
    given = [
        Given(
            each.id,
            NOW - timedelta(weeks=week),
            {figure.part: float(1 + (week + place) % 9) for place, figure in enumerate(each.scoring.figures)},
            {item.id: "yes" for item in each.items if item.milestone is not None},
        )
        for each in questionnaires.values()
        for week in range(weeks)
    ]
    found = tell(
        practised, given, library=library, questionnaires=questionnaires, now=NOW, zone="Europe/London", words=words
    )
    assert found is not None
    return found


def measure_charts(library: ExerciseLibrary, words: Words, times: int = 20) -> Json:
    """The fullest chart, from the diary to the PNG, and the page for an appointment with it."""
    taken, pages, blank = [], [], []
    empty = _BLANK.format(800, 1000)
    for number in range(times):
        ground = _GROUNDS[number % 2]
        taken.append(_ms(lambda: render(draw_progress(_progress(library, words, 12), ground))))  # noqa: B023
        blank.append(_ms(lambda: render(empty)))
    progress = _progress(library, words, 12)
    png = render(draw_progress(progress, "light"))
    for _ in range(times):
        pages.append(_ms(lambda: progress_pdf(progress, png, NOW)))
    return {**_figures(taken, blank), "page_p50_ms": round(statistics.median(pages), 1)}


def measure_gates(library: ExerciseLibrary, times: int = 200) -> Json:
    """All exercises asked of the gates, for somebody of whom little is known (the slowest)."""
    today = NOW.date()
    vague = Standing(assessed=True, cause="bells")
    looks = [_ms(lambda: [locked_by(each, vague, today) for each in library.exercises.values()]) for _ in range(times)]
    return {"all_exercises_p50_ms": round(statistics.median(looks), 3)}


def measure_sessions(library: ExerciseLibrary, sessions: int = 60) -> Json:
    """How long a session is said to take, reading and rests included, over the turns of each programme, in minutes."""
    today = NOW.date()
    known = Standing(
        assessed=True, cause="bells", weeks=20, movement="several", linked=False, operation="none", settled=False
    )
    people: dict[str, Json] = {
        "S0": {"movement": "none"},
        "S2": {},
        "S3": {"linked": True},
        "S4": {"linked": True, "settled": True, "weeks": 60.0},
    }
    found: Json = {}
    for stage, changed in people.items():
        standing = Standing(**{**{name: getattr(known, name) for name in known.__slots__}, **changed})
        programme = programme_for(standing, library, today)
        if programme is None:
            continue
        lengths = []
        for count in range(sessions):
            session = begin(programme, library, standing, id_="abc123", now=NOW, count=count)
            if session is not None:
                lengths.append(sum(seconds(library.exercises[each], eased=False) for each in session.items) / 60)
        found[stage] = {
            "times_a_day": programme.times_a_day,
            "mean_min": round(statistics.fmean(lengths), 1),
            "shortest_min": round(min(lengths), 1),
            "longest_min": round(max(lengths), 1),
        }
    return found


def _table(found: Json) -> str:
    machine, picture, chart, cached = found["machine"], found["pictures"], found["charts"], found["cached"]
    lines = [
        "# Pictures and sessions: what was measured",
        "",
        "Written by `python -m bench.exercises`, on the content as it is, with invented diaries.",
        f"{machine['cores']} cores, Python {machine['python']}. Ratios and counts carry over to other machines, single",
        "times don't. The ratios are to a blank picture of the same size by the same library, in the same run.",
        "",
        "| what | measured | beside a blank one | promised |",
        "|---|---|---|---|",
        f"| a picture of an exercise, p50 of {picture['count']} (all exercises, both sides, both grounds) "
        f"| {picture['p50_ms']} ms | {picture['of_blank']}-fold | < {PICTURE_MS} ms |",
        f"| ... p95, slowest | {picture['p95_ms']} ms, {picture['max_ms']} ms | | < {PICTURE_MS} ms |",
        f"| ... asked for again | {cached['again_p50_ms']} ms | | cached |",
        f"| a progress chart of 12 full weeks, p50 of {chart['count']} "
        f"| {chart['p50_ms']} ms | {chart['of_blank']}-fold | < {CHART_MS} ms |",
        f"| ... p95, slowest | {chart['p95_ms']} ms, {chart['max_ms']} ms | | < {CHART_MS} ms |",
        f"| the page for an appointment with that chart in it, p50 | {chart['page_p50_ms']} ms | | |",
        f"| all {found['exercises']} exercises asked of the gates, p50 "
        f"| {found['gates']['all_exercises_p50_ms']} ms | | |",
        "",
        "Once Telegram has a picture it is sent by Telegram's own id, and not drawn at all.",
        "",
        "## How long a session takes",
        "",
        "As it is told before it begins: reading, holds and rests, at the full dose.",
        "",
        "| stage | times a day | mean | shortest | longest |",
        "|---|---|---|---|---|",
        *(
            f"| {stage} | {each['times_a_day']} | {each['mean_min']} min | {each['shortest_min']} min "
            f"| {each['longest_min']} min |"
            for stage, each in found["sessions"].items()
        ),
        "",
        "The longest ones hold the five minutes of massage and one exercise more: two are the least.",
        "",
        "## What is tested and not timed",
        "",
        "Each run of the tests walks over all 259,200 standings that the gates tell apart, with every exercise. It has",
        "10,000 conversations at random with the session's own state machine, and 120 with the whole dialogue, and",
        "holds what is shown against the gates written a second time. It plays a transcript for each path.",
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    """Measure all."""
    words = Words.load(CONTENT / "words.yml")
    library = load_exercises(CONTENT, frozenset(load_library(CONTENT).sources))
    render(draw_progress(_progress(library, words, 2), "light"))  # the fonts are read once
    found: Json = {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "exercises": len(library.exercises),
        "pictures": measure_pictures(library),
        "cached": asyncio.run(measure_cached(library, words)),
        "charts": measure_charts(library, words),
        "gates": measure_gates(library),
        "sessions": measure_sessions(library),
    }
    print(json.dumps(found, indent=2))
    TABLE.write_text(_table(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

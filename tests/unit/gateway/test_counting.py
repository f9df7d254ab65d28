"""What a live count shows, and when."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.gateway.counting import PACE_S, frames
from bot.gateway.render import plain, to_html
from bot.outcome import Count
from bot.programme.exercise import ExerciseLibrary
from bot.programme.session import repetitions
from bot.settings import CONTENT
from bot.words import Words

WORDS = Words.load(CONTENT / "words.yml")
READY = (2, "Get ready. The count is about to begin.")
REST, DONE = "Rest. Let go fully.", "Done? Tap Done."

counts = st.builds(
    Count,
    hold_s=st.integers(1, 1200),
    rest_s=st.integers(0, 60),
    repetitions=st.integers(1, 30),
    after_s=st.integers(0, 90),
)


def shown(hold_s: int, rest_s: int, repetitions: int, after_s: int = 0) -> list[tuple[int, str]]:
    count = Count(hold_s=hold_s, rest_s=rest_s, repetitions=repetitions, after_s=after_s)
    return [(frame.after_s, plain(to_html(frame.text))) for frame in frames(count, WORDS)]


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (
            (5, 3, 2),
            [
                (6, "Hold 1 of 2 ●●●●●"),
                (8, "Hold 1 of 2 ●●●○○"),
                (11, REST),
                (14, "Hold 2 of 2 ●●●●●"),
                (16, "Hold 2 of 2 ●●●○○"),
                (19, DONE),
            ],
        ),
        ((3, 3, 2), [(6, "Hold 1 of 2 ●●●"), (9, REST), (12, "Hold 2 of 2 ●●●"), (15, DONE)]),
        ((2, 3, 1), [(6, "Keep going ●●"), (8, DONE)]),
        (
            (10, 3, 1),
            [
                (6, "Keep going ●●●●●●●●●●"),
                (8, "Keep going ●●●●●●●●○○"),
                (10, "Keep going ●●●●●●○○○○"),
                (12, "Keep going ●●●●○○○○○○"),
                (14, "Keep going ●●○○○○○○○○"),
                (16, DONE),
            ],
        ),
        (
            (120, 0, 1),
            [
                (6, "Keep going 2:00 left"),
                (21, "Keep going 1:45 left"),
                (36, "Keep going 1:30 left"),
                (51, "Keep going 1:15 left"),
                (66, "Keep going 1:00 left"),
                (81, "Keep going 0:45 left"),
                (96, "Keep going 0:30 left"),
                (111, "Keep going 0:15 left"),
                (126, DONE),
            ],
        ),
        (
            (15, 3, 1),
            [
                (6, "Keep going ●●●●●●●●●●"),
                (9, "Keep going ●●●●●●●●○○"),
                (12, "Keep going ●●●●●●○○○○"),
                (15, "Keep going ●●●●○○○○○○"),
                (18, "Keep going ●●○○○○○○○○"),
                (21, DONE),
            ],
        ),
        # A rest too short to be read is not shown, and what follows it is.
        (
            (4, 1, 2),
            [
                (6, "Hold 1 of 2 ●●●●"),
                (8, "Hold 1 of 2 ●●○○"),
                (11, "Hold 2 of 2 ●●●●"),
                (13, "Hold 2 of 2 ●●○○"),
                (15, DONE),
            ],
        ),
        # The long rest at the end is counted too.
        (
            (3, 3, 2, 30),
            [
                (6, "Hold 1 of 2 ●●●"),
                (9, REST),
                (12, "Hold 2 of 2 ●●●"),
                (15, f"{REST} 0:30 left"),
                (30, f"{REST} 0:15 left"),
                (45, DONE),
            ],
        ),
        # Holds that are over before the next frame may come.
        ((1, 0, 1), [(6, "Keep going ●"), (8, DONE)]),
    ],
)
def test_a_count_shows(count: tuple[int, ...], expected: list[tuple[int, str]]) -> None:
    assert shown(*count) == [READY, *expected]


@given(counts)
def test_no_two_frames_are_closer_than_the_pace(count: Count) -> None:
    times = [0, *(frame.after_s for frame in frames(count, WORDS))]
    assert all(later - earlier >= PACE_S for earlier, later in pairwise(times))


@given(counts)
def test_a_count_ends_with_done_when_the_last_hold_and_the_rest_after_it_are_over(count: Count) -> None:
    *before, last = frames(count, WORDS)
    assert last.text == WORDS("exercise.count_done")
    assert WORDS("exercise.count_done") not in {frame.text for frame in before}
    whole = count.hold_s * count.repetitions + count.rest_s * (count.repetitions - 1) + count.after_s
    assert 0 <= last.after_s - (6 + whole) <= PACE_S


@given(counts.filter(lambda count: count.hold_s >= PACE_S))
def test_every_hold_is_shown_while_it_lasts(count: Count) -> None:
    begins = {6 + number * (count.hold_s + count.rest_s) for number in range(count.repetitions)}
    assert begins <= {frame.after_s for frame in frames(count, WORDS)}


@given(counts.filter(lambda count: count.hold_s >= 60))
def test_a_hold_of_minutes_changes_every_fifteen_seconds(count: Count) -> None:
    texts = {frame.after_s: frame.text for frame in frames(count, WORDS)}
    held = [at for at, text in texts.items() if "left" in text and at < 6 + count.hold_s]
    assert all(later - earlier == 15 for earlier, later in pairwise(held))


@given(counts)
def test_a_frame_is_one_short_line_that_differs_from_the_one_before(count: Count) -> None:
    texts = [plain(to_html(frame.text)) for frame in frames(count, WORDS)]
    assert all("\n" not in text and len(text) <= 45 for text in texts)
    assert all(one != two for one, two in pairwise(texts))
    assert not any(re.search(r"[{}*]", text) for text in texts)


def test_every_exercise_of_the_library_is_counted_in_a_bearable_number_of_edits(exercises: ExerciseLibrary) -> None:
    for exercise in exercises.exercises.values():
        dose = exercise.dose
        if dose.hold_s is None:
            continue
        often = repetitions(exercise, eased=False)
        made = frames(Count(hold_s=dose.hold_s, rest_s=3, repetitions=often, after_s=dose.rest_s or 0), WORDS)
        assert len(made) <= 50, exercise.id

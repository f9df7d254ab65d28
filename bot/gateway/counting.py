"""What a live count shows, and when: the frames of an exercise's holds and rests. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from bot.outcome import Count
from bot.words import Words

PACE_S = 2
"""No two frames of a count are closer, in seconds: Telegram allows about one change a second in a chat."""
READY_S = 6
"""So long there is to read the message and get ready, in seconds."""

_LONG_S, _LONG_PACE_S = 60, 15
_DOTS, _CHANGES = 10, 5


@dataclass(frozen=True, slots=True)
class Frame:
    """A line that stands under the message from `after_s` seconds after it was sent; light Markdown."""

    after_s: int
    text: str


def frames(count: Count, words: Words) -> tuple[Frame, ...]:
    """Return what a count shows, in order: get ready, each hold with its dots, each rest, and that it may be done.

    A hold of a minute or more (a massage) shows the time that is left every 15 seconds, and so does the rest at the
    end; a shorter hold as many dots as it has seconds, ten at most, which go out in five steps at most. A rest shorter
    than the pace is not shown.
    """
    shown: list[Frame] = []
    for frame in _wanted(count, words):
        if not shown or frame.after_s >= shown[-1].after_s + PACE_S:
            shown.append(frame)
    # A very short hold leaves no room for what follows it; the last line comes all the same.
    end = max(READY_S + _holds(count) + count.after_s, shown[-1].after_s + PACE_S)
    return (*shown, Frame(end, words("exercise.count_done")))


def _wanted(count: Count, words: Words) -> Iterator[Frame]:
    """The frames but the last, some of them perhaps too close together."""
    yield Frame(PACE_S, words("exercise.count_ready"))
    at = READY_S
    for number in range(1, count.repetitions + 1):
        for elapsed in (0, *range(_step(count.hold_s), count.hold_s - PACE_S + 1, _step(count.hold_s))):
            yield Frame(at + elapsed, _hold(count, number, elapsed, words))
        at += count.hold_s
        if number < count.repetitions and count.rest_s >= PACE_S:
            yield Frame(at, words("exercise.count_rest"))
        at += count.rest_s
    over = READY_S + _holds(count)
    for elapsed in range(0, count.after_s, _LONG_PACE_S):
        yield Frame(over + elapsed, words("exercise.count_rest_left", text=_left(count.after_s - elapsed, words)))


def _left(seconds: int, words: Words) -> str:
    return words("exercise.count_left", text=f"{seconds // 60}:{seconds % 60:02}")


def _hold(count: Count, number: int, elapsed: int, words: Words) -> str:
    left = count.hold_s - elapsed
    if count.hold_s >= _LONG_S:
        to_go = _left(left, words)
    else:
        dots = min(count.hold_s, _DOTS)
        full = -(-left * dots // count.hold_s)
        to_go = "●" * full + "○" * (dots - full)
    if count.repetitions == 1:
        return words("exercise.count_once", text=to_go)
    return words("exercise.count_hold", number=number, count=count.repetitions, text=to_go)


def _step(hold_s: int) -> int:
    """Seconds from one frame of a hold to the next."""
    return _LONG_PACE_S if hold_s >= _LONG_S else max(PACE_S, -(-hold_s // _CHANGES))


def _holds(count: Count) -> int:
    """How long the holds last, with the rests between them."""
    return count.hold_s * count.repetitions + count.rest_s * (count.repetitions - 1)

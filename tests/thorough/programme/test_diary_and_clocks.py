"""The diary's days around every change of the clocks."""

from itertools import pairwise

from bot.programme.diary import adherence, days_done, streak
from tests.unit.programme.test_diary import DAY, changes, half_hours


def test_no_change_of_the_clocks_loses_or_doubles_a_day() -> None:
    assert len(changes()) > 200
    lengths = set()
    for zone, around in changes():
        sessions = list(half_hours(zone, around))
        done = days_done(sessions)
        dates = sorted(done)
        assert [later - earlier for earlier, later in pairwise(dates)] == [DAY] * (len(dates) - 1)
        assert sessions == sorted(sessions, key=lambda session: session.day), "the date went backwards"
        assert sum(done.values()) == len(sessions)
        lengths.update(done[day] / 2 for day in dates[1:-1])
        assert streak(done.keys(), frozenset(), dates[-1], grace=0) == len(dates)
        asked = dict.fromkeys(dates, 1)
        assert adherence(done, asked, frozenset(), dates[0], dates[-1] + DAY).share == 1.0
        once = {day: 1 for day in dates if day != dates[2]}
        week = adherence(once, asked, frozenset(), dates[0], dates[-1] + DAY)
        assert (week.done, week.prescribed) == (len(dates) - 1, len(dates))
    assert {23.0, 24.0, 25.0} <= lengths <= {22.0, 23.0, 23.5, 24.0, 24.5, 25.0, 26.0}

"""The alarm's child process, seen from outside: any program that speaks its lines will do."""

import sys
import textwrap

import pytest

from bot.second_reader import SecondReader


def child(program: str) -> tuple[str, ...]:
    return (sys.executable, "-u", "-c", textwrap.dedent(program))


ANSWERS = child("""
    import json, os, sys
    print(json.dumps("ready"))
    for line in sys.stdin:
        print(json.dumps([float(len(each)) for each in json.loads(line)]))
""")


def test_each_sentence_gets_its_figure() -> None:
    with SecondReader(ANSWERS) as hear:
        assert hear(["a", "three"]) == [1.0, 5.0]
        assert hear(["ä\nö"]) == [3.0]


def test_after_its_rest_it_starts_again() -> None:
    with SecondReader(ANSWERS) as hear:
        hear(["a"])
        hear.close()

        assert hear(["bb"]) == [2.0]


@pytest.mark.parametrize(
    "program",
    [
        "",
        "raise SystemExit('there is no model')",
        "import sys; print('ready'); [print('no json', flush=True) for _ in sys.stdin]",
        "import sys; print('ready'); [print('[1.0, 2.0, 3.0]', flush=True) for _ in sys.stdin]",
        "import sys, time; print('ready'); [time.sleep(60) for _ in sys.stdin]",
    ],
)
def test_an_alarm_that_fails_is_none_and_not_an_error(program: str) -> None:
    away: list[str] = []
    with SecondReader(child(program), within=0.5, on_away=away.append) as hear:
        assert hear(["a sentence"]) is None
    assert len(away) == 1


def test_after_a_fault_it_is_left_alone_for_a_minute() -> None:
    away: list[str] = []
    now = [100.0]
    with SecondReader(("/nowhere/at/all",), on_away=away.append, clock=lambda: now[0]) as hear:
        assert [hear(["a sentence"]) for _ in range(3)] == [None, None, None]
        assert len(away) == 1
        now[0] += 61
        assert hear(["a sentence"]) is None
        assert len(away) == 2


def test_a_program_that_is_not_there_is_none_too() -> None:
    with SecondReader(("/nowhere/at/all",)) as hear:
        assert hear(["a sentence"]) is None

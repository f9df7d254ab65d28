"""docs/scale.md says what bench/scale.json holds, and the tests that it names are there."""

import json
import re
from typing import Any

import pytest

from bench import scale
from bot.settings import ROOT

ONE: dict[str, Any] = {
    "a_second": 10.0,
    "reminders_a_second": 50.0,
    "messages": 720,
    "lost": 0,
    "doubled": 0,
    "order_kept": True,
    "by_engine": [720],
    "by_gateway": [720],
    "cpu_ms_a_message": {"actions": 10.0, "engine": 60.0, "gateway": 30.0},
    "memory_mb": {"actions": 200, "engine": 1000, "gateway": 300},
}
FOUND = {
    "made_at": "2026-11-23T10:00:00+00:00",
    "machine": {"processor": "invented", "cores": 2, "load_before": [0.1]},
    "one": ONE,
    "two": {**ONE, "a_second": 18.0, "by_engine": [350, 370], "by_gateway": [360, 360], "order_kept": False},
    "ratio": 1.8,
}


def test_the_page_is_made_from_the_figures() -> None:
    text = scale.PAGE.read_text(encoding="utf-8")
    assert text.count(scale.BEGIN) == text.count(scale.END) == 1
    if not scale.RESULTS.exists():
        pytest.skip("not measured yet: python -m bench.scale")
    assert scale.page(text, json.loads(scale.RESULTS.read_text(encoding="utf-8"))) == text


def test_the_tables_reckon_as_the_page_says() -> None:
    told = scale.tables(FOUND)
    assert "| messages answered a second | 10.0 | 18.0 (× 1.8) |" in told
    assert "| each person's answers in order | yes | NO |" in told
    # A million people, 4 messages a day, 12 % of them in 3,600 s: 133 a second of 100 ms each. 200 a second go out.
    assert "| 1,000,000 | 133.3 | 200.0 | 20 | 7 |" in told
    assert "| 1,000 | 0.1 | 0.2 | 1 | 1 |" in told


def test_every_test_that_the_page_names_is_there() -> None:
    named = re.findall(r"`(tests/[^`]+)`", scale.PAGE.read_text(encoding="utf-8"))
    assert named
    assert [each for each in named if not (ROOT / each).exists()] == []

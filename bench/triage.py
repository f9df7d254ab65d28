"""Triage on one core: evaluations of the rules, questions chosen, and messages screened, a second."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import cycle

from bench.measure import Json, spread
from bot.settings import CONTENT, ROOT
from bot.triage.assess import assess
from bot.triage.interview import load_interview
from bot.triage.rules import load_rules
from bot.triage.screen import Screen

_BANKS = ROOT / "tests" / "banks"


def measure(*, seconds: float = 3.0) -> Json:
    """Measure each for so many seconds, on the invented cases and the messages of the test banks, in turn."""
    rules = load_rules(CONTENT / "triage")
    interview = load_interview(CONTENT / "triage", rules)
    screen = Screen.load(CONTENT)
    known = [
        {name: value for name, value in case["facts"].items() if name in rules.findings}
        for case in _lines("vignettes.jsonl")
    ]
    # Half of what is known, as in the middle of an intake: most questions are open then.
    half = [dict(list(each.items())[: len(each) // 2]) for each in known]
    urgent = [str(each["text"]) for each in _lines("urgency_2.jsonl")]
    usual = [str(each["text"]) for each in _lines("questions.jsonl")]
    return {
        "rules": len(rules.conditions),
        "evaluations": _rate(cycle(known), lambda given: assess(given, rules), seconds),
        "next_question": _rate(cycle(half), lambda given: interview.next_question(given, frozenset(given)), seconds),
        "screen": _rate(cycle([*urgent, *usual]), screen, seconds),
        "screen_1000_letters": _rate(cycle(_long([*usual, *urgent])), screen, seconds),
    }


def _rate[Case](cases: Iterator[Case], work: Callable[[Case], object], seconds: float) -> Json:
    for _ in range(20):
        work(next(cases))
    taken: list[float] = []
    begun = time.perf_counter()
    while (at := time.perf_counter()) - begun < seconds:
        work(next(cases))
        taken.append((time.perf_counter() - at) * 1000)
    return {"a_second": round(1000 * len(taken) / sum(taken)), "ms": spread(taken, 3)}


def _long(texts: Sequence[str], letters: int = 1000) -> list[str]:
    """Long worried messages: several one after the other."""
    found, now = [], ""
    for text in texts:
        now = f"{now} {text}."
        if len(now) >= letters:
            found.append(now[:letters])
            now = ""
    return found


def _lines(name: str) -> Iterable[Json]:
    return [json.loads(line) for line in (_BANKS / name).read_text(encoding="utf-8").splitlines()]

"""When to answer, when to ask, when to admit not knowing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.knowledge.decide import FLOOR, LEAD, SURE, Decision, decide

TABLE = [
    ([], "miss"),
    ([("a", 0.0)], "miss"),
    ([("a", FLOOR - 0.001)], "miss"),
    ([("a", FLOOR)], "clarify"),
    ([("a", SURE - 0.001)], "clarify"),
    ([("a", SURE)], "answer"),
    ([("a", 1.0), ("b", 0.0)], "answer"),
    ([("a", 0.9), ("b", 0.9 - LEAD - 0.001)], "answer"),
    ([("a", 0.9), ("b", 0.9 - LEAD + 0.001)], "clarify"),
    ([("a", 0.5), ("b", 0.5)], "clarify"),
    ([("a", SURE - 0.001), ("b", 0.0)], "clarify"),
    ([("a", FLOOR - 0.001), ("b", 0.0)], "miss"),
]


@pytest.mark.parametrize(("ranking", "do"), TABLE)
def test_what_to_do(ranking: list[tuple[str, float]], do: str) -> None:
    assert decide(ranking).do == do


def test_at_most_four_topics_are_named_best_first() -> None:
    ranking = [("a", SURE), ("b", SURE - LEAD / 2), ("c", FLOOR), ("d", FLOOR), ("e", FLOOR)]
    assert decide(ranking) == Decision("clarify", ("a", "b", "c", "d"))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6).map(lambda all_: sorted(all_, reverse=True)))
def test_a_guess_is_never_told_as_an_answer(confidences: list[float]) -> None:
    decision = decide([(f"t{number}", confidence) for number, confidence in enumerate(confidences)])
    if decision.do == "answer":
        assert confidences[0] >= SURE
        assert len(confidences) == 1 or confidences[0] - confidences[1] >= LEAD

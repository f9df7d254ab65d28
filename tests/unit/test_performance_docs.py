"""Every figure that README and docs quote from the bench is the one that bench/results.json holds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bench.page import HISTORY, PAGE, RESULTS, NoFigure, figure, key_figures, page, quoted_figures, wrong_figures
from bot.settings import ROOT

DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    return dict(json.loads(RESULTS.read_text(encoding="utf-8")))


def test_the_page_of_figures_is_what_the_results_make(results: dict[str, Any]) -> None:
    assert PAGE.read_text(encoding="utf-8") == page(results), "write it anew: python -m bench --page"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_quoted_figures_are_those_of_the_results(path: Any, results: dict[str, Any]) -> None:
    assert not wrong_figures(path.read_text(encoding="utf-8"), results)


def test_the_history_names_when_each_run_was() -> None:
    if HISTORY.exists():
        lines = [json.loads(line) for line in HISTORY.read_text(encoding="utf-8").splitlines()]
        assert all(line["made_at"] for line in lines)
        assert [line["made_at"] for line in lines] == sorted(line["made_at"] for line in lines)


HELD = {"message": {"alone": {"way_adds_ms": 12.34}, "at_once": {"32": {"a_second": 1305.2}}}, "made_at": "today"}


@pytest.mark.parametrize("shown", ["12.34", "12.3", "12", " 12 ms", "**12**"])
def test_a_figure_may_be_rounded(shown: str) -> None:
    assert not wrong_figures(f"adds <!-- bench:message.alone.way_adds_ms -->{shown}<!-- /bench --> ms", HELD)


@pytest.mark.parametrize("shown", ["13", "12.4", "", "fast"])
def test_a_figure_that_differs_is_told(shown: str) -> None:
    text = f"adds <!-- bench:message.alone.way_adds_ms -->{shown}<!-- /bench --> ms"
    (problem,) = wrong_figures(text, HELD)
    assert "message.alone.way_adds_ms" in problem and "12.34" in problem


def test_thousands_may_have_commas_and_words_are_compared_as_they_are() -> None:
    text = "<!-- bench:message.at_once.32.a_second -->1,305<!-- /bench --> <!-- bench:made_at -->today<!-- /bench -->"
    assert not wrong_figures(text, HELD)
    assert list(quoted_figures(text)) == ["message.at_once.32.a_second", "made_at"]


def test_a_figure_that_is_not_there_is_told() -> None:
    assert wrong_figures("<!-- bench:message.none -->1<!-- /bench -->", HELD) == [
        "bench/results.json has no message.none"
    ]
    with pytest.raises(NoFigure):
        figure(HELD, "message.alone.way_adds_ms.p50")


def test_the_page_can_be_made_of_nothing_and_the_history_of_a_part() -> None:
    assert "not measured" in page({})
    assert key_figures(HELD) == {"way_adds_ms": 12.34, "a_second_with_32": 1305.2}

"""An answer is the article, word for word, with its source, its review state and its buttons."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.knowledge import Article, Library
from bot.knowledge.answer import full_answer, offer, short_answer
from bot.knowledge.article import parse_article
from bot.knowledge.library import load_library
from bot.outcome import Button, Kind, Outcome
from bot.words import Words

Put = Callable[..., Path]


@pytest.fixture
def made(folder: Path, put: Put, words: Words) -> Callable[..., tuple[Article, Outcome, Outcome]]:
    """Make the short and the full answer of the small article, with some fields changed."""

    def make(**changes: Any) -> tuple[Article, Outcome, Outcome]:
        put(**changes)
        library = load_library(folder)
        article = library.articles["eating"]
        return article, short_answer(article, library, words, ["drinking"]), full_answer(article, library, words)

    return make


Made = Callable[..., tuple[Article, Outcome, Outcome]]


def text(outcome: Outcome) -> str:
    assert len(outcome.replies) == 1
    return outcome.replies[0].text


def test_the_short_answer_is_the_short_passage_word_for_word(made: Made) -> None:
    _, short, _ = made()
    assert text(short) == (
        "**Eating with a weak face**\n\n"
        "Take small bites and chew on the other side. Check your cheek for food when you are done.\n\n"
        "**Get help:** Food goes down the wrong way: be seen today.\n\n"
        "Source: Invented source (2019)\n"
        "Not yet checked by a clinician."
    )


def test_the_full_answer_is_all_of_the_article_word_for_word(made: Made) -> None:
    article, _, full = made(sources=["SRC", "OTHER"])
    assert text(full) == (
        f"**Eating with a weak face**\n\n{article.body}\n\n"
        "### Do\n- Take small bites.\n\n"
        "### Don't\n- Talk with a full mouth.\n\n"
        "### Get help if\n- Food goes down the wrong way: be seen today.\n\n"
        "**Sources**\n- Invented source (2019) https://example.org/src\n- Another invented source\n\n"
        "Not yet checked by a clinician."
    )


def test_lists_that_are_empty_have_no_heading(made: Made) -> None:
    _, _, full = made(do=[], dont=[])
    assert "### Do" not in text(full)


def test_a_short_answer_with_several_sources_names_the_first_and_how_many_more(made: Made) -> None:
    _, short, _ = made(sources=["OTHER", "SRC"])
    assert "Source: Another invented source, and 1 more\n" in text(short)


def test_a_reviewed_article_carries_no_note(made: Made) -> None:
    _, short, full = made(reviewed_by="Invented Reviewer")
    assert "Not yet checked" not in text(short) + text(full)


GET_HELP = [
    (["U01"], None, False),
    (["D01"], "**Get help:** Be seen.", False),
    (["E01"], "**Get help:** Be seen.", True),
]


@pytest.mark.parametrize(("rules", "line", "tells"), GET_HELP)
def test_a_short_answer_says_when_it_presses(made: Made, rules: list[str], line: str | None, tells: bool) -> None:
    _, short, _ = made(get_help=[{"text": "Be seen.", "rules": rules}])
    assert ("**Get help:**" in text(short)) == (line is not None)
    assert line is None or line in text(short)
    assert short.asks_red_flags == tells


def test_the_first_pressing_line_is_the_one_that_is_told(made: Made) -> None:
    lines = [{"text": "Ask soon.", "rules": ["U01"]}, {"text": "Call now.", "rules": ["E01"]}]
    _, short, _ = made(get_help=lines)
    assert "**Get help:** Call now." in text(short)


def test_the_buttons_of_a_short_answer(made: Made, words: Words) -> None:
    _, short, _ = made()
    assert short.replies[0].buttons == (
        Button(title=words("answer.more"), payload="more:eating"),
        Button(title="Drink without spills", payload="open:drinking"),
        Button(title=words("answer.good"), payload="good:eating"),
        Button(title=words("answer.bad"), payload="bad:eating"),
    )


def test_a_full_answer_offers_no_more_of_the_same(made: Made) -> None:
    _, _, full = made()
    assert [button.payload for button in full.replies[0].buttons] == ["open:drinking", "good:eating", "bad:eating"]


def test_at_most_two_neighbours_are_offered(library: Library, words: Words) -> None:
    article = next(article for article in library.articles.values() if len(article.see_also) > 2)
    buttons = short_answer(article, library, words).replies[0].buttons
    assert sum(button.payload.startswith("open:") for button in buttons) == 2


def test_a_neighbour_without_an_article_is_left_out(made: Made) -> None:
    _, short, _ = made(see_also=["speaking"])
    assert not any(button.payload == "open:speaking" for button in short.replies[0].buttons)


def test_what_may_have_been_meant_instead_is_offered_before_the_neighbours(library: Library, words: Words) -> None:
    article = library.articles["eating"]
    buttons = short_answer(article, library, words, ("sleep", "botox", "steroids")).replies[0].buttons
    offered = [button.payload for button in buttons if button.payload.startswith("open:")]
    assert offered[:2] == ["open:sleep", "open:botox"]
    assert len(offered) == 3


def test_the_facts_about_an_answer(made: Made) -> None:
    _, short, _ = made()
    facts = (short.kind, short.topic, short.article, short.alternatives, short.disposition)
    assert facts == (Kind.ANSWER, "eating", "eating", ("drinking",), None)


def test_three_articles_are_offered_at_most_and_a_way_out(library: Library, words: Words) -> None:
    articles = [library.articles[name] for name in ("eating", "drinking", "speaking", "drooling")]
    offered = offer(Kind.CLARIFY, "Which?", articles, words)
    payloads = [button.payload for button in offered.replies[0].buttons]
    assert payloads == ["open:eating", "open:drinking", "open:speaking", "none:of_these"]
    assert offered.alternatives == ("eating", "drinking", "speaking")
    assert offered.article is None


def test_nothing_to_offer_has_no_way_out_to_tap(words: Words) -> None:
    assert offer(Kind.FALLBACK, "Nothing.", [], words).replies[0].buttons == ()


def test_every_real_article_is_told_word_for_word(library: Library, words: Words) -> None:
    for article in library.articles.values():
        short = text(short_answer(article, library, words))
        full = text(full_answer(article, library, words))
        assert article.short in short
        for passage in (article.body, *article.do, *article.dont, *(line.text for line in article.get_help)):
            assert passage in full, article.id


def test_the_real_articles_parse_one_by_one(content: Path) -> None:
    paths = sorted((content / "articles").glob("*.md"))
    assert {parse_article(path).id for path in paths} == {path.stem for path in paths}

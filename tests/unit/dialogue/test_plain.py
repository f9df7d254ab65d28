"""The plain answer: a search, an honest line, and never a guess told as the answer."""

import dataclasses

import pytest

from bot.dialogue import plain
from bot.knowledge import Library
from bot.outcome import Kind
from bot.payload import Press
from bot.words import Words


def test_it_says_that_it_is_simpler_than_usual(library: Library, words: Words) -> None:
    for text in ("botox", "xqzwv", "eye drops or ointment at night"):
        assert plain.answer(text, library, words).replies[0].text.startswith(f"{words('plain.simpler')}\n\n")


def of(library: Library, *articles: str) -> Library:
    """A library of a few of the real articles."""
    return dataclasses.replace(library, articles={name: library.articles[name] for name in articles})


@pytest.mark.parametrize(("text", "article"), [("botox injections", "botox"), ("ramsay hunt", "ramsay-hunt")])
def test_a_clear_lead_is_told_as_the_answer_word_for_word(
    library: Library, words: Words, text: str, article: str
) -> None:
    outcome = plain.answer(text, of(library, "botox", "ramsay-hunt", "eating"), words)
    assert (outcome.kind, outcome.article) == (Kind.ANSWER, article)
    assert library.articles[article].short in outcome.replies[0].text


def test_without_a_clear_lead_it_is_asked_which_is_meant(library: Library, words: Words) -> None:
    twins = {
        name: library.articles["eating"].model_copy(update={"id": name, "topic": name})
        for name in ("eating", "eating-again", "eating-once-more", "eating-too")
    }
    outcome = plain.answer("eating", dataclasses.replace(library, articles=twins, questions={}), words)
    assert (outcome.kind, outcome.article) == (Kind.CLARIFY, None)
    assert [button.payload.partition(":")[0] for button in outcome.replies[0].buttons] == ["open"] * 3 + ["none"]


def test_nothing_found_is_owned_up_to(library: Library, words: Words) -> None:
    outcome = plain.answer("xqzwv", library, words)
    assert outcome.kind is Kind.FALLBACK
    assert words("clarify.nothing") in outcome.replies[0].text
    assert outcome.replies[0].buttons == ()


@pytest.mark.parametrize("verb", ["open", "more"])
def test_a_tapped_article_needs_no_engine_and_says_nothing_of_it(library: Library, words: Words, verb: str) -> None:
    outcome = plain.open_article(Press(verb, "eating"), library, words)
    article = library.articles["eating"]
    assert (article.short if verb == "open" else article.body) in outcome.replies[0].text
    assert words("plain.simpler") not in outcome.replies[0].text


def test_an_article_that_is_gone(library: Library, words: Words) -> None:
    outcome = plain.open_article(Press("open", "gone-away"), library, words)
    assert (outcome.kind, outcome.replies[0].text) == (Kind.FALLBACK, words("answer.gone"))

"""Plain search finds what is near in words, and takes any text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.knowledge import Library
from bot.knowledge.search import SearchIndex

FOUND = [
    ("how do i tape my eye shut", "eye-taping"),
    ("can i drink alcohol", "alcohol-caffeine"),
    ("botox", "botox"),
    ("is bell's palsy contagious", "is-it-contagious-or-hereditary"),
    ("SYNKINESIS???", "synkinesis"),
    ("flying with facial palsy", "flying-travel"),
]


@pytest.mark.parametrize(("text", "article"), FOUND)
def test_the_article_that_answers_is_among_the_nearest(library: Library, text: str, article: str) -> None:
    assert article in [found.article for found in library.index.search(text)]


@pytest.mark.parametrize("text", ["", "   ", "what is the", "?!.", "a b c", "👁", "xqzwv"])
def test_without_a_topical_word_nothing_is_found(library: Library, text: str) -> None:
    assert library.index.search(text) == []


def test_the_nearest_comes_first_and_no_more_than_asked_for(library: Library) -> None:
    found = library.index.search("eye drops and ointment for a dry eye", limit=3)
    assert len(found) == 3
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)


@settings(deadline=None, max_examples=150)
@given(st.text(max_size=400) | st.text('"*^:()-+ ANDORNEaé\u0301一\x00', max_size=60))
def test_no_text_is_too_odd_to_be_searched_for(library: Library, text: str) -> None:
    assert len(library.index.search(text)) <= 4


@pytest.mark.parametrize(
    "text", ['eye" OR "drool', "eye AND NOT tape", "title:eye", "eye*", "NEAR(eye tape)", "eye'--"]
)
def test_a_query_of_the_search_engines_own_is_only_words(library: Library, text: str) -> None:
    assert library.index.search(text)


def test_a_title_weighs_more_than_a_body(library: Library) -> None:
    plain = library.articles["eating"]
    titled = plain.model_copy(update={"id": "titled", "title": "Umbrella", "label": "Umbrella"})
    bodied = plain.model_copy(update={"id": "bodied", "body": f"{plain.body} umbrella"})
    index = SearchIndex([bodied, titled], {})
    assert [found.article for found in index.search("umbrella")] == ["titled", "bodied"]

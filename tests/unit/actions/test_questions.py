"""Questions: an answer only with a clear lead, a choice without one, an honest miss below the floor."""

import pytest

from actions.questions import AnswerQuestion, Miss, OpenArticle, TellMore
from actions.resources import Resources
from bot.knowledge import Library
from bot.knowledge.answer import full_answer, short_answer
from bot.knowledge.decide import FLOOR, LEAD, SURE
from bot.outcome import Kind
from bot.words import Words
from tests.unit.actions.conftest import Run

CLEAR = [("eye-taping", 0.9), ("eye-care-night", 0.05), ("dry-eye", 0.01)]
CLOSE = [("eye-taping", SURE), ("eye-care-night", SURE - LEAD / 2), ("dry-eye", 0.01), ("eating", 0.005)]
LOW = [("eye-taping", FLOOR / 2), ("eye-care-night", FLOOR / 3), ("dry-eye", FLOOR / 4)]


async def test_a_clear_lead_is_answered_with_the_article(
    run: Run, resources: Resources, library: Library, words: Words
) -> None:
    ran = await run(AnswerQuestion(resources), "eye-taping", "how do i tape my eye", CLEAR)
    near = ["eye-care-night", "dry-eye"]
    assert ran.outcome == short_answer(library.articles["eye-taping"], library, words, near)
    assert ran.slots == {"last_article": "eye-taping"}


async def test_without_a_clear_lead_it_is_asked_which_is_meant(run: Run, resources: Resources, words: Words) -> None:
    ran = await run(AnswerQuestion(resources), "eye-taping", "tape", CLOSE)
    assert (ran.outcome.kind, ran.outcome.article, ran.slots) == (Kind.CLARIFY, None, {})
    assert ran.payloads == ["open:eye-taping", "open:eye-care-night", "open:dry-eye", "none:of_these"]
    assert ran.text == words("clarify.ask")


async def test_below_the_floor_it_is_not_guessed(run: Run, resources: Resources, words: Words) -> None:
    ran = await run(AnswerQuestion(resources), "eye-taping", "how do i tape my eye", LOW)
    assert (ran.outcome.kind, ran.outcome.article, ran.slots) == (Kind.FALLBACK, None, {})
    assert ran.text == words("clarify.nearest")
    assert 1 < len(ran.payloads) <= 4


async def test_intents_that_are_no_topics_do_not_compete(run: Run, resources: Resources) -> None:
    ran = await run(AnswerQuestion(resources), "eye-taping", "tape", [("greet", 0.9), *CLEAR])
    assert ran.outcome.article == "eye-taping"


async def test_where_no_article_is_there_nothing_is_made_up(run: Run, bare_resources: Resources, words: Words) -> None:
    ran = await run(AnswerQuestion(bare_resources), "eating", "soup", [("eating", 1.0)])
    assert (ran.outcome.kind, ran.text, ran.payloads) == (Kind.FALLBACK, words("clarify.nothing"), [])


@pytest.mark.parametrize("part", ["short", "whole"])
async def test_a_tapped_article_is_opened(
    run: Run, resources: Resources, library: Library, words: Words, part: str
) -> None:
    ran = await run(OpenArticle(resources), "open_article", article_id="eating", part=part)
    told = full_answer if part == "whole" else short_answer
    assert ran.outcome == told(library.articles["eating"], library, words)
    assert ran.slots == {"last_article": "eating"}


@pytest.mark.parametrize("entities", [{}, {"article_id": "gone-away"}, {"article_id": ""}])
async def test_an_article_that_is_gone(run: Run, resources: Resources, words: Words, entities: dict[str, str]) -> None:
    ran = await run(OpenArticle(resources), "open_article", **entities)
    assert (ran.outcome.kind, ran.text, ran.slots) == (Kind.FALLBACK, words("answer.gone"), {})


async def test_more_is_all_of_what_was_told_last(
    run: Run, resources: Resources, library: Library, words: Words
) -> None:
    ran = await run(TellMore(resources), "tell_more", "go on", last_article="eating")
    assert ran.outcome == full_answer(library.articles["eating"], library, words)


async def test_more_of_nothing_is_asked_about(run: Run, resources: Resources, words: Words) -> None:
    ran = await run(TellMore(resources), "tell_more", "go on")
    assert (ran.outcome.kind, ran.text) == (Kind.SMALLTALK, words("smalltalk.unsure"))


async def test_more_of_an_article_that_is_gone(run: Run, resources: Resources, words: Words) -> None:
    ran = await run(TellMore(resources), "tell_more", "go on", last_article="gone-away")
    assert (ran.outcome.kind, ran.text) == (Kind.FALLBACK, words("answer.gone"))


async def test_a_miss_offers_the_nearest_by_words_and_then_by_the_engine(run: Run, resources: Resources) -> None:
    ran = await run(Miss(resources), "nlu_fallback", "how do i tape my eye", [("nlu_fallback", 0.3), *LOW])
    assert ran.outcome.kind is Kind.FALLBACK
    assert "open:eye-taping" in ran.payloads
    assert ran.payloads[-1] == "none:of_these"


async def test_a_miss_without_a_topical_word_offers_nothing(run: Run, resources: Resources, words: Words) -> None:
    ran = await run(Miss(resources), "nlu_fallback", "xqzwv", LOW)
    assert (ran.text, ran.payloads) == (words("clarify.nothing"), [])


async def test_a_topic_that_no_rule_caught_is_answered_all_the_same(run: Run, resources: Resources) -> None:
    ran = await run(Miss(resources), "eye-taping", "how do i tape my eye", CLEAR)
    assert ran.outcome.article == "eye-taping"


TIED = [("recovery-stage", 0.42), ("flaccid-stage", 0.40), ("eating", 0.01)]


@pytest.mark.parametrize(("stage", "article"), [("flaccid", "flaccid-stage"), ("recovery", "recovery-stage")])
async def test_between_two_close_topics_the_one_for_the_persons_stage_is_meant(
    run: Run, resources: Resources, stage: str, article: str
) -> None:
    ran = await run(AnswerQuestion(resources), TIED[0][0], "what should i do now", TIED, stage=stage)
    assert ran.outcome.article == article


async def test_what_is_clearly_asked_for_is_answered_whatever_the_stage(run: Run, resources: Resources) -> None:
    clear = [("flaccid-stage", 0.9), ("recovery-stage", 0.05)]
    ran = await run(AnswerQuestion(resources), "flaccid-stage", "no movement", clear, stage="recovery")
    assert ran.outcome.article == "flaccid-stage"

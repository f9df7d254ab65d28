"""Requests that are no questions, small talk, and a new weak face: each met with the bot's own words."""

import re

import pytest

from actions.new_weakness import ReportNewWeakness
from actions.requests import MEDICINE_TOPICS, RESPONSES, AnswerRequest, DeclineDose
from actions.resources import Resources
from actions.small_talk import WORDS, SmallTalk
from bot.knowledge import Library
from bot.outcome import Kind
from bot.words import Words
from tests.unit.actions.conftest import Run


@pytest.mark.parametrize("intent", sorted(RESPONSES))
async def test_a_request_is_met_with_its_words_and_its_article(
    run: Run, resources: Resources, library: Library, words: Words, intent: str
) -> None:
    response = RESPONSES[intent]
    ran = await run(AnswerRequest(resources), intent)
    assert ran.outcome.kind is response.kind
    assert ran.outcome.replies[0].text == words(response.words, number="999")
    assert ran.outcome.topic == response.topic
    if response.topic:
        article = library.about(response.topic)
        assert article is not None
        assert article.short in ran.outcome.replies[1].text
        assert ran.slots == {"last_article": article.id}
    else:
        assert (len(ran.outcome.replies), ran.slots) == (1, {})


@pytest.mark.parametrize("intent", sorted(RESPONSES))
async def test_only_what_is_out_of_scope_is_marked_so(run: Run, resources: Resources, intent: str) -> None:
    ran = await run(AnswerRequest(resources), intent)
    assert ran.outcome.out_of_scope == (intent in ("ask_diagnosis", "out_of_scope"))


async def test_a_request_without_a_row_is_out_of_scope(run: Run, resources: Resources, words: Words) -> None:
    ran = await run(AnswerRequest(resources), "something_new")
    assert (ran.outcome.kind, ran.text) == (Kind.OUT_OF_SCOPE, words("requests.out_of_scope"))


async def test_a_request_is_met_without_its_article_too(run: Run, bare_resources: Resources, words: Words) -> None:
    ran = await run(AnswerRequest(bare_resources), "ask_diagnosis")
    assert ran.text == words("requests.diagnosis")


@pytest.mark.parametrize(
    ("text", "topic"),
    [("how much prednisolone should i take", "steroids"), ("how many units of botox do i need", "botox")],
)
async def test_a_dose_is_declined_and_the_medicines_article_told(
    run: Run, resources: Resources, library: Library, words: Words, text: str, topic: str
) -> None:
    ran = await run(DeclineDose(resources), "no_dosing", text)
    assert ran.outcome.kind is Kind.NO_DOSING
    assert ran.outcome.replies[0].text == words("requests.no_dosing")
    assert ran.outcome.topic == topic


async def test_a_medicine_without_a_name_is_found_by_the_engines_ranking(run: Run, resources: Resources) -> None:
    ran = await run(DeclineDose(resources), "no_dosing", "xqzwv", [("eating", 0.9), ("antivirals", 0.05)])
    assert ran.outcome.topic == "antivirals"


async def test_without_a_medicine_it_is_only_declined(run: Run, resources: Resources, words: Words) -> None:
    ran = await run(DeclineDose(resources), "no_dosing", "xqzwv", [("steroids", 0.01)])
    assert (ran.text, ran.outcome.topic, ran.slots) == (words("requests.no_dosing"), None, {})


def test_every_medicine_topic_exists(library: Library) -> None:
    assert library.topics >= MEDICINE_TOPICS


def test_what_is_told_beside_a_declined_dose_names_none(library: Library) -> None:
    for topic in MEDICINE_TOPICS:
        for article in library.by_topic[topic]:
            assert not re.search(r"\d+\s?(?:mg|mcg|ml)\b", f"{article.short} {article.body}"), article.id


@pytest.mark.parametrize("intent", sorted(WORDS))
async def test_small_talk_says_its_words(run: Run, resources: Resources, words: Words, intent: str) -> None:
    ran = await run(SmallTalk(resources), intent)
    assert ran.outcome.kind is Kind.SMALLTALK
    assert ran.text == words(WORDS[intent], number="999")
    assert "{" not in ran.text


async def test_unheard_of_small_talk_is_met_kindly(run: Run, resources: Resources, words: Words) -> None:
    assert (await run(SmallTalk(resources), "something_new")).text == words("smalltalk.unsure")


async def test_a_new_weak_face_is_to_be_seen_today_emergency_signs_first(
    run: Run, resources: Resources, words: Words
) -> None:
    ran = await run(ReportNewWeakness(resources), "report_new_weakness", "my face dropped")
    outcome = ran.outcome
    assert (outcome.kind, outcome.disposition, outcome.provisional) == (Kind.TRIAGE, "SAME_DAY", True)
    assert (outcome.rules, outcome.ruleset, outcome.asks_red_flags) == (("D00",), resources.rules.version, True)
    assert ran.text.startswith(words("report.red_flags", number="999"))
    assert words("report.new_weakness") in ran.text
    assert words("report.forehead", number="999") in ran.text
    assert ran.payloads == ["open:is-it-stroke", "open:eye-care-day", "open:steroids"]


@pytest.mark.parametrize(("country", "number"), [("US", "911"), ("FR", "112"), (None, "112"), ("ZZ", "112")])
async def test_the_number_is_the_countrys_own(run: Run, resources: Resources, country: str | None, number: str) -> None:
    told = await run(ReportNewWeakness(resources), "report_new_weakness", country=country)
    asked = await run(AnswerRequest(resources), "ask_person", country=country)
    shown = await run(SmallTalk(resources), "capabilities", country=country)
    for ran in (told, asked, shown):
        assert number in ran.text
        assert number == "999" or "999" not in ran.text


async def test_a_message_without_metadata_has_the_number_112(resources: Resources) -> None:
    from rasa_sdk.interfaces import Tracker

    for metadata in (None, {}):
        tracker = Tracker("p", {}, {"metadata": metadata}, [], False, None, {}, None)
        assert resources.country(tracker).emergency_number == "112"

"""A copy of everything, and everything erased: asked in words, by command or by tap, in any state; one confirmation."""

import dataclasses
from datetime import timedelta

import pytest

from bot.dialogue.own_data import ASKED_FOR, OwnData
from bot.dialogue.said import Said, said
from bot.outcome import EXPORT_JSON, EXPORT_PDF, Kind, Outcome, Reply
from bot.patient import Patient, Step
from bot.payload import parse
from bot.words import Words
from tests.unit.dialogue.conftest import NOW, FakeEngine, Person

EXPORTS = [
    "/export", "give me my data", "Give me all my data, please", "download everything you have on me", "export my data",
    "can you send me a copy of my data?", "i'd like to have all my data", "send me everything you keep about me",
    "can i have a copy of all the data you have about me", "show me my data", "download my information",
    "I want a copy of everything you know about me", "send me all my personal data",
]  # fmt: skip
ERASES = [
    "/delete", "delete my data", "Please delete all my data!", "erase everything", "forget me", "forget everything",
    "delete everything you have about me", "can you erase all my data", "remove my account", "wipe all of my data",
    "i want you to delete my personal data please", "delete my account", "erase all the information you have on me",
    "forget all about me", "delete me",
]  # fmt: skip
NEITHER = [
    "everything hurts", "i want everything back to normal", "delete my reminders", "how do i tape my eye", "my data",
    "is this private", "i forget everything since my stroke", "erase my scar", "show me everything", "yes",
    "yes, delete everything i ate", "export", "have everything", "my details are wrong", "remove my stitches",
    "can i get my smile back", "show me my progress", "stop sharing my data", "what do you store about me",
]  # fmt: skip


@pytest.fixture
def own(words: Words) -> OwnData:
    return OwnData(words)


def known() -> Patient:
    return Patient(id="p" * 32, step=Step.DONE, consented_at=NOW)


@pytest.mark.parametrize("text", EXPORTS)
@pytest.mark.parametrize("step", [Step.NEW, Step.CONSENT, Step.AGE, Step.DONE])
def test_a_copy_is_sent_as_two_files(own: OwnData, text: str, step: Step) -> None:
    found = own.hear(dataclasses.replace(known(), step=step), said(text), NOW)
    assert found is not None
    assert [reply.document for reply in found.outcome.replies] == [EXPORT_PDF, EXPORT_JSON]
    assert not found.erase


@pytest.mark.parametrize("text", ERASES)
def test_erasing_is_asked_about_first(own: OwnData, text: str, words: Words) -> None:
    found = own.hear(known(), said(text), NOW)
    assert found is not None
    assert not found.erase
    assert found.outcome.replies[0].text == words("own.ask")
    assert found.patient.deleting_at == NOW


@pytest.mark.parametrize("text", NEITHER)
def test_what_is_neither_is_left_to_others(own: OwnData, text: str) -> None:
    assert own.hear(known(), said(text), NOW) is None


@pytest.mark.parametrize("text", ["yes, delete everything", "Yes delete everything!", "yes erase it all", "press"])
def test_a_tap_or_the_typed_words_confirm(own: OwnData, text: str) -> None:
    asked = dataclasses.replace(known(), deleting_at=NOW)
    spoken = Said(press=parse("data:yes")) if text == "press" else said(text)
    found = own.hear(asked, spoken, NOW + ASKED_FOR)
    assert found is not None
    assert found.erase


@pytest.mark.parametrize("text", ["yes", "ok", "sure", "Yes please", "do it"])
def test_a_bare_yes_may_mean_something_else_and_is_asked_once_more(own: OwnData, text: str, words: Words) -> None:
    found = own.hear(dataclasses.replace(known(), deleting_at=NOW), said(text), NOW)
    assert found is not None
    assert not found.erase
    assert found.outcome.replies[0].text == words("own.be_sure")
    assert found.patient.deleting_at == NOW


@pytest.mark.parametrize("text", ["no", "No, keep it", "cancel"])
def test_a_no_keeps_everything(own: OwnData, text: str, words: Words) -> None:
    found = own.hear(dataclasses.replace(known(), deleting_at=NOW), said(text), NOW)
    assert found is not None
    assert (found.erase, found.patient.deleting_at) == (False, None)
    assert found.outcome.replies[0].text == words("own.kept")


@pytest.mark.parametrize("asked", [None, NOW - ASKED_FOR - timedelta(seconds=1)])
def test_an_old_button_asks_anew(own: OwnData, asked: object, words: Words) -> None:
    patient = dataclasses.replace(known(), deleting_at=asked)  # type: ignore[arg-type]
    found = own.hear(patient, Said(press=parse("data:yes")), NOW)
    assert found is not None
    assert not found.erase
    assert found.outcome.replies[0].text == words("own.ask")
    assert own.hear(patient, said("yes, delete everything"), NOW) is None


async def test_the_whole_way(person: Person, words: Words) -> None:
    await person.types("delete all my data")
    assert person.heard == words("own.ask")
    outcome = await person.taps("data:yes")
    assert person.turn is not None
    assert person.turn.erase
    assert outcome.kind is Kind.ACCOUNT


async def test_before_consent_too(newcomer: Person, words: Words) -> None:
    await newcomer.types("hello")
    await newcomer.types("/delete")
    assert newcomer.heard == words("own.ask")
    await newcomer.types("yes, delete everything")
    assert newcomer.turn is not None
    assert newcomer.turn.erase


async def test_something_else_closes_the_question(person: Person) -> None:
    await person.types("/delete")
    await person.types("how do i tape my eye at night")
    assert person.patient.deleting_at is None
    await person.types("yes, delete everything")
    assert person.turn is not None
    assert not person.turn.erase


async def test_a_red_flag_goes_first_and_closes_the_question(person: Person) -> None:
    await person.types("/delete")
    outcome = await person.types("yes delete everything, my arm is weak and i can't speak")
    assert outcome.kind in (Kind.EMERGENCY, Kind.TRIAGE)
    assert person.turn is not None
    assert not person.turn.erase
    assert person.patient.deleting_at is None


async def test_what_is_said_about_ones_data_has_both_buttons(person: Person, fake_engine: FakeEngine) -> None:
    fake_engine.says(Outcome(kind=Kind.ACCOUNT, replies=(Reply(text="what I keep"),)))
    await person.types("is what i write here private")
    assert person.offered == ["data:export", "data:delete"]

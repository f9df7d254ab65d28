"""Tapped buttons: whatever data comes is one of ours or nothing, and one of ours is obeyed in any state of a person."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dialogue import Dialogue, Said
from bot.dialogue.engine import Engine
from bot.knowledge import Shelf
from bot.patient import Patient, Step
from bot.payload import _FORMS, Press, parse, payload
from bot.settings import CONTENT
from tests.fuzz.conftest import examples, within
from tests.fuzz.mess import cut_up, texts

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
ours = st.sampled_from(sorted(_FORMS)).flatmap(
    lambda verb: st.from_regex(_FORMS[verb], fullmatch=True).map(lambda argument: Press(verb, argument))
)
forged = st.one_of(
    texts,
    st.builds(lambda verb, rest: f"{verb}:{rest}", st.sampled_from(sorted(_FORMS)), texts),
    ours.flatmap(lambda press: cut_up(press.payload.encode()).map(lambda data: data.decode("utf-8", "replace"))),
)
people = st.builds(
    Patient,
    id=st.just("x"),
    step=st.sampled_from(Step),
    consented_at=st.none() | st.just(NOW),
    stopped_at=st.none() | st.just(NOW),
    country=st.none() | st.sampled_from(["GB", "ZZ"]),
    awaiting=st.none() | st.sampled_from(["stroke", "breathing!", "crisis_danger", "gone"]),
    misses=st.integers(0, 5),
)


@pytest.fixture(scope="module")
def dialogue(shelf: Shelf) -> Dialogue:
    return Dialogue.load(CONTENT, shelf, Engine(["http://127.0.0.1:9"], "invented", 1.0), lambda: NOW)


@examples(1)
@given(forged)
def test_a_forged_button_is_nothing_or_one_of_ours(data: str) -> None:
    with within(0.2):
        press = parse(data)
    if press is not None:
        assert press.payload == data
        if len(data.encode()) <= 64:
            assert payload(press.verb, press.argument) == data


@examples(1)
@given(people, ours)
async def test_every_button_of_ours_gets_an_answer_from_anybody_at_any_time(
    dialogue: Dialogue, person: Patient, press: Press
) -> None:
    with within(2.0):
        turn = await dialogue.reply(person, Said(press=press, language="en"))
    assert turn.outcome.replies or turn.outcome.notice
    assert turn.patient.id == person.id


@examples(1)
@given(st.lists(ours | st.sampled_from(["start", "stop", "menu", "help", "delete", "export"]), min_size=2, max_size=8))
async def test_buttons_in_any_order_lead_nowhere_without_an_answer(
    dialogue: Dialogue, presses: list[Press | str]
) -> None:
    person = Patient(id="x", step=Step.DONE, consented_at=NOW, country="GB", stage="recovery")
    for press in presses:
        turn = await dialogue.reply(person, Said(command=press) if isinstance(press, str) else Said(press=press))
        assert turn.outcome.replies or turn.outcome.notice
        person = turn.patient

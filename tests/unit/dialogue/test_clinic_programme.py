"""The programme that a clinic chose, in chat: offered under its name, left out of what a gate shuts, and ended."""

from __future__ import annotations

import dataclasses

from bot.programme.own import CLINICS, OwnItem, OwnProgramme
from bot.programme.prescribed import Prescribed
from bot.programme.session import Session
from bot.words import Words
from tests.unit.dialogue.conftest import NOW, Person
from tests.unit.dialogue.test_exercise import (
    FLOPPY,
    MOVING,
    TIGHT,
    checked,
    head,
    offered,
    practice_of,
    session_of,
    started,
    tap,
    titles,
    to_practice,
    to_scores,
)

OWN = OwnProgramme(
    (OwnItem("EX-15", 2, 2), OwnItem("EX-01", minutes=1), OwnItem("EX-13", 3)),
    2, "Watch the <corner> of your mouth.", "Invented clinic", "Ada", NOW,
)  # fmt: skip


def prescribe(person: Person, **settings: object) -> None:
    set_ = Prescribed(stage="S2", own=OWN)
    person.patient = dataclasses.replace(
        person.patient,
        prescribed=dataclasses.replace(set_, **settings).dumps(),  # type: ignore[arg-type]
    )


async def test_it_is_offered_under_the_clinics_name_with_its_words_and_order(person: Person, words: Words) -> None:
    prescribe(person)
    await offered(person)
    assert person.heard.startswith("**From your clinic, Invented clinic**\n\nWatch the <corner> of your mouth.")
    assert "Do it 2 times a day." in person.heard
    assert words("exercise.only_if") in person.heard
    assert "Left out" not in person.heard
    assert titles(person) == ["Start now", "Something is wrong", "Not now"]
    await tap(person, "Start now")
    assert session_of(person).items == ("EX-15", "EX-01", "EX-13")
    assert session_of(person).programme == CLINICS
    await to_practice(person)
    assert words("exercise.hold", count=2, seconds=2) in person.heard
    await to_scores(person)
    await tap(person, "2")
    await tap(person, "8")
    assert person.turn is not None
    assert person.turn.practised is not None
    ended: Session = person.turn.practised.session
    assert (ended.programme, ended.stage, ended.done) == (CLINICS, "S2", ended.items)


async def test_what_a_gate_shuts_later_is_left_out_and_said(person: Person) -> None:
    prescribe(person, locked=("EX-13",))
    await offered(person)
    assert "Left out today: " in person.heard
    assert "**From your clinic" in person.heard
    await tap(person, "Start now")
    assert session_of(person).items == ("EX-15", "EX-01")


async def test_where_nothing_of_it_is_open_the_stages_own_is_offered_and_that_is_said(person: Person) -> None:
    prescribe(person, own=dataclasses.replace(OWN, items=(OwnItem("EX-13"),)), stage="S0")
    await offered(person, FLOPPY)
    assert person.heard.startswith("Your clinic's own exercises wait for now.")
    assert "**Rest and care**" in person.heard
    await tap(person, "Start now")
    assert "EX-13" not in session_of(person).items


async def test_a_red_flag_shuts_it_like_all_others(person: Person) -> None:
    prescribe(person)
    await started(person)
    await tap(person, "It hurts")
    assert practice_of(person).session is None
    await person.types("/exercise")
    assert "From your clinic" not in person.heard
    assert "Start now" not in titles(person)


async def test_who_was_not_assessed_gets_nothing_of_it(person: Person) -> None:
    prescribe(person)
    await offered(person, {**MOVING, "assessed": "Not yet"})
    assert "From your clinic" not in person.heard
    assert "Start now" not in titles(person)


async def test_the_doses_hold_while_it_does_and_the_library_after(person: Person, words: Words) -> None:
    prescribe(person)
    await started(person)
    assert head(person).startswith("1 of 3")
    person.patient = dataclasses.replace(person.patient, prescribed=Prescribed(stage="S2").dumps())
    await to_practice(person)
    assert words("exercise.hold", count=2, seconds=2) not in person.heard
    await tap(person, "Stop")
    await person.types("/exercise")
    await checked(person)
    assert person.heard.startswith("**Small and even**")


async def test_without_a_clinic_nothing_is_different(person: Person) -> None:
    await offered(person, TIGHT)
    assert "clinic" not in person.heard.lower()

"""What is kept of a missed message holds no link, address, number or name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dialogue.scrub import MAX_KEPT, scrub
from bot.knowledge import Library
from bot.outcome import Kind, Outcome, Reply
from bot.store import Store, patients, records
from tests.unit.dialogue.conftest import NOW, FakeEngine, Person

WORDS = frozenset("my eye is dry call me at doctor says hi i'm dont".split())


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("my eye is dry", "my eye is dry"),
        ("hi i'm Zebulon, my eye is dry", "hi i'm …, my eye is dry"),
        ("call me at 07700 900123", "call me at # #"),
        ("doctor Quatermain's says my eye is dry https://example.org/x?y=1", "doctor … says my eye is dry …"),
        ("me@example.org @zebulon", "… …"),
        ("don’t call", "don’t call"),
    ],
)
def test_what_could_say_who_wrote_it_goes(text: str, kept: str) -> None:
    assert scrub(text, WORDS) == kept


@given(st.text())
def test_no_digit_is_left_and_it_stays_short(text: str) -> None:
    kept = scrub(text, WORDS)
    assert not any(letter.isdecimal() for letter in kept)
    assert len(kept) <= MAX_KEPT


async def test_a_miss_is_kept_scrubbed_and_forgotten_with_the_person(
    person: Person, fake_engine: FakeEngine, store: Store, library: Library
) -> None:
    from bot.dialogue import record

    fake_engine.says(Outcome(kind=Kind.FALLBACK, alternatives=("dry-eye",), replies=(Reply(text="sorry"),)))
    before = person.patient
    await person.types("zebulonquux my eye 4711")
    assert person.turn is not None and person.turn.missed == "… my eye #"
    async with store.writing() as session:
        await patients.create(session, before, NOW)
        await record(session, "k", before, person.turn, NOW)
        await record(session, "k", before, person.turn, NOW)
    async with store.reading() as session:
        (miss,) = await records.misses(session, NOW, 10)
    assert (miss.kind, miss.text, miss.nearest) == ("fallback", "… my eye #", ("dry-eye",))
    async with store.writing() as session:
        await records.forget(session, before.id)
    async with store.reading() as session:
        assert await records.misses(session, NOW, 10) == []

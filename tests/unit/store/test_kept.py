"""Everything that is kept stands in the register; what it holds of a person is exported, and erased to the last row."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Text, cast, select, type_coerce, update

from bot.outcome import Kind, Outcome
from bot.patient import Step
from bot.referral.record import Referral
from bot.referral.sorting import Sorting
from bot.store import (
    Store,
    consents,
    erasures,
    inbox,
    kept,
    lines,
    outbox,
    patients,
    records,
    referrals,
    reminders,
    sealed,
    seals,
)  # fmt: skip
from bot.store.clinic_tables import AuditRow, ClinicRow, LineRow, ReferralRow
from bot.store.tables import Base, ErasureRow, InboxRow
from bot.words import Words

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
MARK = "marked-51ad"
CLINICS = "clinics-marked-77c1"
CHAT = 90010010019
SORTING = Sorting(
    place="5",
    target_on=NOW.date(),
    band="P3",
    machine_band="P3",
    ruleset="invented",
    sorted_on=NOW.date(),
    score=0.0,
    eye="unknown",
    action="",
    flags=[],
    missing=[],
    machine_rules=[],
)


def test_every_table_is_registered_once() -> None:
    known = [each.table.__tablename__ for each in kept.REGISTER]
    assert sorted(known) == sorted(Base.metadata.tables), "add the table to REGISTER in bot/store/kept.py"


@pytest.mark.parametrize("each", kept.REGISTER, ids=lambda each: each.table.__tablename__)
def test_a_table_that_names_a_person_says_how_it_is_erased(each: kept.Kept) -> None:
    names_them = {"patient_id", "chat_id"} & set(each.table.__table__.columns.keys())
    assert each.why
    if each.table is not ErasureRow and names_them:
        assert each.whose != "nobody"
        assert each.erase is not None
        assert each.export is not None
    assert (each.export is None) == (each.title == "")


@pytest.mark.parametrize("each", [each for each in kept.REGISTER if each.title], ids=lambda each: each.title)
def test_a_section_of_the_export_has_its_heading(each: kept.Kept, words: Words) -> None:
    assert words(each.title)


async def pour(store: Store, chat: int, mark: str, clinics: str) -> str:
    """Fill every table that holds something of a person with marked text; gives the pseudonym."""
    number = chat % 1000  # no other number of theirs holds their chat's
    async with store.writing() as session:
        updates = [(number, chat, {"text": mark}), (number + 1, chat, {"text": f"{mark} later"})]
        await inbox.write(session, updates, NOW)
        (first,) = await inbox.claim(session, "test", NOW, 1)
        new = await patients.of_chat(session, chat, NOW)
        person = dataclasses.replace(
            new,
            step=Step.DONE,
            consented_at=NOW,
            consent_version="test",
            held_question=mark,
            summary=mark,
            practice=json.dumps({"note": mark}),
            referring=json.dumps({"name": mark}),
        )
        await patients.save(session, person)
        await consents.note(session, person.id, "use", NOW, given=True, version="test")
        await outbox.add(session, f"update:{number}", person.id, "send", {"html": mark}, NOW)
        await records.note_feedback(session, person.id, "eating", 1, True, NOW)
        await records.note_safety(
            session, f"s{number}", person.id, Outcome(kind=Kind.EMERGENCY, findings={"x": mark}), NOW
        )
        await records.note_miss(session, f"m{number}", person.id, Outcome(kind=Kind.FALLBACK), mark, NOW)
        check = records.KeptAssessment(NOW, NOW, "result", "ROUTINE", False, (), {"x": mark}, {}, "r", mark)
        await records.note_assessment(session, f"a{number}", person.id, check, NOW)
        diary = records.KeptSession(NOW, "UTC", mark, "S0", "finished", (mark,), (), (), 1, 2)
        await records.note_session(session, f"e{number}", person.id, diary, NOW)
        score = records.KeptScore("week", 1.0, {}, {"free": mark}, None)
        await records.note_score(session, f"q{number}", person.id, score, NOW)
        await reminders.sync(session, person.id, {"abc123": json.dumps({"kind": mark})}, lambda *_: NOW)
        clinic = ClinicRow(name="Invented clinic", zone="UTC", created_at=NOW)
        session.add(clinic)
        await session.flush()
        referral = await referrals.create(
            session, clinic.id, Referral(received=NOW.date(), text=clinics), SORTING, NOW,
            patient_ref="AB 1", referrer="invented", staff_id=None,
        )  # fmt: skip
        await lines.open_line(session, clinic.id, referral, person.id, NOW, assessments_to=0)
        await lines.to_clinic(session, f"k{number}", person.id, clinics, NOW)
        await inbox.finish(session, first.id, NOW)
    return person.id


async def everything(store: Store) -> dict[str, str]:
    """All rows of all tables as text, by table."""
    async with store.reading() as session:
        connection = await session.connection()
        return {
            name: "\n".join(str(tuple(row)) for row in await connection.execute(select(table)))
            for name, table in Base.metadata.tables.items()
        }


async def test_the_export_holds_what_is_the_persons_and_nothing_of_others(store: Store) -> None:
    one, _ = await pour(store, CHAT, MARK, CLINICS), await pour(store, 1002, "another-person", "another-record")
    async with store.reading() as session:
        sections = {each.table: each.entries for each in await kept.export(session, one)}
    assert set(sections) == {each.table.__tablename__ for each in kept.REGISTER if each.export is not None}
    told = json.dumps({name: list(entries) for name, entries in sections.items()})
    assert "another-" not in told
    assert str(CHAT) not in told
    assert sections["line_messages"] == ({"at": NOW.isoformat(), "by": "you", "text": CLINICS},)
    assert sections["referrals"] == ({"clinic": "Invented clinic", "record_since": "2026-11-23"},)
    assert sections["patients"][0]["practice"] == {"note": MARK}
    for table in ("assessments", "scores", "exercise_sessions", "reminders", "misses", "safety_events", "outbox"):
        assert MARK in json.dumps(list(sections[table])), table


async def test_erasing_leaves_only_the_clinics_record_and_a_line_that_names_nobody(store: Store) -> None:
    gone, stays = await pour(store, CHAT, MARK, CLINICS), await pour(store, 1002, "another-person", "another-record")
    before = await everything(store)
    async with store.writing() as session:
        await kept.erase(session, gone, NOW)
    after = await everything(store)
    for name, text in after.items():
        if name not in ("erasures", "inbox"):
            assert gone not in text, name
            assert str(CHAT) not in text, name
        if name != "inbox":
            assert MARK not in text, name
        assert (CLINICS in text) == (name in ("referrals", "line_messages")), name
        assert text.count(stays) == before[name].count(stays), name
        assert text.count("another-") == before[name].count("another-"), name
    async with store.reading() as session:
        assert [(each.patient_id, each.chat_id) for each in await erasures.under_way(session)] == [(gone, CHAT)]
        row = (await session.scalars(select(AuditRow))).one()
        assert (row.what, row.clinic_id, row.staff_id, row.referral_id, row.about) == (
            kept.ERASED,
            None,
            None,
            None,
            None,
        )
        ended = (await session.scalars(select(LineRow).where(LineRow.patient_id.is_(None)))).one()
        assert (ended.ended_at, ended.ended_by) == (NOW, "patient")
        assert [each.patient_id for each in await session.scalars(select(ReferralRow).order_by(ReferralRow.id))] == [
            None,
            stays,
        ]


async def test_what_came_after_the_yes_is_a_new_persons_and_is_still_read(store: Store) -> None:
    gone = await pour(store, CHAT, MARK, CLINICS)
    async with store.writing() as session:
        await kept.erase(session, gone, NOW)
    async with store.reading() as session:
        rows = list(await session.scalars(select(InboxRow).order_by(InboxRow.id)))
    assert [(row.state, row.chat_id, row.update) for row in rows] == [
        ("done", 0, None),
        ("waiting", CHAT, {"text": f"{MARK} later"}),
    ]
    async with store.writing() as session:
        assert (await patients.of_chat(session, CHAT, NOW)).step is Step.NEW
        # the very update that was answered is not answered again when Telegram repeats it
        assert await inbox.write(session, [(CHAT % 1000, CHAT, {"text": "yes"})], NOW) == 0


async def test_an_erasure_that_is_done_names_nobody(store: Store) -> None:
    gone = await pour(store, CHAT, MARK, CLINICS)
    async with store.writing() as session:
        await kept.erase(session, gone, NOW)
        (row,) = await erasures.under_way(session)
        await erasures.told(session, row.id)
        assert [each.chat_id for each in await erasures.under_way(session)] == [None]
        await erasures.wiped(session, row)
        assert await erasures.wait_for_rebuild(session)
        await erasures.finish(session, NOW + timedelta(minutes=1))
        assert not await erasures.wait_for_rebuild(session)
    assert gone not in (await everything(store))["erasures"]


async def test_a_wipe_leaves_no_row_and_takes_no_later_one_with_it(store: Store) -> None:
    async with store.writing() as session:
        await erasures.wipe(session, "one", NOW)
    async with store.writing() as session:
        (done,) = await erasures.under_way(session)
        assert (done.patient_id, done.chat_id, done.is_wipe) == ("one", None, True)
        await erasures.wiped(session, done)
        await erasures.wipe(session, "two", NOW)  # SQLite gives it the number of the one that went
        await erasures.wiped(session, done)
        assert [each.patient_id for each in await erasures.under_way(session)] == ["two"]
        assert not await erasures.wait_for_rebuild(session)


async def test_people_go_before_wipes(store: Store) -> None:
    async with store.writing() as session:
        await erasures.wipe(session, "one", NOW)
        await erasures.begin(session, "two", CHAT, NOW)
        assert [each.patient_id for each in await erasures.under_way(session)] == ["two", "one"]


async def test_erasing_nobody_changes_nothing(store: Store) -> None:
    await pour(store, CHAT, MARK, CLINICS)
    before = await everything(store)
    async with store.writing() as session:
        await kept.erase(session, "nobody", NOW)
    assert await everything(store) == before


async def test_a_transaction_that_fails_erases_nothing(store: Store) -> None:
    gone = await pour(store, CHAT, MARK, CLINICS)
    before = await everything(store)
    with pytest.raises(RuntimeError):
        async with store.writing() as session:
            await kept.erase(session, gone, NOW)
            raise RuntimeError
    assert await everything(store) == before


async def test_no_byte_of_the_erased_stays_in_sqlites_files(store: Store, database_url: str) -> None:
    if not database_url.startswith("sqlite"):
        pytest.skip("what PostgreSQL's files hold is its operator's: see docs/privacy.md")
    gone = await pour(store, CHAT, MARK, CLINICS)
    # Of what is sealed the words are never there, and yet the seals must go: the key is still in its file.
    theirs = await sealed_with(store, MARK)
    assert len(theirs) > 10
    async with store.writing() as session:
        await session.execute(update(InboxRow).where(InboxRow.chat_id == CHAT).values(state="done"))
        await kept.erase(session, gone, NOW)
        (row,) = await erasures.under_way(session)
        await erasures.wiped(session, row)
    assert await store.scrub()
    path = Path(database_url.partition("///")[2])
    for file in path.parent.iterdir():
        content = file.read_bytes()
        for mark in (MARK, gone, str(CHAT)):
            assert mark.encode() not in content, f"{mark} in {file.name}"
        assert CHAT.to_bytes(6, "big") not in content
        assert not any(each in content for each in theirs), file.name


async def sealed_with(store: Store, mark: str) -> list[bytes]:
    """Everything that is sealed and holds a mark, as it stands in the database."""
    found = []
    async with store.reading() as session:
        for table in seals.sealed_tables():
            for column in sealed.columns_of(table):
                raw = cast(type_coerce(column, Text), Text)
                for each in await session.scalars(select(raw).where(column.is_not(None))):
                    found += [each.strip('"').encode()] if mark.encode() in store.keys.open(each.strip('"')) else []
    return found

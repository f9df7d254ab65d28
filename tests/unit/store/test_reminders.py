"""Reminders in the database: claimed once, moved on with what is sent, each rule by its name, nobody's left behind."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from bot.patient import Patient
from bot.store import Store, kept, outbox, patients, reminders, tally
from bot.store.outbox import Unasked
from bot.store.reminders import Due, Moved
from bot.store.tables import OutboxRow, ReminderCountRow, ReminderRow, TelegramChatRow
from bot.store.tally import Tally

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MINUTE = timedelta(minutes=1)
type Following = Callable[[str, datetime | None], datetime | None]


@pytest.fixture(autouse=True)
async def people(store: Store) -> None:
    async with store.writing() as session:
        for chat, name in enumerate("abcdefgh", 2001):
            await patients.create(session, Patient(id=name), NOW)
            session.add(TelegramChatRow(chat_id=chat, patient_id=name))


def always(moment: datetime | None) -> Following:
    return lambda name, sent: moment


async def plan(store: Store, person: str = "a", due: datetime | None = NOW, **rules: str) -> None:
    async with store.writing() as session:
        await reminders.sync(session, person, rules, always(due))


async def claim(store: Store, now: datetime = NOW, limit: int = 100) -> list[Due]:
    async with store.writing() as session:
        return await reminders.claim(session, now, limit)


async def move(store: Store, *moves: Moved) -> None:
    async with store.writing() as session:
        await reminders.move_on(session, moves, NOW)


async def rows(store: Store) -> list[ReminderRow]:
    async with store.reading() as session:
        return list(await session.scalars(select(ReminderRow).order_by(ReminderRow.patient_id, ReminderRow.name)))


async def only(store: Store) -> ReminderRow:
    [row] = await rows(store)
    return row


def names(claimed: list[Due]) -> list[str]:
    return [each.name for each in claimed]


# ---- the rows of a plan ----
async def test_each_rule_has_a_row_of_its_name(store: Store) -> None:
    await plan(store, one="r1", two="r2")
    assert [(row.name, row.rule, row.state, row.due_at) for row in await rows(store)] == [
        ("one", "r1", "active", NOW),
        ("two", "r2", "active", NOW),
    ]


async def test_a_rule_that_is_gone_leaves_no_row(store: Store) -> None:
    await plan(store, one="r1", two="r2")
    await plan(store, two="r2")
    assert [row.name for row in await rows(store)] == ["two"]


async def test_an_unchanged_rule_keeps_its_row_as_it_is(store: Store) -> None:
    await plan(store, one="r1")
    await plan(store, one="r1", due=NOW + DAY)
    assert (await only(store)).due_at == NOW


async def test_a_changed_rule_is_due_anew(store: Store) -> None:
    await plan(store, one="r1")
    await plan(store, one="r2", due=NOW + DAY)
    row = await only(store)
    assert (row.rule, row.due_at, row.look_at) == ("r2", NOW + DAY, NOW + DAY)


async def test_a_changed_rule_knows_what_was_sent_last(store: Store) -> None:
    await plan(store, one="r1")
    row = await only(store)
    await move(store, Moved(row.id, NOW + DAY, NOW + DAY, NOW, sent=1))
    told: list[datetime | None] = []

    def following(name: str, sent: datetime | None) -> datetime:
        told.append(sent)
        return NOW + HOUR

    async with store.writing() as session:
        await reminders.sync(session, "a", {"one": "r2"}, following)
    assert (told, (await only(store)).sent_at) == ([NOW], NOW)


async def test_a_rule_that_never_comes_is_over(store: Store) -> None:
    await plan(store, one="r1", due=None)
    row = await only(store)
    assert (row.state, row.due_at) == ("over", None)
    assert await claim(store, NOW + 100 * DAY) == []


async def test_a_mended_rule_is_no_longer_parked(store: Store) -> None:
    await plan(store, one="broken")
    await move(store, Moved((await only(store)).id, NOW, NOW, None, fault="unreadable"))
    await plan(store, one="r1")
    row = await only(store)
    assert (row.state, row.fault) == ("active", None)


async def test_nobodys_plan_touches_another_persons(store: Store) -> None:
    await plan(store, "a", one="r1")
    await plan(store, "b", one="r2")
    await plan(store, "b")
    assert [row.patient_id for row in await rows(store)] == ["a"]


# ---- claiming ----
@pytest.mark.parametrize(("after", "due"), [(-MINUTE, []), (0 * MINUTE, ["one"]), (MINUTE, ["one"])])
async def test_what_is_due_is_claimed_and_not_before(store: Store, after: timedelta, due: list[str]) -> None:
    await plan(store, one="r1")
    assert names(await claim(store, NOW + after)) == due


async def test_the_earliest_are_claimed_first_and_no_more_than_asked_for(store: Store) -> None:
    for minutes, person in enumerate("dcba"):
        await plan(store, person, NOW - minutes * MINUTE, **{person: "r"})
    assert names(await claim(store, limit=3)) == ["a", "b", "c"]


async def test_one_that_was_moved_on_is_not_claimed_again(store: Store) -> None:
    await plan(store, one="r1")
    [due] = await claim(store)
    await move(store, Moved(due.id, NOW + DAY, NOW + DAY, NOW, sent=1))
    assert await claim(store) == []
    assert names(await claim(store, NOW + DAY)) == ["one"]


async def test_one_that_waits_is_looked_at_later_and_stays_due_when_it_was(store: Store) -> None:
    await plan(store, one="r1")
    [due] = await claim(store)
    await move(store, Moved(due.id, NOW, NOW + 5 * MINUTE, None))
    assert await claim(store, NOW + 4 * MINUTE) == []
    [again] = await claim(store, NOW + 5 * MINUTE)
    assert again.due_at == NOW


async def test_when_the_block_raises_it_is_due_as_before(store: Store) -> None:
    await plan(store, one="r1")
    with pytest.raises(RuntimeError):
        async with store.writing() as session:
            [due] = await reminders.claim(session, NOW, 10)
            await outbox.add_unasked(session, [Unasked("k", "a", "send", {}, NOW)], NOW)
            await reminders.move_on(session, [Moved(due.id, NOW + DAY, NOW + DAY, NOW, sent=1)], NOW)
            raise RuntimeError
    row = await only(store)
    assert (row.due_at, row.sent, row.sent_at) == (NOW, 0, None)
    async with store.reading() as session:
        assert await outbox.waiting(session) == 0


async def test_many_are_moved_on_at_once_each_its_own_way(store: Store) -> None:
    await plan(store, a="r", b="r", c="r", d="r")
    sent, late, skipped, parked = await claim(store)
    await move(
        store,
        Moved(sent.id, NOW + DAY, NOW + DAY, NOW, sent=1),
        Moved(late.id, NOW + DAY, NOW + DAY, None, late=1),
        Moved(skipped.id, None, None, None, skipped=1),
        Moved(parked.id, NOW, NOW, None, fault="unreadable"),
    )
    assert [(row.state, row.sent, row.ignored, row.late, row.skipped, row.fault) for row in await rows(store)] == [
        ("active", 1, 1, 0, 0, None),
        ("active", 0, 0, 1, 0, None),
        ("over", 0, 0, 0, 1, None),
        ("parked", 0, 0, 0, 0, "unreadable"),
    ]


async def test_what_was_sent_last_is_kept_when_the_next_is_not_sent(store: Store) -> None:
    await plan(store, one="r1")
    [due] = await claim(store)
    await move(store, Moved(due.id, NOW, NOW, NOW, sent=1), Moved(due.id, NOW + DAY, NOW + DAY, None, late=1))
    assert (await only(store)).sent_at == NOW


async def test_nothing_to_move_on_is_fine(store: Store) -> None:
    await move(store)


async def test_two_claimers_at_once_share_no_row(store: Store) -> None:
    for person in "abcdefgh":
        await plan(store, person, NOW, one="r", two="r", three="r", four="r", five="r")
    claimed: list[int] = []

    async def dispatch() -> None:
        while True:
            async with store.writing() as session:
                found = await reminders.claim(session, NOW, 3)
                await asyncio.sleep(0)
                moves = [Moved(each.id, NOW + DAY, NOW + DAY, each.due_at, sent=1) for each in found]
                await reminders.move_on(session, moves, NOW)
            if not found:
                return
            claimed.extend(each.id for each in found)

    await asyncio.gather(dispatch(), dispatch())
    assert sorted(claimed) == sorted(row.id for row in await rows(store))
    assert {row.sent for row in await rows(store)} == {1}


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer at a time
async def test_a_claimer_passes_over_what_another_holds(store: Store) -> None:
    await plan(store, "a", NOW, one="r")
    await plan(store, "b", NOW, two="r")
    async with store.writing() as first, store.writing() as second:
        [mine] = await reminders.claim(first, NOW, 1)
        others = await reminders.claim(second, NOW, 10)
    assert names([mine, *others]) == ["one", "two"]


async def test_one_persons_are_claimed_alone(store: Store) -> None:
    await plan(store, "a", NOW, one="r")
    await plan(store, "b", NOW, two="r")
    async with store.writing() as session:
        assert names(await reminders.claim_of(session, "b", NOW)) == ["two"]


@pytest.mark.parametrize(("person", "look"), [("a", NOW - HOUR), ("b", None)])
async def test_when_to_look_next_is_the_earliest_of_a_persons_own(
    store: Store, person: str, look: datetime | None
) -> None:
    await plan(store, "a", NOW - HOUR, one="r")
    async with store.reading() as session:
        assert await reminders.next_look(session, person) == look


# ---- once more, heard, blocked, forgotten ----
async def test_one_that_was_put_off_comes_once_more(store: Store) -> None:
    await plan(store, one="r1", two="r2", due=None)
    async with store.writing() as session:
        await reminders.snooze(session, "a", "one", NOW + HOUR)
    assert names(await claim(store, NOW + HOUR)) == ["one"]


async def test_putting_off_is_of_the_persons_own(store: Store) -> None:
    await plan(store, "a", NOW + DAY, one="r1")
    async with store.writing() as session:
        await reminders.snooze(session, "b", "one", NOW)
    assert await claim(store) == []


async def test_a_sign_of_the_person_means_that_they_heard(store: Store) -> None:
    for person in "ab":
        await plan(store, person, NOW, one="r")
    for due in await claim(store):
        await move(store, Moved(due.id, NOW, NOW, NOW, sent=1))
    async with store.writing() as session:
        await reminders.noticed(session, "a")
    assert [(row.patient_id, row.ignored) for row in await rows(store)] == [("a", 0), ("b", 1)]


async def test_whoever_blocks_the_bot_has_rest_and_finds_all_again(store: Store) -> None:
    async with store.writing() as session:
        person = await patients.of_chat(session, 1001, NOW)
    await plan(store, person.id, NOW, one="r1")
    await plan(store, "b", NOW, two="r2")
    async with store.writing() as session:
        await patients.set_blocked(session, person.id, NOW)
    assert names(await claim(store)) == ["two"]
    async with store.writing() as session:
        await patients.set_blocked(session, person.id, None)
    assert names(await claim(store)) == ["one", "two"]


async def test_those_that_are_over_stay_so_when_the_person_comes_back(store: Store) -> None:
    await plan(store, one="r1", due=None)
    for blocked in (True, False):
        async with store.writing() as session:
            await reminders.rest(session, "a", blocked=blocked)
    assert (await only(store)).state == "over"


async def test_forgetting_leaves_no_row(store: Store) -> None:
    await plan(store, "a", NOW, one="r")
    await plan(store, "b", NOW, one="r")
    async with store.writing() as session:
        await reminders.forget(session, "a")
    assert [row.patient_id for row in await rows(store)] == ["b"]


async def test_whoever_has_no_chat_is_left_to_who_made_them(store: Store) -> None:
    async with store.writing() as session:
        await patients.create(session, Patient(id="z"), NOW)
    await plan(store, "z", NOW, one="r")
    await plan(store, "a", NOW, one="r")
    assert [each.patient_id for each in await claim(store)] == ["a"]
    async with store.writing() as session:
        assert [each.patient_id for each in await reminders.claim_of(session, "z", NOW)] == ["z"]


async def test_whoever_is_erased_leaves_no_row(store: Store) -> None:
    await plan(store, "a", NOW, one="r")
    async with store.writing() as session:
        await kept.erase(session, "a", NOW)
    assert await rows(store) == []


# ---- what an operator sees ----
async def test_what_is_due_until_a_moment_is_listed_in_order_and_left_as_it_is(store: Store) -> None:
    await plan(store, "a", NOW + HOUR, one="r1")
    await plan(store, "b", NOW, two="r2")
    await plan(store, "c", NOW + DAY, three="r3")
    async with store.reading() as session:
        assert await reminders.due_by(session, NOW + HOUR, 10) == [(NOW, "b", "r2"), (NOW + HOUR, "a", "r1")]
        assert len(await reminders.due_by(session, NOW + HOUR, 1)) == 1
    assert len(await claim(store)) == 1


async def test_with_no_reminders_all_counts_are_nothing(store: Store) -> None:
    async with store.reading() as session:
        assert await reminders.counts(session, NOW) == reminders.Counts(0, 0, 0, Tally())


async def test_the_counts_tell_how_reminders_stand(store: Store) -> None:
    await plan(store, "a", NOW, a="r", b="r", c="r", d="r")
    first, second, third, _ = await claim(store)
    await move(
        store,
        Moved(first.id, NOW + DAY, NOW + DAY, NOW, sent=3),
        Moved(second.id, NOW + DAY, NOW + DAY, None, late=2, skipped=5),
        Moved(third.id, NOW, NOW, None, fault="unreadable"),
    )
    promised = f"reminder:1:{NOW.isoformat()}"
    for key, fault in (
        (promised, None),
        (f"{promised}:1", None),
        (f"reminder:2:{NOW.isoformat()}", outbox.TOO_LATE),
        (f"reminder:3:{NOW.isoformat()}", "Forbidden"),
        ("update:1:0", "Forbidden"),
    ):
        await unasked(store, key)
        [row] = await outgoing(store, can_wait=True)
        async with store.writing() as session:
            if fault is None:
                await outbox.sent(session, row.id, 7, NOW)
            else:
                await outbox.failed(session, row.id, fault, NOW)
    told = reminders.Counts(active=3, due_now=1, parked=1, ever=Tally(due=11, sent=1, late=3, skipped=5, failed=2))
    assert await counted(store) == told


async def counted(store: Store) -> reminders.Counts:
    async with store.reading() as session:
        return await reminders.counts(session, NOW)


async def test_nothing_is_counted_down_when_rows_are_deleted(store: Store) -> None:
    await plan(store, "a", NOW, a="r", b="r")
    one, two = await claim(store)
    await move(store, Moved(one.id, NOW + DAY, NOW + DAY, NOW, sent=1), Moved(two.id, None, None, None, late=1))
    await unasked(store, f"reminder:{one.id}:{NOW.isoformat()}")
    [row] = await outgoing(store, can_wait=True)
    async with store.writing() as session:
        await outbox.sent(session, row.id, 7, NOW)
    before = (await counted(store)).ever
    await plan(store, "a")
    async with store.writing() as session:
        await kept.erase(session, "a", NOW)
    after = await counted(store)
    assert (after.active, after.ever) == (0, before)
    assert before == Tally(due=2, sent=1, late=1)


async def test_each_day_has_its_own_figures_and_the_sum_is_told(store: Store) -> None:
    for number in range(3):
        async with store.writing() as session:
            await tally.add(session, Tally(due=2, sent=1), NOW + number * DAY)
            await tally.add(session, Tally(due=1, late=1), NOW + number * DAY)
            await tally.add(session, Tally(), NOW + 9 * DAY)
    async with store.reading() as session:
        days = (await session.scalars(select(ReminderCountRow).order_by(ReminderCountRow.day))).all()
        assert await tally.total(session) == Tally(due=9, sent=3, late=3)
    assert [(row.day, row.due) for row in days] == [((NOW + number * DAY).date(), 3) for number in range(3)]


async def test_what_is_taken_back_is_not_counted(store: Store) -> None:
    await plan(store, "a", NOW, a="r")
    [due] = await claim(store)
    with pytest.raises(RuntimeError):
        async with store.writing() as session:
            await reminders.move_on(session, [Moved(due.id, NOW + DAY, NOW + DAY, None, late=1)], NOW)
            raise RuntimeError
    assert (await counted(store)).ever == Tally()


async def test_what_waits_is_counted_when_it_is_decided_on(store: Store) -> None:
    await plan(store, "a", NOW, a="r")
    [due] = await claim(store)
    await move(store, Moved(due.id, NOW, NOW + MINUTE, None))
    assert (await counted(store)).ever == Tally()


async def test_a_message_is_counted_once_however_often_it_is_said_to_be_sent(store: Store) -> None:
    await unasked(store, f"reminder:1:{NOW.isoformat()}")
    [row] = await outgoing(store, can_wait=True)
    for _ in range(2):
        async with store.writing() as session:
            await outbox.sent(session, row.id, 7, NOW)
    assert (await counted(store)).ever == Tally(sent=1)


async def test_what_arrived_though_it_was_given_up_is_kept_as_sent(store: Store) -> None:
    await unasked(store, f"reminder:1:{NOW.isoformat()}")
    [row] = await outgoing(store, can_wait=True)
    async with store.writing() as session:
        await outbox.give_up_on(session, "a", "Forbidden", NOW)
        await outbox.sent(session, row.id, 7, NOW)
    async with store.reading() as session:
        assert (await session.scalars(select(OutboxRow.state))).all() == ["sent"]
    assert (await counted(store)).ever == Tally(failed=1)


# ---- the outbox's side ----
async def test_one_promised_moment_is_written_once(store: Store) -> None:
    row = Unasked("reminder:1:2026-11-22T10:00:00+00:00", "a", "send", {"html": "first"}, NOW)
    for _ in range(2):
        async with store.writing() as session:
            await outbox.add_unasked(session, [row, row], NOW)
    async with store.reading() as session:
        assert await outbox.waiting(session) == 1


async def test_writing_nothing_is_fine(store: Store) -> None:
    async with store.writing() as session:
        await outbox.add_unasked(session, [], NOW)


async def unasked(store: Store, key: str, person: str = "a") -> None:
    async with store.writing() as session:
        await outbox.add_unasked(session, [Unasked(key, person, "send", {"html": key}, NOW + HOUR)], NOW)


async def answer(store: Store, key: str, person: str = "a") -> None:
    async with store.writing() as session:
        await outbox.add(session, key, person, "send", {"html": key}, NOW)


async def outgoing(store: Store, *, can_wait: bool) -> list[outbox.Outgoing]:
    async with store.writing() as session:
        return await outbox.claim(session, "g", NOW, 10, can_wait=can_wait)


def texts(claimed: list[outbox.Outgoing]) -> list[str]:
    return [str(each.body["html"]) for each in claimed]


async def test_an_answer_does_not_wait_behind_the_same_persons_reminder(store: Store) -> None:
    await unasked(store, "reminder:1")
    await answer(store, "update:1:0")
    assert texts(await outgoing(store, can_wait=False)) == ["update:1:0"]


async def test_what_can_wait_does_not_wait_behind_an_answer_that_fails(store: Store) -> None:
    await answer(store, "update:1:0")
    await unasked(store, "reminder:1")
    assert texts(await outgoing(store, can_wait=True)) == ["reminder:1"]


async def test_reminders_of_one_person_go_out_in_their_order(store: Store) -> None:
    for key in ("reminder:1", "reminder:2"):
        await unasked(store, key)
    assert texts(await outgoing(store, can_wait=True)) == ["reminder:1"]


async def test_until_when_it_is_of_use_travels_with_it(store: Store) -> None:
    await unasked(store, "reminder:1")
    [claimed] = await outgoing(store, can_wait=True)
    assert claimed.not_after == NOW + HOUR

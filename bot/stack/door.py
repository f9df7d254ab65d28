"""The dialogue without Telegram: the same `reply` and `record` as the gateway's, for the terminal and for measuring."""

import contextlib
import dataclasses
import json
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from pathlib import Path

from bot.clock import Clock, clock_starting_at
from bot.dialogue import Dialogue, Said, Turn, record
from bot.dialogue.clinic import StoredLines
from bot.dialogue.due import Push, due_now
from bot.dialogue.engine import Engine
from bot.dialogue.first_contact import CONSENT_VERSION
from bot.dialogue.self_referral import StoredTakers
from bot.knowledge import Shelf
from bot.patient import Patient, Step, new_pseudonym
from bot.settings import CONTENT, Settings
from bot.stack.model import train
from bot.stack.processes import Stack, free_ports
from bot.store import Store, kept, patients, reminders


class NotRunning(Exception):
    """`--attach` found no running system; the message says how to start one."""


class Door:
    """Lets one caller talk as any number of people."""

    def __init__(self, store: Store, dialogue: Dialogue, clock: Clock) -> None:
        self._store, self._dialogue, self.clock = store, dialogue, clock
        self._count = 0
        self._made: list[str] = []

    async def someone(self, *, country: str | None = None, for_whom: str = "self", new: bool = False) -> Patient:
        """Make a person: past consent and first contact with no stage known, unless `new`."""
        patient = Patient(id=new_pseudonym())
        if not new:
            patient = Patient(
                id=patient.id,
                step=Step.DONE,
                consented_at=self.clock(),
                consent_version=CONSENT_VERSION,
                for_whom=for_whom,
                age_band="adult",
                country=country,
            )
        async with self._store.writing() as session:
            await patients.create(session, patient, self.clock())
        self._made.append(patient.id)
        return patient

    async def say(self, patient: Patient, said: Said) -> Turn:
        """Say something and keep what it leaves behind. Returns the turn; its patient is the person from now on."""
        turn = await self._dialogue.reply(patient, said)
        self._count += 1
        async with self._store.writing() as session:
            await record(session, f"door:{patient.id}:{self._count}", patient, turn, self.clock())
        if turn.erase:  # who was erased is new, as in Telegram
            return dataclasses.replace(turn, patient=await self.someone(new=True))
        return turn

    async def let_pass(self, patient: Patient, until: datetime) -> AsyncIterator[tuple[datetime, Push]]:
        """Move the clock to a moment, with everything of one person that falls due meanwhile, at its own moment.

        The clock must be one that can be moved.
        """
        clock = self.clock
        if not isinstance(clock, MovableClock):
            raise TypeError("only a clock that stands still can be moved")
        while True:
            async with self._store.reading() as session:
                look = await reminders.next_look(session, patient.id)
            if look is None or look > until:
                break
            clock.now = max(clock.now, look)
            async with self._store.writing() as session:
                pushes, _ = await due_now(session, self._dialogue.words, clock.now, only=patient.id)
            for push in pushes:
                yield clock.now, push
        clock.now = until

    async def plan(self, patient: Patient, requests: Sequence[str]) -> Patient:
        """Set reminders in words, as the person would. Returns the person from now on.

        Raises:
            ValueError: one of them is no request for reminders.
        """
        for words in requests:
            turn = await self._dialogue.reply(patient, Said(text=words))
            if turn.patient.reminders == patient.reminders:
                raise ValueError(f"'{words}' sets no reminder; write it as 'daily 08:00'")
            async with self._store.writing() as session:
                await record(session, f"plan:{patient.id}", patient, turn, self.clock())
            patient = turn.patient
        return patient

    async def forget(self) -> None:
        """Take away every person made here, one after the other: in a running system others wait to write."""
        for patient_id in self._made:
            async with self._store.writing() as session:
                await kept.take_away(session, patient_id, self.clock())


@contextlib.asynccontextmanager
async def open_door(
    settings: Settings, *, attach: bool, clock: Clock | None = None, progress: Callable[[str], None]
) -> AsyncIterator[Door]:
    """Open the dialogue: of the running system, or with an engine and actions of its own in a temporary data folder.

    Raises:
        NotRunning: `attach` was asked for and nothing runs.
    """
    clock = clock or clock_starting_at(settings.now)
    if attach:
        path = settings.home / "run" / "system.json"
        if not path.exists():
            raise NotRunning("No running system found. Start one with `make run`, or leave --attach away.")
        state = json.loads(path.read_text(encoding="utf-8"))
        async with _door(settings, state["engine_url"], state["engine_token"], clock) as door:
            yield door
        return
    with tempfile.TemporaryDirectory(prefix="septimus-") as folder:
        actions, engine = free_ports(2)
        own = settings.model_copy(
            update={"home": Path(folder), "database_url": None, "actions_port": actions, "engine_port": engine}
        )
        progress("Training the engine if needed ...")
        model = train()
        progress("Starting the engine and the action server ...")
        stack = Stack(own, model, with_sandbox=False, with_gateway=False)
        await stack.start()
        try:
            async with _door(own, own.engine_url, stack.token, clock) as door:
                progress("Ready.")
                yield door
        finally:
            await stack.stop()


@contextlib.asynccontextmanager
async def _door(settings: Settings, engine_url: str, token: str, clock: Clock) -> AsyncIterator[Door]:
    store = Store(settings.database)
    await store.migrate()
    engine = Engine([engine_url], token, settings.engine_timeout)
    production = settings.mode == "production"
    shelf = Shelf(CONTENT, reload=False, must_be_reviewed=production, clock=time.monotonic)
    dialogue = Dialogue.load(CONTENT, shelf, engine, clock, StoredLines(store), StoredTakers(store))
    door = Door(store, dialogue, clock)
    try:
        yield door
    finally:
        await door.forget()
        await engine.close()
        await store.close()


class MovableClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Return the moment it stands at."""
        return self.now

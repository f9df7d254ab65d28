"""A dialogue on the real content, an engine that answers over HTTP like Rasa's REST channel, and a person who talks."""

import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bot.dialogue import Dialogue, Said, Turn, said
from bot.dialogue.check_in import CheckIns
from bot.dialogue.engine import Engine
from bot.dialogue.exercise import Exercises
from bot.dialogue.intake import Intakes
from bot.dialogue.language import Languages
from bot.dialogue.reminder import Reminders
from bot.knowledge import Shelf
from bot.outcome import Button, Kind, Outcome, Reply
from bot.patient import Patient, Step
from bot.payload import parse
from bot.reminders.places import Places
from bot.triage.countries import Countries
from bot.triage.screen import Screen
from bot.words import Words

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
TOKEN = "an-invented-token"
Answer = Callable[[dict[str, Any]], tuple[int, bytes]]


def parts(*outcomes: Outcome) -> bytes:
    """What Rasa's REST channel returns for actions that said these outcomes."""
    return json.dumps(
        [{"recipient_id": "x", "custom": {"outcome": o.model_dump(mode="json")}} for o in outcomes]
    ).encode()


def usual(body: dict[str, Any]) -> tuple[int, bytes]:
    """An answer that tells what it answers."""
    return 200, parts(Outcome(kind=Kind.ANSWER, topic="eating", replies=(Reply(text=f"[{body['message']}]"),)))


@dataclass
class FakeEngine:
    """An engine over real HTTP on loopback: what it was asked, and how it answers. `is_up` False drops every call."""

    url: str
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    forgotten: list[tuple[str, Any]] = field(default_factory=list)
    answer: Answer = usual
    is_up: bool = True

    def says(self, *outcomes: Outcome) -> None:
        self.answer = lambda _body: (200, parts(*outcomes))

    @property
    def messages(self) -> list[str]:
        return [body["message"] for body in self.asked]


@pytest.fixture(scope="session")
def engine_server() -> Iterator[FakeEngine]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            fake.forgotten.append((self.path, self.body()))
            self.respond(200, b"{}")

        def do_POST(self) -> None:
            body = self.body()
            if self.path != "/webhooks/rest/webhook":
                return self.respond(404, b"{}")
            fake.asked.append(body)
            fake.headers.append({name.lower(): value for name, value in self.headers.items()})
            return self.respond(*fake.answer(body))

        def body(self) -> Any:
            return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

        def respond(self, status: int, body: bytes) -> None:
            if not fake.is_up:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake = FakeEngine(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield fake
    server.shutdown()
    server.server_close()


@pytest.fixture
def fake_engine(engine_server: FakeEngine) -> FakeEngine:
    """The engine, with a clean slate."""
    engine_server.asked, engine_server.headers, engine_server.forgotten = [], [], []
    engine_server.answer, engine_server.is_up = usual, True
    return engine_server


@pytest.fixture
async def engine(fake_engine: FakeEngine) -> AsyncIterator[Engine]:
    client = Engine([fake_engine.url], TOKEN, 5.0)
    yield client
    await client.close()


@pytest.fixture(scope="session")
def languages(content: Path) -> Languages:
    return Languages.load(content)


@pytest.fixture(scope="session")
def intakes(content: Path, screen: Screen, words: Words) -> Intakes:
    return Intakes.load(content, screen.messages, words)


@pytest.fixture(scope="session")
def exercises(content: Path, shelf: Shelf, words: Words) -> Exercises:
    return Exercises.load(content, frozenset(shelf.library.sources), words)


@pytest.fixture(scope="session")
def check_ins(content: Path, shelf: Shelf, screen: Screen, words: Words) -> CheckIns:
    return CheckIns.load(content, shelf.library, screen.messages, words)


@pytest.fixture(scope="session")
def reminders(content: Path, words: Words) -> Reminders:
    return Reminders(Places.load(content / "places.yml"), words)


@pytest.fixture
def dialogue(
    shelf: Shelf,
    screen: Screen,
    countries: Countries,
    words: Words,
    languages: Languages,
    intakes: Intakes,
    exercises: Exercises,
    check_ins: CheckIns,
    reminders: Reminders,
    engine: Engine,
) -> Dialogue:
    return Dialogue(
        shelf, screen, countries, words, languages, intakes, exercises, check_ins, reminders, engine, lambda: NOW
    )


@dataclass
class Person:
    """Somebody invented who talks with the bot: types, sends commands, taps buttons that they were shown."""

    dialogue: Dialogue
    patient: Patient
    turn: Turn | None = None
    shown: list[Button] = field(default_factory=list)

    async def types(self, text: str) -> Outcome:
        return await self._say(said(text))

    async def taps(self, payload: str) -> Outcome:
        assert payload in [button.payload for button in self.shown], f"nobody was shown a button that says {payload}"
        return await self._say(Said(press=parse(payload)))

    async def _say(self, spoken: Said) -> Outcome:
        self.turn = await self.dialogue.reply(self.patient, spoken)
        self.patient = self.turn.patient
        self.shown += [button for reply in self.turn.outcome.replies for button in reply.buttons]
        return self.turn.outcome

    @property
    def heard(self) -> str:
        """All that the last turn said."""
        assert self.turn is not None
        return "\n\n".join(reply.text for reply in self.turn.outcome.replies)

    @property
    def offered(self) -> list[str]:
        """The buttons of the last turn."""
        assert self.turn is not None
        return [button.payload for reply in self.turn.outcome.replies for button in reply.buttons]


@pytest.fixture
def newcomer(dialogue: Dialogue) -> Person:
    """Somebody who writes for the first time."""
    return Person(dialogue, Patient(id="n" * 32))


@pytest.fixture
def person(dialogue: Dialogue) -> Person:
    """Somebody past consent and first contact, in Britain."""
    return Person(dialogue, known())


def known() -> Patient:
    return Patient(
        id="p" * 32,
        step=Step.DONE,
        consented_at=NOW,
        consent_version="2026-11",
        for_whom="self",
        age_band="adult",
        country="GB",
    )

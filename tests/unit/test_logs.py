"""Logs hold events and pseudonyms, never what a person wrote. One process writes at its loudest and is read."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.settings import ROOT

MARK = "marked-7f3a1c"
SECRET = "secret-90b2"
CHAT = 90010010019

# Marked words go the whole way: a first contact that holds them, the store, an engine that breaks in several ways and
# gives them back, the plain answer, the actions, and faults that carry them.
LOUD = f"""
import asyncio, io, logging, threading, time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import structlog
from openpyxl import Workbook, load_workbook
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Tracker

from actions.questions import AnswerQuestion
from actions.resources import Resources
from bot import logs
from bot.dialogue import Dialogue, record, said
from bot.dialogue.engine import Engine
from bot.knowledge import Shelf
from bot.patient import Patient, Step
from bot.settings import CONTENT, Settings
from bot.store import Store, inbox, outbox, patients
from bot.triage.countries import Countries
from bot.triage.messages import Messages
from bot.triage.rules import load_rules

TEXT = "how do i {MARK} tape my eye at night"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
ANSWERS = [(500, b'{{"error": "{MARK}"}}'), (200, b'["{MARK}"]'), (200, b"<{MARK}>"), (200, b'[{{"custom": {{"outcome": {{"kind": "{MARK}"}}}}}}]')]


class Broken(BaseHTTPRequestHandler):
    def do_PUT(self):
        self.do_POST()

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        status, body = ANSWERS.pop(0) if ANSWERS else (200, b"[]")
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Unraisable:
    def __del__(self):
        raise ValueError("{MARK}")


async def go():
    logs.configure("DEBUG", "test")
    log = structlog.get_logger()
    log.info("test.began")
    server = HTTPServer(("127.0.0.1", 0), Broken)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings = Settings()
    store = Store(settings.database)
    await store.migrate()
    async with store.writing() as session:
        person = await patients.of_chat(session, {CHAT}, NOW)
        await inbox.write(session, [(1, {CHAT}, {{"text": TEXT}})], NOW)
        await outbox.add(session, "one", person.id, "send", {{"html": TEXT}}, NOW)
        await inbox.claim(session, "test", NOW, 5)
    shelf = Shelf(CONTENT, reload=False, must_be_reviewed=False, clock=time.monotonic)
    engine = Engine([f"http://127.0.0.1:{{server.server_port}}"], "{SECRET}", 5.0)
    dialogue = Dialogue.load(CONTENT, shelf, engine, lambda: NOW)
    turn = await dialogue.reply(person, said("{MARK}"))
    async with store.writing() as session:
        await record(session, "one", person, turn, NOW)
    known = Patient(id=person.id, step=Step.DONE, consented_at=NOW)
    for text in [TEXT] * 5 + ["my arm is weak {MARK}", "i want to die {MARK}"]:
        engine._away_until.clear()
        turn = await dialogue.reply(known, said(text))
        async with store.writing() as session:
            await record(session, text, known, turn, NOW)
    await engine.forget(person.id)
    await engine.close()
    await Engine(["http://127.0.0.1:1"], "{SECRET}", 1.0).ask(known, TEXT)
    tracker = Tracker(person.id, {{}}, {{"text": TEXT, "intent": {{"name": "eye-taping"}}}}, [], False, None, {{}}, None)
    resources = Resources(shelf, dialogue.words, load_rules(CONTENT / 'triage'), Countries({{}}, {{}}, {{}}), Messages.load(CONTENT / 'triage' / 'messages.yml'))
    await AnswerQuestion(resources).run(CollectingDispatcher(), tracker, {{}})
    await store.close()
    book = Workbook()
    for row in (["NHS number", "Reason for referral"], [9434765919, "{MARK}"]):
        book.active.append(row)
    book.active["A2"].number_format = "dd/mm/yyyy"  # it can be no date: the library says so, with the number
    written = io.BytesIO()
    book.save(written)
    list(load_workbook(io.BytesIO(written.getvalue()), read_only=True).active.rows)
    logging.getLogger("test").error("%d", "{MARK}")
    Unraisable()
    log.info("test.ended", patient=person.id)

asyncio.run(go())
"""


@pytest.fixture(scope="module")
def loudest(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a process writes at DEBUG while marked words go through it."""
    home: Path = tmp_path_factory.mktemp("home")
    environment = {**os.environ, "SEPTIMUS_HOME": str(home), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", LOUD], capture_output=True, text=True, cwd=home, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout + done.stderr


def test_what_a_person_wrote_never_appears(loudest: str) -> None:
    assert [line for line in loudest.splitlines() if MARK in line] == []


def test_a_cells_value_that_a_library_warns_of_never_appears(loudest: str) -> None:
    assert "9434765919" not in loudest
    assert "UserWarning at openpyxl/worksheet/_reader.py:" in loudest, "that it warned, and where, does"


def test_a_telegram_id_never_appears(loudest: str) -> None:
    assert [line for line in loudest.splitlines() if str(CHAT) in line] == []


def test_the_engines_token_never_appears(loudest: str) -> None:
    assert [line for line in loudest.splitlines() if SECRET in line] == []


def test_an_event_is_one_json_line_with_its_process_level_and_time(loudest: str) -> None:
    events = [json.loads(line) for line in loudest.splitlines() if line.startswith("{")]
    assert [event["event"] for event in events if event["event"].startswith("test.")] == ["test.began", "test.ended"]
    for event in events:
        assert event["process"] == "test"
        assert event["level"] in {"debug", "info", "warning", "error"}
        assert event["timestamp"].endswith("Z")


def test_each_fault_of_the_engine_is_told_by_its_kind(loudest: str) -> None:
    events = [json.loads(line) for line in loudest.splitlines() if line.startswith("{")]
    faults = [event["fault"] for event in events if event["event"] == "engine.away"]
    assert faults == ["HTTPStatusError", "TypeError", "JSONDecodeError", "ValidationError", "ConnectError"]

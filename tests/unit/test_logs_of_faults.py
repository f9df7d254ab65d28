"""Faults with marked words in them, poured into every path that can fail: nothing that is written holds the mark."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.settings import ROOT

MARK = "marked-5e0c77"

# One process at its loudest: the desk's pages and its FHIR door over real HTTP, files that can't be read, the gateway's
# worker, the action server's wrapper, the database, tasks and threads that nobody waits for, libraries, and a crash.
POUR = f"""
import asyncio, gc, io, json, logging, threading, time, zipfile
from datetime import UTC, datetime
from pathlib import Path

import httpx, structlog, uvicorn
from prometheus_client import generate_latest
from sqlalchemy import text
from telegram import Update
from telegram.error import NetworkError
from telegram.ext import ExtBot
from telegram.request import BaseRequest

from bot import logs, metrics
from bot.desk import access, rest as door
from bot.desk.app import create_app
from bot.desk.columns import Columns
from bot.desk.desk import Desk
from bot.desk.letter_file import UnreadableLetter, read_letter
from bot.desk.sorting import Sorter
from bot.desk.spreadsheet import WrongSpreadsheet, read_sheet
from bot.gateway.answer import Answerer
from bot.knowledge import Shelf
from bot.settings import CONTENT, Settings
from bot.store import Store, inbox, rest, staff

MARK = "{MARK}"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
told = {{}}


class NoNetwork(BaseRequest):
    read_timeout = 1.0

    async def initialize(self): pass

    async def shutdown(self): pass

    async def do_request(self, url, *_, **__):
        if "getMe" in url:
            return 200, json.dumps({{"ok": True, "result": {{"id": 7, "is_bot": True, "first_name": "S", "username": "s_bot"}}}}).encode()
        raise NetworkError(MARK)


class Failing:
    def alarms(self, _): return False

    def number_for(self, _): raise KeyError(MARK)

    async def reply(self, *_): raise ValueError(f"invalid literal: {{MARK}}") from KeyError(MARK)

    def words(self, *_, **__): raise KeyError(MARK)


async def desk_and_door(store):
    sorter = Sorter.load(CONTENT)
    desk = Desk(store, lambda: NOW, Shelf(CONTENT, reload=False, must_be_reviewed=False, clock=time.monotonic), sorter, "http://127.0.0.1")
    async with store.writing() as session:
        clinic = await staff.new_clinic(session, "Invented", "Europe/London", NOW)
        member = await staff.new_member(session, clinic.id, "a@example.org", "Invented", "admin", "x", NOW)
        await rest.new_program(session, clinic.id, "p", "t" * 30, member.id, NOW)
    server = uvicorn.Server(uvicorn.Config(create_app(desk), port=0, log_config=None, access_log=False, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    real_read, real_signed = door.read_fhir, staff.signed_in

    async def failing(*_): raise ValueError(MARK)

    def broken(*_, **__): raise ValueError(MARK)

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{{port}}", trust_env=False) as client:
        staff.signed_in = failing
        page = await client.get(f"/referrals/new?q={{MARK}}", cookies={{desk.session_cookie: "c" * 43}})
        told["page"] = [page.status_code, page.text]
        staff.signed_in = real_signed
        told["lost"] = [(await client.get(f"/{{MARK}}")).status_code]
        headers = {{"Authorization": "Bearer " + "t" * 30, "Content-Type": "application/fhir+json"}}
        wrong = {{"resourceType": "ServiceRequest", "status": MARK, "subject": {{"display": MARK}}, MARK: MARK, "note": [{{"text": MARK}}, MARK]}}
        told["fhir"] = []
        for body in (json.dumps(wrong), MARK, '{{"resourceType": "' + MARK + '"}}', '{{"' + MARK + '": 1, "' + MARK + '": 2}}'):
            answer = await client.post("/fhir/ServiceRequest", content=body, headers=headers)
            told["fhir"].append([answer.status_code, answer.text])
        door.read_fhir = broken
        answer = await client.post("/fhir/ServiceRequest", content="{{}}", headers=headers)
        door.read_fhir = real_read
        told["fhir"].append([answer.status_code, answer.text])
    server.should_exit = True
    await serving
    return sorter


def files(columns):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("[Content_Types].xml", "<Types>wordprocessingml.document.main+xml " + MARK)
        made.writestr("word/document.xml", f"<w:document>{{MARK}}")
    pdf = f"%PDF-1.4\\n1 0 obj\\n<< /Type /Catalog /Pages 2 0 R /{{MARK}} ({{MARK}}) >>\\nendobj\\n2 0 obj\\n<< /Kids [{{MARK}}] >>\\nendobj\\ntrailer << /Root 1 0 R >>"
    for data in (out.getvalue(), pdf.encode(), b"\\x80\\x81" + MARK.encode() * 3 + bytes(range(32))):
        for reading in (read_letter, lambda data: read_sheet(data, columns)):
            try:
                reading(data)
            except (UnreadableLetter, WrongSpreadsheet) as error:
                told.setdefault("files", []).append(str(error))


async def gateway(store):
    person = {{"id": 7, "is_bot": False, "first_name": MARK}}
    message = {{"message_id": 1, "date": 1, "chat": {{"id": 7, "type": "private", "first_name": MARK}}, "from": person, "text": MARK}}
    raws = [{{"update_id": 1, "message": message}}, {{"update_id": 2, "message": {{**message, "date": MARK}}}}, {{"update_id": 3, "message": MARK}}]
    async with store.writing() as session:
        await inbox.write(session, [(raw["update_id"], 6 + raw["update_id"], raw) for raw in raws], NOW)
    request = NoNetwork()
    async with ExtBot("1:" + MARK, request=request, get_updates_request=request) as bot:
        answerer = Answerer(store, Failing(), bot, lambda: NOW, "test", 4, lambda: None)
        stop = asyncio.Event()
        stop.set()
        await asyncio.wait_for(answerer.run(stop), 20)
        for call in (bot.send_message(7, MARK), bot.get_updates()):
            try:
                await call
            except Exception:
                logging.getLogger("telegram.ext.Updater").exception("while polling: %s", MARK)


async def go(store):
    sorter = await desk_and_door(store)
    files(sorter.columns)
    await gateway(store)
    log = structlog.get_logger()
    try:
        async with store.writing() as session:
            await session.execute(text("insert into nowhere values (:a)"), {{"a": MARK}})
    except Exception as error:
        log.exception("database.failed")
        logging.getLogger("some.library").error("failed: %s", error)
        logging.getLogger("some.library").warning(error)
    async def lost(): raise ValueError(MARK)
    task = asyncio.create_task(lost())
    await asyncio.sleep(0)
    del task
    gc.collect()
    asyncio.get_running_loop().call_soon(lambda: (_ for _ in ()).throw(ValueError(MARK)))
    await asyncio.sleep(0)
    def thread(): raise ValueError(MARK)
    made = threading.Thread(target=thread)
    made.start()
    made.join()
    metrics.answered(MARK, MARK)
    metrics.took(MARK, 1.0)
    metrics.red_flag(MARK, MARK)
    metrics.sent(MARK)
    told["figures"] = generate_latest().decode()
    log.info("test.ended")
    await store.close()


async def main():
    logs.configure("DEBUG", "test")
    store = Store(Settings().database)
    await store.migrate()
    await go(store)

asyncio.run(main())
Path("told.json").write_text(json.dumps(told))
raise ValueError(MARK) from KeyError(MARK)
"""


@pytest.fixture(scope="module")
def poured(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, object]]:
    """What the process wrote to its log, and what it answered."""
    home: Path = tmp_path_factory.mktemp("home")
    environment = {**os.environ, "SEPTIMUS_HOME": str(home), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", POUR], capture_output=True, text=True, cwd=home, env=environment)
    assert (home / "told.json").exists(), done.stderr[-3000:]
    assert done.returncode == 1
    return done.stdout + done.stderr, json.loads((home / "told.json").read_text())


def test_no_log_line_holds_what_was_marked(poured: tuple[str, dict[str, object]]) -> None:
    assert [line for line in poured[0].splitlines() if MARK in line] == []


def test_every_fault_was_told_by_its_kind_and_place(poured: tuple[str, dict[str, object]]) -> None:
    text = poured[0]
    events = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    names = [event["event"] for event in events]
    assert {"fhir.failed", "update.failed", "update.parked", "database.failed", "test.ended"} <= set(names)
    assert next(event for event in events if event["event"] == "fhir.failed")["exception"].startswith("ValueError\n  ")
    assert "ERROR uvicorn.error Exception in ASGI application\nValueError" in text
    assert "ERROR telegram.ext.Updater while polling: %s\nNetworkError" in text
    assert "ERROR some.library failed: OperationalError" in text
    assert text.rstrip().splitlines()[-1].startswith("because of KeyError")


def test_the_page_of_a_fault_holds_nothing_of_it(poured: tuple[str, dict[str, object]]) -> None:
    status, page = poured[1]["page"]  # type: ignore[misc]
    assert status == 500
    assert MARK not in page and "Traceback" not in page


def test_what_programs_and_files_are_told_repeats_nothing(poured: tuple[str, dict[str, object]]) -> None:
    answers = poured[1]["fhir"]
    assert [status for status, _ in answers] == [422, 400, 422, 400, 500]  # type: ignore[attr-defined]
    assert MARK not in json.dumps(answers)
    assert len(poured[1]["files"]) == 6  # type: ignore[arg-type]
    assert MARK not in json.dumps(poured[1]["files"])


def test_no_figure_holds_what_was_marked(poured: tuple[str, dict[str, object]]) -> None:
    assert "septimus_messages_total" in str(poured[1]["figures"])
    assert MARK not in str(poured[1]["figures"])

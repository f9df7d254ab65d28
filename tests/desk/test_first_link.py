"""The first link: a clinic's own, or the demo clinic's; shown while there is no admin, and never afterwards."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from starlette.applications import Starlette

from bot.cli import _addresses, _first_link
from bot.desk.app import create_app, first_link, link
from bot.desk.desk import Desk
from bot.settings import CONTENT, ROOT, Settings
from bot.stack.demo import Demo, fill
from bot.store import Store, demo, staff
from bot.store.clinic_tables import StaffRow
from tests.desk.browser import ADDRESS, Browser, Clinic, main_of, text_of

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
PASSWORD = "four new wheelbarrows"


async def test_the_block_names_the_link_until_there_is_an_admin(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, home=tmp_path)
    store = Store(settings.database)
    await store.migrate()
    shown = await asyncio.to_thread(_first_link, settings)
    assert shown and re.fullmatch(r"http://127\.0\.0\.1:8080/setup/[\w-]{43}", shown)
    assert f"set the first password: {shown}" in _addresses(settings, sandbox=True, first_link=shown)
    async with store.writing() as session:
        clinic = await staff.new_clinic(session, "Invented", "Europe/London", START)
        await staff.new_member(session, clinic.id, "ada@example.org", "Ada", "admin", "hash", START)
    assert await asyncio.to_thread(_first_link, settings) is None
    assert "password" not in _addresses(settings, sandbox=True, first_link=None)
    await store.close()


async def test_the_first_link_leads_into_the_demo_clinic(desk: Desk, app: Starlette) -> None:
    await fill(desk.store, Demo.load(CONTENT, desk.sorter), desk.clock())
    made = await first_link(desk)
    assert made and made.startswith(f"{ADDRESS}/password/")
    browser, path = Browser.of(app), made.removeprefix(ADDRESS)
    answer = await browser.send(path, page=path, password=PASSWORD, again=PASSWORD)
    assert answer.status_code == 303
    queue = await browser.get("/")
    assert "Invented demo data" in text_of(queue) and "DM-1001" in main_of(queue)
    assert (await browser.get("/staff")).status_code == 200
    assert await first_link(desk) is None
    async with desk.store.reading() as session:
        admin = await session.scalar(select(StaffRow).where(StaffRow.role == "admin"))
    assert admin is not None and admin.email.endswith(demo.STAFF_DOMAIN)
    assert (await link(desk, new_clinic=True)).startswith(f"{ADDRESS}/setup/")
    for person in ("clinician1", "clinician2"):
        refused = await Browser.of(app).sign_in(f"{person}{demo.STAFF_DOMAIN}", "!")
        assert refused.status_code == 401
    async with desk.store.writing() as session:
        assert await demo.remove(session)
    assert (await browser.get("/")).status_code == 303


async def test_pages_of_a_real_clinic_are_not_marked(clinic: Clinic, viewer: Browser) -> None:
    assert "Invented demo data" not in (await viewer.get("/")).text


async def test_the_sign_in_page_is_marked_where_the_demo_is(desk: Desk) -> None:
    await fill(desk.store, Demo.load(CONTENT, desk.sorter), desk.clock())
    desk.holds_demo = True
    page = await Browser.of(create_app(desk)).get("/sign-in")
    assert "Invented demo data" in text_of(page)


@pytest.mark.e2e
def test_the_command_fills_once_and_removes_all(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEPTIMUS_")}

    def run(*given: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bot", "demo", *given]
        environment = kept | {"SEPTIMUS_HOME": str(tmp_path)}
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=90
        )

    first = run()
    assert first.returncode == 0, first.stderr
    assert "40 referrals" in first.stdout and re.search(r"/password/[\w-]{43}", first.stdout)
    again = run()
    assert again.returncode == 2 and "there already" in again.stderr and len(again.stderr.splitlines()) == 1
    assert run("--remove").stdout == "The demo clinic is gone.\n"
    assert run("--remove").stdout == "There is no demo clinic in this database.\n"

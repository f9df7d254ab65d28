"""The desk with many referrals: its real process on SQLite, asked as a browser asks it."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
from sqlalchemy import func, select, text

from bench.filling import copied
from bench.measure import Json, of, ratio, spread
from bench.system import LIMITS
from bot.clock import system_clock
from bot.desk.passwords import Passwords
from bot.settings import CONTENT, ROOT
from bot.stack.demo import ZONE, Demo, fill
from bot.stack.processes import free_ports
from bot.store import Store, demo, staff
from bot.store.clinic_tables import ReferralEventRow, ReferralRow

REFERRALS = (20_000, 200_000)
_EMAIL, _PASSWORD = "bench@example.org", "three old bicycles"
_HIDDEN = re.compile(r'<input type="hidden" name="csrf" value="([^"]*)">')
_LINK = re.compile(r'href="/referrals/(\d+)"')


async def measure(*, referrals: Sequence[int] = REFERRALS, requests: int = 60) -> Json:
    """Ask for each page so often, with so many referrals in one clinic.

    They are copies of the demo clinic's invented ones, in all the states that those are in, each with its reference.
    """
    found: dict[str, Json] = {}
    for count in referrals:
        with tempfile.TemporaryDirectory(prefix="septimus-bench-") as name:
            folder = Path(name)
            filled_s = await _filled(folder, count)
            async with _desk(folder) as (client, process):
                found[str(count)] = {
                    "filled_s": round(filled_s, 1),
                    **await _pages(client, requests),
                    "rss_mb": round(of(process.pid).rss / 1e6),
                    "database_mb": round((folder / "septimus.db").stat().st_size / 1e6),
                }
    first, last = found[str(referrals[0])], found[str(referrals[-1])]
    for page in ("list", "next_page", "search", "search_nothing", "detail"):
        found.setdefault("growth", {})[page] = ratio(last[page]["p50"], first[page]["p50"])
    return {**found, "at": {"first": referrals[0], "last": referrals[-1]}}


async def _filled(folder: Path, count: int) -> float:
    """Fill a database with so many referrals of one clinic, and somebody who may read them; return the seconds."""
    begun = time.monotonic()
    store = Store(f"sqlite+aiosqlite:///{folder / 'septimus.db'}")
    await store.migrate()
    now = system_clock()
    await fill(store, Demo.load(CONTENT), now)
    today = now.astimezone(ZoneInfo(ZONE)).date()
    async with store.writing() as session:
        clinic = await demo.clinic_id(session)
        assert clinic is not None
        kept = await Passwords().hash(_PASSWORD)
        await staff.new_member(session, clinic, _EMAIL, "Invented clinician", "clinician", kept, now)
        patterns = list(await session.scalars(select(ReferralRow.id)))
        each = count // len(patterns)
        top = await session.scalar(select(func.max(ReferralRow.id))) or 0
        for number, pattern in enumerate(patterns):
            copies = each + (count % len(patterns) if number == 0 else 0) - 1
            start = top + number * (each + count) + 1
            changed = {
                "id": "n.i",
                "patient_ref": "'REF-' || n.i",
                "patient_id": "NULL",
                "sought": "'ref-' || n.i || ' ' || sought",
                "sorted_on": f"'{today.isoformat()}'",
            }
            await copied(store, session, ReferralRow, f"id = {pattern}", copies, changed, start)
        # Each has its first line of history, as it would.
        event = await session.scalar(select(func.min(ReferralEventRow.id)))
        columns = [column.name for column in ReferralEventRow.__table__.columns if column.name != "id"]
        values = ", ".join({"referral_id": "each.id"}.get(name, f'pattern."{name}"') for name in columns)
        quoted = ", ".join(f'"{name}"' for name in columns)
        await session.execute(
            text(
                f"INSERT INTO referral_events ({quoted}) SELECT {values} FROM referrals AS each, "
                f"referral_events AS pattern WHERE pattern.id = {event} AND each.id > {top}"
            )
        )
    await store.close()
    return time.monotonic() - begun


@asynccontextmanager
async def _desk(folder: Path) -> AsyncIterator[tuple[httpx.AsyncClient, subprocess.Popen[bytes]]]:
    """Run the desk's process while the block runs, with somebody signed in."""
    (port,) = free_ports(1)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEPTIMUS_")}
    environment = {
        **kept,
        "SEPTIMUS_HOME": str(folder),
        "SEPTIMUS_DESK_PORT": str(port),
        "SEPTIMUS_DESK_WATCH_PORT": "0",
        "PYTHONPATH": str(ROOT),
    }
    process = subprocess.Popen(  # noqa: ASYNC220 - nothing else runs meanwhile
        [sys.executable, "-m", "bot.desk"],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        base = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=base, timeout=60, trust_env=False, limits=LIMITS) as client:
            deadline = time.monotonic() + 60
            while True:
                try:
                    (await client.get("/healthz")).raise_for_status()
                    break
                except httpx.HTTPError:
                    if time.monotonic() > deadline:
                        raise
                    await asyncio.sleep(0.1)
            found = _HIDDEN.search((await client.get("/sign-in")).text)
            assert found is not None
            form = {"csrf": found[1], "email": _EMAIL, "password": _PASSWORD, "code": ""}
            answer = await client.post("/sign-in", data=form)
            assert answer.status_code == 303, answer.text[:500]
            yield client, process
    finally:
        process.terminate()
        process.wait(30)


async def _pages(client: httpx.AsyncClient, requests: int) -> Json:
    first = await client.get("/?folder=new")
    numbers = [int(number) for number in _LINK.findall(first.text)]
    assert len(numbers) > 10, first.text[:500]
    later = re.search(r'href="(/\?folder=new&amp;after=[^"]*)"', first.text)
    next_page = later[1].replace("&amp;", "&") if later else "/?folder=new"
    pages = {
        "list": ["/?folder=new", "/?folder=waiting", "/?folder=booked", "/?folder=all"],
        "next_page": [next_page],
        "search": [f"/?folder=all&q=ref-{number}" for number in numbers[:20]],
        "search_nothing": ["/?folder=all&q=nobodyatall"],
        "detail": [f"/referrals/{number}" for number in numbers[:20]],
    }
    found: Json = {}
    for name, addresses in pages.items():
        for address in addresses:
            (await client.get(address)).raise_for_status()
        taken = []
        for number in range(requests):
            begun = time.perf_counter()
            (await client.get(addresses[number % len(addresses)])).raise_for_status()
            taken.append((time.perf_counter() - begun) * 1000)
        found[name] = spread(taken)
    return found

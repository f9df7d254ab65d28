"""The desk's forms and addresses with whatever a browser, or somebody with one, may send: a page, and never a fault."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from bot.desk import access
from bot.desk.access import Door
from bot.desk.app import create_app
from bot.desk.desk import Desk
from bot.desk.doors import DOORS
from bot.desk.passwords import Passwords
from bot.desk.sorting import Sorter
from bot.knowledge import Shelf
from bot.settings import CONTENT
from bot.store import Store, staff
from tests.desk.browser import ADDRESS, PASSWORD, Browser, hidden
from tests.fuzz.conftest import examples, within
from tests.fuzz.mess import sendable

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
_FOLDER = Path(access.__file__).parent
_IN_CODE = re.compile(r"visit\.(?:text|file)\(\s*\"([\w-]+)\"|query_params\.get\(\"(\w+)\"")
_IN_PAGES = re.compile(r'\bname="([\w-]+)"')
NAMES = sorted(
    {
        each
        for path in _FOLDER.glob("*.py")
        for found in _IN_CODE.findall(path.read_text("utf-8"))
        for each in found
        if each
    }
    | {each for path in (_FOLDER / "templates").glob("*.html") for each in _IN_PAGES.findall(path.read_text("utf-8"))}
    | {f"c{place}" for place in range(3)}
)
PLAUSIBLE = (
    "1", "0", "2", str(2**31), str(2**62), str(2**63), str(2**64), "-1", "٣", "yes", "no", "-", "unknown", "L", "R", "both", "HB 5",
    "bells", "P0", "P4", "REDIRECT", "2026-11-23", "2026-11-22", "2027-01-01T10:00", "2026-11-23T25:00", "0001-01-01", "9999-12-31",
    "Europe/London", "Mars/Olympus", "../../etc/passwd", "viewer", "admin", "clinician", "a@example.org", "@", "09:00-17:00", "mon",
    "recovery", "flaccid", "AB 1", "left palsy since 3/52, cannot close the eye " * 5, "7" * 199, "1e5", "nan", "100", "3,5",
)  # fmt: skip
said = st.sampled_from(PLAUSIBLE) | sendable
forms = st.dictionaries(st.sampled_from(NAMES), said, max_size=12)
# Signing out would end the rest of the test.
POSTS = [door for door in DOORS if door.method == "POST" and door.path != "/sign-out"]
GETS = [door for door in DOORS if door.method == "GET"]


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("desk") / "septimus.db"

    async def up() -> None:
        store = Store(f"sqlite+aiosqlite:///{path}")
        await store.migrate()
        await store.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(up())).result()
    return path


@pytest.fixture(scope="module")
def sorter() -> Sorter:
    return Sorter.load(CONTENT)


@dataclass
class Walk:
    """A signed-in admin's browser at a desk with two referrals; `in_hand` counts what got past the sign-in."""

    browser: Browser
    numbers: list[int]
    in_hand: int = 0
    sent: int = 0

    def path(self, door: Door, number: int, token: str) -> str:
        if door.path.startswith("/staff/{id") and number < 10:
            number = 2  # the other admin: who walks must not be sent away
        elif number < 10:
            number = self.numbers[number % len(self.numbers)]
        return door.path.replace("{id:int}", str(number)).replace("{token:str}", token)

    async def counted(self, answer: httpx.Response) -> httpx.Response:
        self.sent += 1
        if answer.headers.get("location", "").startswith("/sign-in"):
            await self.browser.sign_in("a@example.org")
        else:
            self.in_hand += 1
        return answer


@pytest.fixture
async def walk(migrated: Path, tmp_path: Path, sorter: Sorter, shelf: Shelf) -> AsyncIterator[Walk]:
    shutil.copy(migrated, tmp_path / "septimus.db")
    store = Store(f"sqlite+aiosqlite:///{tmp_path / 'septimus.db'}")
    desk = Desk(store, lambda: NOW, shelf, sorter, ADDRESS, passwords=Passwords(CHEAP))
    async with store.writing() as session:
        clinic = await staff.new_clinic(session, "Invented", "Europe/London", NOW)
        kept = CHEAP.hash(PASSWORD)
        for name in ("a", "b"):
            await staff.new_member(session, clinic.id, f"{name}@example.org", "Invented", "admin", kept, NOW)
    browser = Browser.of(create_app(desk))
    await browser.sign_in("a@example.org")
    numbers = []
    for reference in ("AB 1", "AB 2"):
        made = await browser.send("/referrals/new", page="/referrals/new", reference=reference, cause="bells", side="L")
        numbers.append(int(re.findall(r"/referrals/(\d+)", made.headers["location"])[0]))
    yield Walk(browser, numbers)
    await store.close()


places = st.integers(0, 3) | st.sampled_from([10, 2**31, 2**62, 2**62 + 1, 2**63, 2**70, 10**30])
tokens = st.sampled_from(["x", "x" * 43, "%00", "%2e%2e", "é", "%ff"])


@examples(3)
@given(st.sampled_from(POSTS), places, tokens, forms, st.booleans(), st.none() | st.binary(max_size=60))
async def test_no_form_of_the_desk_ends_in_a_fault(
    walk: Walk, door: Door, number: int, token: str, fields: dict[str, str], current: bool, file: bytes | None
) -> None:
    path = walk.path(door, number, token)
    page = path.rpartition("/")[0] if door.path.startswith("/referrals/{id") else "/account"
    carried = hidden(await walk.browser.get(page)) or hidden(await walk.browser.get("/account"))
    given_ = {**fields, "csrf": carried.get("csrf", "")} | (
        {"version": carried["version"]} if current and "version" in carried else {}
    )
    files: Any = {"file": ("x.csv", file)} if door.takes_file and file is not None else None
    with within(6.0):
        answer = await walk.counted(await walk.browser.client.post(path, data=given_, files=files))
    assert answer.status_code < 500
    assert walk.sent < 20 or walk.in_hand > walk.sent / 2


@examples(1.5)
@given(st.sampled_from(GETS), places, tokens, forms)
async def test_no_address_of_the_desk_ends_in_a_fault(
    walk: Walk, door: Door, number: int, token: str, query: dict[str, str]
) -> None:
    with within(4.0):
        answer = await walk.counted(await walk.browser.client.get(walk.path(door, number, token), params=query))
    assert answer.status_code < 500


@examples(0.7)
@given(
    st.dictionaries(
        st.sampled_from(["Content-Type", "Cookie", "Origin", "Host", "Sec-Fetch-Site", "Content-Length", "Authorization"]),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
        | st.sampled_from(
            ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=x", "[::1", "http://[", "null",
             "application/x-www-form-urlencoded; charset=utf-99", "septimus_desk=" + "x" * 5000, "٣", "-1", "9" * 30]
        ).map(lambda text: text.encode("ascii", "ignore").decode()),
        max_size=4,
    ),
    st.binary(max_size=120) | st.just(b"--x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n\xff\r\n--x--\r\n"),
    st.sampled_from(POSTS),
)  # fmt: skip
async def test_no_header_or_body_ends_in_a_fault(walk: Walk, headers: dict[str, str], body: bytes, door: Door) -> None:
    with within(3.0):
        answer = await walk.browser.client.post(walk.path(door, 0, "x"), content=body, headers=headers)
    assert answer.status_code < 500


async def test_each_form_takes_impossible_fields(walk: Walk) -> None:
    # Last those that a wrong password may lock: then nothing more can be tried.
    ends = ("/sign-in", "/account", "/password", "/setup")
    for door in sorted(POSTS, key=lambda door: door.path.startswith(ends)):
        for value in ("9" * 150, "\0", "٣", ""):
            if not (carried := hidden(await walk.browser.get("/account"))):
                await walk.browser.sign_in("a@example.org")
                carried = hidden(await walk.browser.get("/account"))
            if not carried:
                assert door.path.startswith(ends), f"{door.path} came after somebody was sent away"
                continue
            fields = dict.fromkeys(NAMES, value) | {"csrf": carried["csrf"]}
            answer = await walk.counted(await walk.browser.client.post(walk.path(door, 0, "x"), data=fields))
            assert answer.status_code < 500, f"{door.path} with {value!r}"

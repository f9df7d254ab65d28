"""Signing in: the first link, lock-out, codes, the end of a sign-in, and forms that come from elsewhere."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pyotp
import pytest
from sqlalchemy import select
from starlette.applications import Starlette

from bot.desk import access
from bot.desk.app import create_app, first_link
from bot.desk.attempts import TRIES
from bot.desk.desk import Desk
from bot.store import staff
from bot.store.clinic_tables import AuditRow, DeskSessionRow, InvitationRow, StaffRow
from tests.desk.browser import ADDRESS, PASSWORD, Browser, Clinic, Clock, hidden, main_of

SETUP = {
    "clinic": "Invented clinic",
    "zone": "Europe/London",
    "name": "Ada Invented",
    "email": "Ada@Example.org",
    "password": PASSWORD,
    "again": PASSWORD,
}


async def path_of_first_link(desk: Desk) -> str:
    link = await first_link(desk)
    assert link is not None
    return link.removeprefix(ADDRESS)


async def signed_in(browser: Browser) -> bool:
    return (await browser.get("/account")).status_code == 200


# the first password


async def test_the_first_link_makes_a_clinic_and_its_admin_and_works_once(desk: Desk, app: Starlette) -> None:
    path, browser = await path_of_first_link(desk), Browser.of(app)
    answer = await browser.send(path, page=path, **SETUP)
    assert (answer.status_code, answer.headers["location"]) == (303, "/?done=set-up")
    assert "Ada Invented" in (await browser.get("/")).text
    assert (await Browser.of(app).get(path)).status_code == 404


async def test_there_is_no_first_link_once_there_is_an_admin(desk: Desk, clinic: Clinic) -> None:
    assert await first_link(desk) is None


async def test_a_new_first_link_ends_the_one_before(desk: Desk, app: Starlette) -> None:
    old, new = await path_of_first_link(desk), await path_of_first_link(desk)
    assert (await Browser.of(app).get(old)).status_code == 404
    assert (await Browser.of(app).get(new)).status_code == 200


async def test_the_first_link_ends_after_a_day(desk: Desk, app: Starlette, clock: Clock) -> None:
    path = await path_of_first_link(desk)
    clock.move(hours=24, seconds=1)
    assert (await Browser.of(app).get(path)).status_code == 404


async def test_only_the_hash_of_a_link_is_kept(desk: Desk) -> None:
    token = (await path_of_first_link(desk)).rpartition("/")[2]
    async with desk.store.reading() as session:
        [row] = await session.scalars(select(InvitationRow))
    assert row.token_hash != token and len(row.token_hash) == 64


async def test_the_process_writes_the_first_link_once(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    app = create_app(desk, tells_first_link=True)
    async with app.router.lifespan_context(app):
        said = capsys.readouterr()
    assert re.fullmatch(rf"Set the first password: {ADDRESS}/setup/[\w-]{{43}}\n", said.out)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"password": "short", "again": "short"}, "too short"),
        ({"password": "x" * 257, "again": "x" * 257}, "too long"),
        ({"password": "aaaaaaaaaaaaaaaa", "again": "aaaaaaaaaaaaaaaa"}, "too easy to guess"),
        ({"password": "ada.invented1", "again": "ada.invented1"}, "too easy to guess"),
        ({"again": "three old bicycle"}, "not the same"),
        ({"zone": "Mars/Olympus"}, "not known"),
        ({"clinic": " "}, "every field"),
    ],
)
async def test_a_setup_that_cannot_be_taken_says_why_and_uses_nothing_up(
    desk: Desk, app: Starlette, wrong: dict[str, str], told: str
) -> None:
    path, browser = await path_of_first_link(desk), Browser.of(app)
    answer = await browser.send(path, page=path, **{**SETUP, **wrong})
    assert answer.status_code == 422
    assert told in main_of(answer)
    assert (await browser.get(path)).status_code == 200


# signing in


async def test_a_right_password_signs_in_and_goes_on(clinic: Clinic) -> None:
    browser = Browser.of(clinic.app)
    asked = await browser.get("/referrals/new?x=1")
    assert asked.headers["location"] == "/sign-in?next=/referrals/new%3Fx%3D1"
    answer = await browser.send(
        "/sign-in",
        page=asked.headers["location"],
        email=clinic.email("clinician").upper(),
        password=PASSWORD,
        next="/referrals/new?x=1",
    )
    assert answer.headers["location"] == "/referrals/new?x=1"
    assert await signed_in(browser)


@pytest.mark.parametrize("onto", ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere", "/sign-in", ""])
async def test_a_sign_in_never_leads_elsewhere(clinic: Clinic, onto: str) -> None:
    browser = Browser.of(clinic.app)
    email = clinic.email("viewer")
    answer = await browser.send("/sign-in", page="/sign-in", email=email, password=PASSWORD, next=onto)
    assert answer.headers["location"] == "/"


async def test_nothing_tells_an_unknown_email_from_a_wrong_password(clinic: Clinic) -> None:
    answers = []
    for email in (clinic.email("viewer"), "nobody@example.org"):
        answer = await Browser.of(clinic.app).sign_in(email, "wrong and wrong")
        answers.append((answer.status_code, main_of(answer)))
    assert answers[0] == answers[1]
    assert answers[0][0] == 401


async def test_an_unknown_email_costs_a_check_of_a_password_too(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []
    verify = clinic.desk.passwords._verify
    monkeypatch.setattr(
        clinic.desk.passwords, "_verify", lambda kept, typed: checked.append(kept) or verify(kept, typed)
    )
    await Browser.of(clinic.app).sign_in("nobody@example.org")
    await Browser.of(clinic.app).sign_in(clinic.email("viewer"))
    assert len(checked) == 2


async def test_the_cookie_is_hidden_from_scripts_and_other_sites(clinic: Clinic) -> None:
    answer = await Browser.of(clinic.app).sign_in(clinic.email("viewer"))
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "samesite=lax" in cookie.lower() and "Path=/" in cookie
    assert "secure" not in cookie.lower()


async def test_over_https_the_cookie_travels_on_nothing_else(clinic: Clinic) -> None:
    clinic.desk.address = "https://desk.example.org"
    app = create_app(clinic.desk)
    answer = await Browser.of(app, "https://desk.example.org").sign_in(clinic.email("viewer"))
    assert answer.headers["set-cookie"].startswith("__Host-septimus_desk=")
    assert "; Secure" in answer.headers["set-cookie"]
    assert "max-age" in answer.headers["strict-transport-security"]


async def test_only_the_hash_of_a_cookie_is_kept(clinic: Clinic) -> None:
    browser = await clinic.browser("viewer")
    async with clinic.desk.store.reading() as session:
        [row] = await session.scalars(select(DeskSessionRow))
    assert row.token_hash == staff.hash_of(browser.client.cookies["septimus_desk"])


async def test_a_cookie_from_before_is_worth_nothing_after_a_new_sign_in(clinic: Clinic) -> None:
    browser = await clinic.browser("viewer")
    before = browser.client.cookies["septimus_desk"]
    token = await browser.token("/account")
    await browser.client.post("/sign-in", data={"csrf": token, "email": clinic.email("viewer"), "password": PASSWORD})
    old = Browser.of(clinic.app)
    old.client.cookies.set("septimus_desk", before)
    assert await signed_in(browser)
    assert not await signed_in(old)


async def test_signing_out_ends_it_for_whoever_kept_the_cookie(clinic: Clinic) -> None:
    browser = await clinic.browser("viewer")
    kept = browser.client.cookies["septimus_desk"]
    await browser.send("/sign-out")
    browser.client.cookies.set("septimus_desk", kept)
    assert not await signed_in(browser)


async def test_an_idle_browser_is_signed_out_and_a_busy_one_stays(clinic: Clinic, clock: Clock) -> None:
    idle, busy = await clinic.browser("viewer"), await clinic.browser("clinician")
    for _ in range(4):
        clock.move(minutes=20)
        assert await signed_in(busy)
    assert not await signed_in(idle)


async def test_a_sign_in_ends_after_its_time_however_busy(clinic: Clinic, clock: Clock) -> None:
    browser = await clinic.browser("viewer")
    until = clock() + access.LASTS
    while clock() + timedelta(minutes=20) < until:
        clock.move(minutes=20)
        assert await signed_in(browser)
    clock.move(minutes=20)
    assert not await signed_in(browser)


# lock-out


async def test_ten_wrong_passwords_lock_and_the_lock_grows(clinic: Clinic, clock: Clock) -> None:
    email, clinic.desk.attempts = clinic.email("viewer"), Unlimited()
    for _ in range(10):
        assert (await Browser.of(clinic.app).sign_in(email, "wrong and wrong")).status_code == 401
    assert (await Browser.of(clinic.app).sign_in(email)).status_code == 401, "locked, even for the right one"
    clock.move(seconds=61)
    assert (await Browser.of(clinic.app).sign_in(email, "wrong and wrong")).status_code == 401
    clock.move(seconds=61)
    assert (await Browser.of(clinic.app).sign_in(email)).status_code == 401, "locked for two minutes now"
    clock.move(seconds=61)
    assert (await Browser.of(clinic.app).sign_in(email)).status_code == 303
    async with clinic.desk.store.reading() as session:
        row = await session.get(StaffRow, clinic.people["viewer"])
        lines = [line.what for line in await session.scalars(select(AuditRow))]
    assert row is not None and (row.failed, row.locked_until) == (0, None)
    assert lines.count("account locked") == 2


async def test_a_locked_account_is_told_like_a_wrong_password(clinic: Clinic) -> None:
    clinic.desk.attempts = Unlimited()
    for _ in range(10):
        last = await Browser.of(clinic.app).sign_in(clinic.email("viewer"), "wrong and wrong")
    locked = await Browser.of(clinic.app).sign_in(clinic.email("viewer"))
    assert main_of(locked) == main_of(last)


async def test_wrong_passwords_of_one_lock_nobody_else(clinic: Clinic) -> None:
    clinic.desk.attempts = Unlimited()
    for _ in range(11):
        await Browser.of(clinic.app).sign_in(clinic.email("viewer"), "wrong and wrong")
    assert (await Browser.of(clinic.app).sign_in(clinic.email("admin"))).status_code == 303


async def test_an_address_that_tries_too_often_waits(clinic: Clinic, clock: Clock) -> None:
    for number in range(TRIES):
        await Browser.of(clinic.app).sign_in(f"nobody{number}@example.org")
    answer = await Browser.of(clinic.app).sign_in(clinic.email("viewer"))
    assert answer.status_code == 429
    clock.move(minutes=5, seconds=1)
    assert (await Browser.of(clinic.app).sign_in(clinic.email("viewer"))).status_code == 303


class Unlimited:
    def allows(self, *_: object) -> bool:
        return True


# a second factor


async def with_code(clinic: Clinic, browser: Browser, clock: Clock) -> pyotp.TOTP:
    await browser.send("/account/code/offer", now=PASSWORD)
    page = await browser.get("/account/code")
    secret = re.search(r'<code class="key">([A-Z2-7 ]+)</code>', page.text)
    assert secret and "<svg" in page.text
    totp = pyotp.TOTP(secret[1].replace(" ", ""))
    answer = await browser.send("/account/code", page="/account/code", code=totp.at(clock()))
    assert answer.headers["location"] == "/account?done=code"
    return totp


async def test_with_a_second_factor_the_password_alone_is_not_enough(clinic: Clinic, clock: Clock) -> None:
    totp = await with_code(clinic, await clinic.browser("viewer"), clock)
    clock.move(minutes=1)
    email = clinic.email("viewer")
    assert (await Browser.of(clinic.app).sign_in(email)).status_code == 401
    assert (await Browser.of(clinic.app).sign_in(email, code="000000")).status_code == 401
    assert (await Browser.of(clinic.app).sign_in(email, "wrong and wrong", totp.at(clock()))).status_code == 401
    assert (await Browser.of(clinic.app).sign_in(email, code=totp.at(clock()))).status_code == 303


async def test_a_code_is_taken_once_only(clinic: Clinic, clock: Clock) -> None:
    totp = await with_code(clinic, await clinic.browser("viewer"), clock)
    email = clinic.email("viewer")
    assert (await Browser.of(clinic.app).sign_in(email, code=totp.at(clock()))).status_code == 401, (
        "it set the factor up"
    )
    clock.move(seconds=30)
    code = totp.at(clock())
    assert (await Browser.of(clinic.app).sign_in(email, code=code)).status_code == 303
    assert (await Browser.of(clinic.app).sign_in(email, code=code)).status_code == 401


async def test_a_second_factor_counts_only_once_a_code_has_proved_it(clinic: Clinic, viewer: Browser) -> None:
    await viewer.send("/account/code/offer", now=PASSWORD)
    assert (await viewer.send("/account/code", page="/account/code", code="000000")).status_code == 422
    assert (await Browser.of(clinic.app).sign_in(clinic.email("viewer"))).status_code == 303


async def test_a_second_factor_is_neither_set_nor_ended_without_the_password(clinic: Clinic, clock: Clock) -> None:
    browser = await clinic.browser("viewer")
    assert (await browser.send("/account/code/offer", now="wrong and wrong")).status_code == 422
    await with_code(clinic, browser, clock)
    assert (await browser.send("/account/code/end", now="wrong and wrong")).status_code == 422
    assert (await browser.send("/account/code/end", now=PASSWORD)).headers["location"] == "/account?done=no-code"


async def test_a_new_password_signs_every_other_browser_out(clinic: Clinic) -> None:
    here, there = await clinic.browser("viewer"), await clinic.browser("viewer")
    new = "four new wheelbarrows"
    assert (await here.send("/account/password", now="wrong", password=new, again=new)).status_code == 422
    assert (await here.send("/account/password", now=PASSWORD, password=new, again=new)).status_code == 303
    assert await signed_in(here)
    assert not await signed_in(there)
    assert (await Browser.of(clinic.app).sign_in(clinic.email("viewer"))).status_code == 401
    assert (await Browser.of(clinic.app).sign_in(clinic.email("viewer"), new)).status_code == 303


# forms from elsewhere


@pytest.mark.parametrize("path", ["/sign-out", "/account/password"])
async def test_a_form_without_its_token_changes_nothing(viewer: Browser, path: str) -> None:
    for fields in ({}, {"csrf": ""}, {"csrf": "0" * 64}):
        answer = await viewer.client.post(path, data=fields)
        assert answer.status_code == 403
        assert "Nothing was changed" in main_of(answer)
    assert await signed_in(viewer)


async def test_the_token_of_another_browser_is_refused(clinic: Clinic, viewer: Browser) -> None:
    other = await clinic.browser("viewer")
    answer = await viewer.client.post("/sign-out", data={"csrf": await other.token("/account")})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_a_form_of_another_site_is_refused_even_with_the_token(viewer: Browser, headers: dict[str, str]) -> None:
    data = {"csrf": await viewer.token("/account")}
    assert (await viewer.client.post("/sign-out", data=data, headers=headers)).status_code == 403
    assert await signed_in(viewer)


async def test_a_form_of_this_desk_is_taken(viewer: Browser) -> None:
    data = {"csrf": await viewer.token("/account")}
    headers = {"Origin": ADDRESS, "Sec-Fetch-Site": "same-origin"}
    assert (await viewer.client.post("/sign-out", data=data, headers=headers)).status_code == 303


async def test_signing_in_needs_a_token_too(clinic: Clinic) -> None:
    browser = Browser.of(clinic.app)
    answer = await browser.client.post("/sign-in", data={"email": clinic.email("viewer"), "password": PASSWORD})
    assert answer.status_code == 403


async def test_a_name_that_is_not_the_desks_is_refused(app: Starlette) -> None:
    for host in ("elsewhere.example", "127.0.0.1.elsewhere.example", "", "["):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ADDRESS) as client:
            assert (await client.get("/sign-in", headers={"Host": host})).status_code == 400
            assert (await client.get("/healthz", headers={"Host": "localhost:8080"})).status_code == 200


async def test_a_form_too_large_is_refused_before_it_is_read(viewer: Browser) -> None:
    data = {"csrf": await viewer.token("/account"), "now": "x" * access.LARGEST_FORM}
    answer = await viewer.client.post("/account/password", data=data)
    assert answer.status_code == 413


async def test_every_answer_keeps_the_browser_strict(clinic: Clinic, viewer: Browser) -> None:
    for path in ("/", "/sign-in", "/nope", "/healthz", "/static/desk.css", "/staff"):
        answer = await viewer.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == ("public, max-age=3600" if "static" in path else "no-store")


async def test_no_page_carries_what_the_policy_forbids(admin: Browser) -> None:
    for path in ("/", "/sign-in", "/referrals/new", "/referrals/letter", "/account", "/staff", "/audit", "/system"):
        page = (await admin.get(path)).text
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=|https?://(?!www\.w3\.org)", page), path


async def test_the_pages_before_a_sign_in_tie_their_form_to_the_browser(clinic: Clinic) -> None:
    one, two = Browser.of(clinic.app), Browser.of(clinic.app)
    first, second = hidden(await one.get("/sign-in")), hidden(await one.get("/sign-in"))
    assert first == second != hidden(await two.get("/sign-in"))

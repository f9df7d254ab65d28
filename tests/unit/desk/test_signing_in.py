"""Passwords, one-time codes, tries by address, and where a sign-in may lead."""

from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from argon2 import PasswordHasher

from bot.desk.access import own_path
from bot.desk.attempts import TRIES, WITHIN, Attempts
from bot.desk.passwords import Passwords, WeakPassword, check_password, code_step, new_secret, picture_of

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


async def test_a_password_matches_its_hash_alone() -> None:
    passwords = Passwords(CHEAP)
    kept = await passwords.hash("three old bicycles")
    assert kept.startswith("$argon2id$")
    assert await passwords.matches("three old bicycles", kept)
    assert not await passwords.matches("three old bicycle", kept)
    assert not await passwords.matches("three old bicycles", None)
    assert not await passwords.matches("three old bicycles", "not a hash")


async def test_a_hash_of_yesterdays_cost_is_known_as_outdated() -> None:
    assert Passwords().is_outdated(await Passwords(CHEAP).hash("three old bicycles"))


@pytest.mark.parametrize("password", ["three old bicycles", "🚲🚲🚲 old wheels", "correct horse battery staple"])
def test_a_long_enough_password_is_taken(password: str) -> None:
    check_password(password, password, {"email": "ada@example.org", "name": "Ada Example"})


@pytest.mark.parametrize(
    ("password", "why"),
    [("eleven sign", "short"), ("a" * 257, "long"), ("abababababab", "guessable"), ("ada@example.org", "guessable")],
)
def test_a_weak_password_is_refused_with_the_reason(password: str, why: str) -> None:
    with pytest.raises(WeakPassword) as weak:
        check_password(password, password, {"email": "ada@example.org", "name": "Ada Example"})
    assert weak.value.why == why


def test_a_code_counts_one_step_early_and_late_and_no_further() -> None:
    secret = new_secret()
    totp, step = pyotp.TOTP(secret), int(NOW.timestamp()) // 30
    for late in (-1, 0, 1):
        assert code_step(secret, totp.generate_otp(step + late), NOW) == step + late
    for late in (-2, 2):
        assert code_step(secret, totp.generate_otp(step + late), NOW) is None


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "12 345"])
def test_what_is_no_code_is_never_right(code: str) -> None:
    assert code_step(new_secret(), code, NOW) is None


def test_a_code_may_be_typed_with_a_space() -> None:
    secret = new_secret()
    code = pyotp.TOTP(secret).at(NOW)
    assert code_step(secret, f" {code[:3]} {code[3:]} ", NOW) is not None


def test_the_picture_of_a_secret_is_drawn_without_styles_or_addresses() -> None:
    picture = picture_of(new_secret(), "ada@example.org")
    assert picture.startswith("<svg") and "style" not in picture and "http" not in picture


def test_an_address_tries_so_often_and_then_waits() -> None:
    attempts = Attempts()
    assert all(attempts.allows("192.0.2.1", NOW) for _ in range(TRIES))
    assert not attempts.allows("192.0.2.1", NOW + WITHIN - timedelta(seconds=1))
    assert attempts.allows("192.0.2.2", NOW)
    assert attempts.allows("192.0.2.1", NOW + WITHIN)


def test_a_whole_ipv6_network_counts_as_one_address() -> None:
    attempts = Attempts()
    assert all(attempts.allows(f"2001:db8::{number:x}", NOW) for number in range(TRIES))
    assert not attempts.allows("2001:db8::ffff", NOW)
    assert attempts.allows("2001:db8:0:1::1", NOW)


@pytest.mark.parametrize(
    ("path", "onto"),
    [
        ("/referrals/3?x=1", "/referrals/3?x=1"),
        (None, "/"),
        ("", "/"),
        ("referrals", "/"),
        ("//elsewhere.example", "/"),
        ("/\\elsewhere.example", "/"),
        ("https://elsewhere.example", "/"),
        ("/a\r\nSet-Cookie: x", "/"),
        ("/sign-in?next=/", "/"),
    ],
)
def test_a_sign_in_leads_on_inside_the_desk_only(path: str | None, onto: str) -> None:
    assert own_path(path) == onto

"""Possible duplicates are shown on the page of a referral, never those of another clinic."""

from __future__ import annotations

import re

import pytest

from tests.desk.browser import Browser, Clinic, main_of


async def made(browser: Browser, **fields: str) -> int:
    answer = await browser.send("/referrals/new", page="/referrals/new", **fields)
    found = re.search(r"/referrals/(\d+)", answer.headers["location"])
    assert found
    return int(found[1])


async def shown(browser: Browser, number: int) -> str:
    return main_of(await browser.get(f"/referrals/{number}"))


FIRST = {"reference": "AB 1", "side": "L", "onset": "2026-10-01", "received": "2026-11-20"}


@pytest.mark.parametrize(
    ("other", "alike"),
    [
        ({"reference": "ab 1", "side": "L", "onset": "2026-10-10", "received": "2026-11-01"}, True),
        ({"reference": "AB 1", "side": "L", "received": "2026-11-01"}, True),
        ({"reference": "AB 1", "side": "R", "onset": "2026-10-02", "received": "2026-11-01"}, True),
        ({"reference": "AB 1", "side": "R", "onset": "2026-01-02", "received": "2026-11-01"}, False),
        ({"reference": "AB 1", "side": "L", "onset": "2025-10-02", "received": "2025-11-01"}, False),
        ({"reference": "AB 12", "side": "L", "onset": "2026-10-01", "received": "2026-11-20"}, False),
        ({"reference": "A_ 1", "side": "L", "onset": "2026-10-01", "received": "2026-11-20"}, False),
    ],
)
async def test_a_possible_duplicate_is_shown_on_both(clinician: Browser, other: dict[str, str], alike: bool) -> None:
    first, second = await made(clinician, **FIRST), await made(clinician, **other)
    assert ("Perhaps the same patient" in await shown(clinician, first)) is alike
    assert ("Perhaps the same patient" in await shown(clinician, second)) is alike
    assert (f'href="/referrals/{second}"' in (await clinician.get(f"/referrals/{first}")).text) is alike


async def test_another_clinics_referrals_are_never_shown(clinician: Browser, other_clinic: Clinic) -> None:
    first = await made(clinician, **FIRST)
    await made(await other_clinic.browser("clinician"), **FIRST)
    assert "Perhaps the same patient" not in await shown(clinician, first)

"""The desk as a browser sees it: pages asked for, forms sent back with what was hidden in them."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
from starlette.applications import Starlette

from bot.desk.desk import Desk

ADDRESS = "http://127.0.0.1:8080"
PASSWORD = "three old bicycles"
_HIDDEN = re.compile(r'<input type="hidden" name="(csrf|version)" value="([^"]*)">')


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Browser:
    """One browser with its own cookies."""

    client: httpx.AsyncClient

    @classmethod
    def of(cls, app: Starlette, address: str = ADDRESS) -> Browser:
        return cls(httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=address))

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(path)

    async def token(self, page: str) -> str:
        """The token that the forms of a page carry."""
        return hidden(await self.get(page))["csrf"]

    async def send(self, path: str, /, page: str = "/account", **fields: Any) -> httpx.Response:
        """Send a form as the page that it stands on would."""
        return await self.client.post(path, data={**hidden(await self.get(page)), **fields})

    async def sign_in(self, email: str, password: str = PASSWORD, code: str = "") -> httpx.Response:
        return await self.send("/sign-in", page="/sign-in", email=email, password=password, code=code)


@dataclass
class Clinic:
    """A clinic with one person of each role, and the desk they share with other clinics."""

    desk: Desk
    app: Starlette
    id: int
    people: dict[str, int]

    async def browser(self, role: str) -> Browser:
        """A browser in which this clinic's person of a role has signed in."""
        browser = Browser.of(self.app)
        answer = await browser.sign_in(self.email(role))
        assert answer.status_code == 303, answer.text
        return browser

    def email(self, role: str) -> str:
        return f"{role}{self.id}@example.org"


def hidden(page: httpx.Response) -> dict[str, str]:
    """What a page's forms carry along: the first token, the first version."""
    found: dict[str, str] = {}
    for name, value in _HIDDEN.findall(page.text):
        found.setdefault(name, value)
    return found


def text_of(page: httpx.Response) -> str:
    """What a page says, without its tags."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text)))


def main_of(page: httpx.Response) -> str:
    """What a page says in its main part."""
    found = re.search(r"<main.*?</main>", page.text, re.DOTALL)
    assert found, page.text[:500]
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[0])))

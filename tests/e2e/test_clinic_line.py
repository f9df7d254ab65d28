"""The patient's line through the real gateway, the sandbox and the desk: invited, joined, checked, sorted, written to."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from bot.words import Words
from tests.e2e.gateway_process import ROOT, Gateway, Person, free_port, until
from tests.e2e.test_exercise_session import Talk

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

PASSWORD = "three old bicycles"
_HIDDEN = re.compile(r'<input type="hidden" name="(csrf|version|once)" value="([^"]*)">')


class Desk:
    """The desk's process on the gateway's database, and a browser in which the admin has signed in."""

    def __init__(self, home: Path) -> None:
        port = free_port()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SEPTIMUS_", "TELEGRAM_"))}
        environment = {
            **kept, "PYTHONPATH": str(ROOT), "SEPTIMUS_HOME": str(home), "SEPTIMUS_DESK_PORT": str(port),
            "SEPTIMUS_DESK_WATCH_PORT": "0", "PYTHONUNBUFFERED": "1",
        }  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bot.desk"],
            cwd=home,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.address = f"http://127.0.0.1:{port}"
        self.http = httpx.Client(base_url=self.address, trust_env=False, timeout=20)
        until(self._answers, "the desk answers", 60, every=0.2)
        assert self.process.stdout is not None
        link = self.process.stdout.readline().split()[-1]
        fields = {"clinic": "Invented clinic", "zone": "Europe/London", "name": "Ada", "email": "ada@example.org"}
        answer = self.send(link, page=link, **fields, password=PASSWORD, again=PASSWORD)
        assert answer.status_code == 303, answer.text

    def _answers(self) -> bool:
        try:
            return self.http.get("/healthz").status_code == 200
        except httpx.HTTPError:
            return False

    def send(self, path: str, *, page: str, **fields: str) -> httpx.Response:
        shown = self.http.get(page).text
        hidden: dict[str, str] = {}
        for name, value in _HIDDEN.findall(shown):
            hidden.setdefault(name, value)
        return self.http.post(path, data={**hidden, **fields})

    def text(self, path: str) -> str:
        shown = self.http.get(path)
        assert shown.status_code == 200
        return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", shown.text)))

    def refers(self, reference: str, **fields: str) -> str:
        answer = self.send("/referrals/new", page="/referrals/new", reference=reference, cause="bells", **fields)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"].partition("?")[0]

    def reads_on_weekdays(self) -> None:
        days = {f"day.{number}": "yes" for number in range(5)}
        fields = {"from": "09:00", "to": "16:00", "zone": "Europe/London", **days}
        assert self.send("/staff/hours", page="/staff", **fields).status_code == 303


@pytest.fixture
def desk(gateway: Gateway) -> Iterator[Desk]:
    started = Desk(gateway.home)
    yield started
    started.http.close()
    started.process.kill()
    started.process.wait()
    if started.process.stdout is not None:
        started.process.stdout.close()


def test_invited_joined_checked_sorted_and_written_to_both_ways(
    desk: Desk, person: Callable[[], Person], words: Words
) -> None:
    desk.refers("ZZ 9", **{"f.cannot_close_eye": "yes"})
    page = desk.refers("AB 1")
    desk.reads_on_weekdays()
    queue = desk.text("/")
    assert queue.index("ZZ 9") < queue.index("AB 1")

    invited = desk.send(f"{page}/invite", page=page)
    start = re.search(r"/start ([\w-]{43})", invited.text)
    assert start, invited.text
    assert "http://127.0.0.1:" in invited.text, "the sandbox's chat page"

    talk = Talk(person())
    asked = talk.says(start[0])
    assert "Invented clinic invites you" in asked["text"]
    assert "The patient has not joined yet." in desk.text(page)
    told = talk.taps(words("clinic.agree"))
    assert "Monday to Friday, 9:00 to 16:00 (Europe/London)" in told["text"]
    assert re.search(r"The clinic reads messages (?:now, until|today from|on \w+day from) \d+:00\.", told["text"])
    assert words("clinic.night") in told["text"]
    assert "This patient shares with Invented clinic" in desk.text(page)
    again = Talk(person())
    assert again.says(start[0])["text"] == words("clinic.gone")

    talk.says("/check")
    assert "999" in talk.taps("An arm or a leg is weak")["text"]
    queue = until(lambda: (told := desk.text("/")).index("AB 1") < told.index("ZZ 9") and told, "AB 1 is first")
    assert "Changed since yesterday" in queue
    assert "A red flag opened" in desk.text(page)

    sent = desk.send(f"{page}/message", page=page, text="Please ring <us> today.")
    assert sent.status_code == 303, sent.text
    until(lambda: "Please ring <us> today." in talk.last["text"], "the clinic's message is in the chat")
    assert talk.last["text"].startswith("From your clinic, Invented clinic:")
    until(lambda: "arrived in the chat" in desk.text(page), "the desk knows that it arrived")
    talk.taps(words("clinic.reply_button"))
    talk.says("I will ring at nine.")
    assert "1 unread from patients" in desk.text("/")
    assert "I will ring at nine." in desk.text(page)
    assert "unread from patients" not in desk.text("/")

    stopped = talk.says("stop sharing")
    assert stopped["text"] == words("clinic.left", clinic="Invented clinic")
    assert "The patient stopped sharing." in desk.text(page)

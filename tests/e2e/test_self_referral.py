"""A patient refers themselves, through the real gateway, the sandbox and the desk: shown, agreed, sorted, withdrawn."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from bot.words import Words
from tests.e2e.gateway_process import Person, until
from tests.e2e.test_clinic_line import Desk
from tests.e2e.test_clinic_line import desk as desk
from tests.e2e.test_exercise_session import Talk

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


def test_a_request_by_typing_alone_is_in_the_queue_and_can_be_withdrawn(
    desk: Desk, person: Callable[[], Person], words: Words
) -> None:
    desk.refers("ZZ 9")
    desk.reads_on_weekdays()
    talk = Talk(person())
    assert talk.says("/refer")["text"] == words("refer.none")

    setting = {"way": "both", "name": "Face clinic", "offer": "Facial therapy for adults."}
    assert desk.send("/staff/self-referral", page="/staff", **setting).status_code == 303
    begun = talk.says("can i get an assessment?")
    assert "Face clinic" in begun["text"]
    assert words("refer.check") in begun["text"]
    assert words("refer.way") in talk.says("go on without it")["text"]
    talk.says("by video")
    talk.says("Anna")
    talk.says("I would like to smile again.")
    until(lambda: talk.last["text"].startswith("If you agree, I send this to Face clinic"), "they are asked")
    assert "Anna" not in desk.text("/"), "nothing goes before the yes"

    sent = talk.says("yes")
    assert re.search(r"The clinic reads messages (?:now, until|today from|on \w+day from) \d+:00\.", sent["text"])
    queue = until(lambda: "Anna" in (shown := desk.text("/")) and shown, "the request is in the queue")
    assert "ZZ 9" in queue
    found = re.search(r'href="(/referrals/\d+)"[^>]*>\s*Anna', desk.http.get("/").text)
    assert found, desk.http.get("/").text
    page = found[1]
    shown = desk.text(page)
    for part in (
        "who referred themselves in the chat, for an assessment by video",
        "I would like to smile again.",
        "This patient shares with Face clinic",
    ):
        assert part in shown

    again = talk.says("/refer")
    assert "I sent your request to Face clinic on" in again["text"]

    # a check made later flows in, and asking for a person opens the thread
    talk.says("/check")
    assert "999" in talk.taps("An arm or a leg is weak")["text"]
    until(lambda: "A red flag opened" in desk.text(page), "the check has flown in")
    talk.says("can i talk to a person")
    talk.says("When may I come?")
    assert "When may I come?" in desk.text(page)

    stopped = talk.says("stop sharing")
    assert stopped["text"] == words("clinic.left", clinic="Face clinic")
    assert "The patient stopped sharing." in desk.text(page)

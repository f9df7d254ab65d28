"""A guided session from the self-check to its end, as a person with a phone sees it: pictures and live counts."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from bot.gateway.counting import PACE_S
from bot.knowledge.library import load_library
from bot.programme.exercise import load_exercises
from bot.settings import CONTENT
from bot.words import Words
from tests.e2e.chat_page import NAMELESS, SMALL_TARGETS, Page
from tests.e2e.gateway_process import Gateway, Json, Person, Telegram, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

PHONE = (390, 844)
# Since half a year, several things move, nothing is linked: small and even movements (S2).
CHECK = ("Yes", "Bell's palsy", "No", "3 to 12 months", "Two or more things move", "No", "Left")
STEPS = [["Next", "Skip", "It hurts"], ["Stop"]]
PRACTICE = [["Done", "Again", "Easier"], ["Skip", "It hurts", "Stop"]]
SMALLER = [["Done", "Again", "Easier"], ["As before", "Skip", "It hurts"], ["Stop"]]


class Talk:
    """What a person does, each time until the bot has answered."""

    def __init__(self, person: Person) -> None:
        self.person = person

    def says(self, text: str) -> Json:
        return self._answered(lambda: self.person.says(text))

    def taps(self, button: str) -> Json:
        return self._answered(lambda: self.person.taps(button))

    @property
    def last(self) -> Json:
        return [each for each in self.person.chat() if each["from"] == "bot"][-1]

    def _answered(self, act: Callable[[], object]) -> Json:
        before = len(self.person.replies())
        act()
        self.person.gets(before + 1)
        return self.last

    def practises(self) -> Json:
        """Go on to where the exercise is done."""
        while not is_there(self.last, "Done"):
            self.taps("Next")
        return self.last


@pytest.fixture
def talk(person: Callable[[], Person]) -> Talk:
    return Talk(person())


@pytest.fixture
def begun(talk: Talk) -> Talk:
    """A person in a session, with their first exercise before them."""
    talk.says("/exercise")
    for answer in CHECK:
        talk.taps(answer)
    talk.taps("Start now")
    return talk


@pytest.fixture
def page(driver: webdriver.Chrome, telegram: Telegram) -> Page:
    driver.get_log("browser")
    return Page(driver, telegram.base)


def is_there(message: Json, button: str) -> bool:
    return any(button in row for row in message["buttons"])


def shown(page: Page, message: Json) -> str:
    """What the page shows of a message."""
    script = 'return document.querySelector(`[data-id="${arguments[0]}"] .words`)?.textContent'
    return str(page.driver.execute_script(script, message["message_id"]))


def is_in_sight(page: Page, message: Json) -> bool:
    script = """
      const box = document.querySelector(`[data-id="${arguments[0]}"] .words`).getBoundingClientRect();
      return box.bottom <= document.getElementById("composer").getBoundingClientRect().top;
    """
    return bool(page.driver.execute_script(script, message["message_id"]))


def test_a_session_from_the_self_check_to_its_end(begun: Talk, telegram: Telegram, page: Page, tmp_path: Path) -> None:
    exercises = load_exercises(CONTENT, frozenset(load_library(CONTENT).sources)).exercises
    first = begun.last
    assert first["image"] is not None
    assert first["buttons"] == STEPS
    exercise = next(each for each in exercises.values() if f": {each.name}" in first["text"].split("\n")[0])
    assert exercise.steps[0] in first["text"]

    page.open(f"?user={begun.person.id}&theme=light", *PHONE)
    image = page.driver.find_element(By.CSS_SELECTOR, ".picture img")
    assert image.get_attribute("alt") == f"Picture: {exercise.alt}"
    until(lambda: page.driver.execute_script("return arguments[0].naturalWidth", image) == 800, "the picture is there")
    assert page.driver.execute_script(NAMELESS) == []
    assert page.driver.execute_script(SMALL_TARGETS) == []
    page.driver.save_screenshot(str(tmp_path / "instruction.png"))
    page.driver.execute_script("arguments[0].scrollIntoView()", image)
    page.driver.save_screenshot(str(tmp_path / "picture.png"))
    page.driver.execute_script("document.getElementById('jump').click()")

    begun.taps("Next")
    assert begun.last["image"] is None
    begun.taps("Skip")
    assert begun.last["image"] is not None

    practised = begun.practises()
    assert practised["buttons"] == PRACTICE
    until(lambda: "Hold 1 of " in shown(page, practised), "the count holds")
    assert is_in_sight(page, practised)
    page.driver.save_screenshot(str(tmp_path / "hold.png"))
    until(lambda: "Rest." in shown(page, practised), "the count rests")
    page.driver.save_screenshot(str(tmp_path / "rest.png"))
    assert shown(page, practised).startswith(practised["text"].split("\n")[0])
    assert begun.last["buttons"] == PRACTICE
    heard = str(page.id("heard").get_attribute("textContent"))
    assert re.fullmatch(r"Message changed\. (?:Rest\.|Hold).*", heard)

    begun.taps("Done")
    until(lambda: begun.person.chat()[-2]["buttons"] == [], "its buttons have gone")
    counted = begun.person.chat()[-2]["text"]
    while is_there(begun.last, "Skip"):
        begun.taps("Skip")
    begun.taps("2")
    end = begun.taps("7")
    assert "You did 1 of " in end["text"]
    assert counted in begun.person.replies()

    edits = [call for call in telegram.calls("editMessageText") if call["params"]["chat_id"] == begun.person.id]
    assert {call["code"] for call in edits} == {200}
    assert all(later["time"] - earlier["time"] > PACE_S - 0.2 for earlier, later in pairwise(edits))
    assert [entry for entry in page.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []


def test_a_count_runs_to_its_end_by_itself(begun: Talk) -> None:
    begun.taps("Skip")
    begun.practises()
    begun.taps("Easier")
    practised = begun.last
    until(lambda: begun.last["text"].endswith("Done? Tap Done."), "the count has ended", 90)
    assert begun.last["message_id"] == practised["message_id"]
    assert begun.last["buttons"] == SMALLER


def test_stopping_the_gateway_does_not_wait_for_a_count(begun: Talk, gateway: Gateway) -> None:
    begun.taps("Skip")
    begun.practises()
    until(lambda: "Get ready." in begun.last["text"], "the count has begun")
    gateway.signal(signal.SIGTERM)
    assert gateway.ends(10) == 0
    assert begun.last["buttons"] == PRACTICE
    counted = begun.last["message_id"]
    gateway.start()
    assert begun.taps("Done")["message_id"] > counted


def test_a_picture_that_telegram_refuses_leaves_the_instruction(talk: Talk, telegram: Telegram) -> None:
    talk.says("/exercise")
    for answer in CHECK:
        talk.taps(answer)
    telegram.fault("sendPhoto", code=400, description="Bad Request: IMAGE_PROCESS_FAILED", times=1)
    first = talk.taps("Start now")
    assert first["image"] is None
    assert first["buttons"] == STEPS
    assert first["text"].startswith("1 of ")


def test_two_devices_at_once_move_one_session_once(begun: Talk, telegram: Telegram, words: Words) -> None:
    """The same button, tapped on both at one moment: one move, and the other is told that it is past."""
    keyboard = telegram.calls("sendPhoto")[-1]["params"]["reply_markup"]
    data = [each["callback_data"] for row in keyboard["inline_keyboard"] for each in row if each["text"] == "Next"]
    sender = {"id": begun.person.id, "is_bot": False, "first_name": f"Invented {begun.person.id}"}
    shown = {"message_id": begun.last["message_id"], "date": int(time.time()), "text": "x"}
    shown["chat"] = {"id": begun.person.id, "type": "private", "first_name": sender["first_name"]}
    before = len(begun.person.replies())
    for device in ("one", "two", "three"):
        query = {"id": f"from-{device}", "from": sender, "message": shown, "chat_instance": "1", "data": data[0]}
        telegram.push({"callback_query": query})
    heard = begun.person.gets(before + 3)[before:]
    assert heard.count(words("exercise.moved_on")) == 2
    assert sum(each.startswith("1 of ") for each in heard) == 1
    assert begun.taps("Skip")["text"].startswith("2 of ")

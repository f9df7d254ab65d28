"""How practice went, through the real gateway: the picture with its words, and the page as a PDF."""

from __future__ import annotations

import io
from collections.abc import Callable

import httpx
import pytest
from PIL import Image
from pypdf import PdfReader

from bot.words import Words
from tests.e2e.gateway_process import Gateway, Json, Person, Telegram, until
from tests.e2e.test_exercise_session import CHECK, Talk, is_there

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


@pytest.fixture
def talk(person: Callable[[], Person]) -> Talk:
    return Talk(person())


def practise(talk: Talk) -> None:
    """The self-check, and a session of which one exercise is done."""
    talk.says("/exercise")
    for answer in CHECK:
        talk.taps(answer)
    talk.taps("Start now")
    talk.practises()
    talk.taps("Done")
    while is_there(talk.last, "Skip"):
        talk.taps("Skip")
    talk.taps("2")
    talk.taps("7")


def fetched(url: str) -> bytes:
    answer = httpx.get(url, trust_env=False, timeout=10)
    assert answer.status_code == 200
    return answer.content


def document_of(message: Json) -> Json:
    assert message["document"] is not None
    return dict(message["document"])


def test_the_picture_and_the_page_arrive(talk: Talk, words: Words) -> None:
    assert talk.says("/progress")["text"] == words("progress.nothing")
    assert talk.taps(words("progress.exercise_button"))["text"].startswith(words("exercise.check_begin"))
    practise(talk)

    shown = talk.says("how am i doing?")
    assert shown["text"].startswith(f"{words('progress.here')}\n\n{words('progress.one')}\nPicture: Sessions")
    assert "this week 1 of 1, comfort 7" in shown["text"]
    assert Image.open(io.BytesIO(fetched(shown["image"]))).size == (800, 1000)
    assert shown["buttons"] == [[words("progress.page_button")]]

    page = talk.taps(words("progress.page_button"))
    assert page["text"] == words("progress.page_lead")
    assert document_of(page)["name"] == words("progress.file")
    (only,) = PdfReader(io.BytesIO(fetched(document_of(page)["url"]))).pages
    assert words("progress.page") in only.extract_text()
    assert words("progress.one") in only.extract_text()


def test_dark_pictures_are_dark(talk: Talk, words: Words) -> None:
    practise(talk)
    corners = []
    for wish in ("dark pictures", "light pictures"):
        talk.says(wish)
        picture = Image.open(io.BytesIO(fetched(talk.says("/progress")["image"]))).convert("L")
        corners.append(picture.getpixel((4, 4)))
    assert corners[0] < 40
    assert corners[1] > 230


def test_a_picture_that_telegram_refuses_leaves_its_words(talk: Talk, telegram: Telegram, words: Words) -> None:
    practise(talk)
    telegram.fault("sendPhoto", code=400, description="Bad Request: IMAGE_PROCESS_FAILED", times=1)
    shown = talk.says("/progress")
    assert shown["image"] is None
    assert "this week 1 of 1, comfort 7" in shown["text"]
    assert shown["buttons"] == [[words("progress.page_button")]]


def test_it_stands_in_the_menu(gateway: Gateway, telegram: Telegram, words: Words) -> None:
    calls = until(lambda: telegram.calls("setMyCommands"), "the menu is set")
    assert {"command": "progress", "description": words("commands.progress")} in calls[-1]["params"]["commands"]

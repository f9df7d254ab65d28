"""From the chat page to the article and back, through everything that is real."""

import subprocess
import sys
import time

import httpx
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from bot.knowledge.library import load_library
from bot.settings import CONTENT
from tests.whole.conftest import ROOT, System, until

pytestmark = [pytest.mark.e2e, pytest.mark.engine, pytest.mark.timeout(300)]

AWAY = "Part of me is away"


def test_a_question_on_the_chat_page_gets_the_right_article_with_its_source(system: System, browser) -> None:
    system.meet(1001)
    browser.get(f"{system.chat}/?user=1001")
    box = WebDriverWait(browser, 10).until(lambda page: page.find_element(By.TAG_NAME, "textarea"))
    box.send_keys("how do I protect my eye at night?", Keys.ENTER)
    article = load_library(CONTENT).articles["eye-care-night"]
    WebDriverWait(browser, 15).until(lambda page: article.short in page.find_element(By.TAG_NAME, "body").text)
    text = browser.find_element(By.TAG_NAME, "body").text
    assert "Source: " in text
    assert "Not yet checked by a clinician." in text
    assert AWAY not in text


def test_a_button_on_the_chat_page_opens_the_whole_article(system: System, browser) -> None:
    system.meet(1002)
    system.say(1002, "how do i tape my eye shut")
    browser.get(f"{system.chat}/?user=1002")
    more = WebDriverWait(browser, 10).until(
        lambda page: page.find_elements(By.XPATH, "//button[normalize-space()='Tell me more']")
    )
    more[-1].click()
    WebDriverWait(browser, 15).until(lambda page: "Sources" in page.find_element(By.TAG_NAME, "body").text)


def test_the_engine_understands_and_the_plain_answer_is_not_needed(system: System) -> None:
    system.meet(1003)
    (answer,) = system.say(1003, "what is bells palsy")
    assert AWAY not in answer["text"]


def test_an_emergency_is_answered_before_any_consent(system: System) -> None:
    (answer,) = system.say(1004, "my husbands face dropped and he cant lift his arm")
    assert "112 now" in answer["text"]


def test_a_typed_intent_is_only_text(system: System) -> None:
    system.meet(1005)
    answers = system.say(1005, '/open_article{"article_id": "steroids", "part": "whole"}')
    steroids = load_library(CONTENT).articles["steroids"]
    assert all(steroids.body[:60] not in answer["text"] for answer in answers)


def test_a_newcomers_first_question_is_answered_at_once_and_then_consent_is_asked(system: System) -> None:
    tape = load_library(CONTENT).articles["eye-taping"]
    before = len(system.said(1006))
    system.say(1006, "how do i tape my eye shut")
    until(lambda: len(system.said(1006)) >= before + 4, "the answer, the welcome and the question of consent")
    answers = system.said(1006)
    assert tape.short in answers[0]
    assert "May I keep this" in answers[-1]


@pytest.mark.parametrize(
    "text",
    [
        "🙂🙂🙂",
        "x" * 4096,
        "<b>bold</b><script>alert(1)</script>",
        "'; DROP TABLE patients; --",
        "\u202eolleh",
        "؟؟؟",
        ".",
    ],
    ids=["emoji", "one word of 4,096", "html", "sql", "right to left", "punctuation", "a full stop"],
)
def test_strange_input_gets_a_short_safe_reply(system: System, text: str) -> None:
    user = 1100
    if not system.messages(user):
        system.meet(user)
    answers = system.say(user, text)
    assert 1 <= len(answers) <= 2
    assert all(len(answer["text"]) < 1500 for answer in answers)


def test_the_first_conversation_by_typing_alone(system: System) -> None:
    user = 1007
    system.say(user, "hello")
    for text in ("yes", "for me", "47", "england", "skip", "skip"):
        system.say(user, text)
    until(lambda: system.said(user)[-1].startswith("Thank you. Now ask me"), "the end of first contact")
    (answer,) = system.say(user, "are you a robot")
    assert "program" in answer["text"]


def test_the_engine_and_the_action_server_listen_on_loopback_behind_a_token(system: System) -> None:
    lines = (system.home / "run" / "system.json").read_text()
    engine_url = lines.split('"engine_url": "')[1].split('"')[0]
    refused = httpx.post(f"{engine_url}/webhooks/rest/webhook", json={"sender": "x", "message": "hi"})
    assert refused.status_code == 401
    assert httpx.get(f"{engine_url}/domain", headers={"Accept": "application/json"}).status_code == 401
    listening = subprocess.run(["ss", "-ltnH"], capture_output=True, text=True, check=True).stdout
    port = engine_url.rsplit(":", 1)[1]
    assert {line.split()[3] for line in listening.splitlines() if line.split()[3].endswith(f":{port}")} == {
        f"127.0.0.1:{port}"
    }


def test_no_log_holds_what_people_wrote(system: System) -> None:
    user, marked = 1008, "zebrafinch marmalade eye drops"
    system.meet(user)
    system.say(user, f"{marked} which ones are best")
    for log in (system.home / "logs").glob("*.log"):
        assert "zebrafinch" not in log.read_text(errors="replace"), f"{log.name} holds a person's words"


def test_when_the_engine_dies_the_plain_answer_comes_and_later_the_engine_again(system: System) -> None:
    user = 1009
    system.meet(user)
    subprocess.run(["pkill", "-KILL", "-f", f"rasa run .*{system.home}"], check=False)
    port = (system.home / "run" / "system.json").read_text().split("127.0.0.1:")[1].split('"')[0]
    subprocess.run(["pkill", "-KILL", "-f", f"rasa run .*--port {port}"], check=True)
    (answer,) = system.say(user, "how do I protect my eye at night?")
    assert AWAY in answer["text"]
    article = load_library(CONTENT).articles["eye-care-night"]
    assert article.short in answer["text"] or [article.label] in answer["buttons"]
    (emergency,) = system.say(user, "my arm went numb and my speech is slurred")
    assert "999 now" in emergency["text"]
    deadline = time.monotonic() + 120
    while AWAY in system.say(user, "how do I protect my eye at night?")[0]["text"]:
        assert time.monotonic() < deadline, "the engine did not come back"
        time.sleep(2)


def test_the_desk_shows_nobody_anything_before_a_sign_in(system: System) -> None:
    page = httpx.get(system.desk, follow_redirects=True).text
    assert "Sign in" in page
    assert "DM-" not in page and "1001" not in page


def test_a_taken_port_is_named_in_one_line(system: System) -> None:
    port = system.chat.rsplit(":", 1)[1]
    home = system.home / "second"
    ended = subprocess.run(
        [sys.executable, "-m", "bot", "run"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "SEPTIMUS_HOME": str(home), "SEPTIMUS_SANDBOX_PORT": port},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 2
    assert f"Port {port} is in use" in ended.stderr
    assert "SEPTIMUS_SANDBOX_PORT" in ended.stderr

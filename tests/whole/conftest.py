"""The whole system as `make run` starts it, once for all tests here: real processes, real model, real browser."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from bot.stack.model import current_model
from bot.stack.processes import free_ports

ROOT = Path(__file__).parents[2]


def needed(present: bool, what: str) -> None:
    """Skip with the reason when a part is missing on this machine; with CI=true a missing part is a failure."""
    if present:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI needs {what}")
    pytest.skip(f"{what} is not on this machine")


@dataclass
class System:
    """The running system: its chat page and control door, and its data folder."""

    home: Path
    chat: str
    desk: str
    process: subprocess.Popen[str]

    def post(self, path: str, **body: Any) -> Any:
        answer = httpx.post(f"{self.chat}{path}", json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def messages(self, user: int) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self.chat}/sandbox/messages", params={"user": user, "after": 0}, timeout=10)
        return answer.json() if answer.status_code == 200 else []  # 404: the sandbox has not met them yet

    def said(self, user: int) -> list[str]:
        return [message["text"] for message in self.messages(user) if message["from"] == "bot"]

    def say(self, user: int, text: str, language_code: str = "en") -> list[dict[str, Any]]:
        """Say something and return what the bot says to it, once something has come."""
        before = len(self.said(user))
        self.post("/sandbox/say", user=user, text=text, language_code=language_code)
        until(lambda: len(self.said(user)) > before, f"an answer to {text!r}")
        return [message for message in self.messages(user) if message["from"] == "bot"][before:]

    def press(self, user: int, button: str) -> None:
        self.post("/sandbox/press", user=user, button=button)

    def meet(self, user: int, country: str = "United Kingdom") -> None:
        """Lead a person through first contact."""
        self.say(user, "/start")
        for button in ("Yes, that's fine", "For me", "18 to 59", country, "Skip", "Skip"):
            self.answer(user, button)
        until(lambda: self.said(user)[-1].startswith("Thank you. Now ask me"), "the end of first contact")

    def answer(self, user: int, button: str) -> None:
        """Tap a button of the latest message once it is there, and wait for what comes next."""
        until(lambda: self._shows(user, button), f"the button {button}")
        before = len(self.said(user))
        self.press(user, button)
        until(lambda: len(self.said(user)) > before, f"what comes after {button}")

    def _shows(self, user: int, button: str) -> bool:
        last = [message for message in self.messages(user) if message["from"] == "bot"][-1:]
        return any(button in row for message in last for row in message["buttons"])


def until(condition: Callable[[], Any], what: str, seconds: float = 20.0) -> None:
    """Wait until something is so, or fail saying what never came."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.05)
    pytest.fail(f"waited {seconds:.0f} s in vain for {what}")


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    needed((ROOT / "engine/.venv/bin/python").exists(), "the engine's environment (make setup)")
    needed(current_model() is not None, "a trained model (make train)")
    home = tmp_path_factory.mktemp("home")
    sandbox, desk, actions, engine = free_ports(4)
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("SEPTIMUS_", "TELEGRAM_"))},
        "SEPTIMUS_HOME": str(home),
        "SEPTIMUS_SANDBOX_PORT": str(sandbox),
        "SEPTIMUS_DESK_PORT": str(desk),
        "SEPTIMUS_ACTIONS_PORT": str(actions),
        "SEPTIMUS_ENGINE_PORT": str(engine),
        # A token may begin with a dash, which a command line reads as an option.
        "SEPTIMUS_ENGINE_TOKEN": "-a-token-of-the-tests",
        "PYTHONUNBUFFERED": "1",
    }
    output = (home / "run.log").open("w+")
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "run"], cwd=ROOT, env=environment, stdout=output, stderr=output, text=True
    )
    try:
        log = home / "run.log"
        until(lambda: "Septimus is up." in log.read_text() or process.poll() is not None, "the system to be up", 240)
        assert process.poll() is None, log.read_text()
        yield System(home, f"http://127.0.0.1:{sandbox}", f"http://127.0.0.1:{desk}", process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        output.close()


@pytest.fixture
def browser() -> Iterator[webdriver.Chrome]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    needed(bool(chromium and driver), "Chromium with its driver")
    options = Options()
    options.binary_location = str(chromium)
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=430,900"):
        options.add_argument(argument)
    chrome = webdriver.Chrome(options=options, service=Service(str(driver)))
    yield chrome
    chrome.quit()

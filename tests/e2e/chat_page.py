"""The sandbox's chat page in a browser, as a person uses it."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

NAMELESS = """
return [...document.querySelectorAll("button, a, input, select, textarea, img")]
  .filter((n) => n.checkVisibility())
  .filter((n) => !(n.textContent.trim() || n.alt || n.getAttribute("aria-label") || n.labels?.length))
  .map((n) => n.outerHTML);
"""
SMALL_TARGETS = """
return [...document.querySelectorAll("button:not(.command):not(.spoiler), input, select, textarea, a.key, summary")]
  .filter((n) => n.checkVisibility())
  .map((n) => [n.getBoundingClientRect(), n])
  .filter(([box]) => box.width < 44 || box.height < 44)
  .map(([box, n]) => `${n.outerHTML.slice(0, 80)} ${box.width}x${box.height}`);
"""


def until(condition: Callable[[], Any], seconds: float = 6.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.03)
    return found


@dataclass
class Page:
    """The page as a person uses it."""

    driver: webdriver.Chrome
    base: str

    def post(self, path: str, body: Any) -> Any:
        request = urllib.request.Request(self.base + path, data=json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)

    def open(self, query: str = "", width: int = 1280, height: int = 800) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.get(self.base + "/" + query)
        until(lambda: self.id("bot-state").text == "Online")

    def id(self, name: str) -> WebElement:
        return self.driver.find_element(By.ID, name)

    def texts(self) -> list[str]:
        script = "return [...document.querySelectorAll('.words')].map((n) => n.textContent)"
        return list(self.driver.execute_script(script))

    def button(self, title: str) -> WebElement:
        return until(
            lambda: next((b for b in self.driver.find_elements(By.CSS_SELECTOR, ".key") if b.text == title), None)
        )

    def say(self, text: str) -> None:
        self.id("words").send_keys(text, Keys.ENTER)

    def wait_for(self, *texts: str) -> None:
        until(lambda: self.texts() == list(texts))

    def focused(self) -> str:
        script = "return document.activeElement.id || document.activeElement.textContent"
        return str(self.driver.execute_script(script))

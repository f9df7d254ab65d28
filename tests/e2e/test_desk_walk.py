"""A newcomer's walk through the desk in a browser: by mouse, by keyboard alone, and with axe on every page."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select

from bot.settings import ROOT
from tests.e2e.axe import show_as, violations
from tests.e2e.chat_page import until
from tests.e2e.gateway_process import free_port

pytestmark = pytest.mark.e2e

PASSWORD = "three old bicycles"
SCHEMES, WIDTHS = ("light", "dark"), (1280, 390)
# A box to tick is as large to the finger as its label.
SMALL_TARGETS = """
return [...document.querySelectorAll("button, input, select, textarea, summary, nav a")]
  .filter((n) => n.checkVisibility() && !n.matches(".unseen, .skip"))
  .map((n) => n.matches("[type=checkbox], [type=radio]") ? n.closest("label") ?? n : n)
  .map((n) => [n.getBoundingClientRect(), n])
  .filter(([box]) => box.width < 44 || box.height < 43.5)
  .map(([box, n]) => `${n.outerHTML.slice(0, 80)} ${box.width}x${box.height}`);
"""
TOP = "Woke today with slurred speech and a weak left arm. The forehead moves normally."


@dataclass
class Desk:
    """A desk of its own, with a browser on it."""

    base: str
    first_link: str
    driver: webdriver.Chrome

    def go(self, path: str) -> None:
        self.driver.get(self.base + path)

    def one(self, css: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def all(self, css: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def field(self, label: str) -> WebElement:
        """The field of the open part of the page with this label."""
        found = [each for each in self.all("label") if each.text.strip().startswith(label) and each.is_displayed()]
        assert found, label
        return self.one(f"[id='{found[0].get_attribute('for')}']")

    def button(self, text: str) -> WebElement:
        path = (
            f"//button[starts-with(normalize-space(), '{text}')] | //summary[starts-with(normalize-space(), '{text}')]"
        )
        return next(each for each in self.driver.find_elements(By.XPATH, path) if each.is_displayed())

    def link(self, text: str) -> WebElement:
        return self.driver.find_element(By.LINK_TEXT, text)

    def says(self, text: str) -> None:
        # Read in one go: between two questions the page may have gone on.
        shown = "return document.querySelector('main')?.innerText ?? ''"
        until(lambda: text in self.driver.execute_script(shown), 15.0)

    @property
    def heading(self) -> str:
        return self.one("h1").text


def environment(home: Path, port: int) -> dict[str, str]:
    ours = {
        "SEPTIMUS_HOME": str(home),
        "SEPTIMUS_DESK_PORT": str(port),
        "SEPTIMUS_DESK_WATCH_PORT": "0",  # several desks run here at once, and only one can have the port
        "PYTHONUNBUFFERED": "1",
    }
    return {name: value for name, value in os.environ.items() if not name.startswith("SEPTIMUS_")} | ours


def started(home: Path, driver: webdriver.Chrome, *, with_demo: bool = False) -> Iterator[Desk]:
    port = free_port()
    base, made = f"http://127.0.0.1:{port}", environment(home, port)
    if with_demo:
        subprocess.run([sys.executable, "-m", "bot", "demo"], cwd=ROOT, env=made, check=True, capture_output=True)
    command = [sys.executable, "-m", "bot.desk"]
    with (home / "out.txt").open("w") as out, (home / "log.txt").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=made, stdout=out, stderr=log, text=True)
    try:
        deadline = time.monotonic() + 60
        while True:
            assert process.poll() is None and time.monotonic() < deadline, (home / "log.txt").read_text()[-2000:]
            try:
                httpx.get(f"{base}/healthz", trust_env=False).raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        link = re.search(rf"{base}(/(?:setup|password)/[\w-]+)", (home / "out.txt").read_text())
        assert link
        driver.get(f"{base}/healthz")
        driver.delete_all_cookies()
        show_as(driver, "light", 1280)
        yield Desk(base, link[1], driver)
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture
def desk(tmp_path: Path, driver: webdriver.Chrome) -> Iterator[Desk]:
    """A desk that nobody has used yet."""
    yield from started(tmp_path, driver)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, driver: webdriver.Chrome) -> Iterator[Desk]:
    """A desk with the demo clinic, signed in as its admin."""
    for desk in started(tmp_path_factory.mktemp("demo"), driver, with_demo=True):
        desk.go(desk.first_link)
        for field in desk.all("input[type=password]"):
            field.send_keys(PASSWORD)
        desk.one("main button").click()
        desk.says("The new password counts")
        yield desk


@pytest.fixture(scope="module")
def spreadsheet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 invented referrals, and one whose onset is no day."""
    path = tmp_path_factory.mktemp("sheet") / "referrals.csv"
    causes, sides = ("Bell's palsy", "Ramsay Hunt syndrome", "vestibular schwannoma"), ("Left", "Right")
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["Reference", "Referrer", "Date of onset", "Side", "Diagnosis", "HB", "Eye closure", "Notes"])
        for number in range(1, 41):
            onset = f"2026-{1 + number % 9:02}-{1 + number % 28:02}"
            closure = ("complete", "incomplete")[number % 4 == 0]
            note = TOP if number == 23 else "Invented for a test. Uses drops, tapes the eye at night."
            cause = "" if number == 23 else causes[number % 3]
            writer.writerow(
                [f"T {number:02}", "Invented GP", onset, sides[number % 2], cause, 2 + number % 4, closure, note]
            )
        writer.writerow(["T 41", "Invented GP", "the day of the storm", "Left", "Bell's palsy", 3, "complete", ""])
    return path


def test_a_newcomer_walks_from_the_first_link_to_a_closed_referral(desk: Desk, spreadsheet: Path) -> None:
    desk.go(desk.first_link)
    desk.field("Name of the clinic").send_keys("Invented clinic")
    desk.field("Your name").send_keys("Ada Invented")
    desk.field("Your email").send_keys("ada@example.org")
    for field in desk.all("input[type=password]"):
        field.send_keys(PASSWORD)
    desk.one("main button").click()
    desk.says("The clinic is set up")
    desk.says("No new referrals")

    desk.link("New referral").click()
    desk.link("A spreadsheet").click()
    desk.field("Spreadsheet").send_keys(str(spreadsheet))
    desk.button("Upload and check").click()
    desk.says("40 rows of 41 can be imported")
    desk.says("C42, Date of onset")
    desk.button("Import 40 rows, leave out 1").click()
    desk.says("The referrals are in the queue")
    assert len(desk.all(".queue tbody tr")) == 40
    bands = [each.text for each in desk.all(".queue tbody .band")]
    rank = ["P0", "Redirect", "P1", "P2", "P3", "P4"]
    assert [rank.index(band) for band in bands] == sorted(rank.index(band) for band in bands)

    first = desk.one(".queue tbody a")
    assert first.text == "T 23" and bands[0] == "P0"
    first.click()
    why = desk.one(".rules").text
    assert "Red flag" in why and "weak left arm" in why
    assert "weak left arm" in " ".join(each.text for each in desk.all(".letter mark"))

    desk.button("Choose another band").click()
    Select(desk.field("Band")).select_by_value("P1")
    desk.field("Reason").send_keys("Spoke to the ward: seen there today.")
    desk.button("Save this band").click()
    desk.says("Your band is saved")
    assert "P1" in desk.heading
    desk.says("The rules say P0")

    desk.button("Take it myself").click()
    desk.says("The assignment is saved")
    desk.button("Add a note").click()
    desk.field("Note for colleagues").send_keys("Rang the patient.")
    desk.button("Save the note").click()
    desk.says("The note is saved")
    desk.button("Close").click()
    Select(desk.field("Reason")).select_by_value("treated")
    desk.button("Close the referral").click()
    desk.says("The referral is closed")
    history = desk.one(".history").text
    for each in ("row 24 of a spreadsheet", "Own band P1", "Assigned to Ada", "Rang the patient", "Closed: Seen"):
        assert each in history
    desk.go("/?folder=closed")
    assert [each.text for each in desk.all(".queue tbody a:not(.chip)")] == ["T 23"]
    desk.go("/?folder=all&q=T+07")
    assert [each.text for each in desk.all(".queue tbody a:not(.chip)")] == ["T 07"]


@dataclass
class Keyboard:
    """The keyboard alone: Tab goes on, Enter and Space act. Wherever it stands must be seen."""

    desk: Desk

    def press(self, *keys: str) -> None:
        ActionChains(self.desk.driver).send_keys(*keys).perform()

    def to(self, target: Callable[[], WebElement]) -> WebElement:
        """Tab on until the element has the focus."""
        element = target()
        for _ in range(400):
            if self.desk.driver.switch_to.active_element == element:
                shown = "const s = getComputedStyle(arguments[0]); return s.outlineStyle !== 'none' && s.outlineWidth !== '0px'"
                assert self.desk.driver.execute_script(shown, element), f"no focus to be seen on {element.tag_name}"
                return element
            self.press(Keys.TAB)
        raise AssertionError(f"Tab does not reach {element.get_attribute('outerHTML')[:200]}")

    def act(self, target: Callable[[], WebElement], key: str = Keys.ENTER) -> None:
        before = self.desk.one("html")
        self.to(target)
        is_summary = self.desk.driver.switch_to.active_element.tag_name == "summary"
        self.press(key)
        if not is_summary:
            until(lambda: self._is_gone(before), 30.0)

    def fill(self, label: str, text: str) -> None:
        self.to(lambda: self.desk.field(label))
        self.press(text)

    @staticmethod
    def _is_gone(element: WebElement) -> bool:
        try:
            element.is_enabled()
        except Exception:  # the driver has several for an element of an earlier page
            return True
        return False


def test_the_whole_walk_goes_by_keyboard_alone(desk: Desk, spreadsheet: Path) -> None:
    keys = Keyboard(desk)
    desk.go(desk.first_link)
    keys.fill("Name of the clinic", "Invented clinic")
    keys.fill("Your name", "Ada Invented")
    keys.fill("Your email", "ada@example.org")
    for number in range(2):
        keys.to(lambda at=number: desk.all("input[type=password]")[at])
        keys.press(PASSWORD)
    keys.act(lambda: desk.one("main button"), Keys.SPACE)
    desk.says("The clinic is set up")

    keys.act(lambda: desk.link("New referral"))
    keys.act(lambda: desk.link("A spreadsheet"))
    keys.to(lambda: desk.field("Spreadsheet"))
    # The machine's own window for choosing a file is not the page's; its answer is given here.
    desk.field("Spreadsheet").send_keys(str(spreadsheet))
    keys.act(lambda: desk.button("Upload and check"), Keys.SPACE)
    desk.says("40 rows of 41 can be imported")
    keys.act(lambda: desk.button("Import 40 rows"), Keys.SPACE)
    desk.says("The referrals are in the queue")

    keys.act(lambda: desk.one(".queue tbody .who a"))
    assert desk.heading.startswith("T 23")
    keys.act(lambda: desk.button("Choose another band"), Keys.SPACE)
    keys.to(lambda: desk.field("Band"))
    keys.press("P1")
    keys.fill("Reason", "Spoke to the ward: seen there today.")
    keys.act(lambda: desk.button("Save this band"))
    desk.says("Your band is saved")
    keys.act(lambda: desk.button("Take it myself"), Keys.SPACE)
    desk.says("The assignment is saved")
    keys.act(lambda: desk.button("Add a note"))
    keys.fill("Note for colleagues", "Rang the patient.")
    keys.act(lambda: desk.button("Save the note"))
    desk.says("The note is saved")
    keys.act(lambda: desk.button("Close"))
    keys.to(lambda: desk.field("Reason"))
    keys.press("Seen")
    keys.act(lambda: desk.button("Close the referral"))
    desk.says("The referral is closed")
    keys.act(lambda: desk.button("Sign out"))
    until(lambda: "/sign-in" in desk.driver.current_url)


def _referral(demo: Desk, reference: str) -> str:
    demo.go(f"/?folder=all&q={reference}")
    return str(demo.one(".queue tbody .who a").get_attribute("href")).removeprefix(demo.base)


PAGES = [
    "/", "/?folder=all", "/?folder=mine", "/?folder=booked", "/?q=nobody", "/?folder=all&over=1", "/referrals/letter",
    "/referrals/new", "/referrals/import", "/account", "/account/code", "/staff", "/staff/programs", "/audit",
    "/system", "/?folder=all&stopped=1",
    "/referrals/999999", "/setup/never-given",
]  # fmt: skip


def _shown_well(demo: Desk, what: str) -> None:
    """No violation, nothing wider than the window, nothing too small to hit: light and dark, wide and narrow."""
    faults = []
    for scheme in SCHEMES:
        for width in WIDTHS:
            show_as(demo.driver, scheme, width)
            faults += [(scheme, width, *each) for each in violations(demo.driver)]
            if demo.driver.execute_script("return document.documentElement.scrollWidth > innerWidth"):
                faults.append((scheme, width, "wider than the window"))
            folder = os.environ.get("DESK_SCREENSHOTS")
            if folder:
                name = re.sub(r"\W+", "-", what).strip("-") or "queue"
                height = min(3000, int(demo.driver.execute_script("return document.documentElement.scrollHeight")))
                show_as(demo.driver, scheme, width, height)
                demo.driver.save_screenshot(f"{folder}/{name}-{scheme}-{width}.png")
    show_as(demo.driver, "light", 390)
    faults += [("small", each) for each in demo.driver.execute_script(SMALL_TARGETS)]
    show_as(demo.driver, "light", 1280)
    assert not faults, "\n".join(map(str, faults))


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing(demo: Desk, path: str) -> None:
    demo.go(path)
    if path.startswith("/?folder"):
        assert "Invented demo data" in demo.one("header").text
    _shown_well(demo, path)


@pytest.mark.parametrize("reference", ["DM-1001", "DM-1023", "DM-1038"], ids=["new", "overridden", "redirected"])
def test_axe_finds_nothing_on_a_referral(demo: Desk, reference: str) -> None:
    demo.go(_referral(demo, reference))
    demo.driver.execute_script("document.querySelectorAll('details').forEach((each) => each.open = true)")
    _shown_well(demo, reference)


def test_axe_finds_nothing_on_a_patients_own_page(demo: Desk) -> None:
    demo.go(_referral(demo, "DM-1015") + "/patient")
    _shown_well(demo, "patient")


def test_axe_finds_nothing_on_a_programme_and_its_refusal(demo: Desk) -> None:
    demo.go(_referral(demo, "DM-1025") + "/patient")
    demo.says("Programme from the clinic")
    _shown_well(demo, "patient-with-a-programme")
    demo.link("Change or end it").click()
    demo.says("Set by Demo clinician 2")
    _shown_well(demo, "programme")
    demo.field("Times a day").clear()
    demo.field("Times a day").send_keys("9")
    demo.button("Save; the chat").click()
    demo.says("Between 1 and 5 times a day")
    _shown_well(demo, "programme-refused")


def test_axe_finds_nothing_where_two_are_compared_merged_and_separated(demo: Desk) -> None:
    demo.go(_referral(demo, "DM-1019"))
    demo.says("Perhaps the same patient")
    demo.one(".twins a.button").click()
    demo.says("Are these two of one patient?")
    _shown_well(demo, "merge")
    stays = demo.driver.current_url.partition("/merge")[0]
    goes = demo.driver.current_url.partition("with=")[2]
    demo.button("Merge the two").click()
    demo.says("The two are one now")
    _shown_well(demo, "merged-stays")
    demo.driver.get(stays.rpartition("/")[0] + f"/{goes}")
    demo.says("Merged into")
    _shown_well(demo, "merged-goes")
    demo.button("Separate again").click()
    demo.says("stand for themselves again")
    demo.driver.get(f"{stays}/merge?with=999999")
    demo.says("Which referral is the other one?")
    _shown_well(demo, "merge-which")


def test_axe_finds_nothing_on_a_spreadsheet_to_check(demo: Desk, spreadsheet: Path) -> None:
    demo.go("/referrals/import")
    demo.field("Spreadsheet").send_keys(str(spreadsheet))
    demo.button("Upload and check").click()
    demo.says("40 rows of 41")
    _shown_well(demo, "import-check")
    demo.button("Cancel").click()
    demo.says("Nothing was imported")


def test_axe_finds_nothing_on_a_letter_that_is_refused_and_a_possible_duplicate(demo: Desk) -> None:
    demo.go("/referrals/letter")
    demo.field("Initials").send_keys("DM-1024")
    demo.button("Read and sort").click()
    demo.says("needs a sentence at least")
    _shown_well(demo, "letter-refused")
    demo.field("Or the letter").send_keys("Left Bell's palsy for about four months, HB III. Invented.")
    demo.button("Read and sort").click()
    demo.says("Perhaps the same patient")
    _shown_well(demo, "duplicate")


def test_axe_finds_nothing_on_a_conflict(demo: Desk) -> None:
    path = _referral(demo, "DM-1032")
    demo.go(path)
    old = demo.one("input[name=version]").get_attribute("value")
    for text, told in (("First note.", "The note is saved"), ("Second note.", "Second note.")):
        demo.button("Add a note").click()
        demo.driver.execute_script(f"document.querySelector('details[open] input[name=version]').value = {old}")
        demo.field("Note for colleagues").send_keys(text)
        demo.button("Save the note").click()
        demo.says(told)
    assert "changed" in demo.heading.lower()
    _shown_well(demo, "conflict")


def test_axe_finds_nothing_before_anybody_has_signed_in(demo: Desk) -> None:
    cookies = demo.driver.get_cookies()
    demo.driver.delete_all_cookies()
    try:
        demo.go("/sign-in")
        _shown_well(demo, "sign-in")
        demo.field("Email").send_keys("nobody@example.org")
        demo.field("Password").send_keys("not the right one")
        demo.one("main button").click()
        _shown_well(demo, "sign-in-refused")
    finally:
        demo.driver.delete_all_cookies()
        for cookie in cookies:
            demo.driver.add_cookie(cookie)


def test_axe_finds_nothing_on_the_first_link(desk: Desk) -> None:
    desk.go(desk.first_link)
    _shown_well(desk, "setup")

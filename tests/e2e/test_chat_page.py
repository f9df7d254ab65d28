"""The sandbox's chat page in a real Chromium, with a small scripted bot behind it."""

from __future__ import annotations

import asyncio
import base64
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from telegram import BotCommand, InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.ext import Application, CallbackQueryHandler, ContextTypes, MessageHandler, filters

from tests.e2e.chat_page import NAMELESS, SMALL_TARGETS, Page, until

pytestmark = pytest.mark.e2e

TOKEN = "7000000001:sandbox"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

# The colours of each visible text against what is painted behind it, as WCAG 2.2 counts contrast.
CONTRASTS = """
const channel = (v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
const rgba = (text) => {
  const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
  return { r, g, b, a };
};
const light = ({ r, g, b }) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const behind = (node) => {
  for (let n = node; n; n = n.parentElement) {
    const colour = rgba(getComputedStyle(n).backgroundColor);
    if (colour.a === 1) return colour;
  }
  return { r: 255, g: 255, b: 255, a: 1 };
};
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const node = walker.currentNode.parentElement;
  const words = walker.currentNode.textContent.trim();
  if (!words || !node.checkVisibility() || node.closest(".unseen, .spoiler, noscript")) continue;
  const front = light(rgba(getComputedStyle(node).color));
  const back = light(behind(node));
  found.push([(Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05), words.slice(0, 40)]);
}
return found;
"""


def keys(*titles: str) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton(t, callback_data=t)] for t in titles])


async def reply(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    assert update.message is not None and update.message.text is not None
    text = update.message.text
    if text == "/start":
        welcome = "Welcome. <b>Bold</b> &lt;i&gt;plain&lt;/i&gt; <a href='https://example.org/'>link</a>"
        await update.message.reply_html(welcome, reply_markup=keys("Go on", "Thank", "Warn"))
    elif text == "picture":
        await update.message.reply_photo(PNG, caption="Close both eyes gently.")
    elif text == "type":
        await update.message.reply_chat_action("typing")
    else:
        await update.message.reply_text(text)


async def tap(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    query = update.callback_query
    assert query is not None
    if query.data == "Thank":
        await query.answer("Thank you. Noted.")
    elif query.data == "Warn":
        await query.answer("Please read this.", show_alert=True)
    else:
        await query.answer()
        await query.edit_message_text("You went on.", reply_markup=keys("Go on", "Back"))


def run_bot(base: str, stop: threading.Event) -> None:
    async def live() -> None:
        application = (
            Application.builder().token(TOKEN).base_url(f"{base}/bot").base_file_url(f"{base}/file/bot").build()
        )
        application.add_handler(CallbackQueryHandler(tap))
        application.add_handler(MessageHandler(filters.TEXT, reply))
        async with application:
            await application.bot.set_my_commands([BotCommand("start", "Begin"), BotCommand("help", "Get help")])
            await application.start()
            assert application.updater is not None
            await application.updater.start_polling()
            while not stop.is_set():  # noqa: ASYNC110 - the stop comes from another thread
                await asyncio.sleep(0.05)
            await application.updater.stop()
            await application.stop()

    asyncio.run(live())


def start_sandbox(port: int = 0) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bot.sandbox", "--port", str(port), "--token", TOKEN], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, process.stdout.readline().split()[-1].rstrip("/")


def stop_process(process: subprocess.Popen[str]) -> int:
    process.terminate()
    try:
        return process.wait(10)
    finally:
        process.kill()
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    process, base = start_sandbox()
    stop = threading.Event()
    bot = threading.Thread(target=run_bot, args=(base, stop))
    bot.start()
    yield base
    stop.set()
    bot.join(20)
    assert stop_process(process) == 0


@pytest.fixture
def page(driver: webdriver.Chrome, address: str) -> Iterator[Page]:
    opened = Page(driver, address)
    opened.post("/sandbox/reset", {})
    opened.post("/sandbox/fault", {"clear": True})
    opened.open()
    driver.execute_script("localStorage.clear()")
    opened.open()
    driver.get_log("browser")
    yield opened
    # A refused script, style or request of the strict policy would stand here.
    assert [entry for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []


def test_from_the_first_tap_to_an_edited_answer(page: Page) -> None:
    assert page.driver.find_element(By.CLASS_NAME, "banner").text == (
        "Sandbox: messages stay on this machine. This is not Telegram."
    )
    assert "Say hello to begin" in page.id("empty").text
    page.id("start").click()
    page.wait_for("/start", "Welcome. Bold <i>plain</i> link")
    assert not page.id("empty").is_displayed()
    assert page.focused() == "words"
    bold = page.driver.find_element(By.CSS_SELECTOR, ".words strong")
    assert bold.text == "Bold"
    assert page.driver.find_element(By.CSS_SELECTOR, ".words a").get_attribute("href") == "https://example.org/"
    assert "Sent" in page.driver.find_element(By.CSS_SELECTOR, ".mine .sent").text
    assert page.button("Go on").tag_name == "button"
    assert page.id("heard").get_attribute("aria-live") == "polite"
    assert "Choices: Go on, Thank, Warn." in str(page.id("heard").get_attribute("textContent"))
    page.button("Go on").click()
    page.wait_for("/start", "You went on.")
    assert "edited" in page.driver.find_element(By.CSS_SELECTOR, ".theirs").text
    assert page.focused() == "Go on"
    assert page.button("Back")


def test_enter_sends_and_shift_enter_breaks_the_line(page: Page) -> None:
    box = page.id("words")
    ActionChains(page.driver).click(box).send_keys("one").key_down(Keys.SHIFT).send_keys(Keys.ENTER).key_up(
        Keys.SHIFT
    ).send_keys("two").perform()
    assert box.get_attribute("value") == "one\ntwo"
    box.send_keys(Keys.ENTER)
    page.wait_for("one\ntwo", "one\ntwo")
    assert box.get_attribute("value") == ""
    assert page.focused() == "words"


def test_markup_in_a_message_stays_text(page: Page) -> None:
    nasty = "<img src=x onerror=\"document.title='owned'\"><script>1</script>&amp;"
    page.say(nasty)
    page.wait_for(nasty, nasty)
    assert page.driver.find_elements(By.CSS_SELECTOR, ".words img, .words script") == []
    assert page.driver.title != "owned"


def test_picture_typing_and_commands(page: Page) -> None:
    page.say("picture")
    image = until(lambda: page.driver.find_elements(By.CSS_SELECTOR, ".picture img"))[0]
    assert image.get_attribute("alt") == "Picture: Close both eyes gently."
    until(lambda: page.driver.execute_script("return arguments[0].naturalWidth", image) == 1)
    page.say("type")
    until(lambda: page.id("typing").is_displayed())
    assert page.id("typing").text == "Septimus is typing"
    page.id("menu").send_keys(Keys.ENTER)
    assert page.focused() == "/startBegin"
    page.driver.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
    assert page.focused() == "/helpGet help"
    page.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert page.focused() == "menu"
    page.id("menu").send_keys(Keys.ENTER)
    page.driver.switch_to.active_element.send_keys(Keys.ARROW_DOWN, Keys.ENTER)
    until(lambda: page.texts()[-2:] == ["/help", "/help"])
    assert page.focused() == "words"


def test_answers_to_a_tap_are_shown(page: Page) -> None:
    page.say("/start")
    page.button("Thank").click()
    until(lambda: page.id("toast").text == "Thank you. Noted.")
    page.button("Warn").click()
    until(lambda: page.id("alert").is_displayed())
    assert page.id("alert-words").text == "Please read this."
    page.driver.switch_to.active_element.send_keys(Keys.ENTER)
    until(lambda: not page.id("alert").is_displayed())
    assert page.focused() == "Warn"


def test_several_people_have_their_own_chats(page: Page) -> None:
    page.say("I am one")
    page.wait_for("I am one", "I am one")
    page.driver.find_element(By.CSS_SELECTOR, "#add-box summary").click()
    page.id("add-name").send_keys("Bo")
    page.id("add-language").send_keys("French")
    page.driver.find_element(By.CSS_SELECTOR, "#add button").click()
    until(lambda: page.id("empty").is_displayed())
    assert "user=1002" in page.driver.current_url
    page.say("I am two")
    page.wait_for("I am two", "I am two")
    people = page.driver.find_elements(By.CSS_SELECTOR, ".person")
    assert [p.text.replace("\n", " ") for p in people] == ["Patient 1 en", "Bo fr"]
    page.post("/sandbox/say", {"user": 1001, "text": "again"})
    until(lambda: page.driver.find_elements(By.CSS_SELECTOR, ".fresh"))
    page.driver.find_element(By.CSS_SELECTOR, '.person[data-user="1001"]').click()
    page.wait_for("I am one", "I am one", "again", "again")
    assert page.driver.find_elements(By.CSS_SELECTOR, ".fresh") == []


def test_blocking_and_unblocking(page: Page) -> None:
    page.id("block").click()
    until(lambda: page.id("stopped").is_displayed())
    assert not page.id("composer").is_displayed()
    page.id("unblock").click()
    until(lambda: page.id("composer").is_displayed())
    until(lambda: page.focused() == "words")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast_names_and_sizes(page: Page, theme: str) -> None:
    page.post("/sandbox/say", {"user": 1001, "text": "picture"})
    page.post("/sandbox/say", {"user": 1001, "text": "/start"})
    page.open(f"?theme={theme}")
    page.button("Go on")
    page.id("menu").click()
    faint = [(round(ratio, 2), words) for ratio, words in page.driver.execute_script(CONTRASTS) if ratio < 4.5]
    assert faint == []
    assert page.driver.execute_script(NAMELESS) == []
    assert page.driver.execute_script(SMALL_TARGETS) == []
    colour = page.driver.execute_script("return getComputedStyle(document.documentElement).colorScheme")
    assert colour == theme


def test_the_device_decides_until_the_person_does(page: Page) -> None:
    def scheme() -> str:
        return str(page.driver.execute_script("return getComputedStyle(document.documentElement).colorScheme"))

    feature = {"name": "prefers-color-scheme", "value": "dark"}
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    try:
        assert scheme() == "dark"
        page.driver.find_element(By.CSS_SELECTOR, 'input[name="theme"][value="light"]').send_keys(Keys.SPACE)
        assert scheme() == "light"
        page.open()
        assert scheme() == "light"
    finally:
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.parametrize("size", ["normal", "large", "largest"])
def test_nothing_overflows_at_320_pixels(page: Page, size: str) -> None:
    page.post("/sandbox/say", {"user": 1001, "text": "w" * 300})
    page.post("/sandbox/say", {"user": 1001, "text": "/start"})
    page.open(f"?size={size}", width=320, height=640)
    page.button("Go on")
    overflow = "return [document.documentElement.scrollWidth, document.getElementById('log').scrollWidth]"
    assert max(page.driver.execute_script(overflow)) <= 320
    box = page.id("words").rect
    assert box["y"] + box["height"] <= 640
    page.id("side-open").send_keys(Keys.ENTER)
    assert page.focused() == "side-close"
    assert page.driver.execute_script("return document.documentElement.scrollWidth") <= 320
    page.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert page.focused() == "side-open"


def test_reduced_motion_is_respected(page: Page) -> None:
    feature = {"name": "prefers-reduced-motion", "value": "reduce"}
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    try:
        script = "return getComputedStyle(document.querySelector('.dots i')).animationName"
        assert page.driver.execute_script(script) == "none"
    finally:
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_the_page_comes_back_with_the_sandbox(driver: webdriver.Chrome) -> None:
    process, base = start_sandbox()
    try:
        page = Page(driver, base)
        driver.get(f"{base}/?user=1004")
        until(lambda: page.id("bot-state").text.startswith("Not running"))
        page.say("before")
        page.wait_for("before")
        assert "Sent. The bot gets it when it runs." in driver.find_element(By.CSS_SELECTOR, ".mine").text
    finally:
        assert stop_process(process) == 0
    until(lambda: page.id("bot-state").text.startswith("Sandbox not answering"))
    page.id("words").send_keys("kept", Keys.ENTER)
    until(lambda: page.id("problem").is_displayed())
    assert page.id("words").get_attribute("value") == "kept"
    process, _ = start_sandbox(int(base.rsplit(":", 1)[1]))
    try:
        until(lambda: page.id("empty").is_displayed(), 15)
        page.id("words").send_keys(Keys.ENTER)
        page.wait_for("kept")
    finally:
        assert stop_process(process) == 0
        driver.get("about:blank")
        driver.get_log("browser")

"""The real gateway process: what keeps it from starting, how it ends, and the webhook in place of polling."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.gateway_process import Gateway, Person, Telegram, free_port, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

HOOK = 1150
SECRET = "invented-secret_1"


# ---- what keeps it from starting


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Gateway]]:
    """Gateways with something wrong, all started side by side."""
    telegram = Telegram()
    wrong = {
        "wrong token": {"TELEGRAM_BOT_TOKEN": "7000000001:mistyped"},
        "nonsense": {"SEPTIMUS_CONCURRENCY": "many"},
        "taken port": {
            "SEPTIMUS_WEBHOOK_URL": "http://127.0.0.1:1",
            "SEPTIMUS_WEBHOOK_SECRET": SECRET,
            "SEPTIMUS_WEBHOOK_PORT": telegram.base.rpartition(":")[2],
        },
    }
    gateways = {
        name: Gateway(tmp_path_factory.mktemp("refused"), telegram, **settings) for name, settings in wrong.items()
    }
    for each in gateways.values():
        each.begin()
    yield gateways
    for each in gateways.values():
        each.kill()
    telegram.close()


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("wrong token", "TELEGRAM_BOT_TOKEN"),
        ("nonsense", "SEPTIMUS_CONCURRENCY"),
        ("taken port", "SEPTIMUS_WEBHOOK_PORT"),
    ],
)
def test_a_wrong_setting_ends_it_with_code_2_and_one_line_that_names_it(
    refused: dict[str, Gateway], what: str, names: str
) -> None:
    gateway = refused[what]
    code = gateway.ends(45)
    lines = gateway.log.splitlines()
    assert code == 2
    assert names in lines[-1]
    assert len(lines) == 1


def test_a_second_gateway_of_the_same_name_does_not_start(gateway: Gateway, telegram: Telegram) -> None:
    second = Gateway(gateway.home, telegram)
    before = gateway.log
    second.begin()
    assert second.ends(60) == 2
    # The first one writes into the same log, when it likes.
    lines = gateway.log.removeprefix(before).splitlines()
    assert sum("SEPTIMUS_INSTANCE" in line for line in lines) == 1
    assert not any("Traceback" in line for line in lines)
    assert gateway.runs


def test_it_waits_for_a_telegram_that_is_away(tmp_path: Path) -> None:
    telegram = Telegram()
    gateway = Gateway(tmp_path, telegram)
    for fault in ({"code": 502}, {"drop": True}, {"code": 429, "retry_after": 1}):
        telegram.fault("getMe", **fault)
    try:
        gateway.begin()
        until(lambda: telegram.calls("setMyCommands") or not gateway.runs, "it goes on", 60)
        assert [call["code"] for call in telegram.calls("getMe")] == [502, None, 429, 200]
    finally:
        gateway.kill()
        telegram.close()


# ---- how it ends


def test_sigterm_with_40_queued_updates_answers_them_all_and_ends_with_0(
    gateway: Gateway, telegram: Telegram, questions: list[str]
) -> None:
    people = [Person(number, telegram) for number in range(1201, 1206)]
    gateway.onboard(each.id for each in people)
    ids = {each.id for each in people}
    with gateway.frozen():
        for question in questions[:8]:
            for each in people:
                each.says(question)
    until(lambda: telegram.accepted(ids), "the first answer")
    gateway.signal(signal.SIGTERM)
    assert gateway.ends(60) == 0
    came = telegram.accepted(ids)
    assert sorted(came) == sorted((each.id, question) for each in people for question in questions[:8])
    assert telegram.waiting() == 0
    assert gateway.is_idle(ids)


@pytest.mark.parametrize("method", ["deleteWebhook", "getUpdates"])
def test_sigterm_ends_it_soon_while_telegram_fails(tmp_path: Path, method: str) -> None:
    telegram = Telegram()
    gateway = Gateway(tmp_path, telegram)
    telegram.fault(method, code=502, times=1000)
    try:
        gateway.begin()
        until(lambda: len(telegram.calls(method)) >= 3, f"{method} has failed three times", 60)
        gateway.signal(signal.SIGTERM)
        assert gateway.ends(10) == 0
    finally:
        gateway.kill()
        telegram.close()


def test_what_could_not_be_sent_before_the_end_is_sent_after_the_next_start(
    gateway: Gateway, telegram: Telegram, questions: list[str]
) -> None:
    someone = Person(1210, telegram)
    gateway.onboard([1210])
    telegram.fault("sendMessage", code=502, times=1000, user=1210)
    someone.says(questions[0])
    until(lambda: telegram.sends({1210}), "a send that failed")
    gateway.signal(signal.SIGTERM)
    assert gateway.ends() == 0
    telegram.post("/sandbox/fault", clear=True)
    gateway.start()
    someone.gets()
    until(lambda: gateway.is_idle([1210]), "nothing waits")
    assert telegram.accepted({1210}) == [(1210, questions[0])]


# ---- the webhook


@pytest.fixture(scope="module")
def hooked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Telegram, Gateway, str]]:
    """A gateway that takes updates by webhook, and the webhook's address."""
    telegram, port = Telegram(), free_port()
    url = f"http://127.0.0.1:{port}"
    gateway = Gateway(
        tmp_path_factory.mktemp("hooked"),
        telegram,
        SEPTIMUS_WEBHOOK_URL=url,
        SEPTIMUS_WEBHOOK_PORT=str(port),
        SEPTIMUS_WEBHOOK_SECRET=SECRET,
    )
    gateway.start()
    until(lambda: [c for c in telegram.calls("setWebhook") if c["code"] == 200], "the webhook is set")
    yield telegram, gateway, f"{url}/telegram"
    gateway.kill()
    telegram.close()


def test_the_webhook_is_set_with_its_secret_and_answers_come(
    hooked: tuple[Telegram, Gateway, str], questions: list[str]
) -> None:
    telegram, gateway, url = hooked
    (call,) = telegram.calls("setWebhook")
    assert (call["params"]["url"], call["params"]["secret_token"]) == (url, SECRET)
    someone = Person(HOOK, telegram)
    gateway.onboard([HOOK])
    for question in questions[:3]:
        someone.says(question)
    someone.gets(3)
    assert telegram.accepted({HOOK}) == [(HOOK, question) for question in questions[:3]]
    assert telegram.calls("getUpdates") == []


def test_a_delivery_that_is_repeated_is_answered_once(
    hooked: tuple[Telegram, Gateway, str], questions: list[str]
) -> None:
    telegram, gateway, url = hooked
    someone = Person(HOOK + 1, telegram)
    gateway.onboard([someone.id])
    telegram.post("/sandbox/users", user=someone.id)
    update = {"update_id": 5, "message": someone.message(text=questions[0])}
    headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
    with httpx.Client(trust_env=False) as client:
        codes = [client.post(url, json=update, headers=headers).status_code for _ in range(3)]
    assert codes == [200, 200, 200]
    someone.gets()
    until(lambda: gateway.is_idle([someone.id]), "nothing waits")
    assert telegram.accepted({someone.id}) == [(someone.id, questions[0])]


def test_a_delivery_without_the_secret_is_refused_and_not_kept(
    hooked: tuple[Telegram, Gateway, str], questions: list[str]
) -> None:
    telegram, gateway, url = hooked
    update = {"update_id": 6, "message": Person(HOOK, telegram).message(text=questions[5])}
    with httpx.Client(trust_env=False) as client:
        assert client.post(url, json=update).status_code == 403
        wrong = {"X-Telegram-Bot-Api-Secret-Token": SECRET[:-1]}
        assert client.post(url, json=update, headers=wrong).status_code == 403
    assert gateway.inbox(6) is None


def test_sigterm_ends_the_webhook_with_all_that_it_took_answered(
    hooked: tuple[Telegram, Gateway, str], questions: list[str]
) -> None:
    telegram, gateway, _ = hooked
    someone = Person(HOOK + 2, telegram)
    gateway.onboard([someone.id])
    for question in questions[:10]:
        someone.says(question)
    until(lambda: telegram.accepted({someone.id}), "the first answer")
    gateway.signal(signal.SIGTERM)
    assert gateway.ends(30) == 0
    assert gateway.is_idle([someone.id])
    came = [found for _, found in telegram.accepted({someone.id})]
    assert came == questions[: len(came)]
    assert len(came) + telegram.waiting() == 10


def test_a_webhook_that_cannot_be_set_at_first_is_set_again(tmp_path: Path) -> None:
    telegram, port = Telegram(), free_port()
    settings = {
        "SEPTIMUS_WEBHOOK_URL": f"http://127.0.0.1:{port}",
        "SEPTIMUS_WEBHOOK_PORT": str(port),
        "SEPTIMUS_WEBHOOK_SECRET": SECRET,
    }
    gateway = Gateway(tmp_path, telegram, **settings)
    telegram.fault("setWebhook", code=502)
    try:
        gateway.start()
        until(lambda: len(telegram.calls("setWebhook")) >= 2 or not gateway.runs, "setWebhook is called again", 60)
        assert gateway.runs
    finally:
        gateway.kill()
        telegram.close()

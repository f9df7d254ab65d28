"""The real gateway against the real sandbox: what goes wrong with Telegram, and whatever people may send."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from bot.words import Words
from tests.e2e.gateway_process import Gateway, Json, Person, Telegram, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

NewPerson = Callable[[], Person]


def calls_for(telegram: Telegram, method: str, who: Person) -> list[Json]:
    return [call for call in telegram.calls(method) if call["params"].get("chat_id") == who.id]


def settled(gateway: Gateway, *people: Person) -> None:
    """Wait until nothing is left to do for some people, so that what has not come by then never will."""
    until(lambda: gateway.is_idle([each.id for each in people]), "nothing waits any more")


# ---- sending


def test_429_is_waited_out_and_holds_nobody_else_up(
    gateway: Gateway, telegram: Telegram, person: NewPerson, questions: list[str]
) -> None:
    slowed, other = person(), person()
    telegram.fault("sendMessage", code=429, retry_after=3, user=slowed.id)
    slowed.says(questions[0])
    until(lambda: calls_for(telegram, "sendMessage", slowed), "the send that is refused")
    other.says(questions[1])
    other.gets()
    slowed.gets()
    settled(gateway, slowed, other)
    refused, taken = calls_for(telegram, "sendMessage", slowed)
    (others,) = calls_for(telegram, "sendMessage", other)
    assert (refused["code"], taken["code"]) == (429, 200)
    assert taken["time"] - refused["time"] >= 3
    assert others["number"] < taken["number"]
    assert len(slowed.replies()) == 1


def test_a_long_429_keeps_one_persons_order(telegram: Telegram, person: NewPerson, questions: list[str]) -> None:
    slowed = person()
    telegram.fault("sendMessage", code=429, retry_after=2, user=slowed.id)
    for question in questions[:3]:
        slowed.says(question)
    slowed.gets(3)
    assert [found for _, found in telegram.accepted({slowed.id})] == questions[:3]


def test_403_marks_the_person_and_is_not_retried_and_their_next_message_brings_them_back(
    gateway: Gateway, telegram: Telegram, person: NewPerson, questions: list[str]
) -> None:
    gone = person()
    telegram.fault("sendMessage", code=403, user=gone.id)
    gone.says(questions[0])
    until(lambda: gateway.is_blocked(gone.id), "the person is marked as gone")
    settled(gateway, gone)
    assert [row.state for _, row in gateway.outbox({gone.id})] == ["failed"]
    gone.says(questions[1])
    gone.gets()
    settled(gateway, gone)
    assert [call["code"] for call in calls_for(telegram, "sendMessage", gone)] == [403, 200]
    assert not gateway.is_blocked(gone.id)


def test_a_chat_that_telegram_no_longer_has_is_not_retried(
    gateway: Gateway, telegram: Telegram, person: NewPerson, questions: list[str]
) -> None:
    gone = person()
    telegram.fault("sendMessage", code=400, description="Bad Request: chat not found", user=gone.id)
    gone.says(questions[0])
    until(lambda: gateway.is_blocked(gone.id), "the person is marked as gone")
    settled(gateway, gone)
    assert len(calls_for(telegram, "sendMessage", gone)) == 1


def test_any_other_400_is_given_up_and_what_follows_is_sent(
    gateway: Gateway, telegram: Telegram, person: NewPerson, questions: list[str]
) -> None:
    someone = person()
    telegram.fault("sendMessage", code=400, description="Bad Request: invented", user=someone.id)
    someone.says(questions[0])
    someone.says(questions[1])
    someone.gets()
    settled(gateway, someone)
    assert [call["code"] for call in calls_for(telegram, "sendMessage", someone)] == [400, 200]
    assert [row.state for _, row in gateway.outbox({someone.id})] == ["failed", "sent"]
    assert not gateway.is_blocked(someone.id)


def test_markup_that_telegram_refuses_is_sent_as_plain_text(
    telegram: Telegram, person: NewPerson, questions: list[str]
) -> None:
    someone = person()
    words = "Bad Request: can't parse entities: invented"
    telegram.fault("sendMessage", code=400, description=words, user=someone.id)
    someone.says(questions[0])
    (reply,) = someone.gets()
    assert questions[0] in reply
    assert "<b>" not in reply
    assert [call["code"] for call in calls_for(telegram, "sendMessage", someone)] == [400, 200]


def test_message_is_not_modified_counts_as_done(
    gateway: Gateway, telegram: Telegram, person: NewPerson, words: Words, questions: list[str]
) -> None:
    someone = person()
    someone.says(questions[0])
    someone.gets()
    with gateway.frozen():  # so that the second tap is on buttons that the first will take away
        someone.taps(words("answer.good"))
        someone.taps(words("answer.good"))
    edits = until(
        lambda: [each for each in calls_for(telegram, "editMessageReplyMarkup", someone) if each["code"]][1:],
        "the second edit",
    )
    assert edits[0]["code"] == 400 and "not modified" in edits[0]["error"]
    settled(gateway, someone)
    assert len(calls_for(telegram, "editMessageReplyMarkup", someone)) == 2
    assert [row.state for _, row in gateway.outbox({someone.id})] == ["sent"] * 3
    titles = [each for row in someone.chat()[-1]["buttons"] for each in row]
    assert words("answer.more") in titles and words("answer.good") not in titles


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"code": 500}, id="500"),
        pytest.param({"code": 502, "times": 2}, id="502 twice"),
        pytest.param({"code": 504}, id="504"),
        pytest.param({"code": 502, "body": "<html>Bad Gateway</html>"}, id="a proxy's page"),
        pytest.param({"body": "<html>Welcome</html>"}, id="no JSON"),
        pytest.param({"drop": True}, id="dropped connection"),
    ],
)
def test_a_send_that_fails_is_tried_again_and_arrives_once(
    gateway: Gateway, telegram: Telegram, person: NewPerson, questions: list[str], fault: Json
) -> None:
    someone = person()
    telegram.fault("sendMessage", user=someone.id, **fault)
    someone.says(questions[0])
    someone.gets()
    settled(gateway, someone)
    assert len(someone.replies()) == 1
    assert len(calls_for(telegram, "sendMessage", someone)) == 1 + fault.get("times", 1)


def test_a_send_whose_answer_is_lost_arrives_at_most_twice(
    gateway: Gateway, telegram: Telegram, person: NewPerson, questions: list[str]
) -> None:
    someone = person()
    telegram.fault("sendMessage", accept_then_drop=True, user=someone.id)
    someone.says(questions[0])
    someone.says(questions[1])
    until(lambda: telegram.accepted({someone.id})[-1:] == [(someone.id, questions[1])], "the second answer")
    settled(gateway, someone)
    arrived = [found for _, found in telegram.accepted({someone.id})]
    assert arrived.count(questions[0]) in (1, 2)
    assert arrived.count(questions[1]) == 1


def test_a_failing_typing_sign_costs_no_answer(telegram: Telegram, person: NewPerson, questions: list[str]) -> None:
    someone = person()
    telegram.fault("sendChatAction", code=500, user=someone.id)
    someone.says(questions[0])
    assert questions[0] in someone.gets()[0]


def test_a_quick_answer_costs_no_call_for_a_typing_sign(
    telegram: Telegram, person: NewPerson, questions: list[str]
) -> None:
    someone = person()
    someone.says(questions[0])
    someone.gets()
    assert calls_for(telegram, "sendChatAction", someone) == []


# ---- fetching


def test_one_401_while_polling_is_got_over(gateway: Gateway, telegram: Telegram, person: NewPerson) -> None:
    someone = person()
    before = telegram.last_call()
    telegram.fault("getUpdates", code=401)
    someone.says("hello")  # ends the long poll that stands; the next one is refused
    until(lambda: [c for c in telegram.calls("getUpdates", before) if c["code"] == 401], "a 401")
    someone.says("thank you")
    someone.gets(2)
    assert gateway.runs


def test_a_401_that_lasts_for_a_few_calls_is_got_over(gateway: Gateway, telegram: Telegram, person: NewPerson) -> None:
    someone = person()
    before = telegram.last_call()
    telegram.fault("getUpdates", code=401)
    telegram.fault("deleteWebhook", code=401)
    someone.says("hello")
    until(lambda: [c for c in telegram.calls("deleteWebhook", before) if c["code"] == 401], "the second 401")
    someone.says("thank you")
    until(lambda: len(someone.replies()) == 2 or not gateway.runs, "the answer to what came after the 401s", 40)
    assert gateway.runs, "it ended for a 401 that would have passed"


def test_a_second_poller_is_outlived(gateway: Gateway, telegram: Telegram, person: NewPerson) -> None:
    someone = person()
    before = telegram.last_call()
    # Another program with the bot's token: Telegram ends the older of the two polls.
    until(
        lambda: (
            telegram.method("getUpdates", timeout=1)
            and [c for c in telegram.calls("getUpdates", before) if c["code"] == 409]
        ),
        "the gateway's poll ends with a 409",
    )
    someone.says("hello")
    someone.gets()
    assert gateway.runs


@pytest.mark.parametrize("fault", [{"code": 502}, {"drop": True}, {"code": 429, "retry_after": 1}, {"body": "<html>"}])
def test_a_failing_poll_is_tried_again(gateway: Gateway, telegram: Telegram, person: NewPerson, fault: Json) -> None:
    someone = person()
    telegram.fault("getUpdates", **fault)
    someone.says("hello")
    someone.says("thank you")
    someone.gets(2)
    assert gateway.runs


def test_a_poisoned_update_is_parked_and_the_rest_of_its_batch_is_answered(
    gateway: Gateway, telegram: Telegram, person: NewPerson, questions: list[str]
) -> None:
    first, last = person(), person()
    before = telegram.last_call()
    with gateway.frozen():
        first.says(questions[0])
        poisoned = [
            telegram.push({"message": "invented"}),
            telegram.push({"message": {"message_id": 1}}),
            telegram.push({"message": {"chat": {"id": first.id}}}),
            telegram.push({"message": first.message(text=["no", "text"])}),
            telegram.push({"message": first.message(text="hi") | {"from": {"id": "nobody"}}}),
            telegram.push({"callback_query": {"id": 7}}),
        ]
        first.says(questions[1])
        last.says(questions[2])
    first.gets(2)
    last.gets(1)
    settled(gateway, first, last)
    rows = [gateway.inbox(update_id) for update_id in poisoned]
    assert [row.state for row in rows if row] == ["parked"] * len(poisoned)
    assert all(row.update is None and row.fault for row in rows if row)
    assert [found for _, found in telegram.accepted({first.id})] == questions[:2]
    assert no_storm(telegram, before)


@pytest.mark.parametrize("bad_id", ["seven", None, 1.5])
def test_an_update_without_a_usable_id_is_dropped_without_a_storm(
    telegram: Telegram, person: NewPerson, bad_id: object, gateway: Gateway
) -> None:
    someone = person()
    before = telegram.last_call()
    telegram.push({"update_id": bad_id, "message": someone.message(text="never seen")})
    assert no_storm(telegram, before)
    someone.says("hello")
    someone.gets()
    settled(gateway, someone)
    assert len(someone.replies()) == 1


def no_storm(telegram: Telegram, after: int) -> bool:
    """Whether polls stay few over two seconds."""
    until_then = time.monotonic() + 2
    until(lambda: time.monotonic() > until_then, "two seconds pass")
    return len(telegram.calls("getUpdates", after)) < 20


def test_a_chat_id_that_no_database_holds_keeps_nobody_from_an_answer(
    gateway: Gateway, telegram: Telegram, person: NewPerson
) -> None:
    someone = person()
    huge = {"id": 2**70, "type": "private"}
    with gateway.frozen():
        telegram.push({"message": someone.message(text="hi") | {"chat": huge}})
        someone.says("hello")
    try:
        someone.gets(seconds=15)
    except AssertionError:  # the tests after this one need a gateway that is not stuck
        gateway.kill()
        telegram.post("/sandbox/reset")
        raise


def test_the_same_update_twice_is_answered_once(
    gateway: Gateway, telegram: Telegram, person: NewPerson, questions: list[str]
) -> None:
    someone = person()
    update = {"message": someone.message(text=questions[0])}
    update_id = telegram.push(update)
    someone.gets()
    telegram.push({"update_id": update_id, **update})
    someone.says(questions[1])
    until(lambda: questions[1] in [found for _, found in telegram.accepted({someone.id})], "the next answer")
    until(lambda: telegram.waiting() == 0, "all is delivered and acknowledged")
    settled(gateway, someone)
    assert [found for _, found in telegram.accepted({someone.id})] == questions[:2]


# ---- people, and what they send


def test_one_persons_messages_are_answered_in_order(
    gateway: Gateway, telegram: Telegram, person: NewPerson, questions: list[str]
) -> None:
    someone = person()
    for question in questions[:20]:
        someone.says(question)
    someone.gets(20)
    settled(gateway, someone)
    assert [found for _, found in telegram.accepted({someone.id})] == questions[:20]


def test_a_slow_person_holds_nobody_up(telegram: Telegram, person: NewPerson, questions: list[str]) -> None:
    slow, quick = person(), person()
    telegram.fault("sendMessage", delay=2, user=slow.id)
    slow.says(questions[0])
    until(lambda: calls_for(telegram, "sendMessage", slow), "the slow send has begun")
    quick.says(questions[1])
    quick.gets()
    assert slow.replies() == []
    slow.gets()


def test_whoever_blocks_the_bot_is_not_written_to_until_they_are_back(
    gateway: Gateway, telegram: Telegram, person: NewPerson, questions: list[str]
) -> None:
    someone = person()
    with gateway.frozen():
        someone.says(questions[0])
        someone.blocks()
    until(lambda: gateway.is_blocked(someone.id), "the block is known")
    settled(gateway, someone)
    tries = len(calls_for(telegram, "sendMessage", someone))
    assert tries <= 1 and someone.replies() == []
    someone.blocks(False)
    until(lambda: not gateway.is_blocked(someone.id), "they are known to be back")
    someone.says(questions[1])
    someone.gets()
    settled(gateway, someone)
    assert [found for _, found in telegram.accepted({someone.id})] == [questions[1]]
    assert len(calls_for(telegram, "sendMessage", someone)) == tries + 1


PHOTO = {"photo": [{"file_id": "p", "file_unique_id": "u", "width": 9, "height": 9}]}
FILE = {"file_id": "f", "file_unique_id": "u"}
AT_SEA = {"latitude": 0.0, "longitude": -150.0}
LONDON = {"latitude": 51.5, "longitude": -0.1}
STICKER = {**FILE, "type": "regular", "width": 9, "height": 9, "is_animated": False, "is_video": False}
VIDEO = {**FILE, "width": 9, "height": 9, "duration": 3}


def test_of_a_shared_place_the_clock_is_taken(gateway: Gateway, person: NewPerson, words: Words) -> None:
    someone = person()
    someone.sends(location=LONDON)
    assert someone.gets() == [words("reminders.moved", text="London")]


@pytest.mark.parametrize(
    ("content", "key"),
    [
        pytest.param(PHOTO, "other.photo", id="photo"),
        pytest.param({"sticker": STICKER}, "other.sticker", id="sticker"),
        pytest.param({"voice": {**FILE, "duration": 3}}, "other.voice", id="voice"),
        pytest.param({"location": AT_SEA}, "other.location", id="a place at sea"),
        pytest.param({"video": VIDEO}, "other.photo", id="video"),
        pytest.param({"document": FILE}, "other.file", id="document"),
        pytest.param({"contact": {"phone_number": "0", "first_name": "Invented"}}, "other.file", id="contact"),
    ],
)
def test_what_cannot_be_read_gets_one_fitting_line(
    gateway: Gateway, person: NewPerson, words: Words, content: Json, key: str
) -> None:
    someone = person()
    someone.sends(**content)
    assert someone.gets() == [words(key)]
    settled(gateway, someone)
    assert len(someone.replies()) == 1


def test_a_photos_caption_is_answered_beside_the_line_about_photos(
    person: NewPerson, words: Words, questions: list[str]
) -> None:
    someone = person()
    someone.sends(**PHOTO, caption=questions[0])
    answer, line = someone.gets(2)
    assert questions[0] in answer
    assert line == words("other.photo")


def test_an_edited_message_gets_a_line_and_no_second_answer(
    gateway: Gateway, telegram: Telegram, person: NewPerson, words: Words, questions: list[str]
) -> None:
    someone = person()
    edited = someone.message(text=questions[0], edit_date=int(time.time()))
    telegram.push({"edited_message": edited})
    assert someone.gets() == [words("other.edited")]
    settled(gateway, someone)
    assert len(someone.replies()) == 1


def test_an_emergency_written_into_an_edited_message_is_answered(
    telegram: Telegram, person: NewPerson, words: Words
) -> None:
    someone = person()
    text = "my face dropped and now my arm is weak and I can't speak"
    telegram.push({"edited_message": someone.message(text=text, edit_date=int(time.time()))})
    replies = someone.gets()
    assert words("other.edited") not in replies
    assert "999" in " ".join(replies)


GROUP = -100_200


def group_message(text: str) -> Json:
    sender = {"id": 1190, "is_bot": False, "first_name": "Invented 1190"}
    chat = {"id": GROUP, "type": "supergroup", "title": "Invented group"}
    return {"message_id": int(time.time()), "date": int(time.time()), "from": sender, "chat": chat, "text": text}


def test_a_command_in_a_group_gets_one_line_and_talk_in_a_group_none(
    gateway: Gateway, telegram: Telegram, words: Words
) -> None:
    talk = telegram.push({"message": group_message("how do I protect my eye at night?")})
    telegram.push({"message": group_message("/start@septimus_sandbox_bot")})
    (call,) = until(lambda: telegram.sends({GROUP}), "a line in the group")
    assert call["params"]["text"] == words("other.group")
    row = gateway.inbox(talk)
    assert row is not None and row.state == "done"
    assert len(telegram.sends({GROUP})) == 1


@pytest.mark.parametrize(
    "update",
    [
        pytest.param({}, id="nothing at all"),
        pytest.param({"something_of_next_year": {"id": 1}}, id="unknown kind"),
        pytest.param(
            {"channel_post": {"message_id": 1, "date": 1, "chat": {"id": -5, "type": "channel"}}}, id="channel"
        ),
        pytest.param(
            {"poll_answer": {"poll_id": "1", "option_ids": [], "option_persistent_ids": []}}, id="poll answer"
        ),
        pytest.param({"message": "from a bot"}, id="another bot"),
        pytest.param({"message": "of service"}, id="service message"),
    ],
)
def test_what_is_ignored_is_ignored_on_purpose(
    gateway: Gateway, telegram: Telegram, person: NewPerson, update: Json
) -> None:
    someone = person()
    match update.get("message"):
        case "from a bot":
            update = {"message": someone.message(text="hello")}
            update["message"]["from"] = {"id": someone.id, "is_bot": True, "first_name": "Invented bot"}
        case "of service":
            update = {"message": someone.message(delete_chat_photo=True)}
    before = telegram.last_call()
    update_id = telegram.push(update)
    until(lambda: (row := gateway.inbox(update_id)) and row.state == "done", "the update is done with")
    settled(gateway, someone)
    assert telegram.calls("sendMessage", before) == []


MARK = "zqxj"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"{MARK} " * 819, id="4,095 characters"),
        pytest.param(MARK * 1250, id="one word of 5,000 letters"),
        pytest.param("🙂🙃😶", id="only emoji"),
        pytest.param(f"<b>{MARK}</b><script>alert(1)</script><a href='x'>", id="HTML"),
        pytest.param(f"'; DROP TABLE patients; -- {MARK}", id="SQL"),
        pytest.param(f"{MARK}\x00\x07\x1b[31m\u202e\u2066{MARK}", id="control characters"),
        pytest.param("כיצד להגן על העין שלי בלילה", id="right to left"),
        pytest.param("¿Cómo protejo mi ojo por la noche? No sé qué hacer", id="another language"),
        pytest.param('/open_article{"article_id": "eye-care-night"}', id="the engine's own command"),
        pytest.param("/restart", id="an unknown command"),
        pytest.param("{number} %s ${HOME} {{7*7}}", id="templates"),
    ],
)
def test_odd_text_gets_a_short_safe_reply_and_leaves_no_trace(
    gateway: Gateway, telegram: Telegram, person: NewPerson, text: str
) -> None:
    someone = person()
    updates = [someone.sends(text=text[start : start + 4096]) for start in range(0, len(text), 4096)]
    replies = someone.gets(len(updates))
    settled(gateway, someone)
    assert all(reply and len(reply) < 1500 for reply in replies)
    assert MARK not in " ".join(replies) and "49" not in replies[0]
    assert MARK not in gateway.log
    rows = [gateway.inbox(update_id) for update_id in updates]
    assert [(row.state, row.update) for row in rows if row] == [("done", None)] * len(updates)
    assert {call["code"] for call in calls_for(telegram, "sendMessage", someone)} == {200}


@pytest.mark.parametrize("data", ["open:../../secrets", "drop:tables", "", "flag:yes", "x" * 64])
def test_a_forged_button_is_not_obeyed(
    telegram: Telegram, person: NewPerson, words: Words, questions: list[str], data: str
) -> None:
    someone = person()
    someone.says(questions[0])
    someone.gets()
    before = telegram.last_call()
    message = someone.message(text="invented") | {"message_id": someone.chat()[-1]["message_id"]}
    query = {"id": f"forged-{someone.id}", "from": message["from"], "message": message, "chat_instance": "1"}
    telegram.push({"callback_query": {**query, "data": data}})
    assert someone.gets(2)[1] == words("other.old_button")
    until(lambda: telegram.calls("answerCallbackQuery", before), "the tap is answered, so that its clock stops")


def test_a_tapped_button_is_answered_and_its_used_buttons_go(
    gateway: Gateway, telegram: Telegram, person: NewPerson, words: Words, questions: list[str]
) -> None:
    someone = person()
    someone.says(questions[0])
    someone.gets()
    before = telegram.last_call()
    someone.taps(words("answer.good"))
    (answer,) = until(lambda: telegram.calls("answerCallbackQuery", before), "the tap is answered")
    assert answer["params"]["text"] == words("answer.thanks_good")
    settled(gateway, someone)
    titles = [each for row in someone.chat()[-1]["buttons"] for each in row]
    assert words("answer.good") not in titles and words("answer.more") in titles


def test_the_log_holds_no_token_and_nobodys_words(gateway: Gateway, telegram: Telegram, person: NewPerson) -> None:
    someone = person()
    telegram.fault("sendMessage", code=500, user=someone.id)
    someone.says(f"my {MARK} eye is dry")
    someone.gets()
    assert MARK not in gateway.log
    assert "7000000001:sandbox" not in gateway.log
    assert f"Invented {someone.id}" not in gateway.log

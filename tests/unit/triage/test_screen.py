"""The screen reads people's messages as a careful person would."""

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.triage.screen import Level, Screen, Screening
from tests.unit.triage import triage_cases as cases

CONTENT = Path(__file__).parents[3] / "content"


def rows(table: dict[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    return [(name, message) for name, messages in table.items() for message in messages]


def why(result: Screening) -> str:
    return ", ".join(f"{hit.cue} [{hit.words}] {hit.level}" for hit in result.hits) or "no hit"


@pytest.mark.parametrize(("family", "message"), rows(cases.CERTAIN))
def test_an_emergency_is_recognised_at_once(screen: Screen, family: str, message: str) -> None:
    result = screen(message)
    assert (result.level, result.kind, result.disposition) == (Level.CERTAIN, "emergency", "EMERGENCY"), why(result)
    assert result.family == family, why(result)


@pytest.mark.parametrize("message", cases.POSSIBLE)
def test_what_may_be_an_emergency_is_asked(screen: Screen, message: str) -> None:
    result = screen(message)
    assert (result.emergency, result.kind) == (Level.POSSIBLE, "emergency"), why(result)
    assert result.disposition != "EMERGENCY"


@pytest.mark.parametrize("message", cases.EITHER)
def test_an_emergency_in_odd_words_is_at_least_asked(screen: Screen, message: str) -> None:
    result = screen(message)
    assert result.kind == "emergency", why(result)


@pytest.mark.parametrize("message", cases.HARMLESS)
def test_a_harmless_message_is_left_alone(screen: Screen, message: str) -> None:
    result = screen(message)
    assert result.level is Level.NONE, why(result)
    assert result.kind is None and result.family is None


@pytest.mark.parametrize("message", cases.CRISIS_ACT)
def test_a_plan_or_act_gets_the_emergency_number(screen: Screen, message: str) -> None:
    result = screen(message)
    assert (result.kind, result.crisis, result.crisis_family) == ("crisis", Level.CERTAIN, "act"), why(result)
    assert result.disposition == "EMERGENCY"
    assert "E20" in result.rules


@pytest.mark.parametrize("message", cases.CRISIS_THOUGHTS)
def test_thoughts_of_dying_get_the_crisis_words(screen: Screen, message: str) -> None:
    result = screen(message)
    assert (result.kind, result.crisis, result.crisis_family) == ("crisis", Level.CERTAIN, "thoughts"), why(result)
    assert "D29" in result.rules


@pytest.mark.parametrize("message", cases.CRISIS_UNCLEAR)
def test_unclear_low_mood_gets_a_gentle_question(screen: Screen, message: str) -> None:
    result = screen(message)
    assert (result.kind, result.crisis, result.crisis_family) == ("crisis", Level.POSSIBLE, "unclear"), why(result)


@pytest.mark.parametrize("message", cases.NO_CRISIS)
def test_figures_of_speech_are_no_crisis(screen: Screen, message: str) -> None:
    assert screen(message).level is Level.NONE, why(screen(message))


@pytest.mark.parametrize(("rule", "message"), rows(cases.SAME_DAY))
def test_same_day_never_interrupts(screen: Screen, rule: str, message: str) -> None:
    result = screen(message)
    assert rule in result.rules, why(result)
    assert (result.level, result.kind, result.disposition) == (Level.NONE, None, "SAME_DAY"), why(result)
    assert set(result.families) <= set(screen.messages.same_day)


@pytest.mark.parametrize("message", cases.OTHER_LANGUAGES)
def test_plain_words_of_other_languages_are_heard(screen: Screen, message: str) -> None:
    assert screen(message).level is not Level.NONE, why(screen(message))


def test_more_wordings(screen: Screen) -> None:
    missed = [message for message in cases.MORE_ALARMS if screen(message).emergency is Level.NONE]
    missed += [message for message in cases.MORE_CRISES if screen(message).crisis is not Level.CERTAIN]
    false = [f"{message}: {why(screen(message))}" for message in cases.MORE_HARMLESS if screen(message).kind]
    assert (missed, false) == ([], [])


def test_what_is_said_sideways_is_heard(screen: Screen) -> None:
    missed = [message for message in cases.OBLIQUE_ALARMS if screen(message).emergency is Level.NONE]
    missed += [message for message in cases.OBLIQUE_CRISES if screen(message).crisis is Level.NONE]
    assert missed == []


def test_lookalikes_are_left_alone(screen: Screen) -> None:
    assert [f"{text}: {why(screen(text))}" for text in cases.LOOKALIKES if screen(text).level is not Level.NONE] == []


@pytest.mark.parametrize("message", cases.NEW_DROOP)
def test_a_new_weak_face_is_seen_today(screen: Screen, message: str) -> None:
    result = screen(message)
    assert (result.level, result.disposition) == (Level.NONE, "SAME_DAY"), why(result)
    assert {"D00", "D03"} & set(result.rules)


@pytest.mark.parametrize("message", cases.KNOWN_DROOP)
def test_a_known_weak_face_is_no_news(screen: Screen, message: str) -> None:
    result = screen(message)
    assert (result.level, result.disposition) == (Level.NONE, None), why(result)


def test_an_arm_that_was_meant_to_feel_weak_is_only_asked_about(screen: Screen) -> None:
    assert screen("was my arm supposed to feel weak?").level is Level.POSSIBLE


RUN_ON = "and then we went to the shop and got bread and the dog came too and it was raining but we did not mind at all"


@pytest.mark.parametrize("alarm", ["my left arm has gone numb", "i cant speak properly", "im seeing double"])
@pytest.mark.parametrize(
    "before", ["the tape stayed on all night for once", "i heard a story on the radio about bread"]
)
def test_words_far_from_an_alarm_never_hide_it(screen: Screen, before: str, alarm: str) -> None:
    assert screen(f"{before} {RUN_ON} also {alarm}").level is Level.CERTAIN


@pytest.mark.parametrize(
    "message",
    [
        "the dog lost all feeling in his back legs",
        "our clinic protocol: patient can't lift the arm, what is line two",
        "the form asks if i was ever knocked out",
        "both arms useless after 200 pull ups",
        "imagine my tongue swells up, which number",
    ],
)
def test_talk_of_something_else_is_told_as_no_emergency(screen: Screen, message: str) -> None:
    assert screen(message).level is not Level.CERTAIN


@pytest.mark.parametrize(
    "message",
    [
        "walking the dog, now my left arm is numb and hanging",
        "was writing my essay and suddenly cant lift my right arm",
        "back from the gym and my speech is slurred since an hour ago",
    ],
)
def test_talk_of_something_else_never_softens_what_is_so_now(screen: Screen, message: str) -> None:
    assert screen(message).level is Level.CERTAIN


def test_a_decimal_does_not_end_the_sentence(screen: Screen) -> None:
    assert screen("temperature of 39.8 and my neck is so stiff").level is Level.CERTAIN


def test_an_emergency_and_a_crisis_are_both_told(screen: Screen) -> None:
    result = screen("My arm has gone numb and honestly I want to die")
    assert (result.kind, result.emergency, result.crisis) == ("emergency", Level.CERTAIN, Level.CERTAIN)
    assert result.crisis_family == "thoughts"


def test_a_certain_crisis_comes_before_a_possible_emergency(screen: Screen) -> None:
    result = screen("could this be a stroke? I want to die anyway")
    assert (result.kind, result.emergency, result.crisis) == ("crisis", Level.POSSIBLE, Level.CERTAIN)


def test_findings_and_own_words_are_kept(screen: Screen) -> None:
    result = screen("Since lunch my LEFT ARM feels weak and im slurring my words")
    assert result.findings["arm_or_leg_weak"] == "yes"
    assert result.findings["speech_slurred_or_words_wrong"] == "yes"
    assert "LEFT ARM feels weak" not in result.findings.values()
    assert any(hit.words == "ARM feels weak" for hit in result.hits)
    assert result.ruleset == screen.ruleset


def test_an_unknown_value_is_never_a_finding(screen: Screen) -> None:
    assert "any_brain_finding" not in screen("is this a stroke?").findings


def test_every_family_has_its_words(screen: Screen) -> None:
    for name, words in screen.messages.emergency.items():
        assert len(words.message.split()) <= 60, name
        assert "{emergency_number}" in words.message, name
        assert "{emergency_number}" in words.line or "hospital" in words.line, name
        assert words.question.count("?") == 1, name


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a" * 5000,
        "my arm is numb " * 280,
        "no " * 1365,
        "<b>my arm</b> is <i>numb</i>",
        "😀" * 500,
        "\x00\x01\x02\u200b\u202e",
        "ذراعي ضعيفة وأنا خائف",
        "'" * 4096,
        "((((" * 1000,
        "\ud800",
        "\u02bc",
        "\u0301 \u02bc\u02bc",
        "I\u0307 " * 300,
        "1" * 4096,
        "…—–-:;,.!?" * 400,
    ],
)  # fmt: skip
def test_odd_input_is_read_in_bounded_time(screen: Screen, text: str) -> None:
    start = time.perf_counter()
    result = screen(text)
    assert time.perf_counter() - start < 1.0
    assert isinstance(result, Screening)


@settings(max_examples=400, deadline=1000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=4096))
def test_any_text_is_read_without_failing(screen: Screen, text: str) -> None:
    result = screen(text)
    assert result == screen(text)
    for hit in result.hits:
        assert hit.rules or hit.level is Level.NONE


ALARMS = ["my arm has gone numb", "i can't breathe", "i want to kill myself", "bleach in my eye"]


@settings(max_examples=100, deadline=1000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(ALARMS), st.sampled_from(cases.CHATTER), st.sampled_from(cases.CHATTER))
def test_chatter_around_an_alarm_never_hides_it(screen: Screen, alarm: str, before: str, after: str) -> None:
    assert screen(f"{before}. {alarm}. {after}.").level is Level.CERTAIN


@given(st.sampled_from(ALARMS))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_capitals_and_curly_apostrophes_change_nothing(screen: Screen, alarm: str) -> None:
    assert screen(alarm.upper()).level is screen(alarm).level is screen(alarm.replace("'", "’")).level


def test_the_screen_is_fast(screen: Screen) -> None:
    messages = [message for _, message in rows(cases.CERTAIN)] + list(cases.HARMLESS)
    times = []
    for message in messages:
        start = time.thread_time()
        screen(message)
        times.append(time.thread_time() - start)
    assert sorted(times)[int(len(times) * 0.95)] < 0.005

"""Guided exercises in chat, as transcripts: the self-check, a session to its end, and all that can come in between."""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from bot.dialogue import Dialogue
from bot.dialogue.exercise import standing_of
from bot.outcome import Button, Kind, Outcome, Reply
from bot.patient import Patient
from bot.programme.exercise import Exercise, load_exercises
from bot.programme.practice import Practice
from bot.programme.session import Session
from bot.settings import CONTENT
from bot.words import Words
from tests.unit.dialogue.conftest import NOW, FakeEngine, Person, parts

EMERGENCY = "my arm has gone weak and i cant speak"
PERHAPS_EMERGENCY = "my hand feels funny"
SAME_DAY = "my face drooped this morning"
QUESTION = "how do i tape my eye shut at night?"
MOVING: Mapping[str, str] = {
    "assessed": "Yes",
    "cause": "Bell's palsy",
    "operation": "No",
    "weeks": "3 to 12 months",
    "movement": "Two or more things move",
    "linked": "No",
    "side": "Left",
}
"""Answers of somebody in stage S2."""
TIGHT = {**MOVING, "linked": "Yes"}
FLOPPY = {**MOVING, "movement": "Nothing moves"}


@dataclass
class Moving:
    """A clock that the test moves."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def goes_on(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def clock(dialogue: Dialogue, monkeypatch: pytest.MonkeyPatch) -> Moving:
    moving = Moving()
    monkeypatch.setattr(dialogue, "_clock", moving)
    return moving


@pytest.fixture(scope="module")
def catalogue(shelf_sources: frozenset[str]) -> Mapping[str, Exercise]:
    return load_exercises(CONTENT, shelf_sources).exercises


@pytest.fixture(scope="module")
def shelf_sources(request: pytest.FixtureRequest) -> frozenset[str]:
    return frozenset(request.getfixturevalue("shelf").library.sources)


def practice_of(person: Person) -> Practice:
    return Practice.loads(person.patient.practice)


def session_of(person: Person) -> Session:
    session = practice_of(person).session
    assert session is not None
    return session


def asked(person: Person) -> str | None:
    """The question of the self-check that the last message put."""
    return next((each.split(":")[1] for each in person.offered if each.startswith("exa:")), None)


def button(person: Person, title: str) -> str:
    assert person.turn is not None
    found = (b.payload for reply in person.turn.outcome.replies for b in reply.buttons if b.title == title)
    return next(found)


def titles(person: Person) -> list[str]:
    assert person.turn is not None
    return [b.title for reply in person.turn.outcome.replies for b in reply.buttons]


async def checked(person: Person, answers: Mapping[str, str] = MOVING, *, typing: bool = False) -> list[str]:
    """Go through the self-check that has begun; which questions were asked."""
    questions = []
    while (question := asked(person)) is not None:
        questions.append(question)
        label = answers[question]
        await (person.types(label) if typing else person.taps(button(person, label)))
    return questions


async def offered(person: Person, answers: Mapping[str, str] = MOVING) -> Person:
    await person.types("/exercise")
    await checked(person, answers)
    return person


async def started(person: Person, answers: Mapping[str, str] = MOVING) -> Person:
    await offered(person, answers)
    await person.taps("ex:start")
    return person


async def tap(person: Person, title: str) -> Outcome:
    return await person.taps(button(person, title))


async def to_practice(person: Person) -> None:
    while "Next" in titles(person):
        await tap(person, "Next")


async def to_scores(person: Person) -> None:
    while "Skip" in titles(person):
        await to_practice(person)
        await tap(person, "Done")


def head(person: Person) -> str:
    found = re.search(r"\*\*(\d+ of \d+: [^*]+)\*\*", person.heard)
    return found.group(1) if found else ""


# ---- from beginning to end ----
async def test_from_the_self_check_to_the_end_by_buttons(person: Person, words: Words) -> None:
    outcome = await person.types("/exercise")
    assert outcome.kind is Kind.EXERCISE
    assert person.heard.startswith(words("exercise.check_begin"))
    assert await checked(person) == list(MOVING)
    assert person.heard.startswith("**Small and even**")
    assert titles(person) == ["Start now", "Something is wrong", "Not now"]
    await tap(person, "Start now")
    count = len(session_of(person).items)
    for number in range(1, count + 1):
        assert head(person).startswith(f"{number} of {count}: ")
        assert person.turn is not None
        image = person.turn.outcome.replies[0].image
        assert image == f"{session_of(person).items[number - 1]}/left"
        assert titles(person) == ["Next", "Skip", "It hurts", "Stop"]
        await to_practice(person)
        assert titles(person) == ["Done", "Again", "Easier", "Skip", "It hurts", "Stop"]
        await tap(person, "Done")
    assert person.heard == words("exercise.ask_effort")
    await tap(person, "2")
    assert person.heard == words("exercise.ask_comfort")
    outcome = await tap(person, "8")
    assert words("exercise.finished", done=count, count=count) in person.heard
    assert person.turn is not None
    assert person.turn.practised is not None
    end = person.turn.practised
    assert (end.ended, end.zone, end.session.effort, end.session.comfort) == ("finished", "UTC", 2, 8)
    assert end.session.done == end.session.items
    assert practice_of(person).session is None


async def test_from_the_self_check_to_the_end_by_typing_alone(person: Person, words: Words) -> None:
    await person.types("/exercise")
    typed = ("yes", "bell's palsy", "no", "months", "yes", "no", "left side")
    for answer in typed:
        assert asked(person)
        await person.types(answer)
    assert person.heard.startswith("**Small and even**")
    await person.types("Ready!")
    for _ in range(40):
        if person.heard == words("exercise.ask_effort"):
            break
        await person.types("ok" if "Next" in titles(person) else "done")
    await person.types("3/10")
    assert person.heard == words("exercise.ask_comfort")
    await person.types("7 out of 10")
    assert person.turn is not None
    assert person.turn.practised is not None
    assert (person.turn.practised.ended, len(person.turn.practised.session.skipped)) == ("finished", 0)
    assert practice_of(person).began_on == (NOW - timedelta(weeks=13)).date()


@pytest.mark.parametrize("answer", ["Right", "Both or not sure"])
async def test_pictures_fit_the_weak_side(person: Person, answer: str) -> None:
    await started(person, {**MOVING, "side": answer})
    assert person.turn is not None
    assert str(person.turn.outcome.replies[0].image).endswith("/right")


async def test_the_scores_can_be_left_out(person: Person) -> None:
    for word in ("skip", "stop", "not now", "enough"):
        await started(person)
        await to_scores(person)
        await person.types(word)
        assert person.turn is not None
        assert person.turn.practised is not None
        assert (person.turn.practised.ended, person.turn.practised.session.effort) == ("finished", None)


async def test_a_score_beyond_10_is_no_score(person: Person, fake_engine: FakeEngine) -> None:
    await started(person)
    await to_scores(person)
    await person.types("11")
    assert fake_engine.messages == ["11"]
    await person.types("10")
    assert session_of(person).effort == 10


async def test_when_it_began_is_asked_although_first_contact_heard_something_rough(person: Person) -> None:
    person.patient = dataclasses.replace(person.patient, onset_on=(NOW - timedelta(weeks=30)).date())
    await person.types("/exercise")
    assert "weeks" in await checked(person)
    await person.taps("ex:start")
    assert head(person).startswith("1 of ")


async def test_sessions_go_on_from_day_to_day_without_a_new_check(person: Person, clock: Moving, words: Words) -> None:
    for day in range(3):
        await person.types("/exercise")
        assert (await checked(person) != []) is (day == 0)
        await person.taps("ex:start")
        await to_scores(person)
        await tap(person, "1")
        await tap(person, "9")
        if day:
            assert words("exercise.days", days=day + 1) in person.heard
        clock.goes_on(days=1)
    assert practice_of(person).count == 3


# ---- the moves ----
async def test_again_gives_the_practice_once_more(person: Person) -> None:
    await started(person)
    await to_practice(person)
    before = person.heard
    await tap(person, "Again")
    assert person.heard == before


async def test_easier_says_how_and_asks_for_less(person: Person, catalogue: Mapping[str, Exercise]) -> None:
    await started(person, {**MOVING, "linked": "Not sure"})  # of the movements only the soft eye close is open
    while session_of(person).items[session_of(person).at] != "EX-13":
        await tap(person, "Skip")
    await to_practice(person)
    assert "Do this 5 times" in person.heard
    await tap(person, "Easier")
    assert "Do this 2 times" in person.heard
    assert catalogue["EX-13"].easier in person.heard


async def test_what_was_made_easier_or_left_out_comes_smaller_next_time(
    person: Person, words: Words, catalogue: Mapping[str, Exercise]
) -> None:
    await started(person, TIGHT)
    assert session_of(person).items[0] == "EX-01"
    await to_practice(person)
    await tap(person, "Easier")
    await tap(person, "Stop")
    await person.types("/exercise")
    await person.taps("ex:start")
    assert session_of(person).eased == ("EX-01",)
    assert session_of(person).items[-1] == "EX-01"
    while session_of(person).items[session_of(person).at] != "EX-01":
        await tap(person, "Skip")
    assert words("exercise.smaller", how=catalogue["EX-01"].easier) in person.heard


async def test_what_was_hard_stays_in_mind_until_its_turn_comes_again(person: Person) -> None:
    await started(person)
    first = session_of(person).items[-1]
    while session_of(person).at < len(session_of(person).items) - 1:
        await tap(person, "Skip")
    await tap(person, "Skip")
    await person.types("skip")
    assert first in practice_of(person).smaller
    for _ in range(6):
        await person.types("/exercise")
        await person.taps("ex:start")
        items = session_of(person).items
        if first in items:
            assert first in session_of(person).eased
            return
        await tap(person, "Stop")
    pytest.fail("its turn did not come")


async def test_skip_goes_on_with_the_next(person: Person) -> None:
    await started(person)
    first = head(person)
    await tap(person, "Skip")
    assert head(person) != first
    assert session_of(person).skipped == (session_of(person).items[0],)


async def test_stop_ends_it_kindly_and_it_is_kept(person: Person, words: Words) -> None:
    await started(person)
    await to_practice(person)
    await tap(person, "Done")
    await tap(person, "Stop")
    assert person.turn is not None
    assert person.turn.practised is not None
    end = person.turn.practised
    assert (end.ended, len(end.session.done)) == ("stopped", 1)
    assert person.heard.startswith(words("exercise.stopped", done=1, count=len(end.session.items)))
    assert practice_of(person).session is None


@pytest.mark.parametrize("said", ["tap", "it hurts", "Ouch!", "that hurt", "it really hurts", "my cheek hurts"])
async def test_pain_stops_it_and_leads_to_the_check(person: Person, words: Words, said: str) -> None:
    await started(person)
    await to_practice(person)
    outcome = await (tap(person, "It hurts") if said == "tap" else person.types(said))
    assert outcome.kind is Kind.TRIAGE
    assert person.heard.startswith(words("exercise.hurt"))
    assert "ans:now:0" in person.offered
    assert person.turn is not None
    assert person.turn.practised is not None
    assert person.turn.practised.ended == "hurt"
    practice = practice_of(person)
    assert (practice.session, practice.closed_at) == (None, NOW)
    await person.types("/exercise")
    assert titles(person) == ["I've been seen", "Check how urgent it is"]


async def test_what_hurt_comes_smaller_if_ever_again(person: Person) -> None:
    await started(person)
    first = session_of(person).items[0]
    await tap(person, "It hurts")
    assert first in practice_of(person).smaller


async def test_pain_is_heard_while_a_score_is_asked(person: Person, words: Words) -> None:
    await started(person)
    await to_scores(person)
    await person.types("it hurts")
    assert person.heard.startswith(words("exercise.hurt"))


@pytest.mark.parametrize("said", ["tap", "something is wrong"])
async def test_something_wrong_before_it_begins_leads_to_the_check(person: Person, words: Words, said: str) -> None:
    await offered(person)
    await (tap(person, "Something is wrong") if said == "tap" else person.types(said))
    assert person.heard.startswith(words("exercise.wrong"))
    assert "ans:now:0" in person.offered
    assert practice_of(person).closed_at == NOW


@pytest.mark.parametrize("said", ["tap", "later", "not now"])
async def test_not_now_is_no_reason_to_worry(person: Person, words: Words, said: str) -> None:
    await offered(person)
    await (tap(person, "Not now") if said == "tap" else person.types(said))
    assert person.heard == words("exercise.later")
    await person.taps("ex:start")
    assert head(person).startswith("1 of ")


@pytest.mark.parametrize("said", ["later", "not now", "stop"])
async def test_the_self_check_can_wait_too(person: Person, words: Words, said: str) -> None:
    await person.types("/exercise")
    await person.types(said)
    assert person.heard == words("exercise.later")
    await person.types("/exercise")
    assert asked(person) == "assessed"


# ---- what is said ----
async def test_every_instruction_is_given_and_what_must_be_known_first(
    person: Person, words: Words, catalogue: Mapping[str, Exercise]
) -> None:
    await started(person, TIGHT)
    while session_of(person).items[session_of(person).at] != "EX-30":
        await tap(person, "Skip")
    exercise = catalogue["EX-30"]
    assert exercise.goal in person.heard
    assert all(words("exercise.care", caution=each) in person.heard for each in exercise.cautions)
    assert "You have a sore or ulcer in your mouth." in person.heard
    for step in exercise.steps:
        assert person.heard.endswith(step)
        await tap(person, "Next")
    assert "Do this 3 times. Hold for 20 seconds" in person.heard
    assert exercise.stop in person.heard
    assert person.turn is not None
    count = person.turn.outcome.replies[0].count
    assert count is not None
    assert (count.hold_s, count.repetitions) == (20, 3)


async def test_once_is_not_1_times(person: Person) -> None:
    await started(person, TIGHT)
    for _ in range(len(session_of(person).items)):
        await to_practice(person)
        await tap(person, "Easier")
        assert not re.search(r"\b1 (times|minutes)", person.heard), person.heard
        await tap(person, "Done")


async def test_without_a_code_nobody_reads_that_a_therapist_opened_it(person: Person) -> None:
    await offered(person, {**MOVING, "weeks": "3 to 12 weeks", "movement": "A flicker"})
    assert person.heard.startswith("**Rest and care**")
    assert "A therapist has opened" not in person.heard
    assert "A code from your therapist" in person.heard


async def test_habits_of_a_programme_are_told_only_when_they_are_open(
    person: Person, catalogue: Mapping[str, Exercise]
) -> None:
    await offered(person, FLOPPY)
    assert catalogue["EX-05"].goal in person.heard
    await tap(person, "Not now")
    person.patient = dataclasses.replace(person.patient, practice=None)
    await offered(person, {**FLOPPY, "operation": "Not sure"})
    assert "Healing comes first" in person.heard
    assert not [
        each.id for each in catalogue.values() if each.id not in ("EX-01", "EX-23") and each.goal in person.heard
    ]


@pytest.mark.parametrize(
    "operation", ["A weight in the eyelid", "Chewing nerve or muscle", "Nerve of the tongue", "Another operation"]
)
async def test_after_an_operation_nothing_opens_before_the_surgeons_date(person: Person, operation: str) -> None:
    await offered(person, {**MOVING, "operation": operation})
    assert person.heard.startswith("Healing comes first")
    assert titles(person) == ["Ask me again"]


@pytest.mark.parametrize(
    ("question", "answer", "said"),
    [
        ("assessed", "Not yet", "have your face checked"),
        ("assessed", "Not sure", "have your face checked"),
        ("cause", "Nobody said", "have your face checked"),
        ("cause", "A stroke or brain injury", "have your face checked"),
    ],
)
async def test_unseen_or_from_the_brain_nothing_opens(person: Person, question: str, answer: str, said: str) -> None:
    await offered(person, {**MOVING, question: answer})
    assert said in person.heard
    assert titles(person) == ["Ask me again"]


@pytest.mark.parametrize("question", ["assessed", "cause", "operation", "weeks", "movement", "linked"])
async def test_not_sure_never_opens_what_moves_the_weak_side(
    person: Person, catalogue: Mapping[str, Exercise], question: str
) -> None:
    unsure = "Nobody said" if question == "cause" else "Not sure"
    await offered(person, {**MOVING, question: unsure})
    names = {each.name.lower() for each in catalogue.values() if each.kind == "active"}
    if question == "linked":
        names.remove(catalogue["EX-13"].name.lower())  # closing the eye is of both sets
    said = person.heard.lower()
    assert not [name for name in names if name in said]


async def test_all_not_sure_opens_nothing(person: Person) -> None:
    unsure = dict.fromkeys(MOVING, "Not sure") | {"cause": "Nobody said", "side": "Both or not sure"}
    await offered(person, unsure)
    assert "have your face checked" in person.heard
    await person.types("start now")
    assert practice_of(person).session is None


async def test_ask_me_again_asks_all_again(person: Person) -> None:
    await offered(person, {**MOVING, "assessed": "Not yet"})
    await tap(person, "Ask me again")
    assert await checked(person) == list(MOVING)
    assert person.heard.startswith("**Small and even**")


# ---- pauses ----
async def test_a_pause_loses_nothing_and_counts_nothing_as_done(person: Person, clock: Moving, words: Words) -> None:
    await started(person)
    await to_practice(person)
    before = person.heard
    await person.types("later")
    assert person.heard == words("exercise.paused")
    clock.goes_on(hours=6)
    await person.types("go on")
    assert person.heard == f"{words('exercise.resumed')}\n\n{before}"
    assert session_of(person).done == ()
    await person.types("go on")
    assert len(session_of(person).done) == 1


async def test_hours_later_the_command_goes_on_where_it_was(person: Person, clock: Moving, words: Words) -> None:
    await started(person)
    await tap(person, "Next")
    before = person.heard
    clock.goes_on(hours=19)
    await person.types("/exercise")
    assert person.heard == f"{words('exercise.resumed')}\n\n{before}"


async def test_hours_later_its_buttons_still_work(person: Person, clock: Moving) -> None:
    await started(person)
    clock.goes_on(hours=19)
    await tap(person, "Next")
    assert session_of(person).step == 1


async def test_the_next_day_it_is_over_and_kept_and_a_new_one_begins(
    person: Person, clock: Moving, words: Words
) -> None:
    await started(person)
    await to_practice(person)
    await tap(person, "Done")
    old = button(person, "Next")
    clock.goes_on(hours=20)
    await person.taps(old)
    assert person.heard == words("exercise.over")
    await person.types("/exercise")
    assert person.heard.startswith("**Small and even**")
    assert person.turn is not None
    assert person.turn.practised is not None
    assert (person.turn.practised.ended, len(person.turn.practised.session.done)) == ("stopped", 1)
    await person.taps("ex:start")
    assert person.turn.practised is None
    assert session_of(person).done == ()


async def test_a_start_the_next_day_keeps_the_session_that_was_left(person: Person, clock: Moving) -> None:
    await started(person)
    await tap(person, "Skip")
    left = session_of(person)
    clock.goes_on(hours=30)
    await person.taps("ex:start")
    assert session_of(person).id != left.id
    assert person.turn is not None
    assert person.turn.practised is not None
    assert (person.turn.practised.ended, person.turn.practised.session) == ("stopped", left)
    assert titles(person) == ["Next", "Skip", "It hurts", "Stop"]


# ---- buttons that are not of now ----
async def test_a_button_tapped_twice_moves_once(person: Person, words: Words) -> None:
    await started(person)
    next_ = button(person, "Next")
    await person.taps(next_)
    after = person.patient
    await person.taps(next_)
    assert person.heard == words("exercise.moved_on")
    assert person.patient == after


async def test_buttons_of_earlier_messages_change_nothing(person: Person, words: Words) -> None:
    await started(person)
    earlier = [each.payload for each in person.shown if re.match(r"ex:\w+:", each.payload)]
    await tap(person, "Next")
    await tap(person, "Skip")
    after = person.patient
    for each in earlier:
        outcome = await person.taps(each)
        assert person.heard == words("exercise.moved_on")
        assert person.patient == after
        assert "ex" in outcome.retired


async def test_every_button_of_last_weeks_session_is_harmless(person: Person, clock: Moving, words: Words) -> None:
    await started(person)
    await to_scores(person)
    await tap(person, "2")
    await tap(person, "8")
    old = [each.payload for each in person.shown if re.match(r"exs?:\w+:", each.payload)]
    clock.goes_on(days=7)
    after = person.patient
    for each in old:
        await person.taps(each)
        assert person.heard == words("exercise.over")
        assert person.patient == after
    await person.types("/exercise")
    await checked(person)
    await person.taps("ex:start")
    running = session_of(person)
    for each in old:
        await person.taps(each)
        assert person.heard == words("exercise.over")
        assert session_of(person) == running


async def test_after_stop_no_button_does_anything(person: Person, words: Words) -> None:
    await started(person)
    old = list(person.offered)
    await tap(person, "Stop")
    after = person.patient
    for each in old:
        await person.taps(each)
        assert person.heard == words("exercise.over")
        assert person.patient == after


async def test_a_score_tapped_twice_is_given_once(person: Person, words: Words) -> None:
    await started(person)
    await to_scores(person)
    effort = button(person, "3")
    await person.taps(effort)
    await person.taps(effort)
    assert person.heard == words("exercise.moved_on")
    assert (session_of(person).effort, session_of(person).comfort) == (3, None)


async def test_a_move_is_no_score_and_a_score_no_move(person: Person, words: Words) -> None:
    await started(person)
    moves = list(person.offered)
    await to_scores(person)
    scores = list(person.offered)
    await person.taps(moves[0])
    assert person.heard == words("exercise.moved_on")
    await person.taps(scores[1])
    await tap(person, "1")
    for each in scores:
        await person.taps(each)
        assert person.heard == words("exercise.over")


async def test_an_old_answer_of_the_self_check_changes_nothing(person: Person, words: Words) -> None:
    await offered(person)
    answers = [each.payload for each in person.shown if each.payload.startswith("exa:")]
    before = person.patient
    for each in answers:
        await person.taps(each)
        assert person.heard == words("exercise.moved_on")
        assert person.patient == before


async def test_two_devices_make_one_session(person: Person, dialogue: Dialogue, words: Words) -> None:
    await offered(person)
    await person.taps("ex:start")
    running = session_of(person)
    first = person.heard
    await person.taps("ex:start")
    assert person.heard == f"{words('exercise.resumed')}\n\n{first}"
    await person.types("/exercise")
    assert session_of(person) == running
    assert practice_of(person).count == 1
    other = Person(dialogue, person.patient, shown=person.shown)
    await other.taps(f"ex:next:{running.id}:0")
    person.patient = other.patient
    await person.taps(f"ex:next:{running.id}:0")
    assert person.heard == words("exercise.moved_on")


async def test_last_weeks_start_asks_the_weekly_check_first(person: Person, clock: Moving) -> None:
    await offered(person)
    clock.goes_on(days=8)
    await person.taps("ex:start")
    assert asked(person) == "movement"
    assert practice_of(person).session is None


async def test_old_buttons_do_nothing_for_who_has_stopped(person: Person, words: Words) -> None:
    await started(person)
    old = list(person.offered)
    await person.types("/stop")
    await person.taps("stop:yes")
    assert person.patient.practice is None
    for each in [*old, "ex:start", "exa:movement:2"]:
        await person.taps(each)
        assert person.heard == words("other.old_button")
    await person.types("/exercise")
    assert person.heard == words("about.help", number="112")


async def test_without_consent_there_are_no_exercises(newcomer: Person, words: Words) -> None:
    await newcomer.types("/exercise")
    assert newcomer.heard == words("about.help", number="112")
    newcomer.shown.append(Button(title="Start now", payload="ex:start"))
    await newcomer.taps("ex:start")
    assert newcomer.patient.practice is None


async def test_a_session_with_what_the_library_no_longer_holds_is_over(person: Person, words: Words) -> None:
    await started(person)
    old = list(person.offered)
    practice = practice_of(person)
    gone = dataclasses.replace(session_of(person), items=("EX-99",))
    person.patient = dataclasses.replace(person.patient, practice=dataclasses.replace(practice, session=gone).dumps())
    await person.taps(old[0])
    assert person.heard == words("exercise.over")
    await person.types("/exercise")
    assert person.heard.startswith("**Small and even**")


# ---- questions in between ----
async def test_a_question_in_the_middle_is_answered_and_it_goes_on(person: Person, fake_engine: FakeEngine) -> None:
    await started(person)
    next_ = button(person, "Next")
    await person.types(QUESTION)
    assert person.heard == f"[{QUESTION}]"
    await person.taps(next_)
    assert session_of(person).step == 1
    await person.types(QUESTION)
    await person.types("next")
    assert session_of(person).step == 2
    assert len(fake_engine.asked) == 2


async def test_a_question_during_the_self_check_is_answered_and_it_goes_on(person: Person) -> None:
    await person.types("/exercise")
    await person.types(QUESTION)
    assert person.heard == f"[{QUESTION}]"
    await person.types("yes")
    assert asked(person) == "cause"


async def test_it_all_works_while_the_engine_is_away(person: Person, fake_engine: FakeEngine) -> None:
    fake_engine.is_up = False
    await started(person)
    await to_scores(person)
    await tap(person, "2")
    await tap(person, "8")
    assert practice_of(person).session is None


async def test_asking_for_a_session_in_words_begins_it(person: Person, fake_engine: FakeEngine) -> None:
    fake_engine.says(Outcome(kind=Kind.EXERCISE, replies=(Reply(text="never shown"),)))
    await person.types("can we do my exercises")
    assert asked(person) == "assessed"


# ---- what must be seen to ----
async def test_an_emergency_typed_in_the_middle_goes_before_all_and_shuts_them(person: Person, words: Words) -> None:
    await started(person)
    next_ = button(person, "Next")
    outcome = await person.types(EMERGENCY)
    assert outcome.kind is Kind.EMERGENCY
    assert "999" in person.heard
    assert person.turn is not None
    assert person.turn.practised is not None
    assert person.turn.practised.ended == "stopped"
    await person.taps(next_)
    assert person.heard == words("exercise.over")
    await person.types("/exercise")
    assert titles(person) == ["I've been seen", "Check how urgent it is"]
    await person.types("start now")
    assert practice_of(person).session is None


async def test_while_an_alarm_may_be_one_nothing_is_practised(person: Person) -> None:
    await started(person)
    next_ = button(person, "Next")
    outcome = await person.types(PERHAPS_EMERGENCY)
    assert (outcome.disposition, outcome.provisional) == ("EMERGENCY", True)
    asks = list(person.offered)
    for say in (next_, "ex:start"):
        await person.taps(say)
        assert person.offered == asks
        assert session_of(person).step == 0
    await person.types("/exercise")
    assert person.offered == asks
    await person.taps(next(each for each in asks if each.startswith("flag:no")))
    await person.taps(next_)
    assert session_of(person).step == 1


async def test_a_yes_to_the_alarm_shuts_them(person: Person, words: Words) -> None:
    await started(person)
    next_ = button(person, "Next")
    await person.types(PERHAPS_EMERGENCY)
    await person.types("yes")
    await person.taps(next_)
    assert person.heard == words("exercise.over")
    assert practice_of(person).closed_at == NOW


async def test_pain_is_heard_while_an_alarm_may_be_one(person: Person, words: Words) -> None:
    await started(person)
    hurts = button(person, "It hurts")
    await person.types(PERHAPS_EMERGENCY)
    await person.taps(hurts)
    assert person.heard.startswith(words("exercise.hurt"))


async def test_told_to_be_seen_today_shuts_them_until_they_were(person: Person, clock: Moving, words: Words) -> None:
    await started(person)
    next_ = button(person, "Next")
    outcome = await person.types(SAME_DAY)
    assert outcome.disposition == "SAME_DAY"
    await person.taps(next_)
    assert person.heard == words("exercise.over")
    for _ in range(2):
        clock.goes_on(days=3)
        await person.types("/exercise")
        assert titles(person) == ["I've been seen", "Check how urgent it is"]
    await tap(person, "I've been seen")
    assert await checked(person) == ["movement", "linked"]
    assert person.heard.startswith("**Small and even**")
    await person.taps("ex:start")
    assert head(person).startswith("1 of ")


async def test_no_old_button_starts_what_is_shut(person: Person) -> None:
    await offered(person)
    await person.types(SAME_DAY)
    for old in ("ex:start", "ex:later", "ex:recheck"):
        person.shown.append(Button(title="old", payload=old))
        await person.taps(old)
        assert practice_of(person).session is None
        assert standing_of(practice_of(person), NOW).red_flag
        assert old == "ex:later" or titles(person) == ["I've been seen", "Check how urgent it is"]


async def test_a_self_check_that_was_open_is_dropped_by_what_must_be_seen(person: Person, words: Words) -> None:
    await person.types("/exercise")
    yes = button(person, "Yes")
    await person.types(SAME_DAY)
    await person.taps(yes)
    assert person.heard == words("exercise.moved_on")
    await person.types("/exercise")
    assert "I've been seen" in titles(person)


async def test_been_seen_when_nothing_was_wrong_only_asks_anew(person: Person) -> None:
    await offered(person)
    person.shown.append(Button(title="I've been seen", payload="ex:seen"))
    await person.taps("ex:seen")
    assert asked(person) == "movement"


async def checked_up(
    person: Person,
    movement: str = "Some movement",
    care: str = "None of these",
    closing: str = "Yes, it closes fully",
) -> Outcome:
    """Answer the triage intake that is open with nothing to worry about, whatever it asks."""
    assert person.turn is not None
    outcome = person.turn.outcome
    preferred = [
        movement, care, "That's all", "None of these", "Weak, and checked", "3 months to 2 years ago",
        "Over hours to 3 days", "No, it stays smooth", closing, "Not on steroids", "About as usual",
    ]  # fmt: skip
    for _ in range(30):
        buttons = {b.title: b.payload for reply in outcome.replies for b in reply.buttons}
        answers = {title: each for title, each in buttons.items() if each.startswith("ans:")}
        if not answers:
            return outcome
        outcome = await person.taps(next(answers[title] for title in preferred if title in answers))
    raise AssertionError("the intake did not end")


async def test_a_check_that_finds_nothing_opens_what_pain_had_shut(person: Person) -> None:
    await started(person)
    await tap(person, "It hurts")
    outcome = await checked_up(person)
    assert outcome.disposition in ("SELF_CARE", "ROUTINE", "URGENT"), outcome.disposition
    assert practice_of(person).closed_at is None
    await person.types("/exercise")
    assert "I've been seen" not in titles(person)


async def test_a_check_that_finds_nothing_does_not_undo_what_a_check_had_told(person: Person) -> None:
    await started(person)
    await person.types(EMERGENCY)
    person.patient = dataclasses.replace(person.patient, emergency_at=NOW - timedelta(days=3))
    await person.types("/check")
    outcome = await checked_up(person)
    assert outcome.disposition in ("SELF_CARE", "ROUTINE", "URGENT"), outcome.disposition
    assert practice_of(person).closed_at is not None
    await person.types("/exercise")
    await tap(person, "I've been seen")
    assert asked(person) == "movement"


async def test_an_eye_at_risk_shuts_them_though_it_may_wait_some_days(person: Person, words: Words) -> None:
    await started(person)
    next_ = button(person, "Next")
    await person.types("/check")
    outcome = await checked_up(person, closing="No, and I use drops and tape")
    assert (outcome.disposition, "U08" in outcome.rules) == ("URGENT", True)
    await person.taps(next_)
    assert person.heard == words("exercise.over")
    await person.types("/exercise")
    assert "I've been seen" in titles(person)


async def test_a_check_never_moves_a_stage_up_nor_forgets_an_operation(person: Person) -> None:
    await offered(person, {**FLOPPY, "operation": "A weight in the eyelid"})
    before = practice_of(person).standing
    await person.types("/check")
    await checked_up(person, movement="Some movement", care="I'd like a facial therapist")
    after = practice_of(person).standing
    assert (after.operation, after.movement) == (before.operation, before.movement) == ("lid_weight", "none")


async def test_a_check_that_finds_no_movement_moves_the_stage_down(person: Person) -> None:
    await offered(person)
    await person.types("/check")
    await checked_up(person, movement="Nothing at all")
    await person.types("/exercise")
    assert "**Small and even**" not in person.heard


async def test_a_session_under_way_stops_at_what_a_check_has_locked(person: Person) -> None:
    await started(person)
    next_ = button(person, "Next")
    await person.types("/check")
    await checked_up(person, movement="Nothing at all")
    active = session_of(person).items if practice_of(person).session else ()
    await person.taps(next_)
    for _ in range(20):
        assert not re.search(r"\*\*\d of \d: (Soft eye|Gentle|Small|Light|Tiny|Even|Finger)", person.heard), active
        if "Next" not in titles(person) and "Done" not in titles(person):
            break
        await tap(person, "Next" if "Next" in titles(person) else "Done")


async def test_a_check_left_off_shuts_nobody_out(person: Person) -> None:
    """The intake stays open when it is stopped; the buttons of exercises work all the same."""
    await started(person)
    await tap(person, "It hurts")
    await tap(person, "Stop for now")
    await person.types("/exercise")
    await tap(person, "I've been seen")
    assert await checked(person) == ["movement", "linked"]
    await person.taps("ex:start")
    assert head(person).startswith("1 of ")


# ---- every week ----
async def test_every_week_the_movement_is_asked_again(person: Person, clock: Moving, words: Words) -> None:
    await offered(person)
    clock.goes_on(days=6, hours=23)
    await person.types("/exercise")
    assert asked(person) is None
    clock.goes_on(hours=1)
    await person.types("/exercise")
    assert person.heard.startswith(words("exercise.check_begin"))
    assert await checked(person, FLOPPY) == ["movement"]
    assert person.heard.startswith("**Rest and care**")


async def test_a_weekly_not_sure_takes_back_what_was_known(person: Person, clock: Moving) -> None:
    await offered(person)
    clock.goes_on(days=8)
    await person.types("/exercise")
    await checked(person, {**MOVING, "movement": "Not sure"})
    assert person.heard.startswith("**Rest and care**")
    assert practice_of(person).standing.movement is None


async def test_movement_that_came_back_is_asked_about_linkage_too(person: Person, clock: Moving) -> None:
    await offered(person, FLOPPY)
    clock.goes_on(days=8)
    await person.types("/exercise")
    assert await checked(person, TIGHT) == ["movement", "linked"]
    assert person.heard.startswith("**Let go and unlink**")


async def test_a_weekly_check_left_half_way_is_asked_to_its_end(person: Person, clock: Moving) -> None:
    await offered(person)
    clock.goes_on(days=8)
    await person.types("/exercise")
    await tap(person, "Two or more things move")
    assert asked(person) == "linked"
    await person.taps("ex:start")
    assert asked(person) == "linked"
    assert practice_of(person).session is None


async def test_weeks_go_by_and_open_what_waits_for_them(person: Person, clock: Moving) -> None:
    early = {**MOVING, "weeks": "3 to 12 weeks"}
    await offered(person, early)
    assert person.heard.startswith("**Rest and care**")
    clock.goes_on(weeks=8, days=6)
    await person.types("/exercise")
    await checked(person, early)
    assert person.heard.startswith("**Rest and care**")
    clock.goes_on(days=8)
    await person.types("/exercise")
    await checked(person, early)
    assert person.heard.startswith("**Small and even**")


# ---- what is kept ----
async def test_the_diary_takes_the_zone_the_person_is_in(person: Person) -> None:
    person.patient = dataclasses.replace(person.patient, zone="Pacific/Apia")
    await started(person)
    await tap(person, "Stop")
    assert person.turn is not None
    assert person.turn.practised is not None
    assert person.turn.practised.zone == "Pacific/Apia"


def test_the_clock_of_these_tests_is_aware() -> None:
    assert NOW.tzinfo is UTC
    assert parts() == b"[]"
    assert Patient(id="x").practice is None

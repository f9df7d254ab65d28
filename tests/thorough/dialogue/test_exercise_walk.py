"""Conversations at random: whatever is pressed or typed, in any order, nobody is shown an exercise that isn't theirs.

What a person has told is kept by the walk itself, and held against the gates' second writing (`gates_again`).
"""

import copy
import dataclasses
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from bot.dialogue import Dialogue, Said, Turn, said
from bot.dialogue.engine import Engine
from bot.dialogue.exercise import Exercises
from bot.dialogue.safety import Safety
from bot.knowledge import Shelf
from bot.outcome import Kind, Outcome, Reply
from bot.patient import Patient
from bot.payload import Press, parse
from bot.programme.exercise import Exercise, load_exercises
from bot.programme.gate import Standing
from bot.programme.own import OwnItem, OwnProgramme
from bot.programme.practice import Practice
from bot.programme.prescribed import Prescribed
from bot.settings import CONTENT
from bot.triage.screen import Screen
from bot.words import Words
from tests.unit.dialogue.conftest import NOW, known
from tests.unit.programme.gates_again import permitted

CONVERSATIONS = 10_000
WHOLE_CONVERSATIONS = 120
"""So many go through the whole dialogue, with its red-flag screen and its triage intake."""

MEANS: Mapping[str, Mapping[str, Mapping[str, object]]] = {
    "assessed": {"Yes": {"assessed": True}, "Not yet": {"assessed": False}, "Not sure": {"assessed": None}},
    "cause": {
        "Bell's palsy": {"cause": "bells"},
        "Shingles (Ramsay Hunt)": {"cause": "rhs"},
        "A growth or its operation": {"cause": "vs"},
        "An injury": {"cause": "trauma"},
        "Lyme disease": {"cause": "lyme"},
        "A stroke or brain injury": {"cause": "stroke"},
        "Something else": {"cause": "other"},
        "Nobody said": {"cause": "none"},
    },
    "operation": {
        "No": {"operation": "none"},
        "A weight in the eyelid": {"operation": "lid_weight"},
        "Chewing nerve or muscle": {"operation": "masseter"},
        "Nerve of the tongue": {"operation": "hypoglossal"},
        "Nerve from the other side": {"operation": "cross_face"},
        "Another operation": {"operation": "other"},
        "Not sure": {"operation": None},
    },
    "weeks": {
        "Under 3 weeks": {"weeks": 0},
        "3 to 12 weeks": {"weeks": 3},
        "3 to 12 months": {"weeks": 13},
        "Over a year": {"weeks": 53},
        "Not sure": {"weeks": None},
    },
    "movement": {
        "Nothing moves": {"movement": "none", "linked": None},
        "A flicker": {"movement": "flicker"},
        "Two or more things move": {"movement": "several"},
        "Not sure": {"movement": None},
    },
    "linked": {"Yes": {"linked": True}, "No": {"linked": False}, "Not sure": {"linked": None}},
    "side": {"Left": {}, "Right": {}, "Both or not sure": {}},
}
"""What each answer of the self-check says, in the tests' own words."""
TYPED: Mapping[str, Mapping[str, str]] = {
    "assessed": {"yes": "Yes", "no": "Not yet", "dunno": "Not sure"},
    "cause": {"bells": "Bell's palsy", "stroke": "A stroke or brain injury", "dunno": "Nobody said"},
    "operation": {"no": "No", "lid weight": "A weight in the eyelid", "dunno": "Not sure"},
    "weeks": {"months": "3 to 12 months", "a month": "3 to 12 weeks", "dunno": "Not sure"},
    "movement": {"nothing": "Nothing moves", "a flicker": "A flicker", "yes": "Two or more things move", "no": "Nothing moves", "dunno": "Not sure"},
    "linked": {"yes": "Yes", "no": "No", "tight": "Yes", "dunno": "Not sure"},
    "side": {"left": "Left", "right side": "Right", "dunno": "Both or not sure"},
}  # fmt: skip
"""Words that are typed, and the button that each stands for."""
BENIGN = (
    "That's all", "None of these", "Weak, and checked", "3 months to 2 years ago", "Over hours to 3 days",
    "No, it stays smooth", "Yes, it closes fully", "Not on steroids", "About as usual",
)  # fmt: skip
"""Answers of the triage intake that let a walk come to its end."""
FAVOURABLE = {"assessed": "Yes", "cause": "Bell's palsy", "operation": "No", "weeks": "3 to 12 months"}
EMERGENCY, PERHAPS, SAME_DAY = (
    "my arm has gone weak and i cant speak",
    "my hand feels funny",
    "my face drooped this morning",
)
SAYINGS = (
    "next", "ok", "done", "again", "easier", "too hard", "skip", "stop", "later", "go on", "start now", "begin", "yes",
    "no", "not now", "something is wrong", "it hurts", "ouch", "5", "3/10", "0", "11", "ten", "exercises", "hello",
    "bells", "stroke", "nothing", "a flicker", "months", "tight", "left", "dunno", "lid weight", "a month", "👍", "",
    "how do i tape my eye shut at night?", "can we do my exercises please, i would like to", "back", "why",
    "it doesn't hurt", "my eye closes when i smile", "it's spreading", "i have a headache", "i need a break", "not now",
    "that's too hard", "about three", "i'm done", "can i skip this", "my eye is sore",
)  # fmt: skip
ALARMS = (EMERGENCY, PERHAPS, SAME_DAY, "my eye is red and it hurts")
COMMANDS = ("/exercise", "/exercise", "/exercise", "/check", "/help", "/checkin")
PAUSES = (
    timedelta(minutes=1), timedelta(minutes=20), timedelta(hours=5), timedelta(hours=21), timedelta(days=8),
    timedelta(weeks=5), timedelta(weeks=14),
)  # fmt: skip


@dataclass
class Told:
    """What the person has told so far, as the walk heard it."""

    known: dict[str, Any] = field(default_factory=dict)
    onset: date | None = None
    is_shut: bool = False
    must_be_seen: bool = False
    code: bool = False
    locked: frozenset[int] = frozenset()

    def answers(self, question: str, label: str, now: datetime) -> None:
        means = dict(MEANS[question][label])
        if "weeks" in means:
            weeks = means.pop("weeks")
            if weeks is not None:
                self.onset = (now - timedelta(weeks=int(str(weeks)))).date()
        self.known.update(means)

    def standing(self, now: datetime) -> Standing:
        weeks = (now.date() - self.onset).days / 7 if self.onset else None
        return Standing(weeks=weeks, red_flag=self.is_shut, code=self.code, **self.known)


class Walk:
    """One person who does anything at all."""

    def __init__(self, chance: random.Random, names: Mapping[str, str], words: Words) -> None:
        self.chance, self.names = chance, names
        self.stale = {words("exercise.moved_on"), words("exercise.over")}
        self.shuts = (words("exercise.hurt"), words("exercise.wrong"), words("exercise.noticed"))
        self.later = words("exercise.later")
        self.now = NOW
        # Somebody who has practised before: picks take their turns by the count of sessions.
        self.patient = dataclasses.replace(known(), practice=Practice(count=chance.randrange(30)).dumps())
        self.told = Told()
        if chance.random() < 0.25:  # a therapist has opened active exercise early, shut some, or chosen a programme
            numbers = sorted({int(each[3:]) for each in names.values()})
            self.told.code, self.told.locked = chance.random() < 0.7, frozenset(chance.sample(numbers, 5))
            chosen = tuple(OwnItem(f"EX-{each:02}") for each in chance.sample(numbers, 6))
            own = OwnProgramme(chosen, 2, "", "An invented clinic", "An invented therapist", NOW)
            prescribed = Prescribed(
                code=self.told.code,
                locked=tuple(f"EX-{each:02}" for each in self.told.locked),
                own=own if chance.random() < 0.5 else None,
            )
            self.patient = dataclasses.replace(self.patient, prescribed=prescribed.dumps())
        if chance.random() < 0.3:  # what first contact heard opens nothing
            heard = (NOW - timedelta(weeks=chance.choice((1, 7, 11, 13, 60)))).date()
            self.patient = dataclasses.replace(self.patient, onset_on=heard)
        self.habit = {question: chance.choice(list(answers)) for question, answers in MEANS.items()}
        if chance.random() < 0.8:
            self.habit |= FAVOURABLE
        self.open: str | None = None
        self.latest: list[str] = []
        self.benign: list[str] = []
        self.ever: list[str] = []
        self.did: list[str] = []
        self.sessions: set[str] = set()
        self.ended: list[str] = []
        self.shown: set[int] = set()
        self.results = 0

    def goes_on_from(self, other: "Walk") -> None:
        """Begin where another walk is."""
        practice = dataclasses.replace(Practice.loads(other.patient.practice), count=self.chance.randrange(30))
        self.patient = dataclasses.replace(other.patient, practice=practice.dumps())
        self.told, self.now = dataclasses.replace(other.told, known={**other.told.known}), other.now
        self.open, self.latest, self.ever, self.did = other.open, [*other.latest], [*other.ever], [*other.did]
        self.habit = other.habit

    def chooses(self) -> str:
        """A tap (its payload), or what is typed."""
        chance = self.chance.random()
        if chance < 0.07:
            self.now += self.chance.choice(PAUSES)
        if not self.did:
            return "/exercise"
        if self.open and chance < 0.85:
            label = self.habit[self.open] if self.chance.random() < 0.95 else self.chance.choice(list(MEANS[self.open]))
            return f"exa:{self.open}:{list(MEANS[self.open]).index(label)}"
        if self.open and chance < 0.92:
            return self.chance.choice(list(TYPED[self.open]))
        if self.benign and chance < 0.75:
            return self.benign[0]
        if "ex:start" in self.latest and chance < 0.3:
            return "ex:start"
        if self.latest and chance < 0.65:
            return self.chance.choice(self.latest)
        if self.ever and chance < 0.75:
            return self.chance.choice(self.ever)
        if chance < 0.92:
            return self.chance.choice(SAYINGS)
        return self.chance.choice(ALARMS if chance > 0.985 else COMMANDS)

    def moves_on(self, patient: Patient, press: Press | None) -> None:
        """Take in how the person now stands: a button that is not of the latest message changes nothing."""
        before, self.patient = self.patient, patient
        if press is not None and press.verb in ("ex", "exs") and press.argument.count(":") == 2:
            _, id_, turn = press.argument.split(":") if press.verb == "ex" else ("", *press.argument.split(":")[:2])
            session = Practice.loads(before.practice).session
            if session is None or (session.id, str(session.turn)) != (id_, turn) or not session.is_open(self.now):
                assert patient.practice == before.practice, (self.did, press)

    def hears(self, did: str, press: Press | None, outcome: Outcome, ended: str | None) -> None:
        """Take in what a turn led to, and hold it against what may be."""
        self.did.append(did)
        texts = [reply.text for reply in outcome.replies]
        stale = not self.stale.isdisjoint(texts)
        payloads = [button.payload for reply in outcome.replies for button in reply.buttons]
        # Questionnaires are of the same kind.
        is_ours = outcome.kind is Kind.EXERCISE and (
            any(each.startswith("ex") for each in payloads) or self.later in texts
        )
        if self.open and is_ours and not stale:
            if press is not None and press.verb == "exa" and press.argument.startswith(f"{self.open}:"):
                index = int(press.argument.rpartition(":")[2])
                self.told.answers(self.open, list(MEANS[self.open])[index], self.now)
            elif press is None and did in TYPED[self.open]:
                self.told.answers(self.open, TYPED[self.open][did], self.now)
        if press is not None and press.payload == "ex:seen" and is_ours:
            self.told.is_shut = self.told.must_be_seen = False
        if texts and texts[0] in self.shuts:
            self.told.is_shut = True
        if is_ours and not stale:
            asked = [each.split(":")[1] for each in payloads if each.startswith("exa:")]
            self.open = asked[0] if asked else None
        self.latest = payloads or self.latest
        answers = {each.title: each.payload for reply in outcome.replies for each in reply.buttons}
        self.benign = [answers[each] for each in BENIGN if answers.get(each, "").startswith("ans:")]
        self.ever += payloads
        self.holds(outcome, ended)

    def holds(self, outcome: Outcome, ended: str | None) -> None:
        """Nothing shown is locked, what is kept can be read, no session is lost or kept twice, no answer is silence."""
        practice = Practice.loads(self.patient.practice)
        assert practice.dumps() == self.patient.practice, self.did
        may = permitted(self.told.standing(self.now), self.now.date()) - self.told.locked
        seen = exercises_in(outcome, self.names)
        assert seen <= may, (sorted(seen - may), self.told, self.did)
        self.shown |= seen
        assert outcome.replies or outcome.notice, self.did
        assert all(reply.text for reply in outcome.replies), self.did
        if ended is not None:
            assert ended in self.sessions, self.did
            assert ended not in self.ended, self.did
            self.ended.append(ended)
        running = {practice.session.id} if practice.session else set()
        self.sessions |= running
        assert self.sessions - set(self.ended) == running, self.did
        if self.told.is_shut:
            assert practice.session is None, self.did


def exercises_in(outcome: Outcome, names: Mapping[str, str]) -> set[int]:
    """The numbers of the exercises that an outcome shows: by picture, by its head, in an offer or as a habit."""
    found: set[str] = set()
    if outcome.kind is not Kind.EXERCISE:
        return set()
    for reply in outcome.replies:
        if reply.image is not None:
            found.add(reply.image.partition("/")[0])
        for name in re.findall(r"^\*\*\d+ of \d+: (.+)\*\*$", reply.text, re.MULTILINE):
            found.add(names[name.lower()])
        for name in re.findall(r"^- ([^:]+): ", reply.text, re.MULTILINE):
            found.add(names[name.lower()])
        for left in re.findall(r"^This session: (.+)\. It takes", reply.text, re.MULTILINE):
            for name, id_ in names.items():  # the longest first: one is the beginning of another
                if name in left:
                    found.add(id_)
                    left = left.replace(name, "")
    return {int(id_[3:]) for id_ in found}


@pytest.fixture(scope="module")
def catalogue(shelf: Shelf) -> Mapping[str, Exercise]:
    return load_exercises(CONTENT, frozenset(shelf.library.sources)).exercises


@pytest.fixture(scope="module")
def names(catalogue: Mapping[str, Exercise]) -> Mapping[str, str]:
    by_length = sorted(catalogue.values(), key=lambda each: len(each.name), reverse=True)
    return {each.name.lower(): each.id for each in by_length}


def test_the_walk_knows_every_answer_of_the_self_check(exercises: Exercises) -> None:
    asked = {each.id: [answer.label for answer in each.answers] for each in exercises._questions}
    assert asked == {question: list(answers) for question, answers in MEANS.items()}
    for question in exercises._questions:
        for word, label in TYPED[question.id].items():
            answer = question.reading(word)
            assert answer is not None
            assert answer.label == label


def test_ten_thousand_conversations(exercises: Exercises, names: Mapping[str, str], words: Words) -> None:
    checked = [after_the_self_check(Walk(random.Random(f"checked {n}"), names, words), exercises) for n in range(150)]
    shown: set[int] = set()
    sessions = 0
    for seed in range(CONVERSATIONS):
        walk = Walk(random.Random(seed), names, words)
        if walk.chance.random() < 0.8:
            walk.goes_on_from(walk.chance.choice(checked))
        for _ in range(walk.chance.randrange(5, 14)):
            one_turn(walk, exercises)
        shown |= walk.shown
        sessions += len(walk.sessions)
    # It would prove little if nobody got anywhere.
    assert sessions > CONVERSATIONS / 4
    assert {1, 2, 3, 4, 6, 9, *range(13, 18), 20, 21, *range(24, 35), 37} <= shown


def after_the_self_check(walk: Walk, exercises: Exercises) -> Walk:
    """Somebody who has answered all questions in their way."""
    one_turn(walk, exercises, "/exercise")
    while walk.open:
        one_turn(walk, exercises, f"exa:{walk.open}:{list(MEANS[walk.open]).index(walk.habit[walk.open])}")
    return walk


def one_turn(walk: Walk, exercises: Exercises, did: str | None = None) -> None:
    """One turn with the exercises alone: what the dialogue around them would do with an alarm is done here."""
    did = did or walk.chooses()
    press = parse(did)
    if did in ALARMS or (press is not None and press.verb not in ("ex", "exa", "exs")):
        if did in (EMERGENCY, SAME_DAY):
            walk.patient, left = exercises.shut(walk.patient, walk.now, must_be_seen=did == EMERGENCY)
            walk.told.is_shut, walk.open = True, None
            walk.did.append(did)
            walk.holds(Outcome(kind=Kind.TRIAGE, replies=(Reply(text="be seen"),)), left.session.id if left else None)
        return
    spoken = Said(press=press) if press is not None else said(did)
    if spoken.command is not None:
        step = exercises.begin(walk.patient, walk.now)
    else:
        heard = exercises.hear(walk.patient, spoken, walk.now)
        if heard is None:
            return
        step = heard
    walk.moves_on(step.patient, press)
    walk.hears(did, press, step.outcome, step.ended.session.id if step.ended else None)


class StubEngine(Engine):
    """An engine that answers at once: a question gets an article, "exercises" the intent, anything else nothing."""

    def __init__(self) -> None:
        """Connect to nothing."""

    async def ask(self, patient: Patient, message: str | Press, *, calm: bool = False) -> Outcome | None:
        text = message if isinstance(message, str) else ""
        if "exercises" in text:
            return Outcome(kind=Kind.EXERCISE, replies=(Reply(text="never shown"),))
        if text.endswith("?"):
            return Outcome(kind=Kind.ANSWER, topic="eating", replies=(Reply(text="An article."),))
        return Outcome(kind=Kind.FALLBACK, replies=(Reply(text="Please say that in other words."),))

    async def forget(self, patient_id: str) -> bool:
        return True


class Remembering:
    """The real screen, asked only once about each text."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._found: dict[str, Any] = {}

    def __call__(self, text: str) -> Any:
        if text not in self._found:
            self._found[text] = self._screen(text)
        return self._found[text]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._screen, name)


def test_more_conversations_through_the_whole_dialogue(
    dialogue: Dialogue, screen: Screen, names: Mapping[str, str], words: Words
) -> None:
    clock: list[datetime] = [NOW]
    whole: Any = copy.copy(dialogue)
    whole._engine, whole._clock = StubEngine(), lambda: clock[0]
    whole._safety = Safety(Remembering(screen))  # type: ignore[arg-type]

    async def talk(walk: Walk) -> None:
        for _ in range(walk.chance.randrange(20, 60)):
            did = walk.chooses()
            clock[0] = walk.now
            press = parse(did)
            turn = await whole.reply(walk.patient, Said(press=press) if press is not None else said(did))
            walk.moves_on(turn.patient, press)
            notes(walk, turn)
            walk.hears(did, press, turn.outcome, turn.practised.session.id if turn.practised else None)

    shown: set[int] = set()
    sessions = checks = results = 0
    for seed in range(WHOLE_CONVERSATIONS):
        walk = Walk(random.Random(f"whole {seed}"), names, words)
        _run(talk, walk)
        shown |= walk.shown
        sessions += len(walk.sessions)
        checks += walk.told.must_be_seen
        results += walk.results
    assert sessions > WHOLE_CONVERSATIONS / 4
    assert checks > 10
    assert results > 10
    assert len(shown) > 20


def _run(talk: Callable[[Walk], Any], walk: Walk) -> None:
    """Drive a coroutine that never waits for anything real."""
    going = talk(walk)
    try:
        going.send(None)
    except StopIteration:
        return
    raise AssertionError("the walk waited for something")


def notes(walk: Walk, turn: Turn) -> None:
    """What the dialogue has told the person about being seen, and what a finished check found out about them."""
    outcome = turn.outcome
    told = walk.told
    certain = outcome.disposition == "EMERGENCY" and not outcome.provisional
    eye_or_growing = {"U02", "U08", "U09", "U10"} & set(outcome.rules) if outcome.disposition else set()
    if outcome.disposition == "SAME_DAY" or certain or eye_or_growing:
        told.is_shut = True
        told.must_be_seen = told.must_be_seen or not outcome.provisional
        walk.open = None
    elif turn.assessed is not None and turn.assessed.ended == "result":
        walk.results += 1
        found = turn.assessed.assessment.findings
        if found.get("assessed_by_clinician") in ("yes", "no"):
            told.known["assessed"] = found["assessed_by_clinician"] == "yes"
        if found.get("any_movement_back") == "no":
            told.known["movement"] = "none"
        if "yes" in (found.get("synkinesis"), found.get("face_tight_or_pain"), found.get("eye_waters_when_eating")):
            told.known["linked"] = True
        operated = found.get("reanimation_surgery_days")
        if isinstance(operated, float) and operated < 9000 and told.known.get("operation") in (None, "none"):
            told.known["operation"] = "other"
        if found.get("surgeon_cleared") == "yes":
            told.known["cleared_on"] = walk.now.date()
        if not told.must_be_seen:
            told.is_shut = False

"""A transcript for every path of a session: what the person says, and what they hear, line for line.

`>` is typed, `]` a button of the latest message by its title, `+` time that goes by, `@` the other device from then on,
`<` what is heard (it stands somewhere in the replies), `!` how the session is kept in the diary: ending, done, skipped.
`...` takes the instructions one by one until the exercise is to be done.
"""

import dataclasses
import re
from datetime import timedelta

import pytest

from bot.dialogue import Dialogue
from bot.outcome import Kind
from bot.programme.practice import Practice
from tests.unit.dialogue.conftest import NOW, Person

CHECK = """
> /exercise
< Before we begin
] Yes
] Bell's palsy
] No
] 3 to 12 months
] Two or more things move
] {linked}
] Left
< **Small and even**
] Start now
< 1 of 3:
"""
"""Somebody in stage S2."""
BEFORE = 11
"""So many sessions came before: then there are three exercises in this one."""

PATHS = {
    "done": """
        ...
        < Done
        ] Done
        < 2 of 3:
        ...
        ] Done
        < 3 of 3:
        ...
        ] Done
        < How much effort was it?
        ] 2
        < How comfortable does your face feel now?
        ] 8
        < You did 3 of 3. That's a session.
        < Next time: once more today
        ! finished 3 0
    """,
    "typing only": """
        > ok
        ...
        > i did it
        < 2 of 3:
        > next please
        ...
        > all done
        ...
        > finished!
        < How much effort was it?
        > about three
        < How comfortable does your face feel now?
        > 7 out of 10
        < You did 3 of 3.
        ! finished 3 0
    """,
    "again": """
        ...
        < 1 of 3:
        ] Again
        < 1 of 3:
        > once more please
        < 1 of 3:
        ] Done
        < 2 of 3:
        > can you repeat that
        < 2 of 3:
    """,
    "easier": """
        ...
        ] Easier
        < A smaller way today:
        < As before
        > that's too hard
        < 1 of 3:
        > as before
        < 1 of 3:
        > stop
        < We stop here.
        < What was hard or left out comes smaller then.
        ! stopped 0 0
    """,
    "skip": """
        ] Skip
        < 2 of 3:
        > can i skip this one
        < 3 of 3:
        > skip
        < How much effort was it?
        > skip
        < You did 0 of 3, and that is fine.
        < What was hard or left out comes smaller then.
        ! finished 0 3
    """,
    "it hurts, by button": """
        ...
        ] It hurts
        < Let's stop here. Nothing in this should hurt.
        < I'll ask a few short questions
        ! hurt 0 0
        > /exercise
        < Something you told me needs care first.
    """,
    "it hurts, in words": """
        > my cheek hurts when i do that
        < Let's stop here. Nothing in this should hurt.
        ! hurt 0 0
    """,
    "it hurt, told when the effort is asked": """
        ] Skip
        ] Skip
        ] Skip
        < How much effort was it?
        > 6, and it hurt
        < Let's stop here. Nothing in this should hurt.
        ! hurt 0 3
    """,
    "a headache": """
        > i've got a headache now
        < Let's stop here for now. First I'd like to know more about that.
        ! hurt 0 0
        > /exercise
        < Something you told me needs care first.
    """,
    "dizzy": """
        > i feel a bit dizzy
        < Let's stop here for now.
        ! hurt 0 0
    """,
    "an eye that must be seen today": """
        > my eye is red
        < eye check today
        ! stopped 0 0
        > /exercise
        < Something you told me needs care first.
    """,
    "an eye that bothers": """
        > my eye is sore and gritty
        < Let's stop here for now.
        ! hurt 0 0
        > /exercise
        < Something you told me needs care first.
    """,
    "movement that spreads": """
        > more parts move together now
        < Let's stop here for now.
        ! hurt 0 0
        > /exercise
        < Something you told me needs care first.
    """,
    "a part that joins in where none did": """
        > my eye closes when i smile
        < Let's stop here for now.
        ! hurt 0 0
        > /exercise
        < Something you told me needs care first.
    """,
    "stop": """
        ...
        ] Done
        ] Stop
        < We stop here. You did 1 of 3, and that is fine.
        < Next time:
        ! stopped 1 0
        > done
        < [done]
    """,
    "stop, in words": """
        > i want to stop now
        < We stop here.
        ! stopped 0 0
    """,
    "pause, and back hours later": """
        > next
        > i need a break
        < Take your time.
        + 7
        > i'm back
        < Let's go on where we were.
        < 1 of 3:
        ...
        ] Done
        < 2 of 3:
    """,
    "the app closed, and back hours later": """
        > next
        + 9
        > /exercise
        < Let's go on where we were.
        < 1 of 3:
    """,
    "back the next day": """
        > next
        + 21
        > /exercise
        < **Small and even**
        ! stopped 0 0
    """,
    "another device": """
        ] Next
        @
        < 1 of 3:
        ] Skip
        < 2 of 3:
        @
        ] Next
        < We have moved on from there.
        > next
        < 2 of 3:
    """,
    "a question in the middle": """
        > how do i tape my eye shut at night?
        < [how do i tape my eye shut at night?]
        > next
        < 1 of 3:
    """,
    "nothing hurts": """
        > it doesn't hurt
        < [it doesn't hurt]
        > next
        < 1 of 3:
    """,
}
LINKED = """
    > my eye closes when i smile
    < A smaller way today:
    > my eye closes a lot more, it's spreading
    < Let's stop here for now.
    ! hurt 0 0
"""


class Script:
    """Plays a transcript with a clock of its own."""

    def __init__(self, person: Person, dialogue: Dialogue, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = NOW
        monkeypatch.setattr(dialogue, "_clock", lambda: self.now)
        person.patient = dataclasses.replace(person.patient, practice=Practice(count=BEFORE).dumps())
        self.person, self.other = person, Person(dialogue, person.patient)
        self.kept: list[str] = []

    async def plays(self, transcript: str) -> None:
        for line in transcript.strip().splitlines():
            sign, _, rest = line.strip().partition(" ")
            await self.does(sign, rest)

    async def does(self, sign: str, rest: str) -> None:
        match sign:
            case ">":
                self.notes(await self.person.types(rest))
            case "]":
                self.notes(await self.person.taps(self.button(rest)))
            case "...":
                while "Again" not in self.titles():
                    self.notes(await self.person.types("next"))
            case "+":
                self.now += timedelta(hours=int(rest))
            case "@":
                self.person, self.other = self.other, self.person
                self.person.patient = self.other.patient
                if self.person.turn is None:  # a chat is the same on both
                    self.person.turn, self.person.shown = self.other.turn, self.other.shown
            case "<":
                heard = self.person.heard + "\n" + "\n".join(self.titles())
                assert rest in heard, (rest, heard)
            case "!":
                assert self.kept[-1:] == [rest]
            case _:
                raise AssertionError(f"no such line: {sign} {rest}")

    def notes(self, _: object) -> None:
        turn = self.person.turn
        assert turn is not None
        if turn.practised is not None:
            session = turn.practised.session
            self.kept.append(f"{turn.practised.ended} {len(session.done)} {len(session.skipped)}")

    def titles(self) -> list[str]:
        assert self.person.turn is not None
        return [button.title for reply in self.person.turn.outcome.replies for button in reply.buttons]

    def button(self, title: str) -> str:
        assert self.person.turn is not None
        all_ = [button for reply in self.person.turn.outcome.replies for button in reply.buttons]
        return next(button.payload for button in all_ if button.title == title)


@pytest.fixture
def script(person: Person, dialogue: Dialogue, monkeypatch: pytest.MonkeyPatch) -> Script:
    return Script(person, dialogue, monkeypatch)


@pytest.mark.parametrize("path", PATHS)
async def test_a_path_of_a_session(script: Script, path: str) -> None:
    await script.plays(CHECK.format(linked="No"))
    await script.plays(PATHS[path])
    assert len(script.kept) == len(set(re.findall(r"! .*", PATHS[path]))), "a session is kept once, when it ends"


async def test_where_parts_are_linked_already_one_that_joins_in_makes_it_smaller(script: Script) -> None:
    await script.plays(CHECK.format(linked="Yes").replace("**Small and even**", "**Let go and unlink**"))
    await script.plays(LINKED)


async def test_what_joined_in_is_asked_about_before_exercises_open_again(script: Script) -> None:
    """Whoever told of a new link meets the self-check again, though a check found nothing to be seen for."""
    await script.plays(CHECK.format(linked="No"))
    await script.plays("> my eye closes when i smile")
    practice = Practice.loads(script.person.patient.practice)
    assert practice.closed_at == NOW
    assert not practice.must_be_seen
    assert "linked" not in practice.asked
    assert practice.checked_at is None
    await script.plays("> stop")
    assert script.person.turn is not None
    seen = script.person
    await seen.types("/exercise")
    await seen.taps("ex:seen")
    assert "Does your face" in seen.heard or "move" in seen.heard
    assert any(each.startswith("exa:movement") for each in seen.offered)


@pytest.mark.parametrize("said", ["my eye is sore", "i have a headache", "my neck hurts"])
async def test_something_not_right_told_at_the_offer_starts_nothing(script: Script, said: str) -> None:
    await script.plays(CHECK.format(linked="No").partition("] Start now")[0])
    outcome = await script.person.types(said)
    assert outcome.kind is Kind.TRIAGE
    assert "Let's leave the exercises for now." in script.person.heard
    assert Practice.loads(script.person.patient.practice).closed_at == NOW


async def test_hours_after_the_last_move_a_complaint_is_not_taken_to_come_from_it(script: Script) -> None:
    await script.plays(CHECK.format(linked="No"))
    await script.plays("+ 5\n> my knee hurts\n< [my knee hurts]\n> it hurts\n< Nothing in this should hurt.")


async def test_the_next_time_is_never_beyond_what_the_programme_asks_for(script: Script) -> None:
    await script.plays(CHECK.format(linked="No"))
    for number, heard in enumerate(("once more today", "once more today", "tomorrow, or when it suits you")):
        if number:
            await script.plays("+ 2\n> /exercise\n] Start now")
        await script.plays(f"> stop\n< Next time: {heard}")
    assert len(Practice.loads(script.person.patient.practice).recent) == 3
    await script.plays("+ 24\n> /exercise\n] Start now\n> stop\n< Next time: once more today")
    assert len(Practice.loads(script.person.patient.practice).recent) == 2, "of a day that is over one is enough"


async def test_late_in_the_day_the_next_time_is_tomorrow(script: Script) -> None:
    await script.plays("+ 9\n" + CHECK.format(linked="No").strip() + "\n> stop\n< Next time: tomorrow")

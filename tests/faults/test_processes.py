"""Each process of the stack killed, held still and starved while people write: all are answered, and it comes back.

`septimus run` is real, and so is every process but the engine, whose stand-in is up in a second. Its waits are shorter
than in use: four seconds without an answer count as hung.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Collection

import pytest

from tests.e2e.gateway_process import Person
from tests.faults.conftest import NewPeople
from tests.faults.engine_stand_in import MARK
from tests.faults.system import IN_USE, MODULES, System, patience, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

IN_TIME = 6.0
"""Seconds for an answer while the engine hangs: it is waited for 1.5 s here, and the machine may be busy."""


def quiet(system: System, ids: Collection[int]) -> None:
    telegram, gateway = system.telegram, system.gateway
    until(lambda: telegram.waiting() == 0 and gateway.is_idle(ids), "nothing is left to do", 60, every=0.1)


def by_the_engine(system: System, someone: Person, question: str) -> None:
    """Ask until the engine answers: after a fault it is left alone for 3 s."""

    def asked() -> bool:
        before = len(someone.replies())
        someone.says(question)
        return MARK in someone.gets(before + 1, 30 * patience())[-1]

    until(asked, "the engine answers", 60, every=0.5)


@pytest.mark.parametrize("hung", ["engine", "actions"])
def test_while_engine_or_action_server_hangs_people_get_the_plain_answer_and_it_is_started_again(
    system: System, people: NewPeople, questions: list[str], hung: str
) -> None:
    someone, *crowd = people(system.gateway, system.telegram, 9)
    by_the_engine(system, someone, questions[0])
    before = system.telegram.last_call()
    held = system.signal(hung, signal.SIGSTOP)
    asked_at = {}
    for each in crowd:
        asked_at[each.id] = time.time()
        each.says(questions[1])
    ids = {each.id for each in crowd}
    until(lambda: len(system.telegram.accepted(ids, before)) == len(crowd), "all are answered")
    calls = [call for call in system.telegram.sends(ids, before) if call["code"] == 200]
    waits = [call["time"] - asked_at[call["params"]["chat_id"]] for call in calls]
    print(f"the longest wait while the {hung} hung: {max(waits):.1f} s")  # seen with -rP
    assert max(waits) < IN_TIME * patience()
    assert all(questions[1] in call["params"]["text"] and MARK not in call["params"]["text"] for call in calls)
    system.started_again(hung, held)
    by_the_engine(system, someone, questions[0])


@pytest.mark.parametrize("hung", ["gateway", "desk", "sandbox"])
def test_any_other_process_that_hangs_is_started_again(
    system: System, people: NewPeople, questions: list[str], hung: str
) -> None:
    (someone,) = people(system.gateway, system.telegram, 1)
    held = system.signal(hung, signal.SIGSTOP)
    if hung == "gateway":
        someone.says(questions[0])
    system.started_again(hung, held)
    if hung != "gateway":
        someone.says(questions[0])
    someone.gets(seconds=30 * patience())


def test_an_engine_that_the_kernel_ends_under_load_is_started_again_and_nobody_waits_for_it(
    system: System, people: NewPeople, questions: list[str]
) -> None:
    """Out of memory: the kernel's way is SIGKILL, at the worst moment."""
    crowd = people(system.gateway, system.telegram, 8)
    ids = {each.id for each in crowd}
    by_the_engine(system, crowd[0], questions[0])
    quiet(system, ids)
    before = system.telegram.last_call()
    asked = [(each, question) for question in questions[1:7] for each in crowd]
    for number, (each, question) in enumerate(asked):
        each.says(question)
        if number == len(asked) // 3:
            killed = system.signal("engine", signal.SIGKILL)
    until(lambda: len(system.telegram.accepted(ids, before)) == len(asked), "all are answered", every=0.1)
    quiet(system, ids)
    came = system.telegram.accepted(ids, before)
    assert Counter(came) == Counter((each.id, question) for each, question in asked)
    for each in crowd:
        assert [found for chat, found in came if chat == each.id] == questions[1:7], "each in order"
    system.started_again("engine", killed)
    by_the_engine(system, crowd[0], questions[0])
    noted = json.loads((system.home / "run" / "restarts.json").read_text())
    assert noted["engine"]["how"] == "signal 9"


def test_kills_of_every_process_at_random_under_load_lose_nothing(
    system: System, people: NewPeople, questions: list[str]
) -> None:
    """The sandbox is spared here: what Telegram has not handed over yet, it alone holds."""
    moments = random.Random(8)
    crowd = people(system.gateway, system.telegram, 6)
    ids = {each.id for each in crowd}
    before = system.telegram.last_call()
    kills = ["gateway", "actions", "engine", "desk", "gateway", "engine"]
    moments.shuffle(kills)
    asked = 0
    killed: dict[str, int] = {}
    for name in kills:
        for question in questions[asked : asked + 3]:
            for each in crowd:
                each.says(question)
        asked += 3
        time.sleep(moments.uniform(0, 0.4))  # the moment is what is drawn
        if name in killed:
            system.started_again(name, killed[name])
        killed[name] = system.signal(name, signal.SIGKILL)
    for name, former in killed.items():
        system.started_again(name, former)
    wanted = {(each.id, question) for each in crowd for question in questions[:asked]}
    until(lambda: set(system.telegram.accepted(ids, before)) >= wanted, "all are answered", 90, every=0.2)
    quiet(system, ids)
    came = Counter(system.telegram.accepted(ids, before))
    doubled = [answer for answer, times in came.items() if times > 1]
    print(f"{len(wanted)} asked, {len(kills)} kills, came twice: {len(doubled)}")  # seen with -rP
    assert set(came) == wanted
    assert max(came.values()) == 1 or len(doubled) <= kills.count("gateway") * len(crowd)
    for each in crowd:
        got = [
            found for found, _ in Counter(f for c, f in system.telegram.accepted(ids, before) if c == each.id).items()
        ]
        assert got == questions[:asked], "each in order"


def test_after_a_kill_of_the_sandbox_the_gateway_goes_on_with_the_new_one(
    system: System, people: NewPeople, questions: list[str]
) -> None:
    (someone,) = people(system.gateway, system.telegram, 1)
    killed = system.signal("sandbox", signal.SIGKILL)
    system.started_again("sandbox", killed)
    someone.says(questions[0])
    someone.gets(seconds=60 * patience())


def test_it_stops_soon_although_a_process_hangs(system: System) -> None:
    """The last one here: the others need a system that runs."""
    system.signal("engine", signal.SIGSTOP)
    asked_at = time.monotonic()
    assert system.stop() == 0
    assert time.monotonic() - asked_at < 25 * patience()
    assert not any(system.answers(name) for name in IN_USE)


def test_what_a_killed_run_leaves_behind_answers_on_until_the_next_start_which_ends_it(
    system: System, people: NewPeople, questions: list[str]
) -> None:
    if not system.runs:  # a test before may have ended it
        system.start()
    (someone,) = people(system.gateway, system.telegram, 1)
    until(lambda: all(map(system.pid, MODULES)), "all run")
    former = {name: system.pid(name) for name in MODULES}
    system.kill()
    someone.says(questions[0])
    someone.gets(seconds=30 * patience())
    system.start()
    for name, pid in former.items():
        assert system.pid(name) not in (None, pid)
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid or 0), 0)
    (other,) = people(system.gateway, system.telegram, 1)
    other.says(questions[0])
    other.gets(seconds=30 * patience())

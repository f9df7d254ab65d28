"""People of every kind at once while processes die: nothing lost, next to nothing twice, everybody where they would be.

`bench/load.py` does the same at full size.
"""

import asyncio

import pytest

from bench.load import Running, counted, differences, run_load, states, unexplained
from tests.whole.conftest import System

pytestmark = [pytest.mark.e2e, pytest.mark.engine, pytest.mark.timeout(600)]

PEOPLE = 30
# Its first three kills are of the gateway, the engine and the action server.
SEED = 7


def test_a_minute_of_load_with_three_kills_ends_as_a_quiet_one(system: System) -> None:
    running = Running(system.home, system.chat, system.process.pid)
    quiet = asyncio.run(run_load(running, people=PEOPLE, seconds=20, seed=SEED, first_user=50_001, pace=0.3))
    killed = asyncio.run(
        run_load(running, people=PEOPLE, seconds=60, seed=SEED, kill_every=20, first_user=60_001, pace=0.3)
    )
    calm, hard = counted(running, quiet), counted(running, killed)
    print(f"{hard['messages']} messages, {hard['kills']}, {len(hard['doubled'])} twice")  # seen with -rP
    assert calm["lost"] == calm["doubled"] == calm["came_to_nothing"] == []
    assert len(killed.watch.kills) == 3
    assert hard["lost"] == []
    assert hard["came_to_nothing"] == []
    assert len(hard["doubled"]) <= len(killed.watch.kills)
    told_plain = sorted({*calm["told_plain"], *hard["told_plain"]})
    ended = [asyncio.run(states(running, each)) for each in (quiet, killed)]
    assert unexplained(differences(ended[0], ended[1], told_plain)) == []

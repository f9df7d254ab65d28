"""`septimus replay` and `septimus converse`: JSON lines in, JSON lines out, through the one door."""

import dataclasses
import json
import re
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.dialogue import Said, said
from bot.outcome import Outcome
from bot.patient import Patient
from bot.payload import parse
from bot.programme.gate import Standing
from bot.programme.known import learnt
from bot.programme.practice import Practice
from bot.stack.door import Door, MovableClock

_DAILY = re.compile(r"daily (\d{2}:\d{2})")


class BadLine(ValueError):
    """A line that can't be used; the message says which, and why."""


def read_lines(lines: Iterable[str], *, needs: tuple[str, ...]) -> Iterable[Mapping[str, Any]]:
    """Yield the JSON objects of non-empty lines.

    Raises:
        BadLine: a line is no JSON object, or lacks a needed field.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except ValueError as error:
            raise BadLine(f"line {number} is not JSON: {error}") from error
        missing = [name for name in needs if not isinstance(item, dict) or name not in item]
        if missing:
            raise BadLine(f"line {number} lacks {', '.join(missing)}")
        yield item


async def replay(door: Door, items: Iterable[Mapping[str, Any]]) -> AsyncIterator[dict[str, Any]]:
    """Answer each text as the first message of a new person, in order."""
    for item in items:
        person = await door.someone(country=item.get("country"))
        begun = time.perf_counter()
        turn = await door.say(person, said(str(item["text"])))
        taken = (time.perf_counter() - begun) * 1000
        yield {"id": item["id"], **turn.outcome.measured(), "latency_ms": round(taken, 1)}


async def converse(
    door: Door, clock: MovableClock, items: Iterable[Mapping[str, Any]]
) -> AsyncIterator[dict[str, Any]]:
    """Lead whole conversations, each by a person of its own, with a clock that the file moves."""
    for item in items:
        person = await door.someone(
            country=item.get("country"), for_whom=item.get("for_whom", "self"), new=bool(item.get("new"))
        )
        person = _known(person, item, clock())
        person = await door.plan(person, [_wish(each) for each in item.get("reminders", ())])
        shown: list[Outcome] = []
        turns: list[dict[str, Any]] = []
        for turn in item["turns"]:
            until = clock.now + timedelta(hours=float(turn.get("after_hours", 0)))
            async for at, push in door.let_pass(person, until):
                shown.append(push.outcome)
                turns.append({"at": at.isoformat(), "user": None, "push": True, **push.outcome.measured()})
            spoken = _spoken(turn, shown)
            result = await door.say(person, spoken)
            person = result.patient
            shown.append(result.outcome)
            user = turn.get("say", turn.get("press"))
            turns.append({"at": clock.now.isoformat(), "user": user, "push": False, **result.outcome.measured()})
        yield {"id": item["id"], "turns": turns}


def _wish(rule: str) -> str:
    """A line's `daily 08:00` in words; anything else is in words already."""
    daily = _DAILY.fullmatch(rule.strip())
    return f"remind me to do my exercises every day at {daily[1]}" if daily else rule


def _known(person: Patient, item: Mapping[str, Any], now: datetime) -> Patient:
    """The person with what the line says is known of them; `exercises_unlocked` is a therapist's code and a check."""
    known: Mapping[str, Any] = item.get("known", {})
    standing = learnt(Standing(), known, now.date())
    side = {"L": "left", "R": "right"}.get(str(known.get("side")))
    told = {"assessed": standing.assessed, "cause": standing.cause, "operation": standing.operation,
            "movement": standing.movement, "linked": standing.linked, "side": side}  # fmt: skip
    asked = tuple(name for name, value in told.items() if value is not None)
    practice = Practice(standing=standing, asked=asked, weak_side=side)  # type: ignore[arg-type]
    if item.get("exercises_unlocked"):
        operated = standing.operation is None and standing.cause not in ("surgery", "tumour", "vs")
        standing = dataclasses.replace(standing, code=True, operation="none" if operated else standing.operation)
        practice = dataclasses.replace(practice, standing=standing, asked=(*told, "weeks"), checked_at=now)
    weeks = known.get("weeks_since_onset", float(known["onset_hours"]) / 168 if "onset_hours" in known else None)
    began = (now - timedelta(weeks=float(weeks))).date() if weeks is not None else None
    practice = dataclasses.replace(practice, began_on=began)
    return dataclasses.replace(
        person,
        onset_on=began,
        practice=practice.dumps() if known or item.get("exercises_unlocked") else None,
        # Without either there is no local time to keep, and nobody here to ask.
        zone=item.get("zone") or ("UTC" if item.get("reminders") and not item.get("country") else None),
    )


def _spoken(turn: Mapping[str, Any], shown: list[Outcome]) -> Said:
    if "say" in turn:
        return said(str(turn["say"]))
    title = str(turn.get("press"))
    for outcome in reversed(shown):
        for reply in reversed(outcome.replies):
            for button in reply.buttons:
                if button.title == title:
                    return Said(press=parse(button.payload))
    raise BadLine(f"no message so far has a button '{title}'")

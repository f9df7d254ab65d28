"""The commands the product is measured through: JSON lines in, JSON lines out, in order, whatever stands in them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.knowledge.library import load_library
from bot.outcome import Kind
from bot.settings import CONTENT
from tests.whole.conftest import ROOT, System

pytestmark = [pytest.mark.e2e, pytest.mark.engine, pytest.mark.timeout(400)]

FIELDS = {
    "id", "kind", "topic", "article", "alternatives", "disposition", "provisional", "out_of_scope", "findings", "rules",
    "ruleset", "asks_red_flags", "replies", "latency_ms",
}  # fmt: skip
DISPOSITIONS = {"EMERGENCY", "SAME_DAY", "URGENT", "ROUTINE", "SELF_CARE", None}
BANKS = ROOT / "tests" / "banks"


def septimus(system: System | None, *arguments: str, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    home = {"SEPTIMUS_HOME": str(system.home)} if system else {}
    ended = subprocess.run(
        [sys.executable, "-m", "bot", *arguments, *(["--attach"] if system else [])],
        cwd=ROOT,
        env={**os.environ, **home},
        input="".join(json.dumps(line) + "\n" for line in lines),
        capture_output=True,
        text=True,
        timeout=380,
    )
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


def bank(*names: str) -> list[dict[str, Any]]:
    texts = [line for name in names for line in (BANKS / name).read_text(encoding="utf-8").splitlines()]
    return [{"id": item["id"], "text": item["text"]} for item in map(json.loads, texts)]


def test_more_than_300_lines_are_answered_in_order_without_an_error(system: System) -> None:
    asked = [*bank("off_topic.jsonl"), *bank("urgency.jsonl")]
    assert len(asked) > 300
    answered = septimus(system, "replay", lines=asked)
    assert [each["id"] for each in answered] == [each["id"] for each in asked]
    topics = load_library(CONTENT).topics
    for each in answered:
        assert set(each) >= FIELDS, each["id"]
        assert each["kind"] in set(Kind), each["id"]
        assert each["disposition"] in DISPOSITIONS, each["id"]
        assert each["topic"] is None or each["topic"] in topics, each["id"]
        assert set(each["alternatives"]) <= topics, each["id"]
        assert each["replies"] and all(reply["text"] for reply in each["replies"]), each["id"]


def test_replay_starts_what_it_needs_and_stops_it_again() -> None:
    (answer,) = septimus(None, "replay", lines=[{"id": "a", "text": "how do i tape my eye shut at night"}])
    assert (answer["id"], answer["kind"], answer["article"]) == ("a", "answer", "eye-taping")
    assert answer["replies"][0]["text"].startswith("**")


def test_a_line_that_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "lines").write_text('{"id": 1, "text": "hi"}\nnot json\n')
    ended = subprocess.run(
        [sys.executable, "-m", "bot", "replay", str(tmp_path / "lines")], cwd=ROOT, capture_output=True, text=True
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("line 2 is not JSON")


def test_whole_conversations_are_led_by_words_and_buttons(system: System) -> None:
    conversations = [
        {
            "id": "newcomer",
            "new": True,
            "turns": [
                {"say": "how do i tape my eye shut?"},
                {"press": "Yes, that's fine"},
                {"press": "For me"},
                {"say": "43"},
                {"press": "United States"},
                {"press": "Skip"},
                {"press": "Skip"},
                {"press": "Tell me more"},
            ],
        },
        {
            "id": "alarm",
            "country": "GB",
            "now": "2026-11-22T10:00:00+00:00",
            "turns": [
                {"say": "my arm feels weird, how do i sleep on my side"},
                {"press": "No"},
                {"say": "my speech is slurred and my arm is weak", "after_hours": 2},
            ],
        },
    ]
    newcomer, alarm = septimus(system, "converse", lines=conversations)
    assert newcomer["turns"][0]["article"] == "eye-taping"
    assert newcomer["turns"][6]["replies"][0]["text"].startswith("Thank you.")
    assert "### Do" in newcomer["turns"][7]["replies"][0]["text"]
    first, second, third = alarm["turns"]
    assert (first["kind"], first["provisional"]) == ("triage", True)
    assert second["topic"] == "sleep"
    assert (third["kind"], third["disposition"], third["at"]) == ("emergency", "EMERGENCY", "2026-11-22T12:00:00+00:00")
    assert "999" in third["replies"][0]["text"]


def test_reminders_come_as_pushes_at_their_own_moment(system: System) -> None:
    reminded = {
        "id": "reminded",
        "country": "GB",
        "now": "2026-11-22T07:00:00+00:00",
        "reminders": ["daily 08:00"],
        "turns": [
            {"press": "In 30 minutes", "after_hours": 1.25},
            {"say": "i'm in new york now", "after_hours": 1},
            {"say": "stop for a week", "after_hours": 24},
            {"say": "my reminders", "after_hours": 72},
        ],
    }
    [answered] = septimus(system, "converse", lines=[reminded])
    assert [(turn["push"], turn["user"], turn["at"]) for turn in answered["turns"]] == [
        (True, None, "2026-11-22T08:00:00+00:00"),
        (False, "In 30 minutes", "2026-11-22T08:15:00+00:00"),
        (True, None, "2026-11-22T08:45:00+00:00"),
        (False, "i'm in new york now", "2026-11-22T09:15:00+00:00"),
        (False, "stop for a week", "2026-11-23T09:15:00+00:00"),
        (False, "my reminders", "2026-11-26T09:15:00+00:00"),
    ]
    assert {turn["kind"] for turn in answered["turns"]} == {"reminder"}
    assert "Mon 30 Nov, 08:00" in answered["turns"][-1]["replies"][0]["text"]

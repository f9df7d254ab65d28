"""`septimus referral`: one JSON line out for each line in."""

import json
from pathlib import Path

from typer.testing import CliRunner

from bot.cli import app
from bot.referral.proposal import check_referrals

GOOD = {"id": "a", "text": "Left Bell's palsy since 12/09/2026, HB 5. R arm weakness today.", "received": "2026-11-19"}


def test_each_line_is_answered_and_a_malformed_one_is_named() -> None:
    lines = [
        json.dumps(GOOD),
        "no json",
        json.dumps({"id": "b", "text": "x"}),
        "[]",
        "",
        json.dumps({**GOOD, "id": "c"}),
    ]
    result = CliRunner().invoke(app, ["referral"], input="\n".join(lines))
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 1
    assert [each.get("id") for each in answers] == ["a", None, "b", None, "c"]
    assert "line 2" in answers[1]["error"]
    assert "line 3 can't be used: it lacks received" in answers[2]["error"]
    first = answers[0]
    assert (first["band"], first["onset"], first["side"], first["cause"], first["grade"]) == (
        "P0", "2026-09-12", "L", "bells", "HB 5",
    )  # fmt: skip
    assert first["findings"]["arm_or_leg_weak"] == {"value": "yes", "quote": "R arm weakness today"}
    assert first["rules"][0] == "E02"
    assert first["rules"][-1] == "P0-today"
    assert first["missing"] == ["eye status"]


def test_good_lines_alone_end_well() -> None:
    assert CliRunner().invoke(app, ["referral"], input=json.dumps(GOOD)).exit_code == 0


def test_the_content_of_referrals_has_no_problems(content: Path) -> None:
    assert check_referrals(content) == []

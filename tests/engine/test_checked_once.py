"""Whether what an action server answers is checked as Rasa checks it. Run in the engine's Python."""

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / "engine" / ".venv" / "bin" / "python"
pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

CODE = """
import json
from jsonschema import ValidationError
from rasa.core.actions.action import RemoteAction
from engine.checked_once import check_schema_once

slot = {"event": "slot", "name": "stage", "value": "early", "timestamp": None}
ANSWERS = [
    {"events": [], "responses": []},
    {"events": [slot], "responses": [{"text": "t"}]},
    {},
    {"events": [{**slot, "name": 3}]},
    {"events": [{**slot, "event": "no such event"}]},
    {"events": {}},
    {"events": [7]},
    {"responses": "none"},
    {"responses": [7]},
    [],
    None,
]


def verdicts():
    action, found = RemoteAction("a", None), []
    for answer in ANSWERS:
        try:
            found.append(action._validate_action_result(answer))
        except ValidationError as wrong:
            found.append([wrong.validator, list(wrong.absolute_path)])
    return found

before = verdicts()
check_schema_once()
print(json.dumps([before, verdicts()]))
"""


def test_an_answer_is_refused_where_rasa_refuses_it_and_for_the_same_reason() -> None:
    if not PYTHON.exists():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("the engine's environment is missing")
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
    ended = subprocess.run(
        [str(PYTHON), "-c", CODE], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    before, after = json.loads(ended.stdout.strip().splitlines()[-1])
    assert after == before
    assert after[:3] == [True, True, True]
    assert all(isinstance(verdict, list) for verdict in after[3:])

"""What is served keeps to the committed figures in cross-validation; `make understanding` shows all of them."""

import json
import os
import subprocess

import pytest

from tests.engine.test_engine import PYTHON, ROOT

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1500)]


def test_the_served_pipeline_keeps_the_committed_thresholds() -> None:
    if not PYTHON.exists():
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs the engine's environment")
        pytest.skip("the engine's environment is not installed (make setup)")
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", "TF_CPP_MIN_LOG_LEVEL": "3"}
    ended = subprocess.run(
        [str(PYTHON), "-m", "engine.compare", "--check"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=1400,
    )
    assert ended.stdout.strip(), ended.stderr[-2000:]
    measured = json.loads(ended.stdout.strip().splitlines()[-1])
    assert measured["crossed"] == []
    assert ended.returncode == 0

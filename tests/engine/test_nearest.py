"""Eight-bit cosines beside those of single precision. Run in the engine's Python."""

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / "engine" / ".venv" / "bin" / "python"
pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

CODE = """
import json, pickle
import numpy as np
from engine.components.nearest import Nearest

chance = np.random.default_rng(7)

def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

examples = unit(chance.normal(size=(600, 768)))
examples[17] = unit(np.eye(768)[:1])  # all of it in one channel: the worst there is for one scale an example
groups = np.array(["one"] + ["two"] * 2 + ["many"] * 597)
chance.shuffle(groups)
messages = unit(examples[:200] + chance.normal(scale=0.03, size=(200, 768)))

def plainly(message, group):
    return float(np.sort(examples[groups == group] @ message)[-3:].mean())

nearest = Nearest(examples, groups)
wanted = [[plainly(message, group) for group in nearest.groups] for message in messages]
found = np.vstack([nearest(message[None]) for message in messages])
off = np.abs(found - np.array(wanted))
kept = pickle.loads(pickle.dumps(nearest))
print(json.dumps({
    "groups": list(nearest.groups),
    "most": float(off.max()),
    "usual": float(off.std()),
    "alone_as_together": bool(np.allclose(found, nearest(messages), atol=1e-6)),
    "kept": bool(np.array_equal(kept(messages), found)),
    "nothing": nearest(np.zeros((1, 768), dtype=np.float32)).tolist(),
}))
"""


def test_what_is_near_is_told_as_single_precision_tells_it() -> None:
    if not PYTHON.exists():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("the engine's environment is missing")
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
    ended = subprocess.run(
        [str(PYTHON), "-c", CODE], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    told = json.loads(ended.stdout.strip().splitlines()[-1])
    assert told["groups"] == ["many", "one", "two"]
    assert told["most"] < 0.01
    assert told["usual"] < 0.001
    assert told["alone_as_together"]
    assert told["kept"]
    assert told["nothing"] == [[0.0, 0.0, 0.0]]

"""Only what a killed run left behind is ended: no process of a run that lives, and none that only has the number."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.stack import left_over

_CHILD = [sys.executable, "-c", "import time; time.sleep(60)"]
_PARENT = """
import subprocess, sys
from pathlib import Path
from bot.stack import left_over
child = subprocess.Popen([sys.executable, "-c", {code!r}], start_new_session=True)
print(child.pid, flush=True)
left_over.note(Path({run!r}), {{"engine": child.pid}})
print("noted", flush=True)
sys.stdin.read()
"""

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells of its processes so")


def orphan(run: Path, code: str = "import time; time.sleep(60)") -> int:
    """A child whose parent noted it, and was killed."""
    source = _PARENT.format(code=code, run=str(run))
    with subprocess.Popen([sys.executable, "-c", source], stdin=-1, stdout=-1, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert parent.stdout.readline() == "noted\n"
        parent.kill()
    return child


def lives(pid: int) -> bool:
    return left_over._parent_and_begin(pid) is not None


def test_what_a_killed_parent_left_is_ended(tmp_path: Path) -> None:
    child = orphan(tmp_path)
    assert lives(child)
    assert left_over.end_left_over(tmp_path, 10) == ["engine"]
    assert not lives(child)
    assert left_over.end_left_over(tmp_path, 10) == []


def test_one_that_does_not_listen_is_made_to(tmp_path: Path) -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('deaf', 'w'); time.sleep(60)"
    child = orphan(tmp_path, f"import os; os.chdir({str(tmp_path)!r}); {code}")
    while not (tmp_path / "deaf").exists():
        time.sleep(0.02)
    assert left_over.end_left_over(tmp_path, 0.3) == ["engine"]
    assert not lives(child)


def test_what_has_a_living_parent_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(_CHILD, start_new_session=True) as child:
        left_over.note(tmp_path, {"engine": child.pid})
        assert left_over.end_left_over(tmp_path, 1) == []
        assert child.poll() is None
        child.kill()


def test_a_process_that_only_has_the_number_is_left_alone(tmp_path: Path) -> None:
    child = orphan(tmp_path)
    noted = json.loads((tmp_path / left_over.FILE).read_text())
    noted["processes"]["engine"][1] -= 1
    (tmp_path / left_over.FILE).write_text(json.dumps(noted))
    try:
        assert left_over.end_left_over(tmp_path, 1) == []
        assert lives(child)
    finally:
        os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize(
    "noted", ["", "{}", "[]", '{"of": 1, "processes": {"a": 7}}', '{"of": 1, "processes": []}', "x"]
)
def test_a_note_that_can_not_be_read_ends_nothing(tmp_path: Path, noted: str) -> None:
    (tmp_path / left_over.FILE).write_text(noted)
    assert left_over.end_left_over(tmp_path, 1) == []

"""Log files stay small, and no line is torn or doubled."""

import subprocess
import sys
from pathlib import Path

import pytest

from bot.stack.log_files import rotate


def test_what_is_too_large_is_put_aside_and_the_oldest_goes(tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    (tmp_path / "small.log").write_text("small\n")
    for number in range(5):
        log.write_text(f"{number}" * 11)
        assert rotate(tmp_path, largest=10, kept=3) == ["gateway"]
    assert log.read_text() == ""
    assert [(tmp_path / f"gateway.log.{number}").read_text()[0] for number in (1, 2, 3)] == ["4", "3", "2"]
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "gateway.log", "gateway.log.1", "gateway.log.2", "gateway.log.3", "small.log",
    ]  # fmt: skip
    assert rotate(tmp_path, largest=10, kept=3) == []


def test_a_process_goes_on_writing_into_its_emptied_file(tmp_path: Path) -> None:
    log = tmp_path / "engine.log"
    writes = (
        "import sys\nfor line in sys.stdin:\n    print(line, end='', flush=True)\n    print('done', file=sys.stderr)"
    )
    with (
        log.open("ab") as output,
        subprocess.Popen(
            [sys.executable, "-c", writes], stdin=subprocess.PIPE, stdout=output, stderr=subprocess.PIPE, text=True
        ) as process,
    ):
        assert process.stdin is not None and process.stderr is not None
        for line in ("before\n", "after\n"):
            process.stdin.write(line)
            process.stdin.flush()
            assert process.stderr.readline() == "done\n"
            if line == "before\n":
                assert rotate(tmp_path, largest=1) == ["engine"]
        process.stdin.close()
    assert log.read_bytes() == b"after\n", "without a gap of zeros where the old lines stood"
    assert (tmp_path / "engine.log.1").read_bytes() == b"before\n"


def test_a_log_that_cannot_be_copied_stays_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "desk.log"
    log.write_text("words " * 9)

    def full(*_: object) -> None:
        (tmp_path / "desk.log.part").write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(OSError, match="No space"):
        rotate(tmp_path, largest=10)
    assert log.read_text() == "words " * 9
    assert [each.name for each in tmp_path.iterdir()] == ["desk.log"]

"""The database full, read-only, locked: the real gateway goes on, loses nothing, and recovers by itself.

What people write meanwhile stays at Telegram. Whoever may be in danger is answered all the same.
"""

from __future__ import annotations

import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from bot.words import Words
from tests.e2e.gateway_process import Gateway, Person, Telegram
from tests.faults.conftest import NewPeople
from tests.faults.system import Patient, mounted, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

EMERGENCY = "my face dropped and now my arm is weak and I can't speak"
FILES = ("septimus.db", "septimus.db-wal", "septimus.db-shm")

type Spoil = Callable[[Gateway], AbstractContextManager[None]]


@contextmanager
def full_disk(gateway: Gateway) -> Iterator[None]:
    """Every block of the data folder's own file system is taken, to the last."""
    filler = gateway.home / "filler"
    with filler.open("wb", buffering=0) as hole:
        for size in (1 << 16, 4096, 1):
            try:
                while hole.write(b"x" * size):
                    pass
            except OSError:
                continue
    yield
    filler.unlink()


@contextmanager
def no_bigger_files(gateway: Gateway) -> Iterator[None]:
    """The kernel lets the process write no byte beyond the first 4,096 of any file: database, journal and log."""
    assert gateway._process is not None
    pid = gateway._process.pid
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, hard))
    yield
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


@contextmanager
def read_only(gateway: Gateway) -> Iterator[None]:
    """The files can't be changed by anybody, root included, nor through what is open already.

    SQLite's index of its journal is mapped memory. Where that is written to first the kernel ends the process with
    SIGBUS, as it would on a disk that fails; so what supervises the gateway is needed here.
    """
    files = [str(gateway.home / name) for name in FILES if (gateway.home / name).exists()]
    made = subprocess.run(["chattr", "+i", *files], capture_output=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"files can't be made immutable here: {made.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", *files], check=True)


@contextmanager
def read_only_unread(gateway: Gateway) -> Iterator[None]:
    """The same, just after a commit that nobody has read: whoever reads next writes in the index."""
    other = sqlite3.connect(gateway.home / "septimus.db")
    with other:
        other.execute("UPDATE facts SET value = value")
    with read_only(gateway):
        yield
    other.close()


@contextmanager
def locked(gateway: Gateway) -> Iterator[None]:
    """Another program holds SQLite's write lock, and does not let go."""
    other = sqlite3.connect(gateway.home / "septimus.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


_SPOILS = [full_disk, no_bigger_files, read_only, read_only_unread, locked]


@pytest.fixture
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    if "full_disk" not in request.node.callspec.id:
        yield tmp_path
        return
    try:
        with mounted(tmp_path / "small", "-o", "size=16m") as folder:
            yield folder
    except PermissionError as reason:
        pytest.skip(str(reason))


@pytest.mark.skipif(sys.platform != "linux", reason="the faults are Linux's")
@pytest.mark.parametrize("spoil", _SPOILS, ids=lambda each: each.__name__)
def test_what_comes_while_the_database_takes_nothing_is_answered_when_it_does(
    telegram: Telegram, people: NewPeople, questions: list[str], words: Words, home: Path, spoil: Spoil
) -> None:
    gateway = Patient(home, telegram)
    gateway.start()
    try:
        frightened, *crowd = people(gateway, telegram, 5)
        ids = {each.id for each in crowd}
        for each in crowd:
            each.says(questions[0])
        until(lambda: len(telegram.accepted(ids)) == len(crowd) and gateway.is_idle(ids), "all is well at first")
        before = telegram.last_call()
        with spoil(gateway), supervised(gateway):
            for question in questions[1:4]:
                for each in crowd:
                    each.says(question)
            frightened.says(EMERGENCY)
            (told,) = until(frightened.replies, "whoever may be in danger is answered now", 60)[:1]
            assert "999" in told
            sorry = words("other.error", number="999")
            until(lambda: all(sorry in each.replies() for each in crowd), "everybody is told that it is wrong", 60)
            assert not telegram.accepted(ids, before) or telegram.waiting(), "nothing is taken that can't be kept"
        wanted = Counter((each.id, question) for question in questions[1:4] for each in crowd)
        until(lambda: answered(telegram, crowd, before) == wanted, "all are answered", 90, every=0.1)
        until(lambda: telegram.waiting() == 0 and gateway.is_idle([*ids, frightened.id]), "nothing waits", every=0.1)
        assert answered(telegram, crowd, before) == wanted
        assert gateway.runs
        assert [row.state for _, row in gateway.outbox(ids) if row.state != "sent"] == []
        assert shutil.disk_usage(home).free > 0
    finally:
        print(gateway.log[-4000:])  # shown where it fails
        gateway.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="the faults are Linux's")
@pytest.mark.parametrize("spoil", [read_only, locked], ids=lambda each: each.__name__)
def test_a_gateway_that_starts_on_a_database_that_takes_nothing_answers_whoever_may_be_in_danger(
    telegram: Telegram, people: NewPeople, questions: list[str], tmp_path: Path, spoil: Spoil
) -> None:
    gateway = Patient(tmp_path, telegram)
    someone, frightened = people(gateway, telegram, 2)
    try:
        with spoil(gateway):
            gateway.start()
            someone.says(questions[0])
            frightened.says(EMERGENCY)
            (told,) = until(frightened.replies, "whoever may be in danger is answered now", 60)[:1]
            assert "999" in told
        wanted = Counter([(someone.id, questions[0])])
        until(lambda: answered(telegram, [someone], 0) == wanted, "the other is answered", 60, every=0.1)
        assert "database.unusable" in gateway.log
        assert "database.opened" in gateway.log
    finally:
        print(gateway.log[-4000:])
        gateway.kill()


def test_what_a_dead_gateway_had_in_hand_is_taken_over_when_a_locked_database_opens(
    telegram: Telegram, people: NewPeople, questions: list[str], tmp_path: Path
) -> None:
    """And not only when its claims run out, after two minutes."""
    gateway = Patient(tmp_path, telegram)
    gateway.start()
    (someone,) = people(gateway, telegram, 1)
    try:
        telegram.fault("sendMessage", delay=60.0, user=someone.id)
        someone.says(questions[0])
        until(lambda: telegram.sends({someone.id}), "the send has begun")
        gateway.kill()
        telegram.post("/sandbox/fault", clear=True)
        before = telegram.last_call()
        with locked(gateway):
            gateway.start()
            until(lambda: "claims.not_freed" in gateway.log, "it could not be taken over")
        until(lambda: telegram.accepted({someone.id}, before) == [(someone.id, questions[0])], "it is sent", 60)
    finally:
        print(gateway.log[-4000:])
        gateway.kill()
        telegram.post("/sandbox/fault", clear=True)


@pytest.mark.skipif(sys.platform != "linux", reason="the faults are Linux's")
def test_whoever_may_be_in_danger_does_not_wait_until_the_lock_is_given_up(
    telegram: Telegram, people: NewPeople, tmp_path: Path
) -> None:
    gateway = Patient(tmp_path, telegram)
    gateway.start()
    (frightened,) = people(gateway, telegram, 1)
    try:
        with locked(gateway):
            frightened.says(EMERGENCY)
            (told,) = until(frightened.replies, "whoever may be in danger is answered now", 60)[:1]
            assert "999" in told
            assert "OperationalError" not in gateway.log
    finally:
        print(gateway.log[-4000:])
        gateway.kill()


@contextmanager
def supervised(gateway: Gateway) -> Iterator[None]:
    """Start the gateway again when the kernel ends it for what can't be written, as its supervisor would."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.5):
            if not gateway.runs:
                ended.append(gateway.ends())
                gateway.begin()

    ended: list[int] = []
    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()
    assert set(ended) <= {-signal.SIGBUS}


def answered(telegram: Telegram, people: list[Person], after: int) -> Counter[tuple[int, str]]:
    """Which articles each got since; a line that says sorry is none."""
    return Counter(each for each in telegram.accepted({one.id for one in people}, after) if each[1])


def test_an_answer_in_hand_when_the_disk_fills_is_neither_lost_nor_doubled(
    telegram: Telegram, people: NewPeople, questions: list[str], tmp_path: Path
) -> None:
    """Telegram has taken it, and that can't be written down: it is once there is room, and it is not sent again."""
    gateway = Patient(tmp_path, telegram)
    gateway.start()
    try:
        (someone,) = people(gateway, telegram, 1)
        telegram.fault("sendMessage", delay=1.0, user=someone.id)
        someone.says(questions[0])
        until(lambda: telegram.sends({someone.id}), "the send has begun")
        with no_bigger_files(gateway):
            until(lambda: telegram.accepted({someone.id}), "Telegram has taken it")
            until(lambda: not gateway.is_idle([someone.id]), "it is not written down")
        until(lambda: gateway.is_idle([someone.id]), "it is written down", 60, every=0.1)
        assert telegram.accepted({someone.id}) == [(someone.id, questions[0])]
    finally:
        gateway.kill()
        telegram.post("/sandbox/fault", clear=True)

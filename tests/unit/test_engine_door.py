"""Engine and action server are started so that only our own processes on this machine reach them."""

import ast
import inspect
from pathlib import Path

import pytest

from actions import server
from bot.settings import ROOT, Settings
from bot.stack.processes import Process, Stack


@pytest.fixture
def processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Process]:
    monkeypatch.delenv("SEPTIMUS_ENGINE_TOKEN", raising=False)
    stack = Stack(Settings(home=tmp_path), tmp_path / "model.tar.gz", with_sandbox=True)
    return {process.name: process for process in stack._processes}


def test_the_engine_is_started_on_loopback_with_a_token(processes: dict[str, Process]) -> None:
    command = list(processes["engine"].command)
    assert command[command.index("--interface") + 1] == "127.0.0.1"
    (token,) = [each.removeprefix("--auth-token=") for each in command if each.startswith("--auth-token=")]
    assert len(token) >= 40
    assert not any(each.startswith(("--cors", "--jwt", "--connector")) for each in command)


def test_every_start_has_a_token_of_its_own(tmp_path: Path) -> None:
    made = {Stack(Settings(home=tmp_path), tmp_path / "m", with_sandbox=False).token for _ in range(3)}
    assert len(made) == 3


def test_the_sandbox_is_started_on_loopback(processes: dict[str, Process]) -> None:
    command = list(processes["sandbox"].command)
    assert command[command.index("--host") + 1] == "127.0.0.1"


def test_the_action_server_listens_on_loopback() -> None:
    calls = [each for each in ast.walk(ast.parse(inspect.getsource(server))) if isinstance(each, ast.Call)]
    runs = [
        {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        for call in calls
        if ast.unparse(call.func) == "app.run"
    ]
    assert [run["host"] for run in runs] == ["'127.0.0.1'"]


def test_the_action_server_does_not_start_without_the_token(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SEPTIMUS_ENGINE_TOKEN", raising=False)
    monkeypatch.setattr("bot.logs.configure", lambda *_: None)  # it is the whole process's, and this is a test's
    assert server.main() == 2
    assert "SEPTIMUS_ENGINE_TOKEN is missing" in capsys.readouterr().err


def test_nothing_is_told_to_listen_everywhere() -> None:
    # The sandbox may be told to serve its Bot API elsewhere; its pages answer this machine only.
    ours = [path for path in ROOT.glob("bot/**/*.py") if "sandbox" not in path.parts]
    places = [*ours, *ROOT.glob("actions/*.py"), *ROOT.glob("engine/*.py"), *ROOT.glob("*.yml")]
    assert [path.name for path in places if "0.0.0.0" in path.read_text(encoding="utf-8")] == []


def test_the_engines_only_channel_is_the_guarded_one() -> None:
    lines = (ROOT / "credentials.yml").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line and not line.startswith((" ", "#"))] == [
        "engine.logged_rest.LoggedRestInput:"
    ]

"""What the doctor says of the environments, the model, the encoder and the content."""

import gzip
import hashlib
import inspect
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.content_file import ContentError
from bot.second_reader import SecondReader
from bot.settings import ROOT, Settings
from bot.stack import contents, doctor
from bot.stack.model import ENGINE_PYTHON

SOURCE = b'name="one",\n weights_sha256="' + b"a" * 64 + b'"'


def packed(path: Path, spoil: Callable[[bytes], bytes] = lambda raw: raw) -> Path:
    path.write_bytes(spoil(gzip.compress(b"a model" * 1000)))
    return path


def test_a_whole_model_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "current_model", lambda: packed(tmp_path / "septimus-1.tar.gz"))
    assert doctor._model()[0].level == "ok"


@pytest.mark.parametrize("spoil", [lambda raw: raw[:-9], lambda raw: raw[:30] + b"xx" + raw[32:], lambda raw: b"no"])
def test_a_damaged_model_is_told_with_its_remedy(
    spoil: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "current_model", lambda: packed(tmp_path / "septimus-1.tar.gz", spoil))
    (finding,) = doctor._model()
    assert (finding.level, finding.remedy) == ("fault", "Run: septimus train --force")


def test_a_stale_or_missing_model_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "current_model", lambda: None)
    monkeypatch.setattr(doctor, "MODELS", tmp_path)
    assert "none" in doctor._model()[0].said
    (tmp_path / "septimus-1.tar.gz").touch()
    assert "older" in doctor._model()[0].said


@pytest.fixture
def encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    code = tmp_path / "engine" / "components"
    code.mkdir(parents=True)
    (code / "encoder_graph.py").write_bytes(SOURCE)
    (code / "typical.txt").write_bytes(b"typical")
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    monkeypatch.setattr(doctor, "MODELS", tmp_path / "models")
    folder = (
        tmp_path / "models" / "encoders" / f"one-{hashlib.sha256(SOURCE + b'typical' + b'a' * 64).hexdigest()[:16]}"
    )
    folder.mkdir(parents=True)
    (folder / "encoder.onnx").write_bytes(b"graph")
    (folder / "tokenizer.json").write_bytes(b"words")
    (folder / "sha256").write_text(hashlib.sha256(b"graphwords").hexdigest())
    return folder


def test_a_whole_encoder_is_well(encoder: Path) -> None:
    assert doctor._encoder()[0].level == "ok"


def test_a_damaged_encoder_is_told(encoder: Path) -> None:
    (encoder / "encoder.onnx").write_bytes(b"grap")
    assert "damaged" in doctor._encoder()[0].said


def test_an_encoder_of_older_code_counts_as_missing(encoder: Path) -> None:
    encoder.rename(encoder.with_name("one-0000000000000000"))
    assert "missing" in doctor._encoder()[0].said


def test_the_encoders_of_this_program_are_found_by_name() -> None:
    """The doctor reads the names and digests from the engine's source, which it can't import."""
    source = (ROOT / "engine" / "components" / "encoder_graph.py").read_text(encoding="utf-8")
    assert 'name="all-mpnet-base-v2"' in source
    assert "weights_sha256=" in source


def test_a_second_reading_that_can_run_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    monkeypatch.setattr(doctor, "MODELS", tmp_path)
    monkeypatch.setattr(doctor, "ENGINE_PYTHON", tmp_path / "python")
    (tmp_path / "engine").mkdir()
    needs = {"python": "make setup", "engine/hear.py": "Put the missing files", "septimus-1.tar.gz": "septimus train"}
    for name, remedy in needs.items():
        (finding,) = doctor._second_reading()
        assert (finding.level, remedy in finding.remedy) == ("warning", True)
        (tmp_path / name).touch()
    (finding,) = doctor._second_reading()
    assert (finding.about, finding.level) == ("second reading", "ok")


def test_what_the_second_reading_runs_is_where_the_doctor_looks() -> None:
    command = inspect.signature(SecondReader).parameters["command"].default
    assert command == (str(ENGINE_PYTHON), "-m", "engine.hear")


def test_broken_content_is_told_with_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Path) -> None:
        raise ContentError.at(Path("content/words.yml"), 3, "a word is missing.")

    monkeypatch.setattr(contents, "check_all", broken)
    (finding,) = doctor._content(Settings())
    assert (finding.level, finding.said) == ("fault", "content/words.yml:3: a word is missing.")


def test_production_refuses_what_is_not_reviewed() -> None:
    (finding,) = doctor._content(Settings().model_copy(update={"mode": "production"}))
    assert (finding.level, "not reviewed" in finding.said) == ("fault", True)


def test_a_missing_engine_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "ENGINE_PYTHON", tmp_path / "python")
    assert doctor._environments()[1].remedy == "Run: make setup"
    (tmp_path / "python").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "python").chmod(0o755)
    assert "damaged" in doctor._environments()[1].said

"""Content files with a slip in them: loaded all the same, or refused with file, line and remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.content_file import ContentError, Strict, parse, read, unreviewed
from bot.desk.columns import Columns
from bot.knowledge.article import parse_article
from bot.knowledge.library import load_library
from bot.programme.exercise import load_exercises
from bot.programme.questionnaire import load_questionnaire
from bot.referral.bands import Bands
from bot.reminders.places import Places
from bot.settings import CONTENT
from bot.triage.countries import Countries
from bot.triage.cues import load_cues
from bot.triage.interview import load_interview
from bot.triage.languages import Languages
from bot.triage.messages import Messages
from bot.triage.results import Results
from bot.triage.rules import load_findings, load_policy, load_rules
from bot.words import Words
from tests.fuzz.conftest import examples, within
from tests.fuzz.mess import edited, sendable

SOURCES = frozenset(load_library(CONTENT).sources)
RULES = load_rules(CONTENT / "triage")
FINDINGS = Bands.load(CONTENT).findings


def cues(path: Path) -> object:
    return load_cues(path, RULES.findings, RULES.by_id, frozenset())


LOADERS: dict[str, Callable[[Path], Any]] = {
    "countries.yml": Countries.load,
    "places.yml": Places.load,
    "words.yml": Words.load,
    "triage/findings.yml": load_findings,
    "triage/policy.yml": load_policy,
    "triage/rules.yml": lambda path: load_rules(path.parent),
    "triage/messages.yml": Messages.load,
    "triage/results.yml": Results.load,
    "triage/languages.yml": Languages.load,
    "triage/questions.yml": lambda path: load_interview(path.parent, RULES),
    "triage/cues.yml": cues,
    "referral/bands.yml": lambda path: Bands.load(path.parents[1]),
    "referral/columns.yml": lambda path: Columns.load(path.parents[1], FINDINGS),
    "questionnaires/*.yml": load_questionnaire,
    "exercises/*.yml": lambda path: load_exercises(path.parents[1], SOURCES),
    "articles/*.md": parse_article,
}
HEAVY = {"triage/cues.yml", "exercises/*.yml", "referral/bands.yml", "places.yml"}


@pytest.mark.parametrize("name", LOADERS)
def test_a_slip_in_a_content_file_is_told_with_its_place(copied_content: Path, name: str) -> None:
    path = sorted(copied_content.glob(name))[0]
    whole = path.read_text(encoding="utf-8")

    @examples(0.15 if name in HEAVY else 0.5)
    @given(edited(whole))
    def slip(text: str) -> None:
        path.write_text(text, encoding="utf-8", errors="replace")
        with within(20.0):
            try:
                LOADERS[name](path)
            except ContentError as error:
                assert error.problems
                for problem in error.problems:
                    assert problem.line >= 1
                    assert problem.message.strip()
                    assert not Path(problem.file).is_absolute()

    try:
        slip()
    finally:
        path.write_text(whole, encoding="utf-8")


class Anything(Strict):
    """A file with one key."""

    one: str


HOSTILE = (
    "&a [*a]", "a: &a [*a]", "[" * 5_000, "{a: " * 5_000, "- " * 5_000, "a: " * 200, "? " * 3_000, "one: !!python/name:os.system",
    "one: !!python/object/apply:os.system ['true']", "!!binary x", "one: 2026-02-30", "one: 2026-01-01 99:99:99",
    "a: &a {x: 1}\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
    "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\nh: [*g,*g,*g,*g,*g,*g,*g,*g]",
    "{[1]: 2}", "{{a: 1}: 2}", "? [a, b]\n: c", "1: 2\n1: 3", "<<: 1", "<<: [1]", "a: !!set {x: 1}", "a: !!omap [x: 1]",
    "a: !!float x", "a: !!int x", "a: !!timestamp x", "a: 1:60:60:60", "a: " + "9" * 5_000, "a: 0b2", "\0", "\x07", "--- a\n--- b", "%YAML 9",
)  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:20].encode("unicode_escape").decode())
def test_hostile_yaml_is_data_or_refused_in_time(tmp_path: Path, text: str) -> None:
    with within(5.0):
        _read(tmp_path, text)


@examples(1)
@given(
    st.one_of(
        sendable, st.text("&*![]{}?:-,|>'\"%@` \n\ta1", max_size=60), st.sampled_from(HOSTILE[:2]).flatmap(edited)
    )
)
def test_any_text_is_data_or_refused(tmp_path: Path, text: str) -> None:
    with within(1.0):
        _read(tmp_path, text)


def _read(folder: Path, text: str) -> None:
    path = folder / "some.yml"
    path.write_text(text, encoding="utf-8", errors="replace")
    for reading in (lambda: parse(text, path), lambda: read(path, Anything), lambda: unreviewed(folder)):
        try:
            reading()
        except ContentError as error:
            assert error.problems

"""What is learnt from a few labelled letters, how it is kept, and when it is out of date."""

import shutil
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.referral.kept import LABELLED, fingerprint, kept
from bot.referral.learned import Learned, candidates, learn, load
from bot.referral.learned_reading import LetterReading
from bot.settings import CONTENT
from tests.unit.loaded import bands, reader

OPEN = ["The eye stays open at night.", "Her eye stays open when she sleeps.", "His eye stays open all night long.",
        "At night the eye stays open.", "The left eye stays open in bed."]  # fmt: skip
SHUT = ["The eye shuts well.", "Her eye shuts fully.", "He says the eye shuts.", "Both eyes shut well at night.",
        "The left eye shuts in bed."]  # fmt: skip
HEAVY = "The kettle was more than she could manage this morning."
OTHER = ["Dear colleague,", "Many thanks.", "He works on a farm.", "Please see her soon.", "Kind regards."]


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The content folder with a few labels in place of all."""
    folder = tmp_path_factory.mktemp("content")
    for name in ("referral", "triage"):
        shutil.copytree(CONTENT / name, folder / name)
    shutil.copy(CONTENT / "languages.yml", folder)
    for path in (folder / LABELLED).glob("*.yml"):
        path.unlink()
    lines = [f'- says: "{text}"\n  states: {{cannot_close_eye: "yes"}}' for text in OPEN]
    lines += [f'- says: "{text}"\n  states: {{cannot_close_eye: "no"}}' for text in SHUT]
    lines += [f'- says: "{text}"\n  states: {{suicide_risk_in_hand: "yes", side: "L"}}' for text in OTHER]
    letters = [
        f"- id: L{day}\n  received: 2026-11-19\n  band: {'P0' if day % 2 else 'P2'}\n  why: test\n"
        f"  onset: 2026-11-0{day}\n  lines:\n"
        f'  - says: "Seen on {day + 9} November, her face fell on {day} November."\n'
        f'  - says: "{HEAVY if day % 2 else "She is a cheerful person and looks forward to her exercises."}"'
        for day in range(1, 9)
    ]
    text = "letters:\n" + "\n".join(letters) + "\nsentences:\n" + "\n".join(lines) + "\n"
    (folder / LABELLED / "few.yml").write_text(text, encoding="utf-8")
    yield folder


@pytest.fixture(scope="module")
def models(content: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    learn(content, folder)
    return folder


@pytest.fixture(scope="module")
def what(content: Path, models: Path) -> Learned:
    found = load(content, models)
    assert found is not None
    return found


def test_a_new_wording_is_known_by_its_words(what: Learned) -> None:
    opened, shut, neither = what(["His eye stays open.", "Her eye shuts in bed.", "Kind regards."], reader())

    assert opened["cannot_close_eye=yes"] > opened.get("cannot_close_eye=no", -1)
    assert shut["cannot_close_eye=no"] > shut.get("cannot_close_eye=yes", -1)
    assert neither == {}


def test_what_follows_from_all_findings_is_learnt_from_no_sentence(what: Learned) -> None:
    assert {name.partition("=")[0] for name in what.names} == {"cannot_close_eye"}


def test_the_onset_is_told_from_the_day_of_a_visit(what: Learned) -> None:
    seen = candidates("Seen on 18 November, his face fell on 12 November.", date(2026, 11, 19), None)
    visit, onset = what.onset(seen)

    assert onset > visit


def test_the_band_of_letters_of_such_words_is_known(what: Learned) -> None:
    heavy, cheerful = what.bands([f"Dear all. {HEAVY}", "Dear all. She looks forward to her exercises."])

    assert heavy["P0"] > 0.5 > cheerful["P0"]
    assert [sum(each.values()) for each in (heavy, cheerful)] == [pytest.approx(1), pytest.approx(1)]
    assert what.bands([]) == []


@pytest.mark.parametrize(
    "text", ["Она не может закрыть глаз. " * 20, "12/11/2026 " * 50, "\N{GRINNING FACE} " * 50, ""]
)
def test_of_words_that_nobody_knows_nothing_is_said(what: Learned, text: str) -> None:
    assert what.bands([text]) == [{}]


def test_of_letters_of_one_band_nothing_is_learnt_about_bands(content: Path, tmp_path: Path) -> None:
    shutil.copytree(content, tmp_path / "content")
    few = tmp_path / "content" / LABELLED / "few.yml"
    few.write_text(few.read_text(encoding="utf-8").replace("band: P0", "band: P2"), encoding="utf-8")
    learn(tmp_path / "content", tmp_path)
    learned = load(tmp_path / "content", tmp_path)

    assert learned is not None
    assert learned.bands(["Dear all.", "Kind regards."]) == [{}, {}]


def test_an_emergency_that_no_finding_names_is_raised_by_the_letter_with_its_sentence(
    content: Path, models: Path
) -> None:
    reading, day = _reading(content, models), date(2026, 11, 19)
    known = "Bell's palsy since 16 March, grade II, the forehead is weak, the eye closes, a neurologist has seen her."
    heavy, cheerful = (
        reading(f"Dear all,\n{known} {told} Kind regards.", day)
        for told in (HEAVY, "She looks forward to her exercises.")
    )

    assert heavy.findings["possible_red_flag"].quote == HEAVY.rstrip(".")
    assert bands()(heavy, day).band == "P0" != bands()(cheerful, day).band
    assert (reading.urgency(heavy.text) or 0) > 0 > (reading.urgency(cheerful.text) or 0)
    assert reading.urgency("Her hand is heavy.") is None


def test_without_what_was_learnt_nothing_is_said_of_the_whole(content: Path, tmp_path: Path) -> None:
    assert LetterReading.load(content, bands(), tmp_path).urgency("one two three " * 9) is None


def test_a_letter_is_read_by_what_was_learnt(content: Path, models: Path) -> None:
    reading = LetterReading.load(content, bands(), models)

    assert reading.learned is not None
    assert reading("Dear all,\nHer eye stays open in bed.", date(2026, 11, 19)).value("cannot_close_eye") == "yes"


def test_what_was_learnt_is_where_it_is_looked_for_and_nothing_else_is_left(content: Path, models: Path) -> None:
    assert list(models.iterdir()) == [kept(content, models)]


def test_another_label_makes_it_out_of_date(content: Path, models: Path, tmp_path: Path) -> None:
    changed = tmp_path / "content"
    shutil.copytree(content, changed)
    assert load(changed, models) is not None
    with (changed / LABELLED / "few.yml").open("a") as file:
        file.write('- says: "One more."\n')

    assert fingerprint(changed) != fingerprint(content)
    assert load(changed, models) is None


@pytest.mark.parametrize("spoil", [lambda raw: raw[: len(raw) // 2], lambda raw: b"", lambda raw: b"no" + raw[2:]])
def test_a_damaged_file_counts_as_none(spoil: object, content: Path, models: Path, tmp_path: Path) -> None:
    file = kept(content, models)
    (tmp_path / file.name).write_bytes(spoil(file.read_bytes()))  # type: ignore[operator]

    assert load(content, tmp_path) is None


def test_without_any_the_phrases_read_alone(content: Path, tmp_path: Path) -> None:
    assert LetterReading.load(content, bands(), tmp_path).learned is None


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([*OPEN, *SHUT, *OTHER, "her face fell on 3 may.", "since 3/52", "\n", "HB 4", "é\u0000"]))
)
def test_every_quote_is_a_part_of_the_letter(content: Path, models: Path, lines: list[str]) -> None:
    text = " ".join(lines)
    read = _reading(content, models)(text, date(2026, 11, 19))

    quotes = [each.quote for each in read.findings.values() if each.quote is not None] + list(read.quotes.values())
    assert all(quote and quote in text for quote in quotes)


@cache
def _reading(content: Path, models: Path) -> LetterReading:
    return LetterReading.load(content, bands(), models)


def test_nothing_is_loaded_before_the_first_letter(content: Path, models: Path, tmp_path: Path) -> None:
    told: list[str] = []
    reading = LetterReading.load(content, bands(), tmp_path, lambda: told.append("missing"))
    assert told == []

    reading("It fell.", date(2026, 11, 19))
    reading("It fell.", date(2026, 11, 19))

    assert told == ["missing"]

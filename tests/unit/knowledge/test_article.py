"""An article that can't be used is refused with its file, its line, and what to do."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bot.content_file import ContentError, Problem
from bot.knowledge.article import parse_article

Put = Callable[..., Path]


def problems(path: Path) -> list[Problem]:
    with pytest.raises(ContentError) as refused:
        parse_article(path)
    return refused.value.problems


def line_with(path: Path, words: str) -> int:
    return next(n for n, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if words in line)


def test_a_sound_article_is_read_as_its_file_says_it(put: Put) -> None:
    article = parse_article(put(review_due=date(2027, 5, 1), reviewed_by="Invented Reviewer"))
    assert (article.id, article.stages, article.do) == ("eating", ("any",), ("Take small bites.",))
    assert article.get_help[0].rules == ("D01",)
    assert (article.reviewed_by, article.review_due) == ("Invented Reviewer", date(2027, 5, 1))
    assert article.body.startswith("A weak lid dries out.")


@pytest.mark.parametrize(
    "text",
    ["", "no front matter at all", "---\nid: eating\n", "id: eating\n---\nbody\n", "\n---\nid: eating\n---\nbody\n"],
)
def test_without_front_matter(put: Put, text: str) -> None:
    path = put()
    path.write_text(text, encoding="utf-8")
    what = "has no front matter: begin the file with a line '---' and end it with another."
    assert problems(path) == [Problem("content/articles/eating.md", 1, what)]


def test_front_matter_that_is_no_yaml_names_the_line_and_the_usual_remedy(put: Put) -> None:
    path = put()
    broken = "id: eating\ntitle: Eating: with a weak face"
    path.write_text(f"---\n{broken}\n---\nbody\n", encoding="utf-8")
    [problem] = problems(path)
    assert problem.line == 3
    assert problem.message.startswith("this is not valid YAML (")
    assert problem.message.endswith("). Check quotes, colons and indentation here.")


@pytest.mark.parametrize("front", ["- a\n- b", "just words", "# nothing"])
def test_front_matter_without_fields(put: Put, front: str) -> None:
    path = put()
    path.write_text(f"---\n{front}\n---\nbody\n", encoding="utf-8")
    what = "has a front matter without fields; write `id: ...` and so on."
    assert problems(path) == [Problem("content/articles/eating.md", 2, what)]


def test_a_body_among_the_fields(put: Put) -> None:
    path = put()
    path.write_text(path.read_text().replace("version: 1", "version: 1\nbody: here"), encoding="utf-8")
    [problem] = problems(path)
    assert problem.line == line_with(path, "body: here")
    assert problem.message == "`body` is the text below the front matter; remove the field."


LONG = "a" * 700
WRONG_FIELDS: list[tuple[str, Any, str]] = [
    ("id", "Eating", "String should match pattern"),
    ("id", "eating--well", "String should match pattern"),
    ("id", "a" * 49, "at most 48 characters"),
    ("title", "Ea", "at least 3 characters"),
    ("title", "a" * 61, "at most 60 characters"),
    ("title", ["Eating"], "valid string"),
    ("label", "a" * 35, "at most 34 characters"),
    ("topic", "eating and drinking", "String should match pattern"),
    ("stages", [], "at least 1 item"),
    ("short", "Too short.", "at least 20 characters"),
    ("short", LONG, "at most 600 characters"),
    ("do", ["Take small bites."] * 7, "at most 6 items"),
    ("dont", ["Talk with a full mouth."] * 7, "at most 6 items"),
    ("get_help", [], "at least 1 item"),
    ("get_help", [{"text": "Be seen today.", "rules": ["D01"]}] * 5, "at most 4 items"),
    ("see_also", ["a", "b", "c", "d", "e"], "at most 4 items"),
    ("sources", [], "at least 1 item"),
    ("version", 0, "greater than or equal to 1"),
    ("version", "one", "valid integer"),
    ("review_due", "next spring", "valid date"),
]


@pytest.mark.parametrize(("field", "value", "message"), WRONG_FIELDS)
def test_a_wrong_field_is_named_with_its_line(put: Put, field: str, value: Any, message: str) -> None:
    path = put(**{field: value})
    if field == "id":
        path = path.rename(path.with_name("eating.md"))
    [problem] = problems(path)
    assert problem.file == "content/articles/eating.md"
    assert problem.line == line_with(path, f"{field}:")
    assert problem.message.startswith(f"`{field}`: ")
    assert message in problem.message


HELP = {"text": "Food goes down the wrong way: be seen today.", "rules": ["D01"]}
WRONG_PARTS: list[tuple[str, Any, str, str, str]] = [
    ("stages", ["any", "late"], "- late", "stages.1", "Input should be 'any', 'acute'"),
    ("do", ["Take small bites.", "x"], "- x", "do.1", "at least 3 characters"),
    ("dont", ["b" * 301], "- bbb", "dont.0", "at most 300 characters"),
    ("see_also", ["Drinking"], "- Drinking", "see_also.0", "match pattern"),
    ("provenance", ["NICE"], "- NICE", "provenance.0", "Input should be 'GMK', 'DES' or 'recalled'"),
    ("get_help", [HELP, {"text": "Be seen today.", "rules": []}], "rules: []", "get_help.1.rules", "at least 1 item"),
    ("get_help", [HELP, {**HELP, "when": 1}], "  when:", "get_help.1.when", "not permitted"),
]


@pytest.mark.parametrize(("field", "value", "line", "place", "message"), WRONG_PARTS)
def test_a_wrong_part_of_a_field_is_named_with_its_own_line(
    put: Put, field: str, value: Any, line: str, place: str, message: str
) -> None:
    path = put(**{field: value})
    [problem] = problems(path)
    assert problem.line == line_with(path, line)
    assert problem.message.startswith(f"`{place}`: ")
    assert message in problem.message


NEEDED = ["id", "title", "label", "topic", "stages", "short", "get_help", "sources"]
NEEDED += ["reviewed_by", "review_due", "version"]


@pytest.mark.parametrize("field", NEEDED)
def test_a_missing_field_is_named(put: Put, field: str) -> None:
    assert problems(put(**{field: ...})) == [
        Problem("content/articles/eating.md", 2, f"`{field}`: Field required. Add this key.")
    ]


def test_an_unknown_field_is_named_with_its_line(put: Put) -> None:
    path = put(dose="a lot")
    [problem] = problems(path)
    assert problem.line == line_with(path, "dose:")
    assert problem.message == "`dose`: Extra inputs are not permitted. Remove this key or correct its spelling."


def test_a_body_that_is_too_short(put: Put) -> None:
    [problem] = problems(put(body="Too little."))
    assert problem.message == "`body`: String should have at least 40 characters. Correct this value."


def test_all_that_is_wrong_is_named_at_once(put: Put) -> None:
    found = problems(put(title="Ea", version=0, stages=["any", "late"]))
    assert [problem.message.partition(":")[0] for problem in found] == ["`title`", "`stages.1`", "`version`"]


def test_a_problem_reads_as_editors_like_it() -> None:
    assert str(Problem("content/articles/eating.md", 7, "is wrong")) == "content/articles/eating.md:7: is wrong"


def test_a_day_that_no_calendar_has_is_named_like_any_wrong_field(put: Put) -> None:
    path = put()
    path.write_text(path.read_text().replace("review_due: null", "review_due: 2027-02-30"), encoding="utf-8")
    [problem] = problems(path)
    assert problem.file == "content/articles/eating.md"


def test_a_file_with_a_control_character_is_named(put: Put) -> None:
    path = put()
    path.write_text(path.read_text().replace("version: 1", "version: 1 \x07"), encoding="utf-8")
    [problem] = problems(path)
    assert problem.file == "content/articles/eating.md"


def test_a_file_in_another_encoding_is_named(put: Put) -> None:
    path = put()
    path.write_bytes(path.read_text().replace("weak", "wéak").encode("latin-1"))
    [problem] = problems(path)
    assert problem.file == "content/articles/eating.md"


def test_a_field_that_stands_twice_is_named(put: Put) -> None:
    path = put()
    path.write_text(path.read_text().replace("version: 1", "version: 1\nversion: 2"), encoding="utf-8")
    [problem] = problems(path)
    assert problem.line in (line_with(path, "version: 1"), line_with(path, "version: 2"))


def test_windows_line_ends_are_as_good_as_any(put: Put) -> None:
    path = put()
    sound = parse_article(path)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert parse_article(path) == sound

"""Every word that the program says exists, every word that exists is said, and all of it reads easily."""

import ast
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.content_file import ContentError
from bot.knowledge.lint import MAX_SENTENCE_WORDS, reading_grade
from bot.settings import CONTENT, ROOT
from bot.words import Words

WORDS = Words.load(CONTENT / "words.yml")
KEYS = sorted(WORDS.keys())
GROUPS = {key.partition(".")[0] for key in KEYS}
KEY = re.compile(r"([a-z]+)\.[a-z_]+")
# An event in the log is named like a key of the words, and is none.
LOGGED = {"debug", "info", "warning", "error"}
# What may be filled in: numbers, sources, passages of content, moments. Never anything that a person wrote.
KNOWN = {
    "number", "sources", "first", "count", "text", "reasons", "moment", "ruleset", "name", "intro", "names", "minutes",
    "habits", "reason", "clinic", "hours", "caution", "seconds", "how", "done", "days", "sessions", "weeks",
}  # fmt: skip
EASY = frozenset((CONTENT / "unavoidable_words.txt").read_text(encoding="utf-8").split())


@dataclass(frozen=True)
class Use:
    """A key in the source: where, and the values that a call fills in (None where it is no call's own argument)."""

    key: str
    where: str
    values: frozenset[str] | None


def called(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def uses(path: Path) -> Iterator[Use]:
    """The keys that one module names: in calls and tables as they are, and in f-strings such as `f"commands.{name}"`.

    The families of an f-string are made of the texts that stand in the same module.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    where = path.relative_to(ROOT).as_posix()
    nodes = list(ast.walk(tree))  # once: it takes far longer than all that is asked of them
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    filled = {
        argument: frozenset(keyword.arg or "**" for keyword in call.keywords)
        for call in calls
        if called(call) in {"words", "_words", "_say"}
        for argument in call.args
    }
    events = {argument for call in calls if called(call) in LOGGED for argument in call.args}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found = KEY.fullmatch(node.value)
            if found and found[1] in GROUPS and node not in events:
                yield Use(node.value, f"{where}:{node.lineno}", filled.get(node))
        if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
            family = str(node.values[0].value)
            if family.removesuffix(".") in GROUPS and family.endswith("."):
                for text in sorted(texts):  # every worker must list the tests in one order
                    if family + text in KEYS:
                        yield Use(family + text, f"{where}:{node.lineno}", None)


USES = [use for folder in ("bot", "actions") for path in sorted((ROOT / folder).rglob("*.py")) for use in uses(path)]


@pytest.mark.parametrize("use", USES, ids=lambda use: f"{use.where}-{use.key}")
def test_every_key_that_the_program_names_exists(use: Use) -> None:
    assert use.key in KEYS


@pytest.mark.parametrize("key", KEYS)
def test_every_key_in_the_file_is_used(key: str) -> None:
    assert key in {use.key for use in USES}


@pytest.mark.parametrize(
    "use", [use for use in USES if use.values is not None and use.key in KEYS], ids=lambda use: f"{use.where}-{use.key}"
)
def test_every_call_fills_in_what_its_words_leave_open(use: Use) -> None:
    assert placeholders(WORDS(use.key)) <= use.values


@pytest.mark.parametrize("key", KEYS)
def test_only_known_things_are_filled_in(key: str) -> None:
    assert placeholders(WORDS(key)) <= KNOWN


@pytest.mark.parametrize("key", KEYS)
def test_words_read_easily(key: str) -> None:
    text = plain(WORDS(key))
    count = len(text.split())
    # A grade says something only of a few sentences; a short line is held to short sentences alone.
    if count >= 15:
        assert reading_grade(text, EASY) <= 7.5
    for sentence in re.split(r"(?<=[.!?:])\s+|\n+", text):
        assert len(sentence.split()) <= MAX_SENTENCE_WORDS, sentence


@pytest.mark.parametrize("key", KEYS)
def test_words_say_weak_side_and_other_side(key: str) -> None:
    assert not re.search(r"\b(?:bad|good|affected)\s+side\b", WORDS(key), re.IGNORECASE)


def test_words_are_filled_in() -> None:
    assert Words({"about.emergency": "Call {number} now."})("about.emergency", number="112") == "Call 112 now."


def test_words_with_a_brace_that_a_person_wrote_are_left_alone() -> None:
    assert Words({"answer.get_help": "Help: {text}"})("answer.get_help", text="{number}") == "Help: {number}"


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(KeyError):
        WORDS("about.nothing")


@pytest.mark.parametrize("broken", ["about: 5", "about: [a, b]", "about:\n  welcome:", "just a text: {a: 1}"])
def test_a_file_that_is_no_tree_of_texts_is_refused_with_its_place(broken: str, tmp_path: Path) -> None:
    path = tmp_path / "words.yml"
    path.write_text(broken, encoding="utf-8")
    with pytest.raises(ContentError, match=r"words\.yml:\d+: `.+` must be a text or a group of texts\. Put quotes"):
        Words.load(path)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def plain(text: str) -> str:
    """The words as they are read: without marks, with an example in each placeholder."""
    return re.sub(r"\{\w+\}", "112", re.sub(r"\*\*|^- |^#+ ", "", text, flags=re.MULTILINE))

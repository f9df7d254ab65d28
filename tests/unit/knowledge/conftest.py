"""A small content folder to break: two sound articles, and a way to write others."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

SENTENCES = "A weak lid dries out. The eye then gets sore. Drops keep it wet. Tape keeps it shut at night. "
GOOD: Mapping[str, Any] = {
    "id": "eating",
    "title": "Eating with a weak face",
    "label": "Eat with less mess",
    "topic": "eating",
    "stages": ["any"],
    "short": "Take small bites and chew on the other side. Check your cheek for food when you are done.",
    "do": ["Take small bites."],
    "dont": ["Talk with a full mouth."],
    "get_help": [{"text": "Food goes down the wrong way: be seen today.", "rules": ["D01"]}],
    "see_also": ["drinking"],
    "sources": ["SRC"],
    "provenance": [],
    "reviewed_by": None,
    "review_due": None,
    "version": 1,
    "body": SENTENCES * 5,
}
DRINKING = {
    **GOOD,
    "id": "drinking",
    "topic": "drinking",
    "title": "Drinking with a weak face",
    "label": "Drink without spills",
    "see_also": ["eating"],
}
TOPICS = "groups:\n  eating-speaking:\n    eating: easier eating\n    drinking: cups and straws\n"
SOURCES = (
    "SRC: {title: Invented source, year: 2019, tier: B, link: 'https://example.org/src'}\n"
    "OTHER: {title: Another invented source, year: null, tier: A, link: null}\n"
)
RULES = "rules:\n- id: E01\n- id: D01\n- id: U01\n"

Put = Callable[..., Path]


class _WrittenOut(yaml.SafeDumper):
    """Writes what is used twice out at each place, as content must."""

    def ignore_aliases(self, data: object) -> bool:
        return True


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A content folder with two sound articles, their sources, topics and example questions."""
    content = tmp_path / "content"
    (content / "articles").mkdir(parents=True)
    (content / "triage").mkdir()
    (content / "topics.yml").write_text(TOPICS, encoding="utf-8")
    (content / "sources.yml").write_text(SOURCES, encoding="utf-8")
    (content / "triage" / "rules.yml").write_text(RULES, encoding="utf-8")
    (content / "unavoidable_words.txt").write_text("facial\npalsy\n", encoding="utf-8")
    questions = tmp_path / "nlu_data" / "questions"
    questions.mkdir(parents=True)
    for intent, example in (("eating", "soup runs down my chin"), ("drinking", "which cup is best")):
        text = f'version: "3.1"\nnlu:\n- intent: {intent}\n  examples: |\n    - {example}\n'
        (questions / f"{intent}.yml").write_text(text, encoding="utf-8")
    write(content, GOOD)
    write(content, DRINKING)
    return content


@pytest.fixture
def put(folder: Path) -> Put:
    """Write the article on eating with some fields changed; a field that is changed to `...` is left away."""

    def write_changed(**changes: Any) -> Path:
        fields = {**GOOD, **changes}
        return write(folder, {name: value for name, value in fields.items() if value is not ...})

    return write_changed


def write(content: Path, fields: Mapping[str, Any]) -> Path:
    path = content / "articles" / f"{fields.get('id', 'eating')}.md"
    front = {name: value for name, value in fields.items() if name != "body"}
    text = yaml.dump(front, Dumper=_WrittenOut, sort_keys=False, allow_unicode=True)
    path.write_text(f"---\n{text}---\n{fields['body']}\n", encoding="utf-8")
    return path

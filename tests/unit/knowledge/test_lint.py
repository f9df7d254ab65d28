"""`septimus content check`: one broken article for each thing it looks for, and nothing found in a sound one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.knowledge.library import load_library
from bot.knowledge.lint import check_library, check_questions, read_rule_ids, reading_grade, sentences, spoken
from bot.settings import ROOT
from bot.words import Words

Put = Callable[..., Path]
EASY_BODY = "A weak lid dries out. The eye then gets sore. Drops keep it wet. Tape keeps it shut at night. "
LONG_SENTENCE = "Take one bite and then one more and then one more and then one more and then one more and stop. "
HARD = "Neuromuscular rehabilitation facilitates coordinated expressivity. Physiotherapeutic interventions differ. "


@pytest.fixture
def check(folder: Path, words: Words) -> Callable[[], list[str]]:
    def found() -> list[str]:
        problems = check_library(load_library(folder), read_rule_ids(folder), words, folder)
        return [str(problem) for problem in problems]

    return found


Check = Callable[[], list[str]]


def test_sound_articles_have_no_problems(check: Check) -> None:
    assert check() == []


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"see_also": ["drinking", "speaking"]}, "`see_also` leads to speaking, which has no article"),
    ({"see_also": ["eating"]}, "`see_also` leads back to the article's own topic"),
    ({"get_help": [{"text": "Be seen.", "rules": ["D99"]}]}, "rule D99 is not in content/triage/rules.yml"),
    ({"short": "One two three. " * 21}, "`short` has 63 words; at most 60"),
    ({"body": EASY_BODY * 2 + "All of it helps."}, "the body has 44 words; 80 to 250"),
    ({"body": EASY_BODY * 14}, "the body has 280 words; 80 to 250"),
    (
        {"body": EASY_BODY * 5 + LONG_SENTENCE},
        "a sentence of 21 words (at most 20): Take one bite and then one more and then one more and then o...",
    ),
    ({"body": EASY_BODY * 5 + "Take 20 mg."}, "names a dose (20 mg); the bot never does"),
    ({"body": EASY_BODY * 5 + "Take 500mcg."}, "names a dose (500mcg); the bot never does"),
    ({"do": ["Take 2 tablets a day."]}, "names a dose (2 tablets a day); the bot never does"),
    (
        {"get_help": [{"text": "Took 50 milligrams?", "rules": ["D01"]}]},
        "names a dose (50 milligrams); the bot never does",
    ),
    ({"short": "Chew on the good side. Take small bites, please."}, "say 'weak side' and 'other side'"),
    ({"dont": ["Chew on the bad side."]}, "say 'weak side' and 'other side'"),
    ({"body": EASY_BODY * 5 + "The Affected side is weak."}, "say 'weak side' and 'other side'"),
    ({"title": "Drinking with a weak face"}, "`title` stands in another article too; make it its own"),
    ({"label": "Drink without spills"}, "`label` stands in another article too; make it its own"),
]


@pytest.mark.parametrize(("changes", "message"), BROKEN)
def test_each_fault_is_found_and_nothing_else(put: Put, check: Check, changes: dict[str, Any], message: str) -> None:
    put(**changes)
    assert f"content/articles/eating.md:1: {message}" in check()
    assert {line.partition(": ")[2] for line in check()} == {message}


def test_hard_words_are_found_by_their_grade(put: Put, check: Check) -> None:
    put(body=HARD * 10)
    [problem] = check()
    assert problem.startswith("content/articles/eating.md:1: reads at grade ")
    assert problem.endswith("; at most 7. Shorter words and sentences")


def test_an_unknown_topic_is_found(put: Put, check: Check) -> None:
    put(topic="speaking")
    assert "content/articles/eating.md:1: topic speaking is not in content/topics.yml" in check()


def test_a_topic_without_an_article_is_found(folder: Path, check: Check) -> None:
    with (folder / "topics.yml").open("a") as file:
        file.write("    speaking: clearer speech\n")
    assert check() == ["content/topics.yml:1: topic speaking has no article; write content/articles/speaking.md"]


def test_an_answer_that_telegram_would_refuse_is_found(put: Put, check: Check) -> None:
    put(body=EASY_BODY * 5 + "W" * 4000 + ".")
    assert "content/articles/eating.md:1: makes an answer over Telegram's 4096 characters; shorten it" in check()


def test_an_unavoidable_medical_name_counts_like_an_everyday_word() -> None:
    text = "Zygomaticus lifts the lip. Orbicularis shuts the lid."
    easy = reading_grade(text, {"zygomaticus", "orbicularis"})
    assert easy == reading_grade("Doctor lifts the lip. Doctor shuts the lid.", set()) < reading_grade(text, set())


def test_all_that_is_said_to_a_person_is_checked(folder: Path, put: Put) -> None:
    put(body="### A heading\n\n**Bold** words stand here.\n\n- one bullet\n- two bullets " + EASY_BODY)
    article = load_library(folder).articles["eating"]
    prose = spoken(article)
    assert "*" not in prose and "#" not in prose and "\n- " not in prose
    for line in (article.short, article.do[0], article.dont[0], article.get_help[0].text, "Bold words stand here."):
        assert line in prose


@pytest.fixture
def questions(tmp_path: Path) -> Callable[..., list[str]]:
    """Check example questions, each intent with its own."""

    def found(folder: str = "questions", **intents: list[str]) -> list[str]:
        where = tmp_path / "nlu" / folder
        where.mkdir(parents=True)
        lines = ['version: "3.1"', "nlu:"]
        for intent, examples in intents.items():
            lines += [f"- intent: {intent}", "  examples: |", *(f"    - {example}" for example in examples)]
        (where / "examples.yml").write_text("\n".join(lines), encoding="utf-8")
        return [str(problem) for problem in check_questions(tmp_path / "nlu", {"eating", "drinking"})]

    return found


Questions = Callable[..., list[str]]
FILE = "nlu_data/questions/examples.yml"


def test_sound_questions_have_no_problems(questions: Questions) -> None:
    assert questions(eating=["soup runs down my chin"], drinking=["which cup"]) == []


def test_an_intent_that_is_no_topic_is_found(questions: Questions) -> None:
    assert questions(speaking=["hello"]) == [f"{FILE}:3: intent speaking is no topic of content/topics.yml"]


def test_an_intent_outside_the_questions_needs_no_topic(questions: Questions) -> None:
    assert questions(folder="other", greet=["hello"]) == []


@pytest.mark.parametrize("example", ["/greet", "soup [runs](down)", "soup {runs}", "soup ]"])
def test_a_sign_of_the_engines_own_is_found(questions: Questions, example: str) -> None:
    assert questions(eating=[example]) == [f"{FILE}:5: an example may not hold [ ] {{ }} or begin with /"]


def test_an_example_under_two_intents_is_found(questions: Questions) -> None:
    found = questions(eating=["which  Cup"], drinking=["Which cup"])
    where = "questions/examples.yml:5" if found and "(questions/" in found[0] else f"{FILE}:5"
    assert found == [f"{FILE}:8: this example stands under intent eating there ({where}); keep one of the two"]


def test_an_example_that_stands_twice_is_found(questions: Questions) -> None:
    assert questions(eating=["which cup", "which cup"]) == [
        f"{FILE}:6: this example stands there too ({FILE}:5); keep one of the two"
    ]


def test_the_real_articles_are_sound(library: Any, words: Words, content: Path) -> None:
    assert [str(problem) for problem in check_library(library, read_rule_ids(content), words, content)] == []


def test_the_real_questions_are_sound(library: Any) -> None:
    assert [str(problem) for problem in check_questions(ROOT / "nlu_data", library.topics)] == []


def test_an_abbreviation_ends_no_sentence_and_a_colon_does() -> None:
    found = list(sentences("Tape it at 9 p.m. every night: it helps. Is it sore?\nSee Dr. Bell."))
    assert found == ["Tape it at 9 p.m. every night:", "it helps.", "Is it sore?", "See Dr. Bell."]

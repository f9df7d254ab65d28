"""The engine's data and the code agree: every intent has a rule, an action and examples, and none is left over."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from actions.red_flags import ASKED
from actions.requests import RESPONSES
from actions.resources import Resources
from actions.server import ACTIONS
from actions.small_talk import WORDS
from bot.knowledge import Library
from bot.settings import ROOT

OWN = {"tell_more", "no_dosing", "report_new_weakness", "open_article", *ASKED, "alarming_but_harmless"}
# What a tap sends as a command of the engine's own; nobody types it.
NEVER_TYPED = {"open_article"}


def load(name: str) -> dict[str, Any]:
    return dict(yaml.load((ROOT / name).read_text(encoding="utf-8"), yaml.CSafeLoader))


DOMAIN = load("domain.yml")
INTENTS = DOMAIN["intents"]


def handled(step: dict[str, Any]) -> list[str]:
    return [each["intent"] for each in step.get("or", [step])]


RULES = [
    (intent, rule["steps"][1]["action"])
    for rule in load("nlu_data/rules.yml")["rules"]
    for intent in handled(rule["steps"][0])
]


def examples() -> Iterator[tuple[str, list[str]]]:
    for path in sorted((ROOT / "nlu_data").rglob("*.yml")):
        for entry in yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader).get("nlu", []):
            yield entry["intent"], [line[2:] for line in entry["examples"].splitlines() if line.startswith("- ")]


EXAMPLES: Counter[str] = Counter()
for name, lines in examples():
    EXAMPLES[name] += len(lines)


def test_the_intents_are_the_topics_and_the_tables_of_the_actions(library: Library) -> None:
    assert sorted(INTENTS) == sorted(library.topics | set(WORDS) | set(RESPONSES) | OWN)


def test_no_intent_stands_in_two_tables(library: Library) -> None:
    tables = [library.topics, set(WORDS), set(RESPONSES), OWN]
    assert sum(len(table) for table in tables) == len(set().union(*tables))


def test_the_actions_of_the_domain_are_those_of_the_server(resources: Resources) -> None:
    assert sorted(DOMAIN["actions"]) == sorted(action(resources).name() for action in ACTIONS)


@pytest.mark.parametrize("intent", [*INTENTS, "nlu_fallback"])
def test_every_intent_has_exactly_one_rule(intent: str) -> None:
    assert [name for name, _ in RULES].count(intent) == 1


def test_no_rule_is_for_an_intent_that_does_not_exist() -> None:
    assert {name for name, _ in RULES} <= {*INTENTS, "nlu_fallback"}


def test_every_rule_leads_to_the_action_that_knows_its_intent(library: Library) -> None:
    wanted = dict.fromkeys(library.topics, "action_answer_question")
    wanted |= dict.fromkeys(WORDS, "action_small_talk")
    wanted |= dict.fromkeys(RESPONSES, "action_answer_request")
    wanted |= dict.fromkeys(ASKED, "action_ask_red_flag")
    wanted |= {
        "nlu_fallback": "action_miss",
        "alarming_but_harmless": "action_miss",
        "no_dosing": "action_decline_dose",
        "report_new_weakness": "action_report_new_weakness",
        "open_article": "action_open_article",
        "tell_more": "action_tell_more",
    }
    assert dict(RULES) == wanted


def test_every_articles_topic_is_an_intent_with_examples(library: Library) -> None:
    for article in library.articles.values():
        assert article.topic in INTENTS, article.id
        assert EXAMPLES[article.topic] >= 10, article.topic


def test_every_intent_that_people_type_has_examples() -> None:
    assert [intent for intent in INTENTS if EXAMPLES[intent] < 10 and intent not in NEVER_TYPED] == []


def test_there_are_no_examples_of_an_intent_that_does_not_exist() -> None:
    assert set(EXAMPLES) <= set(INTENTS)


def test_every_topic_has_its_file_of_questions(library: Library) -> None:
    files = {path.stem for path in (ROOT / "nlu_data" / "questions").glob("*.yml")}
    assert files == library.topics


def test_what_a_tap_sends_is_known_to_the_domain() -> None:
    assert {"article_id", "part"} <= set(DOMAIN["entities"])
    assert "last_article" in DOMAIN["slots"]

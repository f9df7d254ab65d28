"""All content, loaded and checked at once: what `septimus content check` tells, and `septimus doctor` asks."""

from pathlib import Path

from bot.content_file import Problem
from bot.desk.columns import Columns
from bot.dialogue.check_in import CheckIns
from bot.dialogue.exercise import Exercises
from bot.dialogue.intake import Intakes
from bot.knowledge import Library
from bot.knowledge.library import load_library
from bot.knowledge.lint import check_library, check_questions, read_rule_ids
from bot.referral.bands import Bands
from bot.referral.labelled import check_labelled
from bot.referral.proposal import check_referrals
from bot.stack.demo import Demo
from bot.triage.countries import Countries
from bot.triage.lint import check_rules
from bot.triage.rules import load_rules
from bot.triage.screen import Screen
from bot.words import Words


def check_all(content: Path, questions: Path) -> tuple[Library, list[Problem]]:
    """Return the articles, and every problem found in what could be read.

    Args:
        content: the content folder.
        questions: the folder of example questions.

    Raises:
        ContentError: a file can't be read at all.
    """
    words = Words.load(content / "words.yml")
    screen = Screen.load(content)
    Intakes.load(content, screen.messages, words)
    Countries.load(content / "countries.yml")
    library = load_library(content)
    problems = check_library(library, read_rule_ids(content), words, content)
    problems += check_questions(questions, library.topics)
    problems += check_rules(load_rules(content / "triage"))
    problems += check_referrals(content)
    bands = Bands.load(content)
    problems += check_labelled(content, {**bands.rules.findings, **bands.findings})
    Columns.load(content, bands.findings)
    Demo.load(content)
    Exercises.load(content, frozenset(library.sources), words)
    CheckIns.load(content, library, screen.messages, words)
    return library, problems

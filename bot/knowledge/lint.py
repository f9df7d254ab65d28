"""What `septimus content check` looks for: everything about articles that their types alone cannot say."""

import re
from collections import Counter
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from functools import cache
from pathlib import Path

import spacy
import yaml
from spacy.language import Language
from textstat import textstat

from bot.content_file import Problem
from bot.knowledge.answer import full_answer, short_answer
from bot.knowledge.article import Article
from bot.knowledge.library import Library
from bot.words import Words

MAX_GRADE = 7.0
MAX_SENTENCE_WORDS = 20
MAX_SHORT_WORDS = 60
BODY_WORDS = range(80, 251)
TELEGRAM_TEXT_LIMIT = 4096
_WORD = re.compile(r"[A-Za-z0-9]+(?:['’-][A-Za-z0-9]+)*")
# "20 mg", "2 tablets a day": the bot explains medicines, it never names a dose.
_DOSE = re.compile(r"\b\d+\s?(?:mg|mcg|milligrams?|micrograms?|ml)\b|\b\d+ tablets? (?:a|per) day\b", re.IGNORECASE)


def check_library(library: Library, rule_ids: AbstractSet[str], words: Words, content: Path) -> list[Problem]:
    """Return every fault in the articles, sorted by file.

    Args:
        library: the loaded articles.
        rule_ids: the triage rules that exist.
        words: the bot's own words, for the length of the finished answer.
        content: the content folder, for the list of unavoidable words.
    """
    easy = frozenset((content / "unavoidable_words.txt").read_text(encoding="utf-8").split())
    problems = [
        problem for article in library.articles.values() for problem in _check(article, library, rule_ids, easy)
    ]
    for article in library.articles.values():
        for answer in (short_answer, full_answer):
            if any(len(reply.text) > TELEGRAM_TEXT_LIMIT for reply in answer(article, library, words).replies):
                problems.append(
                    _problem(article, f"makes an answer over Telegram's {TELEGRAM_TEXT_LIMIT} characters; shorten it")
                )
    for topic in sorted(library.topics - set(library.by_topic)):
        problems.append(
            Problem("content/topics.yml", 1, f"topic {topic} has no article; write content/articles/{topic}.md")
        )
    for field in ("title", "label"):
        counted = Counter(getattr(article, field) for article in library.articles.values())
        for article in library.articles.values():
            if counted[getattr(article, field)] > 1:
                problems.append(_problem(article, f"`{field}` stands in another article too; make it its own"))
    return sorted(problems)


def check_questions(folder: Path, topics: AbstractSet[str]) -> list[Problem]:
    """Return faults in the example questions: an example under two intents, Rasa's own signs, an intent unknown."""
    problems: list[Problem] = []
    seen: dict[str, tuple[str, str, int]] = {}
    for path in sorted(folder.rglob("*.yml")):
        name = f"nlu_data/{path.relative_to(folder).as_posix()}"
        lines = path.read_text(encoding="utf-8").splitlines()
        if "nlu:" not in lines:
            continue
        intent = ""
        for number, line in enumerate(lines, 1):
            stripped = line.strip()
            if stripped.startswith("- intent:"):
                intent = stripped.removeprefix("- intent:").strip()
                if path.parent.name == "questions" and intent not in topics:
                    problems.append(Problem(name, number, f"intent {intent} is no topic of content/topics.yml"))
            elif stripped.startswith("- ") and intent:
                example = stripped[2:]
                key = " ".join(example.lower().split())
                if re.search(r"[\[\]{}]", example) or example.startswith("/"):
                    problems.append(Problem(name, number, "an example may not hold [ ] { } or begin with /"))
                if key in seen:
                    other = seen[key]
                    where = f"{other[1]}:{other[2]}"
                    what = "stands there too" if other[0] == intent else f"stands under intent {other[0]} there"
                    problems.append(Problem(name, number, f"this example {what} ({where}); keep one of the two"))
                seen[key] = (intent, name, number)
    return problems


def _check(article: Article, library: Library, rule_ids: AbstractSet[str], easy: AbstractSet[str]) -> list[Problem]:
    found: list[Problem] = []
    if article.topic not in library.topics:
        found.append(_problem(article, f"topic {article.topic} is not in content/topics.yml"))
    for topic in article.see_also:
        if topic not in library.by_topic:
            found.append(_problem(article, f"`see_also` leads to {topic}, which has no article"))
        if topic == article.topic:
            found.append(_problem(article, "`see_also` leads back to the article's own topic"))
    for line in article.get_help:
        for rule in line.rules:
            if rule not in rule_ids:
                found.append(_problem(article, f"rule {rule} is not in content/triage/rules.yml"))
    if (count := len(_WORD.findall(article.short))) > MAX_SHORT_WORDS:
        found.append(_problem(article, f"`short` has {count} words; at most {MAX_SHORT_WORDS}"))
    if (count := len(_WORD.findall(article.body))) not in BODY_WORDS:
        found.append(_problem(article, f"the body has {count} words; {BODY_WORDS.start} to {BODY_WORDS.stop - 1}"))
    prose = spoken(article)
    for sentence in sentences(prose):
        if (count := len(_WORD.findall(sentence))) > MAX_SENTENCE_WORDS:
            found.append(
                _problem(article, f"a sentence of {count} words (at most {MAX_SENTENCE_WORDS}): {sentence[:60]}...")
            )
    if (grade := reading_grade(prose, easy)) > MAX_GRADE:
        found.append(
            _problem(article, f"reads at grade {grade:.1f}; at most {MAX_GRADE:.0f}. Shorter words and sentences")
        )
    if (dose := _DOSE.search(prose)) is not None:
        found.append(_problem(article, f"names a dose ({dose.group()}); the bot never does"))
    if re.search(r"\b(?:bad|affected|good) side\b", prose, re.IGNORECASE):
        found.append(_problem(article, "say 'weak side' and 'other side'"))
    return found


def spoken(article: Article) -> str:
    """Return all that an article says to a person, as plain text with one line or paragraph a line."""
    body = re.sub(r"\*+|^#+ +|^- ", "", article.body, flags=re.MULTILINE)
    lines = [article.short, body, *article.do, *article.dont, *(line.text for line in article.get_help)]
    return "\n".join(line if line.rstrip().endswith((".", "!", "?", ":")) else f"{line}." for line in lines)


def sentences(prose: str) -> Iterator[str]:
    """Yield the sentences of plain text, each of one line; what a colon leads in is a sentence of its own."""
    for line in filter(None, prose.splitlines()):
        yield from (sentence.text for sentence in _splitter()(line).sents)


@cache
def _splitter() -> Language:
    """Return spaCy's rules for English without a model: they know that "a.m." and "Dr." end no sentence."""
    language = spacy.blank("en")
    language.add_pipe("sentencizer", config={"punct_chars": [".", "!", "?", ":"]})
    return language


def reading_grade(text: str, easy: AbstractSet[str]) -> float:
    """Return the Flesch-Kincaid grade, with unavoidable medical names counted as words of two syllables."""
    plain = _WORD.sub(lambda word: "doctor" if word.group().lower().removesuffix("'s") in easy else word.group(), text)
    return float(textstat.flesch_kincaid_grade(plain))


def _problem(article: Article, message: str) -> Problem:
    return Problem(f"content/articles/{article.id}.md", 1, message)


def read_rule_ids(content: Path) -> frozenset[str]:
    """Return the ids of the triage rules, for checking links to them."""
    document = yaml.safe_load((content / "triage" / "rules.yml").read_text(encoding="utf-8"))
    return frozenset(rule["id"] for rule in document["rules"])

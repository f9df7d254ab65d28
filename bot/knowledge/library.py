"""All articles together: loaded once, checked as a whole, looked up by id or topic."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import structlog
from pydantic import RootModel

from bot.content_file import ContentError, Problem, Strict, name_of, read, unreviewed
from bot.knowledge.article import Article, parse_article
from bot.knowledge.search import SearchIndex

log = structlog.get_logger()


class Source(Strict):
    """Where a fact comes from. `tier` A is a guideline or official body, B a service's page, C a secondary summary."""

    title: str
    year: int | None
    tier: str
    link: str | None

    def cited(self) -> str:
        """Return the source as a reader sees it: title and year."""
        return f"{self.title} ({self.year})" if self.year else self.title


@dataclass(frozen=True)
class Library:
    """Every article by id, the topics in their groups, and the sources."""

    articles: Mapping[str, Article]
    groups: Mapping[str, Mapping[str, str]]
    sources: Mapping[str, Source]
    questions: Mapping[str, tuple[str, ...]]

    @cached_property
    def topics(self) -> frozenset[str]:
        """Every topic a person can ask about."""
        return frozenset(topic for group in self.groups.values() for topic in group)

    @cached_property
    def by_topic(self) -> Mapping[str, tuple[Article, ...]]:
        """The articles of each topic: the one named like the topic first, then by id."""
        found: dict[str, list[Article]] = {}
        for article in sorted(self.articles.values(), key=lambda each: (each.id != each.topic, each.id)):
            found.setdefault(article.topic, []).append(article)
        return {topic: tuple(articles) for topic, articles in found.items()}

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """Every word, in lower case, of our own articles and example questions."""
        texts = [line for lines in self.questions.values() for line in lines]
        texts += [f"{article.title} {article.short} {article.body}" for article in self.articles.values()]
        words = (word.replace("’", "'") for text in texts for word in re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)*", text))
        return frozenset(word.lower() for word in words)

    @cached_property
    def index(self) -> SearchIndex:
        """The plain search over titles, questions and texts."""
        return SearchIndex(self.articles.values(), self.questions)

    def about(self, topic: str, text: str = "") -> Article | None:
        """Return the article on a topic; where it has several, the one nearest in words to `text`."""
        articles = self.by_topic.get(topic, ())
        if len(articles) > 1 and text:
            return self.articles[self.index.best_of([article.id for article in articles], text)]
        return articles[0] if articles else None


def load_library(content: Path, *, must_be_reviewed: bool = False) -> Library:
    """Read all articles, topics, sources and example questions.

    Args:
        content: the content folder; the example questions lie beside it, in `nlu_data/questions/`.
        must_be_reviewed: refuse content of any kind that no clinician has reviewed (production).

    Raises:
        ContentError: with every problem found.
    """
    problems: list[Problem] = []
    articles: dict[str, Article] = {}
    for path in sorted((content / "articles").glob("*.md")):
        try:
            article = parse_article(path)
        except ContentError as error:
            problems += error.problems
            continue
        if article.id != path.stem:
            problems.append(Problem(name_of(path), 2, f"`id` is {article.id}; it must be the file's name, {path.stem}"))
        if must_be_reviewed and not article.reviewed_by:
            problems.append(
                Problem(name_of(path), 1, "is not reviewed; production mode needs `reviewed_by` and `review_due`")
            )
        articles[article.id] = article
    topics, _ = read(content / "topics.yml", _TopicsFile)
    sources, _ = read(content / "sources.yml", _SourcesFile)
    for article in articles.values():
        problems += [
            Problem(
                f"content/articles/{article.id}.md", 1, f"source {key} is not in content/sources.yml; add it there."
            )
            for key in article.sources
            if key not in sources.root
        ]
    if must_be_reviewed:
        problems += unreviewed(content)
    if problems:
        raise ContentError(problems)
    return Library(articles, topics.groups, sources.root, read_questions(content.parent / "nlu_data" / "questions"))


class _TopicsFile(Strict):
    groups: dict[str, dict[str, str]]


class _SourcesFile(RootModel[dict[str, Source]]):
    pass


class _Intent(Strict):
    intent: str
    examples: str


class _QuestionsFile(Strict):
    version: str
    nlu: tuple[_Intent, ...]


def read_questions(folder: Path) -> dict[str, tuple[str, ...]]:
    """Return the example questions by intent, as written in Rasa's training format.

    Raises:
        ContentError: a file is not in that format.
    """
    questions: dict[str, tuple[str, ...]] = {}
    for path in sorted(folder.glob("*.yml")):
        file, _ = read(path, _QuestionsFile)
        for entry in file.nlu:
            lines = entry.examples.splitlines()
            questions[entry.intent] = tuple(line.strip()[2:] for line in lines if line.strip().startswith("- "))
    return questions


class Shelf:
    """Holds the current library; in development it looks for changed files and loads them anew.

    A change that does not load leaves the last good library in use and logs what is wrong.
    """

    def __init__(self, content: Path, *, reload: bool, must_be_reviewed: bool, clock: Callable[[], float]) -> None:
        self._content, self._reload, self._strict, self._clock = content, reload, must_be_reviewed, clock
        self._library = load_library(content, must_be_reviewed=must_be_reviewed)
        self._seen, self._checked = self._stamp(), clock()

    @property
    def library(self) -> Library:
        """The library as the files stand now (looked at once a second at most)."""
        if self._reload and self._clock() - self._checked >= 1.0:
            self._checked = self._clock()
            stamp = self._stamp()
            if stamp != self._seen:
                self._seen = stamp
                try:
                    self._library = load_library(self._content, must_be_reviewed=self._strict)
                    log.info("content.reloaded", articles=len(self._library.articles))
                except ContentError as error:
                    log.error("content.broken", problems=[str(problem) for problem in error.problems])
        return self._library

    def _stamp(self) -> tuple[tuple[str, int], ...]:
        files = [*self._content.rglob("*.md"), *self._content.glob("*.yml")]
        return tuple(sorted((str(path), path.stat().st_mtime_ns) for path in files))

"""Plain search of the knowledge base: BM25 over words, for when the engine is away or unsure.

The index is SQLite's own full-text search (FTS5, porter stemmer) in memory: no file, no state beyond the articles.
"""

import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.knowledge.article import Article

# Titles say most. A topic has hundreds of example questions, in which nearly every word stands somewhere: they hint,
# and must not drown the rest.
_WEIGHTS = (8.0, 0.5, 2.0, 1.0)
_OWN_WORDS = (6.0, 0.0, 2.0, 1.0)
_CLEARLY = 1.15
_WORD = re.compile(r"[^\W_]{2,40}")
_MAX_WORDS = 60
# Words that carry no topic. Without them a long worried message would match whatever article is longest.
_EMPTY_WORDS = frozenset(
    "the and for are was were with this that have has had not but you your my mine me our his her its they them "
    "from what when where which who why how can could should would will shall may might does did do is it im ive "
    "am to of in on at as be been an or if so just get got any some there their then than too also please help hi "
    "hello thanks still really very about know want need going after before out up".split()
)


@dataclass(frozen=True, slots=True)
class Found:
    """A search result. `score` is BM25 made positive: larger is nearer; only its order means something."""

    article: str
    score: float


class SearchIndex:
    """An in-memory full-text index over articles and their example questions."""

    def __init__(self, articles: Iterable[Article], questions: Mapping[str, tuple[str, ...]]) -> None:
        self._db = sqlite3.connect(":memory:", check_same_thread=False)
        self._db.execute(
            "CREATE VIRTUAL TABLE articles "
            "USING fts5(id UNINDEXED, title, questions, short, body, tokenize='porter unicode61')"
        )
        self._db.executemany(
            "INSERT INTO articles VALUES (?, ?, ?, ?, ?)",
            [
                (
                    article.id,
                    f"{article.title} {article.label} {article.topic.replace('-', ' ')}",
                    "\n".join(questions.get(article.topic, ())),
                    article.short,
                    " ".join((article.body, *article.do, *article.dont)),
                )
                for article in articles
            ],
        )

    def search(self, text: str, limit: int = 4, *, by_questions: bool = True) -> list[Found]:
        """Return the articles nearest in words to `text`, best first; none when no topical word matches.

        Args:
            text: what was said.
            limit: how many at most.
            by_questions: whether the example questions count, or the articles' own words alone.
        """
        words = _topical_words(text)
        return self._ranked(words, _WEIGHTS if by_questions else _OWN_WORDS, limit) if words else []

    def best_of(self, articles: Sequence[str], text: str) -> str:
        """Return which of one topic's articles is nearest to `text`; the first, unless another is clearly ahead.

        The example questions are left out: all articles of a topic share them.
        """
        words = _topical_words(text)
        own = self._ranked(words, _OWN_WORDS, len(articles), among=articles) if words else []
        first = next((each.score for each in own if each.article == articles[0]), 0.0)
        return own[0].article if own and own[0].score > first * _CLEARLY else articles[0]

    def _ranked(
        self, words: Sequence[str], weights: tuple[float, ...], limit: int, *, among: Sequence[str] = ()
    ) -> list[Found]:
        """The best results, of all articles or `among` some: only those are then weighed, however many match."""
        query = " OR ".join(f'"{word}"' for word in dict.fromkeys(words))
        only = f"AND id IN ({', '.join('?' * len(among))}) " if among else ""
        rows = self._db.execute(
            "SELECT id, bm25(articles, 0.0, ?, ?, ?, ?) AS score FROM articles "  # noqa: S608 - only question marks
            f"WHERE articles MATCH ? {only}ORDER BY score LIMIT ?",
            (*weights, query, *among, limit),
        )
        return [Found(str(row[0]), -float(row[1])) for row in rows]


def _topical_words(text: str) -> list[str]:
    return [word for word in _WORD.findall(text.lower()) if word not in _EMPTY_WORDS][:_MAX_WORDS]

"""The plain answer, for when the engine is away: a search of the knowledge base, and an honest line about it."""

from collections.abc import Sequence

from bot.knowledge.answer import full_answer, offer, short_answer
from bot.knowledge.article import Article
from bot.knowledge.library import Library
from bot.knowledge.search import Found
from bot.outcome import Kind, Outcome, Reply
from bot.payload import Press
from bot.words import Words

# How far ahead of the second the best result must be to be told as the answer (a ratio of BM25 scores).
CLEAR_LEAD = 1.25


def answer(text: str, library: Library, words: Words) -> Outcome:
    """Answer from plain search: the best article when it is clearly ahead, otherwise the nearest three to choose."""
    found = library.index.search(text, limit=4)
    articles = [library.articles[each.article] for each in found]
    if not found:
        outcome = offer(Kind.FALLBACK, words("clarify.nothing"), [], words)
    elif _leads(found, articles):
        others = dict.fromkeys(article.topic for article in articles if article.topic != articles[0].topic)
        outcome = short_answer(articles[0], library, words, tuple(others))
    else:
        outcome = offer(Kind.CLARIFY, words("clarify.ask"), articles, words)
    first, *rest = outcome.replies
    simpler = first.model_copy(update={"text": f"{words('plain.simpler')}\n\n{first.text}"})
    return outcome.model_copy(update={"replies": (simpler, *rest)})


def _leads(found: Sequence[Found], articles: Sequence[Article]) -> bool:
    """Whether the best result is clearly ahead of the first on another topic; articles of one topic don't compete."""
    rivals = (each.score for each, article in zip(found, articles, strict=True) if article.topic != articles[0].topic)
    return found[0].score >= CLEAR_LEAD * next(rivals, 0.0)


def open_article(press: Press, library: Library, words: Words) -> Outcome:
    """Show the article of a tapped button; no understanding is needed for that, so nothing is said of the engine."""
    article = library.articles.get(press.argument)
    if article is None:
        return Outcome(kind=Kind.FALLBACK, replies=(Reply(text=words("answer.gone")),))
    return full_answer(article, library, words) if press.verb == "more" else short_answer(article, library, words)

"""The making of an answer: passages of an article, word for word, with source, review state and buttons."""

from collections.abc import Iterable, Sequence

from bot.knowledge.article import Article
from bot.knowledge.library import Library
from bot.outcome import Button, Kind, Outcome, Reply
from bot.payload import payload
from bot.words import Words

MAX_NEIGHBOURS = 2
MAX_OTHERS = 3
"""Buttons to other articles: what may have been meant instead comes first, then the article's neighbours."""


def short_answer(article: Article, library: Library, words: Words, alternatives: Sequence[str] = ()) -> Outcome:
    """Answer with an article's short passage, when to get help, its source, and buttons for what people do next.

    Args:
        article: the article that answers.
        library: where its neighbours and sources are found.
        words: the bot's own words.
        alternatives: topics ranked next, best first.
    """
    parts = [f"**{article.title}**", article.short]
    pressing = next((line for line in article.get_help if line.rules[0][0] in "ED"), None)
    if pressing:
        parts.append(words("answer.get_help", text=pressing.text))
    parts.append(provenance_line(article, library, words))
    buttons = [Button(title=words("answer.more"), payload=payload("more", article.id))]
    meant = [other for topic in alternatives[:MAX_NEIGHBOURS] if (other := library.about(topic)) is not None]
    others = {other.id: other for other in (*meant, *_neighbours(article, library)) if other.id != article.id}
    buttons += article_buttons(list(others.values())[:MAX_OTHERS])
    buttons += feedback_buttons(article, words)
    return _outcome(
        article, parts, buttons, alternatives, tells_red_flags=pressing is not None and pressing.rules[0][0] == "E"
    )


def full_answer(article: Article, library: Library, words: Words) -> Outcome:
    """Answer with all of an article: body, do, don't, when to get help, every source with its link."""
    parts = [f"**{article.title}**", article.body]
    for heading, lines in (("answer.do", article.do), ("answer.dont", article.dont)):
        if lines:
            parts.append(_list(words(heading), lines))
    parts.append(_list(words("answer.when"), [line.text for line in article.get_help]))
    cited = [library.sources[key] for key in article.sources]
    parts.append(
        _list(
            words("answer.sources"),
            [f"{source.cited()} {source.link}" if source.link else source.cited() for source in cited],
        )
    )
    if not article.reviewed_by:
        parts.append(words("answer.unreviewed"))
    buttons = [*article_buttons(_neighbours(article, library)), *feedback_buttons(article, words)]
    tells = any(rule.startswith("E") for line in article.get_help for rule in line.rules)
    return _outcome(article, parts, buttons, (), tells_red_flags=tells)


def offer(kind: Kind, lead: str, articles: Sequence[Article], words: Words) -> Outcome:
    """Offer up to three articles as buttons under a leading line: to ask which is meant, or to show the nearest."""
    buttons = article_buttons(articles[:3])
    if articles:
        buttons.append(Button(title=words("clarify.none"), payload=payload("none", "of_these")))
    topics = tuple(dict.fromkeys(article.topic for article in articles[:3]))
    return Outcome(kind=kind, alternatives=topics, replies=(Reply(text=lead, buttons=tuple(buttons)),))


def article_buttons(articles: Iterable[Article]) -> list[Button]:
    """Return a button for each article, named in people's own words."""
    return [Button(title=article.label, payload=payload("open", article.id)) for article in articles]


def feedback_buttons(article: Article, words: Words) -> list[Button]:
    """Return the two buttons that say whether an article helped."""
    return [
        Button(title=words("answer.good"), payload=payload("good", article.id)),
        Button(title=words("answer.bad"), payload=payload("bad", article.id)),
    ]


def provenance_line(article: Article, library: Library, words: Words) -> str:
    """Return the line that names an article's first source, and says so while no clinician has reviewed it."""
    first, count = library.sources[article.sources[0]].cited(), len(article.sources) - 1
    cited = words("answer.more_sources", first=first, count=count) if count else first
    line = words("answer.source", sources=cited)
    return line if article.reviewed_by else f"{line}\n{words('answer.unreviewed')}"


def _neighbours(article: Article, library: Library) -> list[Article]:
    near = (library.about(topic) for topic in article.see_also)
    return [neighbour for neighbour in near if neighbour is not None][:MAX_NEIGHBOURS]


def _list(heading: str, lines: Iterable[str]) -> str:
    return "\n".join([heading, *(f"- {line}" for line in lines)])


def _outcome(
    article: Article,
    parts: Sequence[str],
    buttons: Sequence[Button],
    alternatives: Sequence[str],
    *,
    tells_red_flags: bool,
) -> Outcome:
    return Outcome(
        kind=Kind.ANSWER,
        topic=article.topic,
        article=article.id,
        alternatives=tuple(alternatives),
        asks_red_flags=tells_red_flags,
        replies=(Reply(text="\n\n".join(parts), buttons=tuple(buttons)),),
    )

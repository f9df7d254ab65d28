"""Questions: the article that answers, the few that may, or an honest miss."""

from typing import Any

from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker
from rasa_sdk.types import DomainDict

from actions.resources import Resources, entity_of, intent_of, ranking_of, say, text_of
from bot.knowledge.answer import full_answer, offer, short_answer
from bot.knowledge.article import Article
from bot.knowledge.decide import decide
from bot.outcome import Kind, Outcome, Reply

Events = list[dict[str, Any]]


class AnswerQuestion(Action):
    """Answers what was asked, or asks which of a few things was meant."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def name(self) -> str:
        """The name in the domain."""
        return "action_answer_question"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> Events:
        """Decide from the engine's ranking and answer."""
        library, words, text = self._resources.library, self._resources.words, text_of(tracker)
        decision = decide(ranking_of(tracker, library))
        articles = [article for topic in decision.topics if (article := library.about(topic, text))]
        if decision.do == "answer" and articles:
            say(dispatcher, short_answer(articles[0], library, words, decision.topics[1:]))
            return [SlotSet("last_article", articles[0].id)]
        if decision.do == "clarify" and articles:
            say(dispatcher, offer(Kind.CLARIFY, words("clarify.ask"), articles, words))
            return []
        return _miss(self._resources, dispatcher, text, articles)


class OpenArticle(Action):
    """Shows the article of a tapped button, short or whole."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def name(self) -> str:
        """The name in the domain."""
        return "action_open_article"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> Events:
        """Show it, or say that it is gone."""
        article = self._resources.library.articles.get(entity_of(tracker, "article_id"))
        return _show(self._resources, dispatcher, article, whole=entity_of(tracker, "part") == "whole")


class TellMore(Action):
    """Shows all of the article that was just told ("more", "go on", "why")."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def name(self) -> str:
        """The name in the domain."""
        return "action_tell_more"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> Events:
        """Show the last article whole; without one, ask what they want to know."""
        last = tracker.get_slot("last_article")
        if last is None:
            reply = Reply(text=self._resources.words("smalltalk.unsure"))
            say(dispatcher, Outcome(kind=Kind.SMALLTALK, replies=(reply,)))
            return []
        return _show(self._resources, dispatcher, self._resources.library.articles.get(last), whole=True)


class Miss(Action):
    """Admits not knowing, with the nearest articles by plain search."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def name(self) -> str:
        """The name in the domain."""
        return "action_miss"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> Events:
        """Offer the nearest, never a guess told as an answer."""
        library, text = self._resources.library, text_of(tracker)
        if intent_of(tracker) in library.topics:
            return await AnswerQuestion(self._resources).run(dispatcher, tracker, domain)
        ranked = [article for topic, _ in ranking_of(tracker, library)[:3] if (article := library.about(topic, text))]
        return _miss(self._resources, dispatcher, text, ranked)


def _show(resources: Resources, dispatcher: CollectingDispatcher, article: Article | None, *, whole: bool) -> Events:
    library, words = resources.library, resources.words
    if article is None:
        say(dispatcher, Outcome(kind=Kind.FALLBACK, replies=(Reply(text=words("answer.gone")),)))
        return []
    say(dispatcher, full_answer(article, library, words) if whole else short_answer(article, library, words))
    return [SlotSet("last_article", article.id)]


def _miss(resources: Resources, dispatcher: CollectingDispatcher, text: str, ranked: list[Article]) -> Events:
    library, words = resources.library, resources.words
    searched = [library.articles[found.article] for found in library.index.search(text, limit=3)]
    nearest = list({article.id: article for article in (*searched, *ranked)}.values())[:3] if searched else []
    lead = words("clarify.nearest") if nearest else words("clarify.nothing")
    say(dispatcher, offer(Kind.FALLBACK, lead, nearest, words))
    return []

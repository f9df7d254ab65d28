"""Requests that are no questions: a dose, a diagnosis, a person, reminders, their data, something else entirely."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker
from rasa_sdk.types import DomainDict

from actions.resources import Resources, intent_of, ranking_of, say, text_of
from bot.knowledge.answer import offer, short_answer
from bot.knowledge.article import Article
from bot.outcome import Kind, Outcome, Reply


@dataclass(frozen=True, slots=True)
class Response:
    """How a request is met: what kind it is, the bot's own words, and the article that goes with them."""

    kind: Kind
    words: str
    topic: str | None = None


RESPONSES: Mapping[str, Response] = {
    "ask_diagnosis": Response(Kind.OUT_OF_SCOPE, "requests.diagnosis", "diagnosis-tests"),
    "out_of_scope": Response(Kind.OUT_OF_SCOPE, "requests.out_of_scope"),
    "ask_person": Response(Kind.HANDOFF, "requests.person"),
    "my_data": Response(Kind.ACCOUNT, "requests.my_data"),
    "ask_reminder": Response(Kind.REMINDER, "requests.reminder", "exercises-how-often"),
    "ask_exercise_session": Response(Kind.EXERCISE, "requests.exercise", "exercises-when-to-start"),
    "feeling_low": Response(Kind.ANSWER, "requests.feeling_low", "emotional-wellbeing"),
}
NEAR = 0.2
"""How likely (0 to 1) a topic must be to be offered beside the word that something is out of scope."""

MEDICINE_TOPICS = frozenset(
    {"steroids", "antivirals", "steroid-side-effects", "eye-drops-choice", "botox", "vitamins-diet", "vaccines"}
)


class AnswerRequest(Action):
    """Meets a request with the bot's own words, and the article that goes with them."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def name(self) -> str:
        """The name in the domain."""
        return "action_answer_request"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[Any]:
        """Meet the request of the intent; an intent without a row counts as out of scope."""
        response = RESPONSES.get(intent_of(tracker), RESPONSES["out_of_scope"])
        article = self._resources.library.about(response.topic) if response.topic else None
        number = self._resources.country(tracker).emergency_number
        if response.words == "requests.out_of_scope":
            return _decline(self._resources, dispatcher, tracker)
        return _meet(self._resources, dispatcher, response, article, number)


class DeclineDose(Action):
    """Declines to dose, tells what the article says about the medicine, and names who to ask."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def name(self) -> str:
        """The name in the domain."""
        return "action_decline_dose"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[Any]:
        """Find the medicine by words first, by the engine's ranking next; without either, only decline."""
        library = self._resources.library
        found = library.index.search(text_of(tracker), limit=len(library.articles), by_questions=False)
        searched = [library.articles[each.article].topic for each in found]
        ranked = [topic for topic, confidence in ranking_of(tracker, library) if confidence >= 0.02]
        topic = next((topic for topic in (*searched, *ranked) if topic in MEDICINE_TOPICS), None)
        response = Response(Kind.NO_DOSING, "requests.no_dosing", topic)
        return _meet(self._resources, dispatcher, response, library.about(topic) if topic else None, "")


def _decline(resources: Resources, dispatcher: CollectingDispatcher, tracker: Tracker) -> list[Any]:
    """Say kindly that it is none of ours, with what comes near when something does."""
    library, words = resources.library, resources.words
    near = [topic for topic, confidence in ranking_of(tracker, library)[:2] if confidence >= NEAR]
    articles = [article for topic in near if (article := library.about(topic, text_of(tracker)))]
    if not articles:
        say(dispatcher, _outcome(RESPONSES["out_of_scope"], (Reply(text=words("requests.out_of_scope")),)))
        return []
    offered = offer(Kind.OUT_OF_SCOPE, words("requests.out_of_scope_near"), articles, words)
    say(dispatcher, offered.model_copy(update={"out_of_scope": True}))
    return []


def _meet(
    resources: Resources, dispatcher: CollectingDispatcher, response: Response, article: Article | None, number: str
) -> list[Any]:
    words = resources.words
    replies: tuple[Reply, ...] = (Reply(text=words(response.words, number=number)),)
    if article is None:
        say(dispatcher, _outcome(response, replies))
        return []
    told = short_answer(article, resources.library, words)
    say(dispatcher, _outcome(response, replies + told.replies, told))
    return [SlotSet("last_article", article.id)]


def _outcome(response: Response, replies: tuple[Reply, ...], told: Outcome | None = None) -> Outcome:
    return Outcome(
        kind=response.kind,
        replies=replies,
        topic=told.topic if told else None,
        article=told.article if told else None,
        asks_red_flags=told.asks_red_flags if told else False,
        out_of_scope=response.kind is Kind.OUT_OF_SCOPE,
    )

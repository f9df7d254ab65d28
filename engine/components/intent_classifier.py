"""What a message asks: three views of it, weighed together (see `ranker`).

Beside it an alarm (see `alarm`) listens for emergencies and crises that the screen's cues did not foresee. It may only
raise: above its threshold its intent goes before all others, and what follows is a direct question.

All of it is the same for the same input.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, List, Optional, Text

import joblib
import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import INTENT, INTENT_RANKING_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from engine.components.alarm import Alarm
from engine.components.encoder import SentenceEncoder, ready
from engine.components.ranker import Ranker, Words, outside

_FILE = "classifier.joblib"
# The intents of the second layer; the last is what only sounds alarming, and is learnt from but never answered.
ALARMS = ("may_be_emergency", "may_be_crisis")
HARMLESS = "alarming_but_harmless"
# What no article answers.
OUTSIDE = "out_of_scope"
_THREADS_TO_TRAIN = 2
_ONE_OF = 4
"""One of so many ordinary questions is heard by the alarm as harmless: with all of them it would hardly ever ring."""


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class LogLinearClassifier(GraphComponent, IntentClassifier):
    """Ranks all intents for a message. It reads the text itself: no tokenizer or featurizer stands before it."""

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        """Settings of config.yml and their defaults.

        `alarm_threshold` is how likely a red flag must be to be asked about, as log odds (see `alarm.Alarm.hear`).
        `outside_threshold` is how far out a message must lie (see `ranker.outside`) for out_of_scope to go first;
        `make understanding` gives the value at which 3 % of real questions are refused.
        `not_topics` are the intents that no article answers.
        """
        return {
            "alarm_threshold": -2.1,
            "outside_threshold": 0.0,
            "not_topics": [],
            "ranking_length": 10,
            "random_state": 42,
        }

    def __init__(self, config: Dict[Text, Any], storage: ModelStorage, resource: Resource) -> None:
        self._config, self._storage, self._resource = config, storage, resource
        self._encoder: Any = None
        self._words: Any = None
        self._ranker: Any = None
        self._alarm: Any = None

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "LogLinearClassifier":
        """Make an untrained classifier."""
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> "LogLinearClassifier":
        """Load a trained classifier."""
        loaded = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as folder:
            loaded._words, loaded._ranker, loaded._alarm = joblib.load(folder / _FILE)
            loaded._encoder = SentenceEncoder(ready())
        return loaded

    def train(self, training_data: TrainingData) -> Resource:
        """Train everything and store it."""
        with self._storage.write_to(self._resource) as folder:
            examples = sorted((example.get(TEXT), example.get(INTENT)) for example in training_data.intent_examples)
            texts = [text for text, _ in examples]
            intents = np.array([intent for _, intent in examples])
            asked = ~np.isin(intents, [*ALARMS, HARMLESS])
            heard = ~asked
            heard[np.flatnonzero(asked)[::_ONE_OF]] = True
            labels = np.where(np.isin(intents, ALARMS), intents, HARMLESS)[heard]
            self._alarm = None if asked.all() else Alarm(ALARMS)
            with ThreadPoolExecutor(1) as beside:
                # Embedding takes longest; what needs words alone is learnt meanwhile.
                encoded = beside.submit(SentenceEncoder(ready(), threads=_THREADS_TO_TRAIN).encode, texts)
                self._words = Words()
                words = self._words.fit(texts)
                self._ranker = Ranker().fit_words(words[asked], intents[asked])
                if self._alarm is not None:
                    self._alarm.fit_words(words[heard], labels)
                meaning = encoded.result()
                ranked = beside.submit(self._ranker.fit_meaning, meaning[asked], intents[asked])
                if self._alarm is not None:
                    self._alarm.fit_meaning(meaning[heard], labels)
                ranked.result()
            self._encoder = SentenceEncoder(ready())
            joblib.dump((self._words, self._ranker, self._alarm), folder / _FILE)
        return self._resource

    def process(self, messages: List[Message]) -> List[Message]:
        """Rank the intents of each message; one without text is left alone."""
        for message in messages:
            text: Optional[Text] = message.get(TEXT)
            if not text or self._ranker is None:
                continue
            words, meaning = self._words([text]), self._encoder.encode([text])
            nearest = self._ranker.nearest(meaning)
            likely = self._ranker.probabilities(words, meaning, nearest)
            best = np.argsort(-likely[0])[: self._config["ranking_length"]]
            ranking = [{"name": str(self._ranker.classes[i]), "confidence": float(likely[0, i])} for i in best]
            if ranking[0]["name"] in self._topics() and self._is_outside(likely, nearest):
                ranking = [{"name": OUTSIDE, "confidence": ranking[0]["confidence"]}, *ranking]
            for alarm in self._red_flag(words, meaning):
                # Never below what follows: the fallback takes a first that is less sure than its second for confusion.
                ranking = [{**alarm, "confidence": max(alarm["confidence"], ranking[0]["confidence"])}, *ranking]
            message.set(INTENT, ranking[0], add_to_output=True)
            message.set(INTENT_RANKING_KEY, ranking, add_to_output=True)
        return messages

    def _topics(self) -> np.ndarray:
        return np.setdiff1d(self._ranker.classes, [OUTSIDE, *self._config["not_topics"]])

    def _is_outside(self, likely: np.ndarray, nearest: np.ndarray) -> bool:
        """Whether a message that looks like a question on a topic lies too far from all of them."""
        if OUTSIDE not in self._ranker.classes:
            return False
        far = outside(likely, self._ranker.classes, OUTSIDE, self._topics(), nearest)
        return bool(far[0] > self._config["outside_threshold"])

    def _red_flag(self, words: Any, meaning: np.ndarray) -> List[Dict[Text, Any]]:
        """Return the red flag a message may hold, the likelier of the two, when the odds reach the threshold."""
        if self._alarm is None:
            return []
        odds, kinds = self._alarm.hear(words, meaning)
        if odds[0] < self._config["alarm_threshold"]:
            return []
        return [{"name": ALARMS[int(np.argmax(kinds[0]))], "confidence": float(1 / (1 + np.exp(-odds[0])))}]

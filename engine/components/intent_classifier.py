"""What a message asks: the mean of two linear classifiers, one over words and letters, one over sentence embeddings.

Beside it a second pair listens for emergencies and crises that the screen's cues did not foresee. It may only raise:
above its threshold its intent goes before all others, and what follows is a direct question.

The first knows names and typos, the second knows meaning; averaged they beat either alone. Both train in seconds and
are the same for the same input.
"""

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
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_union
from sklearn.svm import LinearSVC

from engine.components.minilm import SentenceEncoder, build

_FILE = "classifier.joblib"
# The intents of the second layer; the last is what only sounds alarming, and is learnt from but never answered.
ALARMS = ("may_be_emergency", "may_be_crisis")
HARMLESS = "alarming_but_harmless"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class AveragedLinearClassifier(GraphComponent, IntentClassifier):
    """Ranks all intents for a message. It reads the text itself: no tokenizer or featurizer stands before it."""

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        """Settings of config.yml and their defaults.

        `sharpness` turns the linear machine's margins into probabilities (a softmax's inverse temperature).
        `alarm_threshold` is how likely a red flag must be to be asked about.
        """
        return {
            "words_c": 0.5,
            "embeddings_c": 20.0,
            "sharpness": 4.0,
            "alarm_threshold": 0.25,
            "ranking_length": 10,
            "random_state": 42,
        }

    def __init__(self, config: Dict[Text, Any], storage: ModelStorage, resource: Resource) -> None:
        self._config, self._storage, self._resource = config, storage, resource
        self._encoder: Any = None
        self._features: Any = None
        self._words: Any = None
        self._meaning: Any = None
        self._alarms: Any = None

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "AveragedLinearClassifier":
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
    ) -> "AveragedLinearClassifier":
        """Load a trained classifier."""
        loaded = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as folder:
            loaded._features, loaded._words, loaded._meaning, loaded._alarms = joblib.load(folder / _FILE)
            loaded._encoder = SentenceEncoder(folder)
        return loaded

    def train(self, training_data: TrainingData) -> Resource:
        """Train both classifiers and store them."""
        with self._storage.write_to(self._resource) as folder:
            build(folder)
            self._encoder = SentenceEncoder(folder)
            examples = sorted((example.get(TEXT), example.get(INTENT)) for example in training_data.intent_examples)
            texts = [text for text, _ in examples]
            intents = np.array([intent for _, intent in examples])
            self._features = make_union(
                TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, strip_accents="unicode"),
                TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2),
            ).fit(texts)
            words, meaning = self._features.transform(texts), self._encoder.encode(texts)
            seed, mild = self._config["random_state"], self._config["embeddings_c"]
            asked = ~np.isin(intents, [*ALARMS, HARMLESS])
            self._words = LinearSVC(C=self._config["words_c"], random_state=seed).fit(words[asked], intents[asked])
            self._meaning = LogisticRegression(C=mild, max_iter=300, random_state=seed).fit(
                meaning[asked], intents[asked]
            )
            self._alarms = None
            if not asked.all():
                alarms = np.where(np.isin(intents, ALARMS), intents, HARMLESS)
                self._alarms = (
                    LogisticRegression(C=mild, max_iter=300, random_state=seed).fit(words, alarms),
                    LogisticRegression(C=mild, max_iter=300, random_state=seed).fit(meaning, alarms),
                )
            joblib.dump((self._features, self._words, self._meaning, self._alarms), folder / _FILE)
        return self._resource

    def process(self, messages: List[Message]) -> List[Message]:
        """Rank the intents of each message; one without text is left alone."""
        for message in messages:
            text: Optional[Text] = message.get(TEXT)
            if not text or self._words is None:
                continue
            words, meaning = self._features.transform([text]), self._encoder.encode([text])
            margins = self._words.decision_function(words) * self._config["sharpness"]
            mean = (_softmax(margins) + self._meaning.predict_proba(meaning)) / 2
            best = np.argsort(-mean[0])[: self._config["ranking_length"]]
            ranking = [{"name": str(self._meaning.classes_[i]), "confidence": float(mean[0, i])} for i in best]
            ranking = [*self._alarm(words, meaning), *ranking]
            message.set(INTENT, ranking[0], add_to_output=True)
            message.set(INTENT_RANKING_KEY, ranking, add_to_output=True)
        return messages

    def _alarm(self, words: Any, meaning: np.ndarray) -> List[Dict[Text, Any]]:
        """Return the red flag a message may hold, the likelier of the two, when together they reach the threshold."""
        if self._alarms is None:
            return []
        by_words, by_meaning = self._alarms
        mean = (by_words.predict_proba(words)[0] + by_meaning.predict_proba(meaning)[0]) / 2
        likely = sorted(((float(mean[list(by_words.classes_).index(name)]), name) for name in ALARMS), reverse=True)
        together = sum(probability for probability, _ in likely)
        return [{"name": likely[0][1], "confidence": together}] if together >= self._config["alarm_threshold"] else []


def _softmax(margins: np.ndarray) -> np.ndarray:
    raised = np.exp(margins - margins.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)

"""What a message asks: the mean of two linear classifiers, one over words and letters, one over sentence embeddings.

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


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class AveragedLinearClassifier(GraphComponent, IntentClassifier):
    """Ranks all intents for a message. It reads the text itself: no tokenizer or featurizer stands before it."""

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        """Settings of config.yml and their defaults.

        `sharpness` turns the linear machine's margins into probabilities (a softmax's inverse temperature).
        """
        return {"words_c": 0.5, "embeddings_c": 20.0, "sharpness": 4.0, "ranking_length": 10, "random_state": 42}

    def __init__(self, config: Dict[Text, Any], storage: ModelStorage, resource: Resource) -> None:
        self._config, self._storage, self._resource = config, storage, resource
        self._encoder: Any = None
        self._features: Any = None
        self._words: Any = None
        self._meaning: Any = None

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
            loaded._features, loaded._words, loaded._meaning = joblib.load(folder / _FILE)
            loaded._encoder = SentenceEncoder(folder)
        return loaded

    def train(self, training_data: TrainingData) -> Resource:
        """Train both classifiers and store them."""
        with self._storage.write_to(self._resource) as folder:
            build(folder)
            self._encoder = SentenceEncoder(folder)
            examples = sorted((example.get(TEXT), example.get(INTENT)) for example in training_data.intent_examples)
            texts = [text for text, _ in examples]
            intents = [intent for _, intent in examples]
            seed = self._config["random_state"]
            self._features = make_union(
                TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, strip_accents="unicode"),
                TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2),
            ).fit(texts)
            self._words = LinearSVC(C=self._config["words_c"], random_state=seed).fit(
                self._features.transform(texts), intents
            )
            self._meaning = LogisticRegression(C=self._config["embeddings_c"], max_iter=300, random_state=seed).fit(
                self._encoder.encode(texts), intents
            )
            joblib.dump((self._features, self._words, self._meaning), folder / _FILE)
        return self._resource

    def process(self, messages: List[Message]) -> List[Message]:
        """Rank the intents of each message; one without text is left alone."""
        for message in messages:
            text: Optional[Text] = message.get(TEXT)
            if not text or self._words is None:
                continue
            margins = self._words.decision_function(self._features.transform([text]))
            mean = (
                _softmax(margins * self._config["sharpness"])
                + self._meaning.predict_proba(self._encoder.encode([text]))
            ) / 2
            best = np.argsort(-mean[0])[: self._config["ranking_length"]]
            ranking = [{"name": str(self._meaning.classes_[i]), "confidence": float(mean[0, i])} for i in best]
            message.set(INTENT, ranking[0], add_to_output=True)
            message.set(INTENT_RANKING_KEY, ranking, add_to_output=True)
        return messages


def _softmax(margins: np.ndarray) -> np.ndarray:
    raised = np.exp(margins - margins.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)

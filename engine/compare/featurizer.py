"""Sentence embeddings as a Rasa featurizer, for the comparison with DIET alone."""

from typing import Any, Dict, List, Text

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from engine.components.encoder import SentenceEncoder, ready


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class SentenceFeaturizer(DenseFeaturizer, GraphComponent):
    """Gives each message one dense vector."""

    def __init__(self, config: Dict[Text, Any]) -> None:
        super().__init__("SentenceFeaturizer", config)
        self._encoder = SentenceEncoder(ready(), threads=2)

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        """Settings and their defaults."""
        return {**DenseFeaturizer.get_default_config(), "alias": "sentences"}

    @classmethod
    def create(
        cls, config: Dict[Text, Any], model_storage: ModelStorage, resource: Resource, context: ExecutionContext
    ) -> "SentenceFeaturizer":
        """Make one."""
        return cls(config)

    @classmethod
    def validate_config(cls, config: Dict[Text, Any]) -> None:
        """Nothing to check."""

    def process(self, messages: List[Message]) -> List[Message]:
        """Add the vectors."""
        texts = [message for message in messages if message.get(TEXT)]
        for message, vector in zip(texts, self._encoder.encode([message.get(TEXT) for message in texts]), strict=True):
            features = Features(vector[None], FEATURE_TYPE_SENTENCE, TEXT, self._config["alias"])
            message.add_features(features)
        return messages

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Add the vectors to all examples."""
        self.process(training_data.training_examples)
        return training_data

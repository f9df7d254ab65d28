"""Reads the training data for Rasa: as its own importer does, in a third of the time.

Rasa copies every example deeply each time it joins two sets of training data, eight times in one training, and reads
every file twice. Our examples are a text and an intent and are never changed after they were read: a shallow copy is
as good.
"""

from typing import Any, Dict, Optional, Text

from rasa.shared.importers.rasa import RasaFileImporter
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData


class Example(Message):
    """A message whose deep copy shares the values of its data, which nobody changes."""

    def __deepcopy__(self, memo: Dict[int, Any]) -> "Example":
        """Return a copy with containers of its own."""
        copied = Example(self.data, set(self.output_properties), self.time, list(self.features))
        copied._cached_fingerprint = self._cached_fingerprint
        return copied


class ExamplesImporter(RasaFileImporter):
    """Rasa's own importer, with each file read once and copied cheaply."""

    _read: Optional[TrainingData] = None

    def get_nlu_data(self, language: Optional[Text] = "en") -> TrainingData:
        """Return the NLU training data."""
        if self._read is None:
            read = super().get_nlu_data(language)
            examples = [Example(each.data, each.output_properties, each.time) for each in read.training_examples]
            self._read = TrainingData(
                examples, read.entity_synonyms, read.regex_features, read.lookup_tables, read.responses
            )
        return self._read

"""Which messages may hold an emergency or a crisis that no cue foresees. Pure: texts' words and vectors in, odds out.

As the ranker, it weighs three views on one scale: words and meaning, by logistic regression, as log odds; and how much
nearer the nearest red flags are than the nearest harmless messages. The last knows what is rarely said so.
"""

import warnings
from typing import Any, NamedTuple, Sequence, Text

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from engine.components.nearest import Nearest

STRENGTH, STEPS, SEED = 20.0, 150, 42
WEIGHT_OF_NEAREST = 20.0
"""Set on a held-out fifth of the training data; at 3 % of ordinary questions asked it finds 97 % for 89 % without."""


class Alarmed(NamedTuple):
    """How likely a message holds a red flag at all, as log odds, and how likely each kind, in the order asked for."""

    odds: np.ndarray
    kinds: np.ndarray


class Alarm:
    """Hears red flags. `kinds` are the classes that raise; all others are harmless."""

    def __init__(self, kinds: Sequence[Text]) -> None:
        self._kinds = tuple(kinds)
        self._by_words = LogisticRegression(C=STRENGTH, max_iter=STEPS, random_state=SEED)
        self._by_meaning = LogisticRegression(C=STRENGTH, max_iter=STEPS, random_state=SEED)
        self._nearest: Any = None

    def fit_words(self, words: Any, labels: np.ndarray) -> "Alarm":
        """Learn from the examples' words; a label that is not one of the kinds is harmless."""
        _fit(self._by_words, words, labels)
        return self

    def fit_meaning(self, vectors: np.ndarray, labels: np.ndarray) -> "Alarm":
        """Learn from the same examples' embeddings."""
        _fit(self._by_meaning, vectors, labels)
        self._nearest = Nearest(vectors, np.isin(labels, self._kinds))
        return self

    def hear(self, words: Any, vectors: np.ndarray) -> Alarmed:
        """Return the odds of a red flag, one a message, and the probabilities of its kinds."""
        by_words = _of(self._by_words, words, self._kinds)
        by_meaning = _of(self._by_meaning, vectors, self._kinds)
        harmless, raising = self._nearest(vectors).T
        odds = (_odds(by_words.sum(axis=1)) + _odds(by_meaning.sum(axis=1))) / 2 + WEIGHT_OF_NEAREST * (
            raising - harmless
        )
        return Alarmed(odds, (by_words + by_meaning) / 2)


def _fit(machine: LogisticRegression, given: Any, labels: np.ndarray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # stopped early on purpose
        machine.fit(given, labels)


def _of(machine: LogisticRegression, given: Any, kinds: Sequence[Text]) -> np.ndarray:
    return machine.predict_proba(given)[:, [list(machine.classes_).index(kind) for kind in kinds]]


def _odds(likely: np.ndarray) -> np.ndarray:
    bounded = np.clip(likely, 1e-5, 1 - 1e-5)
    return np.log(bounded / (1 - bounded))

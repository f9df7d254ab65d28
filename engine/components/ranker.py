"""Which intent a message has: three views of it, weighed together. Pure: texts and vectors in, probabilities out.

- words: tf-idf of words and letters with a linear machine. It knows names, and typos.
- meaning: sentence embeddings with logistic regression. It knows what is meant.
- nearest: how close the nearest examples of each intent are. It knows rare ways of asking.

The first two are multiplied, not averaged (a log-linear mixture): an intent must be likely in both. The weights were
fitted on cross-validated probabilities of the training data alone; `make understanding` shows what each is worth.
"""

import warnings
from typing import Any, Optional, Sequence, Text

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_union
from sklearn.svm import LinearSVC

from engine.components.nearest import Nearest

WORDS_C, MEANING_C, SHARPNESS = 0.5, 20.0, 4.0
MEANING_STEPS = 80
"""Two hundred more gain about 0.3 points for three times the time."""
WEIGHT_OF_WORDS, WEIGHT_OF_MEANING, WEIGHT_OF_NEAREST = 0.52, 0.45, 7.2
WEIGHT_OF_DISTANCE = 10.0
_SEED = 42


class Words:
    """Tf-idf of words (one and two) and of letters within words (two to five)."""

    def __init__(self) -> None:
        self._vectorizers = make_union(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, strip_accents="unicode", min_df=2),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2),
        )

    def fit(self, texts: Sequence[Text]) -> Any:
        """Learn the vocabulary, and return one sparse row a text."""
        return self._vectorizers.fit_transform(texts)

    def __call__(self, texts: Sequence[Text]) -> Any:
        """Return one sparse row a text, of single precision as the ranker's weights: else all of them are copied."""
        return self._vectorizers.transform(texts).astype(np.float32)


class Ranker:
    """Ranks intents. `classes` names the columns of what it returns."""

    def __init__(self) -> None:
        self._words = LinearSVC(C=WORDS_C, random_state=_SEED)
        self._meaning = LogisticRegression(C=MEANING_C, max_iter=MEANING_STEPS, random_state=_SEED)
        self._nearest: Any = None
        self.classes = np.zeros(0, dtype=object)

    def fit(self, words: Any, vectors: np.ndarray, intents: np.ndarray) -> "Ranker":
        """Learn from examples: their words, their embeddings, their intents."""
        return self.fit_words(words, intents).fit_meaning(vectors, intents)

    def fit_words(self, words: Any, intents: np.ndarray) -> "Ranker":
        """Learn from the examples' words; it needs no embeddings, so they can be made meanwhile."""
        self._words.fit(words, intents)
        self._words.coef_ = self._words.coef_.astype(np.float32)
        return self

    def fit_meaning(self, vectors: np.ndarray, intents: np.ndarray) -> "Ranker":
        """Learn from the examples' embeddings, which are kept for telling what is near."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # stopped early on purpose
            self._meaning.fit(vectors, intents)
        self._nearest = Nearest(vectors, intents)
        self.classes = self._nearest.groups
        return self

    def probabilities(self, words: Any, vectors: np.ndarray, nearest: Optional[np.ndarray] = None) -> np.ndarray:
        """Return one row a message, one column a class; each row sums to 1.

        Args:
            words: the messages' words.
            vectors: their embeddings.
            nearest: what `nearest` says of them, when it was asked already.
        """
        margins = self._words.decision_function(words) * SHARPNESS
        by_words = margins - np.log(np.exp(margins - margins.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True))
        by_meaning = np.log(np.clip(self._meaning.predict_proba(vectors), 1e-6, 1))
        nearest = self.nearest(vectors) if nearest is None else nearest
        score = WEIGHT_OF_WORDS * by_words + WEIGHT_OF_MEANING * by_meaning + WEIGHT_OF_NEAREST * nearest
        raised = np.exp(score - score.max(axis=1, keepdims=True))
        return raised / raised.sum(axis=1, keepdims=True)

    def nearest(self, vectors: np.ndarray) -> Any:
        """Return the mean cosine (-1 to 1) of the three nearest examples of each class."""
        return self._nearest(vectors)


def outside(
    ranks: np.ndarray, classes: np.ndarray, outside_class: Text, inside: Sequence[Text], nearest: Optional[np.ndarray]
) -> np.ndarray:
    """Return how likely each message is outside of what can be answered: larger is farther out, with no fixed range.

    Probability alone is a poor gate; where the nearest examples lie says as much again.

    Args:
        ranks: probabilities, one row a message.
        classes: the columns' names.
        outside_class: the class of out-of-scope examples.
        inside: the classes that can be answered.
        nearest: the cosines of the nearest examples of each class, or None to go by probability alone.
    """
    column, within = list(classes).index(outside_class), np.isin(classes, inside)
    odds = np.log(ranks[:, column] + 1e-6) - np.log(ranks[:, within].sum(axis=1) + 1e-6)
    if nearest is None:
        return odds
    return odds + WEIGHT_OF_DISTANCE * (nearest[:, column] - nearest[:, within].max(axis=1))

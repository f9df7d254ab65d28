"""The pipelines that are compared. Each is fitted on texts with their embeddings, and ranks intents."""

from collections import Counter
from typing import Any, Callable, Dict, NamedTuple, Optional, Text

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from engine.compare.examples import corrected
from engine.components.ranker import MEANING_C, SHARPNESS, WORDS_C, Ranker, Words


class Part(NamedTuple):
    """Some examples as every candidate may see them: texts, and embeddings of both encoders."""

    texts: np.ndarray
    minilm: np.ndarray
    mpnet: np.ndarray


class Fitted(NamedTuple):
    """A fitted candidate: its classes, and a function from examples to one row of probabilities each.

    `nearest`, when it has one, gives the cosines of the nearest examples of each class.
    """

    classes: np.ndarray
    rank: Callable[[Part], np.ndarray]
    nearest: Optional[Callable[[np.ndarray], np.ndarray]] = None


Candidate = Callable[[Part, np.ndarray], Fitted]


def _softmax(margins: np.ndarray) -> np.ndarray:
    raised = np.exp(margins - margins.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def words_alone(train: Part, intents: np.ndarray) -> Fitted:
    """Tf-idf of words and letters, linear support vector machine."""
    words = Words()
    machine = LinearSVC(C=WORDS_C, random_state=42).fit(words.fit(train.texts), intents)
    return Fitted(machine.classes_, lambda part: _softmax(machine.decision_function(words(part.texts)) * SHARPNESS))


def _meaning(encoder: Text) -> Candidate:
    def fit(train: Part, intents: np.ndarray) -> Fitted:
        machine = LogisticRegression(C=MEANING_C, max_iter=300, random_state=42).fit(getattr(train, encoder), intents)
        return Fitted(machine.classes_, lambda part: machine.predict_proba(getattr(part, encoder)))

    return fit


def _mean_with(encoder: Text) -> Candidate:
    def fit(train: Part, intents: np.ndarray) -> Fitted:
        first, second = words_alone(train, intents), _meaning(encoder)(train, intents)
        return Fitted(first.classes, lambda part: (first.rank(part) + second.rank(part)) / 2)

    return fit


def ten_nearest(train: Part, intents: np.ndarray) -> Fitted:
    """The ten nearest examples, weighed by their cosines."""
    classes, columns = np.unique(intents, return_inverse=True)

    def rank(part: Part) -> np.ndarray:
        cosines = part.mpnet @ train.mpnet.T
        near = np.argpartition(-cosines, 10, axis=1)[:, :10]
        votes = np.zeros((len(near), len(classes)))
        for row, indices in enumerate(near):
            np.add.at(votes[row], columns[indices], np.exp(10 * cosines[row, indices]))
        return votes / votes.sum(axis=1, keepdims=True)

    return Fitted(classes, rank)


def served(train: Part, intents: np.ndarray) -> Fitted:
    """What is served: words, meaning and the nearest examples, weighed together."""
    words = Words()
    ranker = Ranker().fit(words.fit(train.texts), train.mpnet, intents)
    return Fitted(ranker.classes, lambda part: ranker.probabilities(words(part.texts), part.mpnet), ranker.nearest)


def served_with_spelling(train: Part, intents: np.ndarray) -> Fitted:
    """The same, each unknown word repaired before its letters are read."""
    known: Dict[Text, int] = Counter(word for text in train.texts for word in text.lower().split())
    words = Words()
    ranker = Ranker().fit(words.fit(train.texts), train.mpnet, intents)
    return Fitted(ranker.classes, lambda part: ranker.probabilities(words(corrected(part.texts, known)), part.mpnet))


CANDIDATES: Dict[Text, Any] = {
    "tf-idf + linear SVM": words_alone,
    "MiniLM + logistic regression": _meaning("minilm"),
    "mean of tf-idf SVM and MiniLM": _mean_with("minilm"),
    "ten nearest, MPNet": ten_nearest,
    "MPNet + logistic regression": _meaning("mpnet"),
    "mean of tf-idf SVM and MPNet": _mean_with("mpnet"),
    "served: words x meaning x nearest, MPNet": served,
    "served + spelling repair": served_with_spelling,
}
SERVED = "served: words x meaning x nearest, MPNet"

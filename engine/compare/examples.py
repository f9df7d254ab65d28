"""The training examples, their paraphrase families, and folds that no family straddles."""

from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Text, Tuple

import numpy as np
import yaml
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import StratifiedGroupKFold

from engine.components.intent_classifier import ALARMS, HARMLESS

FOLDS = 5
NEAR_COPY = 0.9
"""Two examples of one intent whose embeddings have at least this cosine are taken for paraphrases of each other."""
OUT_OF_SCOPE = "out_of_scope"


class Examples(NamedTuple):
    """All examples: texts, their intents, and which intents are topics of the knowledge base."""

    texts: np.ndarray
    intents: np.ndarray
    topics: np.ndarray

    @property
    def on_topic(self) -> np.ndarray:
        """Which examples are questions on a topic."""
        return np.isin(self.intents, self.topics)


def load(root: Path) -> Examples:
    """Read `nlu_data/`; what only the alarm listens for is left out, the ranker never sees it."""
    found: List[Tuple[Text, Text]] = []
    topics: List[Text] = []
    for path in sorted((root / "nlu_data").rglob("*.yml")):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8")).get("nlu", ()):
            if entry["intent"] in (*ALARMS, HARMLESS):
                continue
            if path.parent.name == "questions":
                topics.append(entry["intent"])
            lines = (line.strip()[2:].strip() for line in entry["examples"].splitlines() if line.strip())
            found += [(line, entry["intent"]) for line in lines]
    texts, intents = zip(*sorted(set(found)), strict=True)
    return Examples(np.array(texts, dtype=object), np.array(intents), np.array(sorted(set(topics))))


def families(examples: Examples, vectors: np.ndarray) -> np.ndarray:
    """Return a family number for each example: near-copies of one intent, and copies of those, share one."""
    rows, columns = [], []
    for start in range(0, len(vectors), 2000):
        row, column = np.where(vectors[start : start + 2000] @ vectors.T >= NEAR_COPY)
        rows.append(row + start)
        columns.append(column)
    row, column = np.concatenate(rows), np.concatenate(columns)
    same = examples.intents[row] == examples.intents[column]
    size = len(examples.texts)
    graph = coo_matrix((np.ones(same.sum()), (row[same], column[same])), shape=(size, size))
    return connected_components(graph, directed=False)[1]


def folds(examples: Examples, family: np.ndarray) -> Iterator[Tuple[np.ndarray, np.ndarray]]:
    """Yield (training, test) indices: five folds, stratified by intent, no family in two."""
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    yield from splitter.split(examples.texts, examples.intents, family)


def corrected(texts: np.ndarray, known: Dict[Text, int]) -> np.ndarray:
    """Return texts with each unknown word replaced by the commonest known word one edit away, when there is one."""
    letters = "abcdefghijklmnopqrstuvwxyz"

    def near(word: Text) -> Text:
        if word in known or len(word) < 4 or not word.isalpha():
            return word
        cuts = [(word[:i], word[i:]) for i in range(len(word) + 1)]
        edits = {a + b[1:] for a, b in cuts if b} | {a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1}
        edits |= {a + c + b[1:] for a, b in cuts if b for c in letters} | {a + c + b for a, b in cuts for c in letters}
        likely = [each for each in edits if each in known]
        return max(likely, key=lambda each: known[each]) if likely else word

    return np.array([" ".join(near(word) for word in text.lower().split()) for text in texts], dtype=object)

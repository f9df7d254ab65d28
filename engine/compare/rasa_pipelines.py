"""Rasa's own pipelines on the same data: the default one, DIET with sentence embeddings, and a response selector."""

import asyncio
import resource
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, Text

import numpy as np
import yaml
from sklearn.metrics import f1_score

from engine.compare.examples import OUT_OF_SCOPE, Examples, folds

EPOCHS = 12
SHARE = 0.25
"""So much of the paraphrase families, training and test alike, Rasa's own pipelines are given."""
SERVED_ON_THE_SHARE = "served, on the same quarter of the data"
_SPARSE: List[Dict[Text, Any]] = [
    {"name": "WhitespaceTokenizer"},
    {"name": "RegexFeaturizer"},
    {"name": "LexicalSyntacticFeaturizer"},
    {"name": "CountVectorsFeaturizer"},
    {"name": "CountVectorsFeaturizer", "analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4},
]
_DIET = {
    "name": "DIETClassifier",
    "epochs": EPOCHS,
    "entity_recognition": False,
    "random_seed": 42,
    "constrain_similarities": True,
}
PIPELINES: Dict[Text, List[Dict[Text, Any]]] = {
    "Rasa's default: sparse features + DIET": [*_SPARSE, _DIET],
    "Rasa: sparse features + MPNet + DIET": [
        *_SPARSE,
        {"name": "engine.compare.featurizer.SentenceFeaturizer"},
        _DIET,
    ],
    "Rasa: sparse features + DIET, a response selector for the topics": [
        *_SPARSE,
        _DIET,
        {"name": "ResponseSelector", "epochs": EPOCHS, "random_seed": 42, "constrain_similarities": True},
    ],
    "Rasa: sparse features + logistic regression": [
        *_SPARSE,
        {"name": "LogisticRegressionClassifier", "max_iter": 100, "random_state": 42},
    ],
}


_RETRIEVAL = "topic"
_SERVED = {
    "name": "engine.components.intent_classifier.LogLinearClassifier",
    "random_state": 42,
    "alarm_threshold": 1e9,
    "outside_threshold": 1e9,  # the gate would hide the ranking; the share of refusals is set here
    "not_topics": [],
}


def measure(name: Text, root: Path, examples: Examples, family: np.ndarray) -> Dict[Text, Any]:
    """Train one on the first fold of a share of the data, and measure it there."""
    drawn = np.random.default_rng(0).random(int(family.max()) + 1) < SHARE
    kept = np.flatnonzero(drawn[family])
    share = Examples(examples.texts[kept], examples.intents[kept], examples.topics)
    train, test = next(folds(share, family[kept]))
    if name == SERVED_ON_THE_SHARE:
        return _one(root, name, [_SERVED], share, train, test)
    return _one(root, name, PIPELINES[name], share, train, test)


def _one(
    root: Path, name: Text, pipeline: List[Dict[Text, Any]], examples: Examples, train: np.ndarray, test: np.ndarray
) -> Dict[Text, Any]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "config.yml").write_text(
            yaml.safe_dump({"recipe": "default.v1", "language": "en", "pipeline": pipeline})
        )
        selects = pipeline[-1]["name"] == "ResponseSelector"
        names = {
            str(intent): f"{_RETRIEVAL}/{intent}" if selects and intent in examples.topics else str(intent)
            for intent in np.unique(examples.intents[train])
        }
        responses = {f"utter_{each}": [{"text": each}] for each in names.values() if "/" in each}
        blocks = [
            {
                "intent": names[str(intent)],
                "examples": "".join(f"- {text}\n" for text in examples.texts[train][examples.intents[train] == intent]),
            }
            for intent in np.unique(examples.intents[train])
        ]
        data = {"version": "3.1", "nlu": blocks, **({"responses": responses} if responses else {})}
        (home / "nlu.yml").write_text(yaml.safe_dump(data, allow_unicode=True, width=10_000))
        command = [
            root / "engine/.venv/bin/rasa",
            "train",
            "nlu",
            "--nlu",
            home / "nlu.yml",
            "--config",
            home / "config.yml",
        ]
        begun = time.perf_counter()
        words = [*map(str, command), "--out", str(home), "--fixed-model-name", "one"]
        subprocess.run(words, cwd=root, check=True)  # noqa: S603 - Rasa's own command
        took = time.perf_counter() - begun
        return {
            **_ranked(home / "one.tar.gz", examples, test),
            "train_s": round(took, 1),
            "folds": "1, a quarter" + (f", {EPOCHS} epochs" if any("epochs" in each for each in pipeline) else ""),
        }


def _ranked(model: Path, examples: Examples, test: np.ndarray) -> Dict[Text, Any]:
    from rasa.core.agent import load_agent

    async def ask() -> List[List[Any]]:
        agent = await load_agent(str(model))
        found = []
        for text in examples.texts[test]:
            parsed = await agent.parse_message(text)
            found.append(_with_selected(parsed))
        return found

    begun = time.perf_counter()
    rankings = asyncio.run(ask())
    each_ms = (time.perf_counter() - begun) / len(test) * 1000
    intents, topic = examples.intents[test], examples.on_topic[test]
    first = np.array([ranking[0][0] for ranking in rankings])
    among = np.array(
        [intent in [name for name, _ in ranking[:3]] for intent, ranking in zip(intents, rankings, strict=True)]
    )
    odds = np.array([dict(ranking).get(OUT_OF_SCOPE, 0.0) - _best_topic(ranking) for ranking in rankings])
    limit = np.quantile(odds[topic], 0.97)
    return {
        "measured": len(test),
        "topic_f1": round(float(f1_score(intents, first, labels=examples.topics, average="macro")), 4),
        "topic_top3": round(float(among[topic].mean()), 4),
        "oos_recall": round(float((odds[intents == OUT_OF_SCOPE] > limit).mean()), 4),
        "ms_a_message": round(each_ms, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024),
    }


def _with_selected(parsed: Dict[Text, Any]) -> List[Any]:
    """The ranked intents, the retrieval intent replaced by the topics that the response selector ranked within it."""
    ranking = [(each["name"], each["confidence"]) for each in parsed["intent_ranking"]]
    whole = dict(ranking).get(_RETRIEVAL)
    if whole is None:
        return ranking
    within = parsed["response_selector"]["default"]["ranking"]
    topics = [(each["intent_response_key"].partition("/")[2], whole * each["confidence"]) for each in within]
    return sorted([*((n, c) for n, c in ranking if n != _RETRIEVAL), *topics], key=lambda each: -each[1])


def _best_topic(ranking: List[Any]) -> float:
    return max((confidence for name, confidence in ranking if name != OUT_OF_SCOPE), default=0.0)

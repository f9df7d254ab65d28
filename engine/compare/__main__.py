"""Measure every candidate pipeline on the training data and write docs/understanding.md (`make understanding`).

    python -m engine.compare                 the linear candidates, five folds each, and the table
    python -m engine.compare --only "..."    only these candidates; the other rows stay
    python -m engine.compare --rasa          Rasa's own pipelines too: one fold, few epochs, slow
    python -m engine.compare --check         only what is served, held against engine/compare/thresholds.yml

Each candidate runs in a process of its own, so that its memory can be told apart.
"""

import argparse
import itertools
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, Text

import numpy as np
import yaml
from sklearn.metrics import f1_score

from engine.compare import rasa_pipelines
from engine.compare.candidates import CANDIDATES, SERVED, Part
from engine.compare.examples import FOLDS, OUT_OF_SCOPE, Examples, families, folds, load
from engine.compare.rasa_pipelines import SERVED_ON_THE_SHARE
from engine.components.encoder import SentenceEncoder, ready
from engine.components.encoder_graph import MINILM, MPNET
from engine.components.ranker import outside

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs" / "understanding.json"
TABLE = ROOT / "docs" / "understanding.md"
THRESHOLDS = Path(__file__).with_name("thresholds.yml")
FOLDS_OF_OTHERS = 2
"""The candidates that are not served are measured on so many of the five folds, to keep the time bearable."""
_ALL = [*CANDIDATES, SERVED_ON_THE_SHARE, *rasa_pipelines.PIPELINES]
REFUSED = 0.03
"""So many of the real questions may be refused when out-of-scope detection is measured."""


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rasa", action="store_true", help="train Rasa's own pipelines too")
    parser.add_argument("--check", action="store_true", help="hold the served pipeline against the thresholds")
    parser.add_argument("--only", nargs="+", choices=_ALL, help="measure these anew and keep the other rows")
    parser.add_argument("--one", nargs=2, metavar=("CANDIDATE", "DATA"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(_measure(asked.one[0], Path(asked.one[1]))))
        return
    with tempfile.TemporaryDirectory() as folder:
        data = _prepare(Path(folder), whole=not asked.check)
        if asked.check:
            sys.exit(_check(_run(SERVED, data)))
        for name in asked.only or (_ALL if asked.rasa else list(CANDIDATES)):
            if name in CANDIDATES:
                row = _run(name, data)
            else:
                family = np.load(data, allow_pickle=True)["family"]
                row = rasa_pipelines.measure(name, ROOT, load(ROOT), family)
            before = json.loads(RESULTS.read_text(encoding="utf-8"))["rows"] if RESULTS.exists() else {}
            rows = {**before, name: row}
            _write({each: rows[each] for each in _ALL if each in rows})  # after each: a long run may be broken off


def _prepare(folder: Path, *, whole: bool) -> Path:
    """Embed all examples and find their families once, for all candidates."""
    examples = load(ROOT)
    parts: Dict[Text, np.ndarray] = {}
    for name, published in (("mpnet", MPNET), ("minilm", MINILM)) if whole else (("mpnet", MPNET),):
        home = ready(published)
        parts[name] = SentenceEncoder(home, threads=2).encode(list(examples.texts))
        one = SentenceEncoder(home)
        begun = time.perf_counter()
        for text in examples.texts[::200]:
            one.encode([text])
        parts[f"{name}_ms"] = np.array((time.perf_counter() - begun) / len(examples.texts[::200]) * 1000)
    data = folder / "data.npz"
    np.savez(data, family=families(examples, parts["mpnet"]), **parts)
    return data


def _run(name: Text, data: Path) -> Dict[Text, Any]:
    print(f"{name} ...", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "engine.compare", "--one", name, str(data)]
    ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - ourselves
    return json.loads(ended.stdout.splitlines()[-1])


def _measure(name: Text, data: Path) -> Dict[Text, Any]:
    """Cross-validate one candidate."""
    examples, given = load(ROOT), np.load(data, allow_pickle=True)
    empty = np.zeros((len(examples.texts), 0))
    parts = Part(examples.texts, given.get("minilm", empty), given["mpnet"])
    classes = np.unique(examples.intents)
    ranks = np.zeros((len(examples.texts), len(classes)), dtype=np.float32)
    far = np.zeros(len(examples.texts))
    to_train: List[float] = []
    to_rank = 0.0
    measured = np.zeros(len(examples.texts), dtype=bool)
    few = FOLDS if name == SERVED else FOLDS_OF_OTHERS
    for train, test in itertools.islice(folds(examples, given["family"]), few):
        measured[test] = True
        begun = time.perf_counter()
        fitted = CANDIDATES[name](Part(*(part[train] for part in parts)), examples.intents[train])
        to_train.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        ranks[test] = fitted.rank(Part(*(part[test] for part in parts)))
        to_rank += time.perf_counter() - begun
        nearest = fitted.nearest(parts.mpnet[test]) if fitted.nearest else None
        far[test] = outside(ranks[test], classes, OUT_OF_SCOPE, examples.topics, nearest)
    uses = "minilm" if "MiniLM" in name else "" if name.startswith("tf-idf") else "mpnet"
    encoding = float(given[f"{uses}_ms"]) if uses else 0.0
    return {
        **_scores(
            Examples(*(part[measured] for part in examples[:2]), examples.topics),
            classes,
            ranks[measured],
            far[measured],
        ),
        "train_s": round(float(np.mean(to_train)), 1),
        "ms_a_message": round(encoding + to_rank / measured.sum() * 1000, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "folds": few,
    }


def _scores(examples: Examples, classes: np.ndarray, ranks: np.ndarray, far: np.ndarray) -> Dict[Text, Any]:
    topic, intents = examples.on_topic, examples.intents
    best = np.argsort(-ranks, axis=1)[:, :3]
    first = classes[best[:, 0]]
    among = (classes[best] == intents[:, None]).any(axis=1)
    limit = np.quantile(far[topic], 1 - REFUSED)
    return {
        "measured": len(intents),
        "topic_f1": round(float(f1_score(intents, first, labels=examples.topics, average="macro")), 4),
        "topic_top3": round(float(among[topic].mean()), 4),
        "intent_accuracy": round(float((first == intents).mean()), 4),
        "oos_recall": round(float((far[intents == OUT_OF_SCOPE] > limit).mean()), 4),
        "oos_limit": round(float(limit), 3),
    }


def _check(row: Dict[Text, Any]) -> int:
    """Print what was measured and what was asked for; 1 when a bound is crossed."""
    bounds = yaml.safe_load(THRESHOLDS.read_text(encoding="utf-8"))
    crossed = [f"{name} is {row[name]}, below {bound}" for name, bound in bounds.items() if row[name] < bound]
    print(json.dumps({**row, "crossed": crossed}))
    return 1 if crossed else 0


def _write(rows: Dict[Text, Dict[Text, Any]]) -> None:
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    RESULTS.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    head = [
        "pipeline",
        "topic macro-F1",
        "top-3",
        "out-of-scope recall",
        "training, s",
        "ms a message",
        "peak MB",
        "folds",
    ]
    keys = ["topic_f1", "topic_top3", "oos_recall", "train_s", "ms_a_message", "peak_mb", "folds"]
    lines = [" | ".join(head), " | ".join(["---"] * len(head))]
    lines += [" | ".join([name, *(str(row.get(key, "-")) for key in keys)]) for name, row in rows.items()]
    table = "\n".join(f"| {line} |" for line in lines)
    TABLE.write_text(_TEXT.format(table=table, machine=machine, count=len(load(ROOT).texts)), encoding="utf-8")


_TEXT = """# Which pipeline understands best

Made by `make understanding` (with `RASA=1` for Rasa's own pipelines); don't edit by hand.

Five-fold cross-validation over all {count} training examples ({machine}). Near-copies never straddle a fold: examples
of one intent whose embeddings have a cosine of 0.9 or more form a family, and a family stays together.
The test sets of `tests/banks` play no part in it.

{table}

- *topic macro-F1*, *top-3*: over the questions on the 78 topics, against all intents.
- *out-of-scope recall*: the share of out-of-scope messages recognised when 3 % of real questions are refused.
- *training*: one fold, without embedding. *ms a message*: embedding included, one core. *peak MB*: the process's most.
- What is served is measured on all five folds, the other candidates on two of them.
- Rasa's own pipelines take so long to train on this much data (their default is 300 epochs) that they were given a
  quarter of the families and a few epochs, on one fold; *folds* says so. To compare like with like, what is served was
  given the same quarter, in its own row.
"""


if __name__ == "__main__":
    main()

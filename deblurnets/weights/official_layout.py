"""The layout of the official weight files: what Keras 2 wrote, a group for each layer.

Layers are named ``conv2d_5`` by their type and their number of creation. Files may start the
numbers anywhere and list the layers in any order, so weights are matched by type and by the order
of the numbers: matching by position or by name would swap layers of equal shape silently.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

import h5py
import numpy as np

from deblurnets.weights.hdf5 import WeightsError, assign, check_shape, replacing, variable_values
from deblurnets.weights.paths import PathLike


class Weight(NamedTuple):
    """One array of an official file or of a model."""

    name: str  # within the layer: "kernel"
    shape: Tuple[int, ...]
    data: Any  # array or Keras variable


class Layer(NamedTuple):
    """A layer with weights, of an official file or of a model."""

    kind: str  # "conv2d"
    number: int
    name: str  # "conv2d_5"
    weights: List[Weight]


def fill(network: Any, layers: List[Layer], path: Path) -> None:
    """Give a paper network the weights of a file's layers."""
    for source, target, name in match_layers(layers, model_layers(network), path):
        assign(target.data, source.data, path, name)


def save_official_layout(network: Any, path: PathLike) -> None:
    """Write a paper network's weights as Keras 2 would have, float32, whole or not at all."""
    layers = model_layers(network)
    with replacing(Path(path)) as file:
        file.attrs["layer_names"] = np.array([layer.name.encode() for layer in layers])
        file.attrs["backend"] = b"tensorflow"
        file.attrs["keras_version"] = b"2.4.0"
        for layer in layers:
            names = [f"{layer.name}/{weight.name}:0" for weight in layer.weights]
            group = file.create_group(layer.name)
            group.attrs["weight_names"] = np.array([name.encode() for name in names])
            for name, weight in zip(names, layer.weights):
                group[name] = variable_values(weight.data)


def file_layers(file: h5py.File, path: Path) -> List[Layer]:
    """Layers with weights of an official file, in file order."""
    root = file
    if "layer_names" not in file.attrs and "model_weights" in file:
        root = file["model_weights"]  # a whole saved model instead of its weights alone
    layers = []
    names = _names(root, "layer_names")
    if not names:
        raise WeightsError(
            f"{path} holds no network: expected the attribute 'layer_names' of a Keras file or "
            "'deblurnets_config' of a file trained here"
        )
    for layer in names:
        weights = []
        for name in _names(root[layer], "weight_names"):
            data = root[layer][name][()]
            weights.append(Weight(_last(name), data.shape, data))
        if weights:
            layers.append(Layer(*_kind_and_number(layer), layer, weights))
    return layers


def _names(group: Any, attribute: str) -> List[str]:
    """Decode a list of names, which Keras splits into numbered attributes when it is long."""
    if attribute in group.attrs:
        names = list(group.attrs[attribute])
    else:
        names, part = [], 0
        while f"{attribute}{part}" in group.attrs:
            names.extend(group.attrs[f"{attribute}{part}"])
            part += 1
    return [n.decode("utf-8") if isinstance(n, bytes) else str(n) for n in names]


def model_layers(network: Any) -> List[Layer]:
    """Layers with weights of a paper network, in the model's order."""
    layers = []
    for layer in network.layers:
        weights = [Weight(_last(v.name), tuple(v.shape), v) for v in layer.weights]
        if weights:
            layers.append(Layer(*_kind_and_number(layer.name), layer.name, weights))
    return layers


def _last(name: str) -> str:
    """``conv2d_5/kernel:0`` -> ``kernel``."""
    return name.split("/")[-1].split(":")[0]


def _kind_and_number(layer: str) -> Tuple[str, int]:
    """``conv2d_5`` -> ("conv2d", 5); the first of a type carries no number."""
    kind, _, number = layer.rpartition("_")
    return (kind, int(number)) if kind and number.isdigit() else (layer, 0)


def _by_kind(layers: List[Layer]) -> Dict[str, List[Layer]]:
    kinds: Dict[str, List[Layer]] = {}
    for layer in sorted(layers, key=lambda layer: layer.number):
        kinds.setdefault(layer.kind, []).append(layer)
    return kinds


def match_layers(
    received: List[Layer], expected: List[Layer], path: Path
) -> List[Tuple[Weight, Weight, str]]:
    """Pair each of a file's weights with a model's: (file's, model's, name in the file)."""
    received_kinds, expected_kinds = _by_kind(received), _by_kind(expected)
    for kind in sorted(set(received_kinds) | set(expected_kinds)):
        counts = [len(kinds.get(kind, [])) for kinds in (expected_kinds, received_kinds)]
        if counts[0] != counts[1]:
            raise WeightsError(
                f"{path} does not fit the network: expected {counts[0]} layers of type {kind!r} "
                f"with weights, received {counts[1]}"
            )
    pairs: List[Tuple[Weight, Weight, str]] = []
    for kind, layers in expected_kinds.items():
        for source, target in zip(received_kinds[kind], layers):
            pairs.extend(_match_layer(source, target, path))
    return pairs


def _match_layer(source: Layer, target: Layer, path: Path) -> Iterator[Tuple[Weight, Weight, str]]:
    by_name = {weight.name: weight for weight in source.weights}
    if set(by_name) != {weight.name for weight in target.weights}:
        expected = ", ".join(sorted(weight.name for weight in target.weights))
        raise WeightsError(
            f"{path}, layer {source.name}: expected weights {expected}, "
            f"received {', '.join(sorted(by_name))}"
        )
    for weight in target.weights:
        name = f"{source.name}/{weight.name}"
        check_shape(by_name[weight.name].shape, weight.shape, path, name)
        yield by_name[weight.name], weight, name

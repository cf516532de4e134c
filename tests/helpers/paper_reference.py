"""The recorded numbers of the 2020 release, and the weights they were made with."""

import json
import zlib
from pathlib import Path

import h5py
import numpy as np

FIXTURES = Path(__file__).parents[1] / "fixtures" / "paper"


def outputs():
    with np.load(str(FIXTURES / "official_outputs.npz")) as arrays:
        return {name: arrays[name] for name in arrays.files}


def layout(net):
    return json.loads((FIXTURES / "official_h5_layout.json").read_text(encoding="utf-8"))[net]


def weight(net, layer, name, shape):
    """Draw a weight as it was drawn for the recorded numbers."""
    seed = (zlib.crc32(f"{net}/{name}".encode()) + 1234) & 0xFFFFFFFF
    rng = np.random.RandomState(seed)
    if len(shape) > 1:
        return rng.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape)
    if layer.startswith("bias_layer"):
        return 1 + rng.normal(0, 0.02, shape)
    last = 0.02 if (net, layer) == ("analysis", "conv2d_30") else 0
    return rng.normal(0, 0.02, shape) + last


def renumber(name, shift):
    """``conv2d_5`` -> ``conv2d_7`` for a shift of 2; ``conv2d`` -> ``conv2d_2``."""
    head, _, tail = name.rpartition("_")
    number, kind = (int(tail), head) if tail.isdigit() else (0, name)
    return f"{kind}_{number + shift}" if number + shift else kind


def write_official_file(path, net, shift=0, edit=None):
    """Write a weight file as Keras 2 did; `edit` may change (name, array) pairs."""
    description = layout(net)
    arrays = {name: weight(net, layer, name, s) for layer, name, s in description["weights"]}
    if edit is not None:
        edit(arrays)
    with h5py.File(str(path), "w") as file:
        layers = [renumber(layer, shift) for layer in description["layer_names"]]
        file.attrs["layer_names"] = np.array([layer.encode() for layer in layers])
        for layer in description["layer_names"]:
            group = file.create_group(renumber(layer, shift))
            names = [n for owner, n, _ in description["weights"] if owner == layer and n in arrays]
            moved = [renumber(layer, shift) + n[len(layer) :] for n in names]
            group.attrs["weight_names"] = np.array([n.encode() for n in moved], dtype="S")
            for old, new in zip(names, moved):
                group[new] = arrays[old].astype(np.float32)
    return path

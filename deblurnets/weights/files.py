"""Weight files in and out: HDF5, in two layouts.

- The official layout of the paper's networks: see `deblurnets.weights.official_layout`.
- Files trained here carry an attribute ``deblurnets_config``, JSON that names the network and its
  configuration, and datasets ``weights/000``, ``weights/001``, ... in the order of the model's
  weights, each with the variable's `path`.

Every shape is checked; an error names the file, the weight, what was expected and what received.
"""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple, Union

import numpy as np

from deblurnets.backend import inference_dtype, numpy_function
from deblurnets.deconvolution.restorer import CompactSynthesis
from deblurnets.estimation.estimator import CompactAnalysis
from deblurnets.estimation.quality import QualityModel
from deblurnets.networks.analysis import AnalysisConfig, build_analysis
from deblurnets.networks.quality import QualityConfig, build_quality
from deblurnets.networks.synthesis import SynthesisConfig, build_synthesis
from deblurnets.paper.analysis import build_paper_analysis
from deblurnets.paper.pair import PaperAnalysis, PaperSynthesis
from deblurnets.paper.synthesis import build_paper_synthesis
from deblurnets.weights import official_layout
from deblurnets.weights.hdf5 import (
    WeightsError,
    assign,
    check_shape,
    open_file,
    replacing,
    variable_path,
    variable_values,
)
from deblurnets.weights.official_layout import save_official_layout as save_official_layout
from deblurnets.weights.paths import PathLike, model_path

CONFIG_ATTRIBUTE = "deblurnets_config"

_COMPACT: Dict[str, Tuple[Any, Any]] = {
    "compact_analysis": (AnalysisConfig, build_analysis),
    "compact_synthesis": (SynthesisConfig, build_synthesis),
    "compact_quality": (QualityConfig, build_quality),
}
_PAPER: Dict[str, Callable[[], Any]] = {
    "analysis": build_paper_analysis,
    "synthesis": build_paper_synthesis,
}


class _Trained(NamedTuple):
    """Contents of a file trained here."""

    network: str
    config: Dict[str, Any]
    weights: List[Tuple[str, np.ndarray]]  # path of the variable, values


Contents = Union[_Trained, List[official_layout.Layer]]


def load_analysis(path: PathLike) -> Union[CompactAnalysis, PaperAnalysis]:
    """Load an analysis network, whichever the file holds.

    Parameters
    ----------
    path : str or Path
        HDF5 file in the official layout or trained here.

    Raises
    ------
    WeightsError
        Not a readable HDF5 file, or not the weights of an analysis network.
    """
    network, is_compact = _load_half(Path(path), "analysis")
    return CompactAnalysis(network, load_quality()) if is_compact else PaperAnalysis(network)


def load_synthesis(path: PathLike) -> Union[CompactSynthesis, PaperSynthesis]:
    """Load a synthesis network, whichever the file holds; see `load_analysis`."""
    network, is_compact = _load_half(Path(path), "synthesis")
    return CompactSynthesis(network) if is_compact else PaperSynthesis(network)


def load_quality(path: Optional[PathLike] = None) -> QualityModel:
    """Load the network that predicts the quality of results; by default the bundled one."""
    path = Path(path or model_path("compact_quality.h5"))
    network = _load_compact(_read(path), path, "quality")
    return QualityModel(numpy_function(network, [(None, None, None, 1)] * 3))


def load_into(network: Any, path: PathLike) -> None:
    """Fill an existing Keras model with the weights of a file of either layout.

    Raises
    ------
    WeightsError
        The file cannot be read or does not fit the model.
    """
    path = Path(path)
    _fill(network, _read(path), path)


def check_official_file(path: PathLike, which: str) -> None:
    """Check that a file holds the official weights of one of the paper's networks.

    Parameters
    ----------
    path : str or Path
    which : "analysis" or "synthesis"

    Raises
    ------
    WeightsError
        It does not: the first difference is named.
    """
    path = Path(path)
    with open_file(path) as file:
        layers = official_layout.file_layers(file, path)
    official_layout.match_layers(layers, official_layout.model_layers(_PAPER[which]()), path)


def save_weights(model: Any, path: PathLike, network: str, config: Any) -> None:
    """Write the weights of a network trained here, as float16, whole or not at all.

    Parameters
    ----------
    model : keras.Model
    path : str or Path
        File to write or replace.
    network : "compact_analysis", "compact_synthesis" or "compact_quality"
        What the file says it holds.
    config : dataclass
        Configuration that builds the same network again.

    Raises
    ------
    WeightsError
        A weight is not finite in float16, or there is no such network.
    """
    path = Path(path)
    if network not in _COMPACT:
        expected = " or ".join(_COMPACT)
        raise WeightsError(f"cannot write {path}: expected network {expected}, received {network}")
    description = {"network": network, "config": dataclasses.asdict(config)}
    with replacing(path) as file:
        file.attrs[CONFIG_ATTRIBUTE] = json.dumps(description)
        for index, variable in enumerate(model.weights):
            values = np.asarray(variable_values(variable), np.float32)
            if not np.all(np.abs(values) <= np.finfo(np.float16).max):
                raise WeightsError(
                    f"cannot write {path}: {variable_path(variable)} has values that are not "
                    "finite in float16"
                )
            dataset = file.create_dataset(f"weights/{index:03d}", data=values.astype(np.float16))
            dataset.attrs["path"] = variable_path(variable)


def _load_half(path: Path, which: str) -> Tuple[Any, bool]:
    """Build the network of a file; tell whether it is the compact pair's."""
    contents = _read(path)
    if isinstance(contents, _Trained):
        return _load_compact(contents, path, which), True
    network = _PAPER[which]()
    _fill(network, contents, path)
    return network, False


def _load_compact(contents: Contents, path: Path, which: str) -> Any:
    kind, received = f"compact_{which}", getattr(contents, "network", "the paper's")
    if not isinstance(contents, _Trained) or received != kind:
        article = "an" if which == "analysis" else "a"
        raise WeightsError(f"{path}: expected {article} {which} network, received {received!r}")
    config_type, build = _COMPACT[kind]
    try:
        # What it was trained in does not matter.
        config = config_type(**{**contents.config, "dtype": inference_dtype()})
    except TypeError as error:
        raise WeightsError(f"{path}: its network configuration is unknown here: {error}") from error
    network = build(config)
    _fill(network, contents, path)
    return network


def _read(path: Path) -> Contents:
    """Read all of a weight file."""
    with open_file(path) as file:
        if CONFIG_ATTRIBUTE not in file.attrs:
            return official_layout.file_layers(file, path)
        network, config = _parse_config(file.attrs[CONFIG_ATTRIBUTE], path)
        group = file["weights"]
        weights = [(_text(group[n].attrs["path"]), group[n][()]) for n in sorted(group)]
    return _Trained(network, config, weights)


def _parse_config(text: Any, path: Path) -> Tuple[str, Dict[str, Any]]:
    try:
        description = json.loads(_text(text))
        network, config = description["network"], dict(description["config"])
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{path}: expected the attribute {CONFIG_ATTRIBUTE!r} to be JSON with 'network' and "
            f"'config', received {text!r}"
        ) from error
    config = {key: tuple(v) if isinstance(v, list) else v for key, v in config.items()}
    return network, config


def _fill(network: Any, contents: Contents, path: Path) -> None:
    if not isinstance(contents, _Trained):
        official_layout.fill(network, contents, path)
        return
    variables = network.weights
    if len(contents.weights) != len(variables):
        raise WeightsError(
            f"{path} does not fit the network: expected {len(variables)} weights, "
            f"received {len(contents.weights)}"
        )
    for (name, values), variable in zip(contents.weights, variables):
        expected = variable_path(variable)
        if not _same_variable(name, expected):
            raise WeightsError(f"{path}: expected the weight {expected} next, received {name}")
        check_shape(values.shape, variable.shape, path, name)
    for (name, values), variable in zip(contents.weights, variables):
        assign(variable, values, path, name)


def _same_variable(name: str, expected: str) -> bool:
    """Compare layer and variable of two names, in whose outer scopes frameworks differ.

    TensorFlow 1.15 also numbers a layer's name when the process has used it before.
    """
    (layer, variable), (expected_layer, expected_variable) = (
        (["", *n.split("/")])[-2:] for n in (name, expected)
    )
    repeated = re.match(re.escape(layer) + r"(_\d+)?$", expected_layer) is not None
    return variable == expected_variable and repeated


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)

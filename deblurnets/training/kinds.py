"""The kinds of networks that can be trained: how each is built, trained and exported."""

from __future__ import annotations

import dataclasses
import importlib
import json
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from deblurnets.training.quality_samples import KERNELS

COMPACT = ("analysis", "synthesis", "quality", "pair")
PAPER = ("paper_analysis", "paper_synthesis", "paper_pair")
HALVES = {
    "pair": ("analysis", "synthesis"),
    "paper_pair": ("paper_analysis", "paper_synthesis"),
}
"""Kinds that are two networks, analysis first."""
KERNEL_WEIGHTS = {"pair": 2.0, "paper_pair": 0.01}
"""What the kernel's loss counts beside the picture's where two networks are trained together."""

_MODULES = {
    "analysis": ("networks.analysis", "AnalysisConfig", "build_analysis"),
    "synthesis": ("networks.synthesis", "SynthesisConfig", "build_synthesis"),
    "quality": ("networks.quality", "QualityConfig", "build_quality"),
    "paper_analysis": ("paper.analysis", "PaperAnalysisConfig", "build_paper_analysis"),
    "paper_synthesis": ("paper.synthesis", "PaperSynthesisConfig", "build_paper_synthesis"),
}


def build_network(
    kind: str, settings: str = "{}", dtype: str = "float32", *starts: Optional[Path]
) -> Tuple[Any, Any]:
    """Build a network, or a `deblurnets.training.pair.Pair` of two.

    Parameters
    ----------
    kind : one of `COMPACT` or `PAPER`.
    settings : JSON of the network's configuration, where it is not the default; of a pair an
        object with "analysis" and "synthesis".
    dtype : Keras policy of the convolutions; the paper's networks are float32 always.
    starts : weights file to start from; of a pair two, either may be None.

    Returns
    -------
    (configuration, network)
    """
    values = json.loads(settings)
    if kind not in HALVES:
        return _build_one(kind, values, dtype, *starts)
    from deblurnets.training.pair import Pair, PairConfig, check_grids

    names = [half.split("_")[-1] for half in HALVES[kind]]
    if set(values) - set(names):
        raise ValueError(f'a pair\'s networks are "analysis" and "synthesis", received {settings}')
    configs, networks = {}, {}
    for half, name, start in zip(HALVES[kind], names, starts or (None, None)):
        configs[name], networks[name] = _build_one(half, values.get(name, {}), dtype, start)
    config = PairConfig(**configs)
    if kind in PAPER:
        check_grids(config)
    return config, Pair(**networks)


def _build_one(
    kind: str, values: Dict[str, Any], dtype: str, start: Optional[Path] = None
) -> Tuple[Any, Any]:
    config_class, build = _classes(kind)
    if "dtype" in (field.name for field in dataclasses.fields(config_class)):
        values = {"dtype": dtype, **values}
    config = config_class(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
    network = build(config)
    if start is not None:
        from deblurnets.weights.files import load_into

        load_into(network, start)
    return config, network


def build_trainer(kind: str, network: Any, **settings: Any) -> Any:
    """Return the `deblurnets.training.losses.Trainer` of a network.

    `settings` are the trainer's own: "kernel_weight" of a pair, by default that of
    `KERNEL_WEIGHTS`, or "settings" of the deconvolution of a synthesis network.
    """
    from deblurnets.training import losses, pair, paper

    if kind in HALVES:
        settings = {"kernel_weight": KERNEL_WEIGHTS[kind], **settings}
    elif kind == "quality":
        settings = {"candidates": KERNELS, **settings}
    trainers = {
        "analysis": losses.AnalysisTrainer,
        "synthesis": losses.SynthesisTrainer,
        "quality": losses.QualityTrainer,
        "pair": pair.PairTrainer,
        "paper_analysis": paper.PaperAnalysisTrainer,
        "paper_synthesis": paper.PaperSynthesisTrainer,
        "paper_pair": pair.PaperPairTrainer,
    }
    return trainers[kind](network, **settings)


def sample_defaults(kind: str, config: Any, on_device: bool = False) -> Dict[str, Any]:
    """Return what a kind asks of its samples, see `SampleConfig`.

    `on_device` is for a synthesis network whose pictures are deconvolved where it trains.
    """
    if kind in HALVES:
        halves = sample_defaults(HALVES[kind][0], config.analysis)
        return {**halves, "linear_view": 0.0, "conditions": kind == "pair"}
    if kind == "paper_analysis":
        grid = 2 * config.max_shift + 1
    elif kind == "paper_synthesis":
        grid = config.kernel_size
    elif kind == "analysis":
        return {"linear_view": 0.4, "grid": config.grid, "extent": (1.5, config.grid - 4)}
    elif kind == "synthesis":
        return {"conditions": True} if on_device else {"start": True}
    else:
        return {}
    return {"grid": grid, "extent": (3, grid - 4)}


def exported(kind: str, network: Any, config: Any) -> List[Tuple[str, Any, Any]]:
    """Return (kind, network, configuration) of each weight file that a network makes."""
    if kind not in HALVES:
        return [(kind, network, config)]
    analysis, synthesis = HALVES[kind]
    return [
        (analysis, network.analysis, config.analysis),
        (synthesis, network.synthesis, config.synthesis),
    ]


def export_weights(kind: str, network: Any, path: Path, config: Any) -> None:
    """Write a network as the weight file that the tool loads.

    The compact networks in float16 with their configuration; the paper's in float32 in the official
    layout, which knows no configuration: only networks of the default sizes can be loaded again.
    """
    from deblurnets.weights import files as weights

    if kind in PAPER:
        weights.save_official_layout(network, path)
    else:
        weights.save_weights(network, path, f"compact_{kind}", config)


def _classes(kind: str) -> Tuple[Any, Any]:
    """Return a kind's configuration class and what builds the network."""
    module, config, build = _MODULES[kind]
    module = importlib.import_module(f"deblurnets.{module}")
    return getattr(module, config), getattr(module, build)

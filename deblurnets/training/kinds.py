"""The kinds of networks that can be trained: how each is built, trained and exported."""

from __future__ import annotations

import dataclasses
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


def build_trainer(kind: str, network: Any, kernel_weight: Optional[float] = None) -> Any:
    """Return the `deblurnets.training.losses.Trainer` of a network.

    `kernel_weight` is what the kernel's loss counts in a pair, by default that of `KERNEL_WEIGHTS`.
    """
    from deblurnets.training import losses, pair, paper

    if kind in HALVES:
        trainer = pair.PairTrainer if kind == "pair" else pair.PaperPairTrainer
        return trainer(network, KERNEL_WEIGHTS[kind] if kernel_weight is None else kernel_weight)
    if kind == "quality":
        return losses.QualityTrainer(network, KERNELS)
    trainers = {
        "analysis": losses.AnalysisTrainer,
        "synthesis": losses.SynthesisTrainer,
        "paper_analysis": paper.PaperAnalysisTrainer,
        "paper_synthesis": paper.PaperSynthesisTrainer,
    }
    return trainers[kind](network)


def sample_defaults(kind: str, config: Any) -> Dict[str, Any]:
    """Return what a kind asks of its samples, see `SampleConfig`."""
    if kind in HALVES:
        halves = sample_defaults(HALVES[kind][0], config.analysis)
        return {**halves, "start": False, "conditions": kind == "pair"}
    if kind == "paper_analysis":
        grid = 2 * config.max_shift + 1
    elif kind == "paper_synthesis":
        grid = config.kernel_size
    elif kind == "analysis":
        return {"start": False, "grid": config.grid, "extent": (1.5, config.grid - 4)}
    else:
        return {"start": kind == "synthesis"}
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
    if kind == "analysis":
        from deblurnets.networks.analysis import AnalysisConfig, build_analysis

        return AnalysisConfig, build_analysis
    if kind == "synthesis":
        from deblurnets.networks.synthesis import SynthesisConfig, build_synthesis

        return SynthesisConfig, build_synthesis
    if kind == "quality":
        from deblurnets.networks.quality import QualityConfig, build_quality

        return QualityConfig, build_quality
    if kind == "paper_analysis":
        from deblurnets.paper.analysis import PaperAnalysisConfig, build_paper_analysis

        return PaperAnalysisConfig, build_paper_analysis
    from deblurnets.paper.synthesis import PaperSynthesisConfig, build_paper_synthesis

    return PaperSynthesisConfig, build_paper_synthesis

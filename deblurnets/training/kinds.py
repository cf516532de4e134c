"""The kinds of networks that can be trained: how each is built, trained and exported."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

from deblurnets.training.judgements import KERNELS

COMPACT = ("analysis", "synthesis", "judge")
PAPER = ("paper_analysis", "paper_synthesis")


def build_network(
    kind: str, settings: str = "{}", dtype: str = "float32", start: Optional[Path] = None
) -> Tuple[Any, Any]:
    """Build a network.

    Parameters
    ----------
    kind : one of `COMPACT` or `PAPER`.
    settings : JSON of the network's configuration, where it is not the default.
    dtype : Keras policy of the convolutions; the paper's networks are float32 always.
    start : weights file to start from.

    Returns
    -------
    (configuration, network)
    """
    config_class, build = _classes(kind)
    values = json.loads(settings)
    if "dtype" in (field.name for field in dataclasses.fields(config_class)):
        values = {"dtype": dtype, **values}
    config = config_class(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
    network = build(config)
    if start is not None:
        from deblurnets.weights import load_into

        load_into(network, start)
    return config, network


def build_trainer(kind: str, network: Any) -> Any:
    """Return the `deblurnets.training.losses.Trainer` of a network."""
    from deblurnets.training import losses, paper

    if kind == "judge":
        return losses.JudgeTrainer(network, KERNELS)
    trainers = {
        "analysis": losses.AnalysisTrainer,
        "synthesis": losses.SynthesisTrainer,
        "paper_analysis": paper.PaperAnalysisTrainer,
        "paper_synthesis": paper.PaperSynthesisTrainer,
    }
    return trainers[kind](network)


def sample_defaults(kind: str, config: Any) -> Dict[str, Any]:
    """Return what a kind asks of its samples, see `SampleConfig`."""
    if kind == "paper_analysis":
        grid = 2 * config.max_shift + 1
    elif kind == "paper_synthesis":
        grid = config.kernel_size
    elif kind == "analysis":
        return {"start": False, "grid": config.grid, "extent": (1.5, config.grid - 4)}
    else:
        return {"start": kind == "synthesis"}
    return {"grid": grid, "extent": (3, grid - 4)}


def export_weights(kind: str, network: Any, path: Path, config: Any) -> None:
    """Write a network as the weight file that the tool loads.

    The compact networks in float16 with their configuration; the paper's in float32 in the official
    layout, which knows no configuration: only networks of the default sizes can be loaded again.
    """
    from deblurnets import weights

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
    if kind == "judge":
        from deblurnets.networks.judge import JudgeConfig, build_judge

        return JudgeConfig, build_judge
    if kind == "paper_analysis":
        from deblurnets.networks.paper_analysis import PaperAnalysisConfig, build_paper_analysis

        return PaperAnalysisConfig, build_paper_analysis
    from deblurnets.networks.paper_synthesis import PaperSynthesisConfig, build_paper_synthesis

    return PaperSynthesisConfig, build_paper_synthesis

"""Arguments that several of the evaluation's commands share."""

from __future__ import annotations

import argparse
from typing import Callable, Dict, Optional, Sequence

import numpy as np

import deblurnets
from deblurnets.cli.options import positive
from deblurnets.evaluation.benchmark import Methods
from deblurnets.imaging.pixels import unit_range


def add_choices(command: argparse.ArgumentParser, models: Sequence[str], note: str = "") -> None:
    """Add the arguments that choose networks and pictures."""
    add = command.add_argument
    add("--model", choices=models, default="compact", help=f"pair of networks{note} (compact)")
    add("--analysis-weights", metavar="FILE", help="weights that replace the pair's analysis")
    add("--synthesis-weights", metavar="FILE", help="weights that replace the pair's synthesis")
    add("--limit", type=positive, metavar="N", help="at most N pictures a folder")
    add("--every", type=positive, default=1, metavar="N", help="every Nth picture of a folder")


def load_deblurrer(arguments: argparse.Namespace) -> object:
    """Load the pair of networks that the arguments name."""
    from deblurnets.deblurrer import Deblurrer

    return Deblurrer.from_pretrained(
        arguments.model, arguments.analysis_weights, arguments.synthesis_weights
    )


def choose_methods(arguments: argparse.Namespace, load: Callable) -> Methods:
    """Return the methods that the arguments ask for; `load` makes the deblurrer from them."""
    baseline = None
    if arguments.baseline or arguments.model == "none":
        from deblurnets.deconvolution.hyper_laplacian import hyper_laplacian

        def baseline(pixels: np.ndarray, kernel: np.ndarray) -> np.ndarray:
            return hyper_laplacian(unit_range(pixels), kernel)

    if arguments.model == "none":
        return Methods(baseline=baseline)
    deblurrer = load(arguments)
    return Methods(deblurrer, deblurrer.deblur, baseline)


def describe_choices(arguments: argparse.Namespace) -> Dict[str, object]:
    """Return what a report says of the networks and pictures that were chosen."""
    names = ("model", "analysis_weights", "synthesis_weights", "every", "limit")
    chosen = {name: getattr(arguments, name) for name in names}
    return {"deblurnets": deblurnets.__version__, **chosen}


def count(text: str) -> int:
    """Parse a number of at least 0."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"expected a number of at least 0, received {text}")
    return value


def border(text: str) -> Optional[int]:
    """Parse "auto" (None) or a number of at least 0."""
    return None if text == "auto" else count(text)

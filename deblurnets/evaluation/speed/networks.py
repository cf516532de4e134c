"""The networks to measure, and the rate of their convolutions."""

from __future__ import annotations

from typing import Any, Callable, Tuple

import numpy as np

from deblurnets.deblurrer import PRETRAINED, Deblurrer
from deblurnets.evaluation.speed.operations import paper_synthesis_operations, unet_operations
from deblurnets.evaluation.speed.rates import best_seconds, wait_for
from deblurnets.weights.paths import model_path

# Height and width of what the convolutions are measured on.
COMPACT_PART = (800, 800)
PAPER_PART = (256, 368)


def load(pair: str) -> Tuple[Deblurrer, str, Callable[[], float]]:
    """Load a pair.

    Returns
    -------
    (deblurrer, "trained" or "random", function that returns the convolutions' GFLOP/s)
    """
    analysis, synthesis, kind = load_halves(pair)
    rate = _paper_rate if pair == "paper" else _compact_rate
    return Deblurrer(analysis, synthesis), kind, lambda: rate(synthesis)


def load_halves(pair: str) -> Tuple[Any, Any, str]:
    """Load a pair; the paper's with random weights of the right shapes if its files are absent.

    Returns
    -------
    (analysis, synthesis, "trained" or "random")
    """
    from deblurnets.weights import files as weights

    analysis_file, synthesis_file = (model_path(name) for name in PRETRAINED[pair])
    if pair != "paper" or (analysis_file.exists() and synthesis_file.exists()):
        analysis = weights.load_analysis(analysis_file)
        return analysis, weights.load_synthesis(synthesis_file), "trained"
    from deblurnets.paper.analysis import build_paper_analysis
    from deblurnets.paper.pair import PaperAnalysis, PaperSynthesis
    from deblurnets.paper.synthesis import build_paper_synthesis

    synthesis = PaperSynthesis(build_paper_synthesis())
    return PaperAnalysis(build_paper_analysis()), synthesis, "random"


def _compact_rate(synthesis: Any) -> float:
    """Rate of the first of the compact synthesis network's two equal U-Nets."""
    from deblurnets.backend import ops

    unet = synthesis.network.first
    height, width = COMPACT_PART
    shape = (1, height, width, synthesis.network.config.channels[0])
    maps = ops.convert_to_tensor(np.random.RandomState(0).rand(*shape).astype(np.float32))
    seconds = best_seconds(lambda: wait_for(unet(maps)))
    return 2 * unet_operations(unet, height, width) / seconds / 1e9


def _paper_rate(synthesis: Any) -> float:
    """Rate of the paper's synthesis network, whose other layers are small."""
    from deblurnets.paper.synthesis import PaperSynthesisConfig

    height, width = PAPER_PART
    image = np.random.RandomState(0).rand(height, width, 3).astype(np.float32)
    kernel = np.full((85, 85), 1 / 85**2, np.float32)
    seconds = best_seconds(lambda: synthesis.deblur(image, kernel))
    return 2 * paper_synthesis_operations(PaperSynthesisConfig(), height, width) / seconds / 1e9

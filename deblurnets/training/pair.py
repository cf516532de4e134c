"""End-to-end training: the analysis network's kernel goes into the synthesis network.

The loss is that of the picture plus a share of that of the kernel. Gradients of the picture's part
go through the kernel into the analysis network.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Dict

from deblurnets.backend import keras, ops
from deblurnets.deconvolution.restorer import RestoreConfig
from deblurnets.estimation.estimator import EstimateConfig
from deblurnets.training.losses import AnalysisTrainer, SynthesisTrainer, Tensor, Trainer
from deblurnets.training.paper import PaperAnalysisTrainer, PaperSynthesisTrainer

# What the tool does between the two networks: below this share of the maximum is no kernel; and
# the residual that it allows an estimated kernel.
PRUNE, SETTINGS = EstimateConfig().prune, RestoreConfig().estimated


@dataclasses.dataclass(frozen=True)
class PairConfig:
    """What fixes a pair of networks.

    Attributes
    ----------
    analysis, synthesis : configurations of the two networks, both compact or both the paper's.
    """

    analysis: Any
    synthesis: Any


def check_grids(config: PairConfig) -> None:
    """Raise a ValueError where the paper's synthesis cannot take the analysis network's kernels."""
    grid, size = 2 * config.analysis.max_shift + 1, config.synthesis.kernel_size
    if grid != size:
        raise ValueError(
            f"the analysis network's kernels have {grid} pixels (2 max_shift + 1), the synthesis "
            f"network takes those of {size} (kernel_size)"
        )


class Pair(keras.Model):
    """Two networks whose weights are trained and saved together, the analysis network's first."""

    def __init__(self, analysis: Any, synthesis: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.analysis = analysis
        self.synthesis = synthesis
        self.built = True


class PairTrainer(Trainer):
    """Loss of the compact synthesis network's picture plus that of the compact kernel.

    Parameters
    ----------
    network : Pair
    kernel_weight : weight of the kernel's loss.
    """

    def __init__(self, network: Pair, kernel_weight: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.network = network
        self.kernel_weight = kernel_weight
        self._analysis = AnalysisTrainer(network.analysis)
        self._synthesis = SynthesisTrainer(network.synthesis, SETTINGS)

    def score(self, batch: Dict[str, Tensor]) -> Dict[str, Tensor]:
        """Return losses, similarity and PSNRs per sample of a batch with its "conditions"."""
        # The picture's loss comes from the last kernel alone: through it to all steps.
        results = self._analysis.estimate(batch, chained=True)
        kernel = _pruned(results[-1]["kernel"])
        picture = self._synthesis.figures(batch, kernel, self._synthesis.start(batch, kernel))
        return _together(picture, self._analysis.figures(results, batch), self.kernel_weight)


class PaperPairTrainer(Trainer):
    """Squared error of the paper's picture plus that of its kernel, relative to its energy.

    Parameters
    ----------
    network : Pair
    kernel_weight : weight of the kernel's error.
    """

    def __init__(self, network: Pair, kernel_weight: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.network = network
        self.kernel_weight = kernel_weight
        self._analysis = PaperAnalysisTrainer(network.analysis)
        self._synthesis = PaperSynthesisTrainer(network.synthesis)

    def score(self, batch: Dict[str, Tensor]) -> Dict[str, Tensor]:
        """Return losses, similarity and PSNRs per sample."""
        kernel = self.network.analysis(255 * batch["blurry"])
        picture = self._synthesis.figures(batch, kernel)
        return _together(picture, self._analysis.figures(kernel, batch), self.kernel_weight)


def _pruned(kernel: Tensor) -> Tensor:
    """Set a softmax's tails to zero and scale to a sum of 1."""
    level = PRUNE * ops.max(kernel, axis=(1, 2), keepdims=True)
    kernel = ops.where(kernel >= level, kernel, 0.0)
    return kernel / ops.sum(kernel, axis=(1, 2), keepdims=True)


def _together(
    picture: Dict[str, Tensor], kernel: Dict[str, Tensor], weight: float
) -> Dict[str, Tensor]:
    """Return the figures of both halves, and the loss of the pair."""
    loss = picture["loss"] + weight * kernel["loss"]
    parts = {"picture_loss": picture["loss"], "kernel_loss": kernel["loss"]}
    return {**kernel, **picture, **parts, "loss": loss}

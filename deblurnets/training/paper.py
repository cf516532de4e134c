"""Trainers of the paper's own two networks: squared errors of the kernel and of the picture."""

from __future__ import annotations

from typing import Any, Dict

from deblurnets.backend import ops
from deblurnets.training.losses import Tensor, Trainer, cosine, psnr


class PaperAnalysisTrainer(Trainer):
    """Squared error of the kernel, relative to the true kernel's energy.

    Relative, since the energy of a kernel falls with its length: short shakes would be all that
    counts.

    Parameters
    ----------
    network : keras.Model
        From `deblurnets.paper.analysis.build_paper_analysis`.
    """

    def __init__(self, network: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.network = network

    def score(self, batch: Dict[str, Tensor]) -> Dict[str, Tensor]:
        """Return loss and similarity per sample."""
        return self.figures(self.network(255 * batch["blurry"]), batch)

    def figures(self, kernel: Tensor, batch: Dict[str, Tensor]) -> Dict[str, Tensor]:
        """Return loss and similarity per sample of estimated kernels."""
        truth = batch["kernel"]
        error = ops.sum((kernel - truth) ** 2, axis=(1, 2))
        energy = ops.sum(truth**2, axis=(1, 2))
        return {"loss": error / energy, "similarity": cosine(kernel, truth)}


class PaperSynthesisTrainer(Trainer):
    """Squared error of the picture.

    Parameters
    ----------
    network : keras.Model
        From `deblurnets.paper.synthesis.build_paper_synthesis`.
    """

    def __init__(self, network: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.network = network

    def score(self, batch: Dict[str, Tensor]) -> Dict[str, Tensor]:
        """Return loss and PSNRs per sample."""
        return self.figures(batch, batch["estimate"])

    def figures(self, batch: Dict[str, Tensor], kernel: Tensor) -> Dict[str, Tensor]:
        """Return loss and PSNRs per sample with the given kernels."""
        blurry, sharp = batch["blurry"], batch["sharp"]
        result = self.network([255 * blurry, kernel]) / 255
        loss = ops.mean((result - sharp) ** 2, axis=(1, 2, 3))
        figures = {"psnr_blurry": psnr(blurry, sharp), "psnr_sharp": psnr(result, sharp)}
        return {"loss": loss, **figures}

"""What the networks are trained to minimise, as Keras models whose output is the loss."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from deblurnets.backend import keras, ops
from deblurnets.deconvolution.half_quadratic import HyperLaplacian
from deblurnets.imaging.srgb import GREY
from deblurnets.networks.analysis import AnalysisNetwork, kernel_upsampling, resample_kernel
from deblurnets.networks.layers import channels_first, gradients
from deblurnets.networks.quality import QualityNetwork
from deblurnets.networks.synthesis import SynthesisNetwork
from deblurnets.training.hyper_laplacian import unrolled_hyper_laplacian
from deblurnets.training.srgb import to_linear

Tensor = Any


class Trainer(keras.Model):
    """Base of the trainers: ``score(batch)`` returns a dict of (batch,) tensors with "loss".

    The other entries are figures for the log. Works with `keras.Model.train_on_batch` on every
    Keras backend.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.built = True  # no variables but those of networks, which are made with theirs

    def call(self, batch: Dict[str, Tensor], training: bool = True) -> Dict[str, Tensor]:
        """Return loss and figures per sample of a batch as the stream makes it."""
        return self.score(in_unit_range(batch))

    def step(self, batch: Dict[str, np.ndarray], rate: float) -> Dict[str, float]:
        """Take an optimiser step; return the batch's mean figures."""
        self.optimizer.learning_rate = rate
        return self.train_on_batch(batch, return_dict=True)

    def state(self) -> List[Any]:
        """Return all variables, the network's first."""
        return list(self.variables) + list(self.optimizer.variables)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """Return the batch's mean loss; Keras's hook."""
        return ops.mean(y_pred["loss"])

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> Dict[str, Tensor]:
        """Return the figures of this batch alone; Keras's hook."""
        return {name: ops.mean(values) for name, values in y_pred.items()}


class AnalysisTrainer(Trainer):
    """Cross-entropy of the kernel and L1 of the sharp gradients, at every step of the network.

    Parameters
    ----------
    network : AnalysisNetwork
    edge_weight : weight of the sharp gradients' L1.
    """

    def __init__(self, network: AnalysisNetwork, edge_weight: float = 0.3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.network = network
        self.edge_weight = edge_weight

    def score(self, batch: Dict[str, Tensor]) -> Dict[str, Tensor]:
        """Return loss, divergence and similarity per sample."""
        return self.figures(self.estimate(batch), batch)

    def estimate(self, batch: Dict[str, Tensor], chained: bool = False) -> List[Dict[str, Tensor]]:
        """Return the network's results for a batch, on the grid of the true kernels."""
        grid = int(batch["kernel"].shape[1])
        return self.network(_view(batch, "blurry"), grid=grid, chained=chained)

    def figures(
        self, results: List[Dict[str, Tensor]], batch: Dict[str, Tensor]
    ) -> Dict[str, Tensor]:
        """Return loss, divergence and similarity per sample of the network's results."""
        grids = self.network.config.grids(int(batch["kernel"].shape[1]))
        sharp = self._sharp_levels(_view(batch, "sharp"))
        truth = self._kernel_levels(batch["kernel"], grids)
        loss = 0.0
        for result in results:
            level = grids.index(int(result["kernel"].shape[1]))
            divergence = _divergence(result["logits"], truth[level])
            target = gradients(sharp[level]) / (result["deviation"] * result["unit"])
            # Far outliers of a wrong start would drown the kernel's part of the loss.
            error = ops.minimum(ops.abs(result["sharp"] - target), 10.0)
            loss = loss + divergence + self.edge_weight * ops.mean(error, axis=(1, 2, 3))
        return {
            "loss": loss / len(results),
            "divergence": divergence,
            "similarity": cosine(results[-1]["kernel"], batch["kernel"]),
        }

    def _sharp_levels(self, sharp: Tensor) -> List[Tensor]:
        levels = [channels_first(sharp)]
        for _ in self.network.config.steps[1:]:
            pooled = keras.layers.AveragePooling2D(2)(ops.transpose(levels[0], (0, 2, 3, 1)))
            levels.insert(0, channels_first(pooled))
        return levels

    def _kernel_levels(self, kernel: Tensor, grids: List[int]) -> List[Tensor]:
        levels = [kernel]
        for grid in reversed(grids[:-1]):
            levels.insert(0, resample_kernel(levels[0], kernel_upsampling(grid).T))
        return levels


class SynthesisTrainer(Trainer):
    """Logarithm of the error of both stages' pictures, so that each dB of PSNR counts the same.

    Errors themselves would count for little in pictures that can be restored well, and there a
    network that smooths does the most harm.

    Parameters
    ----------
    network : SynthesisNetwork
    settings : of the deconvolution of batches that bring conditions in the place of a start.
    first_weight : weight of the first stage's picture.
    """

    def __init__(
        self,
        network: SynthesisNetwork,
        settings: Optional[HyperLaplacian] = None,
        first_weight: float = 0.3,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.network = network
        self.settings = settings or HyperLaplacian()
        self.first_weight = first_weight

    def score(self, batch: Dict[str, Tensor]) -> Dict[str, Tensor]:
        """Return loss and PSNRs per sample, with the estimated kernels."""
        kernel = batch["estimate"]
        start = batch["start"] if "start" in batch else self.start(batch, kernel)
        return self.figures(batch, kernel, start)

    def start(self, batch: Dict[str, Tensor], kernel: Tensor) -> Tensor:
        """Deconvolve the pictures of a batch with its "conditions"; gradients reach the kernel."""
        given = batch["blurry"], kernel, batch["linear"], batch["noise"]
        return unrolled_hyper_laplacian(*given, self.settings)

    def figures(self, batch: Dict[str, Tensor], kernel: Tensor, start: Tensor) -> Dict[str, Tensor]:
        """Return loss and PSNRs per sample with the given kernels and starts."""
        result = self.network(batch["blurry"], kernel, start)
        sharp = batch["sharp"]
        loss = _distance(result["sharp"], sharp) + self.first_weight * _distance(
            result["first"], sharp
        )
        figures = {"loss": loss}
        pictures = {"blurry": batch["blurry"], "start": start, "sharp": result["sharp"]}
        for name, picture in pictures.items():
            figures["psnr_" + name] = psnr(picture, sharp)
        return figures


class QualityTrainer(Trainer):
    """Huber loss of the gains and of their differences within a picture, and of the choice.

    The choice's loss is the cross-entropy between softmaxes of gains and guesses over a picture's
    results (ListNet: Cao, Qin, Liu, Tsai and Li, ICML 2007).

    Parameters
    ----------
    network : QualityNetwork
    candidates : results per picture, neighbours in a batch.
    bounds : gains beyond these dB are all equally good or bad.
    unit : dB of the softmaxes.
    """

    def __init__(
        self,
        network: QualityNetwork,
        candidates: int,
        bounds: Tuple[float, float] = (-6.0, 15.0),
        unit: float = 0.7,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.network = network
        self.candidates = candidates
        self.bounds = bounds
        self.unit = unit

    def score(self, batch: Dict[str, Tensor]) -> Dict[str, Tensor]:
        """Return loss and errors per picture of a batch of `quality_batches`."""
        gain = ops.clip(batch["gain"], *self.bounds)
        gain = ops.reshape(gain, (-1, self.candidates))
        guess = self.network(batch["blurry"], batch["restored"], batch["error"])
        guess = ops.reshape(guess, (-1, self.candidates))
        error = guess - gain
        relative = ops.expand_dims(error, 1) - ops.expand_dims(error, 2)
        loss = ops.mean(_huber(error), axis=1) + ops.mean(_huber(relative), axis=(1, 2))
        wanted = ops.softmax(gain / self.unit, axis=1)
        choice = -ops.sum(wanted * ops.log_softmax(guess / self.unit, axis=1), axis=1)
        loss = 0.5 * loss + choice
        # What choosing by the guesses loses against the best candidate.
        chosen = ops.one_hot(ops.argmax(guess, axis=1), self.candidates, dtype="float32")
        regret = ops.max(gain, axis=1) - ops.sum(gain * chosen, axis=1)
        return {"loss": loss, "error": ops.mean(ops.abs(error), axis=1), "regret": regret}


def in_unit_range(batch: Dict[str, Tensor]) -> Dict[str, Tensor]:
    """Turn the 8-bit pictures of a batch into float32 in 0..1; the rest stays as it is."""
    return {
        name: ops.cast(value, "float32") / 255
        if keras.backend.standardize_dtype(value.dtype) == "uint8"
        else value
        for name, value in batch.items()
    }


def _huber(error: Tensor) -> Tensor:
    """Quadratic up to 1, linear beyond."""
    size = ops.abs(error)
    return ops.where(size < 1, 0.5 * size * size, size - 0.5)


def _distance(picture: Tensor, sharp: Tensor) -> Tensor:
    """Logarithm (batch,) of the root of the mean squared error."""
    return 0.5 * ops.log(ops.mean((picture - sharp) ** 2, axis=(1, 2, 3)) + 1e-6)


def psnr(picture: Tensor, sharp: Tensor) -> Tensor:
    """Peak signal-to-noise ratio (batch,) in dB of pictures in 0..1, clipped to it."""
    error = ops.mean((ops.clip(picture, 0, 1) - sharp) ** 2, axis=(1, 2, 3))
    return -10 / np.log(10) * ops.log(error + 1e-10)


def _view(batch: Dict[str, Tensor], name: str) -> Tensor:
    """Return pictures (batch, H, W, 3) as the tool's analysis sees them, grey, (batch, H, W, 1).

    In linear light where the batch's "linear_view" says so.
    """
    grey = ops.sum(batch[name] * ops.convert_to_tensor(GREY), axis=-1, keepdims=True)
    if "linear_view" not in batch:
        return grey
    linear = ops.reshape(batch["linear_view"], (-1, 1, 1, 1)) > 0.5
    return ops.where(linear, to_linear(grey), grey)


def _divergence(logits: Tensor, kernel: Tensor) -> Tensor:
    """Kullback-Leibler divergence (batch,) of softmax(logits) from the true kernel."""
    kernel = ops.reshape(kernel, ops.shape(logits))
    entropy = -ops.sum(kernel * ops.log(kernel + 1e-12), axis=-1)
    return -ops.sum(kernel * ops.log_softmax(logits, axis=-1), axis=-1) - entropy


def cosine(first: Tensor, second: Tensor) -> Tensor:
    """Cosine similarity (batch,) of kernels."""
    product = ops.sum(first * second, axis=(1, 2))
    norms = ops.sum(first * first, axis=(1, 2)) * ops.sum(second * second, axis=(1, 2))
    return product / ops.sqrt(norms + 1e-20)

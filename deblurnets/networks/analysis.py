"""The compact analysis network: a blurry grey picture -> its blur kernel.

It unrolls what the hand-made methods alternate (Cho & Lee 2009; Xu, Zheng & Jia 2013), from coarse
to fine and from nothing: predict the sharp picture's gradients with the current kernel, regress
the kernel from them by least squares in the Fourier domain,

    K = sum conj(F(g)) F(b) / (sum |F(g)|^2 + gamma),

and repeat. Both predictions are learned, by networks of each scale's own.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from deblurnets.backend import abs2, build_layer, conj, irfft2, keras, ops, rfft2, scale
from deblurnets.networks.layers import (
    ResidualUNet,
    Shape,
    channels_first,
    channels_last,
    fast_size,
    gradients,
    maps_shape,
    otf_of,
    pad_planes,
    wiener,
)

Tensor = Any


@dataclasses.dataclass(frozen=True)
class AnalysisConfig:
    """What fixes a compact analysis network.

    Attributes
    ----------
    grid : side of the finest kernel grid, odd; coarser grids are (grid + 1) / 2, ...
    steps : steps per scale, coarsest first; their number is the number of scales. The picture is
        resized by exactly 1/2 between scales.
    widths, decoder_widths : channels per level of the gradient and of the kernel network.
    strengths : regularisation of the Wiener solutions, relative to a kernel's |K(0)|^2 = 1.
    gammas : regularisation of the regressed kernels, relative to the gradients' mean power.
    start : standard deviation in pixels of the Gaussian kernel that the coarsest scale starts with.
    dtype : Keras policy of the convolutions ("mixed_bfloat16" trains faster).
    """

    grid: int = 49
    steps: Tuple[int, ...] = (3, 3, 3, 2)
    widths: Tuple[int, ...] = (32, 64, 96)
    decoder_widths: Tuple[int, ...] = (48, 64, 96)
    strengths: Tuple[float, ...] = (0.1, 0.02, 0.004)
    gammas: Tuple[float, ...] = (1.0, 0.2, 0.04)
    start: float = 1.2
    dtype: str = "float32"

    @property
    def divisor(self) -> int:
        """Height and width of the input must be multiples of this."""
        return 2 ** (len(self.steps) - 1 + len(self.widths) - 1)

    @property
    def channels(self) -> int:
        """Input channels of the predictor: two gradients of the picture and of each solution."""
        return 2 + 2 * len(self.strengths)

    @property
    def decoder_channels(self) -> int:
        """Input channels of the decoder: regressed kernels, the current one, the middle's root."""
        return len(self.gammas) + 2

    def grids(self, finest: Optional[int] = None) -> List[int]:
        """Kernel grids, coarsest first, up to `finest` (odd; by default `grid`)."""
        sizes = [finest or self.grid]
        for _ in self.steps[1:]:
            sizes.insert(0, (sizes[0] + 1) // 2)
        return sizes


def kernel_upsampling(size: int) -> np.ndarray:
    """Matrix (2 size - 1, size) of linear interpolation from a grid to the next finer one."""
    matrix = np.zeros((2 * size - 1, size), np.float32)
    matrix[np.arange(size) * 2, np.arange(size)] = 1
    matrix[np.arange(size - 1) * 2 + 1, np.arange(size - 1)] = 0.5
    matrix[np.arange(size - 1) * 2 + 1, np.arange(size - 1) + 1] = 0.5
    return matrix


def resample_kernel(kernel: Tensor, matrix: Any) -> Tensor:
    """Compute matrix kernel matrix^T per kernel (batch, k, k), scaled to a sum of 1."""
    matrix = ops.convert_to_tensor(matrix)
    kernel = ops.matmul(ops.matmul(matrix, kernel), ops.transpose(matrix))
    return kernel / (ops.sum(kernel, axis=(1, 2), keepdims=True) + 1e-12)


def _deviation(x: Tensor, axis: Tuple[int, ...]) -> Tensor:
    """Return the standard deviation around 0, kept dimensions, never 0."""
    return ops.sqrt(ops.mean(x * x, axis=axis, keepdims=True) + 1e-8)


def standardise(planes: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    """Return planes with zero mean and unit deviation, and the (mean, deviation) removed."""
    mean = ops.mean(planes, axis=(2, 3), keepdims=True)
    deviation = _deviation(planes - mean, (2, 3))
    return (planes - mean) / deviation, mean, deviation


def border_window(length: int, ramp: int) -> np.ndarray:
    """Raised-cosine window (length,): 1 inside, falling to 0 over `ramp` samples at both ends."""
    position = np.minimum(np.arange(length) + 0.5, length - np.arange(length) - 0.5)
    return (0.5 - 0.5 * np.cos(np.pi * np.clip(position / max(ramp, 1), 0, 1))).astype(np.float32)


def padded_window(shape: Tuple[int, int], ramp: int) -> np.ndarray:
    """Window of planes (H, W), zero padded by `ramp` or more to a fast size of transforms (P, Q).

    So much padding makes correlations up to `ramp` pixels linear ones.
    """
    rows, columns = (border_window(n, ramp) for n in shape)
    window = rows[:, None] * columns[None, :]
    padding = [(0, fast_size(n + ramp) - n) for n in shape]
    return np.pad(window, padding, mode="constant")


class AnalysisStep(keras.layers.Layer):
    """One alternation: sharp gradients from the kernel, the kernel from sharp gradients.

    Attributes
    ----------
    sides : int
        The predictor's maps are filled up with zeros to multiples of this. 1 for training; more
        makes fewer sizes, of which TensorFlow keeps memory for each.
    """

    def __init__(self, config: AnalysisConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config
        self.sides = 1
        self.predictor = ResidualUNet(config.widths, 2, dtype=config.dtype, name="predictor")
        self.decoder = ResidualUNet(config.decoder_widths, 1, dtype=config.dtype, name="decoder")

    def build(self, *_: Optional[Shape]) -> None:
        """Create the variables, which do not depend on the arguments' shapes."""
        build_layer(self.predictor, maps_shape(self.config.channels))
        build_layer(self.decoder, maps_shape(self.config.decoder_channels))
        self.built = True

    def call(self, planes: Tensor, kernel: Tensor, window: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
        """Refine kernels.

        Parameters
        ----------
        planes : (batch, 1, H, W), standardised pictures.
        kernel : (batch, k, k)
        window : (P, Q), from `padded_window`. It brings the size of the transforms along, which
            compiled for all sizes could not be computed here.

        Returns
        -------
        logits : (batch, k * k), the refined kernel before its softmax.
        sharp : (batch, 2, H, W), predicted gradients of the sharp picture divided by `unit`.
        unit : (batch, 2, 1, 1), the scale of those gradients.
        """
        edges, solution_edges = self._solve(planes, kernel, window)
        middle = len(self.config.strengths) // 2
        pairs = [solution_edges[:, 2 * i : 2 * i + 2] for i in range(len(self.config.strengths))]
        inputs = ops.concatenate([edges, *pairs], axis=1)
        inputs = inputs / _deviation(inputs, (2, 3))
        unit = _deviation(pairs[middle], (2, 3))
        sharp = pairs[middle] / unit + self._correction(inputs)
        regressed = self._regress(sharp, edges / unit, ops.shape(kernel)[1], ops.shape(window))
        return self._decode(regressed, kernel), sharp, unit

    def _correction(self, inputs: Tensor) -> Tensor:
        """Return what the predictor adds to the middle solution's gradients, of their shape."""
        height, width = ops.shape(inputs)[2:4]
        filled = pad_planes(inputs, [-(-n // self.sides) * self.sides for n in (height, width)])
        correction = ops.cast(self.predictor(channels_last(filled)), "float32")
        return channels_first(correction)[:, :, :height, :width]

    def _solve(self, planes: Tensor, kernel: Tensor, window: Tensor) -> Tuple[Tensor, Tensor]:
        """Gradients of the picture and, pair by pair, of its Wiener solutions."""
        height, width = ops.shape(planes)[2:4]
        size = ops.shape(window)
        spectrum = rfft2(pad_planes(planes, size) * window)
        otf = otf_of(kernel, size)
        power = abs2(otf)
        # All at once: on small pictures the number of operations is what costs.
        count = len(self.config.strengths)
        strengths = _column(self.config.strengths)
        solutions = wiener(spectrum, otf, power + strengths, size)[:, :, :height, :width]
        pairs = ops.reshape(gradients(solutions), (-1, 2, count, height, width))
        pairs = ops.reshape(ops.transpose(pairs, (0, 2, 1, 3, 4)), (-1, 2 * count, height, width))
        return gradients(planes), pairs

    def _regress(self, sharp: Tensor, edges: Tensor, grid: Any, size: Tuple[Any, Any]) -> Tensor:
        """Least-squares kernels (batch, gammas, grid, grid) that blur `sharp` into `edges`.

        Zero padding to `size`, by half the grid or more, makes the correlation a linear one.
        """
        half = grid // 2
        sharp_spectrum = rfft2(pad_planes(sharp, size))
        cross = conj(sharp_spectrum) * rfft2(pad_planes(edges, size))
        cross = cross[:, :1] + cross[:, 1:]
        power = ops.sum(abs2(sharp_spectrum), axis=1, keepdims=True)
        level = ops.mean(power, axis=(2, 3), keepdims=True) + 1e-8
        gammas = _column(self.config.gammas)
        maps = irfft2(scale(cross, 1 / (power + gammas * level)), size)
        return ops.roll(maps, (half, half), (2, 3))[:, :, :grid, :grid]

    def _decode(self, regressed: Tensor, kernel: Tensor) -> Tensor:
        """Kernel logits (batch, k * k) from regressed maps and the current kernel."""
        peak = ops.max(regressed, axis=(2, 3), keepdims=True)
        regressed = regressed / ops.maximum(peak, 1e-6)
        current = ops.expand_dims(kernel, 1)
        current = current / ops.max(current, axis=(2, 3), keepdims=True)
        middle = regressed[:, len(self.config.gammas) // 2 :][:, :1]
        # The root lifts weak branches; the small constant keeps its gradient finite at 0.
        root = ops.sqrt(ops.maximum(middle, 0.0) + 1e-3)
        maps = ops.concatenate([regressed, current, root], axis=1)
        grid, divisor = ops.shape(kernel)[1], 2 ** (len(self.config.decoder_widths) - 1)
        side = -(-grid // divisor) * divisor
        x = channels_last(pad_planes(maps, (side, side)))
        x = channels_first(ops.cast(self.decoder(x), "float32"))
        return ops.reshape(x[:, :, :grid, :grid] + 8 * middle, (-1, grid * grid))


class AnalysisNetwork(keras.Model):
    """Unrolled coarse-to-fine kernel estimation.

    Parameters
    ----------
    config : AnalysisConfig
    """

    def __init__(self, config: AnalysisConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config
        self.scales = [AnalysisStep(config, name=f"scale_{i}") for i in range(len(config.steps))]

    def build(self, *_: Optional[Shape]) -> None:
        """Create the variables, which do not depend on the arguments' shapes."""
        for network in self.scales:
            build_layer(network)
        self.built = True

    def call(
        self,
        image: Tensor,
        grid: Optional[int] = None,
        chained: bool = False,
        steps: Optional[Sequence[int]] = None,
    ) -> List[Dict[str, Tensor]]:
        """Estimate kernels of grey pictures.

        Parameters
        ----------
        image : (batch, H, W, 1), any range; H and W multiples of ``config.divisor``.
        grid : side of the finest kernel grid, odd; by default the configuration's. The weights
            serve every grid.
        chained : whether a step's gradients go on into the steps before it. Without, each step
            learns to improve whatever kernel it is given.
        steps : steps per scale, coarsest first; by default the configuration's.

        Returns
        -------
        list of dict, one per step from coarse to fine: "kernel" (batch, k, k) summing to 1,
        "logits" (batch, k * k), "sharp" (batch, 2, h, w) predicted sharp gradients in "unit"s
        (batch, 2, 1, 1) of the picture standardised by "deviation" (batch, 1, 1, 1).
        """
        levels = [channels_first(ops.cast(image, "float32"))]
        for _ in self.config.steps[1:]:
            levels.insert(0, _halve(levels[0]))
        kernel = self._start(levels[0], self.config.grids(grid)[0])
        results: List[Dict[str, Tensor]] = []
        for index, planes in enumerate(levels):
            if index:
                kernel = resample_kernel(kernel, kernel_upsampling(kernel.shape[1]))
            count = (steps or self.config.steps)[index]
            results += self._alternate(index, planes, kernel, count, chained)
            kernel = results[-1]["kernel"]
        return results

    def improve(self, image: Tensor, kernel: Tensor) -> Tensor:
        """Take the finest scale's steps from a kernel (batch, k, k) found elsewhere.

        Parameters
        ----------
        image : (batch, H, W, 1) as for a call.
        kernel : on any odd grid, each summing to 1.

        Returns
        -------
        (batch, k, k), each summing to 1.
        """
        planes = channels_first(ops.cast(image, "float32"))
        last, count = len(self.scales) - 1, self.config.steps[-1]
        return self._alternate(last, planes, kernel, count)[-1]["kernel"]

    def _alternate(
        self, index: int, planes: Tensor, kernel: Tensor, count: int, chained: bool = False
    ) -> List[Dict[str, Tensor]]:
        """Take `count` steps of one scale, counted from the coarsest."""
        planes, _, deviation = standardise(planes)
        window = padded_window(tuple(planes.shape[2:4]), kernel.shape[1] // 2)
        window = ops.convert_to_tensor(window)
        results = []
        for _ in range(count):
            kernel = kernel if chained else ops.stop_gradient(kernel)
            logits, sharp, unit = self.scales[index](planes, kernel, window)
            kernel = ops.reshape(ops.softmax(logits, axis=-1), ops.shape(kernel))
            results.append(
                {
                    "kernel": kernel,
                    "logits": logits,
                    "sharp": sharp,
                    "unit": unit,
                    "deviation": deviation,
                }
            )
        return results

    def _start(self, planes: Tensor, grid: int) -> Tensor:
        """Return the same small Gaussian for every picture of the batch."""
        position = np.arange(grid) - grid // 2
        profile = np.exp(-0.5 * (position / self.config.start) ** 2)
        kernel = (np.outer(profile, profile)[None] / profile.sum() ** 2).astype(np.float32)
        return 0 * planes[:, 0, :1, :1] + ops.convert_to_tensor(kernel)


def _column(values: Sequence[float]) -> Tensor:
    """Numbers as a tensor (n, 1, 1), to meet planes (batch, 1, H, W)."""
    return ops.convert_to_tensor(np.array(values, np.float32)[:, None, None])


def _halve(planes: Tensor) -> Tensor:
    """Average 2x2 blocks of planes with even sizes."""
    rows = planes[:, :, 0::2] + planes[:, :, 1::2]
    return (rows[:, :, :, 0::2] + rows[:, :, :, 1::2]) / 4


def build_analysis(config: AnalysisConfig) -> AnalysisNetwork:
    """Return the network with its variables created, at their initial values."""
    network = AnalysisNetwork(config, name="compact_analysis")
    build_layer(network)
    return network

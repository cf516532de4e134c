"""The compact synthesis network: blurry picture and blur kernel -> latent (sharp) picture.

Deconvolve first, learn the rest, twice. The first stage corrects a hand-made deconvolution (the
`start`, see `deblurnets.deconvolution.hyper_laplacian`), with Tikhonov solutions of several
strengths beside it; the second asks the data again, around what the first one found,

    x = z + F^-1[ conj(K) (B - K Z) / (|K|^2 + rho) ],

and corrects that (unrolled half-quadratic splitting, as in Zhang, Van Gool & Timofte, "Deep
unfolding network for image super-resolution", CVPR 2020). The blurry picture's unknown
surroundings are filled with the re-blurred estimate at each stage, so that no border is assumed.

What was learned counts where the blur lost something: at a frequency that the kernel passes the
picture tells the answer, and the result keeps to the start (after Schwab, Antholzer &
Haltmeier, "Deep null space learning for inverse problems", Inverse Problems 35, 2019).
"""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from deblurnets.backend import abs2, build_layer, conj, irfft2, keras, ops, rfft2, scale
from deblurnets.imaging.boundaries import gradient_power
from deblurnets.networks.layers import (
    ResidualUNet,
    Shape,
    channels_first,
    channels_last,
    fast_size,
    maps_shape,
    otf_of,
)

Tensor = Any


@dataclasses.dataclass(frozen=True)
class SynthesisConfig:
    """What fixes a compact synthesis network.

    Attributes
    ----------
    widths : channels per level of each stage's U-Net, finest first.
    stride : 2 for U-Nets that work at half resolution inside, else 1.
    strengths : Tikhonov regularisation strengths, weakest first; the squared gradient filter plus
        `flat` weights them over the frequencies.
    rhos : strengths of the second stage's data step.
    refills : times that the surroundings are filled from the middle Tikhonov solution.
    crossover : power |K|^2 of the kernel at which half of the learned correction is taken, less
        where it is greater.
    dtype : Keras policy of the convolutions ("mixed_bfloat16" trains faster).
    """

    widths: Tuple[int, ...] = (48, 64, 96)
    stride: int = 2
    strengths: Tuple[float, ...] = (3e-4, 3e-3, 2e-2, 1e-1)
    flat: float = 0.01
    rhos: Tuple[float, ...] = (2e-3, 2e-2)
    refills: int = 2
    crossover: float = 0.01
    dtype: str = "float32"

    @property
    def divisor(self) -> int:
        """Extended pictures' sizes are multiples of this."""
        return self.stride * 2 ** (len(self.widths) - 1)

    @property
    def reach(self) -> int:
        """Pixels beyond which the surroundings do not count for a U-Net, a multiple of `divisor`.

        Two 3x3 convolutions on both ways at every level, two at the coarsest, the first and the
        last convolution, and the place within a pixel of the coarsest level.
        """
        coarsest = 2 ** (len(self.widths) - 1)
        reach = self.stride * (2 + 4 * (coarsest - 1) + 2 * coarsest) + self.divisor
        return -(-reach // self.divisor) * self.divisor

    @property
    def channels(self) -> Tuple[int, int]:
        """Input channels of both stages' U-Nets: the picture, solutions, the estimate so far."""
        return 3 * (2 + len(self.strengths)), 3 * (2 + len(self.rhos))


def extended_size(length: int, grid: int, divisor: int) -> int:
    """Length of a side with its surroundings: room for half the kernel grid on both ends."""
    return fast_size(length + grid - 1, divisor)


def seen_size(length: int, grid: int, divisor: int) -> int:
    """Length of the part of a side with its surroundings that kernels reach: what U-Nets see."""
    return -(-(length + grid - 1) // divisor) * divisor


def extend(planes: Tensor, size: Tuple[int, int]) -> Tensor:
    """Extend planes (batch, C, H, W) to `size`, mirrored and blended so that they wrap smoothly.

    The picture lies at ``(size[0] - H) // 2, (size[1] - W) // 2``. Needs size <= 2 (H, W).
    """
    for axis in (2, 3):
        planes = _extend_axis(planes, size[axis - 2], axis)
    return planes


def _extend_axis(planes: Tensor, size: int, axis: int) -> Tensor:
    length = planes.shape[axis]
    ring = size - length
    if ring == 0:
        return planes
    mirrored = ops.flip(planes, axis=axis)
    after = _slice(mirrored, 0, ring, axis)  # continues the last row or column
    before = _slice(mirrored, length - ring, length, axis)  # leads to the first one
    blend = 0.5 - 0.5 * np.cos(np.pi * (np.arange(ring) + 0.5) / ring)
    blend = blend.astype(np.float32).reshape([ring if a == axis else 1 for a in range(4)])
    blend = ops.convert_to_tensor(blend)
    surroundings = after * (1 - blend) + before * blend
    tail = ring - ring // 2
    pieces = [_slice(surroundings, tail, ring, axis), planes, _slice(surroundings, 0, tail, axis)]
    return ops.concatenate(pieces, axis=axis)


def _slice(planes: Tensor, start: int, stop: int, axis: int) -> Tensor:
    return planes[:, :, start:stop] if axis == 2 else planes[:, :, :, start:stop]


def crop_centre(planes: Tensor, height: int, width: int) -> Tensor:
    """Undo `extend`."""
    top, left = (planes.shape[2] - height) // 2, (planes.shape[3] - width) // 2
    return planes[:, :, top : top + height, left : left + width]


def pad_centre(planes: Tensor, size: Tuple[int, int]) -> Tensor:
    """Put planes where `crop_centre` takes them from, zeros around them."""
    rows, columns = (n - m for n, m in zip(size, planes.shape[2:4]))
    around = [[n // 2, n - n // 2] for n in (rows, columns)]
    return ops.pad(planes, [[0, 0], [0, 0], *around]) if rows or columns else planes


def inside_mask(height: int, width: int, size: Tuple[int, int]) -> np.ndarray:
    """Return (1, 1, *size), 1 where `extend` put the picture, 0 in its surroundings."""
    mask = np.zeros((1, 1, *tuple(size)), np.float32)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    mask[:, :, top : top + height, left : left + width] = 1
    return mask


class Solutions(NamedTuple):
    """What `SynthesisNetwork` knows of a picture before a start is given.

    Attributes
    ----------
    known : (batch, 3, P, Q), the picture extended to its grid.
    mask : (1, 1, P, Q), `inside_mask`.
    otf, power : (batch, 1, P, Q // 2 + 1), the kernels' transfer functions, squared.
    inner : (H, W) of the picture proper.
    maps : (batch, 3, h, w) each, known and a Tikhonov solution for each strength, as the first
        U-Net takes them: as far around the picture as kernels reach.
    """

    known: Tensor
    mask: Tensor
    otf: Tensor
    power: Tensor
    inner: Tuple[int, int]
    maps: List[Tensor]


class SynthesisNetwork(keras.Model):
    """Two stages of Fourier deconvolution and learned correction.

    Parameters
    ----------
    config : SynthesisConfig
    """

    def __init__(self, config: SynthesisConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config
        settings = {"outputs": 3, "stride": config.stride, "dtype": config.dtype}
        self.first = ResidualUNet(config.widths, name="first", **settings)
        self.second = ResidualUNet(config.widths, name="second", **settings)

    def build(self, *_: Optional[Shape]) -> None:
        """Create the variables, which do not depend on the arguments' shapes."""
        for unet, channels in zip((self.first, self.second), self.config.channels):
            build_layer(unet, maps_shape(channels))
        self.built = True

    def call(self, image: Tensor, kernel: Tensor, start: Tensor) -> Dict[str, Tensor]:
        """Deblur colour pictures with known kernels.

        Parameters
        ----------
        image : (batch, H, W, 3), 0..1, H and W >= k - 1 + the padding to a fast size.
        kernel : (batch, k, k), k odd, origin at k // 2, summing to 1.
        start : (batch, H, W, 3), a hand-made deconvolution of the picture with the kernel.

        Returns
        -------
        dict of (batch, H, W, 3), not clipped: "sharp", the result; "first", the first stage's.
        """
        sharp, first = self.correct(self.solve(image, kernel), start)
        return {"sharp": channels_last(sharp), "first": channels_last(first)}

    def solve(self, image: Tensor, kernel: Tensor) -> Solutions:
        """Do what does not take the start; arguments as for a call."""
        image = channels_first(ops.cast(image, "float32"))
        height, width = image.shape[2:4]
        size = tuple(
            extended_size(n, kernel.shape[1], self.config.divisor) for n in (height, width)
        )
        # A tensor: PyTorch multiplies no NumPy array by a tensor that has gradients.
        mask = ops.convert_to_tensor(inside_mask(height, width, size))
        known = extend(image, size)
        otf = otf_of(kernel, size)
        power = abs2(otf)
        weight = ops.convert_to_tensor(gradient_power(size) + np.float32(self.config.flat))
        spectrum = conj(otf) * self._fill_surroundings(known, mask, power, weight, size)
        grid, divisor = kernel.shape[1], self.config.divisor
        seen = tuple(seen_size(n, grid, divisor) for n in (height, width))
        maps = [self._map(known, seen)]
        for strength in self.config.strengths:
            plane = irfft2(scale(spectrum, 1 / (power + strength * weight)), size)
            maps.append(self._map(plane, seen))
        return Solutions(known, mask, otf, power, (height, width), maps)

    def correct(self, solutions: Solutions, start: Tensor) -> Tuple[Tensor, Tensor]:
        """Correct a start beside the solutions; "sharp" and "first" of a call, (batch, 3, H, W)."""
        known, power = solutions.known, solutions.power
        size, seen = tuple(known.shape[2:4]), tuple(solutions.maps[0].shape[2:4])
        start = extend(channels_first(ops.cast(start, "float32")), size)
        maps = [*solutions.maps, self._map(start, seen)]
        first = start + self._correct(self.first, maps, size)
        maps = [self._map(p, seen) for p in [known, first, *self._data_steps(solutions, first)]]
        second = first + self._correct(self.second, maps, size)
        lost = self.config.crossover / (power + self.config.crossover)
        sharp = start + irfft2(scale(rfft2(second - start), lost), size)
        return crop_centre(sharp, *solutions.inner), crop_centre(first, *solutions.inner)

    def _fill_surroundings(
        self, known: Tensor, mask: Tensor, power: Tensor, weight: Tensor, size: Tuple[int, int]
    ) -> Tensor:
        """Return the spectrum of the picture, its surroundings as its own solution predicts."""
        middle = self.config.strengths[len(self.config.strengths) // 2]
        gain = power / (power + middle * weight)  # solve, then blur again
        spectrum = rfft2(known)
        for _ in range(self.config.refills):
            predicted = irfft2(scale(spectrum, gain), size)
            spectrum = rfft2(mask * known + (1 - mask) * predicted)
        return spectrum

    def _data_steps(self, solutions: Solutions, estimate: Tensor) -> List[Tensor]:
        """Return the corrections that the data ask of an estimate, one per rho."""
        known, mask, otf, power = solutions[:4]
        size = tuple(known.shape[2:4])
        blurred = irfft2(rfft2(estimate) * otf, size)
        residual = conj(otf) * rfft2(mask * (known - blurred))
        return [irfft2(scale(residual, 1 / (power + rho)), size) for rho in self.config.rhos]

    def _map(self, planes: Tensor, seen: Tuple[int, int]) -> Tensor:
        """Return the part of planes that a U-Net sees, (batch, 3, *seen), in its precision."""
        return ops.cast(crop_centre(planes, *seen), self.config.dtype.replace("mixed_", ""))

    @staticmethod
    def _correct(network: ResidualUNet, maps: List[Tensor], size: Tuple[int, int]) -> Tensor:
        """Return a U-Net's correction, 0 where only a fast size of transforms reaches."""
        correction = network(channels_last(ops.concatenate(maps, axis=1)))
        return pad_centre(channels_first(ops.cast(correction, "float32")), size)


def build_synthesis(config: SynthesisConfig) -> SynthesisNetwork:
    """Return the network with its variables created, at their initial values."""
    network = SynthesisNetwork(config, name="compact_synthesis")
    build_layer(network)
    return network

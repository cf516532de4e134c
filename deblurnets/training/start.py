"""The synthesis network's hand-made start as a part of a training step.

What `deblurnets.deconvolution.hyper_laplacian` computes, by the batch and on every framework,
so that the loss of the picture can be followed back through the start to the kernel. The factors
that shrink gradients are read from a table: gradients take them as given.
"""

from __future__ import annotations

from typing import Any, Tuple

import numpy as np

from deblurnets.backend import abs2, conj, irfft2, ops, rfft2, scale
from deblurnets.deconvolution.half_quadratic import TIKHONOV_FLOOR, HyperLaplacian
from deblurnets.deconvolution.shrinkage import shrink_factor
from deblurnets.imaging import srgb as domain
from deblurnets.imaging.boundaries import blend, extended_shape, gradient_power
from deblurnets.networks.layers import channels_first, channels_last, otf_of
from deblurnets.training.surroundings import extrapolate

Tensor = Any

_ENTRIES, _TOP = 4096, 64.0


def differentiable_start(
    blurry: Tensor, kernel: Tensor, linear: Tensor, noise: Tensor, settings: HyperLaplacian
) -> Tensor:
    """Deconvolve pictures by the batch.

    Parameters
    ----------
    blurry : (batch, H, W, C), sRGB values, 0..1.
    kernel : (batch, k, k), k odd, origin at k // 2, each summing to 1.
    linear : (batch,), 1 where the blur is a convolution in linear light, 0 in pixel values.
    noise : (batch,), standard deviation of the noise in pixel values.
    settings : HyperLaplacian

    Returns
    -------
    (batch, H, W, C), 0..1
    """
    return channels_last(_Solver(channels_first(blurry), kernel, linear, noise, settings).solve())


class _Solver:
    """State of one deconvolution; names are those of `deblurnets.deconvolution.hyper_laplacian`."""

    def __init__(
        self,
        planes: Tensor,
        kernel: Tensor,
        linear: Tensor,
        noise: Tensor,
        settings: HyperLaplacian,
    ) -> None:
        self.settings = settings
        self.linear, noise = (ops.reshape(x, (-1, 1, 1, 1)) for x in (linear, noise))
        self.inner = tuple(planes.shape[2:4])
        self.margin = kernel.shape[1] // 2 + settings.margin
        self.size = extended_shape(self.inner, (self.margin, self.margin))
        self.otf = otf_of(kernel, self.size)
        self.prior = settings.strength * (noise**2 + settings.model_error**2)
        encoded = _extend(planes, self.margin, self.size)
        self.known = ops.convert_to_tensor(self._known())
        self.saturated = ops.logical_and(encoded >= settings.saturation, self.known > 0)
        slope, inner_slope = (_slope(x, settings.dark) for x in (encoded, planes))
        unit = ops.exp(ops.mean(ops.log(inner_slope), axis=(1, 2, 3), keepdims=True))
        limit = settings.weight_range
        weight = self._lit(ops.clip((unit / slope) ** 2, 1 / limit, limit), 1.0)
        self.weight = ops.where(self.saturated, 0.0, self.known * weight)
        self.unit = self._lit(unit, 1.0)
        self.observed = self._lit(_to_linear(encoded) / unit, encoded)
        sizes = np.linspace(0, _TOP, _ENTRIES, dtype=np.float32)
        self.table = ops.convert_to_tensor(shrink_factor(sizes, 1.0, settings.exponent))

    def solve(self) -> Tensor:
        """Sharp planes in 0..1, sRGB values, (batch, C, H, W)."""
        settings, split = self.settings, self.settings.data_penalty
        power = abs2(self.otf)
        roughness = ops.convert_to_tensor(gradient_power(self.size))
        penalty = 20 * self.prior * (roughness + TIKHONOV_FLOOR)
        spectrum = conj(self.otf) * rfft2(self._surrounded())
        spectrum = scale(spectrum, 1 / (power + penalty))
        sharp = irfft2(spectrum, self.size)
        dual, previous = ops.zeros_like(self.observed), self.observed
        penalties = np.geomspace(settings.penalty_first, settings.penalty_last, settings.iterations)
        for step, penalty in enumerate(penalties.tolist()):
            blurred = irfft2(self.otf * spectrum, self.size)
            copy, dual = self._data_copy(step, blurred, previous, dual)
            previous = blurred
            pull = self.prior * penalty
            edges = self._shrunken_divergence(sharp, penalty)
            spectrum = scale(conj(self.otf) * rfft2(copy - dual), split)
            spectrum = spectrum + rfft2(pull * edges)
            spectrum = scale(spectrum, 1 / (split * power + 1e-9 + pull * roughness))
            sharp = irfft2(spectrum, self.size)
        top, (height, width) = self.margin, self.inner
        sharp = sharp[:, :, top : top + height, top : top + width]
        return ops.clip(self._lit(_to_gamma(sharp * self.unit), sharp), 0, 1)

    def _surrounded(self) -> Tensor:
        """Return the blurry picture with its surroundings and its saturated parts estimated."""
        known = self.weight > 0
        filled = extrapolate(self.observed, known, self.otf, self.settings.extrapolation)
        return ops.where(self.saturated, ops.maximum(filled, self.observed), filled)

    def _data_copy(
        self, step: int, blurred: Tensor, previous: Tensor, dual: Tensor
    ) -> Tuple[Tensor, Tensor]:
        """Return the re-blurred picture's split copy and its dual."""
        hidden, split = self.weight <= 0, self.settings.data_penalty
        ahead = ops.where(hidden, 2 * blurred - previous, blurred) if step > 1 else blurred
        if step == 0:
            copy = ops.where(hidden, blurred, self.observed)
        else:
            dual = dual + ahead
            copy = (self.weight * self.observed + split * dual) / (self.weight + split)
            dual = dual - copy
        return ops.where(self.saturated, ops.maximum(copy, self.observed), copy), dual

    def _shrunken_divergence(self, sharp: Tensor, penalty: float) -> Tensor:
        """Transposed gradient of the shrunken gradient."""
        exponent = self.settings.exponent
        level = ops.clip(ops.mean(sharp, axis=1, keepdims=True) * self.unit, 0, 1)
        slope = _slope(_to_gamma(level), self.settings.dark)
        threshold = self._lit((self.unit / slope) ** (exponent / (2 - exponent)), 1.0)
        threshold = ops.stop_gradient(threshold * (1 / penalty) ** (1 / (2 - exponent)))
        across = ops.roll(sharp, -1, 3) - sharp
        down = ops.roll(sharp, -1, 2) - sharp
        across = across * self._kept(across, threshold)
        down = down * self._kept(down, threshold)
        return ops.roll(across, 1, 3) - across + ops.roll(down, 1, 2) - down

    def _kept(self, gradient: Tensor, threshold: Tensor) -> Tensor:
        """Return the factors that shrink a gradient, its channels together."""
        squared = ops.sum(ops.stop_gradient(gradient) ** 2, axis=1, keepdims=True)
        place = ops.sqrt(squared) / threshold * ((_ENTRIES - 1) / _TOP)
        index = ops.cast(ops.minimum(place, float(_ENTRIES - 1)), "int32")
        return ops.take(self.table, index)

    def _lit(self, in_linear_light: Tensor, else_: Any) -> Tensor:
        """Choose sample by sample."""
        return ops.where(self.linear > 0.5, in_linear_light, else_)

    def _known(self) -> np.ndarray:
        known = np.zeros((1, 1, *self.size), np.float32)
        top, (height, width) = self.margin, self.inner
        known[:, :, top : top + height, top : top + width] = 1
        return known


def _extend(planes: Tensor, margin: int, size: Tuple[int, int]) -> Tensor:
    """Put pictures on a larger periodic grid, see :func:`deblurnets.imaging.boundaries.extend`."""
    planes = ops.transpose(planes, (0, 1, 3, 2))
    planes = ops.transpose(_extend_last(planes, margin, size[0]), (0, 1, 3, 2))
    return _extend_last(planes, margin, size[1])


def _extend_last(planes: Tensor, margin: int, size: int) -> Tensor:
    t = ops.convert_to_tensor(blend(size - planes.shape[-1]).astype(np.float32))
    filler = planes[..., -1:] * (1 - t) + planes[..., :1] * t
    return ops.roll(ops.concatenate([planes, filler], axis=-1), margin, 3)


# The sRGB curve of `imaging.srgb`. Each branch stays where its slope is finite: `where` hands
# gradients to the branch not taken too, and 0 times infinity is not a number.


def _to_linear(encoded: Tensor) -> Tensor:
    curve = ((ops.maximum(encoded, domain.TOE_GAMMA) + 0.055) / 1.055) ** 2.4
    return ops.where(encoded <= domain.TOE_GAMMA, encoded / 12.92, curve)


def _to_gamma(linear: Tensor) -> Tensor:
    curve = 1.055 * ops.maximum(linear, domain.TOE_LINEAR) ** (1 / 2.4) - 0.055
    return ops.where(linear <= domain.TOE_LINEAR, linear * 12.92, curve)


def _slope(encoded: Tensor, floor: float) -> Tensor:
    return 2.4 / 1.055 * ((ops.maximum(encoded, floor) + 0.055) / 1.055) ** 1.4

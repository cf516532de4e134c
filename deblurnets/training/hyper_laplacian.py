"""The deconvolution of `deblurnets.deconvolution.hyper_laplacian` as a part of a training step.

By the batch, in Keras operations on every framework, and unrolled: the loss of the picture can be
followed back to the kernel. The factors that shrink gradients are read from a table: the training's
gradients take them as given, as in reweighted least squares.
"""

from __future__ import annotations

from typing import Any, Tuple

import numpy as np

from deblurnets.backend import abs2, conj, irfft2, ops, rfft2, scale
from deblurnets.deconvolution.half_quadratic import TIKHONOV_FLOOR, HyperLaplacian
from deblurnets.deconvolution.shrinkage import ENTRIES, TOP, shrink_factor
from deblurnets.imaging import srgb
from deblurnets.imaging.boundaries import blend, extended_shape, gradient_power
from deblurnets.networks.layers import channels_first, channels_last, otf_of
from deblurnets.training.extrapolation import extrapolate
from deblurnets.training.srgb import slope, to_gamma, to_linear

Tensor = Any

# Entries of the table over light 0..1.
_LEVELS = 4096


def unrolled_hyper_laplacian(
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
    """State of one deconvolution, as `deblurnets.deconvolution.half_quadratic.Solver` has it."""

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
        mask = ops.convert_to_tensor(self._mask())
        self.saturated = ops.logical_and(encoded >= settings.saturation, mask > 0)
        slopes, inner = (slope(x, settings.dark) for x in (encoded, planes))
        unit = ops.exp(ops.mean(ops.log(inner), axis=(1, 2, 3), keepdims=True))
        limit = settings.weight_range
        weight = self._by_domain(1.0, ops.clip((unit / slopes) ** 2, 1 / limit, limit))
        self.weight = ops.where(self.saturated, 0.0, mask * weight)
        self.unit = self._by_domain(1.0, unit)
        self.observed = self._by_domain(encoded, to_linear(encoded) / unit)
        self.factors, self.thresholds = (ops.convert_to_tensor(t) for t in _tables(settings))

    def solve(self) -> Tensor:
        """Sharp planes in 0..1, sRGB values, (batch, C, H, W)."""
        settings, penalty = self.settings, self.settings.data_penalty
        power = abs2(self.otf)
        roughness = ops.convert_to_tensor(gradient_power(self.size))
        spectrum = conj(self.otf) * rfft2(self._extrapolated())
        tikhonov = power + 20 * self.prior * (roughness + TIKHONOV_FLOOR)
        spectrum = scale(spectrum, 1 / tikhonov)
        sharp = irfft2(spectrum, self.size)
        dual, previous = ops.zeros_like(self.observed), self.observed
        steps = np.geomspace(settings.penalty_first, settings.penalty_last, settings.iterations)
        for step, gradient_penalty in enumerate(steps.tolist()):
            blurred = irfft2(self.otf * spectrum, self.size)
            copy, dual = self._data_step(step, blurred, previous, dual)
            previous = blurred
            edges = self.prior * gradient_penalty
            target = scale(conj(self.otf) * rfft2(copy - dual), penalty)
            target = target + rfft2(edges * self._shrunken_divergence(sharp, gradient_penalty))
            spectrum = scale(target, 1 / (penalty * power + 1e-9 + edges * roughness))
            sharp = irfft2(spectrum, self.size)
        top, (height, width) = self.margin, self.inner
        sharp = sharp[:, :, top : top + height, top : top + width]
        return ops.clip(self._by_domain(sharp, to_gamma(sharp * self.unit)), 0, 1)

    def _extrapolated(self) -> Tensor:
        """Return the blurry picture, what is beyond its boundary or saturated estimated."""
        found = extrapolate(self.observed, self.weight > 0, self.otf, self.settings.extrapolation)
        return self._at_least_observed(found)

    def _data_step(
        self, step: int, blurred: Tensor, previous: Tensor, dual: Tensor
    ) -> Tuple[Tensor, Tensor]:
        """Return the re-blurred picture's copy that meets the observed one, and its scaled dual."""
        unobserved, penalty = self.weight <= 0, self.settings.data_penalty
        if step == 0:
            copy = ops.where(unobserved, blurred, self.observed)
            return self._at_least_observed(copy), dual
        # Unobserved pixels creep to their place: let them go each step twice.
        ahead = ops.where(unobserved, 2 * blurred - previous, blurred) if step > 1 else blurred
        dual = dual + ahead
        copy = (self.weight * self.observed + penalty * dual) / (self.weight + penalty)
        return self._at_least_observed(copy), dual - copy

    def _at_least_observed(self, planes: Tensor) -> Tensor:
        return ops.where(self.saturated, ops.maximum(planes, self.observed), planes)

    def _shrunken_divergence(self, sharp: Tensor, penalty: float) -> Tensor:
        """Transposed gradient of the shrunken gradient."""
        exponent = self.settings.exponent
        level = ops.clip(ops.mean(sharp, axis=1, keepdims=True) * self.unit, 0, 1)
        in_linear = ops.take(self.thresholds, ops.cast(level * (_LEVELS - 1), "int32"))
        in_linear = in_linear * self.unit ** (exponent / (2 - exponent))
        threshold = self._by_domain(1.0, in_linear) * (1 / penalty) ** (1 / (2 - exponent))
        across = ops.roll(sharp, -1, 3) - sharp
        down = ops.roll(sharp, -1, 2) - sharp
        across = across * self._kept(across, ops.stop_gradient(threshold))
        down = down * self._kept(down, ops.stop_gradient(threshold))
        return ops.roll(across, 1, 3) - across + ops.roll(down, 1, 2) - down

    def _kept(self, gradient: Tensor, threshold: Tensor) -> Tensor:
        """Return the factors that shrink a gradient, its channels together."""
        squared = ops.sum(ops.stop_gradient(gradient) ** 2, axis=1, keepdims=True)
        place = ops.sqrt(squared) / threshold * ((ENTRIES - 1) / TOP)
        index = ops.cast(ops.minimum(place, float(ENTRIES - 1)), "int32")
        return ops.take(self.factors, index)

    def _by_domain(self, gamma: Any, linear: Tensor) -> Tensor:
        """Choose sample by sample."""
        return ops.where(self.linear > 0.5, linear, gamma)

    def _mask(self) -> np.ndarray:
        """Return the observation mask: 1 within the picture."""
        mask = np.zeros((1, 1, *self.size), np.float32)
        top, (height, width) = self.margin, self.inner
        mask[:, :, top : top + height, top : top + width] = 1
        return mask


def _tables(settings: HyperLaplacian) -> Tuple[np.ndarray, np.ndarray]:
    """Return factors over gradients in thresholds, and thresholds over linear light in units."""
    places = np.arange(ENTRIES, dtype=np.float32) + np.float32(0.5)  # amid an entry
    factors = shrink_factor(places * np.float32(TOP / (ENTRIES - 1)), 1.0, settings.exponent)
    slopes = srgb.slope(srgb.to_gamma(np.linspace(0, 1, _LEVELS)), settings.dark)
    exponent = settings.exponent / (2 - settings.exponent)
    return factors, (slopes**-exponent).astype(np.float32)


def _extend(planes: Tensor, margin: int, size: Tuple[int, int]) -> Tensor:
    """Put pictures on a larger periodic grid, see :func:`deblurnets.imaging.boundaries.extend`."""
    planes = ops.transpose(planes, (0, 1, 3, 2))
    planes = ops.transpose(_extend_last(planes, margin, size[0]), (0, 1, 3, 2))
    return _extend_last(planes, margin, size[1])


def _extend_last(planes: Tensor, margin: int, size: int) -> Tensor:
    t = ops.convert_to_tensor(blend(size - planes.shape[-1]).astype(np.float32))
    filler = planes[..., -1:] * (1 - t) + planes[..., :1] * t
    return ops.roll(ops.concatenate([planes, filler], axis=-1), margin, 3)

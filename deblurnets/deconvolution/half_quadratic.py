"""The HQS iterations of `hyper_laplacian`, on planes of a periodic grid."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Callable, List, Optional, Tuple, Union

import numpy as np
from scipy import fft

from deblurnets.deconvolution.data_fidelity import DataFidelity
from deblurnets.deconvolution.extrapolation import extrapolate, from_nearest
from deblurnets.deconvolution.shrinkage import shrink_factor
from deblurnets.imaging import srgb as curves
from deblurnets.imaging.boundaries import (
    extend,
    extended_shape,
    gradient_power,
    inside,
    psf_to_otf,
)
from deblurnets.imaging.differences import divergence, gradients
from deblurnets.imaging.spectra import filtered, planes_of
from deblurnets.runtime.threads import in_strips, map_threads, plane_groups, strip_ends

# Added to the squared gradient in the penalty of `wiener`: holds the mean brightness.
TIKHONOV_FLOOR = 0.01


@dataclass(frozen=True)
class HyperLaplacian:
    """Settings of `hyper_laplacian`; the defaults suit photographs of any noise.

    Attributes
    ----------
    exponent : float
        Power of the gradients in the prior, under 1: few large ones cost less than many small.
    strength : float
        Weight of the prior for noise of standard deviation 1; it goes with the noise's variance.
    model_error : float
        What no kernel explains (lens, wrong kernel, rounding), as a standard deviation of pixel
        values in 0..1, added to the noise in squares.
    iterations : int
        Few: stopping early also forgives faults of the kernel.
    penalty_first, penalty_last : float
        Penalty that ties the shrunken gradients to the picture's, in the first and the last
        iteration, growing by a constant factor in between.
    data_penalty : float
        Penalty that ties the re-blurred picture to its copy (`data_fidelity`). Small: masked
        parts follow quickly, fine detail comes slowly.
    margin : int
        Pixels added around the picture beyond the kernel's radius.
    extrapolation : int
        Iterations of the boundary extrapolation before the first one (`extrapolate`).
    saturation : float
        Pixel values from here on are taken as "at least this much".
    weight_range : float
        In linear light the weight of a pixel may differ from the typical one by this factor.
    dark : float
        In linear light, values under this are taken to be as noisy as this one.
    """

    exponent: float = 0.8
    strength: float = 5.0
    model_error: float = 0.005
    iterations: int = 6
    penalty_first: float = 1.0
    penalty_last: float = 256.0
    data_penalty: float = 0.5
    margin: int = 10
    extrapolation: int = 8
    saturation: float = 0.99
    weight_range: float = 8.0
    dark: float = 0.05


def wiener(planes: np.ndarray, otf: np.ndarray, strength: float) -> np.ndarray:
    """Return the spectrum of the picture that `hyper_laplacian.tikhonov` finds."""
    shape = planes.shape[1:]
    penalty = strength * (gradient_power(shape) + np.float32(TIKHONOV_FLOOR))
    return np.conj(otf) / (np.abs(otf) ** 2 + penalty) * fft.rfft2(planes)


def typical_slope(image: np.ndarray, settings: Optional[HyperLaplacian] = None) -> float:
    """Geometric mean of the sRGB curve's slope over a picture of any shape, values in 0..1."""
    settings = settings or HyperLaplacian()
    # Row by row: a large picture's logarithms need not be in memory together.
    logarithms = [np.mean(np.log(curves.slope(row, settings.dark))) for row in image]
    return float(np.exp(np.mean(logarithms)))


class Solver:
    """State of one `hyper_laplacian`: the padded picture, its weights, and the OTF.

    In linear light all values are divided by the typical slope of the sRGB curve, so that noise
    and gradients keep the size that they have in pixel values.
    """

    def __init__(self, planes, kernel, noise, linear, settings, mask=None, unit=None):
        self.settings, self.linear, self.inner_shape = settings, linear, planes.shape
        self.margin = tuple(n // 2 + settings.margin for n in kernel.shape)
        self.shape = extended_shape(planes.shape[1:], self.margin)
        self.otf = psf_to_otf(kernel, self.shape)
        # Weight of the prior against a data term of weight 1.
        self.prior = settings.strength * (noise**2 + settings.model_error**2)
        if mask is not None:
            planes = from_nearest(planes, np.asarray(mask, bool))
        self.observed = extend(planes, self.margin, self.shape)
        observed = np.zeros((1, *self.shape), np.float32)
        inside(observed, self.margin, planes.shape)[...] = 1 if mask is None else mask
        self.saturated = (self.observed >= settings.saturation) & (observed > 0)
        self.weight = observed * ~self.saturated
        self.unit = 1.0
        if linear:
            self.unit = typical_slope(planes, settings) if unit is None else unit
            in_strips(self._to_linear_units, self.weight, self.observed)
            self.thresholds = self._threshold_table()

    def _to_linear_units(self, weight: np.ndarray, observed: np.ndarray) -> None:
        """Turn a strip of pixel values into light in units, and weight it by its noise there."""
        limit = self.settings.weight_range
        slope = curves.slope(observed, self.settings.dark)
        weight *= np.clip((self.unit / slope) ** 2, 1 / limit, limit)
        np.divide(curves.to_linear(observed), np.float32(self.unit), out=observed)

    def _to_pixels(self, sharp: np.ndarray, found: np.ndarray) -> None:
        """Fill a strip with the pixel values 0..1 of what was found."""
        if self.linear:
            found = curves.to_gamma(found * np.float32(self.unit))
        np.clip(found, 0, 1, out=sharp)

    def solve(self) -> np.ndarray:
        """Sharp planes in 0..1, sRGB values, (C, H, W)."""
        settings = self.settings
        parts = plane_groups(self.observed.shape)
        data = [DataFidelity(*self._observed(part), settings.data_penalty) for part in parts]
        spectra = [wiener(self._extrapolated(part), self.otf, 20 * self.prior) for part in parts]
        sharp = [planes_of(spectrum.copy(), self.shape) for spectrum in spectra]
        step = self._step()
        penalties = np.geomspace(settings.penalty_first, settings.penalty_last, settings.iterations)
        for penalty in penalties.tolist():
            self._shrink(sharp, penalty)
            for n, divergences in enumerate(sharp):
                sharp[n] = step(spectra[n], divergences, data[n], self.prior * penalty)
        del spectra, data
        result = np.empty(self.inner_shape, np.float32)
        for part, planes in zip(parts, sharp):
            in_strips(
                self._to_pixels, result[part], inside(planes, self.margin, result[part].shape)
            )
        return result

    def _step(self) -> Callable[..., np.ndarray]:
        """Return the function that solves for planes, and for their spectrum in its place."""
        rho = np.float32(self.settings.data_penalty)
        power = np.abs(self.otf) ** 2
        power *= rho
        power += np.float32(1e-9)
        constants = self.otf, power, gradient_power(self.shape)

        def step(
            spectrum: np.ndarray, edges: np.ndarray, data: DataFidelity, beta: float
        ) -> np.ndarray:
            solve = functools.partial(_solve, rho, np.float32(beta))
            target = data.target(filtered(spectrum, self.shape, np.asarray, self.otf))
            target, edges = fft.rfft2(target), fft.rfft2(edges)
            in_strips(solve, spectrum, target, edges, *constants)
            return planes_of(edges, self.shape)

        return step

    def _extrapolated(self, part: slice) -> np.ndarray:
        """Return blurry planes, their boundaries and saturated parts extrapolated."""
        observed, weight, saturated = self._observed(part)
        settings = self.settings
        found = extrapolate(
            observed, weight > 0, self.otf, settings.extrapolation, half_resolution=True
        )
        return np.maximum(found, observed, out=found, where=saturated)

    def _observed(self, part: slice) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Blurry planes, the weights of their pixels, and where they are clipped."""
        return self.observed[part], self.weight[part], self.saturated[part]

    def _shrink(self, sharp: List[np.ndarray], penalty: float) -> None:
        """Replace planes, in groups, by the transposed gradient of their shrunken gradient."""
        ends = strip_ends(self.observed)
        # The gradient looks ahead, its transpose looks back, at rows that are replaced meanwhile.
        beyond = [
            [[group.take([row], axis=1, mode="wrap") for row in (low - 1, high)] for group in sharp]
            for low, high in ends
        ]

        def work(strip: int) -> None:
            rows = slice(*ends[strip])
            block = np.concatenate(
                [
                    np.concatenate([above, group[:, rows], below], axis=1)
                    for group, (above, below) in zip(sharp, beyond[strip])
                ]
            )
            threshold = self._threshold(block, penalty)
            both = gradients(block)
            for gradient in both:
                if len(gradient) == 1:
                    size = np.abs(gradient)
                else:
                    size = np.sqrt(np.einsum("chw,chw->hw", gradient, gradient))[None]
                gradient *= shrink_factor(size, threshold, self.settings.exponent)
            result = divergence(*both)[:, 1:-1]
            for group, planes in zip(sharp, np.split(result, len(sharp))):
                group[:, rows] = planes

        map_threads(work, range(len(ends)), fft.get_workers())

    def _threshold(self, sharp: np.ndarray, penalty: float) -> Union[float, np.ndarray]:
        """Size under which a gradient is noise; in the linear domain by pixel, (1, H, W)."""
        threshold = (1 / penalty) ** (1 / (2 - self.settings.exponent))
        if not self.linear:
            return threshold
        level = np.clip(sharp.mean(axis=0, keepdims=True) * np.float32(self.unit), 0, 1)
        index = (level * (self.thresholds.size - 1)).astype(np.int32)
        return self.thresholds[index] * np.float32(threshold)

    def _threshold_table(self) -> np.ndarray:
        """Factor of the threshold over linear light 0..1: a step in the dark is seen more."""
        encoded = curves.to_gamma(np.linspace(0, 1, 4096))
        slope = curves.slope(encoded, self.settings.dark)
        exponent = self.settings.exponent
        return ((self.unit / slope) ** (exponent / (2 - exponent))).astype(np.float32)


def _solve(
    rho: float,
    beta: float,
    spectrum: np.ndarray,
    target: np.ndarray,
    edges: np.ndarray,
    otf: np.ndarray,
    power: np.ndarray,
    roughness: np.ndarray,
) -> None:
    """Solve ``(rho |K|^2 + beta |G|^2) X = rho conj(K) T + beta G^* W`` for the spectrum X.

    It fills ``edges`` too: their place is free for what becomes of the spectrum.
    """
    np.multiply(target, rho * np.conj(otf), out=spectrum)
    edges *= beta
    spectrum += edges
    spectrum *= 1 / (power + beta * roughness)
    edges[...] = spectrum

"""The hand-made deconvolution of :mod:`deblurnets.deconvolution.hyper_laplacian`, by the batch."""

from __future__ import annotations

import math
from typing import Optional, Tuple

import numpy as np
import torch

from deblurnets.deconvolution.half_quadratic import TIKHONOV_FLOOR, HyperLaplacian
from deblurnets.deconvolution.shrinkage import shrink_factor
from deblurnets.imaging.boundaries import blend, extended_shape, gradient_power
from deblurnets.imaging.noise import QUARTILE_OF_NOISE
from deblurnets.training.on_device import domain as curves
from deblurnets.training.on_device.surroundings import extrapolate

_TABLE, _TOP = 4096, 64.0


def estimate_noise(planes: torch.Tensor) -> torch.Tensor:
    """Estimate the noise (batch,) of pictures (batch, C, H, W) as the tool does.

    See `deblurnets.imaging.noise.estimate_noise`; the outermost pixels do not count.
    """
    rows = planes[:, :, 2:] - 2 * planes[:, :, 1:-1] + planes[:, :, :-2]
    response = (rows[..., 2:] - 2 * rows[..., 1:-1] + rows[..., :-2]) / 6
    values = _blocks(planes[:, :, 1:-1, 1:-1])
    levels = _blocks(response**2).mean(-1).sqrt()
    unclipped = (values.amax(-1) < 0.99) & (values.amin(-1) > 0.005)
    unclipped = unclipped | ~unclipped.any(-1, keepdim=True)
    levels = torch.where(unclipped, levels, torch.full_like(levels, math.inf))
    ordered = levels.sort(-1).values
    place = 0.25 * (unclipped.sum(-1, keepdim=True) - 1)
    low = ordered.gather(-1, place.floor().long())
    high = ordered.gather(-1, place.ceil().long())
    quartile = (low + (high - low) * (place - place.floor()))[..., 0]
    return (((QUARTILE_OF_NOISE * quartile) ** 2).mean(1)).sqrt()


def _blocks(planes: torch.Tensor, size: int = 16) -> torch.Tensor:
    """Whole blocks (batch, C, count, size * size)."""
    rows, columns = planes.shape[2] // size, planes.shape[3] // size
    planes = planes[:, :, : rows * size, : columns * size]
    blocks = planes.reshape(*planes.shape[:2], rows, size, columns, size).transpose(3, 4)
    return blocks.reshape(*planes.shape[:2], rows * columns, size * size)


def hyper_laplacian(
    planes: torch.Tensor,
    kernel: torch.Tensor,
    linear: torch.Tensor,
    model_error: torch.Tensor,
    noise: Optional[torch.Tensor] = None,
) -> torch.Tensor:
    """Deconvolve, see :func:`deblurnets.deconvolution.hyper_laplacian.hyper_laplacian`.

    Parameters
    ----------
    planes : (batch, C, H, W), sRGB values, 0..1.
    kernel : (batch, k, k)
    linear : (batch,), bool: in linear light.
    model_error : (batch,), see :class:`deblurnets.deconvolution.hyper_laplacian.HyperLaplacian`.
    noise : (batch,), estimated when not given.
    """
    noise = estimate_noise(planes) if noise is None else noise
    with torch.no_grad():
        return _Solver(planes, kernel, linear, noise**2 + model_error**2).solve()


class _Solver:
    """State of one `hyper_laplacian`."""

    def __init__(
        self,
        planes: torch.Tensor,
        kernel: torch.Tensor,
        linear: torch.Tensor,
        variance: torch.Tensor,
    ) -> None:
        self.settings = settings = HyperLaplacian()
        self.linear = linear[:, None, None, None]
        self.inner = planes.shape[2:]
        half = kernel.shape[1] // 2
        self.margin = half + settings.margin
        self.size = extended_shape(self.inner, (self.margin, self.margin))
        origin = torch.nn.functional.pad(
            kernel, [0, self.size[1] - kernel.shape[2], 0, self.size[0] - kernel.shape[1]]
        )
        self.otf = torch.fft.rfft2(torch.roll(origin, (-half, -half), (1, 2)))[:, None]
        self.prior = settings.strength * variance[:, None, None, None]
        encoded = extend(planes, self.margin, self.size)
        known = torch.zeros(1, 1, *self.size, device=planes.device)
        self._inside(known)[...] = 1
        self.saturated = (encoded >= settings.saturation) & (known > 0)
        slope = curves.slope(encoded, settings.dark)
        unit = curves.slope(planes, settings.dark).log().mean((1, 2, 3), keepdim=True).exp()
        limit = settings.weight_range
        weight = ((unit / slope) ** 2).clamp(1 / limit, limit)
        weight = torch.where(self.linear, weight, torch.ones_like(weight))
        self.weight = known * ~self.saturated * weight
        self.unit = torch.where(self.linear, unit, torch.ones_like(unit))
        self.observed = torch.where(self.linear, curves.to_linear(encoded) / unit, encoded)
        self.table = _factors(settings.exponent, planes.device)

    def solve(self) -> torch.Tensor:
        """Sharp planes in 0..1, sRGB values."""
        settings, split = self.settings, self.settings.data_penalty
        observed, weight = self.observed, self.weight
        power = self.otf.abs() ** 2
        roughness = torch.tensor(gradient_power(self.size), device=observed.device)
        adjoint = split * self.otf.conj()
        penalty = 20 * self.prior * (roughness + TIKHONOV_FLOOR)
        spectrum = self.otf.conj() / (power + penalty) * torch.fft.rfft2(self._surrounded())
        sharp = torch.fft.irfft2(spectrum, s=self.size)
        hidden = weight <= 0
        dual, previous = torch.zeros_like(observed), observed
        penalties = np.geomspace(settings.penalty_first, settings.penalty_last, settings.iterations)
        for step, penalty in enumerate(penalties.tolist()):
            blurred = torch.fft.irfft2(self.otf * spectrum, s=self.size)
            ahead = torch.where(hidden, 2 * blurred - previous, blurred) if step > 1 else blurred
            previous = blurred
            if step == 0:
                copy = torch.where(hidden, blurred, observed)
            else:
                dual = dual + ahead
                copy = (weight * observed + split * dual) / (weight + split)
                dual = dual - copy
            copy = torch.where(self.saturated, torch.maximum(copy, observed), copy)
            pull = self.prior * penalty
            edges = self._shrunken_divergence(sharp, penalty)
            spectrum = adjoint * torch.fft.rfft2(copy - dual) + torch.fft.rfft2(pull * edges)
            spectrum = spectrum / (split * power + 1e-9 + pull * roughness)
            sharp = torch.fft.irfft2(spectrum, s=self.size)
        sharp = self._inside(sharp)
        sharp = torch.where(self.linear, curves.to_gamma(sharp * self.unit), sharp)
        return sharp.clamp(0, 1)

    def _surrounded(self) -> torch.Tensor:
        known = self.weight > 0
        filled = extrapolate(self.observed, known, self.otf, self.settings.extrapolation)
        return torch.where(self.saturated, torch.maximum(filled, self.observed), filled)

    def _shrunken_divergence(self, sharp: torch.Tensor, penalty: float) -> torch.Tensor:
        exponent = self.settings.exponent
        level = (sharp.mean(1, keepdim=True) * self.unit).clamp(0, 1)
        slope = curves.slope(curves.to_gamma(level), self.settings.dark)
        factor = (self.unit / slope) ** (exponent / (2 - exponent))
        threshold = torch.where(self.linear, factor, torch.ones_like(factor))
        threshold = threshold * (1 / penalty) ** (1 / (2 - exponent))
        across = torch.roll(sharp, -1, 3) - sharp
        down = torch.roll(sharp, -1, 2) - sharp
        across = across * self._kept(across, threshold)
        down = down * self._kept(down, threshold)
        return torch.roll(across, 1, 3) - across + torch.roll(down, 1, 2) - down

    def _kept(self, gradient: torch.Tensor, threshold: torch.Tensor) -> torch.Tensor:
        size = (gradient**2).sum(1, keepdim=True).sqrt() / threshold
        index = (size * ((_TABLE - 1) / _TOP)).clamp(max=_TABLE - 1).long()
        return self.table[index]

    def _inside(self, planes: torch.Tensor) -> torch.Tensor:
        height, width = self.inner
        return planes[:, :, self.margin : self.margin + height, self.margin : self.margin + width]


def _factors(exponent: float, device: torch.device) -> torch.Tensor:
    """Shrinkage factors for sizes from 0 to _TOP thresholds."""
    size = np.linspace(0, _TOP, _TABLE, dtype=np.float32)
    return torch.tensor(shrink_factor(size.copy(), 1.0, exponent), device=device)


def extend(planes: torch.Tensor, margin: int, size: Tuple[int, int]) -> torch.Tensor:
    """Put pictures on a larger periodic grid, see :func:`deblurnets.imaging.boundaries.extend`."""
    planes = _extend_last(planes.transpose(2, 3), margin, size[0]).transpose(2, 3)
    return _extend_last(planes, margin, size[1])


def _extend_last(planes: torch.Tensor, margin: int, size: int) -> torch.Tensor:
    t = torch.tensor(blend(size - planes.shape[-1]), dtype=planes.dtype, device=planes.device)
    filler = planes[..., -1:] * (1 - t) + planes[..., :1] * t
    return torch.roll(torch.cat([planes, filler], dim=-1), margin, dims=-1)

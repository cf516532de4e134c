"""Camera shakes by the batch: what `deblurnets.imaging.psf.random_shake` draws one at a time."""

from __future__ import annotations

import math
from typing import Tuple

import torch

from deblurnets.training.on_device.chance import Chance

STEPS = 1500
WAVES = 5


def random_shakes(
    chance: Chance, batch: int, size: int, extent: Tuple[float, float], power: float = 2.0
) -> torch.Tensor:
    """Draw kernels.

    Parameters
    ----------
    chance : source of all randomness; its device is the result's.
    batch, size, extent, power : see :func:`deblurnets.imaging.psf.random_shake`.

    Returns
    -------
    tensor (batch, size, size), float32, non-negative, each summing to 1, centroid at the centre.
    """
    low, high = (bound ** (1 / power) for bound in extent)
    lengths = chance.uniform(low, high, batch) ** power
    paths = shake_paths(chance, batch)
    weights = torch.ones_like(paths[..., 0])
    # The camera rests at one place: a double exposure's bright dot.
    rests = chance.happens(0.1, batch) * chance.uniform(0.05, 0.35, batch) * STEPS
    place = chance.integers(STEPS, batch)
    weights.scatter_add_(1, place[:, None], rests[:, None])
    # One in eight is out of focus too, or came through a soft lens.
    widths = chance.uniform(0.35, 0.8, batch)
    widths = torch.where(chance.happens(0.12, batch), chance.uniform(0.8, 2.2, batch), widths)
    return rasterise(paths, weights, lengths, size, widths)


def shake_paths(chance: Chance, batch: int) -> torch.Tensor:
    """Draw paths (batch, STEPS, 2) as :func:`deblurnets.imaging.psf.shake_path` does."""
    time = torch.linspace(0, 1, STEPS, device=chance.device)
    wave = torch.arange(1, WAVES + 1, device=chance.device)
    present = wave <= chance.integers(WAVES, batch, 1) + 1
    fall = chance.uniform(0.3, 1.3, batch, WAVES)
    amplitude = chance.normal(batch, WAVES, 2) * (present / wave**fall)[..., None]
    phase = chance.uniform(0, 2 * math.pi, batch, WAVES, 2)
    angle = math.pi * wave[:, None] * time + phase.transpose(1, 2)[..., None]  # (b, 2, wave, time)
    velocity = torch.einsum("bwc,bcwt->btc", amplitude, torch.sin(angle))
    drift = torch.tensor([0.0, 0.5, 1.5], device=chance.device)[chance.integers(3, batch)]
    velocity += chance.normal(batch, 1, 2) * drift[:, None, None]
    beats = chance.uniform(0.3, 3, batch, 1) * time + chance.uniform(0, 1, batch, 1)
    speed = torch.exp(chance.uniform(0, 0.8, batch, 1) * torch.sin(2 * math.pi * beats))
    path = torch.cumsum(velocity * speed[..., None], dim=1) / STEPS
    extent = (path.amax(1) - path.amin(1)).amax(1) + 1e-9
    tremor = chance.uniform(0, 0.06, batch) * extent * chance.happens(0.4, batch)
    beats = 2 * math.pi * chance.uniform(4, 12, batch, 1) * time
    beats = beats[..., None] + chance.uniform(0, 2 * math.pi, batch, 1, 2)
    return path + tremor[:, None, None] * torch.sin(beats)


def rasterise(
    paths: torch.Tensor,
    weights: torch.Tensor,
    lengths: torch.Tensor,
    size: int,
    widths: torch.Tensor,
) -> torch.Tensor:
    """Draw paths (batch, n, 2) as kernels, see :func:`deblurnets.imaging.psf.rasterise`.

    Parameters
    ----------
    weights : (batch, n), time spent at each position.
    lengths, widths : (batch,), the larger side of each path and its Gaussian, in pixels.
    """
    batch, middle = len(paths), size // 2
    share = weights / weights.sum(1, keepdim=True)
    paths = paths - (paths * share[..., None]).sum(1, keepdim=True)
    extent = (paths.amax(1) - paths.amin(1)).amax(1) + 1e-9
    reach = paths.abs().amax((1, 2)) + 1e-9
    scale = torch.minimum(lengths / extent, (middle - 1.5) / reach)
    paths = paths * scale[:, None, None] + middle
    corner = paths.floor()
    fraction = paths - corner
    corner = corner.long()
    kernels = torch.zeros(batch, size * size, device=paths.device)
    for down in (0, 1):
        for right in (0, 1):
            part = (1 - down - fraction[..., 0]).abs() * (1 - right - fraction[..., 1]).abs()
            index = (corner[..., 0] + down) * size + corner[..., 1] + right
            kernels.scatter_add_(1, index, part * share)
    return normalise(gaussian_blur(kernels.reshape(batch, size, size), widths))


def gaussian_blur(kernels: torch.Tensor, widths: torch.Tensor) -> torch.Tensor:
    """Blur maps (batch, k, k) with Gaussians of standard deviations (batch,) in pixels."""
    position = torch.arange(kernels.shape[-1], device=kernels.device, dtype=torch.float32)
    distance = (position[:, None] - position) ** 2
    matrix = torch.exp(-0.5 * distance / widths.clamp(min=1e-2)[:, None, None] ** 2)
    matrix = matrix / matrix.sum(1, keepdim=True)
    return matrix @ kernels @ matrix.transpose(1, 2)


def normalise(kernels: torch.Tensor) -> torch.Tensor:
    """Clip negative values; scale each to a sum of 1."""
    kernels = kernels.clamp(min=0)
    return kernels / kernels.sum((1, 2), keepdim=True).clamp(min=1e-12)

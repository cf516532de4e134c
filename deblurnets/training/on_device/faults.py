"""Kernels with the faults of a blind estimate, by the batch."""

from __future__ import annotations

import torch
import torch.nn.functional as functional

from deblurnets.training.on_device.chance import Chance
from deblurnets.training.on_device.shakes import gaussian_blur, normalise


def perturb_kernels(kernels: torch.Tensor, chance: Chance, strength: torch.Tensor) -> torch.Tensor:
    """Bend, brighten unevenly, soften and prune kernels (batch, k, k).

    `strength` (batch,), 0..1, as `deblurnets.simulation.kernel_errors.perturb_kernel` takes it.
    """
    batch, size = kernels.shape[:2]
    bend = torch.eye(2, device=kernels.device) + strength[:, None, None] * 0.04 * chance.normal(
        batch, 2, 2
    )
    faulty = transform(kernels, bend)
    waves = gaussian_blur(chance.normal(batch, size, size), chance.uniform(1, 4, batch))
    waves = waves / (waves.std((1, 2), keepdim=True) + 1e-9)
    faulty = faulty * torch.exp(0.35 * strength[:, None, None] * waves)
    soft = strength * chance.uniform(0.2, 1.0, batch) * chance.happens(0.7, batch)
    faulty = gaussian_blur(faulty, soft)
    cut = strength * chance.uniform(0.02, 0.15, batch) * chance.happens(0.5, batch)
    faulty = pruned(faulty, cut)
    return torch.where((strength > 0)[:, None, None], centred(faulty), kernels)


def transform(kernels: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """Resample kernels: value at p from the middle is the old one at ``matrix @ p``."""
    # affine_grid counts (x, y); the matrices count (row, column).
    flipped = matrix.flip(1, 2)
    theta = torch.cat([flipped, torch.zeros_like(flipped[:, :, :1])], dim=2)
    grid = functional.affine_grid(theta, [len(kernels), 1, *kernels.shape[1:]], align_corners=True)
    return functional.grid_sample(kernels[:, None], grid, align_corners=True)[:, 0]


def pruned(kernels: torch.Tensor, threshold: torch.Tensor) -> torch.Tensor:
    """Set values below `threshold` (batch,) times the maximum to zero; scale to a sum of 1."""
    level = threshold[:, None, None] * kernels.amax((1, 2), keepdim=True)
    return normalise(torch.where(kernels >= level, kernels, torch.zeros_like(kernels)))


def centred(kernels: torch.Tensor) -> torch.Tensor:
    """Move kernels by whole pixels: centroids come within half a pixel of the middle."""
    size = kernels.shape[-1]
    position = torch.arange(size, device=kernels.device)
    kernels = normalise(kernels)
    rows = (kernels.sum(2) * position).sum(1).round().long() - size // 2
    columns = (kernels.sum(1) * position).sum(1).round().long() - size // 2
    padded = functional.pad(kernels, [size // 2] * 4)
    row = position[None] + size // 2 + rows[:, None]
    column = position[None] + size // 2 + columns[:, None]
    number = torch.arange(len(kernels), device=kernels.device)[:, None, None]
    return normalise(padded[number, row[:, :, None], column[:, None, :]])


def similarity(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Cosine (batch,) of kernels."""
    product = (first * second).sum((1, 2))
    return product / ((first**2).sum((1, 2)) * (second**2).sum((1, 2)) + 1e-20).sqrt()


def aligned(kernels: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Move kernels by whole pixels to where they fit the true ones best."""
    size = kernels.shape[-1]
    shape = (2 * size, 2 * size)
    spectrum = torch.fft.rfft2(truth, s=shape) * torch.fft.rfft2(kernels, s=shape).conj()
    place = torch.fft.irfft2(spectrum, s=shape).flatten(1).argmax(1)
    down, right = (_signed(n, 2 * size) for n in (place // (2 * size), place % (2 * size)))
    position = torch.arange(size, device=kernels.device) + size
    padded = functional.pad(kernels, [size] * 4)
    row = (position - down[:, None]).clamp(0, 3 * size - 1)
    column = (position - right[:, None]).clamp(0, 3 * size - 1)
    number = torch.arange(len(kernels), device=kernels.device)[:, None, None]
    return normalise(padded[number, row[:, :, None], column[:, None, :]])


def _signed(shift: torch.Tensor, period: int) -> torch.Tensor:
    return torch.where(shift >= period // 2, shift - period, shift)

"""Blurry pictures by the batch: what :mod:`deblurnets.training.samples` makes one at a time."""

from __future__ import annotations

import dataclasses

import torch
import torch.nn.functional as functional

from deblurnets.networks.layers import fast_size
from deblurnets.training.on_device.chance import Chance
from deblurnets.training.on_device.domain import to_gamma, to_linear
from deblurnets.training.on_device.jpeg import through_jpeg
from deblurnets.training.on_device.photographs import DevicePhotographs
from deblurnets.training.on_device.shakes import normalise, random_shakes
from deblurnets.training.samples import SampleConfig


@dataclasses.dataclass
class Pictures:
    """A batch of blurry pictures and what they should have been.

    Attributes
    ----------
    blurry, sharp : (batch, 3, crop, crop), 0..1, gamma-encoded.
    kernel : (batch, grid, grid)
    linear : (batch,), bool: blurred in linear light.
    """

    blurry: torch.Tensor
    sharp: torch.Tensor
    kernel: torch.Tensor
    linear: torch.Tensor


def shaken(
    photographs: DevicePhotographs, config: SampleConfig, chance: Chance, batch: int
) -> Pictures:
    """Make a batch of the distribution that a configuration describes."""
    kernel = random_shakes(chance, batch, config.grid, config.extent, config.power)
    side = config.crop + config.grid - 1
    sharp = photographs.sharp_crops(chance, batch, side).float() / 255
    linear = chance.happens(config.linear, batch)
    gain = chance.uniform(1.2, 2.0, batch)
    gain = torch.where(chance.happens(config.saturation, batch), gain, torch.ones_like(gain))
    in_linear = linear[:, None, None, None]
    domain = torch.where(in_linear, to_linear(sharp), sharp) * gain[:, None, None, None]
    blurry = convolve_valid(domain, kernel).clamp(0, 1)
    half = config.grid // 2
    domain = domain[:, :, half : half + config.crop, half : half + config.crop].clamp(0, 1)
    blurry = torch.where(in_linear, to_gamma(blurry), blurry)
    sharp = torch.where(in_linear, to_gamma(domain), domain)
    blurry = stored(blurry, config, chance)
    return Pictures(blurry, sharp, kernel, linear)


def stored(blurry: torch.Tensor, config: SampleConfig, chance: Chance) -> torch.Tensor:
    """Add noise, round to 8 bits, and store some as JPEG."""
    batch = len(blurry)
    low, high = config.noise
    noise = low + (high - low) * chance.uniform(0, 1, batch) ** 2
    noise = noise * chance.happens(0.8, batch)
    blurry = blurry + noise[:, None, None, None] * chance.normal(*blurry.shape)
    blurry = (blurry.clamp(0, 1) * 255).round() / 255
    packed = chance.happens(config.jpeg, batch)
    quality = 70 + chance.integers(29, batch)
    return torch.where(packed[:, None, None, None], through_jpeg(blurry, quality), blurry)


def halved(pictures: Pictures) -> Pictures:
    """Reduce pictures with even sides to half the size, and their kernels' odd grids with them."""
    profile = torch.tensor([0.25, 0.5, 0.25], device=pictures.kernel.device)
    stencil = (profile[:, None] * profile)[None, None]
    kernel = functional.conv2d(pictures.kernel[:, None], stencil, stride=2, padding=1)[:, 0]
    blurry, sharp = (functional.avg_pool2d(p, 2) for p in (pictures.blurry, pictures.sharp))
    return Pictures(blurry, sharp, normalise(kernel), pictures.linear)


def convolve_valid(planes: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """Convolve (batch, C, H, W) with (batch, k, k): (batch, C, H - k + 1, W - k + 1)."""
    height, width = planes.shape[2:]
    size = (fast_size(height), fast_size(width))
    spectrum = torch.fft.rfft2(planes, s=size) * torch.fft.rfft2(kernel, s=size)[:, None]
    k = kernel.shape[-1]
    return torch.fft.irfft2(spectrum, s=size)[:, :, k - 1 : height, k - 1 : width]

"""The sRGB transfer curve of :mod:`deblurnets.imaging.srgb` on tensors."""

from __future__ import annotations

import torch

from deblurnets.imaging import srgb as domain


def to_linear(encoded: torch.Tensor) -> torch.Tensor:
    """Linear light of sRGB values."""
    curve = ((encoded.clamp(min=0) + 0.055) / 1.055) ** 2.4
    return torch.where(encoded <= domain.TOE_GAMMA, encoded / 12.92, curve)


def to_gamma(linear: torch.Tensor) -> torch.Tensor:
    """SRGB values of linear light."""
    curve = 1.055 * linear.clamp(min=0) ** (1 / 2.4) - 0.055
    return torch.where(linear <= domain.TOE_LINEAR, linear * 12.92, curve)


def slope(encoded: torch.Tensor, floor: float) -> torch.Tensor:
    """Give the derivative of `to_linear`, taken at no less than ``floor`` (an sRGB value)."""
    return 2.4 / 1.055 * ((encoded.clamp(min=floor) + 0.055) / 1.055) ** 1.4


def grey(planes: torch.Tensor) -> torch.Tensor:
    """(batch, 3, H, W) -> (batch, 1, H, W)."""
    weights = torch.tensor(domain.GREY, device=planes.device)
    return torch.einsum("bchw,c->bhw", planes, weights)[:, None]

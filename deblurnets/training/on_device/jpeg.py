"""The losses of JPEG, by the batch: blocks of cosines rounded to the steps of a quality."""

from __future__ import annotations

import math

import torch

# ITU-T T.81, tables K.1 and K.2.
_LUMA = """16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56
14 17 22 29 51 87 80 62 18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92
49 64 78 87 103 121 120 101 72 92 95 98 112 100 103 99"""
_CHROMA = (
    """17 18 24 47 99 99 99 99 18 21 26 66 99 99 99 99 24 26 56 99 99 99 99 99
47 66 99 99 99 99 99 99"""
    + " 99" * 32
)
# Full-range YCbCr of JFIF, chroma around 0.
_TO_YCC = [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]]


def through_jpeg(planes: torch.Tensor, quality: torch.Tensor) -> torch.Tensor:
    """Lose what JPEG loses, colour at full resolution.

    Parameters
    ----------
    planes : (batch, 3, H, W), 0..1, H and W multiples of 8.
    quality : (batch,), 1..100 as libjpeg counts it.
    """
    device = planes.device
    ycc = torch.tensor(_TO_YCC, device=device)
    values = torch.einsum("dc,bchw->bdhw", ycc, planes * 255)
    values[:, 0] -= 128
    cosines = _cosines(device)
    batch, _, height, width = planes.shape
    blocks = values.reshape(batch, 3, height // 8, 8, width // 8, 8)
    spectrum = torch.einsum("ik,bcykxl,jl->bcyixj", cosines, blocks, cosines)
    steps = _steps(quality.float(), device)[:, :, None, :, None, :]
    spectrum = (spectrum / steps).round() * steps
    blocks = torch.einsum("ik,bcyixj,jl->bcykxl", cosines, spectrum, cosines)
    values = blocks.reshape(planes.shape).clone()
    values[:, 0] += 128
    rgb = torch.einsum("dc,bchw->bdhw", torch.linalg.inv(ycc), values)
    return (rgb.round() / 255).clamp(0, 1)


def _cosines(device: torch.device) -> torch.Tensor:
    """Orthonormal cosine transform (frequency, sample) of 8 samples."""
    n = torch.arange(8, device=device, dtype=torch.float32)
    matrix = torch.cos(math.pi * (2 * n + 1) * n[:, None] / 16) / 2
    matrix[0] /= math.sqrt(2)
    return matrix


def _steps(quality: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Quantisation steps (batch, 3, 8, 8)."""
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)[:, None, None, None]
    tables = [[float(v) for v in text.split()] for text in (_LUMA, _CHROMA, _CHROMA)]
    base = torch.tensor(tables, device=device).reshape(1, 3, 8, 8)
    return ((base * scale + 50) / 100).floor().clamp(1, 255)

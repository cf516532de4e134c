"""The compact analysis network and its loss in PyTorch alone, for fixed sizes.

What :class:`deblurnets.networks.analysis.AnalysisNetwork` and
:class:`deblurnets.training.losses.AnalysisTrainer` compute, without what a CUDA graph cannot hold:
nothing is copied to the device on the way, no size is decided there. The parameters are the
network's variables in their order and layout, so weights go both ways by position.
"""

from __future__ import annotations

from typing import Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np
import torch
import torch.nn.functional as functional

from deblurnets.imaging.srgb import GREY, TOE_GAMMA
from deblurnets.networks.analysis import AnalysisNetwork, border_window, kernel_upsampling
from deblurnets.networks.layers import fast_size

Weights = Sequence[torch.Tensor]

_PICTURES = ("blurry", "sharp")


class AnalysisTwin(torch.nn.Module):
    """Unrolled coarse-to-fine kernel estimation for pictures of one size.

    Parameters
    ----------
    network : AnalysisNetwork, whose weights it begins with.
    side : height and width of the pictures, a multiple of ``config.divisor``.
    half : compute the convolutions in bfloat16.
    fuse : compile the U-Nets of the two finest scales.

    Raises
    ------
    ValueError
        The network takes no pictures of that side.
    """

    INPUTS = frozenset(("blurry", "sharp", "kernel", "linear_view"))
    """What of a batch counts for the loss."""

    def __init__(
        self, network: AnalysisNetwork, side: int, half: bool = False, fuse: bool = False
    ) -> None:
        super().__init__()
        config = self.config = network.config
        if side % config.divisor:
            raise ValueError(
                f"expected pictures of a multiple of {config.divisor} pixels, got {side}"
            )
        arrays = [np.array(v) for v in network.get_weights()]
        self.weights = torch.nn.ParameterList(torch.nn.Parameter(torch.tensor(a)) for a in arrays)
        self._per_scale = len(arrays) // len(config.steps)
        self._half = half
        self._fused = torch.compile(residual_unet, dynamic=False) if fuse else residual_unet
        self._sides = [side // 2**i for i in reversed(range(len(config.steps)))]
        self._grids = config.grids()
        self._constants()

    def _constants(self) -> None:
        config = self.config
        for level, (side, grid) in enumerate(zip(self._sides, self._grids)):
            window = border_window(side, grid // 2)
            self.register_buffer(f"window_{level}", torch.tensor(np.outer(window, window)))
            if level:
                matrix = kernel_upsampling(self._grids[level - 1])
                self.register_buffer(f"finer_{level}", torch.tensor(matrix))
        self.register_buffer("strengths", torch.tensor(config.strengths)[:, None, None])
        self.register_buffer("gammas", torch.tensor(config.gammas)[:, None, None])
        position = torch.arange(self._grids[0]) - self._grids[0] // 2
        profile = torch.exp(-0.5 * (position / config.start) ** 2)
        profile = profile / profile.sum()
        self.register_buffer("start", (profile[:, None] * profile)[None])
        self.register_buffer("grey", torch.tensor(GREY))

    def forward(self, blurry: torch.Tensor) -> List[Dict[str, torch.Tensor]]:
        """Estimate kernels of grey pictures (batch, 1, H, W); see `AnalysisNetwork.call`."""
        levels = [blurry]
        for _ in self.config.steps[1:]:
            levels.insert(0, functional.avg_pool2d(levels[0], 2))
        kernel = self.start.expand(len(blurry), -1, -1)
        results = []
        for level, (planes, steps) in enumerate(zip(levels, self.config.steps)):
            if level:
                kernel = resampled(kernel, getattr(self, f"finer_{level}"))
            planes = planes - planes.mean((2, 3), keepdim=True)
            deviation = _deviation(planes)
            planes = planes / deviation
            weights = self._of_scale(level)
            for _ in range(steps):
                logits, sharp, unit = self._step(level, planes, kernel.detach(), weights)
                kernel = logits.softmax(-1).reshape(kernel.shape)
                results.append(
                    {
                        "kernel": kernel,
                        "logits": logits,
                        "sharp": sharp,
                        "unit": unit,
                        "deviation": deviation,
                    }
                )
        return results

    def _of_scale(self, level: int) -> Weights:
        chosen = self.weights[level * self._per_scale : (level + 1) * self._per_scale]
        return [w.to(torch.bfloat16) for w in chosen] if self._half else list(chosen)

    def _step(
        self, level: int, planes: torch.Tensor, kernel: torch.Tensor, weights: Weights
    ) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        config, side = self.config, self._sides[level]
        count = len(config.strengths)
        half = kernel.shape[1] // 2
        size = (fast_size(side + half),) * 2
        spectrum = torch.fft.rfft2(planes * getattr(self, f"window_{level}"), s=size)
        padded = functional.pad(
            kernel, (0, size[1] - kernel.shape[2], 0, size[0] - kernel.shape[1])
        )
        otf = torch.fft.rfft2(padded.roll((-half, -half), (1, 2)))[:, None]
        power = otf.real**2 + otf.imag**2
        solved = torch.conj_physical(otf) * spectrum * (1 / (power + self.strengths))
        solved = torch.fft.irfft2(solved, s=size)[:, :, :side, :side]
        edges = gradients(planes)
        pairs = gradients(solved).reshape(-1, 2, count, side, side).transpose(1, 2)
        middle = pairs[:, count // 2]
        inputs = torch.cat([edges, pairs.reshape(-1, 2 * count, side, side)], 1)
        inputs = inputs / _deviation(inputs)
        unit = _deviation(middle)
        number = _unet_size(config.widths)
        unet = self._fused if level >= len(config.steps) - 2 else residual_unet
        sharp = middle / unit + self._convolved(unet, inputs, config.widths, weights[:number])
        regressed = self._regress(sharp, edges / unit, kernel.shape[1])
        return self._decode(regressed, kernel, weights[number:]), sharp, unit

    def _convolved(
        self, unet: Callable, maps: torch.Tensor, widths: Sequence[int], weights: Weights
    ) -> torch.Tensor:
        maps = maps.to(torch.bfloat16) if self._half else maps
        maps = maps.contiguous(memory_format=torch.channels_last)
        return unet(maps, len(widths), weights).float()

    def _regress(self, sharp: torch.Tensor, edges: torch.Tensor, grid: int) -> torch.Tensor:
        half = grid // 2
        size = (fast_size(sharp.shape[2] + half),) * 2
        spectrum = torch.fft.rfft2(sharp, s=size)
        cross = torch.conj_physical(spectrum) * torch.fft.rfft2(edges, s=size)
        cross = cross.sum(1, keepdim=True)
        power = (spectrum.real**2 + spectrum.imag**2).sum(1, keepdim=True)
        level = power.mean((2, 3), keepdim=True) + 1e-8
        maps = torch.fft.irfft2(cross * (1 / (power + self.gammas * level)), s=size)
        return maps.roll((half, half), (2, 3))[:, :, :grid, :grid]

    def _decode(
        self, regressed: torch.Tensor, kernel: torch.Tensor, weights: Weights
    ) -> torch.Tensor:
        config, grid = self.config, kernel.shape[1]
        regressed = regressed / regressed.amax((2, 3), keepdim=True).clamp(min=1e-6)
        current = kernel[:, None] / kernel[:, None].amax((2, 3), keepdim=True)
        middle = regressed[:, len(config.gammas) // 2 :][:, :1]
        root = (middle.clamp(min=0) + 1e-3).sqrt()
        maps = torch.cat([regressed, current, root], 1)
        divisor = 2 ** (len(config.decoder_widths) - 1)
        extra = -grid % divisor
        maps = functional.pad(maps, (0, extra, 0, extra))
        logits = self._convolved(residual_unet, maps, config.decoder_widths, weights)
        return (logits[:, :, :grid, :grid] + 8 * middle).reshape(-1, grid * grid)

    def view(self, pictures: torch.Tensor, linear: Optional[torch.Tensor] = None) -> torch.Tensor:
        """Return 8-bit pictures (batch, H, W, 3) as the network sees them, grey, (batch, 1, H, W).

        In linear light where `linear` (batch,) is 1.
        """
        grey = (pictures.float() @ self.grey)[:, None] / 255
        if linear is None:
            return grey
        curve = ((grey + 0.055) / 1.055) ** 2.4
        curve = torch.where(grey <= TOE_GAMMA, grey / 12.92, curve)
        return torch.where(linear[:, None, None, None] > 0.5, curve, grey)

    def loss(
        self, batch: Dict[str, torch.Tensor], edge_weight: float = 0.3
    ) -> Dict[str, torch.Tensor]:
        """Return the figures of `AnalysisTrainer.call`, each a mean over the batch.

        The batch: "blurry" and "sharp" (batch, H, W, 3), uint8, "kernel" (batch, grid, grid), and
        where some are seen in linear light "linear_view" (batch,).
        """
        blurry, sharp = (self.view(batch[name], batch.get("linear_view")) for name in _PICTURES)
        sharp, truth = [sharp], [batch["kernel"]]
        for level in reversed(range(1, len(self._grids))):
            sharp.insert(0, functional.avg_pool2d(sharp[0], 2))
            truth.insert(0, resampled(truth[0], getattr(self, f"finer_{level}").T))
        targets = [gradients(planes) for planes in sharp]
        results = self(blurry)
        total = 0.0
        for result in results:
            level = self._grids.index(result["kernel"].shape[1])
            kernel = truth[level].flatten(1)
            entropy = -(kernel * (kernel + 1e-12).log()).sum(-1)
            cross = -(kernel * result["logits"].log_softmax(-1)).sum(-1)
            divergence = (cross - entropy).mean()
            target = targets[level] / (result["deviation"] * result["unit"])
            error = (result["sharp"] - target).abs().clamp(max=10).mean()
            total = total + divergence + edge_weight * error
        found, kernel = results[-1]["kernel"].flatten(1), batch["kernel"].flatten(1)
        similarity = functional.cosine_similarity(found, kernel).mean()
        return {
            "loss": total / len(results),
            "divergence": divergence.detach(),
            "similarity": similarity.detach(),
        }


def residual_unet(x: torch.Tensor, levels: int, weights: Weights) -> torch.Tensor:
    """Apply `deblurnets.networks.layers.ResidualUNet` of `levels` levels, stride 1, to NCHW maps.

    `weights` are the layer's variables in its order: entry, encoders, downs, bottom, ups, decoders,
    exit; kernels (3, 3, in, out) and biases.
    """
    parts = list(zip(weights[0::2], weights[1::2]))
    entry, parts = parts[0], parts[1:]
    encoders, parts = parts[: 2 * levels - 2], parts[2 * levels - 2 :]
    downs, parts = parts[: levels - 1], parts[levels - 1 :]
    bottom, parts = parts[:2], parts[2:]
    ups, parts = parts[: levels - 1], parts[levels - 1 :]
    decoders, leave = parts[:-1], parts[-1]
    x, skips = _convolve(x, *entry), []
    for level in range(levels - 1):
        x = _block(x, encoders[2 * level : 2 * level + 2])
        skips.append(x)
        kernel, bias = downs[level]
        x = functional.conv2d(x, kernel.permute(3, 2, 0, 1), bias, stride=2)
    x = _block(x, bottom)
    for level in reversed(range(levels - 1)):
        kernel, bias = ups[level]
        x = functional.conv_transpose2d(x, kernel.permute(3, 2, 0, 1), bias, stride=2)
        x = _block(x + skips[level], decoders[2 * level : 2 * level + 2])
    return _convolve(x, *leave)


def _block(x: torch.Tensor, pair: Sequence[Tuple[torch.Tensor, torch.Tensor]]) -> torch.Tensor:
    return x + _convolve(functional.relu(_convolve(x, *pair[0])), *pair[1])


def _convolve(x: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    return functional.conv2d(x, kernel.permute(3, 2, 0, 1), bias, padding=1)


def _unet_size(widths: Sequence[int]) -> int:
    """Return the number of variables of a U-Net: 12 more for each level beyond the bottom."""
    return 2 * (4 + 6 * (len(widths) - 1))


def gradients(planes: torch.Tensor) -> torch.Tensor:
    """Forward differences as :func:`deblurnets.networks.layers.gradients` has them."""
    across = functional.pad(planes.diff(dim=3), (0, 1))
    down = functional.pad(planes.diff(dim=2), (0, 0, 0, 1))
    return torch.cat([across, down], 1)


def resampled(kernel: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """Compute matrix kernel matrix^T per kernel (batch, k, k), scaled to a sum of 1."""
    kernel = matrix @ kernel @ matrix.T
    return kernel / (kernel.sum((1, 2), keepdim=True) + 1e-12)


def _deviation(planes: torch.Tensor) -> torch.Tensor:
    return ((planes * planes).mean((2, 3), keepdim=True) + 1e-8).sqrt()

"""Random numbers on a device, reproducible."""

from __future__ import annotations

import torch


class Chance:
    """Random tensors that are a pure function of the seeds and of the calls made before.

    Parameters
    ----------
    device : torch.device or str
    *seeds : int
    """

    def __init__(self, device: torch.device, *seeds: int) -> None:
        self.device = torch.device(device)
        self._generator = torch.Generator(device=self.device)
        value = 0
        for seed in seeds:
            value = (value * 1_000_003 + seed + 1) % 2**62
        self._generator.manual_seed(value)

    def uniform(self, low: float, high: float, *shape: int) -> torch.Tensor:
        """Return uniform values in low..high."""
        values = torch.rand(shape, generator=self._generator, device=self.device)
        return low + (high - low) * values

    def normal(self, *shape: int) -> torch.Tensor:
        """Return standard normal values."""
        return torch.randn(shape, generator=self._generator, device=self.device)

    def integers(self, limit: int, *shape: int) -> torch.Tensor:
        """Return integers in 0..limit - 1."""
        return torch.randint(limit, shape, generator=self._generator, device=self.device)

    def happens(self, share: float, *shape: int) -> torch.Tensor:
        """Return True in a share of the places."""
        return self.uniform(0, 1, *shape) < share

"""The photographs of a pack in the device's memory, at several sizes, cut by the batch."""

from __future__ import annotations

from pathlib import Path
from typing import List, Tuple

import torch
import torch.nn.functional as functional

from deblurnets.training.on_device.chance import Chance
from deblurnets.training.photographs import Photographs

Window = Tuple[torch.Tensor, ...]


class DevicePhotographs:
    """All photographs, reduced by 1 to `shrink`, as one row of pixels.

    Parameters
    ----------
    pack : folder written by :func:`deblurnets.training.photographs.pack_photographs`.
    device : where they go; about 5 bytes per pixel of the pack.
    shrink : the largest reduction.
    levels : number of sizes, equally far apart.
    """

    def __init__(self, pack: Path, device: str, shrink: float = 2.0, levels: int = 4) -> None:
        photographs = Photographs(pack)
        self.device = torch.device(device)
        pieces, shapes = [], []
        for index in range(len(photographs)):
            pixels = torch.tensor(photographs[index]).to(self.device)
            for level in range(levels):
                reduced = _reduced(pixels, shrink ** (level / max(levels - 1, 1)))
                pieces.append(reduced.reshape(-1, 3))
                shapes.append(reduced.shape[:2])
        lengths = torch.tensor([len(piece) for piece in pieces])
        starts = torch.cumsum(lengths, 0) - lengths
        self._pixels = torch.cat(pieces)
        table = (len(photographs), levels)
        self._starts = starts.reshape(table).to(self.device)
        self._shapes = torch.tensor(shapes).reshape(*table, 2).to(self.device)

    def sharp_crops(self, chance: Chance, batch: int, side: int, tries: int = 2) -> torch.Tensor:
        """Cut random squares, mirrored and turned at random; the liveliest of `tries` each.

        Returns
        -------
        tensor (batch, 3, side, side), uint8.

        Raises
        ------
        ValueError
            No photograph is as large as that.
        """
        # Sizes fall along the levels: the first `fitting` of each photograph are large enough.
        fitting = (self._shapes.amin(2) >= side).sum(1)
        usable = torch.nonzero(fitting)[:, 0]
        if not len(usable):
            raise ValueError(f"no photograph of the pack has {side} pixels on its shorter side")
        photograph = usable[chance.integers(len(usable), batch, tries)]
        level = (chance.uniform(0, 1, batch, tries) * fitting[photograph]).long()
        start, shape = self._starts[photograph, level], self._shapes[photograph, level]
        corner = (chance.uniform(0, 1, batch, tries, 2) * (shape - side + 1)).long()
        window = (start, shape[..., 1], corner[..., 0], corner[..., 1])
        lively = self._activity(window, side).argmax(1)
        window = tuple(values.gather(1, lively[:, None])[:, 0] for values in window)
        return self._cut(window, side, chance).permute(0, 3, 1, 2)

    def _activity(self, window: Window, side: int, step: int = 4) -> torch.Tensor:
        """Mean difference of neighbours, four pixels apart, of windows of any shape."""
        start, width, top, left = (values[..., None, None] for values in window)
        steps = torch.arange(0, side, step, device=self.device)
        index = start + (top + steps[:, None]) * width + left + steps
        grey = self._pixels[index].float().mean(-1)
        return grey.diff(dim=-1).abs().mean((-1, -2)) + grey.diff(dim=-2).abs().mean((-1, -2))

    def _cut(self, window: Window, side: int, chance: Chance) -> torch.Tensor:
        """Cut (batch, side, side, 3), mirrored and turned."""
        batch = len(window[0])
        start, width, top, left = (values[:, None, None] for values in window)
        steps = torch.arange(side, device=self.device)
        rows = steps[:, None].expand(batch, side, side)
        columns = steps.expand(batch, side, side)
        turn, over, across = (chance.happens(0.5, batch, 1, 1) for _ in range(3))
        rows, columns = torch.where(turn, columns, rows), torch.where(turn, rows, columns)
        rows = torch.where(over, side - 1 - rows, rows)
        columns = torch.where(across, side - 1 - columns, columns)
        return self._pixels[start + (top + rows) * width + left + columns]


def _reduced(pixels: torch.Tensor, factor: float) -> torch.Tensor:
    """Reduce uint8 pixels (H, W, 3) by a factor of 1 or more."""
    if factor == 1:
        return pixels
    shape: List[int] = [max(1, int(n / factor)) for n in pixels.shape[:2]]
    planes = pixels.permute(2, 0, 1)[None].float()
    planes = functional.interpolate(planes, shape, mode="bicubic", antialias=True)
    return planes[0].permute(1, 2, 0).round().clamp(0, 255).to(torch.uint8)

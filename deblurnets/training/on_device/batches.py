"""Training batches made on the device, for each kind of compact network.

A batch is a pure function of seed and number, as `deblurnets.training.stream` has it, as long as
the analysis network that estimates kernels stays the same.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, Callable, Dict, Generator, List, Optional, Sequence, Tuple

import torch

from deblurnets.deconvolution.restorer import RestoreConfig
from deblurnets.training.kinds import build_network
from deblurnets.training.on_device import faults
from deblurnets.training.on_device.chance import Chance
from deblurnets.training.on_device.deconvolution import hyper_laplacian
from deblurnets.training.on_device.domain import grey, to_linear
from deblurnets.training.on_device.photographs import DevicePhotographs
from deblurnets.training.on_device.pictures import Pictures, halved, shaken
from deblurnets.training.samples import SampleConfig

Batch = Dict[str, torch.Tensor]
Estimator = Callable[[torch.Tensor, int], Optional[torch.Tensor]]
# What the tool takes for unexplained by a known and by an estimated kernel.
KNOWN, ESTIMATED = (s.model_error for s in (RestoreConfig().known, RestoreConfig().estimated))


@dataclasses.dataclass(frozen=True)
class Format:
    """Sizes of one kind of batch.

    Attributes
    ----------
    grid, crop, extent : of its samples, see `SampleConfig`.
    share : how often it comes, relative to the other formats.
    load : its batches have so many samples relative to the first format's.
    halved : the pictures are then reduced to half the size, as the search looks at them.
    """

    grid: int
    crop: int
    extent: Tuple[float, float]
    share: float
    load: float = 1.0
    halved: bool = False


FORMATS = {
    "analysis": (
        Format(65, 256, (3, 61), 0.45),
        Format(65, 352, (3, 61), 0.2, 0.5),
        Format(33, 256, (2, 29), 0.15),
        Format(97, 384, (5, 93), 0.2, 0.42),
    ),
    "synthesis": (
        Format(65, 256, (3, 61), 0.5),
        Format(33, 224, (3, 29), 0.5, 1.6),
    ),
}


def parse_formats(text: str) -> List[Format]:
    """Read formats from JSON: a list of objects with the fields of `Format`."""
    return [Format(**{**v, "extent": tuple(v["extent"])}) for v in json.loads(text)]


def device_batches(
    kind: str,
    photographs: DevicePhotographs,
    base: SampleConfig,
    seed: int,
    first: int,
    size: int,
    estimator: Optional[Estimator] = None,
    formats: Optional[Sequence[Format]] = None,
) -> Generator[Batch, None, None]:
    """Yield batches `first`, `first` + 1, ... without end.

    Parameters
    ----------
    kind : "analysis" or "synthesis".
    photographs : the pack.
    base : distribution; grid, crop and extent are the formats'.
    seed, first, size : the stream, the first batch's number, samples per batch of the first format.
    estimator : gives kernels of pictures (batch, 3, H, W) on a grid: what a synthesis network
        is trained for. Without one, true kernels with faults take their place.
    formats : sizes of the batches; by default the kind's of `FORMATS`.
    """
    formats = formats or FORMATS[kind]
    shares = torch.tensor([f.share for f in formats])
    make = {"analysis": _analysis, "synthesis": _synthesis}[kind]
    number = first
    while True:
        chance = Chance(photographs.device, seed, number)
        dice = Chance("cpu", seed, number).uniform(0, float(shares.sum()), 1)
        chosen = formats[int((dice >= shares.cumsum(0)).sum().clamp(max=len(formats) - 1))]
        config = dataclasses.replace(base, grid=chosen.grid, crop=chosen.crop, extent=chosen.extent)
        count = max(1, round(size * chosen.load))
        with torch.no_grad():
            pictures = shaken(photographs, config, chance, count)
            pictures = halved(pictures) if chosen.halved else pictures
            batch = make(pictures, config, chance, estimator)
        yield batch  # outside of no_grad, which would hold for the caller too
        number += 1


def _analysis(
    pictures: Pictures, config: SampleConfig, chance: Chance, estimator: Optional[Estimator]
) -> Batch:
    # The tool looks at a picture's linear light too.
    lit = pictures.linear & chance.happens(0.4, len(pictures.linear))
    lit = lit[:, None, None, None]
    return {
        "blurry": _last(torch.where(lit, to_linear(pictures.blurry), pictures.blurry)),
        "sharp": _last(torch.where(lit, to_linear(pictures.sharp), pictures.sharp)),
        "kernel": pictures.kernel,
    }


def _synthesis(
    pictures: Pictures, config: SampleConfig, chance: Chance, estimator: Optional[Estimator]
) -> Batch:
    batch = len(pictures.kernel)
    kernel = pictures.kernel
    strength = chance.uniform(0, 1, batch) ** 1.5
    estimate = faults.perturb_kernels(kernel, chance, strength)
    found = estimator(_view(pictures, chance), kernel.shape[1]) if estimator else None
    if found is not None:
        found = faults.pruned(found, chance.uniform(0.02, 0.06, batch))
        found = faults.aligned(found, kernel)
        good = faults.similarity(found, kernel) >= config.similarity_threshold
        good = good & chance.happens(0.8, batch)
        estimate = torch.where(good[:, None, None], found, estimate)
    exact = chance.happens(config.exact, batch)
    estimate = torch.where(exact[:, None, None], kernel, estimate)
    colourless = chance.happens(config.grey, batch)[:, None, None, None]
    blurry, sharp = (
        torch.where(colourless, grey(planes).expand_as(planes), planes)
        for planes in (pictures.blurry, pictures.sharp)
    )
    linear = pictures.linear ^ chance.happens(0.04, batch)
    error = torch.where(exact, KNOWN, ESTIMATED).float()
    start = hyper_laplacian(blurry, estimate, linear, error)
    return {
        "blurry": _last(blurry),
        "sharp": _last(sharp),
        "kernel": kernel,
        "estimate": estimate,
        "start": _last(start),
    }


def _view(pictures: Pictures, chance: Chance) -> torch.Tensor:
    """Return the pictures as the tool's analysis looks at them: linear light for some."""
    lit = pictures.linear & chance.happens(0.5, len(pictures.linear))
    return torch.where(lit[:, None, None, None], to_linear(pictures.blurry), pictures.blurry)


def _last(planes: torch.Tensor) -> torch.Tensor:
    return planes.permute(0, 2, 3, 1).contiguous()


class LatestAnalysis:
    """Kernels by the analysis network of a training run that may still go on.

    Parameters
    ----------
    run : its folder; the checkpoint there is read again when it is newer.
    every : batches between looks for a newer one.
    """

    def __init__(self, run: Path, every: int = 100) -> None:
        self._run, self._every = Path(run), every
        self._network: Any = None
        self._calls, self._read = 0, 0.0

    def __call__(self, planes: torch.Tensor, grid: int) -> Optional[torch.Tensor]:
        """Kernels (batch, grid, grid) of pictures (batch, 3, H, W); None before a checkpoint."""
        if self._calls % self._every == 0:
            self._refresh()
        self._calls += 1
        if self._network is None:
            return None
        return self._network(_last(grey(planes)), grid=grid)[-1]["kernel"].float()

    def _refresh(self) -> None:
        from deblurnets.training import loop

        path = self._run / loop.CHECKPOINT
        if not path.exists() or path.stat().st_mtime == self._read:
            return
        self._read = path.stat().st_mtime
        if self._network is None:
            description = json.loads((self._run / "config.json").read_text())
            settings = json.dumps(description["network"])
            _, self._network = build_network(description["kind"], settings)
        step = loop.load_network(self._network, self._run)
        print(f"kernels by {self._run} after {step} steps", flush=True)

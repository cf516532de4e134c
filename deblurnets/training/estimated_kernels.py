"""Kernels by the analysis network of a training run that may still go on, to synthesise with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Callable, Dict, Optional

import numpy as np

from deblurnets.backend import numpy_function
from deblurnets.imaging.pixels import unit_range
from deblurnets.imaging.psf import cosine, prune
from deblurnets.imaging.srgb import GREY, to_linear
from deblurnets.training import loop
from deblurnets.training.estimates import aligned
from deblurnets.training.kinds import build_network
from deblurnets.training.pair import PRUNE

Batch = Dict[str, np.ndarray]


class LatestAnalysis:
    """Replaces the kernels of batches by those of a run's latest checkpoint.

    Parameters
    ----------
    run : folder of the run.
    similarity_threshold : least cosine with the true kernel; a worse one is not taken.
    every : batches after which a newer checkpoint is looked for.

    Raises
    ------
    ValueError
        The folder holds no checkpoint of an analysis run.
    """

    def __init__(self, run: Path, similarity_threshold: float, every: int = 100) -> None:
        self._run, self._threshold, self._every = Path(run), similarity_threshold, every
        there = (self._run / loop.CHECKPOINT).exists()
        description = json.loads((self._run / "config.json").read_text()) if there else {}
        if description.get("kind") != "analysis":
            raise ValueError(f"{run} holds no checkpoint of an analysis run")
        _, self._network = build_network("analysis", json.dumps(description["network"]))
        self._kernels: Optional[Callable[[np.ndarray], np.ndarray]] = None
        self._calls, self._read = 0, 0.0

    def __call__(self, batch: Batch) -> Batch:
        """Return a batch with conditions, its "estimate"s replaced where they are not exact."""
        if self._calls % self._every == 0:
            self._refresh()
        self._calls += 1
        grey = unit_range(batch["blurry"]) @ GREY
        views = np.where(batch["linear"][:, None, None] > 0.5, to_linear(grey), grey)[..., None]
        if self._kernels is None:
            grid = batch["kernel"].shape[1]
            self._kernels = numpy_function(
                lambda views: self._network(views, grid=grid)[-1]["kernel"], [views.shape]
            )
        given = zip(self._kernels(views), batch["kernel"], batch["estimate"])
        return {**batch, "estimate": np.stack([self._chosen(*kernels) for kernels in given])}

    def _chosen(self, found: np.ndarray, true: np.ndarray, estimate: np.ndarray) -> np.ndarray:
        """Return the kernel found, or what was there: the true one, or one with random faults."""
        if np.array_equal(estimate, true):
            return estimate
        found = aligned(prune(found, PRUNE), true)
        return found if cosine(found, true) >= self._threshold else estimate

    def _refresh(self) -> None:
        changed = (self._run / loop.CHECKPOINT).stat().st_mtime
        if changed != self._read:
            step = loop.load_network(self._network, self._run)
            self._read = changed
            print(f"kernels by {self._run} after {step} steps", flush=True)

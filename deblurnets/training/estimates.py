"""Kernels as the tool's own refinement estimates them, made ahead for training.

The alternation errs in ways that depend on the picture, which `perturb_kernel` cannot imitate; it
takes longer than all the rest of a sample, so its kernels are kept in a file, a row a sample.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import multiprocessing
from pathlib import Path

import numpy as np
from scipy import ndimage

from deblurnets.alternation import refine_kernel
from deblurnets.kernels import fit_grid
from deblurnets.light import GREY, to_linear
from deblurnets.training.perturb import perturb_kernel
from deblurnets.training.photographs import Photographs
from deblurnets.training.samples import SampleConfig, draw_sample, generator

KERNELS, DESCRIPTION = "kernels.npy", "config.json"


class Estimates:
    """Read-only access to estimated kernels: ``estimates[i]`` is (grid, grid) for sample i.

    Attributes
    ----------
    samples : SampleConfig of the samples.
    seed : their stream.
    """

    def __init__(self, folder: Path) -> None:
        description = json.loads((Path(folder) / DESCRIPTION).read_text())
        self.samples = SampleConfig.from_values(description["samples"])
        self.seed = description["seed"]
        self._kernels = np.load(Path(folder) / KERNELS, mmap_mode="r")
        self._length = rows_done(self._kernels)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> np.ndarray:
        kernel = self._kernels[index].astype(np.float32)
        return kernel / kernel.sum()


def soft_start(kernel: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """Return a true kernel as an analysis network would see it: faulty, soft, its size wrong."""
    size = kernel.shape[0]
    faulty = perturb_kernel(kernel, rng, rng.rand())
    factor = np.exp(rng.normal(0, 0.12))
    matrix = np.eye(2) * factor
    centre = np.array([size // 2, size // 2])
    faulty = ndimage.affine_transform(faulty, matrix, centre - matrix @ centre, order=1)
    return fit_grid(ndimage.gaussian_filter(faulty, rng.uniform(0.5, 2.5)), size)


def estimate_sample(
    photographs: Photographs, config: SampleConfig, seed: int, number: int, linear: float = 0.3
) -> np.ndarray:
    """Estimate the kernel of a sample by refinement of a soft start.

    Parameters
    ----------
    photographs, config, seed, number : the sample, see `draw_sample`.
    linear : share of the samples whose picture is refined in linear light.

    Returns
    -------
    array (grid, grid), float32, summing to 1.
    """
    sample = draw_sample(photographs, config, seed, number)
    rng = generator(seed, number, 1)
    start = soft_start(sample["kernel"], rng)
    grey = np.ascontiguousarray(sample["blurry"] @ GREY)
    grey = to_linear(grey) if rng.rand() < linear else grey
    return fit_grid(refine_kernel(grey, start), config.grid)


def estimate_samples(
    pack: Path, folder: Path, config: SampleConfig, seed: int, count: int, workers: int = 1
) -> None:
    """Write the estimates of samples 0 .. count - 1; goes on where an earlier run was stopped.

    Parameters
    ----------
    pack : folder written by `deblurnets.training.photographs.pack_photographs`.
    folder : for the kernels (float16, (count, grid, grid), zeros where still to do) and their
        description.
    config, seed, count : which samples.
    workers : processes.
    """
    config = dataclasses.replace(config, start=False, estimates="")
    describe(folder, config, seed)
    path = folder / KERNELS
    if path.exists():
        kernels = np.lib.format.open_memmap(path, "r+")
    else:
        shape = (count, config.grid, config.grid)
        kernels = np.lib.format.open_memmap(path, "w+", np.float16, shape)
    numbers = range(rows_done(kernels), len(kernels))
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(workers, mp_context=context) as pool:
        jobs = pool.map(_estimate, *zip(*[(pack, config, seed, n) for n in numbers]), chunksize=4)
        for number, kernel in zip(numbers, jobs):
            kernels[number] = kernel


def _estimate(pack: Path, config: SampleConfig, seed: int, number: int) -> np.ndarray:
    return estimate_sample(Photographs(pack), config, seed, number)


def describe(folder: Path, config: SampleConfig, seed: int) -> None:
    """Begin a folder of samples: make it where missing and write which samples it is of."""
    folder.mkdir(parents=True, exist_ok=True)
    description = {"seed": seed, "samples": dataclasses.asdict(config)}
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=2) + "\n")


def rows_done(rows: np.ndarray) -> int:
    """Return the number of rows before the first one that holds only zeros."""
    done = rows.reshape(len(rows), -1).any(1)
    return len(rows) if done.all() else int(np.argmin(done))

"""Samples with kernels as the tool itself estimates them, made ahead for training.

An estimate errs in ways that depend on the picture, which `perturb_kernel` cannot imitate, and it
takes longer than all the rest of a sample. So samples are kept with it, and with what the hand-made
deconvolution makes of them, in files of a row a sample.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import functools
import itertools
import json
import multiprocessing
from pathlib import Path
from typing import Any, Dict, Tuple

import numpy as np
from scipy import fft

from deblurnets.deconvolution.hyper_laplacian import hyper_laplacian
from deblurnets.deconvolution.restorer import RestoreConfig
from deblurnets.estimation.search import View, refined
from deblurnets.imaging.psf import fit_grid, normalise
from deblurnets.imaging.srgb import GREY, to_linear
from deblurnets.training.photographs import Photographs
from deblurnets.training.samples import SampleConfig, generator, photographed

PICTURES, KERNELS, STARTS, DESCRIPTION = "pictures.npy", "kernels.npy", "starts.npy", "config.json"
# What differs from the defaults of `SampleConfig`: shakes of all sizes that the tool finds, and
# pictures of the size of the network's window.
ESTIMATED = {
    "crop": 384,
    "grid": 97,
    "extent": (3, 75),
    "power": 1.2,
    "noise": (0.0, 0.015),
    "uneven": 0.4,
}
# A look that finds a kernel of at least this cosine with the true one is not followed by another:
# the tool looks more often and takes the best.
GOOD_VIEW = 0.75


class Estimates:
    """Read-only access to a folder of samples.

    Attributes
    ----------
    samples : SampleConfig of the samples.
    seed : their stream.
    """

    def __init__(self, folder: Path) -> None:
        description = json.loads((Path(folder) / DESCRIPTION).read_text())
        self.samples = SampleConfig.from_values(description["samples"])
        self.seed = description["seed"]
        self._pictures, self._kernels, self._starts = (
            np.load(Path(folder) / name, mmap_mode="r") for name in (PICTURES, KERNELS, STARTS)
        )
        self._length = rows_done(self._kernels)

    def __len__(self) -> int:
        return self._length

    def kernels(self, index: int) -> Tuple[np.ndarray, np.ndarray]:
        """Return the estimated and the true kernel (grid, grid) of a sample."""
        estimated, true = self._kernels[index].astype(np.float32)
        return estimated / estimated.sum(), true / true.sum()

    def pictures(self, index: int) -> Tuple[np.ndarray, np.ndarray]:
        """Return a sample's blurry and sharp picture (crop, crop, 3), uint8."""
        return tuple(self._pictures[index])

    def start(self, index: int, exact: bool) -> np.ndarray:
        """Return a sample's deconvolution by the estimated or by the true kernel, uint8."""
        return self._starts[index, int(exact)]


def estimate_sample(
    photographs: Photographs, config: SampleConfig, seed: int, number: int, analysis: Any
) -> Dict[str, np.ndarray]:
    """Make a sample, and estimate its kernel by one of the tool's looks or the better of two.

    Parameters
    ----------
    photographs, config, seed, number : the sample, see `draw_sample`.
    analysis : deblurnets.estimation.estimator.CompactAnalysis

    Returns
    -------
    dict of what the three files hold of a sample: `PICTURES` (2, crop, crop, 3), uint8, blurry and
    sharp; `KERNELS` (2, grid, grid), float16, estimated and true; `STARTS` (2, crop, crop, 3),
    uint8, deconvolved by either.
    """
    sample, linear = photographed(photographs, config, generator(seed, number))
    blurry, true = sample["blurry"], sample["kernel"]
    domain = "linear" if linear else "gamma"
    grey = np.ascontiguousarray(blurry @ GREY)
    part = to_linear(grey) if linear else grey
    settings, rng = analysis.config, generator(seed, number, 1)
    kernels = []
    for view in rng.permutation(len(settings.views))[:2]:
        (start,) = analysis.observe(grey, [View(*settings.views[view], domain)])
        kernel = refined(part, start, settings.grid, settings.search)
        kernels.append(aligned(fit_grid(kernel, config.grid), true))
        if similarity(kernels[-1], true) >= GOOD_VIEW:
            break
    estimated = max(kernels, key=lambda kernel: similarity(kernel, true))
    ways = RestoreConfig()
    starts = [
        hyper_laplacian(blurry, kernel, domain=domain, settings=way)
        for kernel, way in ((estimated, ways.estimated), (true, ways.known))
    ]
    return {
        PICTURES: _bytes(np.stack([blurry, sample["sharp"]])),
        KERNELS: np.stack([estimated, true]).astype(np.float16),
        STARTS: _bytes(np.stack(starts)),
    }


def aligned(kernel: np.ndarray, reference: np.ndarray, steps: int = 8) -> np.ndarray:
    """Move a kernel (k, k) to where it is most like another one, to the `steps`-th of a pixel.

    A blind kernel is known up to a shift only, and moves the deconvolved picture against the sharp
    one: training would learn to hedge by blurring.
    """
    size = kernel.shape[0]
    spectrum, wanted = fft.rfft2(kernel), fft.rfft2(reference)
    # Correlation between the pixels: its spectrum filled up with zeros.
    fine = np.zeros((steps * size, steps * size // 2 + 1), np.complex64)
    product, half = np.conj(spectrum) * wanted, size // 2
    fine[: half + 1, : half + 1] = product[: half + 1]
    fine[-half:, : half + 1] = product[-half:]
    lags = fft.irfft2(fine, (steps * size,) * 2)
    peak = np.array(np.unravel_index(int(np.argmax(lags)), lags.shape)) / steps
    peak = np.where(peak > size / 2, peak - size, peak)
    rows, columns = fft.fftfreq(size)[:, None], fft.rfftfreq(size)
    spectrum = spectrum * np.exp(-2j * np.pi * (peak[0] * rows + peak[1] * columns))
    return normalise(fft.irfft2(spectrum, kernel.shape))


def _bytes(pictures: np.ndarray) -> np.ndarray:
    return np.rint(pictures * 255).astype(np.uint8)


def similarity(kernel: np.ndarray, other: np.ndarray) -> float:
    """Return the cosine of two kernels where they are."""
    return float((kernel * other).sum() / np.sqrt((kernel**2).sum() * (other**2).sum()))


def estimate_samples(
    pack: Path, folder: Path, config: SampleConfig, seed: int, count: int, workers: int = 1
) -> None:
    """Write samples 0 .. count - 1; goes on where an earlier run was stopped.

    Parameters
    ----------
    pack : folder written by `deblurnets.training.photographs.pack_photographs`.
    folder : for `PICTURES`, `KERNELS` and `STARTS`, a row a sample, zeros where still to do, and
        their description.
    config, seed, count : which samples.
    workers : processes; each loads the bundled analysis network.
    """
    config = dataclasses.replace(config, start=False, estimates="")
    describe(folder, config, seed)
    picture = (2, config.crop, config.crop, 3)
    arrays = {
        PICTURES: open_rows(folder / PICTURES, (count, *picture), np.uint8),
        STARTS: open_rows(folder / STARTS, (count, *picture), np.uint8),
        KERNELS: open_rows(folder / KERNELS, (count, 2, config.grid, config.grid), np.float16),
    }
    numbers = range(rows_done(arrays[KERNELS]), len(arrays[KERNELS]))
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(workers, mp_context=context) as pool:
        jobs = pool.map(
            _estimate, *(itertools.repeat(v) for v in (str(pack), config, seed)), numbers
        )
        for number, row in zip(numbers, jobs):
            for name, values in arrays.items():  # kernels last: they say that the row is done
                values[number] = row[name]


def _estimate(pack: str, config: SampleConfig, seed: int, number: int) -> Dict[str, np.ndarray]:
    photographs, analysis = tools(pack)
    return estimate_sample(photographs, config, seed, number, analysis)


@functools.lru_cache(maxsize=1)
def tools(pack: str) -> Tuple[Photographs, Any]:
    """Open a pack and load the bundled analysis half, once a process."""
    from deblurnets.weights.files import load_analysis
    from deblurnets.weights.paths import model_path

    return Photographs(Path(pack)), load_analysis(model_path("compact_analysis.h5"))


def describe(folder: Path, config: SampleConfig, seed: int) -> None:
    """Begin a folder of samples: make it where missing and write which samples it is of."""
    folder.mkdir(parents=True, exist_ok=True)
    description = {"seed": seed, "samples": dataclasses.asdict(config)}
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=2) + "\n")


def open_rows(path: Path, shape: Tuple[int, ...], dtype: Any) -> np.ndarray:
    """Open a file of rows to write, made of zeros where missing."""
    mode = "r+" if path.exists() else "w+"
    return np.lib.format.open_memmap(path, mode, dtype, shape)


def rows_done(rows: np.ndarray) -> int:
    """Return the number of rows before the first one that holds only zeros."""
    done = np.fromiter((row.any() for row in rows), bool, len(rows))
    return len(rows) if done.all() else int(np.argmin(done))

"""What a judge of deblurred pictures learns from: results of good and bad kernels, and their gain.

For each picture of an estimates folder (:mod:`deblurnets.training.estimates`) the blurry picture
is deconvolved with several kernels of the kinds that a choice among candidates meets, and the gain
over the blurry picture is measured against the sharp one.
"""

from __future__ import annotations

import concurrent.futures
import functools
import itertools
import multiprocessing
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

import numpy as np
from scipy import ndimage

from deblurnets.deconvolution import hyper_laplacian
from deblurnets.evaluation.scoring import compare
from deblurnets.judgement import BORDER
from deblurnets.kernels import fit_grid, random_shake
from deblurnets.light import GREY
from deblurnets.training.estimates import Estimates, rows_done, soft_start
from deblurnets.training.perturb import perturb_kernel
from deblurnets.training.photographs import Photographs
from deblurnets.training.samples import generator, photographed

PICTURES, GAINS = "pictures.npy", "gains.npy"
KERNELS = 4
WRONG_LIGHT = 0.12


def trial_kernels(
    kernel: np.ndarray, estimate: np.ndarray, rng: np.random.RandomState
) -> List[np.ndarray]:
    """Return KERNELS kernels, from nearly right to wrong.

    The tool's estimate, a nearly true one, one of the wrong size, and one of: a soft one, a
    foreign one, a dot, the estimate mixed with a dot.
    """
    size = kernel.shape[0]
    middle = np.array([size // 2, size // 2])
    base = estimate if rng.rand() < 0.6 else kernel
    zoom = 1 / rng.uniform(0.4, 1.2)
    scaled = ndimage.affine_transform(base, np.eye(2) * zoom, middle - zoom * middle, order=1)
    dot = np.zeros_like(kernel)
    dot[size // 2, size // 2] = 1
    dot = ndimage.gaussian_filter(dot, rng.uniform(0.3, 2.0))
    others = (
        lambda: soft_start(kernel, rng),
        lambda: random_shake(rng, size, (4, size - 4)),
        lambda: dot,
        lambda: rng.uniform(0.3, 0.8) * estimate + 0.4 * dot,
    )
    kernels = [estimate, perturb_kernel(kernel, rng, rng.rand() ** 1.5), scaled]
    kernels.append(others[rng.randint(len(others))]())
    return [fit_grid(k, size) for k in kernels]


def judge_sample(
    photographs: Photographs, estimates: Estimates, number: int
) -> Tuple[np.ndarray, np.ndarray]:
    """Deconvolve one picture with all its trial kernels.

    Returns
    -------
    pictures : (1 + KERNELS, side, side), uint8: the blurry picture, then the results, grey.
    gains : (KERNELS,), float32: PSNR over the blurry picture's in dB.
    """
    rng = generator(estimates.seed, number, 2)
    own = generator(estimates.seed, number)
    sample, linear = photographed(photographs, estimates.samples, own)
    blurry, sharp = (np.ascontiguousarray(sample[n] @ GREY) for n in ("blurry", "sharp"))
    before = compare(blurry, sharp, BORDER).psnr
    pictures, gains = [blurry], []
    for kernel in trial_kernels(sample["kernel"], estimates[number], rng):
        light = "linear" if linear != (rng.rand() < WRONG_LIGHT) else "encoded"
        restored = hyper_laplacian(blurry, kernel, light=light)
        pictures.append(restored)
        gains.append(compare(restored, sharp, BORDER).psnr - before)
    inside = np.stack(pictures)[:, BORDER:-BORDER, BORDER:-BORDER]
    return np.rint(np.clip(inside, 0, 1) * 255).astype(np.uint8), np.array(gains, np.float32)


def judge_samples(pack: Path, estimates: Path, folder: Path, workers: int = 1) -> None:
    """Write pictures and gains of all samples of an estimates folder; goes on where it stopped."""
    opened = Estimates(estimates)
    folder.mkdir(parents=True, exist_ok=True)
    side = opened.samples.crop - 2 * BORDER
    shapes = {PICTURES: (1 + KERNELS, side, side), GAINS: (KERNELS,)}
    types = {PICTURES: np.uint8, GAINS: np.float32}
    arrays = {}
    for name, shape in shapes.items():
        mode = "r+" if (folder / name).exists() else "w+"
        arrays[name] = np.lib.format.open_memmap(
            folder / name, mode, types[name], (len(opened), *shape)
        )
    first = rows_done(arrays[GAINS])
    numbers = range(first, len(arrays[GAINS]))
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(workers, mp_context=context) as pool:
        repeated = (itertools.repeat(str(p)) for p in (pack, estimates))
        for number, result in zip(numbers, pool.map(_judge, *repeated, numbers, chunksize=4)):
            arrays[PICTURES][number], arrays[GAINS][number] = result


@functools.lru_cache(maxsize=1)
def _opened(pack: str, estimates: str) -> Tuple[Photographs, Estimates]:
    return Photographs(Path(pack)), Estimates(Path(estimates))


def _judge(pack: str, estimates: str, number: int) -> Tuple[np.ndarray, np.ndarray]:
    return judge_sample(*_opened(pack, estimates), number)


def judge_batches(
    folder: Path, seed: int, first: int, size: int, kept: float = 0.1
) -> Iterator[Dict[str, np.ndarray]]:
    """Yield training batches `first`, `first` + 1, ...: pictures at random, turned at random.

    Parameters
    ----------
    folder : written by `judge_samples`.
    seed, first, size : the stream, the first batch's number, pictures per batch.
    kept : share of the pictures, the last ones, kept for validation.

    Yields
    ------
    dict: "blurry" (size * KERNELS, side, side, 1) and "restored" likewise, 0..1; "gain"
    (size * KERNELS,), dB; results of one picture are neighbours.
    """
    gains = np.load(folder / GAINS, mmap_mode="r")
    pictures = np.load(folder / PICTURES, mmap_mode="r")
    count = int(rows_done(gains) * (1 - kept))
    for number in itertools.count(first):
        rng = generator(seed, number)
        rows = rng.randint(count, size=size)
        yield judge_batch(pictures, gains, rows, rng)


def judge_batch(
    pictures: np.ndarray, gains: np.ndarray, rows: np.ndarray, rng: np.random.RandomState
) -> Dict[str, np.ndarray]:
    """Assemble one batch of the given rows."""
    blurry, restored = [], []
    for row in rows:
        stack = np.rot90(pictures[row], rng.randint(4), axes=(1, 2))
        stack = stack[:, :, ::-1] if rng.rand() < 0.5 else stack
        stack = stack.astype(np.float32)[..., None] / 255
        blurry.extend([stack[0]] * KERNELS)
        restored.extend(stack[1:])
    return {
        "blurry": np.stack(blurry),
        "restored": np.stack(restored),
        "gain": np.concatenate([gains[row] for row in rows]),
    }

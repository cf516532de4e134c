"""Samples with kernels as the tool itself estimates them, made ahead for training.

An estimate errs in ways that depend on the picture, which `perturb_kernel` cannot imitate, and it
takes longer than all the rest of a sample. So samples are kept with it, and with what the hand-made
deconvolution makes of them, in files of a row a sample.
"""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any, Dict, Tuple

import numpy as np
from scipy import fft

from deblurnets.deconvolution.hyper_laplacian import hyper_laplacian
from deblurnets.deconvolution.restorer import RestoreConfig
from deblurnets.estimation.search import View, refined
from deblurnets.imaging.pixels import eight_bits, unit_range
from deblurnets.imaging.psf import cosine, fit_grid, normalise
from deblurnets.imaging.srgb import GREY, to_linear
from deblurnets.training.photographs import Photographs
from deblurnets.training.sample_store import KERNELS, PICTURES, STARTS, describe, write_rows
from deblurnets.training.samples import SampleConfig, draw_photograph, generator

# What differs from the defaults of `SampleConfig`: shakes of all sizes that the tool finds, and
# pictures of the size of the network's window.
ESTIMATED = {
    "crop": 384,
    "grid": 97,
    "extent": (3, 75),
    "power": 1.2,
}
# A view whose kernel has at least this cosine with the true one is not followed by another: the
# tool takes more views, and the best kernel.
GOOD_VIEW = 0.75


def estimate_sample(
    pack: str, config: SampleConfig, seed: int, number: int
) -> Dict[str, np.ndarray]:
    """Make a sample, and estimate its kernel in one of the tool's views or the better of two.

    Parameters
    ----------
    pack, config, seed, number : the sample, see `draw_sample`.

    Returns
    -------
    dict of what the three files hold of a sample: `PICTURES` (2, crop, crop, 3), uint8, blurry and
    sharp; `KERNELS` (2, grid, grid), float16, estimated and true; `STARTS` (2, crop, crop, 3),
    uint8, deconvolved by either.
    """
    photographs, analysis = tools(pack)
    taken = draw_photograph(photographs, config, generator(seed, number))
    blurry, true = unit_range(taken.blurry), taken.kernel(config.grid)
    domain = taken.domain
    grey = np.ascontiguousarray(blurry @ GREY)
    part = to_linear(grey) if taken.domain == "linear" else grey
    settings, rng = analysis.config, generator(seed, number, 1)
    kernels = []
    for view in rng.permutation(len(settings.views))[:2]:
        (initial,) = analysis.observe(grey, [View(*settings.views[view], domain)])
        kernel = refined(part, initial, settings.grid, settings.search)
        kernels.append(aligned(fit_grid(kernel, config.grid), true))
        if cosine(kernels[-1], true) >= GOOD_VIEW:
            break
    estimated = max(kernels, key=lambda kernel: cosine(kernel, true))
    ways = RestoreConfig()
    starts = [
        hyper_laplacian(blurry, kernel, domain=domain, settings=way)
        for kernel, way in ((estimated, ways.estimated), (true, ways.known))
    ]
    return {
        PICTURES: np.stack([taken.blurry, eight_bits(taken.sharp)]),
        STARTS: eight_bits(np.stack(starts)),
        KERNELS: np.stack([estimated, true]).astype(np.float16),
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
    workers : processes, see `write_rows`; each loads the bundled analysis network.
    """
    config = dataclasses.replace(config, start=False, estimates="")
    describe(folder, config, seed)
    pictures = (2, config.crop, config.crop, 3), np.uint8
    kernels = (2, config.grid, config.grid), np.float16
    make = functools.partial(estimate_sample, str(pack), config, seed)
    write_rows(
        folder, {PICTURES: pictures, STARTS: pictures, KERNELS: kernels}, count, make, workers
    )


@functools.lru_cache(maxsize=1)
def tools(pack: str) -> Tuple[Photographs, Any]:
    """Open a pack and load the bundled analysis half, once a process."""
    from deblurnets.weights.files import load_analysis
    from deblurnets.weights.paths import model_path

    return Photographs(Path(pack)), load_analysis(model_path("compact_analysis.h5"))

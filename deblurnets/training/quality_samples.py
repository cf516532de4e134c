"""What the quality network learns from: what the tool's own search shows it.

The tool estimates the kernels of training samples as it does a user's, but with an oracle in the
place of the network: it knows the sharp picture, measures what each candidate gains and keeps a
record.
"""

from __future__ import annotations

import functools
import itertools
import threading
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence

import numpy as np

from deblurnets.estimation.quality import BORDER, QualityModel
from deblurnets.imaging.metrics import MAX_SHIFT, compare
from deblurnets.imaging.pixels import eight_bits, unit_range
from deblurnets.imaging.srgb import GREY
from deblurnets.training.estimates import tools
from deblurnets.training.sample_store import PICTURES, describe, rows_done, write_rows
from deblurnets.training.samples import SampleConfig, draw_photograph, generator

ERRORS, GAINS = "errors.npy", "gains.npy"
# What differs from the defaults of `SampleConfig`: shakes of all sizes that the tool finds.
QUALITY_SAMPLES = {
    "crop": 416,
    "grid": 97,
    "extent": (3, 75),
    "power": 1.2,
    "jpeg": 0.25,
    "still": 0.1,
    "overlay": 0.12,
    "medium": 0.12,
}
# Results kept of a picture: of what the search tries, and of no blur, in one or both domains.
KERNELS = 8
# Errors are kept as bytes, up to what the quality network counts at most.
ERROR_UNIT = 0.1 / 127
# Share of the batches' pictures without errors: a regularisation that models/compact_quality.h5 was
# trained with.
ERRORLESS = 0.15


class Oracle:
    """A quality network that knows the sharp picture, and keeps what it is shown.

    Parameters
    ----------
    sharp : array (H, W), grey, of the picture that is searched.

    Attributes
    ----------
    blurry : array (side, side), the picture as it is shown.
    results, errors : lists of arrays (side, side): results of kernels and their residuals.
    gains : list of float, PSNR over the blurry picture's in dB.
    """

    def __init__(self, sharp: np.ndarray) -> None:
        self._sharp = sharp[BORDER:-BORDER, BORDER:-BORDER]
        self.blurry = self._sharp
        self._before: Optional[float] = None
        self._turn = threading.Lock()
        self.results: List[np.ndarray] = []
        self.errors: List[np.ndarray] = []
        self.gains: List[float] = []

    def __call__(self, blurry: np.ndarray, restored: np.ndarray, error: np.ndarray) -> np.ndarray:
        """Measure gains; parameters as the network's, always of the same blurry picture."""
        blurry, restored, error = (self._unmirrored(planes) for planes in (blurry, restored, error))
        with self._turn:  # candidates come side by side
            if self._before is None:
                self.blurry = blurry[0]
                self._before = self._psnr(self.blurry)
            gains = [self._psnr(picture) - self._before for picture in restored]
            self.results.extend(restored)
            self.errors.extend(error)
            self.gains.extend(gains)
        return np.array(gains, np.float32)

    def _unmirrored(self, planes: np.ndarray) -> np.ndarray:
        """Cut off the padding of small pictures: (n, H, W, 1) to (n, side, side)."""
        low = [(n - side) // 2 for n, side in zip(planes.shape[1:3], self._sharp.shape)]
        rows, columns = (slice(n, n + side) for n, side in zip(low, self._sharp.shape))
        return planes[:, rows, columns, 0]

    def _psnr(self, picture: np.ndarray) -> float:
        return compare(picture, self._sharp, MAX_SHIFT).psnr


def quality_sample(
    pack: str, config: SampleConfig, seed: int, number: int
) -> Dict[str, np.ndarray]:
    """Let the tool search one sample's kernel, and keep what it meets.

    Parameters
    ----------
    pack, config, seed, number : the sample, see `draw_sample`; of at most 512 pixels, so that the
        search sees all of it.

    Returns
    -------
    dict of what the three files hold of a sample: "pictures" (1 + KERNELS, side, side), uint8, the
    blurry picture and the results, grey; "errors" (KERNELS, side, side), int8, in ERROR_UNIT;
    "gains" (KERNELS,), float32, PSNR over the blurry picture's in dB.
    """
    photographs, analysis = tools(pack)
    taken = draw_photograph(photographs, config, generator(seed, number))
    blurry, sharp = unit_range(taken.blurry), taken.sharp
    oracle = Oracle(np.ascontiguousarray(sharp @ GREY))
    usual, analysis.quality_model = analysis.quality_model, QualityModel(oracle, config.crop)
    try:
        analysis.estimate(blurry)
    finally:
        analysis.quality_model = usual
    # A picture too small for a reduced view shows fewer: some are kept twice then.
    # From good to bad: the order in which they came is not the same every time.
    order = np.argsort(oracle.gains)[::-1]
    rows = [order[i % len(order)] for i in range(KERNELS)]
    pictures = np.stack([oracle.blurry, *(oracle.results[i] for i in rows)])
    errors = np.stack([oracle.errors[i] for i in rows])
    return {
        PICTURES: eight_bits(pictures),
        ERRORS: np.rint(np.clip(errors / ERROR_UNIT, -127, 127)).astype(np.int8),
        GAINS: np.array([oracle.gains[i] for i in rows], np.float32),
    }


def write_quality_samples(
    pack: Path, folder: Path, config: SampleConfig, seed: int, count: int, workers: int = 1
) -> None:
    """Write what samples 0 .. count - 1 show; goes on where an earlier run was stopped.

    Parameters
    ----------
    pack : folder written by `deblurnets.training.photographs.pack_photographs`.
    folder : for `PICTURES`, `ERRORS` and `GAINS`, a row a sample, and their description.
    config, seed, count : which samples.
    workers : processes, see `write_rows`; each loads the bundled analysis network.
    """
    describe(folder, config, seed)
    side = config.crop - 2 * BORDER
    rows = {
        PICTURES: ((1 + KERNELS, side, side), np.uint8),
        ERRORS: ((KERNELS, side, side), np.int8),
        GAINS: ((KERNELS,), np.float32),
    }
    make = functools.partial(quality_sample, str(pack), config, seed)
    write_rows(folder, rows, count, make, workers)


def quality_batches(
    folder: Path, crop: int, seed: int, first: int, size: int, kept: float = 0.1
) -> Iterator[Dict[str, np.ndarray]]:
    """Yield training batches `first`, `first` + 1, ...: pictures at random, cut and turned so too.

    Parameters
    ----------
    folder : written by `write_quality_samples`.
    crop : side of the pieces, or all where the pictures are smaller.
    seed, first, size : the stream, the first batch's number, pictures per batch.
    kept : share of the pictures, the last ones, kept for validation.

    Yields
    ------
    dict: "blurry", "restored" and "error" (size * KERNELS, side, side, 1), the first two in 0..1;
    "gain" (size * KERNELS,), dB, of the whole pictures; results of one picture are neighbours.
    """
    files = {name: np.load(folder / name, mmap_mode="r") for name in (PICTURES, ERRORS, GAINS)}
    count = max(int(rows_done(files[GAINS]) * (1 - kept)), 1)
    for number in itertools.count(first):
        rng = generator(seed, number)
        rows = rng.randint(count, size=size)
        yield quality_batch(files, rows, crop, rng)


def quality_batch(
    files: Dict[str, np.ndarray], rows: Sequence[int], crop: int, rng: np.random.RandomState
) -> Dict[str, np.ndarray]:
    """Assemble one batch of the given rows."""
    blurry, restored, errors = [], [], []
    whole = files[PICTURES].shape[-1]
    side = min(crop, whole)
    for row in rows:
        top, left = rng.randint(whole - side + 1, size=2)
        cut = functools.partial(
            _piece, top=top, left=left, side=side, turns=rng.randint(4), mirrored=rng.rand() < 0.5
        )
        stack = cut(files[PICTURES][row]) / 255
        told = np.float32(rng.rand() >= ERRORLESS)
        blurry.extend([stack[0]] * KERNELS)
        restored.extend(stack[1:])
        errors.extend(cut(files[ERRORS][row]) * np.float32(ERROR_UNIT) * told)
    return {
        "blurry": np.stack(blurry),
        "restored": np.stack(restored),
        "error": np.stack(errors),
        "gain": np.concatenate([files[GAINS][row] for row in rows]),
    }


def _piece(
    planes: np.ndarray, top: int, left: int, side: int, turns: int, mirrored: bool
) -> np.ndarray:
    """Cut a square out of planes (n, H, W), turn and mirror it: (n, side, side, 1), float32."""
    planes = planes[:, top : top + side, left : left + side]
    planes = np.rot90(planes, turns, axes=(1, 2))
    planes = planes[:, :, ::-1] if mirrored else planes
    return planes.astype(np.float32)[..., None]

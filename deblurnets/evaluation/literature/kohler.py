"""Koehler et al. 2012: 4 pictures under 12 real camera shakes, replayed by a robot.

There is no one sharp picture: the camera was also photographed still at about 200 points of each
shake, and a result is scored by the one of these frames that it fits best.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Tuple

import numpy as np
from scipy import fft

from deblurnets.evaluation.benchmark import BenchmarkError, Case
from deblurnets.evaluation.literature.items import Item, check_folder, folder_files
from deblurnets.evaluation.literature.trajectory_file import read_trajectory
from deblurnets.evaluation.multiscale import multiscale_ssim
from deblurnets.imaging.metrics import Score, psnr
from deblurnets.imaging.pixels import unit_range
from deblurnets.imaging.srgb import GREY
from deblurnets.pictures.files import read_image

_BLURRY = re.compile(r"Blurry(\d+)_(\d+)\.png")
_FRAME = re.compile(r"GroundTruth(\d+)_(\d+)_(\d+)\.png")
_FAULTY_FRAMES = {(1, 3): (30,)}
"""Frames that the authors' own evaluation leaves out, by picture and shake."""

Key = Tuple[int, int]
Frames = Callable[[], Iterator[np.ndarray]]


@dataclass(frozen=True)
class Trajectory:
    """The frames of one shake, read one after the other.

    Attributes
    ----------
    frames : callable
        Returns an iterator of (H, W, 3) pictures.
    where : str
        Where they lie, for messages.
    """

    frames: Frames
    where: str

    def score(self, image: np.ndarray) -> Score:
        """Score a picture (H, W, 3) by the authors' protocol.

        For each frame the picture is multiplied by the factor of smallest squared error and moved
        by the whole shift of largest correlation; what leaves the picture counts as no error. PSNR
        and multi-scale SSIM are those of the luminance, and each is the best of all frames.

        Raises
        ------
        BenchmarkError
            When the frames have another shape, or there is none.
        """
        estimate = unit_range(image)
        spectrum = fft.rfft2(estimate.mean(axis=2))
        best = Score(-np.inf, -np.inf, (0.0, 0.0))
        for frame in self.frames():
            reference = unit_range(frame)
            if reference.shape != estimate.shape:
                raise BenchmarkError(
                    f"{self.where}: expected frames of the blurry picture's shape "
                    f"{estimate.shape}, found {reference.shape}"
                )
            shift = whole_shift(spectrum, reference)
            value, similarity = _agreement(estimate, reference, shift)
            if value > best.psnr:
                best = Score(value, best.ssim, (float(-shift[0]), float(-shift[1])))
            best = Score(best.psnr, max(best.ssim, similarity), best.shift)
        if best.psnr == -np.inf:
            raise BenchmarkError(f"{self.where}: expected frames, found none")
        return best


def find_items(folder: Path, step: int = 1) -> List[Item]:
    """List the set's pictures.

    Parameters
    ----------
    folder : Path
        Holds, in it or below, `Blurry1_1.png` to `Blurry4_12.png` (picture, shake), and the frames
        as `GroundTruth1_1_1.png` (picture, shake, frame) or as `GroundTruth1_1.mat`.
    step : int
        Score by every so-manieth frame only, from the first: faster, and never better.

    Raises
    ------
    BenchmarkError
        When blurry pictures or a shake's frames are missing.
    """
    check_folder(folder)
    blurry = folder_files(folder, "Blurry*_*.png")
    keys = {
        (int(match.group(1)), int(match.group(2))): blurry[match.group()]
        for match in map(_BLURRY.fullmatch, blurry)
        if match
    }
    if not keys:
        raise BenchmarkError(
            f"{folder}: expected Blurry1_1.png to Blurry4_12.png in it or below, found none"
        )
    frames = _frame_files(folder)
    files = folder_files(folder, "GroundTruth*_*.mat")
    items = []
    for key in sorted(keys):
        trajectory = _trajectory(key, frames.get(key, {}), files, folder, step)
        items.append(
            Item(
                f"{key[0]}_{key[1]}",
                lambda path=keys[key], trajectory=trajectory: load_case(path, trajectory),
            )
        )
    return items


def load_case(path: Path, trajectory: Trajectory) -> Case:
    """Read one blurry picture; there is no kernel, for the blur differs from place to place.

    Raises
    ------
    BenchmarkError, deblurnets.pictures.files.ImageError
        When it is no colour picture or cannot be read.
    """
    blurry = read_image(str(path)).pixels
    if blurry.ndim != 3:
        raise BenchmarkError(f"{path}: expected a colour picture, found shape {blurry.shape}")
    return Case(path.stem[len("Blurry") :], blurry, trajectory.score)


def whole_shift(spectrum: np.ndarray, reference: np.ndarray) -> Tuple[int, int]:
    """Return how far (down, right) a picture must be moved to fit a reference best.

    Parameters
    ----------
    spectrum : ndarray
        `rfft2` of the picture's mean over its channels.
    reference : ndarray
        (H, W, 3).
    """
    plane = reference.mean(axis=2)
    correlation = fft.irfft2(fft.rfft2(plane) * np.conj(spectrum), plane.shape)
    peak = np.unravel_index(int(np.argmax(correlation)), plane.shape)
    down, right = (
        int(at) if at <= side // 2 else int(at) - side for at, side in zip(peak, plane.shape)
    )
    return down, right


def _agreement(
    estimate: np.ndarray, reference: np.ndarray, shift: Tuple[int, int]
) -> Tuple[float, float]:
    """PSNR and multi-scale SSIM of one frame."""
    energy = float(np.vdot(estimate, estimate))
    factor = float(np.vdot(estimate, reference)) / energy if energy else 1.0
    moved = np.zeros(reference.shape[:2], np.float32)
    kept = np.zeros_like(moved)
    to, taken = zip(*(_overlap(side, by) for side, by in zip(moved.shape, shift)))
    moved[to] = factor * (estimate @ GREY)[taken]
    kept[to] = (reference @ GREY)[to]
    return psnr(moved, kept), multiscale_ssim(moved, kept)


def _overlap(side: int, by: int) -> Tuple[slice, slice]:
    """Where a picture moved by some pixels lands, and which of its pixels do."""
    return slice(max(0, by), side + min(0, by)), slice(max(0, -by), side - max(0, by))


def _frame_files(folder: Path) -> Dict[Key, Dict[int, Path]]:
    frames: Dict[Key, Dict[int, Path]] = {}
    for name, path in folder_files(folder, "GroundTruth*_*_*.png").items():
        match = _FRAME.fullmatch(name)
        if match:
            picture, shake, number = (int(group) for group in match.groups())
            frames.setdefault((picture, shake), {})[number] = path
    return frames


def _trajectory(
    key: Key, frames: Dict[int, Path], files: Dict[str, Path], folder: Path, step: int
) -> Trajectory:
    name = f"GroundTruth{key[0]}_{key[1]}"
    faulty = _FAULTY_FRAMES.get(key, ())
    if frames:
        paths = [frames[number] for number in sorted(frames) if number not in faulty][::step]
        return Trajectory(
            lambda: (read_image(str(path)).pixels for path in paths), f"{folder}, {name}_*.png"
        )
    if f"{name}.mat" in files:
        path = files[f"{name}.mat"]
        return Trajectory(lambda: read_trajectory(path, faulty, step), str(path))
    raise BenchmarkError(
        f"{folder}: expected {name}_1.png and on, or {name}.mat, in it or below, found none"
    )

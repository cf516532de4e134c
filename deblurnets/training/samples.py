"""Training samples: a crop of a photograph, a random shake, the blurry crop a camera would give.

Every sample is a pure function of (seed, number), so a run that resumes sees what it would have
seen, and any number of workers gives the same stream. Pictures are 8-bit, as files are.
"""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any, Dict

import cv2
import numpy as np

from deblurnets.deconvolution.hyper_laplacian import hyper_laplacian
from deblurnets.imaging.noise import estimate_noise
from deblurnets.imaging.pixels import eight_bits, unit_range
from deblurnets.imaging.psf import cosine
from deblurnets.imaging.srgb import GREY
from deblurnets.simulation.camera import CameraConfig, random_scale, random_shot
from deblurnets.simulation.kernel_errors import perturb_kernel
from deblurnets.simulation.shot import Photograph, take
from deblurnets.training.photographs import Photographs
from deblurnets.training.sample_store import Estimates


@dataclasses.dataclass(frozen=True)
class SampleConfig(CameraConfig):
    """Distribution of the training samples: its cameras, and what is made of their pictures.

    Attributes
    ----------
    grid to medium : see `CameraConfig`.
    crop : side of the blurry crop in pixels.
    shrink : largest factor by which a photograph is reduced before the crop is cut.
    start : whether to deconvolve the blurry crop by hand with the estimated kernel, which a
        synthesis network corrects; costs more than all the rest of a sample.
    conditions : whether to tell the domain in which a crop was blurred and its noise, which a
        deconvolution within the training asks for, in the place of `start`.
    linear_view : share of the samples blurred in linear light that an analysis network is to see in
        linear light, as it sees views in the tool.
    exact : share of samples whose "estimate" of the kernel is the true one; the others' faults
        are of strengths 0 to 1, small ones more often.
    estimates : folder of samples whose kernels the tool itself estimated (see
        :mod:`deblurnets.training.estimates`): the samples are then those of that folder, again and
        again, turned and cut at random, and only crop, exact, similarity_threshold and grey count.
    similarity_threshold : least cosine of such a kernel and the true one, which is taken in the
        place of a worse one. A hopeless kernel only teaches to blur.
    grey : share of those samples made grey.
    """

    crop: int = 256
    shrink: float = 2.0
    start: bool = False
    conditions: bool = False
    linear_view: float = 0.0
    exact: float = 0.35
    estimates: str = ""
    similarity_threshold: float = 0.75
    grey: float = 0.15

    def __post_init__(self) -> None:
        """Refuse what does not go together.

        Raises
        ------
        ValueError
            Conditions, or the domain, of samples that were made ahead; starts made twice.
        """
        if self.estimates and (self.conditions or self.linear_view):
            raise ValueError(
                "samples of a folder of estimates do not tell domain and noise, which analysis, "
                'pair and --on_device ask for: leave "estimates" out'
            )
        if self.start and self.conditions:
            raise ValueError(
                "a start is made with the samples or where the network trains, not both: leave "
                '"start" out'
            )

    @classmethod
    def from_values(cls, values: Dict[str, Any]) -> SampleConfig:
        """Build a configuration from what JSON holds: lists in place of tuples."""
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def draw_sample(
    photographs: Photographs, config: SampleConfig, seed: int, number: int
) -> Dict[str, np.ndarray]:
    """Make sample `number` of the stream `seed`.

    Returns
    -------
    dict: "blurry" and "sharp", uint8 (crop, crop, 3), gamma-encoded; "kernel", float32
    (grid, grid); "estimate", the kernel with faults of a blind estimate; where asked for,
    "start", the hand-made deconvolution, like "blurry"; "linear", 1 where the blur is in linear
    light, else 0, and "noise", the estimated standard deviation of the noise; and "linear_view", 1
    where to be seen in linear light, else 0; all three float32.
    """
    if config.estimates:
        return _stored_sample(config, seed, number)
    rng = generator(seed, number)
    taken = draw_photograph(photographs, config, rng)
    kernel = taken.kernel(config.grid)
    strength = rng.rand() ** 1.5 if rng.rand() > config.exact else 0.0
    estimate = perturb_kernel(kernel, rng, strength)
    sample = {
        "blurry": taken.blurry,
        "sharp": eight_bits(taken.sharp),
        "kernel": kernel,
        "estimate": estimate,
    }
    blurry = unit_range(taken.blurry)
    if config.start:
        start = hyper_laplacian(blurry, estimate, domain=taken.domain)
        sample["start"] = eight_bits(start)
    if config.conditions:
        sample["linear"] = np.float32(not taken.gamma)
        sample["noise"] = np.float32(estimate_noise(blurry))
    if config.linear_view:
        sample["linear_view"] = np.float32(not taken.gamma and rng.rand() < config.linear_view)
    return sample


def generator(*seeds: int) -> np.random.RandomState:
    """Return the source of randomness of a sample: a pure function of the numbers."""
    return np.random.RandomState([seed & 0xFFFFFFFF for seed in seeds])


def draw_photograph(
    photographs: Photographs, config: SampleConfig, rng: np.random.RandomState
) -> Photograph:
    """Draw a crop of a photograph and a shot, and take it: (crop, crop) and its true kernel."""
    scale = random_scale(rng, config)
    side = int(np.ceil((config.crop + config.grid - 1) / scale))
    sharp = unit_range(_sharp_crop(photographs, rng, side, config.shrink))
    taken = take(sharp, random_shot(rng, sharp.shape[:2], config, scale), rng)
    return taken.middle(config.crop)


@functools.lru_cache(maxsize=2)
def _estimates(folder: str) -> Estimates:
    """Open a folder once a process: finding out how many rows it has reads all of them."""
    return Estimates(Path(folder))


def _stored_sample(config: SampleConfig, seed: int, number: int) -> Dict[str, np.ndarray]:
    """Return a sample with the kernel that the tool estimated, turned and cut at random."""
    estimates = _estimates(config.estimates)
    index = number % len(estimates)
    rng = generator(seed, number)
    estimate, kernel = estimates.kernels(index)
    exact = bool(
        rng.rand() < config.exact or cosine(kernel, estimate) < config.similarity_threshold
    )
    blurry, sharp = estimates.pictures(index)
    pictures = {"blurry": blurry, "sharp": sharp, "start": estimates.start(index, exact)}
    turns, mirrored, grey = rng.randint(4), rng.rand() < 0.5, rng.rand() < config.grey
    spare = estimates.crop - config.crop
    rows, columns = (slice(low, low + config.crop) for low in rng.randint(spare + 1, size=2))

    def turned(values: np.ndarray) -> np.ndarray:
        values = np.rot90(values, turns)
        return np.ascontiguousarray(values[:, ::-1] if mirrored else values)

    sample = {"kernel": turned(kernel), "estimate": turned(kernel if exact else estimate)}
    for name, values in pictures.items():
        values = turned(values[rows, columns])
        if grey:
            values = np.repeat(np.rint(values @ GREY).astype(np.uint8)[..., None], 3, axis=2)
        sample[name] = values
    return sample


def _sharp_crop(
    photographs: Photographs, rng: np.random.RandomState, side: int, shrink: float
) -> np.ndarray:
    """Cut a random square, reduced, mirrored and turned at random; the livelier of two; uint8."""
    crop = max((_window(photographs, rng, side, shrink) for _ in range(2)), key=_activity)
    if crop.shape[0] != side:
        # Enlarging happens only for photographs smaller than a crop and its blur.
        method = cv2.INTER_AREA if crop.shape[0] > side else cv2.INTER_CUBIC
        crop = cv2.resize(crop, (side, side), interpolation=method)
    crop = np.rot90(crop, rng.randint(4))
    return crop[:, ::-1] if rng.rand() < 0.5 else crop


def _window(
    photographs: Photographs, rng: np.random.RandomState, side: int, shrink: float
) -> np.ndarray:
    """Cut a random square of `side` to `side` times `shrink` pixels out of a random photograph."""
    photograph = photographs[rng.randint(len(photographs))]
    limit = min(photograph.shape[:2]) / side
    factor = np.exp(rng.uniform(0, np.log(max(1.0, min(shrink, limit)))))
    window = min(int(np.ceil(side * factor)), *photograph.shape[:2])
    top = rng.randint(photograph.shape[0] - window + 1)
    left = rng.randint(photograph.shape[1] - window + 1)
    return photograph[top : top + window, left : left + window]


def _activity(crop: np.ndarray) -> float:
    """Return the mean difference of green values two pixels apart."""
    green = crop[::2, ::2, 1].astype(np.float32)
    return float(np.abs(np.diff(green, axis=0)).mean() + np.abs(np.diff(green, axis=1)).mean())

"""Training samples: a crop of a photograph, a random shake, the blurry crop a camera would give.

Every sample is a pure function of (seed, number), so a run that resumes sees what it would have
seen, and any number of workers gives the same stream.
"""

from __future__ import annotations

import dataclasses
import functools
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Tuple

import numpy as np
import scipy.fft

from deblurnets.deconvolution.hyper_laplacian import hyper_laplacian
from deblurnets.imaging import srgb as light_curve
from deblurnets.imaging.noise import estimate_noise
from deblurnets.simulation.kernel_errors import perturb_kernel
from deblurnets.simulation.rotation import moved_average
from deblurnets.simulation.rotation import random_shake as random_shake_with_turn
from deblurnets.simulation.trajectory import random_shake
from deblurnets.training.photographs import Photographs

if TYPE_CHECKING:
    from deblurnets.training.estimates import Estimates


# Strongest faults, as of `perturb_kernel`, by which an uneven sample's kernel changes.
UNEVEN = 2.0


@dataclasses.dataclass(frozen=True)
class SampleConfig:
    """Distribution of the training samples.

    Attributes
    ----------
    crop : side of the blurry crop in pixels.
    grid : side of the kernel grid, odd.
    extent, power : bounds of the shake's larger side in pixels, and how it is spread between
        them (see :func:`deblurnets.simulation.trajectory.random_shake`).
    noise : bounds of the noise's standard deviation, of 1, small values more often; a fifth of
        the samples have none but the rounding to 8 bits.
    linear : share of samples blurred in linear light rather than on the gamma-encoded values.
    jpeg : share of samples stored as JPEG (quality 70 to 98) after the noise.
    saturation : share of samples with exposure raised before the blur so that lights clip.
    turned : share of samples whose camera turned while it shook, so that no one kernel is right
        everywhere; their "kernel" is that of the crop's middle.
    degrees : bounds of the angle by which those turned.
    uneven : share of the other samples whose kernel changes a little over the crop, as that of real
        lenses and hands does; their "kernel" is the mean one.
    shrink : largest factor by which a photograph is reduced before the crop is cut.
    start : whether to deconvolve the blurry crop by hand with the estimated kernel, which a
        synthesis network corrects; costs more than all the rest of a sample.
    conditions : whether to tell the light in which a crop was blurred and its noise, which a
        deconvolution within the training asks for.
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
    grid: int = 65
    extent: Tuple[float, float] = (3, 61)
    power: float = 2.0
    noise: Tuple[float, float] = (0.0, 0.02)
    linear: float = 0.5
    jpeg: float = 0.2
    saturation: float = 0.1
    turned: float = 0.0
    degrees: Tuple[float, float] = (0.3, 3.0)
    uneven: float = 0.0
    shrink: float = 2.0
    exact: float = 0.35
    start: bool = False
    conditions: bool = False
    estimates: str = ""
    similarity_threshold: float = 0.75
    grey: float = 0.15

    def __post_init__(self) -> None:
        """Refuse what does not go together.

        Raises
        ------
        ValueError
            Conditions of samples that were made ahead.
        """
        if self.estimates and self.conditions:
            raise ValueError(
                "samples of a folder of estimates do not tell light and noise: a pair, which asks "
                'for these, estimates its kernels itself; leave "estimates" out'
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
    dict: "blurry" and "sharp", float32 (crop, crop, 3), 0..1, gamma-encoded; "kernel", float32
    (grid, grid); "estimate", the kernel with faults of a blind estimate; where asked for,
    "start", the hand-made deconvolution, like "blurry"; and "linear", 1 where the blur is in linear
    light, else 0, and "noise", the estimated standard deviation of the noise, both float32.
    """
    if config.estimates:
        return _estimated_sample(config, seed, number)
    sample, linear = photographed(photographs, config, generator(seed, number))
    if config.start:
        domain = "linear" if linear else "gamma"
        sample["start"] = hyper_laplacian(sample["blurry"], sample["estimate"], domain=domain)
    if config.conditions:
        sample["linear"] = np.float32(linear)
        sample["noise"] = np.float32(estimate_noise(sample["blurry"]))
    return sample


def generator(*seeds: int) -> np.random.RandomState:
    """Return the source of randomness of a sample: a pure function of the numbers."""
    return np.random.RandomState([seed & 0xFFFFFFFF for seed in seeds])


def photographed(
    photographs: Photographs, config: SampleConfig, rng: np.random.RandomState
) -> Tuple[Dict[str, np.ndarray], bool]:
    """Return a sample without its start, and whether it was blurred in linear light."""
    kernel = random_shake(rng, config.grid, config.extent, config.power)
    sharp = _sharp_crop(photographs, rng, config.crop + config.grid - 1, config.shrink)
    linear = bool(rng.rand() < config.linear)
    gain = rng.uniform(1.2, 2.0) if rng.rand() < config.saturation else 1.0
    domain = light_curve.to_linear(sharp) * gain if linear else sharp * gain
    if config.turned and rng.rand() < config.turned:
        blurry, kernel = _turned_blur(domain, config, rng)
    elif config.uneven and rng.rand() < config.uneven:
        blurry, kernel = _uneven_blur(domain, kernel, rng)
    else:
        blurry = convolve_valid(domain, kernel)
    blurry, sharp = np.clip(blurry, 0, 1), np.clip(domain, 0, 1)
    if linear:
        blurry, sharp = light_curve.to_gamma(blurry), light_curve.to_gamma(sharp)
    low, high = config.noise
    noise = low + (high - low) * rng.rand() ** 2 if rng.rand() < 0.8 else 0.0
    blurry = blurry + np.float32(noise) * rng.standard_normal(blurry.shape).astype(np.float32)
    blurry = np.rint(np.clip(blurry, 0, 1) * 255).astype(np.uint8)
    if rng.rand() < config.jpeg:
        blurry = _through_jpeg(blurry, int(rng.randint(70, 99)))
    half = config.grid // 2
    strength = rng.rand() ** 1.5 if rng.rand() > config.exact else 0.0
    sample = {
        "blurry": blurry.astype(np.float32) / np.float32(255),
        "sharp": sharp[half : half + config.crop, half : half + config.crop].astype(np.float32),
        "kernel": kernel,
        "estimate": perturb_kernel(kernel, rng, strength),
    }
    return sample, linear


def _turned_blur(
    domain: np.ndarray, config: SampleConfig, rng: np.random.RandomState
) -> Tuple[np.ndarray, np.ndarray]:
    """Return a crop as blurred by a turning camera, and the kernel of its middle."""
    side, half = config.crop, config.grid // 2
    low, high = config.extent
    # Far from its centre a turn makes the path longer than the shake; the grid has to hold both.
    extent = rng.uniform(low, max(low, high / 2))
    centre = rng.uniform(-side, 2 * side, size=2)
    shake = random_shake_with_turn(rng, extent, rng.uniform(*config.degrees), tuple(centre))
    middle = (half + side / 2, half + side / 2)
    blurry = moved_average(domain, shake)[half : half + side, half : half + side]
    return blurry, shake.kernel(middle, config.grid)


def _uneven_blur(
    domain: np.ndarray, kernel: np.ndarray, rng: np.random.RandomState
) -> Tuple[np.ndarray, np.ndarray]:
    """Return a crop whose kernel goes from one to a slightly other one, and their mean."""
    strength = rng.uniform(0, UNEVEN)
    ends = [perturb_kernel(kernel, rng, strength) for _ in range(2)]
    first, last = (convolve_valid(domain, end) for end in ends)
    rows, columns = np.ogrid[: first.shape[0], : first.shape[1]]
    angle = rng.uniform(0, 2 * np.pi)
    ramp = np.cos(angle) * rows + np.sin(angle) * columns
    ramp = ((ramp - ramp.min()) / np.ptp(ramp)).astype(np.float32)[..., None]
    return (1 - ramp) * first + ramp * last, (ends[0] + ends[1]) / 2


@functools.lru_cache(maxsize=2)
def _estimates(folder: str) -> Estimates:
    """Open a folder once a process: finding out how many rows it has reads all of them."""
    from deblurnets.training.estimates import Estimates

    return Estimates(Path(folder))


def _estimated_sample(config: SampleConfig, seed: int, number: int) -> Dict[str, np.ndarray]:
    """Return a sample with the kernel that the tool estimated, turned and cut at random."""
    estimates = _estimates(config.estimates)
    index = number % len(estimates)
    rng = generator(seed, number)
    estimate, kernel = estimates.kernels(index)
    cosine = (kernel * estimate).sum() / np.sqrt((kernel**2).sum() * (estimate**2).sum())
    exact = bool(rng.rand() < config.exact or cosine < config.similarity_threshold)
    blurry, sharp = estimates.pictures(index)
    pictures = {"blurry": blurry, "sharp": sharp, "start": estimates.start(index, exact)}
    turns, mirrored, grey = rng.randint(4), rng.rand() < 0.5, rng.rand() < config.grey
    spare = estimates.samples.crop - config.crop
    rows, columns = (slice(low, low + config.crop) for low in rng.randint(spare + 1, size=2))

    def turned(values: np.ndarray) -> np.ndarray:
        values = np.rot90(values, turns)
        return np.ascontiguousarray(values[:, ::-1] if mirrored else values)

    sample = {"kernel": turned(kernel), "estimate": turned(kernel if exact else estimate)}
    for name, values in pictures.items():
        values = turned(values[rows, columns].astype(np.float32) / np.float32(255))
        if grey:
            values = np.repeat((values @ light_curve.GREY)[..., None], 3, axis=2)
        sample[name] = values
    return sample


def _sharp_crop(
    photographs: Photographs, rng: np.random.RandomState, side: int, shrink: float
) -> np.ndarray:
    """Cut a random square, reduced, mirrored and turned at random; the livelier of two."""
    best, best_activity = None, -1.0
    for _ in range(2):
        photograph = photographs[rng.randint(len(photographs))]
        limit = min(photograph.shape[:2]) / side
        factor = np.exp(rng.uniform(0, np.log(max(1.0, min(shrink, limit)))))
        window = min(int(np.ceil(side * factor)), *photograph.shape[:2])
        top = rng.randint(photograph.shape[0] - window + 1)
        left = rng.randint(photograph.shape[1] - window + 1)
        crop = np.asarray(photograph[top : top + window, left : left + window])
        grey = crop[::2, ::2].mean(2)
        activity = float(
            np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()
        )
        if activity > best_activity:
            best, best_activity = crop, activity
    if best.shape[0] != side:
        best = _resize(best, side)
    best = np.rot90(best, rng.randint(4))
    if rng.rand() < 0.5:
        best = best[:, ::-1]
    return best.astype(np.float32) / np.float32(255)


def _resize(crop: np.ndarray, side: int) -> np.ndarray:
    from PIL import Image

    # Enlarging happens only for photographs smaller than a crop and its blur.
    return np.asarray(Image.fromarray(crop).resize((side, side), Image.LANCZOS))


def _through_jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def convolve_valid(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolve (H, W, C) with (k, k); the part that needs no outside: (H - k + 1, W - k + 1, C)."""
    height, width = image.shape[:2]
    size = [scipy.fft.next_fast_len(n, True) for n in (height, width)]
    k = kernel.shape[0]
    otf = scipy.fft.rfft2(kernel, size)[None]
    spectrum = scipy.fft.rfft2(np.moveaxis(image, 2, 0), size, axes=(1, 2))
    blurry = scipy.fft.irfft2(spectrum * otf, size, axes=(1, 2))
    return np.moveaxis(blurry[:, k - 1 : height, k - 1 : width], 0, 2)

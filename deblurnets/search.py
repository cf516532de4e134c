"""Search for the kernel: the network's estimates finished by hand-made steps, the best one taken.

The network looks at a picture in several ways (:mod:`deblurnets.pairs.compact`), and which look
finds the kernel differs from picture to picture. Each estimate is finished by a few alternations
at full size; a judge of the results (:class:`deblurnets.judgement.Judge`) picks one. From that one
the network's last steps are taken again, and once more after a refinement from coarse to fine, for
starts that are wrong in part; the judge picks again.
"""

from __future__ import annotations

import dataclasses
from typing import Callable, List, Optional, Sequence, Tuple

import numpy as np

from .alternation import AlternationConfig, refine_kernel
from .alternation_latent import best_crop
from .candidates import score_candidates
from .judgement import Judge, Verdict
from .kernels import fit_grid, support_size
from .light import to_linear
from .threads import map_threads

FINISH = AlternationConfig(
    iterations=4,
    scales=1,
    prior=5e-4,
    prior_decay=1.36,
    threshold=0.03,
    speck=0.02,
    mass=0.99,
    margin=1.8,
)


@dataclasses.dataclass(frozen=True)
class SearchConfig:
    """Parameters of the search.

    Attributes
    ----------
    finish : alternations at full size that end every refinement, on a wide grid and with a low
        threshold: the estimate is soft, and faint parts of the path are kept.
    descent : refinement from coarse to fine of the start that was picked.
    small, small_cost : kernels up to so many pixels that were found in the reduced picture count so
        many decibels less: reduced looks are for large shakes, and rough for small ones.
    score_weight : weight of the hand-made score (:mod:`deblurnets.candidates`) against the
        judge's decibels.
    """

    finish: AlternationConfig = FINISH
    descent: AlternationConfig = dataclasses.field(default_factory=AlternationConfig)
    small: int = 21
    small_cost: float = 1.0
    score_weight: float = 0.5


@dataclasses.dataclass(frozen=True)
class Look:
    """A way of looking at a picture.

    Attributes
    ----------
    scale : 1, or less for the picture reduced.
    window : largest side of the part looked at, in pixels of the reduced picture.
    light : "encoded" for the picture's values as they are, or "linear".
    """

    scale: float
    window: int
    light: str


@dataclasses.dataclass(frozen=True)
class Start:
    """A kernel (k, k) to begin with, soft, k odd, at full size, and the look that found it."""

    kernel: np.ndarray
    look: Look


# (picture (H, W), kernel, look) -> kernel on the same grid
Improve = Callable[[np.ndarray, np.ndarray, Look], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Finding:
    """Outcome of `search_kernel`.

    Attributes
    ----------
    kernel : array (k, k), float32
    verdict : Verdict of the judge on it.
    lead : how much higher it is valued than no deblurring.
    """

    kernel: np.ndarray
    verdict: Verdict
    lead: float


def search_kernel(
    image: np.ndarray,
    starts: Sequence[Start],
    improve: Improve,
    judge: Judge,
    grid: int,
    config: SearchConfig,
) -> Finding:
    """Find a picture's blur kernel.

    Parameters
    ----------
    image : array (H, W)
        The blurry picture, grey, gamma-encoded, 0..1.
    starts : at least one
    improve : the network's last steps from a given kernel, in a given look.
    judge : Judge
    grid : int
        Side of the result, odd.
    config : SearchConfig
    """
    part = best_crop(image, config.finish.crop)
    lit = {"encoded": part, "linear": to_linear(part)}

    def alternate(kernel: np.ndarray, light: str, way: AlternationConfig) -> np.ndarray:
        return fit_grid(refine_kernel(lit[light], kernel, way), grid)

    def finish(start: Start) -> np.ndarray:
        return alternate(start.kernel, start.look.light, config.finish)

    kernels = map_threads(finish, starts)
    values, verdicts = _values(part, kernels, judge, config)
    best = int(np.argmax(values[:-1] - _costs(starts, kernels, config)))
    picked = kernels[best]
    # Where a kernel was found is not always where it serves best: the judge's light counts.
    look = dataclasses.replace(starts[best].look, light=verdicts[best].light)

    def second(begin: Callable[[], np.ndarray]) -> np.ndarray:
        return finish(Start(improve(image, begin(), look), look))

    ways = [
        lambda: picked,
        lambda: alternate(starts[best].kernel, look.light, config.descent),
    ]
    kernels = [picked, *map_threads(second, ways)]
    values, verdicts = _values(part, kernels, judge, config, look.light)
    best = int(np.argmax(values[:-1]))
    return Finding(kernels[best], verdicts[best], float(values[best] - values[-1]))


def _costs(
    starts: Sequence[Start], kernels: Sequence[np.ndarray], config: SearchConfig
) -> np.ndarray:
    """Return what the starts' finished kernels count less, in decibels."""
    rough = [
        start.look.scale < 1 and support_size(kernel, 0.95) <= config.small
        for start, kernel in zip(starts, kernels)
    ]
    return config.small_cost * np.array(rough, float)


def _values(
    image: np.ndarray,
    kernels: Sequence[np.ndarray],
    judge: Judge,
    config: SearchConfig,
    light: Optional[str] = None,
) -> Tuple[np.ndarray, List[Verdict]]:
    """Value kernels, and no blur after them: the judge's gain in decibels and the score."""
    no_blur = fit_grid(np.ones((1, 1), np.float32), kernels[0].shape[0])
    kernels = [*kernels, no_blur]
    verdicts = judge(image, kernels, light and [light] * len(kernels))
    gains = np.array([verdict.gain for verdict in verdicts])
    return gains + config.score_weight * score_candidates(image, kernels), verdicts

"""Search for the kernel: many cheap starts, the most promising ones finished, the best one taken.

The alternation ends where its start leads it, and which start leads to the kernel differs from
picture to picture. So it runs from several starts, in pixel values and in linear light, down to a
part of the full size; there a judge of the results (:class:`deblurnets.judgement.Judge`) picks
those that are worth finishing, and picks among these again at full size.
"""

from __future__ import annotations

import dataclasses
from typing import List, Optional, Sequence, Tuple

import numpy as np

from .alternation import (
    AlternationConfig,
    Descent,
    descent_from,
    descent_from_nothing,
    shrink,
)
from .alternation_kernel import resize
from .alternation_latent import best_crop
from .candidates import score_candidates
from .judgement import Judge, Verdict
from .kernels import fit_grid, similarity
from .light import LIGHTS, to_linear
from .threads import map_threads


@dataclasses.dataclass(frozen=True)
class SearchConfig:
    """Parameters of the search.

    Attributes
    ----------
    sizes : kernel grids of the starts from nothing, in pixels.
    screen : part of the full size at which starts are picked.
    smallest : least side of the picture there in pixels; smaller pictures are searched at full
        size.
    finished : number of starts of each kind of light that are finished.
    score_weight : weight of the hand-made score (:mod:`deblurnets.candidates`) against the
        judge's decibels.
    alternation, wide : the two ways of refining a start; the wide one is for starts that miss an
        end of a large kernel.
    finish : last alternations of the chosen kernel alone, at full size, on a wide grid and with
        a lower threshold: faint parts of the path, which would lead astray before, are kept now.
    """

    sizes: Tuple[int, ...] = (65,)
    screen: float = 0.5
    smallest: int = 190
    finished: int = 2
    score_weight: float = 0.5
    alternation: AlternationConfig = dataclasses.field(default_factory=AlternationConfig)
    wide: AlternationConfig = dataclasses.field(
        default_factory=lambda: AlternationConfig(margin=2.0, scales=7)
    )
    finish: AlternationConfig = dataclasses.field(
        default_factory=lambda: AlternationConfig(
            iterations=4,
            scales=1,
            prior=5e-4,
            prior_decay=1.36,
            threshold=0.03,
            speck=0.02,
            mass=0.99,
            margin=1.8,
        )
    )


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
    starts: Sequence[np.ndarray],
    judge: Judge,
    grid: int,
    config: Optional[SearchConfig] = None,
) -> Finding:
    """Find a picture's blur kernel.

    Parameters
    ----------
    image : array (H, W)
        The blurry picture, grey, gamma-encoded, 0..1.
    starts : arrays (k, k)
        Soft estimates of the kernel, the most trusted first, k odd.
    judge : Judge
    grid : int
        Side of the result, odd.
    config : SearchConfig, optional
    """
    config = config or SearchConfig()
    part = best_crop(image, config.alternation.crop)
    screened = min(part.shape) * config.screen >= config.smallest
    descents = _descents(part, starts, config)
    if screened:
        map_threads(lambda descent: descent.run(config.screen), descents)
        small = shrink(part, config.screen)
        kernels = [resize(d.kernel, config.screen / d.factor, d.kernel.shape[0]) for d in descents]
        lights = [light for light in LIGHTS for _ in range(len(descents) // len(LIGHTS))]
        values, _ = _values(small, kernels, judge, config, lights)
        descents = [descents[i] for i in _promising(values, kernels, config.finished)]
    kernels = map_threads(lambda descent: fit_grid(descent.run(), grid), descents)
    no_blur = fit_grid(np.ones((1, 1), np.float32), grid)
    # Where a kernel was found is not always where it serves best: both kinds of light are tried.
    values, verdicts = _values(part, [*kernels, no_blur], judge, config)
    best = _widest_like_best(values[:-1], kernels, [descent.size for descent in descents])
    lit = _in_light(part, verdicts[best].light)
    kernel = fit_grid(descent_from(lit, kernels[best], config.finish).run(), grid)
    return Finding(kernel, verdicts[best], float(values[best] - values[-1]))


def _descents(
    image: np.ndarray, starts: Sequence[np.ndarray], config: SearchConfig
) -> List[Descent]:
    """Prepare all runs of the alternation, equally many in each kind of light."""
    descents = []
    # A shutter adds up light, so most real shakes fit better in linear light; pictures that were
    # edited or blurred by a program fit better as they are.
    for light in LIGHTS:
        lit = _in_light(image, light)
        descents.append(descent_from(lit, starts[0], config.alternation))
        descents.extend(descent_from(lit, start, config.wide) for start in starts)
        descents.extend(
            descent_from_nothing(lit, size, config.alternation) for size in config.sizes
        )
    return descents


def _in_light(image: np.ndarray, light: str) -> np.ndarray:
    """Return the picture in a kind of light: as it is ("encoded"), or linear."""
    return to_linear(image) if light == "linear" else image


def _values(
    image: np.ndarray,
    kernels: Sequence[np.ndarray],
    judge: Judge,
    config: SearchConfig,
    lights: Optional[Sequence[str]] = None,
) -> Tuple[np.ndarray, List[Verdict]]:
    """Value kernels: the judge's gain in decibels and the hand-made score together."""
    verdicts = judge(image, kernels, lights)
    scores = score_candidates(image, kernels)
    gains = np.array([verdict.gain for verdict in verdicts])
    return gains + config.score_weight * scores, verdicts


def _promising(values: np.ndarray, kernels: Sequence[np.ndarray], count: int) -> List[int]:
    """Pick `count` starts of each kind of light: the plain refinement, and the best others.

    At a reduced size the kinds of light are hard to tell apart, so both go on. Equal kernels will
    not end differently, so each must be unlike those before it.
    """
    chosen: List[int] = []
    half = len(kernels) // 2
    for first in (0, half):
        picked = [first]
        for index in first + np.argsort(-values[first : first + half], kind="stable"):
            if len(picked) == count:
                break
            if all(similarity(kernels[index], kernels[i]) < 0.95 for i in picked):
                picked.append(int(index))
        chosen += picked
    return chosen


def _widest_like_best(
    values: np.ndarray, kernels: Sequence[np.ndarray], sizes: Sequence[int]
) -> int:
    """Pick the best kernel, or one nearly equal to it that was found on a wider grid.

    Neither judge nor score tells such kernels apart, but a tight grid cuts faint ends: over 19
    pictures whose two were equal to 0.97, the wider one was better by 0.3 dB on average.
    """
    best = int(np.argmax(values))
    alike = [i for i, k in enumerate(kernels) if similarity(k, kernels[best]) >= 0.97]
    return max([best, *alike], key=lambda i: (sizes[i], i == best))

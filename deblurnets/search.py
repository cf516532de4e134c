"""Search for the kernel: the network's estimates finished by hand-made steps, the best one taken.

The network looks at a picture in several ways (:mod:`deblurnets.pairs.compact`), and which look
finds the kernel differs from picture to picture. Each estimate is finished by a few alternations;
a judge of the results (:class:`deblurnets.judgement.Judge`) picks one. A small picture allows few
looks: there the network's last steps are taken again from that one, and once more after a
refinement from coarse to fine, for starts that are wrong in part, and the judge picks again.
"""

from __future__ import annotations

import dataclasses
from typing import Callable, Sequence, Tuple

import numpy as np

from .alternation import AlternationConfig, refine_kernel
from .alternation_latent import best_crop
from .judgement import Judge, Verdict
from .kernels import fit_grid
from .light import LIGHTS, to_linear
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
FINISH_REDUCED = dataclasses.replace(FINISH, iterations=3, scales=2, prior=2e-3)


@dataclasses.dataclass(frozen=True)
class SearchConfig:
    """Parameters of the search.

    Attributes
    ----------
    finish, finish_reduced : alternations that end every refinement, of looks at full and at reduced
        size, on a wide grid and with a low threshold: the estimate is soft, and faint parts of the
        path are kept. What was seen reduced is rougher, and begins at a coarser scale.
    enough : so many starts need no second round; small pictures have fewer.
    descent : refinement from coarse to fine of the start that was picked, for the second round.
    """

    finish: AlternationConfig = FINISH
    finish_reduced: AlternationConfig = FINISH_REDUCED
    enough: int = 6
    descent: AlternationConfig = dataclasses.field(default_factory=AlternationConfig)


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

    @property
    def gain(self) -> float:
        """Decibels expected: a gain of no deblurring is an error that the others share."""
        return min(self.verdict.gain, self.lead)


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
        way = config.finish if start.look.scale == 1 else config.finish_reduced
        return alternate(start.kernel, start.look.light, way)

    kernels = map_threads(finish, starts)
    no_blur = fit_grid(np.ones((1, 1), np.float32), grid)
    lights = [start.look.light for start in starts]
    *verdicts, untouched = judge(part, [*kernels, no_blur], [*lights, None])
    best, verdict = _best_in_one_light(part, kernels, verdicts, judge)
    kernel = kernels[best]
    if len(starts) < config.enough:
        # Where a kernel was found is not always where it serves best: the judge's light counts.
        look = dataclasses.replace(starts[best].look, light=verdict.light)

        def second(begin: Callable[[], np.ndarray]) -> np.ndarray:
            return finish(Start(improve(image, begin(), look), look))

        ways = [
            lambda: kernels[best],
            lambda: alternate(starts[best].kernel, look.light, config.descent),
        ]
        others = map_threads(second, ways)
        kernels = [kernel, *others]
        verdicts = [verdict, *judge(part, others, [look.light] * len(others))]
        best = _best(verdicts)
        kernel, verdict = kernels[best], verdicts[best]
    return Finding(kernel, verdict, verdict.value - untouched.value)


def _best_in_one_light(
    part: np.ndarray, kernels: Sequence[np.ndarray], verdicts: Sequence[Verdict], judge: Judge
) -> Tuple[int, Verdict]:
    """Return the index of the best kernel and its verdict.

    Each kernel was judged in the light that it was found in; the best two are in the other one too.
    In which light a picture was blurred is the same for all kernels: these two decide it together.
    """
    order = sorted(range(len(kernels)), key=lambda i: verdicts[i].value, reverse=True)
    two = order[:2]
    others = [LIGHTS[1 - LIGHTS.index(verdicts[i].light)] for i in two]
    both = [verdicts[i] for i in two] + judge(part, [kernels[i] for i in two], others)
    light = max(LIGHTS, key=lambda one: sum(v.value for v in both if v.light == one))
    judged = [*zip(two * 2, both), *((i, verdicts[i]) for i in order[2:])]
    return max((pair for pair in judged if pair[1].light == light), key=lambda pair: pair[1].value)


def _best(verdicts: Sequence[Verdict]) -> int:
    return int(np.argmax([verdict.value for verdict in verdicts]))

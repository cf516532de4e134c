"""Search for the kernel: the network's estimates finished by hand-made steps, the best one taken.

The network looks at a picture at several sizes (:mod:`deblurnets.estimation.estimator`), and which look
finds the kernel differs from picture to picture. Each estimate is finished by a few alternations;
a judge of the results (:class:`deblurnets.estimation.quality.Judge`) picks one. In which light a picture was
blurred is the same for all looks.

Most shakes are small: where a quick look at full size, taken in both kinds of light, settles the
matter, it is the only one. Otherwise the coarsest look follows, in both kinds; if it leaves no
doubt, the others are taken in the better one. Where the finest look's grid holds the kernel found,
only that one is taken, and the others where the result is not clearly better than the picture. A
small picture allows few looks: there all are taken in both kinds, the network's last steps are
taken again from the kernel picked, and once more after a refinement from coarse to fine, for starts
that are wrong in part, and the judge picks again.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Callable, List, NamedTuple, Optional, Sequence, Set, Tuple

import numpy as np

from deblurnets.estimation.alternation_latent import best_crop
from deblurnets.estimation.quality import Judge, Verdict
from deblurnets.estimation.refinement import AlternationConfig, refine_kernel
from deblurnets.imaging.psf import fit_grid, support_size
from deblurnets.imaging.srgb import LIGHTS, to_linear
from deblurnets.runtime.threads import call_threads

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
FINISH_QUICK = dataclasses.replace(FINISH, iterations=3)
FINISH_REDUCED = dataclasses.replace(FINISH, iterations=3, scales=2, prior=2e-3)
# Share of a shake by which its size is told before it is finished: a soft estimate has wide tails.
CORE = 0.9


@dataclasses.dataclass(frozen=True)
class SearchConfig:
    """Parameters of the search.

    Attributes
    ----------
    finish, finish_quick, finish_reduced : alternations that end every refinement, of looks at full
        size, of quick ones, and of looks at reduced size; on a wide grid and with a low threshold,
        for the estimate is soft, and faint parts of the path are kept. What was seen reduced is
        rougher, and begins at a coarser scale.
    doubt : dB by which the judge has to prefer one kind of light in the first look.
    clear : dB by which the judge has to prefer the best kernel to no deblurring, for fewer looks.
    small, certain : pixels that hold a shake for which a quick look alone may do, two thirds of its
        grid, and dB as for `clear` that this takes (docs/decisions/024).
    enough : looks at so many sizes need no second round; small pictures allow fewer.
    descent : refinement from coarse to fine of the start that was picked, for the second round.
    """

    finish: AlternationConfig = FINISH
    finish_quick: AlternationConfig = FINISH_QUICK
    finish_reduced: AlternationConfig = FINISH_REDUCED
    doubt: float = 0.75
    clear: float = 1.0
    small: int = 32
    certain: float = 2.0
    enough: int = 3
    descent: AlternationConfig = dataclasses.field(default_factory=AlternationConfig)


@dataclasses.dataclass(frozen=True)
class Look:
    """A way of looking at a picture.

    Attributes
    ----------
    scale : 1, or less for the picture reduced.
    window : largest side of the part looked at, in pixels of the reduced picture.
    light : "encoded" for the picture's values as they are, or "linear".
    quick : whether the network takes fewer steps.
    """

    scale: float
    window: int
    light: str
    quick: bool = False


@dataclasses.dataclass(frozen=True)
class Start:
    """A kernel (k, k) to begin with, soft, k odd, at full size, and the look that found it."""

    kernel: np.ndarray
    look: Look


# (picture (H, W), looks of one size in several kinds of light) -> what the network finds in each
Observe = Callable[[np.ndarray, Sequence[Look]], List[Start]]
# (picture (H, W), kernel, look) -> kernel on the same grid
Improve = Callable[[np.ndarray, np.ndarray, Look], np.ndarray]


class _Candidate(NamedTuple):
    """A start, the kernel that it was finished to, and what the judge says of that."""

    start: Start
    kernel: np.ndarray
    verdict: Verdict


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
    sizes: Sequence[Tuple[float, int]],
    observe: Observe,
    improve: Improve,
    judge: Judge,
    grid: int,
    look_grid: int,
    config: SearchConfig,
    given: Sequence[Start] = (),
) -> Finding:
    """Find a picture's blur kernel.

    Parameters
    ----------
    image : array (H, W)
        The blurry picture, grey, gamma-encoded, 0..1.
    sizes : (scale, window) of the looks to take, one or more, from coarse to fine.
    observe : the network's estimates in given looks.
    improve : the network's last steps from a given kernel, in a given look.
    judge : Judge
    grid : int
        Side of the result, odd.
    look_grid : int
        Side of the grid on which the network finds kernels, in pixels of the reduced picture.
    config : SearchConfig
    given : starts that come from elsewhere.
    """
    search = _Search(image, observe, improve, judge, grid, config, given)
    first, *rest = sizes
    finest = sizes[-1]
    if len(sizes) < config.enough:
        # Small pictures tell the light less surely, and take little time.
        search.take(sizes, LIGHTS)
        search.second_round()
        return search.finding()
    quick = search.quick_looks(finest)
    if search.seem_small(quick) and search.settled_by(search.finish(quick)):
        return search.finding()
    lights = search.likely_lights(search.take([first], LIGHTS))
    seen_whole = support_size(search.best.kernel) * finest[0] <= look_grid
    search.take([finest] if seen_whole else rest, lights)
    if search.finding().lead < config.clear:
        search.take(rest, lights)
    return search.finding()


class _Search:
    """The search of one picture: what has been found so far, and ways to more.

    Parameters as of `search_kernel`.
    """

    def __init__(
        self,
        image: np.ndarray,
        observe: Observe,
        improve: Improve,
        judge: Judge,
        grid: int,
        config: SearchConfig,
        given: Sequence[Start],
    ) -> None:
        self.image, self.observe, self.improve = image, observe, improve
        self.judge, self.grid, self.config = judge, grid, config
        self.part = best_crop(image, config.finish.crop)
        self.lit = {"encoded": self.part, "linear": to_linear(self.part)}
        self.waiting = list(given)
        self.taken: Set[Look] = set()
        self.tried: List[_Candidate] = []
        self.untouched: Optional[_Candidate] = None

    def quick_looks(self, size: Tuple[float, int]) -> List[Start]:
        """Take a quick look in each kind of light, and judge no blur beside it."""
        looks = [Look(*size, light, quick=True) for light in LIGHTS]
        look = functools.partial(self.observe, self.image, looks)
        starts, self.untouched = call_threads([look, self._no_blur])
        return starts

    def take(self, sizes: Sequence[Tuple[float, int]], lights: Sequence[str]) -> List[_Candidate]:
        """Take looks, each once, and finish what they find."""
        starts: List[Start] = []
        for size in sizes:
            looks = [Look(*size, light) for light in lights]
            looks = [look for look in looks if look not in self.taken]
            self.taken.update(looks)
            starts += self.observe(self.image, looks) if looks else []
        return self.finish(starts)

    def finish(self, starts: Sequence[Start]) -> List[_Candidate]:
        """Have starts, and those given, finished and judged; the first time no blur as well."""
        tasks = [functools.partial(self._finished, s) for s in [*starts, *self.waiting]]
        self.waiting = []
        if self.untouched is None:
            *found, self.untouched = call_threads([*tasks, self._no_blur])
        else:
            found = call_threads(tasks)
        self.tried += found
        return found[: len(starts)]

    def second_round(self) -> None:
        """Let the network improve the best kernel, as it is and after a wider refinement."""
        start, look = self.best.start, self.best.start.look
        kernel = self.best.kernel

        def again(kernel: np.ndarray) -> _Candidate:
            return self._finished(Start(self.improve(self.image, kernel, look), look))

        def from_coarse_to_fine() -> _Candidate:
            return again(refine_kernel(self.lit[look.light], start.kernel, self.config.descent))

        self.tried += call_threads([lambda: again(kernel), from_coarse_to_fine])

    @property
    def best(self) -> _Candidate:
        """The candidate that the judge prefers."""
        return max(self.tried, key=lambda candidate: candidate.verdict.value)

    def finding(self) -> Finding:
        """Return the best candidate, and how much better than no deblurring it is."""
        lead = self.best.verdict.value - self.untouched.verdict.value
        return Finding(self.best.kernel, self.best.verdict, lead)

    def seem_small(self, quick: Sequence[Start]) -> bool:
        """Tell whether quick looks take the shake for a small one."""
        # By linear light, in which cameras record.
        kernel = next(start.kernel for start in quick if start.look.light == "linear")
        return support_size(kernel, CORE) <= self.config.small

    def settled_by(self, found: Sequence[_Candidate]) -> bool:
        """Tell whether one look, taken in both kinds of light, is enough."""
        return (
            len(self.likely_lights(found)) == 1
            and support_size(self.best.kernel) <= self.config.small
            and self.finding().lead >= self.config.certain
        )

    def likely_lights(self, found: Sequence[_Candidate]) -> Sequence[str]:
        """Return the kind of light of the better of two candidates, or both where in doubt."""
        first, second = sorted(found, key=lambda c: c.verdict.value, reverse=True)
        doubt = first.verdict.value - second.verdict.value < self.config.doubt
        return LIGHTS if doubt else (first.start.look.light,)

    def _finished(self, start: Start) -> _Candidate:
        """Finish a start and have it judged, in the light that it was found in."""
        kernel = finished(self.lit[start.look.light], start, self.grid, self.config)
        return self._judged(start, kernel)

    def _no_blur(self) -> _Candidate:
        """Have it judged that nothing is done."""
        kernel = fit_grid(np.ones((1, 1), np.float32), self.grid)
        return self._judged(Start(kernel, Look(1, 0, LIGHTS[0])), kernel)

    def _judged(self, start: Start, kernel: np.ndarray) -> _Candidate:
        (verdict,) = self.judge(self.part, [kernel], [start.look.light])
        return _Candidate(start, kernel, verdict)


def finished(part: np.ndarray, start: Start, grid: int, config: SearchConfig) -> np.ndarray:
    """Return a start's kernel (grid, grid) after the alternations that end every refinement.

    `part` is the grey picture (H, W), or its part to look at, in the light of the start.
    """
    if start.look.scale < 1:
        way = config.finish_reduced
    else:
        way = config.finish_quick if start.look.quick else config.finish
    return fit_grid(refine_kernel(part, start.kernel, way), grid)

"""Search for the kernel: the network's initial estimates, refined by hand-made steps, the best one.

The network views a picture at several scales (`estimator`); which view finds the kernel differs
from picture to picture. Each initial estimate is refined by a few alternations (`refinement`), and
the kernel with the best predicted quality (`quality`) is taken. The domain in which a picture was
blurred, gamma or linear, is the same for all views.

Most shakes are small: where a quick view at full size, taken in both domains, settles the matter,
it is the only one. Otherwise the coarsest view follows, in both domains; if one domain is clearly
better there, the other views are taken in that one. Where the finest view's grid holds the kernel
found, only that view is taken, and the others where the result is not clearly better than the
picture. A small picture allows few views: all are taken in both domains, and two more estimates
are tried: the network's last steps from the best kernel, and the same after a refinement from
coarse to fine, for initial estimates that are wrong in part.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Callable, List, NamedTuple, Optional, Sequence, Set, Tuple

import numpy as np

from deblurnets.estimation.edge_prediction import best_crop
from deblurnets.estimation.quality import Quality, QualityModel
from deblurnets.estimation.refinement import RefinementConfig, refine_kernel
from deblurnets.imaging.psf import fit_grid, support_size
from deblurnets.imaging.srgb import DOMAINS, to_linear
from deblurnets.runtime.threads import call_threads

REFINE = RefinementConfig(
    iterations=4,
    scales=1,
    prior=5e-4,
    prior_decay=1.36,
    threshold=0.03,
    speck=0.02,
    mass=0.99,
    margin=1.8,
)
REFINE_QUICK = dataclasses.replace(REFINE, iterations=3)
REFINE_REDUCED = dataclasses.replace(REFINE, iterations=3, scales=2, prior=2e-3)
# Share of its mass that tells the size of a kernel not yet refined: a soft estimate has wide tails.
CORE = 0.9


@dataclasses.dataclass(frozen=True)
class SearchConfig:
    """Parameters of the search.

    Attributes
    ----------
    refine, refine_quick, refine_reduced : refinements of initial estimates from views at full
        size, from quick ones, and from views of the reduced picture; on a wide grid and with a low
        threshold, for the estimate is soft, and faint parts of the path are kept. What was seen
        reduced is rougher, and begins at a coarser scale.
    domain_margin : score, dB, by which one domain has to lead in the first view to be the only one.
    clear : score, dB, by which the best kernel has to lead no deblurring, for fewer views.
    small, certain : largest support, pixels, of a kernel for which a quick view alone may do (two
        thirds of its grid), and the lead, dB, that this takes.
    enough : with views at so many scales there is no second round; small pictures allow fewer.
    descent : refinement from coarse to fine of the best initial estimate, for the second round.
    """

    refine: RefinementConfig = REFINE
    refine_quick: RefinementConfig = REFINE_QUICK
    refine_reduced: RefinementConfig = REFINE_REDUCED
    domain_margin: float = 0.75
    clear: float = 1.0
    small: int = 32
    certain: float = 2.0
    enough: int = 3
    descent: RefinementConfig = dataclasses.field(default_factory=RefinementConfig)


@dataclasses.dataclass(frozen=True)
class View:
    """A pyramid level of a picture as the network sees it.

    Attributes
    ----------
    scale : 1, or less for the picture reduced.
    window : largest side of the part seen, in pixels of the reduced picture.
    domain : "gamma" for the picture's values as they are, or "linear".
    quick : whether the network takes fewer steps.
    """

    scale: float
    window: int
    domain: str
    quick: bool = False


@dataclasses.dataclass(frozen=True)
class InitialEstimate:
    """A kernel (k, k) to begin with, soft, k odd, at full size, and the view that found it."""

    kernel: np.ndarray
    view: View


# (picture (H, W), views of one scale in several domains) -> what the network finds in each
Observe = Callable[[np.ndarray, Sequence[View]], List[InitialEstimate]]
# (picture (H, W), kernel, view) -> kernel on the same grid
Improve = Callable[[np.ndarray, np.ndarray, View], np.ndarray]


class _Candidate(NamedTuple):
    """An initial estimate, the kernel that it was refined to, and the quality predicted of that."""

    initial: InitialEstimate
    kernel: np.ndarray
    quality: Quality


@dataclasses.dataclass(frozen=True)
class SearchResult:
    """Outcome of `search_kernel`.

    Attributes
    ----------
    kernel : array (k, k), float32
    quality : Quality predicted of it.
    lead : how much higher its score is than that of no deblurring, dB.
    """

    kernel: np.ndarray
    quality: Quality
    lead: float

    @property
    def gain(self) -> float:
        """Expected gain, dB: one predicted of no deblurring is an error that the others share."""
        return min(self.quality.gain, self.lead)


def search_kernel(
    image: np.ndarray,
    sizes: Sequence[Tuple[float, int]],
    observe: Observe,
    improve: Improve,
    quality_model: QualityModel,
    grid: int,
    view_grid: int,
    config: SearchConfig,
) -> SearchResult:
    """Find a picture's blur kernel.

    Parameters
    ----------
    image : array (H, W)
        The blurry picture, grey, gamma-encoded, 0..1.
    sizes : (scale, window) of the views to take, one or more, from coarse to fine.
    observe : the network's estimates in given views.
    improve : the network's last steps from a given kernel, in a given view.
    quality_model : QualityModel
    grid : int
        Side of the result, odd.
    view_grid : int
        Side of the grid on which the network finds kernels, in pixels of the reduced picture.
    config : SearchConfig
    """
    search = _Search(image, observe, improve, quality_model, grid, config)
    first, *rest = sizes
    finest = sizes[-1]
    if len(sizes) < config.enough:
        # Small pictures tell the domain less surely, and take little time.
        search.take(sizes, DOMAINS)
        search.second_round()
        return search.result()
    quick = search.quick_views(finest)
    if search.seem_small(quick) and search.settled_by(search.refine(quick)):
        return search.result()
    domains = search.likely_domains(search.take([first], DOMAINS))
    seen_whole = support_size(search.best.kernel) * finest[0] <= view_grid
    search.take([finest] if seen_whole else rest, domains)
    if search.result().lead < config.clear:
        search.take(rest, domains)
    return search.result()


class _Search:
    """The search of one picture: what has been tried so far, and ways to more.

    Parameters as of `search_kernel`.
    """

    def __init__(
        self,
        image: np.ndarray,
        observe: Observe,
        improve: Improve,
        quality_model: QualityModel,
        grid: int,
        config: SearchConfig,
    ) -> None:
        self.image, self.observe, self.improve = image, observe, improve
        self.quality_model, self.grid, self.config = quality_model, grid, config
        window = best_crop(image, config.refine.crop)
        self.windows = {"gamma": window, "linear": to_linear(window)}
        self.taken: Set[View] = set()
        self.tried: List[_Candidate] = []
        self.no_blur: Optional[_Candidate] = None

    def quick_views(self, size: Tuple[float, int]) -> List[InitialEstimate]:
        """Take a quick view in each domain; the quality of no deblurring is predicted beside it."""
        views = [View(*size, domain, quick=True) for domain in DOMAINS]
        observe = functools.partial(self.observe, self.image, views)
        estimates, self.no_blur = call_threads([observe, self._without_blur])
        return estimates

    def take(self, sizes: Sequence[Tuple[float, int]], domains: Sequence[str]) -> List[_Candidate]:
        """Take views, each once, and refine what is seen in them."""
        estimates: List[InitialEstimate] = []
        for size in sizes:
            views = [View(*size, domain) for domain in domains]
            views = [view for view in views if view not in self.taken]
            self.taken.update(views)
            estimates += self.observe(self.image, views) if views else []
        return self.refine(estimates)

    def refine(self, estimates: Sequence[InitialEstimate]) -> List[_Candidate]:
        """Refine initial estimates and predict the quality of each."""
        tasks = [functools.partial(self._refined, e) for e in estimates]
        if self.no_blur is None:
            *found, self.no_blur = call_threads([*tasks, self._without_blur])
        else:
            found = call_threads(tasks)
        self.tried += found
        return found

    def second_round(self) -> None:
        """Let the network improve the best kernel, as it is and after a wider refinement."""
        initial, kernel = self.best.initial, self.best.kernel
        view = initial.view

        def again(kernel: np.ndarray) -> _Candidate:
            return self._refined(InitialEstimate(self.improve(self.image, kernel, view), view))

        def from_coarse_to_fine() -> _Candidate:
            window = self.windows[view.domain]
            return again(refine_kernel(window, initial.kernel, self.config.descent))

        self.tried += call_threads([lambda: again(kernel), from_coarse_to_fine])

    @property
    def best(self) -> _Candidate:
        """The candidate with the highest score."""
        return max(self.tried, key=lambda candidate: candidate.quality.score)

    def result(self) -> SearchResult:
        """Return the best candidate, and how much better than no deblurring it is."""
        lead = self.best.quality.score - self.no_blur.quality.score
        return SearchResult(self.best.kernel, self.best.quality, lead)

    def seem_small(self, quick: Sequence[InitialEstimate]) -> bool:
        """Tell whether the kernels of quick views are small."""
        # By the linear domain, in which cameras record.
        kernel = next(e.kernel for e in quick if e.view.domain == "linear")
        return support_size(kernel, CORE) <= self.config.small

    def settled_by(self, found: Sequence[_Candidate]) -> bool:
        """Tell whether one view, taken in both domains, is enough."""
        return (
            len(self.likely_domains(found)) == 1
            and support_size(self.best.kernel) <= self.config.small
            and self.result().lead >= self.config.certain
        )

    def likely_domains(self, found: Sequence[_Candidate]) -> Sequence[str]:
        """Return the domain of the better of two candidates, or both where neither leads."""
        first, second = sorted(found, key=lambda c: c.quality.score, reverse=True)
        clear = first.quality.score - second.quality.score >= self.config.domain_margin
        return (first.initial.view.domain,) if clear else DOMAINS

    def _refined(self, initial: InitialEstimate) -> _Candidate:
        """Refine an initial estimate in its domain and predict its quality."""
        window = self.windows[initial.view.domain]
        return self._assessed(initial, refined(window, initial, self.grid, self.config))

    def _without_blur(self) -> _Candidate:
        """Predict the quality of the picture as it is."""
        kernel = fit_grid(np.ones((1, 1), np.float32), self.grid)
        return self._assessed(InitialEstimate(kernel, View(1, 0, DOMAINS[0])), kernel)

    def _assessed(self, initial: InitialEstimate, kernel: np.ndarray) -> _Candidate:
        quality = self.quality_model(self.windows["gamma"], kernel, initial.view.domain)
        return _Candidate(initial, kernel, quality)


def refined(
    window: np.ndarray, initial: InitialEstimate, grid: int, config: SearchConfig
) -> np.ndarray:
    """Return an initial estimate's kernel (grid, grid) after the refinement that suits its view.

    `window` is the grey picture (H, W), or the window of it to work on, in the view's domain.
    """
    if initial.view.scale < 1:
        way = config.refine_reduced
    else:
        way = config.refine_quick if initial.view.quick else config.refine
    return fit_grid(refine_kernel(window, initial.kernel, way), grid)

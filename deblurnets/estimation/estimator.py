"""The compact pair's analysis half: the kernel of a picture and what it is worth, in NumPy."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, List, Optional, Sequence, Tuple

import numpy as np

from deblurnets.backend import compile_layers, ops
from deblurnets.estimation.edge_prediction import best_crop
from deblurnets.estimation.estimate import Estimate
from deblurnets.estimation.observation import sharp_share, steepness
from deblurnets.estimation.quality import QualityModel
from deblurnets.estimation.search import (
    CORE,
    InitialEstimate,
    SearchConfig,
    SearchResult,
    View,
    search_kernel,
)
from deblurnets.imaging.boundaries import pad_to
from deblurnets.imaging.noise import estimate_noise
from deblurnets.imaging.psf import fit_grid, prune, support_size
from deblurnets.imaging.resample import resize_kernel, shrink
from deblurnets.imaging.srgb import GREY, to_linear

# Few sizes of maps keep memory flat in a folder of many sizes of small pictures.
SIDES = 64
# Scales at which the size of a shake is looked for, at most.
MOST_SCALES = 4


@dataclasses.dataclass(frozen=True)
class EstimateConfig:
    """How a picture's kernel is estimated around the network.

    Attributes
    ----------
    steep : least `steepness` of a picture that can show a blur.
    whole, coarsest : a picture of at most `whole` pixels on the shorter side is searched as it is.
        The size of the shake in a larger one is told at reduced scales first, from the one at which
        the shorter side has `coarsest` pixels.
    visible : support in pixels, least and largest, of a shake that a view shows well; the picture
        is reduced until its coarsest view does.
    views : (scale, window) of the network's views of the picture, the coarsest first: the factor of
        reduction, which makes large shakes easier to see, and the largest side of the window in
        pixels of the reduced picture. Which are taken depends on the picture (`search_kernel`).
    least_side : a reduced view needs a reduced picture of so many pixels on the shorter side.
    prune : values below this share of the maximum are softmax tails, not kernel.
    grid : side of the kernels returned, odd; refinement can grow them past the network's grid.
    sharp : (mass, lead): a picture counts as sharp if the kernel found has this share within 3x3
        pixels, or more, and leads no deblurring by at most so many dB; the first line whose mass is
        reached counts. 20 training photographs as they are were all sharp by it, and of
        20 with shakes of 4 to 8 pixels four (`tools/measure_leads.py`).
    sharp_edges : share of the picture's edges that are sharp, from which on a picture in which no
        blur was found is called sharp: all sharp halves of `levin` and `shake40` have 0.04 or more,
        nine in ten of the blurry ones less (`tools/measure_sharpness.py`).
    small : under so many pixels on the shorter side there is too little to judge a result by:
        confidence is at most 1/2, and nothing is done.
    noisy : noise over the picture's own deviation from which on nothing of a blur is left to see: a
        print's screen, a dither, the dark.
    unsure_gain, unsure_slope : the predicted gain in dB at which confidence is 1/2, and the dB
        that take it to 0.73 (a logistic curve, fitted on 800 results kept from training: the
        network predicts low).
    quick_steps : steps of the network at each coarser scale and at the finest one in a quick view,
        one less of each than it learned with.
    search : SearchConfig
    """

    steep: float = 0.012
    whole: int = 1000
    coarsest: int = 340
    visible: Tuple[int, int] = (13, 31)
    views: Tuple[Tuple[float, int], ...] = ((0.5, 320), (0.7, 384), (1.0, 384))
    least_side: int = 170
    prune: float = 0.03
    grid: int = 97
    sharp: Tuple[Tuple[float, float], ...] = (
        (0.75, math.inf),
        (0.55, 1.5),
        (0.4, 0.0),
        (0.0, -3.0),
    )
    sharp_edges: float = 0.04
    small: int = 160
    noisy: float = 0.3
    unsure_gain: float = -0.6
    unsure_slope: float = 1.0
    quick_steps: Tuple[int, int] = (2, 1)
    search: SearchConfig = dataclasses.field(default_factory=SearchConfig)


class CompactAnalysis:
    """Estimates blur kernels: initial estimates by the unrolled network, and a search from there.

    Parameters
    ----------
    network : deblurnets.networks.analysis.AnalysisNetwork
    quality_model : deblurnets.estimation.quality.QualityModel
    config : EstimateConfig, optional
    """

    def __init__(
        self, network: Any, quality_model: QualityModel, config: Optional[EstimateConfig] = None
    ) -> None:
        self.network = network
        self.quality_model = quality_model
        self.config = config or EstimateConfig()
        for step in network.scales:
            step.sides = SIDES
        # Pictures, kernels, windows: all sizes open.
        compile_layers(network.scales, [(None, 1, None, None), (None,) * 3, (None,) * 2])

    def estimate(self, image: np.ndarray) -> Estimate:
        """Estimate the kernel (k, k) of a picture (H, W, 3) in 0..1, and what it is worth."""
        grey = np.ascontiguousarray(image @ GREY)
        hidden = self._hidden_by(grey)
        if hidden:
            point = fit_grid(np.ones((1, 1), np.float32), self.config.grid)
            return Estimate(point, confidence=0.0, strength=0.0, verdict=hidden)
        scale = self._working_scale(grey)
        found = self._search(shrink(grey, scale))
        if scale < 1 and support_size(found.kernel) < self.config.visible[0]:
            # The reduced view was wrong: what it saw is not there.
            scale, found = 1.0, self._search(grey)
        kernel = fit_grid(found.kernel, self.config.grid)
        if scale < 1:
            kernel = resize_kernel(kernel, 1 / scale, 2 * math.ceil(len(kernel) / scale / 2) + 1)
        return self._estimate_of(found, kernel, grey)

    def _estimate_of(self, found: SearchResult, kernel: np.ndarray, grey: np.ndarray) -> Estimate:
        """Tell what a kernel found is worth."""
        config = self.config
        odds, verdict = (found.gain - config.unsure_gain) / config.unsure_slope, "blurred"
        if self._is_point(found):
            verdict = "sharp" if sharp_share(grey) >= config.sharp_edges else "unexplained"
        elif min(grey.shape) < config.small:
            odds, verdict = min(odds, 0.0), "small"
        return Estimate(
            kernel,
            found.quality.domain,
            confidence=float(1 / (1 + np.exp(-odds))),
            # Where it is as likely to lose as to gain nothing is done, a decibel above it all.
            strength=float(np.clip(odds, 0, 1)) if verdict == "blurred" else 0.0,
            verdict=verdict,
        )

    def _hidden_by(self, grey: np.ndarray) -> Optional[str]:
        """Tell why nothing in a picture (H, W) could show a blur: a verdict, or None."""
        config, side = self.config, min(grey.shape)
        # A long shake of a large picture leaves gentle slopes: looked at as its coarsest view is.
        seen = grey if side <= config.whole else shrink(grey, config.coarsest / side)
        if steepness(seen) < config.steep:
            return "no_edges"
        return "noise" if estimate_noise(grey) > config.noisy * grey.std() else None

    def _working_scale(self, grey: np.ndarray) -> float:
        """Tell by how much to reduce a picture so that the search sees its shake: 1 for not at all.

        Views in the linear domain, from coarse to fine, until one shows the shake in a good size.
        """
        config, side = self.config, min(grey.shape)
        if side <= config.whole:
            return 1.0
        least, largest = config.visible
        coarsest, window = config.views[0]
        scale = config.coarsest / side
        for _ in range(MOST_SCALES):
            view = View(scale, window, "linear")
            kernel = self._kernels_of(self._seen(grey, view), quick=False)[0]
            size = support_size(prune(kernel, config.prune), CORE)
            if least <= size <= largest or scale == 1:
                break
            # Towards the middle of what is visible, by three times at most.
            scale = min(1.0, scale * float(np.clip(0.6 * largest / size, 0.5, 3)))
        return min(1.0, scale / coarsest)

    def _search(self, grey: np.ndarray) -> SearchResult:
        config = self.config
        sizes = [
            (scale, window)
            for scale, window in config.views
            if scale == 1 or min(grey.shape) * scale >= config.least_side
        ]
        ways = self.observe, self._improved, self.quality_model
        grids = self._grid(grey), self.network.config.grid
        return search_kernel(grey, sizes, *ways, *grids, config.search)

    def _grid(self, grey: np.ndarray) -> int:
        """Side of the largest kernel that a picture (H, W) can tell of, odd."""
        return min(self.config.grid, max(3, min(grey.shape) // 4 // 2 * 2 + 1))

    def _is_point(self, found: SearchResult) -> bool:
        """Tell whether the kernel found is no blur worth undoing."""
        kernel = found.kernel
        middle = kernel.shape[0] // 2
        mass = float(kernel[middle - 1 : middle + 2, middle - 1 : middle + 2].sum())
        return found.lead <= next(lead for least, lead in self.config.sharp if mass >= least)

    def observe(self, grey: np.ndarray, views: Sequence[View]) -> List[InitialEstimate]:
        """Estimate the kernel of a grey picture (H, W) in views that differ in domain only."""
        seen = np.concatenate([self._seen(grey, view) for view in views])
        kernels = self._kernels_of(seen, views[0].quick)
        grid = self._grid(grey)
        return [InitialEstimate(self._at_full_size(k, v, grid), v) for k, v in zip(kernels, views)]

    def _kernels_of(self, seen: np.ndarray, quick: bool) -> np.ndarray:
        """Return the network's kernels (n, k, k) of what it sees, (n, h, w, 1)."""
        steps = None
        if quick:
            coarser, finest = self.config.quick_steps
            steps = [coarser] * (len(self.network.scales) - 1) + [finest]
        return ops.convert_to_numpy(self.network(seen, steps=steps)[-1]["kernel"])

    def _improved(self, grey: np.ndarray, kernel: np.ndarray, view: View) -> np.ndarray:
        """Let the network's last steps improve a kernel (k, k) at full size."""
        if view.scale != 1:
            kernel = resize_kernel(kernel, view.scale, kernel.shape[0])
        kernel = ops.convert_to_tensor(fit_grid(kernel, self.network.config.grid)[None])
        kernel = self.network.improve(self._seen(grey, view), kernel)
        return self._at_full_size(ops.convert_to_numpy(kernel)[0], view, self._grid(grey))

    def _seen(self, grey: np.ndarray, view: View) -> np.ndarray:
        """Return what the network sees in a view, (1, h, w, 1)."""
        part = best_crop(grey, round(view.window / view.scale))
        part = to_linear(part) if view.domain == "linear" else part
        return self._input(shrink(part, view.scale), view.window)

    def _at_full_size(self, kernel: np.ndarray, view: View, grid: int) -> np.ndarray:
        """Turn the network's kernel of a view into one of the picture."""
        kernel = prune(kernel, self.config.prune)
        if view.scale != 1:
            kernel = resize_kernel(kernel, 1 / view.scale, grid)
        return fit_grid(kernel, grid)

    def _input(self, grey: np.ndarray, window: int) -> np.ndarray:
        """Bring a window to sides that the network takes."""
        divisor = self.network.config.divisor
        least = -(-2 * self.network.config.grid // divisor) * divisor
        grey, _ = pad_to(grey, least, least)
        # A few mirrored pixels do less harm than a stripe of the picture lost.
        sides = [min(n + divisor // 4, max(window, least)) // divisor * divisor for n in grey.shape]
        grey, _ = pad_to(grey, *sides)
        top, left = ((n - side) // 2 for n, side in zip(grey.shape, sides))
        return np.ascontiguousarray(grey[top : top + sides[0], left : left + sides[1]])[
            None, :, :, None
        ]

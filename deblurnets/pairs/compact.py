"""The compact pair's analysis half: NumPy in, NumPy out."""

from __future__ import annotations

import dataclasses
from typing import Any, List, Optional, Sequence

import numpy as np

from deblurnets.alternation import shrink
from deblurnets.alternation_kernel import resize
from deblurnets.alternation_latent import best_crop
from deblurnets.backend import compile_layer, ops
from deblurnets.borders import pad_to
from deblurnets.estimate import Estimate
from deblurnets.judgement import Judge
from deblurnets.kernels import fit_grid, prune
from deblurnets.light import GREY
from deblurnets.local import RegionEstimate
from deblurnets.search import Finding, SearchConfig, search_kernel
from deblurnets.threads import map_threads


@dataclasses.dataclass(frozen=True)
class EstimateConfig:
    """How a picture's kernel is estimated around the network.

    Attributes
    ----------
    window : largest side of the part of the picture that the network looks at, in pixels.
    prune : values below this share of the maximum are softmax tails, not kernel.
    grid : side of the kernels returned, odd; refinement can grow them past the network's grid.
    second_look : the network also looks at the picture reduced by this factor, where large
        shakes are easier to see, if it has `second_side` pixels.
    sharp_mass, likely_sharp_mass : share of the kernel within 3x3 pixels from which a picture
        counts as sharp, for certain, or if deblurring it promises less than `worthwhile` dB or no
        more than no deblurring; `worthwhile` is what the judge's guesses are off by on average.
    no_blur_margin : any other picture counts as sharp if no deblurring is valued so much higher.
    unsure_gain, unsure_slope : the predicted gain in dB at which confidence is 1/2, and the dB
        that take it to 0.73 (a logistic curve, fitted on 1,800 results kept from training).
    search : SearchConfig
    """

    window: int = 512
    prune: float = 0.04
    grid: int = 85
    second_look: float = 0.5
    second_side: int = 380
    sharp_mass: float = 0.75
    likely_sharp_mass: float = 0.55
    worthwhile: float = 1.6
    no_blur_margin: float = 3.0
    unsure_gain: float = 0.3
    unsure_slope: float = 1.25
    search: SearchConfig = dataclasses.field(default_factory=SearchConfig)


class CompactAnalysis:
    """Estimates blur kernels: the unrolled network's starts, and a judged search from there.

    Parameters
    ----------
    network : deblurnets.networks.analysis.AnalysisNetwork
    judge : deblurnets.judgement.Judge
    config : EstimateConfig, optional
    """

    def __init__(self, network: Any, judge: Judge, config: Optional[EstimateConfig] = None) -> None:
        self.network = network
        self.judge = judge
        self.config = config or EstimateConfig()
        compile_layer(network.step.predictor, [(None, None, None, network.config.channels)])

    def estimate(self, image: np.ndarray) -> Estimate:
        """Estimate the kernel (k, k) of a picture (H, W, 3) in 0..1, and what it is worth."""
        grey = np.ascontiguousarray(image @ GREY)
        finding = self._search(grey, self.starts(grey))
        return self._estimate_of(finding, finding.verdict.gain)

    def estimate_region(self, image: np.ndarray, given: Estimate) -> RegionEstimate:
        """Estimate the kernel of a region (H, W, 3) in 0..1, and compare it with a given one.

        The given estimate, of the whole picture, is one of the search's starts.
        """
        grey = np.ascontiguousarray(image @ GREY)
        finding = self._search(grey, [*self.starts(grey), given.kernel])
        # Judged again: the last alternations, after the search's own verdict, changed the kernel.
        own, theirs = self.judge(grey, [finding.kernel, given.kernel])
        expected = theirs.gain if given.strength > 0 else 0.0
        return RegionEstimate(self._estimate_of(finding, own.gain), own.gain - expected)

    def judge_results(self, image: np.ndarray, results: Sequence[np.ndarray]) -> np.ndarray:
        """Return the decibels that results are expected to be better than a picture.

        Parameters
        ----------
        image, results : arrays (H, W, 3), 0..1.
        """
        return self.judge.judge_results(image @ GREY, [result @ GREY for result in results])

    def _search(self, grey: np.ndarray, starts: List[np.ndarray]) -> Finding:
        return search_kernel(grey, starts, self.judge, self.config.grid, self.config.search)

    def _estimate_of(self, finding: Finding, gain: float) -> Estimate:
        """Tell what a kernel found is worth, given the decibels that it is expected to gain."""
        config = self.config
        sharp = self._is_sharp(finding)
        odds = (gain - config.unsure_gain) / config.unsure_slope
        return Estimate(
            finding.kernel,
            finding.verdict.light,
            confidence=float(1 / (1 + np.exp(-odds))),
            # Guesses under 1 dB are worth little, under 0 nothing (decision 003).
            strength=0.0 if sharp else float(np.clip(gain, 0, 1)),
            blurred=not sharp,
        )

    def _is_sharp(self, finding: Finding) -> bool:
        """Tell whether the kernel found is no blur worth undoing."""
        config, kernel = self.config, finding.kernel
        middle = config.grid // 2
        mass = float(kernel[middle - 1 : middle + 2, middle - 1 : middle + 2].sum())
        likely = mass >= config.likely_sharp_mass
        if mass >= config.sharp_mass or (likely and finding.verdict.gain < config.worthwhile):
            return True
        return finding.lead <= (0 if likely else -config.no_blur_margin)

    def starts(self, grey: np.ndarray) -> List[np.ndarray]:
        """Return the network's own estimates for a grey picture (H, W) in 0..1."""
        config = self.config
        parts = [best_crop(grey, config.window)]
        if min(grey.shape) >= config.second_side:
            part = best_crop(grey, round(config.window / config.second_look))
            parts.append(shrink(part, config.second_look))
        starts = map_threads(self.start, parts)
        for index, reduced in enumerate(starts[1:], start=1):
            enlarged = resize(reduced, 1 / config.second_look, config.grid)
            starts[index] = fit_grid(enlarged, config.grid)
        return starts

    def start(self, grey: np.ndarray) -> np.ndarray:
        """Return the network's own estimate for a grey picture (H, W) in 0..1."""
        kernel = ops.convert_to_numpy(self.network(self._input(grey))[-1]["kernel"])[0]
        return fit_grid(prune(kernel, self.config.prune), self.config.grid)

    def _input(self, grey: np.ndarray) -> np.ndarray:
        """Cut the part to look at, its sides multiples of what the network needs."""
        divisor = self.network.config.divisor
        least = 2 * self.network.config.grid
        least = -(-least // divisor) * divisor
        grey, _ = pad_to(grey, least, least)
        height, width = (min(n, self.config.window) // divisor * divisor for n in grey.shape)
        top, left = (grey.shape[0] - height) // 2, (grey.shape[1] - width) // 2
        return np.ascontiguousarray(grey[top : top + height, left : left + width])[None, :, :, None]

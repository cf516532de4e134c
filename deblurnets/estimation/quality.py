"""Judgement of kernels by their results: NumPy in, NumPy out."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any, List, Optional, Sequence, Tuple

import numpy as np

from deblurnets.backend import ops
from deblurnets.deconvolution.hyper_laplacian import HyperLaplacian, hyper_laplacian, light_cost
from deblurnets.deconvolution.residual import inner_error
from deblurnets.estimation.alternation_latent import best_crop
from deblurnets.imaging.boundaries import pad_to
from deblurnets.imaging.noise import estimate_noise
from deblurnets.imaging.psf import fit_grid, support_size
from deblurnets.imaging.srgb import LIGHTS
from deblurnets.runtime.threads import map_threads

# Results near the picture's border are worse than elsewhere; the judge learned without them.
BORDER = 32
# So the surroundings need no estimate (docs/decisions/018). The iterations it learned with.
DECONVOLUTION = HyperLaplacian(fill=0, iterations=7)
# Few sizes of maps keep memory flat in a folder of many sizes of small pictures (decision 008).
SIDES = 128
# Decibels per e-fold of the cost; on 70 samples kept from training the best of 0, 0.25, 0.5, 1, 2.
COST_WEIGHT = 0.5


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What the judge says of a kernel.

    Attributes
    ----------
    gain : predicted gain of the deblurred picture over the blurry one, decibels of PSNR.
    light : "encoded" or "linear", in which the picture is better deconvolved.
    cost : of the deconvolution (:func:`deblurnets.deconvolution.hyper_laplacian.light_cost`).
    """

    gain: float
    light: str
    cost: float = 1.0

    @property
    def value(self) -> float:
        """What choices are made by, only differences count: a result must fit the picture too."""
        return self.gain - COST_WEIGHT * math.log(max(self.cost, 1e-6))


class Judge:
    """Predicts how much better a picture gets with a kernel.

    Parameters
    ----------
    network : deblurnets.networks.quality.JudgeNetwork, or what is called as it is
    crop : largest side of the part of the picture that is looked at, in pixels.
    """

    def __init__(self, network: Any, crop: int = 384) -> None:
        self.network = network
        self.crop = crop

    def __call__(
        self,
        image: np.ndarray,
        kernels: Sequence[np.ndarray],
        lights: Optional[Sequence[Optional[str]]] = None,
    ) -> List[Verdict]:
        """Judge kernels of a picture.

        Parameters
        ----------
        image : array (H, W), grey, gamma-encoded, 0..1.
        kernels : arrays (k, k), k odd, summing to 1.
        lights : kind of light in which each kernel is judged; where None, or not given at all,
            the one that the judge prefers, which takes twice the time.
        """
        part = best_crop(image, self.crop + 2 * BORDER)
        noise = estimate_noise(part)

        tried = [(light,) if light else LIGHTS for light in lights or [None] * len(kernels)]
        trials = [(kernel, light) for kernel, own in zip(kernels, tried) for light in own]
        deblur = functools.partial(self._deblurred, part, noise)
        results, errors, costs = zip(*map_threads(deblur, trials))
        gains = self._gains(self._inside(part), results, errors)
        lights_tried = [light for _, light in trials]
        found = iter([Verdict(float(g), *rest) for g, *rest in zip(gains, lights_tried, costs)])
        return [max((next(found) for _ in own), key=lambda v: v.value) for own in tried]

    def _deblurred(
        self, part: np.ndarray, noise: float, trial: Tuple[np.ndarray, str]
    ) -> Tuple[np.ndarray, np.ndarray, float]:
        """Return the result of a kernel in a light, what it leaves unexplained, and its cost."""
        kernel, light = trial
        kernel = fit_grid(kernel, min(support_size(kernel, 0.998), kernel.shape[0]))
        sharp = hyper_laplacian(part, kernel, noise, light, DECONVOLUTION)
        cost = light_cost(part, sharp, kernel, noise, light)
        sharp = self._inside(sharp)
        return sharp, inner_error(self._inside(part), sharp, kernel, light), cost

    def _gains(
        self, blurry: np.ndarray, results: Sequence[np.ndarray], errors: Sequence[np.ndarray]
    ) -> np.ndarray:
        """Ask the network about results (h, w) of one blurry picture."""
        # The network takes means over the maps, to which a mirrored picture does no harm.
        sides = [-(-n // SIDES) * SIDES for n in blurry.shape]
        blurry, *planes = (pad_to(plane, *sides)[0] for plane in (blurry, *results, *errors))
        # One by one: each number of results together would be one more size (decision 008).
        asked = [
            self.network(*(plane[None, ..., None] for plane in (blurry, result, error)))
            for result, error in zip(planes, planes[len(results) :])
        ]
        return np.concatenate([ops.convert_to_numpy(gains) for gains in asked])

    def judge_results(self, image: np.ndarray, results: Sequence[np.ndarray]) -> np.ndarray:
        """Return the decibels that results are expected to be better than a picture.

        Parameters
        ----------
        image, results : arrays (H, W), grey, gamma-encoded, 0..1; their middle is looked at.
        """
        side = self.crop + 2 * BORDER
        low = [max(n - side, 0) // 2 for n in image.shape]
        part = tuple(slice(start, start + side) for start in low)
        seen = [self._inside(plane[part]) for plane in results]
        # Without a kernel there is no error; the judge learned to do without, too.
        return self._gains(self._inside(image[part]), seen, [np.zeros_like(seen[0])] * len(seen))

    @staticmethod
    def _inside(plane: np.ndarray) -> np.ndarray:
        """Cut the border off, as far as something is left then."""
        cuts = [min(BORDER, (n - 1) // 2) for n in plane.shape]
        return plane[tuple(slice(cut, n - cut) for cut, n in zip(cuts, plane.shape))]

"""The quality of kernels, predicted from their results: NumPy in, NumPy out.

Each kernel is deconvolved quickly in a window of the picture; a network, which knows no sharp
picture, predicts the gain in PSNR from the blurry picture, the result and the residual.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Callable, List, Optional, Sequence, Tuple

import numpy as np

from deblurnets.deconvolution.hyper_laplacian import HyperLaplacian, domain_cost, hyper_laplacian
from deblurnets.deconvolution.residual import inner_residual
from deblurnets.estimation.edge_prediction import best_crop
from deblurnets.imaging.boundaries import pad_to
from deblurnets.imaging.noise import estimate_noise
from deblurnets.imaging.psf import fit_grid, support_size
from deblurnets.imaging.srgb import DOMAINS
from deblurnets.runtime.threads import map_threads

# Results near the picture's border are worse than elsewhere; the network learned without them.
BORDER = 32
# So boundaries need no extrapolation. The iterations that the network learned with.
DECONVOLUTION = HyperLaplacian(extrapolation=0, iterations=7)
# Few sizes of maps keep memory flat in a folder of many sizes of small pictures.
SIDES = 128
# Score, dB, per e-fold of the cost: on 70 samples kept from training best of 0, 0.25, 0.5, 1, 2.
COST_WEIGHT = 0.5


@dataclasses.dataclass(frozen=True)
class Quality:
    """What is predicted of a kernel.

    Attributes
    ----------
    gain : predicted PSNR of the deblurred picture over that of the blurry one, dB.
    domain : "gamma" or "linear", in which the picture is better deconvolved.
    cost : of the deconvolution (:func:`deblurnets.deconvolution.hyper_laplacian.domain_cost`).
    """

    gain: float
    domain: str
    cost: float = 1.0

    @property
    def score(self) -> float:
        """What kernels are compared by, dB: the gain, and how well the result fits the picture."""
        return self.gain - COST_WEIGHT * math.log(max(self.cost, 1e-6))


class QualityModel:
    """Predicts how much better a picture gets with a kernel.

    Parameters
    ----------
    predict : callable
        (blurry, restored, residual), each (1, H, W, 1) in 0..1, to gains (1,), dB: a
        `deblurnets.networks.quality.QualityNetwork` from NumPy to NumPy.
    crop : largest side of the window that is deconvolved, in pixels.
    """

    def __init__(self, predict: Callable[..., np.ndarray], crop: int = 384) -> None:
        self.predict = predict
        self.crop = crop

    def __call__(
        self,
        image: np.ndarray,
        kernels: Sequence[np.ndarray],
        domains: Optional[Sequence[Optional[str]]] = None,
    ) -> List[Quality]:
        """Predict the quality of kernels of a picture.

        Parameters
        ----------
        image : array (H, W), grey, gamma-encoded, 0..1.
        kernels : arrays (k, k), k odd, summing to 1.
        domains : domain in which each kernel is deconvolved; where None, or not given at all, the
            one with the higher score, which takes twice the time.
        """
        part = best_crop(image, self.crop + 2 * BORDER)
        noise = estimate_noise(part)

        tried = [(domain,) if domain else DOMAINS for domain in domains or [None] * len(kernels)]
        trials = [(kernel, domain) for kernel, own in zip(kernels, tried) for domain in own]
        deblur = functools.partial(self._deblurred, part, noise)
        results, residuals, costs = zip(*map_threads(deblur, trials))
        gains = self._gains(self._inside(part), results, residuals)
        domains_tried = [domain for _, domain in trials]
        found = iter([Quality(float(g), *rest) for g, *rest in zip(gains, domains_tried, costs)])
        return [max((next(found) for _ in own), key=lambda q: q.score) for own in tried]

    def _deblurred(
        self, part: np.ndarray, noise: float, trial: Tuple[np.ndarray, str]
    ) -> Tuple[np.ndarray, np.ndarray, float]:
        """Return the result of a kernel in a domain, its residual, and its cost."""
        kernel, domain = trial
        kernel = fit_grid(kernel, min(support_size(kernel, 0.998), kernel.shape[0]))
        sharp = hyper_laplacian(part, kernel, noise, domain, DECONVOLUTION)
        cost = domain_cost(part, sharp, kernel, noise, domain)
        sharp = self._inside(sharp)
        return sharp, inner_residual(self._inside(part), sharp, kernel, domain), cost

    def _gains(
        self, blurry: np.ndarray, results: Sequence[np.ndarray], residuals: Sequence[np.ndarray]
    ) -> np.ndarray:
        """Predict the gains of results (h, w) of one blurry picture."""
        # The network takes means over the maps, to which a mirrored picture does no harm.
        sides = [-(-n // SIDES) * SIDES for n in blurry.shape]
        blurry, *planes = (pad_to(plane, *sides)[0] for plane in (blurry, *results, *residuals))
        # One by one: each number of results together would be one more size.
        gains = [
            self.predict(*(plane[None, ..., None] for plane in (blurry, result, residual)))
            for result, residual in zip(planes, planes[len(results) :])
        ]
        return np.concatenate(gains)

    def predict_gains(self, image: np.ndarray, results: Sequence[np.ndarray]) -> np.ndarray:
        """Predict the gains in dB of results over a picture.

        Parameters
        ----------
        image, results : arrays (H, W), grey, gamma-encoded, 0..1; their middle counts.
        """
        side = self.crop + 2 * BORDER
        low = [max(n - side, 0) // 2 for n in image.shape]
        part = tuple(slice(start, start + side) for start in low)
        seen = [self._inside(plane[part]) for plane in results]
        # Without a kernel there is no residual; the network learned to do without, too.
        return self._gains(self._inside(image[part]), seen, [np.zeros_like(seen[0])] * len(seen))

    @staticmethod
    def _inside(plane: np.ndarray) -> np.ndarray:
        """Cut the border off, as far as something is left then."""
        cuts = [min(BORDER, (n - 1) // 2) for n in plane.shape]
        return plane[tuple(slice(cut, n - cut) for cut, n in zip(cuts, plane.shape))]

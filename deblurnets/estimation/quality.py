"""The quality of a kernel, predicted from its result: NumPy in, NumPy out.

The kernel is deconvolved quickly in a window of the picture; a network, which knows no sharp
picture, predicts the gain in PSNR from the blurry picture, the result and the residual.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Callable

import numpy as np

from deblurnets.deconvolution.hyper_laplacian import HyperLaplacian, domain_cost, hyper_laplacian
from deblurnets.deconvolution.residual import inner_residual
from deblurnets.estimation.edge_prediction import best_crop
from deblurnets.imaging.boundaries import pad_to
from deblurnets.imaging.noise import estimate_noise
from deblurnets.imaging.psf import fit_grid, support_size

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
    domain : "gamma" or "linear", in which it was deconvolved.
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

    def __call__(self, image: np.ndarray, kernel: np.ndarray, domain: str) -> Quality:
        """Predict the quality of a kernel of a picture.

        Parameters
        ----------
        image : array (H, W), grey, gamma-encoded, 0..1.
        kernel : array (k, k), k odd, summing to 1.
        domain : "gamma" or "linear", in which the kernel is deconvolved.
        """
        part = best_crop(image, self.crop + 2 * BORDER)
        noise = estimate_noise(part)
        kernel = fit_grid(kernel, min(support_size(kernel, 0.998), kernel.shape[0]))
        sharp = hyper_laplacian(part, kernel, noise, domain, DECONVOLUTION)
        cost = domain_cost(part, sharp, kernel, noise, domain)
        blurry, sharp = self._inside(part), self._inside(sharp)
        residual = inner_residual(blurry, sharp, kernel, domain)
        # The network takes means over the maps, to which a mirrored picture does no harm.
        sides = [-(-n // SIDES) * SIDES for n in blurry.shape]
        planes = [pad_to(plane, *sides)[0] for plane in (blurry, sharp, residual)]
        (gain,) = self.predict(*(plane[None, ..., None] for plane in planes))
        return Quality(float(gain), domain, cost)

    @staticmethod
    def _inside(plane: np.ndarray) -> np.ndarray:
        """Cut the border off, as far as something is left then."""
        cuts = [min(BORDER, (n - 1) // 2) for n in plane.shape]
        return plane[tuple(slice(cut, n - cut) for cut, n in zip(cuts, plane.shape))]

"""The data term of a deconvolution with an observation mask, split off by ADMM.

``sum m (k * x - y)^2 / 2`` with weights ``m`` by pixel is no division by frequency. A copy ``v`` of
the re-blurred picture takes the weights instead: with a penalty ``rho`` and a scaled dual ``u``,

    v <- argmin m (v - y)^2 / 2 + rho (v - k * x - u)^2 / 2,    u <- u + k * x - v,

and ``x`` has to meet the target ``v - u`` everywhere.
"""

from __future__ import annotations

import numpy as np

from deblurnets.runtime.threads import in_strips


class DataFidelity:
    """The copy of the re-blurred picture and its scaled dual, for some planes.

    Parameters
    ----------
    observed : ndarray of float32, (C, H, W)
        Blurry picture.
    weight : ndarray of float32, (C, H, W)
        Of each pixel's squared error; 0 where it is masked or saturated.
    saturated : ndarray of bool, (C, H, W)
        Pixels whose value is a lower bound.
    penalty : float
        ``rho``, which ties the copy to the re-blurred picture.

    References
    ----------
    Almeida and Figueiredo, "Deconvolving images with unknown boundaries using the alternating
    direction method of multipliers", IEEE TIP 22(8), 2013.
    """

    def __init__(
        self, observed: np.ndarray, weight: np.ndarray, saturated: np.ndarray, penalty: float
    ) -> None:
        self._observed, self._weight, self._saturated = observed, weight, saturated
        self._penalty, self._clips = np.float32(penalty), bool(saturated.any())
        # Where a pixel is observed its dual; where not, minus the last re-blurred value.
        self._dual = np.zeros_like(observed)
        self._steps = 0

    def target(self, blurred: np.ndarray) -> np.ndarray:
        """Return what the picture, blurred, is to meet next, in the place of what it is now."""
        in_strips(self._follow, blurred, self._dual, self._observed, self._weight, self._saturated)
        self._steps += 1
        return blurred

    def _follow(
        self,
        blurred: np.ndarray,
        dual: np.ndarray,
        observed: np.ndarray,
        weight: np.ndarray,
        saturated: np.ndarray,
    ) -> None:
        """Turn a strip into the target and move the dual on."""
        masked = weight <= 0
        if self._steps == 0:  # what was observed, and where masked what is there
            copy = np.where(masked, blurred, observed)
            blurred[...] = self._at_least(copy, observed, saturated)
            return
        # Masked pixels creep to their place: let them go each step twice.
        dual += np.where(masked, 2 * blurred, blurred) if self._steps > 1 else blurred
        copy = self._penalty * dual
        copy += weight * observed
        copy /= weight + self._penalty
        dual -= copy
        target = self._at_least(copy, observed, saturated) - dual
        # The copy of a masked pixel is free: its dual is 0 and needs no place.
        np.negative(blurred, out=dual, where=masked)
        blurred[...] = target

    def _at_least(
        self, copy: np.ndarray, observed: np.ndarray, saturated: np.ndarray
    ) -> np.ndarray:
        return np.where(saturated, np.maximum(copy, observed), copy) if self._clips else copy

"""The data term of a deconvolution with unknown parts, split off by alternating directions.

The re-blurred picture is tied to a copy of itself that has to meet the observed one, pixel by
pixel, where it is known. So the picture itself is only asked to meet a target everywhere, which is
one division by frequency.
"""

from __future__ import annotations

import numpy as np

from .threads import in_strips


class SplitData:
    """The copy of a re-blurred picture, and its disagreement with it.

    Parameters
    ----------
    observed : ndarray of float32, (C, H, W)
        Blurry picture.
    weight : ndarray of float32, (1 or C, H, W)
        Of each pixel's squared error; 0 where it is unknown or saturated.
    saturated : ndarray of bool, (C, H, W)
        Pixels whose value is a lower bound.
    split : float
        Penalty that ties the copy to the re-blurred picture.

    References
    ----------
    Almeida and Figueiredo, "Deconvolving images with unknown boundaries using the alternating
    direction method of multipliers", IEEE TIP 22(8), 2013.
    """

    def __init__(
        self, observed: np.ndarray, weight: np.ndarray, saturated: np.ndarray, split: float
    ) -> None:
        self._observed, self._saturated = observed, saturated
        self._split, self._clips = np.float32(split), bool(saturated.any())
        self._hidden = weight <= 0
        self._weighted = weight * observed
        self._share = 1 / (weight + self._split)
        self._dual = np.zeros_like(observed)
        self._previous = observed
        self._steps = 0

    def target(self, blurred: np.ndarray) -> np.ndarray:
        """Return what the picture, blurred, is to meet next, given what it is now, blurred."""
        if self._steps == 0:
            target = np.where(self._hidden, blurred, self._observed)
            target = self._at_least(target, self._observed, self._saturated)
        else:
            target = np.empty_like(blurred)
            known = self._observed, self._hidden, self._saturated, self._weighted, self._share
            in_strips(self._follow, target, blurred, self._previous, self._dual, *known)
        self._previous = blurred
        self._steps += 1
        return target

    def _follow(
        self,
        target: np.ndarray,
        blurred: np.ndarray,
        previous: np.ndarray,
        dual: np.ndarray,
        observed: np.ndarray,
        hidden: np.ndarray,
        saturated: np.ndarray,
        weighted: np.ndarray,
        share: np.ndarray,
    ) -> None:
        """Fill a strip of the target and move the dual variable on."""
        # Unobserved pixels creep to their place: let them go each step twice.
        dual += np.where(hidden, 2 * blurred - previous, blurred) if self._steps > 1 else blurred
        copy = self._split * dual
        copy += weighted
        copy *= share
        dual -= copy
        np.subtract(self._at_least(copy, observed, saturated), dual, out=target)

    def _at_least(
        self, copy: np.ndarray, observed: np.ndarray, saturated: np.ndarray
    ) -> np.ndarray:
        return np.where(saturated, np.maximum(copy, observed), copy) if self._clips else copy

"""The data term of a deconvolution with unknown parts, split off by alternating directions.

The re-blurred picture is tied to a copy of itself that has to meet the observed one, pixel by
pixel, where it is known. So the picture itself is only asked to meet a target everywhere, which is
one division by frequency.
"""

from __future__ import annotations

import numpy as np

from deblurnets.runtime.threads import in_strips


class DataFidelity:
    """The copy of a re-blurred picture, and its disagreement with it.

    Parameters
    ----------
    observed : ndarray of float32, (C, H, W)
        Blurry picture.
    weight : ndarray of float32, (C, H, W)
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
        self._observed, self._weight, self._saturated = observed, weight, saturated
        self._split, self._clips = np.float32(split), bool(saturated.any())
        # Where a pixel is known the dual variable, where it is not minus the last re-blurred value.
        self._state = np.zeros_like(observed)
        self._steps = 0

    def target(self, blurred: np.ndarray) -> np.ndarray:
        """Return what the picture, blurred, is to meet next, in the place of what it is now."""
        in_strips(self._follow, blurred, self._state, self._observed, self._weight, self._saturated)
        self._steps += 1
        return blurred

    def _follow(
        self,
        blurred: np.ndarray,
        state: np.ndarray,
        observed: np.ndarray,
        weight: np.ndarray,
        saturated: np.ndarray,
    ) -> None:
        """Turn a strip into the target and move the dual variable on."""
        hidden = weight <= 0
        if self._steps == 0:  # what was observed, elsewhere what is there
            copy = np.where(hidden, blurred, observed)
            blurred[...] = self._at_least(copy, observed, saturated)
            return
        # Unobserved pixels creep to their place: let them go each step twice.
        state += np.where(hidden, 2 * blurred, blurred) if self._steps > 1 else blurred
        copy = self._split * state
        copy += weight * observed
        copy /= weight + self._split
        state -= copy
        target = self._at_least(copy, observed, saturated) - state
        # Nothing pulls at a hidden pixel: its dual variable is 0 and needs no place.
        np.negative(blurred, out=state, where=hidden)
        blurred[...] = target

    def _at_least(
        self, copy: np.ndarray, observed: np.ndarray, saturated: np.ndarray
    ) -> np.ndarray:
        return np.where(saturated, np.maximum(copy, observed), copy) if self._clips else copy

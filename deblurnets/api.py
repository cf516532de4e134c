"""Deblurring in one call: ``deblurnets.deblur(image)``.

The networks take seconds to load, so the first call keeps them for the next ones. That is the only
state the package keeps, it cannot be changed, and whoever wants it otherwise (other networks, other
settings, memory given back) makes a `deblurnets.Deblurrer` and calls that.
"""

from __future__ import annotations

import functools
from typing import Optional

import numpy as np

from deblurnets.deblurrer import Deblurrer, Result, checked, square_kernel
from deblurnets.known_kernel import KnownKernel


@functools.lru_cache(maxsize=None)
def default_deblurrer() -> Deblurrer:
    """Return the deblurrer of `deblur`: the compact pair, loaded at the first call and kept.

    ``default_deblurrer.cache_clear()`` lets go of it.
    """
    return Deblurrer.from_pretrained("compact")


def deblur(image: np.ndarray, kernel: Optional[np.ndarray] = None) -> Result:
    """Deblur a photograph taken with a shaking camera.

    Parameters
    ----------
    image : array (H, W) or (H, W, 3)
        uint8, uint16, or floating with values in 0..1; gamma-encoded as files are; both sides of
        32 pixels or more.
    kernel : array (h, w), optional
        The blur kernel if it is known, non-negative, origin at ``(h // 2, w // 2)``, of any sum;
        estimated from the picture by default.

    Returns
    -------
    Result
        The sharp picture of the same shape and type, the kernel, the confidence.

    Raises
    ------
    ValueError
        The picture or the kernel is none of these.

    Examples
    --------
    >>> import deblurnets
    >>> result = deblurnets.deblur(blurry)  # doctest: +SKIP
    >>> result.image, result.kernel, result.confidence  # doctest: +SKIP
    """
    image = checked(image)  # before the networks are loaded
    if kernel is None:
        return default_deblurrer()(image)
    kernel = square_kernel(kernel)
    return KnownKernel(default_deblurrer(), kernel)(image)

"""What an analysis half says of a picture."""

from __future__ import annotations

import dataclasses
from typing import Optional

import numpy as np


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A blur kernel and how far it can be trusted.

    Attributes
    ----------
    kernel : array (k, k), float32, non-negative, summing to 1, origin at ``k // 2``.
    domain : "gamma" or "linear": where the blur is a convolution; "auto" if not known.
    confidence : probability (0..1) that deblurring with this kernel improves the picture; None
        where the analysis cannot tell.
    strength : share (0..1) of the deblurred picture in the result, the rest being the input: under
        1 where the kernel is doubtful, 0 where deblurring is expected to do harm.
    blurred : False where the picture was found to be sharp.
    """

    kernel: np.ndarray
    domain: str = "auto"
    confidence: Optional[float] = None
    strength: float = 1.0
    blurred: bool = True

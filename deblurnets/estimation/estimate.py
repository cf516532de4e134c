"""What an analysis half says of a picture."""

from __future__ import annotations

import dataclasses
from typing import Optional

import numpy as np

VERDICTS = {
    "blurred": "",
    "sharp": "no blur was found, the picture is kept as it is",
    "unexplained": "no single blur explains this picture, it is kept as it is",
    "small": "the picture is too small to judge a result by, it is kept as it is",
    "noise": "noise or a print's screen hides any blur, the picture is kept as it is",
    "no_edges": "the picture has no edges that would tell of a blur, it is kept as it is",
}
"""What is found of a picture, and what a user is told of it."""


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
    verdict : one of `VERDICTS`.
    """

    kernel: np.ndarray
    domain: str = "auto"
    confidence: Optional[float] = None
    strength: float = 1.0
    verdict: str = "blurred"

    @property
    def blurred(self) -> bool:
        """Whether a blur was found that can be undone."""
        return self.verdict == "blurred"

"""Blind deblurring of camera-shake photographs with an analysis-synthesis pair of networks.

>>> import deblurnets
>>> sharp = deblurnets.deblur(blurry).image  # doctest: +SKIP

Importing the package loads neither NumPy nor TensorFlow; the first use of a name does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, List

if TYPE_CHECKING:
    from deblurnets.deblurrer import Deblurrer, Result, deblur

__version__ = "0.1.0"

__all__ = ["Deblurrer", "Result", "__version__", "deblur"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("deblurnets.deblurrer"), name)


def __dir__() -> List[str]:
    return sorted({*globals(), *__all__})

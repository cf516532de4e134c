"""Blind deblurring of camera-shake photographs with an analysis-synthesis pair of networks.

>>> import deblurnets
>>> sharp = deblurnets.deblur(blurry).image  # doctest: +SKIP

Importing the package loads neither NumPy nor TensorFlow; the first use of a name does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, List

if TYPE_CHECKING:
    from deblurnets.api import deblur
    from deblurnets.deblurrer import Deblurrer, Result

__version__ = "0.1.0"

__all__ = ["Deblurrer", "Result", "__version__", "deblur"]

_HOMES = {
    "Deblurrer": "deblurnets.deblurrer",
    "Result": "deblurnets.deblurrer",
    "deblur": "deblurnets.api",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> List[str]:
    return sorted({*globals(), *_HOMES})

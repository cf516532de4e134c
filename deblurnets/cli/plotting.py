"""Show the input, the result and the kernel of a picture in a window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

import numpy as np

from deblurnets.imaging.pixels import unit_range

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Backends of matplotlib that draw into files only; it picks one of them where no display is.
_WITHOUT_WINDOWS = ("agg", "cairo", "pdf", "pgf", "ps", "svg", "template")


def why_no_plots() -> Optional[str]:
    """Return why no window can be opened, one clause, or None if one can."""
    try:
        import matplotlib.pyplot as plt

        # Before the first figure the backend is not settled: only opening one tells.
        plt.close(plt.figure())
        backend = plt.get_backend()
    except Exception as error:  # each window system fails in its own way
        return f"matplotlib cannot open a window ({str(error).strip() or repr(error)})"
    if backend.lower() in _WITHOUT_WINDOWS:
        return f"there is no display for matplotlib (its backend is {backend})"
    return None


def show(name: str, before: np.ndarray, after: np.ndarray, kernel: np.ndarray) -> None:
    """Open a window and wait until it is closed.

    Parameters
    ----------
    name : str
        Title of the window.
    before, after : ndarray
        (H, W) or (H, W, 3), uint8, uint16 or float32.
    kernel : ndarray
        (k, k), scaled to its maximum for display.
    """
    import matplotlib.pyplot as plt

    plt.close(draw(name, before, after, kernel, wait=True))


def draw(
    name: str, before: np.ndarray, after: np.ndarray, kernel: np.ndarray, wait: bool = False
) -> Figure:
    """Draw the three panels; return the figure, after its window was closed with `wait`."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, num=name, figsize=(15, 5), clear=True)
    panels = (
        ("input", unit_range(before), 1.0),
        ("deblurred", unit_range(after), 1.0),
        (f"kernel, {kernel.shape[0]}x{kernel.shape[1]}", kernel, float(kernel.max()) or 1.0),
    )
    for axis, (title, image, largest) in zip(axes, panels):
        axis.imshow(image, cmap="gray", vmin=0.0, vmax=largest)
        axis.set_title(title)
        axis.axis("off")
    figure.tight_layout()
    if wait:
        plt.show()
    return figure

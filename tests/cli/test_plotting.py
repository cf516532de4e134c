"""The window with input, result and kernel, drawn without a display."""

import numpy as np
import pytest

from deblurnets.cli import plotting

matplotlib = pytest.importorskip("matplotlib")


def test_no_display_is_said(monkeypatch):
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    assert "no display" in plotting.why_no_plots()

    def fail(*_):
        raise RuntimeError("cannot connect")

    monkeypatch.setattr(plt, "figure", fail)
    assert plotting.why_no_plots() == "matplotlib cannot open a window (cannot connect)"


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(8, 9), (8, 9, 3)])
def test_three_panels(dtype, shape):
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    before = np.zeros(shape, dtype)
    after = np.full(shape, np.iinfo(dtype).max, dtype)
    kernel = np.zeros((5, 5))
    kernel[2, 2] = 1.0
    figure = plotting.draw("x.png", before, after, kernel)
    assert [axis.get_title() for axis in figure.axes] == ["input", "deblurred", "kernel, 5x5"]
    shown = [axis.images[0].get_array().max() for axis in figure.axes]
    assert shown == [0.0, 1.0, 1.0]
    figure.canvas.draw()
    plt.close(figure)

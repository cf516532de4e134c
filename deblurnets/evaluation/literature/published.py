"""Published figures, to stand beside this project's; each was read in the source that is named."""

from __future__ import annotations

from typing import Dict, NamedTuple, Tuple


class Published(NamedTuple):
    """Mean figures of one method over one set."""

    method: str
    psnr: float
    ssim: float


SOURCES: Dict[str, str] = {
    "kohler": "Zhang, Quan and Ji 2024, table 2; SSIM is multi-scale",
    "lai": "Zhang, Quan and Ji 2024, table 1, all 100 pictures",
}
"""Where a set's figures stand; the full references are in docs/evaluation.md."""

FIGURES: Dict[str, Tuple[Published, ...]] = {
    "kohler": (
        Published("Cho and Lee 2009", 28.98, 0.933),
        Published("Whyte et al. 2012", 28.07, 0.848),
        Published("DeblurGAN-v2 2019", 26.97, 0.830),
        Published("Kaufman and Fattal 2020", 30.17, 0.915),
        Published("SelfDeblur 2020", 25.85, 0.792),
        Published("VDIP 2023", 29.58, 0.922),
        Published("Zhang, Quan and Ji 2024", 30.69, 0.942),
    ),
    "lai": (
        Published("Xu and Jia 2010", 20.18, 0.708),
        Published("Pan et al. 2016, dark channel", 19.89, 0.666),
        Published("DeblurGAN-v2 2019", 17.04, 0.490),
        Published("Kaufman and Fattal 2020", 20.22, 0.650),
        Published("SelfDeblur 2020", 20.97, 0.752),
        Published("VDIP 2023", 25.12, 0.869),
        Published("Zhang, Quan and Ji 2024", 25.16, 0.879),
    ),
}


def published_lines(name: str) -> Tuple[str, ...]:
    """Return a set's published figures as lines of text, the source first; none if there are none.

    Parameters
    ----------
    name : str
        Of the set: "levin", "kohler", "lai" or "sun".
    """
    if name not in FIGURES:
        return ()
    width = max(len(figure.method) for figure in FIGURES[name])
    lines = [
        f"  {figure.method:<{width}}  {figure.psnr:.2f} dB  SSIM {figure.ssim:.3f}"
        for figure in FIGURES[name]
    ]
    return (f"published ({SOURCES[name]}):", *lines)

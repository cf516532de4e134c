"""Hand-made kernel estimation: alternate between predicting edges and regressing the kernel.

From coarse to fine: with the current kernel, restore the picture under a prior that keeps only
strong edges (`edge_prediction`); from these edges, regress the kernel that blurs them into the
picture (`kernel_regression`).

References
----------
Cho and Lee, "Fast motion deblurring", SIGGRAPH Asia 2009. Xu, Zheng and Jia, "Unnatural L0 sparse
representation for natural image deblurring", CVPR 2013. Pan, Hu, Su and Yang, "Deblurring text
images via L0-regularized intensity and gradient prior", CVPR 2014.
"""

from __future__ import annotations

import dataclasses
import math
from typing import List, Optional, Tuple

import numpy as np

from deblurnets.deconvolution.extrapolation import extrapolate
from deblurnets.estimation import edge_prediction as latent_step
from deblurnets.estimation import kernel_regression as kernel_step
from deblurnets.imaging.boundaries import fast_even_size, fill_mirrored, psf_to_otf
from deblurnets.imaging.differences import gradients
from deblurnets.imaging.psf import fit_grid, support_size
from deblurnets.imaging.resample import resize_kernel, shrink


@dataclasses.dataclass(frozen=True)
class RefinementConfig:
    """Parameters of the alternation; the defaults serve every picture.

    Attributes
    ----------
    crop : int
        Largest side of the picture's window that is worked on, pixels. Smaller is faster and
        less certain: 512 to 384 costs 0.02 of similarity on large kernels.
    iterations : int
        Alternations per scale.
    scales : int
        Most scales of a refinement, a factor of sqrt(2) apart, the last at full size.
    coarsest : float
        A refinement starts no coarser than where the kernel's grid has this many pixels.
    prior, prior_decay, prior_floor : float
        Weight of the L0 prior in the first iteration at the coarsest scale, its division per
        iteration (over all scales), its lower end.
    ridge : float
        Tikhonov weight of the kernel regression, relative to the energy of the edges.
    solver_steps : int
        Steps of the kernel regression. Few, from the previous kernel, keep it from running away.
    threshold, speck : float
        Kernel clean-up, see :func:`deblurnets.estimation.kernel_regression.clean`.
    extrapolation : int
        Iterations by which, before each step, the picture's boundaries are extrapolated with the
        kernel so far (:func:`deblurnets.deconvolution.extrapolation.extrapolate`).
    mass, margin : float
        A refinement's grid is `margin` times the square that holds `mass` of the start: a soft
        start is wider than the kernel, but a wrong one may miss an end of it.
    """

    crop: int = 512
    iterations: int = 5
    scales: int = 5
    coarsest: float = 7.0
    prior: float = 1e-2
    prior_decay: float = 1.15
    prior_floor: float = 1e-4
    ridge: float = 1e-3
    solver_steps: int = 30
    threshold: float = 0.05
    speck: float = 0.1
    extrapolation: int = 6
    mass: float = 0.95
    margin: float = 1.3


def refine_kernel(
    image: np.ndarray, start: np.ndarray, config: Optional[RefinementConfig] = None
) -> np.ndarray:
    """Sharpen a soft estimate of the kernel by the last scales of the alternation.

    Parameters
    ----------
    image : array (H, W)
        The blurry picture, grey, 0..1, in either domain.
    start : array (k, k)
        Estimate of the kernel, right in size and direction; k odd.
    config : RefinementConfig, optional

    Returns
    -------
    array (k, k), float32, non-negative, summing to 1, centroid at the centre.
    """
    config = config or RefinementConfig()
    image = latent_step.best_crop(_checked(image), config.crop)
    kernel = fit_grid(start, start.shape[0])
    size = min(_odd(support_size(kernel, config.mass) * config.margin), start.shape[0])
    factor, prior = 1.0, config.prior
    for following, grid in _levels(size, min(config.scales, _scales(size, config.coarsest))):
        kernel = resize_kernel(kernel, following / factor, grid)
        factor = following
        kernel, prior = _alternate(shrink(image, factor), kernel, prior, config)
    return fit_grid(kernel, start.shape[0])


def _checked(image: np.ndarray) -> np.ndarray:
    """Return the picture as float32 or say what is wrong with it."""
    image = np.asarray(image, np.float32)
    if image.ndim != 2 or min(image.shape) < 8:
        raise ValueError(
            f"alternation: expected a grey picture (H, W) of 8 pixels or more, got {image.shape}"
        )
    return image


def _odd(size: float) -> int:
    """Round up to an odd number, 3 or more."""
    return max(3, 2 * int(np.ceil((size - 1) / 2)) + 1)


def _scales(size: int, coarsest: float) -> int:
    """Return the number of scales from a kernel grid of about `coarsest` pixels up to `size`."""
    return max(1, round(2 * math.log2(size / coarsest)) + 1)


def _levels(size: int, scales: int) -> List[Tuple[float, int]]:
    """Return (factor, kernel grid) of each scale, the coarsest first."""
    factors = [2 ** (-0.5 * level) for level in reversed(range(scales))]
    return [(factor, _odd(size * factor) if factor < 1 else size) for factor in factors]


def _alternate(
    image: np.ndarray, kernel: np.ndarray, prior: float, config: RefinementConfig
) -> Tuple[np.ndarray, float]:
    """Run the alternations of one scale; returns the kernel and the prior's weight after them."""
    shape = tuple(fast_even_size(n + kernel.shape[0]) for n in image.shape)
    blurry, mask = np.empty(shape, np.float32), np.zeros((1, *shape), bool)
    picture = tuple(slice(n) for n in image.shape)
    blurry[picture], mask[(0, *picture)] = image, True
    fill_mirrored(blurry, image.shape, (0, 0))
    for _ in range(config.iterations):
        otf = psf_to_otf(kernel, blurry.shape)
        (blurry,) = extrapolate(blurry[None], mask, otf, config.extrapolation, half_resolution=True)
        # So extended the picture is periodic: no gradient has to be left out.
        edges = gradients(latent_step.sparse_latent(blurry, kernel, prior))
        kernel = kernel_step.regress(
            edges, gradients(blurry), kernel, config.ridge, config.solver_steps
        )
        kernel = kernel_step.clean(kernel, config.threshold, config.speck)
        prior = max(prior / config.prior_decay, config.prior_floor)
    return kernel, prior

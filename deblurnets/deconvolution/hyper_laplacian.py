"""Classical non-blind deconvolution: the picture is known to be blurred, and by which kernel.

Two estimates of the sharp picture ``x`` from ``y = k * x + noise``: a linear one in one step
(`tikhonov`), and the one with a prior on photographs, that neighbouring pixels are mostly equal
and now and then very different (`hyper_laplacian`).
"""

from __future__ import annotations

from typing import Optional

import numpy as np
from scipy import fft

from deblurnets.deconvolution.half_quadratic import HyperLaplacian, Solver, wiener
from deblurnets.deconvolution.residual import residual
from deblurnets.imaging.boundaries import extend, extended_shape, inside, psf_to_otf
from deblurnets.imaging.noise import estimate_noise, to_planes


def tikhonov(image: np.ndarray, kernel: np.ndarray, strength: float) -> np.ndarray:
    """Deconvolve by one gradient-weighted Wiener filter.

    ``X = conj(K) Y / (|K|^2 + strength (|G|^2 + 0.01))`` in the Fourier domain, where ``|G|^2`` is
    the squared gradient filter, on a smooth periodic extension of the picture.

    Parameters
    ----------
    image : ndarray, (H, W) or (H, W, C)
        Blurry picture, 0..1.
    kernel : ndarray, (h, w)
        Blur kernel, sums to 1; its origin is the pixel (h // 2, w // 2).
    strength : float
        Weight of the penalty, positive: 1e-4 (sharp, noisy) to 5e-2 (soft, quiet).

    Returns
    -------
    ndarray of float32, the image's shape
        Not clipped to 0..1.

    Raises
    ------
    ValueError
        When the image or the kernel is not as described, or the strength is not positive.
    """
    if not strength > 0:
        raise ValueError(f"the strength of the penalty must be positive, received {strength}")
    planes, kernel = to_planes(image), _checked_kernel(kernel)
    margin = (kernel.shape[0] // 2, kernel.shape[1] // 2)
    shape = extended_shape(planes.shape[1:], margin)
    otf = psf_to_otf(kernel, shape)
    sharp = fft.irfft2(wiener(extend(planes, margin, shape), otf, strength), shape)
    return _pixels(inside(sharp, margin, planes.shape), image)


def hyper_laplacian(
    image: np.ndarray,
    kernel: np.ndarray,
    noise: Optional[float] = None,
    domain: str = "auto",
    settings: Optional[HyperLaplacian] = None,
    mask: Optional[np.ndarray] = None,
    unit: Optional[float] = None,
) -> np.ndarray:
    """Deconvolve with a sparse prior on the gradients.

    Minimises ``sum m (k * x - y)^2 / 2 + strength sigma^2 sum |grad x|^exponent`` by splitting
    both sums off: the gradients (half-quadratic) and the re-blurred picture (alternating
    directions), so that each step is either per pixel or per frequency. ``m`` is 0 outside the
    picture, so that its surroundings are estimated together with it, and where ``mask`` is
    False; saturated pixels pull in one direction only. A gradient's channels are shrunk together.

    A shutter adds up light, not pixel values: in linear light the same model holds for the
    picture through the inverse sRGB curve, each pixel weighted by its noise there.

    Parameters
    ----------
    image : ndarray, (H, W) or (H, W, C)
        Blurry picture, sRGB values in 0..1.
    kernel : ndarray, (h, w)
        Blur kernel, sums to 1; its origin is the pixel (h // 2, w // 2).
    noise : float, optional
        Standard deviation of the noise in pixel values; estimated when not given.
    domain : {"auto", "gamma", "linear"}
        Where the blur is a convolution: in pixel values ("gamma"), in linear light, or in
        whichever explains the picture better (`blur_domain`).
    settings : HyperLaplacian, optional
    mask : ndarray of bool, (H, W), optional
        False for pixels to leave out.
    unit : float, optional
        The whole picture's `typical_slope` where the image is a part of it.

    Returns
    -------
    ndarray of float32, the image's shape
        In 0..1; its planes are contiguous, not its pixels.

    Raises
    ------
    ValueError
        When an argument is not as described.

    References
    ----------
    Krishnan and Fergus, "Fast image deconvolution using hyper-Laplacian priors", NIPS 2009.
    Almeida and Figueiredo, "Deconvolving images with unknown boundaries using the alternating
    direction method of multipliers", IEEE TIP 22(8), 2013.
    """
    if domain not in ("auto", "gamma", "linear"):
        raise ValueError(f"domain must be 'auto', 'gamma' or 'linear', received {domain!r}")
    planes, kernel = to_planes(image), _checked_kernel(kernel)
    settings = settings or HyperLaplacian()
    noise = estimate_noise(image) if noise is None else float(noise)
    if mask is not None and np.shape(mask) != planes.shape[1:]:
        raise ValueError(
            f"mask must have the picture's shape {planes.shape[1:]}, received {np.shape(mask)}"
        )
    if domain == "auto":
        domain = blur_domain(image, kernel, noise, settings)
    # Three equal channels would count the data three times and the prior only 1.6 times.
    grey = all(np.array_equal(plane, planes[0]) for plane in planes[1:])
    solver = Solver(
        planes[:1] if grey else planes, kernel, noise, domain == "linear", settings, mask, unit
    )
    shape = planes.shape
    del planes  # a large picture's memory
    sharp = solver.solve()
    return _pixels(np.repeat(sharp, shape[0], axis=0) if len(sharp) < shape[0] else sharp, image)


def blur_domain(
    image: np.ndarray,
    kernel: np.ndarray,
    noise: float,
    settings: Optional[HyperLaplacian] = None,
    crop: int = 640,
) -> str:
    """Tell whether a picture was blurred in the gamma or in the linear domain.

    Deconvolves one channel of the picture's middle both ways and takes the way with the smaller
    cost: the re-blurred result's squared error in pixel values over twice the noise's variance,
    plus the prior. The wrong way leaves an error that no sharp picture explains, and ringing.

    Parameters
    ----------
    image, kernel, noise, settings
        As for `hyper_laplacian`.
    crop : int
        Largest side of the piece looked at, in pixels, besides the kernel's size.

    Returns
    -------
    {"gamma", "linear"}
    """
    kernel = _checked_kernel(kernel)
    settings = settings or HyperLaplacian()
    planes = to_planes(image)
    plane = planes[planes.shape[0] // 2]
    low = [max(0, (n - crop - k) // 2) for n, k in zip(plane.shape, kernel.shape)]
    plane = plane[low[0] : plane.shape[0] - low[0], low[1] : plane.shape[1] - low[1]]
    costs = {}
    for domain in ("gamma", "linear"):
        sharp = Solver(plane[None], kernel, noise, domain == "linear", settings).solve()[0]
        costs[domain] = domain_cost(plane, sharp, kernel, noise, domain, settings)
    return min(costs, key=costs.get)


def domain_cost(
    plane: np.ndarray,
    sharp: np.ndarray,
    kernel: np.ndarray,
    noise: float,
    domain: str,
    settings: Optional[HyperLaplacian] = None,
) -> float:
    """Cost by which `blur_domain` compares the two domains, border aside.

    Parameters
    ----------
    plane, sharp : ndarray, (H, W)
        Blurry picture and its deconvolution in that domain, both sRGB values.
    kernel, noise, domain, settings
        What it was deconvolved with.
    """
    settings = settings or HyperLaplacian()
    margin = tuple(n // 2 for n in kernel.shape)
    error = residual(plane, sharp, kernel, domain)
    # A picture smaller than the kernel has no such inside: then all of it counts.
    keep = tuple(slice(m, n - m) if n > 4 * m else slice(None) for m, n in zip(margin, plane.shape))
    error, sharp, plane = error[keep], sharp[keep], plane[keep]
    error = np.where(plane >= settings.saturation, np.maximum(error, 0), error)
    variance = noise**2 + settings.model_error**2
    prior = sum(
        np.mean(np.abs(np.diff(sharp, axis=a)) ** settings.exponent)
        for a in (0, 1)
        if sharp.shape[a] > 1
    )
    return float(np.mean(error**2) / (2 * variance) + settings.strength * prior)


def _pixels(planes: np.ndarray, image: np.ndarray) -> np.ndarray:
    return planes[0] if image.ndim == 2 else np.moveaxis(planes, 0, -1)


def _checked_kernel(kernel: np.ndarray) -> np.ndarray:
    kernel = np.asarray(kernel, np.float32)
    if kernel.ndim != 2 or not abs(float(kernel.sum()) - 1) < 1e-2:
        raise ValueError(
            f"the kernel must be (h, w) and sum to 1, received {kernel.shape}, "
            f"sum {float(kernel.sum()):.4g}"
        )
    return kernel

"""Classical non-blind deconvolution: the picture is known to be blurred, and by which kernel.

Two estimates of the sharp picture ``x`` from ``y = k * x + noise``: a linear one in one step
(`tikhonov`), and the one with a prior on photographs, that neighbouring pixels are mostly equal
and now and then very different (`hyper_laplacian`).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Optional, Union

import numpy as np
from scipy import fft

from deblurnets import light as curves
from deblurnets.borders import extend, extended_shape, gradient_power, inside, kernel_spectrum
from deblurnets.differences import divergence, gradients
from deblurnets.noise import estimate_noise, to_planes
from deblurnets.shrinkage import shrink_factor
from deblurnets.split_data import SplitData
from deblurnets.surroundings import fill_hidden, from_nearest
from deblurnets.threads import in_strips
from deblurnets.unexplained import unexplained

# Added to the squared gradient in the penalty of `tikhonov`: holds the mean brightness.
TIKHONOV_FLOOR = 0.01


@dataclass(frozen=True)
class HyperLaplacian:
    """Settings of `hyper_laplacian`; the defaults suit photographs of any noise.

    Attributes
    ----------
    exponent : float
        Power of the gradients in the prior, under 1: few large ones cost less than many small.
    strength : float
        Weight of the prior for noise of standard deviation 1; it goes with the noise's variance.
    model_error : float
        What no kernel explains (lens, wrong kernel, rounding), as a standard deviation of pixel
        values in 0..1, added to the noise in squares.
    iterations : int
        Few: stopping early also forgives faults of the kernel (14 lose 0.6 dB on `levin` with
        estimated kernels and gain nothing elsewhere; docs/decisions/004 and 023).
    split_first, split_last : float
        Penalty that ties the shrunken gradients to the picture's, in the first and the last
        iteration, growing by a constant factor in between.
    data_split : float
        Penalty that ties the re-blurred picture to its split copy. Small: unknown borders fill
        quickly, fine detail comes slowly.
    margin : int
        Pixels added around the picture beyond the kernel's radius.
    fill : int
        Iterations by which the surroundings are estimated before the first one (`fill_hidden`).
    saturation : float
        Pixel values from here on are taken as "at least this much".
    weight_range : float
        In linear light the weight of a pixel may differ from the typical one by this factor.
    dark : float
        In linear light, values under this are taken to be as noisy as this one.
    """

    exponent: float = 0.8
    strength: float = 5.0
    model_error: float = 0.005
    iterations: int = 6
    split_first: float = 1.0
    split_last: float = 256.0
    data_split: float = 0.5
    margin: int = 10
    fill: int = 8
    saturation: float = 0.99
    weight_range: float = 8.0
    dark: float = 0.05


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
    transfer = kernel_spectrum(kernel, shape)
    sharp = fft.irfft2(_wiener(extend(planes, margin, shape), transfer, strength), shape)
    return _pixels(inside(sharp, margin, planes.shape), image)


def hyper_laplacian(
    image: np.ndarray,
    kernel: np.ndarray,
    noise: Optional[float] = None,
    light: str = "auto",
    settings: Optional[HyperLaplacian] = None,
    valid: Optional[np.ndarray] = None,
    unit: Optional[float] = None,
) -> np.ndarray:
    """Deconvolve with a sparse prior on the gradients.

    Minimises ``sum m (k * x - y)^2 / 2 + strength sigma^2 sum |grad x|^exponent`` by splitting
    both sums off: the gradients (half-quadratic) and the re-blurred picture (alternating
    directions), so that each step is either per pixel or per frequency. ``m`` is 0 outside the
    picture, so that its surroundings are estimated together with it, and where ``valid`` is
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
    light : {"auto", "encoded", "linear"}
        Where the blur is a convolution: in pixel values ("encoded"), in linear light, or in
        whichever explains the picture better (`blur_light`).
    settings : HyperLaplacian, optional
    valid : ndarray of bool, (H, W), optional
        False for pixels to leave out.
    unit : float, optional
        The whole picture's `typical_slope` where the image is a part of it.

    Returns
    -------
    ndarray of float32, the image's shape
        In 0..1.

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
    if light not in ("auto", "encoded", "linear"):
        raise ValueError(f"light must be 'auto', 'encoded' or 'linear', received {light!r}")
    planes, kernel = to_planes(image), _checked_kernel(kernel)
    settings = settings or HyperLaplacian()
    noise = estimate_noise(image) if noise is None else float(noise)
    if valid is not None and np.shape(valid) != planes.shape[1:]:
        raise ValueError(
            f"valid must have the picture's shape {planes.shape[1:]}, received {np.shape(valid)}"
        )
    if light == "auto":
        light = blur_light(image, kernel, noise, settings)
    # Three equal channels would count the data three times and the prior only 1.6 times.
    grey = all(np.array_equal(plane, planes[0]) for plane in planes[1:])
    solver = _Solver(
        planes[:1] if grey else planes, kernel, noise, light == "linear", settings, valid, unit
    )
    return _pixels(np.broadcast_to(solver.solve(), planes.shape), image)


def typical_slope(image: np.ndarray, settings: Optional[HyperLaplacian] = None) -> float:
    """Geometric mean of the sRGB curve's slope over a picture of any shape, values in 0..1."""
    settings = settings or HyperLaplacian()
    # Row by row: a large picture's logarithms need not be in memory together.
    logarithms = [np.mean(np.log(curves.slope(row, settings.dark))) for row in image]
    return float(np.exp(np.mean(logarithms)))


def blur_light(
    image: np.ndarray,
    kernel: np.ndarray,
    noise: float,
    settings: Optional[HyperLaplacian] = None,
    crop: int = 640,
) -> str:
    """Tell whether a picture was blurred in pixel values or in linear light.

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
    {"encoded", "linear"}
    """
    kernel = _checked_kernel(kernel)
    settings = settings or HyperLaplacian()
    planes = to_planes(image)
    plane = planes[planes.shape[0] // 2]
    low = [max(0, (n - crop - k) // 2) for n, k in zip(plane.shape, kernel.shape)]
    plane = plane[low[0] : plane.shape[0] - low[0], low[1] : plane.shape[1] - low[1]]
    costs = {}
    for light in ("encoded", "linear"):
        sharp = _Solver(plane[None], kernel, noise, light == "linear", settings).solve()[0]
        costs[light] = light_cost(plane, sharp, kernel, noise, light, settings)
    return min(costs, key=costs.get)


class _Solver:
    """State of one `hyper_laplacian`: the padded picture, its weights, and the transfer function.

    In linear light all values are divided by the typical slope of the sRGB curve, so that noise
    and gradients keep the size that they have in pixel values.
    """

    def __init__(self, planes, kernel, noise, linear, settings, valid=None, unit=None):
        self.settings, self.linear, self.inner_shape = settings, linear, planes.shape
        self.margin = tuple(n // 2 + settings.margin for n in kernel.shape)
        self.shape = extended_shape(planes.shape[1:], self.margin)
        self.transfer = kernel_spectrum(kernel, self.shape)
        # Weight of the prior against a data term of weight 1.
        self.prior = settings.strength * (noise**2 + settings.model_error**2)
        if valid is not None:
            planes = from_nearest(planes, np.asarray(valid, bool))
        encoded = extend(planes, self.margin, self.shape)
        known = np.zeros((1, *self.shape), np.float32)
        inside(known, self.margin, planes.shape)[...] = 1 if valid is None else valid
        self.saturated = (encoded >= settings.saturation) & (known > 0)
        self.weight = known * ~self.saturated
        self.unit, self.observed = 1.0, encoded
        if linear:
            slope = curves.slope(encoded, settings.dark)
            self.unit = typical_slope(planes, settings) if unit is None else unit
            limit = settings.weight_range
            self.weight = self.weight * np.clip((self.unit / slope) ** 2, 1 / limit, limit)
            self.observed = curves.to_linear(encoded) / np.float32(self.unit)
            self.thresholds = self._threshold_table()

    def solve(self) -> np.ndarray:
        """Sharp planes in 0..1, sRGB values, (C, H, W)."""
        settings, split = self.settings, np.float32(self.settings.data_split)
        adjoint = split * np.conj(self.transfer)
        power = split * np.abs(self.transfer) ** 2 + np.float32(1e-9)
        roughness = gradient_power(self.shape)
        copy = SplitData(self.observed, self.weight, self.saturated, split)
        spectrum = _wiener(self._surrounded(), self.transfer, 20 * self.prior)
        sharp = fft.irfft2(spectrum, self.shape)
        blurred = self.transfer * spectrum
        penalties = np.geomspace(settings.split_first, settings.split_last, settings.iterations)
        for penalty in penalties.tolist():
            pull = np.float32(self.prior * penalty)
            target = fft.rfft2(copy.target(fft.irfft2(blurred, self.shape)))
            edges = fft.rfft2(self._shrunken_divergence(sharp, penalty))

            planes = spectrum, target, edges, blurred
            constants = self.transfer, adjoint, power, roughness
            in_strips(functools.partial(_update, pull), *planes, *constants)
            sharp = fft.irfft2(spectrum, self.shape)
        sharp = inside(sharp, self.margin, self.inner_shape)
        if self.linear:
            sharp = curves.to_encoded(sharp * np.float32(self.unit))
        return np.clip(sharp, 0, 1)

    def _surrounded(self) -> np.ndarray:
        """Return the blurry picture with its surroundings and its saturated parts estimated."""
        known = self.weight > 0
        filled = fill_hidden(self.observed, known, self.transfer, self.settings.fill, half=True)
        return np.maximum(filled, self.observed, out=filled, where=self.saturated)

    def _shrunken_divergence(self, sharp: np.ndarray, penalty: float) -> np.ndarray:
        """Transposed gradient of the shrunken gradient."""
        result = np.empty_like(sharp)

        def fill(strip: np.ndarray, rows: np.ndarray) -> None:
            # One more on both sides: the gradient looks ahead, its transpose looks back.
            around = range(rows[0, 0] - 1, rows[-1, 0] + 2)
            block = sharp.take(around, axis=1, mode="wrap")
            threshold = self._threshold(block, penalty)
            both = gradients(block)
            for gradient in both:
                if len(gradient) == 1:
                    size = np.abs(gradient)
                else:
                    size = np.sqrt(np.einsum("chw,chw->hw", gradient, gradient))[None]
                gradient *= shrink_factor(size, threshold, self.settings.exponent)
            strip[...] = divergence(*both)[:, 1:-1]

        in_strips(fill, result, np.arange(self.shape[0])[:, None])
        return result

    def _threshold(self, sharp: np.ndarray, penalty: float) -> Union[float, np.ndarray]:
        """Size under which a gradient is noise; in linear light by pixel, (1, H, W)."""
        threshold = (1 / penalty) ** (1 / (2 - self.settings.exponent))
        if not self.linear:
            return threshold
        level = np.clip(sharp.mean(axis=0, keepdims=True) * np.float32(self.unit), 0, 1)
        index = (level * (self.thresholds.size - 1)).astype(np.int32)
        return self.thresholds[index] * np.float32(threshold)

    def _threshold_table(self) -> np.ndarray:
        """Factor of the threshold over linear light 0..1: a step in the dark is seen more."""
        encoded = curves.to_encoded(np.linspace(0, 1, 4096))
        slope = curves.slope(encoded, self.settings.dark)
        exponent = self.settings.exponent
        return ((self.unit / slope) ** (exponent / (2 - exponent))).astype(np.float32)


def _update(
    pull: float,
    spectrum: np.ndarray,
    target: np.ndarray,
    edges: np.ndarray,
    blurred: np.ndarray,
    transfer: np.ndarray,
    adjoint: np.ndarray,
    power: np.ndarray,
    roughness: np.ndarray,
) -> None:
    """Solve for the spectrum, and blur it: the step of `_Solver.solve` by frequency, in place."""
    np.multiply(target, adjoint, out=spectrum)
    edges *= pull
    spectrum += edges
    spectrum *= 1 / (power + pull * roughness)
    np.multiply(transfer, spectrum, out=blurred)


def light_cost(
    plane: np.ndarray,
    sharp: np.ndarray,
    kernel: np.ndarray,
    noise: float,
    light: str,
    settings: Optional[HyperLaplacian] = None,
) -> float:
    """Cost by which `blur_light` compares the two kinds of light, border aside.

    Parameters
    ----------
    plane, sharp : ndarray, (H, W)
        Blurry picture and its deconvolution in that light, both sRGB values.
    kernel, noise, light, settings
        What it was deconvolved with.
    """
    settings = settings or HyperLaplacian()
    margin = tuple(n // 2 for n in kernel.shape)
    error = unexplained(plane, sharp, kernel, light)
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


def _wiener(planes: np.ndarray, transfer: np.ndarray, strength: float) -> np.ndarray:
    """Return the spectrum of the picture that `tikhonov` finds."""
    shape = planes.shape[1:]
    penalty = strength * (gradient_power(shape) + np.float32(TIKHONOV_FLOOR))
    return np.conj(transfer) / (np.abs(transfer) ** 2 + penalty) * fft.rfft2(planes)


def _pixels(planes: np.ndarray, image: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(planes[0] if image.ndim == 2 else np.moveaxis(planes, 0, -1))


def _checked_kernel(kernel: np.ndarray) -> np.ndarray:
    kernel = np.asarray(kernel, np.float32)
    if kernel.ndim != 2 or not abs(float(kernel.sum()) - 1) < 1e-2:
        raise ValueError(
            f"the kernel must be (h, w) and sum to 1, received {kernel.shape}, "
            f"sum {float(kernel.sum()):.4g}"
        )
    return kernel

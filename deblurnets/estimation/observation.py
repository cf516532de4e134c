"""Which pixels of a picture tell of its blur, and which were laid over it or tell nothing.

Film bars, frames, black corners, subtitles and dates lie over a picture after it was blurred: no
kernel explains them. They are found before a kernel is known, by what a shaken picture cannot have:
constant surroundings that end in one step, and strokes in all directions that are sharp while the
rest is not.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Optional, Tuple

import cv2
import numpy as np

from deblurnets.deconvolution.half_quadratic import HyperLaplacian
from deblurnets.deconvolution.hyper_laplacian import hyper_laplacian
from deblurnets.deconvolution.residual import residual
from deblurnets.imaging.pixels import eight_bits, unit_range
from deblurnets.imaging.srgb import GREY

# Values of 255 that differ by no more are one constant, as JPEG stores it.
ALIKE = 2
# Surroundings of fewer rows or columns are none, and what is left is a picture.
LEAST_STRIP, LEAST_PICTURE = 4, 32
# Deviation, pixels, of the seam between what was kept and what was deblurred.
SOFT = 1.5
# Larger pictures are looked at reduced to so many pixels.
PIXELS = 1_500_000
# Where more of a picture is hidden than this share the rest tells too little.
MOST_HIDDEN = 0.9
# Alpha from which on a pixel counts as opaque; share of its edges from which on it was cut sharp.
OPAQUE, CUT = 0.995, 0.1
# Mean step, in values of 255, with which surroundings end.
STEP = 8.0


@dataclasses.dataclass(frozen=True)
class OverlayConfig:
    """When strokes count as laid over a picture.

    Attributes
    ----------
    contrast : least difference of pixel values, of 255, over `reach` pixels on both sides.
    reach : pixels.
    sharp : share of that difference that one pixel and its neighbours take.
    window : side, pixels, of the surroundings in which directions are compared.
    coherence : (l1 - l2) / (l1 + l2) of the structure tensor of sharp pixels, at most: a shake
        along a line leaves edges along it sharp, strokes of letters go all ways.
    crowd : least number of sharp pixels in the window.
    least : share of such pixels in the picture.
    largest : share of the picture that strokes and what is next to them have, at most.
    rest : largest share of sharp ones among the other edges: where more are, the picture is sharp.
    grown : pixels around strokes that belong to them: antialiasing, outlines, JPEG.
    """

    contrast: int = 50
    reach: int = 4
    sharp: float = 0.7
    window: int = 25
    coherence: float = 0.75
    crowd: int = 40
    least: float = 5e-4
    largest: float = 0.3
    rest: float = 0.1
    grown: int = 5


@dataclasses.dataclass(frozen=True)
class SurroundingsConfig:
    """When areas of one colour count as no part of the picture.

    Attributes
    ----------
    flat : side, pixels, of the squares that have to be of one colour.
    least : share of the picture that such an area has.
    contrast, sharp : least difference of values at its border, and the share of places with it
        that are sharp there, as of `OverlayConfig`.
    seen : share of its border that has this difference, at least.
    grown : pixels around an area that belong to it.
    closed : what lies between areas that are not so many pixels apart belongs to them.
    """

    flat: int = 5
    least: float = 0.001
    contrast: int = 20
    sharp: float = 0.2
    seen: float = 0.1
    grown: int = 5
    closed: int = 31


def inner_rectangle(image: np.ndarray) -> Tuple[slice, slice]:
    """Return the part of a picture (H, W, 3), uint8, within bars or frames; all without any.

    Bars are rows and columns at the border, of one colour, that end in one step.
    """
    rows = _within(image)
    return rows, _within(image[rows].swapaxes(0, 1))


def _within(image: np.ndarray) -> slice:
    """Return the rows of a picture within constant ones at both ends."""
    count = len(image)
    first, last = _constant(image), count - _constant(image[::-1])
    if last - first < LEAST_PICTURE:
        return slice(0, count)
    first = first if first >= LEAST_STRIP and _ends(image, first - 1, first + 1) else 0
    last = last if count - last >= LEAST_STRIP and _ends(image, last, last - 2) else count
    return slice(first, last)


def _constant(image: np.ndarray) -> int:
    """Count the rows at the beginning that are of one colour each."""
    for number, row in enumerate(image):
        if (np.ptp(row, axis=0) > ALIKE).any():
            return number
    return len(image)


def _ends(image: np.ndarray, outer: int, inner: int) -> bool:
    """Tell whether the picture begins with a step between two rows."""
    return float(cv2.absdiff(image[inner], image[outer]).mean()) >= STEP


def overlay(
    image: np.ndarray,
    beside: Optional[np.ndarray] = None,
    config: Optional[OverlayConfig] = None,
) -> Optional[np.ndarray]:
    """Find sharp strokes over a picture (H, W, 3), uint8, that is not sharp itself.

    What lies `beside` it, (H, W) of bool, does not count.

    Returns
    -------
    array (H, W) of bool, True on strokes and next to them; None where there are none.
    """
    config = config or OverlayConfig()
    strong, sharp = _edges(image, config)
    if beside is not None:
        strong, sharp = strong & ~beside, sharp & ~beside
    if sharp.mean() < config.least:
        return None
    strokes = sharp & _in_all_directions(image, sharp, config)
    if strokes.mean() < config.least:
        return None
    # Closed first, so that strokes are found between their two edges.
    disc = [cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (n, n)) for n in (9, 2 * config.grown + 1)]
    mask = cv2.morphologyEx(strokes.astype(np.uint8), cv2.MORPH_CLOSE, disc[0])
    mask = cv2.dilate(mask, disc[1]).astype(bool)
    rest = np.count_nonzero(sharp & ~mask), np.count_nonzero(strong & ~mask)
    return None if mask.mean() > config.largest or rest[0] > config.rest * rest[1] else mask


def sharp_share(grey: np.ndarray, config: Optional[OverlayConfig] = None) -> float:
    """Return the share of the edges of a grey picture (H, W) in 0..1 that are sharp."""
    strong, sharp = _edges(eight_bits(grey), config or OverlayConfig())
    return float(sharp.sum() / max(strong.sum(), 1))


def steepness(grey: np.ndarray) -> float:
    """Return the slope a pixel that a thousandth of a grey picture (H, W) exceeds, smoothed."""
    smooth = cv2.GaussianBlur(grey, (0, 0), 1.5)
    slopes = np.hypot(np.diff(smooth, axis=0)[:, 1:], np.diff(smooth, axis=1)[1:])
    return float(np.percentile(slopes, 99.9))


def cut_sharp(alpha: np.ndarray) -> bool:
    """Tell whether an alpha channel (H, W) has no edges, or sharp ones: cut after the shake."""
    strong, sharp = _edges(eight_bits(unit_range(alpha)), OverlayConfig())
    return np.count_nonzero(sharp) >= CUT * np.count_nonzero(strong)


def _edges(image: np.ndarray, config: OverlayConfig) -> Tuple[np.ndarray, np.ndarray]:
    """Return where some channel differs much within some pixels, and where it does within two."""
    strong, sharp = (np.zeros(image.shape[:2], bool) for _ in range(2))
    for down in (False, True):
        far, near = (_range(image, reach, down) for reach in (config.reach, 1))
        much = far >= config.contrast
        strong |= much
        sharp |= much & (near >= np.float32(config.sharp) * far)
    return strong, sharp


def _range(image: np.ndarray, reach: int, down: bool) -> np.ndarray:
    """Largest minus smallest value within `reach` pixels to both sides, or up and down: (H, W)."""
    line = np.ones((2 * reach + 1, 1) if down else (1, 2 * reach + 1), np.uint8)
    return _largest(cv2.subtract(cv2.dilate(image, line), cv2.erode(image, line)))


def _largest(image: np.ndarray) -> np.ndarray:
    """Return the largest channel of (H, W) or (H, W, C); NumPy takes twenty times as long."""
    return image if image.ndim == 2 else functools.reduce(cv2.max, cv2.split(image))


def _in_all_directions(image: np.ndarray, sharp: np.ndarray, config: OverlayConfig) -> np.ndarray:
    """Tell around which pixels many are sharp, across no single direction."""
    x, y = (cv2.Sobel(image, cv2.CV_32F, *order) for order in ((1, 0), (0, 1)))
    products = [cv2.transform(a * b, np.ones((1, 3))) for a, b in ((x, x), (y, y), (x, y))]
    side = (config.window, config.window)
    xx, yy, xy, number = (
        cv2.boxFilter(np.where(sharp, part, np.float32(0)), -1, side, normalize=False)
        for part in (*products, np.float32(1))
    )
    apart = np.sqrt((xx - yy) ** 2 + 4 * xy * xy)
    return (apart <= config.coherence * (xx + yy)) & (number >= config.crowd)


def surroundings(image: np.ndarray, config: Optional[SurroundingsConfig] = None) -> np.ndarray:
    """Find areas of one colour around or beside a picture (H, W, 3), uint8: (H, W) of bool.

    Black corners, margins, the window around a picture: they reach its border. A shaken picture may
    have areas of one colour, too, but they end softly.
    """
    config = config or SurroundingsConfig()
    square = np.ones((config.flat, config.flat), np.uint8)
    spread = _largest(cv2.subtract(cv2.dilate(image, square), cv2.erode(image, square)))
    count, labels, facts, _ = cv2.connectedComponentsWithStats((spread <= ALIKE).astype(np.uint8))
    mask = np.zeros(labels.shape, np.uint8)
    edges: Optional[Tuple[np.ndarray, np.ndarray]] = None
    grown = np.ones((2 * config.grown + 1,) * 2, np.uint8)
    for label in range(1, count):
        left, top, width, height, size = facts[label]
        inside = 0 < left < left + width < labels.shape[1] and 0 < top < top + height < len(labels)
        if inside or size < config.least * labels.size:
            continue
        edges = edges or _edges(image, OverlayConfig(contrast=config.contrast))
        part = tuple(
            slice(max(low - config.grown, 0), low + length + config.grown)
            for low, length in ((top, height), (left, width))
        )
        own = labels[part] == label
        area = cv2.dilate(own.astype(np.uint8), grown)
        ring = (area > 0) & ~own
        strong, sharp = (int(np.count_nonzero(where[part] & ring)) for where in edges)
        if strong > config.seen * np.count_nonzero(ring) and sharp >= config.sharp * strong:
            mask[part] |= area
    # Letters in a window's margin belong to it.
    closing = np.ones((config.closed, config.closed), np.uint8)
    return cv2.morphologyEx(mask, cv2.MORPH_CLOSE, closing).astype(bool)


@dataclasses.dataclass(frozen=True)
class Observation:
    """Which pixels of a picture tell of its blur.

    Attributes
    ----------
    rows, columns : the part within bars and frames.
    surroundings, overlay : arrays (H, W) of bool, of that part, True where a pixel is of one
        colour beside the picture, and where it seems to lie over it; None where none does.
    """

    rows: slice
    columns: slice
    surroundings: Optional[np.ndarray] = None
    overlay: Optional[np.ndarray] = None

    @property
    def hidden(self) -> Optional[np.ndarray]:
        """All pixels of the part that tell nothing; None where there are none."""
        masks = [mask for mask in (self.surroundings, self.overlay) if mask is not None]
        return functools.reduce(np.logical_or, masks) if masks else None

    @property
    def kept(self) -> float:
        """Share of the part's pixels that stay as they are."""
        return 0.0 if self.hidden is None else float(self.hidden.mean())

    def part(self, image: np.ndarray) -> np.ndarray:
        """Return the part within bars and frames, what hides it replaced by what lies around."""
        inner, hidden = image[self.rows, self.columns], self.hidden
        return inner if hidden is None else inpainted(inner, hidden)

    def joined(self, image: np.ndarray, part: np.ndarray) -> np.ndarray:
        """Return a picture whose part is replaced, all that hides the part as it was."""
        inner, hidden = image[self.rows, self.columns], self.hidden
        if hidden is not None:
            kept = cv2.GaussianBlur(hidden.astype(np.float32), (0, 0), SOFT)
            kept = np.maximum(np.minimum(2 * kept, 1), hidden)[..., None]
            part = part + kept * (inner - part)
        if part.shape == image.shape:
            return part
        whole = image.copy()
        whole[self.rows, self.columns] = part
        return whole


def observe(image: np.ndarray, alpha: Optional[np.ndarray] = None) -> Observation:
    """Find out which pixels of a picture (H, W, 3) in 0..1 tell of its blur.

    Where `alpha`, (H, W) of any range, is not opaque they tell nothing.
    """
    pixels = eight_bits(image)
    rows, columns = inner_rectangle(pixels)
    inner = np.ascontiguousarray(pixels[rows, columns])
    shape = inner.shape[1::-1]
    scale = math.sqrt(PIXELS / (shape[0] * shape[1]))
    if scale < 1:
        # What is sharp stays so; letters have the size that they have in smaller pictures.
        inner = cv2.resize(inner, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    areas = surroundings(inner)
    if alpha is not None:
        clear = np.uint8(unit_range(alpha)[rows, columns] < OPAQUE)
        areas |= cv2.resize(clear, inner.shape[1::-1], interpolation=cv2.INTER_AREA) > 0
    areas = areas if 0 < areas.mean() <= MOST_HIDDEN else None
    masks = [None if m is None else _enlarged(m, shape) for m in (areas, overlay(inner, areas))]
    return Observation(rows, columns, *masks)


def _enlarged(mask: np.ndarray, shape: Tuple[int, int]) -> np.ndarray:
    """Return a mask for a picture of (width, height)."""
    return cv2.resize(mask.astype(np.uint8), shape, interpolation=cv2.INTER_NEAREST).astype(bool)


def explains(
    image: np.ndarray, mask: np.ndarray, kernel: np.ndarray, domain: str, error: float = 0.075
) -> bool:
    """Tell whether what seemed to lie over a picture is blurred after all, as streaks of lights.

    Parameters
    ----------
    image : array (H, W, 3), 0..1.
    mask : array (H, W) of bool.
    kernel, domain : of the blur.
    error : root mean square of what the blur may leave unexplained in the mask.
    """
    grey = np.ascontiguousarray(image @ GREY)
    left = residual(grey, hyper_laplacian(grey, kernel, domain=domain), kernel, domain)
    # A clipped pixel was at least white.
    left = np.where(grey >= HyperLaplacian().saturation, np.maximum(left, 0), left)
    return bool(np.mean(left[mask] ** 2) <= error**2)


def inpainted(image: np.ndarray, mask: np.ndarray, radius: float = 4.0) -> np.ndarray:
    """Return a picture (H, W, 3) in 0..1 with masked pixels continued from around them.

    Telea, "An image inpainting technique based on the fast marching method", Journal of Graphics
    Tools 9(1), 2004.
    """
    # Of 32-bit floats OpenCV makes noise.
    filled = cv2.inpaint(eight_bits(image), mask.astype(np.uint8), radius, cv2.INPAINT_TELEA)
    return np.where(mask[..., None], unit_range(filled), image)

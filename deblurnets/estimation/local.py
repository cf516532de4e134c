"""Local blur: kernels of regions for pictures that one kernel does not fit, as of a turning camera.

Where the kernel of the whole picture is doubtful, the search runs once more in each region. A
region's kernel counts if its predicted gain is above that of the picture's kernel there, and if a
neighbour or the picture as a whole has a similar one. Twice the gain must be clear on average over
the regions: that of the kernels, each in its region, and that of the result, in the better of both
domains, beside the result with one kernel.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

import numpy as np
from scipy import ndimage

from deblurnets.estimation.estimate import Estimate
from deblurnets.estimation.regions import Regions, cut_regions, fade
from deblurnets.imaging.noise import estimate_noise
from deblurnets.imaging.psf import similarity, support_size
from deblurnets.imaging.srgb import DOMAINS, GREY


@dataclasses.dataclass(frozen=True)
class LocalConfig:
    """How regions are cut and which kernels are believed.

    Attributes
    ----------
    side, step, most : least side of a region in pixels, distance of neighbours in sides, and the
        largest number of regions along a side of the picture.
    certain : from this confidence on the kernel of the whole picture is right, and no region is
        searched.
    alike : least similarity (cosine) of a region's kernel to a neighbour's or the picture's.
    margin, no_blur_margin : dB that must be predicted of the regions' kernels, and of the result,
        more than of one kernel, mean over the regions. The second is for pictures in which
        no blur was found: guesses under 1 dB are worth little.
    edges : least gradient, in units of 0..1 a pixel, that a hundredth of a region's pixels must
        have after smoothing; else it has no edges to estimate a kernel from.
    halo : pixels beyond the kernel's radius that a region's part is deblurred with.
    """

    side: int = 288
    step: float = 0.6
    most: int = 4
    certain: float = 0.99
    alike: float = 0.4
    margin: float = 0.5
    no_blur_margin: float = 1.0
    edges: float = 0.006
    halo: int = 48

    def least_gain(self, given: Estimate) -> float:
        """Return the margin for a picture with this estimate."""
        return self.margin if given.strength > 0 else self.no_blur_margin


class RegionEstimate(NamedTuple):
    """What the search finds in a region.

    Attributes
    ----------
    estimate : Estimate of the region.
    advantage : dB that are predicted of its kernel there more than of the picture's, or than of the
        region as it is if no blur was found in the picture.
    """

    estimate: Estimate
    advantage: float


class LocalEstimate(NamedTuple):
    """The regions of a picture and their kernels.

    Attributes
    ----------
    regions : Regions
    own : numbers of the regions with a kernel of their own, and their estimates.
    """

    regions: Regions
    own: List[Tuple[int, Estimate]]

    def lit(self, domain: str) -> LocalEstimate:
        """Return the same with all kernels in a domain: a picture has one."""
        own = [(number, dataclasses.replace(e, domain=domain)) for number, e in self.own]
        return self._replace(own=own)

    def without(self) -> LocalEstimate:
        """Return the same regions, none with a kernel of its own."""
        return self._replace(own=[])

    def counts(self) -> Tuple[int, int]:
        """Return how many regions have a kernel of their own, and how many there are."""
        return len(self.own), len(self.regions.places())

    def confidence(self, given: Estimate) -> Optional[float]:
        """Return the mean over the regions of the probability that they got better."""
        known = [estimate.confidence for _, estimate in self.own]
        known += [given.confidence] * (self.counts()[1] - len(known))
        return None if None in known else float(np.mean(known))


def estimate_regions(
    image: np.ndarray, given: Estimate, analysis: Any, config: LocalConfig
) -> LocalEstimate:
    """Estimate kernels of a picture's regions and decide which of them to try.

    Parameters
    ----------
    image : array (H, W, 3), 0..1.
    given : Estimate of the whole picture.
    analysis : object with ``estimate_region(image, given) -> RegionEstimate``
    config : LocalConfig
    """
    regions = cut_regions(image.shape[:2], config.side, config.step, config.most)
    places = regions.places()
    if len(places) == 1 or (given.confidence or 0) >= config.certain:
        return LocalEstimate(regions, [])
    found = {
        number: analysis.estimate_region(image[place], given)
        for number, place in enumerate(places)
        if has_edges(image[place], config.edges)
    }
    gains = {n: _advantage(n, found, given, regions, config.alike) for n in found}
    if sum(gains.values()) < config.least_gain(given) * len(places):
        return LocalEstimate(regions, [])
    return LocalEstimate(regions, [(n, found[n].estimate) for n in found if gains[n] > 0])


def _advantage(
    number: int,
    found: Dict[int, RegionEstimate],
    given: Estimate,
    regions: Regions,
    alike: float,
) -> float:
    """Return a region's advantage, at most 0 if it is sharp or nothing else tells its kernel."""
    estimate, advantage = found[number]
    others = [found[n].estimate for n in regions.neighbours(number) if n in found]
    if given.strength > 0:
        others.append(given)
    agreed = any(similarity(estimate.kernel, other.kernel) >= alike for other in others)
    return advantage if agreed and estimate.blurred else min(advantage, 0.0)


def has_edges(image: np.ndarray, least: float) -> bool:
    """Tell whether a part (H, W, 3) of a blurry picture has edges that stand out of its noise."""
    grey = np.ascontiguousarray(image @ GREY)
    noise = estimate_noise(grey)
    smooth = ndimage.gaussian_filter(grey, 2.0)
    strength = np.hypot(*np.gradient(smooth))
    # Of noise alone, a hundredth of the pixels has gradients over 0.15 of it after smoothing.
    return float(np.percentile(strength, 99)) >= max(least, 0.5 * noise)


def deblur_regions(
    image: np.ndarray,
    one: np.ndarray,
    local: LocalEstimate,
    restore: Callable[[np.ndarray, Estimate], np.ndarray],
    config: LocalConfig,
) -> np.ndarray:
    """Deblur a picture (H, W, 3), 0..1, with the kernels of its regions; the result is alike.

    Parameters
    ----------
    image, config : as for `estimate_regions`.
    one : array (H, W, 3), the result with one kernel, for regions without a kernel of their own.
    local : LocalEstimate
    restore : callable
        Deblurs a picture or a part of one, given its estimate.
    """

    def task(number: int, estimate: Estimate) -> Tuple[int, int, Callable[..., np.ndarray]]:
        halo = config.halo + support_size(estimate.kernel, 0.998) // 2
        return number, halo, lambda place: restore(image[place], estimate)

    return fade(local.regions, one, [task(number, estimate) for number, estimate in local.own])


def deblur_better(
    image: np.ndarray,
    one: np.ndarray,
    given: Estimate,
    local: LocalEstimate,
    analysis: Any,
    restore: Callable[[np.ndarray, Estimate], np.ndarray],
    config: LocalConfig,
) -> Optional[np.ndarray]:
    """Deblur with the kernels of regions; None where the result is not clearly better than `one`.

    Parameters
    ----------
    given : Estimate of the whole picture.
    analysis : object with ``predict_gains(image, results) -> sequence of float``, decibels that
        the results are expected to be better than the picture.
    image, one, local, restore, config : as for `deblur_regions`.
    """
    if not local.own:
        return None
    # A rough kernel does not tell in which domain a picture was blurred; its results do.
    results = [deblur_regions(image, one, local.lit(domain), restore, config) for domain in DOMAINS]
    gains = [
        analysis.predict_gains(image[place], [result[place] for result in (one, *results)])
        for place in local.regions.places()
    ]
    expected = np.mean(gains, axis=0)
    if given.strength == 0:
        expected[0] = 0  # the picture as it is
    best = int(np.argmax(expected[1:]))
    better = expected[1 + best] - expected[0] >= config.least_gain(given)
    return results[best] if better else None

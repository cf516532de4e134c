"""Judgement of kernels by their results: NumPy in, NumPy out."""

from __future__ import annotations

import dataclasses
from typing import Any, List, Optional, Sequence, Tuple

import numpy as np

from .alternation_latent import best_crop
from .backend import compile_layers, ops
from .deconvolution import hyper_laplacian, light_cost
from .kernels import fit_grid, support_size
from .light import LIGHTS
from .noise import estimate_noise
from .threads import map_threads

# Results near the picture's border are worse than elsewhere; the judge learned without them.
BORDER = 32


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What the judge says of a kernel.

    Attributes
    ----------
    gain : predicted gain of the deblurred picture over the blurry one, decibels of PSNR.
    light : "encoded" or "linear", in which the picture is better deconvolved.
    """

    gain: float
    light: str


class Judge:
    """Predicts how much better a picture gets with a kernel.

    Parameters
    ----------
    network : deblurnets.networks.judge.JudgeNetwork
    crop : largest side of the part of the picture that is looked at, in pixels.
    """

    def __init__(self, network: Any, crop: int = 384) -> None:
        self.network = network
        self.crop = crop
        compile_layers([network], [(None, None, None, 1)] * 2)

    def __call__(
        self,
        image: np.ndarray,
        kernels: Sequence[np.ndarray],
        lights: Optional[Sequence[str]] = None,
    ) -> List[Verdict]:
        """Judge kernels of a picture.

        Parameters
        ----------
        image : array (H, W), grey, gamma-encoded, 0..1.
        kernels : arrays (k, k), k odd, summing to 1.
        lights : kind of light in which each kernel is judged; the better one when not given, which
            takes twice the time.
        """
        part = best_crop(image, self.crop + 2 * BORDER)
        noise = estimate_noise(part)

        def restore(task: Tuple[np.ndarray, Sequence[str]]) -> Tuple[float, str, np.ndarray]:
            kernel, tried = task
            kernel = fit_grid(kernel, min(support_size(kernel, 0.998), kernel.shape[0]))
            trials = []
            for light in tried:
                sharp = hyper_laplacian(part, kernel, noise, light)
                trials.append((light_cost(part, sharp, kernel, noise, light), light, sharp))
            return min(trials, key=lambda trial: trial[0])

        tried = [LIGHTS] * len(kernels) if lights is None else [(light,) for light in lights]
        restored = map_threads(restore, list(zip(kernels, tried)))
        results = np.stack([self._inside(sharp) for _, _, sharp in restored])[..., None]
        blurry = np.broadcast_to(self._inside(part)[None, ..., None], results.shape)
        gains = ops.convert_to_numpy(self.network(np.ascontiguousarray(blurry), results))
        return [Verdict(float(g), light) for g, (_, light, _) in zip(gains, restored)]

    def judge_results(self, image: np.ndarray, results: Sequence[np.ndarray]) -> np.ndarray:
        """Return the decibels that results are expected to be better than a picture.

        Parameters
        ----------
        image, results : arrays (H, W), grey, gamma-encoded, 0..1; their middle is looked at.
        """
        side = self.crop + 2 * BORDER
        low = [max(n - side, 0) // 2 for n in image.shape]
        part = tuple(slice(start, start + side) for start in low)
        pairs = [
            np.stack([self._inside(plane[part]) for plane in planes])[..., None]
            for planes in ([image] * len(results), results)
        ]
        return ops.convert_to_numpy(self.network(*pairs))

    def _inside(self, plane: np.ndarray) -> np.ndarray:
        """Cut the border off, and what is left to sides that the network takes."""
        divisor = self.network.config.divisor
        slices = []
        for n in plane.shape:
            side = max((n - 2 * BORDER) // divisor, 1) * divisor
            slices.append(slice((n - side) // 2, (n - side) // 2 + side))
        return plane[tuple(slices)]

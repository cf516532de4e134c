"""What tests of training share: a pack of random photographs, tiny samples and networks."""

import json

import numpy as np
from PIL import Image

from deblurnets.training.photographs import pack_photographs

SAMPLES = {"crop": 48, "grid": 17, "extent": [3, 12]}
CLEAN = {"plain": 1.0, "shot": 0.0, "read": 0.0, "mosaic": 0.0, "turning": 0.0, "resized": 0.0}
"""Settings of samples that are a convolution and nothing else."""
NETWORKS = {
    "analysis": {"grid": 17, "steps": [1, 1], "widths": [4, 8], "decoder_widths": [4, 8]},
    "synthesis": {"widths": [4, 8]},
}
NETWORKS["pair"] = dict(NETWORKS)


def make_pack(folder):
    """Write three photographs of random squares into a folder, and pack them."""
    rng = np.random.RandomState(0)
    for i, shape in enumerate([(90, 120), (128, 80), (70, 70)]):
        pixels = np.kron(rng.randint(0, 256, (shape[0] // 5, shape[1] // 5, 3)), np.ones((5, 5, 1)))
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i}.png")
    destination = folder / "pack"
    assert pack_photographs(folder, destination) == 3
    return destination


def arguments(kind, pack, run, steps):
    """Return the command line of a training."""
    return [
        *(kind, str(pack), str(run), "--steps", str(steps), "--batch", "2", "--workers", "0"),
        *("--dtype", "float32", "--network", json.dumps(NETWORKS[kind])),
        *("--samples", json.dumps(SAMPLES)),
    ]

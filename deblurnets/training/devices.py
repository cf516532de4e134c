"""Several devices of one computer: each takes its part of every batch."""

from __future__ import annotations

from deblurnets import backend
from deblurnets.backend import keras


def use_devices(wanted: str, batch: int) -> None:
    """Let the networks made from now on be trained on several devices.

    Every device holds all weights, computes its part of each batch, and the gradients are averaged,
    so that the run is that of one device up to rounding.

    Parameters
    ----------
    wanted : a number, or "all" that the framework sees.
    batch : samples per step, a multiple of the devices' number.

    Raises
    ------
    SystemExit
        With a sentence: a framework without it, fewer devices than wanted, a batch that cannot be
        split.
    """
    if not backend.description().startswith("jax"):
        raise SystemExit(
            "--devices: Keras splits batches over devices on JAX alone, here it runs on "
            f"{backend.description()}: set KERAS_BACKEND=jax"
        )
    seen = keras.distribution.list_devices()
    number = len(seen) if wanted == "all" else _count(wanted)
    if number > len(seen):
        raise SystemExit(f"--devices {number}: JAX sees {len(seen)}: {', '.join(seen)}")
    if batch % number:
        raise SystemExit(f"--devices: a batch of {batch} cannot be split evenly over {number}")
    mesh = keras.distribution.DeviceMesh((number,), ["batch"], seen[:number])
    keras.distribution.set_distribution(keras.distribution.DataParallel(device_mesh=mesh))
    print(f"each batch is split over {', '.join(seen[:number])}", flush=True)


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise SystemExit(f"--devices takes a number from 1 on, or 'all', received {text!r}")
    return int(text)

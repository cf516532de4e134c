"""The frames of a camera shake in a MATLAB file, as Koehler et al. publish them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator, Sequence

import numpy as np

from deblurnets.evaluation.benchmark import BenchmarkError
from deblurnets.evaluation.literature.matlab_file import read_matlab_file

_NAME = "GroundTruth"


def read_trajectory(path: Path, faulty: Sequence[int] = (), step: int = 1) -> Iterator[np.ndarray]:
    """Read the array `GroundTruth` frame by frame.

    Parameters
    ----------
    path : Path
        MATLAB file, of version 7.3 (HDF5, read frame by frame) or older (read whole: a trajectory
        of 200 frames of 800x800 takes 400 MB).
    faulty : sequence of int
        Numbers of frames, from 1, to leave out.
    step : int
        Every so-manieth of the others.

    Yields
    ------
    ndarray
        (H, W, 3) uint8.

    Raises
    ------
    BenchmarkError
        When the file is none or holds another array.
    """
    import h5py

    if h5py.is_hdf5(str(path)):
        with h5py.File(str(path), "r") as file:
            # HDF5 has MATLAB's axes in reverse: frame, channel, column, row.
            frames = _checked(file.get(_NAME), path, channel=1)
            for index in _chosen(frames.shape[0], faulty, step):
                yield np.ascontiguousarray(frames[index].transpose(2, 1, 0))
        return
    frames = _checked(read_matlab_file(path).get(_NAME), path, channel=2)
    for index in _chosen(frames.shape[3], faulty, step):
        yield np.ascontiguousarray(frames[..., index])


def _checked(frames: Any, path: Path, channel: int) -> Any:
    shape = getattr(frames, "shape", None)
    if shape is None or len(shape) != 4 or shape[channel] != 3 or frames.dtype != np.uint8:
        found = "none" if shape is None else f"{frames.dtype} {tuple(shape)}"
        raise BenchmarkError(
            f"{path}: expected {_NAME} of shape (H, W, 3, N) and type uint8, found {found}"
        )
    return frames


def _chosen(count: int, faulty: Sequence[int], step: int) -> Sequence[int]:
    return [index for index in range(count) if index + 1 not in faulty][::step]

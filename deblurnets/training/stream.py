"""A stream of training batches, made ahead by worker processes, the same for any number of them."""

from __future__ import annotations

import collections
import concurrent.futures
import itertools
import multiprocessing
import signal
from pathlib import Path
from typing import Dict, Iterator

import cv2
import numpy as np

from deblurnets.training.photographs import Photographs
from deblurnets.training.samples import SampleConfig, draw_sample

Batch = Dict[str, np.ndarray]


def make_batch(
    photographs: Photographs, config: SampleConfig, seed: int, number: int, size: int
) -> Batch:
    """Make batch `number` (from 0) of `size` samples; every array gets a leading batch axis."""
    samples = [
        draw_sample(photographs, config, seed, i) for i in range(number * size, (number + 1) * size)
    ]
    return {name: np.stack([s[name] for s in samples]) for name in samples[0]}


def _start_worker() -> None:
    """Keep to one core, and leave Ctrl-C to the training process, which ends its workers itself."""
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _worker_batch(pack: str, config: SampleConfig, seed: int, number: int, size: int) -> Batch:
    return make_batch(Photographs(Path(pack)), config, seed, number, size)


def batches(
    pack: Path, config: SampleConfig, seed: int, first: int, size: int, workers: int = 1
) -> Iterator[Batch]:
    """Yield batches `first`, `first` + 1, ... without end.

    Parameters
    ----------
    pack : path
        Folder written by `deblurnets.training.photographs.pack_photographs`.
    config, seed : the distribution and the stream within it.
    first : number of the first batch: 0, or the step at which a run resumes.
    size : samples per batch.
    workers : processes that make batches ahead; 0 makes them in this process.
    """
    if workers == 0:
        photographs = Photographs(pack)
        for number in itertools.count(first):
            yield make_batch(photographs, config, seed, number, size)
    # Spawned, not forked: a fork of a process that runs TensorFlow's threads can hang.
    context = multiprocessing.get_context("spawn")
    pool = concurrent.futures.ProcessPoolExecutor(
        workers, mp_context=context, initializer=_start_worker
    )
    with pool:
        pending: collections.deque = collections.deque()
        try:
            for number in itertools.count(first):
                pending.append(pool.submit(_worker_batch, str(pack), config, seed, number, size))
                if len(pending) > 3 * workers:
                    yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()

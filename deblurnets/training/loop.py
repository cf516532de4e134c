"""The training loop: steps, a learning-rate schedule, a log, checkpoints, exact resume."""

from __future__ import annotations

import csv
import dataclasses
import math
import os
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Sequence, Tuple

import numpy as np

from deblurnets.backend import keras
from deblurnets.training.losses import Trainer

CHECKPOINT = "checkpoint.npz"


@dataclasses.dataclass(frozen=True)
class LoopConfig:
    """How long and how fast.

    Attributes
    ----------
    steps : optimiser steps in all; the schedule ends at 0 there. May be changed on resume.
    seconds : length of the run by the clock, 0 for none: the schedule follows the clock instead of
        the steps, and the run ends with it. For machines lent by the minute.
    learning_rate, warmup : peak of the schedule, and steps of its linear rise.
    decay : last share of the steps over which the rate falls to 0 along a half cosine.
    checkpoint_seconds, log_steps : how often to save, and over how many steps a log line averages.
    """

    steps: int = 10_000
    seconds: float = 0
    learning_rate: float = 1e-3
    warmup: int = 200
    decay: float = 0.7
    checkpoint_seconds: float = 180
    log_steps: int = 50


def learning_rate(config: LoopConfig, step: int, seconds: float = 0) -> float:
    """Return the rate for `step` (from 0), `seconds` after the run began."""
    end, now = (config.seconds, seconds) if config.seconds else (config.steps, step)
    start = end * (1 - config.decay)
    progress = min(max((now - start) / max(end - start, 1), 0), 1)
    rise = min((step + 1) / max(config.warmup, 1), 1)
    return config.learning_rate * rise * 0.5 * (1 + math.cos(math.pi * progress))


def compile_trainer(trainer: Trainer) -> None:
    """Create the optimiser's variables, ready for a checkpoint; the networks have theirs."""
    # Compiling with XLA costs minutes on a CPU and its convolutions are slower there.
    jit = False if keras.backend.backend() == "tensorflow" else "auto"
    optimizer = keras.optimizers.Adam(1e-3, global_clipnorm=1.0)
    trainer.compile(optimizer=optimizer, jit_compile=jit)
    optimizer.build(trainer.trainable_variables)


def save_checkpoint(state: Sequence, step: int, folder: Path, seconds: float = 0) -> None:
    """Write step, time and variables; a killed run leaves the last whole file."""
    folder = Path(folder)
    arrays = {f"{i:04d}": keras.ops.convert_to_numpy(v) for i, v in enumerate(state)}
    part = folder / (CHECKPOINT + ".part")
    with open(part, "wb") as file:
        np.savez(file, step=step, seconds=seconds, **arrays)
    os.replace(part, folder / CHECKPOINT)


def load_checkpoint(trainer: Trainer, folder: Path) -> Tuple[int, float]:
    """Load the folder's checkpoint; return its step and time, 0 and 0 where there is none."""
    path = Path(folder) / CHECKPOINT
    if not path.exists():
        return 0, 0.0
    with np.load(path) as arrays:
        variables = trainer.state()
        if sum(name.isdigit() for name in arrays.files) != len(variables):
            raise ValueError(f"{path} does not fit this network: another configuration wrote it")
        for i, variable in enumerate(variables):
            variable.assign(arrays[f"{i:04d}"])
        seconds = float(arrays["seconds"]) if "seconds" in arrays.files else 0.0
        return int(arrays["step"]), seconds


def load_network(network: keras.Model, folder: Path) -> int:
    """Load the network's part of the folder's checkpoint and return its step."""
    with np.load(Path(folder) / CHECKPOINT) as arrays:
        for i, variable in enumerate(network.variables):
            variable.assign(arrays[f"{i:04d}"])
        return int(arrays["step"])


def train(
    trainee: Any,
    stream: Iterator[Dict[str, np.ndarray]],
    config: LoopConfig,
    folder: Path,
    first: int,
    stop_requested: Callable[[], bool] = lambda: False,
    seconds: float = 0,
) -> None:
    """Train from step `first` to the end, saving and logging into `folder`.

    Parameters
    ----------
    trainee : takes a step with a batch and a learning rate (`step`), which returns figures, and
        has variables for a checkpoint (`state`): a `Trainer` compiled by `compile_trainer`, or a
        `deblurnets.training.cuda_graph.GraphedStep`.
    stream : batches from step `first` on.
    stop_requested : asked after every step; true ends the run with a checkpoint.
    seconds : time that the steps before `first` took.
    """
    saved = began = time.monotonic()
    start = began - seconds
    sums: Dict[str, Any] = {}  # of numbers, or of scalars on a device that are not waited for
    for step in range(first, config.steps):
        batch = next(stream)
        rate = learning_rate(config, step, time.monotonic() - start)
        for name, value in trainee.step(batch, rate).items():
            sums[name] = sums.get(name, 0.0) + value
        if (step + 1) % config.log_steps == 0:
            number = min(config.log_steps, step + 1 - first)  # fewer right after a resume
            means = {name: float(value) / number for name, value in sums.items()}
            log(folder, step + 1, (time.monotonic() - began) / number, means)
            sums, began = {}, time.monotonic()
        elapsed = time.monotonic() - start
        over = step + 1 == config.steps or 0 < config.seconds <= elapsed
        last = over or stop_requested()
        if last or time.monotonic() - saved > config.checkpoint_seconds:
            save_checkpoint(trainee.state(), step + 1, folder, elapsed)
            saved = time.monotonic()
        if last:
            break


def log(folder: Path, step: int, seconds: float, figures: Dict[str, float]) -> None:
    """Add a row to the folder's log.csv, and print it."""
    row = {"step": step, "seconds_per_step": round(seconds, 4)}
    row.update({name: round(value, 5) for name, value in figures.items()})
    path = Path(folder) / "log.csv"
    new = not path.exists()
    with open(path, "a", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)
    print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)

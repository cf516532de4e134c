"""Training of the analysis network with each step played back as one CUDA graph.

A step calls thousands of small operations; called one by one they keep a GPU waiting most of the
time. Captured once and played back, a step costs what its arithmetic costs, and the next batch is
made meanwhile, on a stream of its own. Without a GPU the same code runs call by call.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator

import numpy as np
import torch

from deblurnets.training import loop
from deblurnets.training.on_device.domain import grey
from deblurnets.training.on_device.twin import AnalysisTwin

Batch = Dict[str, torch.Tensor]
CLIP = 1.0  # the largest norm of a step's gradient


class GraphedStep:
    """One optimiser step on a batch of fixed sizes.

    Parameters
    ----------
    twin : AnalysisTwin, on the device.
    batch : the first batch; all later ones have its shapes.
    """

    def __init__(self, twin: AnalysisTwin, batch: Batch) -> None:
        self.twin = twin
        device = next(iter(batch.values())).device
        self.rate = torch.tensor(0.0, device=device)
        on_gpu = device.type == "cuda"
        self.optimizer = torch.optim.Adam(
            twin.parameters(), lr=self.rate, eps=1e-7, fused=True, capturable=on_gpu
        )
        self._batch = {name: value.clone() for name, value in batch.items()}
        self._graph = None
        self._figures: Dict[str, torch.Tensor] = {}
        if on_gpu:
            self._capture()

    def __call__(self, batch: Batch, rate: float) -> Dict[str, torch.Tensor]:
        """Take one step; the figures are read only after waiting for the device."""
        for name, value in batch.items():
            self._batch[name].copy_(value, non_blocking=True)
        self.rate.fill_(rate)
        if self._graph is None:
            return self._step()
        self._graph.replay()
        return self._figures

    def _capture(self) -> None:
        # Libraries choose their algorithms and allocate in the first calls.
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self._step()
        torch.cuda.current_stream().wait_stream(stream)
        self.optimizer.zero_grad(set_to_none=True)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._figures = self._step()

    def _step(self) -> Dict[str, torch.Tensor]:
        self.optimizer.zero_grad(set_to_none=True)
        figures = self.twin.loss(self._batch)
        figures["loss"].backward()
        gradients = [p.grad for p in self.twin.parameters()]
        norm = torch.stack(torch._foreach_norm(gradients)).norm()
        factor = (CLIP / norm).clamp(max=1)
        # A step that is not finite is left out: 0 times it would not be 0.
        factor = torch.where(norm.isfinite(), factor, torch.zeros_like(factor))
        for gradient in gradients:
            gradient.copy_((gradient * factor).nan_to_num(0, 0, 0))
        self.optimizer.step()
        return {name: value.detach() for name, value in figures.items()}


def grey_batch(batch: Batch) -> Batch:
    """Turn a batch of `device_batches` into what `AnalysisTwin.loss` takes."""
    planes = {n: grey(batch[n].permute(0, 3, 1, 2)).contiguous() for n in ("blurry", "sharp")}
    return {**planes, "kernel": batch["kernel"].contiguous()}


def train_by_cuda_graph(
    twin: AnalysisTwin,
    stream: Iterator[Batch],
    config: loop.LoopConfig,
    folder: Path,
    stop_requested: Callable[[], bool] = lambda: False,
) -> int:
    """Train from the twin's weights on, saving and logging into `folder`; returns the steps taken.

    The checkpoints are those of `deblurnets.training.loop` without the optimiser's state: good for
    export and as a start.
    """
    batch, done = grey_batch(next(stream)), None
    take = GraphedStep(twin, batch)
    making = torch.cuda.Stream() if batch["blurry"].device.type == "cuda" else None
    start = saved = began = time.monotonic()
    sums: Dict[str, Any] = {}
    for step in range(config.steps):
        elapsed = time.monotonic() - start
        rate = loop.learning_rate(config, step, elapsed)
        for name, value in take(batch, rate).items():
            sums[name] = sums.get(name, 0) + value
        batch, done = _next_batch(stream, making, done)
        if (step + 1) % config.log_steps == 0:
            means = {name: float(value) / config.log_steps for name, value in sums.items()}
            loop.log(folder, step + 1, (time.monotonic() - began) / config.log_steps, means)
            sums, began = {}, time.monotonic()
        over = step + 1 == config.steps or 0 < config.seconds <= time.monotonic() - start
        last = over or stop_requested()
        if last or time.monotonic() - saved > config.checkpoint_seconds:
            _save(twin, step + 1, Path(folder), time.monotonic() - start)
            saved = time.monotonic()
        if last:
            break
    return step + 1


def _next_batch(stream: Iterator[Batch], making: Any, done: Any) -> Any:
    """Make the next batch beside the step under way; `done` is the end of the step before."""
    if making is None:
        return grey_batch(next(stream)), None
    if done is not None:
        done.synchronize()  # at most one step ahead, or the memory fills with batches
    done = torch.cuda.Event()
    done.record()
    with torch.cuda.stream(making):
        batch = grey_batch(next(stream))
    torch.cuda.current_stream().wait_stream(making)
    for value in batch.values():
        value.record_stream(torch.cuda.current_stream())
    return batch, done


def _save(twin: AnalysisTwin, step: int, folder: Path, seconds: float) -> None:
    arrays = {f"{i:04d}": w.detach().cpu().numpy() for i, w in enumerate(twin.weights)}
    part = folder / (loop.CHECKPOINT + ".part")
    with open(part, "wb") as file:
        np.savez(file, step=step, seconds=seconds, **arrays)
    os.replace(part, folder / loop.CHECKPOINT)

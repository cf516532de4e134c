"""Training of the analysis network with each step played back as one CUDA graph.

A step calls thousands of small operations; called one by one they keep a GPU waiting most of the
time. Captured once and played back, a step costs what its arithmetic costs, and the next batch is
fetched meanwhile. Without a GPU the same code runs call by call.
"""

from __future__ import annotations

from typing import Dict, List

import numpy as np
import torch

from deblurnets.training.twin import AnalysisTwin

CLIP = 1.0  # the largest norm of a step's gradient


class GraphedStep:
    """What `deblurnets.training.loop.train` trains: steps on batches of fixed sizes.

    The checkpoints have no state of the optimiser: they are good for export and as a start.

    Parameters
    ----------
    twin : AnalysisTwin, on the device.
    """

    def __init__(self, twin: AnalysisTwin) -> None:
        self.twin = twin
        self._device = next(twin.parameters()).device
        self._rate = torch.tensor(0.0, device=self._device)
        self._on_gpu = self._device.type == "cuda"
        self._optimizer = torch.optim.Adam(
            twin.parameters(), lr=self._rate, eps=1e-7, fused=True, capturable=self._on_gpu
        )
        self._batch: Dict[str, torch.Tensor] = {}
        self._figures: Dict[str, torch.Tensor] = {}
        self._graph = self._done = None

    def step(self, batch: Dict[str, np.ndarray], rate: float) -> Dict[str, torch.Tensor]:
        """Take one step; the figures are read only after waiting for the device.

        Parameters
        ----------
        batch : a batch of the stream, see `draw_sample`; all have the shapes of the first one.
        rate : learning rate.
        """
        given = {name: torch.from_numpy(batch[name]) for name in AnalysisTwin.INPUTS & set(batch)}
        if not self._batch:
            self._batch = {name: value.to(self._device, copy=True) for name, value in given.items()}
            if self._on_gpu:
                self._capture()
        if self._on_gpu:
            # Copied beside the step under way, from memory that is not paged out.
            given = {name: value.pin_memory() for name, value in given.items()}
            if self._done is not None:
                self._done.synchronize()  # one step ahead, or the memory fills with batches
        for name, value in given.items():
            self._batch[name].copy_(value, non_blocking=True)
        self._rate.fill_(rate)
        if self._graph is None:
            return self._step()
        self._graph.replay()
        self._done = torch.cuda.Event()
        self._done.record()
        return self._figures

    def state(self) -> List[np.ndarray]:
        """Return the network's weights, in its order."""
        return [w.detach().cpu().numpy() for w in self.twin.weights]

    def _capture(self) -> None:
        # Libraries choose their algorithms and allocate in the first calls.
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self._step()
        torch.cuda.current_stream().wait_stream(stream)
        self._optimizer.zero_grad(set_to_none=True)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._figures = self._step()

    def _step(self) -> Dict[str, torch.Tensor]:
        self._optimizer.zero_grad(set_to_none=True)
        figures = self.twin.loss(self._batch)
        figures["loss"].backward()
        gradients = [p.grad for p in self.twin.parameters()]
        norm = torch.stack(torch._foreach_norm(gradients)).norm()
        factor = (CLIP / norm).clamp(max=1)
        # A step that is not finite is left out: 0 times it would not be 0.
        factor = torch.where(norm.isfinite(), factor, torch.zeros_like(factor))
        for gradient in gradients:
            gradient.copy_((gradient * factor).nan_to_num(0, 0, 0))
        self._optimizer.step()
        return {name: value.detach() for name, value in figures.items()}

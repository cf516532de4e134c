"""One measurement, in the process that runs this module.

    python -m deblurnets.evaluation.speed.worker < request

The request, JSON on the standard input, is a `Request`; the figures, JSON, are the last line of the
standard output.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any, Callable, Dict, List, Optional, Tuple

from deblurnets.evaluation.speed.rates import product_rate
from deblurnets.runtime.collector import collector_paused
from deblurnets.runtime.glibc import TrimBetweenSizes, tune_heaps

STAGES = ("decode", "analysis", "synthesis", "encode", "total")


@dataclass(frozen=True)
class Request:
    """What to measure.

    Attributes
    ----------
    pair : "compact" or "paper".
    source, target : picture to deblur, and where the result goes.
    repeat : pictures after the first one, of which the best is taken.
    started : `time.time()` when the process was started.
    """

    pair: str
    source: str
    target: str
    repeat: int
    started: float


@dataclass(frozen=True)
class Figures:
    """What was measured; seconds are of the wall clock unless they are called CPU.

    Attributes
    ----------
    weights : "trained", or "random" where the official files are absent.
    start : seconds from the process's start until the networks were loaded.
    first : seconds of the first picture, from reading to writing.
    stages : best seconds of each stage and of their total over the repeated pictures.
    cpu : CPU seconds, user and system, of the repeated picture that took the least of them.
    peak_memory : bytes of resident memory at most; None where the system does not tell.
    convolutions : billions of operations a second (a multiply-add is two) of the synthesis
        network's convolutions.
    products : the same of float32 and bfloat16 matrix products.
    """

    weights: str
    start: float
    first: float
    stages: Dict[str, float]
    cpu: float
    peak_memory: Optional[int]
    convolutions: float
    products: Dict[str, float]


def measure(request: Request, load: Callable[[str], Any]) -> Figures:
    """Measure a pair on a picture.

    Parameters
    ----------
    request : Request
    load : callable
        Takes the pair's name, returns the deblurrer, what its weights are, and a function that
        returns its convolutions' rate.
    """
    with collector_paused(keep=True):  # as the command line does
        deblurrer, weights, convolution_rate = load(request.pair)
    deblurrer = TrimBetweenSizes(deblurrer)  # as well
    start = time.time() - request.started
    first, _ = _deblur_file(request, deblurrer)
    runs = [_deblur_file(request, deblurrer) for _ in range(request.repeat)]
    stages = {name: min(stages[name] for stages, _ in runs) for name in STAGES}
    peak = peak_memory()  # before what follows, which is no part of deblurring
    return Figures(
        weights,
        start,
        first["total"],
        stages,
        min(cpu for _, cpu in runs),
        peak,
        convolution_rate(),
        {dtype: product_rate(dtype) for dtype in ("float32", "bfloat16")},
    )


def _deblur_file(request: Request, deblurrer: Any) -> Tuple[Dict[str, float], float]:
    """Return the seconds of each stage and the CPU seconds of deblurring the file."""
    from deblurnets.batch.pipeline import Settings, run_jobs
    from deblurnets.batch.plan import Job

    outcomes: List[Any] = []
    cpu = time.process_time()
    run_jobs(
        [Job(request.source, request.target)],
        deblurrer,
        outcomes.append,
        Settings(overlap=False),
    )
    cpu = time.process_time() - cpu
    (outcome,) = outcomes
    if outcome.error is not None:
        raise RuntimeError(outcome.error)
    return outcome.stages, cpu


def peak_memory() -> Optional[int]:
    """Return the most memory that this process has held, in bytes; None where it is not known.

    Not from `resource.getrusage`: a new process starts with its parent's peak there.
    """
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            lines = [line for line in file if line.startswith("VmHWM:")]
    except OSError:
        return None
    return 1024 * int(lines[0].split()[1]) if lines else None


def main() -> int:
    """Answer the request on the standard input."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from deblurnets.evaluation.speed.networks import load

    tune_heaps()  # as the command line does
    request = Request(**json.load(sys.stdin))
    print(json.dumps(asdict(measure(request, load))))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The work as a Ray Data pipeline: names are listed, workers deblur, records come back.

The only module that uses Ray. Why Ray Data, and how it is held to one picture a task:
`docs/decisions/011-cluster.md`.
"""

from __future__ import annotations

import json
import logging
import math
import os
from dataclasses import asdict, dataclass
from typing import Any, Dict, Iterator, List, Optional

import pyarrow
import ray
import ray.data
import ray.util.scheduling_strategies
from ray.data.block import BlockMetadata
from ray.data.datasource import Datasource, ReadTask

from deblurnets.distributed.attempts import Attempts
from deblurnets.distributed.listing import Piece, list_pieces
from deblurnets.distributed.worker import Task, Worker

_STORE_BYTES = 200 * 2**20  # only names and records travel; Ray would take 30 % of the memory


@dataclass(frozen=True)
class Workers:
    """How many workers there are, and how many cores and devices each takes (parts are shared)."""

    count: int = 1
    cpus: float = 1
    gpus: float = 0


def connect(address: str, workers: Workers) -> bool:
    """Join a Ray cluster, unless this process has.

    Parameters
    ----------
    address : str
        "local" starts one on this computer for this run; "auto" finds the one that it belongs to;
        else as `ray.init` takes it.
    workers : Workers
        What a local cluster has room for.

    Returns
    -------
    bool
        Whether there is something to `leave`.

    Raises
    ------
    ConnectionError
        If there is none.
    """
    if ray.is_initialized():
        return False
    options: Dict[str, Any] = {}
    if address == "local":
        options = {
            "num_cpus": math.ceil(workers.count * workers.cpus),
            "object_store_memory": _STORE_BYTES,
            "include_dashboard": False,
        }
    # Ray counts its users over the network unless told otherwise.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(address, logging_level=logging.ERROR, log_to_driver=False, **options)
    return True


def leave() -> None:
    """Leave the cluster; a local one ends."""
    ray.shutdown()


def records(task: Task, workers: Workers) -> Iterator[Dict[str, Any]]:
    """Deblur every picture of a task; yield each picture's record once, in the order of the ends.

    Parameters
    ----------
    task : Task
        What is done; must pickle.
    workers : Workers
        On what.
    """
    context = ray.data.DataContext.get_current().copy()
    # A block of names is a task's work: one piece each. A larger one would be begun anew from its
    # first picture when a worker dies, and be listed whole before the first picture is deblurred.
    context.target_max_block_size = 1
    context.target_min_block_size = 1
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    node = ray.get_runtime_context().get_node_id()
    attempts = (
        ray.remote(Attempts)
        .options(
            num_cpus=0,
            max_restarts=-1,
            max_task_retries=-1,
            scheduling_strategy=ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
                node, soft=True
            ),
        )
        .remote()
    )
    with ray.data.DataContext.current(context):
        names = ray.data.read_datasource(_Pieces(task), override_num_blocks=1, num_cpus=0)
        made = names.map_batches(
            _Actor,
            batch_size=1,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(size=workers.count, max_tasks_in_flight_per_actor=2),
            fn_constructor_args=(task, attempts),
            num_cpus=workers.cpus,
            num_gpus=workers.gpus,
        )
        for row in made.iter_rows():
            for record in row["records"]:
                yield json.loads(record)


class _Pieces(Datasource):
    """The pieces of a task's source, listed by one Ray task as fast as workers take them."""

    def __init__(self, task: Task):
        super().__init__()
        self._task = task

    def estimate_inmemory_data_size(self) -> Optional[int]:
        """Return None: nobody knows before they are listed."""

    def get_read_tasks(self, parallelism: int, *_: Any, **__: Any) -> List[ReadTask]:
        """Return the one task."""
        task = self._task

        def read() -> Iterator[pyarrow.Table]:
            for piece in list_pieces(task.source, task.target, task.suffix):
                yield pyarrow.table({"piece": [json.dumps(asdict(piece))]})

        unknown = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
        return [ReadTask(read, unknown)]


class _Actor:
    """A `Worker` in the shape that Ray Data calls."""

    def __init__(self, task: Task, attempts: Any):
        # On a device that workers share, TensorFlow would take all memory for the first.
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
        self._worker = Worker(
            task,
            lambda name: ray.get(attempts.begin.remote(name)),
            lambda name: ray.get(attempts.end.remote(name)),
        )

    def __call__(self, block: pyarrow.Table) -> pyarrow.Table:
        """Work on each row."""
        pieces = [Piece(**json.loads(text)) for text in block["piece"].to_pylist()]
        return pyarrow.table({"records": [self._worker.work_json(piece) for piece in pieces]})

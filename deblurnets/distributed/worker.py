"""What each worker of a cluster does with a picture."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Dict, List, Optional

from deblurnets.batch.messages import one_line
from deblurnets.batch.pipeline import Deblur, Outcome, Settings, run_jobs
from deblurnets.batch.plan import EXISTS, Job
from deblurnets.batch.report import FAILED, SKIPPED, Record, record_of
from deblurnets.distributed.attempts import TRIES
from deblurnets.distributed.listing import Piece, result_name
from deblurnets.distributed.places import Place
from deblurnets.runtime.collector import collector_paused
from deblurnets.runtime.glibc import TrimBetweenSizes, tune_heaps

NOT_LOADED = "not_loaded"
"""Key of the message that takes the place of records where there are no networks."""


@dataclass(frozen=True)
class Task:
    """What is done to every picture; travels to the workers.

    Attributes
    ----------
    source, target : Place
        Where pictures are read and results are written.
    load : callable
        Without arguments, returns the deblurrer: see `deblurnets.batch.pipeline.Deblur`.
    suffix : str
        Goes between the name and the extension of a result.
    settings : Settings
        How pictures are read and written; the places replace its own.
    """

    source: Place
    target: Place
    load: Callable[[], Deblur]
    suffix: str = "_deblurred"
    settings: Settings = field(default_factory=Settings)


class Worker:
    """Holds one deblurrer, loaded at the first picture that needs it.

    Parameters
    ----------
    task : Task
        What is done to every picture.
    begin, end : callable
        `Attempts.begin` and `Attempts.end` of the cluster's count.
    """

    def __init__(self, task: Task, begin: Callable[[str], int], end: Callable[[str], Any]):
        self._task = task
        self._begin = begin
        self._end = end
        self._deblur: Optional[Deblur] = None
        self._settings = replace(
            task.settings, overlap=False, source=task.source, target=task.target
        )

    def work(self, piece: Piece) -> List[Dict[str, Any]]:
        """Return the records of a piece's pictures, see `deblurnets.batch.report.Record`."""
        if piece.done:
            jobs = (self._job(name) for name in piece.names)
            return [Record(job.source, job.target, SKIPPED, EXISTS).to_dict() for job in jobs]
        (name,) = piece.names
        if piece.problem is not None:
            return [self._failure(name, piece.problem)]
        if self._begin(name) > TRIES:
            self._end(name)
            return [self._failure(name, f"its worker died {TRIES} times while working on it")]
        try:
            deblur = self._loaded()
        except Exception as error:  # the same for all pictures: the run ends with one sentence
            return [{NOT_LOADED: one_line(error)}]
        outcomes: List[Outcome] = []
        run_jobs([self._job(name)], deblur, outcomes.append, self._settings)
        self._end(name)
        return [record_of(outcomes[0], self._task.source, self._task.target).to_dict()]

    def work_json(self, piece: Piece) -> List[str]:
        """Do the same; records as JSON, whose kind does not depend on what is null in them."""
        return [json.dumps(record) for record in self.work(piece)]

    def _loaded(self) -> Deblur:
        if self._deblur is None:
            tune_heaps()
            with collector_paused():  # not kept: the process is the cluster's
                self._deblur = TrimBetweenSizes(self._task.load())
        return self._deblur

    def _job(self, name: str) -> Job:
        task = self._task
        return Job(task.source.path(name), task.target.path(result_name(name, task.suffix)))

    def _failure(self, name: str, reason: str) -> Dict[str, Any]:
        return Record(self._task.source.path(name), None, FAILED, reason).to_dict()

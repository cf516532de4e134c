"""What each worker of a cluster does with a picture."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Dict, List, Optional

from deblurnets.batch.pipeline import Deblur, Outcome, Settings, run_jobs
from deblurnets.batch.plan import EXISTS, Job
from deblurnets.batch.report import FAILED, SKIPPED, Record, record_of
from deblurnets.cli.messages import one_line
from deblurnets.distributed.attempts import TRIES
from deblurnets.distributed.listing import Piece, result_name
from deblurnets.distributed.places import Between
from deblurnets.pictures.files import SaveOptions
from deblurnets.runtime.collector import collector_paused
from deblurnets.runtime.glibc import TrimBetweenSizes, tune_heaps

NOT_LOADED = "not_loaded"
"""Key of the message that takes the place of records where there are no networks."""


@dataclass(frozen=True)
class Task:
    """What is done to every picture; travels to the workers.

    Attributes
    ----------
    source, target : Folder or Store
        Where pictures are read and results are written.
    load : callable
        Without arguments, returns the deblurrer: see `deblurnets.batch.pipeline.Deblur`.
    suffix : str
        Goes between the name and the extension of a result.
    max_pixels : int, optional
        Larger pictures fail before they are decoded.
    save : SaveOptions
        Quality and metadata of the results.
    """

    source: Any
    target: Any
    load: Callable[[], Deblur]
    suffix: str = "_deblurred"
    max_pixels: Optional[int] = None
    save: SaveOptions = field(default_factory=SaveOptions)


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
        files = Between(task.source, task.target)
        self._settings = Settings(
            save=task.save, max_pixels=task.max_pixels, overlap=False, files=files
        )

    def work(self, piece: Piece) -> List[Dict[str, Any]]:
        """Return the records of a piece's pictures, see `deblurnets.batch.report.Record`."""
        if piece.done:
            return [self._skipped(name).to_dict() for name in piece.names]
        (name,) = piece.names
        if piece.problem is not None:
            source = self._task.source.path(name)
            return [Record(source, None, FAILED, piece.problem).to_dict()]
        if self._begin(name) > TRIES:
            self._end(name)
            reason = f"its worker died {TRIES} times while working on it"
            return [Record(self._task.source.path(name), None, FAILED, reason).to_dict()]
        try:
            if self._deblur is None:
                tune_heaps()
                with collector_paused():  # not kept: the process is the cluster's
                    self._deblur = TrimBetweenSizes(self._task.load())
        except Exception as error:  # the same for all pictures: the run ends with one sentence
            return [{NOT_LOADED: one_line(error)}]
        record = self._deblurred(name)
        self._end(name)
        return [record.to_dict()]

    def work_json(self, piece: Piece) -> List[str]:
        """Do the same; records as JSON, whose kind does not depend on what is null in them."""
        return [json.dumps(record) for record in self.work(piece)]

    def _job(self, name: str) -> Job:
        task = self._task
        return Job(task.source.path(name), task.target.path(result_name(name, task.suffix)))

    def _skipped(self, name: str) -> Record:
        job = self._job(name)
        return Record(job.source, job.target, SKIPPED, EXISTS)

    def _deblurred(self, name: str) -> Record:
        outcomes: List[Outcome] = []
        job = self._job(name)
        run_jobs([job], self._deblur, outcomes.append, self._settings)
        record = record_of(outcomes[0])
        target_bytes = None if record.target is None else self._task.target.size(job.target)
        source_bytes = self._task.source.size(job.source)
        return replace(record, source_bytes=source_bytes, target_bytes=target_bytes)

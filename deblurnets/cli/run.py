"""One run over a plan, with what is shown on the way."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass, field, replace
from typing import Callable, Optional

from tqdm import tqdm

from deblurnets.batch.exit_status import SOME_FAILED
from deblurnets.batch.ledger import Ledger
from deblurnets.batch.messages import one_line, say, say_beside_bar
from deblurnets.batch.pipeline import Deblur, Outcome, Settings, run_jobs
from deblurnets.batch.plan import EXISTS, Plan
from deblurnets.batch.report import FAILED, NOT_DONE, SKIPPED, Record, record_of
from deblurnets.runtime.collector import collector_paused
from deblurnets.runtime.glibc import TrimBetweenSizes
from deblurnets.runtime.interrupts import StopRequest


@dataclass(eq=False)
class Run:
    """One run over a plan.

    Attributes
    ----------
    plan : Plan
        What to read and write.
    load : callable
        Makes the deblurrer.
    ledger : Ledger
        Told of every picture.
    settings : Settings
        How pictures are read and written.
    out_dir : str
        Where the results are, for the summary.
    plot : bool
        Show each picture in a window, and wait until it is closed.
    """

    plan: Plan
    load: Callable[[], Deblur]
    ledger: Ledger
    settings: Settings
    out_dir: str
    plot: bool = False
    _finished: int = field(default=0, init=False)  # jobs with an outcome

    def execute(self) -> int:
        """Load the networks, deblur every picture, print the summary; return the exit status."""
        status = SOME_FAILED
        try:
            self._account_for_left_out()
            status = self._deblur_all()
        finally:
            for job in self.plan.jobs[self._finished :]:
                self.ledger.add(Record(job.source, status=NOT_DONE))
            status = self.ledger.close(status)
        return status

    def _account_for_left_out(self) -> None:
        """Settle what needs no work."""
        for job in self.plan.skipped:
            self.ledger.add(Record(job.source, job.target, SKIPPED, EXISTS))
        for folder, reason in self.plan.unread:
            reason = f"the folder cannot be listed ({reason})"
            self.ledger.add(Record(folder, None, FAILED, reason))

    def _deblur_all(self) -> int:
        interrupted = False
        try:
            if self.plan.jobs:
                deblur = self._loaded()
                if deblur is None:
                    return SOME_FAILED
                interrupted = self._run_jobs(deblur)
        except KeyboardInterrupt:
            interrupted = True
        left = len(self.plan.jobs) - self._finished if interrupted else None
        return self.ledger.summarise(self.out_dir, interrupted, left)

    def _loaded(self) -> Optional[Deblur]:
        """Return the deblurrer, or None after having said why there is none."""
        if sys.stderr.isatty():
            say("Loading the networks ...", sys.stderr)
        try:
            with collector_paused(keep=True):
                return TrimBetweenSizes(self.load())
        except (ImportError, OSError, ValueError) as error:  # others are the program's own faults
            say(f"The networks cannot be loaded: {one_line(error)}", sys.stderr)
            return None

    def _run_jobs(self, deblur: Deblur) -> bool:
        """Deblur until the end or until the user wants to stop; tell whether that was so."""
        plot = self.plot and _can_plot()
        jobs = self.plan.jobs
        # disable=None: no bar where stderr is not a terminal.
        with tqdm(total=len(jobs), unit="picture", disable=None, leave=False) as bar:
            bar.refresh()

            def finished(outcome: Outcome) -> None:
                bar.update()
                self._account_for(outcome)
                if plot:
                    _plot(outcome)

            with StopRequest(_say_that_it_stops) as request:
                # Windows belong to the main thread, so with plots nothing overlaps.
                settings = replace(self.settings, overlap=not plot)
                run_jobs(jobs, deblur, finished, settings, lambda: request.wanted)
        return request.wanted

    def _account_for(self, outcome: Outcome) -> None:
        self._finished += 1
        record, before, after = record_of(outcome), outcome.before, outcome.after
        if before is None or after is None:
            self.ledger.add(record)
        else:
            self.ledger.add(record, before.pixels, after.pixels, outcome.kernel)


def _say_that_it_stops() -> None:
    # A signal handler may meet a half-written line of the thread it interrupts.
    with contextlib.suppress(RuntimeError):
        say_beside_bar("Finishing the current picture; Ctrl-C again stops at once.")


def _can_plot() -> bool:
    from deblurnets.cli.plotting import why_no_plots

    reason = why_no_plots()
    if reason is not None:
        say(f"No plots are shown: {reason}.", sys.stderr)
    return reason is None


def _plot(outcome: Outcome) -> None:
    from deblurnets.cli.plotting import show

    before, after, kernel = outcome.before, outcome.after, outcome.kernel
    if before is None or after is None or kernel is None:
        return
    try:
        show(os.path.basename(outcome.job.target), before.pixels, after.pixels, kernel)
    except Exception as error:  # the picture is written: a window is not worth the run
        say_beside_bar(f"{outcome.job.source}: the plot failed ({one_line(error)})")

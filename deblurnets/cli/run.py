"""One run over a plan: what is shown on the way, what is counted, what is reported."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from typing import Any, Callable, List, Optional, Sequence

from deblurnets.batch.plan import EXISTS, Plan
from deblurnets.batch.report import FAILED, NOT_DONE, SKIPPED, Record, RunStart, record_of
from deblurnets.cli.exit_status import ALL_DONE, INTERRUPTED, SOME_FAILED
from deblurnets.cli.messages import one_line, say, say_beside_bar
from deblurnets.runtime.collector import collector_paused
from deblurnets.runtime.glibc import TrimBetweenSizes

# Given the parsed arguments, returns a deblurrer: pixels in, an object with `.image` and
# `.kernel` out; with `.deblur(pixels, kernel)` as well where a kernel is given.
Loader = Callable[[argparse.Namespace], Callable[[Any], Any]]


class Run:
    """One run over a plan.

    Parameters
    ----------
    plan : Plan
        What to read and write.
    arguments : argparse.Namespace
        The command line's options.
    load : callable
        Makes the deblurrer, see `Loader`.
    start : RunStart
        When the run began and how it was called.
    sinks : sequence
        Told of every picture, see `deblurnets.batch.report`; what fails there is said and counts as
        a failure of the run, but stops nothing.
    kernel : ndarray, optional
        Deblur with this kernel.
    """

    def __init__(
        self,
        plan: Plan,
        arguments: argparse.Namespace,
        load: Loader,
        start: RunStart,
        sinks: Sequence[Any] = (),
        kernel: Any = None,
    ):
        self._plan = plan
        self._arguments = arguments
        self._load = load
        self._start = start
        self._sinks = tuple(sinks)
        self._kernel = kernel
        self._done = 0
        self._failed = 0
        self._finished = 0  # jobs with an outcome
        self._seconds = 0.0
        self._failed_sinks: List[Any] = []

    def execute(self) -> int:
        """Load the networks, deblur every picture, print the summary; return the exit status."""
        status = SOME_FAILED
        try:
            self._tell_left_out()
            status = self._deblur_all()
        finally:
            for job in self._plan.jobs[self._finished :]:
                self._tell(Record(job.source, status=NOT_DONE))
            status = self._close(status)
        return status

    def _deblur_all(self) -> int:
        interrupted = False
        try:
            deblur = self._loaded() if self._plan.jobs else None
            if deblur is not None:
                interrupted = self._run_jobs(deblur)
            elif self._plan.jobs:
                return SOME_FAILED
        except KeyboardInterrupt:
            interrupted = True
        self._summarise(interrupted)
        if interrupted:
            return INTERRUPTED
        return SOME_FAILED if self._failed or self._failed_sinks else ALL_DONE

    def _loaded(self) -> Optional[Callable[[Any], Any]]:
        """Return the deblurrer, or None after having said why there is none."""
        if sys.stderr.isatty():
            say("Loading the networks ...", sys.stderr)
        try:
            with collector_paused(keep=True):
                deblurrer = self._load(self._arguments)
        except Exception as error:
            if not _is_expected(error):
                raise
            say(f"The networks cannot be loaded: {one_line(error)}", sys.stderr)
            return None
        if self._kernel is not None:
            from deblurnets.deblurrer import KnownKernel

            deblurrer = KnownKernel(deblurrer, self._kernel)
        return TrimBetweenSizes(deblurrer)

    def _run_jobs(self, deblur: Callable[[Any], Any]) -> bool:
        """Deblur until the end or until the user wants to stop; tell whether that was so."""
        from tqdm import tqdm

        from deblurnets.batch.pipeline import run_jobs
        from deblurnets.cli.interrupts import StopRequest

        plots = self._arguments.plot and self._can_plot()
        jobs = self._plan.jobs
        # disable=None: no bar where stderr is not a terminal.
        with tqdm(total=len(jobs), unit="picture", disable=None, leave=False) as bar:
            bar.refresh()

            def finished(outcome: Any) -> None:
                bar.update()
                self._account(outcome)
                if plots and outcome.error is None:
                    self._plot(outcome)

            with StopRequest(self._say_that_it_stops) as request:
                # Windows belong to the main thread, so with plots nothing overlaps.
                settings = self._settings(overlap=not plots)
                run_jobs(jobs, deblur, finished, settings, lambda: request.wanted)
        return request.wanted

    def _say_that_it_stops(self) -> None:
        # A signal handler may meet a half-written line of the thread it interrupts.
        with contextlib.suppress(RuntimeError):
            say_beside_bar("Finishing the current picture; Ctrl-C again stops at once.")

    def _settings(self, overlap: bool) -> Any:
        from deblurnets.batch.pipeline import Settings
        from deblurnets.pictures.files import SaveOptions

        arguments = self._arguments
        return Settings(
            arguments.side_by_side,
            arguments.inset_kernel,
            SaveOptions(arguments.quality, arguments.strip_metadata),
            arguments.max_pixels,
            overlap,
        )

    def _account(self, outcome: Any) -> None:
        self._finished += 1
        source = outcome.job.source
        if outcome.error is not None:
            self._failed += 1
            say_beside_bar(f"{source}: {outcome.error}")
        else:
            self._done += 1
            self._seconds += outcome.seconds
            for note in outcome.notes:
                say_beside_bar(f"{source}: {note}")
        self._tell(record_of(outcome), outcome)

    def _tell_left_out(self) -> None:
        """Report what is settled without any work."""
        for job in self._plan.skipped:
            self._tell(Record(job.source, job.target, SKIPPED, EXISTS))
        for folder, reason in self._plan.unread:
            self._failed += 1
            reason = f"the folder cannot be listed ({reason})"
            say(f"{folder}: {reason}", sys.stderr)
            self._tell(Record(folder, None, FAILED, reason))

    def _tell(self, record: Record, outcome: Any = None) -> None:
        """Tell the sinks of a picture, with its pixels if it was deblurred."""
        before = after = kernel = None
        if outcome is not None and outcome.error is None:
            before, after = outcome.before.pixels, outcome.after.pixels
            kernel = outcome.kernel
        for sink in self._sinks:
            with self._sink_errors(sink):
                sink.add(record.to_dict(), before, after, kernel)

    def _close(self, status: int) -> int:
        """Close the sinks; return the exit status, which a failure here changes."""
        counts = (self._done, self._failed, len(self._plan.skipped))
        for sink in self._sinks:
            with self._sink_errors(sink):
                sink.close(self._start.finish(*counts, exit_status=status))
        return SOME_FAILED if self._failed_sinks and status == ALL_DONE else status

    @contextlib.contextmanager
    def _sink_errors(self, sink: Any):
        """Say once that a sink failed, and go on: the pictures are worth more."""
        try:
            yield
        except Exception as error:
            if sink not in self._failed_sinks:
                self._failed_sinks.append(sink)
                name = getattr(sink, "name", type(sink).__name__)
                say_beside_bar(f"{name} cannot be written ({one_line(error)})")

    def _can_plot(self) -> bool:
        from deblurnets.cli.plotting import why_no_plots

        reason = why_no_plots()
        if reason is not None:
            say(f"No plots are shown: {reason}.", sys.stderr)
        return reason is None

    def _plot(self, outcome: Any) -> None:
        from deblurnets.cli.plotting import show

        name = os.path.basename(outcome.job.target)
        try:
            show(name, outcome.before.pixels, outcome.after.pixels, outcome.kernel)
        except Exception as error:  # the picture is written: a window is not worth the run
            say_beside_bar(f"{outcome.job.source}: the plot failed ({one_line(error)})")

    def _summarise(self, interrupted: bool) -> None:
        parts = [f"{self._done} deblurred", f"{self._failed} failed"]
        if self._plan.skipped:
            parts.append(f"{len(self._plan.skipped)} skipped")
        if self._done:
            parts.append(f"{self._seconds / self._done:.2f} seconds per picture")
            parts.append(f"results in {self._arguments.out_dir}")
        if interrupted:
            left = len(self._plan.jobs) - self._finished
            parts.insert(0, f"interrupted, {left} not deblurred")
        say(", ".join(parts), sys.stdout)


def _is_expected(error: Exception) -> bool:
    """Tell a user's problem (one sentence) from a fault of the program (a traceback)."""
    if isinstance(error, (ImportError, OSError, ValueError)):
        return True
    from deblurnets.weights.download import DownloadError

    if isinstance(error, DownloadError):
        return True
    from deblurnets.weights.files import WeightsError

    return isinstance(error, WeightsError)

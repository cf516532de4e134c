"""The command line: arguments in, a run, an exit status out.

Exit status
-----------
0    every picture was deblurred
1    some pictures failed, or the networks could not be loaded
2    wrong usage; nothing was read, computed or written
130  interrupted with Ctrl-C
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from typing import Any, Callable, Iterator, Optional, Sequence, TextIO

from deblurnets import __version__
from deblurnets.names import InputError, Plan, plan_run

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130

# Given the parsed arguments, returns a deblurrer: pixels in, an object with `.image` and
# `.kernel` out.
Loader = Callable[[argparse.Namespace], Callable[[Any], Any]]


def main(argv: Optional[Sequence[str]] = None, load: Optional[Loader] = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments without the program's name; those of the process by default.
    load : callable, optional
        Makes the deblurrer; the networks that the arguments name by default.

    Returns
    -------
    int
        The exit status.
    """
    parser = build_parser()
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as leave:  # argparse leaves so after -h and after a wrong option
        return leave.code if isinstance(leave.code, int) else WRONG_USAGE
    try:
        plan = plan_run(arguments.input_path, arguments.out_dir, arguments.suffix)
        _prepare_folder(arguments.out_dir)
    except InputError as error:
        _say(f"{parser.prog}: error: {error}", sys.stderr)
        return WRONG_USAGE
    if plan.earlier_results:
        _say(
            f"{len(plan.earlier_results)} earlier results, with names ending in "
            f"'{arguments.suffix}', are left out.",
            sys.stderr,
        )
    return Run(plan, arguments, load or load_deblurrer).execute()


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; option names and defaults are a contract since the 2020 release."""
    parser = argparse.ArgumentParser(
        description="Deblur photographs taken with a shaking camera: PNG, JPEG, TIFF, BMP, WebP.",
        epilog="Exit status: 0 all pictures deblurred, 1 some failed or the networks could not be "
        "loaded, 2 wrong usage, 130 interrupted.",
    )
    add = parser.add_argument
    add("--input_path", "-i", required=True, help="a picture, or a folder of pictures")
    add("--out_dir", "-o", default="results", help="folder for the results (default: %(default)s)")
    add(
        "--suffix",
        "-s",
        default="_deblurred",
        help="goes between a result's name and its extension (default: %(default)s)",
    )
    add(
        "--analysis_weights_path",
        "-amp",
        metavar="FILE",
        help="weights of the analysis network; given, the file decides which network it is, and "
        "the official file is downloaded to it if it does not exist (default for --model paper: "
        "models/analysis_weights.h5)",
    )
    add(
        "--synthesis_weights_path",
        "-smp",
        metavar="FILE",
        help="weights of the synthesis network, likewise (default for --model paper: "
        "models/synthesis_weights.h5)",
    )
    add(
        "--analysis_max_input_size",
        "-amis",
        metavar="N",
        type=_side,
        nargs="+",
        action=_SizeAction,
        help="largest picture for the analysis network, one value for a square or height and "
        "width; a larger picture is cropped around its centre to estimate the kernel, and "
        "deblurred whole",
    )
    add("--plot", "-p", action="store_true", help="show input, result and kernel in a window")
    add(
        "--side_by_side",
        "-sbs",
        action="store_true",
        help="write input and result next to each other in one picture",
    )
    add(
        "--model",
        choices=("compact", "paper"),
        default="compact",
        help="pair of networks: compact (small, included) or paper (the official weights, "
        "downloaded on first use) (default: %(default)s)",
    )
    add("--version", action="version", version=f"deblurnets {__version__}")
    return parser


def load_deblurrer(arguments: argparse.Namespace) -> Callable[[Any], Any]:
    """Load the networks that the arguments name; this imports TensorFlow."""
    with _without_start_messages():
        from deblurnets import backend
        from deblurnets.deblurrer import Deblurrer

        backend.ops.zeros((1,))  # the first use of a device has messages of its own
    return Deblurrer.from_pretrained(
        arguments.model,
        analysis_path=arguments.analysis_weights_path,
        synthesis_path=arguments.synthesis_weights_path,
        analysis_max_size=arguments.analysis_max_input_size,
    )


@contextlib.contextmanager
def _without_start_messages() -> Iterator[None]:
    """Keep TensorFlow's start-up messages off the screen, unless the user set a log level.

    They come before its log level counts and past Python, straight to the file descriptor.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        yield
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    try:
        kept = os.dup(2)
    except OSError:  # a program without a standard error
        yield
        return
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


class Run:
    """One run over a plan: what is shown on the way and what is counted."""

    def __init__(self, plan: Plan, arguments: argparse.Namespace, load: Loader):
        self.plan = plan
        self.arguments = arguments
        self.load = load
        self.done = 0
        self.failed = 0
        self.seconds = 0.0

    def execute(self) -> int:
        """Load the networks, deblur every picture, print the summary; return the exit status."""
        try:
            deblur = self._load()
            if deblur is None:
                return FAILED
            self._deblur_all(deblur)
        except KeyboardInterrupt:
            left = len(self.plan.jobs) - self.done - self.failed
            self._summarise(f"interrupted, {left} not deblurred")
            return INTERRUPTED
        self._summarise()
        return FAILED if self.failed else DONE

    def _load(self) -> Optional[Callable[[Any], Any]]:
        """Return the deblurrer, or None after having said why there is none."""
        if sys.stderr.isatty():
            _say("Loading the networks ...", sys.stderr)
        try:
            return self.load(self.arguments)
        except Exception as error:
            if not _is_expected(error):
                raise
            _say(f"The networks cannot be loaded: {_one_line(error)}", sys.stderr)
            return None

    def _deblur_all(self, deblur: Callable[[Any], Any]) -> None:
        from tqdm import tqdm

        from deblurnets.batch import run_jobs

        plots = self.arguments.plot and self._can_plot()
        jobs = self.plan.jobs
        outcomes = run_jobs(jobs, deblur, self.arguments.side_by_side)
        # disable=None: no bar where stderr is not a terminal.
        with tqdm(total=len(jobs), unit="picture", disable=None, leave=False) as bar:
            bar.refresh()
            for outcome in outcomes:
                bar.update()
                self._account(outcome)
                if plots and outcome.error is None:
                    self._plot(outcome)

    def _account(self, outcome: Any) -> None:
        source = outcome.job.source
        if outcome.error is not None:
            self.failed += 1
            _say_beside_bar(f"{source}: {outcome.error}")
            return
        self.done += 1
        self.seconds += outcome.seconds
        for note in outcome.notes:
            _say_beside_bar(f"{source}: {note}")

    def _can_plot(self) -> bool:
        from deblurnets.plotting import why_no_plots

        reason = why_no_plots()
        if reason is not None:
            _say(f"No plots are shown: {reason}.", sys.stderr)
        return reason is None

    def _plot(self, outcome: Any) -> None:
        from deblurnets.plotting import show

        name = os.path.basename(outcome.job.target)
        try:
            show(name, outcome.before.pixels, outcome.after.pixels, outcome.kernel)
        except Exception as error:  # the picture is written: a window is not worth the run
            _say_beside_bar(f"{outcome.job.source}: the plot failed ({_one_line(error)})")

    def _summarise(self, state: str = "") -> None:
        parts = [f"{self.done} deblurred", f"{self.failed} failed"]
        if self.done:
            parts.append(f"{self.seconds / self.done:.2f} seconds per picture")
            parts.append(f"results in {self.arguments.out_dir}")
        if state:
            parts.insert(0, state)
        _say(", ".join(parts), sys.stdout)


class _SizeAction(argparse.Action):
    """Turn one or two sides into (height, width)."""

    def __call__(self, parser, namespace, values, option_string=None):
        if len(values) > 2:
            parser.error(
                f"argument {option_string}: expected 1 or 2 values, received {len(values)}"
            )
        setattr(namespace, self.dest, (values[0], values[-1]))


def _side(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"a side must be at least 1 pixel, received {value}")
    return value


def _prepare_folder(out_dir: str) -> None:
    """Make the folder for the results, so that a wrong one is found before the long work."""
    try:
        os.makedirs(out_dir, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out_dir}: --out_dir cannot be made ({error.strerror})") from error
    if not os.access(out_dir, os.W_OK | os.X_OK):
        raise InputError(f"{out_dir}: --out_dir cannot be written to")


def _is_expected(error: Exception) -> bool:
    """Tell a user's problem (one sentence) from a fault of the program (a traceback)."""
    if isinstance(error, (ImportError, OSError, ValueError)):
        return True
    from deblurnets.download import DownloadError

    if isinstance(error, DownloadError):
        return True
    from deblurnets.weights import WeightsError

    return isinstance(error, WeightsError)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _say(text: str, stream: TextIO) -> None:
    """Print a line; what the stream cannot show (odd file names) is escaped."""
    print(_printable(text, stream), file=stream, flush=True)


def _say_beside_bar(text: str) -> None:
    """Print a line on stderr without breaking the progress bar."""
    from tqdm import tqdm

    tqdm.write(_printable(text, sys.stderr), file=sys.stderr)


def _printable(text: str, stream: TextIO) -> str:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)

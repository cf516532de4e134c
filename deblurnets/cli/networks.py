"""The networks that a command loads."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Iterator, Optional, Tuple

from deblurnets.batch.messages import say

if TYPE_CHECKING:
    from deblurnets.deblurrer import Deblurrer


@dataclass(frozen=True)
class NetworkOptions:
    """What networks are chosen by.

    Attributes
    ----------
    device : str
        "auto", "cpu" or "gpu", see `deblurnets.backend.select_device`.
    model and the others
        See `deblurnets.deblurrer.Deblurrer.from_pretrained`; sizes are in pixels.
    """

    model: str = "compact"
    analysis_path: Optional[str] = None
    synthesis_path: Optional[str] = None
    analysis_max_size: Optional[Tuple[int, int]] = None
    tile_size: Optional[int] = None
    device: str = "auto"
    blind: bool = True


def load_deblurrer(options: NetworkOptions) -> Deblurrer:
    """Load networks; this imports TensorFlow."""
    with _without_start_messages():
        from deblurnets import backend
        from deblurnets.deblurrer import Deblurrer

        backend.select_device(options.device)
        backend.ops.zeros((1,))  # the first use of a device has messages of its own
    with _warnings_said():
        return Deblurrer.from_pretrained(
            options.model,
            analysis_path=options.analysis_path,
            synthesis_path=options.synthesis_path,
            analysis_max_size=options.analysis_max_size,
            tile_size=options.tile_size,
            blind=options.blind,
        )


@contextlib.contextmanager
def _warnings_said() -> Iterator[None]:
    """Say what the package warns of as other messages are said."""
    logger, handler = logging.getLogger("deblurnets"), _Sayer(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _Sayer(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage(), sys.stderr)


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

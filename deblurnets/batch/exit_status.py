"""Exit statuses of the commands."""

from __future__ import annotations

ALL_DONE = 0
"""Every picture was deblurred."""

SOME_FAILED = 1
"""Some pictures failed, or the networks could not be loaded."""

WRONG_USAGE = 2
"""Nothing was computed, no picture was written."""

INTERRUPTED = 130
"""Ended with Ctrl-C or SIGTERM."""

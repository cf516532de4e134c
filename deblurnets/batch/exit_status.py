"""Exit statuses of the commands."""

ALL_DONE = 0  # every picture was deblurred
SOME_FAILED = 1  # some pictures failed, or the networks could not be loaded
WRONG_USAGE = 2  # nothing was computed, no picture was written
INTERRUPTED = 130  # ended with Ctrl-C or SIGTERM

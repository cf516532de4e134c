import subprocess
import sys

import pytest

# Threads that hold memory at the same time, and the heaps that glibc then tells of.
COUNT_HEAPS = """
import ctypes, sys, tempfile, threading
from deblurnets.runtime.glibc import tune_heaps
done = tune_heaps() if sys.argv[1] == "limit" else None
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
barrier = threading.Barrier(6)
def hold():
    libc.malloc(ctypes.c_size_t(10_000))
    barrier.wait()
threads = [threading.Thread(target=hold) for _ in range(6)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
libc.fopen.restype = ctypes.c_void_p
with tempfile.NamedTemporaryFile("r") as file:
    stream = ctypes.c_void_p(libc.fopen(file.name.encode(), b"w"))
    libc.malloc_info(0, stream)
    libc.fclose(stream)
    print(done, file.read().count("<heap nr="))
"""


def told(script, argument, **settings):
    """Run a script in a process of its own; return the word and the number that it prints."""
    result = subprocess.run(
        [sys.executable, "-c", script, argument],
        stdout=subprocess.PIPE,
        check=True,
        env={"PYTHONPATH": ":".join(path for path in sys.path if path), **settings},
    )
    done, count = result.stdout.decode().split()
    return done, int(count)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")
def test_threads_share_two_heaps_unless_the_user_says_otherwise():
    if told(COUNT_HEAPS, "limit")[0] == "False":
        pytest.skip("glibc only")
    assert told(COUNT_HEAPS, "no")[1] > 2
    assert told(COUNT_HEAPS, "limit") == ("True", 2)
    done, count = told(COUNT_HEAPS, "limit", MALLOC_ARENA_MAX="4")
    assert done == "False" and count > 2


# Page faults of taking and giving back some arrays of 8 MiB, the first time left out.
COUNT_FAULTS = """
import resource, sys
import numpy as np
from deblurnets.runtime.glibc import tune_heaps
done = tune_heaps() if sys.argv[1] == "limit" else None
def work():
    for array in [np.empty(2**21, np.float32) for _ in range(6)]:
        array.fill(1)
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work()
print(done, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")
def test_heaps_keep_what_arrays_of_some_megabytes_give_back():
    # NumPy asks for large pages where they are to be had, which are few faults.
    small_pages = {"NUMPY_MADVISE_HUGEPAGE": "0"}
    done, kept = told(COUNT_FAULTS, "limit", **small_pages)
    if done == "False":
        pytest.skip("glibc only")
    _, given_back = told(COUNT_FAULTS, "no", **small_pages)
    assert kept < 0.1 * given_back


# Resident memory, in MiB, that is left of 256 MiB in small arrays below one that stays.
COUNT_KEPT = """
import sys
import numpy as np, psutil
from deblurnets.runtime.glibc import trim_heaps, tune_heaps
done = tune_heaps()
before = psutil.Process().memory_info().rss
arrays = [np.ones(2**17, np.float32) for _ in range(512)]
stays = np.ones(2**17, np.float32)
del arrays
if sys.argv[1] == "trim":
    trim_heaps()
print(done, (psutil.Process().memory_info().rss - before) // 2**20)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")
def test_trimming_gives_back_what_nobody_uses():
    done, kept = told(COUNT_KEPT, "keep")
    if done == "False":
        pytest.skip("glibc only")
    assert kept > 200
    assert told(COUNT_KEPT, "trim")[1] < 50

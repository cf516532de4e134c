import subprocess
import sys

import pytest

# Threads that hold memory at the same time, and the heaps that glibc then tells of.
COUNT_HEAPS = """
import ctypes, sys, tempfile, threading
from deblurnets.memory import tune_heaps
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


def heaps(argument, **settings):
    result = subprocess.run(
        [sys.executable, "-c", COUNT_HEAPS, argument],
        stdout=subprocess.PIPE,
        check=True,
        env={"PYTHONPATH": ":".join(path for path in sys.path if path), **settings},
    )
    done, count = result.stdout.decode().split()
    return done, int(count)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")
def test_threads_share_two_heaps_unless_the_user_says_otherwise():
    if heaps("limit")[0] == "False":
        pytest.skip("glibc only")
    assert heaps("no")[1] > 2
    assert heaps("limit") == ("True", 2)
    done, count = heaps("limit", MALLOC_ARENA_MAX="4")
    assert done == "False" and count > 2

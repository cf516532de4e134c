"""A server on this computer that speaks Google Cloud Storage (gcp-storage-emulator), for tests."""

import contextlib
import logging
import socket

BUCKET = "photos"


@contextlib.contextmanager
def gs_server():
    """Start it with an empty bucket; yield its `pyarrow.fs` and the query that leads there."""
    import pyarrow.fs
    from gcp_storage_emulator.server import create_server

    logging.getLogger("gcp_storage_emulator").setLevel(logging.ERROR)  # a line a request
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = create_server("127.0.0.1", port, in_memory=True, default_bucket=BUCKET)
    started.start()
    address = f"127.0.0.1:{port}"
    store = pyarrow.fs.GcsFileSystem(anonymous=True, scheme="http", endpoint_override=address)
    try:
        yield store, f"?scheme=http&endpoint_override={address}"
    finally:  # its thread would keep the process
        started.stop()


def put_files(store, prefix, files):
    """Store name -> bytes below a prefix."""
    for name, data in files.items():
        with store.open_output_stream(f"{BUCKET}/{prefix}/{name}") as stream:
            stream.write(data)


def get_files(store, prefix):
    """Return name -> bytes of all below a prefix."""
    from pyarrow.fs import FileSelector

    root = f"{BUCKET}/{prefix}"
    found = store.get_file_info(FileSelector(root, recursive=True))
    files = {}
    for info in found:
        if info.is_file:
            with store.open_input_stream(info.path) as stream:
                files[info.path[len(root) + 1 :]] = stream.read()
    return files


def place(prefix, query):
    """Return the address of a prefix, as the cluster's command takes it."""
    return f"gs://anonymous@{BUCKET}/{prefix}{query}"

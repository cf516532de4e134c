"""What takes seconds to start, once for all tests."""

import gs_server as gs
import pytest
import s3_server as s3


@pytest.fixture(scope="session")
def two_workers():
    """A cluster on this computer that the command finds."""
    from deblurnets.distributed import cluster

    cluster.connect("local", cluster.Workers(2))
    yield
    cluster.leave()


@pytest.fixture(scope="session")
def s3_store():
    """A server that speaks S3 on 127.0.0.1: a client, and the query that leads there."""
    with s3.s3_server() as started:
        yield started


@pytest.fixture(scope="session")
def google_store():
    """A server that speaks Google Cloud Storage: its `pyarrow.fs`, and the query."""
    pytest.importorskip("gcp_storage_emulator", reason="gcp-storage-emulator is not installed")
    with gs.gs_server() as started:
        yield started

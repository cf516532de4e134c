"""What tests of training share beside `tiny_training`."""

import pytest
from tiny_training import make_pack


@pytest.fixture(scope="session")
def pack(tmp_path_factory):
    """A pack of three photographs of random squares, beside which they lie."""
    return make_pack(tmp_path_factory.mktemp("photographs"))


@pytest.fixture
def eager():
    """Tracing a graph costs far more than the few tiny steps of a test."""
    tf = pytest.importorskip("tensorflow")
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)

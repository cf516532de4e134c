"""The shim for old TensorFlow does what keras.ops does, as far as the networks need it."""

import re
from pathlib import Path

import numpy as np
import pytest

from deblurnets import backend
from deblurnets.backend import old_ops as _old_ops

PACKAGE = Path(backend.__file__).parent
X = np.random.RandomState(0).rand(2, 4, 6, 3).astype(np.float32) - 0.5
WEIGHTS = np.random.RandomState(1).rand(3, 3, 3, 2).astype(np.float32) - 0.5

CALLS = [
    ("abs", (X,), {}),
    ("all", (X > 0,), {"axis": 1}),
    ("any", (X > 0,), {"axis": (1, 2), "keepdims": True}),
    ("arange", (3,), {"dtype": "int32"}),
    ("arange", (2, 9, 3), {"dtype": "float32"}),
    ("argmax", (X,), {"axis": 2}),
    ("cast", (X > 0, "float32"), {}),
    ("clip", (X, -0.1, 0.2), {}),
    ("conv", (X, WEIGHTS), {"padding": "same"}),
    ("conv", (X, WEIGHTS), {"strides": 2}),
    ("concatenate", ([X, X],), {"axis": -1}),
    ("expand_dims", (X, 1), {}),
    ("flip", (X,), {"axis": (1, 2)}),
    ("flip", (X,), {}),
    ("max", (X,), {"axis": (1, 2), "keepdims": True}),
    ("mean", (X,), {"axis": (1, 2)}),
    ("min", (X,), {}),
    ("pad", (X, [[0, 0], [1, 2], [0, 3], [0, 0]]), {}),
    ("pad", (X, [[0, 0], [1, 2], [0, 3], [0, 0]]), {"mode": "symmetric"}),
    ("pad", (X, [[0, 0], [1, 2], [0, 3], [0, 0]]), {"mode": "reflect"}),
    ("pad", (X, [[0, 0], [1, 2], [0, 3], [0, 0]]), {"constant_values": 2.0}),
    ("repeat", (X, 2), {"axis": 1}),
    ("reshape", (X, (2, -1)), {}),
    ("roll", (X, (-1, 2), (1, 2)), {}),
    ("shape", (X,), {}),
    ("softmax", (X,), {"axis": -1}),
    ("split", (X, 2), {"axis": 2}),
    ("squeeze", (X[:1],), {"axis": 0}),
    ("stack", ([X, X],), {"axis": 1}),
    ("std", (X,), {"axis": 1}),
    ("sum", (X,), {"axis": (1, 2), "keepdims": True}),
    ("take", (X, np.array([[2, 0], [1, 1]])), {"axis": 1}),
    ("take", (X, 1), {"axis": 2}),
    ("tile", (X, (1, 2, 1, 1)), {}),
    ("transpose", (X, (0, 3, 1, 2)), {}),
    ("transpose", (X[0, 0],), {}),
    ("var", (X,), {}),
    ("where", (X > 0, X, -X), {}),
    ("zeros", ((2, 3),), {"dtype": "float32"}),
]


def arrays(result):
    results = result if isinstance(result, (list, tuple)) else [result]
    return [np.asarray(_old_ops.convert_to_numpy(r)) for r in results]


@pytest.mark.skipif(backend.ops is _old_ops, reason="no Keras 3 to compare with")
@pytest.mark.parametrize(("name", "arguments", "options"), CALLS)
def test_same_as_keras_3(name, arguments, options):
    def tensors(x):
        if isinstance(x, list) and isinstance(x[0], np.ndarray):
            return [backend.ops.convert_to_tensor(v) for v in x]
        return backend.ops.convert_to_tensor(x) if isinstance(x, np.ndarray) else x

    arguments = [tensors(a) for a in arguments]
    found = arrays(getattr(_old_ops, name)(*arguments, **options))
    wanted = arrays(getattr(backend.ops, name)(*arguments, **options))
    for a, b in zip(found, wanted):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_python_numbers_become_float32():
    assert _old_ops.convert_to_tensor([1.5, 2]).dtype == "float32"
    assert _old_ops.convert_to_tensor(np.ones(2)).dtype == "float32"
    assert _old_ops.convert_to_tensor(np.ones(2, np.int32)).dtype == "int32"


def test_all_that_inference_uses_is_there():
    sources = [*(PACKAGE / "networks").glob("*.py"), *(PACKAGE / "pairs").glob("*.py")]
    sources += [path for path in PACKAGE.glob("*.py") if path.name != "_native_torch.py"]
    used = {n for s in sources for n in re.findall(r"\bops\.(\w+)", s.read_text(encoding="utf-8"))}
    assert {name for name in used if not hasattr(_old_ops, name)} == set()

import logging

import numpy as np
import pytest

from deblurnets import backend
from deblurnets.backend import ops


def random(*shape):
    return np.random.RandomState(0).randn(*shape).astype(np.float32)


def tensor(array):
    return ops.convert_to_tensor(array)


def array(x):
    return ops.convert_to_numpy(x)


@pytest.mark.parametrize("shape", [(2, 5, 6), (1, 3, 7, 9), (4, 4)])
def test_transforms_are_numpy_s(shape):
    x = random(*shape)
    spectrum = backend.rfft2(tensor(x))
    np.testing.assert_allclose(array(spectrum), np.fft.rfft2(x), atol=1e-4)
    np.testing.assert_allclose(array(backend.irfft2(spectrum, shape[-2:])), x, atol=1e-5)


def test_operations_on_spectra():
    spectrum = np.fft.rfft2(random(2, 6, 5)).astype(np.complex64)
    factor = np.abs(random(6, 1))
    x = backend.rfft2(tensor(random(2, 6, 5)))
    np.testing.assert_allclose(array(backend.conj(x)), spectrum.conj(), atol=1e-4)
    np.testing.assert_allclose(array(backend.abs2(x)), np.abs(spectrum) ** 2, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(array(backend.scale(x, factor)), spectrum * factor, atol=1e-4)
    np.testing.assert_allclose(array(x * x + x), spectrum * spectrum + spectrum, atol=1e-2)


def test_transposed_product():
    a, b = random(3, 4, 2), random(3, 4, 5)
    expected = np.swapaxes(a, 1, 2) @ b
    np.testing.assert_allclose(array(backend.matmul_tn(tensor(a), tensor(b))), expected, atol=1e-5)


def test_repeat_counts_up():
    result = backend.repeat(4, lambda index, x: 10 * x + ops.cast(index, "float32"), tensor([0.0]))
    assert array(result).tolist() == [123.0]


def test_numpy_function_serves_open_shapes():
    double = backend.numpy_function(lambda x: 2 * x, [(None, 3)])
    for rows in (1, 4):
        np.testing.assert_array_equal(double(np.ones((rows, 3))), np.full((rows, 3), 2))


def test_transforms_of_open_sizes_keep_the_number_of_channels():
    # Keras has a convolution of channels that it does not know compiled by XLA, for each size.
    seen = []

    def there_and_back(x):
        seen.append(backend.irfft2(backend.rfft2(x), ops.shape(x)[2:]))
        return seen[-1]

    x = random(1, 3, 4, 6)
    result = backend.numpy_function(there_and_back, [(None, 3, None, None)])(x)
    assert seen[0].shape[1] == 3
    np.testing.assert_allclose(result, x, atol=1e-5)


@pytest.mark.skipif(backend.keras.__name__ != "keras", reason="Keras 3 only")
def test_gradients_flow_through_spectra():
    if backend.keras.backend.backend() != "tensorflow":
        pytest.skip("written for TensorFlow's tape")
    import tensorflow as tf

    x = tf.Variable(random(4, 5))
    with tf.GradientTape() as tape:
        spectrum = backend.scale(backend.conj(backend.rfft2(x)), 2.0)
        loss = tf.reduce_sum(backend.abs2(spectrum)) + tf.reduce_sum(
            backend.irfft2(spectrum, (4, 5)) ** 2
        )
    gradient = tape.gradient(loss, x).numpy()
    step = np.zeros((4, 5))
    step[1, 2] = 1e-3

    def value(y):
        half = 2 * np.fft.rfft2(y).conj()
        return np.sum(np.abs(half) ** 2) + np.sum(np.fft.irfft2(half, (4, 5)) ** 2)

    numeric = (value(x.numpy() + step) - value(x.numpy() - step)) / 2e-3
    assert gradient[1, 2] == pytest.approx(numeric, rel=1e-3)


def test_networks_compiled_one_after_the_other_are_not_taken_for_one_traced_again():
    if not hasattr(backend._native, "compile_layers"):
        pytest.skip("TensorFlow only")
    warnings = []
    handler = logging.Handler()
    handler.emit = lambda record: warnings.append(record.getMessage())
    logger = logging.getLogger("tensorflow")
    logger.addHandler(handler)
    try:
        for _ in range(8):
            layer = backend.keras.layers.Conv2D(2, 3)
            layer.build((None, None, None, 1))
            backend.compile_layers([layer], [(None, None, None, 1)])
            layer(np.zeros((1, 8, 8, 1), np.float32))
    finally:
        logger.removeHandler(handler)
    assert warnings == []

"""Kernels in files: saved ones come back, bad ones are refused in one sentence."""

import numpy as np
import picture_files as files
import pytest
from PIL import Image

from deblurnets.deblurrer import KnownKernel
from deblurnets.pictures.files import ImageError
from deblurnets.pictures.kernel_files import LARGEST_SIDE, read_kernel, save_kernel

# A header that promises 2^60 numbers.
HEADER = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1073741824, 1073741824)}\n"
HUGE = b"\x93NUMPY\x01\x00" + bytes([len(HEADER), 0]) + HEADER
KERNEL = np.array([[0, 1, 0], [2, 4, 0], [0, 0, 1]], np.float32) / 8


def test_saved_kernel_comes_back_from_both_files(tmp_path):
    save_kernel(str(tmp_path / "x_kernel"), 5 * KERNEL)
    numbers = np.load(str(tmp_path / "x_kernel.npy"))
    assert numbers.dtype == np.float32
    assert np.array_equal(numbers, KERNEL)
    with Image.open(str(tmp_path / "x_kernel.png")) as image:
        assert image.mode in ("I;16", "I")
        assert np.asarray(image).max() == 65535
    assert np.array_equal(read_kernel(str(tmp_path / "x_kernel.npy")), KERNEL)
    from_picture = read_kernel(str(tmp_path / "x_kernel.png"))
    assert from_picture.dtype == np.float32
    assert np.abs(from_picture - KERNEL).max() < 2e-5
    assert abs(from_picture.sum() - 1) < 1e-6


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float16, np.float64, np.bool_])
def test_arrays_of_any_real_type_and_scale(tmp_path, dtype):
    array = np.array([[0, 1], [1, 1]], dtype)
    np.save(str(tmp_path / "k.npy"), array)
    kernel = read_kernel(str(tmp_path / "k.npy"))
    assert kernel.dtype == np.float32
    assert np.allclose(kernel, [[0, 1 / 3], [1 / 3, 1 / 3]])


def test_huge_values_do_not_overflow(tmp_path):
    np.save(str(tmp_path / "k.npy"), np.full((3, 3), 3e38))
    assert np.allclose(read_kernel(str(tmp_path / "k.npy")), 1 / 9)


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros(5), r"two axes of 1 to 1023 numbers, received shape \(5,\)"),
        (np.zeros((3, 3, 3)), "received shape"),
        (np.zeros((0, 3)), "received shape"),
        (np.zeros((1, LARGEST_SIDE + 1)), "received shape"),
        (np.zeros((3, 3)), "zero everywhere"),
        (np.array([[1.0, np.nan]]), "NaN or infinite"),
        (np.array([[1.0, np.inf]]), "NaN or infinite"),
        (np.array([[1.0, -0.5]]), "no negative values, received -0.5"),
        (np.array([[1j]]), "not an array of real numbers"),
        (np.array([["a"]]), "not an array of real numbers"),
    ],
)
def test_bad_arrays(tmp_path, array, reason):
    np.save(str(tmp_path / "k.npy"), array)
    with pytest.raises(ImageError, match=reason):
        read_kernel(str(tmp_path / "k.npy"))


@pytest.mark.parametrize("data", [b"", b"hello", b"\x93NUMPY\x01\x00", HUGE, b"PK\x03\x04"])
def test_files_that_are_no_array(tmp_path, data):
    (tmp_path / "k.npy").write_bytes(data)
    with pytest.raises(ImageError, match="content is not an array"):
        read_kernel(str(tmp_path / "k.npy"))


def test_an_array_of_objects_is_not_unpacked(tmp_path):
    np.save(str(tmp_path / "k.npy"), np.array([{}], object), allow_pickle=True)
    with pytest.raises(ImageError, match="not an array in NumPy's format"):
        read_kernel(str(tmp_path / "k.npy"))


def test_pictures_that_are_no_kernel(tmp_path):
    for channels in (2, 3, 4):
        path = tmp_path / f"{channels}.png"
        path.write_bytes(files.png_bytes(files.gradient(channels=channels)))
        with pytest.raises(ImageError, match="grey picture without alpha"):
            read_kernel(str(path))
    with pytest.raises(ImageError, match="No such file"):
        read_kernel(str(tmp_path / "none.png"))


class Deblurrer:
    def deblur(self, image, kernel):
        return image + np.uint8(kernel.sum())


def test_known_kernel_is_called_like_a_deblurrer():
    image = np.zeros((40, 40, 3), np.uint8)
    result = KnownKernel(Deblurrer(), KERNEL)(image)
    assert np.array_equal(result.image, image + 1)
    assert result.kernel is KERNEL
    assert result.confidence is None
    assert result.blurred
    assert set(result.seconds) == {"analysis", "synthesis"}


def test_known_kernel_larger_than_the_picture():
    deblur = KnownKernel(Deblurrer(), np.full((9, 50), 1 / 450, np.float32))
    with pytest.raises(ValueError, match=r"kernel of 50x9 is larger than the picture of 40x60"):
        deblur(np.zeros((60, 40, 3), np.uint8))

"""Any picture that a lossless format can hold comes back as it was."""

import os
import tempfile

import numpy as np
import pytest

from deblurnets.pictures.files import ImageError, Picture, check_writable, read_image, write_image

pytest.importorskip("hypothesis")
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays


@st.composite
def pictures(draw):
    dtype = draw(st.sampled_from([np.uint8, np.uint16]))
    shape = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    colours = draw(st.sampled_from([(), (3,)]))
    pixels = draw(arrays(dtype, shape + colours))
    alpha = draw(st.none() | arrays(dtype, shape))
    return Picture(pixels, alpha)


@settings(max_examples=120, deadline=None)
@given(pictures(), st.sampled_from([".png", ".TIF", ".tiff", ".bmp", ".webp", ".JPG"]))
def test_round_trip_or_a_clear_refusal(picture, extension):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x" + extension)
        try:
            check_writable(path, picture)
        except ImageError:
            with pytest.raises(ImageError):
                write_image(path, picture)
            assert os.listdir(folder) == []
            return
        write_image(path, picture)
        assert os.listdir(folder) == ["x" + extension]
        again = read_image(path)
    assert again.pixels.dtype == picture.pixels.dtype
    if extension == ".webp":  # always RGB, and transparent only where something is
        grey = picture.pixels.ndim == 2
        colours = np.dstack([picture.pixels] * 3) if grey else picture.pixels
        assert np.array_equal(again.pixels, colours)
        opaque = np.full(picture.pixels.shape[:2], 255)
        expected = opaque if picture.alpha is None else picture.alpha
        assert np.array_equal(opaque if again.alpha is None else again.alpha, expected)
    else:
        assert again.pixels.shape == picture.pixels.shape
        assert (again.alpha is None) == (picture.alpha is None)
        if extension != ".JPG":
            assert np.array_equal(again.bands(), picture.bands())


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"BM", b"RIFF"]),
    st.binary(max_size=200),
)
def test_rubbish_behind_a_signature_is_an_image_error(signature, rest):
    if signature == b"RIFF":
        rest = b"\0\0\0\0WEBP" + rest
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x.png")
        with open(path, "wb") as file:
            file.write(signature + rest)
        try:
            read_image(path)
        except ImageError as error:
            assert "\n" not in str(error)

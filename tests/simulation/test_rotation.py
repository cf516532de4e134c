"""Pictures blurred by a turning camera: their geometry, against cases that can be told by hand."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from deblurnets.evaluation import turned
from deblurnets.evaluation.__main__ import main
from deblurnets.imaging.psf import centroid
from deblurnets.imaging.srgb import to_gamma, to_linear
from deblurnets.simulation.rotation import Shake, blur_by_shake, random_shake


def dots(*places):
    picture = np.zeros((61, 81, 3), np.float32)
    for row, column in places:
        picture[row, column] = 1
    return picture


def test_without_turns_the_blur_is_a_convolution():
    sharp = ndimage.gaussian_filter(np.random.RandomState(0).rand(61, 81, 3), (1, 1, 0))
    path = np.array([[0.0, -2.0], [0.0, 0.0], [0.0, 2.0]])
    blurry = blur_by_shake(sharp.astype(np.float32), Shake(path, np.zeros(3), (30, 40)), noise=0)
    kernel = np.array([[[1.0], [0], [1], [0], [1]]]) / 3
    expected = to_gamma(ndimage.convolve(to_linear(sharp), kernel, mode="mirror"))
    assert np.abs(blurry / 255 - expected)[5:-5, 5:-5].max() < 0.004


def test_a_turn_leaves_its_centre_and_moves_the_rest_along_a_circle():
    shake = Shake(np.zeros((2, 2)), np.deg2rad([-10.0, 10.0]), (30, 40))
    blurry = blur_by_shake(dots((30, 40), (30, 60)), shake, noise=0)[..., 0]
    assert blurry[30, 40] > 250
    far = blurry[:, 50:]
    for sign in (-1, 1):  # 20 pixels from the centre, by 10 degrees
        row, column = 30 + round(sign * 20 * np.sin(np.deg2rad(10))), 20 * np.cos(np.deg2rad(10))
        assert far[row - 1 : row + 2, round(column) - 11 : round(column) - 8].max() > 100
    assert far[30, 10] < 30


@pytest.mark.parametrize("point", [(30, 40), (0, 0), (60, 10)])
def test_the_kernel_at_a_place_is_what_a_dot_there_becomes(point):
    shake = random_shake(np.random.RandomState(1), 8, 6.0, (30, 40))
    picture = np.pad(dots(point), ((20, 20), (20, 20), (0, 0)))
    moved = Shake(shake.path, shake.angles, (50, 60))
    blurry = to_linear(blur_by_shake(picture, moved, noise=0)[..., 0] / np.float32(255))
    row, column = point[0] + 20, point[1] + 20
    part = blurry[row - 15 : row + 16, column - 15 : column + 16]
    kernel = ndimage.shift(shake.kernel(point, 31), np.subtract(centroid(part), 15))
    cosine = (part * kernel).sum() / np.sqrt((part**2).sum() * (kernel**2).sum())
    assert cosine > 0.9


def test_shakes_have_the_size_that_was_asked_for_and_mean_zero():
    shake = random_shake(np.random.RandomState(2), 12, 3.0, (0, 0))
    assert np.allclose(shake.path.mean(0), 0)
    assert np.isclose(shake.angles.mean(), 0)
    assert np.isclose(np.ptp(shake.path, axis=0).max(), 12)
    assert np.isclose(np.rad2deg(np.ptp(shake.angles)), 3)


def test_the_command_prints_both_ways_and_writes_them(tmp_path, capsys, monkeypatch):
    picture = np.random.RandomState(3).randint(0, 256, (9, 12, 3)).astype(np.uint8)
    Image.fromarray(np.kron(picture, np.ones((10, 10, 1), np.uint8))).save(tmp_path / "a.png")

    def load(local):
        def deblur(blurry):
            result = blurry + np.uint8(blurry < 128) if local else blurry
            return SimpleNamespace(image=result, own_kernels=(2, 6))

        return deblur

    monkeypatch.setattr(turned, "load", load)
    rows = tmp_path / "rows.csv"
    picture = str(tmp_path / "a.png")
    arguments = ["rotation", picture, "--degrees", "0", "3", "--extent", "5", "--side", "110"]
    assert main([*arguments, "--output", str(rows)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.split("|")[1:3] for line in printed[2:4]] == [[" a ", " 0 "], [" a ", " 3 "]]
    assert printed[2].endswith("| 2 of 6 |")
    assert printed[-1].startswith("3 degrees: mean ")
    with rows.open(newline="") as file:
        written = list(csv.DictReader(file))
    assert [float(row["degrees"]) for row in written] == [0, 3]
    assert written[0]["blurry"] == written[0]["one"] != written[1]["one"]


def test_a_picture_too_small_to_score_is_one_sentence(tmp_path, capsys):
    Image.new("RGB", (80, 90)).save(tmp_path / "a.png")
    assert main(["rotation", str(tmp_path / "a.png")]) == 1
    assert "more than 80 pixels a side" in capsys.readouterr().err

"""The benchmark of simulated photographs: a fixed list, the same pictures, a table that counts."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest

from deblurnets.evaluation.__main__ import main
from deblurnets.evaluation.camera import report
from deblurnets.evaluation.camera.cases import FACTORS, PICTURES, STRENGTHS, Case, all_cases
from deblurnets.evaluation.camera.run import evaluate
from deblurnets.pictures.files import Picture, read_image, write_image


def sharp_picture(seed=3, shape=(110, 140)):
    blocks = np.random.RandomState(seed).rand(-(-shape[0] // 10), -(-shape[1] // 10), 3)
    return np.kron(blocks, np.ones((10, 10, 1)))[: shape[0], : shape[1]].astype(np.float32)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sharp").mkdir()
    for name, seed in (("b", 1), ("a", 2)):
        pixels = np.rint(sharp_picture(seed) * 255).astype(np.uint8)
        write_image(str(tmp_path / "sharp" / f"{name}.png"), Picture(pixels))
    return tmp_path / "sharp"


class Sharper:
    """Stands in for the tool: brings some of the way to the mean, and is sure of it."""

    def __init__(self, amount=0.0, confidence=0.9):
        self.amount, self.confidence = amount, confidence

    def __call__(self, blurry):
        return SimpleNamespace(
            image=self.deblur(blurry, None), confidence=self.confidence, blurred=True
        )

    def deblur(self, blurry, kernel):
        mean = blurry.mean()
        return np.uint8(np.clip(np.rint(mean + (1 + self.amount) * (blurry - mean)), 0, 255))


def test_every_factor_comes_with_every_strength_and_the_list_is_fixed():
    cases = all_cases(11)
    assert cases == all_cases(11) and len(set(cases)) == len(cases) == 360
    for factor in FACTORS:
        levels = [case.level for case in cases if case.factor == factor]
        assert sorted(levels) == sorted(list(range(STRENGTHS)) * PICTURES)
    for every in (4, 5, 7):  # a part of the list keeps all factors and strengths
        part = cases[::every]
        assert {case.level for case in part} == set(range(STRENGTHS))
        assert len({case.factor for case in part}) == len(FACTORS)


@pytest.mark.parametrize("factor", sorted(FACTORS))
def test_a_case_is_always_the_same_picture_and_strengths_differ(factor):
    sharp = sharp_picture()
    first, again, stronger = (
        Case(factor, level, 0).photograph(sharp) for level in (0, 0, STRENGTHS - 1)
    )
    assert np.array_equal(first.blurry, again.blurry) and np.array_equal(first.sharp, again.sharp)
    assert first.blurry.dtype == np.uint8 and first.blurry.shape == first.sharp.shape
    same = first.blurry.shape == stronger.blurry.shape
    assert not (same and np.array_equal(first.blurry, stronger.blurry))


def test_rows_count_what_got_worse_and_how_sure_the_tool_was(folder):
    cases = [Case("uniform", 1, 0), Case("sharp", 0, 1)]
    still, moved = ([*evaluate(cases, folder, tool)] for tool in (Sharper(), Sharper(0.8)))
    assert [row.gain for row in still] == [0, 0] and not any(row.worse for row in still)
    assert all(row.worse and row.confidently_worse for row in moved)
    assert not any(r.confidently_worse for r in evaluate(cases, folder, Sharper(0.8, 0.7)))
    assert still[0].true is not None and still[1].true is None
    table = report.table(moved)
    assert [line.split()[:2] for line in table[1:]] == [
        ["uniform", "1"],
        ["sharp", "1"],
        ["all", "2"],
    ]
    assert [int(n) for n in table[-1].split()[-3:]] == [2, 2, 0]
    assert [int(n) for n in report.table(still)[-1].split()[-3:]] == [0, 0, 2]


def row(confidence, gain):
    return report.Row(Case("uniform", 0, 0), 20.0, 20.0 + gain, 30.0, confidence, True)


def test_calibration_compares_confidence_with_what_is_better():
    fair = [row(0.75, 1)] * 3 + [row(0.75, -1)]
    assert report.calibration_error(fair) == pytest.approx(0)
    boasting = [row(0.95, 1)] * 2 + [row(0.95, -1)] * 2
    assert report.calibration_error(boasting) == pytest.approx(0.45)
    both = report.calibration([*fair, *boasting, row(0.9, 0)])
    assert [(g["count"], g["better"]) for g in both] == [(4, 0.75), (4, 0.5)]
    assert report.calibration_error([]) == 0


def test_the_command_prints_and_writes_everything(folder, tmp_path, capsys):
    out = tmp_path / "figures"
    arguments = ["camera", str(folder), "--factors", "uniform", "negative", "--every", "5"]
    assert main([*arguments, "--output", str(out)], lambda _: Sharper(0.2)) == 0
    printed = capsys.readouterr().out
    table = (out / "table.txt").read_text()
    assert printed.endswith(table) and "negative" in table and "calibration error" in table
    with (out / "cases.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["case"] for r in rows] == [c.name for c in chosen(("uniform", "negative"), 5)]
    sheet = read_image(str(out / "sheet.jpg")).pixels
    assert sheet.shape[2] == 3 and sheet.std() > 20
    assert read_image(str(out / "calibration.png")).pixels.shape[0] > 300


def chosen(factors, every):
    return [case for case in all_cases(2) if case.factor in factors][::every]


def test_a_folder_without_pictures_is_one_sentence(tmp_path, capsys):
    assert main(["camera", str(tmp_path)]) == 1
    assert f"{tmp_path}: expected sharp pictures" in capsys.readouterr().err

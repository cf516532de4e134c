"""The command that compares one kernel with kernels of regions where the camera turned."""

import csv
from types import SimpleNamespace

import numpy as np
from PIL import Image

from deblurnets.evaluation import turned
from deblurnets.evaluation.__main__ import main


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

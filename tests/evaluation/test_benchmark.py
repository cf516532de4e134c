import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage

from deblurnets.evaluation import __main__ as command
from deblurnets.evaluation import benchmark
from deblurnets.pictures.files import Picture, write_image

KERNEL = np.zeros((9, 9))
KERNEL[2:7, 4] = 1
KERNEL[6, 4:8] = 1


def write_triple(folder, name, seed=0, dtype=np.uint8, channels=3):
    rng = np.random.RandomState(seed)
    shape = (48, 56) if channels is None else (48, 56, channels)
    sigma = (2, 2) if channels is None else (2, 2, 0)
    sharp = ndimage.gaussian_filter(rng.rand(*shape), sigma)
    sharp = (sharp - sharp.min()) / np.ptp(sharp)
    kernel = KERNEL if channels is None else KERNEL[..., None]
    blurry = ndimage.convolve(sharp, kernel / kernel.sum(), mode="nearest")
    peak = np.iinfo(dtype).max
    for part, values in (("blurry", blurry), ("sharp", sharp)):
        pixels = np.rint(values * peak).astype(dtype)
        write_image(str(folder / f"{name}_{part}.png"), Picture(pixels))
    stored = np.rint(KERNEL * 60000).astype(np.uint16)
    write_image(str(folder / f"{name}_kernel.png"), Picture(stored))


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "little"
    folder.mkdir()
    for seed, name in enumerate(("a_1", "b", "c")):
        write_triple(folder, name, seed)
    return folder


class Oracle:
    """Deblurrer that knows the answers, except for one picture that it spoils."""

    def __init__(self, folder, spoilt):
        self.known = {}
        for triple in benchmark.find_triples(folder):
            blurry, sharp, _ = benchmark.load_triple(triple)
            answer = np.full_like(sharp, 128) if triple.name == spoilt else sharp
            self.known[blurry.tobytes()] = answer

    def __call__(self, pixels):
        kernel = np.roll(KERNEL, 1, axis=1) / KERNEL.sum()
        return SimpleNamespace(image=self.known[pixels.tobytes()], kernel=kernel)

    def deblur(self, pixels, kernel):
        assert kernel.sum() == pytest.approx(1)
        return self.known[pixels.tobytes()]


def test_triples_are_found_by_name(folder):
    assert [t.name for t in benchmark.find_triples(folder)] == ["a_1", "b", "c"]
    assert [t.name for t in benchmark.find_triples(folder, every=2)] == ["a_1", "c"]
    assert [t.name for t in benchmark.find_triples(folder, limit=1, every=2)] == ["a_1"]


def test_missing_parts_are_named(folder, tmp_path):
    (folder / "b_kernel.png").unlink()
    with pytest.raises(benchmark.BenchmarkError, match=r"b_kernel\.png: missing"):
        benchmark.find_triples(folder)
    with pytest.raises(benchmark.BenchmarkError, match="expected a folder"):
        benchmark.find_triples(tmp_path / "nowhere")
    with pytest.raises(benchmark.BenchmarkError, match=r"NAME_blurry\.png, found none"):
        benchmark.find_triples(tmp_path)


def test_sixteen_bits_and_grey_are_read(tmp_path):
    write_triple(tmp_path, "deep", dtype=np.uint16, channels=None)
    blurry, sharp, kernel = benchmark.load_triple(benchmark.find_triples(tmp_path)[0])
    assert blurry.dtype == sharp.dtype == np.uint16 and blurry.shape == (48, 56)
    np.testing.assert_allclose(kernel, KERNEL / KERNEL.sum(), atol=1e-5)


def test_rows_and_summary(folder):
    oracle = Oracle(folder, spoilt="b")
    methods = benchmark.Methods(oracle, oracle.deblur)
    rows = list(benchmark.evaluate(benchmark.find_triples(folder), methods))
    assert [row.psnr["blind"] for row in rows][::2] == [100.0, 100.0]
    assert rows[1].psnr["blind"] < rows[1].psnr["blurry"]
    assert rows[0].kernel_similarity == pytest.approx(1.0)
    blurry, blind, true_kernel = benchmark.summarise(rows)
    assert blurry.method == "blurry" and blurry.failures == 0
    assert blind.failures == true_kernel.failures == 1
    assert blind.count == 3 and blind.median == 100.0 and blind.worst == rows[1].psnr["blind"]
    assert blind.mean == pytest.approx(np.mean([row.psnr["blind"] for row in rows]))
    assert blind.kernel_similarity == pytest.approx(1.0)


def test_border_rule_is_applied(folder):
    triples = benchmark.find_triples(folder, limit=1)
    automatic = next(benchmark.evaluate(triples, benchmark.Methods()))
    same = next(benchmark.evaluate(triples, benchmark.Methods(), border=4))  # half of 9
    other = next(benchmark.evaluate(triples, benchmark.Methods(), border=12))
    assert automatic.psnr == same.psnr != other.psnr


def test_automatic_border():
    assert benchmark.automatic_border((255, 255), (19, 19)) == 15
    assert benchmark.automatic_border((255, 255, 3), (85, 85)) == 42
    assert benchmark.automatic_border((428, 684, 3), (85, 85)) == 42
    assert benchmark.automatic_border((40, 40, 3), (85, 85)) == 19


def test_command_prints_and_writes(folder, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    output = tmp_path / "deep" / "report"
    arguments = ["benchmark", str(folder), "--baseline", "--output", str(output)]
    assert command.main(arguments, load=lambda _: Oracle(folder, spoilt="c")) == 0
    text = capsys.readouterr().out
    assert "little, blind: mean" in text and "failures 1 of 3" in text
    assert "little, true kernel: mean" in text
    assert "little, hyper-Laplacian, true kernel: mean" in text
    with open(output / "pictures.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["picture"] for row in rows] == ["a_1", "b", "c"]
    assert float(rows[0]["psnr_blind"]) == 100
    assert float(rows[0]["seconds_hyper_laplacian"]) > 0
    content = json.loads((output / "summary.json").read_text(encoding="utf-8"))
    assert content["protocol"]["border"] == "auto"
    assert len(content["benchmarks"]["little"]["pictures"]) == 3
    assert (output / "psnr.png").read_bytes()[:4] == b"\x89PNG"


def test_baseline_alone_needs_no_networks(folder, capsys):
    def refuse(_):
        raise AssertionError("no network may be loaded")

    arguments = ["benchmark", str(folder), "--model", "none", "--limit", "2"]
    assert command.main(arguments, load=refuse) == 0
    lines = capsys.readouterr().out.splitlines()
    blurry = next(line for line in lines if line.startswith("little, blurry: mean"))
    baseline = next(line for line in lines if line.startswith("little, hyper-Laplacian"))
    assert float(baseline.split()[5]) > float(blurry.split()[3]) + 3


def test_two_folders_of_one_name_are_kept_apart(folder, tmp_path, capsys):
    twin = tmp_path / "other" / "little"
    twin.mkdir(parents=True)
    write_triple(twin, "z")
    arguments = ["benchmark", str(folder), str(twin), "--model", "none", "--limit", "1"]
    assert command.main(arguments) == 0
    text = capsys.readouterr().out
    assert f"{folder}, blurry" in text and f"{twin}, blurry" in text


def test_score_command(folder, capsys):
    sharp = str(folder / "a_1_sharp.png")
    assert command.main(["score", sharp, sharp]) == 0
    assert capsys.readouterr().out.startswith("PSNR inf dB, SSIM 1.0000 at a shift of +0 down")


def test_errors_are_one_sentence(folder, tmp_path, capsys):
    assert command.main(["benchmark", str(tmp_path / "nowhere"), "--model", "none"]) == 1
    assert command.main(["score", str(tmp_path / "no.png"), str(tmp_path / "no.png")]) == 1
    wide = ["benchmark", str(folder), "--model", "none", "--border", "24"]
    assert command.main(wide) == 1
    sharp = str(folder / "a_1_sharp.png")
    assert command.main(["score", sharp, str(folder / "a_1_kernel.png")]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4 and all(line.startswith("error: ") for line in lines)
    with pytest.raises(SystemExit) as leave:
        command.main(["benchmark", str(folder), "--every", "0"])
    assert leave.value.code == 2


def test_sharp_pictures_are_compared_with_their_results(folder, tmp_path, capsys):
    def deblur(pixels, alpha=None):  # changes every picture but the first
        same = np.array_equal(pixels, first)
        image = pixels if same else np.clip(pixels.astype(int) + 10, 0, 255).astype(np.uint8)
        return SimpleNamespace(image=image, kernel=KERNEL, blurred=not same, confidence=0.25)

    _, first, _ = benchmark.load_triple(benchmark.find_triples(folder)[0])
    rows = tmp_path / "sharp.csv"
    status = command.main(["sharp", str(folder), "--output", str(rows)], load=lambda _: deblur)
    printed = capsys.readouterr().out
    assert status == 0
    assert "a_1: 100.00 dB to the input, no blur found" in printed
    assert "little: 1 of 3 at 38 dB or more" in printed
    with open(rows, newline="") as file:
        written = list(csv.DictReader(file))
    assert [row["kept"] for row in written] == ["1", "0", "0"]
    assert written[1]["confidence"] == "0.250"
    assert float(written[1]["psnr_to_input"]) == pytest.approx(28.1, abs=0.3)

"""The literature's benchmarks: tiny made-up files in the published layouts."""

import csv
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, signal
from scipy.io import savemat

from deblurnets.evaluation import __main__ as command
from deblurnets.evaluation.benchmark import BenchmarkError
from deblurnets.evaluation.literature import items, kohler, lai, levin, published, sun
from deblurnets.evaluation.multiscale import multiscale_ssim
from deblurnets.pictures.files import Picture, write_image

KERNEL = np.zeros((9, 9))
KERNEL[2:7, 4] = 1
KERNEL[6, 4:8] = 1
KERNEL /= KERNEL.sum()


def smooth(height, width, channels=None, seed=0):
    rng = np.random.RandomState(seed)
    shape = (height, width) if channels is None else (height, width, channels)
    sigma = (2, 2) if channels is None else (2, 2, 0)
    values = ndimage.gaussian_filter(rng.rand(*shape), sigma)
    return (values - values.min()) / np.ptp(values)


def blur(sharp):
    kernel = KERNEL if sharp.ndim == 2 else KERNEL[..., None]
    return ndimage.convolve(sharp, kernel, mode="nearest")


def eight_bits(values):
    return np.uint8(np.rint(np.clip(values, 0, 1) * 255))


def write(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(str(path), Picture(pixels))


def write_kernel(path, colour=False):
    stored = eight_bits(KERNEL / KERNEL.max())
    write(path, np.repeat(stored[..., None], 3, axis=2) if colour else stored)


@pytest.fixture
def levin_folder(tmp_path):
    inner = tmp_path / "LevinEtalCVPR09Data" / "Levin09blurdata"
    inner.mkdir(parents=True)
    for seed, name in enumerate(("im05_flit01", "im05_flit02", "im06_flit01")):
        x = smooth(64, 72, seed=seed)
        content = {"x": x, "y": blur(x) + 1e-9, "f": KERNEL[::-1, ::-1], "unrelated": "text"}
        savemat(str(inner / f"{name}.mat"), content)
    (inner / "readme.txt").write_text("not a picture")
    return tmp_path


@pytest.fixture
def sun_folder(tmp_path):
    for picture in (1, 10, 2):
        sharp = smooth(170, 160, seed=picture)
        blurry = eight_bits(blur(sharp))
        for kernel in (1, 2):
            write(tmp_path / "input80imgs8kernels" / f"{picture}_{kernel}_blurred.png", blurry)
        results = tmp_path / "all_deblur_results"
        write(results / f"img{picture}_groundtruth_img.png", eight_bits(sharp)[50:-50, 50:-50])
    for kernel in (1, 2):
        write_kernel(tmp_path / "all_deblur_results" / f"kernel{kernel}_groundtruth_kernel.png")
    return tmp_path


@pytest.fixture
def lai_folder(tmp_path):
    root = tmp_path / "synthetic_dataset"
    for seed, name in enumerate(("manmade_01", "text_05")):
        sharp = smooth(64, 60, 3, seed)
        write(root / "ground_truth" / f"{name}.png", eight_bits(sharp))
        for kernel in ("kernel_01", "kernel_04"):
            write(root / "uniform" / f"{name}_{kernel}.png", eight_bits(blur(sharp)))
            write_kernel(root / "kernel" / f"{kernel}.png", colour=True)
    write(tmp_path / "real_dataset" / "bird.jpg", eight_bits(smooth(40, 50, 3)))
    write(tmp_path / "real_dataset" / "text12.png", eight_bits(smooth(40, 50, 3, 1)))
    return tmp_path


SHARP = smooth(180, 184, 3)


FRAMES = {
    1: eight_bits(blur(np.roll(SHARP, (30, -20), axis=(0, 1)))),
    2: eight_bits(0.8 * np.roll(SHARP, (2, -3), axis=(0, 1))),  # the one that fits
    3: eight_bits(smooth(180, 184, 3, seed=9)),
}


@pytest.fixture
def kohler_folder(tmp_path):
    blurry = eight_bits(blur(SHARP))
    for name in ("Blurry1_2", "Blurry1_10"):
        write(tmp_path / "BlurryImages" / f"{name}.png", blurry)
    for number, pixels in FRAMES.items():
        name = f"GroundTruth1_2_{number}.png"
        write(tmp_path / "Image1" / "Kernel2" / name, pixels)
    stack = np.stack(list(FRAMES.values()), axis=-1)
    savemat(str(tmp_path / "GroundTruth1_10.mat"), {"GroundTruth": stack})
    return tmp_path


def answer(case, image):
    """Return how a case scores a picture of 8 bits."""
    return case.score(eight_bits(image))


def test_levin(levin_folder):
    found = levin.find_items(levin_folder)
    assert [item.name for item in found] == ["im05_flit01", "im05_flit02", "im06_flit01"]
    case = found[2].load()
    x = smooth(64, 72, seed=2)
    np.testing.assert_allclose(case.blurry, blur(x), atol=1e-6)
    np.testing.assert_allclose(case.kernel, KERNEL, atol=1e-6)  # turned back
    assert case.blurry.max() <= 1 and case.blurry.dtype == np.float32
    assert case.score(np.float32(x)).psnr > 90
    assert case.score(np.float32(np.roll(x, 3, axis=0))).shift == (3.0, 0.0)
    assert case.score(case.blurry).psnr < 40


def test_sun(sun_folder):
    found = sun.find_items(sun_folder)
    assert [item.name for item in found] == ["1_1", "1_2", "2_1", "2_2", "10_1", "10_2"]
    case = found[2].load()
    sharp = smooth(170, 160, seed=2)
    assert case.blurry.shape == (170, 160)
    assert answer(case, sharp).psnr > 100
    # The frame may hold anything, but what is moved into the middle counts.
    spoilt = sharp.copy()
    spoilt[:40], spoilt[-40:] = 0, 1
    assert answer(case, spoilt).psnr > 100
    assert answer(case, np.roll(sharp, -4, axis=1)).shift == (0.0, -4.0)
    np.testing.assert_allclose(case.kernel, KERNEL, atol=1e-6)


def test_lai(lai_folder):
    found = lai.find_items(lai_folder)
    names = [item.name for item in found]
    assert len(names) == 4 and names[0] == "manmade_01_kernel_01"
    assert [item.name for item in lai.find_items(lai_folder / "synthetic_dataset")] == names
    case = found[3].load()
    np.testing.assert_allclose(case.kernel, KERNEL, atol=1e-6)
    sharp = smooth(64, 60, 3, 1)
    assert answer(case, sharp).psnr > 100
    # Grey noise: 219/255 of its size in the luma of the nominal range.
    noise = np.random.RandomState(0).normal(0, 0.02, (64, 60, 1))
    noisy = np.clip(sharp + noise, 0, 1)
    inner = (noisy - sharp)[15:-15, 15:-15] * 219 / 255
    expected = -10 * np.log10(np.mean(inner**2))
    assert answer(case, noisy).psnr == pytest.approx(expected, abs=0.1)


def test_luma_is_that_of_the_nominal_range():
    assert lai.luma(np.zeros((1, 1, 3))) == pytest.approx(16 / 255)
    assert lai.luma(np.ones((1, 1, 3))) == pytest.approx(235 / 255)
    assert lai.luma(np.full((1, 1), 0.25)) == 0.25


def test_kohler_takes_the_best_frame(kohler_folder):
    from_pictures, from_file = (item.load() for item in kohler.find_items(kohler_folder))
    assert from_pictures.kernel is None and (from_pictures.name, from_file.name) == ("1_2", "1_10")
    for case in (from_pictures, from_file):
        score = answer(case, SHARP)
        assert score.psnr > 38 and score.ssim > 0.999 and score.shift == (-2.0, 3.0)
        # Brightness is matched: a darker picture of the same thing is as good.
        assert answer(case, 0.7 * SHARP).psnr == pytest.approx(score.psnr, abs=0.5)
        assert answer(case, 0.6 * SHARP + 0.4 * SHARP[::-1]).psnr < score.psnr - 5


def test_kohler_by_some_frames_is_never_better(kohler_folder):
    whole = kohler.find_items(kohler_folder)[0].load()
    some = kohler.find_items(kohler_folder, step=2)[0].load()  # the first and the third
    assert answer(some, SHARP).psnr < answer(whole, SHARP).psnr


def test_kohler_leaves_out_the_faulty_frame(kohler_folder):
    wrong = np.stack([FRAMES[3]] * 29 + [FRAMES[2]], axis=-1)
    write(kohler_folder / "Blurry1_3.png", FRAMES[2])
    savemat(str(kohler_folder / "GroundTruth1_3.mat"), {"GroundTruth": wrong})
    case = kohler.find_items(kohler_folder)[1].load()
    assert case.name == "1_3" and answer(case, SHARP).psnr < 30


def test_trajectories_of_the_newer_matlab_files(kohler_folder):
    path = kohler_folder / "GroundTruth1_10.mat"
    path.unlink()
    with h5py.File(str(path), "w") as file:
        stack = np.stack([pixels.transpose(2, 1, 0) for pixels in FRAMES.values()])
        file.create_dataset("GroundTruth", data=stack)
    assert answer(kohler.find_items(kohler_folder)[1].load(), SHARP).psnr > 38


def test_multiscale_ssim_agrees_with_its_definition():
    def direct(x, y):
        offsets = np.arange(-5, 6)
        window = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
        window /= window.sum()
        half = np.array([0.8526986790, 0.3774028556, -0.1106244044, -0.0238494650, 0.0378284555])
        low = np.concatenate([half[:0:-1], half])
        low = np.outer(low, low) / low.sum() ** 2
        quality = 1.0
        for scale, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
            if scale:
                x, y = (
                    signal.convolve2d(np.pad(p, 4, mode="symmetric"), low, "valid")[::2, ::2]
                    for p in (x, y)
                )

            def mean(plane):
                return signal.convolve2d(plane, window, "valid")

            mx, my = mean(x), mean(y)
            sx, sy = np.sqrt(mean(x * x) - mx**2), np.sqrt(mean(y * y) - my**2)
            sxy = mean(x * y) - mx * my
            quality *= np.mean((2 * sx * sy + 9e-4) / (sx**2 + sy**2 + 9e-4)) ** weight
            quality *= np.mean((sxy + 4.5e-4) / (sx * sy + 4.5e-4)) ** weight
            if scale == 4:
                quality *= np.mean((2 * mx * my + 1e-4) / (mx**2 + my**2 + 1e-4)) ** weight
        return quality

    x = smooth(180, 190)
    y = np.clip(blur(x) + np.random.RandomState(1).normal(0, 0.05, x.shape), 0, 1)
    assert multiscale_ssim(y, x) == pytest.approx(direct(y, x), abs=1e-6)
    assert 0.3 < multiscale_ssim(y, x) < 0.95
    assert multiscale_ssim(x, x) == pytest.approx(1)
    assert multiscale_ssim(1 - x, x) < 0.1
    with pytest.raises(ValueError, match="176x176 pixels or more"):
        multiscale_ssim(x[:100], x[:100])


@settings(deadline=None, max_examples=40)
@given(*[st.integers(1, 12)] * 4, st.sampled_from([None, 3]))
def test_a_framed_picture_keeps_its_middle(height, width, want_height, want_width, channels):
    shape = (height, width) if channels is None else (height, width, channels)
    wanted = (want_height, want_width, *shape[2:])
    sharp = np.arange(np.prod(shape)).reshape(shape)
    framed, frame = items.frame_sharp(sharp, wanted, "x")
    assert framed.shape == wanted
    top, left = (
        (have - want) // 2 if have > want else -((want - have) // 2)
        for have, want in zip(shape[:2], wanted)
    )
    for row in range(frame, want_height - frame):
        for column in range(frame, want_width - frame):
            assert np.array_equal(framed[row, column], sharp[row + top, column + left])


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("moved", [(0, 0), (5, -3)])
def test_kernels_are_turned_as_the_picture_says(turned, moved):
    sharp = smooth(64, 72)
    blurry = np.roll(blur(sharp), moved, axis=(0, 1))
    stored = KERNEL[::-1, ::-1] if turned else KERNEL
    np.testing.assert_array_equal(items.orient_kernel(stored, sharp, blurry), KERNEL)


@settings(deadline=None, max_examples=25)
@given(st.integers(-8, 8), st.integers(-8, 8))
def test_whole_shifts_are_found(down, right):
    picture = np.float32(SHARP[:60, :64])
    spectrum = np.fft.rfft2(picture.mean(axis=2))
    moved = np.roll(picture, (down, right), axis=(0, 1))
    assert kohler.whole_shift(spectrum, moved) == (down, right)


def test_what_is_missing_is_named(tmp_path, levin_folder, lai_folder, sun_folder, kohler_folder):
    empty = tmp_path / "empty"
    empty.mkdir()
    for reader, expected in (
        (levin, r"empty: expected im05_flit01\.mat"),
        (kohler, r"empty: expected Blurry1_1\.png"),
        (lai, "empty: expected the folders uniform, ground_truth and kernel, .*, found nothing"),
        (sun, r"empty: expected 1_1_blurred\.png"),
    ):
        with pytest.raises(BenchmarkError, match=expected):
            reader.find_items(empty)
        with pytest.raises(BenchmarkError, match="expected the folder of a benchmark, found none"):
            reader.find_items(tmp_path / "nowhere")
    (sun_folder / "all_deblur_results" / "img10_groundtruth_img.png").unlink()
    with pytest.raises(BenchmarkError, match=r"expected img10_groundtruth_img\.png .* archive"):
        sun.find_items(sun_folder)
    (lai_folder / "synthetic_dataset" / "kernel" / "kernel_04.png").unlink()
    with pytest.raises(BenchmarkError, match=r"kernel_04\.png: missing for manmade_01_kernel_04"):
        lai.find_items(lai_folder)
    (kohler_folder / "GroundTruth1_10.mat").unlink()
    with pytest.raises(BenchmarkError, match=r"expected GroundTruth1_10_1\.png and on, or Gro"):
        kohler.find_items(kohler_folder)


def test_wrong_contents_are_named(tmp_path, kohler_folder):
    savemat(str(tmp_path / "im05_flit01.mat"), {"x": np.ones((8, 8)), "k": np.ones((3, 3))})
    with pytest.raises(BenchmarkError, match="expected the matrices y, x and f, found k, x"):
        levin.load_case(tmp_path / "im05_flit01.mat")
    (tmp_path / "im05_flit02.mat").write_bytes(b"no MATLAB file at all")
    with pytest.raises(BenchmarkError, match="expected a MATLAB file"):
        levin.load_case(tmp_path / "im05_flit02.mat")
    savemat(str(tmp_path / "GroundTruth1_10.mat"), {"GroundTruth": np.zeros((8, 8, 4))})
    with pytest.raises(BenchmarkError, match=r"\(H, W, 3, N\) and type uint8, found float64"):
        answer(kohler.find_items(kohler_folder)[1].load(), SHARP)
    with pytest.raises(BenchmarkError, match=r"frames of the blurry picture's shape"):
        kohler.find_items(kohler_folder)[0].load().score(np.zeros((200, 184, 3), np.uint8))


class Half:
    """Deblurrer that changes nothing; it knows the kernel."""

    def __call__(self, pixels):
        return SimpleNamespace(image=pixels, kernel=KERNEL, confidence=0.25, blurred=True)

    def deblur(self, pixels, kernel):
        assert kernel.sum() == pytest.approx(1)
        return pixels


@pytest.mark.parametrize("name", ["levin", "kohler", "lai", "sun"])
def test_the_command_prints_the_tables(name, request, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    folder = request.getfixturevalue(f"{name}_folder")
    arguments = ["literature", name, str(folder), "--limit", "2", "--output", str(tmp_path / "o")]
    assert command.main(arguments, load=lambda _: Half()) == 0
    text = capsys.readouterr().out
    assert f"\n{name}: PSNR" in text and f"{name}, blurry: mean" in text
    assert f"{name}, blind: mean" in text and "failures 0 of 2" in text
    assert ("true kernel" in text) == (name != "kohler")
    assert ("kernel similarity 1.000" in text) == (name != "kohler")
    assert ("Kaufman and Fattal 2020" in text) == (name in published.FIGURES)
    with open(tmp_path / "o" / "pictures.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 and rows[0]["psnr_blurry"] == rows[0]["psnr_blind"]


def test_the_baseline_alone_needs_no_networks(levin_folder, capsys):
    def refuse(_):
        raise AssertionError("no network may be loaded")

    arguments = ["literature", "levin", str(levin_folder), "--model", "none", "--limit", "1"]
    assert command.main(arguments, load=refuse) == 0
    lines = capsys.readouterr().out.splitlines()
    means = [float(line.split("mean ")[1].split()[0]) for line in lines if "mean " in line]
    assert means[1] > means[0] + 3


def test_real_pictures_get_no_score(lai_folder, capsys):
    assert (
        command.main(["literature", "lai", str(lai_folder), "--real"], load=lambda _: Half()) == 0
    )
    text = capsys.readouterr().out
    assert "bird: blur found, confidence 0.25" in text and "text12: " in text
    assert "2 pictures, which have no truth" in text and "dB" not in text


@pytest.mark.parametrize(
    "arguments",
    [
        ["levin", "x", "--frames", "2"],
        ["sun", "x", "--real"],
        ["kohler", "x", "--baseline"],
        ["kohler", "x", "--model", "none"],
        ["lai", "x", "--real", "--output", "y"],
        ["gopro", "x"],
    ],
)
def test_what_does_not_go_together_is_wrong_usage(arguments, capsys):
    with pytest.raises(SystemExit) as leave:
        command.main(["literature", *arguments])
    assert leave.value.code == 2 and "error: " in capsys.readouterr().err


def test_errors_are_one_sentence(tmp_path, capsys):
    assert command.main(["literature", "sun", str(tmp_path)], load=lambda _: Half()) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_published_figures_name_their_source():
    assert set(published.FIGURES) == set(published.SOURCES) <= {"levin", "kohler", "lai", "sun"}
    assert published.published_lines("levin") == ()
    assert published.published_lines("lai")[0].startswith("published (Zhang")

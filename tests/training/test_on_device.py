"""Samples made by PyTorch are those of the NumPy code, by the batch."""

import io

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from deblurnets.deconvolution.hyper_laplacian import HyperLaplacian, hyper_laplacian  # noqa: E402
from deblurnets.imaging import noise  # noqa: E402
from deblurnets.training.on_device import batches, deconvolution, faults, pictures  # noqa: E402
from deblurnets.training.on_device.chance import Chance  # noqa: E402
from deblurnets.training.on_device.jpeg import through_jpeg  # noqa: E402
from deblurnets.training.on_device.photographs import DevicePhotographs  # noqa: E402
from deblurnets.training.on_device.shakes import random_shakes  # noqa: E402
from deblurnets.training.photographs import PIXELS, SHAPES  # noqa: E402
from deblurnets.training.samples import SampleConfig, convolve_valid  # noqa: E402

CLEAN = SampleConfig(crop=96, grid=17, extent=(3, 13), noise=(0, 0), jpeg=0, saturation=0)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """A pack of three smooth random photographs."""
    folder = tmp_path_factory.mktemp("pack")
    rng = np.random.RandomState(0)
    shapes = [(240, 270), (260, 230), (230, 230)]
    values = []
    for height, width in shapes:
        coarse = rng.randint(0, 256, (height // 10, width // 10, 3)).astype(np.uint8)
        picture = Image.fromarray(coarse).resize((width, height), Image.BICUBIC)
        values.append(np.asarray(picture).ravel())
    np.save(folder / PIXELS, np.concatenate(values))
    np.save(folder / SHAPES, np.array(shapes, np.int64))
    return DevicePhotographs(folder, "cpu", shrink=1.3)


def drawn(photographs, config=CLEAN, seed=1, batch=4):
    return pictures.shaken(photographs, config, Chance("cpu", seed), batch)


def test_shakes_are_kernels_of_the_extent_asked_for():
    kernels = random_shakes(Chance("cpu", 1), 64, 33, (5, 25))
    assert float(kernels.min()) >= 0
    np.testing.assert_allclose(kernels.sum((1, 2)), 1, rtol=1e-4)
    position = torch.arange(33.0) - 16
    for axis in (1, 2):
        assert float((kernels.sum(axis) * position).sum(1).abs().max()) < 0.2
    spread = (kernels.sum(1) > 1e-3).sum(1)
    assert int(spread.max()) <= 33 and int(spread.min()) >= 3


def test_samples_depend_on_the_seeds_alone(photographs):
    first, again, other = (drawn(photographs, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(first.blurry, again.blurry)
    assert not torch.equal(first.blurry, other.blurry)


def test_blurry_pictures_are_the_convolution_with_their_kernels(photographs):
    sample = drawn(photographs, batch=6)
    half = CLEAN.grid // 2
    inside = slice(half, -half)
    for i in range(6):
        if bool(sample.linear[i]):
            continue
        sharp = sample.sharp[i].permute(1, 2, 0).numpy()
        expected = convolve_valid(sharp, sample.kernel[i].numpy())
        received = sample.blurry[i].permute(1, 2, 0).numpy()[inside, inside]
        assert np.abs(expected - received).max() < 0.5 / 255 + 1e-4
    assert not sample.linear.all()


def test_noise_and_deconvolution_are_those_of_the_tool(photographs):
    config = SampleConfig(crop=96, grid=17, extent=(3, 13), noise=(0.01, 0.01), jpeg=0)
    sample = drawn(photographs, config, batch=6)
    levels = deconvolution.estimate_noise(sample.blurry)
    error = torch.full((6,), HyperLaplacian().model_error)
    received = deconvolution.hyper_laplacian(
        sample.blurry, sample.kernel, sample.linear, error, levels
    )
    assert sample.linear.any() and not sample.linear.all()
    for i in range(6):
        blurry = np.ascontiguousarray(sample.blurry[i].permute(1, 2, 0))
        assert float(levels[i]) == pytest.approx(noise.estimate_noise(blurry), rel=0.1)
        domain = "linear" if sample.linear[i] else "gamma"
        expected = hyper_laplacian(blurry, sample.kernel[i].numpy(), float(levels[i]), domain)
        difference = np.abs(expected - received[i].permute(1, 2, 0).numpy())
        assert difference.mean() < 1e-3


@pytest.mark.parametrize("quality", [50, 75, 95])
def test_jpeg_loses_what_the_library_loses(photographs, quality):
    planes = photographs.sharp_crops(Chance("cpu", 5), 1, 96).float() / 255
    pixels = (planes[0].permute(1, 2, 0) * 255).numpy().astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling=0)
    expected = np.asarray(Image.open(buffer)).astype(np.float32)
    received = through_jpeg(planes, torch.tensor([quality]))[0].permute(1, 2, 0).numpy() * 255
    lost = np.abs(expected - pixels).mean()
    assert np.abs(expected - received).mean() < 0.35 * lost + 0.5


def test_kernels_are_moved_without_loss():
    kernels = random_shakes(Chance("cpu", 2), 8, 33, (5, 15))
    moved = torch.roll(kernels, (4, -3), (1, 2))
    np.testing.assert_allclose(faults.aligned(moved, kernels), kernels, atol=1e-5)
    np.testing.assert_allclose(faults.centred(moved), kernels, atol=1e-5)


def test_halved_kernels_blur_halved_pictures(photographs):
    sample = drawn(photographs, batch=4)
    small = pictures.halved(sample)
    assert small.blurry.shape[2:] == (48, 48) and small.kernel.shape[1:] == (9, 9)
    checked = 0
    for i in range(4):
        if bool(sample.linear[i]):
            continue
        sharp, blurry = (p[i].permute(1, 2, 0).numpy() for p in (small.sharp, small.blurry))
        again = convolve_valid(sharp, small.kernel[i].numpy())
        middle = slice(4, -4)
        error = np.abs(again - blurry[middle, middle]).mean()
        assert error < 0.2 * np.abs(sharp - blurry).mean()
        checked += 1
    assert checked


def test_faults_grow_with_their_strength():
    kernels = random_shakes(Chance("cpu", 2), 32, 33, (8, 25))
    likeness = [
        float(
            faults.similarity(
                faults.perturb_kernels(kernels, Chance("cpu", 3), torch.full((32,), strength)),
                kernels,
            ).mean()
        )
        for strength in (0.0, 0.3, 1.0)
    ]
    assert likeness[0] == pytest.approx(1, abs=1e-5)
    assert likeness[0] > likeness[1] > likeness[2] > 0.3


@pytest.mark.parametrize("kind", ["analysis", "synthesis"])
@pytest.mark.parametrize("halved", [False, True])
def test_batches_hold_what_the_trainers_take(photographs, kind, halved):
    text = '[{"grid": 17, "crop": 96, "extent": [3, 13], "share": 1}]'
    if halved:
        text = '[{"grid": 33, "crop": 192, "extent": [3, 13], "share": 1, "halved": true}]'
    formats = batches.parse_formats(text)
    stream = batches.device_batches(kind, photographs, CLEAN, 1, 0, 2, None, formats)
    batch = next(stream)
    shapes = {name: tuple(values.shape) for name, values in batch.items()}
    assert shapes["blurry"] == shapes["sharp"] == (2, 96, 96, 3)
    assert shapes["kernel"] == (2, 17, 17)
    assert all(bool(torch.isfinite(values).all()) for values in batch.values())
    assert torch.is_grad_enabled()
    again = next(batches.device_batches(kind, photographs, CLEAN, 1, 0, 2, None, formats))
    assert all(torch.equal(batch[name], again[name]) for name in batch)


def test_too_large_crops_are_named(photographs):
    with pytest.raises(ValueError, match="no photograph of the pack has 500 pixels"):
        photographs.sharp_crops(Chance("cpu", 1), 1, 500)

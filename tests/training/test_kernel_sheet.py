"""The contact sheet of kernels; the model card."""

import numpy as np

from deblurnets.pictures.files import read_image
from deblurnets.simulation.camera import random_scale, random_shot
from deblurnets.training import __main__ as command
from deblurnets.training.card import write_card
from deblurnets.training.kernel_sheet import draw_kernel_sheet
from deblurnets.training.samples import SampleConfig, generator


def test_the_sheet_shows_the_kernels_of_the_samples():
    config = SampleConfig(grid=17, extent=(3, 12), resized=0)
    sheet = draw_kernel_sheet(config, seed=5, count=5)
    assert sheet.shape == (2 * 19 + 2, 3 * 19 + 2)
    rng = generator(5, 4)
    scale = random_scale(rng, config)
    shot = random_shot(rng, (config.crop, config.crop), config, scale)
    middle = ((config.crop - 1) / 2,) * 2
    kernel = shot.motion.kernel(middle, 17, shot.optics)
    shown = sheet[21:38, 21:38]  # the fifth: second row, second column
    assert np.array_equal(shown, np.rint(255 * np.sqrt(kernel / kernel.max())).astype(np.uint8))
    assert (sheet[21:, 40:] == 96).all()  # no sixth


def test_the_sheet_is_a_picture_file(tmp_path):
    command.main(["kernels", str(tmp_path / "k.png"), "--count", "2", "--samples", '{"grid": 9}'])
    assert read_image(str(tmp_path / "k.png")).pixels.shape == (13, 24)


def test_a_card_that_exists_is_left_alone(tmp_path):
    (tmp_path / "a.md").write_text("mine")
    write_card(tmp_path / "a.h5", {}, 1, None)
    assert (tmp_path / "a.md").read_text() == "mine"

import numpy as np

from ruis import formats
from ruis.examples import Shown
from ruis.preview import Preview, as_picture, side_by_side


def test_the_same_crop_is_drawn_as_the_network_sees_it(tmp_path):
    noisy, clean = np.full((16, 24, 1), 0.2, np.float32), np.full((16, 24, 1), 0.6, np.float32)
    seen = []

    def run(batch):
        seen.append(batch.shape)
        return batch[..., :1] * 2

    preview = Preview(tmp_path, Shown("a", noisy, clean), takes_sigma=True)
    preview.draw(run, 4)
    preview.draw(run, 4)
    pixels = formats.read(tmp_path / "preview-000004.png").pixels
    assert seen[0] == (1, 16, 24, 2)
    assert pixels.shape == (16, 3 * 24 + 2 * 4, 1)
    assert [int(pixels[0, column, 0]) for column in (0, 24, 28, 52, 56)] == [51, 255, 102, 255, 153]


def test_without_a_clean_image_two_are_drawn(tmp_path):
    noisy = np.full((16, 24, 3), 0.2, np.float32)
    Preview(tmp_path, Shown("a", noisy), takes_sigma=False).draw(lambda batch: batch, 1)
    assert formats.read(tmp_path / "preview-000001.png").pixels.shape == (16, 52, 3)


def test_the_first_epochs_are_drawn_more_often():
    assert [e for e in range(1, 50) if Preview.due(e)] == [1, 2, 4, 8, 16, 32, 48]


def test_many_channels_are_shown_by_the_first_and_bounds_are_kept():
    five = np.stack([np.full((4, 4), value) for value in (2.0, 0, 0, 0, 0)], axis=2)
    assert as_picture(five).pixels.shape == (4, 4, 1)
    assert as_picture(five).pixels.max() == 255
    assert side_by_side([five]).columns == 4

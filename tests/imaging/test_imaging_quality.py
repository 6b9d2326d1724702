"""Quality measures recover what was put into an image."""

import numpy as np
import pytest
import SimpleITK as sitk

from radpipe.imaging.collection import tidy
from radpipe.imaging.quality import foreground, image_quality


def disc(level=100.0, noise=0.0, background=0.0):
    z, y, x = np.indices((20, 24, 24)) - np.array([10, 12, 12]).reshape(3, 1, 1, 1)
    inside = x**2 + y**2 + z**2 < 81
    values = np.where(inside, level, background)
    values = values + noise * np.random.default_rng(0).standard_normal(values.shape)
    return sitk.GetImageFromArray(values.astype(np.float32)), inside


def test_foreground_is_what_is_not_zero():
    image, inside = disc()
    np.testing.assert_array_equal(foreground(image), inside)


def test_foreground_in_noise_is_what_is_bright():
    image, inside = disc(noise=5.0)
    np.testing.assert_array_equal(foreground(image), inside)


def test_noise_signal_and_contrast():
    image, _ = disc(level=100.0, noise=4.0, background=20.0)
    measures = image_quality(image)
    assert measures["noise_sd"] == pytest.approx(4.0, rel=0.1)
    assert measures["snr"] == pytest.approx(100 / 4, rel=0.1)
    assert measures["cnr"] == pytest.approx(80 / 4, rel=0.1)


def test_a_slope_is_no_noise():
    values = np.broadcast_to(np.arange(1.0, 21.0), (20, 20, 20)).astype(np.float32)
    measures = image_quality(sitk.GetImageFromArray(values))
    assert measures["noise_sd"] == pytest.approx(0.0, abs=1e-6)
    assert "snr" not in measures


def test_entropy_by_hand():
    # Four values, equally often: two bits.
    values = np.tile(np.array([1, 2, 3, 4], dtype=np.float32), (4, 4, 2))
    values = np.pad(values, ((4, 4), (4, 4), (4, 4)))
    measures = image_quality(sitk.GetImageFromArray(values))
    assert measures["entropy_bits"] == pytest.approx(2.0)
    assert measures["nonzero_share"] == pytest.approx(4 * 4 * 8 / (12 * 12 * 16))


def test_image_without_foreground():
    image = sitk.Image((4, 4, 4), sitk.sitkFloat32)
    assert image_quality(image) == {"nonzero_share": 0.0}


def test_tidy():
    content = {
        "grid_size_voxels": [4, 5, 6],
        "FLAIR": {"snr": 12.5, "pixel_type": "float", "volume_ml": {"core": 1}},
        "T1w": {"improved": True, "broken": float("nan")},
    }
    rows = [tuple(row) for row in tidy("c", "prepare_image", content).itertuples(index=False)]
    assert rows == [
        ("c", "prepare_image", "", "grid_size_voxels_x", 4.0),
        ("c", "prepare_image", "", "grid_size_voxels_y", 5.0),
        ("c", "prepare_image", "", "grid_size_voxels_z", 6.0),
        ("c", "prepare_image", "FLAIR", "snr", 12.5),
        ("c", "prepare_image", "FLAIR", "volume_ml_core", 1.0),
        ("c", "prepare_image", "T1w", "improved", 1.0),
    ]


def test_tidy_of_nothing_has_its_columns():
    assert list(tidy("c", "s", {}).columns) == ["case", "stage", "modality", "measure", "value"]

"""N4 finds a field that was put in, and keeps the scale and the background."""

import numpy as np
import pytest
import SimpleITK as sitk

from radpipe.config import BiasCorrection
from radpipe.errors import CaseError
from radpipe.imaging.bias_field import correct_bias
from radpipe.io.images import array_of, image_like

SETTINGS = BiasCorrection(shrink=2, iterations=[20, 20])


def phantom(noise=2.0):
    """Two tissues in a ball of 18 voxels radius, zero around it, and a smooth field."""
    z, y, x = (np.indices((40, 42, 44)) - np.array([20, 21, 22]).reshape(3, 1, 1, 1)) / 20
    inside = x**2 + y**2 + z**2 < 0.81
    tissue = np.where(np.sin(9 * x) * np.sin(8 * y) * np.sin(7 * z) > 0, 100.0, 140.0)
    rng = np.random.default_rng(4)
    clean = np.where(inside, tissue + noise * rng.standard_normal(x.shape), 0)
    log_field = 0.3 * x - 0.2 * y**2 + 0.15 * z
    return clean, inside, log_field


@pytest.fixture(scope="module")
def corrected():
    clean, _, log_field = phantom()
    image = sitk.GetImageFromArray((clean * np.exp(log_field)).astype(np.float32))
    image.SetSpacing((3.0, 3.0, 3.0))
    result, report = correct_bias(image, SETTINGS)
    return image, result, report


def test_field_correlates_with_the_truth(corrected):
    image, result, _ = corrected
    _, inside, log_field = phantom()
    found = np.log(array_of(image)[inside] / array_of(result)[inside])
    assert np.corrcoef(found, log_field[inside])[0, 1] > 0.95


def test_corrected_values_correlate_with_the_truth(corrected):
    image, result, _ = corrected
    clean, inside, _ = phantom()
    before = np.corrcoef(array_of(image)[inside], clean[inside])[0, 1]
    after = np.corrcoef(array_of(result)[inside], clean[inside])[0, 1]
    assert before < 0.8
    assert after > 0.95


def test_background_stays_zero_and_grid_stays(corrected):
    image, result, _ = corrected
    np.testing.assert_array_equal(array_of(result) == 0, array_of(image) == 0)
    assert result.GetSpacing() == image.GetSpacing()
    assert result.GetPixelID() == sitk.sitkFloat32


def test_scale_of_the_intensities_is_kept(corrected):
    image, result, _ = corrected
    tissue = array_of(image) > 0
    ratio = np.log(array_of(result)[tissue] / array_of(image)[tissue])
    assert ratio.mean() == pytest.approx(0, abs=1e-3)


def test_report(corrected):
    _, _, report = corrected
    assert report["field_minimum"] < 1 < report["field_maximum"]
    assert report["cv_after"] < report["cv_before"]
    assert 0 < report["correlation"] < 1


def test_gain_of_the_scanner_only_scales(corrected):
    image, result, _ = corrected
    louder, _ = correct_bias(image * 8.0, SETTINGS)
    np.testing.assert_allclose(array_of(louder), 8 * array_of(result), rtol=1e-3)


def test_twice_gives_the_same_bytes(corrected):
    image, result, _ = corrected
    again, _ = correct_bias(image, SETTINGS)
    assert array_of(again).tobytes() == array_of(result).tobytes()


def test_thin_image_is_not_shrunk_away():
    clean, _, log_field = phantom()
    thin = (clean * np.exp(log_field))[18:22].astype(np.float32)
    result, _ = correct_bias(sitk.GetImageFromArray(thin), BiasCorrection(shrink=4))
    assert np.isfinite(array_of(result)).all()


def test_image_without_foreground():
    image = sitk.Image((8, 8, 8), sitk.sitkFloat32)
    negative = image_like(array_of(image) - 5, image)
    with pytest.raises(CaseError, match="case 'c': the bias field cannot be estimated"):
        correct_bias(negative, SETTINGS, case="c")

"""A modality that a case does not have: zeros that every step passes on, and no feature of it."""

import math

import numpy as np
import pytest
import SimpleITK as sitk

from radpipe.config import BiasCorrection, Handcrafted, Normalisation, Registration, Resampling
from radpipe.features.handcrafted import extract_features
from radpipe.imaging.bias_field import correct_bias
from radpipe.imaging.importing import blank_image, is_blank
from radpipe.imaging.preparation import prepare_images
from radpipe.imaging.registration import register_rigid
from radpipe.io.images import array_of, image_like


@pytest.fixture
def there():
    values = np.random.default_rng(0).normal(100, 10, (16, 16, 16)).astype(np.float32)
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((1.0, 1.0, 2.0))
    return image


def test_a_missing_image_stays_blank_to_the_prepared_grid(there):
    blank, facts = blank_image(there)
    assert facts["missing"] == 1.0
    assert is_blank(blank)
    assert not is_blank(there)
    found = register_rigid(there, blank, Registration(), 1)
    assert found.quality == {}
    assert found.transform.TransformPoint((3.0, 2.0, 1.0)) == pytest.approx((3.0, 2.0, 1.0))
    corrected, report = correct_bias(blank, BiasCorrection())
    assert report == {}
    prepared, _ = prepare_images(
        {"T1w": there, "FLAIR": corrected},
        {"FLAIR": found.transform},
        reference="T1w",
        resampling=Resampling(spacing_mm=(2.0, 2.0, 2.0)),
        normalisation=Normalisation(),
    )
    assert is_blank(prepared["FLAIR"])
    assert prepared["FLAIR"].GetSize() == prepared["T1w"].GetSize()


def test_features_of_a_missing_image_are_missing_and_say_so(there):
    region = np.zeros((16, 16, 16), np.uint8)
    region[4:10, 4:10, 4:10] = 1
    blank, _ = blank_image(there)
    found = extract_features(
        {"T1w": there, "FLAIR": blank},
        image_like(region, there),
        Handcrafted(image_types=["original"]),
    )
    missing = {name for name, value in found.values.items() if math.isnan(value)}
    assert missing == {name for name in found.values if name.startswith("FLAIR__")}
    assert found.status == "flat region in FLAIR original"
    assert np.isfinite(array_of(there)).all()

"""Maps of features: those of pyradiomics' voxel-based extraction, whatever the batches."""

import warnings

import numpy as np
import pytest
import SimpleITK as sitk

from radpipe.config import Handcrafted
from radpipe.errors import ConfigError, RadpipeError
from radpipe.features.voxel_maps import feature_map

CONFIG = Handcrafted(image_types=["original", "wavelet"], bin_count=6)


def scene() -> tuple[sitk.Image, sitk.Image]:
    rng = np.random.default_rng(0)
    array = rng.normal(size=(12, 14, 16)).cumsum(axis=0).astype(np.float32)
    mask = np.zeros(array.shape, dtype=np.uint8)
    mask[3:8, 4:10, 5:11] = rng.random((5, 6, 6)) < 0.9
    return sitk.GetImageFromArray(array), sitk.GetImageFromArray(mask)


@pytest.mark.parametrize(
    "feature",
    [
        *("firstorder__Mean", "firstorder__Entropy", "glcm__JointEntropy", "glrlm__RunEntropy"),
        *("glszm__ZonePercentage", "gldm__DependenceEntropy", "ngtdm__Coarseness"),
    ],
)
def test_maps_are_those_of_pyradiomics(feature: str) -> None:
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    image, mask = scene()
    found = feature_map(image, mask, f"T1w__original__{feature}", CONFIG, memory_mb=0.2)
    feature_class, name = feature.split("__")
    extractor = RadiomicsFeatureExtractor(additionalInfo=False, binCount=6, kernelRadius=1)
    extractor.disableAllFeatures()
    extractor.enableFeaturesByName(**{feature_class: [name]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (expected,) = extractor.execute(image, mask, voxelBased=True).values()
    cropped = sitk.Resample(expected, image, sitk.Transform(), sitk.sitkNearestNeighbor, 0.0)
    inside = sitk.GetArrayFromImage(mask) > 0
    values = sitk.GetArrayFromImage(found)
    assert np.isnan(values[~inside]).all()
    np.testing.assert_allclose(values[inside], sitk.GetArrayFromImage(cropped)[inside], rtol=1e-5)


def test_the_batches_do_not_matter() -> None:
    image, mask = scene()
    feature = "T1w__wavelet_HLL__glcm__Contrast"
    small = sitk.GetArrayFromImage(feature_map(image, mask, feature, CONFIG, memory_mb=0.1))
    large = sitk.GetArrayFromImage(feature_map(image, mask, feature, CONFIG, memory_mb=500))
    np.testing.assert_array_equal(small, large)


def test_mean_of_a_neighbourhood_by_hand() -> None:
    """A plane of 5 x 5 voxels numbered 0 to 24: the 3 x 3 around the middle have the mean 12."""
    array = np.zeros((3, 7, 7), dtype=np.float32)
    array[1, 1:6, 1:6] = np.arange(25).reshape(5, 5)
    mask = np.zeros(array.shape, dtype=np.uint8)
    mask[1, 1:6, 1:6] = 1
    images = sitk.GetImageFromArray(array), sitk.GetImageFromArray(mask)
    found = feature_map(*images, "CT__original__firstorder__Mean", CONFIG)
    values = sitk.GetArrayFromImage(found)
    assert values[1, 3, 3] == 12
    assert values[1, 1, 1] == (0 + 1 + 5 + 6) / 4


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        ("mask__original__shape__MeshVolume", "not a feature that has a map"),
        ("CT__original__glcm__Homogeneity", "not a feature that has a map"),
    ],
)
def test_other_names_are_refused(feature: str, message: str) -> None:
    with pytest.raises(RadpipeError, match=message):
        feature_map(*scene(), feature, CONFIG)


def test_what_the_settings_do_not_make_is_refused() -> None:
    with pytest.raises(ConfigError, match="found gradient, expected one of original, wavelet_LLH"):
        feature_map(*scene(), "CT__gradient__glcm__Contrast", CONFIG)
    with pytest.raises(ConfigError, match="found bw25"):
        feature_map(*scene(), "CT__original_bw25__glcm__Contrast", CONFIG)


def test_an_empty_region_is_refused() -> None:
    image, mask = scene()
    with pytest.raises(RadpipeError, match="the mask is empty"):
        feature_map(image, mask * 0, "CT__original__glcm__Contrast", CONFIG)

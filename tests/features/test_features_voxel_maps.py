"""Maps of features: those of pyradiomics' voxel-based extraction, whatever the batches."""

import warnings
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from radpipe.config import Handcrafted, Study, load_study
from radpipe.config.handcrafted import Maps
from radpipe.errors import ConfigError, RadpipeError
from radpipe.features.collection import collect_maps
from radpipe.features.map_names import check_maps
from radpipe.features.table import FeatureSettings
from radpipe.features.voxel_maps import case_maps, feature_map, write_maps
from radpipe.io.tables import read_table, write_table

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


@pytest.mark.parametrize(
    ("flat", "config", "status"),
    [
        (True, CONFIG, "flat region in CT original"),
        (False, Handcrafted(bin_width=1e-6), "bins, at most 1000, in CT original"),
        (False, Handcrafted(resegmentation={"CT": (1e6, None)}), "after re-segmentation of CT: no"),
    ],
)
def test_what_cannot_be_measured_has_no_map(flat: bool, config: Handcrafted, status: str) -> None:
    image, mask = scene()
    with pytest.raises(RadpipeError, match=status):
        feature_map(image * 0 if flat else image, mask, "CT__original__glcm__Contrast", config)


def test_levels_are_those_of_the_region_as_the_study_sets_them() -> None:
    """Rounded 11 of [10, null] in bins of 5 from 10 is level 1; the two 21 are level 3, 40 is out.

    Neighbours in the one row of voxels: 11 | 21 | 21 | 40. The mean of the rounded intensities, and
    the mean level by `JointAverage`, of the middle voxels by hand.
    """
    array, mask = np.zeros((3, 5, 6), dtype=np.float32), np.zeros((3, 5, 6), dtype=np.uint8)
    mask[1, 2, 1:5] = 1
    array[1, 2, 1:5] = [10.6, 21.4, 20.6, 40.0]
    config = Handcrafted(
        image_types=["original"],
        bin_width=5.0,
        rounding={"CT": True},
        resegmentation={"CT": (10.0, 30.0)},
    )
    images = sitk.GetImageFromArray(array), sitk.GetImageFromArray(mask)

    def row(feature: str) -> list[float]:
        found = sitk.GetArrayFromImage(feature_map(*images, f"CT__original__{feature}", config))
        return list(found[1, 2])

    mean = row("firstorder__Mean")
    assert mean[1:4] == pytest.approx([16, 53 / 3, 21])
    assert np.isnan([mean[0], *mean[4:]]).all()
    # Pairs of the first two voxels: levels (1, 3); of the last two: (3, 3).
    average = row("glcm__JointAverage")
    assert average[1:4] == pytest.approx([2, (2 + 3) / 2, 3])


def maps_config(**maps: object) -> Study:
    return load_study(
        {
            "study": "maps",
            "cases": "cases.tsv",
            "images": {"modalities": ["CT", "PET"]},
            "segmentation": {"labels": {"core": 1, "edema": 2}},
            "features": {
                "handcrafted": {"image_types": ["original"], "regions": ["whole", "each_label"]},
                "maps": maps,
            },
        }
    )


def test_maps_of_a_case_are_images_and_a_table(tmp_path: Path) -> None:
    image, mask = scene()
    config = Handcrafted(image_types=["original"], bin_count=6, regions=["whole", "each_label"])
    settings = FeatureSettings(config, labels={"edema": 1, "core": 2})
    features = [
        f"T1w{part}__original__firstorder__Mean" for part in ("", ".label_edema", ".label_core")
    ]
    made = case_maps({"T1w": image}, mask, settings, Maps(features=features))
    paths = [tmp_path / f"{feature}.nii.gz" for feature in features]
    write_table(write_maps("a", made, paths), tmp_path / "maps.tsv")
    table = read_table(tmp_path / "maps.tsv").set_index("feature")
    assert list(table.index) == features
    assert list(table["status"]) == ["ok", "ok", "label 2 ('core') is not in the mask"]
    count = int(sitk.GetArrayFromImage(mask).sum())
    assert list(table["voxels"]) == [count, count, 0]
    assert table["mean"].isna().tolist() == [False, False, True]
    collected = collect_maps([tmp_path / "maps.tsv"] * 2)
    assert collected["feature"].tolist() == 2 * features
    # Read by nibabel: ITK's reader of NIfTI turns what is missing into zeros.
    whole, edema, core = (np.asarray(nibabel.load(path).dataobj) for path in paths)
    assert table.loc[features[0], "maximum"] == pytest.approx(np.nanmax(whole))
    assert np.isfinite(whole).sum() == count
    np.testing.assert_array_equal(whole, edema)
    assert np.isnan(core).all()


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        ("Contrast", r"features.maps.features: not the name of a feature column; found Contrast"),
        ("mask__original__shape__MeshVolume", r"features.maps.features: not a feature that has a"),
        ("CT__gradient__glcm__Contrast", "an image type that the settings do not make"),
        ("MR__original__glcm__Contrast", "the modality 'MR', which the study does not measure; kn"),
        ("CT.rim__original__glcm__Contrast", "names the region 'rim', which the study does not"),
        ("CT.label_cor__original__glcm__Id", "did you mean 'label_core'?"),
        ("CT__original_bw5__glcm__Contrast", "bins that the settings do not make; found bw5"),
    ],
)
def test_a_map_of_what_the_study_does_not_measure_is_refused(feature: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_maps(maps_config(features=[feature]))


def test_maps_that_the_study_can_make_are_accepted() -> None:
    check_maps(maps_config())
    check_maps(maps_config(features=["CT.label_edema__original__glcm__Id"]))
    with pytest.raises(ConfigError, match="a map is named twice"):
        maps_config(features=["CT__original__glcm__Id"] * 2)


def test_maps_without_features_are_refused() -> None:
    study = maps_config(features=["CT__original__glcm__Id"])
    off = study.features.model_copy(update={"handcrafted": None})
    with pytest.raises(ConfigError, match=r"asks for maps, but features\.handcrafted is off"):
        check_maps(study.model_copy(update={"features": off}))

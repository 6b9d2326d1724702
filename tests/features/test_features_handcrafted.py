"""Values that a reader can check by hand, equality with pyradiomics, and bad regions."""

import math
import warnings
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from feature_images import image_of, pyradiomics_filters
from hypothesis import given, settings
from hypothesis import strategies as st

from radpipe.config import Handcrafted
from radpipe.errors import CaseError, ConfigError
from radpipe.features.dictionary import VOLUME_COLUMN, feature_columns, feature_dictionary
from radpipe.features.handcrafted import CaseFeatures, extract_features, measure_regions

ORIGINAL = Handcrafted(image_types=["original"])
SPACING_MM = (1.5, 2.0, 3.0)


def noise(shape: tuple[int, ...] = (10, 12, 14), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def cube_mask(shape: tuple[int, ...] = (10, 12, 14), side: int = 4) -> np.ndarray:
    mask = np.zeros(shape, dtype=np.uint8)
    mask[3 : 3 + side, 3 : 3 + side, 3 : 3 + side] = 1
    return mask


def extract(
    array: np.ndarray, mask: np.ndarray, config: Handcrafted = ORIGINAL, **grid: tuple[float, ...]
) -> CaseFeatures:
    return extract_features({"T1w": image_of(array, **grid)}, image_of(mask, **grid), config)


def plain_pyradiomics(
    image: sitk.Image, mask: sitk.Image, config: Handcrafted, **setting: object
) -> dict[str, float]:
    """Every feature by pyradiomics' own extractor on the whole image."""
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    extractor = RadiomicsFeatureExtractor(additionalInfo=False, **setting)
    extractor.disableAllImageTypes()
    extractor.enableImageTypes(**pyradiomics_filters(config))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {name: float(value) for name, value in extractor.execute(image, mask).items()}


def assert_equals_pyradiomics(
    image: sitk.Image, mask: sitk.Image, config: Handcrafted, **setting: object
) -> None:
    found = extract_features({"T1w": image}, mask, config)
    expected = plain_pyradiomics(image, mask, config, **setting)
    names = feature_dictionary(found.values).set_index("column")["pyradiomics_name"]
    assert found.status == "ok"
    assert set(names) == set(expected)
    for column, value in found.values.items():
        assert value == pytest.approx(expected[names[column]], rel=1e-6, abs=1e-9), column


class TestByHand:
    def test_volume_of_a_cube_of_voxels(self) -> None:
        found = extract(noise(), cube_mask(side=4), spacing_mm=SPACING_MM)
        assert found.values["mask__original__shape__VoxelVolume"] == 4**3 * 1.5 * 2.0 * 3.0
        # The mesh runs through the middle between voxels and cuts edges and corners.
        assert 0.8 < found.values[VOLUME_COLUMN] / (64 * 9.0) < 1.0

    def test_two_levels_in_equal_shares_carry_one_bit(self) -> None:
        array = np.zeros((10, 12, 14), dtype=np.float32)
        array[:, :, ::2] = 1.0
        values = extract(array, cube_mask()).values
        assert values["T1w__original__firstorder__Entropy"] == pytest.approx(1.0)
        assert values["T1w__original__firstorder__Uniformity"] == pytest.approx(0.5)
        assert values["T1w__original__firstorder__Mean"] == 0.5
        assert values["T1w__original__firstorder__Variance"] == 0.25

    def test_first_order_of_one_to_twenty_seven(self) -> None:
        array, mask = noise(), cube_mask(side=3)
        array[mask > 0] = np.arange(1, 28)
        values = extract(array, mask).values
        assert values["T1w__original__firstorder__Mean"] == 14
        assert values["T1w__original__firstorder__Median"] == 14
        assert values["T1w__original__firstorder__Range"] == 26
        assert values["T1w__original__firstorder__Energy"] == 27 * 28 * 55 / 6
        assert values["T1w__original__firstorder__Skewness"] == pytest.approx(0)

    def test_bin_width_counts_levels(self) -> None:
        array, mask = noise(), cube_mask(side=3)
        array[mask > 0] = np.tile([0.0, 10.0, 20.0], 9)
        wide = extract(array, mask, Handcrafted(image_types=["original"], bin_width=100.0))
        fine = extract(array, mask, Handcrafted(image_types=["original"], bin_width=10.0))
        assert wide.values["T1w__original__firstorder__Uniformity"] == 1.0
        assert fine.values["T1w__original__firstorder__Uniformity"] == pytest.approx(1 / 3)

    def test_all_labels_are_one_region(self) -> None:
        mask = cube_mask()
        halves = mask.copy()
        halves[5:] *= 2
        assert extract(noise(), mask).values == extract(noise(), halves).values

    def test_bin_width_of_one_modality_and_bin_count_of_the_other(self) -> None:
        config = Handcrafted(image_types=["original"], bin_width={"CT": 0.5}, bin_count=8)
        image, mask = image_of(noise()), image_of(cube_mask())
        values = extract_features({"CT": image, "T1w": image}, mask, config).values
        width = Handcrafted(image_types=["original"], bin_width=0.5)
        count = Handcrafted(image_types=["original"], bin_count=8)
        for modality, alone in (("CT", width), ("T1w", count)):
            column = f"{modality}__original__glcm__JointEntropy"
            assert values[column] == extract_features({modality: image}, mask, alone).values[column]


class TestEqualToPyradiomics:
    CONFIG = Handcrafted(log_sigma_mm=[1.0, 2.5])

    def test_region_far_from_the_border(self) -> None:
        """The image is far larger than the margin of any filter here, so cropping happens."""
        array = noise((90, 44, 83)).cumsum(axis=0)
        mask = np.zeros(array.shape, dtype=np.uint8)
        mask[41:47, 17:24, 38:45] = noise((6, 7, 7), seed=1) > -1
        image, region = image_of(array), image_of(mask)
        assert_equals_pyradiomics(image, region, self.CONFIG, binCount=32)

    def test_region_at_the_border_of_an_odd_sized_anisotropic_image(self) -> None:
        array = noise((31, 33, 35)).cumsum(axis=1)
        mask = np.zeros(array.shape, dtype=np.uint8)
        mask[0:5, 28:33, 3:9] = 1
        image, region = image_of(array, SPACING_MM), image_of(mask, SPACING_MM)
        config = self.CONFIG.model_copy(update={"bin_width": 0.5})
        assert_equals_pyradiomics(image, region, config, binWidth=0.5)

    def test_every_other_image_type(self) -> None:
        array = 200 + 5 * noise((34, 36, 38)).cumsum(axis=0)
        mask = np.zeros(array.shape, dtype=np.uint8)
        mask[12:19, 14:22, 3:11] = noise((7, 8, 8), seed=1) > -1
        simple = ["square", "square_root", "logarithm", "exponential", "gradient", "lbp2d"]
        config = Handcrafted(image_types=simple, bin_width=0.5)
        image, region = image_of(array, SPACING_MM), image_of(mask, SPACING_MM)
        assert_equals_pyradiomics(image, region, config, binWidth=0.5)

    @pytest.mark.parametrize(
        ("dimension", "aggregation"), [("2.5d", "averaged"), ("2.5d", "merged"), ("3d", "merged")]
    )
    def test_neighbourhoods(self, dimension: str, aggregation: str) -> None:
        array = noise((22, 24, 26)).cumsum(axis=0)
        mask = np.zeros(array.shape, dtype=np.uint8)
        mask[8:13, 9:17, 3:11] = noise((5, 8, 8), seed=1) > -1
        config = Handcrafted(
            image_types=["original", "wavelet"], dimension=dimension, aggregation=aggregation
        )
        in_slice = {"force2D": dimension == "2.5d", "force2Ddimension": 0}
        weighting = "no_weighting" if aggregation == "merged" else None
        assert_equals_pyradiomics(
            *(image_of(array), image_of(mask), config),
            **{"binCount": 32, "weightingNorm": weighting, **in_slice},
        )

    @pytest.mark.parametrize("case", ["brain1", "brain2", "breast1"])
    def test_real_images(self, test_data: Path, case: str) -> None:
        folder = test_data / "pyradiomics" / "data"
        image = sitk.ReadImage(str(folder / f"{case}_image.nrrd"), sitk.sitkFloat32)
        mask = sitk.ReadImage(str(folder / f"{case}_label.nrrd"), sitk.sitkUInt8)
        assert_equals_pyradiomics(image, mask, self.CONFIG, binCount=32)


class TestSliceBySlice:
    def test_a_slice_alone_is_the_2_5d_region(self) -> None:
        """With one slice, the mean over slices and the matrix of all slices are the same."""
        mask = np.zeros((10, 12, 14), dtype=np.uint8)
        mask[4, 3:9, 2:10] = 1
        by_slice = extract(noise(), mask, ORIGINAL.model_copy(update={"dimension": "2d"}))
        merged = extract(noise(), mask, ORIGINAL.model_copy(update={"dimension": "2.5d"}))
        assert by_slice == merged

    def test_texture_is_the_mean_over_slices_of_levels_made_together(self) -> None:
        """Slices of levels 1 2 1 2 … and of level 3 alone: mean joint energy (1/2 + 1) / 2 …"""
        array, mask = np.zeros((10, 12, 14), dtype=np.float32), np.zeros((10, 12, 14), np.uint8)
        mask[4:6, 3:7, 3:7] = 1
        array[4, :, ::2], array[4, :, 1::2], array[5] = 0.0, 1.0, 2.0
        config = Handcrafted(image_types=["original"], dimension="2d", bin_width=1.0)
        values = extract(array, mask, config).values
        # In the first slice, rows and diagonals alternate and columns keep the level: contrasts
        # 1, 1, 1, 0 along the four directions; in the second every neighbour is equal.
        assert values["T1w__original__glcm__Contrast"] == pytest.approx((3 / 4 + 0) / 2)
        # Zones: four columns of the first slice, one of the second of 16 voxels.
        assert values["T1w__original__glszm__ZonePercentage"] == pytest.approx((4 + 1) / 16 / 2)
        assert values["T1w__original__glcm__JointAverage"] == pytest.approx((1.5 + 3) / 2)

    def test_first_order_is_that_of_the_volume(self) -> None:
        plain = extract(noise(), cube_mask()).values
        flat = extract(noise(), cube_mask(), ORIGINAL.model_copy(update={"dimension": "2d"})).values
        same = [name for name in plain if "firstorder" in name or "shape" in name]
        assert all(plain[name] == flat[name] for name in same)
        assert plain["T1w__original__glcm__Contrast"] != flat["T1w__original__glcm__Contrast"]


class TestSeveralDiscretisations:
    CONFIG = Handcrafted(image_types=["original"], bin_width=[0.25, 0.5], bin_count=[8])

    def test_each_gives_the_values_it_gives_alone(self) -> None:
        found = extract(noise(), cube_mask(), self.CONFIG).values
        assert list(found) == feature_columns(["T1w"], self.CONFIG)
        alone = {
            "bw0p25": Handcrafted(image_types=["original"], bin_width=0.25),
            "bw0p5": Handcrafted(image_types=["original"], bin_width=0.5),
            "bc8": Handcrafted(image_types=["original"], bin_count=8),
        }
        for bins, config in alone.items():
            for column, value in extract(noise(), cube_mask(), config).values.items():
                several = column.replace("__original__", f"__original_{bins}__")
                assert found.get(several, found.get(column)) == value, column

    def test_what_no_bins_change_stands_once(self) -> None:
        """14 of shape, 16 of first order; then 2 of first order and 75 of texture a bin setting."""
        columns = feature_columns(["T1w"], self.CONFIG)
        assert len(columns) == 14 + 16 + 3 * (2 + 75)
        assert "T1w__original__firstorder__Mean" in columns
        assert "T1w__original_bc8__firstorder__Entropy" in columns

    def test_one_that_is_too_fine_leaves_the_others(self) -> None:
        config = Handcrafted(image_types=["original"], bin_width=[1e-5, 0.5])
        found = extract(noise(), cube_mask(), config)
        assert "at most 1000, in T1w original_bw0p00001" in found.status
        assert math.isnan(found.values["T1w__original_bw0p00001__glcm__Contrast"])
        assert found.values["T1w__original_bw0p5__glcm__Contrast"] > 0


class TestRegions:
    CONFIG = Handcrafted(log_sigma_mm=[1.0])

    def test_together_they_have_the_values_they_have_alone(self) -> None:
        array = noise((40, 42, 44)).cumsum(axis=0)
        first, second = np.zeros((2, 40, 42, 44), dtype=np.uint8)
        first[5:10, 5:10, 5:10], second[28:33, 20:27, 30:35] = 1, 1
        image = {"CT": image_of(array)}
        masks = {"whole": image_of(first), "rim": image_of(second)}
        together = measure_regions(image, masks, self.CONFIG)
        for name, mask in masks.items():
            alone = extract_features(image, mask, self.CONFIG)
            values = list(together[name].values.values())
            assert (together[name].status, alone.status) == ("ok", "ok")
            assert values == pytest.approx(list(alone.values.values()), rel=1e-6)
        assert list(together["rim"].values) == feature_columns(["CT"], self.CONFIG, "rim")
        assert "CT.rim__original__glcm__Contrast" in together["rim"].values
        assert "mask.rim__original__shape__MeshVolume" in together["rim"].values

    def test_an_empty_one_leaves_the_others(self) -> None:
        empty = np.zeros((10, 12, 14), dtype=np.uint8)
        masks = {"": image_of(cube_mask()), "core": image_of(empty)}
        found = measure_regions({"CT": image_of(noise())}, masks, ORIGINAL)
        assert found[""] == extract_features({"CT": image_of(noise())}, masks[""], ORIGINAL)
        assert found["core"].status == "no region: the mask is empty"
        assert all(math.isnan(value) for value in found["core"].values.values())


class TestResegmentation:
    def test_voxels_outside_the_limits_leave_intensities_and_stay_in_shape(self) -> None:
        array, mask = noise(), cube_mask()
        array[4, 4, 4] = 1000.0
        config = ORIGINAL.model_copy(update={"resegmentation": {"T1w": (None, 500.0)}})
        values, plain = extract(array, mask, config).values, extract(array, mask).values
        assert plain["T1w__original__firstorder__Maximum"] == 1000
        assert values["T1w__original__firstorder__Maximum"] < 10
        assert values[VOLUME_COLUMN] == plain[VOLUME_COLUMN]

    def test_outliers_leave_too(self) -> None:
        array, mask = noise(), cube_mask()
        array[4, 4, 4] = 1000.0
        config = ORIGINAL.model_copy(update={"outliers_sd": {"T1w": 3.0}})
        assert extract(array, mask, config).values["T1w__original__firstorder__Maximum"] < 10

    def test_bins_of_a_width_begin_at_the_lower_limit(self) -> None:
        """IBSI: 10 is of level 3 in every region if bins of 5 begin at 0 (pyradiomics: level 1)."""
        array, mask = noise(), cube_mask(side=3)
        array[mask > 0] = np.tile([10.0, 11.0, 12.0], 9)
        config = Handcrafted(
            image_types=["original"], bin_width=5.0, resegmentation={"T1w": (0.0, None)}
        )
        assert extract(array, mask, config).values["T1w__original__glcm__JointAverage"] == 3

    def test_rounding_comes_first(self) -> None:
        config = ORIGINAL.model_copy(update={"rounding": {"T1w": True}})
        values = extract(noise(), cube_mask(), config).values
        assert values["T1w__original__firstorder__Median"] % 0.5 == 0

    def test_nothing_left_is_said(self) -> None:
        config = ORIGINAL.model_copy(update={"resegmentation": {"T1w": (500.0, None)}})
        found = extract(noise(), cube_mask(), config)
        assert found.status == "after re-segmentation of T1w: no region: the mask is empty"
        assert found.values[VOLUME_COLUMN] > 0
        assert math.isnan(found.values["T1w__original__firstorder__Mean"])


class TestBadRegions:
    @pytest.mark.parametrize(
        ("shape", "status"),
        [
            ((0, 0, 0), "no region: the mask is empty"),
            ((1, 1, 1), "region of 1 voxel, at least 8 needed"),
            ((1, 1, 7), "region of 7 voxels, at least 8 needed"),
            ((1, 1, 9), "region is a line of 9 voxels, two dimensions needed"),
        ],
    )
    def test_everything_is_missing(self, shape: tuple[int, int, int], status: str) -> None:
        mask = np.zeros((10, 12, 14), dtype=np.uint8)
        mask[: shape[0], : shape[1], : shape[2]] = 1
        found = extract(noise(), mask)
        assert found.status == status
        assert list(found.values) == feature_columns(["T1w"], ORIGINAL)
        assert all(math.isnan(value) for value in found.values.values())

    def test_a_flat_modality_is_missing_and_the_others_stay(self) -> None:
        flat = np.full((10, 12, 14), 7.0, dtype=np.float32)
        images = {"CT": image_of(flat), "T1w": image_of(noise())}
        found = extract_features(images, image_of(cube_mask()), ORIGINAL)
        missing = {name.split("__")[0] for name, v in found.values.items() if math.isnan(v)}
        assert found.status == "flat region in CT original"
        assert missing == {"CT"}
        assert found.values[VOLUME_COLUMN] > 0

    def test_filters_of_a_constant_image_are_flat_too(self) -> None:
        """Their rounding noise must not pass for texture."""
        flat = np.full((24, 24, 24), 1000.1, dtype=np.float32)
        found = extract(flat, cube_mask((24, 24, 24)), Handcrafted())
        texture = [v for name, v in found.values.items() if not name.startswith("mask")]
        assert all(math.isnan(value) for value in texture)
        assert found.status.count("flat region in T1w") == 11

    def test_voxels_that_are_not_finite(self) -> None:
        array = noise()
        array[4, 4, 4] = np.nan
        assert extract(array, cube_mask()).status == "voxels that are not finite in T1w original"

    def test_too_many_bins(self) -> None:
        config = Handcrafted(image_types=["original"], bin_width=1e-6)
        assert "bins, at most 1000, in T1w original" in extract(noise(), cube_mask(), config).status

    def test_an_image_too_small_for_a_filter(self) -> None:
        array = noise((3, 12, 14))
        mask = np.zeros(array.shape, dtype=np.uint8)
        mask[:, 3:7, 3:7] = 1
        config = Handcrafted(image_types=["original", "log"])
        found = extract(array, mask, config)
        assert "scan too small for T1w log_sigma_3mm" in found.status
        assert math.isnan(found.values["T1w__log_sigma_3mm__firstorder__Mean"])
        assert not math.isnan(found.values["T1w__original__firstorder__Mean"])

    def test_another_grid_is_refused(self) -> None:
        shifted = image_of(cube_mask())
        shifted.SetOrigin((1.0, 0.0, 0.0))
        with pytest.raises(CaseError, match="not on the grid of T1w"):
            extract_features({"T1w": image_of(noise())}, shifted, ORIGINAL)

    def test_no_discretisation_is_refused(self) -> None:
        config = Handcrafted(bin_width={"CT": 25.0}, bin_count=None)
        with pytest.raises(ConfigError, match="no bin_width for T1w and no bin_count"):
            extract(noise(), cube_mask(), config)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.tuples(*[st.integers(1, 6)] * 3),
    st.sampled_from([0.0, 0.3, 0.9, 1.0]),
)
def test_any_region_gives_every_column_and_a_status(
    seed: int, extent: tuple[int, int, int], density: float
) -> None:
    rng = np.random.default_rng(seed)
    array = np.round(rng.normal(size=(8, 8, 8)), 1).astype(np.float32)
    mask = np.zeros(array.shape, dtype=np.uint8)
    mask[: extent[0], : extent[1], : extent[2]] = rng.random(extent) < density
    found = extract(array, mask)
    assert list(found.values) == feature_columns(["T1w"], ORIGINAL)
    missing = any(math.isnan(value) for value in found.values.values())
    assert missing == (found.status != "ok")
    assert not any(math.isinf(value) for value in found.values.values())

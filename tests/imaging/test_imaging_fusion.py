"""Fusion of modalities: answers that a reader can check by hand."""

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from radpipe.config import FusedImage, Handcrafted
from radpipe.features.handcrafted import extract_features
from radpipe.imaging.fusion import (
    average,
    box_mean,
    fuse_images,
    guided_filter,
    guided_fusion,
    wavelet_fusion,
)
from radpipe.imaging.importing import is_blank
from radpipe.io.images import array_of, image_like

METHODS = ["average", "wavelet", "guided"]
SPACING = (3.0, 1.0, 1.0)


def fuse(values: list[np.ndarray], method: str) -> np.ndarray:
    if method == "average":
        return average(values)
    if method == "wavelet":
        return wavelet_fusion(values, "db2", 3)
    return guided_fusion(values, 3.0, SPACING)


def image(values: np.ndarray) -> sitk.Image:
    made = sitk.GetImageFromArray(values.astype(np.float32))
    made.SetSpacing(SPACING[::-1])
    made.SetOrigin((5.0, -7.0, 11.0))
    return made


def fused_image(method: str = "average", **keys: object) -> FusedImage:
    return FusedImage.model_validate({"name": "F", "of": ["A", "B"], "method": method, **keys})


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(0).random((12, 17, 20))


class TestMethods:
    @pytest.mark.parametrize("method", METHODS)
    def test_the_fusion_of_constants_is_their_mean(self, method: str) -> None:
        low, high = np.full((9, 12, 12), 0.2), np.full((9, 12, 12), 0.6)
        assert fuse([low, high], method) == pytest.approx(np.full((9, 12, 12), 0.4))

    @pytest.mark.parametrize("method", METHODS)
    @given(values=arrays(np.float64, (5, 9, 10), elements=st.floats(-1, 2, width=16)))
    @settings(max_examples=20, deadline=None)
    def test_the_fusion_of_equal_images_is_the_image(self, method: str, values: np.ndarray) -> None:
        assert fuse([values, values], method) == pytest.approx(values, abs=1e-9)

    def test_weights_are_shares(self) -> None:
        one, two = np.full((2, 2, 2), 1.0), np.full((2, 2, 2), 5.0)
        assert average([one, two], [3, 1]) == pytest.approx(np.full((2, 2, 2), 2.0))
        assert wavelet_fusion([one, two], "haar", 1, [3, 1]) == pytest.approx(
            np.full((2, 2, 2), 2.0)
        )

    def test_wavelets_keep_a_detail_of_one_image_whole_where_a_mean_halves_it(self) -> None:
        """A checkerboard has no mean in any 2 x 2 x 2 block: Haar calls all of it detail."""
        board = np.indices((8, 8, 8)).sum(axis=0) % 2 - 0.5
        flat = np.full((8, 8, 8), 0.3)
        assert wavelet_fusion([board, flat], "haar", 1) == pytest.approx(board + 0.15)
        assert average([board, flat]) == pytest.approx(board / 2 + 0.15)

    def test_details_of_two_images_lie_side_by_side(self, noise: np.ndarray) -> None:
        """Where each has details in one half, the fused one has both at full strength."""
        left, right = noise.copy(), noise.copy()
        left[:, :, 10:] = right[:, :, :10] = 0.5
        for method, distance in (("wavelet", 0.15), ("guided", 0.2)):
            fused = fuse([left, right], method)
            inner = (fused - noise)[3:-3, 3:-3, :]
            assert np.sqrt((inner[..., 4:6] ** 2).mean()) < distance, method
            contrast = [fused[:, :, part].std() for part in (slice(0, 6), slice(14, 20))]
            assert min(contrast) > 0.8 * noise.std(), method
        assert average([left, right]).std() < 0.6 * noise.std()

    def test_an_axis_too_short_for_the_wavelet_is_left_alone(self) -> None:
        slices = np.random.default_rng(1).random((1, 8, 8))
        assert wavelet_fusion([slices, slices], "db2", 3) == pytest.approx(slices)
        point = np.ones((1, 1, 2))
        assert wavelet_fusion([point, 3 * point], "db4", 3) == pytest.approx(2 * point)


class TestGuidedFilter:
    def test_a_box_mean_is_the_mean_of_its_box(self) -> None:
        one = np.zeros((5, 5, 5))
        one[2, 2, 2] = 27.0
        assert box_mean(one, [1, 1, 1])[1:4, 1:4, 1:4] == pytest.approx(np.ones((3, 3, 3)))
        assert box_mean(one, [0, 0, 1])[2, 2] == pytest.approx([0, 9, 9, 9, 0])

    def test_a_flat_guide_leaves_a_mean_of_means(self, noise: np.ndarray) -> None:
        found = guided_filter(noise, np.ones_like(noise), [1, 1, 1], 0.1)
        expected = box_mean(box_mean(noise, [1, 1, 1]), [1, 1, 1])
        assert found == pytest.approx(expected)

    def test_an_image_guided_by_itself_keeps_its_edge(self) -> None:
        """He et al.: far above epsilon in variance the slope is 1, so a step of 1 stays one."""
        step = np.zeros((5, 5, 12))
        step[:, :, 6:] = 1.0
        assert guided_filter(step, step, [1, 1, 2], 1e-6) == pytest.approx(step, abs=1e-4)
        blurred = guided_filter(step, step, [1, 1, 2], 1e6)
        assert blurred[2, 2, 5:7] == pytest.approx([0.4, 0.6], abs=0.05)


class TestScales:
    def test_percentiles_become_zero_and_one_and_nothing_is_cut_off(self) -> None:
        """0 … 100: percentiles 10 and 90 are 10 and 90; twice that range in the other unit."""
        first = np.arange(101.0).reshape(1, 1, 101)
        pair = {"A": image(first), "B": image(2 * first + 7)}
        made, facts = fuse_images(pair, [fused_image(percentiles=(10, 90))])
        assert array_of(made["F"])[0, 0, [10, 50, 90, 100]] == pytest.approx([0, 0.5, 1, 1.125])
        assert facts["F"] == pytest.approx({"A_low": 10, "A_high": 90, "B_low": 27, "B_high": 187})

    def test_a_window_is_cut_off_at_both_ends(self) -> None:
        """CT of -1000, 40 and 1000 in [-160, 240]: 0, 0.5 and 1."""
        pair = {"A": image(np.array([[[-1000.0, 40, 1000]]])), "B": image(np.zeros((1, 1, 3)) + 2)}
        window = {"A": (-160, 240), "B": (0, 4)}
        made, _ = fuse_images(pair, [fused_image(weights=[1, 0], window=window)])
        assert array_of(made["F"])[0, 0] == pytest.approx([0, 0.5, 1])

    def test_the_background_of_a_scaled_image_does_not_count(self, noise: np.ndarray) -> None:
        """A body twice in a larger field of view: the same fused body, and zero around it."""
        first, second = noise - 0.5, noise**2 - 0.3
        small = {"A": image(first), "B": image(second)}
        large = {name: sitk.ConstantPad(one, (9, 9, 9), (9, 9, 9)) for name, one in small.items()}
        settings = [fused_image(weights=[2, 1])]
        alone, facts = fuse_images(small, settings, zero_background=["A", "B"])
        inside, same = fuse_images(large, settings, zero_background=["A", "B"])
        assert facts["F"]["A_low"] == pytest.approx(np.percentile(first, 1), abs=1e-6)
        assert facts == same
        whole = array_of(inside["F"])
        assert whole[9:-9, 9:-9, 9:-9] == pytest.approx(array_of(alone["F"]))
        assert np.count_nonzero(whole) <= noise.size

    def test_zeros_of_an_image_in_its_own_unit_are_values(self) -> None:
        """Water is 0 HU, not background: it lies in the middle of -50 to 50."""
        values = np.linspace(-50, 50, 101).reshape(1, 1, 101)
        pair = {"A": image(values), "B": image(values)}
        made, _ = fuse_images(pair, [fused_image(percentiles=(0, 100))])
        assert array_of(made["F"])[0, 0, 50] == pytest.approx(0.5)

    def test_an_image_with_little_signal_has_a_range(self) -> None:
        spot = np.zeros((10, 10, 10))
        spot[5, 5, 5] = 8.0
        made, facts = fuse_images({"A": image(spot), "B": image(spot)}, [fused_image()])
        assert (facts["F"]["A_low"], facts["F"]["A_high"]) == (0.0, 8.0)
        assert array_of(made["F"]).max() == pytest.approx(1.0)


class TestCase:
    @pytest.mark.parametrize("method", METHODS)
    def test_the_fused_image_lies_on_the_grid_and_is_repeatable(
        self, method: str, noise: np.ndarray
    ) -> None:
        pair = {"A": image(noise), "B": image(noise[::-1])}
        (first, _), (second, _) = (fuse_images(pair, [fused_image(method)]) for _ in range(2))
        assert first["F"].GetPixelID() == sitk.sitkFloat32
        assert first["F"].GetOrigin() == pair["A"].GetOrigin()
        assert first["F"].GetSpacing() == pair["A"].GetSpacing()
        assert (array_of(first["F"]) == array_of(second["F"])).all()
        assert np.isfinite(array_of(first["F"])).all()

    @pytest.mark.parametrize("method", METHODS)
    def test_without_one_input_there_is_no_fused_image(
        self, method: str, noise: np.ndarray
    ) -> None:
        pair = {"A": image(noise), "B": image(0 * noise)}
        made, facts = fuse_images(pair, [fused_image(method)])
        assert is_blank(made["F"])
        assert facts == {"F": {"missing": 1.0}}

    def test_features_are_measured_in_it_with_bins_of_its_own(self, noise: np.ndarray) -> None:
        made, _ = fuse_images({"A": image(noise), "B": image(noise[::-1])}, [fused_image()])
        region = np.zeros(noise.shape, np.uint8)
        region[3:9, 4:12, 4:12] = 1
        found = extract_features(
            made,
            image_like(region, made["F"]),
            Handcrafted(image_types=["original"], preset={"F": "fused"}),
        )
        assert found.status == "ok"
        inside = array_of(made["F"])[region > 0]
        assert found.values["F__original__firstorder__Mean"] == pytest.approx(inside.mean())

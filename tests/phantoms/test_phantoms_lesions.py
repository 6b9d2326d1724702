from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from radpipe.phantoms.anatomy import Anatomy, draw_anatomy
from radpipe.phantoms.lesions import LesionTraits, draw_lesions, traits_of

TRAITS = LesionTraits(volume_ml=15.0, irregularity=0.1, contrast=0.0, heterogeneity=0.2)


@pytest.fixture(scope="module")
def anatomy() -> Anatomy:
    return draw_anatomy(1, "development", 0, 3.0)


def _draw(anatomy, traits, patient=0, case=0):
    return draw_lesions(anatomy, traits, seed=1, patient=("development", patient), case=case)


@pytest.mark.parametrize("patient", range(6))
def test_lesions_have_their_volume_and_number_and_lie_in_the_brain(anatomy, patient):
    lesions = _draw(anatomy, TRAITS, patient)
    assert not (lesions.mask & ~anatomy.brain).any()
    assert lesions.mask.sum() * anatomy.grid.voxel_ml == pytest.approx(15.0, rel=0.1)
    assert ndimage.label(lesions.mask)[1] == lesions.count


def test_some_patients_have_one_lesion_and_some_two(anatomy):
    assert {_draw(anatomy, TRAITS, patient).count for patient in range(8)} == {1, 2}


def test_heterogeneity_is_the_standard_deviation_of_the_flair_signal_inside(anatomy):
    lesions = _draw(anatomy, TRAITS)
    assert lesions.signal("FLAIR")[lesions.mask].std() == pytest.approx(0.2, rel=0.02)
    assert lesions.signal("FLAIR")[lesions.mask].mean() == pytest.approx(1.30, abs=0.02)


def _share_outside_ball(mask, grid):
    """Share of a region outside the ball of its volume around its centroid: 0 for a ball."""
    points = np.argwhere(mask) * grid.spacing_mm[0]
    distance = np.linalg.norm(points - points.mean(axis=0), axis=1)
    radius = (3 * len(points) * grid.spacing_mm[0] ** 3 / (4 * np.pi)) ** (1 / 3)
    return (distance > radius).mean()


def test_irregularity_takes_the_outline_away_from_a_ball(anatomy):
    single = [p for p in range(12) if _draw(anatomy, TRAITS, p).count == 1][:5]
    shares = {
        irregularity: np.mean(
            [
                _share_outside_ball(
                    _draw(anatomy, replace(TRAITS, irregularity=irregularity), p).mask,
                    anatomy.grid,
                )
                for p in single
            ]
        )
        for irregularity in (0.02, 0.28)
    }
    assert shares[0.28] > shares[0.02] + 0.03


def test_a_second_examination_has_the_same_place_and_another_texture(anatomy):
    first, second = _draw(anatomy, TRAITS, case=8), _draw(anatomy, TRAITS, case=9)
    np.testing.assert_array_equal(first.mask, second.mask)
    assert not np.allclose(first.texture, second.texture)


def test_lesions_are_bright_in_flair_and_dark_in_t1w(anatomy):
    lesions = _draw(anatomy, TRAITS)
    white = anatomy.white > 0.9
    assert (
        lesions.signal("FLAIR")[lesions.mask].mean() > 1.5 * anatomy.signal("FLAIR")[white].mean()
    )
    assert lesions.signal("T1w")[lesions.mask].mean() < 0.8 * anatomy.signal("T1w")[white].mean()


def test_traits_stay_within_what_can_be_drawn():
    for value in (-6.0, 6.0):
        traits = traits_of(
            dict.fromkeys(("volume", "irregularity", "contrast", "heterogeneity"), value)
        )
        assert 3.0 <= traits.volume_ml <= 40.0
        assert 0.0 < traits.irregularity < 0.31
        assert 0.0 < traits.heterogeneity < 0.41

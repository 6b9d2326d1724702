"""Registration finds a motion that was put in, and says how well it did."""

import math
import re

import numpy as np
import pytest
import SimpleITK as sitk

from radpipe.config import Registration
from radpipe.errors import CaseError
from radpipe.imaging import registration
from radpipe.imaging.registration import motion, register_rigid
from radpipe.io.images import array_of

QUICK = Registration(shrink=[2, 1], smoothing_mm=[3, 1], iterations=60)
COARSE = Registration(shrink=[2], smoothing_mm=[3], iterations=10)


def blobs(size=40, spacing_mm=3.0):
    """A head of sorts: an ellipsoid with brighter and darker blobs, not symmetric."""
    grid = sitk.Image([size] * 3, sitk.sitkFloat32)
    grid.SetSpacing([spacing_mm] * 3)
    z, y, x = np.indices((size,) * 3) - (size - 1) / 2
    rng = np.random.default_rng(3)
    values = 100.0 * ((x / 17) ** 2 + (y / 13) ** 2 + (z / 10) ** 2 < 1)
    for centre in rng.uniform(-8, 8, (8, 3)):
        distance = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2
        values += rng.uniform(-60, 60) * np.exp(-distance / 12) * (values > 0)
    image = sitk.GetImageFromArray(values.astype(np.float32))
    image.CopyInformation(grid)
    return image


def rigid(image, angles_deg, shift_mm):
    transform = sitk.Euler3DTransform()
    middle = [(n - 1) / 2 for n in image.GetSize()]
    transform.SetCenter(image.TransformContinuousIndexToPhysicalPoint(middle))
    transform.SetRotation(*np.radians(angles_deg).tolist())
    transform.SetTranslation(shift_mm)
    return transform


def moved(image, transform):
    """Another contrast of `image`, lying where `transform` brings its points."""
    other = sitk.Cast(image > 0, sitk.sitkFloat32) * (250.0 - image)
    return sitk.Resample(other, image, transform.GetInverse(), sitk.sitkLinear, 0.0)


def errors_mm(found, truth, image):
    points = np.argwhere(array_of(image) > 0)[::97, ::-1]
    world = [image.TransformIndexToPhysicalPoint([int(i) for i in p]) for p in points]
    difference = [np.subtract(found.TransformPoint(p), truth.TransformPoint(p)) for p in world]
    return np.linalg.norm(difference, axis=1)


@pytest.mark.parametrize(
    ("angles_deg", "shift_mm"),
    [((0, 0, 0), (0, 0, 0)), ((4, -3, 5), (6, -5, 4)), ((-6, 2, -4), (-3, 8, -6))],
)
def test_target_registration_error_is_below_a_third_of_a_voxel(angles_deg, shift_mm):
    fixed = blobs()
    truth = rigid(fixed, angles_deg, shift_mm)
    result = register_rigid(fixed, moved(fixed, truth), QUICK, seed=1)
    assert errors_mm(result.transform, truth, fixed).max() < 1.0
    quality = result.quality
    assert quality["metric_after"] >= quality["metric_before"]
    assert quality["translation_mm"] == pytest.approx(np.linalg.norm(shift_mm), abs=0.5)
    assert quality["rotation_deg"] == pytest.approx(motion(truth, fixed)["rotation_deg"], abs=0.5)


def test_images_far_apart_in_world_coordinates_are_found():
    fixed = blobs()
    moving = moved(fixed, rigid(fixed, (3, 2, -4), (2, 3, -2)))
    moving.SetOrigin((500.0, 0.0, -300.0))
    result = register_rigid(fixed, moving, QUICK, seed=1)
    truth = sitk.CompositeTransform(3)
    truth.AddTransform(sitk.TranslationTransform(3, (500.0, 0.0, -300.0)))
    truth.AddTransform(rigid(fixed, (3, 2, -4), (2, 3, -2)))
    assert result.quality["metric_before"] == 0.0
    assert errors_mm(result.transform, truth, fixed).max() < 1.0


def test_equal_seeds_give_equal_bits():
    fixed = blobs()
    moving = moved(fixed, rigid(fixed, (4, -3, 5), (6, -5, 4)))
    first, second = (register_rigid(fixed, moving, COARSE, seed=5) for _ in range(2))
    assert first.transform.GetParameters() == second.transform.GetParameters()
    assert first.quality == second.quality


def test_threads_of_the_process_do_not_matter_and_are_left_alone():
    fixed = blobs()
    moving = moved(fixed, rigid(fixed, (4, -3, 5), (6, -5, 4)))
    one = register_rigid(fixed, moving, COARSE, seed=5)
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(2)
    try:
        two = register_rigid(fixed, moving, COARSE, seed=5)
        assert sitk.ProcessObject.GetGlobalDefaultNumberOfThreads() == 2
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)
    assert one.transform.GetParameters() == two.transform.GetParameters()


def test_image_is_left_where_it_is_if_it_is_aligned():
    image = blobs()
    result = register_rigid(image, image, QUICK, seed=1)
    assert result.quality["translation_mm"] < 0.3
    assert result.quality["rotation_deg"] < 0.3


def test_world_coordinates_are_kept_where_the_search_ends_worse(monkeypatch):
    def get_lost(fixed, moving, transform, settings, seed):
        transform.SetTranslation((40.0, 0.0, 0.0))
        return 7

    monkeypatch.setattr(registration, "_optimise", get_lost)
    image = blobs()
    result = register_rigid(image, image, QUICK, seed=1)
    assert result.quality["improved"] == 0.0
    assert result.quality["metric_after"] == result.quality["metric_before"]
    assert result.quality["translation_mm"] == 0.0
    assert result.transform.TransformPoint((1.0, 2.0, 3.0)) == (1.0, 2.0, 3.0)


def test_small_and_thin_images_are_not_shrunk_away():
    fixed = blobs()[:, :, 16:24]
    truth = rigid(fixed, (0, 0, 3), (4, 0, 0))
    result = register_rigid(fixed, moved(fixed, truth), Registration(iterations=40), seed=1)
    assert np.median(errors_mm(result.transform, truth, fixed)) < 3.0


def test_motion_by_hand():
    image = blobs()
    found = motion(rigid(image, (0, 0, 30), (3.0, 4.0, 0.0)), image)
    assert found["translation_mm"] == pytest.approx(5.0)
    assert found["rotation_deg"] == pytest.approx(30.0)


def test_one_slice_cannot_be_registered_to_nothing():
    fixed = blobs()
    empty = sitk.Image([4, 4, 4], sitk.sitkFloat32) + 1
    empty.SetOrigin((1e4, 1e4, 1e4))
    with pytest.raises(CaseError, match="case 'c': the images cannot be registered; found"):
        register_rigid(fixed, empty, QUICK, seed=1, case="c")


def itk_transform(path):
    return sitk.ReadTransform(str(path))


@pytest.mark.slow
def test_visits_of_a_real_patient(test_data):
    """Open MS data: the composite of the reference transforms raises Mattes MI from .53 to .90."""
    folder = test_data / "open_ms_longitudinal" / "patient01"
    visits = [
        sitk.ReadImage(str(folder / f"study{n}_FLAIR.nii.gz"), sitk.sitkFloat32) for n in (1, 2)
    ]
    files = [folder / f"study{n}_FLAIR_to_common_space.txt" for n in (1, 2)]
    to_common = [itk_transform(file) for file in files]
    result = register_rigid(*visits, Registration(), seed=1)
    assert result.quality["metric_before"] == pytest.approx(0.53, abs=0.05)
    assert result.quality["metric_after"] > 0.85
    truth = sitk.CompositeTransform([to_common[1], to_common[0].GetInverse()])
    tissue = array_of(visits[0]) > np.percentile(array_of(visits[0]), 80)
    points = np.argwhere(tissue)[::5000, ::-1]
    world = [visits[0].TransformIndexToPhysicalPoint([int(i) for i in p]) for p in points]
    errors = [
        np.linalg.norm(np.subtract(result.transform.TransformPoint(p), truth.TransformPoint(p)))
        for p in world
    ]
    assert re.match("Euler3D", result.transform.GetName())
    assert math.isfinite(max(errors))
    assert np.median(errors) < 1.0

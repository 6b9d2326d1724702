"""Import: one number type, no header of the original file, nothing unusable."""

import numpy as np
import pytest
import SimpleITK as sitk

from radpipe.errors import CaseError
from radpipe.imaging.importing import import_image, import_mask
from radpipe.io.images import array_of, labels_of


def ramp(kind=np.int16):
    image = sitk.GetImageFromArray(np.arange(60, dtype=kind).reshape(3, 4, 5))
    image.SetSpacing((1.0, 2.0, 5.0))
    return image


def test_values_and_grid_are_kept():
    image = ramp()
    image.SetMetaData("descrip", "Jane Doe")
    imported, facts = import_image(image, case="c", file="f")
    assert imported.GetPixelID() == sitk.sitkFloat32
    assert imported.GetSpacing() == (1.0, 2.0, 5.0)
    assert imported.GetMetaDataKeys() == ()
    np.testing.assert_array_equal(array_of(imported), array_of(image))
    assert facts == {
        "size_voxels": [5, 4, 3],
        "spacing_mm": [1.0, 2.0, 5.0],
        "minimum": 0.0,
        "maximum": 59.0,
        "pixel_type": "16-bit signed integer",
    }


def test_background_below_single_precision_is_zero():
    values = np.zeros((3, 4, 5), dtype=np.float64)
    values[0], values[1], values[2] = 1e-30, 100.0, -1e-20
    values[1, 0, 0] = 50.0
    imported, _ = import_image(sitk.GetImageFromArray(values), case="c", file="f")
    assert np.count_nonzero(array_of(imported)) == 20


def test_image_that_is_not_three_dimensional():
    image = sitk.JoinSeries([ramp(), ramp()])
    with pytest.raises(CaseError, match="case 'c', file f: the image is not a 3-D volume"):
        import_image(image, case="c", file="f")


def test_image_with_a_voxel_that_is_no_number():
    values = array_of(ramp()).copy()
    values[0, 0, 0] = np.nan
    with pytest.raises(CaseError, match="found 1 of 60 voxels NaN or infinite"):
        import_image(sitk.GetImageFromArray(values), case="c", file="f")


def test_mask_volumes_can_be_counted():
    values = np.zeros((3, 4, 5), dtype=np.float32)
    values[0, 0, :3], values[1, 0, :2] = 1, 2
    mask = sitk.GetImageFromArray(values)
    mask.SetSpacing((1.0, 2.0, 5.0))  # 10 mm3 a voxel
    imported, facts = import_mask(mask, case="c", file="f", labels={"core": 1, "rim": 2})
    assert imported.GetPixelID() == sitk.sitkUInt8
    np.testing.assert_array_equal(labels_of(imported), values)
    assert facts["volume_ml"] == pytest.approx({"core": 0.03, "rim": 0.02})


def test_mask_without_a_region():
    with pytest.raises(CaseError, match="case 'c', file f: the mask is empty"):
        import_mask(sitk.Image((3, 3, 3), sitk.sitkUInt8), case="c", file="f", labels={"core": 1})

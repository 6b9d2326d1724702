"""Images, tables and files: what is written is what is read, whole or not at all."""

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from radpipe.errors import CaseError, RadpipeError
from radpipe.io import files, images, tables


def test_image_round_trip_keeps_values_and_grid(tmp_path):
    image = sitk.GetImageFromArray(np.arange(24, dtype=np.float32).reshape(2, 3, 4))
    image.SetSpacing((1.0, 2.0, 3.0))
    images.write_image(image, tmp_path / "a" / "image.nii.gz")
    read = images.read_image(tmp_path / "a" / "image.nii.gz")
    assert images.array_of(read).shape == (2, 3, 4)
    assert images.spacing_zyx(read) == (3.0, 2.0, 1.0)
    np.testing.assert_array_equal(images.array_of(read), images.array_of(image))


def test_equal_images_are_equal_bytes(tmp_path):
    image = sitk.GetImageFromArray(np.arange(24, dtype=np.float32).reshape(2, 3, 4))
    for name in ("a.nii.gz", "b.nii.gz"):
        images.write_image(image, tmp_path / name)
    assert files.sha256(tmp_path / "a.nii.gz") == files.sha256(tmp_path / "b.nii.gz")


def test_image_that_is_not_there(tmp_path):
    with pytest.raises(
        CaseError, match=r"case 'c', file .*x.nii.gz: the image file does not exist"
    ):
        images.read_image(tmp_path / "x.nii.gz", case="c")


def test_file_that_is_no_image(tmp_path):
    (tmp_path / "x.nii").write_text("text")
    with pytest.raises(CaseError, match=r"the image cannot be read; found .*, expected a complete"):
        images.read_image(tmp_path / "x.nii")


def test_transform_round_trip_keeps_double_precision(tmp_path):
    transform = sitk.Euler3DTransform()
    transform.SetRotation(0.1, 1 / 3, -0.2)
    transform.SetTranslation((np.pi, -np.e, 1e-9))
    images.write_transform(transform, tmp_path / "t.tfm")
    read = images.read_transform(tmp_path / "t.tfm")
    assert read.GetParameters() == transform.GetParameters()


def test_transform_that_is_not_there(tmp_path):
    with pytest.raises(RadpipeError, match=r"t\.tfm: the transform file does not exist"):
        images.read_transform(tmp_path / "t.tfm")


def fail_half_way(path):
    with files.atomic(path) as part:
        part.write_text("half")
        raise OSError("disk full")


def test_a_write_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(OSError, match="full"):
        fail_half_way(tmp_path / "x.tsv")
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_keeps_the_old_file(tmp_path):
    files.write_text("old", tmp_path / "x")
    with pytest.raises(OSError, match="full"):
        fail_half_way(tmp_path / "x")
    assert (tmp_path / "x").read_text() == "old"


def test_json_does_not_depend_on_the_order_of_keys(tmp_path):
    files.write_json({"b": 1, "a": [2, 3]}, tmp_path / "x.json")
    files.write_json({"a": [2, 3], "b": 1}, tmp_path / "y.json")
    assert (tmp_path / "x.json").read_bytes() == (tmp_path / "y.json").read_bytes()
    assert files.read_json(tmp_path / "x.json") == {"a": [2, 3], "b": 1}


@pytest.mark.parametrize("name", ["t.tsv", "t.tsv.gz", "t.parquet"])
def test_table_round_trip(tmp_path, name):
    table = pd.DataFrame({"case": ["01", "02"], "value": [1 / 3, np.nan], "text": ["a", "NA"]})
    tables.write_table(table, tmp_path / name)
    read = tables.read_table(tmp_path / name)
    assert list(read["case"]) == ["01", "02"]
    assert list(read["text"]) == ["a", "NA"]
    np.testing.assert_allclose(read["value"], table["value"], rtol=1e-9)


def test_table_that_is_not_there(tmp_path):
    with pytest.raises(RadpipeError, match="cannot read the table"):
        tables.read_table(tmp_path / "x.tsv")

"""The table of a case and of a cohort."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from radpipe.config import Controls, Handcrafted
from radpipe.errors import RadpipeError
from radpipe.features.dictionary import VOLUME_COLUMN, feature_columns
from radpipe.features.table import (
    case_seed,
    case_table,
    collect_features,
    collect_status,
)
from radpipe.io.tables import read_table, write_table

CONFIG = Handcrafted(image_types=["original", "log"], log_sigma_mm=[1.0])
ALL = Controls()
NONE = Controls(shuffled_voxels=False, displaced_mask=False)
ENTROPY = "T1w__original__glcm__JointEntropy"


def scene(seed: int = 0, side: int = 5) -> tuple[dict[str, sitk.Image], sitk.Image]:
    """A smooth image, so that shuffling changes its texture, and a cube as the region."""
    steps = np.random.default_rng(seed).normal(size=(3, 16, 18, 20))
    array = sum(steps[axis].cumsum(axis=axis) for axis in range(3)).astype(np.float32)
    mask = np.zeros(array.shape, dtype=np.uint8)
    mask[3 : 3 + side, 3 : 3 + side, 3 : 3 + side] = 1
    return {"T1w": sitk.GetImageFromArray(array)}, sitk.GetImageFromArray(mask)


def test_a_case_has_a_row_a_variant() -> None:
    table = case_table("a", *scene(), CONFIG, ALL, 1)
    assert table["variant"].tolist() == ["roi", "shuffled", "displaced"]
    assert list(table.columns[:3]) == ["case", "variant", "status"]
    assert list(table.columns[3:]) == feature_columns(["T1w"], CONFIG)
    rows = table.set_index("variant")
    assert (rows["status"] == "ok").all()
    assert rows[VOLUME_COLUMN].nunique() == 1
    # The histogram survives shuffling, the texture does not.
    mean = "T1w__original__firstorder__Mean"
    assert rows.loc["roi", mean] == pytest.approx(rows.loc["shuffled", mean])
    assert rows.loc["roi", ENTROPY] < rows.loc["shuffled", ENTROPY]
    assert rows.loc["roi", mean] != rows.loc["displaced", mean]
    filtered = [c for c in table.columns if "log_sigma" in c]
    assert rows.loc[["shuffled", "displaced"], filtered].isna().all(axis=None)
    assert rows.loc["roi", filtered].notna().all()


def test_controls_can_be_off() -> None:
    assert case_table("a", *scene(), CONFIG, NONE, 1)["variant"].tolist() == ["roi"]


def test_a_case_repeats_and_differs_from_others() -> None:
    first, again = (case_table("a", *scene(), CONFIG, ALL, 1) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    assert case_seed("a", 1) == case_seed("a", 1)
    assert len({case_seed("a", 1), case_seed("b", 1), case_seed("a", 2)}) == 3


def test_a_region_without_room_elsewhere_says_so() -> None:
    images, mask = scene()
    everywhere = mask * 0 + 1
    rows = case_table("a", images, everywhere, CONFIG, ALL, 1).set_index("variant")
    assert rows.loc["displaced", "status"] == "no room for the mask elsewhere in the images"
    assert np.isnan(rows.loc["displaced", VOLUME_COLUMN])
    assert rows.loc["roi", "status"] == "ok"


def test_collecting_a_cohort(tmp_path: Path) -> None:
    tables = {
        "a": case_table("a", *scene(0), CONFIG, ALL, 1),
        "007": case_table("007", *scene(1), CONFIG, ALL, 1),
        "empty": case_table("empty", *scene(2, side=0), CONFIG, ALL, 1),
    }
    paths = [tmp_path / f"{case}.parquet" for case in tables]
    for table, path in zip(tables.values(), paths, strict=True):
        write_table(table, path)
    features, controls = collect_features(paths)
    assert features["case"].tolist() == ["a", "007", "empty"]
    assert list(features.columns) == ["case", *feature_columns(["T1w"], CONFIG)]
    assert features.loc[0, ENTROPY] == tables["a"].loc[0, ENTROPY]
    assert features.drop(columns="case").loc[2].isna().all()
    assert controls["variant"].tolist() == ["shuffled", "displaced"] * 3
    assert not any("log_sigma" in column for column in controls)
    status = collect_status(paths).set_index(["case", "variant"])["status"]
    assert status["007", "roi"] == "ok"
    assert status["empty", "displaced"] == "no region: the mask is empty"
    write_table(features, tmp_path / "features.parquet")
    pd.testing.assert_frame_equal(read_table(tmp_path / "features.parquet"), features)


def test_a_column_that_a_case_lacks_is_missing(tmp_path: Path) -> None:
    full = case_table("a", *scene(0), CONFIG, NONE, 1)
    less = case_table("b", *scene(1), CONFIG, NONE, 1).drop(columns=ENTROPY)
    write_table(full, tmp_path / "a.parquet")
    write_table(less, tmp_path / "b.parquet")
    features, controls = collect_features([tmp_path / "a.parquet", tmp_path / "b.parquet"])
    assert features[ENTROPY].isna().tolist() == [False, True]
    assert features[VOLUME_COLUMN].notna().all()
    assert controls.empty


def test_nothing_and_doubles_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RadpipeError, match="no feature tables to collect; found 0 files"):
        collect_features([])
    write_table(case_table("a", *scene(), CONFIG, NONE, 1), tmp_path / "a.parquet")
    with pytest.raises(RadpipeError, match="case 'a': the features of a case come twice"):
        collect_features([tmp_path / "a.parquet"] * 2)


def test_the_job_of_a_case_imports_no_torch() -> None:
    code = (
        "import sys; import radpipe.features.table, radpipe.features.handcrafted, "
        "radpipe.features.controls, radpipe.features.dictionary; "
        "print([m for m in ('torch', 'monai', 'lightning', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_package_imports_nothing() -> None:
    code = (
        "import sys; before = set(sys.modules); import radpipe.features; "
        "print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['radpipe', 'radpipe.features']"

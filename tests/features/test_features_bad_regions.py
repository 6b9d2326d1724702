"""Regions that cannot be measured: missing values with a reason, in every table of a study."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from radpipe.config import Controls, Handcrafted, Stability
from radpipe.features.collection import (
    Collected,
    collect_features,
    collect_measurements,
    collect_status,
    collect_warnings,
)
from radpipe.features.dictionary import feature_dictionary
from radpipe.features.ibsi.families import family_definitions
from radpipe.features.settings_check import feature_warnings
from radpipe.features.stability import perturbed_table, stability_of_file
from radpipe.features.table import KEYS, FeatureSettings, case_table
from radpipe.imaging.preparation import prepare_mask
from radpipe.io.tables import read_table, write_table

CONFIG = Handcrafted(
    image_types=["original", "gradient"],
    bin_count=8,
    regions=["whole", "core", "ring"],
    rim_mm=1.0,
    ring_mm=2.0,
    families=["statistics", "ivh", "gldzm", "ngldm", "morphology"],
)
SETTINGS = FeatureSettings(CONFIG, Controls(noise_filled=True), {"lesion": 1}, seed=1)
STABILITY = Stability(perturbations=["translation", "volume", "noise"], repeats=2)
SHAPE = (14, 16, 18)
CUBE = (slice(4, 10), slice(5, 11), slice(6, 12))


def bad_case(name: str) -> tuple[dict[str, sitk.Image], sitk.Image]:
    array = np.random.default_rng(0).normal(size=SHAPE).cumsum(axis=0).astype(np.float32)
    mask = np.zeros(SHAPE, dtype=np.uint8)
    mask[CUBE] = 1
    if name == "empty":
        mask[:] = 0
    elif name == "one voxel":
        mask[:] = 0
        mask[7, 8, 9] = 1
    elif name == "constant image":
        array[:] = 7.0
    elif name == "constant region":
        array[CUBE] = 7.0
    elif name == "outside the image":
        grid = sitk.GetImageFromArray(array)
        drawn = sitk.GetImageFromArray(mask)
        drawn.SetOrigin((500.0, 0.0, 0.0))
        return {"T1w": grid}, prepare_mask(drawn, grid, {"lesion": 1})[0]
    return {"T1w": sitk.GetImageFromArray(array)}, sitk.GetImageFromArray(mask)


EMPTY = "no region: the mask is empty"
STATUS = {
    "good": "ok",
    "empty": f"{EMPTY}; core: {EMPTY}; ring: {EMPTY}",
    "outside the image": f"{EMPTY}; core: {EMPTY}; ring: {EMPTY}",
    "one voxel": "region of 1 voxel, at least 8 needed; core: no voxel of the mask is deeper than "
    "1 mm",
    "constant image": "; ".join(
        f"{region}flat region in T1w original; flat region in T1w gradient"
        for region in ("", "core: ", "ring: ")
    ),
    "constant region": "flat region in T1w original; core: flat region in T1w original; "
    "flat region in T1w gradient",
}


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return {name: case_table(name, *bad_case(name), SETTINGS) for name in STATUS}


@pytest.mark.parametrize("name", STATUS)
def test_the_reason_is_said_and_no_value_stands_for_a_missing_one(
    tables: dict[str, pd.DataFrame], name: str
) -> None:
    rows = tables[name].set_index("variant")
    assert rows.loc["roi", "status"] == STATUS[name]
    columns = [c for c in rows if c not in KEYS]
    assert columns == [c for c in tables["good"] if c not in KEYS]
    values = rows.loc["roi", columns].astype(float)
    assert not np.isinf(values).any()
    of = {part: [c for c in columns if c.startswith(part)] for part in ("T1w__", "mask__")}
    gone = of["T1w__"] + of["mask__"]
    if name == "constant image":
        gone = of["T1w__"]
    elif name == "constant region":
        gone = [c for c in of["T1w__"] if "__original__" in c]
    elif name == "good":
        gone = []
    assert values[gone].isna().all()
    kept = set(of["T1w__"] + of["mask__"]) - set(gone)
    assert values[list(kept)].notna().all()


@pytest.mark.parametrize("name", ["empty", "outside the image", "one voxel", "constant image"])
def test_controls_do_not_invent_a_region(tables: dict[str, pd.DataFrame], name: str) -> None:
    rows = tables[name].set_index("variant")
    whole = [c for c in rows if c.startswith("T1w__")]
    assert list(rows.index) == ["roi", "shuffled", "noise", "displaced"]
    assert rows[whole].isna().all(axis=None)
    assert not (rows["status"] == "ok").any()


def test_one_bad_case_stops_no_table_of_the_cohort(
    tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    paths, told, again = [], [], []
    for name, table in tables.items():
        stem = name.replace(" ", "_")
        paths.append(tmp_path / f"{stem}.parquet")
        told.append(tmp_path / f"{stem}.tsv")
        again.append(tmp_path / f"{stem}.again.parquet")
        images, mask = bad_case(name)
        write_table(table, paths[-1])
        write_table(feature_warnings(table, ["T1w"], SETTINGS, (1.0, 1.0, 1.0)), told[-1])
        write_table(perturbed_table(table, images, mask, SETTINGS, STABILITY), again[-1])
    out = Collected(tmp_path / "f.parquet", tmp_path / "f.tsv.gz", tmp_path / "c.parquet")
    columns = collect_features(paths, out)
    assert len(feature_dictionary(columns, CONFIG, family_definitions())) == len(columns)
    features = read_table(out.features).set_index("case")
    assert list(features.index) == list(STATUS)
    assert features.loc["good"].notna().all()
    status = collect_status(paths)
    assert dict(status[status["variant"] == "roi"][["case", "status"]].to_numpy()) == STATUS
    warned = collect_warnings(told)
    assert set(warned.loc[warned["warning"] == "constant", "case"]) == {
        "constant image",
        "constant region",
    }
    collect_measurements(again, None, tmp_path / "m.parquet")
    stable = stability_of_file(tmp_path / "m.parquet", STABILITY)
    assert list(stable["feature"]) == columns
    # Only subjects with every repeat count: the good case, and where just the intensities are bad.
    assert stable["n"].max() <= 3

"""The table of a case and of a cohort."""

import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
from scipy import ndimage

from radpipe.config import Controls, Handcrafted
from radpipe.errors import RadpipeError
from radpipe.features import collection
from radpipe.features.collection import Collected, collect_features, collect_status
from radpipe.features.dictionary import VOLUME_COLUMN, feature_columns, feature_dictionary
from radpipe.features.ibsi.families import family_columns, family_definitions
from radpipe.features.table import FeatureSettings, case_seed, measure_case
from radpipe.features.table import case_table as table_of
from radpipe.io.images import array_of, image_like
from radpipe.io.tables import read_table, write_table

CONFIG = Handcrafted(image_types=["original", "log"], log_sigma_mm=[1.0])
ALL = Controls()
NONE = Controls(shuffled_voxels=False, displaced_mask=False)
LABELS = {"necrosis": 1, "edema": 2}
ENTROPY = "T1w__original__glcm__JointEntropy"


def scene(seed: int = 0, side: int = 5) -> tuple[dict[str, sitk.Image], sitk.Image]:
    """A smooth image, so that shuffling changes its texture, and a cube as the region."""
    steps = np.random.default_rng(seed).normal(size=(3, 16, 18, 20))
    array = sum(steps[axis].cumsum(axis=axis) for axis in range(3)).astype(np.float32)
    mask = np.zeros(array.shape, dtype=np.uint8)
    mask[3 : 3 + side, 3 : 3 + side, 3 : 3 + side] = 1
    return {"T1w": sitk.GetImageFromArray(array)}, sitk.GetImageFromArray(mask)


def case_table(
    case: str,
    images: dict[str, sitk.Image],
    mask: sitk.Image,
    config: Handcrafted,
    controls: Controls,
    seed: int,
) -> pd.DataFrame:
    return table_of(case, images, mask, FeatureSettings(config, controls, LABELS, seed))


def collected(paths: list[Path], folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    out = Collected(folder / "f.parquet", folder / "f.tsv.gz", folder / "c.parquet")
    columns = collect_features(paths, out)
    features = read_table(out.features)
    assert list(features.columns) == ["case", *columns]
    write_table(features, folder / "again.tsv.gz")
    texts = [gzip.decompress(path.read_bytes()) for path in (folder / "again.tsv.gz", out.text)]
    assert texts[0] == texts[1]
    return features, read_table(out.controls)


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
    features, controls = collected(paths, tmp_path)
    assert features["case"].tolist() == ["a", "007", "empty"]
    assert list(features.columns) == ["case", *feature_columns(["T1w"], CONFIG)]
    assert features.loc[0, ENTROPY] == tables["a"].loc[0, ENTROPY]
    assert features.drop(columns="case").loc[2].isna().all()
    assert controls["variant"].tolist() == ["shuffled", "displaced"] * 3
    assert not any("log_sigma" in column for column in controls)
    status = collect_status(paths).set_index(["case", "variant"])["status"]
    assert status["007", "roi"] == "ok"
    assert status["empty", "displaced"] == "no region: the mask is empty"


def test_portions_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written two cases at a time, the tables hold what they hold when written at once."""
    paths = []
    for number in range(5):
        paths.append(tmp_path / f"{number}.parquet")
        write_table(case_table(str(number), *scene(number), CONFIG, ALL, 1), paths[-1])
    at_once = collected(paths, tmp_path)
    monkeypatch.setattr(collection, "ROWS", 2)
    for first, second in zip(at_once, collected(paths, tmp_path), strict=True):
        pd.testing.assert_frame_equal(first, second)


def test_a_column_that_a_case_lacks_is_missing(tmp_path: Path) -> None:
    full = case_table("a", *scene(0), CONFIG, NONE, 1)
    less = case_table("b", *scene(1), CONFIG, NONE, 1).drop(columns=ENTROPY)
    write_table(full, tmp_path / "a.parquet")
    write_table(less, tmp_path / "b.parquet")
    features, controls = collected([tmp_path / "a.parquet", tmp_path / "b.parquet"], tmp_path)
    assert features[ENTROPY].isna().tolist() == [False, True]
    assert features[VOLUME_COLUMN].notna().all()
    assert controls.empty


def test_nothing_and_doubles_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RadpipeError, match="no feature tables to collect; found 0 files"):
        collected([], tmp_path)
    write_table(case_table("a", *scene(), CONFIG, NONE, 1), tmp_path / "a.parquet")
    with pytest.raises(RadpipeError, match="case 'a': the features of a case come twice"):
        collected([tmp_path / "a.parquet"] * 2, tmp_path)
    assert not (tmp_path / "f.parquet").exists()


def test_the_job_of_a_case_imports_no_torch() -> None:
    code = (
        "import sys; import radpipe.features.table, radpipe.features.handcrafted, "
        "radpipe.features.controls, radpipe.features.dictionary, radpipe.features.stability, "
        "radpipe.features.collection, radpipe.features.settings_check; "
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


def columns_of(region: str, config: Handcrafted) -> list[str]:
    return feature_columns(["T1w"], config, region)


def test_every_region_has_its_columns() -> None:
    config = CONFIG.model_copy(
        update={"regions": ["whole", "core", "rim", "ring", "largest", "each_label"], "rim_mm": 1.0}
    )
    row = case_table("a", *scene(side=6), config, NONE, 1)
    names = ["whole", "core", "rim", "ring", "largest", "label_necrosis", "label_edema"]
    assert list(row.columns[3:]) == [c for name in names for c in columns_of(name, config)]
    volume = "mask{}__original__shape__VoxelVolume"
    parts = [row[volume.format(f".{name}")][0] for name in ("core", "rim")]
    assert sum(parts) == row[volume.format("")][0] == 6**3
    assert row["mask.label_edema__original__shape__VoxelVolume"].isna().all()
    assert row["status"][0] == "label_edema: label 2 ('edema') is not in the mask"


def bad_masks() -> dict[str, np.ndarray]:
    shape = (16, 18, 20)
    masks = {name: np.zeros(shape, dtype=np.uint8) for name in ("empty", "voxel", "line", "border")}
    masks["voxel"][5, 5, 5] = 1
    masks["line"][5, 5, 2:15] = 1
    masks["border"][:4, :4, :4] = 1
    masks["everything"] = np.ones(shape, dtype=np.uint8)
    return masks


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("empty", "no region: the mask is empty"),
        ("voxel", "region of 1 voxel, at least 8 needed"),
        ("line", "region is a line of 13 voxels, two dimensions needed"),
        ("border", "ok"),
        ("everything", "ok"),
    ],
)
def test_a_bad_mask_gives_missing_values_and_a_reason(name: str, status: str) -> None:
    images, mask = scene()
    region = image_like(bad_masks()[name], mask)
    rows = case_table("a", images, region, CONFIG, ALL, 1).set_index("variant")
    assert rows.loc["roi", "status"] == status
    values = rows.loc["roi"].drop(["case", "status"]).astype(float)
    assert values.isna().all() == (status != "ok")
    # No zero stands for a missing value.
    assert not (values == 0).all()


def test_a_ring_outside_the_image_is_missing_and_the_mask_stays() -> None:
    images, mask = scene()
    config = CONFIG.model_copy(update={"regions": ["whole", "ring"]})
    row = case_table("a", images, mask * 0 + 1, config, NONE, 1)
    assert row["status"][0] == "ring: no voxel within 5 mm of the mask lies inside the image"
    assert row[columns_of("ring", config)].isna().all(axis=None)
    assert row[columns_of("whole", config)].notna().all(axis=None)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_voxels_that_are_no_numbers_spare_the_other_regions(value: float) -> None:
    images, mask = scene(side=6)
    array = array_of(images["T1w"]).copy()
    array[3, 3, 3] = value
    config = Handcrafted(image_types=["original"], regions=["whole", "core"], rim_mm=1.0)
    row = case_table("a", {"T1w": image_like(array, mask)}, mask, config, ALL, 1).iloc[0]
    assert row["status"] == "voxels that are not finite in T1w original"
    assert np.isnan(row[ENTROPY])
    assert row["T1w.core__original__glcm__JointEntropy"] > 0
    assert row[VOLUME_COLUMN] > 0


def smooth_scene() -> tuple[dict[str, sitk.Image], sitk.Image]:
    """Neighbours resemble each other, so that a texture is there to be lost."""
    _, mask = scene(side=9)
    array = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(16, 18, 20)), 1.5)
    return {"T1w": image_like(array.astype(np.float32), mask)}, mask


def test_noise_keeps_the_brightness_and_loses_the_texture() -> None:
    controls = Controls(noise_filled=True, displaced_mask=False)
    rows = case_table("a", *smooth_scene(), CONFIG, controls, 1).set_index("variant")
    assert list(rows.index) == ["roi", "shuffled", "noise"]
    spread = rows.loc["roi", "T1w__original__firstorder__Variance"] ** 0.5
    mean = rows["T1w__original__firstorder__Mean"]
    assert abs(mean["noise"] - mean["roi"]) < 0.2 * spread
    correlation = rows["T1w__original__glcm__Correlation"]
    assert abs(correlation["noise"]) < 0.1 < 0.5 < correlation["roi"]


def test_controls_on_all_images() -> None:
    controls = Controls(image_types="all", noise_filled=True)
    rows = case_table("a", *scene(), CONFIG, controls, 1)
    assert rows.notna().all(axis=None)


def test_every_region_of_a_control_is_altered() -> None:
    """The ring lies outside the mask: shuffling the mask alone would leave its texture."""
    config = Handcrafted(image_types=["original"], regions=["whole", "core", "ring"], rim_mm=1.0)
    rows = case_table("a", *smooth_scene(), config, ALL, 1).set_index("variant")
    for region in ("", ".core", ".ring"):
        correlation = rows[f"T1w{region}__original__glcm__Correlation"]
        mean = rows[f"T1w{region}__original__firstorder__Mean"]
        assert abs(correlation["shuffled"]) < 0.1 < 0.5 < correlation["roi"], region
        assert mean["shuffled"] == pytest.approx(mean["roi"]), region


def test_measuring_a_case_is_what_its_table_holds() -> None:
    images, mask = scene()
    found = measure_case(images, mask, FeatureSettings(CONFIG))
    row = case_table("a", images, mask, CONFIG, NONE, 1).iloc[0]
    assert row["status"] == found.status
    assert row.drop(["case", "variant", "status"]).to_dict() == found.values


def test_families_that_pyradiomics_lacks_are_further_columns() -> None:
    families = ["statistics", "histogram", "ivh", "local_intensity", "gldzm", "ngldm", "morphology"]
    config = Handcrafted(
        image_types=["original"], regions=["whole", "core"], rim_mm=1.0, families=families
    )
    row = case_table("a", *smooth_scene(), config, NONE, 1)
    lacking = [f"T1w{region}__original__" for region in ("", ".core")]
    names = [f"{prefix}{column}" for prefix in lacking for column in family_columns(families)]
    assert sorted(names) == sorted(set(row.columns[3:]) - set(case_columns(config)))
    assert row[names].notna().all(axis=None)
    meaning = feature_dictionary(row.columns[3:], config, family_definitions())
    assert (meaning.set_index("column").loc[names, "pyradiomics_name"] == "").all()
    empty = case_table("a", *scene(side=0), config, NONE, 1)
    assert list(empty.columns) == list(row.columns)
    assert empty[names].isna().all(axis=None)


def case_columns(config: Handcrafted) -> list[str]:
    return columns_of("whole", config) + columns_of("core", config)

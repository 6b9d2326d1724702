"""Which features survive a second measurement, and that a filter sees its training part only."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from radpipe.config import Controls, Handcrafted, Stability
from radpipe.errors import RadpipeError
from radpipe.evaluation.agreement import ICC_FORMS
from radpipe.features.collection import MEASUREMENT_KEYS, collect_measurements
from radpipe.features.stability import (
    RETEST,
    UNCHANGED,
    perturbed_table,
    retest_table,
    stability_of_file,
    stability_table,
    stable_columns,
)
from radpipe.features.table import FeatureSettings, case_table
from radpipe.io.tables import read_table, write_table

FIRM, LOOSE = "T1w__original__firstorder__Mean", "T1w__original__firstorder__Skewness"
CHOSEN = Stability(perturbations=["noise"], repeats=3)


def measurements(cases: int = 20, repeats: int = 3, seed: int = 0) -> pd.DataFrame:
    """One feature that repeats to 1 %, one that is noise alone."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(cases):
        level = rng.normal()
        for repeat in range(repeats + 1):
            source = UNCHANGED if repeat == 0 else "noise"
            values = {FIRM: level + 0.01 * rng.normal(), LOOSE: rng.normal()}
            case = f"c{number:02d}"
            keys = {"case": case, "subject": case, "source": source, "repeat": repeat}
            rows.append(keys | {"status": "ok"} | values)
    return pd.DataFrame(rows)


def test_what_repeats_is_excellent_and_noise_is_poor() -> None:
    table = stability_table(measurements(), CHOSEN).set_index("feature")
    assert table.loc[FIRM, "class"] == "excellent"
    assert table.loc[LOOSE, "class"] == "poor"
    assert table.loc[FIRM, "icc"] > 0.999
    assert (table["ci_low"] <= table["icc"]).all()
    assert (table["n"] == 20).all()
    assert (table["k"] == 4).all(), "the unperturbed measurement is one of them"
    assert (table["source"] == "noise").all()


def test_the_class_is_that_of_the_lower_end() -> None:
    few = measurements(cases=4, seed=3)
    few[LOOSE] = few[FIRM] + np.random.default_rng(1).normal(0, 0.35 * few[FIRM].std(), len(few))
    strict = stability_table(few, CHOSEN).set_index("feature").loc[LOOSE]
    mild = stability_table(few, CHOSEN.model_copy(update={"judged_by": "icc"}))
    order = ["poor", "moderate", "good", "excellent"]
    assert order.index(strict["class"]) < order.index(mild.set_index("feature").loc[LOOSE, "class"])


def test_a_filter_keeps_what_is_stable() -> None:
    table = measurements()
    cases = sorted(set(table["case"]))
    assert stable_columns(table, cases, 0.75, CHOSEN) == [FIRM]
    assert stable_columns(table, cases, 1.0, CHOSEN) == []
    assert stable_columns(table, cases, -2.0, CHOSEN) == [FIRM, LOOSE]


def test_a_filter_does_not_see_the_test_part() -> None:
    """What is unstable in test cases only must not be found out (guardrail: fitted in the fold)."""
    table = measurements()
    train = [f"c{i:02d}" for i in range(10)]
    spoilt = table.copy()
    test = ~spoilt["case"].isin(train)
    spoilt.loc[test, FIRM] = np.random.default_rng(5).normal(0, 100, int(test.sum()))
    assert stable_columns(spoilt, train, 0.75, CHOSEN) == [FIRM]
    assert stable_columns(spoilt, sorted(set(table["case"])), 0.75, CHOSEN) == []


def test_every_source_has_to_be_reached() -> None:
    table = measurements()
    retest = table[table["repeat"] < 2].assign(source=RETEST)
    retest[FIRM] = np.random.default_rng(2).normal(size=len(retest))
    both = pd.concat([table, retest])
    assert stable_columns(table, table["case"], 0.75, CHOSEN) == [FIRM]
    assert stable_columns(both, table["case"], 0.75, CHOSEN) == []


def test_cases_with_missing_repeats_do_not_count() -> None:
    table = measurements()
    table.loc[(table["case"] == "c03") & (table["repeat"] == 2), FIRM] = np.nan
    dropped = table[~((table["case"] == "c05") & (table["repeat"] == 1))]
    found = stability_table(dropped, CHOSEN).set_index("feature")["n"]
    assert found[FIRM] == 18
    assert found[LOOSE] == 19


def test_what_cannot_be_judged_is_missing_and_not_stable() -> None:
    table = measurements()
    table[LOOSE] = np.nan
    table["T1w__original__glcm__Idm"] = 1.0
    found = stability_table(table, CHOSEN).set_index("feature")
    assert found.loc[[LOOSE, "T1w__original__glcm__Idm"], "icc"].isna().all()
    assert (found.loc[[LOOSE, "T1w__original__glcm__Idm"], "class"] == "").all()
    assert stable_columns(table, table["case"], -2.0, CHOSEN) == [FIRM]


def test_a_training_part_without_repeats_is_refused() -> None:
    with pytest.raises(RadpipeError, match="no feature of the training part was measured twice"):
        stable_columns(measurements(), ["c01"], 0.75, CHOSEN)
    with pytest.raises(RadpipeError, match="found 0 subjects"):
        stable_columns(measurements(), [], 0.75, CHOSEN)


def test_visits_of_patients_become_repeats() -> None:
    cases = pd.DataFrame(
        {
            "case": ["a1", "a2", "b1", "b2", "c"],
            "patient": ["a", "a", "b", "b", "c"],
            "visit": ["first", "second", "first", "second", np.nan],
        }
    )
    features = pd.DataFrame({"case": cases["case"], FIRM: [1.0, 1.1, 5.0, 5.1, 9.0]})
    table = retest_table(features, cases, "visit")
    assert table["subject"].tolist() == ["a", "a", "b", "b"]
    assert table["repeat"].tolist() == [1, 2, 1, 2]
    found = stability_table(table, Stability(retest="visit")).iloc[0]
    assert (found["source"], found["n"], found["k"]) == (RETEST, 2, 2)
    with pytest.raises(RadpipeError, match="names 'scan', which is no column of the case sheet"):
        retest_table(features, cases, "scan")
    with pytest.raises(RadpipeError, match="case 'a2': patient 'a' has visit first twice"):
        retest_table(features, cases.assign(visit="first"), "visit")


def scene(seed: int) -> tuple[dict[str, sitk.Image], sitk.Image]:
    rng = np.random.default_rng(seed)
    steps = rng.normal(size=(3, 18, 20, 22))
    array = sum(steps[axis].cumsum(axis=axis) for axis in range(3)).astype(np.float32)
    mask = np.zeros(array.shape, dtype=np.uint8)
    mask[5:11, 6:13, 7:15] = 1
    return {"T1w": sitk.GetImageFromArray(array)}, sitk.GetImageFromArray(mask)


EVERYTHING = ["rotation", "translation", "noise", "volume", "contour"]
SETTINGS = FeatureSettings(
    Handcrafted(image_types=["original"]),
    Controls(shuffled_voxels=False, displaced_mask=False),
    seed=1,
)
CHAIN = Stability(perturbations=EVERYTHING, repeats=2)


def test_a_case_is_measured_once_a_version(tmp_path: Path) -> None:
    images, mask = scene(0)
    own = case_table("a", images, mask, SETTINGS)
    table = perturbed_table(own, images, mask, SETTINGS, CHAIN)
    assert list(table.columns) == [*MEASUREMENT_KEYS, *own.columns[3:]]
    assert table["repeat"].tolist() == [0, 1, 2]
    assert table["source"].tolist() == [UNCHANGED] + ["+".join(EVERYTHING)] * 2
    assert (table["status"] == "ok").all()
    assert table.loc[0, FIRM] == own.loc[0, FIRM]
    assert table[FIRM].nunique() == 3
    again = perturbed_table(own, images, mask, SETTINGS, CHAIN)
    pd.testing.assert_frame_equal(table, again)


def test_a_case_without_a_region_is_measured_but_once() -> None:
    images, mask = scene(0)
    own = case_table("a", images, mask * 0, SETTINGS)
    table = perturbed_table(own, images, mask * 0, SETTINGS, CHAIN)
    assert table["source"].tolist() == [UNCHANGED]
    assert table["status"].tolist() == ["no region: the mask is empty"]


def test_cropping_does_not_change_what_is_measured() -> None:
    """The same region in a scan so large that it is cropped, and with nothing around it cut."""
    images, mask = scene(0)
    config = Handcrafted(image_types=["original", "log"], log_sigma_mm=[0.5])
    small = FeatureSettings(config, SETTINGS.controls, seed=1)
    chosen = Stability(perturbations=["volume"], repeats=1, contour_mm=0.1)
    large = sitk.MirrorPad(images["T1w"], (60, 60, 60), (60, 60, 60))
    wide = sitk.ConstantPad(mask, (60, 60, 60), (60, 60, 60), 0)
    tables = [
        perturbed_table(case_table("a", {"T1w": i}, m, small), {"T1w": i}, m, small, chosen)
        for i, m in ((large, wide), (large[30:112, 30:110, 30:108], wide[30:112, 30:110, 30:108]))
    ]
    features = [t.drop(columns=MEASUREMENT_KEYS).loc[1].astype(float) for t in tables]
    assert features[0].to_numpy() == pytest.approx(features[1].to_numpy(), rel=1e-5, abs=1e-8)


def test_collecting_measurements(tmp_path: Path) -> None:
    table = measurements(cases=6)
    paths = []
    for case, part in table.groupby("case"):
        paths.append(tmp_path / f"{case}.parquet")
        write_table(part, paths[-1])
    retest = table[table["repeat"] < 2].assign(source=RETEST).drop(columns=LOOSE)
    target = tmp_path / "measurements.parquet"
    collect_measurements(paths, retest, target)
    found = read_table(target)
    assert len(found) == len(table) + len(retest)
    assert found.loc[found["source"] == RETEST, LOOSE].isna().all()
    judged = stability_of_file(target, CHOSEN)
    pd.testing.assert_frame_equal(
        judged,
        stability_table(found, CHOSEN).sort_values("source", kind="stable", ignore_index=True),
    )
    collect_measurements([], retest, target)
    assert set(read_table(target)["source"]) == {RETEST}
    with pytest.raises(RadpipeError, match="no measurements to collect; found 0 files"):
        collect_measurements([], None, target)


@pytest.mark.parametrize("form", ICC_FORMS)
def test_prostates_of_fifteen_patients_on_two_visits(test_data: Path, form: str) -> None:
    """The published features against the definition by sums over a table, written out anew."""
    folder = test_data / "qin_prostate_repeatability"
    rows = pd.read_csv(next(iter(sorted(folder.glob("*noNormalization*.csv")))), sep=";")
    rows = rows[rows["segmentedStructure"] == "WholeGland"].sort_values("study")
    parts = rows["study"].str.split("_", expand=True)
    cases = pd.DataFrame({"case": rows["study"], "patient": parts[0]})
    cases["visit"] = cases.groupby("patient").cumcount() + 1
    names = [c for c in rows if c.split("_")[0] in ("original", "log-sigma-3-0-mm-3D")]
    features = rows[names].assign(case=rows["study"]).rename(columns=lambda c: c.replace("_", "__"))
    table = retest_table(features, cases, "visit")
    chosen = Stability(retest="visit", form=form)
    found = stability_table(table, chosen).set_index("feature")
    assert (found["n"] == 15).all()
    assert len(found) > 90
    for name in names:
        values = rows[name].to_numpy(dtype=float).reshape(15, 2)
        expected = definition(values, form)
        own = found.loc[name.replace("_", "__"), "icc"]
        assert own == pytest.approx(expected, abs=1e-9, nan_ok=True), name


def definition(x: np.ndarray, form: str) -> float:
    """Shrout and Fleiss, by statsmodels' analysis of variance instead of our sums."""
    import statsmodels.formula.api as smf
    from statsmodels.stats.anova import anova_lm

    n, k = x.shape
    scale = np.abs(x).max() or 1.0
    long = pd.DataFrame(
        {"y": (x / scale).ravel(), "s": np.repeat(np.arange(n), k), "m": np.tile(np.arange(k), n)}
    )
    two = anova_lm(smf.ols("y ~ C(s) + C(m)", long).fit())
    between, across, error = (two["sum_sq"] / two["df"]).to_numpy()
    within = (two["sum_sq"].iloc[1:].sum()) / (two["df"].iloc[1:].sum())
    if between == 0 and within == 0:
        return float("nan")
    offset = (across - error) / n
    return {
        "icc1": (between - within) / (between + (k - 1) * within),
        "icc2": (between - error) / (between + (k - 1) * error + k * offset),
        "icc3": (between - error) / (between + (k - 1) * error),
        "icc1k": (between - within) / between,
        "icc2k": (between - error) / (between + offset),
        "icc3k": (between - error) / between,
    }[form]

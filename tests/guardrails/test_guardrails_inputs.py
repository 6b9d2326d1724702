"""G16, G17, G19: what a model may be given, what it is held against, and that once is once."""

import inspect
import re
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
from modelling_noise import SETTINGS, as_cohort, chain_auc, chance_band, model, noise

from radpipe.config import Evaluation, Model, Outcome, Study, load_study
from radpipe.errors import CaseError, ConfigError
from radpipe.evaluation.tables import comparison_table
from radpipe.evaluation.thresholds import choose_threshold
from radpipe.features.dictionary import VOLUME_COLUMN
from radpipe.io.cases import read_case_sheet
from radpipe.io.checks import check_cases
from radpipe.modelling import bundles, cnn, fitting, predictions, scoring, tripwires
from radpipe.modelling.applying_looks import record_look
from radpipe.modelling.blocks import Blocks
from radpipe.modelling.crossfit import cross_predict
from radpipe.modelling.fitting import FittedModel, fit_tabular
from radpipe.modelling.splits import fold_table

ROOT = Path(__file__).resolve().parents[2]
KNOWS_THE_OUTCOME = {"y", "targets", "outcome", "labels", "patients"}

# G16: external cases are scored once by a frozen model, which reads no outcome


def _takes_an_outcome(function) -> bool:
    return bool(KNOWS_THE_OUTCOME & set(inspect.signature(function).parameters))


def test_g16_no_function_that_scores_takes_an_outcome() -> None:
    scoring_functions = (
        *(fitting.predict, fitting.predict_scores, cnn.predict_cnn_scores),
        *(predictions.score_cases, predictions.score_table),
        *(scoring.score_fold, scoring.score_folds),
    )
    assert not [f for f in scoring_functions if _takes_an_outcome(f)]


def test_g16_twin_a_function_that_fits_does() -> None:
    assert _takes_an_outcome(fitting.fit_tabular)


def _scripts_that_read_outcomes(*rules: str) -> list[str]:
    """The adapters that read an outcome: by its name, or by the table that holds it."""
    folder = ROOT / "workflow" / "scripts"
    named = re.compile(r"outcome|targets|input\.cases|y_true")
    return [
        rule
        for rule in rules
        if named.search(re.sub(r'"""[\s\S]*?"""|#.*', "", (folder / f"{rule}.py").read_text()))
    ]


def test_g16_the_rules_that_score_read_no_outcome() -> None:
    assert _scripts_that_read_outcomes("apply_bundle", "predict_cases") == []


def test_g16_twin_the_rule_that_collects_predictions_does() -> None:
    assert _scripts_that_read_outcomes("collect_predictions") == ["collect_predictions"]


def _fitted() -> tuple[FittedModel, pd.DataFrame]:
    blocks, targets = noise(40, 10, 0)
    y, patients = targets["y"].to_numpy(), targets["patient"].to_numpy()
    return fit_tabular(blocks, y, patients, model("logistic"), SETTINGS), blocks.table + 5


def _bundled(fitted: FittedModel, folder: Path) -> str:
    bundles.write_model(fitted, folder)
    return bundles.write_bundle(folder, folder.with_suffix(".zip"), {})


def test_g16_scoring_leaves_the_bundle_as_it_was(tmp_path: Path) -> None:
    fitted, shifted = _fitted()
    before = _bundled(fitted, tmp_path / "m")
    bundle = bundles.read_bundle(tmp_path / "m.zip")
    first = predictions.score_cases(bundle.fitted, shifted, "final")
    assert _bundled(bundle.fitted, tmp_path / "again") == before == bundle.sha256
    pd.testing.assert_frame_equal(first, predictions.score_cases(bundle.fitted, shifted, "final"))
    assert (first["threshold"] == fitted.threshold).all()


def test_g16_twin_a_model_scaled_to_the_external_cohort_is_another_bundle(tmp_path: Path) -> None:
    fitted, shifted = _fitted()
    before = _bundled(fitted, tmp_path / "m")
    scaler = fitted.pipeline.named_steps["blocks"].scaler_
    scaler.fit(shifted)
    assert _bundled(fitted, tmp_path / "again") != before


def _balanced_accuracy(seed: int, *, frozen: bool) -> float:
    """Of noise in 40 external patients, at a threshold from elsewhere or from themselves."""
    random = np.random.default_rng(seed)
    p, y = random.random(40), random.permutation(np.arange(40) % 2)
    threshold = 0.5 if frozen else choose_threshold(y, p, "youden", 0.9)
    called = p >= threshold
    return float((called[y == 1].mean() + (~called[y == 0]).mean()) / 2)


def test_g16_a_frozen_threshold_finds_nothing_in_external_noise() -> None:
    found = np.mean([_balanced_accuracy(seed, frozen=True) for seed in range(100)])
    assert abs(found - 0.5) < 0.03


def test_g16_twin_a_threshold_from_external_labels_finds_something(record_property) -> None:
    found = np.mean([_balanced_accuracy(seed, frozen=False) for seed in range(100)])
    record_property("balanced accuracy", float(found))
    assert found > 0.55


def test_g16_looks_at_an_external_cohort_are_counted(tmp_path: Path) -> None:
    ledger, cases = tmp_path / "looks.tsv", ["e2", "e1"]
    assert record_look(ledger, "a" * 64, cases) == 1
    assert record_look(ledger, "a" * 64, cases[::-1]) == 1, "the same scores again"
    assert record_look(ledger, "b" * 64, cases) == 2


def test_g16_twin_the_best_of_many_looks_is_no_external_result(record_property) -> None:
    """What the count is for: of 20 bundles without any skill the best one looks good."""
    random = np.random.default_rng(0)
    y = np.arange(40) % 2
    best = np.mean([max(_auc(y, random.random(40)) for _ in range(20)) for _ in range(50)])
    record_property("mean AUC of the best of 20", float(best))
    assert best > 0.6


def _auc(y: np.ndarray, p: np.ndarray) -> float:
    gap = p[y == 1][:, None] - p[y == 0][None, :]
    return float((gap > 0).mean())


# G17: what gives the outcome away


def _clinical(n: int = 60) -> tuple[pd.DataFrame, np.ndarray]:
    random = np.random.default_rng(0)
    y = random.permutation(np.arange(n) % 2).astype(float)
    return pd.DataFrame({"age": random.normal(60, 9, n), "marker": random.normal(size=n)}), y


def _leaky_columns(y: np.ndarray) -> dict[str, object]:
    """Columns that nobody has before the outcome is known."""
    random = np.random.default_rng(1)
    return {
        "copy": y + 0.1 * random.normal(size=y.size),
        "status": np.where(y == 1, "dead", "alive"),
        # Filled in for one class only; the numbers themselves tell nothing.
        "months_to_recurrence": np.where(y == 1, random.exponential(9, y.size), np.nan),
    }


def _said_of(table: pd.DataFrame, y: np.ndarray, allowed: tuple[str, ...] = ()) -> list[str]:
    """The warnings about clinical columns, before any fit."""
    names = [f"c{i:03d}" for i in range(len(y))]
    own = {"case": names, "patient": names, "cohort": "development", "high_grade": y}
    cases = table.reset_index(drop=True).assign(**own)
    outcome, clinical = Outcome(column="high_grade"), list(table)
    found = tripwires.check_leaks(
        cases, cases[["case"]], outcome, clinical=clinical, allowed=allowed
    )
    return found["warning"].tolist()


COPIES = {
    "copy": "column 'copy' tells the outcome almost by itself",
    "status": r"column 'status \(alive\)' tells the outcome",
    "months_to_recurrence": r"column 'months_to_recurrence \(missing\)' tells the outcome",
}


@pytest.mark.parametrize("column", COPIES)
def test_g17_copies_and_post_outcome_columns_stop_the_run_unless_allowed(column: str) -> None:
    table, y = _clinical()
    leaky = table.assign(**{column: _leaky_columns(y)[column]})
    with pytest.raises(ConfigError, match=COPIES[column]) as stopped:
        _said_of(leaky, y)
    assert "features.allow" in str(stopped.value)
    assert _said_of(leaky, y, (column,)) == []
    assert _said_of(table, y) == [], "honest columns pass"


@pytest.mark.parametrize("kind", ["multiclass", "regression", "survival"])
def test_g17_a_copy_of_any_kind_of_outcome_stops_the_run(kind: str) -> None:
    random = np.random.default_rng(3)
    cases = pd.DataFrame({"case": [f"c{i}" for i in range(60)], "age": random.normal(size=60)})
    cases = cases.assign(patient=cases["case"], site="a", cohort="development")
    cases["months"] = random.exponential(20, 60)
    cases["grade"] = (
        random.permutation(np.arange(60) % 3) if kind == "multiclass" else cases["months"]
    )
    cases["dead"] = random.permutation(np.arange(60) % 2)
    outcome = {
        "multiclass": Outcome(column="grade", kind="multiclass"),
        "regression": Outcome(column="grade", kind="regression"),
        "survival": Outcome.model_validate({"kind": "survival", "time": "months", "event": "dead"}),
    }[kind]
    of = {
        "multiclass": cases["grade"] == 1,
        "regression": cases["grade"],
        "survival": cases["months"],
    }
    cases["late"] = of[kind] * 2.0 + 1
    features = pd.DataFrame({"case": cases["case"], "f": random.normal(size=60)})
    features[VOLUME_COLUMN] = random.uniform(9, 99, 60)
    assert tripwires.check_leaks(cases, features, outcome, clinical=["age"]).empty
    with pytest.raises(ConfigError, match="column 'late' tells the outcome"):
        tripwires.check_leaks(cases, features, outcome, clinical=["age", "late"])


@pytest.mark.parametrize("column", ["copy", "months_to_recurrence"])
def test_g17_twin_cross_validation_does_not_see_them(column: str, record_property) -> None:
    table, y = _clinical()
    blocks, targets = as_cohort(table.to_numpy(), y, np.arange(60))
    values = np.asarray(_leaky_columns(y)[column], dtype=float)
    own = Blocks(blocks.table.assign(late=values), blocks.block_of | {"late": "handcrafted"})
    chosen = model("logistic")
    chosen = chosen.model_copy(
        update={"imputation": chosen.imputation.model_copy(update={"indicator": True})}
    )
    found = chain_auc(own, targets, chosen)
    record_property("AUC", found)
    assert found > 0.95


def _sorted_sheet() -> tuple[pd.DataFrame, np.ndarray]:
    """Cases entered in time; later ones have the outcome more often, and a running number."""
    random = np.random.default_rng(5)
    y = (random.random(120) < np.linspace(0.02, 0.98, 120)).astype(float)
    return pd.DataFrame({"age": random.normal(size=120), "accession": 900 + np.arange(120.0)}), y


def test_g17_an_order_of_rows_that_tells_the_outcome_is_warned_of() -> None:
    table, y = _sorted_sheet()
    (warning,) = _said_of(table, y)
    assert warning.startswith("the order of the rows tells the outcome")
    assert warning.endswith("1 features do follow it, such as accession")
    (other,) = _said_of(table[["age"]], y)
    assert "follow it, such as" not in other
    drawn = np.random.default_rng(0).permutation(120)
    assert _said_of(table.iloc[drawn], y[drawn]) == []


def test_g17_twin_a_running_number_predicts_out_of_fold(record_property) -> None:
    table, y = _sorted_sheet()
    own, targets = as_cohort(table.to_numpy(), y, np.arange(120))
    found = chain_auc(own, targets, model("logistic"))
    record_property("AUC", found)
    assert found > 0.7


def _two_names() -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Every patient is in the table of features twice, under two names; outcomes are noise."""
    random = np.random.default_rng(2)
    features = pd.DataFrame(np.repeat(random.normal(size=(30, 80)), 2, axis=0)).add_prefix("f")
    features.insert(0, "case", [f"c{i:02d}" for i in range(60)])
    cases = pd.DataFrame({"case": features["case"], "patient": features["case"]})
    return features, cases, np.repeat(random.permutation(np.arange(30) % 2), 2).astype(float)


def test_g17_features_that_two_patients_share_are_warned_of() -> None:
    features, cases, _ = _two_names()
    (warning,) = tripwires.check_duplicate_rows(features, cases)
    assert warning.startswith("60 cases share all measured features")
    assert "such as c00 and c01" in warning
    one_patient = cases.assign(patient=np.repeat([f"p{i}" for i in range(30)], 2))
    assert tripwires.check_duplicate_rows(features, one_patient) == []
    assert tripwires.check_duplicate_rows(features.iloc[::2], cases.iloc[::2]) == []
    failed = features.assign(**dict.fromkeys(features.columns[1:], np.nan))
    assert tripwires.check_duplicate_rows(failed, cases) == []


def test_g17_twin_a_patient_under_two_names_is_recognised(record_property) -> None:
    features, _, y = _two_names()
    values = features.drop(columns="case").to_numpy()
    twice = chain_auc(*as_cohort(values, y, np.arange(60)), model("logistic"))
    once = chain_auc(*as_cohort(values, y, np.repeat(np.arange(30), 2)), model("logistic"))
    record_property("AUC under two names, under one", (twice, once))
    assert twice > once + 0.15


def _write_cohort(folder: Path, *, copied: bool) -> Study:
    """Eight patients on disk; the last image may be that of the first in another header."""
    rows = []
    for number in range(8):
        random = np.random.default_rng(0 if copied and number == 7 else number)
        image = sitk.GetImageFromArray(random.normal(100, 9, (6, 7, 8)).astype(np.float32))
        if number == 7:
            image.SetOrigin((5.0, 0.0, 0.0))
        mask = sitk.GetImageFromArray(
            np.pad(np.ones((3, 3, 3), np.uint8), [(1, 2), (1, 3), (1, 4)])
        )
        mask.CopyInformation(image)
        sitk.WriteImage(image, str(folder / f"c{number}.nii.gz"))
        sitk.WriteImage(mask, str(folder / f"m{number}.nii.gz"))
        names = {"image_T1w": f"c{number}.nii.gz", "mask": f"m{number}.nii.gz"}
        rows.append({"case": f"c{number}", **names, "grade": number % 2})
    pd.DataFrame(rows).to_csv(folder / "cases.tsv", sep="\t", index=False)
    return load_study(
        {
            "study": "s",
            "cases": str(folder / "cases.tsv"),
            "on_bad_case": "stop",
            "outcome": {"column": "grade"},
            "images": {"modalities": ["T1w"]},
            "features": {"handcrafted": {}},
            "splits": {"folds": 2, "inner_folds": 2},
            "models": [{"name": "m", "blocks": ["handcrafted"], "predictor": "logistic"}],
        }
    )


def test_g17_a_copy_of_an_image_across_patients_is_found_by_hash(tmp_path: Path) -> None:
    study = _write_cohort(tmp_path, copied=True)
    with pytest.raises(CaseError, match=r"'c7'.*copy of an image of another patient"):
        check_cases(read_case_sheet(study), study)


def test_g17_twin_images_that_differ_pass_and_the_files_of_the_copy_differ_too(
    tmp_path: Path,
) -> None:
    study = _write_cohort(tmp_path, copied=False)
    assert check_cases(read_case_sheet(study), study)[1] == []
    _write_cohort(tmp_path, copied=True)
    files = [(tmp_path / f"c{n}.nii.gz").read_bytes() for n in (0, 7)]
    assert files[0] != files[1], "a hash of the files would not have seen the copy"


# G19: baselines


def _study(**features: object) -> Study:
    return load_study(
        {
            "study": "s",
            "cases": "cases.tsv",
            "outcome": {"column": "grade"},
            "images": {"modalities": ["T1w"]},
            "features": {"handcrafted": {}, **features},
            "models": [{"name": "radiomics", "blocks": ["handcrafted"], "predictor": "logistic"}],
        }
    )


def test_g19_baselines_are_added_to_every_study() -> None:
    assert [m.blocks for m in _study().models] == [["volume"], ["handcrafted"]]
    named = [m.blocks for m in _study(clinical=["age", "site"]).models]
    assert named == [["volume"], ["clinical"], ["handcrafted"]]
    several = [m.blocks for m in _study(clinical=["age"]).with_sites(["A", "B"]).models]
    assert several == [["volume"], ["clinical"], ["site"], ["handcrafted"]]


@cache
def _only_volume_tells(seed: int) -> pd.DataFrame:
    """Out-of-fold predictions of radiomics and of volume; only volume carries signal."""
    random = np.random.default_rng(seed)
    y = random.permutation(np.arange(80) % 2).astype(float)
    volume = 1.5 * y + random.normal(size=80)
    # Texture grows with the region, as most of it does.
    texture = volume[:, None] * random.uniform(0.3, 1, 15) + random.normal(size=(80, 15))
    rows = []
    for name, values in (("volume", volume[:, None]), ("radiomics", np.c_[volume, texture])):
        blocks, targets = as_cohort(values, y, np.arange(80))
        folds = fold_table(targets, SETTINGS.splits, 1)
        scores = cross_predict(blocks, targets, folds, model("logistic"), SETTINGS)
        known = targets.loc[scores["case"]]
        scores = scores.assign(model=name, patient=scores["case"], cohort="development")
        rows.append(scores.assign(y_true=known["y"].to_numpy()))
    return pd.concat(rows, ignore_index=True)


def test_g19_where_only_volume_tells_radiomics_shows_no_gain(record_property) -> None:
    gains = []
    for seed in range(4):
        rows = _only_volume_tells(seed)
        (found,) = comparison_table(rows, Evaluation(), primary="radiomics").to_dict("records")
        assert (found["model_a"], found["model_b"]) == ("radiomics", "volume")
        assert found["ci_low"] <= 0.02, "no gain that its interval would vouch for"
        gains.append(found["difference"])
    record_property("mean gain over volume", float(np.mean(gains)))
    assert np.mean(gains) <= 0.03


def test_g19_twin_without_the_baseline_the_same_model_looks_like_a_finding(record_property) -> None:
    areas = []
    for seed in range(4):
        rows = _only_volume_tells(seed)
        own = rows[rows["model"] == "radiomics"]
        areas.append(_auc(own["y_true"].to_numpy(), own["y_prob"].to_numpy()))
    record_property("mean AUC against chance", float(np.mean(areas)))
    assert np.mean(areas) > 0.5 + chance_band(4) + 0.1


@cache
def _only_site_tells(seed: int) -> pd.DataFrame:
    """Out-of-fold predictions of radiomics and of site: scanners differ, and so do their patients.

    Three of four patients of hospital A have the outcome and one of four of hospital B: site alone
    has an AUC of 0.75, of which pooling the folds takes some 0.05 (a fold with more events in A has
    fewer left to learn them from). Texture knows the scanner, and nothing of the outcome besides.
    """
    random = np.random.default_rng(seed)
    site = random.permutation(np.repeat([0, 1], 60))
    y = np.where(site == 0, np.cumsum(site == 0) > 15, np.cumsum(site == 1) > 45).astype(float)
    texture = 1.2 * site[:, None] * random.uniform(0.5, 1, 15) + random.normal(size=(120, 15))
    blocks, targets = as_cohort(texture, y, np.arange(120))
    names = pd.DataFrame({"site": np.where(site == 0, "A", "B")}, index=blocks.table.index)
    shown = {"radiomics": blocks, "site": Blocks(names, {"site": "site"})}
    folds = fold_table(targets, SETTINGS.splits, 1)
    rows = []
    for name, own in shown.items():
        fitted = Model(name=name, blocks=list(set(own.block_of.values())), predictor="logistic")
        scores = cross_predict(own, targets, folds, fitted, SETTINGS)
        known = targets.loc[scores["case"]]
        scores = scores.assign(model=name, patient=scores["case"], cohort="development")
        scores["site"] = names.loc[scores["case"], "site"].to_numpy()
        rows.append(scores.assign(y_true=known["y"].to_numpy()))
    return pd.concat(rows, ignore_index=True)


def test_g19_where_only_site_tells_radiomics_shows_no_gain(record_property) -> None:
    gains = []
    for seed in range(4):
        rows = _only_site_tells(seed).drop(columns="site")
        (found,) = comparison_table(rows, Evaluation(), primary="radiomics").to_dict("records")
        assert (found["model_a"], found["model_b"]) == ("radiomics", "site")
        assert found["ci_low"] <= 0.02, "no gain that its interval would vouch for"
        gains.append(found["difference"])
    record_property("mean gain over site", float(np.mean(gains)))
    assert np.mean(gains) <= 0.03


def test_g19_twin_without_the_site_baseline_the_scanner_looks_like_a_finding(
    record_property,
) -> None:
    pooled, within = [], []
    for seed in range(4):
        rows = _only_site_tells(seed)
        own = rows[rows["model"] == "radiomics"]
        pooled.append(_auc(own["y_true"].to_numpy(), own["y_prob"].to_numpy()))
        within += [
            _auc(part["y_true"].to_numpy(), part["y_prob"].to_numpy())
            for _, part in own.groupby("site")
        ]
    record_property("mean AUC against chance", float(np.mean(pooled)))
    assert np.mean(pooled) > 0.5 + chance_band(4) + 0.05
    assert abs(np.mean(within) - 0.5) < chance_band(8)

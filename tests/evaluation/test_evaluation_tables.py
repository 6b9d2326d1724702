"""The tables of a study: every row there, every number that of its plain function."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit

from radpipe.config import Evaluation
from radpipe.errors import RadpipeError
from radpipe.evaluation.calibration import brier, calibration_slope, intercept_joint
from radpipe.evaluation.checks import repeat_of
from radpipe.evaluation.comparison import delong_test
from radpipe.evaluation.discrimination import auc, clustered_auc_interval, delong_interval
from radpipe.evaluation.performance import COLUMNS, operating_points, performance_table
from radpipe.evaluation.tables import (
    ROC_COLUMNS,
    calibration_table,
    comparison_table,
    decision_table,
    roc_table,
)
from radpipe.evaluation.tables_curves import CALIBRATION_COLUMNS, DECISION_COLUMNS
from radpipe.evaluation.tables_shared import COMPARISON_COLUMNS
from radpipe.evaluation.thresholds import operating_point

SETTINGS = Evaluation(bootstrap=200)
STRENGTH = {"volume": 0.1, "clinical": 0.4, "radiomics": 0.8}


def study(
    *, n=40, external=24, repeats=1, folds=5, cases_per_patient=1, seed=1, models=STRENGTH
) -> pd.DataFrame:
    """Predictions of models of known strength, as `predictions.tsv` holds them."""
    rng = np.random.default_rng(seed)
    tables = []
    for cohort, size in (("development", n), ("hospital_b", external)):
        y = np.tile([0, 1], size)[:size]
        case = np.array([f"{cohort[0]}{i:03d}" for i in range(size)])
        patient = np.array([f"p{cohort[0]}{i // cases_per_patient:03d}" for i in range(size)])
        for model, strength in models.items():
            for repeat in range(1, (repeats if cohort == "development" else 1) + 1):
                score = strength * (y - 0.5) * 2 + rng.normal(size=size)
                fold = [f"r{repeat}f{i // 2 % folds + 1}" for i in range(size)]
                tables.append(
                    pd.DataFrame(
                        {
                            "model": model,
                            "case": case,
                            "patient": patient,
                            "cohort": cohort,
                            "fold": fold if cohort == "development" else "final",
                            "y_true": y,
                            "y_prob": 1 / (1 + np.exp(-score)),
                            "threshold": 0.45,
                        }
                    )
                )
    return pd.concat(tables, ignore_index=True)


def pick(table, model, cohort, metric):
    return table[
        (table["model"] == model) & (table["cohort"] == cohort) & (table["metric"] == metric)
    ].iloc[0]


def rows_of(predictions, model, cohort):
    return predictions[(predictions["model"] == model) & (predictions["cohort"] == cohort)]


def test_numbers_are_those_of_the_plain_functions():
    predictions = study()
    table = performance_table(predictions, SETTINGS, 7)
    assert table.columns.tolist() == COLUMNS
    rows = rows_of(predictions, "clinical", "hospital_b")
    y, p = rows["y_true"], rows["y_prob"]
    point = operating_point(y, p, 0.45).metrics
    plain = {"brier": brier(y, p), "calibration_slope": calibration_slope(y, p), **point}
    for metric, value in plain.items():
        found = pick(table, "clinical", "hospital_b", metric)
        assert found["estimate"] == pytest.approx(value)
        assert found["ci_low"] <= found["estimate"] <= found["ci_high"], metric
    interval, found = delong_interval(y, p), pick(table, "clinical", "hospital_b", "auc")
    assert found[["estimate", "ci_low", "ci_high", "method"]].tolist() == [
        interval.estimate,
        interval.low,
        interval.high,
        "delong",
    ]


def test_methods_say_what_intervals_are_conditional_on():
    table = performance_table(study(), SETTINGS, 7)
    plain = table.assign(method=table["method"].str.replace(r" \(defined.*", "", regex=True))
    methods = {cohort: set(rows["method"]) for cohort, rows in plain.groupby("cohort")}
    assert methods["hospital_b"] == {"delong", "wilson", "patient_bootstrap"}
    assert pick(table, "volume", "development", "auc")["method"] == (
        "repeated_cv_influence (one repeat: upper bound)"
    )
    assert "wilson_pooled_oof_conditional" in methods["development"]


def test_a_perfect_auc_is_not_certain():
    predictions = study(external=12)
    outside = predictions["cohort"] == "hospital_b"
    predictions.loc[outside, "y_prob"] = 0.2 + 0.5 * predictions.loc[outside, "y_true"]
    found = pick(performance_table(predictions, SETTINGS, 7), "volume", "hospital_b", "auc")
    # Six patients in each class, none misplaced: 0.025 = low ** 6.
    assert [found["estimate"], found["ci_high"]] == [1, 1]
    assert found["ci_low"] == pytest.approx(0.025 ** (1 / 6))
    assert found["method"] == "clopper_pearson of the smaller class, classes separated"


def test_every_metric_has_a_row():
    table = performance_table(study(), SETTINGS, 7)
    both = "auc average_precision brier scaled_brier log_loss calibration_slope "
    both += "calibration_intercept ici sensitivity specificity ppv npv accuracy "
    both += "balanced_accuracy f1 mcc"
    for model in STRENGTH:
        external = table[(table["model"] == model) & (table["cohort"] == "hospital_b")]
        inside = table[(table["model"] == model) & (table["cohort"] == "development")]
        assert sorted(external["metric"]) == sorted(both.split())
        assert set(inside["metric"]) - set(external["metric"]) == {"auc_fold_mean", "auc_fold_sd"}


def test_patients_with_two_cases_get_clustered_intervals():
    predictions = study(cases_per_patient=2)
    table = performance_table(predictions, SETTINGS, 7)
    rows = rows_of(predictions, "radiomics", "hospital_b")
    interval = clustered_auc_interval(rows["y_true"], rows["y_prob"], rows["patient"])
    found = pick(table, "radiomics", "hospital_b", "auc")
    assert [found["ci_low"], found["ci_high"]] == pytest.approx([interval.low, interval.high])
    assert found["method"] == "obuchowski"
    assert pick(table, "radiomics", "hospital_b", "sensitivity")["method"] == "patient_bootstrap"


def test_repeats_are_averaged():
    predictions = study(repeats=3)
    table = performance_table(predictions, SETTINGS, 7)
    rows = rows_of(predictions, "clinical", "development")
    by_repeat = rows.groupby(rows["fold"].map(repeat_of))
    areas = [auc(part["y_true"], part["y_prob"]) for _, part in by_repeat]
    found = pick(table, "clinical", "development", "auc")
    assert found["estimate"] == pytest.approx(np.mean(areas))
    assert found["method"] == "repeated_cv_influence"
    assert found["n"] == 40
    spread = pick(table, "clinical", "development", "auc_repeat_sd")
    assert spread["estimate"] == pytest.approx(np.std(areas, ddof=1))


def test_same_seed_same_table_whatever_the_order_of_rows():
    predictions = study(cases_per_patient=2)
    first = performance_table(predictions, SETTINGS, 7)
    assert first.equals(performance_table(predictions, SETTINGS, 7))
    mixed = predictions.sample(frac=1, random_state=0).sort_values("model", kind="stable")
    keys = ["model", "cohort", "metric"]
    again = performance_table(mixed, SETTINGS, 7).sort_values(keys, ignore_index=True)
    pd.testing.assert_frame_equal(first.sort_values(keys, ignore_index=True), again)
    assert not first.equals(performance_table(predictions, SETTINGS, 8))


def test_one_class_gives_rows_without_numbers():
    predictions = study()
    predictions.loc[predictions["cohort"] == "hospital_b", "y_true"] = 1
    table = performance_table(predictions, SETTINGS, 7)
    for metric in ("auc", "calibration_slope", "scaled_brier", "specificity", "mcc"):
        found = pick(table, "clinical", "hospital_b", metric)
        assert np.isnan(found["estimate"])
        assert found["method"] == "undefined: one class"
    assert np.isfinite(pick(table, "clinical", "hospital_b", "brier")["estimate"])
    assert "hospital_b" not in set(roc_table(predictions)["cohort"])
    assert "hospital_b" not in set(calibration_table(predictions, SETTINGS, 7)["cohort"])
    compared = comparison_table(predictions, SETTINGS).query("cohort == 'hospital_b'")
    assert set(compared["method"]) == {"undefined: one class"}


def test_a_cohort_of_one_case_is_no_crash():
    predictions = study(external=1)
    table = performance_table(predictions, SETTINGS, 7)
    assert pick(table, "volume", "hospital_b", "auc")["method"] == "undefined: one class"
    assert pick(table, "volume", "hospital_b", "brier")["n"] == 1


def test_a_constant_model_keeps_its_rows():
    predictions = study()
    predictions.loc[predictions["model"] == "volume", "y_prob"] = 0.4
    table = performance_table(predictions, SETTINGS, 7)
    assert pick(table, "volume", "hospital_b", "auc")["estimate"] == 0.5
    assert "constant" in pick(table, "volume", "hospital_b", "calibration_slope")["method"]
    assert "called positive" in pick(table, "volume", "hospital_b", "ppv")["method"]
    curve = calibration_table(predictions, SETTINGS, 7).query("model == 'volume'")
    assert set(curve["kind"]) == {"bin"}


def test_a_cohort_without_outcomes_has_no_rows():
    predictions = study()
    predictions["y_true"] = predictions["y_true"].where(predictions["cohort"] == "development")
    assert set(performance_table(predictions, SETTINGS, 7)["cohort"]) == {"development"}
    nothing = predictions[predictions["cohort"] == "hospital_b"]
    for table, columns in (
        (performance_table(nothing, SETTINGS, 7), COLUMNS),
        (roc_table(nothing), ROC_COLUMNS),
        (calibration_table(nothing, SETTINGS, 7), CALIBRATION_COLUMNS),
        (decision_table(nothing, SETTINGS), DECISION_COLUMNS),
        (comparison_table(nothing, SETTINGS), COMPARISON_COLUMNS),
    ):
        assert table.empty
        assert table.columns.tolist() == columns


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("y_prob", np.nan, r"case 'd000': model 'volume', fold r1f1: y_prob is missing"),
        ("y_prob", 1.2, r"outside \[0, 1\]; found 1.2"),
        ("threshold", np.nan, "threshold is missing"),
        ("y_true", 2, "not binary; found 2.0"),
        ("y_true", np.nan, "a development case has no outcome"),
        ("case", "d001", "predicts the case twice in repeat r1"),
    ],
)
def test_faulty_predictions_are_refused(column, value, message):
    predictions = study()
    predictions[column] = predictions[column].astype(object if column == "case" else float)
    predictions.loc[0, column] = value
    with pytest.raises(RadpipeError, match=message):
        performance_table(predictions, SETTINGS, 7)


def test_other_faults_of_the_table_are_refused():
    with pytest.raises(RadpipeError, match=r"lack columns; found \['threshold'\]"):
        performance_table(study().drop(columns="threshold"), SETTINGS, 7)
    with pytest.raises(RadpipeError, match="hold different cases"):
        performance_table(study(repeats=2).drop(index=0), SETTINGS, 7)


def test_operating_points_count_every_case():
    table = operating_points(study(repeats=2))
    assert (table[["tp", "fp", "tn", "fn"]].sum(axis=1) == table["n"]).all()
    development = table[(table["model"] == "volume") & (table["cohort"] == "development")]
    assert development["repeat"].tolist() == ["r1", "r2"]
    assert set(table.loc[table["cohort"] == "hospital_b", "repeat"]) == {"final"}


def test_roc_runs_from_corner_to_corner():
    table = roc_table(study())
    assert table.columns.tolist() == ROC_COLUMNS
    for _, curve in table.groupby(["model", "cohort"]):
        assert curve.iloc[0, 2:5].tolist() == [np.inf, 0, 0]
        assert curve.iloc[-1, 2:5].tolist() == [-np.inf, 1, 1]
        assert curve["precision"].iloc[-1] == 0.5, "all are called: the prevalence"


@pytest.mark.parametrize(("n", "kind"), [(99, "logistic"), (100, "loess")])
def test_a_calibration_curve_is_smoothed_from_a_hundred_cases_on(n, kind):
    table = calibration_table(study(n=n, models={"volume": 0.5}), Evaluation(bootstrap=100), 7)
    assert set(table.query("cohort == 'development'")["kind"]) == {"bin", kind}
    assert set(table.query("cohort == 'hospital_b'")["kind"]) == {"bin", "logistic"}


def test_the_calibration_line_has_the_calibration_slope():
    predictions = study()
    line = calibration_table(predictions, SETTINGS, 7).query(
        "model == 'radiomics' and cohort == 'development' and kind == 'logistic'"
    )
    y, p = rows_of(predictions, "radiomics", "development")[["y_true", "y_prob"]].to_numpy().T
    expected = intercept_joint(y, p) + calibration_slope(y, p) * logit(line["predicted"])
    assert logit(line["observed"]).tolist() == pytest.approx(expected.tolist())
    assert line["predicted"].iloc[[0, -1]].tolist() == [p.min(), p.max()]


def test_separated_classes_have_no_calibration_line():
    predictions = study(models={"volume": 0.1})
    predictions["y_prob"] = 0.2 + 0.5 * predictions["y_true"] + 0.001 * np.arange(len(predictions))
    assert set(calibration_table(predictions, SETTINGS, 7)["kind"]) == {"bin"}


def test_calibration_has_groups_and_a_curve():
    table = calibration_table(study(repeats=2), SETTINGS, 7)
    assert table.columns.tolist() == CALIBRATION_COLUMNS
    assert (table["ci_low"] <= table["ci_high"]).all()
    assert table["observed"].between(0, 1).all()
    assert table.query("kind == 'bin' and cohort == 'development'")["n"].min() >= 5


def test_decision_curve_has_its_references():
    table = decision_table(study(), SETTINGS)
    assert table.columns.tolist() == DECISION_COLUMNS
    assert set(table["model"]) == {*STRENGTH, "treat_all", "treat_none"}
    assert (table.loc[table["model"] == "treat_none", "net_benefit"] == 0).all()
    assert table["threshold"].min() == 0.05
    assert table["threshold"].max() == 0.75
    assert len(table.query("model == 'treat_all' and cohort == 'development'")) == 71


def test_comparisons_are_paired_and_adjusted():
    predictions = study()
    table = comparison_table(predictions, SETTINGS)
    assert table.columns.tolist() == COMPARISON_COLUMNS
    inside = table[table["cohort"] == "development"]
    assert list(zip(inside["model_a"], inside["model_b"], inside["primary"], strict=True)) == [
        ("radiomics", "clinical", True),
        ("radiomics", "volume", True),
        ("clinical", "volume", False),
    ]
    a, b = (rows_of(predictions, m, "development") for m in ("radiomics", "volume"))
    plain = delong_test(a["y_true"], a["y_prob"], b["y_prob"])
    assert inside.iloc[1][["difference", "z", "p"]].tolist() == pytest.approx(
        [plain.difference, plain.z, plain.p]
    )
    assert (inside["p_holm"] >= inside["p"]).all()
    assert inside["p_holm"].min() == pytest.approx(min(1, 3 * inside["p"].min()))


def test_the_named_model_is_primary():
    table = comparison_table(study(), SETTINGS, primary="volume")
    assert set(table.loc[table["primary"], "model_a"]) == {"volume"}
    assert table["primary"].sum() == 4


def test_models_are_compared_on_the_cases_both_predicted():
    predictions = study()
    lost = (predictions["model"] == "volume") & (predictions["case"] == "h000")
    table = comparison_table(predictions[~lost], SETTINGS).query("cohort == 'hospital_b'")
    assert table.set_index("model_b").loc["volume", "n"].tolist() == [23, 23]
    assert table.set_index("model_b").loc["clinical", "n"] == 24


def test_a_single_model_has_nothing_to_compare():
    assert comparison_table(study(models={"volume": 1.0}), SETTINGS).empty


def test_infinite_thresholds_survive_the_file(tmp_path):
    from radpipe.io.tables import read_table, write_table

    table = roc_table(study())
    write_table(table, tmp_path / "roc.tsv")
    assert np.isinf(read_table(tmp_path / "roc.tsv")["threshold"].iloc[0])


def test_a_perfect_specificity_of_few_patients_is_not_certain() -> None:
    """Wilson's lower limit of 3 of 3 patients is 3 / (3 + 1.96²) = 0.438, also when they repeat."""
    table = pd.DataFrame(
        {
            "model": "m",
            "case": list("abcdefgh"),
            "patient": ["p1", "p1", "p2", "p3", "q1", "q2", "q3", "q3"],
            "cohort": "external",
            "fold": "final",
            "y_true": [0, 0, 0, 0, 1, 1, 1, 1],
            "y_prob": [0.1, 0.2, 0.3, 0.2, 0.4, 0.8, 0.9, 0.7],
            "threshold": 0.5,
        }
    )
    found = performance_table(table, Evaluation(bootstrap=100), seed=1).set_index("metric")
    row = found.loc["specificity"]
    assert row["estimate"] == 1
    assert row["ci_low"] == pytest.approx(3 / (3 + 1.959964**2), abs=1e-6)
    assert row["ci_high"] == pytest.approx(1)
    assert row["method"] == "wilson"

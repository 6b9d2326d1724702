"""Reports of all kinds of outcome: the right words, figures and warnings."""

from pathlib import Path
from typing import get_args

import kinds_study
import numpy as np
import pandas as pd
import pytest

from radpipe.config import Outcome
from radpipe.config.modelling import PredictorName, Ranking
from radpipe.config.outcome import OutcomeKind
from radpipe.evaluation.by_kind import PRIMARY_METRIC
from radpipe.io.tables import write_table
from radpipe.reporting.captions import CAPTIONS
from radpipe.reporting.content import Report, build_report
from radpipe.reporting.document import Figure, Table, plain, spans_of, texts_of
from radpipe.reporting.figures import read_index
from radpipe.reporting.figures.spread import selection_bars
from radpipe.reporting.html import html_of
from radpipe.reporting.inputs import ReportInputs
from radpipe.reporting.kinds import KINDS, make_up, meaning, smallest_count
from radpipe.reporting.metric_names import METRIC_NAMES, class_aucs, metric_name
from radpipe.reporting.pdf import render_pdf
from radpipe.reporting.predictor_names import PREDICTORS, RANKINGS
from radpipe.reporting.references import REFERENCES
from radpipe.reporting.sections.judgement import chance_callout
from radpipe.reporting.tidy import Finding

FIGURES = {
    "binary": {"roc", "precision_recall", "scores", "calibration", "decision"},
    "multiclass": {"roc_classes", "confusion", "calibration_other"},
    "regression": {"scatter", "bland_altman", "calibration_other"},
    "survival": {"kaplan_meier", "survival_scores", "calibration_other", "decision"},
}
ALWAYS = {"flow_chart", "forest", "multiverse", "repeats", "subgroups", "selection"}


def text_of(report: Report, key: str) -> str:
    section = next(s for s in report.sections if s.key == key)
    return " ".join(plain(text) for block in section.blocks for text in texts_of(block))


def kind_of(reported) -> str:
    return reported.study.outcome.kind


def test_each_kind_has_its_figures_and_all_are_shown(kind) -> None:
    entries = read_index(kind.inputs.figures)
    assert {e.kind for e in entries} == FIGURES[kind_of(kind)] | ALWAYS
    assert all(e.kind in CAPTIONS for e in entries)
    shown = [b.svg.stem for b in kind.report.blocks if isinstance(b, Figure)]
    assert sorted(shown) == sorted(kind.names), "a figure is drawn and not shown, or shown twice"


def test_the_horizon_is_said_with_its_unit_and_of_survival_alone(kind) -> None:
    methods = text_of(kind.report, "methods")
    assert ("The horizon of 24 (months) was named" in methods) == (kind_of(kind) == "survival")


def test_every_kind_has_words_for_its_primary_metric() -> None:
    assert set(KINDS) == set(PRIMARY_METRIC) == set(get_args(OutcomeKind))
    for name, words in KINDS.items():
        assert words.metric == PRIMARY_METRIC[name]
        assert words.metric in METRIC_NAMES


def test_the_summary_speaks_of_the_right_metric(kind) -> None:
    text = text_of(kind.report, "summary")
    words = KINDS[kind_of(kind)]
    performance = kind.inputs.load("performance").set_index(["model", "cohort", "metric"])
    estimate = performance.loc[("radiomics", "development", words.metric), "estimate"]
    assert f"reached an out-of-fold {words.label} of {estimate:.3f}" in text
    assert f"difference in {words.label} " in text
    assert "Volume alone (volume) reached" in text
    assert "Site alone (site) reached" in text
    if kind_of(kind) != "binary":
        assert "AUC of 0" not in text.replace(words.label, "")


def test_the_outcome_is_described(kind) -> None:
    text = text_of(kind.report, "summary")
    expected = {
        "binary": "predicts grade (positive: 1)",
        "multiclass": "predicts type (classes: glioma, meningioma, metastasis)",
        "regression": "predicts age (a number)",
        "survival": "predicts died (event: 1, time: months)",
    }
    assert expected[kind_of(kind)] in text


def test_small_samples_are_counted_by_what_limits_them(kind) -> None:
    text = text_of(kind.report, "summary")
    cases = kind.inputs.load("cases").query("cohort == 'external'")
    counted = {
        "binary": f"{int(cases['grade'].sum())} positive",
        "multiclass": f"{int((cases['type'] == 'glioma').sum())} glioma",
        "regression": f"age {cases['age'].min():.3g} to {cases['age'].max():.3g}",
        "survival": f"{int(cases['died'].sum())} events",
    }
    assert "Small sample." in text
    assert counted[kind_of(kind)] in text


def test_methods_and_comparisons_cite_what_was_used(kind) -> None:
    cited = set(kind.report.citations)
    expected = {
        "binary": {"delong1988", "vickers2006", "saito2015"},
        "multiclass": {"hand2001", "davison1997"},
        "regression": {"lin1989", "bland1986", "hoerl1970"},
        "survival": {"harrell1982", "uno2011", "graf1999", "kaplan1958", "vickers2008", "cox1972"},
    }
    assert expected[kind_of(kind)] | {"nogueira2018", "holm1979"} <= cited
    assert cited <= set(REFERENCES)
    if kind_of(kind) != "binary":
        assert "delong1988" not in cited


def test_tables_hold_the_metrics_of_the_kind(kind) -> None:
    columns = {c for b in kind.report.blocks if isinstance(b, Table) for c in b.columns}
    expected = {
        "binary": {"AUC", "sensitivity", "scaled Brier"},
        "multiclass": {"AUC (Hand–Till)", "AUC of metastasis", "macro F1"},
        "regression": {"R²", "RMSE", "concordance", "upper limit"},
        "survival": {"C", "C (Uno)", "Brier at the horizon", "integrated Brier"},
    }
    assert expected[kind_of(kind)] <= columns
    metrics = {m for m in kind.inputs.load("performance")["metric"] if not m.endswith("_sd")}
    named = set(METRIC_NAMES) | set(class_aucs(sorted(metrics)))
    assert metrics <= named


def test_every_table_of_the_study_is_in_the_dictionary(kind) -> None:
    files = next(b for b in kind.report.blocks if isinstance(b, Table) and b.columns[0] == "file")
    described = {row[0].rsplit("/", 1)[-1].split(".")[0]: row[2] for row in files.rows}
    for name in set(kind.inputs.tables) - {"predictions"}:
        table = kind.inputs.load(name)
        listed = {word.strip() for word in described[name].split(",")}
        assert set(table.columns) <= listed | {"tp", "fp"} or "metrics" in listed, name


def test_pages_are_made(kind, tmp_path: Path) -> None:
    page = html_of(kind.report)
    figures = [b for b in kind.report.blocks if isinstance(b, Figure)]
    assert page.count("<img ") == len(figures)
    tables = [b for b in kind.report.blocks if isinstance(b, Table)]
    assert "nan" not in {word for t in tables for row in t.rows for c in row for word in c.split()}
    if kind_of(kind) == "survival":
        render_pdf(kind.report, tmp_path / "report.pdf")
        assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def test_the_spread_over_seeds_is_that_of_the_repeats(kind) -> None:
    section = next(s for s in kind.report.sections if s.key == "repeats")
    table = next(b for b in section.blocks if isinstance(b, Table))
    values = kind.inputs.load("repeats").query("model == 'radiomics'")["estimate"]
    row = next(r for r in table.rows if r[0] == "radiomics")
    assert row[1:3] == (f"{values.mean():.3f}", f"{values.std():.3f}")
    assert "was run 3 times" in text_of(kind.report, "repeats")


def test_the_primary_model_is_shown_in_every_subgroup(kind) -> None:
    section = next(s for s in kind.report.sections if s.key == "subgroups")
    tables = [b for b in section.blocks if isinstance(b, Table)]
    assert [[row[0] for row in t.rows] for t in tables] == [
        ["site: A", "site: B", "sex: F", "sex: M"]
    ] * 2


def test_a_selection_that_changes_is_said_to_be_unstable(kind) -> None:
    section = next(s for s in kind.report.sections if s.key == "selection")
    table = next(b for b in section.blocks if isinstance(b, Table))
    (row,) = table.rows
    index = kind.inputs.load("selection_stability").query("measure == 'nogueira_stability'")
    assert row[0] == "radiomics"
    assert row[1].startswith(f"{index['estimate'].iloc[0]:.3f} (")
    assert row[2] == "12"


def test_a_study_of_one_repeat_has_no_such_sections(tmp_path: Path) -> None:
    study = kinds_study.make_study("regression", splits={"folds": 4}, evaluation={"bootstrap": 100})
    inputs = kinds_study.make_inputs(tmp_path, study, development=20, external=0)
    report = build_report(study, ReportInputs(tables=inputs.tables, cases=inputs.cases))
    keys = {s.key for s in report.sections}
    assert keys.isdisjoint({"repeats", "subgroups", "decision"})
    assert "the spread over partitions is not shown" in text_of(report, "models")


def test_a_table_of_features_is_no_image(tmp_path: Path) -> None:
    inputs = kinds_study.make_study("binary").model_copy(update={"images": _no_images()})
    report = build_report(inputs, ReportInputs())
    text = text_of(report, "summary") + text_of(report, "methods")
    assert "from a table of features" in text
    assert "SimpleITK" not in text
    assert "Images" not in dict(report.facts)


def _no_images():
    images = kinds_study.make_study("binary").images
    return images.model_copy(update={"modalities": [], "reference": ""})


# words


@pytest.mark.parametrize(
    ("low", "high", "kind", "expected"),
    [
        (0.4, 0.6, "survival", "cannot tell this model from chance"),
        (-0.2, 0.3, "regression", "from predicting the mean for everybody"),
        (-0.9, -0.1, "regression", "the interval lies below 0. The model predicts worse than the"),
        (0.6, 0.9, "multiclass", "It spans 0.30 of AUC (Hand–Till)"),
        (0.7, 0.8, "binary", None),
        (0.6, 0.6, "survival", "has no width"),
    ],
)
def test_intervals_are_judged_by_the_kind(
    low: float, high: float, kind: OutcomeKind, expected: str | None
) -> None:
    callout = chance_callout(Finding((low + high) / 2, low, high), "external", KINDS[kind])
    assert (callout is None) == (expected is None)
    if callout is not None:
        assert expected in plain(callout.text)


def test_cohorts_are_made_up_of_what_the_kind_counts() -> None:
    cases = pd.DataFrame({"y": ["1", "0", "1.0", ""], "t": [3.0, 4.0, 5.0, np.nan]})
    binary, survival = Outcome(column="y"), Outcome(kind="survival", time="t", event="y")
    assert make_up(cases, binary) == ["2 positive", "1 negative"]
    assert make_up(cases, survival) == ["2 events", "1 censored"]
    assert make_up(cases, Outcome(column="y", kind="multiclass")) == ["1 0", "2 1"]
    listed = Outcome(column="y", kind="multiclass", classes=[2, 1, 0])
    assert make_up(cases, listed) == ["2 1", "1 0"]
    assert make_up(cases, Outcome(column="t", kind="regression")) == ["t 3 to 5"]
    assert [smallest_count(cases, o) for o in (binary, survival)] == [1, 2]
    assert meaning(Outcome(column="y", kind="multiclass")) == "classes"


def test_metrics_have_names() -> None:
    assert metric_name("auc_glioma") == "AUC of glioma"
    assert metric_name("some_thing") == "some thing"
    assert class_aucs(["auc_hand_till", "auc_a", "auc_b", "auc_a", "log_loss"]) == [
        "auc_a",
        "auc_b",
    ]


def test_predictors_and_rankings_have_words_and_references() -> None:
    for names, allowed in ((PREDICTORS, PredictorName), (RANKINGS, Ranking)):
        assert set(get_args(allowed)) <= set(names)
        cited = {s.text for text in names.values() for s in spans_of(text) if s.kind == "cite"}
        assert cited <= set(REFERENCES)


def test_captions_cite_what_is_there() -> None:
    cited = {s.text for c in CAPTIONS.values() for s in spans_of(c.text) if s.kind == "cite"}
    assert cited <= set(REFERENCES)


def test_a_table_that_lacks_a_kind_is_left_out(kind, tmp_path: Path) -> None:
    path = tmp_path / "performance.tsv"
    write_table(kind.inputs.load("performance"), path)
    report = build_report(kind.study, ReportInputs(tables={"performance": path}))
    assert [s.key for s in report.sections][:2] == ["summary", "models"]


def test_controls_are_told_by_what_was_run_and_in_the_metric_of_the_kind(kind) -> None:
    """A study of a table has permuted labels alone: no voxels to shuffle, no mask to displace."""
    metric = {"regression": "r2", "survival": "c_index"}.get(kind_of(kind), "auc")
    row = {"control": "permuted_labels", "model": "radiomics", "metric": metric, "estimate": 0.5}
    row |= {"ci_low": 0.4, "ci_high": 0.6, "p": 0.05, "n": 20, "expected": 0.5}
    folder = kind.inputs.figures.parent
    write_table(pd.DataFrame([row]), folder / "controls.tsv")
    tables = {**kind.inputs.tables, "controls": folder / "controls.tsv"}
    inputs = ReportInputs(tables=tables, cases=kind.inputs.cases, figures=kind.inputs.figures)
    report = build_report(kind.study, inputs)
    text = text_of(report, "controls")
    label = {"regression": "R²", "survival": "C"}.get(kind_of(kind), "AUC")
    assert f"reach the {label} of the true ones" in text
    assert "shuffled voxels" not in text
    section = next(s for s in report.sections if s.key == "controls")
    assert next(b for b in section.blocks if isinstance(b, Table)).rows[0][2] == label


def test_a_model_that_uses_everything_has_no_figure_of_its_selection(kind) -> None:
    stability = kind.inputs.load("selection_stability")
    assert selection_bars(kind.study, stability, "radiomics") is not None
    index = stability["measure"] == "nogueira_stability"
    without = stability.assign(estimate=stability["estimate"].mask(index))
    assert selection_bars(kind.study, without, "radiomics") is None

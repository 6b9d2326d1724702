"""Which figures of the models are drawn, by the kind of outcome and the tables there are."""

from collections.abc import Iterator

import pandas as pd

from radpipe.config import Study
from radpipe.reporting.figures import (
    calibration,
    classes,
    discrimination,
    multiverse,
    regression,
    spread,
    survival,
)
from radpipe.reporting.figures.entries import Drawing, Entry
from radpipe.reporting.figures.style import role_of
from radpipe.reporting.inputs import ReportInputs
from radpipe.reporting.kinds import kind_of_study
from radpipe.reporting.tidy import cohorts_of, models_of


def model_drawings(study: Study, inputs: ReportInputs) -> Iterator[Drawing]:
    """How well the models do: discrimination, calibration, utility, spread and selection."""
    performance = inputs.load("performance")
    if len(performance):
        controls = inputs.load("controls")
        yield Entry("forest", "forest"), discrimination.forest(study, performance, controls)
    kind = kind_of_study(study).name
    if kind == "binary":
        yield from _binary(study, inputs, performance)
    elif kind == "multiclass":
        yield from _multiclass(study, inputs, performance)
    elif kind == "regression":
        yield from _regression(study, inputs)
    else:
        yield from _survival(study, inputs)
    yield from _calibration(study, inputs.load("calibration"), performance)
    decision = inputs.load("decision_curve")
    if len(decision):
        yield Entry("decision", "decision"), calibration.decision_curves(study, decision)
    yield from _spread(study, inputs)


def _binary(study: Study, inputs: ReportInputs, performance: pd.DataFrame) -> Iterator[Drawing]:
    roc, predictions = inputs.load("roc"), inputs.load("predictions")
    if len(roc):
        yield Entry("roc", "roc"), discrimination.roc_panels(study, roc, performance)
    if len(roc) and "precision" in roc:
        entry = Entry("precision_recall", "precision_recall")
        yield entry, discrimination.precision_recall_panels(study, roc, performance)
    if len(predictions):
        yield Entry("scores", "scores"), discrimination.score_strips(study, predictions)


def _multiclass(study: Study, inputs: ReportInputs, performance: pd.DataFrame) -> Iterator[Drawing]:
    roc, confusion = inputs.load("roc"), inputs.load("confusion")
    for name in cohorts_of(roc) if len(roc) else []:
        figure = classes.roc_panels(study, roc, performance, name)
        yield Entry(f"roc_classes_{name}", "roc_classes", name), figure
    for name in cohorts_of(confusion) if len(confusion) else []:
        figure = classes.confusion_panels(study, confusion, name)
        yield Entry(f"confusion_{name}", "confusion", name), figure


def _regression(study: Study, inputs: ReportInputs) -> Iterator[Drawing]:
    predictions, agreement = inputs.load("predictions"), inputs.load("agreement")
    for name in cohorts_of(predictions) if len(predictions) else []:
        figure = regression.scatter_panels(study, predictions, inputs.load("performance"), name)
        yield Entry(f"scatter_{name}", "scatter", name), figure
        if len(agreement):
            figure = regression.bland_altman_panels(study, predictions, agreement, name)
            yield Entry(f"bland_altman_{name}", "bland_altman", name), figure


def _survival(study: Study, inputs: ReportInputs) -> Iterator[Drawing]:
    curves, scores = inputs.load("survival_curves"), inputs.load("survival_scores")
    for name in cohorts_of(curves) if len(curves) else []:
        figure = survival.kaplan_meier_panels(study, curves, name)
        yield Entry(f"kaplan_meier_{name}", "kaplan_meier", name), figure
    if len(scores):
        yield Entry("survival_scores", "survival_scores"), survival.score_curves(study, scores)


def _calibration(
    study: Study, curves: pd.DataFrame, performance: pd.DataFrame
) -> Iterator[Drawing]:
    kind = "calibration" if kind_of_study(study).name == "binary" else "calibration_other"
    for name in cohorts_of(curves) if len(curves) else []:
        figure = calibration.calibration_panels(study, curves, performance, name)
        yield Entry(f"calibration_{name}", kind, name), figure


def _spread(study: Study, inputs: ReportInputs) -> Iterator[Drawing]:
    repeats, subgroups = inputs.load("repeats"), inputs.load("subgroups")
    if len(repeats):
        yield Entry("repeats", "repeats"), spread.repeat_strips(study, repeats)
    universes = inputs.load("multiverse")
    if len(universes) and universes["model"].nunique() > 1:
        yield Entry("multiverse", "multiverse"), multiverse.multiverse_panels(study, universes)
    own = subgroups[subgroups["model"] == study.primary] if len(subgroups) else subgroups
    if len(own):
        subject = str(study.primary)
        yield Entry("subgroups", "subgroups", subject), spread.subgroup_forest(study, own)
    stability = inputs.load("selection_stability")
    choosing = {m.name for m in study.models if role_of(m) == "model"}
    for model in models_of(study, stability) if len(stability) else []:
        if model in choosing:
            figure = spread.selection_bars(study, stability, model)
            if figure is not None:
                yield Entry(f"selection_{model}", "selection", model), figure

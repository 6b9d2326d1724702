"""Draws every figure for which a study has the tables, and writes the index of figures."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from radpipe.config import Study
from radpipe.io.files import read_json, write_json
from radpipe.io.tables import read_table
from radpipe.reporting.figures import (
    calibration,
    cohort,
    discrimination,
    explanation,
    images,
    segmentation,
    truth,
)
from radpipe.reporting.figures.style import house_style, save_figure
from radpipe.reporting.inputs import ReportInputs
from radpipe.reporting.tidy import cohorts_of
from radpipe.types import CaseFiles

INDEX = "figures.json"


@dataclass(frozen=True)
class Entry:
    """A line of the index: file names (without suffix), kind of caption, what it is about."""

    name: str
    kind: str
    subject: str = ""


Drawing = tuple[Entry, Figure]


def draw_figures(study: Study, inputs: ReportInputs, out: str | Path) -> list[str]:
    """Draw all figures of a study into `out` as SVG and PNG, with the index `figures.json`.

    A figure whose tables the study does not make is left out. Equal inputs give equal bytes.

    Returns:
        The names of the figures: `<name>.svg` and `<name>.png` lie in `out`.
    """
    folder = Path(out)
    entries: list[Entry] = []
    with house_style():
        for entry, figure in _drawings(study, inputs):
            save_figure(figure, folder / entry.name)
            print(f"figure {entry.name}", flush=True)
            entries.append(entry)
    write_json(
        [{**vars(e), "svg": f"{e.name}.svg", "png": f"{e.name}.png"} for e in entries],
        folder / INDEX,
    )
    return [entry.name for entry in entries]


def read_index(folder: str | Path) -> list[Entry]:
    """The figures that lie in a folder, as its index says."""
    lines = read_json(Path(folder) / INDEX)
    return [Entry(line["name"], line["kind"], line["subject"]) for line in lines]


def _drawings(study: Study, inputs: ReportInputs) -> Iterator[Drawing]:
    yield from _cohort_drawings(study, inputs)
    yield from _segmentation_drawings(study, inputs)
    if study.outcome is not None:
        yield from _model_drawings(study, inputs)
        yield from _explanation_drawings(inputs)
    known = inputs.load("truth")
    if len(known):
        cases = inputs.load("truth_cases")
        if len(cases) or (known["stage"] == "discrimination").any():
            yield Entry("truth", "truth"), truth.truth_panels(study, known, cases)


def _cohort_drawings(study: Study, inputs: ReportInputs) -> Iterator[Drawing]:
    cases = inputs.load("cases")
    if len(cases):
        yield (
            Entry("flow_chart", "flow_chart"),
            cohort.flow_chart(study, cases, inputs.load("exclusions")),
        )
    quality = inputs.load("quality")
    if len(quality) and len(cases):
        sites = dict(zip(cases["case"], cases["site"].astype(str), strict=True))
        figure = segmentation.quality_panels(quality, sites)
        if figure is not None:
            yield Entry("quality", "quality"), figure


def _segmentation_drawings(study: Study, inputs: ReportInputs) -> Iterator[Drawing]:
    shown = _spread(list(inputs.prepared.values()), study.report.overlays)
    source = study.segmentation.mask_source
    if shown:
        predicted = inputs.predicted.get(source, {})
        yield (
            Entry("overlays", "overlays"),
            images.case_overlays([(files.case, files) for files in shown], predicted),
        )
    scores = inputs.load("segmentation")
    if len(scores):
        yield Entry("dice", "dice"), segmentation.dice_by_fold(scores)
        yield from _dice_cases(scores, inputs)
    if inputs.training:
        logs = {name: read_table(path) for name, path in inputs.training.items()}
        yield Entry("training", "training"), segmentation.training_curves(logs)


def _dice_cases(scores: pd.DataFrame, inputs: ReportInputs) -> Iterator[Drawing]:
    """Best, median and worst case of each segmenter among the cases whose files are given."""
    for segmenter, predicted in inputs.predicted.items():
        part = scores[scores["segmenter"] == segmenter]
        mean = part.groupby("case")["dice"].mean().sort_values(kind="stable")
        mean = mean[[case in inputs.prepared and case in predicted for case in mean.index]]
        if mean.empty:
            continue
        places = {"best": len(mean) - 1, "median": len(mean) // 2, "worst": 0}
        rows = [
            (f"{word}: {mean.index[i]}, {mean.iloc[i]:.2f}", inputs.prepared[str(mean.index[i])])
            for word, i in places.items()
        ]
        yield (
            Entry(f"dice_cases_{segmenter}", "dice_cases", segmenter),
            images.case_overlays(rows, predicted),
        )


def _spread(files: list[CaseFiles], n: int) -> list[CaseFiles]:
    """`n` of the cases, evenly spread over the list."""
    n = min(n, len(files))
    return [files[round(i * (len(files) - 1) / max(n - 1, 1))] for i in range(n)]


def _model_drawings(study: Study, inputs: ReportInputs) -> Iterator[Drawing]:
    performance = inputs.load("performance")
    roc = inputs.load("roc")
    if len(roc):
        yield Entry("roc", "roc"), discrimination.roc_panels(study, roc, performance)
    if len(performance):
        controls = inputs.load("controls")
        yield Entry("forest", "forest"), discrimination.auc_forest(study, performance, controls)
    predictions = inputs.load("predictions")
    if len(predictions):
        yield Entry("scores", "scores"), discrimination.score_strips(study, predictions)
    curves = inputs.load("calibration")
    for name in cohorts_of(curves) if len(curves) else []:
        yield (
            Entry(f"calibration_{name}", "calibration", name),
            calibration.calibration_panels(study, curves, performance, name),
        )
    decision = inputs.load("decision_curve")
    if len(decision):
        yield Entry("decision", "decision"), calibration.decision_curves(study, decision)


def _explanation_drawings(inputs: ReportInputs) -> Iterator[Drawing]:
    """The explanations of each model; of a single feature there is nothing to share out."""
    for model, path in inputs.explanations.items():
        shap = read_table(path)
        if shap["feature"].nunique() > 1:
            yield Entry(f"shap_{model}", "shap", model), explanation.shap_beeswarm(shap)
    for model, path in inputs.lime.items():
        lime = read_table(path)
        if lime["feature"].nunique() > 1:
            yield Entry(f"lime_{model}", "lime", model), explanation.lime_bars(lime)
    for model, path in inputs.occlusion.items():
        yield Entry(f"occlusion_{model}", "occlusion", model), images.occlusion_maps(path)

"""Draws every figure for which a study has the tables, and writes the index of figures."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from radpipe.config import Study
from radpipe.io.files import read_json, write_json
from radpipe.io.tables import read_table
from radpipe.reporting.figures import (
    cohort,
    explanation,
    images,
    quality,
    reconstructions,
    segmentation,
    stability,
    truth,
)
from radpipe.reporting.figures.entries import Drawing, Entry
from radpipe.reporting.figures.models import model_drawings
from radpipe.reporting.figures.style import house_style, save_figure
from radpipe.reporting.inputs import ReportInputs
from radpipe.reporting.segmenter_names import shown_name
from radpipe.types import CaseFiles

INDEX = "figures.json"


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
    for name, path in inputs.reconstructions.items():
        drawn = reconstructions.reconstruction_panels(path)
        if drawn is not None:
            yield Entry(f"reconstructions_{name}", "reconstructions", name), drawn
    repeated = inputs.load("stability")
    drawn = stability.stability_panels(repeated) if len(repeated) else None
    if drawn is not None:
        yield Entry("stability", "stability"), drawn
    if study.outcome is not None:
        yield from model_drawings(study, inputs)
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
    measures = inputs.load("quality")
    if len(measures) and len(cases):
        sites = dict(zip(cases["case"], cases["site"].fillna("").astype(str), strict=True))
        figure = quality.quality_panels(measures, sites)
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
        yield from _dice(study, scores)
        yield from _dice_cases(scores, inputs)
    if inputs.training:
        logs = {name: read_table(path) for name, path in inputs.training.items()}
        networks = list(dict.fromkeys(name.rsplit("/", 1)[0] for name in logs))
        for suffix, chosen in _portions(networks):
            own = {name: log for name, log in logs.items() if name.rsplit("/", 1)[0] in chosen}
            yield Entry(f"training{suffix}", "training"), segmentation.training_curves(own)
    yield from _uncertainty(study, scores, inputs.load("uncertainty"))


def _dice(study: Study, scores: pd.DataFrame) -> Iterator[Drawing]:
    segmenters = list(dict.fromkeys(scores["segmenter"].astype(str)))
    if len(segmenters) > 1:
        yield (
            Entry("dice_segmenters", "dice_segmenters"),
            segmentation.dice_by_segmenter(scores, _names(study, segmenters)),
        )
    for suffix, chosen in _portions(segmenters):
        part = scores[scores["segmenter"].isin(chosen)]
        yield Entry(f"dice{suffix}", "dice"), segmentation.dice_by_fold(part)


def _uncertainty(study: Study, scores: pd.DataFrame, sure: pd.DataFrame) -> Iterator[Drawing]:
    if sure.empty or scores.empty:
        return
    keys = [key for key in ("case", "fold", "segmenter", "label") if key in sure.columns]
    both = sure[[*keys, "expected_dice"]].merge(scores[[*keys, "dice"]], on=keys)
    both = both.dropna(subset=["dice", "expected_dice"])
    if len(both):
        names = _names(study, list(both["segmenter"].unique()))
        yield Entry("uncertainty", "uncertainty"), segmentation.expected_dice(both, names)


def _names(study: Study, segmenters: list[str]) -> dict[str, str]:
    return {name: shown_name(study, name) for name in segmenters}


def _portions(names: list[str], size: int = 6) -> Iterator[tuple[str, list[str]]]:
    """Names in portions that fit a figure, with what tells the later figures from the first."""
    for start in range(0, len(names), size):
        yield f"_{start // size + 1}" if start else "", names[start : start + size]


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

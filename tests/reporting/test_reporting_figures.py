"""Figures: which are drawn, that they repeat, and what the flow chart counts."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import report_study
import SimpleITK as sitk

from radpipe.errors import RadpipeError
from radpipe.io.files import sha256
from radpipe.reporting import captions_models
from radpipe.reporting.captions import CAPTIONS
from radpipe.reporting.figures import (
    cohort,
    draw_figures,
    driver,
    explanation,
    images,
    quality,
    read_index,
    segmentation,
)
from radpipe.reporting.figures.style import BLUE, house_style, model_colours, new_figure, panels
from radpipe.reporting.inputs import ReportInputs, report_inputs


def test_every_figure_lies_as_svg_and_png_and_has_a_caption(demo) -> None:
    folder = demo.inputs.figures
    for entry in read_index(folder):
        assert (folder / f"{entry.name}.svg").stat().st_size > 1000
        assert (folder / f"{entry.name}.png").stat().st_size > 1000
        assert entry.kind in CAPTIONS
    assert [entry.name for entry in read_index(folder)] == demo.names


def test_all_kinds_of_figures_are_drawn(demo, rivals) -> None:
    kinds = {e.kind for r in (demo, rivals) for e in read_index(r.inputs.figures)}
    # Those of models and of stability are drawn by the tests of their own files.
    assert kinds == set(CAPTIONS) - set(captions_models.MODELS) - {"stability"}


def test_figures_of_several_segmenters_need_several_segmenters(demo, rivals) -> None:
    only = {"dice_segmenters", "uncertainty"}
    assert only.isdisjoint(demo.names)
    assert only < set(rivals.names)


def test_many_segmenters_are_shared_out_over_figures() -> None:
    assert list(driver._portions(list("abc"))) == [("", list("abc"))]
    assert list(driver._portions(list("abcdefgh"))) == [("", list("abcdef")), ("_2", list("gh"))]


@pytest.mark.parametrize("n", [1, 3, 4, 6])
def test_figures_of_segmenters_fit_a_page(n: int) -> None:
    names = [f"segmenter_{i}" for i in range(n)]
    scores = pd.DataFrame({"segmenter": names, "case": "a", "fold": "r1f1", "label": "x"})
    scores = scores.assign(dice=0.5, expected_dice=0.6)
    log = pd.DataFrame({"step": [1, 2], "loss": [1.0, 0.5], "validation": [np.nan, 0.5]})
    figures = (
        segmentation.dice_by_fold(scores),
        segmentation.dice_by_segmenter(scores, {}),
        segmentation.expected_dice(scores, {}),
        segmentation.training_curves({f"{name}/r1f1": log for name in names}),
    )
    assert max(figure.get_figheight() for figure in figures) <= 8.6


def test_learning_curves_show_validation_where_it_was_measured() -> None:
    plain = pd.DataFrame({"step": [1, 2, 3], "loss": [3.0, 2.0, 1.0]})
    watched = plain.assign(validation=[np.nan, 0.4, 0.6])
    figure = segmentation.training_curves({"a/r1f1": plain, "b/r1f1": watched})
    shown = [(axis.get_title(), axis.get_ylabel()) for axis in figure.axes]
    assert shown == [("a", "training loss"), ("b", "training loss"), ("b", "validation")]
    assert list(figure.axes[2].lines[0].get_ydata()) == [0.4, 0.6]


def test_a_missing_modality_leaves_its_place_empty(demo) -> None:
    files = next(iter(demo.inputs.prepared.values()))
    lacking = dataclasses.replace(files, images={**files.images, "FLAIR": None})
    figure = images.case_overlays([("a", lacking)], {})
    assert [axis.get_title() for axis in figure.axes] == ["a · T1w", "a · FLAIR missing"]
    assert not figure.axes[1].images


def test_titles_of_many_narrow_panels_have_two_lines(demo) -> None:
    files = next(iter(demo.inputs.prepared.values()))
    many = {f"modality{i}": path for i, path in enumerate([*files.images.values()] * 3)}
    figure = images.case_overlays([("case1", dataclasses.replace(files, images=many))], {})
    room = figure.get_figwidth() / len(many)
    figure.canvas.draw()
    for axis in figure.axes:
        assert axis.get_title().startswith("case1\nmodality")
        assert axis.title.get_window_extent().width / figure.dpi < room


def test_quality_is_told_by_site_where_it_is_known() -> None:
    rows = [("a", "prepared", "CT", "snr", 3.0), ("b", "prepared", "CT", "snr", 4.0)]
    measures = pd.DataFrame(rows, columns=["case", "stage", "modality", "measure", "value"])

    def labels(sites: dict[str, str]) -> list[str]:
        figure = quality.quality_panels(measures, sites)
        assert figure is not None
        return [label.get_text() for label in figure.axes[0].get_xticklabels()]

    assert labels({"a": "north", "b": "south"}) == ["CT\nnorth", "CT\nsouth"]
    assert labels({"a": "north", "b": ""}) == ["CT\nunknown", "CT\nnorth"]
    assert labels({"a": "", "b": ""}) == ["CT"]


def test_a_study_without_outcome_has_no_figure_of_models(hippo) -> None:
    expected = {"flow_chart", "quality", "overlays", "dice", "dice_cases_unet", "training"}
    assert set(hippo.names) == expected


def test_equal_inputs_give_equal_bytes(hippo, tmp_path: Path) -> None:
    draw_figures(hippo.study, hippo.inputs, tmp_path)
    for path in sorted(tmp_path.iterdir()):
        assert sha256(path) == sha256(hippo.inputs.figures / path.name), path.name


def test_figures_hold_no_date(hippo) -> None:
    text = (hippo.inputs.figures / "dice.svg").read_text()
    assert "<dc:date>" not in text
    assert "<text" not in text, "text is drawn as outlines, so that it looks the same everywhere"


def test_a_study_without_tables_draws_nothing(tmp_path: Path) -> None:
    assert draw_figures(report_study.make_study(), ReportInputs(), tmp_path) == []
    assert read_index(tmp_path) == []


def test_models_have_one_colour_each_and_the_primary_is_blue() -> None:
    colours = model_colours(report_study.make_study())
    assert colours["fusion"] == BLUE
    assert len(set(colours.values())) == len(colours)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (
            "case 'a', file b/T1w.nii.gz: the mask is empty; found 0, expected 1",
            "the mask is empty",
        ),
        ("case 'a': the image is 4-D", "the image is 4-D"),
        ("file x.nii: unreadable", "unreadable"),
        ("outcome missing", "outcome missing"),
    ],
)
def test_reasons_are_shortened_to_the_problem(reason: str, expected: str) -> None:
    assert cohort.short_reason(reason) == expected


def test_reasons_are_counted_over_cases() -> None:
    reasons = ["case 'a': x; found 1", "case 'b': x; found 2", "case 'c': y"]
    table = pd.DataFrame({"case": list("abc"), "stage": "check", "reason": reasons})
    assert cohort.reasons_of(table) == [("x", 2), ("y", 1)]


def test_the_flow_chart_adds_up(demo) -> None:
    tables = (demo.inputs.load("cases"), demo.inputs.load("exclusions"))
    with house_style():
        figure = cohort.flow_chart(demo.study, *tables)
    text = " ".join(t.get_text() for t in figure.axes[0].texts)
    positive = int(tables[0].query("cohort == 'development'")["high_grade"].sum())
    assert "Case sheet: 60 cases" in text
    assert "Usable: 56 cases" in text
    assert "Set aside: 4 cases" in text
    assert f"{positive} positive, {40 - positive} negative" in text


def test_overlays_show_the_slice_with_the_largest_mask() -> None:
    mask = np.zeros((5, 4, 4), np.uint8)
    mask[1, 1, 1] = 1
    mask[3, 1:3, 1:3] = 1
    assert images._slice_of(mask, 0) == 3
    assert images._slice_of(np.zeros((5, 4, 4), np.uint8), 2) == 2


def test_what_lies_outside_is_connected_to_the_border() -> None:
    plane = np.ones((4, 5), np.float32)
    plane[0, :2] = 0  # outside: touches the border
    plane[1, 1] = 0  # outside: touches what is outside
    plane[2, 3] = 0  # a voxel inside that happens to be 0
    expected = np.zeros((4, 5), bool)
    expected[0, :2] = expected[1, 1] = True
    np.testing.assert_array_equal(images._background(plane), expected)
    assert not images._background(np.ones((2, 2), np.float32)).any()


def test_bars_of_lime_are_equally_high_in_every_figure() -> None:
    def height(features: int) -> float:
        names = [f"f{i}" for i in range(features)]
        lime = pd.DataFrame({"feature": names, "weight_mean": 0.1, "weight_sd": 0.01})
        lime = lime.assign(case="a", prediction=0.5, scale="risk")
        return explanation.lime_bars(lime).get_figheight()

    assert height(3) - height(2) == pytest.approx(height(2) - height(1))
    assert height(5) == height(50), "only the five largest weights are shown"


@pytest.mark.parametrize(
    ("cases", "modalities", "rows", "columns"),
    [(3, 2, 2, 3), (6, 1, 2, 3), (6, 2, 3, 4), (6, 3, 3, 6), (1, 1, 1, 1), (2, 3, 2, 3)],
)
def test_overlays_fit_a_page(cases: int, modalities: int, rows: int, columns: int) -> None:
    assert images._layout(cases, modalities) == (rows, columns)
    assert rows * columns >= cases * modalities


def test_overlays_turn_every_image_to_the_same_view() -> None:
    array = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)
    image = sitk.GetImageFromArray(array)
    turned = sitk.DICOMOrient(image, "RAS")
    back = sitk.GetArrayFromImage(images._axial(turned))
    np.testing.assert_array_equal(back, array)


def test_paths_of_the_workflow_become_inputs(demo) -> None:
    given = dataclasses.asdict(demo.inputs)
    names = ("tables", "training", "explanations", "lime", "occlusion")
    paths = {n: {k: str(v) for k, v in given[n].items()} for n in names}
    single = ("cases", "exclusions", "splits", "provenance", "figures")
    paths |= {n: str(given[n]) for n in single}
    paths["plans"] = {"planned/final": "s/plan.yaml"}
    shown = {
        "cases": ["a", "b"],
        "drawn": ["a"],
        "modalities": ["T1w"],
        "prepared": "p",
        "masks": "m",
        "predicted": {"unet": "u"},
    }
    inputs = report_inputs(paths, shown)
    assert inputs.tables == demo.inputs.tables
    assert inputs.plans == {"planned/final": Path("s/plan.yaml")}
    assert report_inputs({n: v for n, v in paths.items() if n != "plans"}, shown).plans == {}
    assert inputs.prepared["a"].mask == Path("m/a.nii.gz")
    assert inputs.prepared["b"].mask is None
    assert inputs.prepared["b"].images == {"T1w": Path("p/b/T1w.nii.gz")}
    assert inputs.predicted == {"unet": {"a": Path("u/a.nii.gz"), "b": Path("u/b.nii.gz")}}
    # A study of a table has cases and no images: nothing is drawn over nothing.
    assert report_inputs(paths, {**shown, "modalities": []}).prepared == {}


def test_an_unknown_table_is_refused() -> None:
    with pytest.raises(ValueError, match=r"knows no table .*'perfomance'"):
        ReportInputs(tables={"perfomance": Path("x.tsv")})


def test_a_plan_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text("- a list")
    inputs = ReportInputs(plans={"planned/final": tmp_path / "plan.yaml"})
    with pytest.raises(RadpipeError, match="the plan cannot be read; expected a mapping"):
        inputs.load_plans()


def test_the_lowest_panel_of_each_column_has_its_numbers() -> None:
    figure = new_figure(3)
    axes = panels(figure, 5, 4, sharex=True)
    shown = [axis.xaxis.get_tick_params()["labelbottom"] for axis in axes]
    assert shown == [False, True, True, True, True]

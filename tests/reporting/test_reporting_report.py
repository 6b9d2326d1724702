"""The content of a report, and that both renderers print all of it."""

import html as html_entities
import re
from pathlib import Path
from typing import get_args

import pandas as pd
import pytest
import report_study

from radpipe.config.segmentation import ClassicalName, Combination, LossName, NetworkName
from radpipe.io.tables import write_table
from radpipe.reporting.content import Report, build_report
from radpipe.reporting.document import (
    Callout,
    Figure,
    Paragraph,
    Section,
    Table,
    plain,
    spans_of,
    texts_of,
)
from radpipe.reporting.figures import draw_figures
from radpipe.reporting.html import html_of, render_html
from radpipe.reporting.inputs import ReportInputs
from radpipe.reporting.kinds import kind_of_study
from radpipe.reporting.pdf import quoted, render_pdf, setting_of, typst_of
from radpipe.reporting.references import REFERENCES
from radpipe.reporting.sections.judgement import few_repeats_callout, out_of_fold_note
from radpipe.reporting.segmenter_names import (
    CLASSICAL,
    COMBINATIONS,
    LOSSES,
    NETWORKS,
    is_semi_automatic,
)


def text_of(report: Report, key: str) -> str:
    """All running text of one section, without marks."""
    section = next(s for s in report.sections if s.key == key)
    return " ".join(plain(text) for block in section.blocks for text in texts_of(block))


def visible(page: str) -> str:
    """What a reader of an HTML page sees, with single spaces."""
    body = re.sub(r"<style>.*?</style>|<wbr>", "", page, flags=re.DOTALL)
    return " ".join(html_entities.unescape(re.sub(r"<[^>]*>", " ", body)).split())


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize("name", ["demo", pytest.param("rivals", marks=pytest.mark.slow)])
def test_every_block_is_in_the_page(name: str, request: pytest.FixtureRequest) -> None:
    report = request.getfixturevalue(name).report
    page = html_of(report)
    seen = squeezed(visible(page))
    for block in report.blocks:
        for text in texts_of(block):
            for span in spans_of(text):
                if span.kind != "cite":
                    assert squeezed(span.text) in seen
        if isinstance(block, Table):
            for cell in (cell for row in (block.columns, *block.rows) for cell in row):
                assert squeezed(cell) in seen
    figures = [b for b in report.blocks if isinstance(b, Figure)]
    assert page.count("<img ") == len(figures) > 7


def test_every_block_is_in_the_typst_source(demo) -> None:
    source = typst_of(demo.report).replace("\u200b", "")
    for block in demo.report.blocks:
        for text in texts_of(block):
            for span in spans_of(text):
                if span.kind != "cite":
                    assert quoted(span.text) in source
        if isinstance(block, Table):
            for cell in (cell for row in (block.columns, *block.rows) for cell in row):
                assert all(quoted(line) in source for line in cell.split("\n"))


def test_the_page_needs_no_network(demo, tmp_path: Path) -> None:
    render_html(demo.report, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<link" not in page
    assert "url(" not in page
    assert re.findall(r'src="(?!data:)', page) == []
    assert all(link.startswith(("#", "https://doi.org/")) for link in _links(page))


def _links(page: str) -> list[str]:
    return re.findall(r'href="([^"]*)"', page)


def test_the_page_can_be_read_aloud(demo) -> None:
    page = html_of(demo.report)
    assert '<html lang="en">' in page
    assert re.findall(r'<img [^>]*alt=""', page) == []
    assert page.count("<h1>") == 1
    targets = set(re.findall(r'id="([^"]*)"', page))
    assert {link[1:] for link in _links(page) if link.startswith("#")} <= targets


def test_the_pdf_is_made_and_repeats(demo, tmp_path: Path) -> None:
    for name in ("a.pdf", "b.pdf"):
        render_pdf(demo.report, tmp_path / name)
    first = (tmp_path / "a.pdf").read_bytes()
    assert first.startswith(b"%PDF")
    assert first == (tmp_path / "b.pdf").read_bytes()


def test_words_of_a_user_do_no_harm(tmp_path: Path) -> None:
    nasty = '#let x = [1] $a_b$ *c* <d> @e `f` \\g "h" & <script>alert(1)</script> ~ // /* = - +'
    blocks = (
        Paragraph(
            "**" + nasty.replace("\\", "\\\\").replace("*", "\\*").replace("`", "\\`") + "**"
        ),
        Table((nasty,), ((nasty + "\n" + nasty,),), "caption"),
        Callout("warning", "#panic()"),
    )
    report = Report(nasty, nasty, (Section("k", nasty, blocks),), (nasty,), ((nasty, nasty),))
    render_pdf(report, tmp_path / "report.pdf")
    page = html_of(report)
    assert "<script>" not in page
    assert squeezed(nasty) in squeezed(html_entities.unescape(re.sub("<wbr>", "", page)))


def test_the_summary_names_model_baselines_and_what_the_interval_is(demo) -> None:
    text = text_of(demo.report, "summary")
    performance = demo.inputs.load("performance").set_index(["model", "cohort", "metric"])
    for model in ("fusion", "volume", "clinical"):
        assert model in text
        assert f"{performance.loc[(model, 'development', 'auc'), 'estimate']:.3f}" in text
    note = out_of_fold_note(kind_of_study(demo.study), demo.study.splits.repeats)
    assert plain(note) in text
    assert "conditional on the models fitted" in text


def test_intervals_of_out_of_fold_predictions_are_called_conditional(demo) -> None:
    tables = [b for b in demo.report.blocks if isinstance(b, Table) and "interval" in b.note]
    inside = [t for t in tables if "(out-of-fold)" in t.caption and "bootstrap" not in t.note]
    models = [t for t in inside if t.columns[0] == "model"]
    assert len(models) == 5
    assert all("conditional on the fitted models" in t.note for t in models)
    outside = [t for t in tables if "(scored once)" in t.caption]
    assert outside
    assert not any("conditional" in t.note for t in outside)


def test_every_model_is_shown_beside_the_baselines(demo) -> None:
    for table in (b for b in demo.report.blocks if isinstance(b, Table)):
        if table.caption.startswith("**Discrimination**"):
            assert [row[0] for row in table.rows] == list(report_study.MODELS)


def test_no_added_value_is_said_when_nothing_is_shown(demo, tmp_path: Path) -> None:
    table = demo.inputs.load("comparisons").assign(ci_low=-0.2, ci_high=0.2, p_holm=1.0)
    text = _summary_with(demo, tmp_path, "comparisons", table)
    assert "do not show that the primary model adds anything" in text
    table = table.assign(difference=0.1, ci_low=0.05, ci_high=0.2, p_holm=0.001)
    assert "In every comparison made" in _summary_with(demo, tmp_path, "comparisons", table)


def _summary_with(demo, folder: Path, name: str, table: pd.DataFrame) -> str:
    write_table(table, folder / f"{name}.tsv")
    tables = {**demo.inputs.tables, name: folder / f"{name}.tsv"}
    inputs = ReportInputs(tables=tables, cases=demo.inputs.cases)
    return text_of(build_report(demo.study, inputs), "summary")


def test_a_control_above_what_is_expected_is_called_out(demo) -> None:
    text = text_of(demo.report, "controls")
    assert "displaced mask of radiomics_enet (AUC 0.710" in text
    assert "the site, the scanner" in text
    assert "shuffled voxels of radiomics_enet" not in text


def test_what_the_tripwire_says_and_was_told_to_allow_is_printed(demo) -> None:
    assert "the order of the rows tells the outcome" in text_of(demo.report, "controls")
    features = demo.study.features.model_copy(update={"allow": ["biopsy_grade"]})
    study = demo.study.model_copy(update={"features": features})
    text = text_of(build_report(study, demo.inputs), "controls")
    assert "Allowed by the config, and not looked at: biopsy_grade." in text


def test_a_missed_goal_and_a_missed_region_are_said(demo) -> None:
    assert "Goals missed: 1." in text_of(demo.report, "truth")
    assert "1 region missed altogether: sub004." in text_of(demo.report, "segmentation")


def test_twelve_patients_are_said_to_be_too_few(tmp_path: Path) -> None:
    study = report_study.make_study(study="small")
    inputs = report_study.make_inputs(tmp_path, study, development=12, external=0, images=1)
    performance = inputs.load("performance")
    chance = performance["metric"].eq("auc") & performance["model"].eq("fusion")
    performance.loc[chance, ["estimate", "ci_low", "ci_high"]] = [0.6, 0.3, 0.9]
    write_table(performance, inputs.tables["performance"])
    report = build_report(study, ReportInputs(tables=inputs.tables, cases=inputs.cases))
    text = text_of(report, "summary")
    assert "the interval includes 0.5. These data cannot tell this model from chance" in text
    assert "Small sample." in text
    assert "Fewer patients than a model of this size needs." in text
    assert "fusion, has 120 candidate parameters" in text
    assert "ask for 1,662 patients; there were 40" in text
    assert "There is no external cohort" in text


def test_a_study_without_outcome_ends_with_a_segmentation_report(hippo) -> None:
    keys = [section.key for section in hippo.report.sections]
    assert keys == [
        *("summary", "cohort", "images", "segmentation", "methods", "reproducibility", "tables")
    ]
    text = text_of(hippo.report, "summary")
    assert "This study segments anterior and posterior in T1w images with unet" in text
    assert "the mean over all labels" in text
    assert "AUC" not in text


def test_a_report_without_any_table_still_says_what_was_meant() -> None:
    report = build_report(report_study.make_study(), ReportInputs())
    assert [s.key for s in report.sections] == ["summary", "methods", "tables"]
    assert "in no cases" in text_of(report, "summary")


def test_a_best_repeat_is_never_the_headline(demo) -> None:
    assert "the spread over partitions is not shown" in text_of(demo.report, "models")
    study = report_study.make_study(splits={"repeats": 10})
    report = build_report(study, demo.inputs)
    assert "no repeat is singled out" in text_of(report, "models")


@pytest.mark.parametrize(("repeats", "said"), [(1, "run once"), (3, "run 3 times")])
def test_g21_few_repeats_are_warned_of_with_the_key_to_change(repeats: int, said: str) -> None:
    warning = few_repeats_callout(report_study.make_study(splits={"repeats": repeats}))
    assert warning is not None
    assert warning.kind == "warning"
    assert f"It was {said}; 10 times is the least" in plain(warning.text)
    assert "Set splits.repeats: 10 (or more) in the config" in plain(warning.text)


def test_g21_the_summary_warns_below_ten_repeats_and_not_from_ten_on(demo) -> None:
    assert "Few repeats of the cross-validation" in text_of(demo.report, "summary")
    study = report_study.make_study(splits={"repeats": 10})
    assert "Few repeats" not in text_of(build_report(study, demo.inputs), "summary")


def test_a_study_without_an_outcome_is_not_told_of_repeats(hippo) -> None:
    assert "Few repeats" not in text_of(hippo.report, "summary")


def test_wide_tables_are_set_small_and_wider_ones_across_the_page() -> None:
    def table(columns: int) -> Table:
        return Table(("x" * 12,) * columns, (("1.000 (0.1)",) * columns,), "c")

    narrow, wide, wider = (setting_of(table(n)) for n in (4, 10, 16))
    assert narrow.size_pt == 9.0
    assert 6.5 <= wide.size_pt < 9.0
    assert not wide.landscape
    assert wider.landscape


def test_short_text_beside_running_text_is_not_broken() -> None:
    rows = (("bad001", "check_cases", "the image cannot be read; found a truncated gzip_stream"),)
    page = html_of(Report("t", "s", (Section("k", "K", (Table(tuple("abc"), rows, "c"),)),)))
    assert '<td class="w">check_cases</td>' in page
    assert "<td>the image cannot be read; found a truncated gzip_<wbr>stream</td>" in page


def test_a_model_of_one_feature_is_not_explained(demo, tmp_path: Path) -> None:
    shap = pd.DataFrame({"feature": ["volume"] * 3, "case": list("abc"), "shap": [0.1, 0.0, -0.1]})
    write_table(shap.assign(model="volume", value=1.0), tmp_path / "volume.tsv")
    explanations = {**demo.inputs.explanations, "volume": tmp_path / "volume.tsv"}
    inputs = ReportInputs(figures=tmp_path / "figures", explanations=explanations)
    assert draw_figures(demo.study, inputs, tmp_path / "figures") == ["shap_radiomics_enet"]
    text = text_of(build_report(demo.study, inputs), "explanations")
    assert "A model of at most one feature needs no such explanation: volume." in text


def test_a_baseline_of_one_feature_has_no_table_of_choices(demo, tmp_path: Path) -> None:
    rows = [(m, "r1f1", "x", "f", 0.5) for m in ("volume", "radiomics_enet")]
    table = pd.DataFrame(rows, columns=["model", "fold", "block", "feature", "weight"])
    write_table(table, tmp_path / "selection.tsv")
    inputs = ReportInputs(tables={"selection": tmp_path / "selection.tsv"})
    text = text_of(build_report(demo.study, inputs), "features")
    assert "Features used most often by radiomics_enet" in text
    assert "volume" not in text


def test_the_dictionary_describes_every_table_given(demo) -> None:
    files = [b for b in demo.report.blocks if isinstance(b, Table) and b.columns[0] == "file"]
    described = {row[0].rsplit("/", 1)[-1].split(".")[0] for row in files[0].rows}
    assert set(demo.inputs.tables) <= described


def tables_of(report: Report, start: str) -> list[Table]:
    return [b for b in report.blocks if isinstance(b, Table) and plain(b.caption).startswith(start)]


def test_every_segmenter_stands_beside_the_others(rivals) -> None:
    names = [s.name for s in rivals.study.segmentation.segmenters]
    tables = tables_of(rivals.report, "Agreement with the reference masks")
    assert len(tables) == 2, "a table a cohort"
    for table in tables:
        assert [row[0].removesuffix("†") for row in table.rows] == names
        assert "surface\nDice\n(2\u00a0mm)" in table.columns
        assert "surface\nDice\n(0.5\u00a0mm)" in table.columns
        assert table.strong == {0}, "the one whose masks are used"
    dice = rivals.inputs.load("segmentation_summary").query(
        "cohort == 'external' and label == 'all' and metric == 'dice'"
    )
    assert [row[1].split("\n")[0] for row in tables[1].rows] == [f"{m:.3f}" for m in dice["mean"]]


def test_the_semi_automatic_segmenter_is_marked(rivals) -> None:
    marked = [
        row[0].split("\n")[0]
        for table in tables_of(rivals.report, "Agreement")
        for row in table.rows
        if "†" in row[0]
    ]
    assert marked == ["pet_fwhm†"] * 2
    assert "Semi-automatic (†): pet_fwhm." in text_of(rivals.report, "segmentation")
    assert "a reader would have to set that box" in text_of(rivals.report, "methods")


def test_what_builds_on_a_semi_automatic_segmenter_is_one() -> None:
    boxed = {"name": "boxed", "classical": "otsu", "within": "box"}
    joined = {"name": "joined", "ensemble": ["boxed", "alone"]}
    second = {"name": "second", "network": "unet", "cascade": "boxed"}
    segmenters = [boxed, {"name": "alone", "classical": "otsu"}, joined, second]
    study = report_study.make_study(
        segmentation={"segmenters": segmenters, "mask_source": "reference"}
    )
    found = {s.name: is_semi_automatic(study, s.name) for s in study.segmentation.segmenters}
    assert found == {"boxed": True, "alone": False, "joined": True, "second": True}


def test_every_pair_of_segmenters_is_compared(rivals) -> None:
    tables = tables_of(rivals.report, "Segmenters compared")
    assert [len(table.rows) for table in tables] == [15, 15]
    assert "16 " not in tables[0].rows[0][-1]
    assert tables[0].rows[0][:2] == ("planned", "unet")
    row = rivals.inputs.load("segmenter_comparisons").query(
        "cohort == 'development' and label == 'all' and metric == 'hd95_mm'"
    )
    assert tables[0].rows[0][4].startswith(f"{row['difference'].iloc[0]:.2f}".replace("-", "−"))


def test_of_very_many_pairs_those_with_the_best_are_shown(rivals, tmp_path: Path) -> None:
    names = [f"s{i}" for i in range(7)]
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    table = pd.DataFrame(pairs, columns=["segmenter_a", "segmenter_b"]).assign(
        cohort="development", label="x", metric="dice", difference=0.1, ci_low=0.0, ci_high=0.2
    )
    table = table.assign(p=0.5, p_holm=1.0, n_patients=9, method="sign_flip")
    summary = pd.DataFrame({"segmenter": names, "mean": [0.5, 0.6, 0.9, 0.1, 0.2, 0.3, 0.4]})
    summary = summary.assign(
        cohort="development",
        label="x",
        metric="dice",
        ci_low=0,
        ci_high=1,
        median=0.5,
        n=9,
        n_missed=0,
    )
    given = {"segmenter_comparisons": table, "segmentation_summary": summary}
    for name, content in given.items():
        write_table(content, tmp_path / f"{name}.tsv")
    tables = {**rivals.inputs.tables, **{n: tmp_path / f"{n}.tsv" for n in given}}
    inputs = ReportInputs(tables=tables, cases=rivals.inputs.cases)
    report = build_report(rivals.study, inputs)
    shown = tables_of(report, "Segmenters compared")[0]
    assert all("s2" in row[:2] for row in shown.rows)
    assert len(shown.rows) == 6
    assert "Of 21 pairs those with s2" in plain(shown.note)


def test_the_plan_says_what_was_chosen_and_why(rivals) -> None:
    (plan,) = tables_of(rivals.report, "Plan of planned, fold final")
    rows = {row[0]: row[1:] for row in plan.rows}
    assert rows["spacing mm"] == ("1 × 1 × 3", "median of the training cases")
    assert rows["network"][0] == "unet"
    assert rows["batch"][0] == "2 *"
    assert "differs between folds" in plan.note


def test_trainings_say_how_long_they_waited_for_data(rivals) -> None:
    (table,) = tables_of(rivals.report, "Trainings")
    rows = {row[0]: row for row in table.rows}
    # 200 steps of 0.01 s in 20 s; the best validation is 0.9 - 0.5 / 4.
    assert rows["planned"] == ("planned", "6", "200", "0.33", "10 %", "0.775")
    assert rows["unet"][-1] == "–"


def test_uncertainty_is_judged_by_cohort(rivals) -> None:
    tables = tables_of(rivals.report, "Expected beside true Dice")
    assert [len(table.rows) for table in tables] == [12, 12]
    assert tables[0].rows[0][0] == "planned\nanterior"


def test_the_summary_of_many_segmenters_names_the_ends(rivals) -> None:
    text = text_of(rivals.report, "summary")
    assert "the first and the last by mean Dice of 6 segmenters" in text
    assert text.count("reached a mean out-of-fold") == 2
    assert "flattered by having been picked" in text


def test_methods_name_every_segmenter_and_its_paper(rivals) -> None:
    text = text_of(rivals.report, "methods")
    for name in (s["name"] for s in report_study.SEGMENTERS):
        assert name in text
    assert "Swin UNETR" in text
    assert "joins planned and unet by STAPLE" in text
    assert "early stopping on 15 % of the training patients" in text
    assert "planned from the training part of each fold for 5 minutes on a CPU" in text
    assert "tolerances 2 and 0.5 mm" in text
    assert {"hatamizadeh2022swin", "warfield2004", "iglesias2015"} <= set(rivals.report.citations)


def test_whatever_the_config_allows_has_words_and_references() -> None:
    for names, allowed in (
        (NETWORKS, get_args(NetworkName)),
        (LOSSES, get_args(LossName)),
        (CLASSICAL, get_args(ClassicalName)),
        (COMBINATIONS, get_args(Combination)),
    ):
        assert set(names) == set(allowed) - {"auto"}
        cited = {s.text for text in names.values() for s in spans_of(text) if s.kind == "cite"}
        assert cited <= set(REFERENCES)


def test_one_segmenter_needs_none_of_the_new_tables(hippo) -> None:
    starts = ("Segmenters compared", "Plan of", "Expected beside")
    assert not any(tables_of(hippo.report, start) for start in starts)
    assert tables_of(hippo.report, "The same by label")

"""How often external cases were looked at, as a report says it (guardrail G16)."""

from pathlib import Path

import pandas as pd
import pytest
import report_study

from radpipe.io.tables import write_table
from radpipe.modelling.applying_looks import record_look
from radpipe.reporting.content import build_report
from radpipe.reporting.context import Context, make_context
from radpipe.reporting.document import Callout, Paragraph, Table, plain, texts_of
from radpipe.reporting.inputs import ReportInputs, report_inputs
from radpipe.reporting.sections.looks import looks, looks_callout, scored

CASES = ["e1", "e2", "e3"]


def context_of(folder: Path, bundles: dict[str, list[str]]) -> Context:
    """A study whose models were scored on three cases with these bundles in turn."""
    for model, hashes in bundles.items():
        for sha in hashes:
            record_look(folder / model / "looks.tsv", sha, CASES)
    paths = {model: folder / model / "looks.tsv" for model in bundles}
    rows = [
        (model, cohort, "auc", 0.7, 0.6, 0.8, "delong", 3)
        for model in bundles
        for cohort in ("development", "external")
    ]
    columns = ["model", "cohort", "metric", "estimate", "ci_low", "ci_high", "method", "n"]
    write_table(pd.DataFrame(rows, columns=columns), folder / "performance.tsv")
    tables = {"performance": folder / "performance.tsv"}
    return make_context(report_study.make_study(), ReportInputs(tables=tables, looks=paths))


def test_one_look_a_model_is_a_table_without_a_warning(tmp_path: Path) -> None:
    context = context_of(tmp_path, {"volume": ["a" * 64], "fusion": ["b" * 64, "b" * 64]})
    paragraph, table = looks(context)
    assert isinstance(paragraph, Paragraph)
    assert "2 models were scored on them" in plain(paragraph.text)
    assert isinstance(table, Table)
    assert table.rows == (("volume", "1", "3", "a" * 12), ("fusion", "1", "3", "b" * 12))
    assert looks_callout(context) is None
    assert scored(context, ["volume", "fusion"]) == "scored once"


def test_a_second_bundle_on_the_same_cases_is_warned_of_everywhere(tmp_path: Path) -> None:
    context = context_of(tmp_path, {"volume": ["a" * 64], "fusion": ["b" * 64, "c" * 64]})
    warning = looks_callout(context)
    assert isinstance(warning, Callout)
    assert "looked at more than once" in plain(warning.text)
    assert "(fusion 2 times)" in plain(warning.text)
    assert ("fusion", "2", "3", "c" * 12) in looks(context)[-1].rows
    assert scored(context, ["volume"]) == "scored once"
    report = build_report(context.study, context.inputs)
    for key in ("summary", "models"):
        section = next(s for s in report.sections if s.key == key)
        text = " ".join(plain(t) for block in section.blocks for t in texts_of(block))
        assert "looked at more than once" in text
        assert "scored once" not in text
    assert "external cohort (scored at look 2)" in text
    assert "looks.tsv" in str(next(s for s in report.sections if s.key == "tables").blocks)


def test_a_study_without_external_cases_says_nothing_of_looks(tmp_path: Path) -> None:
    context = context_of(tmp_path, {})
    assert looks(context) == []
    assert looks_callout(context) is None


@pytest.mark.parametrize("given", [True, False])
def test_a_workflow_may_leave_the_ledgers_out(tmp_path: Path, given: bool) -> None:
    paths: dict[str, object] = {
        **dict.fromkeys(("cases", "exclusions", "splits", "provenance", "figures"), "x"),
        **{name: {} for name in ("tables", "training", "explanations", "lime", "occlusion")},
    }
    shown = {"cases": [], "drawn": [], "modalities": [], "prepared": "p", "masks": "m"}
    paths |= {"looks": {"fusion": "results/models/fusion/looks.tsv"}} if given else {}
    inputs = report_inputs(paths, {**shown, "predicted": {}})
    assert list(inputs.looks) == (["fusion"] if given else [])

"""What a report says of the size of the cohort, for every kind of outcome."""

from pathlib import Path

import kinds_study
import pytest

from radpipe.evaluation.sample_size import sample_size_table
from radpipe.io.tables import write_table
from radpipe.reporting.context import make_context
from radpipe.reporting.document import Callout, Table, plain, texts_of
from radpipe.reporting.inputs import ReportInputs
from radpipe.reporting.sections.sample_size import sample_size

FACTS: dict[str, dict[str, object]] = {
    "binary": {"prevalence": 0.4},
    "multiclass": {"prevalence": {"glioma": 0.2, "meningioma": 0.3, "metastasis": 0.5}},
    "regression": {"mean": 60.0, "sd": 10.0},
    "survival": {"n_events": 30, "mean_time": 20.0, "horizon": 24.0},
}
SAID = {
    "binary": ("a model of a binary outcome", "events (value: prevalence)"),
    "multiclass": ("several classes", "cases of the smallest class (value: its share)"),
    "regression": ("a model of a number", "mean outcome known within this share"),
    "survival": ("a time to an event", "events (value: events per case)"),
}


def section_of(folder: Path, kind: str, *, patients: int, candidates: int = 50, **changes):
    card = {"name": "radiomics", "kind": kind, "parameters": candidates, "n": 100, **FACTS[kind]}
    write_table(sample_size_table([card | {"n_patients": patients}]), folder / "s.tsv")
    inputs = ReportInputs(tables={"sample_size": folder / "s.tsv"})
    section = sample_size(make_context(kinds_study.make_study(kind, **changes), inputs))
    assert section is not None
    return section


@pytest.mark.parametrize("kind", list(FACTS))
def test_each_kind_is_told_in_its_words_and_warned_when_small(tmp_path: Path, kind: str) -> None:
    section = section_of(tmp_path, kind, patients=80)
    text = " ".join(plain(t) for block in section.blocks for t in texts_of(block))
    words, criterion = SAID[kind]
    assert words in text
    assert "before anything was fitted" in text
    assert "has 50 candidate parameters; those that a selection discards count too" in text
    assert "15 % of its maximum" in text
    table = next(b for b in section.blocks if isinstance(b, Table))
    assert criterion in [row[0] for row in table.rows]
    counted = {"multiclass": "would have to be of the rarest class.", "regression": ""}
    assert counted.get(kind, "would have to have the event.") in text
    assert not any("e+" in cell for row in table.rows for cell in row)
    warning = section.blocks[-1]
    assert isinstance(warning, Callout)
    assert warning.kind == "warning"


def test_enough_patients_are_told_with_the_same_sentence(tmp_path: Path) -> None:
    section = section_of(tmp_path, "regression", patients=5000, candidates=3)
    verdict = section.blocks[-1]
    assert isinstance(verdict, Callout)
    assert verdict.kind == "info"
    assert "All criteria are met." in plain(verdict.text)
    assert "has 3 candidate parameters" in plain(verdict.text)
    assert "there were 5,000." in plain(verdict.text)


def test_an_expected_r2_of_the_config_is_named(tmp_path: Path) -> None:
    evaluation = {"bootstrap": 100, "expected_r2": 0.3}
    section = section_of(tmp_path, "regression", patients=80, evaluation=evaluation)
    assert "The adjusted R² that is expected of the model is 0.3" in plain(section.blocks[0].text)

"""The multiverse: what models are made of, and the figure and the section that show it."""

from pathlib import Path

import kinds_study
import pandas as pd
import pytest

from radpipe.config import Study, load_study
from radpipe.io.tables import write_table
from radpipe.reporting.choices import choices_of, varied
from radpipe.reporting.context import make_context
from radpipe.reporting.document import Table, plain
from radpipe.reporting.figures.multiverse import matrix_rows, multiverse_panels
from radpipe.reporting.figures.style import house_style, model_colours
from radpipe.reporting.inputs import ReportInputs
from radpipe.reporting.sections.multiverse import multiverse

MODELS = [
    {"name": "volume", "blocks": ["volume"], "predictor": "logistic"},
    {
        "name": "picked",
        "blocks": ["clinical", "handcrafted"],
        "predictor": "logistic",
        "selection": {"method": "anova"},
        "harmonisation": {"batch": "site"},
        "class_weight": "balanced",
    },
    {"name": "searched", "blocks": ["handcrafted"], "predictor": "auto"},
    {"name": "joined", "predictor": "mean", "of": ["volume", "picked"]},
]
ESTIMATES = {
    ("volume", "r1"): 0.5,
    ("volume", "r2"): 0.52,
    ("picked", "r1"): 0.7,
    ("picked", "r2"): 0.48,
    ("searched", "r1"): 0.6,
    ("searched", "r2"): 0.66,
    ("joined", "r1"): 0.65,
    ("joined", "r2"): 0.64,
}


@pytest.fixture(scope="module")
def study() -> Study:
    base = kinds_study.make_study("binary").model_dump(mode="json")
    splits = {"folds": 4, "repeats": 2}
    return load_study(base | {"models": MODELS, "splits": splits, "evaluation": {}})


def universes(models: list[str]) -> pd.DataFrame:
    rows = [(m, "development", r, "auc", e, 40) for (m, r), e in ESTIMATES.items() if m in models]
    columns = ["model", "cohort", "repeat", "metric", "estimate", "n"]
    return pd.DataFrame(rows, columns=columns).sort_values("estimate", ignore_index=True)


def test_a_model_is_made_of_what_its_settings_say(study: Study) -> None:
    choices = choices_of(study)
    assert choices["sees"]["picked"] == ("clinical", "handcrafted")
    assert choices["sees"]["joined"] == ("volume", "clinical", "handcrafted"), "its members see"
    assert "joined" not in choices["selection"], "a fusion selects no features"
    selection = [choices["selection"][name] for name in ("volume", "picked", "searched")]
    assert selection == [("none",), ("anova",), ("searched",)]
    assert choices["harmonisation"]["picked"] == ("combat",)
    assert choices["harmonisation"]["searched"] == ("none",)
    assert choices["balancing"]["picked"] == ("balanced",)


def test_choices_that_nobody_made_differently_are_left_out(study: Study) -> None:
    assert "imputation" not in varied(study, ["volume", "picked"])
    assert "selection" in varied(study, ["volume", "picked"])
    assert varied(study, ["volume"]) == {}


def test_the_matrix_marks_who_made_which_choice(study: Study) -> None:
    rows = {(choice, level): chosen for choice, level, chosen in matrix_rows(study, NAMES)}
    assert rows["model", "picked"] == {"picked"}
    assert rows["sees", "handcrafted"] == {"picked", "searched", "joined"}
    assert rows["sees", "volume"] == {"volume", "joined"}
    assert rows["predictor", "logistic"] == {"volume", "picked"}


NAMES = [str(model["name"]) for model in MODELS]


def test_the_figure_is_sorted_and_marks_each_column(study: Study) -> None:
    table = universes(NAMES)
    with house_style():
        figure = multiverse_panels(study, table.sample(frac=1, random_state=1))
        above, below = figure.axes
        points = above.collections[0].get_offsets()
        assert points[:, 1].tolist() == sorted(ESTIMATES.values())
        marks = below.lines[NAMES.index("picked")]
        assert marks.get_xdata().tolist() == [
            i for i, model in enumerate(table["model"]) if model == "picked"
        ]
        assert marks.get_color() == model_colours(study)["picked"]
        labels = [text.get_text() for text in below.get_yticklabels()]
    assert labels[0] == "model: volume"
    assert "predictor: logistic" in labels


def test_the_section_tells_the_span_and_each_choice(study: Study, tmp_path: Path) -> None:
    write_table(universes(NAMES), tmp_path / "m.tsv")
    section = multiverse(
        make_context(study, ReportInputs(tables={"multiverse": tmp_path / "m.tsv"}))
    )
    assert section is not None
    text = plain(section.blocks[0].text)
    assert "4 models, 2 repeats" in text
    assert "the AUC lies between 0.480 and 0.700, with a median of 0.620" in text
    assert "6 of 8 lie above 0.5 (chance)" in text
    assert "the best of them is no result" in text
    table = section.blocks[-1]
    assert isinstance(table, Table)
    rows = {(row[0], row[1]): row[2:] for row in table.rows}
    assert rows["selection", "anova"] == ("2", "0.480", "0.590", "0.700")
    assert rows["sees", "volume"] == ("4", "0.500", "0.580", "0.650")


def test_a_single_model_is_no_multiverse(study: Study, tmp_path: Path) -> None:
    write_table(universes(["volume"]), tmp_path / "m.tsv")
    inputs = ReportInputs(tables={"multiverse": tmp_path / "m.tsv"})
    assert multiverse(make_context(study, inputs)) is None

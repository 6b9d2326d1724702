"""Tables by strangers, as `benchmarks/radmlbench.py` reads them, and the page that it writes."""

import gzip
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from radpipe.config import SearchBudget
from radpipe.errors import RadpipeError
from radpipe.evaluation.procedure_intervals import METHOD
from radpipe.logs import THREAD_VARIABLES


@pytest.fixture(scope="module")
def bench() -> Iterator[ModuleType]:
    """The script; benchmarks are no package."""
    folder = str(Path(__file__).resolve().parents[2] / "benchmarks")
    sys.path.insert(0, folder)
    import radmlbench

    yield radmlbench
    sys.path.remove(folder)


def strange(rows: int = 12) -> pd.DataFrame:
    """Every kind of column that a stranger may send, the outcome in the middle."""
    number = np.arange(rows)
    return pd.DataFrame(
        {
            "Unnamed: 0": number,
            "constant": 3.0,
            "endless": np.where(number == 2, np.inf, number % 5),
            "huge": np.where(number == 3, 1e200, number % 4),
            "empty": np.nan,
            "gaps": np.where(number % 3 == 0, np.nan, number**2),
            "TARGET": np.where(number % 2, "yes", "no"),
            "stage": number % 3 + 1,
            "sex": np.where(number % 4 < 2, "m", "f"),
            "remark": [f"seen on day {i}" for i in number],
            "mostly": ["n/k" if i == 1 else str(i * 7 % 5) for i in number],
            "flag": number % 3 == 1,
            "id": np.where(number < 2, "p0", [f"p{i}" for i in number]),
        }
    )


def write(table: pd.DataFrame, path: Path, sep: str = ",") -> Path:
    if path.suffix == ".gz":
        with gzip.open(path, "wt") as stream:
            table.to_csv(stream, index=False, sep=sep)
    else:
        table.to_csv(path, index=False, sep=sep)
    return path


@pytest.mark.parametrize(("name", "sep"), [("t.gz", ","), ("t.csv.gz", ";"), ("t.tsv", "\t")])
def test_strange_columns_are_read_or_left_out_with_a_sentence(
    bench: ModuleType, tmp_path: Path, name: str, sep: str
) -> None:
    table = bench.read_bench_table(write(strange(40), tmp_path / name, sep))
    features = table.blocks.table
    assert table.name == "t"
    assert list(features) == [
        *("constant", "endless", "huge", "empty", "gaps"),
        *("stage", "sex", "mostly", "flag"),
    ]
    assert table.targets["y"].tolist() == [0.0, 1.0] * 20
    assert table.targets["patient"].nunique() == 39
    assert [sum(features[c].isna()) for c in ("endless", "huge", "mostly")] == [1, 1, 1]
    assert features.dtypes.astype(str).value_counts().to_dict() == {"float64": 8, "object": 1}
    assert table.left_out == [
        "left out as row numbers: Unnamed: 0",
        "left out as text of more than 12 values: remark",
    ]


def test_columns_of_another_order_and_case_give_the_same_table(
    bench: ModuleType, tmp_path: Path
) -> None:
    first = strange(40)
    turned = first[first.columns[::-1]].rename(columns={"TARGET": " target", "id": "Patient-ID"})
    a = bench.read_bench_table(write(first, tmp_path / "a.csv"))
    b = bench.read_bench_table(write(turned, tmp_path / "b.csv"))
    pd.testing.assert_frame_equal(a.targets, b.targets)
    pd.testing.assert_frame_equal(a.blocks.table, b.blocks.table[a.blocks.table.columns])


def test_rows_without_an_outcome_are_no_cases(bench: ModuleType, tmp_path: Path) -> None:
    table = strange(40).assign(TARGET=[np.nan, " ", *([1, 0] * 19)])
    read = bench.read_bench_table(write(table, tmp_path / "t.csv"))
    assert len(read.targets) == len(read.blocks.table) == 38
    assert read.targets["y"].iloc[:2].tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"TARGET": None}, "no column 'Target'"),
        ({"TARGET": range(40)}, "must have two values"),
        ({"TARGET": 1}, "must have two values"),
        ({"only": None}, "no feature of the table varies"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_the_reason(
    bench: ModuleType, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    table = strange(40)
    if "only" in changes:
        table = table[["TARGET", "constant", "empty"]]
    elif changes["TARGET"] is None:
        table = table.drop(columns="TARGET")
    else:
        table = table.assign(**changes)
    with pytest.raises(RadpipeError, match=message):
        bench.read_bench_table(write(table, tmp_path / "t.csv"))


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b broken", b"Target,a\n1,2\n0,1,2,3\n"])
def test_a_file_that_is_no_table_is_named_and_the_others_go_on(
    bench: ModuleType, tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.gz").write_bytes(content)
    (tmp_path / "u.csv").write_bytes(content)
    paths = sorted(tmp_path.glob("*"))
    assert bench.run_all(paths, 1, 1.0, 1).empty
    printed = capsys.readouterr().out
    assert [line[:12] for line in printed.splitlines() if "left out" in line] == [
        "left out: t:",
        "left out: u:",
    ]
    assert printed.count("the file is no table") == 2


def test_small_classes_get_fewer_folds_and_tiny_ones_are_refused(
    bench: ModuleType, tmp_path: Path
) -> None:
    table = strange(40).drop(columns="id")
    for positive, folds, inner in ((4, 4, 3), (7, 5, 3), (20, 5, 3)):
        own = table.assign(TARGET=[1] * positive + [0] * (40 - positive))
        read = bench.read_bench_table(write(own, tmp_path / "t.csv"))
        splits = bench.outer_folds(read, 5)
        assert (splits.folds, splits.inner_folds, splits.repeats) == (folds, inner, 5)
    own = table.assign(TARGET=[1] * 3 + [0] * 37)
    with pytest.raises(RadpipeError, match="too few patients of one class"):
        bench.outer_folds(bench.read_bench_table(write(own, tmp_path / "t.csv")), 5)


def test_one_fold_of_a_strange_table_is_scored_by_all_models(
    bench: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = SearchBudget(trials=6, members=3, repeats=1)
    monkeypatch.setattr(bench, "AUTO", bench.AUTO.model_copy(update={"budget": small}))
    table = bench.read_bench_table(write(strange(40), tmp_path / "t.csv"))
    splits = bench.outer_folds(table, 1)
    scored = bench.score_fold((table, splits, "r1f1", 5.0))
    assert set(scored["model"]) == set(bench.MODELS)
    assert scored["y_prob"].between(0, 1).all()
    assert (scored["trials"] == 6).all()
    tested = table.targets.loc[scored["case"], "patient"]
    assert scored["patient"].tolist() == tested.tolist()


def test_processes_start_with_one_thread(
    bench: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in THREAD_VARIABLES:
        monkeypatch.setenv(name, "7")
    with bench.workers(1) as pool:
        told = list(pool.map(os.getenv, THREAD_VARIABLES))
    assert set(told) == {"1"}


def result(method: str) -> pd.DataFrame:
    row = {"estimate": 0.8, "ci_low": 0.7, "ci_high": 0.9, "method": method, "table": "Arita2018"}
    facts = {"cases": 9, "positive": 4, "features": 3, "repeats": 5, "trials": 60, "minutes": 1.0}
    spread = {"lowest": 0.78, "highest": 0.82}
    models = ("auto", "anova16_logistic", "random_forest")
    return pd.DataFrame([{"model": name, **row, **facts, **spread} for name in models])


def test_the_page_says_of_the_interval_what_its_method_is(bench: ModuleType) -> None:
    for method, sentence in ((METHOD, "about the whole procedure"), ("delong", "models as given")):
        found = result(method)
        text = bench.page(found, bench.judge(found), SearchBudget(), 2)
        assert sentence in text
        assert f"`{method}`" in text
        assert "0.800 (0.700 to 0.900)" in text
        assert "0.780 to 0.820" in text
        assert "cut the search short" not in text
    found = result(METHOD).assign(trials=12)
    assert "cut the search short" in bench.page(found, bench.judge(found), SearchBudget(), 2)


def test_goals_are_compared_with_the_estimate(bench: ModuleType) -> None:
    assert bench.judge(result(METHOD))["met"].tolist() == [True]
    assert bench.judge(result(METHOD).assign(estimate=0.75))["met"].tolist() == [False]
    none = result(METHOD).assign(table="WORC-Melanoma", estimate=0.6, ci_low=0.51)
    assert bench.judge(none)["met"].tolist() == [False]

"""How good is `predictor: auto` on tables of radiomic features, beside two plain baselines?

Every table (`ID`, `Target`, features) goes through repeated nested cross-validation by patient:
the search over whole pipelines with its default settings, ANOVA 16 + logistic regression and a
random forest, both as scikit-learn has them, on the same folds.

    python benchmarks/radmlbench.py --data DIR --jobs 2

The outer folds are drawn `REPEATS` times; fewer, if another repeat would not fit into `--minutes` a
table on a slow machine. A table that cannot be used is named with the reason. A run over the tables
with a goal writes docs/benchmarks/radmlbench.md.
"""

import argparse
import contextlib
import io
import math
import multiprocessing
import os
import sys
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
from radmlbench_parts.page import GOALS, MODELS, NO_SIGNAL, judge, one_row_a_table, page
from radmlbench_parts.tables import SUFFIXES, Table, outer_folds, read_bench_table, table_name
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_classif
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from radpipe.config import Evaluation, Model, Splits, Threshold
from radpipe.errors import RadpipeError
from radpipe.evaluation.discrimination import auc
from radpipe.evaluation.performance import performance_table
from radpipe.io.files import atomic
from radpipe.io.tables import write_table
from radpipe.logs import set_threads
from radpipe.modelling.fitting import FitSettings, fit_tabular, predict
from radpipe.modelling.splits import fold_table, part_of
from radpipe.types import DEVELOPMENT

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "radmlbench.tsv"
PAGE = ROOT / "docs" / "benchmarks" / "radmlbench.md"

SEED = 2026
REPEATS = 5
SHARE_OF_TIME = 0.85
"""Another repeat is only begun if it would end within this share of the time of a table."""
SHARE_OF_SEARCH = 0.7
"""Of the time that a fold may take; the fit of the members and the baselines take the rest."""

AUTO = Model(name="auto", blocks=["handcrafted"], predictor="auto")


def score_fold(job: tuple[Table, Splits, str, float]) -> pd.DataFrame:
    """Predictions of all models for the test part of one outer fold.

    Returns:
        Rows of `predictions.tsv`, and `trials`: pipelines that the search tried.
    """
    table, splits, fold, minutes = job
    folds = fold_table(table.targets, splits, SEED)
    train, test = part_of(folds, fold, "train"), part_of(folds, fold, "test")
    own = table.targets.loc[train]
    settings = FitSettings(splits, Threshold(), SEED)
    # A net for huge tables and slow machines: without it the result is the same everywhere.
    budget = AUTO.budget.model_copy(update={"minutes": SHARE_OF_SEARCH * minutes})
    model = AUTO.model_copy(update={"budget": budget})
    y, patients = own["y"].to_numpy(), own["patient"].to_numpy()
    with contextlib.redirect_stdout(io.StringIO()):  # the progress of several processes at once
        auto = fit_tabular(table.blocks.rows(train), y, patients, model, settings)
    scores = {"auto": predict(auto, table.blocks.rows(test))}
    numbers = pd.get_dummies(table.blocks.table, dtype=float)
    for name, pipeline in baselines(numbers.loc[train]).items():
        with warnings.catch_warnings():
            # A column without any value in the training part is dropped by the imputer.
            warnings.filterwarnings("ignore", "Skipping features without any observed values")
            pipeline.fit(numbers.loc[train].to_numpy(), y)
            scores[name] = pipeline.predict_proba(numbers.loc[test].to_numpy())[:, 1]
    rows = table.targets.loc[test]
    shared = {
        "case": test,
        "patient": rows["patient"].to_numpy(),
        "cohort": DEVELOPMENT,
        "fold": fold,
        "y_true": rows["y"].to_numpy(),
    }
    parts = [
        pd.DataFrame(
            {
                "model": name,
                **shared,
                "y_prob": p,
                "threshold": auto.threshold if name == "auto" else 0.5,
                "trials": auto.card["trials"],
            }
        )
        for name, p in scores.items()
    ]
    return pd.concat(parts, ignore_index=True)


def baselines(train: pd.DataFrame) -> dict[str, Any]:
    """What a reader would try first, from scikit-learn, with its defaults."""
    varying = int((train.nunique() > 1).sum())
    return {
        "anova16_logistic": make_pipeline(
            SimpleImputer(strategy="median"),
            VarianceThreshold(),
            StandardScaler(),
            SelectKBest(f_classif, k=min(16, varying)),
            LogisticRegression(max_iter=10_000),
        ),
        "random_forest": make_pipeline(
            SimpleImputer(strategy="median"), RandomForestClassifier(random_state=SEED)
        ),
    }


def workers(jobs: int) -> ProcessPoolExecutor:
    """Processes of one thread.

    Libraries read the number of threads when they are imported, so it is set here and inherited:
    set in the process itself it comes too late, and threads that wait for each other take three
    times as long.
    """
    set_threads(1)
    return ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"))


def run_table(table: Table, *, jobs: int, minutes: float, most: int) -> pd.DataFrame:
    """Rows of the result: one a model."""
    started = time.monotonic()
    splits = outer_folds(table, most)
    longest = SHARE_OF_TIME * minutes / math.ceil(splits.folds / jobs)
    parts: list[pd.DataFrame] = []
    repeats = 0
    # A pool of its own: a process that dies of one table must not take the others with it.
    with workers(jobs) as pool:
        while repeats < most:
            repeats += 1
            names = [f"r{repeats}f{k + 1}" for k in range(splits.folds)]
            parts += pool.map(score_fold, [(table, splits, name, longest) for name in names])
            spent = time.monotonic() - started
            if spent * (repeats + 1) / repeats > SHARE_OF_TIME * minutes * 60:
                break
    predictions = pd.concat(parts, ignore_index=True)
    trials = int(predictions.pop("trials").min())
    found = performance_table(predictions, Evaluation(bootstrap=200), SEED)
    rows = found[found["metric"] == "auc"].set_index("model").loc[list(MODELS)].reset_index()
    by_repeat = _auc_of_repeats(predictions)
    facts = {
        "table": table.name,
        "cases": len(table.targets),
        "positive": int(table.targets["y"].sum()),
        "features": table.blocks.table.shape[1],
        "repeats": repeats,
        "trials": trials,
        "minutes": (time.monotonic() - started) / 60,
    }
    rows = rows.drop(columns=["cohort", "metric", "n"]).assign(**facts)
    return rows.assign(
        lowest=rows["model"].map(by_repeat.min()), highest=rows["model"].map(by_repeat.max())
    )


def _auc_of_repeats(predictions: pd.DataFrame) -> pd.DataFrame:
    """AUC of the pooled predictions of each repeat (rows) and model (columns)."""
    repeat = predictions["fold"].str.extract(r"^(r\d+)f")[0]
    return pd.DataFrame(
        {
            model: {
                name: auc(rows["y_true"].to_numpy(), rows["y_prob"].to_numpy())
                for name, rows in own.groupby(repeat)
            }
            for model, own in predictions.groupby("model")
        }
    )


def run_all(paths: Sequence[Path], jobs: int, minutes: float, most: int) -> pd.DataFrame:
    """Rows of all tables that can be used; the others are named with the reason."""
    results: list[pd.DataFrame] = []
    for path in paths:
        try:
            table = read_bench_table(path)
            for sentence in table.left_out:
                print(f"{table.name}: {sentence}", flush=True)
            rows = run_table(table, jobs=jobs, minutes=minutes, most=most)
        except (RadpipeError, ValueError, ArithmeticError, MemoryError, BrokenExecutor) as error:
            # One strange table of a folder must not cost the others their result.
            print(f"left out: {table_name(path)}: {error}", flush=True)
            continue
        results.append(rows)
        print(one_row_a_table(rows).to_string(index=False, header=len(results) == 1), flush=True)
    return pd.concat(results, ignore_index=True) if results else pd.DataFrame()


def main() -> int:
    """Run, write, print; 1 where a goal is missed or no table could be used."""
    data = os.environ.get("RADPIPE_TEST_DATA", "../shared/data")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(data) / "radMLBench" / "datasets")
    parser.add_argument("--only", nargs="*", help="names of tables")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--minutes", type=float, default=5.0, help="limit of a table")
    parser.add_argument("--quick", action="store_true", help="one repeat, no page")
    arguments = parser.parse_args()
    paths = sorted(p for p in arguments.data.glob("*") if p.name.lower().endswith(SUFFIXES))
    paths = [p for p in paths if not arguments.only or table_name(p) in arguments.only]
    most = 1 if arguments.quick else REPEATS
    result = run_all(paths, arguments.jobs, arguments.minutes, most)
    if result.empty:
        print(f"no table in {arguments.data} could be used")
        return 1
    write_table(result, RESULT)
    verdicts = judge(result)
    if not verdicts.empty:
        print(f"\n{verdicts.to_string(index=False)}")
    if not arguments.quick and set(verdicts["table"]) == {*GOALS, *NO_SIGNAL}:
        with atomic(PAGE) as part:
            part.write_text(page(result, verdicts, AUTO.budget, arguments.jobs), encoding="utf-8")
    return 0 if verdicts["met"].all() else 1


if __name__ == "__main__":
    sys.exit(main())

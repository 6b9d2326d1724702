"""How good is `predictor: auto` on tables of radiomic features, beside two plain baselines?

Every table (`ID`, `Target`, features) goes through repeated nested cross-validation by patient:
the search over whole pipelines with its default settings, ANOVA 16 + logistic regression and a
random forest, both as scikit-learn has them, on the same folds.

    python benchmarks/radmlbench.py --data DIR --jobs 2

Repeats of the outer folds are made until `MOST_REPEATS` or until another one would not fit into
`--minutes` a table. A run over the tables with a goal writes docs/benchmarks/radmlbench.md.
"""

import argparse
import contextlib
import gzip
import io
import math
import multiprocessing
import os
import sys
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_classif
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from radpipe.config import Evaluation, Model, Splits, Threshold
from radpipe.errors import RadpipeError
from radpipe.evaluation.performance import performance_table
from radpipe.io.files import atomic
from radpipe.io.tables import write_table
from radpipe.logs import set_threads
from radpipe.modelling.blocks import Blocks, as_categories, is_numeric
from radpipe.modelling.fitting import FitSettings, fit_tabular, predict
from radpipe.modelling.splits import fold_table, part_of
from radpipe.types import DEVELOPMENT

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "radmlbench.tsv"
PAGE = ROOT / "docs" / "benchmarks" / "radmlbench.md"

SEED = 2026
FOLDS = 5
MOST_REPEATS = 5
SHARE_OF_TIME = 0.85
"""Another repeat is only begun if it would end within this share of the time of a table."""

SUFFIXES = (".gz", ".csv", ".tsv")
AUTO = Model(name="auto", blocks=["handcrafted"], predictor="auto")
MODELS = ("auto", "anova16_logistic", "random_forest")
GOALS = {"Song2020": 0.94, "WORC-Lipo": 0.84, "Arita2018": 0.76, "Wang2024": 0.68}
"""Smallest AUC of auto that is wanted."""
NO_SIGNAL = ("WORC-Melanoma",)
"""Tables on which the interval must cover 0.5."""


@dataclass(frozen=True)
class Table:
    """One table as the chain wants it.

    Attributes:
        name: of the file.
        blocks: features by case.
        targets: `patient` and `y` by case; rows with the same ID are one patient.
    """

    name: str
    blocks: Blocks
    targets: pd.DataFrame


def read_bench_table(path: Path) -> Table:
    """Read `ID`, `Target` and features from a CSV or TSV file, compressed or not.

    Without an ID every row is a patient. Of the two values of `Target`, the later one in order
    (1, True) is positive; rows without one are left out. Text becomes categories, infinity a gap.

    Raises:
        RadpipeError: there is no column `Target`, or it has not two values.
    """
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt") as stream:
        header = stream.readline()
    separator = max(",;\t", key=header.count)
    compression: Any = "gzip" if path.suffix == ".gz" else None
    table = pd.read_csv(path, compression=compression, sep=separator, low_memory=False)
    by_lower = {str(c).lower(): c for c in table.columns}
    if "target" not in by_lower:
        raise RadpipeError("the table has no column 'Target'", file=path)
    outcome = table.pop(by_lower["target"])
    ids = table.pop(by_lower["id"]) if "id" in by_lower else pd.Series(range(len(table)))
    known = outcome.notna().to_numpy()
    values = sorted(outcome[known].unique())
    if len(values) != 2:
        raise RadpipeError(
            "'Target' must have two values", file=path, found=f"{len(values)} values"
        )
    cases = pd.Index([f"c{i:05d}" for i in range(int(known.sum()))], name="case")
    unnamed = [c for c in table.columns if str(c).startswith("Unnamed: ")]
    features = table.drop(columns=unnamed)[known].set_axis(cases)
    features.columns = features.columns.astype(str)
    columns = {
        c: pd.to_numeric(v, errors="coerce").astype(float).replace([np.inf, -np.inf], np.nan)
        if is_numeric(v)
        else as_categories(v)
        for c, v in features.items()
    }
    own = pd.Series([f"row {i}" for i in range(len(ids))], index=ids.index)
    patient = ids.astype(str).where(ids.notna(), own)[known].to_numpy()
    targets = pd.DataFrame(
        {"patient": patient, "y": (outcome[known] == values[1]).astype(float).to_numpy()},
        index=cases,
    )
    blocks = Blocks(pd.DataFrame(columns, index=cases), dict.fromkeys(columns, "handcrafted"))
    return Table(path.name.split(".")[0], blocks, targets)


def outer_folds(table: Table) -> Splits:
    """Five folds and three inner ones, or fewer if a class has too few patients for that.

    Raises:
        RadpipeError: a class has fewer than four patients.
    """
    label = table.targets.groupby("patient")["y"].max()
    rarest = int(min((label == 0).sum(), (label == 1).sum()))
    if rarest < 4:
        raise RadpipeError(
            f"table '{table.name}' has too few patients of one class",
            found=rarest,
            expected="at least 4",
        )
    folds = min(FOLDS, rarest)
    left = rarest - -(-rarest // folds)
    return Splits(folds=folds, repeats=MOST_REPEATS, inner_folds=max(2, min(3, left)))


def score_fold(job: tuple[Table, Splits, str, float]) -> pd.DataFrame:
    """Predictions of all models for the test part of one outer fold."""
    table, splits, fold, minutes = job
    set_threads(1)
    folds = fold_table(table.targets, splits, SEED)
    train, test = part_of(folds, fold, "train"), part_of(folds, fold, "test")
    own = table.targets.loc[train]
    settings = FitSettings(splits, Threshold(), SEED)
    # Cuts the search short on tables of many thousand cases only.
    budget = AUTO.budget.model_copy(update={"minutes": minutes})
    model = AUTO.model_copy(update={"budget": budget})
    y, patients = own["y"].to_numpy(), own["patient"].to_numpy()
    with contextlib.redirect_stdout(io.StringIO()):  # the progress of several processes at once
        auto = fit_tabular(table.blocks.rows(train), y, patients, model, settings)
    scores = {"auto": predict(auto, table.blocks.rows(test))}
    numbers = table.blocks.table.select_dtypes("number")
    for name, pipeline in baselines(numbers.loc[train]).items():
        with warnings.catch_warnings():
            # A column without any value in the training part is dropped by the imputer.
            warnings.filterwarnings("ignore", "Skipping features without any observed values")
            pipeline.fit(numbers.loc[train].to_numpy(), own["y"].to_numpy())
            scores[name] = pipeline.predict_proba(numbers.loc[test].to_numpy())[:, 1]
    rows = table.targets.loc[test]
    parts = [
        pd.DataFrame(
            {
                "model": name,
                "case": test,
                "patient": rows["patient"].to_numpy(),
                "cohort": DEVELOPMENT,
                "fold": fold,
                "y_true": rows["y"].to_numpy(),
                "y_prob": p,
                "threshold": auto.threshold if name == "auto" else 0.5,
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


def run_table(
    table: Table, pool: ProcessPoolExecutor, *, jobs: int, minutes: float, most: int
) -> pd.DataFrame:
    """Rows of the result: one a model."""
    splits = outer_folds(table)
    longest = SHARE_OF_TIME * minutes / math.ceil(splits.folds / jobs)
    started = time.monotonic()
    parts: list[pd.DataFrame] = []
    repeats = 0
    while repeats < most:
        repeats += 1
        names = [f"r{repeats}f{k + 1}" for k in range(splits.folds)]
        parts += pool.map(score_fold, [(table, splits, name, longest) for name in names])
        spent = time.monotonic() - started
        if spent * (repeats + 1) / repeats > SHARE_OF_TIME * minutes * 60:
            break
    predictions = pd.concat(parts, ignore_index=True)
    found = performance_table(predictions, Evaluation(bootstrap=200), SEED)
    rows = found[found["metric"] == "auc"].set_index("model").loc[list(MODELS)].reset_index()
    facts = {
        "table": table.name,
        "cases": len(table.targets),
        "positive": int(table.targets["y"].sum()),
        "features": table.blocks.table.shape[1],
        "repeats": repeats,
        "minutes": (time.monotonic() - started) / 60,
    }
    return rows.drop(columns=["cohort", "metric", "n"]).assign(**facts)


def judge(result: pd.DataFrame) -> pd.DataFrame:
    """Goals of the tables that have one: `table, goal, value, met`."""
    rows = []
    for _, row in result[result["model"] == "auto"].iterrows():
        if row["table"] in GOALS:
            goal, met = f">= {GOALS[row['table']]:.2f}", row["estimate"] >= GOALS[row["table"]]
        elif row["table"] in NO_SIGNAL:
            goal, met = "interval covers 0.5", row["ci_low"] <= 0.5 <= row["ci_high"]
        else:
            continue
        value = interval(row)
        rows.append({"table": row["table"], "goal": goal, "value": value, "met": bool(met)})
    return pd.DataFrame(rows, columns=["table", "goal", "value", "met"])


def interval(row: pd.Series) -> str:
    """`0.912 (0.880 to 0.944)`."""
    return f"{row['estimate']:.3f} ({row['ci_low']:.3f} to {row['ci_high']:.3f})"


def one_row_a_table(result: pd.DataFrame) -> pd.DataFrame:
    """What is printed: the AUC of each model with its interval."""
    facts = result.drop_duplicates("table").set_index("table")
    shown = facts[["cases", "positive", "features", "repeats"]].copy()
    for model in MODELS:
        own = result[result["model"] == model].set_index("table")
        shown[model] = own.apply(interval, axis=1)
    shown["minutes"] = facts["minutes"].round(1)
    return shown.reset_index()


def markdown(table: pd.DataFrame) -> str:
    """A table of a page."""
    lines = [list(table.columns), ["---"] * table.shape[1], *table.astype(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


TEXT = """# Tables of radiomic features: the search over whole pipelines beside plain baselines

AUC of nested cross-validation by patient ({folds} outer folds, repeated as the column says; inside
each training part three inner folds, twice), mean over the repeats. `auto` is `predictor: auto`
with its default settings: {trials} pipelines tried by inner AUC, the mean of the best {members}.
`anova16_logistic` and `random_forest` are scikit-learn's own with its defaults, on the same folds.
Written by `benchmarks/radmlbench.py`; {jobs} processes of one thread.

{rows}

The interval is the one that `performance.tsv` prints for pooled out-of-fold predictions, method
`{method}`. It is conditional on the fitted models and covers less often than 95 %.

{verdicts}

## What was settled with these tables in view

{settled}
"""

SETTLED = """The list of pipelines, their hyper-parameters, the number of trials and of members were
set before any of these tables was run, and nothing was changed after the first run. The tables are
from radMLBench (MIT licence), which has 50; the other 45 were never looked at."""


def write_page(result: pd.DataFrame, verdicts: pd.DataFrame, jobs: int) -> None:
    """Write docs/benchmarks/radmlbench.md."""
    text = TEXT.format(
        folds=FOLDS,
        trials=AUTO.budget.trials,
        members=AUTO.budget.members,
        jobs=jobs,
        rows=markdown(one_row_a_table(result)),
        method=result["method"].iloc[0],
        verdicts=markdown(verdicts),
        settled=SETTLED,
    )
    with atomic(PAGE) as part:
        part.write_text(text, encoding="utf-8")


def run_all(paths: Sequence[Path], jobs: int, minutes: float, most: int) -> pd.DataFrame:
    """Rows of all tables that can be used; the others are named with the reason."""
    results = []
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        for path in paths:
            try:
                table = read_bench_table(path)
                rows = run_table(table, pool, jobs=jobs, minutes=minutes, most=most)
            except RadpipeError as error:
                print(f"left out: {error}", flush=True)
                continue
            results.append(rows)
            print(
                one_row_a_table(rows).to_string(index=False, header=len(results) == 1), flush=True
            )
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
    paths = sorted(p for p in arguments.data.glob("*") if p.name.endswith(SUFFIXES))
    paths = [p for p in paths if not arguments.only or p.name.split(".")[0] in arguments.only]
    most = 1 if arguments.quick else MOST_REPEATS
    result = run_all(paths, arguments.jobs, arguments.minutes, most)
    if result.empty:
        print(f"no table in {arguments.data} could be used")
        return 1
    write_table(result, RESULT)
    verdicts = judge(result)
    if not verdicts.empty:
        print(f"\n{verdicts.to_string(index=False)}")
    if not arguments.quick and set(verdicts["table"]) == {*GOALS, *NO_SIGNAL}:
        write_page(result, verdicts, arguments.jobs)
    return 0 if verdicts["met"].all() else 1


if __name__ == "__main__":
    sys.exit(main())

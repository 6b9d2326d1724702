"""The page of the benchmark and what is printed: AUC with interval, goals, what was settled."""

import pandas as pd

from radpipe.config import SearchBudget
from radpipe.evaluation.procedure_intervals import METHOD

MODELS = ("auto", "anova16_logistic", "random_forest")
GOALS = {"Song2020": 0.94, "WORC-Lipo": 0.84, "Arita2018": 0.76, "Wang2024": 0.68}
"""Smallest AUC of auto that is wanted."""
NO_SIGNAL = ("WORC-Melanoma",)
"""Tables on which the interval must cover 0.5."""

TEXT = """# Tables of radiomic features: the search over whole pipelines beside plain baselines

AUC of nested cross-validation by patient: {folds} outer folds, drawn anew as often as the column
`repeats` says; the mean over the repeats with its 95 % interval. `auto` is `predictor: auto` with
its default settings: {trials} pipelines tried by inner {metric} in three inner folds, the better
half of them again with other folds, {repeats} draws in all, and the mean of the best {members}.
`anova16_logistic` and `random_forest` are scikit-learn's own with its defaults, in the same folds.
Written by `benchmarks/radmlbench.py`; {jobs} processes of one thread.

{rows}

{interval}

| table | auto, lowest and highest repeat |
|---|---|
{spread}

## Goals

{verdicts}

## What was settled with these tables in view

{settled}
"""

PROCEDURE = """The interval is about the whole procedure, search included, and not about the fitted
models alone: it allows for training cohorts that would have been other ones (method `{method}`; its
measured coverage is in [coverage.md](coverage.md)). It is as wide for a goal that is met as for one
that is missed: a goal is compared with the estimate."""
CONDITIONAL = """The interval is that of pooled out-of-fold predictions, method `{method}`. It takes
the fitted models as given and covers less often than 95 %."""

SETTLED = """The list of pipelines, their hyper-parameters, the number of trials and of members
were set before any of these tables was run. After a first run with one repeat of the outer folds
(AUC Song2020 .947, WORC-Lipo .886, Arita2018 .761, Wang2024 .752, WORC-Melanoma .460) one thing was
changed, for speed and not for these figures: only the better half of the pipelines sees the second
draw of the inner folds. On a few simulated tables other sizes of the average, weights by inner AUC
and a greedy choice of members differed too little to choose by, and equal weights of ten stayed.
The tables are from radMLBench (MIT licence), which has 50; the other 45 were never looked at."""


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


def page(result: pd.DataFrame, verdicts: pd.DataFrame, budget: SearchBudget, jobs: int) -> str:
    """The text of docs/benchmarks/radmlbench.md."""
    methods = list(dict.fromkeys(result["method"]))
    about = PROCEDURE if all(m.startswith(METHOD) for m in methods) else CONDITIONAL
    auto = result[result["model"] == "auto"]
    spread = [
        f"| {r['table']} | {r['lowest']:.3f} to {r['highest']:.3f} |" for _, r in auto.iterrows()
    ]
    cut = result[result["trials"] < budget.trials]["table"].unique()
    rows = markdown(one_row_a_table(result))
    if len(cut):
        rows += f"\n\nTime cut the search short in a fold of {', '.join(cut)}."
    return TEXT.format(
        folds="five",
        trials=budget.trials,
        metric={"auc": "AUC", "log_loss": "log loss"}[budget.metric],
        repeats=budget.repeats,
        members=budget.members,
        jobs=jobs,
        rows=rows,
        interval=about.format(method="`, `".join(methods)),
        spread="\n".join(spread),
        verdicts=markdown(verdicts.replace({"met": {True: "yes", False: "no"}})),
        settled=SETTLED,
    )


def markdown(table: pd.DataFrame) -> str:
    """A table of a page."""
    lines = [list(table.columns), ["---"] * table.shape[1], *table.astype(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)

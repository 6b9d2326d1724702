"""The tables of the coverage benchmark as a page."""

import pandas as pd

GOAL = (0.93, 0.97)
PRINTED = "influence"
"""The method that a study prints; the others are shown beside it."""

METRICS = {"auc": "AUC", "calibration_slope": "Calibration slope", "c_index": "C index"}
SIGNAL = {0.0: "none", 1.0: "moderate", 2.0: "strong"}

HEAD = """# Coverage of the intervals for cross-validated performance

Written by `benchmarks/coverage.py`. Simulated cohorts of a population that is known; in each, five
stratified folds, repeated, of a ridge regression. The truth is what models from training sets of
the same size achieve in the population, on average over all of them: the performance of the
procedure, not of one model. Coverage is the share of cohorts whose 95 % interval holds it; with
{cohorts} cohorts it is known to about ± {error:.3f} (two standard errors at 0.95).

`influence` is the printed method (`radpipe.evaluation.procedure_intervals`), `conditional` the
usual interval of pooled out-of-fold predictions (DeLong and its kin), `doubled` twice its variance.
`nested cv` (Bates, Hastie & Tibshirani 2024) and `delete-fold jackknife` fit models again. With
one repeat the printed method is an upper bound. In brackets: mean width. A setting fails if its
coverage lies outside {low} to {high} by more than the error of the simulation.
"""


def verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """Coverage of the printed method with the most repeats, a row a setting and metric; `met`."""
    printed = table[table["method"].str.startswith(PRINTED)]
    repeats = printed["method"].str.extract(r", (\d+) repeats")[0].astype(int)
    printed = printed.assign(repeats=repeats.to_numpy())
    best = printed[printed["repeats"] == printed["repeats"].max()]
    # A simulation of so many cohorts leaves its own error, which no method can answer for.
    slack = 2 * (0.95 * 0.05 / best["cohorts"]) ** 0.5
    low, high = GOAL[0] - slack, GOAL[1] + slack
    return best.assign(met=(best["coverage"] >= low) & (best["coverage"] <= high))


def coverage_page(table: pd.DataFrame) -> str:
    """The page: verdict, then for each metric coverage and mean width of every method."""
    cohorts = int(table["cohorts"].min())
    error = 2 * (0.95 * 0.05 / cohorts) ** 0.5
    parts = [HEAD.format(cohorts=cohorts, error=error, low=GOAL[0], high=GOAL[1])]
    judged = verdicts(table)
    for metric, title in METRICS.items():
        rows = table[table["metric"] == metric]
        if rows.empty:
            continue
        found = judged[judged["metric"] == metric]["coverage"]
        parts.append(f"## {title}\n")
        parts.append(
            f"Printed method: coverage {found.min():.3f} to {found.max():.3f} over {len(found)} "
            f"settings, mean {found.mean():.3f}; "
            f"{int(((found >= GOAL[0]) & (found <= GOAL[1])).sum())} of {len(found)} within "
            f"{GOAL[0]} to {GOAL[1]}.\n"
        )
        parts.append(_markdown(_wide(rows)))
    return "\n".join(parts) + "\n"


def _wide(rows: pd.DataFrame) -> pd.DataFrame:
    """A row a setting, a column a method: coverage and mean width."""
    cells = rows["coverage"].map("{:.3f}".format) + " (" + rows["width"].map("{:.2f}".format) + ")"
    named = rows.assign(cell=cells, signal=rows["strength"].map(SIGNAL))
    columns = list(dict.fromkeys(rows["method"]))
    keys = ["n", "features", "signal", "truth", "mean estimate"]
    first = named.groupby(["n", "features", "strength"], sort=True)
    lines = []
    for _, group in first:
        cell = group.set_index("method")["cell"]
        start = group.iloc[0]
        shown = [start["n"], start["features"], start["signal"]]
        shown += [f"{start['truth']:.3f}", f"{start['mean']:.3f}"]
        lines.append([*shown, *(cell.get(method, "") for method in columns)])
    return pd.DataFrame(lines, columns=[*keys, *columns])


def _markdown(table: pd.DataFrame) -> str:
    head = "| " + " | ".join(table.columns) + " |"
    rule = "|" + "---|" * len(table.columns)
    body = ["| " + " | ".join(str(v) for v in row) + " |" for row in table.itertuples(index=False)]
    return "\n".join([head, rule, *body]) + "\n"

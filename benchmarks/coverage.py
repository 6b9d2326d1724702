"""How often does a printed 95 % interval hold the truth?

Cohorts of a known population, cross-validated as a study is; for each method the share of cohorts
whose interval holds what models of such training sets really achieve in the population.

    python benchmarks/coverage.py

Methods that fit again are judged in the first `--refitted` cohorts only. Every setting ends in a
table of benchmarks/results/coverage/; a setting that has one is not run again (`--redo` begins
anew). A full run writes docs/benchmarks/coverage.md and the figures that reports print
(src/radpipe/evaluation/data/measured_coverage.tsv), `--page` writes both from the tables alone.
`--quick` is a smoke run, and `--only binary_n50` a part of the settings, without page and verdict.
"""

import argparse
import os
import sys
import time
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from coverage_parts.cohorts import Setting, draw_fits
from coverage_parts.methods import intervals
from coverage_parts.page import coverage_page, measured, verdicts
from coverage_parts.truth import true_values

from radpipe.io.files import atomic
from radpipe.io.tables import read_table, write_table

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "coverage"
PAGE = ROOT / "docs" / "benchmarks" / "coverage.md"
FIGURES = ROOT / "src" / "radpipe" / "evaluation" / "data" / "measured_coverage.tsv"

SEED = 2029
SIZES = (50, 100, 200, 300)
FEATURES = (10, 50)
STRENGTHS = (0.0, 1.0, 2.0)
"""Spread of the true log-odds (log hazard) over patients: none, moderate, strong."""

RARE = -1.55
"""Log-odds at the mean that make some 20 % events."""

QUICK = [
    Setting("binary", 50, 10, 0.0),
    Setting("survival", 50, 10, 1.0),
    Setting("binary", 50, 10, 1.0, kept=3, check="best 3 features"),
]


def main() -> int:
    """Run what has no table yet, then judge."""
    options = _options()
    folder = RESULTS.with_name("coverage_quick") if options.quick else RESULTS
    settings = QUICK if options.quick else _settings()
    if not options.page:
        for setting in settings:
            if setting.name.startswith(options.only):
                _run(setting, options, folder)
    done = [folder / f"{s.name}.tsv" for s in settings if (folder / f"{s.name}.tsv").exists()]
    table = pd.concat([read_table(path) for path in done], ignore_index=True)
    if options.quick or options.only:
        return 0
    with atomic(PAGE) as path:
        path.write_text(coverage_page(table), encoding="utf-8")
    write_table(measured(table), FIGURES)
    failed = verdicts(table).query("not met")
    print(f"{len(done)} of {len(settings)} settings; {len(failed)} miss their goal")
    return 1 if len(failed) or len(done) < len(settings) else 0


def _settings() -> list[Setting]:
    """The grid, and settings of other kinds, which check how far what it shows holds."""
    grid = [Setting(*v) for v in product(("binary", "survival"), SIZES, FEATURES, STRENGTHS)]
    rare = {"offset": RARE, "check": "20 % events"}
    alike = {"neighbours": 0.9, "check": "neighbours 0.9"}
    screened = {"kept": 5, "check": "best 5 features"}
    checks = [Setting("binary", 100, 50, strength, **screened) for strength in STRENGTHS]
    checks += [Setting("survival", 100, 50, strength, **screened) for strength in STRENGTHS]
    checks += [Setting("binary", 200, 10, strength, **rare) for strength in STRENGTHS[:2]]
    checks += [Setting("binary", 100, 50, 1.0, **alike), Setting("survival", 100, 50, 1.0, **alike)]
    checks += [Setting("binary", 100, 3, 0.0, check="3 features")]
    checks += [Setting("binary", 100, 10, 1.0, penalty=100.0, check="penalty 100")]
    return grid + checks


def _run(setting: Setting, options: argparse.Namespace, folder: Path) -> None:
    """One setting: all its cohorts, and how each method did."""
    path = folder / f"{setting.name}.tsv"
    if path.exists() and not options.redo:
        return
    cohorts = 20 if options.quick else options.cohorts
    refitted = 0 if setting.check else options.refitted
    started, rows, models = time.process_time(), [], []
    for cohort in range(cohorts):
        seed = SEED + 1_000_003 * cohort
        inner = options.nested if cohort < refitted else 0
        fits = draw_fits(setting, seed, repeats=options.repeats, inner=inner)
        models.append(fits.models)
        rows += [(cohort, *row) for row in intervals(fits)]
    truth = true_values(setting, np.concatenate(models), SEED)
    columns = ["cohort", "metric", "method", "estimate", "low", "high"]
    summary = _summary(pd.DataFrame(rows, columns=columns), truth)
    place = {
        name: getattr(setting, name) for name in ("kind", "n", "features", "strength", "check")
    }
    write_table(summary.assign(**place), path)
    seconds = time.process_time() - started
    print(f"{setting.name}: {cohorts} cohorts, {seconds:.0f} s of cpu", flush=True)


def _summary(rows: pd.DataFrame, truth: dict[str, float]) -> pd.DataFrame:
    """A row a metric and method; an interval without limits does not cover."""
    true = rows["metric"].map(truth)
    judged = rows.assign(
        truth=true,
        covers=(rows["low"] <= true) & (true <= rows["high"]),
        width=rows["high"] - rows["low"],
        missing=rows["low"].isna(),
    )
    grouped = judged.groupby(["metric", "method"], sort=False)
    return grouped.agg(
        cohorts=("covers", "size"),
        truth=("truth", "first"),
        mean=("estimate", "mean"),
        sd=("estimate", "std"),
        coverage=("covers", "mean"),
        width=("width", "mean"),
        missing=("missing", "mean"),
    ).reset_index()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cohorts", type=int, default=1000, help="simulated cohorts a setting")
    parser.add_argument("--repeats", type=int, default=10, help="of the cross-validation")
    parser.add_argument(
        "--refitted", type=int, default=200, help="first cohorts for methods that fit again"
    )
    parser.add_argument(
        "--only", default="", help="run only settings whose name begins so; without page"
    )
    parser.add_argument(
        "--nested", type=int, default=1, help="repeats that are fitted again inside"
    )
    parser.add_argument("--quick", action="store_true", help="smoke run without page and verdict")
    parser.add_argument("--redo", action="store_true", help="run settings again that have a table")
    parser.add_argument(
        "--page", action="store_true", help="write page and figures from the tables alone"
    )
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())

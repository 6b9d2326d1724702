"""Outer and inner folds: patients stay together, outcomes are spread evenly.

The patient is the unit (guardrail G04): all cases of a patient fall into one part. Folds are drawn
from the sorted patient names, so the order of the sheet and its other columns decide nothing. What
is spread evenly: classes, quantiles of a regression outcome, events of a survival outcome (G22).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from radpipe.config import Outcome, Splits, Study
from radpipe.config.outcome import OutcomeKind
from radpipe.errors import FitError
from radpipe.modelling.outcomes import targets as targets_of
from radpipe.types import DEVELOPMENT, FINAL, Part, Vector

Indices = npt.NDArray[np.intp]

QUANTILES = 10
"""Groups of a regression outcome that are spread over the folds, at most."""


def split_cohort(cases: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Split the development cohort into outer folds.

    Args:
        cases: the usable cases with `case`, `patient`, `cohort` and the outcome columns.
        study: the config; `splits`, `seed` and `outcome` are used.

    Returns:
        `fold, case, part`: for each name in `study.splits.outer` every development case is in
        `train` or `test` and in `test` once a repeat; fold `final` has the whole development
        cohort in `train` and every other cohort in `test`.

    Raises:
        FitError: a patient is in the development cohort and in another one, an outcome of the
            development cohort is missing, or a class has fewer patients than folds.
    """
    targets = targets_of(cases, study.outcome)
    developed = (cases["cohort"] == DEVELOPMENT).to_numpy()
    _check_cohorts_apart(targets["patient"].to_numpy(), developed)
    development = targets[developed].sort_index()
    _check_known(development, study.outcome)
    final = [(FINAL, case, "train") for case in development.index]
    final += [(FINAL, case, "test") for case in sorted(targets.index[~developed])]
    stratified = study.outcome is not None
    kind = study.outcome.kind if study.outcome else "binary"
    folds = fold_table(development, study.splits, study.seed, stratified=stratified, kind=kind)
    return pd.concat([folds, _table(final)], ignore_index=True)


def fold_table(
    targets: pd.DataFrame,
    splits: Splits,
    seed: int,
    *,
    stratified: bool = True,
    kind: OutcomeKind = "binary",
) -> pd.DataFrame:
    """The outer folds of a development cohort, without `final`.

    Args:
        targets: indexed by case, from `outcomes.targets`.
        splits: numbers of folds and of repeats.
        seed: every repeat draws from its own stream of it.
        stratified: whether each class (quantile, event) must reach every fold.
        kind: of the outcome.

    Returns:
        `fold, case, part` in the order of `splits.outer`, cases as in `targets`.
    """
    patients = targets["patient"].to_numpy()
    y = targets["event" if kind == "survival" else "y"].to_numpy()
    own_kind = kind if stratified else None
    rows: list[tuple[str, str, str]] = []
    for repeat in range(1, splits.repeats + 1):
        fold_of = _assign(y, patients, splits.folds, (seed, repeat), own_kind)
        for fold in range(splits.folds):
            rows += [
                (f"r{repeat}f{fold + 1}", case, "test" if own == fold else "train")
                for case, own in zip(targets.index, fold_of, strict=True)
            ]
    return _table(rows)


def inner_splits(
    y: npt.NDArray[Any],
    patients: Sequence[str] | npt.NDArray[np.object_],
    inner_folds: int,
    seed: int,
    *,
    kind: OutcomeKind = "binary",
) -> list[tuple[Indices, Indices]]:
    """Folds inside a training part, by patient and stratified by outcome.

    Args:
        y: the outcome, shape (n,), from `outcomes.target_array`.
        patients: the patient of each row, shape (n,).
        inner_folds: number of folds.
        seed: decides the folds.
        kind: of the outcome.

    Returns:
        One pair (rows to fit on, rows to judge on) a fold; the latter tile all rows.

    Raises:
        FitError: a class (or event) has fewer patients than folds.
    """
    values = np.asarray(y)
    values = values["event"] if kind == "survival" else values
    fold_of = _assign(values, np.asarray(patients), inner_folds, (seed, 0), kind)
    return [
        (np.flatnonzero(fold_of != f), np.flatnonzero(fold_of == f)) for f in range(inner_folds)
    ]


def part_of(splits: pd.DataFrame, fold: str, part: Part) -> list[str]:
    """The cases of one part of one fold, in the order of the table.

    Raises:
        FitError: there is no such fold.
    """
    own = splits[splits["fold"] == fold]
    if own.empty:
        known = ", ".join(dict.fromkeys(splits["fold"]))
        raise FitError("unknown fold", found=f"'{fold}'", expected=known)
    return own.loc[own["part"] == part, "case"].astype(str).tolist()


def _assign(
    y: npt.NDArray[Any],
    patients: npt.NDArray[np.object_],
    folds: int,
    seed: tuple[int, int],
    kind: OutcomeKind | None,
) -> npt.NDArray[np.intp]:
    """The fold of each row: each stratum of patients is shuffled and dealt out in turn.

    Every stratum is dealt from the first fold on: fold sizes may differ by one a stratum, but the
    share of positives differs least, and unequal shares pull the pooled AUC below its value
    (guardrail G09). Without a kind all patients are one stratum.
    """
    names, row_patient = np.unique(np.asarray(patients, dtype=str), return_inverse=True)
    label: Vector = np.zeros(len(names))
    if kind is not None:
        label = _strata(np.asarray(y, dtype=float), row_patient, folds, kind)
    _check_enough(label, folds, kind)
    order = np.random.default_rng(seed).permutation(len(names))
    fold_of = np.empty(len(names), dtype=np.intp)
    for value in np.unique(label):
        members = order[label[order] == value]
        fold_of[members] = np.arange(len(members)) % folds
    return fold_of[row_patient]


def _strata(y: Vector, row_patient: Indices, folds: int, kind: OutcomeKind) -> Vector:
    """The stratum of each patient, shape (patients,).

    A patient is positive, or has the event, if any of the cases has; of several classes the last
    one counts. Patients of a regression are grouped by their mean, ties by name, at least one
    patient a fold in a group.
    """
    if kind != "regression":
        label = np.zeros(row_patient.max() + 1)
        np.maximum.at(label, row_patient, y)
        return label
    mean = np.bincount(row_patient, y) / np.bincount(row_patient)
    groups = max(1, min(QUANTILES, mean.size // folds))
    rank = np.argsort(np.argsort(mean, kind="stable"), kind="stable")
    return np.asarray(rank * groups // mean.size, dtype=float)


def _check_enough(label: Vector, folds: int, kind: OutcomeKind | None) -> None:
    """See that every stratum that must reach each fold has a patient for each."""
    if kind in (None, "regression"):
        if len(label) < folds:
            raise FitError(
                "there are fewer patients than folds",
                found=f"{len(label)} patients",
                expected=f"at least {folds}",
                hint="lower splits.folds",
            )
        return
    names = {1.0: "positive", 0.0: "negative"}
    if kind == "survival":
        names = {1.0: "uncensored"}  # cohorts without any censoring can be learned from
    if kind == "multiclass":
        names = {value: f"class {value:g}" for value in np.unique(label)}
    for value, name in names.items():
        count = int((label == value).sum())
        if count < folds:
            raise FitError(
                f"there are fewer {name} patients than folds",
                found=f"{count} {name} of {len(label)} patients",
                expected=f"at least {folds}",
                hint="lower splits.folds or splits.inner_folds, or add patients",
            )


def _check_known(development: pd.DataFrame, outcome: Outcome | None) -> None:
    """See that every development case has its outcome."""
    if outcome is None:
        return
    missing = development.drop(columns="patient").isna().any(axis=1)
    if missing.any():
        raise FitError(
            f"the outcome '{outcome.column}' is missing",
            case=str(development.index[missing][0]),
            expected="a value for every case of the development cohort",
        )


def _check_cohorts_apart(
    patients: npt.NDArray[np.object_], developed: npt.NDArray[np.bool_]
) -> None:
    shared = sorted(set(patients[developed]) & set(patients[~developed]))
    if shared:
        raise FitError(
            f"patient '{shared[0]}' is in the development cohort and in another cohort",
            found=f"{len(shared)} such patients",
            expected="an external cohort of other patients",
        )


def _table(rows: list[tuple[str, str, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["fold", "case", "part"])

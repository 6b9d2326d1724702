"""Outer and inner folds: patients stay together, outcomes are spread evenly.

The patient is the unit (guardrail G04): all cases of a patient fall into one part. Folds are drawn
from the sorted patient names, so the order of the sheet and its other columns decide nothing.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from radpipe.config import Splits, Study
from radpipe.errors import FitError
from radpipe.modelling.outcomes import binary_targets
from radpipe.types import DEVELOPMENT, FINAL, Part, Vector

Indices = npt.NDArray[np.intp]


def split_cohort(cases: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Split the development cohort into outer folds.

    Args:
        cases: the usable cases with `case`, `patient`, `cohort` and the outcome column.
        study: the config; `splits`, `seed` and `outcome` are used.

    Returns:
        `fold, case, part`: for each name in `study.splits.outer` every development case is in
        `train` or `test` and in `test` once a repeat; fold `final` has the whole development
        cohort in `train` and every other cohort in `test`.

    Raises:
        FitError: a patient is in the development cohort and in another one, an outcome of the
            development cohort is missing, or a class has fewer patients than folds.
    """
    targets = binary_targets(cases, study.outcome)
    developed = (cases["cohort"] == DEVELOPMENT).to_numpy()
    _check_cohorts_apart(targets["patient"].to_numpy(), developed)
    development = targets[developed].sort_index()
    if study.outcome is None:
        development = development.assign(y=0.0)
    elif development["y"].isna().any():
        raise FitError(
            f"the outcome '{study.outcome.column}' is missing",
            case=str(development.index[development["y"].isna()][0]),
            expected="a value for every case of the development cohort",
        )
    final = [(FINAL, case, "train") for case in development.index]
    final += [(FINAL, case, "test") for case in sorted(targets.index[~developed])]
    folds = fold_table(development, study.splits, study.seed, stratified=study.outcome is not None)
    return pd.concat([folds, _table(final)], ignore_index=True)


def fold_table(
    targets: pd.DataFrame, splits: Splits, seed: int, *, stratified: bool = True
) -> pd.DataFrame:
    """The outer folds of a development cohort, without `final`.

    Args:
        targets: indexed by case, with `patient` and `y` (0 or 1).
        splits: numbers of folds and of repeats.
        seed: every repeat draws from its own stream of it.
        stratified: whether each class must reach every fold.

    Returns:
        `fold, case, part` in the order of `splits.outer`, cases as in `targets`.
    """
    y = targets["y"].to_numpy()
    patients = targets["patient"].to_numpy()
    rows: list[tuple[str, str, str]] = []
    for repeat in range(1, splits.repeats + 1):
        fold_of = _assign(y, patients, splits.folds, (seed, repeat), stratified=stratified)
        for fold in range(splits.folds):
            rows += [
                (f"r{repeat}f{fold + 1}", case, "test" if own == fold else "train")
                for case, own in zip(targets.index, fold_of, strict=True)
            ]
    return _table(rows)


def inner_splits(
    y: Vector, patients: Sequence[str] | npt.NDArray[np.object_], inner_folds: int, seed: int
) -> list[tuple[Indices, Indices]]:
    """Folds inside a training part, by patient and stratified by outcome.

    Args:
        y: 0 or 1, shape (n,).
        patients: the patient of each row, shape (n,).
        inner_folds: number of folds.
        seed: decides the folds.

    Returns:
        One pair (rows to fit on, rows to judge on) a fold; the latter tile all rows.

    Raises:
        FitError: a class has fewer patients than folds.
    """
    fold_of = _assign(np.asarray(y), np.asarray(patients), inner_folds, (seed, 0), stratified=True)
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
    y: Vector,
    patients: npt.NDArray[np.object_],
    folds: int,
    seed: tuple[int, int],
    *,
    stratified: bool,
) -> npt.NDArray[np.intp]:
    """The fold of each row: each class of patients is shuffled and dealt out in turn.

    A patient is positive if any of the cases is. Every class is dealt from the first fold on:
    fold sizes may differ by one a class, but the share of positives differs least, and unequal
    shares pull the pooled AUC below its value (guardrail G09).
    """
    names, row_patient = np.unique(np.asarray(patients, dtype=str), return_inverse=True)
    label = np.zeros(len(names))
    np.maximum.at(label, row_patient, np.asarray(y, dtype=float))
    _check_enough(label, folds, stratified=stratified)
    order = np.random.default_rng(seed).permutation(len(names))
    fold_of = np.empty(len(names), dtype=np.intp)
    for value in np.unique(label):
        members = order[label[order] == value]
        fold_of[members] = np.arange(len(members)) % folds
    return fold_of[row_patient]


def _check_enough(label: Vector, folds: int, *, stratified: bool) -> None:
    if not stratified:
        if len(label) < folds:
            raise FitError(
                "there are fewer patients than folds",
                found=f"{len(label)} patients",
                expected=f"at least {folds}",
                hint="lower splits.folds",
            )
        return
    for value, name in ((1.0, "positive"), (0.0, "negative")):
        count = int((label == value).sum())
        if count < folds:
            raise FitError(
                f"there are fewer {name} patients than folds",
                found=f"{count} {name} of {len(label)} patients",
                expected=f"at least {folds}",
                hint="lower splits.folds or splits.inner_folds, or add patients",
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

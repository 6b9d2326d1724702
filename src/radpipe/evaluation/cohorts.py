"""The predictions of one model in one cohort, as arrays, and whether they may be pooled."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pandas as pd

from radpipe.errors import RadpipeError
from radpipe.evaluation.discrimination import Placements, placements
from radpipe.evaluation.intervals import patient_weights
from radpipe.types import DEVELOPMENT, Matrix, Vector

CONDITIONAL = "_pooled_oof_conditional"
"""Ends the method of an interval on pooled out-of-fold predictions: it is conditional on the fitted
models and covers the truth of the whole procedure less often than it says (guardrail G10)."""


@dataclass(frozen=True)
class Predicted:
    """The predictions of one model in one cohort: of which cases, by which folds.

    Attributes:
        model: its name.
        cohort: `development` or an external cohort.
        case: names in order, shape (n,).
        patient: name of each case's patient, shape (n,).
        fold: the fold that made each prediction, shape (repeats, n).
    """

    model: str
    cohort: str
    case: npt.NDArray[np.str_]
    patient: npt.NDArray[np.str_]
    fold: npt.NDArray[np.str_]

    @property
    def n(self) -> int:
        """Number of cases."""
        return self.case.size

    @property
    def repeats(self) -> int:
        """How often each case was predicted."""
        return len(self.fold)

    @property
    def poolable(self) -> bool:
        """Whether the predictions may be ranked together; see `check_pooling`."""
        return self.cohort != DEVELOPMENT or not any(
            leaves_one_out(fold, self.patient) for fold in self.fold
        )

    @property
    def cross_validated(self) -> bool:
        """Whether the predictions were made out of fold, in several folds of each repeat."""
        folds = min(np.unique(row).size for row in self.fold)
        return self.cohort == DEVELOPMENT and folds > 1

    def method(self, name: str) -> str:
        """The name of a method with what it is conditional on."""
        suffix = CONDITIONAL if self.cohort == DEVELOPMENT else ""
        repeats = f" (mean of {self.repeats} repeats)" if self.repeats > 1 else ""
        return f"{name}{suffix}{repeats}"

    def subset(self, keep: npt.NDArray[np.bool_]) -> Self:
        """The same for some of the cases, `keep` of shape (n,)."""
        return replace(
            self, case=self.case[keep], patient=self.patient[keep], fold=self.fold[:, keep]
        )


@dataclass(frozen=True)
class Judged(Predicted):
    """Probabilities of a binary outcome.

    Attributes:
        y: outcome, shape (n,).
        p: probabilities, shape (repeats, n).
        threshold: operating point of the fold that made the prediction, shape (repeats, n).
    """

    y: Vector
    p: Matrix
    threshold: Matrix

    @property
    def clustered(self) -> bool:
        """Whether a patient has several cases."""
        return np.unique(self.patient).size < self.patient.size

    @property
    def two_classes(self) -> bool:
        """Whether the cohort has positive and negative cases."""
        return bool(0 < self.y.sum() < self.y.size)

    @cached_property
    def placed(self) -> Placements:
        """Placements averaged over repeats: those of the mean AUC."""
        each = placements(self.y, self.p)
        return Placements(
            each.positive.mean(axis=0, keepdims=True), each.negative.mean(axis=0, keepdims=True)
        )

    def subset(self, keep: npt.NDArray[np.bool_]) -> Self:
        """The same for some of the cases, `keep` of shape (n,)."""
        return replace(
            super().subset(keep),
            y=self.y[keep],
            p=self.p[:, keep],
            threshold=self.threshold[:, keep],
        )


def judged(rows: pd.DataFrame) -> Iterator[Judged]:
    """Each model in each cohort, in the order of the table.

    Args:
        rows: predictions as `check_predictions` returns them.
    """
    for (model, cohort), group in rows.groupby(["model", "cohort"], sort=False):
        by_case = group.sort_values(["repeat", "case"], kind="stable")
        repeats = by_case["repeat"].nunique()
        first = by_case.iloc[: len(by_case) // repeats]
        yield Judged(
            str(model),
            str(cohort),
            first["case"].to_numpy(dtype=str),
            first["patient"].to_numpy(dtype=str),
            by_case["fold"].to_numpy(dtype=str).reshape(repeats, -1),
            y=first["y_true"].to_numpy(dtype=float),
            p=by_case["y_prob"].to_numpy(dtype=float).reshape(repeats, -1),
            threshold=by_case["threshold"].to_numpy(dtype=float).reshape(repeats, -1),
        )


def resamples(patient: npt.ArrayLike, cohort: str, samples: int, seed: int) -> Matrix:
    """Bootstrap weights of the cases (samples, n), the same for every model of a cohort."""
    return patient_weights(patient, samples, [seed, crc32(cohort.encode())])


def leaves_one_out(fold: npt.ArrayLike, patient: npt.ArrayLike) -> bool:
    """Whether most folds hold out a single patient."""
    pairs = pd.DataFrame({"fold": np.asarray(fold), "patient": np.asarray(patient)})
    sizes = pairs.groupby("fold")["patient"].nunique()
    return bool(len(sizes) > 1 and (sizes == 1).mean() > 0.5)


def check_pooling(fold: npt.ArrayLike, patient: npt.ArrayLike | None = None) -> None:
    """Refuse to rank the predictions of leave-one-out folds together.

    Each model leaves out one case and so shifts its mean prediction away from that case's outcome:
    on data without any signal the pooled AUC tends to 0. Airola et al., Comput Stat Data Anal
    2011;55:1828; Parker et al., BMC Bioinformatics 2007;8:326.

    Args:
        fold: the fold in which each case was held out, shape (n,).
        patient: name of each case's patient; default: every case its own.

    Raises:
        RadpipeError: most folds hold out a single patient.
    """
    folds = np.asarray(fold)
    names = np.arange(folds.size) if patient is None else np.asarray(patient)
    if leaves_one_out(folds, names):
        raise RadpipeError(
            "an AUC over pooled leave-one-out predictions is biased",
            found=f"{np.unique(folds).size} folds of one patient",
            expected="several patients in each fold",
            hint="use k-fold cross-validation with k well below the number of patients",
        )

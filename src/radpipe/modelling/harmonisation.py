"""ComBat: features of several scanners or sites brought to one location and scale, in the fold.

Johnson, Li & Rabinovic, Biostatistics 2007;8:118. The batch effects are learned from training rows;
any row can then be adjusted by itself. The result on the training rows is that of Bioconductor's
`sva::ComBat`, out of sample that of the same estimates.
"""
# X is the field's word for rows by columns.
# ruff: noqa: N803

from collections.abc import Sequence
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from radpipe.errors import FitError
from radpipe.modelling.batch_effects import Prior, shrink
from radpipe.types import Matrix

COPY = 0.98
"""A covariate correlated with the outcome above this is taken for the outcome itself."""


class ComBat(TransformerMixin, BaseEstimator):
    """Removes location and scale of each batch from features, keeping what covariates explain.

    A feature that is constant within a batch is left as it is, as in sva (its scale there is
    unknown). The adjusted value of a row depends on this row and on the training rows only.

    Args:
        batch: column that names the batch (site, scanner).
        covariates: columns whose effect on the features is kept; numbers, or text with categories.
            The outcome must not be one: labels as covariates on the whole cohort gave an AUC of
            0.87 on pure noise (guardrail G06; the config refuses it, `fit` a copy of it).
        prior: how the batch effects of all features are drawn together: parametric, nonparametric,
            or none (each feature by itself).
        mean_only: adjust the location and leave the scale.
        reference: batch that stays as it is and that the others are brought to; none: the mean.
    """

    def __init__(
        self,
        batch: str = "site",
        covariates: Sequence[str] = (),
        prior: Prior = "parametric",
        mean_only: bool = False,
        reference: str | None = None,
    ) -> None:
        self.batch = batch
        self.covariates = covariates
        self.prior = prior
        self.mean_only = mean_only
        self.reference = reference

    def fit(self, X: pd.DataFrame, y: npt.ArrayLike | None = None) -> Self:
        """Learn the batch effects of a training part.

        Args:
            X: batch, covariates and features (all other columns, numbers without gaps).
            y: not used, but for the refusal of a covariate that is a copy of it.

        Raises:
            FitError: a batch is missing or has one row, there is one batch only, the reference is
                no batch, a value is missing, covariates and batches cannot be told apart, or a
                covariate is a copy of the outcome.
        """
        self.features_ = [str(c) for c in X if c not in (self.batch, *self.covariates)]
        values, batch = self._values(X), self._batches(X)
        self.batches_, index, counts = np.unique(batch, return_inverse=True, return_counts=True)
        self._check_batches(counts)
        self.categories_ = {
            str(c): sorted(X[c].dropna().astype(str).unique())
            for c in self.covariates
            if not pd.api.types.is_numeric_dtype(X[c])
        }
        design = self._design(X)
        if y is not None:
            _check_no_copy(design, np.asarray(y))
        self.covariate_mean_ = design.mean(axis=0)
        self._standardise(values, design, index, counts)
        z = (values - self._expected(design)) / self.scale_
        self._estimate(z, index)
        return self

    def transform(self, X: pd.DataFrame, *, at_training_mean: bool = False) -> Matrix:
        """Adjusted features, shape (n, features), in the order of `get_feature_names_out`.

        Args:
            X: batch, covariates and features of any rows.
            at_training_mean: take the covariates of the rows as unknown and put the mean of the
                training rows in their place. A different quantity: what the covariates explain is
                then adjusted as if it came from the batch.

        Raises:
            FitError: a batch or a category was not in the training rows, a value is missing.
        """
        values, batch = self._values(X), self._batches(X)
        unseen = sorted(set(batch) - set(self.batches_))
        if unseen:
            raise FitError(
                f"ComBat was not fitted on batch '{unseen[0]}' of column '{self.batch}'",
                case=str(X.index[batch == unseen[0]][0]),
                expected=", ".join(f"'{b}'" for b in self.batches_),
                hint="a new site needs cases in the training cohort, or a model without ComBat",
            )
        index = np.searchsorted(self.batches_, batch)
        design = np.tile(self.covariate_mean_, (len(X), 1)) if at_training_mean else self._design(X)
        expected = self._expected(design)
        z = (values - expected) / self.scale_
        adjusted = (z - self.gamma_[index]) / np.sqrt(self.delta_[index])
        kept = ~self.adjusted_ | (self.batches_[index] == self.reference)[:, None]
        return np.asarray(np.where(kept, values, adjusted * self.scale_ + expected))

    def get_feature_names_out(self, _: object = None) -> npt.NDArray[np.object_]:
        """Names of the adjusted columns."""
        return np.asarray(self.features_, dtype=object)

    def _values(self, X: pd.DataFrame) -> Matrix:
        values = np.ascontiguousarray(X[self.features_].to_numpy(dtype=float))
        bad = ~np.isfinite(values)
        if bad.any():
            row, column = np.argwhere(bad)[0]
            raise FitError(
                f"ComBat needs a number for feature '{self.features_[column]}'",
                case=str(X.index[row]),
                found=values[row, column],
                hint="impute first",
            )
        return values

    def _batches(self, X: pd.DataFrame) -> npt.NDArray[np.str_]:
        if self.batch not in X:
            raise FitError(f"ComBat needs the column '{self.batch}' that names the batch")
        missing = X[self.batch].isna() | (X[self.batch].astype(str) == "")
        if missing.any():
            raise FitError(
                f"the batch in column '{self.batch}' is missing",
                case=str(X.index[missing][0]),
                expected="the site or scanner of every case",
            )
        return X[self.batch].astype(str).to_numpy(dtype=str)

    def _check_batches(self, counts: npt.NDArray[np.intp]) -> None:
        if len(counts) < 2:
            raise FitError(
                "ComBat needs two batches",
                found=f"only '{self.batches_[0]}' in column '{self.batch}'",
            )
        if counts.min() < 2:
            raise FitError(
                f"batch '{self.batches_[counts.argmin()]}' has one training case",
                expected="at least two cases of each batch",
                hint="merge batches, leave the case out, or use a model without ComBat",
            )
        if self.reference is not None and self.reference not in self.batches_:
            raise FitError(
                f"the reference batch '{self.reference}' has no training case",
                expected=", ".join(f"'{b}'" for b in self.batches_),
            )

    def _design(self, X: pd.DataFrame) -> Matrix:
        """Covariates as numbers, shape (n, c); of k categories k - 1 columns."""
        columns = []
        for name in self.covariates:
            if X[name].isna().any():
                raise FitError(
                    f"ComBat covariate '{name}' is missing",
                    case=str(X.index[X[name].isna()][0]),
                    expected="a value for every case",
                )
            if name not in self.categories_:
                columns.append(X[name].to_numpy(dtype=float))
                continue
            known, text = self.categories_[name], X[name].astype(str).to_numpy()
            if not set(text) <= set(known):
                raise FitError(
                    f"ComBat covariate '{name}' has a category that no training case has",
                    found=f"'{min(set(text) - set(known))}'",
                    expected=" or ".join(f"'{k}'" for k in known),
                )
            columns += [(text == category).astype(float) for category in known[1:]]
        return np.column_stack(columns) if columns else np.empty((len(X), 0))

    def _standardise(
        self,
        values: Matrix,
        design: Matrix,
        index: npt.NDArray[np.intp],
        counts: npt.NDArray[np.intp],
    ) -> None:
        """Mean, effects of the covariates and pooled scale of each feature."""
        members = np.eye(len(counts))[index]
        full = np.hstack([members, design])
        if np.linalg.matrix_rank(full) < full.shape[1]:
            raise FitError(
                "the covariates of ComBat cannot be told from the batches",
                found=f"covariates {list(self.covariates)}, batches of '{self.batch}'",
                expected="covariates that vary within batches and not together",
            )
        effects = np.linalg.solve(full.T @ full, full.T @ values)
        own = np.ones(len(values), dtype=bool)
        share = counts / counts.sum()
        if self.reference is not None:
            own = self.batches_[index] == self.reference
            share = (self.batches_ == self.reference).astype(float)
        self.mean_ = share @ effects[: len(counts)]
        self.coef_ = effects[len(counts) :]
        constant = [np.ptp(values[index == b], axis=0) == 0 for b in range(len(counts))]
        self.adjusted_ = ~np.any(constant, axis=0)
        variance = ((values - full @ effects)[own] ** 2).mean(axis=0)
        self.scale_ = np.sqrt(np.where(self.adjusted_, variance, 1.0))

    def _expected(self, design: Matrix) -> Matrix:
        expected = np.tile(self.mean_, (len(design), 1))
        # A matrix product may round a row otherwise among others than by itself (guardrail G03).
        for column, effects in zip(design.T, self.coef_, strict=True):
            expected += column[:, None] * effects
        return expected

    def _estimate(self, z: Matrix, index: npt.NDArray[np.intp]) -> None:
        """Location and scale of each batch, drawn together over the features that are adjusted."""
        shape = (len(self.batches_), z.shape[1])
        self.gamma_, self.delta_ = np.zeros(shape), np.ones(shape)
        if not self.adjusted_.any():
            return
        for number, name in enumerate(self.batches_):
            if name == self.reference:
                continue
            own = z[index == number][:, self.adjusted_]
            mean = own.mean(axis=0)
            scale = np.ones_like(mean) if self.mean_only else own.var(axis=0, ddof=1)
            gamma, delta = shrink(own, mean, scale, self.prior, self.mean_only)
            self.gamma_[number, self.adjusted_] = gamma
            self.delta_[number, self.adjusted_] = delta


def _check_no_copy(design: Matrix, y: npt.NDArray[np.generic]) -> None:
    """Refuse a covariate that is the outcome under another name."""
    if y.dtype.names is not None or not np.issubdtype(y.dtype, np.number) or len(y) < 4:
        return
    outcome = y.astype(float)
    for column in design.T:
        if np.ptp(column) > 0 and np.ptp(outcome) > 0:
            correlation = abs(float(np.corrcoef(column, outcome)[0, 1]))
            if correlation > COPY:
                raise FitError(
                    "a covariate of ComBat is a copy of the outcome",
                    found=f"correlation {correlation:.3f}",
                    expected=f"up to {COPY}",
                )

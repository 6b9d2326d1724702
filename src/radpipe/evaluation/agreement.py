"""Intraclass correlation: how much of what is measured tells subjects apart.

The six forms of Shrout and Fleiss from mean squares of the analysis of variance (complete tables),
with F intervals. References: Shrout and Fleiss, Psychol Bull 1979;86:420; McGraw and Wong, Psychol
Methods 1996;1:30 (interval of ICC(2,·)); Koo and Li, J Chiropr Med 2016;15:155 (classes).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from radpipe.errors import RadpipeError
from radpipe.types import Interval, Matrix

IccForm = Literal["icc1", "icc2", "icc3", "icc1k", "icc2k", "icc3k"]
ICC_FORMS: dict[IccForm, str] = {
    "icc1": "ICC(1,1)",
    "icc2": "ICC(2,1)",
    "icc3": "ICC(3,1)",
    "icc1k": "ICC(1,k)",
    "icc2k": "ICC(2,k)",
    "icc3k": "ICC(3,k)",
}
"""1: one-way random, 2: two-way random with absolute agreement, 3: two-way mixed with consistency;
`k`: of the mean of the k measurements, otherwise of a single one."""

KOO_LI = ((0.5, "poor"), (0.75, "moderate"), (0.9, "good"))
"""Below each of these a class ends; above the last it is excellent."""


@dataclass(frozen=True)
class MeanSquares:
    """The analysis of variance of n subjects measured k times.

    Attributes:
        subjects: between subjects, n − 1 degrees of freedom.
        within: within subjects, n (k − 1).
        measurements: between measurements, k − 1.
        error: what is left, (n − 1) (k − 1).
        n: subjects.
        k: measurements of each.
    """

    subjects: float
    within: float
    measurements: float
    error: float
    n: int
    k: int


def mean_squares(values: Matrix) -> MeanSquares:
    """The mean squares of a complete table, subjects by measurements (n, k).

    Raises:
        RadpipeError: fewer than two subjects or measurements, or a value is not finite.
    """
    values = _check_table(values)
    n, k = values.shape
    # Centred first: features of 1e9 that differ by 1 must not lose their digits.
    values = values - values.mean()
    rows, columns = values.mean(axis=1), values.mean(axis=0)
    between = k * float(rows @ rows)
    across = n * float(columns @ columns)
    inside = float(((values - rows[:, None]) ** 2).sum())
    left = float(((values - rows[:, None] - columns[None, :]) ** 2).sum())
    return MeanSquares(
        subjects=between / (n - 1),
        within=inside / (n * (k - 1)),
        measurements=across / (k - 1),
        error=left / ((n - 1) * (k - 1)),
        n=n,
        k=k,
    )


def icc(values: Matrix, form: IccForm = "icc1", confidence: float = 0.95) -> Interval:
    """One of the six intraclass correlations with its F interval.

    Args:
        values: subjects by measurements, shape (n, k), complete.
        form: a key of `ICC_FORMS`.
        confidence: of the two-sided interval.

    Returns:
        Estimate and interval; NaN throughout if nothing varies. An estimate may be negative (within
        subjects there is more variance than between them), that of a mean −∞ (its variance is
        estimated as negative). Without any variance within subjects it is 1, and so are its ends.

    Raises:
        RadpipeError: fewer than two subjects or measurements, a value that is not finite, or a form
            that is not known.
    """
    if form not in ICC_FORMS:
        raise RadpipeError(
            "unknown form of the intraclass correlation", found=form, expected=", ".join(ICC_FORMS)
        )
    squares = mean_squares(values)
    method = f"{ICC_FORMS[form]}, ANOVA, F interval"
    if squares.subjects == 0 and squares.within == 0:
        return Interval(np.nan, np.nan, np.nan, method)
    single, low, high = _SINGLE[form.removesuffix("k")](squares, confidence)
    if form.endswith("k"):
        single, low, high = (_of_mean(x, squares.k) for x in (single, low, high))
    return Interval(float(single), float(low), float(high), method)


def koo_li(value: float) -> str:
    """The class of an intraclass correlation: poor, moderate, good or excellent; empty for NaN.

    Koo and Li apply it to the interval; its lower end gives the class that is safe to claim.
    """
    if np.isnan(value):
        return ""
    return next((name for end, name in KOO_LI if value < end), "excellent")


def _one_way(squares: MeanSquares, confidence: float) -> tuple[float, float, float]:
    degrees = (squares.n - 1, squares.n * (squares.k - 1))
    return _from_ratio(squares.subjects, squares.within, degrees, squares.k, confidence)


def _consistency(squares: MeanSquares, confidence: float) -> tuple[float, float, float]:
    degrees = (squares.n - 1, (squares.n - 1) * (squares.k - 1))
    return _from_ratio(squares.subjects, squares.error, degrees, squares.k, confidence)


def _from_ratio(
    subjects: float, error: float, degrees: tuple[int, int], k: int, confidence: float
) -> tuple[float, float, float]:
    """(F − 1) / (F + k − 1), F the ratio of mean squares and the ends of its interval."""
    if error == 0:
        return 1.0, 1.0, 1.0
    ratio = subjects / error
    tail = (1 + confidence) / 2
    low = ratio / stats.f.ppf(tail, *degrees)
    high = ratio * stats.f.ppf(tail, *degrees[::-1])
    estimate, low, high = ((f - 1) / (f + k - 1) for f in (ratio, low, high))
    return estimate, low, high


def _agreement(squares: MeanSquares, confidence: float) -> tuple[float, float, float]:
    """Absolute agreement; the interval has Satterthwaite's degrees of freedom."""
    n, k = squares.n, squares.k
    between, error = squares.subjects, squares.error
    offset = k * (squares.measurements - error) / n
    estimate = (between - error) / (between + (k - 1) * error + offset)
    if squares.within == 0:
        return 1.0, 1.0, 1.0
    a = k * estimate * squares.measurements
    b = (n * (1 + (k - 1) * estimate) - k * estimate) * error
    # Formed from products, so that an error of zero stays defined.
    freedom = (k - 1) * (n - 1) * (a + b) ** 2 / ((n - 1) * a**2 + b**2)
    tail = (1 + confidence) / 2
    upper, lower = stats.f.ppf(tail, n - 1, freedom), stats.f.ppf(tail, freedom, n - 1)
    rest = k * squares.measurements + (k * n - k - n) * error
    # Divided by the quantile, which is infinite where hardly a degree of freedom is left.
    low = n * (between / upper - error) / (rest + n * between / upper)
    high = n * (lower * between - error) / (rest + n * lower * between)
    return estimate, low, high


def _of_mean(single: float, k: int) -> float:
    """Spearman and Brown: from one measurement to the mean of k; −1 / (k − 1) and less give −∞."""
    rest = 1 + (k - 1) * single
    return k * single / rest if rest > 0 else -np.inf


_SINGLE = {"icc1": _one_way, "icc2": _agreement, "icc3": _consistency}


def _check_table(values: Matrix) -> Matrix:
    values = np.asarray(values, dtype=float)
    if values.ndim != 2 or min(values.shape) < 2:
        raise RadpipeError(
            "too little for an intraclass correlation",
            found=f"a table of shape {values.shape}",
            expected="at least two subjects by two measurements",
        )
    if not np.isfinite(values).all():
        raise RadpipeError(
            "an intraclass correlation needs a complete table",
            found=f"{int((~np.isfinite(values)).sum())} missing or infinite values",
        )
    return values

"""Agreement and disagreement of calls: McNemar, kappa, metrics of a confusion table."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import binom, binomtest, chi2

from radpipe.errors import RadpipeError
from radpipe.evaluation.intervals import clopper_pearson, normal_quantile
from radpipe.types import Interval, Matrix


@dataclass(frozen=True)
class McNemar:
    """Two paired binary calls that disagree on `b` + `c` cases.

    `p_exact` is the binomial test; `p_midp` counts half of what is as extreme as found, and is the
    one to report (Fagerland et al., BMC Med Res Methodol 2013;13:91). `p` belongs to the chi-square
    without, `p_corrected` with continuity correction.
    """

    b: int
    c: int
    chi2: float
    p: float
    chi2_corrected: float
    p_corrected: float
    p_exact: float
    p_midp: float


def mcnemar(first: npt.ArrayLike, second: npt.ArrayLike) -> McNemar:
    """Whether one of two methods is right more often on the same cases.

    Args:
        first: whether the first method is right (or calls positive), shape (n,).
        second: the same of the second.

    Returns:
        `b` counts first alone, `c` second alone; no disagreement gives p-values of 1.
    """
    a, other = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    _check_paired(a, other)
    b, c = int((a & ~other).sum()), int((~a & other).sum())
    n, distance = b + c, abs(b - c)
    plain = distance**2 / n if n else 0.0
    corrected = max(distance - 1, 0) ** 2 / n if n else 0.0
    exact = min(1.0, 2 * float(binom.cdf(min(b, c), n, 0.5)))
    # By symmetry the probability of exactly this table stands in both tails; half of each is kept.
    midp = 2 * float(binom.cdf(min(b, c), n, 0.5)) - float(binom.pmf(b, n, 0.5)) if n else 1.0
    return McNemar(
        b,
        c,
        plain,
        float(chi2.sf(plain, 1)) if n else 1.0,
        corrected,
        float(chi2.sf(corrected, 1)) if n else 1.0,
        exact,
        min(1.0, midp),
    )


def bowker(first: npt.ArrayLike, second: npt.ArrayLike) -> tuple[float, float]:
    """Chi-square and p-value of symmetry: McNemar's test without correction for several classes.

    Pairs of classes that never disagree still count a degree of freedom, as in R's `mcnemar.test`;
    the p-value is NaN if one never does, as there.
    """
    table = confusion_table(first, second).to_numpy(dtype=float)
    upper = np.triu_indices(len(table), 1)
    total = (table + table.T)[upper]
    difference = (table - table.T)[upper]
    if (total == 0).any():
        return np.nan, np.nan
    statistic = float((difference**2 / total).sum())
    return statistic, float(chi2.sf(statistic, total.size))


def cohen_kappa(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    weights: Literal["none", "linear", "quadratic"] = "none",
    confidence: float = 0.95,
) -> Interval:
    """Cohen's kappa: agreement of two raters beyond chance, with a normal interval.

    Weights are by the distance of the categories in sorted order: `none` counts agreement only,
    `linear` and `quadratic` are irr's `equal` and `squared`. The variance is that of Fleiss, Cohen
    & Everitt, Psychol Bull 1969;72:323 (not under the null), as in psych.

    Args:
        first: category given by the first rater, shape (n,), sortable.
        second: by the second.
        weights: how far a disagreement counts.
        confidence: of the interval.

    Returns:
        Kappa; NaN where both use a single category.
    """
    table = confusion_table(first, second).to_numpy(dtype=float)
    share, n = table / table.sum(), table.sum()
    weight = _agreement_weights(len(table), weights)
    rows, columns = share.sum(axis=1), share.sum(axis=0)
    observed, expected = float((weight * share).sum()), float(rows @ weight @ columns)
    if expected >= 1:
        return Interval(np.nan, np.nan, np.nan, "kappa (undefined: a single category)")
    kappa = (observed - expected) / (1 - expected)
    # Mean weight of a row's and of a column's category under the other rater's margin.
    spread = (weight @ columns)[:, None] + (rows @ weight)[None, :]
    inner = (share * (weight - spread * (1 - kappa)) ** 2).sum()
    variance = (inner - (kappa - expected * (1 - kappa)) ** 2) / (n * (1 - expected) ** 2)
    half = normal_quantile(confidence) * float(np.sqrt(max(variance, 0.0)))
    return Interval(kappa, kappa - half, min(1.0, kappa + half), f"kappa ({weights} weights)")


def confusion_table(reference: npt.ArrayLike, called: npt.ArrayLike) -> pd.DataFrame:
    """Counts with the reference in rows and the calls in columns, over all categories of both."""
    truth, calls = np.asarray(reference), np.asarray(called)
    _check_paired(truth, calls)
    names, index = np.unique(np.concatenate([truth, calls]), return_inverse=True)
    counts = np.zeros((names.size, names.size), dtype=int)
    np.add.at(counts, (index[: truth.size], index[truth.size :]), 1)
    return pd.DataFrame(counts, index=names, columns=names)


def class_metrics(reference: npt.ArrayLike, called: npt.ArrayLike) -> pd.DataFrame:
    """Each class against all others.

    Returns:
        One row a class, indexed by it: `sensitivity, specificity, ppv, npv, f1, prevalence,
        detection_rate, balanced_accuracy`; NaN where a denominator is 0.
    """
    table = confusion_table(reference, called)
    counts = table.to_numpy(dtype=float)
    n, tp = counts.sum(), np.diag(counts)
    fn, fp = counts.sum(axis=1) - tp, counts.sum(axis=0) - tp
    tn = n - tp - fn - fp
    found = {
        "sensitivity": (tp, tp + fn),
        "specificity": (tn, tn + fp),
        "ppv": (tp, tp + fp),
        "npv": (tn, tn + fn),
        "f1": (2 * tp, 2 * tp + fp + fn),
        "prevalence": (tp + fn, np.full_like(tp, n)),
        "detection_rate": (tp, np.full_like(tp, n)),
    }
    shares = {
        name: np.divide(part, whole, out=np.full_like(tp, np.nan), where=whole > 0)
        for name, (part, whole) in found.items()
    }
    result = pd.DataFrame(shares, index=table.index)
    balanced = (result["sensitivity"] + result["specificity"]) / 2
    return result.assign(balanced_accuracy=balanced)


def accuracy_test(reference: npt.ArrayLike, called: npt.ArrayLike) -> tuple[Interval, float]:
    """Accuracy with its Clopper-Pearson interval, and whether it beats the largest class.

    Returns:
        The interval and the one-sided binomial p-value against always calling the largest class.
    """
    table = confusion_table(reference, called).to_numpy()
    n, right = int(table.sum()), int(np.diag(table).sum())
    largest = table.sum(axis=1).max() / n
    p = float(binomtest(right, n, largest, alternative="greater").pvalue)
    return Interval(right / n, *clopper_pearson(right, n), "clopper_pearson"), p


def _agreement_weights(categories: int, weights: str) -> Matrix:
    distance = np.abs(np.subtract.outer(np.arange(categories), np.arange(categories)))
    if weights == "none":
        return (distance == 0).astype(float)
    power = {"linear": 1, "quadratic": 2}[weights]
    return 1 - (distance / max(categories - 1, 1)) ** power


def _check_paired(first: npt.NDArray[np.generic], second: npt.NDArray[np.generic]) -> None:
    if first.ndim != 1 or first.shape != second.shape or not first.size:
        raise RadpipeError(
            "paired calls differ in length", found=(first.shape, second.shape), expected="(n,), n>0"
        )

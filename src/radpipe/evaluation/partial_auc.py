"""The area under a part of the ROC curve, where the curve matters to the clinic."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from radpipe.errors import RadpipeError
from radpipe.evaluation.discrimination import roc_curve
from radpipe.types import Vector

Axis = Literal["specificity", "sensitivity"]


def partial_auc(
    y: npt.ArrayLike, p: npt.ArrayLike, lowest: float, *, axis: Axis = "specificity"
) -> float:
    """Raw area under the part of the ROC curve whose specificity (sensitivity) is in [lowest, 1].

    The curve is linear between its points. Over specificities it is the area between the curve and
    the axis; over sensitivities that between the curve and the line of specificity 0, as in pROC.
    Its largest value is 1 - lowest.

    Args:
        y: outcome, shape (n,).
        p: scores, shape (n,).
        lowest: smallest specificity (sensitivity), in [0, 1).
        axis: what is bounded.

    Raises:
        RadpipeError: a class is absent, or `lowest` is outside [0, 1).
    """
    if not 0 <= lowest < 1:
        raise RadpipeError("a partial AUC has no range", found=lowest, expected="a bound in [0, 1)")
    curve = roc_curve(y, p)
    false, true = (curve[c].to_numpy() for c in ("false_positive_rate", "true_positive_rate"))
    if axis == "sensitivity":
        # The same curve seen from its other end: 1 - sensitivity against specificity.
        false, true = 1 - true[::-1], 1 - false[::-1]
    return _area(false, true, 1 - lowest)


def corrected_partial_auc(
    y: npt.ArrayLike, p: npt.ArrayLike, lowest: float, *, axis: Axis = "specificity"
) -> float:
    """The partial AUC stretched so that 0.5 is chance and 1 perfect; NaN below the diagonal.

    McClish, Med Decis Making 1989;9:190: (1 + (area - chance) / (largest - chance)) / 2.
    """
    area, width = partial_auc(y, p, lowest, axis=axis), 1 - lowest
    chance = width**2 / 2
    if area < chance:
        return np.nan
    return float((1 + (area - chance) / (width - chance)) / 2)


def _area(x: Vector, height: Vector, end: float) -> float:
    """Area under the points (x, height), x ascending from 0, from 0 to `end`."""
    inside = x <= end
    last = int(np.flatnonzero(inside)[-1])
    xs, heights = x[inside], height[inside]
    if xs[-1] < end:
        share = (end - x[last]) / (x[last + 1] - x[last])
        xs = np.append(xs, end)
        heights = np.append(heights, height[last] + share * (height[last + 1] - height[last]))
    return float(np.trapezoid(heights, xs))

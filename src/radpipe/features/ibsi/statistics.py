"""Intensity statistics of a region, and the same of its grey levels."""

import numpy as np

from radpipe.types import Labels, Vector


def intensity_statistics(values: Vector) -> dict[str, float]:
    """The 18 intensity-based statistics of IBSI.

    Args:
        values: intensities of the region, at least one.

    Returns:
        A number for each name; the kurtosis is the excess over 3. Where the spread is 0, skewness
        and kurtosis are 0; a coefficient with a denominator of 0 is NaN.
    """
    values = values.astype(np.float64)
    features = _distribution(values)
    features["Energy"] = float(np.square(values).sum())
    features["RootMeanSquared"] = float(np.sqrt(np.square(values).mean()))
    return features


def histogram_statistics(levels: Labels) -> dict[str, float]:
    """The 23 intensity histogram features of IBSI, of the grey levels of a region.

    Args:
        levels: levels of the voxels of the region, from 1.
    """
    counts = np.bincount(levels)[1:].astype(np.float64)
    shares = counts[counts > 0] / counts.sum()
    gradient = np.gradient(counts) if counts.size > 1 else np.zeros(1)
    features = _distribution(levels.astype(np.float64))
    # Of several modes IBSI takes the one nearest to the mean level.
    modes = np.flatnonzero(counts == counts.max()) + 1
    features["Mode"] = float(modes[np.argmin(np.abs(modes - features["Mean"]))])
    features["Entropy"] = float(-(shares * np.log2(shares)).sum())
    features["Uniformity"] = float(np.square(shares).sum())
    features["MaximumGradient"] = float(gradient.max())
    features["MaximumGradientLevel"] = float(np.argmax(gradient) + 1)
    features["MinimumGradient"] = float(gradient.min())
    features["MinimumGradientLevel"] = float(np.argmin(gradient) + 1)
    return features


def _distribution(values: Vector) -> dict[str, float]:
    """What IBSI defines alike for intensities and for levels."""
    mean, deviation = float(values.mean()), values - values.mean()
    variance = float(np.square(deviation).mean())
    p10, p25, median, p75, p90 = (float(p) for p in np.percentile(values, [10, 25, 50, 75, 90]))
    robust = values[(values >= p10) & (values <= p90)]
    flat = variance == 0.0
    return {
        "Mean": mean,
        "Variance": variance,
        "Skewness": 0.0 if flat else float((deviation**3).mean()) / variance**1.5,
        "ExcessKurtosis": 0.0 if flat else float((deviation**4).mean()) / variance**2 - 3,
        "Median": median,
        "Minimum": float(values.min()),
        "10Percentile": p10,
        "90Percentile": p90,
        "Maximum": float(values.max()),
        "InterquartileRange": p75 - p25,
        "Range": float(np.ptp(values)),
        "MeanAbsoluteDeviation": float(np.abs(deviation).mean()),
        "RobustMeanAbsoluteDeviation": float(np.abs(robust - robust.mean()).mean()),
        "MedianAbsoluteDeviation": float(np.abs(values - median).mean()),
        "CoefficientOfVariation": ratio(variance**0.5, mean),
        "QuartileCoefficientOfDispersion": ratio(p75 - p25, p75 + p25),
    }


def ratio(numerator: float, denominator: float) -> float:
    """A quotient that is undefined (NaN) where the denominator is 0."""
    return numerator / denominator if denominator else float("nan")

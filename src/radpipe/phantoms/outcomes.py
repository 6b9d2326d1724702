"""The latent grade of a patient, and all that follows from it: traits, clinical data, outcomes."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import norm, rankdata

from radpipe.phantoms.fields import generator
from radpipe.types import Vector

Effect = Literal["signal", "null", "confounded"]
"""What the outcomes depend on: all traits, nothing at all, or the volume alone."""

TRAITS = ("volume", "irregularity", "contrast", "heterogeneity")

LOADINGS: dict[Effect, dict[str, float]] = {
    "signal": {"volume": 0.55, "irregularity": 0.6, "contrast": 0.94, "heterogeneity": 0.97},
    "null": {"volume": 0.55, "irregularity": 0.6, "contrast": 0.94, "heterogeneity": 0.97},
    "confounded": {"volume": 0.97, "irregularity": 0.0, "contrast": 0.0, "heterogeneity": 0.0},
}
"""Correlation of each standard trait with the latent grade."""

CLINICAL_LOADING: dict[Effect, float] = {"signal": 0.35, "null": 0.35, "confounded": 0.0}

LIABILITY_LOADING = 0.86
"""Correlation of the latent grade with the liability that is cut into grades.

Its AUC for `high_grade` in a large sample, the ceiling of any model, is about 0.92.
"""

PREVALENCE = 0.45
_LOW_SHARE = 0.25
_BLOCK = 8
_MISSING = 0.06


@dataclass(frozen=True)
class Latent:
    """The standard normal value behind a patient's images, and the one behind the outcomes.

    They are one and the same unless the cohort is a null cohort.
    """

    images: float
    outcomes: float


@dataclass(frozen=True)
class Clinical:
    """Clinical values; None is missing."""

    age: float | None
    sex: str | None


@dataclass(frozen=True)
class Outcomes:
    """Outcomes of all four kinds: binary, three classes, continuous, survival in months."""

    high_grade: int
    grade: str
    burden: float
    time: float
    event: int


def draw_latent(seed: int, cohort: str, patient: int, effect: Effect) -> Latent:
    """The latent grade of a patient.

    In each block of eight consecutive patients every eighth of the normal distribution occurs
    once, so that a small cohort has both classes; over patients the value is N(0, 1).
    """
    images = _stratified_normal(seed, cohort, patient, "latent")
    if effect == "null":
        return Latent(images, _stratified_normal(seed, cohort, patient, "unrelated latent"))
    return Latent(images, images)


def draw_traits(
    seed: int, cohort: str, patient: int, latent: Latent, effect: Effect
) -> dict[str, float]:
    """Standard normal lesion traits, each correlated with the latent grade as `LOADINGS` says."""
    rng = generator(seed, cohort, patient, "traits")
    return {
        name: float(_mixed(latent.images, LOADINGS[effect][name], rng.standard_normal()))
        for name in TRAITS
    }


def draw_clinical(seed: int, cohort: str, patient: int, latent: Latent, effect: Effect) -> Clinical:
    """Age and sex, modestly related to the latent grade, now and then missing."""
    rng = generator(seed, cohort, patient, "clinical")
    loading = CLINICAL_LOADING[effect]
    age = 58.0 + 11.0 * float(_mixed(latent.images, loading, rng.standard_normal()))
    male = _mixed(latent.images, loading, rng.standard_normal()) > 0.0
    missing = rng.random(2) < _MISSING
    return Clinical(
        age=None if missing[0] else float(np.clip(round(age, 1), 18.0, 95.0)),
        sex=None if missing[1] else ("M" if male else "F"),
    )


def draw_outcomes(seed: int, cohort: str, patient: int, latent: Latent) -> Outcomes:
    """Outcomes of all four kinds from the latent value."""
    rng = generator(seed, cohort, patient, "outcomes")
    value = latent.outcomes
    liability = float(_mixed(value, LIABILITY_LOADING, rng.standard_normal()))
    cuts = (norm.ppf(_LOW_SHARE), norm.ppf(1.0 - PREVALENCE))
    grade = ("low", "intermediate", "high")[int(np.searchsorted(cuts, liability))]
    burden = 20.0 + 6.0 * value + 3.0 * rng.standard_normal()
    survival = rng.exponential(26.0 * np.exp(-0.9 * value))
    censoring = rng.uniform(6.0, 60.0)
    return Outcomes(
        high_grade=int(grade == "high"),
        grade=grade,
        burden=round(float(burden), 2),
        time=max(0.1, round(float(min(survival, censoring)), 1)),
        event=int(survival <= censoring),
    )


def auc(positive: Vector, score: Vector) -> float | None:
    """Area under the ROC curve by ranks; None where a class is missing."""
    truth = np.asarray(positive).astype(bool)
    n_positive, n_negative = int(truth.sum()), int((~truth).sum())
    if not n_positive or not n_negative:
        return None
    ranks = float(rankdata(score)[truth].sum())
    return (ranks - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)


def large_sample_ceiling(effect: Effect, samples: int = 200_000) -> float:
    """AUC for `high_grade` of the latent value behind the images, in a large sample."""
    rng = generator(0, "ceiling")
    images, noise, unrelated = rng.standard_normal((3, samples))
    value = unrelated if effect == "null" else images
    liability = _mixed(value, LIABILITY_LOADING, noise)
    found = auc(liability > norm.ppf(1.0 - PREVALENCE), images)
    return float("nan") if found is None else found


def _stratified_normal(seed: int, cohort: str, patient: int, name: str) -> float:
    block, place = divmod(patient, _BLOCK)
    stratum = generator(seed, cohort, "block", block, name).permutation(_BLOCK)[place]
    within = generator(seed, cohort, patient, name).uniform(1e-6, 1.0 - 1e-6)
    return float(norm.ppf((stratum + within) / _BLOCK))


def _mixed(value: float | Vector, loading: float, noise: float | Vector) -> float | Vector:
    """A standard normal variable whose correlation with `value` is `loading`."""
    return loading * value + np.sqrt(1.0 - loading**2) * noise

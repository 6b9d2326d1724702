"""Negative controls: what the study finds where there is nothing to find."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from radpipe.config import IMAGES, Model, Study
from radpipe.evaluation.by_kind import PRIMARY_METRIC, performance, primary_metric
from radpipe.evaluation.comparison import permutation_p
from radpipe.logs import progress
from radpipe.modelling.blocks import Blocks, assemble
from radpipe.modelling.cards import class_count
from radpipe.modelling.crossfit import cross_predict
from radpipe.modelling.fitting import FitSettings
from radpipe.modelling.outcomes import outcome_facts
from radpipe.modelling.outcomes import targets as targets_of
from radpipe.modelling.splits import fold_table
from radpipe.types import DEVELOPMENT

CONTROL_COLUMNS = [
    *["control", "model", "metric", "estimate"],
    *["ci_low", "ci_high", "p", "n", "expected"],
]
PERMUTED = "permuted_labels"
CHANCE = {"auc": 0.5, "auc_hand_till": 0.5, "r2": 0.0, "c_index": 0.5}
RESAMPLES = 500
"""Bootstrap samples of patients behind the interval of a control region."""

FAST = ("logistic", "elastic_net", "ridge", "lasso", "cox")
"""Predictors that fit in a fraction of a second."""


@dataclass(frozen=True)
class Permutations:
    """The measure of the whole chain with permuted outcomes.

    Attributes:
        observed: of the pooled out-of-fold predictions with the true outcomes.
        permuted: likewise with each permutation.
    """

    observed: float
    permuted: Sequence[float]

    @property
    def p(self) -> float:
        """(b + 1) / (m + 1), b of m permutations being at least as good as the truth."""
        return permutation_p(sum(a >= self.observed for a in self.permuted), len(self.permuted))


def run_controls(
    study: Study, cases: pd.DataFrame, features: pd.DataFrame, variants: pd.DataFrame
) -> pd.DataFrame:
    """All negative controls of a study, on repeat 1 of the development cohort.

    Args:
        study: the config; the model is `control_model(study)`.
        cases: the case table.
        features: handcrafted features of the region, with `case`.
        variants: the same features of the control regions, with `case` and `variant`
            (`shuffled`: voxels shuffled in the mask; `displaced`: the same mask elsewhere).

    Returns:
        `control, model, metric, estimate, ci_low, ci_high, p, n, expected`; the metric is the
        primary one of `performance.tsv` (`auc`, `auc_hand_till`, `r2`, `c_index`). For permuted
        outcomes `estimate` is its mean over the permutations with its interval, `n` their number,
        `p` that of the model's own among them, `expected` chance (0.5; of R2 0 at best). For
        control regions `estimate` is that of the model out of fold with its interval, `n` the
        cases, `expected` that of the volume alone, which a control region keeps. Empty if no model
        has a handcrafted block.
    """
    model = control_model(study)
    if model is None or study.outcome is None:
        return pd.DataFrame(columns=CONTROL_COLUMNS)
    facts = outcome_facts(cases, study.outcome)
    cases = cases[cases["cohort"] == DEVELOPMENT]
    targets = targets_of(cases, study.outcome)
    splits = study.splits.model_copy(update={"repeats": 1})
    settings = FitSettings(splits, study.evaluation.threshold, study.seed, **facts)
    confidence = study.evaluation.confidence
    clinical = study.features.clinical
    rows = []
    if study.evaluation.controls.permutations:
        blocks = assemble(model.blocks, cases, features, {}, clinical)
        count = study.evaluation.controls.permutations
        found = permuted_labels(blocks, targets, model, settings, count)
        rows.append(_permutation_row(found, model, settings, confidence))
    folds = fold_table(targets, splits, study.seed, kind=settings.kind)
    expected = np.nan
    if not variants.empty and "volume" in study.blocks:
        volume = next(m for m in study.models if m.blocks == ["volume"])
        size = assemble(volume.blocks, cases, features, {}, clinical)
        scores = cross_predict(size, targets, folds, volume, settings)
        expected = _measured(scores, targets, settings)
    for variant, table in variants.groupby("variant", sort=True):
        elsewhere = table.drop(columns="variant")
        blocks = assemble(model.blocks, cases, elsewhere, {}, clinical)
        scores = cross_predict(blocks, targets, folds, model, settings)
        row = _region_row(scores, targets, settings, study)
        rows.append({"control": variant, "model": model.name, **row, "expected": expected})
    return pd.DataFrame(rows, columns=CONTROL_COLUMNS)


def control_model(study: Study) -> Model | None:
    """The model that is controlled: handcrafted features alone, and fast, where there is one.

    Models that see embeddings or images are left out: their features are fitted in the fold.
    """
    encoders = {encoder.name for encoder in study.features.encoders} | {IMAGES}
    able = [
        model
        for model in study.models
        if "handcrafted" in model.blocks and not encoders & set(model.blocks)
    ]
    able.sort(key=lambda model: (model.predictor not in FAST, len(model.blocks)))
    return able[0] if able else None


def permuted_labels(
    blocks: Blocks, targets: pd.DataFrame, model: Model, settings: FitSettings, permutations: int
) -> Permutations:
    """Run the whole chain on permuted outcomes (guardrail G11).

    Each permutation hands the outcomes of whole patients to other patients, then draws outer and
    inner folds anew, imputes, scales, selects, tunes and predicts, exactly as for the truth.

    Args:
        blocks: features of the development cohort.
        targets: indexed by case, with `patient` and `y`.
        model: a tabular model.
        settings: outer folds (repeat 1), inner folds, seed.
        permutations: how many.
    """
    observed = _chain(blocks, targets, model, settings)
    permuted = []
    for number in progress(range(permutations), "permutation"):
        random = np.random.default_rng((settings.seed, 1, number))
        permuted.append(_chain(blocks, permute_patients(targets, random), model, settings))
    return Permutations(observed, tuple(permuted))


def permute_patients(targets: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """Hand each patient the outcome of another one.

    Where the cases of a patient differ in outcome, whole sets of outcomes change hands between
    patients with the same number of cases.
    """
    columns = [c for c in targets.columns if c != "patient"]
    groups = {p: own[columns].to_numpy() for p, own in targets.groupby("patient", sort=True)}
    names = np.array(list(groups), dtype=object)
    mixed = any((np.ptp(own, axis=0) > 0).any() for own in groups.values())
    sizes = np.array([len(own) if mixed else 0 for own in groups.values()])
    values = targets[columns].to_numpy(copy=True)
    for size in np.unique(sizes):
        members = names[sizes == size]
        for patient, donor in zip(members, random.permutation(members), strict=True):
            own = (targets["patient"] == patient).to_numpy()
            values[own] = groups[donor] if mixed else groups[donor][0]
    return targets.assign(**dict(zip(columns, values.T, strict=True)))


def _chain(blocks: Blocks, targets: pd.DataFrame, model: Model, settings: FitSettings) -> float:
    splits = settings.splits.model_copy(update={"repeats": 1})
    folds = fold_table(targets, splits, settings.seed, kind=settings.kind)
    return _measured(cross_predict(blocks, targets, folds, model, settings), targets, settings)


def _measured(scores: pd.DataFrame, targets: pd.DataFrame, settings: FitSettings) -> float:
    """The primary metric of out-of-fold scores, as `performance.tsv` has it."""
    return primary_metric(_predictions(scores, targets, settings), settings.kind)


def _predictions(
    scores: pd.DataFrame, targets: pd.DataFrame, settings: FitSettings
) -> pd.DataFrame:
    """Scores beside the outcome, as rows of `predictions.tsv`."""
    own = targets.loc[scores["case"]].reset_index(drop=True)
    truth = own.drop(columns="patient").rename(columns={"y": "y_true"})
    if settings.kind == "multiclass":
        names = settings.classes or [
            str(k) for k in range(class_count(own["y"].to_numpy(), settings))
        ]
        truth["y_true"] = truth["y_true"].map(dict(enumerate(names)))
    table = scores.reset_index(drop=True).assign(patient=own["patient"], cohort=DEVELOPMENT)
    return pd.concat([table, truth], axis=1)


def _permutation_row(
    found: Permutations, model: Model, settings: FitSettings, confidence: float
) -> dict[str, object]:
    metric = PRIMARY_METRIC[settings.kind]
    values = np.asarray(found.permuted)
    low = high = np.nan
    if len(values) > 1:
        error = values.std(ddof=1) / np.sqrt(len(values))
        half = stats.t.ppf((1 + confidence) / 2, len(values) - 1) * error
        low, high = values.mean() - half, values.mean() + half
    return {
        **{"control": PERMUTED, "model": model.name, "metric": metric},
        **{"estimate": values.mean(), "ci_low": low, "ci_high": high},
        **{"p": found.p, "n": len(values), "expected": CHANCE[metric]},
    }


def _region_row(
    scores: pd.DataFrame, targets: pd.DataFrame, settings: FitSettings, study: Study
) -> dict[str, object]:
    """The row of `performance.tsv` with the primary metric, by fewer resamples."""
    assert study.outcome is not None
    few = study.evaluation.model_copy(update={"bootstrap": RESAMPLES})
    table = performance(
        _predictions(scores, targets, settings), study.outcome, few, settings.seed
    ).set_index("metric")
    metric = PRIMARY_METRIC[settings.kind]
    measured = {name: table.loc[metric, name] for name in ("estimate", "ci_low", "ci_high")}
    return {"metric": metric, **measured, "p": np.nan, "n": len(scores)}

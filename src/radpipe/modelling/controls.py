"""Negative controls: what the study finds where there is nothing to find."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from radpipe.config import Model, Study
from radpipe.evaluation.comparison import permutation_p
from radpipe.evaluation.discrimination import auc, clustered_auc_interval
from radpipe.logs import progress
from radpipe.modelling.blocks import Blocks, assemble
from radpipe.modelling.crossfit import cross_predict
from radpipe.modelling.fitting import FitSettings
from radpipe.modelling.outcomes import binary_targets
from radpipe.modelling.splits import fold_table
from radpipe.types import DEVELOPMENT

CONTROL_COLUMNS = [
    *["control", "model", "metric", "estimate"],
    *["ci_low", "ci_high", "p", "n", "expected"],
]
PERMUTED = "permuted_labels"
CHANCE = 0.5
FAST = ("logistic", "elastic_net")
"""Predictors that fit in a fraction of a second."""


@dataclass(frozen=True)
class Permutations:
    """AUC of the whole chain with permuted outcomes.

    Attributes:
        observed: pooled out-of-fold AUC with the true outcomes.
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
        `control, model, metric, estimate, ci_low, ci_high, p, n, expected`. For permuted labels
        `estimate` is the mean AUC over the permutations with its interval, `n` their number, `p`
        that of the model's own AUC among them, `expected` 0.5. For control regions `estimate` is
        the out-of-fold AUC of the model with its interval, `n` the cases, `expected` the AUC of
        the volume alone, which a control region keeps. Empty if no model has a handcrafted block.
    """
    model = control_model(study)
    if model is None or study.outcome is None:
        return pd.DataFrame(columns=CONTROL_COLUMNS)
    cases = cases[cases["cohort"] == DEVELOPMENT]
    targets = binary_targets(cases, study.outcome)
    splits = study.splits.model_copy(update={"repeats": 1})
    settings = FitSettings(splits, study.evaluation.threshold, study.seed)
    confidence = study.evaluation.confidence
    clinical = study.features.clinical
    rows = []
    if study.evaluation.controls.permutations:
        blocks = assemble(model.blocks, cases, features, {}, clinical)
        count = study.evaluation.controls.permutations
        found = permuted_labels(blocks, targets, model, settings, count)
        rows.append(_permutation_row(found, model, confidence))
    folds = fold_table(targets, splits, study.seed)
    if not variants.empty:
        volume = Model(name="volume", blocks=["volume"], predictor="logistic")
        size = assemble(volume.blocks, cases, features, {}, clinical)
        expected = _area(cross_predict(size, targets, folds, volume, settings), targets)
    for variant, table in variants.groupby("variant", sort=True):
        elsewhere = table.drop(columns="variant")
        blocks = assemble(model.blocks, cases, elsewhere, {}, clinical)
        scores = cross_predict(blocks, targets, folds, model, settings)
        row = _region_row(scores, targets, confidence)
        rows.append({"control": variant, "model": model.name, **row, "expected": expected})
    return pd.DataFrame(rows, columns=CONTROL_COLUMNS)


def control_model(study: Study) -> Model | None:
    """The model that is controlled: handcrafted features alone, and fast, where there is one.

    Models that see embeddings or images are left out: their features are fitted in the fold.
    """
    encoders = {encoder.name for encoder in study.features.encoders} | {"images"}
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
    groups = {p: own.to_numpy() for p, own in targets.groupby("patient", sort=True)["y"]}
    names = np.array(list(groups), dtype=object)
    mixed = any(np.ptp(own) > 0 for own in groups.values())
    sizes = np.array([len(own) if mixed else 0 for own in groups.values()])
    y = targets["y"].copy()
    for size in np.unique(sizes):
        members = names[sizes == size]
        for patient, donor in zip(members, random.permutation(members), strict=True):
            own = (targets["patient"] == patient).to_numpy()
            y[own] = groups[donor] if mixed else groups[donor][0]
    return targets.assign(y=y)


def _chain(blocks: Blocks, targets: pd.DataFrame, model: Model, settings: FitSettings) -> float:
    splits = settings.splits.model_copy(update={"repeats": 1})
    folds = fold_table(targets, splits, settings.seed)
    return _area(cross_predict(blocks, targets, folds, model, settings), targets)


def _area(scores: pd.DataFrame, targets: pd.DataFrame) -> float:
    return auc(targets.loc[scores["case"], "y"], scores["y_prob"])


def _permutation_row(found: Permutations, model: Model, confidence: float) -> dict[str, object]:
    areas = np.asarray(found.permuted)
    low = high = np.nan
    if len(areas) > 1:
        error = areas.std(ddof=1) / np.sqrt(len(areas))
        half = stats.t.ppf((1 + confidence) / 2, len(areas) - 1) * error
        low, high = areas.mean() - half, areas.mean() + half
    return {
        **{"control": PERMUTED, "model": model.name, "metric": "auc", "estimate": areas.mean()},
        **{"ci_low": low, "ci_high": high, "p": found.p, "n": len(areas), "expected": CHANCE},
    }


def _region_row(
    scores: pd.DataFrame, targets: pd.DataFrame, confidence: float
) -> dict[str, object]:
    own = targets.loc[scores["case"]]
    interval = clustered_auc_interval(
        own["y"].to_numpy(), scores["y_prob"].to_numpy(), own["patient"].to_numpy(), confidence
    )
    return {
        **{"metric": "auc", "estimate": interval.estimate, "ci_low": interval.low},
        **{"ci_high": interval.high, "p": np.nan, "n": len(scores)},
    }

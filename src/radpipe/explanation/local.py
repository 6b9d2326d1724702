"""LIME: a local linear model of a prediction, and how much it depends on its seed.

Ribeiro et al., KDD 2016. The samples around a case are random, so weights differ between seeds; a
weight that is small beside its spread says nothing.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from lime.lime_tabular import LimeTabularExplainer

from radpipe.explanation.columns import Codes, Predict, check_columns, used_columns
from radpipe.types import Matrix

COLUMNS = [
    "case",
    "feature",
    "value",
    "weight_mean",
    "weight_sd",
    "fidelity",
    "seeds",
    "prediction",
]
"""The columns of a table of local explanations."""


def explain_locally(
    predict: Predict,
    table: pd.DataFrame,
    background: pd.DataFrame,
    *,
    seeds: Sequence[int] = (1, 2, 3, 4, 5),
    samples: int = 1000,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """LIME weights of each case, over several seeds.

    LIME cannot take missing values: missing numbers are set to the median of the background for it,
    missing categories are a category.

    Args:
        predict: the model.
        table: rows to explain, indexed by case.
        background: rows of the training data; quartiles and frequencies are taken from it.
        seeds: one explanation each.
        samples: rows drawn around a case.
        columns: those the model looks at, if known; default: sought by `used_columns`.

    Returns:
        `case, feature, value, weight_mean, weight_sd, fidelity, seeds, prediction`: mean and SD
        over the seeds of the weight on the prediction, the mean R² of the local models and the
        prediction of the case; largest weights first.
    """
    check_columns(table, background)
    used = list(columns) if columns else used_columns(predict, table, background, seed=seeds[0])
    if not used:
        return pd.DataFrame(columns=COLUMNS)
    codes = Codes.of(table, background, used)
    training = codes.encode(background)
    median = _medians(training)
    training, rows = (np.where(np.isnan(m), median, m) for m in (training, codes.encode(table)))
    weights, fidelity = [], []
    for seed in seeds:
        found = _one_seed(predict, codes, training, rows, samples=samples, seed=seed)
        weights.append(found[0])
        fidelity.append(found[1])
    mean, spread = np.mean(weights, axis=0), np.std(weights, axis=0, ddof=min(1, len(seeds) - 1))
    long = pd.DataFrame(
        {
            "case": np.repeat(table.index.to_numpy(), len(used)),
            "feature": np.tile(used, len(table)),
            "value": table[used].to_numpy(dtype=object).ravel(),
            "weight_mean": mean.ravel(),
            "weight_sd": spread.ravel(),
            "fidelity": np.repeat(np.mean(fidelity, axis=0), len(used)),
            "seeds": len(seeds),
            "prediction": np.repeat(np.asarray(predict(table), dtype=float), len(used)),
        },
        columns=COLUMNS,
    )
    order = long.assign(rank=pd.factorize(long["case"])[0], size=-long["weight_mean"].abs())
    order = order.sort_values(["rank", "size"], kind="stable")
    return long.loc[order.index].reset_index(drop=True)


def _one_seed(
    predict: Predict, codes: Codes, training: Matrix, rows: Matrix, *, samples: int, seed: int
) -> tuple[Matrix, list[float]]:
    """Weights (cases, columns) and the R² of each local model."""
    texts = [i for i, name in enumerate(codes.columns) if name in codes.categories]
    explainer = LimeTabularExplainer(
        training,
        feature_names=codes.columns,
        categorical_features=texts,
        categorical_names={i: [str(v) for v in codes.categories[codes.columns[i]]] for i in texts},
        feature_selection="none",
        random_state=seed,
    )
    value = codes.predictor(predict)

    def both_classes(batch: Matrix) -> Matrix:
        # LIME fits a line to the second column, whether or not it is a probability.
        explained = value(batch)
        return np.column_stack([1 - explained, explained])

    weights, fidelity = np.zeros(rows.shape), []
    for i, row in enumerate(rows):
        found = explainer.explain_instance(
            row,
            both_classes,
            labels=(1,),
            num_features=len(codes.columns),
            num_samples=samples,
        )
        for column, weight in found.as_map()[1]:
            weights[i, column] = weight
        fidelity.append(float(found.score))
    return weights, fidelity


def _medians(training: Matrix) -> Matrix:
    """Median of each column; 0 where the background has no value at all."""
    medians = [np.median(c[~np.isnan(c)]) if (~np.isnan(c)).any() else 0.0 for c in training.T]
    return np.array(medians)

"""The pipelines that a search over whole pipelines tries, the most promising and diverse first.

The list was drawn up from what is usual in radiomics before any table was looked at: linear models
of all columns and of few, kernels, trees, neighbours, each family early once. After the list come
random pipelines of the same parts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from radpipe.modelling.pipelines import Candidate, Recipe
from radpipe.modelling.predictors import GRIDS
from radpipe.modelling.predictors.base import Kind

KEEPS = (5, 10, 20, 50)
RANKINGS = ("anova", "kruskal", "mrmr", "lasso", "rfe", "relieff", "mutual_information")
FAST_ALONE = ("random_forest", "extra_trees", "logistic", "ridge", "cox", "svm")
"""Predictors that are given all columns; the others are slow or weak with thousands."""

DRAWN: dict[Kind, tuple[str, ...]] = {
    "binary": (
        "logistic",
        "elastic_net",
        "svm",
        "random_forest",
        "extra_trees",
        "lda",
        "knn",
        "naive_bayes",
        "gradient_boosting",
        "mlp",
        "rbf_network",
    ),
    "regression": (
        "ridge",
        "elastic_net",
        "svm",
        "random_forest",
        "extra_trees",
        "knn",
        "gradient_boosting",
        "mlp",
        "rbf_network",
    ),
    "survival": ("cox", "elastic_net", "martingale_forest", "gradient_boosting"),
}
DRAWN["multiclass"] = DRAWN["binary"]

Row = tuple[str, Mapping[str, Any], str, int | None, str]

_TREES = {"min_samples_leaf": 2, "max_features": "sqrt"}
_RBF = {"C": 1.0, "kernel": "rbf", "gamma": "scale"}
_SPARSE = {"strength": 4.0, "l1_ratio": 0.5}

CLASSES: tuple[Row, ...] = (
    ("logistic", {"strength": 1.0}, "none", None, "standard"),
    ("extra_trees", _TREES, "none", None, "standard"),
    ("svm", _RBF, "none", None, "rank"),
    ("logistic", {"strength": 10.0}, "none", None, "rank"),
    ("random_forest", _TREES, "none", None, "standard"),
    ("logistic", {"strength": 10.0}, "mrmr", 20, "rank"),
    ("elastic_net", _SPARSE, "anova", 50, "standard"),
    ("lda", {"shrinkage": 0.5}, "kruskal", 50, "rank"),
    ("gradient_boosting", {"max_iter": 50, "l2_regularization": 1.0}, "kruskal", 50, "standard"),
    ("naive_bayes", {}, "mrmr", 10, "rank"),
    ("mlp", {"hidden": 8, "penalty": 30.0}, "anova", 50, "rank"),
    ("knn", {"neighbours": 15}, "mrmr", 10, "rank"),
    ("logistic", {"strength": 10.0}, "lasso", 10, "standard"),
    ("svm", _RBF, "rfe", 50, "rank"),
    ("random_forest", {"min_samples_leaf": 5, "max_features": "sqrt"}, "none", None, "standard"),
    ("logistic", {"strength": 10.0}, "anova", 10, "standard"),
    ("rbf_network", {"centres": 16}, "anova", 20, "rank"),
    ("extra_trees", _TREES, "kruskal", 50, "standard"),
    ("logistic", {"strength": 100.0}, "none", None, "standard"),
    ("svm", {"C": 0.1, "kernel": "linear"}, "none", None, "rank"),
)
NUMBERS: tuple[Row, ...] = (
    ("ridge", {"strength": 1.0}, "none", None, "standard"),
    ("extra_trees", _TREES, "none", None, "standard"),
    ("svm", _RBF, "none", None, "rank"),
    ("ridge", {"strength": 10.0}, "none", None, "rank"),
    ("random_forest", _TREES, "none", None, "standard"),
    ("elastic_net", _SPARSE, "anova", 50, "standard"),
    ("ridge", {"strength": 10.0}, "mrmr", 20, "rank"),
    ("gradient_boosting", {"max_iter": 50, "l2_regularization": 1.0}, "kruskal", 50, "standard"),
    ("mlp", {"hidden": 8, "penalty": 30.0}, "anova", 50, "rank"),
    ("knn", {"neighbours": 15}, "mrmr", 10, "rank"),
)
TIMES: tuple[Row, ...] = (
    ("cox", {"strength": 1.0}, "none", None, "standard"),
    ("cox", {"strength": 10.0}, "none", None, "rank"),
    ("martingale_forest", {"min_samples_leaf": 6}, "none", None, "standard"),
    ("elastic_net", _SPARSE, "anova", 50, "standard"),
    ("gradient_boosting", {"rounds": 60}, "kruskal", 50, "standard"),
    ("cox", {"strength": 10.0}, "mrmr", 20, "rank"),
    ("cox", {"strength": 10.0}, "anova", 10, "standard"),
)
FIRST: dict[Kind, tuple[Row, ...]] = {
    "binary": CLASSES,
    "multiclass": CLASSES,
    "regression": NUMBERS,
    "survival": TIMES,
}


def portfolio(recipe: Recipe, trials: int, *, gaps: bool) -> list[Candidate]:
    """The first `trials` pipelines to try.

    Args:
        recipe: what they share: blocks, kind of outcome, seed, harmonisation.
        trials: how many.
        gaps: whether values are missing, so that imputation matters.
    """
    random = np.random.default_rng((recipe.seed, 7))
    first = [Candidate(p, dict(q), m, k, scaling=s) for p, q, m, k, s in FIRST[recipe.kind]]
    found = list(_varied(first, recipe, random, gaps=gaps))
    seen = [_key(candidate) for candidate in found]
    misses = 0
    while len(found) < trials and misses < 50:
        (candidate,) = _varied([_drawn(recipe.kind, random)], recipe, random, gaps=gaps)
        if _key(candidate) in seen:
            misses += 1
            continue
        found.append(candidate)
        seen.append(_key(candidate))
    return found[:trials]


def _drawn(kind: Kind, random: np.random.Generator) -> Candidate:
    """A random pipeline on all blocks."""
    name = str(random.choice(DRAWN[kind]))
    grid = GRIDS[kind][name]
    params = dict(grid[int(random.integers(len(grid)))])
    scaling = str(random.choice(("standard", "rank")))
    if name in FAST_ALONE and random.uniform() < 0.4:
        return Candidate(name, params, scaling=scaling)
    method = str(random.choice(RANKINGS))
    return Candidate(name, params, method, int(random.choice(KEEPS)), scaling=scaling)


def _varied(
    candidates: Sequence[Candidate], recipe: Recipe, random: np.random.Generator, *, gaps: bool
) -> list[Candidate]:
    """The same with a choice of blocks, imputation and harmonisation, where there is one.

    The first candidates see all blocks, and each block alone comes early.
    """
    blocks = list(recipe.columns)
    varied = []
    for candidate in candidates:
        own = candidate
        if len(blocks) > 1 and random.uniform() < 0.5:
            chosen = random.permutation(len(blocks))[: int(random.integers(1, len(blocks)))]
            own = replace(own, blocks=tuple(blocks[i] for i in sorted(chosen)))
        if gaps and random.uniform() < 0.3:
            own = replace(own, imputation="knn")
        if recipe.harmoniser is not None and random.uniform() < 0.3:
            own = replace(own, harmonised=False)
        varied.append(own)
    return varied


def _key(candidate: Candidate) -> str:
    return repr(candidate)

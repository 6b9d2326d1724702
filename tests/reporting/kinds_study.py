"""Studies of each kind of outcome as other stages would leave them, from simulated predictions.

The tables are those that `radpipe.evaluation` makes of the predictions; only the predictions, the
case table and what was selected are made up.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from radpipe.config import Study, load_study
from radpipe.evaluation import by_kind
from radpipe.evaluation.performance_survival import curve_names, curve_times
from radpipe.evaluation.selection_stability import stability_table
from radpipe.io.tables import write_table
from radpipe.reporting.inputs import ReportInputs

OUTCOMES: dict[str, dict[str, object]] = {
    "binary": {"column": "grade", "positive": 1},
    "multiclass": {
        "column": "type",
        "kind": "multiclass",
        "classes": ["glioma", "meningioma", "metastasis"],
    },
    "regression": {"column": "age", "kind": "regression"},
    "survival": {"kind": "survival", "time": "months", "event": "died", "horizon": 24},
}
SKILL = {"volume": 0.5, "clinical": 0.3, "site": 0.2, "radiomics_forest": 1.0, "radiomics": 1.4}
PREDICTORS = {"binary": "logistic", "multiclass": "logistic", "regression": "ridge"}
FEATURES = [f"T1w__original__glcm__Feature{i:02d}" for i in range(30)]


def make_study(kind: str, **changes: object) -> Study:
    """A study of one modality with five models, two subgroups and three repeats."""
    predictor = PREDICTORS.get(kind, "cox")
    blocks = {name: [name] for name in ("volume", "clinical", "site")}
    config: dict[str, object] = {
        "study": f"kind_{kind}",
        "cases": "x/cases.tsv",
        "outcome": OUTCOMES[kind],
        "images": {"modalities": ["T1w"]},
        "features": {"handcrafted": {}, "clinical": ["sex"]},
        "splits": {"folds": 4, "repeats": 3},
        "models": [
            {"name": name, "blocks": blocks.get(name, ["handcrafted"]), "predictor": predictor}
            for name in SKILL
        ],
        "evaluation": {"bootstrap": 100, "subgroups": ["site", "sex"]},
    }
    return load_study(config | changes)


def make_inputs(
    root: Path, study: Study, *, development: int = 80, external: int = 60, seed: int = 3
) -> ReportInputs:
    """Write the tables of a study; the same bytes every time."""
    assert study.outcome is not None
    rng = np.random.default_rng(seed)
    cases = make_cases(rng, development + external)
    cases["cohort"] = ["development"] * development + ["external"] * external
    predictions = make_predictions(rng, study, cases)
    settings, outcome = study.evaluation, study.outcome
    tables = by_kind.judge(predictions, cases, outcome, settings, study.seed)
    tables["calibration"] = by_kind.calibration(predictions, outcome, settings, study.seed)
    tables["comparisons"] = by_kind.comparisons(predictions, outcome, settings, study.seed)
    if outcome.kind in by_kind.DECIDABLE:
        tables["decision_curve"] = by_kind.decision(predictions, outcome, settings)
    tables |= {"predictions": predictions, "selection": make_selection(rng, study)}
    offered = {"volume": FEATURES[:1], "radiomics": FEATURES}
    tables["selection_stability"] = stability_table(
        tables["selection"], offered, study.splits.outer
    )
    tables = {name: table for name, table in tables.items() if len(table)}
    for name, table in tables.items():
        write_table(table, root / "tables" / f"{name}.tsv")
    write_table(cases, root / "cases.tsv")
    return ReportInputs(
        tables={name: root / "tables" / f"{name}.tsv" for name in tables},
        cases=root / "cases.tsv",
        figures=root / "figures",
    )


def make_cases(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """One latent value behind four outcomes; two cases of the first patient."""
    latent = rng.normal(size=n)
    names = np.array(OUTCOMES["multiclass"]["classes"])
    third = np.digitize(latent + rng.normal(scale=0.3, size=n), [-0.5, 0.6])
    time = rng.exponential(30 * np.exp(-0.8 * latent))
    end = rng.uniform(5, 60, n)
    return pd.DataFrame(
        {
            "case": [f"c{i:03d}" for i in range(n)],
            "patient": [f"p{max(i, 1):03d}" for i in range(n)],
            "site": np.where(np.arange(n) % 3 == 0, "B", "A"),
            "sex": rng.choice(["F", "M"], n),
            "grade": (latent + rng.normal(scale=0.5, size=n) > 0.2).astype(int),
            "type": names[third],
            "age": np.round(55 + 9 * latent, 1),
            "months": np.round(np.minimum(time, end) + 0.1, 1),
            "died": (time <= end).astype(int),
            "latent": latent,
        }
    )


def make_predictions(rng: np.random.Generator, study: Study, cases: pd.DataFrame) -> pd.DataFrame:
    """What models of known skill predict of the latent value, in each repeat and outside."""
    folds, repeats = study.splits.folds, study.splits.repeats
    inside = cases["cohort"] == "development"
    parts = []
    for model, skill in SKILL.items():
        for repeat in range(1, repeats + 1):
            shown = cases[inside | (repeat == 1)]
            fold = [f"r{repeat}f{(i + repeat) % folds + 1}" for i in range(len(shown))]
            score = skill * shown["latent"].to_numpy() + rng.normal(scale=0.7, size=len(shown))
            place = shown[["case", "patient", "cohort"]].assign(model=model)
            place["fold"] = np.where(shown["cohort"] == "development", fold, "final")
            parts.append(place.assign(**_columns(study, shown, score)))
    return pd.concat(parts, ignore_index=True)


def _columns(study: Study, cases: pd.DataFrame, score: np.ndarray) -> dict[str, object]:
    outcome = study.outcome
    assert outcome is not None
    if outcome.kind == "binary":
        p = 1 / (1 + np.exp(-score + 0.3))
        return {"y_true": cases["grade"].to_numpy(), "y_prob": p, "threshold": 0.5}
    if outcome.kind == "multiclass":
        logits = np.stack([-1.5 * score - 0.6, np.zeros_like(score), 1.5 * score - 0.6], axis=1)
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        names = [f"y_prob_{name}" for name in OUTCOMES["multiclass"]["classes"]]
        return {"y_true": cases["type"].to_numpy(), **dict(zip(names, p.T, strict=True))}
    if outcome.kind == "regression":
        return {"y_true": cases["age"].to_numpy(), "y_pred": 55 + 5 * score}
    horizon = float(outcome.horizon or 24)
    times = curve_times(horizon, 6)
    hazard = np.exp(0.6 * score) / 34
    curves = {
        name: 1 - np.exp(-hazard * at) for name, at in zip(curve_names(times), times, strict=True)
    }
    return {
        "time": cases["months"].to_numpy(),
        "event": cases["died"].to_numpy(),
        "risk": score,
        "event_prob": 1 - np.exp(-hazard * horizon),
        "threshold": 0.1,
        "horizon": horizon,
        **curves,
    }


def make_selection(rng: np.random.Generator, study: Study) -> pd.DataFrame:
    """The first features are chosen in most folds, the others now and then."""
    rows = [("volume", fold, "volume", FEATURES[0], 1.0) for fold in study.splits.outer]
    for fold in [*study.splits.outer, "final"]:
        for i, feature in enumerate(FEATURES):
            if rng.random() < (0.9 if i < 6 else 0.15):
                rows.append(("radiomics", fold, "handcrafted", feature, float(rng.normal())))
    return pd.DataFrame(rows, columns=["model", "fold", "block", "feature", "weight"])

"""Small simulated cohorts for the tests of modelling."""

import numpy as np
import pandas as pd

from radpipe.config import Model, Selection, Splits, Study, Threshold
from radpipe.modelling.blocks import Blocks
from radpipe.modelling.fitting import FitSettings

SETTINGS = FitSettings(Splits(folds=4, inner_folds=3), Threshold(), seed=11)
ELASTIC = Model(
    name="radiomics",
    blocks=["handcrafted"],
    predictor="elastic_net",
    selection=Selection(method="anova", keep=[5, 10]),
)


def study(**changes: object) -> Study:
    """A study of one image with a binary outcome."""
    content = {
        "study": "test",
        "cases": "cases.tsv",
        "images": {"modalities": ["T1w"]},
        "outcome": {"column": "high_grade"},
        "splits": {"folds": 4, "repeats": 2},
        "features": {"handcrafted": {}, "clinical": ["age", "sex"]},
    }
    return Study.model_validate(content | changes)


def cohort(
    n: int = 40, p: int = 30, signal: float = 2.0, seed: int = 0
) -> tuple[Blocks, pd.DataFrame]:
    """Handcrafted features of n patients; the first carries the signal."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(n, p))
    y = np.zeros(n)
    y[np.argsort(signal * values[:, 0] + random.normal(size=n))[n // 2 :]] = 1
    cases = pd.Index([f"c{i:03d}" for i in range(n)], name="case")
    columns = [f"T1w__original__firstorder__F{i}" for i in range(p)]
    table = pd.DataFrame(values, index=cases, columns=columns)
    targets = pd.DataFrame({"patient": [f"p{i:03d}" for i in range(n)], "y": y}, index=cases)
    return Blocks(table, dict.fromkeys(columns, "handcrafted")), targets


def mixed_cohort(n: int = 40) -> tuple[Blocks, pd.DataFrame]:
    """The same with a clinical block of a number and a category, both with missing values."""
    blocks, targets = cohort(n)
    table = blocks.table.assign(age=np.linspace(30, 80, n), sex=["female", "male"] * (n // 2))
    table.iloc[3, table.columns.get_loc("age")] = np.nan
    table.iloc[5, table.columns.get_loc("sex")] = np.nan
    return Blocks(table, blocks.block_of | {"age": "clinical", "sex": "clinical"}), targets


def case_table(targets: pd.DataFrame, external: int = 0) -> pd.DataFrame:
    """The case table of a cohort, with external cases of other patients without an outcome."""
    own = targets.reset_index().rename(columns={"y": "high_grade"}).assign(cohort="development")
    other = pd.DataFrame(
        {
            "case": [f"x{i}" for i in range(external)],
            "patient": [f"q{i}" for i in range(external)],
            "cohort": "elsewhere",
        }
    )
    return pd.concat([own, other], ignore_index=True) if external else own

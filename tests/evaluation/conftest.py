"""Reference values of independent programs; see tests/data/oracles/README.md."""

import json
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

FOLDER = Path(__file__).parents[1] / "data" / "oracles"


@pytest.fixture(scope="session")
def oracle():
    """`oracle.csv(name)`, `oracle.json(name)`, `oracle.folder`."""
    return SimpleNamespace(
        csv=lambda name: pd.read_csv(FOLDER / f"{name}.csv"),
        json=lambda name: json.loads((FOLDER / f"{name}.json").read_text()),
        folder=FOLDER,
    )

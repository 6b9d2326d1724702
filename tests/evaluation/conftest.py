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


@pytest.fixture(scope="session")
def shared_oracle(test_data):
    """Tables that may not be copied here: `oracles` beside the folder of real test data."""
    folder = test_data.parent / "oracles"
    if not folder.is_dir():
        pytest.skip("there is no folder `oracles` beside RADPIPE_TEST_DATA")
    return SimpleNamespace(
        csv=lambda name: pd.read_csv(folder / "data" / f"{name}.csv"),
        json=lambda name: json.loads((folder / "results" / f"{name}.json").read_text()),
    )

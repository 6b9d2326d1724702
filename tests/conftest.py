"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real test data, named by RADPIPE_TEST_DATA."""
    folder = os.environ.get("RADPIPE_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("RADPIPE_TEST_DATA does not name the folder of real test data")
    return Path(folder).resolve()

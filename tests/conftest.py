"""Fixtures shared by all tests."""

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real test data, named by RADPIPE_TEST_DATA."""
    folder = os.environ.get("RADPIPE_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("RADPIPE_TEST_DATA does not name the folder of real test data")
    return Path(folder).resolve()


@pytest.fixture(scope="session")
def load_tool() -> Callable[[str], ModuleType]:
    """Load a script of workflow/tools, which is no package, by its name."""

    def load(name: str) -> ModuleType:
        path = Path(__file__).resolve().parents[1] / "workflow" / "tools" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load

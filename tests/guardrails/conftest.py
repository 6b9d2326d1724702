"""Figures that the guardrails measure, written where a report of the tests can carry them."""

from collections.abc import Callable

import numpy as np
import pytest


@pytest.fixture
def record_property(
    record_property: Callable[[str, object], None],
) -> Callable[[str, object], None]:
    """As pytest's own, with plain numbers: numpy's do not travel between test workers."""
    return lambda name, value: record_property(name, np.asarray(value).tolist())


@pytest.fixture
def recorded(record_property: Callable[[str, object], None]) -> Callable[[str, float], float]:
    """Records a figure by its name and gives it back."""

    def record(name: str, value: float) -> float:
        record_property(name, value)
        return value

    return record

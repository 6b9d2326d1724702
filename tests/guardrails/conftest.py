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

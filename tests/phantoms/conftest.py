"""A tiny cohort, made once."""

from pathlib import Path

import pytest

from radpipe.phantoms.cohort import CohortSpec, make_cohort


@pytest.fixture(scope="session")
def tiny_cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny cohort: 16 development, 6 external and 4 bad cases."""
    directory = tmp_path_factory.mktemp("tiny")
    make_cohort(directory, CohortSpec.tiny())
    return directory

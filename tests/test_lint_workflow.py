"""What the lint step lets pass, and what it does not."""

from collections.abc import Callable
from types import ModuleType

import pytest

OUTPUT = """Lints for snakefile rules/images.smk:
    * Mixed rules and functions in same snakefile.:
      Small one-liner functions used only once

Lints for rule evaluate (line 3, rules/evaluation.smk):
    * No log directive defined:
      Without a log directive
    * Specify a conda environment or container for each rule.:
      This way
"""


@pytest.fixture
def tool(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    return load_tool("lint_workflow")


def test_only_accepted_findings_pass(tool: ModuleType) -> None:
    assert len(tool.findings(OUTPUT)) == 3
    assert tool.faults(OUTPUT) == [
        "snakefile rules/images.smk: Mixed rules and functions in same snakefile.",
        "rule evaluate (line 3, rules/evaluation.smk): No log directive defined",
    ]


def test_every_accepted_finding_has_a_reason(tool: ModuleType) -> None:
    assert all(len(reason) > 40 for reason in tool.ACCEPTED.values())

"""What is written from the definitions of the config is what they say now."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
AGAIN = "run python workflow/tools/write_config_reference.py"


@pytest.fixture
def tool(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    return load_tool("write_config_reference")


def test_reference_of_keys_is_up_to_date(tool: ModuleType) -> None:
    text = (ROOT / "config/README.md").read_text(encoding="utf-8")
    assert tool.MARK in text
    assert text == tool.document(), AGAIN


def test_schema_is_up_to_date(tool: ModuleType) -> None:
    assert (ROOT / "config/study.schema.json").read_text(encoding="utf-8") == tool.schema(), AGAIN


def test_a_key_is_listed_with_its_meaning(tool: ModuleType) -> None:
    row = "| `allow` | list of text | `[]` | columns that may tell the outcome almost by themselves"
    assert row in tool.reference()

"""Every guardrail has a test and a twin, and the page that lists them names tests that exist."""

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "guardrails.md"
IDS = [f"g{number:02d}" for number in range(1, 25)]


def _tests() -> list[str]:
    trees = (ast.parse(file.read_text()) for file in sorted(HERE.glob("test_*.py")))
    found = [node.name for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [name for name in found if re.match(r"test_g\d\d_", name)]


def _without(names: list[str]) -> list[str]:
    """The guardrails that lack a test or a twin."""
    missing = []
    for number in IDS:
        own = [name for name in names if name.startswith(f"test_{number}_")]
        twins = [name for name in own if "twin" in name]
        if not twins or not [name for name in own if "_twin" not in name or "_and_twin" in name]:
            missing.append(number)
    return missing


def test_every_guardrail_has_a_test_and_a_twin() -> None:
    assert _without(_tests()) == []


def test_a_guardrail_without_a_twin_would_be_missed() -> None:
    names = _tests()
    assert _without([n for n in names if not ("g14" in n and "twin" in n)]) == ["g14"]
    assert _without([n for n in names if not n.startswith("test_g22")]) == ["g22"]


def test_the_page_lists_every_guardrail_with_tests_that_exist() -> None:
    rows = re.findall(r"^\| (G\d\d) \|(.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [number.lower() for number, _ in rows] == IDS
    names = set(_tests())
    for number, row in rows:
        cited = re.findall(r"`(test_\w+)`", row)
        assert len(cited) >= 2, number
        assert set(cited) <= names, number
        assert all(name.startswith(f"test_{number.lower()}_") for name in cited), number
        assert any("twin" in name for name in cited), number

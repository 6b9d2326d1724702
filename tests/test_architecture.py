"""Who may import whom, read from the source; the order is that of docs/architecture.md."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "radpipe"

BASE = ("types", "errors", "logs", "config")
ROOMS = (
    "io",
    "imaging",
    "evaluation",
    "networks",
    "segmentation",
    "features",
    "modelling",
    "explanation",
    "reporting",
    "cli",
)
BESIDE: dict[str, set[str]] = {"phantoms": {"io"}, "provenance": {"io"}, "slots": set()}
"""Rooms beside the row, and the rooms they see; only reporting, cli and adapters see them."""
SEES_BESIDE = {"reporting": {"provenance"}, "cli": {"provenance", "phantoms"}}

FILTERS = "radpipe.features.filters: radpipe.features"
LAZY = {
    "radpipe.cli: radpipe.modelling.applying": "torch, for one command only",
    "radpipe.cli: radpipe.features.certificate": "pyradiomics, for one command only",
    f"{FILTERS}.spherical_patterns.local_binary_pattern_3d": "scipy.stats",
    "radpipe.features.image_filters: skimage.feature.texture.local_binary_pattern": "half a second",
    "radpipe.features.ibsi.local_intensity: scipy.signal": "a second",
    "radpipe.explanation.models: radpipe.modelling.cnn.predict_cnn_scores": "torch, for networks",
    "radpipe.modelling.scoring: radpipe.modelling.cnn.predict_cnn_scores": "torch, likewise",
    "radpipe.modelling.deep.building: radpipe.networks.backbones.build_backbone": "MONAI",
    "radpipe.modelling.bundles: radpipe.modelling.cnn.restore_cnn": "torch, for networks only",
    "radpipe.features.encoders: radpipe.networks.training": "Lightning, for training only",
    "radpipe.features.encoders: radpipe.features.deep.bottleneck.SegmenterEncoder": "MONAI",
    "radpipe.features.deep.building: radpipe.features.deep.given.load_given": "MONAI",
    "radpipe.features.deep.building: radpipe.features.deep.given.build_given": "MONAI",
    "radpipe.modelling.deep.training: radpipe.networks.training.TrainingSettings": "Lightning",
    "radpipe.modelling.deep.training: radpipe.networks.training.fit": "Lightning",
    "radpipe.segmentation.planning: radpipe.segmentation.planner.Planner": "MONAI, for auto only",
    "radpipe.io.estimators: skops.io": "seconds, which networks must not wait for",
    "radpipe.io.estimators: skops.io.exceptions": "likewise",
    "radpipe.modelling.bundles: radpipe.networks.weights.load_weights": "torch, for networks only",
    "radpipe.modelling.bundles: radpipe.networks.weights.save_weights": "torch, for networks only",
}
"""Imports allowed inside functions, as `module: imported`, each with its reason."""

PER_CASE = (
    "import_image",
    "import_mask",
    "register_image",
    "correct_bias",
    "prepare_image",
    "prepare_mask",
    "extract_features",
    "map_features",
)
"""Adapters that run once a case; importing torch would cost each a second and 300 MB."""
WITHOUT_TORCH = ("radpipe.io", "radpipe.imaging", "radpipe.evaluation", "radpipe.phantoms")
TORCH = {"torch", "monai", "lightning"}
LONGEST_MODULE = 400
LONGEST_FUNCTION = 60
LONGEST_ADAPTER = 40
LONGEST_RULES = 180

ADAPTERS = {path.stem: path for path in sorted((ROOT / "workflow" / "scripts").glob("*.py"))}
RULES = [ROOT / "Snakefile", *sorted((ROOT / "rules").glob("*.smk"))]

MODULES = {
    ".".join(("radpipe", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(
        ".__init__"
    ): path
    for path in sorted(SOURCE.rglob("*.py"))
}


def _tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def _imported(node: ast.AST, module: str) -> list[str]:
    """Full names of the modules that an import statement of `module` asks for."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = node.module or ""
    if node.level:
        package = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
        kept = package.split(".")[: len(package.split(".")) - node.level + 1]
        base = ".".join((*kept, base)).rstrip(".")
    return [f"{base}.{alias.name}" for alias in node.names]


def _imports(module: str) -> set[str]:
    return {name for node in ast.walk(_tree(module)) for name in _imported(node, module)}


def _room(name: str) -> str | None:
    """The room a full name lies in; empty for radpipe itself, None outside radpipe."""
    parts = name.split(".")
    if parts[0] != "radpipe":
        return None
    return parts[1] if ".".join(parts[:2]) in MODULES and len(parts) > 1 else ""


def _visible(room: str) -> set[str]:
    """Rooms that a room may import, itself included."""
    base = {*BASE, ""}
    if room in base:
        return base
    if room in BESIDE:
        return base | BESIDE[room] | {room}
    return base | set(ROOMS[: ROOMS.index(room) + 1]) | SEES_BESIDE.get(room, set())


def _targets(name: str) -> Iterator[str]:
    """Modules of radpipe that importing `name` runs: `radpipe.io.images.read` runs two of them."""
    parts = name.split(".")
    for length in range(2, len(parts) + 1):
        if (module := ".".join(parts[:length])) in MODULES:
            yield module


def _reached(names: set[str]) -> set[str]:
    """First names of all that importing `names` brings along, through radpipe's own modules."""
    seen: set[str] = set()
    outside: set[str] = set()
    waiting = sorted(names)
    while waiting:
        name = waiting.pop()
        outside.add(name.split(".")[0])
        for module in set(_targets(name)) - seen:
            seen.add(module)
            waiting += sorted(_imports(module))
    return outside


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_the_row_is_that_of_the_document() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    block = re.search(r"## Layers\s+```(.*?)```", text, flags=re.DOTALL)
    assert block is not None
    assert block[1].replace("<-", " ").split() == [*BASE, *ROOMS]


def test_every_module_lies_in_a_known_room() -> None:
    rooms = {_room(module) for module in MODULES}
    assert rooms <= {"", *BASE, *ROOMS, *BESIDE}


@pytest.mark.parametrize("module", MODULES)
def test_module_imports_only_from_its_left(module: str) -> None:
    room = _room(module) or ""
    entered = {name: _room(name) for name in _imports(module)}
    # radpipe/__init__.py is run before any module, so it may enter none.
    allowed = _visible(room) if module != "radpipe" else set()
    wrong = {n for n, r in entered.items() if r is not None and r not in allowed}
    assert not wrong, f"{module} lies left of {sorted(wrong)}"


@pytest.mark.parametrize("module", MODULES)
def test_library_does_not_know_the_workflow(module: str) -> None:
    assert not {n for n in _imports(module) if n.split(".")[0].startswith("snakemake")}


@pytest.mark.parametrize("module", MODULES)
def test_imports_stand_at_the_top(module: str) -> None:
    inside = {
        f"{module}: {name}"
        for function in _functions(_tree(module))
        for node in ast.walk(function)
        for name in _imported(node, module)
    }
    assert inside - set(LAZY) == set(), "list it in LAZY with its reason, or move it to the top"


def test_every_exception_is_still_used() -> None:
    used = {
        f"{module}: {name}"
        for module in MODULES
        for function in _functions(_tree(module))
        for node in ast.walk(function)
        for name in _imported(node, module)
    }
    assert set(LAZY) <= used


@pytest.mark.parametrize("module", [m for m in MODULES if m.startswith(WITHOUT_TORCH)])
def test_packages_of_single_cases_bring_no_torch(module: str) -> None:
    assert not _reached({module}) & TORCH


@pytest.mark.parametrize("adapter", PER_CASE)
def test_jobs_of_single_cases_bring_no_torch(adapter: str) -> None:
    tree = ast.parse(ADAPTERS[adapter].read_text(encoding="utf-8"))
    names = {name for node in ast.walk(tree) for name in _imported(node, "radpipe")}
    reached = _reached(names)
    assert "SimpleITK" in reached, "the reader followed nothing"
    assert not reached & TORCH


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_adapter_only_reads_calls_and_writes(adapter: str) -> None:
    text = ADAPTERS[adapter].read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert len(text.splitlines()) <= LONGEST_ADAPTER
    assert list(_functions(tree)) == []
    names = {name for node in ast.walk(tree) for name in _imported(node, "radpipe")}
    assert {name.split(".")[0] for name in names} <= {"radpipe", "pathlib"}


def test_every_rule_with_files_is_in_the_document() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in RULES[1:])
    rules = set(re.findall(r"^(?:rule|checkpoint) (\w+):", text, flags=re.MULTILINE))
    document = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `.+? \| `(\w+)`", document, flags=re.MULTILINE)
    assert {*listed, "render_report"} == rules


def test_every_function_of_the_document_exists() -> None:
    document = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    block = re.search(r"```python\n(.*?)```", document, flags=re.DOTALL)
    assert block is not None
    missing, room = [], ""
    for line in block[1].splitlines():
        if heading := re.match(r"# (\w+)", line):
            room = heading[1]
        for module, name in re.findall(r"(?:^|; )(\w+)\.(\w+)\(", line):
            tree = _tree(
                next(m for m in MODULES if re.fullmatch(rf"radpipe\.{room}\.(\w+\.)?{module}", m))
            )
            defined = {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
            missing += [] if name in defined else [f"{room}.{module}.{name}"]
    assert missing == []


@pytest.mark.parametrize("path", RULES, ids=lambda p: p.name)
def test_rules_only_declare(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"^ +run:", text, flags=re.MULTILINE), "a run: block costs two seconds"
    rules = re.search(r"^(rule|checkpoint) ", text, flags=re.MULTILINE)
    functions = re.search(r"^def ", text, flags=re.MULTILINE)
    assert not (rules and functions), "functions stand in files of their own"
    assert len(text.splitlines()) <= LONGEST_RULES
    scripts = re.findall(r"^ +script:\s+[\"'](.+?)[\"']", text, flags=re.MULTILINE)
    assert [s for s in scripts if not (path.parent / s).is_file()] == []


@pytest.mark.parametrize("module", MODULES)
def test_module_can_be_read_in_one_sitting(module: str) -> None:
    text = MODULES[module].read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_MODULE
    long = [
        f"{f.name}: {f.end_lineno - f.lineno + 1} lines"
        for f in _functions(ast.parse(text))
        if f.end_lineno and f.end_lineno - f.lineno + 1 > LONGEST_FUNCTION
    ]
    assert long == []


@pytest.mark.parametrize("module", MODULES)
def test_no_exception_is_swallowed(module: str) -> None:
    swallowed = [
        node.lineno
        for node in ast.walk(_tree(module))
        if isinstance(node, ast.ExceptHandler)
        and all(isinstance(step, ast.Pass | ast.Continue) for step in node.body)
    ]
    assert swallowed == []


def test_relative_and_nested_imports_are_understood() -> None:
    """The reader itself: a test that sees no import would pass everything."""
    module = next(m for m in MODULES if m.startswith("radpipe.io.") and m.count(".") == 2)
    source = "import torch.nn\nfrom . import images\nfrom ..errors import CaseError\n"
    names = {n for node in ast.walk(ast.parse(source)) for n in _imported(node, module)}
    assert names == {"torch.nn", "radpipe.io.images", "radpipe.errors.CaseError"}
    assert "reporting" not in _visible("io")
    assert "io" in _visible("reporting")
    assert "io" in _visible("phantoms")
    assert "imaging" not in _visible("phantoms")

"""What a result was made from: code, settings, inputs, versions."""

import functools
import hashlib
import platform
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from radpipe import __version__
from radpipe.config import Study
from radpipe.io.cases import CaseSheet
from radpipe.io.files import sha256

SOURCE = Path(__file__).parent

DEPENDENCIES = (
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "statsmodels",
    "SimpleITK",
    "nibabel",
    "nilearn",
    "pyradiomics",
    "torch",
    "monai",
    "lightning",
    "shap",
    "lime",
    "matplotlib",
    "snakemake",
)
"""Distributions that numbers depend on, and the workflow engine."""


@functools.cache
def code_hash(*modules: str) -> str:
    """A short hash of source files, for the `params` of a rule.

    Snakemake does not see that a library was edited; it does see that a parameter changed. Only
    the files named count, so that an edit re-runs just the rules that use them.

    Args:
        modules: packages or modules of radpipe, such as `imaging` or `io.checks`.

    Raises:
        ValueError: there is no such package or module.
    """
    digest = hashlib.sha256()
    for file in sorted({file for module in modules for file in _sources(module)}):
        digest.update(file.relative_to(SOURCE).as_posix().encode() + b"\0")
        digest.update(file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def versions() -> dict[str, str]:
    """Versions of Python, radpipe and the libraries it computes with; `not installed` is said."""
    found = {"python": platform.python_version(), "radpipe": __version__}
    for name in DEPENDENCIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def study_provenance(study: Study, sheet: CaseSheet, inputs: Iterable[Path]) -> dict[str, Any]:
    """Everything needed to tell whether two runs of a study are the same run.

    Args:
        study: the settings, written out with their defaults.
        sheet: the case sheet.
        inputs: files whose content the study depends on, such as the images of usable cases.

    Returns:
        `study`, `seed`, `settings`, `code` (hash of each package), `versions`, `platform`,
        `sheet_sha256`, `cases` (number of rows) and `inputs` (path relative to the sheet -> hash).
    """
    packages = sorted(p.parent.name for p in SOURCE.glob("*/__init__.py"))
    modules = sorted(p.stem for p in SOURCE.glob("*.py") if p.stem != "__init__")
    return {
        "study": study.study,
        "seed": study.seed,
        "settings": study.model_dump(mode="json"),
        "code": {name: code_hash(name) for name in packages + modules},
        "versions": versions(),
        "platform": {"system": platform.system(), "machine": platform.machine()},
        "byte_order": sys.byteorder,
        "sheet_sha256": sha256(sheet.file),
        "cases": len(sheet.cases),
        "inputs": {_name(file, sheet.root): sha256(file) for file in inputs},
    }


def _sources(module: str) -> list[Path]:
    path = SOURCE.joinpath(*module.split("."))
    if path.is_dir():
        return [f for f in path.rglob("*") if f.is_file() and "__pycache__" not in f.parts]
    if path.with_suffix(".py").is_file():
        return [path.with_suffix(".py")]
    raise ValueError(f"radpipe has no package or module '{module}'")


def _name(file: Path, root: Path) -> str:
    return str(file.relative_to(root)) if file.is_relative_to(root) else str(file)

"""The house as a package: its version, and one set of versions in three files."""

import re
import tomllib
from importlib.metadata import version as installed_version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import radpipe

ROOT = Path(__file__).resolve().parents[1]
CONDA_NAMES = {
    "matplotlib-base": "matplotlib",
    "pytorch": "torch",
    "snakemake-minimal": "snakemake",
}
CONDA_ALONE = {
    "python": "the interpreter",
    "c-compiler": "builds pyradiomics where the system has no compiler",
}
BUILT_LATER = {"pyradiomics": "not on conda-forge; environment.yml says how it is built"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DIRECT = [
    Requirement(text)
    for text in (*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"])
]


def _pins(lines: list[str]) -> dict[str, str]:
    """Package and version of lines such as `numpy==2.4.6` or conda's `numpy=2.4.6`."""
    pins: dict[str, str] = {}
    for line in lines:
        name, _, version = re.split(r"(==?)", line, maxsplit=1) if "=" in line else (line, "", "")
        name = canonicalize_name(CONDA_NAMES.get(name, name))
        assert name not in pins, f"{name} is pinned twice"
        pins[name] = version
    return pins


@pytest.fixture(scope="module")
def lock() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return _pins([line for line in lines if line and not line.startswith("#")])


@pytest.fixture(scope="module")
def conda() -> dict[str, str]:
    content = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    listed = content["dependencies"]
    from_pip = next(part["pip"] for part in listed if isinstance(part, dict))
    return _pins([part for part in listed if isinstance(part, str)] + from_pip)


@pytest.mark.parametrize("requirement", DIRECT, ids=lambda r: r.name)
def test_lock_holds_a_version_that_pyproject_allows(
    requirement: Requirement, lock: dict[str, str]
) -> None:
    assert requirement.specifier.contains(lock[canonicalize_name(requirement.name)])


@pytest.mark.parametrize("requirement", DIRECT, ids=lambda r: r.name)
def test_environment_yml_names_the_locked_version(
    requirement: Requirement, lock: dict[str, str], conda: dict[str, str]
) -> None:
    name = canonicalize_name(requirement.name)
    if name in BUILT_LATER:
        text = (ROOT / "environment.yml").read_text(encoding="utf-8")
        assert f"{name}=={lock[name]}" in text
        return
    assert conda[name] == lock[name]


def test_environment_yml_pins_nothing_that_the_lock_does_not(
    lock: dict[str, str], conda: dict[str, str]
) -> None:
    differing = {n: v for n, v in conda.items() if n not in CONDA_ALONE and lock.get(n) != v}
    assert differing == {}


def test_python_of_environment_yml_is_supported(conda: dict[str, str]) -> None:
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(conda["python"])


def test_lock_leaves_the_build_of_torch_open(lock: dict[str, str]) -> None:
    """A local part such as +cpu would forbid the build for a GPU."""
    assert [name for name, version in lock.items() if "+" in version] == []


def test_lock_holds_no_copyleft_statistics(lock: dict[str, str]) -> None:
    """Both are GPL, which an Apache-2.0 project cannot depend on."""
    assert not {"scikit-survival", "pingouin"} & set(lock)


def test_lock_is_what_runs_these_tests(lock: dict[str, str]) -> None:
    found = {name: Version(installed_version(name)).public for name in lock}
    differing = {n: v for n, v in found.items() if Version(v) != Version(lock[n])}
    assert differing == {}


def test_installed_package_has_the_version_of_the_source() -> None:
    assert installed_version("radpipe") == radpipe.__version__


def test_citation_and_changelog_name_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert citation["version"] == radpipe.__version__
    assert f"## [{radpipe.__version__}]" in changelog


def test_licence_is_the_one_named() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_every_hook_runs_what_the_environment_holds() -> None:
    """Hooks fetched from elsewhere would bring versions beside those of the lock."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert {repository["repo"] for repository in hooks["repos"]} == {"local"}

"""The install step says in one sentence what a machine lacks, before anything is fetched."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / "workflow" / "tools"
BASH = shutil.which("bash") or "bash"


@pytest.fixture
def fake_python(tmp_path: Path):
    """A Python that answers like the real one, except where `answers` says otherwise."""

    def make(answers: dict[str, str]) -> Path:
        branches = "".join(f'*"{asked}"*) {answer};;\n' for asked, answer in answers.items())
        path = tmp_path / "python-of-a-test"
        path.write_text(
            f'#!{BASH}\ncase "$*" in\n{branches}*) exec "{sys.executable}" "$@";;\nesac\n',
            encoding="utf-8",
        )
        path.chmod(0o755)
        return path

    return make


def _run(script: str, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BASH, str(TOOLS / script), *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _sentence(result: subprocess.CompletedProcess[str]) -> str:
    """The one line said to a person."""
    assert result.returncode != 0
    lines = result.stderr.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_missing_python(tmp_path: Path) -> None:
    said = _sentence(_run("install.sh", "no-such-python", tmp_path / "venv"))
    assert said.startswith("radpipe: 'no-such-python' was not found; install Python 3.11, 3.12")
    assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize("version", ["3.10", "3.14", "2.7"])
def test_python_of_another_version(version: str, tmp_path: Path, fake_python) -> None:
    python = fake_python({"version_info": f"echo {version}"})
    said = _sentence(_run("install.sh", python, tmp_path / "venv"))
    assert f"is Python {version}, but radpipe needs 3.11, 3.12 or 3.13" in said


def test_missing_venv_module(tmp_path: Path, fake_python) -> None:
    python = fake_python({"import ensurepip": "echo Traceback >&2; exit 1"})
    said = _sentence(_run("install.sh", python, tmp_path / "venv"))
    assert "its venv module is missing" in said


def test_missing_compiler() -> None:
    said = _sentence(_run("build_pyradiomics.sh", sys.executable, CC="no-such-cc"))
    assert "no C compiler 'no-such-cc' was found" in said


def test_compiler_without_a_c_library() -> None:
    said = _sentence(_run("build_pyradiomics.sh", sys.executable, CC="false"))
    assert "'false' cannot compile" in said


def test_missing_headers_of_python(fake_python) -> None:
    python = fake_python({"get_path": "echo /no/such/folder"})
    said = _sentence(_run("build_pyradiomics.sh", python, CC="true"))
    assert "/no/such/folder/Python.h was not found" in said


def test_check_passes_with_a_compiler() -> None:
    result = _run("build_pyradiomics.sh", sys.executable, CC="true")
    assert (result.returncode, result.stderr) == (0, "")


def test_configparser_is_what_old_setup_scripts_expect() -> None:
    """The stand-in for Python 3.12 and later parses as `SafeConfigParser.readfp` did."""
    code = (
        "import io, configparser\n"
        "parser = configparser.SafeConfigParser()\n"
        "parser.readfp(io.StringIO('[versioneer]\\nVCS = git\\n'))\n"
        "print(parser.get('versioneer', 'VCS'))"
    )
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={**os.environ, "PYTHONPATH": str(TOOLS / "build_pyradiomics")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == "git\n"

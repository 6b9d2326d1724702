import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from radpipe.cli import app, main
from radpipe.io.tables import read_table

CONFIG = """
study: demo
cases: {sheet}
outcome: {{column: high_grade}}
images: {{modalities: [T1w, FLAIR]}}
segmentation: {{segmenters: [{{name: unet}}]}}
splits: {{folds: 3}}
"""


@pytest.fixture
def run_main(monkeypatch, capsys):
    """Run the entry point; its exit code and what it wrote to the standard error."""

    def run(*arguments: str) -> tuple[object, str]:
        monkeypatch.setattr(sys, "argv", ["radpipe", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        return caught.value.code, capsys.readouterr().err

    return run


def _config(folder: Path, sheet: Path) -> Path:
    path = folder / "study.yaml"
    path.write_text(CONFIG.format(sheet=sheet), encoding="utf-8")
    return path


def test_demo_writes_the_cohort_that_the_flags_name(tmp_path):
    flags = ["--tiny", "--development", "3", "--external", "1", "--spacing", "6", "--null"]
    result = CliRunner().invoke(app, ["demo", str(tmp_path), *flags, "--seed", "1"])
    assert result.exit_code == 0, result.output
    assert str(tmp_path / "cases.tsv") in result.output
    assert len(read_table(tmp_path / "cases.tsv")) == 3 + 1 + 4


def test_check_names_exactly_the_bad_cases(tiny_cohort, tmp_path):
    config = _config(tmp_path, tiny_cohort / "cases.tsv")
    result = CliRunner().invoke(app, ["check", str(config)])
    assert result.exit_code == 0, result.output
    assert "development: 16 cases of 15 patients" in result.output
    assert "external: 6 cases of 6 patients" in result.output
    excluded = result.output.split("excluded: 4 cases\n")[1].splitlines()
    assert [line.split(":")[0].strip() for line in excluded] == [f"bad00{i}" for i in range(1, 5)]
    for line, word in zip(excluded, ("truncated", "empty", "grid", "copy"), strict=True):
        assert word in line


def test_a_fault_is_one_sentence_and_exit_code_one(run_main, tmp_path):
    code, text = run_main("check", str(_config(tmp_path, tmp_path / "nowhere.tsv")))
    assert code == 1
    assert text.startswith("radpipe: ")
    assert "nowhere.tsv" in text
    assert text.count("\n") == 1


def test_null_and_confounded_exclude_each_other(run_main, tmp_path):
    code, text = run_main("demo", str(tmp_path / "x"), "--null", "--confounded")
    assert code == 1
    assert "either null or confounded" in text
    assert not (tmp_path / "x").exists()

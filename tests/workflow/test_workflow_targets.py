"""What a user may ask for, and what is said when it cannot be had."""

import re
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, StudyRun, rivals_config, tabular_config, whole_config

pytestmark = pytest.mark.workflow
TRAINING = {"train_segmenter", "train_encoder", "train_model"}


def test_only_rules_that_train_ask_for_a_gpu(tiny_cohort: Path, tmp_path: Path) -> None:
    study = StudyRun(tmp_path, whole_config(tiny_cohort))
    output = study.run("--dry-run", profile="slurm")
    asking = [line.split(": ", 1)[1] for line in output.splitlines() if "gpu" in line]
    assert all(re.match(r"Training (segmenter|encoder|model) .*\(gpu=1\)$", a) for a in asking)
    assert {a.split()[1] for a in asking} == {"segmenter", "encoder", "model"}


def test_segmenters_of_every_kind_are_fitted_in_every_fold(
    tiny_cohort: Path, tmp_path: Path
) -> None:
    output = StudyRun(tmp_path, rivals_config(tiny_cohort)).run("--dry-run")
    jobs = dict(re.findall(r"^(\w+) +(\d+)$", output, flags=re.M))
    # Two networks in two folds, which also draw the new cases; thresholds in three.
    wanted = {"plan_segmenter": 4, "train_segmenter": 4, "fit_classical": 3}
    wanted |= {"segment_cases": 9, "segment_classically": 3, "collect_masks": 4}
    assert {rule: int(jobs[rule]) for rule in wanted} == wanted


def test_no_other_rule_declares_a_gpu() -> None:
    """What the dry run prints of a GPU is the resource itself, which only these rules have."""
    declared = set()
    for path in (ROOT / "rules").glob("*.smk"):
        for rule in re.split(r"^(?=rule |checkpoint )", path.read_text(), flags=re.M):
            if "gpu=" in rule.replace("(gpu={resources.gpu})", ""):
                declared.add(rule.split()[1].rstrip(":"))
    assert declared == TRAINING


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"seeed": 1}, "unknown key 'seeed', did you mean 'seed'?"),
        ({"cases": "nowhere.tsv"}, "nowhere.tsv"),
        ({"outcome": {"column": "high_grad"}}, "high_grade"),
    ],
)
def test_a_fault_of_the_config_stops_before_any_job(
    change: dict, sentence: str, tiny_cohort: Path, tmp_path: Path
) -> None:
    study = StudyRun(tmp_path, tabular_config(tiny_cohort) | change)
    output = study.run(check=False)
    assert sentence in output
    assert "Traceback" not in output
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("name", ["demo", "sts", "hippocampus"])
def test_shipped_configs_are_valid(name: str) -> None:
    from radpipe.config import load_study

    text = (ROOT / f"config/{name}.yaml").read_text()
    assert load_study(yaml.safe_load(text)).study == name

"""One study of each kind, drawn once for all tests of this folder."""

from dataclasses import dataclass
from pathlib import Path

import kinds_study
import pytest
import report_study

from radpipe.config import Study
from radpipe.reporting.content import Report, build_report
from radpipe.reporting.figures import draw_figures
from radpipe.reporting.inputs import ReportInputs


@dataclass(frozen=True)
class Reported:
    study: Study
    inputs: ReportInputs
    names: list[str]
    report: Report


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """Forty development and sixteen external cases, seven models."""
    return _reported(tmp_path_factory.mktemp("demo"), report_study.make_study())


@pytest.fixture(scope="session")
def hippo(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """A study that ends after segmentation."""
    study = report_study.make_segmentation_study()
    return _reported(tmp_path_factory.mktemp("hippo"), study, development=20, external=0)


@pytest.fixture(scope="session")
def rivals(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """Six segmenters on the same cases, one planned, one semi-automatic, one an ensemble."""
    root, study = tmp_path_factory.mktemp("rivals"), report_study.make_rivals()
    return _reported(root, study, development=16, external=6)


@pytest.fixture(scope="session", params=list(kinds_study.OUTCOMES))
def kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """A study of each kind of outcome, its tables made of simulated predictions."""
    return _reported_kind(tmp_path_factory.mktemp(request.param), request.param)


def _reported_kind(root: Path, name: str) -> Reported:
    study = kinds_study.make_study(name)
    inputs = kinds_study.make_inputs(root, study)
    names = draw_figures(study, inputs, root / "figures")
    return Reported(study, inputs, names, build_report(study, inputs))


def _reported(root: Path, study: Study, **cases: int) -> Reported:
    inputs = report_study.make_inputs(root, study, images=3, **cases)
    names = draw_figures(study, inputs, root / "figures")
    return Reported(study, inputs, names, build_report(study, inputs))

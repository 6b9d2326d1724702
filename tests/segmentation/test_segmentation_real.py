"""Real patients: the hippocampus study's settings, shortened, on real crops."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import SimpleITK as sitk

from radpipe.config import load_study
from radpipe.io.images import image_like
from radpipe.segmentation.inference import Member, segment_case
from radpipe.segmentation.planning import make_plan
from radpipe.segmentation.scoring import MaskPair, score_segmentation
from radpipe.segmentation.training import train_segmenter
from radpipe.types import CaseFiles

ROOT = Path(__file__).parents[2]


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "workflow" / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_case_sheets_name_files_that_are_there(test_data: Path) -> None:
    hippocampus = tool("make_hippocampus_sheet").case_sheet(test_data / "msd_hippocampus")
    sarcoma = tool("make_sts_sheet").case_sheet(test_data / "sts_subset")
    assert len(hippocampus) == 80
    assert len(sarcoma) == 12
    assert sarcoma["lung_metastasis"].sum() == 6
    for table in (hippocampus, sarcoma):
        paths = table.filter(regex="^(image|mask)").to_numpy().ravel()
        assert all(path.is_file() for path in paths)


@pytest.mark.slow
def test_hippocampus_of_held_out_patients(test_data: Path, tmp_path: Path) -> None:
    """A third of the study's steps on a third of its cases already gives Dice 0.80."""
    study = load_study(ROOT / "config" / "hippocampus.yaml")
    settings = study.segmentation.segmenters[0].model_copy(update={"steps": 400})
    labels = study.segmentation.labels
    sheet = tool("make_hippocampus_sheet").case_sheet(test_data / "msd_hippocampus")
    cases = []
    for row in sheet.iloc[:36].itertuples():
        image = sitk.ReadImage(str(row.image_T1w), sitk.sitkFloat32)
        values = sitk.GetArrayFromImage(image)
        file = tmp_path / f"{row.case}.nii.gz"
        sitk.WriteImage(image_like((values - values.mean()) / values.std(), image), file)
        cases.append(CaseFiles(row.case, {"T1w": file}, row.mask))
    plan = make_plan(settings, None, labels, ["T1w"])
    patients = [files.case for files in cases[:27]]
    network, _ = train_segmenter(cases[:27], plan, labels, patients=patients, seed=1)
    pairs = []
    for case in cases[27:]:
        drawn = tmp_path / f"{case.case}_drawn.nii.gz"
        found = segment_case(
            [Member(network, plan)], case, labels, cleaning=plan.segmenter.cleaning
        )
        sitk.WriteImage(found.mask, drawn)
        pairs.append(MaskPair(case.case, "r1f1", "unet", drawn, case.mask))
    scores = score_segmentation(pairs, labels, study.segmentation.tolerance_mm)
    assert np.mean(scores["dice"]) > 0.80
    assert scores["missed"].sum() == 0

"""From training cases to masks of held-out ones, and what is done to masks afterwards."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from segmentation_boxes import two_boxes, write
from torch import nn

from radpipe.config import Network
from radpipe.config.segmentation import Cleaning
from radpipe.errors import RadpipeError
from radpipe.evaluation.overlap import score_mask
from radpipe.networks.weights import save_weights
from radpipe.segmentation.inference import Member, load_segmenter, segment_case
from radpipe.segmentation.plan import Plan
from radpipe.segmentation.postprocessing import clean_labels
from radpipe.segmentation.training import train_segmenter
from radpipe.types import CaseFiles

LABELS = {"left": 3, "right": 5}
SPACING_MM = (1.0, 1.0, 1.0)


def plan(**changes: object) -> Plan:
    settings = {
        "name": "s",
        "network": "unet",
        "channels": [4, 8, 16],
        "patch": (16, 16, 16),
        "batch": 2,
        "steps": 60,
        "learning_rate": 0.01,
    }
    return Plan(segmenter=Network.model_validate(settings | changes))


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> list[CaseFiles]:
    folder = tmp_path_factory.mktemp("boxes")
    return [two_boxes(folder, f"c{i}", i) for i in range(6)]


@pytest.fixture(scope="module")
def trained(cohort: list[CaseFiles]) -> tuple[nn.Module, pd.DataFrame]:
    return train_segmenter(cohort[:4], plan(), LABELS, patients=list("abcd"), seed=1)


def test_a_simple_task_is_learned_and_held_out_cases_are_drawn(
    cohort: list[CaseFiles], trained: tuple[nn.Module, pd.DataFrame]
) -> None:
    network, log = trained
    assert len(log) == 60
    for case in cohort[4:]:
        drawing = segment_case([Member(network, plan())], case, LABELS)
        reference = sitk.ReadImage(case.mask)
        for image in (drawing.mask, drawing.entropy):
            assert image.GetSize() == reference.GetSize()
            assert image.GetSpacing() == reference.GetSpacing()
            assert image.GetOrigin() == reference.GetOrigin()
            assert image.GetDirection() == reference.GetDirection()
        assert drawing.mask.GetPixelID() == sitk.sitkUInt8
        drawn, true = sitk.GetArrayFromImage(drawing.mask), sitk.GetArrayFromImage(reference)
        assert set(np.unique(drawn)) <= {0, 3, 5}
        for name, value in LABELS.items():
            dice = score_mask(drawn == value, true == value, SPACING_MM, [1.0]).dice
            assert dice > 0.85
            # So short a training leaves the network less sure than it could be.
            assert 0.5 < drawing.expected_dice[name] <= 1


def test_a_segmenter_comes_back_from_its_weights(
    cohort: list[CaseFiles], trained: tuple[nn.Module, pd.DataFrame], tmp_path: Path
) -> None:
    save_weights(trained[0], tmp_path / "w.safetensors")
    again = load_segmenter(tmp_path / "w.safetensors", plan(), LABELS, inputs=1)
    first, second = (
        sitk.GetArrayFromImage(segment_case([Member(n, plan())], cohort[5], LABELS).mask)
        for n in (trained[0], again)
    )
    assert np.array_equal(first, second)
    with pytest.raises(RadpipeError, match="weights are of another network"):
        load_segmenter(tmp_path / "w.safetensors", plan(), LABELS, inputs=2)


@pytest.mark.parametrize("modalities", [1, 4])
@pytest.mark.parametrize("labels", [2, 5])
def test_any_number_of_modalities_and_labels(modalities: int, labels: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images: dict[str, Path | None] = {
        f"M{k}": write(rng.random((5, 9, 7), np.float32), tmp_path / f"{k}.nii.gz")
        for k in range(modalities)
    }
    mask = rng.integers(0, labels + 1, (5, 9, 7)).astype(np.uint8)
    case = CaseFiles("a", images, write(mask, tmp_path / "mask.nii.gz"))
    names = {f"l{k}": k for k in range(1, labels + 1)}
    quick = plan(channels=[4, 8], patch=(8, 8, 8), steps=1)
    network, _ = train_segmenter([case], quick, names, patients=["p"], seed=0)
    drawing = segment_case([Member(network, quick)], case, names)
    drawn = sitk.GetArrayFromImage(drawing.mask)
    assert drawn.shape == (5, 9, 7)
    assert drawn.max() <= labels
    assert list(drawing.uncertainty["label"]) == list(names)


def row(*values: int) -> np.ndarray:
    return np.array(values, np.uint8).reshape(1, 1, -1)


@pytest.mark.parametrize(
    ("cleaning", "expected"),
    [
        (Cleaning(), [1, 1, 0, 1, 0, 2, 0, 2, 2]),
        (Cleaning(largest_component=True), [1, 1, 0, 0, 0, 0, 0, 2, 2]),
        (Cleaning(minimum_ml=0.002), [1, 1, 0, 0, 0, 0, 0, 2, 2]),
        (Cleaning(minimum_ml=0.0021), [0] * 9),
        (Cleaning(minimum_ml=0.0021, largest_component=True), [0] * 9),
    ],
)
def test_components(cleaning: Cleaning, expected: list[int]) -> None:
    """Voxels of 1 mm3 = 0.001 ml; two pieces of each label, of two voxels and one."""
    labels = row(1, 1, 0, 1, 0, 2, 0, 2, 2)
    assert clean_labels(labels, SPACING_MM, cleaning).ravel().tolist() == expected
    assert labels.sum() == 9, "the input is left as it was"


def test_touching_labels_are_separate_components() -> None:
    cleaned = clean_labels(row(1, 2, 2, 1, 1), SPACING_MM, Cleaning(largest_component=True))
    assert cleaned.ravel().tolist() == [0, 2, 2, 1, 1]


def test_nothing_stays_nothing() -> None:
    everything = Cleaning(largest_component=True, minimum_ml=1, fill_holes=True)
    assert not clean_labels(row(0, 0, 0), SPACING_MM, everything).any()


def test_holes_are_filled_and_other_labels_in_them_stay() -> None:
    """A box of label 1 with a hole of two voxels, one of label 2; a dent is no hole."""
    labels = np.zeros((5, 5, 6), np.uint8)
    labels[1:4, 1:4, 1:5] = 1
    labels[2, 2, 2] = 0
    labels[2, 2, 3] = 2
    labels[1, 1, 1] = 0
    filled = clean_labels(labels, SPACING_MM, Cleaning(fill_holes=True))
    assert filled[2, 2, 2] == 1
    assert filled[2, 2, 3] == 2
    assert filled[1, 1, 1] == 0
    assert (filled != labels).sum() == 1


def test_a_hole_of_a_component_that_goes_is_not_filled() -> None:
    labels = np.zeros((3, 3, 12), np.uint8)
    labels[:, :, :3] = 1
    labels[1, 1, 1] = 0
    labels[:, :, 5:] = 1
    cleaned = clean_labels(labels, SPACING_MM, Cleaning(largest_component=True, fill_holes=True))
    assert not cleaned[:, :, :5].any()


@given(hnp.arrays(np.uint8, (4, 5, 6), elements=st.integers(0, 2)), st.booleans(), st.booleans())
def test_cleaning_twice_changes_nothing_more(
    labels: np.ndarray, largest: bool, holes: bool
) -> None:
    cleaning = Cleaning(largest_component=largest, minimum_ml=0.003, fill_holes=holes)
    once = clean_labels(labels, SPACING_MM, cleaning)
    assert np.array_equal(clean_labels(once, SPACING_MM, cleaning), once)
    if not holes:
        assert set(np.unique(once[once != labels])) <= {0}

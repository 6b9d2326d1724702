"""Training, drawing, cleaning and scoring masks."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
from torch import nn

from radpipe.config import Segmenter
from radpipe.errors import CaseError, RadpipeError
from radpipe.io.tables import write_table
from radpipe.networks.weights import save_weights
from radpipe.segmentation.inference import load_segmenter, segment_case
from radpipe.segmentation.postprocessing import clean_labels
from radpipe.segmentation.scoring import (
    MaskPair,
    mask_pairs,
    score_segmentation,
    segmentation_summary,
)
from radpipe.segmentation.training import train_segmenter
from radpipe.types import CaseFiles

LABELS = {"left": 3, "right": 5}
SETTINGS = Segmenter(
    name="unet", channels=[4, 8, 16], patch=(16, 16, 16), batch=2, steps=60, learning_rate=0.01
)


def write(array: np.ndarray, path: Path) -> Path:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1.0, 2.0, 0.5))
    image.SetOrigin((7.0, -3.0, 11.0))
    sitk.WriteImage(image, path)
    return path


def two_boxes(folder: Path, name: str, seed: int) -> CaseFiles:
    """Label 3 where the image is bright, label 5 where it is dark."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((17, 20, 15), np.uint8)
    low = rng.integers(2, 6, 3)
    mask[low[0] : low[0] + 8, low[1] : low[1] + 8, low[2] : low[2] + 3] = 3
    mask[low[0] : low[0] + 8, low[1] : low[1] + 8, low[2] + 4 : low[2] + 8] = 5
    image = 2.0 * (mask == 3) - 2.0 * (mask == 5) + 0.3 * rng.standard_normal(mask.shape)
    file = write(image.astype(np.float32), folder / f"{name}.nii.gz")
    return CaseFiles(name, {"T1w": file}, write(mask, folder / f"{name}_mask.nii.gz"))


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> list[CaseFiles]:
    folder = tmp_path_factory.mktemp("boxes")
    return [two_boxes(folder, f"c{i}", i) for i in range(6)]


@pytest.fixture(scope="module")
def trained(cohort: list[CaseFiles]) -> tuple[nn.Module, pd.DataFrame]:
    return train_segmenter(cohort[:4], SETTINGS, LABELS, seed=1)


def test_a_simple_task_is_learned_and_held_out_cases_are_drawn(
    cohort: list[CaseFiles], trained: tuple[nn.Module, pd.DataFrame], tmp_path: Path
) -> None:
    network, log = trained
    assert len(log) == 60
    pairs = []
    for case in cohort[4:]:
        mask = segment_case(network, case, SETTINGS, LABELS)
        sitk.WriteImage(mask, tmp_path / f"{case.case}.nii.gz")
        reference = sitk.ReadImage(case.mask)
        assert mask.GetPixelID() == sitk.sitkUInt8
        assert set(np.unique(sitk.GetArrayFromImage(mask))) <= {0, 3, 5}
        assert mask.GetSpacing() == reference.GetSpacing()
        assert mask.GetOrigin() == reference.GetOrigin()
        pairs.append((case.case, "r1f1", "unet", tmp_path / f"{case.case}.nii.gz", case.mask))
    scores = score_segmentation(pairs, LABELS, 1.0)
    assert list(scores["label"]) == ["left", "right"] * 2
    assert scores["dice"].min() > 0.85


def test_equal_seeds_give_equal_weights_on_disk(cohort: list[CaseFiles], tmp_path: Path) -> None:
    short = SETTINGS.model_copy(update={"steps": 3})
    digests = [
        save_weights(train_segmenter(cohort[:2], short, LABELS, seed=s)[0], tmp_path / f"{i}.st")
        for i, s in enumerate([1, 1, 2])
    ]
    assert digests[0] == digests[1] != digests[2]


def test_a_segmenter_comes_back_from_its_weights(
    cohort: list[CaseFiles], trained: tuple[nn.Module, pd.DataFrame], tmp_path: Path
) -> None:
    save_weights(trained[0], tmp_path / "w.safetensors")
    again = load_segmenter(tmp_path / "w.safetensors", SETTINGS, LABELS, inputs=1)
    first, second = (
        sitk.GetArrayFromImage(segment_case(n, cohort[5], SETTINGS, LABELS))
        for n in (trained[0], again)
    )
    assert np.array_equal(first, second)
    with pytest.raises(RadpipeError, match="weights are of another network"):
        load_segmenter(tmp_path / "w.safetensors", SETTINGS, LABELS, inputs=2)


@pytest.mark.parametrize("modalities", [1, 2, 3, 4])
@pytest.mark.parametrize("labels", [2, 5])
def test_any_number_of_modalities_and_labels(modalities: int, labels: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = {
        f"M{k}": write(rng.random((5, 9, 7), np.float32), tmp_path / f"{k}.nii.gz")
        for k in range(modalities)
    }
    mask = rng.integers(0, labels + 1, (5, 9, 7)).astype(np.uint8)
    case = CaseFiles("a", images, write(mask, tmp_path / "mask.nii.gz"))
    names = {f"l{k}": k for k in range(1, labels + 1)}
    quick = Segmenter(name="s", channels=[4, 8], patch=(8, 8, 8), batch=2, steps=1)
    network, _ = train_segmenter([case], quick, names, seed=0)
    drawn = sitk.GetArrayFromImage(segment_case(network, case, quick, names))
    assert drawn.shape == (5, 9, 7)
    assert drawn.max() <= labels


def row(*values: int) -> np.ndarray:
    return np.array(values, np.uint8).reshape(1, 1, -1)


@pytest.mark.parametrize(
    ("largest", "minimum_ml", "expected"),
    [
        (False, 0.0, [1, 1, 0, 1, 0, 2, 0, 2, 2]),
        (True, 0.0, [1, 1, 0, 0, 0, 0, 0, 2, 2]),
        (False, 0.002, [1, 1, 0, 0, 0, 0, 0, 2, 2]),
        (False, 0.0021, [0] * 9),
    ],
)
def test_components(largest: bool, minimum_ml: float, expected: list[int]) -> None:
    """Voxels of 1 mm3 = 0.001 ml; two pieces of each label, of two voxels and one."""
    labels = row(1, 1, 0, 1, 0, 2, 0, 2, 2)
    cleaned = clean_labels(labels, (1, 1, 1), largest_component=largest, minimum_ml=minimum_ml)
    assert cleaned.ravel().tolist() == expected
    assert labels.sum() == 9, "the input is left as it was"


def test_touching_labels_are_separate_components() -> None:
    labels = row(1, 2, 2, 1, 1)
    cleaned = clean_labels(labels, (1, 1, 1), largest_component=True, minimum_ml=0)
    assert cleaned.ravel().tolist() == [0, 2, 2, 1, 1]


def test_nothing_stays_nothing() -> None:
    empty = row(0, 0, 0)
    assert not clean_labels(empty, (1, 1, 1), largest_component=True, minimum_ml=1).any()


def pair(folder: Path, case: str, predicted: np.ndarray, drawn: np.ndarray) -> MaskPair:
    prediction = write(predicted, folder / f"{case}_p.nii.gz")
    return MaskPair(case, "r1f1", "unet", prediction, write(drawn, folder / f"{case}_r.nii.gz"))


@pytest.fixture
def scored(tmp_path: Path) -> pd.DataFrame:
    """Two patients: `a` has left half right and right all right; `b` misses left."""
    pairs = [
        pair(tmp_path, "a", row(3, 0, 5, 5), row(3, 3, 5, 5)),
        pair(tmp_path, "b", row(0, 0, 5, 5), row(3, 3, 5, 5)),
    ]
    return score_segmentation(pairs, LABELS, 1.0)


def test_scores_by_hand(scored: pd.DataFrame) -> None:
    assert list(scored.columns[:5]) == ["case", "fold", "segmenter", "label", "dice"]
    assert list(scored["dice"]) == pytest.approx([2 / 3, 1, 0, 1])
    assert list(scored["missed"]) == [False, False, True, False]
    # A voxel is 1 x 2 x 0.5 mm = 1 mm3 = 0.001 ml.
    assert list(scored["volume_reference_ml"]) == pytest.approx([0.002] * 4)
    assert list(scored["volume_difference_ml"]) == pytest.approx([-0.001, 0, -0.002, 0])


def summary(scores: pd.DataFrame, metric: str) -> pd.DataFrame:
    cases = pd.DataFrame({"case": ["a", "b"], "patient": ["p", "q"], "cohort": "development"})
    table = segmentation_summary(scores, cases, confidence=0.95, samples=200, seed=1)
    return table[table["metric"] == metric].set_index("label")


def test_means_count_what_was_missed(scored: pd.DataFrame) -> None:
    dice = summary(scored, "dice")
    assert dice.loc["left", "mean"] == pytest.approx(1 / 3)
    assert dice.loc["right", "mean"] == 1
    assert dice.loc["all", "mean"] == pytest.approx(2 / 3)
    assert dice["n_missed"].to_dict() == {"left": 1, "right": 0, "all": 1}
    # Two patients: a bootstrap sample is both, or one of them twice.
    assert dice.loc["all", ["ci_low", "ci_high"]].tolist() == pytest.approx([1 / 2, 5 / 6])


def test_emptying_a_prediction_never_improves_a_distance(scored: pd.DataFrame) -> None:
    """Guardrail G24: a missed label has no distance and counts as the diagonal of the field."""
    distance = summary(scored, "hd95_mm")
    diagonal = np.linalg.norm([0.5, 2, 4])
    assert scored.loc[2, "grid_diagonal_mm"] == pytest.approx(diagonal)
    found = distance.loc["left", "mean_found"]
    assert distance.loc["left", "mean"] == pytest.approx((found + diagonal) / 2)
    assert distance.loc["all", "mean"] > distance.loc["all", "mean_found"]


def test_masks_on_two_grids_are_told(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"case 'a'.*found \(3, 1, 1\), expected \(4, 1, 1\)"):
        score_segmentation([pair(tmp_path, "a", row(1, 1, 1), row(1, 1, 1, 1))], LABELS, 1.0)


def test_drawn_masks_are_paired_by_case_and_none_falls_out(tmp_path: Path) -> None:
    manifest = pd.DataFrame({"case": ["a.1", "b"], "fold": ["r1f2", "r1f1"]})
    write_table(manifest, tmp_path / "unet" / "manifest.tsv")
    found = mask_pairs("unet", tmp_path / "unet", [tmp_path / "reference" / "a.1.nii.gz"])
    assert found == [
        MaskPair(
            "a.1",
            "r1f2",
            "unet",
            tmp_path / "unet" / "a.1.nii.gz",
            tmp_path / "reference" / "a.1.nii.gz",
        )
    ]
    with pytest.raises(CaseError, match=r"case 'c'.*'unet' has no out-of-fold mask"):
        mask_pairs("unet", tmp_path / "unet", [tmp_path / "c.nii.gz"])

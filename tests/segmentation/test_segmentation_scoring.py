"""Scores of masks: by hand, what is missed, on which grid, and who falls out."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from radpipe.errors import CaseError
from radpipe.io.tables import write_table
from radpipe.segmentation.scoring import (
    OF_THE_CASE,
    MaskPair,
    mask_pairs,
    score_segmentation,
    segmentation_summary,
)

LABELS = {"left": 3, "right": 5}


def row(*values: int) -> np.ndarray:
    return np.array(values, np.uint8).reshape(1, 1, -1)


def write(array: np.ndarray, path: Path, spacing: tuple[float, ...] = (1.0, 2.0, 0.5)) -> Path:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetOrigin((7.0, -3.0, 11.0))
    sitk.WriteImage(image, path)
    return path


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
    return score_segmentation(pairs, LABELS, [1.0, 0.5])


def test_scores_by_hand(scored: pd.DataFrame) -> None:
    assert list(scored.columns[:5]) == ["case", "fold", "segmenter", "label", "dice"]
    assert list(scored["dice"]) == pytest.approx([2 / 3, 1, 0, 1])
    assert list(scored["missed"]) == [False, False, True, False]
    # A voxel is 1 x 2 x 0.5 mm = 1 mm3 = 0.001 ml.
    assert list(scored["volume_reference_ml"]) == pytest.approx([0.002] * 4)
    assert list(scored["volume_difference_ml"]) == pytest.approx([-0.001, 0, -0.002, 0])
    assert list(scored["surface_dice_0.5mm"])[1:] == [1, 0, 1]
    assert list(scored["lesions_found"]) == [1, 1, 0, 1]


def test_scores_of_the_case_are_in_the_row_of_each_label(scored: pd.DataFrame) -> None:
    assert list(scored["pixel_accuracy"]) == [3 / 4, 3 / 4, 2 / 4, 2 / 4]
    assert list(scored["mean_accuracy"]) == [3 / 4, 3 / 4, 1 / 2, 1 / 2]
    assert list(scored["mean_iou"]) == [3 / 4, 3 / 4, 1 / 2, 1 / 2]


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


def test_means_of_the_case_are_given_once(scored: pd.DataFrame) -> None:
    for metric in OF_THE_CASE:
        assert list(summary(scored, metric).index) == ["all"]
    assert summary(scored, "pixel_accuracy").loc["all", "mean"] == 5 / 8
    one = scored[scored["label"] == "right"]
    assert list(summary(one, "mean_iou").index) == ["right"]


def test_emptying_a_prediction_never_improves_a_distance(scored: pd.DataFrame) -> None:
    """Guardrail G24: a missed label has no distance and counts as the diagonal of the field."""
    distance = summary(scored, "hd95_mm")
    diagonal = np.linalg.norm([0.5, 2, 4])
    assert scored.loc[2, "grid_diagonal_mm"] == pytest.approx(diagonal)
    found = distance.loc["left", "mean_found"]
    assert distance.loc["left", "mean"] == pytest.approx((found + diagonal) / 2)
    assert distance.loc["all", "mean"] > distance.loc["all", "mean_found"]


def test_a_segmenter_that_misses_everything_has_a_mean_distance(tmp_path: Path) -> None:
    pairs = [pair(tmp_path, name, row(0, 0), row(3, 3)) for name in ("a", "b")]
    distance = summary(score_segmentation(pairs, {"left": 3}, [1.0]), "hd95_mm")
    diagonal = np.linalg.norm([0.5, 2, 2])
    values = distance.loc["left", ["mean", "ci_low", "ci_high"]].astype(float).tolist()
    assert values == pytest.approx([diagonal] * 3)
    assert np.isnan(distance.loc["left", "mean_found"])


def test_a_label_that_one_case_lacks_is_not_judged_there(tmp_path: Path) -> None:
    pairs = [
        pair(tmp_path, "a", row(3, 0, 5), row(3, 0, 5)),
        pair(tmp_path, "b", row(3, 0, 0), row(3, 0, 0)),
    ]
    dice = summary(score_segmentation(pairs, LABELS, [1.0]), "dice")
    assert dice.loc["right", ["mean", "n", "n_both_empty"]].tolist() == [1, 1, 1]
    assert dice.loc["all", ["mean", "n", "n_both_empty"]].tolist() == [1, 2, 0]


def test_masks_on_two_grids_are_told(tmp_path: Path) -> None:
    wrong = pair(tmp_path, "a", row(1, 1, 1), row(1, 1, 1, 1))
    with pytest.raises(
        CaseError, match=r"case 'a'.*a_p.nii.gz: the predicted mask.*size \(3, 1, 1\)"
    ):
        score_segmentation([wrong], LABELS, [1.0])
    moved = wrong._replace(reference=write(row(1, 1, 1), tmp_path / "m.nii.gz", (1.0, 2.0, 0.6)))
    with pytest.raises(CaseError, match=r"not on the grid of the drawn.*spacing \(1, 2, 0.5\)"):
        score_segmentation([moved], LABELS, [1.0])


def test_drawn_masks_are_paired_by_case_and_none_falls_out(tmp_path: Path) -> None:
    manifest = pd.DataFrame({"case": ["a.1", "b"], "fold": ["r1f2", "r1f1"]})
    folder = tmp_path / "masks" / "unet"
    write_table(manifest, folder / "manifest.tsv")
    drawn = tmp_path / "imported" / "a.1" / "mask.nii.gz"
    found = mask_pairs("unet", folder, {"a.1": drawn})
    native = folder / "native" / "a.1.nii.gz"
    assert found == [MaskPair("a.1", "r1f2", "unet", native, drawn)]
    with pytest.raises(CaseError, match=r"case 'c'.*'unet' has no out-of-fold mask"):
        mask_pairs("unet", folder, {"c": drawn})

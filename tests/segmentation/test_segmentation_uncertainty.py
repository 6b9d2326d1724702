"""Entropy, expected Dice and volume by hand; and how well they tell the truth."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from radpipe.errors import RadpipeError
from radpipe.segmentation.ensembles import Joint
from radpipe.segmentation.uncertainty import (
    case_uncertainty,
    entropy_map,
    expected_dice,
    uncertainty_quality,
)

UNIT_MM = (1.0, 1.0, 1.0)


def test_entropy_is_a_share_of_its_largest() -> None:
    """Certain, no idea among three, and half and half: log 2 / log 3."""
    said = torch.tensor([[1.0, 1 / 3, 0.5], [0.0, 1 / 3, 0.5], [0.0, 1 / 3, 0.0]])
    got = entropy_map(said.reshape(3, 1, 1, 3))
    assert got.dtype == np.float32
    assert got.ravel() == pytest.approx([0, 1, np.log(2) / np.log(3)], abs=1e-6)


def test_expected_dice_by_hand() -> None:
    """2 (0.8 + 0.6) / (0.8 + 0.6 + 0.2 + 2)."""
    p = np.array([0.8, 0.6, 0.2, 0.0], np.float16).reshape(1, 1, 4)
    mask = np.array([1, 1, 0, 0], bool).reshape(1, 1, 4)
    assert expected_dice(p, mask) == pytest.approx(2.8 / 3.6, abs=1e-3)
    assert expected_dice(p, np.zeros_like(mask)) == 0, "a label that may be there is missed"
    assert np.isnan(expected_dice(np.zeros_like(p), np.zeros_like(mask)))
    assert expected_dice(mask.astype(np.float16), mask) == 1


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_expected_dice_is_the_mean_dice_of_drawn_truths(seed: int) -> None:
    """What it claims: truths drawn voxel by voxel from the probabilities have it in the mean."""
    rng = np.random.default_rng(seed)
    p = rng.beta(0.5, 0.5, (4, 8, 8))
    mask = p > 0.5
    truths = rng.random((400, *p.shape)) < p
    sizes = truths.sum(axis=(1, 2, 3)) + mask.sum()
    dices = 2 * (truths & mask).sum(axis=(1, 2, 3)) / sizes
    assert expected_dice(p, mask) == pytest.approx(dices.mean(), abs=0.01)


@pytest.fixture
def joint() -> Joint:
    """A row of 20 voxels of 1 mm: label 1 at 4 and 5 (p 0.9), label 2 nowhere, 0.5 at 15."""
    one = np.zeros(20)
    one[4:6] = 0.9
    one[15] = 0.5
    said = np.stack([1 - one, one, np.zeros(20)]).reshape(3, 1, 1, 20)
    return Joint(torch.from_numpy(said).half())


def test_the_rows_of_a_case_by_hand(joint: Joint) -> None:
    classes = np.zeros((1, 1, 20), np.uint8)
    classes[0, 0, 4:6] = 1
    table = case_uncertainty("a", joint, classes, UNIT_MM, ["core", "rim"])
    assert list(table.columns) == [
        "case",
        "label",
        "expected_dice",
        "mean_entropy",
        "mean_information",
        "volume_ml",
        "volume_sd_ml",
        "disagreement",
    ]
    core, rim = table.to_dict("records")
    assert (core["case"], core["label"], rim["label"]) == ("a", "core", "rim")
    assert core["expected_dice"] == pytest.approx(3.6 / 4.3, abs=1e-3)
    # The mask and 3 mm on either side: voxels 1 to 8, two of which are not certain.
    nats = -(0.9 * np.log(0.9) + 0.1 * np.log(0.1))
    assert core["mean_entropy"] == pytest.approx(2 * nats / 8 / np.log(3), abs=1e-3)
    assert core["volume_ml"] == pytest.approx(0.002)
    # The far voxel of one half counts: variance 2 * 0.09 + 0.25.
    assert core["volume_sd_ml"] == pytest.approx(np.sqrt(0.43) / 1000, rel=1e-3)
    assert np.isnan(core["mean_information"])
    assert np.isnan(core["disagreement"])
    assert np.isnan(rim["expected_dice"])
    assert np.isnan(rim["mean_entropy"])
    assert rim["volume_ml"] == 0


def test_information_and_disagreement_of_members(joint: Joint) -> None:
    classes = np.zeros((1, 1, 20), np.uint8)
    classes[0, 0, 4:6] = 1
    other = classes.copy()
    other[0, 0, 5] = 0
    information = torch.zeros(1, 1, 20).half()
    information[0, 0, 4] = 0.4
    several = Joint(joint.probabilities, information, [classes, other])
    core, rim = case_uncertainty("a", several, classes, UNIT_MM, ["core", "rim"]).to_dict("records")
    assert core["disagreement"] == pytest.approx(1 - 2 / 3)
    assert core["mean_information"] == pytest.approx(0.4 / 8 / np.log(3), abs=1e-4)
    assert rim["disagreement"] == 0, "two empty masks agree"


def cohort(count: int) -> pd.DataFrame:
    names = [f"c{i}" for i in range(count)]
    return pd.DataFrame({"case": names, "patient": names, "cohort": "development"})


def tables(expected: list[float], true: list[float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    place = {"case": [f"c{i}" for i in range(len(true))], "segmenter": "unet", "label": "core"}
    return pd.DataFrame(place | {"expected_dice": expected}), pd.DataFrame(place | {"dice": true})


def quality(
    expected: list[float], true: list[float], cases: pd.DataFrame | None = None
) -> pd.DataFrame:
    cases = cohort(len(true)) if cases is None else cases
    table = uncertainty_quality(
        *tables(expected, true), cases, confidence=0.95, samples=200, seed=1
    )
    assert list(table.columns[:3]) == ["segmenter", "cohort", "label"]
    return table.set_index("metric")


def test_quality_by_hand() -> None:
    """Ranks 1 2 3 4 against 2 1 3 4: 1 - 6 * 2 / (4 * 15); the worst of four is found second."""
    table = quality([0.6, 0.5, 0.8, 0.9], [0.5, 0.7, 0.8, 0.9])
    assert table.loc["spearman", "estimate"] == pytest.approx(0.8)
    assert table.loc["mean_absolute_error", "estimate"] == pytest.approx(0.3 / 4)
    assert table.loc["auc_worst_quarter", "estimate"] == pytest.approx(2 / 3)
    assert (table["n"] == 4).all()


def test_useful_and_useless_uncertainty() -> None:
    """Eight levels of Dice, and of what is expected of it: the same, or each with each once."""
    true = list(np.repeat(np.linspace(0.2, 0.9, 8), 8))
    perfect = quality(true, true)
    assert perfect.loc["spearman", ["estimate", "ci_low", "ci_high"]].tolist() == pytest.approx(
        [1, 1, 1]
    )
    assert perfect.loc["auc_worst_quarter", "estimate"] == 1
    assert perfect.loc["mean_absolute_error", "estimate"] == 0
    useless = quality(list(np.tile(np.linspace(0.2, 0.9, 8), 8)), true)
    for metric, chance in (("spearman", 0), ("auc_worst_quarter", 0.5)):
        row = useless.loc[metric]
        assert row["estimate"] == pytest.approx(chance)
        assert row["ci_low"] < chance < row["ci_high"]
    # Whoever is always equally sure finds nothing.
    blind = quality([0.8] * 64, true)
    assert np.isnan(blind.loc["spearman", "estimate"])
    assert blind.loc["auc_worst_quarter", "estimate"] == 0.5


def test_patients_are_resampled_not_cases() -> None:
    """The same cases as 30 patients and as 3 with an error each: the interval is wider."""
    true = np.random.default_rng(0).random(30)
    expected = true + np.repeat([0.0, 0.1, 0.4], 10)
    few = cohort(30).assign(patient=[f"p{i // 10}" for i in range(30)])
    width = []
    for cases in (cohort(30), few):
        row = quality(list(expected), list(true), cases).loc["mean_absolute_error"]
        assert row["estimate"] == pytest.approx(np.abs(expected - true).mean())
        width.append(row["ci_high"] - row["ci_low"])
    assert width[1] > 1.5 * width[0]


def test_cases_without_a_true_dice_are_not_judged_and_folds_are_matched() -> None:
    uncertainty, scores = tables([0.5, np.nan, 0.7, 0.9], [0.4, np.nan, 0.7, 0.8])
    both = [t.assign(fold="r1f1") for t in (uncertainty, scores)]
    again = [
        both[0].assign(fold="r2f1", expected_dice=[0.4, np.nan, 0.7, 0.8]),
        both[1].assign(fold="r2f1"),
    ]
    joined = [pd.concat(pair) for pair in zip(both, again, strict=True)]
    table = uncertainty_quality(*joined, cohort(4), confidence=0.95, samples=50, seed=1)
    error = table.set_index("metric").loc["mean_absolute_error"]
    assert error["n"] == 6
    assert error["estimate"] == pytest.approx((0.1 + 0 + 0.1 + 0 + 0 + 0) / 6)


def test_two_cases_have_no_correlation() -> None:
    assert np.isnan(quality([0.1, 0.2], [0.3, 0.4]).loc["spearman", "estimate"])


def test_a_scored_mask_without_uncertainty_is_told() -> None:
    uncertainty, scores = tables([0.5, 0.6], [0.4, 0.6])
    with pytest.raises(RadpipeError, match="case 'c1': a scored mask of label 'core' has no unc"):
        uncertainty_quality(uncertainty[:1], scores, cohort(2), confidence=0.95, samples=10, seed=1)

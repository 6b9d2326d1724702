"""Pairs of segmenters: by hand, with masks that are missing, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from radpipe.errors import RadpipeError
from radpipe.segmentation.comparison import COLUMNS, compare_segmenters, comparison_table

DIAGONAL = 50.0


def scores(**dice: list[float | None]) -> pd.DataFrame:
    """A row a case and segmenter; None is an empty prediction of an empty reference."""
    rows = [
        {
            "case": f"c{i}",
            "segmenter": name,
            "label": "lesion",
            "dice": np.nan if value is None else value,
            "hd95_mm": 10 * (1 - value) if value else np.nan,
            "grid_diagonal_mm": DIAGONAL,
            "both_empty": value is None,
        }
        for name, values in dice.items()
        for i, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


def cases(n: int, **patients: str) -> pd.DataFrame:
    names = [f"c{i}" for i in range(n)]
    patient = [patients.get(name, f"p{name}") for name in names]
    return pd.DataFrame({"case": names, "patient": patient, "cohort": "development"})


def compare(table: pd.DataFrame, people: pd.DataFrame, metric: str = "dice") -> pd.DataFrame:
    return compare_segmenters(table, people, metric=metric, confidence=0.95, samples=200, seed=1)


def test_a_difference_by_hand() -> None:
    table = compare(scores(a=[0.9, 0.8, 0.7], b=[0.8, 0.6, 0.4]), cases(3))
    assert list(table.columns) == list(COLUMNS)
    only = table.iloc[0]
    assert (only["segmenter_a"], only["segmenter_b"], only["label"]) == ("a", "b", "lesion")
    assert only["difference"] == pytest.approx(0.2)
    assert 0.1 - 1e-12 <= only["ci_low"] < 0.2 < only["ci_high"] <= 0.3 + 1e-12
    assert only["p"] == only["p_holm"] == 2 / 2**3
    assert only["n_patients"] == 3


def test_patients_not_cases_are_counted() -> None:
    people = cases(4, c1="pc0", c2="pc0")
    only = compare(scores(a=[0.9, 0.9, 0.9, 0.5], b=[0.6, 0.6, 0.6, 0.6]), people).iloc[0]
    assert only["n_patients"] == 2
    assert only["difference"] == pytest.approx((0.3 - 0.1) / 2)


def test_holm_counts_the_pairs_of_a_cohort() -> None:
    rng = np.random.default_rng(0)
    base = rng.uniform(0.5, 0.6, 10)
    table = scores(a=list(base + 0.3), b=list(base), c=list(base[::-1]))
    found = compare(table, cases(10)).set_index(["segmenter_a", "segmenter_b"])
    assert list(found.index) == [("a", "b"), ("a", "c"), ("b", "c")]
    assert found.loc[("a", "b"), "p"] == 2 / 2**10
    assert found.loc[("a", "b"), "p_holm"] == pytest.approx(3 * 2 / 2**10)
    assert (found["p_holm"] >= found["p"]).all()


def test_cohorts_are_families_of_their_own() -> None:
    people = cases(6).assign(cohort=["development"] * 3 + ["external"] * 3)
    table = compare(scores(a=[0.9] * 6, b=[0.8] * 6), people)
    assert list(table["cohort"]) == ["development", "external"]
    assert list(table["p_holm"]) == [0.25, 0.25]


def test_a_missed_label_counts_as_worst() -> None:
    table = scores(a=[0.9, 0.9], b=[0.9, 0.0])
    assert compare(table, cases(2)).loc[0, "difference"] == pytest.approx(0.45)
    distance = compare(table, cases(2), "hd95_mm").loc[0, "difference"]
    assert distance == pytest.approx((1 - DIAGONAL) / 2)


def test_an_empty_mask_of_an_empty_reference_is_right_where_another_drew() -> None:
    table = scores(a=[0.9, None, None], b=[0.9, 0.0, None])
    only = compare(table, cases(3)).iloc[0]
    assert only["n_patients"] == 2, "where neither drew anything there is nothing to compare"
    assert only["difference"] == pytest.approx((0 + 1) / 2)
    distance = compare(table, cases(3), "hd95_mm").loc[0, "difference"]
    assert distance == pytest.approx(-DIAGONAL / 2)


def test_with_several_labels_their_mean_is_compared_too() -> None:
    left, right = scores(a=[0.8, 0.8], b=[0.6, 0.6]), scores(a=[0.5, 0.5], b=[0.6, 0.0])
    table = pd.concat([left, right.assign(label="right")])
    found = compare(table, cases(2)).set_index("label")["difference"]
    assert found.to_dict() == pytest.approx({"lesion": 0.2, "right": 0.2, "all": 0.2})
    distance = compare(table, cases(2), "hd95_mm").set_index("label")["difference"]
    # c0: 3.5 against 4; c1: 3.5 against a label that was missed, so the diagonal as a whole.
    assert distance["all"] == pytest.approx((-0.5 + 3.5 - DIAGONAL) / 2)


def test_both_metrics_in_one_table() -> None:
    table = scores(a=[0.9, 0.8], b=[0.7, 0.9])
    found = comparison_table(table, cases(2), confidence=0.9, samples=50, seed=0)
    assert list(found["metric"]) == ["dice", "hd95_mm"]


def test_one_segmenter_has_nobody_to_compare_with() -> None:
    found = compare(scores(a=[0.9]), cases(1))
    assert list(found.columns) == list(COLUMNS)
    assert found.empty


def test_the_same_seed_gives_the_same_table() -> None:
    rng = np.random.default_rng(1)
    table = scores(a=list(rng.uniform(0.1, 1, 20)), b=list(rng.uniform(0.1, 1, 20)))
    pd.testing.assert_frame_equal(compare(table, cases(20)), compare(table, cases(20)))


def test_a_segmenter_that_lacks_a_case_is_refused() -> None:
    table = scores(a=[0.9, 0.8], b=[0.9, 0.8]).drop(index=3)
    with pytest.raises(
        RadpipeError, match=r"case 'c1': segmenter 'b' cannot be compared.*no score"
    ):
        compare(table, cases(2))
    twice = pd.concat([table.drop(index=1), table.iloc[[0]]])
    with pytest.raises(RadpipeError, match=r"'a' cannot be compared.*several scores"):
        compare(twice, cases(1))


def test_a_metric_without_a_worst_value_is_refused() -> None:
    table = scores(a=[0.9], b=[0.8]).assign(volume_difference_ml=0.0)
    with pytest.raises(RadpipeError, match="found volume_difference_ml, expected dice, iou"):
        compare(table, cases(1), "volume_difference_ml")

"""The page of the segmentation benchmark, from tables made by hand."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from radpipe.evaluation.overlap import score_mask


@pytest.fixture(scope="module")
def page() -> Iterator[ModuleType]:
    """The module that writes the page; benchmarks are no package."""
    folder = str(Path(__file__).resolve().parents[1] / "benchmarks")
    sys.path.insert(0, folder)
    from segmentation_parts import page

    yield page
    sys.path.remove(folder)


def scores(segmenter: str, shift: int, labels: tuple[str, ...]) -> pd.DataFrame:
    """Three cases of a cube of 4 voxels, drawn `shift` voxels away."""
    rows = []
    for case in ("a", "b", "c"):
        drawn = np.zeros((12, 12, 12), bool)
        drawn[4:8, 4:8, 4:8] = True
        found = score_mask(np.roll(drawn, shift, axis=0), drawn, (1.0, 1.0, 1.0), [1.0]).row()
        whole = dict.fromkeys(("pixel_accuracy", "mean_accuracy", "mean_iou"), 0.5)
        place = {"case": case, "fold": "r1f1", "segmenter": segmenter}
        rows += [place | {"label": label} | found | whole for label in labels]
    return pd.DataFrame(rows)


def runs(segmenter: str, **changes: object) -> pd.DataFrame:
    row = {
        "segmenter": segmenter,
        "fold": "r1f1",
        "network": "unet",
        "channels": "8-16",
        "patch": "8x8x8",
        "batch": 2,
        "steps": 10.0,
        "parameters": 2_000_000,
        "published": 4_000_000,
        "minutes": 7.0,
        "n_train": 6.0,
        "waiting_share": 0.25,
        "training_cpu_s": 60.0,
        "drawing_cpu_s": 6.0,
        "memory_gb": 1.0,
        "processes": 2,
        "started": 0.0,
        "finished": 600.0,
        "within": "image",
        "settings": "as in its tutorial",
    }
    return pd.DataFrame([row | changes])


def tables() -> dict[str, pd.DataFrame]:
    two = ("anterior", "posterior")
    facts = (
        "date",
        "processor",
        "cores",
        "processes",
        "gpu",
        "python",
        "radpipe",
        "torch",
        "monai",
    )
    return {
        "machine": pd.DataFrame({"what": facts, "value": "x"}),
        "hippocampus_scores": scores("auto", 0, two),
        "hippocampus_runs": runs("auto"),
        "peers_scores": scores("monai_tutorial", 1, two),
        "peers_runs": runs("monai_tutorial"),
        "peers_failures": pd.DataFrame({"task": ["nnunet"], "error": ["no such module"]}),
        "zoo_scores": pd.concat([scores("segnet", 2, two), scores("kmeans", 4, two)]),
        "zoo_runs": pd.concat([runs("segnet"), runs("kmeans", steps=np.nan)]),
        "sts_scores": pd.concat([scores("auto", 1, ("t",)), scores("fwhm_box", 0, ("t",))]),
        "sts_runs": pd.concat([runs("auto"), runs("fwhm_box", within="box")]),
    }


def test_the_page_tells_what_is_in_the_tables(page: ModuleType) -> None:
    text = page.render_page(tables())
    assert "| `auto` | 1.000 (1.000 to 1.000) | 1.000 | 1.000 | 0.00 |" in text
    # A cube moved by one voxel of four shares three quarters with itself, by two a half.
    assert "| `monai_tutorial` | 0.750 (0.750 to 0.750) |" in text
    assert "| `segnet` | 0.500 (0.500 to 0.500) |" in text
    assert "6.00 |" in text  # seconds a step: 60 s of 10 steps
    assert "`fwhm_box` (box)" in text
    assert "Best without a reader's box: `auto`" in text
    assert "- peers, nnunet: no such module" in text
    assert "No GPU was at hand" in text


def test_verdicts_are_those_of_the_numbers(page: ModuleType) -> None:
    good = page.verdicts(tables()).set_index("claim")["met"]
    assert good.to_dict() == {
        "mean out-of-fold Dice of auto": True,
        "minutes of all its folds, processes: 2": True,
        "auto ahead of monai_tutorial in Dice by": True,
    }
    swapped = tables() | {
        "hippocampus_scores": scores("auto", 2, ("anterior", "posterior")),
        "hippocampus_runs": runs("auto", finished=1600.0),
    }
    assert not page.verdicts(swapped)["met"].any()


def test_a_peer_that_lacks_a_case_is_not_compared(page: ModuleType) -> None:
    lacking = tables()
    lacking["peers_scores"] = lacking["peers_scores"].iloc[:-2]
    claims = page.verdicts(lacking)["claim"]
    assert not claims.str.contains("monai").any()


def test_time_between_two_runs_does_not_count(page: ModuleType) -> None:
    from segmentation_parts.page_tables import wall_minutes

    times = pd.DataFrame({"started": [0, 60, 600], "finished": [120, 180, 660]})
    assert wall_minutes(times) == 4.0


def test_parts_that_were_not_run_are_said_to_be_missing(page: ModuleType) -> None:
    text = page.render_page({"machine": tables()["machine"]})
    assert text.count("Not run yet.") == 3

"""G05: a mask that judges a model comes from weights that never saw the patient."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from radpipe.config import Segmenter
from radpipe.errors import FitError
from radpipe.io.files import write_json
from radpipe.io.images import labels_of, read_image
from radpipe.networks.weights import save_weights
from radpipe.segmentation.inference import segment_case
from radpipe.segmentation.manifest import (
    check_unseen,
    mask_manifest,
    read_manifest,
    write_manifest,
)
from radpipe.segmentation.training import train_segmenter
from radpipe.types import CaseFiles

SETTINGS = Segmenter(
    name="unet", channels=[8, 16], patch=(12, 12, 12), batch=3, steps=150, learning_rate=0.01
)
CASES = pd.DataFrame(
    {"case": ["a1", "a2", "b1", "c1"], "patient": ["a", "a", "b", "c"], "cohort": "development"}
)


def manifest_of(*patients: str) -> dict:
    return {"weights_sha256": "0" * 64, "patients": list(patients)}


def splits_of(**test: list[str]) -> pd.DataFrame:
    rows = [
        (fold, case, "test" if case in tested else "train")
        for fold, tested in test.items()
        for case in CASES["case"]
    ]
    return pd.DataFrame(rows, columns=["fold", "case", "part"])


def noise_case(folder: Path, name: str, seed: int) -> CaseFiles:
    """A mask that has nothing to do with its image: to draw it one must have seen it."""
    rng = np.random.default_rng(seed)
    image = sitk.GetImageFromArray(rng.standard_normal((12, 12, 12)).astype(np.float32))
    sitk.WriteImage(image, folder / f"{name}.nii.gz")
    centre = rng.integers(3, 9, 3)
    distance = np.linalg.norm(np.indices((12, 12, 12)).T - centre, axis=-1).T
    sitk.WriteImage(
        sitk.GetImageFromArray((distance < 4).astype(np.uint8)), folder / f"{name}_mask.nii.gz"
    )
    return CaseFiles(name, {"T1w": folder / f"{name}.nii.gz"}, folder / f"{name}_mask.nii.gz")


def dice(prediction: sitk.Image, case: CaseFiles) -> float:
    p, r = labels_of(prediction), labels_of(read_image(case.mask))
    return 2 * (p & r).sum() / (p.sum() + r.sum())


def test_g05_seen_masks_look_good_where_there_is_nothing_to_find(tmp_path: Path) -> None:
    """The leaky twin: on noise, masks of seen cases are far better than of unseen ones.

    The guard must accept the honest assignment and refuse the leaky one.
    """
    seen = [noise_case(tmp_path, f"s{i}", i) for i in range(3)]
    unseen = [noise_case(tmp_path, f"u{i}", 100 + i) for i in range(6)]
    network, _ = train_segmenter(seen, SETTINGS, {"lesion": 1}, seed=1)
    leaky = np.mean([dice(segment_case(network, c, SETTINGS, {"lesion": 1}), c) for c in seen])
    honest = np.mean([dice(segment_case(network, c, SETTINGS, {"lesion": 1}), c) for c in unseen])
    assert leaky > 0.8
    assert honest < 0.5

    digest = save_weights(network, tmp_path / "w.safetensors")
    cases = pd.DataFrame({"case": [c.case for c in seen], "patient": [c.case for c in seen]})
    write_manifest(tmp_path / "m.json", weights=digest, cases=cases, settings=SETTINGS)
    manifest = read_manifest(tmp_path / "m.json", tmp_path / "w.safetensors")
    check_unseen(manifest, [c.case for c in unseen])
    with pytest.raises(FitError, match=r"trained on a patient whose mask.*found s0, s1, s2"):
        check_unseen(manifest, [c.case for c in seen])


def test_g05_another_case_of_a_seen_patient_is_refused() -> None:
    """Case a2 was not trained on, but case a1 of the same patient was."""
    splits = splits_of(r1f1=["a2", "b1"], r1f2=["a1", "c1"])
    manifests = {"r1f1": manifest_of("a", "c"), "r1f2": manifest_of("b")}
    with pytest.raises(FitError, match="found a, expected patients outside"):
        mask_manifest(CASES, splits, manifests)


def test_g05_each_case_is_drawn_by_the_weights_of_its_own_fold() -> None:
    splits = splits_of(r1f1=["a1", "a2"], r1f2=["b1", "c1"], r2f1=["a1", "b1"])
    manifests = {"r1f1": manifest_of("b", "c"), "r1f2": manifest_of("a")}
    table = mask_manifest(CASES, splits, manifests)
    assert list(table.columns) == ["case", "fold", "weights_sha256", "seen"]
    assert dict(zip(table["case"], table["fold"], strict=True)) == {
        "a1": "r1f1", "a2": "r1f1", "b1": "r1f2", "c1": "r1f2",
    }  # fmt: skip
    assert not table["seen"].any()


@pytest.mark.parametrize(
    "manifest",
    [{}, {"weights_sha256": "0" * 64}, {"weights_sha256": "0" * 64, "patients": []},
     {"patients": ["a"]}],
)  # fmt: skip
def test_g05_what_is_not_known_counts_as_seen(manifest: dict, tmp_path: Path) -> None:
    with pytest.raises(FitError, match="every patient counts as seen"):
        check_unseen(manifest, ["z"])
    write_json(manifest, tmp_path / "m.json")
    with pytest.raises(FitError, match=r"m\.json.*every patient counts as seen"):
        read_manifest(tmp_path / "m.json")


def test_g05_a_manifest_of_other_weights_is_refused(tmp_path: Path) -> None:
    write_manifest(tmp_path / "m.json", weights="0" * 64, cases=CASES, settings=SETTINGS)
    (tmp_path / "w.safetensors").write_bytes(b"other weights")
    with pytest.raises(FitError, match="the manifest is not of these weights"):
        read_manifest(tmp_path / "m.json", tmp_path / "w.safetensors")


@pytest.mark.parametrize(
    ("splits", "found"),
    [
        (splits_of(r1f1=["a1", "a2"], r1f2=["b1"]), "case 'c1'.*found 0 folds"),
        (splits_of(r1f1=["a1", "a2", "b1"], r1f2=["b1", "c1"]), "case 'b1'.*found 2 folds"),
    ],
)
def test_g05_a_case_without_one_fold_is_refused(splits: pd.DataFrame, found: str) -> None:
    manifests = {"r1f1": manifest_of("x"), "r1f2": manifest_of("y")}
    with pytest.raises(FitError, match=found):
        mask_manifest(CASES, splits, manifests)

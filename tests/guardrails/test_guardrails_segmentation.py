"""G05: a mask that judges a model is of weights that never saw the patient; G24: none is lost."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from radpipe.config import EarlyStopping, Network, Start
from radpipe.errors import FitError
from radpipe.io.files import sha256, write_json
from radpipe.io.images import labels_of, read_image
from radpipe.networks.weights import save_weights
from radpipe.segmentation.caching import CachedCase, CaseCache
from radpipe.segmentation.inference import Member, segment_case
from radpipe.segmentation.manifest import (
    check_start,
    check_unseen,
    join_manifests,
    mask_manifest,
    read_manifest,
    write_manifest,
)
from radpipe.segmentation.plan import Plan
from radpipe.segmentation.scoring import MaskPair, score_segmentation, segmentation_summary
from radpipe.segmentation.training import train_segmenter
from radpipe.types import CaseFiles

PLAN = Plan(
    segmenter=Network(
        name="unet",
        network="unet",
        channels=[8, 16],
        patch=(12, 12, 12),
        batch=3,
        steps=150,
        learning_rate=0.01,
    )
)
LABELS = {"lesion": 1}
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


def test_g05_twin_seen_masks_look_good_where_there_is_nothing_to_find(tmp_path: Path) -> None:
    """The leaky twin: on noise, masks of seen cases are far better than of unseen ones.

    The guard must accept the honest assignment and refuse the leaky one.
    """
    seen = [noise_case(tmp_path, f"s{i}", i) for i in range(3)]
    unseen = [noise_case(tmp_path, f"u{i}", 100 + i) for i in range(6)]
    names = [case.case for case in seen]
    network, _ = train_segmenter(seen, PLAN, LABELS, patients=names, seed=1)
    member = Member(network, PLAN)
    leaky = np.mean([dice(segment_case([member], c, LABELS).mask, c) for c in seen])
    honest = np.mean([dice(segment_case([member], c, LABELS).mask, c) for c in unseen])
    assert leaky > 0.8
    assert honest < 0.5

    digest = save_weights(network, tmp_path / "w.safetensors")
    cases = pd.DataFrame({"case": names, "patient": names})
    write_manifest(tmp_path / "m.json", weights=digest, cases=cases, settings=PLAN)
    manifest = read_manifest(tmp_path / "m.json", tmp_path / "w.safetensors")
    check_unseen(manifest, [c.case for c in unseen])
    with pytest.raises(FitError, match=r"trained on a patient whose mask.*found s0, s1, s2"):
        check_unseen(manifest, names)


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
    write_manifest(tmp_path / "m.json", weights="0" * 64, cases=CASES, settings=PLAN)
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


# Fine-tuning: whom the weights saw that training started from


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """Weights that were trained on patient b, with their manifest beside them."""
    weights = tmp_path / "earlier" / "w.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(b"weights")
    write_manifest(
        weights.with_name("manifest.json"),
        weights=sha256(weights),
        cases=CASES[CASES["patient"] == "b"],
        settings=PLAN,
    )
    return weights


def test_g05_patients_of_the_weights_at_the_start_count_as_seen(
    tmp_path: Path, earlier: Path
) -> None:
    """Trained on patient c alone, but from weights that saw b: b may not be judged by it.

    The leaky twin is a manifest that forgets the start: it lets b through.
    """
    own = CASES[CASES["patient"] == "c"]
    splits = splits_of(r1f1=["b1", "a1", "a2"], r1f2=["c1"])
    for name, start in (("honest", Start(weights=earlier)), ("leaky", None)):
        file = tmp_path / f"{name}.json"
        write_manifest(file, weights="1" * 64, cases=own, settings=PLAN, start=start)
    honest, leaky = read_manifest(tmp_path / "honest.json"), read_manifest(tmp_path / "leaky.json")
    assert honest["patients"] == ["b", "c"]
    assert honest["cases"] == ["b1", "c1"]
    assert honest["start"]["weights_sha256"] == sha256(earlier)
    other = manifest_of("b")
    assert not mask_manifest(CASES, splits, {"r1f1": leaky, "r1f2": other})["seen"].any()
    with pytest.raises(FitError, match=r"trained on a patient whose mask.*found b, expected"):
        mask_manifest(CASES, splits, {"r1f1": honest, "r1f2": other})


def test_g05_weights_that_saw_the_test_part_are_refused_before_training(earlier: Path) -> None:
    check_start(Start(weights=earlier), ["a", "c"])
    # A vouch does not outweigh a manifest.
    for start in (Start(weights=earlier), Start(weights=earlier, unseen=True)):
        with pytest.raises(FitError, match=r"w\.safetensors: .*trained on a patient.*found b"):
            check_start(start, ["a", "b"])


def test_g05_weights_of_unknown_past_are_refused_unless_vouched_for(earlier: Path) -> None:
    earlier.with_name("manifest.json").unlink()
    unknown, vouched = Start(weights=earlier), Start(weights=earlier, unseen=True)
    file = earlier.with_name("new.json")
    with pytest.raises(FitError, match=r"nobody knows whom.*set start\.unseen: true"):
        check_start(unknown, ["z"])
    with pytest.raises(FitError, match="every patient counts as seen"):
        write_manifest(file, weights="1" * 64, cases=CASES, settings=PLAN, start=unknown)
    assert not file.exists()
    check_start(vouched, ["z"])
    write_manifest(file, weights="1" * 64, cases=CASES, settings=PLAN, start=vouched)
    assert read_manifest(file)["patients"] == ["a", "b", "c"]
    assert read_manifest(file)["start"]["vouched"] is True


def test_g05_a_manifest_of_other_weights_at_the_start_is_refused(earlier: Path) -> None:
    earlier.write_bytes(b"something else")
    with pytest.raises(FitError, match="the manifest is not of these weights"):
        check_start(Start(weights=earlier, unseen=True), ["z"])


# Several weights that draw together


def test_g05_whoever_one_member_saw_was_seen() -> None:
    one, other = manifest_of("a"), manifest_of("b") | {"weights_sha256": "1" * 64}
    joined = join_manifests([one, other])
    assert joined["patients"] == ["a", "b"]
    assert joined["weights_sha256"] not in ("0" * 64, "1" * 64)
    assert joined == join_manifests([other, one])
    assert join_manifests([one])["weights_sha256"] == "0" * 64
    for patient in "ab":
        with pytest.raises(FitError, match=f"found {patient}"):
            check_unseen(joined, [patient])
    check_unseen(joined, ["c"])
    with pytest.raises(FitError, match="every patient counts as seen"):
        join_manifests([one, {"weights_sha256": "1" * 64}])
    with pytest.raises(FitError, match="drawn by nothing"):
        join_manifests([])


def test_g05_early_stopping_looks_at_training_patients_who_count_as_seen(tmp_path: Path) -> None:
    """Who is kept aside chose the weights: the manifest is of the whole training part."""
    cases = [noise_case(tmp_path, f"s{i}", i) for i in range(4)]
    short = PLAN.segmenter.model_copy(
        update={"steps": 2, "early_stopping": EarlyStopping(every=1, share=0.4)}
    )
    read: list[str] = []

    class Noting(CaseCache):
        def add(self, files: CaseFiles) -> CachedCase:
            read.append(files.case)
            return super().add(files)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("radpipe.segmentation.training.CaseCache", Noting)
        train_segmenter(
            cases,
            PLAN.model_copy(update={"segmenter": short}),
            LABELS,
            patients=["p", "p", "q", "r"],
            seed=1,
        )
    assert sorted(read) == ["s0", "s1", "s2", "s3"]


# G24


def test_g24_and_twin_a_missed_mask_counts_and_never_improves_a_mean(tmp_path: Path) -> None:
    """Emptying the worse of two predictions: the leaky twin drops it, and looks better for it."""
    cases = [noise_case(tmp_path, f"c{i}", i) for i in range(2)]
    table = pd.DataFrame({"case": ["c0", "c1"], "patient": ["c0", "c1"], "cohort": "development"})

    def means(predictions: dict[str, np.ndarray]) -> tuple[pd.DataFrame, pd.DataFrame]:
        pairs = []
        for case in cases:
            file = tmp_path / f"{case.case}_drawn.nii.gz"
            sitk.WriteImage(sitk.GetImageFromArray(predictions[case.case]), file)
            pairs.append(MaskPair(case.case, "r1f1", "unet", file, case.mask))
        scores = score_segmentation(pairs, LABELS, [2.0])
        summary = segmentation_summary(scores, table, confidence=0.95, samples=50, seed=1)
        return scores, summary.set_index("metric")

    truth = {case.case: labels_of(read_image(case.mask)) for case in cases}
    off = truth | {"c1": np.roll(truth["c1"], 3, axis=2)}
    missed = truth | {"c1": np.zeros_like(truth["c1"])}
    _, drawn = means(off)
    scores, emptied = means(missed)
    dropped = scores.dropna(subset="hd95_mm")
    assert dropped["hd95_mm"].mean() < drawn.loc["hd95_mm", "mean"], "the twin would gain"
    assert dropped["dice"].mean() > drawn.loc["dice", "mean"]
    assert emptied.loc["hd95_mm", "mean"] > drawn.loc["hd95_mm", "mean"]
    assert emptied.loc["dice", "mean"] == pytest.approx(0.5)
    assert emptied.loc["dice", "n"] == 2
    assert emptied.loc["hd95_mm", "n_missed"] == 1

"""Training a segmenter: what it is shown, what it starts from, when it ends, going on."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from segmentation_boxes import two_boxes, write
from torch import Tensor, nn

from radpipe.config import EarlyStopping, Network, Start
from radpipe.errors import ConfigError, FitError, RadpipeError
from radpipe.networks.weights import save_weights
from radpipe.segmentation import training
from radpipe.segmentation.caching import CachedCase, CaseCache
from radpipe.segmentation.manifest import write_manifest
from radpipe.segmentation.plan import Plan
from radpipe.segmentation.starting import load_start
from radpipe.segmentation.training import balanced_weights, class_frequencies, train_segmenter
from radpipe.segmentation.validation import HardDice, hard_dice, keep_aside
from radpipe.types import CaseFiles

LABELS = {"left": 3, "right": 5}
PATIENTS = ["p", "p", "q", "r"]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> list[CaseFiles]:
    folder = tmp_path_factory.mktemp("boxes")
    return [two_boxes(folder, f"c{i}", i) for i in range(4)]


def plan_of(**changes: object) -> Plan:
    given = {"channels": [4, 8], "patch": (8, 8, 8), "batch": 2, "steps": 3, "learning_rate": 0.01}
    return Plan(segmenter=Network(name="s", network="unet", **(given | changes)))


def train(
    cases: list[CaseFiles], seed: int = 1, checkpoints: Path | None = None, **changes: object
) -> tuple[nn.Module, pd.DataFrame]:
    return train_segmenter(
        cases,
        plan_of(**changes),
        LABELS,
        patients=PATIENTS[: len(cases)],
        seed=seed,
        checkpoints=checkpoints,
    )


def same(a: nn.Module, b: nn.Module) -> bool:
    first, second = a.state_dict(), b.state_dict()
    return all(torch.equal(tensor, second[name]) for name, tensor in first.items())


@pytest.mark.parametrize("view", ["3d", "2.5d", "2d"])
def test_a_short_training_lowers_the_loss_in_every_view(cohort: list[CaseFiles], view: str) -> None:
    network, log = train(cohort, steps=40, view=view)
    assert not network.training
    assert len(log) == 40
    assert log["loss"].tail(8).mean() < 0.8 * log["loss"].head(4).mean()
    assert log["validation"].isna().all()


def test_equal_seeds_give_equal_weights(cohort: list[CaseFiles]) -> None:
    first, again, other = (train(cohort[:2], seed=s)[0] for s in (1, 1, 2))
    assert same(first, again)
    assert not same(first, other)


def test_every_case_has_its_patient(cohort: list[CaseFiles]) -> None:
    with pytest.raises(FitError, match="every case has a patient; found 1, expected 2"):
        train_segmenter(cohort[:2], plan_of(), LABELS, patients=["p"], seed=1)


def test_a_network_that_cannot_be_built_names_its_segmenter(cohort: list[CaseFiles]) -> None:
    name = plan_of().segmenter.name
    with pytest.raises(ConfigError, match=rf"segmenter '{name}': a U-Net .*found 1 strides"):
        train_segmenter(
            cohort,
            plan_of(channels=[4, 8, 16]).model_copy(update={"strides": [[2, 2, 2]]}),
            LABELS,
            patients=PATIENTS[: len(cohort)],
            seed=1,
        )


# Patients kept aside


@given(
    st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=30).filter(
        lambda names: len(set(names)) > 1
    ),
    st.floats(0.01, 0.49),
    st.integers(0, 99),
)
def test_no_patient_is_trained_on_and_looked_at(
    patients: list[str], share: float, seed: int
) -> None:
    trained, aside = keep_aside(patients, EarlyStopping(share=share), seed)
    assert sorted(trained + aside) == list(range(len(patients)))
    assert trained
    assert aside
    assert not {patients[k] for k in trained} & {patients[k] for k in aside}


def test_one_patient_cannot_be_trained_on_and_kept_aside() -> None:
    with pytest.raises(FitError, match="keeps training patients aside; found 1"):
        keep_aside(["p", "p"], EarlyStopping(), 0)


def test_dice_by_hand_counts_labels_not_background() -> None:
    truth = np.array([0, 1, 1, 2, 255, 0])
    drawn = np.array([0, 1, 0, 2, 1, 2])
    # Label 1: one of two found; label 2: one found, one too many; label 3 is nowhere.
    assert hard_dice(drawn, truth, 3) == pytest.approx([2 / 3, 2 / 3])
    assert hard_dice(np.zeros(6), np.zeros(6), 2) == []


class Perfect(nn.Module):
    """Draws the boxes from their brightness, as they were made."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        return 9 * torch.cat([torch.ones_like(x), x, -x], dim=1)


def test_the_dice_of_whole_cases(cohort: list[CaseFiles]) -> None:
    plan = plan_of(mc_dropout=2, dropout=0.1, flips=["x"], augmentation={"flips": ["x"]})
    measure = HardDice(cohort, PATIENTS, plan, LABELS, cache=CaseCache(plan, LABELS, 0))
    assert measure(Perfect()) > 0.95
    assert measure.plan.segmenter.mc_dropout == 0


def test_looks_are_bounded_and_each_patient_comes_first(
    cohort: list[CaseFiles], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("radpipe.segmentation.validation.CASES", 3)
    plan = plan_of()
    added: list[str] = []

    class Noting(CaseCache):
        def add(self, files: CaseFiles) -> CachedCase:
            added.append(files.case)
            return super().add(files)

    measure = HardDice(cohort, PATIENTS, plan, LABELS, cache=Noting(plan, LABELS, 0))
    assert len(measure.cases) == 3
    # Patients p, q, r, and only then the second case of p.
    assert added[:3] == ["c0", "c2", "c3"]


def test_early_stopping_keeps_the_weights_that_drew_best(cohort: list[CaseFiles]) -> None:
    stopping = {"every": 5, "patience": 2, "share": 0.3}
    network, log = train(cohort, steps=60, early_stopping=stopping, learning_rate=0.03)
    measured = log["validation"].dropna()
    assert (log.loc[measured.index, "step"] % 5 == 0).all()
    _, aside = keep_aside(PATIENTS, EarlyStopping(**stopping), 1)
    plan = plan_of()
    chosen = [cohort[k] for k in aside]
    whose = [PATIENTS[k] for k in aside]
    measure = HardDice(chosen, whose, plan, LABELS, cache=CaseCache(plan, LABELS, 0))
    assert measure(network) == pytest.approx(measured.max(), abs=1e-6)


def test_patients_kept_aside_need_a_labelled_voxel(cohort: list[CaseFiles], tmp_path: Path) -> None:
    empty = write(np.zeros((17, 20, 15), np.uint8), tmp_path / "empty.nii.gz")
    blank = [CaseFiles(c.case, c.images, empty) for c in cohort]
    plan = plan_of()
    with pytest.raises(FitError, match="kept aside for early stopping have no labelled voxel"):
        HardDice(blank, PATIENTS, plan, LABELS, cache=CaseCache(plan, LABELS, 0))


# Class weights


def test_balanced_weights_by_hand(cohort: list[CaseFiles]) -> None:
    # 1 / (0.5, 0.25, 0.25) = 2, 4, 4, whose mean is 10 / 3.
    assert balanced_weights(np.array([0.5, 0.25, 0.25])) == pytest.approx([0.6, 1.2, 1.2])
    assert balanced_weights(np.array([0.5, 0.5, 0.0])) == pytest.approx([1, 1, 1])
    cache = CaseCache(plan_of(), LABELS, 0)
    shares = class_frequencies([cache.add(case) for case in cohort])
    # The boxes have 8 x 8 x 3 and 8 x 8 x 4 of 17 x 20 x 15 voxels.
    assert shares[1:].tolist() == pytest.approx([192 / 5100, 256 / 5100])


def test_balanced_weights_reach_the_loss(
    cohort: list[CaseFiles], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict = {}
    build = training.build_loss

    def noting(*arguments: object, **keywords: object) -> Callable:
        given.update(keywords)
        return build(*arguments, **keywords)

    monkeypatch.setattr(training, "build_loss", noting)
    train(cohort, loss="weighted_ce", class_weights="balanced", hardest=0.5, ignore=9)
    shares = np.array([5100 - 192 - 256, 192, 256]) / 5100
    assert given["class_weights"] == pytest.approx(balanced_weights(shares))
    assert given["ignore"] is True
    assert given["hardest"] == 0.5


# Going on from given weights


@pytest.fixture(scope="module")
def given_weights(cohort: list[CaseFiles], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of another study's patients, with their manifest."""
    folder = tmp_path_factory.mktemp("given")
    network, _ = train(cohort, seed=7)
    digest = save_weights(network, folder / "w.safetensors")
    cases = pd.DataFrame({"case": ["x1"], "patient": ["x"]})
    write_manifest(folder / "manifest.json", weights=digest, cases=cases, settings=plan_of())
    return folder / "w.safetensors"


def test_training_goes_on_from_given_weights_and_leaves_frozen_ones(
    cohort: list[CaseFiles], given_weights: Path
) -> None:
    before, _ = train(cohort, seed=7)
    names = [name for name, _ in before.named_parameters()]
    first = names[0].rsplit(".", 1)[0]
    start = {"weights": given_weights, "frozen": [first]}
    after, _ = train(cohort, seed=8, start=start, steps=1, learning_rate=1e-6)
    for name, tensor in after.named_parameters():
        was = before.state_dict()[name]
        assert torch.allclose(tensor, was, atol=1e-4)
        assert torch.equal(tensor, was) == name.startswith(first)


@pytest.mark.parametrize(
    ("labels", "inputs", "expected"),
    [
        (1, 1, "are for 2 labels, the study has 1: tensor"),
        (2, 3, "are for 1 modalities, the study has 3: tensor"),
        (1, 3, "are of another network: tensor"),
    ],
)
def test_weights_of_another_network_are_told_apart(
    given_weights: Path, labels: int, inputs: int, expected: str
) -> None:
    names = dict(list(LABELS.items())[:labels])
    network = training._network(plan_of(), inputs=inputs, labels=len(names))
    with pytest.raises(RadpipeError, match=expected):
        load_start(network, given_weights)


def test_weights_that_nobody_can_read_or_vouch_for_are_refused(
    cohort: list[CaseFiles], given_weights: Path, tmp_path: Path
) -> None:
    network = training._network(plan_of(), inputs=1, labels=2)
    (tmp_path / "w.safetensors").write_bytes(b"no weights")
    with pytest.raises(RadpipeError, match="the weights to start from cannot be read"):
        load_start(network, tmp_path / "w.safetensors")
    with pytest.raises(FitError, match="do not exist"):
        train(cohort, start=Start(weights=tmp_path / "none.safetensors"))
    lonely = tmp_path / "lonely.safetensors"
    lonely.write_bytes(given_weights.read_bytes())
    with pytest.raises(FitError, match="nobody knows whom the weights to start from have seen"):
        train(cohort, start=Start(weights=lonely))
    train(cohort, start=Start(weights=lonely, unseen=True))
    with pytest.raises(ConfigError, match="frozen"):
        train(cohort, start=Start(weights=lonely, unseen=True, frozen=["nothing"]))


# Going on after a kill


def test_a_killed_training_ends_as_if_it_had_not_been(
    cohort: list[CaseFiles],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With mistakes searched for, patients kept aside and cases that memory has no room for."""
    settings = {
        "steps": 30,
        "patch": (4, 4, 4),
        "hard_negatives": 0.9,
        "foreground": 0.2,
        "early_stopping": {"every": 10, "patience": 5},
        "budget": {"memory_gb": 1e-9},
    }
    often = partial(training.TrainingSettings, checkpoint_every=12)
    monkeypatch.setattr(training, "TrainingSettings", often)
    monkeypatch.setattr("radpipe.segmentation.hard_negatives.WINDOWS", 4)
    whole, log = train(cohort, **settings)

    build = training.build_loss

    def dying(*arguments: object, **keywords: object) -> Callable:
        loss, calls = build(*arguments, **keywords), []

        def of(*both: Tensor) -> Tensor:
            calls.append(1)
            if len(calls) == 28:
                raise ConnectionAbortedError("killed")
            return loss(*both)

        return of

    with monkeypatch.context() as patch:
        patch.setattr(training, "build_loss", dying)
        with pytest.raises(ConnectionAbortedError):
            train(cohort, checkpoints=tmp_path / "checkpoints", **settings)
    assert [p.name for p in (tmp_path / "checkpoints").iterdir()] == ["last.ckpt"]
    assert not (tmp_path / "cases").exists()
    resumed, its_log = train(cohort, checkpoints=tmp_path / "checkpoints", **settings)
    assert "going on from step 24 of 30" in capsys.readouterr().out
    assert same(whole, resumed)
    columns = ["step", "loss", "learning_rate", "validation"]
    pd.testing.assert_frame_equal(log[columns], its_log[columns], check_exact=True)
    assert list(tmp_path.iterdir()) == []

"""What holds for encoders of every kind: one contract, and what is special to each."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
import torch
from deep_cases import MODALITIES, group_of, write_cases
from monai.networks.nets.resnet import resnet10

from radpipe.config import Network, read_encoder
from radpipe.errors import CaseError, FitError, RadpipeError
from radpipe.features.deep.bottleneck import SegmenterEncoder
from radpipe.features.encoders import (
    Sources,
    Targets,
    check_sources,
    embed,
    load_encoder,
    start_of,
    train_encoder,
)
from radpipe.features.reconstructions import reconstruct_folds, typical
from radpipe.networks.devices import seed_everything
from radpipe.networks.registry import build_network
from radpipe.networks.weights import save_weights
from radpipe.segmentation.manifest import write_manifest
from radpipe.segmentation.plan import Plan, read_plan, write_plan
from radpipe.types import CaseFiles

TRAINED = 16
SMALL = {"crop": [8, 8, 8], "channels": [4, 8], "batch": 8, "learning_rate": 5e-3}
KINDS: dict[str, dict[str, object]] = {
    "autoencoder": {**SMALL, "latent": 4, "steps": 40},
    "denoising": {**SMALL, "latent": 4, "steps": 40},
    "variational": {**SMALL, "latent": 4, "steps": 60},
    "belief": {"crop": [8, 8, 8], "hidden": [16, 4], "steps": 60, "learning_rate": 0.1},
    "cnn3d": {**SMALL, "steps": 30},
    "lstm": {**SMALL, "latent": 4, "steps": 40},
    "transformer": {**SMALL, "latent": 8, "steps": 40},
    "capsule": {**SMALL, "dimension": 4, "steps": 40},
    "segmenter": {"segmenter": "net"},
    "given": {"crop": [8, 8, 8], "network": "resnet10", "unseen": True},
}
SUPERVISED = ("cnn3d", "lstm", "transformer", "capsule")
RECONSTRUCTING = ("autoencoder", "denoising", "variational", "belief")
LEARNING = (*RECONSTRUCTING, *SUPERVISED)


def settings_of(kind: str, folder: Path, **changes: object):
    given = {"weights": str(folder / "given.pt")} if kind == "given" else {}
    return read_encoder({"name": kind, "kind": kind, **KINDS[kind], **given, **changes})


def targets_of(cases: list[CaseFiles]) -> Targets:
    return Targets("binary", {files.case: group_of(files.case) for files in cases})


def write_segmenter(folder: Path, inputs: int, patients: list[str], view: str = "3d") -> Path:
    """A segmenter as training would leave it, with random weights."""
    seed_everything(1)
    plan = Plan(
        segmenter=Network(
            name="net", network="unet", channels=[4, 8, 16], patch=(8, 8, 8), view=view
        )
    )
    network = build_network("unet", plan.network_spec(inputs=inputs, labels=1))
    write_plan(plan, folder / "plan.yaml")
    weights = save_weights(network, folder / "weights.safetensors")
    table = pd.DataFrame({"case": patients, "patient": patients})
    write_manifest(folder / "manifest.json", weights=weights, cases=table, settings=plan)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights as a user would give them, and a segmenter of the fold."""
    folder = tmp_path_factory.mktemp("deep")
    seed_everything(0)
    network = resnet10(
        spatial_dims=3, n_input_channels=1, num_classes=2, bias_downsample=False, pretrained=False
    )
    # As a training elsewhere leaves them: in a wrapper, with a prefix, with a classifier.
    wrapped = {f"module.{name}": tensor for name, tensor in network.state_dict().items()}
    torch.save({"state_dict": wrapped}, folder / "given.pt")
    (folder / "segmenter").mkdir()
    write_segmenter(folder / "segmenter", 2, [f"case{n}" for n in range(TRAINED)])
    return folder


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[CaseFiles]:
    """Sixteen cases to train on, eight held out, one without a region."""
    return write_cases(tmp_path_factory.mktemp("cases"), TRAINED + 8)


@pytest.fixture(scope="module")
def sources(folder: Path, cases: list[CaseFiles]) -> Sources:
    return Sources(targets_of(cases[:TRAINED]), folder / "segmenter", {"lesion": 1})


@pytest.fixture(scope="module")
def fitted(folder, cases, sources):
    """Each kind, trained once when it is first asked for."""
    made = {}

    def fit(kind: str):
        if kind not in made:
            settings = settings_of(kind, folder)
            names = list(MODALITIES[:2])
            made[kind] = (
                settings,
                *train_encoder(cases[:TRAINED], names, settings, seed=3, sources=sources),
            )
        return made[kind]

    return fit


@pytest.mark.parametrize("kind", KINDS)
def test_held_out_cases_of_two_groups_are_told_apart(kind, fitted, cases) -> None:
    """By the nearer of the two training centres; one in 2^8 gets all eight right by chance."""
    settings, network, _ = fitted(kind)
    table = embed(network, cases, settings).drop(columns="case").to_numpy()
    assert np.isnan(table[-1]).all(), "the case without a region"
    assert np.isfinite(table[:-1]).all()
    groups = np.array([group_of(files.case) for files in cases[:-1]])
    train, test = table[:TRAINED], table[TRAINED:-1]
    scale = train.std(axis=0) + 1e-9
    centres = [train[groups[:TRAINED] == group].mean(axis=0) / scale for group in (0, 1)]
    nearer = np.argmin([np.linalg.norm(test / scale - c, axis=1) for c in centres], axis=0)
    assert (nearer == groups[TRAINED:]).mean() >= 7 / 8


@pytest.mark.parametrize("kind", LEARNING)
def test_the_loss_falls(kind, fitted) -> None:
    settings, _, log = fitted(kind)
    if kind == "belief":
        log = log[: settings.steps]  # the first layer; each has a loss of its own
    assert log["loss"].tail(5).mean() < 0.9 * log["loss"].head(5).mean()


@pytest.mark.parametrize("kind", KINDS)
def test_weights_hold_everything_and_no_outcome_is_needed_to_apply_them(
    kind, fitted, cases, folder, tmp_path
) -> None:
    settings, network, _ = fitted(kind)
    save_weights(network, tmp_path / "w.safetensors")
    fresh = load_encoder(
        tmp_path / "w.safetensors",
        list(MODALITIES[:2]),
        settings,
        Sources(segmenter=folder / "segmenter", labels={"lesion": 1}),
    )
    pd.testing.assert_frame_equal(
        embed(fresh, cases[:3], settings), embed(network, cases[:3], settings), check_exact=True
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_bytes(kind, cases, folder, sources, tmp_path) -> None:
    short = {"steps": 2} if kind in LEARNING else {}
    settings = settings_of(kind, folder, **short)
    names = list(MODALITIES[:2])
    hashes = []
    for seed in (3, 3, 4):
        network, _ = train_encoder(cases[:8], names, settings, seed=seed, sources=sources)
        hashes.append(save_weights(network, tmp_path / "w"))
    assert hashes[0] == hashes[1]
    if kind in LEARNING:
        assert hashes[1] != hashes[2]


@pytest.mark.parametrize("kind", LEARNING)
@pytest.mark.parametrize(("modalities", "mask"), [(1, False), (4, True)])
def test_odd_crops_and_one_to_four_images(kind, modalities, mask, folder, tmp_path) -> None:
    """Sizes that no stride divides, thin margins, with and without the mask as a channel."""
    cases = write_cases(tmp_path, 4, modalities)
    settings = settings_of(
        kind, folder, crop=[5, 8, 7], mask_channel=mask, steps=6, margin_voxels=1
    )
    names = list(MODALITIES[:modalities])
    network, _ = train_encoder(cases, names, settings, seed=0, sources=Sources(targets_of(cases)))
    table = embed(network, cases, settings)
    assert table.shape == (5, 1 + network.width)
    assert table.iloc[:4].notna().all(axis=None)


@pytest.mark.parametrize("kind", LEARNING)
def test_no_parameter_stands_still(kind, fitted, cases, folder, sources) -> None:
    """One step apart: a parameter without a gradient would be what it was."""
    _, trained, _ = fitted(kind)
    short, _ = train_encoder(
        cases[:8],
        list(MODALITIES[:2]),
        settings_of(kind, folder, steps=1, learning_rate=1e-9),
        seed=3,
        sources=sources,
    )
    before = dict(short.named_parameters())
    for name, after in trained.named_parameters():
        if after.ndim > 1:
            assert not torch.allclose(after, before[name], atol=1e-6), name


@pytest.mark.parametrize("kind", SUPERVISED)
@pytest.mark.parametrize("outcome", ["multiclass", "regression", "survival"])
def test_outcomes_of_every_kind(kind, outcome, cases, folder, tmp_path) -> None:
    rng = np.random.default_rng(1)
    values = {
        "multiclass": [float(n % 3) for n in range(8)],
        "regression": rng.normal(50, 10, 8).tolist(),
        "survival": list(
            np.array(
                [(n % 3 > 0, float(n + 1)) for n in range(8)],
                dtype=[("event", bool), ("time", float)],
            )
        ),
    }[outcome]
    y = {files.case: value for files, value in zip(cases, values, strict=False)}
    settings = settings_of(kind, folder, steps=3)
    network, log = train_encoder(
        cases[:8], list(MODALITIES[:2]), settings, seed=0, sources=Sources(Targets(outcome, y))
    )
    assert np.isfinite(log["loss"]).all()
    save_weights(network, tmp_path / "w")
    fresh = load_encoder(tmp_path / "w", list(MODALITIES[:2]), settings)
    pd.testing.assert_frame_equal(
        embed(fresh, cases[:2], settings), embed(network, cases[:2], settings), check_exact=True
    )


def test_a_case_without_an_outcome_is_not_trained_on(cases, folder, tmp_path) -> None:
    settings = settings_of("cnn3d", folder, steps=3)
    y = {files.case: group_of(files.case) for files in cases[:8]}
    names = list(MODALITIES[:2])
    hashes = []
    for own, known in (
        (cases[:8], y),
        (cases[:9], {**y, "case8": np.nan}),
        (cases[:9], {**y, "case8": 0.0}),
    ):
        network, _ = train_encoder(
            own, names, settings, seed=0, sources=Sources(Targets("binary", known))
        )
        hashes.append(save_weights(network, tmp_path / "w"))
    assert hashes[0] == hashes[1] != hashes[2]
    with pytest.raises(FitError, match="encoder 'cnn3d' of kind cnn3d needs the outcome"):
        train_encoder(cases[:8], names, settings, seed=0)


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in SUPERVISED])
def test_other_kinds_see_no_outcome(kind, cases, folder, sources, tmp_path) -> None:
    """A leaky encoder would change with the outcome of its training part."""
    short = {"steps": 2} if kind in LEARNING else {}
    settings = settings_of(kind, folder, **short)
    turned = Targets("binary", {name: 1 - y for name, y in sources.targets.y.items()})
    hashes = []
    for targets in (sources.targets, turned):
        own = Sources(targets, sources.segmenter, sources.labels)
        network, _ = train_encoder(cases[:8], list(MODALITIES[:2]), settings, seed=3, sources=own)
        hashes.append(save_weights(network, tmp_path / "w"))
    assert hashes[0] == hashes[1]


@pytest.mark.parametrize("view", ["3d", "2d"])
def test_a_bottleneck_is_pooled_inside_the_mask_alone(view, tmp_path, cases) -> None:
    """A constant image has the same features everywhere: mean and maximum agree; two windows."""
    write_segmenter(tmp_path, 2, ["a"], view)
    plan = read_plan(tmp_path / "plan.yaml")
    seed_everything(1)
    encoder = SegmenterEncoder(plan, 1, 2)
    depth = 1 if view == "2d" else 8
    assert encoder.width == 2 * 16
    x = torch.randn(1, 3, 2 * depth, 8, 8)
    x[:, -1] = 0
    x[:, -1, :depth, 2:6, 2:6] = 1
    with torch.no_grad():
        one = encoder.encode(x)
        changed = x.clone()
        changed[:, :-1, depth:] = 9  # another window, without any of the region
        assert torch.equal(encoder.encode(changed), one)
        both = x.clone()
        both[:, :, depth:] = x[:, :, :depth]  # the same window twice
        assert torch.allclose(encoder.encode(both), one, atol=1e-6)
    assert (one[:, 16:] >= one[:, :16] - 1e-6).all(), "the maximum is not below the mean"


def test_a_segmenter_that_saw_a_held_out_patient_is_refused(folder, sources, tmp_path) -> None:
    settings = settings_of("segmenter", folder)
    check_sources(settings, sources, ["case20"])
    with pytest.raises(FitError, match="trained on a patient"):
        check_sources(settings, sources, ["case3"])
    manifest = tmp_path / "manifest.json"
    table = pd.DataFrame({"case": ["case30"], "patient": ["case30"]})
    start = start_of(settings, sources)
    write_manifest(manifest, weights="abc", cases=table, settings=settings, start=start)
    assert set(json.loads(manifest.read_text())["patients"]) == {
        "case30",
        *(f"case{n}" for n in range(TRAINED)),
    }


def test_given_weights_need_someone_who_knows_whom_they_saw(folder) -> None:
    with pytest.raises(FitError, match="nobody knows whom the weights"):
        check_sources(settings_of("given", folder, unseen=False), Sources(), ["p1"])
    check_sources(settings_of("given", folder), Sources(), ["p1"])


def test_given_weights_are_those_of_the_file(folder, fitted) -> None:
    _, network, _ = fitted("given")
    saved = torch.load(folder / "given.pt", weights_only=True)["state_dict"]
    own = network.state_dict()
    for name, tensor in saved.items():
        if ".fc." not in name:
            assert torch.equal(own[name.replace("module.", "network.network.")], tensor)
    assert network.width == 3 * 512, "one channel at a time: two images and the mask"


def test_weights_of_another_network_name_the_first_layer_that_differs(
    folder, cases, tmp_path
) -> None:
    names = list(MODALITIES[:2])
    deeper = settings_of("given", folder, network="resnet18")
    with pytest.raises(RadpipeError, match=r"layer 'layer1\.1\.conv1\.weight' differs"):
        train_encoder(cases[:2], names, deeper, seed=0)
    other = resnet10(spatial_dims=3, n_input_channels=4, feed_forward=False, pretrained=False)
    torch.save(other.state_dict(), tmp_path / "given.pt")
    with pytest.raises(
        RadpipeError, match=r"layer 'conv1\.weight' differs.*found 4 channels, expected 3"
    ):
        train_encoder(cases[:2], names, settings_of("given", tmp_path), seed=0)


def test_given_files_that_are_no_weights_run_nothing(folder, cases, tmp_path) -> None:
    torch.save({"state_dict": Path("/")}, tmp_path / "given.pt")  # any object but tensors
    with pytest.raises(RadpipeError, match="cannot be read"):
        train_encoder(cases[:2], ["T1w"], settings_of("given", tmp_path), seed=0)
    torch.save([torch.zeros(2)], tmp_path / "given.pt")
    with pytest.raises(RadpipeError, match="no mapping of tensors; found list"):
        train_encoder(cases[:2], ["T1w"], settings_of("given", tmp_path), seed=0)


@pytest.mark.parametrize("kind", RECONSTRUCTING)
def test_reconstructions_of_held_out_cases(kind, fitted, cases) -> None:
    _, network, _ = fitted(kind)
    table, arrays = reconstruct_folds({"r1f1": (network, cases[TRAINED:])})
    assert list(table) == ["case", "fold", "rmse", "rmse_region"]
    assert table["rmse"].isna().tolist() == [False] * 8 + [True]
    shown = typical(table)
    assert len(shown) == 3
    assert table.set_index("case")["rmse"].idxmin() == shown[0]
    assert table.set_index("case")["rmse"].idxmax() == shown[2]
    for case in shown:
        image, again = arrays[f"{case}__image"], arrays[f"{case}__reconstruction"]
        assert image.shape == again.shape == (2, 8, 8)
        assert arrays[f"{case}__mask"].any()
    assert table["rmse_region"].median() < 1.0, "better than the training mean"


def test_segmenters_cannot_reconstruct(fitted) -> None:
    with pytest.raises(FitError, match="only an encoder of crops"):
        reconstruct_folds({"r1f1": (fitted("segmenter")[1], [])})


def test_a_mask_elsewhere_is_refused(fitted, cases, tmp_path) -> None:
    other = write_cases(tmp_path, 1)[0]
    mask = sitk.GetImageFromArray(np.ones((3, 3, 3), np.uint8))
    mask.SetOrigin((500.0, 0.0, 0.0))
    sitk.WriteImage(mask, str(other.mask))
    with pytest.raises(CaseError, match="not on the grid"):
        fitted("segmenter")[1].read(other)

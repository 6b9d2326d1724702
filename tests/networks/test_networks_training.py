"""The one training loop: it learns, it repeats, it goes on after a kill."""

import math
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from radpipe.config import EarlyStopping
from radpipe.errors import ConfigError, FitError
from radpipe.networks.adversarial import Adversary
from radpipe.networks.draws import Batches, DrawDataset
from radpipe.networks.inference import sliding_window
from radpipe.networks.losses import build_loss
from radpipe.networks.training import TrainingSettings, fit, one_cycle, seed_everything

SHORT = TrainingSettings(steps=30, batch=3, learning_rate=0.05, seed=4, checkpoint_every=5)


class Line(Dataset):
    """y = 2 x + 1 on eight points."""

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        x = torch.tensor([index / 8])
        return {"x": x, "y": 2 * x + 1}


class Nothing(Dataset):
    def __len__(self) -> int:
        return 0


class Balls(DrawDataset):
    """Noise, in it a bright cube at a random place: label 1. Learns from the network once asked."""

    def __init__(self, seed: int, size: tuple[int, ...] = (8, 8, 8)) -> None:
        super().__init__(seed)
        self.size = size
        self.offset = 0.0
        self.refreshed: list[int] = []

    def __getitem__(self, draw: int) -> dict[str, Tensor]:
        random = self.random(draw)
        image = random.normal(size=(1, *self.size)).astype(np.float32)
        label = np.zeros_like(image)
        low = random.integers(0, [n - 3 for n in self.size])
        label[(0, *(slice(k, k + 4) for k in low))] = 1
        return {
            "image": torch.from_numpy(image + 3 * label + self.offset),
            "label": torch.from_numpy(label),
        }

    def refresh(self, network: nn.Module, step: int) -> None:
        assert network.training
        network.eval()
        self.refreshed.append(step)
        self.offset = float(next(network.parameters()).detach().sum())

    def state_dict(self) -> dict[str, Any]:
        return {"offset": self.offset}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.offset = state["offset"]


def squared(network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    return ((network(batch["x"]) - batch["y"]) ** 2).mean()


def drawn(network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    return build_loss("dice_ce", 1)(network(batch["image"]), batch["label"])


def small(dims: int = 3) -> nn.Sequential:
    """With statistics of the batch and dropout: what a resumed training could get wrong."""
    seed_everything(11)
    conv, norm = (nn.Conv3d, nn.BatchNorm3d) if dims == 3 else (nn.Conv2d, nn.BatchNorm2d)
    return nn.Sequential(
        conv(1, 4, 3, padding=1), norm(4), nn.ReLU(), nn.Dropout(0.2), conv(4, 2, 1)
    )


def trained(seed: int, dataset: Dataset, **changes: float) -> tuple[nn.Linear, pd.DataFrame]:
    seed_everything(seed)
    network = nn.Linear(1, 1)
    given = {"steps": 300, "batch": 8, "learning_rate": 0.1} | changes
    return network, fit(network, squared, dataset, TrainingSettings(seed=seed, **given))


def weights(network: nn.Module) -> bytes:
    return b"".join(t.numpy().tobytes() for t in network.state_dict().values())


def lasting(log: pd.DataFrame) -> str:
    """What of a log must repeat: all but the times."""
    return log.drop(columns=["seconds", "waiting"]).to_csv()


class KilledError(Exception):
    pass


def killed_at(
    step: int, loss: Callable = drawn
) -> Callable[[nn.Module, dict[str, Tensor]], Tensor]:
    calls: list[int] = []

    def once(network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        calls.append(1)
        if len(calls) == step:
            raise KilledError
        return loss(network, batch)

    return once


def test_a_line_is_learned_and_the_log_tells_every_step() -> None:
    network, log = trained(1, Line())
    assert network.weight.item() == pytest.approx(2, abs=0.05)
    assert network.bias.item() == pytest.approx(1, abs=0.05)
    names = ["step", "loss", "learning_rate", "seconds", "waiting", "validation"]
    assert list(log.columns) == names
    assert list(log["step"]) == list(range(1, 301))
    assert log["learning_rate"].max() == pytest.approx(0.1)
    assert log["loss"].iloc[-1] < 1e-3 < log["loss"].iloc[0]
    assert log["validation"].isna().all()
    assert log["seconds"].is_monotonic_increasing
    assert not network.training


def test_equal_seeds_give_equal_weights_and_other_seeds_others() -> None:
    short = {"steps": 5, "batch": 3}
    first, log = trained(7, Line(), **short)
    again, log_again = trained(7, Line(), **short)
    other, _ = trained(8, Line(), **short)
    assert torch.equal(first.weight, again.weight)
    assert list(log["loss"]) == list(log_again["loss"])
    assert not torch.equal(first.weight, other.weight)


def test_every_item_is_visited_equally_often_even_if_the_batch_is_larger() -> None:
    seen: list[float] = []

    def note(network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        seen.extend(batch["x"][:, 0].tolist())
        return squared(network, batch)

    fit(nn.Linear(1, 1), note, Line(), TrainingSettings(4, 16, 0.1, seed=1))
    assert len(seen) == 64
    assert {x: seen.count(x) for x in seen} == {i / 8: 8 for i in range(8)}


def test_mixed_precision_learns_and_predicts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The path of a GPU on the CPU: short types in the layers, whole ones in loss and weights."""
    for module in ("training", "devices"):
        monkeypatch.setattr(f"radpipe.networks.{module}.half", lambda: torch.bfloat16)
    # oneDNN's gradients of bfloat16 convolutions with strides are not finite on some processors.
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)
    network, types = small(), set()
    network[0].register_forward_hook(lambda _layer, _given, out: types.add(out.dtype))
    log = fit(network, drawn, Balls(3), replace(SHORT, steps=120))
    image = Balls(4)[0]["image"]
    short = sliding_window(network, image, (8, 8, 8), 0.0)
    assert types == {torch.bfloat16}
    monkeypatch.undo()
    whole = sliding_window(network, image, (8, 8, 8), 0.0)
    assert log["loss"].tail(10).mean() < 0.7 * log["loss"].head(10).mean()
    assert {p.dtype for p in network.parameters()} == {short.dtype} == {torch.float32}
    assert not torch.equal(short, whole)
    torch.testing.assert_close(short, whole, atol=0.03, rtol=0)


def test_the_loop_is_that_of_a_few_lines_of_torch() -> None:
    """AdamW on the schedule, gradients clipped to a norm of 5: equal bits, dropout included."""
    network, peer = small(), small()
    data = Balls(6)
    log = fit(network, drawn, data, replace(SHORT, steps=6))
    seed_everything(SHORT.seed)
    optimiser = torch.optim.AdamW(peer.parameters(), weight_decay=1e-4)
    batches = DataLoader(data, batch_size=SHORT.batch, sampler=range(6 * SHORT.batch))
    losses = []
    for step, batch in enumerate(batches):
        optimiser.param_groups[0]["lr"] = SHORT.learning_rate * one_cycle(step, 6)
        optimiser.zero_grad()
        loss = drawn(peer, batch)
        loss.backward()
        nn.utils.clip_grad_norm_(peer.parameters(), 5.0)
        optimiser.step()
        losses.append(loss.item())
    assert weights(network) == weights(peer)
    assert log["loss"].tolist() == losses


def test_draws_are_asked_for_in_order_and_once() -> None:
    asked: list[int] = []

    class Numbers(DrawDataset):
        def __getitem__(self, draw: int) -> dict[str, Tensor]:
            asked.append(draw)
            return {"x": torch.zeros(1), "y": torch.zeros(1)}

    fit(nn.Linear(1, 1), squared, Numbers(0), TrainingSettings(3, 4, 0.1, seed=1))
    assert asked == list(range(12))


def test_no_data_is_told() -> None:
    with pytest.raises(FitError, match="nothing to train on"):
        trained(1, Nothing())


def test_a_loss_that_is_not_finite_names_its_step() -> None:
    calls = []

    def broken(network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        calls.append(1)
        return squared(network, batch) * (math.nan if len(calls) == 3 else 1)

    with pytest.raises(FitError, match="no longer finite at step 3; found nan"):
        fit(nn.Linear(1, 1), broken, Line(), TrainingSettings(5, 2, 0.1, seed=1))


@pytest.mark.parametrize("steps", [1, 2, 10, 1000])
def test_the_schedule_rises_to_its_peak_and_falls_to_zero(steps: int) -> None:
    rates = [one_cycle(step, steps) for step in range(steps)]
    peak = rates.index(max(rates))
    assert max(rates) == 1
    assert min(rates) > 0
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert steps < 100 or rates[-1] < 0.001


# Going on after a kill


OPTIONS = {
    "plain": SHORT,
    "refreshed": replace(SHORT, refresh_every=5),
    "refreshed between": replace(SHORT, refresh_every=7),
    "stopping": replace(SHORT, early_stopping=EarlyStopping(every=4, patience=3)),
    "frozen": replace(SHORT, frozen=("0.", "1.")),
    "adversarial": replace(SHORT, adversarial=0.1),
    "workers": replace(SHORT, workers=1, refresh_every=10, checkpoint_every=10),
}


def validation(network: nn.Module) -> float:
    """Draws from the global generator, as dropout when masks are drawn does."""
    network.eval()
    with torch.no_grad():
        noise = torch.rand(1, 1, 8, 8, 8)
        return -float(network(noise)[0, 1].mean().abs())


@pytest.mark.parametrize("settings", OPTIONS.values(), ids=OPTIONS)
def test_a_killed_training_goes_on_as_if_nothing_had_been(
    settings: TrainingSettings, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """Straight, and killed in step 14 and again in step 18: equal bytes of weights and log."""
    straight = small()
    log = fit(straight, drawn, Balls(2), settings, validation=validation)
    kept = replace(settings, checkpoints=tmp_path / "checkpoints")
    for step in (14, 8):
        with pytest.raises(KilledError):
            fit(small(), killed_at(step), Balls(2), kept, validation=validation)
    torch.rand(5)
    resumed = small()
    capsys.readouterr()
    log_resumed = fit(resumed, drawn, Balls(2), kept, validation=validation)
    assert "going on from step" in capsys.readouterr().out
    assert weights(resumed) == weights(straight)
    assert lasting(log_resumed) == lasting(log)
    assert log_resumed["seconds"].is_monotonic_increasing
    assert not (tmp_path / "checkpoints").exists()


def test_map_style_data_goes_on_in_its_permutation(tmp_path: Path) -> None:
    settings = replace(SHORT, checkpoints=tmp_path)
    seed_everything(1)
    networks = [nn.Linear(1, 1) for _ in range(3)]
    for other in networks[1:]:
        other.load_state_dict(networks[0].state_dict())
    straight = fit(networks[0], squared, Line(), replace(settings, checkpoints=None))
    with pytest.raises(KilledError):
        fit(networks[1], killed_at(13, squared), Line(), settings)
    resumed = fit(networks[2], squared, Line(), settings)
    assert weights(networks[2]) == weights(networks[0])
    assert lasting(resumed) == lasting(straight)


def test_a_training_is_not_gone_on_with_as_another(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """Another learning rate, other data, another network: each starts anew and says so."""
    with pytest.raises(KilledError):
        fit(small(), killed_at(8), Balls(2), replace(SHORT, checkpoints=tmp_path))
    other = small()
    with torch.no_grad():
        next(other.parameters()).add_(1)
    for network, data, rate in ((small(), 2, 0.06), (small(), 3, 0.05), (other, 2, 0.05)):
        kept = replace(SHORT, checkpoints=tmp_path, learning_rate=rate)
        with pytest.raises(KilledError):
            fit(network, killed_at(3), Balls(data), kept)
        assert "is of another training: starting anew" in capsys.readouterr().out


@pytest.mark.parametrize("left", [0, 100, 0.5, 0.99])
def test_a_truncated_checkpoint_is_passed_over(
    left: float, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    kept = replace(SHORT, checkpoints=tmp_path)
    with pytest.raises(KilledError):
        fit(small(), killed_at(8), Balls(2), kept)
    file = tmp_path / "last.ckpt"
    whole = file.read_bytes()
    file.write_bytes(whole[: int(left if left > 1 else left * len(whole))])
    network, straight = small(), small()
    log = fit(network, drawn, Balls(2), kept)
    said = capsys.readouterr().out
    assert "last.ckpt cannot be read" in said
    assert "starting anew" in said
    assert lasting(log) == lasting(fit(straight, drawn, Balls(2), SHORT))
    assert weights(network) == weights(straight)


def test_a_file_of_something_else_is_not_run(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """A pickle that would call a function when read: it is passed over, not called."""

    class Trap:
        def __reduce__(self) -> tuple:
            return Path.touch, (tmp_path / "sprung",)

    torch.save({"radpipe_training": Trap()}, tmp_path / "last.ckpt")
    fit(small(), drawn, Balls(2), replace(SHORT, steps=2, checkpoints=tmp_path))
    assert "cannot be read (UnpicklingError): starting anew" in capsys.readouterr().out
    assert not (tmp_path / "sprung").exists()


def test_checkpoints_are_written_only_where_asked_and_deleted_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fit(small(), drawn, Balls(1), replace(SHORT, steps=2, checkpoint_every=1))
    assert list(tmp_path.iterdir()) == []
    folder = tmp_path / "checkpoints"
    seen = []

    def look(network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        seen.append(sorted(path.name for path in folder.glob("*")))
        return drawn(network, batch)

    folder.mkdir()
    (folder / ".part-abc.ckpt").write_bytes(b"left by a kill while it was written")
    (folder / "mine.txt").write_text("not the training's")
    fit(small(), look, Balls(1), replace(SHORT, steps=3, checkpoint_every=2, checkpoints=folder))
    assert [("last.ckpt" in names) for names in seen] == [False, False, True]
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]


SCRIPT = """
import sys, torch
from pathlib import Path
sys.path.insert(0, {folder!r})
from test_networks_training import SHORT, Balls, drawn, replace, small, fit, lasting, weights
kept = replace(SHORT, steps=120, checkpoints=Path(sys.argv[1]) if len(sys.argv) > 1 else None)
network = small()
log = fit(network, drawn, Balls(2), kept)
Path(sys.argv[2] if len(sys.argv) > 2 else {straight!r}).write_bytes(
    weights(network) + lasting(log).encode()
)
"""


@pytest.mark.slow
def test_a_real_kill_wherever_it_falls(tmp_path: Path) -> None:
    """SIGKILL at some step, thrice; the last process ends with the bytes of a straight run."""
    straight, resumed = tmp_path / "straight", tmp_path / "resumed"
    folder = str(Path(__file__).parent)
    script = textwrap.dedent(SCRIPT).format(folder=folder, straight=str(straight))
    run = [sys.executable, "-c", script]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run(run, check=True, env=environment)
    run += [str(tmp_path / "checkpoints"), str(resumed)]
    for after in (2, 5, 7):
        with subprocess.Popen(run, env=environment) as process:
            _wait_for_checkpoints(tmp_path / "checkpoints" / "last.ckpt", after, process)
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
    assert (tmp_path / "checkpoints" / "last.ckpt").is_file()
    subprocess.run(run, check=True, env=environment)
    assert resumed.read_bytes() == straight.read_bytes()


def _wait_for_checkpoints(path: Path, count: int, process: subprocess.Popen) -> None:
    """Until the file was replaced `count` times."""
    seen: set[int] = set()
    while len(seen) <= count and process.poll() is None:
        if path.exists():
            seen.add(path.stat().st_mtime_ns)
        time.sleep(0.002)


# Data


def test_loader_processes_give_the_same_batches() -> None:
    """With a dataset that changes on the way: what was read ahead before that is not used."""
    found = []
    for workers in (0, 2):
        network = small()
        settings = replace(SHORT, steps=8, workers=workers, refresh_every=3)
        log = fit(network, drawn, Balls(2), settings)
        found.append((weights(network), lasting(log)))
    assert found[0] == found[1]


def test_the_dataset_is_refreshed_every_so_many_steps_and_the_network_trains_on() -> None:
    data = Balls(2)
    modes = []

    def note(network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        modes.append(all(module.training for module in network.modules()))
        return drawn(network, batch)

    fit(small(), note, data, replace(SHORT, steps=10, refresh_every=3))
    assert data.refreshed == [3, 6, 9]
    assert modes == [True] * 10


def test_processes_for_data_that_depend_on_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="only a DrawDataset"):
        fit(nn.Linear(1, 1), squared, Line(), replace(SHORT, workers=1))


def test_waiting_is_what_the_data_take() -> None:
    class Slow(Balls):
        def __getitem__(self, draw: int) -> dict[str, Tensor]:
            if draw == 4:
                time.sleep(0.3)
            return super().__getitem__(draw)

    log = fit(small(), drawn, Slow(1), replace(SHORT, steps=4, batch=2))
    assert log["waiting"].idxmax() == 2
    assert 0.3 <= log["waiting"][2] < log["seconds"][2]
    assert log["waiting"].drop(2).max() < 0.3


def test_a_dataset_may_be_asked_from_anywhere() -> None:
    """Batches that go on at step 2 are those of steps 2 and 3."""
    settings = replace(SHORT, steps=4)
    whole = [batch["image"] for batch in Batches(Balls(5), small(), settings)]
    rest = Batches(Balls(5), small(), settings)
    rest.load_state_dict({"step": 2, "dataset": {"offset": 0.0}})
    for expected, got in zip(whole[2:], rest, strict=True):
        assert torch.equal(expected, got["image"])


# Early stopping


def values(*given: float) -> Callable[[nn.Module], float]:
    remaining = list(given)
    return lambda network: remaining.pop(0)


def test_training_ends_when_it_no_longer_gains_and_keeps_the_best() -> None:
    """Values 1, 3, 2, nan every 2 steps, patience 2: ends after step 8 with weights of step 4."""
    settings = replace(SHORT, early_stopping=EarlyStopping(every=2, patience=2))
    network = small()
    log = fit(network, drawn, Balls(1), settings, validation=values(1, 3, 2, math.nan, 9))
    assert log["step"].max() == 8
    looked = log.dropna(subset="validation")
    assert looked["step"].tolist() == [2, 4, 6]
    assert looked["validation"].tolist() == [1, 3, 2]
    before: list[bytes] = []

    def note(trained_network: nn.Module) -> float:
        before.append(weights(trained_network))
        return float(len(before))

    # The same training without an end; its look number 2 sees the weights that were kept.
    fit(small(), drawn, Balls(1), settings, validation=note)
    assert weights(network) == before[1]


def test_a_gain_until_the_end_keeps_the_last_weights() -> None:
    settings = replace(SHORT, steps=7, early_stopping=EarlyStopping(every=3, patience=1))
    seen: list[bytes] = []

    def note(network: nn.Module) -> float:
        seen.append(weights(network))
        network.eval()
        return float(len(seen))

    network = small()
    log = fit(network, drawn, Balls(1), settings, validation=note)
    assert log.dropna()["step"].tolist() == [3, 6, 7]
    assert weights(network) == seen[-1]


def test_without_early_stopping_the_end_alone_is_looked_at() -> None:
    log = fit(small(), drawn, Balls(1), replace(SHORT, steps=5), validation=values(0.5))
    assert log.dropna()[["step", "validation"]].to_numpy().tolist() == [[5, 0.5]]


def test_early_stopping_needs_something_to_look_at() -> None:
    with pytest.raises(ValueError, match="needs a validation"):
        fit(small(), drawn, Balls(1), replace(SHORT, early_stopping=EarlyStopping()))


# Frozen parts


def test_frozen_tensors_and_their_statistics_stay() -> None:
    network = small()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    fit(network, drawn, Balls(1), replace(SHORT, steps=5, frozen=("0.", "1.")))
    changed = {
        n for n, tensor in network.state_dict().items() if not torch.equal(tensor, before[n])
    }
    assert changed == {"4.weight", "4.bias"}
    assert all(p.requires_grad for p in network.parameters())


def test_half_a_layer_may_be_frozen() -> None:
    network = small()
    bias = network[4].bias.clone()
    fit(network, drawn, Balls(1), replace(SHORT, steps=2, frozen=("4.bias",)))
    assert torch.equal(network[4].bias, bias)
    assert int(network[1].num_batches_tracked) == 2


def test_a_name_that_matches_nothing_is_told() -> None:
    with pytest.raises(
        ConfigError, match=r"begins like this; found 'encoder\.', expected .* '0\.weig"
    ):
        fit(small(), drawn, Balls(1), replace(SHORT, frozen=("0.", "encoder.")))
    with pytest.raises(ConfigError, match="every tensor of the network is frozen"):
        fit(small(), drawn, Balls(1), replace(SHORT, frozen=("",)))


# Adversarial training


@pytest.mark.parametrize("size", [(8, 8, 8), (4, 16, 16), (32, 32), (7, 40)])
def test_an_adversary_of_any_size_changes_what_is_learned(size: tuple[int, ...]) -> None:
    plain, against = small(len(size)), small(len(size))
    settings = replace(SHORT, steps=3)
    log = fit(plain, drawn, Balls(1, size), settings)
    log_against = fit(against, drawn, Balls(1, size), replace(settings, adversarial=0.5))
    assert log_against["loss"][0] > log["loss"][0]
    assert weights(plain) != weights(against)
    assert set(plain.state_dict()) == set(against.state_dict())


def test_an_adversary_learns_to_tell_and_the_segmenter_to_please_it() -> None:
    """Trained on masks that stay, it tells them apart; ignored voxels have no part in it."""
    seed_everything(3)
    adversary = Adversary(inputs=1, classes=2, size=(16, 16))
    data = Balls(1, (16, 16))
    items = [data[draw] for draw in range(8)]
    image, label = (torch.stack([item[k] for item in items]) for k in ("image", "label"))
    logits = torch.zeros(8, 2, 16, 16, requires_grad=True)
    first = adversary.play(image, logits, label)
    for _ in range(60):
        last = adversary.play(image, logits, label)
    assert last > first.detach() + 0.2
    label[..., :4] = 255
    logits.grad = None
    adversary.play(image, logits, label).backward()
    assert logits.grad[..., 4:].any()
    assert not logits.grad[..., :4].any()
    assert all(p.requires_grad for p in adversary.discriminator.parameters())

import hashlib
import io
import json
import pickle
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import skops.io
from modelling_cohort import SETTINGS, cohort, mixed_cohort
from sklearn.neighbors import KernelDensity

from radpipe.config import Model, Selection
from radpipe.errors import RadpipeError
from radpipe.io.files import sha256
from radpipe.modelling import bundles
from radpipe.modelling.fitting import FittedModel, fit_tabular, predict

HERE = Path(__file__).parent


def _fitted(predictor: str) -> FittedModel:
    """Blocks in an order that is not that of the alphabet: it must survive."""
    blocks, targets = mixed_cohort()
    model = Model(
        name="fusion",
        blocks=["handcrafted", "clinical"],
        predictor=predictor,
        selection=Selection(method="anova", keep=[3]),
    )
    y, patients = targets["y"].to_numpy(), targets["patient"].to_numpy()
    return fit_tabular(blocks, y, patients, model, SETTINGS)


@pytest.mark.parametrize("predictor", ["logistic", "elastic_net", "random_forest"])
def test_a_model_predicts_the_same_after_disk(predictor: str, tmp_path: Path) -> None:
    fitted = _fitted(predictor)
    blocks, _ = mixed_cohort()
    bundles.write_model(fitted, tmp_path / "model")
    assert sorted(p.name for p in (tmp_path / "model").iterdir()) == [
        "card.json",
        "inner.tsv",
        "model.skops",
        "tuning.tsv",
    ]
    read = bundles.read_model(tmp_path / "model")
    assert (predict(read, blocks) == predict(fitted, blocks)).all()
    assert (read.threshold, read.columns) == (fitted.threshold, fitted.columns)


def test_a_bundle_holds_model_context_and_hashes(tmp_path: Path) -> None:
    fitted = _fitted("logistic")
    bundles.write_model(fitted, tmp_path / "model")
    context = {"normalisation": {"method": "zscore"}, "modalities": ["T1w"]}
    written = bundles.write_bundle(tmp_path / "model", tmp_path / "m.zip", context)
    bundle = bundles.read_bundle(tmp_path / "m.zip")
    assert bundle.sha256 == written == sha256(tmp_path / "m.zip")
    assert bundle.context == context
    assert bundle.fitted.card["training_cases"] == fitted.card["training_cases"]
    blocks, _ = mixed_cohort()
    assert (predict(bundle.fitted, blocks) == predict(fitted, blocks)).all()


def test_equal_models_are_equal_bytes_in_another_process(tmp_path: Path) -> None:
    """Memory addresses and times must not reach the file."""
    bundles.write_model(_fitted("random_forest"), tmp_path / "model")
    own = bundles.write_bundle(tmp_path / "model", tmp_path / "m.zip", {"a": 1})
    code = (
        "import sys; from pathlib import Path; from test_modelling_bundles import _fitted, bundles;"
        "d = Path(sys.argv[1]); bundles.write_model(_fitted('random_forest'), d / 'model');"
        "print(bundles.write_bundle(d / 'model', d / 'm.zip', {'a': 1}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "other")],
        cwd=HERE,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == own


def test_a_foreign_type_is_not_loaded(tmp_path: Path) -> None:
    bundles.write_model(_fitted("logistic"), tmp_path)
    data = skops.io.dumps({"model": KernelDensity()})
    assert skops.io.get_untrusted_types(data=data) == []
    (tmp_path / "model.skops").write_bytes(_renamed(data))
    with pytest.raises(RadpipeError, match=r"types that are not trusted; it was not loaded"):
        bundles.read_model(tmp_path)


def _renamed(data: bytes) -> bytes:
    """A skops archive that asks for a type of another package."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w") as new:
        for name in old.namelist():
            text = old.read(name).replace(b'"KernelDensity"', b'"system"')
            new.writestr(name, text.replace(b'"sklearn.neighbors._kde"', b'"os"'))
    return stream.getvalue()


def test_damage_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(RadpipeError, match=r"holds no fitted model; expected card.json"):
        bundles.read_model(tmp_path)
    (tmp_path / "m.zip").write_bytes(b"PK no zip")
    with pytest.raises(RadpipeError, match=r"m.zip: the bundle cannot be read"):
        bundles.read_bundle(tmp_path / "m.zip")
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(RadpipeError, match=r"m.zip: the file is no bundle"):
        bundles.read_bundle(tmp_path / "m.zip")
    bundles.write_model(_fitted("logistic"), tmp_path / "model")
    (tmp_path / "model" / "model.skops").write_bytes(b"nothing")
    with pytest.raises(RadpipeError, match=r"model.skops: the model cannot be read"):
        bundles.read_model(tmp_path / "model")


def test_a_changed_card_is_noticed(tmp_path: Path) -> None:
    bundles.write_model(_fitted("logistic"), tmp_path / "model")
    bundles.write_bundle(tmp_path / "model", tmp_path / "m.zip", {})
    with zipfile.ZipFile(tmp_path / "m.zip") as archive:
        members = {n: archive.read(n) for n in archive.namelist()}
    card = json.loads(members["model/card.json"]) | {"threshold": 0.01}
    members["model/card.json"] = json.dumps(card).encode()
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with pytest.raises(RadpipeError, match=r"model/card.json in the bundle was changed"):
        bundles.read_bundle(tmp_path / "m.zip")


def test_parts_lie_where_a_study_has_them(tmp_path: Path) -> None:
    bundles.write_model(_fitted("logistic"), tmp_path / "model")
    fitted = tmp_path / "fitted"
    fitted.mkdir()
    (fitted / "classical.json").write_text("{}")
    (fitted / ".snakemake_timestamp").touch()
    (tmp_path / "plan.yaml").write_text("patch: 3")
    parts = {
        "segmenters/unet/final/plan.yaml": tmp_path / "plan.yaml",
        "segmenters/otsu/final/fitted": fitted,
    }
    written = bundles.write_bundle(tmp_path / "model", tmp_path / "m.zip", {}, parts)
    bundle = bundles.read_bundle(tmp_path / "m.zip", tmp_path / "unpacked")
    assert bundle.sha256 == written
    files = [f for f in (tmp_path / "unpacked").rglob("*") if f.is_file()]
    assert sorted(f.relative_to(tmp_path / "unpacked").as_posix() for f in files) == [
        "segmenters/otsu/final/fitted/classical.json",
        "segmenters/unet/final/plan.yaml",
    ]


def _rewritten(path: Path, **changes: bytes) -> None:
    """Change members of a bundle and its manifest too, as someone with a will would."""
    with zipfile.ZipFile(path) as archive:
        members = {n: archive.read(n) for n in archive.namelist()}
    members |= changes
    del members["manifest.json"]
    manifest = {n: hashlib.sha256(d).hexdigest() for n, d in members.items()}
    members["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


class _Marker:
    """Unpickled, it would leave a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize(
    ("member", "message"),
    [
        ("model/model.skops", "model.skops: the model cannot be read"),
        ("segmenters/unet/final/weights.pkl", "a kind that is not loaded; found segmenters/unet"),
        ("segmenters/../../evil.json", "a kind that is not loaded; found segmenters/.."),
        ("/evil.json", "a kind that is not loaded; found /evil.json"),
    ],
)
def test_a_pickle_or_a_stray_file_in_a_bundle_is_refused(
    member: str, message: str, tmp_path: Path
) -> None:
    bundles.write_model(_fitted("logistic"), tmp_path / "model")
    bundles.write_bundle(tmp_path / "model", tmp_path / "m.zip", {})
    touched = tmp_path / "touched"
    _rewritten(tmp_path / "m.zip", **{member: pickle.dumps(_Marker(touched))})
    with pytest.raises(RadpipeError, match=re.escape(message)):
        bundles.read_bundle(tmp_path / "m.zip", tmp_path / "unpacked")
    assert not touched.exists()
    pickle.loads(pickle.dumps(_Marker(touched)))
    assert touched.exists(), "the pickle of this test would not have been noticed"


def test_a_truncated_bundle_and_a_bad_context_are_noticed(tmp_path: Path) -> None:
    bundles.write_model(_fitted("logistic"), tmp_path / "model")
    bundles.write_bundle(tmp_path / "model", tmp_path / "m.zip", {})
    whole = (tmp_path / "m.zip").read_bytes()
    (tmp_path / "half.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RadpipeError, match=r"half.zip: the bundle cannot be read"):
        bundles.read_bundle(tmp_path / "half.zip")
    _rewritten(tmp_path / "m.zip", **{"context.json": b"not json"})
    with pytest.raises(RadpipeError, match=r"context.json in the bundle is no JSON"):
        bundles.read_bundle(tmp_path / "m.zip")
    assert not list(tmp_path.glob("unpacked"))


def test_cohorts_of_the_tests_are_what_they_say() -> None:
    blocks, targets = cohort(20)
    assert blocks.table.shape == (20, 30)
    assert targets["y"].sum() == 10

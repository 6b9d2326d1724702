"""A fusion of decisions in one bundle: its members, its weights, and new cases scored with both."""

import hashlib
import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from modelling_cohort import SETTINGS, mixed_cohort

from radpipe.config import Model, Study
from radpipe.errors import RadpipeError
from radpipe.io.tables import read_table, write_table
from radpipe.modelling import bundles
from radpipe.modelling.applying import apply_bundle
from radpipe.modelling.bundling import bundle_fusion, summary_of
from radpipe.modelling.fitting import FittedModel, fit_tabular
from radpipe.modelling.fusion import fit_fusion, fuse_scores
from radpipe.modelling.scoring import Sources

STUDY = Study.model_validate(
    {
        "study": "given",
        "cases": "cases.tsv",
        "outcome": {"column": "high_grade"},
        "features": {"table": "features.tsv", "clinical": ["age", "sex"]},
    }
)
MEMBERS = {"texture": "handcrafted", "history": "clinical"}
FUSION = Model(name="joined", predictor="weighted", of=list(MEMBERS))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like that of a study: models, their bundles, the tables they are read from."""
    folder = tmp_path_factory.mktemp("study")
    seen, targets = mixed_cohort()
    y, patients = targets["y"].to_numpy(), targets["patient"]
    fitted: dict[str, FittedModel] = {}
    for name, block in MEMBERS.items():
        kept = {c: b for c, b in seen.block_of.items() if b == block}
        model = Model(name=name, blocks=[block], predictor="logistic")
        blocks = type(seen)(seen.table[list(kept)], kept)
        fitted[name] = fit_tabular(blocks, y, patients, model, SETTINGS)
        bundles.write_model(fitted[name], folder / "models" / name / "final")
    inner = {name: one.inner for name, one in fitted.items() if one.inner is not None}
    bundles.write_model(
        fit_fusion(inner, targets[["patient"]], y, FUSION, SETTINGS),
        folder / "models/joined/final",
    )
    clinical = seen.table[["age", "sex"]].reset_index()
    clinical = clinical.assign(site="A", patient=list(patients), cohort="development")
    write_table(clinical, folder / "clinical.tsv")
    write_table(seen.table.drop(columns=["age", "sex"]).reset_index(), folder / "features.parquet")
    bundled(folder)
    return folder


def bundled(folder: Path) -> str:
    sources = Sources(
        clinical=folder / "clinical.tsv",
        columns=["age", "sex"],
        features=folder / "features.parquet",
    )
    tables = read_table(folder / "clinical.tsv"), read_table(folder / "features.parquet")
    context = {"study": STUDY.model_dump(mode="json", exclude={"cases", "models"})}
    settings = {
        name: Model(name=name, blocks=[block], predictor="logistic").model_dump(mode="json")
        for name, block in MEMBERS.items()
    }
    for name in MEMBERS:
        own = folder / "models" / name / "final"
        summary = summary_of(own, sources, *tables, ["age", "sex"])
        alone = context | {"model": settings[name], "summary": summary}
        bundles.write_bundle(own, folder / f"{name}.zip", alone)
    return bundle_fusion(
        folder / "models",
        folder / "joined.zip",
        context | {"model": FUSION.model_dump(mode="json"), "versions": {"radpipe": "0.0"}},
        {name: (settings[name], sources) for name in MEMBERS},
        tables,
        {},
    )


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """Five new cases: the sheet, and their features."""
    random = np.random.default_rng(1)
    columns = [c for c in mixed_cohort()[0].table if c not in ("age", "sex")]
    features = pd.DataFrame(random.normal(size=(5, 30)), columns=columns)
    features.insert(0, "case", [f"n{i}" for i in range(5)])
    sheet = features[["case"]].assign(
        site="A", age=[41, 52, 63, 74, 45], sex=["male", "female"] * 2 + ["male"]
    )
    sheet.to_csv(tmp_path / "cases.tsv", sep="\t", index=False)
    features.to_csv(tmp_path / "features.csv", index=False)
    return tmp_path


def scored(study: Path, new: Path, model: str, work: str = "work") -> pd.DataFrame:
    given = new / "features.csv" if model != "history" else None
    return apply_bundle(
        study / f"{model}.zip", new / "cases.tsv", new / work / model, features=given
    ).table


def test_a_fusion_scores_what_its_members_and_the_weights_say(study: Path, new: Path) -> None:
    """As the rules do it: each member's bundle scores all cases, then the tables are fused."""
    tables = []
    for name in MEMBERS:
        write_table(scored(study, new, name), new / f"{name}.tsv")
        tables.append(read_table(new / f"{name}.tsv"))
    expected = fuse_scores(study / "models/joined", ["final"], tables).set_index("case")
    found = scored(study, new, "joined").set_index("case")
    assert list(found["status"]) == ["ok"] * 5
    assert found["model"].unique().tolist() == ["joined"]
    assert found["y_prob"].tolist() == expected["y_prob"].tolist()
    assert found["threshold"].tolist() == expected["threshold"].tolist()
    assert list(found["called"]) == list((found["y_prob"] >= found["threshold"]).astype(int))
    assert found["y_prob"].nunique() == 5


def test_a_case_is_fused_by_itself_as_among_others(study: Path, new: Path) -> None:
    """Guardrail G03."""
    together = scored(study, new, "joined")
    sheet = pd.read_csv(new / "cases.tsv", sep="\t")
    for row in (0, 3):
        sheet.iloc[[row]].to_csv(new / "cases.tsv", sep="\t", index=False)
        alone = scored(study, new, "joined", f"alone{row}")
        pd.testing.assert_frame_equal(alone, together.iloc[[row]].reset_index(drop=True))


def test_what_any_member_finds_strange_is_said_once(study: Path, new: Path) -> None:
    sheet = pd.read_csv(new / "cases.tsv", sep="\t").astype(object)
    sheet.loc[0, ["site", "age"]] = ["B", 95]
    sheet["patient"] = ["q0", "p003", "q2", "q3", "q4"]
    sheet.to_csv(new / "cases.tsv", sep="\t", index=False)
    features = pd.read_csv(new / "features.csv")
    features.loc[0, "T1w__original__firstorder__F0"] = 99
    features.to_csv(new / "features.csv", index=False)
    warnings = scored(study, new, "joined")["warnings"]
    assert warnings[0].count("site 'B' is none of the training") == 1
    assert "age 95 (30 to 80)" in warnings[0]
    assert "F0 99" in warnings[0]
    assert warnings[1].startswith("patient 'p003' was in the training")


def test_the_bundle_is_the_same_again_and_holds_nothing_but_its_members(study: Path) -> None:
    before = (study / "joined.zip").read_bytes()
    assert bundled(study) == hashlib.sha256(before).hexdigest()
    read = bundles.read_bundle(study / "joined.zip")
    assert list(read.members) == list(read.models) == list(MEMBERS)
    assert read.fitted.card["of"] == list(MEMBERS)
    with zipfile.ZipFile(study / "joined.zip") as archive:
        names = set(archive.namelist())
    assert {"members/texture/model.skops", "members/history/model.skops"} <= names
    assert not [name for name in names if name.startswith("model/") and "skops" in name]
    assert list(bundles.read_bundle(study / "texture.zip").models) == ["texture"]


def test_site_alone_scores_cases_of_unknown_sites_and_without_one(tmp_path: Path) -> None:
    """Sites that read as numbers are names all the same."""
    seen, targets = mixed_cohort()
    y, patients = targets["y"].to_numpy(), list(targets["patient"])
    clinical = pd.DataFrame({"case": seen.table.index, "patient": patients})
    clinical = clinical.assign(site=np.where(y == 1, "1", "2"), cohort="development")
    clinical.loc[::4, "site"] = "3"
    write_table(clinical, tmp_path / "clinical.tsv")
    sources = Sources(clinical=tmp_path / "clinical.tsv")
    model = Model(name="site", blocks=["site"], predictor="logistic")
    shown = sources.blocks(["site"], "final")
    fitted = fit_tabular(shown, y, patients, model, SETTINGS)
    bundles.write_model(fitted, tmp_path / "site")
    table = read_table(tmp_path / "clinical.tsv")
    context = {
        "study": STUDY.model_dump(mode="json", exclude={"cases", "models"}),
        "model": model.model_dump(mode="json"),
        "summary": summary_of(tmp_path / "site", sources, table, None, []),
    }
    bundles.write_bundle(tmp_path / "site", tmp_path / "site.zip", context)
    new = pd.DataFrame({"case": ["a", "b", "c", "d"], "site": ["1", "2", "elsewhere", ""]})
    new.to_csv(tmp_path / "new.tsv", sep="\t", index=False)
    found = apply_bundle(tmp_path / "site.zip", tmp_path / "new.tsv", tmp_path / "work").table
    assert found["status"].tolist() == ["ok"] * 4
    assert found["y_prob"][0] > found["y_prob"][2] == found["y_prob"][3] > found["y_prob"][1]
    assert found["warnings"].tolist()[:2] == ["", ""]
    assert "site 'elsewhere' is none of the training (training: 1, 2, 3)" in found["warnings"][2]
    assert "the site is not named" in found["warnings"][3]
    new.drop(columns="site").to_csv(tmp_path / "new.tsv", sep="\t", index=False)
    without = apply_bundle(tmp_path / "site.zip", tmp_path / "new.tsv", tmp_path / "work").table
    assert set(without["y_prob"]) == {found["y_prob"][3]}


@pytest.mark.parametrize(
    ("removed", "added", "message"),
    [
        ("members/history/", "", r"not those that it joins; found \['texture'\]"),
        ("", "members/third/", r"found \['history', 'texture', 'third'\]"),
        ("", "members/../evil/", "a kind that is not loaded; found members/.."),
    ],
)
def test_members_that_are_not_those_of_the_fusion_are_refused(
    study: Path, tmp_path: Path, removed: str, added: str, message: str
) -> None:
    """Whoever rewrites the manifest as well cannot take a member away or bring one in."""
    with zipfile.ZipFile(study / "joined.zip") as archive:
        content = {n: archive.read(n) for n in archive.namelist()}
    texture = {n: d for n, d in content.items() if n.startswith("members/texture/")}
    if added:
        content |= {n.replace("members/texture/", added): d for n, d in texture.items()}
    content = {n: d for n, d in content.items() if not removed or not n.startswith(removed)}
    del content["manifest.json"]
    manifest = {n: hashlib.sha256(d).hexdigest() for n, d in content.items()}
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        for name, data in (content | {"manifest.json": json.dumps(manifest).encode()}).items():
            archive.writestr(name, data)
    with pytest.raises(RadpipeError, match=message):
        bundles.read_bundle(tmp_path / "m.zip")

"""What a result was made from is written down, and changes when it changes."""

import pandas as pd
import pytest

from radpipe import provenance
from radpipe.config import load_study
from radpipe.io.files import sha256
from radpipe.io.sheet import CaseSheet
from radpipe.provenance import code_hash, study_provenance, versions


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A library of two packages and a module."""
    for name in ("imaging/filters.py", "features/shape.py", "config.py"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"# {name}")
    monkeypatch.setattr(provenance, "SOURCE", tmp_path)
    code_hash.cache_clear()
    yield tmp_path
    code_hash.cache_clear()


def test_edit_changes_the_hash_of_its_package_only(library):
    before = code_hash("imaging"), code_hash("features"), code_hash("imaging", "features")
    (library / "imaging" / "filters.py").write_text("# edited")
    code_hash.cache_clear()
    after = code_hash("imaging"), code_hash("features"), code_hash("imaging", "features")
    assert [a == b for a, b in zip(after, before, strict=True)] == [False, True, False]


def test_compiled_files_do_not_count(library):
    before = code_hash("imaging")
    (library / "imaging" / "__pycache__").mkdir()
    (library / "imaging" / "__pycache__" / "filters.pyc").write_text("x")
    code_hash.cache_clear()
    assert code_hash("imaging") == before


def test_order_of_modules_does_not_matter(library):
    assert code_hash("imaging", "config") == code_hash("config", "imaging")


def test_single_modules_of_the_library_have_a_hash():
    assert len(code_hash("io.checks")) == 12
    assert code_hash("io.checks") != code_hash("io")


def test_unknown_module(library):
    with pytest.raises(ValueError, match="no package or module 'imagin'"):
        code_hash("imagin")


def test_versions_name_what_is_missing(monkeypatch):
    monkeypatch.setattr(provenance, "DEPENDENCIES", ("numpy", "no-such-library"))
    found = versions()
    assert found["no-such-library"] == "not installed"
    assert found["numpy"][0].isdigit()
    assert {"python", "radpipe"} <= set(found)


def test_study_provenance(tmp_path):
    (tmp_path / "cases.tsv").write_text("case\timage_CT\nc1\tc1.nii.gz\n")
    (tmp_path / "c1.nii.gz").write_bytes(b"voxels")
    study = load_study(
        {"study": "s", "cases": str(tmp_path / "cases.tsv"), "images": {"modalities": ["CT"]}}
    )
    table = pd.DataFrame({"case": ["c1"], "image_CT": ["c1.nii.gz"]})
    sheet = CaseSheet(table, tmp_path / "cases.tsv", None, ("CT",))
    record = study_provenance(study, sheet, [tmp_path / "c1.nii.gz"])
    assert record["inputs"] == {"c1.nii.gz": sha256(tmp_path / "c1.nii.gz")}
    assert record["sheet_sha256"] == sha256(tmp_path / "cases.tsv")
    assert record["settings"]["splits"]["folds"] == 5
    assert record["code"]["imaging"] == code_hash("imaging")
    assert record["cases"] == 1

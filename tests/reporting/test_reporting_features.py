"""The chapters on features and on their stability, from tables of a few rows."""

from pathlib import Path

import numpy as np
import pandas as pd
import report_study

from radpipe.config import Handcrafted, Study
from radpipe.features.presets import feature_settings
from radpipe.io.tables import write_table
from radpipe.reporting.context import Context, make_context
from radpipe.reporting.document import Callout, Table, plain, texts_of
from radpipe.reporting.figures.stability import stability_panels
from radpipe.reporting.inputs import ReportInputs
from radpipe.reporting.sections.features import describe_handcrafted, features
from radpipe.reporting.sections.stability import stability

NAMES = [f"T1w__original__{c}__F{i}" for c in ("firstorder", "glcm") for i in range(12)]


def make_study() -> Study:
    return report_study.make_study(
        features={
            "handcrafted": {"preset": {"T1w": "t1"}, "regions": ["whole", "ring"]},
            "stability": {"perturbations": ["noise", "contour"], "repeats": 3, "retest": "visit"},
        },
        models=[],
        outcome=None,
    )


def context_of(folder: Path, tables: dict[str, pd.DataFrame]) -> Context:
    for name, table in tables.items():
        write_table(table, folder / f"{name}.tsv")
    inputs = ReportInputs(tables={name: folder / f"{name}.tsv" for name in tables})
    return make_context(make_study(), inputs)


def stability_rows() -> pd.DataFrame:
    """Two sources; the features fall evenly from excellent to poor, one is unknown."""
    values = np.linspace(0.99, -0.4, len(NAMES))
    classes = ["excellent"] * 2 + ["good"] * 2 + ["moderate"] * 4 + ["poor"] * 15 + [np.nan]
    rows = pd.DataFrame({"feature": NAMES, "icc": values, "class": classes})
    rows = rows.assign(ci_low=rows["icc"] - 0.1, ci_high=rows["icc"] + 0.05, n=20, k=4)
    rows.loc[len(rows) - 1, ["icc", "ci_low", "ci_high"]] = np.nan
    rows["icc_form"] = "icc1"
    return pd.concat([rows.assign(source=s) for s in ("noise+contour", "retest")])


def test_stability_counts_classes_and_names_both_ends(tmp_path: Path) -> None:
    section = stability(context_of(tmp_path, {"stability": stability_rows()}))
    assert section is not None
    text = " ".join(plain(t) for block in section.blocks for t in texts_of(block))
    assert "measured again 3 times" in text
    assert "ICC(1,1)" in text
    counts, ranking, *_ = [block for block in section.blocks if isinstance(block, Table)]
    assert counts.rows == (
        ("firstorder", "2", "2", "4", "4", "0", "12"),
        ("glcm", "0", "0", "0", "11", "1", "12"),
    )
    assert ranking.rows[0] == ("1", NAMES[0], "0.990\n(0.890 to 1.040)", "excellent")
    assert ranking.rows[-1][0] == "23"
    assert len(ranking.rows) == 16


def test_no_stability_no_chapter(tmp_path: Path) -> None:
    assert stability(context_of(tmp_path, {})) is None
    assert stability_panels(stability_rows().assign(icc=np.nan)) is None


def test_a_panel_a_source() -> None:
    figure = stability_panels(stability_rows())
    assert figure is not None
    assert [axis.get_title() for axis in figure.axes] == ["noise, contour", "retest"]
    assert len(figure.axes[0].lines[-1].get_xdata()) == 23


def test_settings_have_reasons_and_warnings_are_counted(tmp_path: Path) -> None:
    warnings = pd.DataFrame(
        [
            ("a", "T1w", "original", "whole", "few_bins", "3 bins", "8 to 256"),
            ("a", "T1w", "log_sigma_3mm", "whole", "few_bins", "5 bins", "8 to 256"),
            ("b", "T1w", "original", "whole", "few_bins", "6 bins", "8 to 256"),
            ("b", "mask", "original", "ring", "few_voxels", "20 voxels", "at least 64"),
        ],
        columns=["case", "modality", "image_type", "region", "warning", "found", "expected"],
    )
    values = pd.DataFrame({"case": list("abc"), "T1w__original__glcm__Idm": [1.0, 2.0, 3.0]})
    handcrafted = Handcrafted(preset={"T1w": "t1"})
    tables = {
        "features": values,
        "feature_warnings": warnings,
        "feature_settings": feature_settings(["T1w"], handcrafted),
    }
    section = features(context_of(tmp_path, tables))
    assert section is not None
    (callout,) = [block for block in section.blocks if isinstance(block, Callout)]
    assert callout.text.startswith("In 2 of 3 cases some features")
    shown = [block for block in section.blocks if isinstance(block, Table)]
    reasons = next(t for t in shown if "Settings of the handcrafted" in t.caption)
    assert any(row[1] == "bin count" and "no unit" in row[3] for row in reasons.rows)
    collapsed = next(t for t in shown if "collapse" in t.caption)
    assert collapsed.rows == (
        ("fewer than 8 grey levels", "T1w", "whole", "original, log_sigma_3mm", "2"),
        ("fewer than 64 voxels", "mask", "ring", "original", "1"),
    )


def test_the_methods_name_regions_bins_and_presets() -> None:
    text = describe_handcrafted(
        Handcrafted(
            image_types=["original", "lbp2d", "square_root"],
            regions=["whole", "rim", "ring"],
            preset={"CT": "ct", "PET": "pet_suv"},
            bin_width={"PET": [0.25, 0.5]},
            dimension="2.5d",
        )
    )
    assert "on original, local binary pattern (2-D) and square root images" in text
    assert "bins of width 0.25, 0.5 (`PET`), bins of width 25 (`CT`) and 32 bins elsewhere" in text
    assert "the whole mask, its rim (up to 3 mm deep) and a ring around it (up to 5 mm)" in text
    assert "Presets were `ct` for `CT` and `pet_suv` for `PET`" in text
    assert "counted in 2.5D" in text

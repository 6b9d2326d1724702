"""The certificate as a page of Markdown."""

import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version

import pandas as pd

import radpipe
from radpipe.features.ibsi.sarcomas import CONSENSUS_COLUMNS

VERSIONS = ("pyradiomics", "SimpleITK", "numpy", "scipy", "scikit-image")
"""Packages that values depend on."""

CONFIGURATION_NAMES = {
    "digital": "digital phantom",
    "A": "CT phantom, A (2D, 25 HU)",
    "B": "CT phantom, B (2D, 32 bins)",
    "C": "CT phantom, C (3D, 25 HU)",
    "D": "CT phantom, D (3D, 32 bins)",
}

INTRODUCTION = """# IBSI certificate

Written by `radpipe certify`. Every feature of IBSI-1 (Zwanenburg et al., Radiology 2020;295:328)
is measured on the phantoms of the initiative and compared with its consensus value. `radpipe` is
the implementation in `radpipe.features.ibsi`, which covers the whole of IBSI-1; `pyradiomics` is
what the extraction of a study computes with pyradiomics, given the same resampled, rounded,
re-segmented and discretised image. No value is compared with one that
pyradiomics produced.

A value is *within* if it differs from the reference by no more than the tolerance, or by half a
unit of the reference's third digit where that is more (references are published with three
digits). Moran's I and Geary's C are exact, by FFT; the oriented box is the smallest with a face on
a face of the convex hull."""


def certificate_page(
    certificate: pd.DataFrame, comparison: pd.DataFrame | None, deviations: Iterable[str]
) -> str:
    """The page: summary, known deviations, agreement with other teams, and every value.

    Args:
        certificate: what `radpipe.features.certificate.certify` gives.
        comparison: what `sarcomas.compare_with_teams` gives, if it was made.
        deviations: a sentence for each known difference from the standard.
    """
    parts = [INTRODUCTION, versions_line(), "## Summary", summary_table(certificate)]
    parts += ["## Outside the tolerance", _listed(deviations)]
    if comparison is not None:
        parts += ["## Agreement with nine teams", *_teams_part(comparison)]
    parts += ["## Every value", *_value_parts(certificate)]
    return "\n\n".join(parts) + "\n"


def versions_line() -> str:
    """What the values were computed with."""
    packages = ", ".join(f"{name} {version(name)}" for name in VERSIONS)
    return f"radpipe {radpipe.__version__}, Python {platform.python_version()}, {packages}."


def summary_table(certificate: pd.DataFrame) -> str:
    """How many values are within, outside or without a reference, by configuration."""
    rows = []
    for configuration, name in CONFIGURATION_NAMES.items():
        for implementation in ("radpipe", "pyradiomics"):
            chosen = certificate[
                (certificate["configuration"] == configuration)
                & (certificate["implementation"] == implementation)
            ]
            if len(chosen):
                counts = chosen["verdict"].value_counts()
                verdicts = [counts.get(v, 0) for v in ("within", "outside", "no reference")]
                rows.append((name, implementation, *verdicts))
    return markdown_table(
        ("configuration", "implementation", "within", "outside", "no reference"), rows
    )


def teams_table(comparison: pd.DataFrame) -> str:
    """How many features with a consensus of the teams a value agrees with, by modality."""
    rows = []
    for (modality, implementation), part in comparison.groupby(["modality", "implementation"]):
        cells = [str(modality), str(implementation)]
        for consensus, agrees in CONSENSUS_COLUMNS.values():
            agreeing = part.loc[part[consensus], agrees]
            cells += [f"{agreeing.sum()} of {len(agreeing)}", f"{agreeing.mean():.2%}"]
        rows.append(cells)
    header = ["modality", "implementation"]
    for teams in CONSENSUS_COLUMNS:
        header += [teams, "share"]
    return markdown_table(header, rows)


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table of Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _listed(sentences: Iterable[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences) or "Nothing."


def _teams_part(comparison: pd.DataFrame) -> list[str]:
    differing = comparison[comparison["consensus"] & ~comparison["agrees"]]
    text = (
        "Three soft-tissue sarcomas of the validation set of IBSI-1 (STS, CT, PET and MR of each;\n"
        "Vallières 2015, CC BY 3.0). A feature has a consensus where at least three teams gave it\n"
        "and most of them lie within 1 % of their median; a value agrees if it is within 1 % of\n"
        "that median. Without the team that used pyradiomics (eight teams), pyradiomics cannot be\n"
        "its own witness. Diagnostic features are left out: the images are cropped."
    )
    rows = [
        (
            f"{row.patient} {row.modality}",
            f"{row.family} {row.feature}",
            row.implementation,
            f"{row.value:.5g}",
            f"{row.median:.5g}",
            row.teams,
        )
        for row in differing.itertuples()
    ]
    header = ("image", "feature", "implementation", "value", "median", "teams")
    listed = ["Features with a consensus that differ:", markdown_table(header, rows)]
    return [text, teams_table(comparison), *(listed if rows else [])]


def _value_parts(certificate: pd.DataFrame) -> list[str]:
    """A folded table for each configuration and family."""
    parts = []
    for (configuration, family), rows in certificate.groupby(
        ["configuration", "family"], sort=False
    ):
        title = f"{CONFIGURATION_NAMES[str(configuration)]}: {family}"
        parts.append(f"<details><summary>{title}</summary>\n\n{_values(rows)}\n\n</details>")
    return parts


def _values(rows: pd.DataFrame) -> str:
    keys = ["aggregation", "feature", "ibsi_code"]
    lines = []
    for (aggregation, feature, code), pair in rows.groupby(keys, sort=False):
        found = {row.implementation: f"{row.value:.6g}" for row in pair.itertuples()}
        first = pair.iloc[0]
        reference = "" if pd.isna(first["reference"]) else f"{first['reference']:.10g}"
        tolerance = "" if pd.isna(first["tolerance"]) else f"{first['tolerance']:.10g}"
        verdict = "; ".join(dict.fromkeys(pair["verdict"]))
        own, other = found.get("radpipe", ""), found.get("pyradiomics", "")
        lines.append((aggregation, feature, code, own, other, reference, tolerance, verdict))
    return markdown_table(
        ("aggregation", "feature", "code", "radpipe", "pyradiomics", "reference", "±", "verdict"),
        lines,
    )

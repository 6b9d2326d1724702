"""The certificate: every feature of IBSI-1 against the reference values of its phantoms.

Each reference value is compared with radpipe's own implementation and, where pyradiomics offers
the feature, with that of radpipe's extraction (pyradiomics) fed with the same IBSI image. The
digital phantom is part of the package; the CT phantom (configurations A to D) and the sarcomas of
nine teams are measured where their files are given. The values are never compared with values that
pyradiomics itself produced.
"""

import dataclasses
import math
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import SimpleITK as sitk

from radpipe.features.ibsi.diagnostics import diagnostics
from radpipe.features.ibsi.measurement import FeatureValues, Processing, measure, prepare
from radpipe.features.ibsi.page import (
    certificate_page,
    summary_table,
    teams_table,
    versions_line,
)
from radpipe.features.ibsi.phantoms import (
    CONFIGURATIONS,
    CT_PHANTOM,
    DIGITAL,
    ct_phantom,
    digital_phantom,
)
from radpipe.features.ibsi.pyradiomics_values import CodedValues, pyradiomics_values
from radpipe.features.ibsi.sarcomas import TEAMS_FILE, agreement_shares, compare_with_teams
from radpipe.io.files import write_text
from radpipe.io.tables import write_table

RADPIPE, PYRADIOMICS = "radpipe", "pyradiomics"
WITHIN, OUTSIDE, NO_REFERENCE = "within", "outside", "no reference"

SIGNIFICANT_DIGITS = 3
"""IBSI publishes its values with three significant digits (counts in full)."""

CERTIFICATE_COLUMNS = (
    "configuration",
    "family",
    "aggregation",
    "feature",
    "ibsi_code",
    "implementation",
    "value",
    "reference",
    "tolerance",
    "consensus",
    "verdict",
    "reason",
)


LEAST_AGREEMENT = 0.95
"""Share of the features with a consensus of other teams in which each implementation must agree."""


@dataclasses.dataclass(frozen=True)
class Certificate:
    """What was measured.

    Attributes:
        values: `CERTIFICATE_COLUMNS`, one row a reference value and implementation.
        comparison: with nine teams, `sarcomas.COMPARISON_COLUMNS`; None without the data.
    """

    values: pd.DataFrame
    comparison: pd.DataFrame | None

    @property
    def passed(self) -> bool:
        """Whether nothing is outside without a known reason, and the teams are agreed with."""
        shares = [] if self.comparison is None else agreement_shares(self.comparison).values()
        return unexplained(self.values).empty and all(share >= LEAST_AGREEMENT for share in shares)

    def summary(self) -> str:
        """A few lines for the terminal: counts, what is outside and why, the share of agreement."""
        lines = [versions_line(), summary_table(self.values)]
        row: Any
        for row in self.values[self.values["verdict"] == OUTSIDE].itertuples():
            place = f"{row.configuration} {row.family} {row.aggregation} {row.feature}"
            reason = row.reason or "no known reason"
            lines.append(f"outside: {row.implementation} {place}: {row.value:.6g}, {reason}")
        if self.comparison is not None:
            lines.append(teams_table(self.comparison))
            for (implementation, teams), share in agreement_shares(self.comparison).items():
                lines.append(f"{implementation} agrees with {teams} in {share:.2%}")
        return "\n".join(lines)


class Deviation(NamedTuple):
    """A known difference from the standard: which values, and why."""

    implementation: str
    configuration: str
    family: str
    features: tuple[str, ...]
    reason: str


DEVIATIONS = (
    Deviation(
        PYRADIOMICS,
        "digital",
        "morphology",
        ("MinorAxisLength", "LeastAxisLength"),
        "pyradiomics divides second moments by n, the consensus by n - 1 (74 voxels: 0.7 %)",
    ),
)


@cache
def reference_values() -> pd.DataFrame:
    """IBSI's consensus values, one row a configuration and feature.

    `value` and `tolerance` are NaN where IBSI reached no consensus. Source: Zwanenburg et al.,
    Radiology 2020;295:328 and the compliance spreadsheet of IBSI-1, CC BY 4.0. The codes of the
    percentiles of the histogram and of small zone emphasis, where the spreadsheet has those of a
    neighbour or of the family, and five that it leaves out are those of the reference manual.
    """
    table = files("radpipe.features").joinpath("data", "ibsi_reference.csv")
    with table.open(encoding="utf-8") as stream:
        return pd.read_csv(
            stream, keep_default_na=False, na_values={"value": [""], "tolerance": [""]}
        )


def make_certificate(data: Path | None = None) -> Certificate:
    """Measure the phantoms and, where the data are given, the sarcomas.

    Args:
        data: a folder of test data (`ibsi`, `sts_subset`); what it does not hold is left out.
    """
    comparison = None
    if data is not None and (data / TEAMS_FILE).is_file():
        references = reference_values()
        places = references[references["family"] != "diagnostics"]
        comparison = compare_with_teams(data, places)
    return Certificate(certify(data), comparison)


def write_certificate(certificate: Certificate, folder: Path) -> None:
    """Archive as `ibsi.md` (everything), `ibsi.tsv` (values), `ibsi_teams.tsv` (comparison)."""
    sentences = [
        f"{d.implementation}, {d.configuration}: {', '.join(d.features)}: {d.reason}."
        for d in DEVIATIONS
    ]
    sentences += [
        f"{row.implementation}, {row.configuration}: {row.feature}: not explained."
        for row in unexplained(certificate.values).itertuples()
    ]
    page = certificate_page(certificate.values, certificate.comparison, sentences)
    write_text(page, folder / "ibsi.md")
    write_table(certificate.values, folder / "ibsi.tsv")
    if certificate.comparison is not None:
        write_table(certificate.comparison, folder / "ibsi_teams.tsv")


def certify(data: Path | None = None) -> pd.DataFrame:
    """The certificate's values, `CERTIFICATE_COLUMNS`.

    Args:
        data: a folder of test data; configurations A to D are left out without it, or if it does
            not hold the CT phantom.

    Returns:
        One row a reference value and implementation, in the order of the reference.
    """
    rows = list(_certified("digital", *digital_phantom(), DIGITAL))
    if data is not None and (data / CT_PHANTOM).is_dir():
        image, mask = ct_phantom(data)
        for configuration, processing in CONFIGURATIONS.items():
            rows += _certified(configuration, image, mask, processing)
    return pd.DataFrame(rows, columns=list(CERTIFICATE_COLUMNS))


def verdict_of(value: float, reference: float, tolerance: float) -> str:
    """Whether a value lies within the tolerance of its reference.

    The reference was rounded to three significant digits (counts are given in full), so half of
    its last digit is allowed where the tolerance is smaller.
    """
    if math.isnan(reference):
        return NO_REFERENCE
    allowed = max(tolerance, _half_of_last_digit(reference))
    # Six digits more than IBSI gives: the sum of two decimal fractions is not exact.
    return WITHIN if abs(value - reference) <= allowed * (1 + 1e-6) else OUTSIDE


def unexplained(certificate: pd.DataFrame) -> pd.DataFrame:
    """Rows outside the tolerance for which no reason is known."""
    return certificate[(certificate["verdict"] == OUTSIDE) & (certificate["reason"] == "")]


def _certified(
    configuration: str, image: sitk.Image, mask: sitk.Image, processing: Processing
) -> Iterator[tuple[object, ...]]:
    """The rows of one configuration, in the order of the reference."""
    prepared = prepare(image, mask, processing)
    found: FeatureValues = {**diagnostics(image, mask, prepared), **measure(prepared)}
    if configuration == "digital":
        # The phantom has both dimensions; what they share is the same.
        flat = prepare(image, mask, dataclasses.replace(processing, dimension="2D"))
        found |= measure(flat)
        coded: CodedValues = {**pyradiomics_values(prepared), **pyradiomics_values(flat)}
    else:
        coded = pyradiomics_values(prepared)
    table = reference_values()
    row: Any
    for row in table[table["configuration"] == configuration].itertuples():
        yield _row(row, RADPIPE, found[row.family, row.aggregation][row.feature])
        other = coded.get((row.family, row.aggregation, row.ibsi_code))
        if other is not None:
            yield _row(row, PYRADIOMICS, other)


def _row(reference: Any, implementation: str, value: float) -> tuple[object, ...]:
    verdict = verdict_of(value, reference.value, reference.tolerance)
    return (
        reference.configuration,
        reference.family,
        reference.aggregation,
        reference.feature,
        reference.ibsi_code,
        implementation,
        value,
        reference.value,
        reference.tolerance,
        reference.consensus,
        verdict,
        _reason(reference, implementation) if verdict == OUTSIDE else "",
    )


def _reason(reference: Any, implementation: str) -> str:
    for deviation in DEVIATIONS:
        if (
            deviation.implementation == implementation
            and deviation.configuration == reference.configuration
            and deviation.family == reference.family
            and reference.feature in deviation.features
        ):
            return deviation.reason
    return ""


def _half_of_last_digit(reference: float) -> float:
    """Half a unit of the last digit that a reference value is given with."""
    if reference == 0.0:
        return 0.0
    written = len(f"{abs(reference):.10g}".replace(".", "").strip("0"))
    digits = max(SIGNIFICANT_DIGITS, written)
    return 0.5 * 10.0 ** (math.floor(math.log10(abs(reference))) + 1 - digits)

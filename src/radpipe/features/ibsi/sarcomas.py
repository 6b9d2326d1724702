"""Agreement with nine independent teams on sarcomas of the validation set of IBSI-1.

The teams published the features of CT, PET and MR of each patient; their processing is that of
`PROCESSING`. A feature has a consensus where most of the teams that gave it lie within 1 % of their
median.
"""

from pathlib import Path

import pandas as pd

from radpipe.features.ibsi.measurement import FeatureValues, Processing, measure, prepare
from radpipe.features.ibsi.pyradiomics_values import CodedValues, pyradiomics_values
from radpipe.io.images import read_image

TEAMS_FILE = Path("sts_subset", "ibsi1_validation_features_3patients.csv.gz")
"""Features of the teams, in a folder of test data."""

IMAGES = Path("sts_subset", "nifti")

OTHER_TEAMS = (
    "brest_macha",
    "cardiff",
    "cerr",
    "mcgill",
    "moffitt",
    "oncoray",
    "umcg_beukinga",
    "umcg_pfaehler",
)
"""The teams that did not use pyradiomics: a value of pyradiomics must not be its own witness."""

AGREEMENT = 0.01
"""Relative distance to the median within which values agree."""

FEWEST_TEAMS = 3
"""A median of fewer teams is no consensus, however near they are to each other."""

PROCESSING = {
    "CT": Processing(
        spacing_mm=(1.0, 1.0, 1.0),
        interpolation="cubic",
        rounding=True,
        limits=(-200.0, 200.0),
        bin_width=10.0,
    ),
    "PET": Processing(
        spacing_mm=(3.0, 3.0, 3.0),
        interpolation="cubic",
        limits=(0.0, None),
        bin_width=0.25,
        ivh_scale="continuous",
        ivh_step=0.1,
    ),
    "MR_T1": Processing(
        spacing_mm=(1.0, 1.0, 1.0),
        interpolation="cubic",
        limits=(0.0, None),
        bin_width=10.0,
        ivh_scale="continuous",
    ),
}
"""How the teams treated each modality; the intensity-volume histograms are read off their values:
HU as they are, 0.1 SUV and 1 unit of MR at the centres of bins."""

COMPARISON_COLUMNS = (
    "patient",
    "modality",
    "family",
    "aggregation",
    "feature",
    "implementation",
    "value",
    "median",
    "teams",
    "teams_within",
    "consensus",
    "agrees",
    "consensus_of_others",
    "agrees_with_others",
)

CONSENSUS_COLUMNS = {
    "nine teams": ("consensus", "agrees"),
    "eight teams": ("consensus_of_others", "agrees_with_others"),
}
"""Columns that tell of a consensus and of agreement with it: of all teams, and without that of
pyradiomics."""


def compare_with_teams(data: Path, places: pd.DataFrame) -> pd.DataFrame:
    """Radpipe's features of the patients beside the median of the teams.

    Args:
        data: the folder of test data.
        places: where each tag of the teams is among the features: `tag`, `family`, `aggregation`,
            `feature`, `ibsi_code`. Tags that are not listed are left out.

    Returns:
        `COMPARISON_COLUMNS`, one row a patient, modality, feature and implementation. `teams`
        gave the feature, `teams_within` of them within 1 % of the `median`; `consensus` says
        whether that is most of them, and `agrees` whether the value is within 1 % too. The last
        two columns say the same of the eight teams that did not use pyradiomics.
    """
    where = places.drop_duplicates("tag")[["tag", "family", "aggregation", "feature", "ibsi_code"]]
    teams = pd.read_csv(data / TEAMS_FILE).merge(where, on="tag", how="inner")
    teams = teams.rename(
        columns={"id": "patient", "n_teams": "teams", "n_within_1pct": "teams_within"}
    )
    parts = []
    for (patient, modality), listed in teams.groupby(["patient", "modality"], sort=True):
        own, extracted = _measured(data / IMAGES / str(patient), str(modality))
        keys = zip(listed["family"], listed["aggregation"], listed["feature"], strict=True)
        found = [own[family, aggregation][feature] for family, aggregation, feature in keys]
        parts.append(listed.assign(implementation="radpipe", value=found))
        coded = zip(listed["family"], listed["aggregation"], listed["ibsi_code"], strict=True)
        others = [extracted.get(key, float("nan")) for key in coded]
        offered = listed.assign(implementation="pyradiomics", value=others)
        parts.append(offered.dropna(subset=["value"]))
    return _with_verdicts(pd.concat(parts, ignore_index=True))[list(COMPARISON_COLUMNS)]


def agreement_shares(comparison: pd.DataFrame) -> dict[tuple[str, str], float]:
    """The share of features with a consensus that a value agrees with.

    Returns:
        By implementation and by whose consensus it is (`nine teams`, `eight teams`).
    """
    shares = {}
    for implementation, part in comparison.groupby("implementation"):
        for teams, (consensus, agrees) in CONSENSUS_COLUMNS.items():
            shares[str(implementation), teams] = float(part.loc[part[consensus], agrees].mean())
    return shares


def _with_verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the columns of `CONSENSUS_COLUMNS`, from the values of the teams."""
    by_others = table[list(OTHER_TEAMS)]
    median = by_others.median(axis=1)
    apart = by_others.sub(median, axis=0).abs()
    within = apart.le(AGREEMENT * median.abs(), axis=0).sum(axis=1)
    given = by_others.notna().sum(axis=1)
    everyone = table["median"], table["teams"], table["teams_within"]
    witnesses = {"nine teams": everyone, "eight teams": (median, given, within)}
    verdicts: dict[str, pd.Series] = {}
    for teams, columns in CONSENSUS_COLUMNS.items():
        judged = _judged(table["value"], *witnesses[teams])
        verdicts |= dict(zip(columns, judged, strict=True))
    return table.assign(**verdicts)


def _judged(
    value: pd.Series, median: pd.Series, teams: pd.Series, within: pd.Series
) -> tuple[pd.Series, pd.Series]:
    """Whether the teams have a consensus, and whether the value is near its median."""
    consensus = (within > teams / 2) & (teams >= FEWEST_TEAMS)
    return consensus, (value - median).abs() <= AGREEMENT * median.abs()


def _measured(folder: Path, modality: str) -> tuple[FeatureValues, CodedValues]:
    """Every feature of one image of one patient, radpipe's own and those of the extraction."""
    case = f"{folder.name} {modality}"
    image = read_image(folder / f"{modality}_image.nii.gz", case=case)
    mask = read_image(folder / f"{modality}_mask.nii.gz", case=case)
    prepared = prepare(image, mask, PROCESSING[modality])
    return measure(prepared), pyradiomics_values(prepared)

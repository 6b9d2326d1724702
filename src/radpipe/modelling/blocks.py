"""What a model sees of each case: named blocks of columns in one table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from radpipe.config import SITE
from radpipe.errors import CaseError, ConfigError
from radpipe.features.dictionary import VOLUME_COLUMN
from radpipe.types import DEVELOPMENT

LOG_VOLUME = "volume__log_mm3"


@dataclass(frozen=True)
class Blocks:
    """The columns of some cases and the block each belongs to.

    Attributes:
        table: indexed by case; numbers as float, categories as text, NaN where missing.
        block_of: name of the block of each column.
    """

    table: pd.DataFrame
    block_of: dict[str, str]

    def rows(self, cases: Sequence[str]) -> "Blocks":
        """The same columns for some of the cases, in the order given.

        Raises:
            CaseError: a case is not in the table.
        """
        _check_present(self.table.index, cases, "the table of features")
        return Blocks(self.table.loc[list(cases)], self.block_of)


def assemble(
    blocks: Sequence[str],
    cases: pd.DataFrame,
    features: pd.DataFrame | None,
    embeddings: Mapping[str, pd.DataFrame],
    clinical: Sequence[str],
    carried: Sequence[str] = (),
) -> Blocks:
    """Put the blocks that a model asks for side by side.

    Args:
        blocks: `volume`, `clinical`, `site`, `handcrafted` or names of encoders, in the order
            wanted.
        cases: the case table; its rows are the rows of the result.
        features: the handcrafted features with a column `case`; needed by `volume` and
            `handcrafted`.
        embeddings: for each encoder the table `case, <encoder>__e000 …` of one fold.
        clinical: the columns of the case table that are features. One is numeric if every value
            of the development cohort that is not missing is a number, else it holds categories.
        carried: columns of the case table that belong to no block but are needed beside them: the
            batch and the covariates of ComBat.

    Raises:
        ConfigError: a block cannot be made from what is given, or two blocks share a column.
        CaseError: a case has no row in a table.
    """
    parts: dict[str, pd.DataFrame] = {}
    index = pd.Index(cases["case"].astype(str), name="case")
    for block in blocks:
        if block == "clinical":
            parts[block] = _clinical(cases, clinical, index)
        elif block == SITE:
            # A name, even where all names are numbers.
            parts[block] = as_categories(cases[SITE]).to_frame().set_axis(index)
        elif block in ("volume", "handcrafted"):
            if features is None:
                raise ConfigError(f"block '{block}' needs the table of handcrafted features")
            table = _numbers(features, index, "the table of handcrafted features")
            parts[block] = _log_volume(table) if block == "volume" else table
        elif block in embeddings:
            parts[block] = _numbers(embeddings[block], index, f"the embedding '{block}'")
        else:
            known = ", ".join(["volume", "clinical", SITE, "handcrafted", *embeddings])
            raise ConfigError("unknown block", found=f"'{block}'", expected=known)
    block_of = _owners(parts)
    beside = _clinical(cases, [c for c in carried if c not in block_of], index)
    return Blocks(pd.concat([*parts.values(), beside], axis=1), block_of)


def is_numeric(values: pd.Series) -> bool:
    """Whether every value that is not missing reads as a number."""
    present = values[_present(values)]
    return bool(pd.to_numeric(present, errors="coerce").notna().all())


def as_numbers(values: pd.Series) -> pd.Series:
    """As float; what is no number is missing."""
    return pd.to_numeric(values, errors="coerce").astype(float)


def as_categories(values: pd.Series) -> pd.Series:
    """As text without outer blanks; missing is NaN."""
    text = values.astype(str).str.strip().astype(object)
    return text.where(_present(values), np.nan)


def _present(values: pd.Series) -> pd.Series:
    return values.notna() & (values.astype(str).str.strip() != "")


def _clinical(cases: pd.DataFrame, columns: Sequence[str], index: pd.Index) -> pd.DataFrame:
    developed = cases["cohort"] == DEVELOPMENT
    table = {}
    for column in columns:
        if column not in cases:
            raise ConfigError(
                f"the config names '{column}', which is no column of the case sheet",
                expected=", ".join(map(str, cases.columns)),
            )
        values = cases[column]
        # New cases that are scored alone have no development cohort beside them.
        numeric = is_numeric(values[developed] if developed.any() else values)
        table[column] = (as_numbers(values) if numeric else as_categories(values)).to_numpy()
    return pd.DataFrame(table, index=index)


def _numbers(table: pd.DataFrame, index: pd.Index, name: str) -> pd.DataFrame:
    """The numeric columns of a feature table for the cases of `index`."""
    table = table.set_index(table["case"].astype(str)).drop(columns="case")
    _check_present(table.index, index, name)
    return table.loc[index].select_dtypes("number").astype(float).rename_axis("case")


def _log_volume(features: pd.DataFrame) -> pd.DataFrame:
    if VOLUME_COLUMN not in features:
        raise ConfigError(
            f"block 'volume' needs the column {VOLUME_COLUMN} in the table of features",
            hint="features.handcrafted must be on",
        )
    volume = features[VOLUME_COLUMN]
    # The mesh of a mask of single voxels may enclose nothing: such a volume is missing, not -inf.
    return np.log(volume.where(volume > 0)).to_frame(LOG_VOLUME)


def _check_present(known: pd.Index, cases: Iterable[str], name: str) -> None:
    missing = [case for case in cases if case not in known]
    if missing:
        raise CaseError(
            f"the case has no row in {name}",
            case=missing[0],
            found=f"{len(missing)} such cases",
            expected="one row a case",
        )


def _owners(parts: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    block_of: dict[str, str] = {}
    for block, table in parts.items():
        for column in table.columns:
            if column in block_of:
                raise ConfigError(
                    f"column '{column}' is in block '{block_of[column]}' and in block '{block}'"
                )
            block_of[column] = block
    return block_of

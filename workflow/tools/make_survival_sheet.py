"""Write the case sheets and feature tables of three public survival studies.

    python workflow/tools/make_survival_sheet.py --data FOLDER --out survival

FOLDER holds `stats/scikit-survival/{veteran,GBSG2,whas500}.arff` (as scikit-survival ships them);
by default it is RADPIPE_TEST_DATA. Each study gets `<out>/<study>/cases.tsv` with the outcome and
all categories, and `<out>/<study>/features.tsv` with all numbers.
"""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from scipy.io import arff

from radpipe.io.tables import write_table


@dataclass(frozen=True)
class Source:
    """Where a study comes from and how its columns are named there.

    Attributes:
        file: name of the ARFF file without its end.
        time: column of the follow-up, in days.
        event: column that tells events from censoring, and its value at an event.
        late: columns that are known only after the time from which the follow-up is counted.
    """

    file: str
    time: str
    event: tuple[str, str]
    late: tuple[str, ...] = ()


STUDIES = {
    "veteran": Source("veteran", "Survival_in_days", ("Status", "dead")),
    "gbsg2": Source("GBSG2", "time", ("cens", "1")),
    # Follow-up begins at admission; how long a patient then stays is cut short by death.
    "whas500": Source("whas500", "lenfol", ("fstat", "1"), late=("los",)),
}


def study_tables(folder: Path, study: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The case sheet and the feature table of a study.

    Args:
        folder: holds the ARFF files.
        study: a key of `STUDIES`.

    Returns:
        `case, patient, days, event` (1 at an event) and the categories; `case` and the numbers.
    """
    source = STUDIES[study]
    records, _ = arff.loadarff(folder / f"{source.file}.arff")
    table = pd.DataFrame(records)
    for category in table.select_dtypes("object"):
        table[category] = table[category].str.decode("utf-8")
    column, value = source.event
    cases = [f"{study}_{number:03d}" for number in range(1, len(table) + 1)]
    sheet = pd.DataFrame(
        {
            "case": cases,
            "patient": cases,
            "days": table[source.time].astype(int),
            "event": (table[column] == value).astype(int),
        }
    )
    inputs = table.drop(columns=[source.time, column, *source.late]).rename(columns=str.lower)
    numbers = inputs.select_dtypes("number")
    sheet = pd.concat([sheet, inputs.drop(columns=numbers.columns)], axis=1)
    return sheet, pd.concat([sheet[["case"]], numbers], axis=1)


def main() -> None:
    """Read the arguments and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.environ.get("RADPIPE_TEST_DATA"), help="data folder")
    parser.add_argument("--out", default="survival", help="folder to write into")
    arguments = parser.parse_args()
    if not arguments.data:
        parser.error("name the data folder with --data or in RADPIPE_TEST_DATA")
    folder = Path(arguments.data).resolve() / "stats" / "scikit-survival"
    if not folder.is_dir():
        parser.error(f"{folder} does not exist")
    for study in STUDIES:
        sheet, features = study_tables(folder, study)
        write_table(sheet, Path(arguments.out) / study / "cases.tsv")
        write_table(features, Path(arguments.out) / study / "features.tsv")
        print(f"{study}: {len(sheet)} cases, {sheet['event'].sum()} events")


if __name__ == "__main__":
    main()

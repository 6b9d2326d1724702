"""Write the case sheet of the soft-tissue sarcomas (CT, PET, T1 MR; Vallières et al. 2015).

    python workflow/tools/make_sts_sheet.py --data FOLDER --out sts/cases.tsv

FOLDER holds `sts_subset/nifti/<patient>` and `outcome.csv`; by default it is RADPIPE_TEST_DATA.
"""

import argparse
import os
from pathlib import Path

import pandas as pd

from radpipe.io.tables import write_table

FILES = {"CT": "CT", "PET": "PET", "T1": "MR_T1"}
"""Name of each modality in the sheet and in the files."""


def case_sheet(folder: Path) -> pd.DataFrame:
    """One row a patient with a known outcome; paths are absolute."""
    outcome = pd.read_csv(folder / "outcome.csv", dtype={"patient": str})
    sheet = pd.DataFrame({"case": outcome["patient"], "patient": outcome["patient"]})
    for kind in ("image", "mask"):
        for modality, stem in FILES.items():
            sheet[f"{kind}_{modality}"] = [
                folder / "nifti" / patient / f"{stem}_{kind}.nii.gz" for patient in sheet["patient"]
            ]
    return sheet.assign(lung_metastasis=outcome["lung_metastasis"]).sort_values("case")


def main() -> None:
    """Read the arguments and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.environ.get("RADPIPE_TEST_DATA"), help="data folder")
    parser.add_argument("--out", default="sts/cases.tsv", help="sheet to write")
    arguments = parser.parse_args()
    if not arguments.data:
        parser.error("name the data folder with --data or in RADPIPE_TEST_DATA")
    folder = Path(arguments.data).resolve() / "sts_subset"
    if not (folder / "outcome.csv").is_file():
        parser.error(f"{folder / 'outcome.csv'} does not exist")
    sheet = case_sheet(folder)
    write_table(sheet, arguments.out)
    print(f"{len(sheet)} cases in {arguments.out}")


if __name__ == "__main__":
    main()

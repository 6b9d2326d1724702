"""Write the case sheet of the Medical Segmentation Decathlon's hippocampus task.

    python workflow/tools/make_hippocampus_sheet.py --data FOLDER --out hippocampus/cases.tsv

FOLDER holds `msd_hippocampus/imagesTr` and `labelsTr`; by default it is RADPIPE_TEST_DATA.
"""

import argparse
import os
from pathlib import Path

import pandas as pd

from radpipe.io.tables import write_table


def case_sheet(folder: Path) -> pd.DataFrame:
    """One row an image that has a label map; paths are absolute."""
    images = sorted((folder / "imagesTr").glob("hippocampus_*.nii.gz"))
    rows = []
    for image in images:
        mask = folder / "labelsTr" / image.name
        name = image.name.removesuffix(".nii.gz")
        if mask.is_file():
            rows.append({"case": name, "patient": name, "image_T1w": image, "mask": mask})
    return pd.DataFrame(rows, columns=["case", "patient", "image_T1w", "mask"])


def main() -> None:
    """Read the arguments and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.environ.get("RADPIPE_TEST_DATA"), help="data folder")
    parser.add_argument("--out", default="hippocampus/cases.tsv", help="sheet to write")
    arguments = parser.parse_args()
    if not arguments.data:
        parser.error("name the data folder with --data or in RADPIPE_TEST_DATA")
    folder = Path(arguments.data).resolve() / "msd_hippocampus"
    sheet = case_sheet(folder)
    if sheet.empty:
        parser.error(f"{folder} holds no imagesTr/hippocampus_*.nii.gz with a label map")
    write_table(sheet, arguments.out)
    print(f"{len(sheet)} cases in {arguments.out}")


if __name__ == "__main__":
    main()

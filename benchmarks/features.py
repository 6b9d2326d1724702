"""Are handcrafted features those of pyradiomics, and how much sooner are they there?

pyradiomics (on the whole image, and cropped before with a padding that keeps its values) and
radpipe measure the same cases in the same run, each in a process of its own on one core: the
original image, LoG images of 1 to 5 mm and eight wavelet bands, 1,316 features.

    python benchmarks/features.py --data ../shared/data

Scans of CT size are cases in a grid of 512 x 512 x 100 voxels, mirrored beyond their borders. A
full run writes docs/benchmarks/features.md; `--page` writes it again from the table of that run.
`--collection` measures in place of that how the tables of many cases become one (simulated cases of
three modalities), and writes its part of the page.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import SimpleITK as sitk
from features_parts.collection import MODALITIES, simulate
from features_parts.measure import METHODS

from radpipe.io.tables import read_table, write_table
from radpipe.logs import THREAD_VARIABLES

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "features.tsv"
COLLECTION = ROOT / "benchmarks" / "results" / "features_collection.tsv"
PAGE = ROOT / "docs" / "benchmarks" / "features.md"
SCAN = (100, 512, 512)
"""Voxels (z, y, x) of a CT."""

TOLERANCE = 1e-6
"""Relative, to values of at least 1e-4: what should be zero may be 1e-10."""

GOALS = {"ct": 10.0, "mr": 3.0}
"""How many times sooner than pyradiomics on the whole image."""

MEMORY_GOAL = 1.25
"""All filters together may take that many times the memory of one, beyond the bare packages."""

COHORTS = (100, 300, 1000)
"""Simulated cases that are collected; the last fill a row group."""

GROWTH_GOAL = 1.25
"""The largest cohort may take that many times the memory of the one before it, beyond packages,
for three times the cases; only the footers and row groups of Parquet files grow with them."""


@dataclass(frozen=True)
class Case:
    """What is measured: a kind (`ct`, `mr`), its files, and whether it is placed in a scan."""

    name: str
    kind: str
    image: str
    mask: str
    placed: bool


CASES = (
    Case(
        *("sarcoma STS_008, CT", "ct", "sts_subset/nifti/STS_008/CT_image.nii.gz"),
        *("sts_subset/nifti/STS_008/CT_mask.nii.gz", True),
    ),
    Case(
        *("brain1 in a scan of CT size", "ct", "pyradiomics/data/brain1_image.nrrd"),
        *("pyradiomics/data/brain1_label.nrrd", True),
    ),
    Case(
        *("brain1, MR", "mr", "pyradiomics/data/brain1_image.nrrd"),
        *("pyradiomics/data/brain1_label.nrrd", False),
    ),
    Case(
        *("brain2, MR", "mr", "pyradiomics/data/brain2_image.nrrd"),
        *("pyradiomics/data/brain2_label.nrrd", False),
    ),
)


def main() -> int:
    args = parse()
    if args.collection:
        collected = pd.DataFrame(collections(COHORTS[:1] if args.quick else COHORTS))
        print("\n".join(collection_summary(collected)))
        if args.quick:
            return 0
        write_table(collected, COLLECTION)
    if args.page or args.collection:
        rows = read_table(RESULT)
    else:
        if args.data is None or not args.data.is_dir():
            print("benchmarks/features.py: neither --data nor RADPIPE_TEST_DATA names the data")
            return 1
        cases = CASES[-1:] if args.quick else CASES
        rows = pd.DataFrame([row for case in cases for row in measured(case, args.data)])
    failures = verdicts(rows) + collection_verdicts()
    print("\n".join(summary(rows)))
    print("\n".join(failures) or "every value is equal and every goal is reached")
    if args.quick:
        return 0
    write_table(rows, RESULT)
    PAGE.write_text(page(rows, failures), encoding="utf-8")
    return 1 if failures else 0


def measured(case: Case, data: Path) -> Iterator[dict[str, object]]:
    """A row a method: seconds, memory, and the largest difference to the whole image's values."""
    with tempfile.TemporaryDirectory() as folder:
        image, mask, size = prepared(case, data, Path(folder))
        whole: dict[str, float] = {}
        for method in METHODS:
            print(f"{case.name}: {method}", flush=True)
            found = run(method, case.kind, image, mask, Path(folder) / "result.json")
            values = found.pop("values")
            whole = whole or values
            yield {
                "case": case.name,
                "kind": case.kind,
                "voxels": size[0],
                "region_voxels": size[1],
                "method": method,
                **found,
                "features": len(values),
                "difference": difference(values, whole),
            }


def prepared(case: Case, data: Path, folder: Path) -> tuple[Path, Path, tuple[int, int]]:
    """The case as two uncompressed files, and how many voxels scan and region have."""
    image = sitk.ReadImage(str(data / case.image), sitk.sitkFloat32)
    mask = sitk.Cast(sitk.ReadImage(str(data / case.mask)) > 0, sitk.sitkUInt8)
    if case.placed:
        image, mask = placed(image, "symmetric"), placed(mask, "constant")
    files = folder / "image.nrrd", folder / "mask.nrrd"
    for each, file in zip((image, mask), files, strict=True):
        sitk.WriteImage(each, str(file))
    region = int(sitk.GetArrayFromImage(mask).sum())
    return *files, (image.GetNumberOfPixels(), region)


def placed(image: sitk.Image, mode: str) -> sitk.Image:
    """The image in the middle of a scan of its voxel size."""
    array = sitk.GetArrayFromImage(image)
    room = [(have - n) // 2 for n, have in zip(array.shape, SCAN, strict=True)]
    margins = [
        (before, have - n - before) for before, n, have in zip(room, array.shape, SCAN, strict=True)
    ]
    scan = sitk.GetImageFromArray(np.pad(array, margins, mode=mode))  # type: ignore[call-overload]
    scan.SetSpacing(image.GetSpacing())
    return scan


def run(method: str, kind: str, image: Path, mask: Path, result: Path) -> dict:
    script = Path(__file__).parent / "features_parts" / "measure.py"
    one_thread = dict.fromkeys(THREAD_VARIABLES, "1")
    command = [sys.executable, str(script), method, kind, str(image), str(mask), str(result)]
    subprocess.run(command, check=True, env=os.environ | one_thread)
    return json.loads(result.read_text(encoding="utf-8"))


def collections(cohorts: tuple[int, ...]) -> Iterator[dict[str, object]]:
    """A row a cohort: cases, columns, seconds and memory of its collection."""
    with tempfile.TemporaryDirectory() as folder:
        simulate(Path(folder), max(cohorts))
        for cases in cohorts:
            print(f"collecting {cases} cases", flush=True)
            result = Path(folder) / "result.json"
            command = [sys.executable, "-m", "features_parts.collection", str(cases), folder]
            subprocess.run(
                [*command, str(result)],
                check=True,
                cwd=Path(__file__).parent,
                env=os.environ | dict.fromkeys(THREAD_VARIABLES, "1"),
            )
            yield json.loads(result.read_text(encoding="utf-8"))


def collection_verdicts() -> list[str]:
    """Whether memory grew with the cohort, where that was measured."""
    if not COLLECTION.is_file():
        return []
    rows = read_table(COLLECTION)
    before, last = rows["grown_mb"].iloc[-2:]
    growth = last / before
    if growth <= GROWTH_GOAL:
        return []
    return [f"FAILED collection: {growth:.2f} times the memory for {rows['cases'].iloc[-1]} cases"]


def collection_summary(rows: pd.DataFrame) -> list[str]:
    """The table of the collection as Markdown."""
    lines = [
        "| cases | columns | cpu s | cpu s a case | wall s | peak MB | MB beyond packages |",
        "|---|---|---|---|---|---|---|",
    ]
    return lines + [
        f"| {row.cases:,} | {row.columns:,} | {row.cpu_s:.1f} | {row.cpu_s / row.cases:.3f} "
        f"| {row.wall_s:.1f} | {row.peak_mb:.0f} | {row.grown_mb:.0f} |"
        for row in rows.itertuples()
    ]


def difference(values: dict[str, float], whole: dict[str, float]) -> float:
    """The largest relative difference; infinite if a value is missing on one side."""
    worst = 0.0
    for name, value in values.items():
        other = whole.get(name, np.nan)
        apart = abs(value - other) / max(abs(other), 1e-4)
        worst = max(worst, np.inf if np.isnan(apart) else apart)
    return worst


def ratios(rows: pd.DataFrame) -> pd.DataFrame:
    """A row a case: cpu seconds of pyradiomics over those of radpipe, and radpipe's memory."""
    cpu = rows.pivot(index="case", columns="method", values="cpu_s")
    grown = rows.pivot(index="case", columns="method", values="grown_mb")
    apart = rows.pivot(index="case", columns="method", values="difference")
    return pd.DataFrame(
        {
            "kind": rows.groupby("case")["kind"].first(),
            "whole": cpu["default"] / cpu["radpipe"],
            "precrop": cpu["precrop"] / cpu["radpipe"],
            "memory": grown["radpipe"] / grown["one filter"],
            "difference": apart["radpipe"],
        }
    ).loc[rows["case"].unique()]


def verdicts(rows: pd.DataFrame) -> list[str]:
    """What fell short, a line each."""
    failures = []
    for case in ratios(rows).itertuples():
        goal = GOALS[case.kind]
        checks = (
            (case.difference <= TOLERANCE, f"values differ by {case.difference:.1e}"),
            (case.whole >= goal, f"{case.whole:.1f} times faster, {goal:g} wanted"),
            (case.precrop >= 1, f"slower than preCrop ({case.precrop:.2f} times faster)"),
            (case.memory <= MEMORY_GOAL, f"{case.memory:.2f} times the memory of one filter"),
        )
        failures += [f"FAILED {case.Index}: {text}" for passed, text in checks if not passed]
    return failures


def summary(rows: pd.DataFrame) -> list[str]:
    """The table as Markdown."""
    lines = [
        "| case | voxels | in the region | extractor | cpu s | wall s | peak MB "
        "| MB beyond packages | largest difference | cpu of pyradiomics over radpipe |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    cpu = rows.pivot(index="case", columns="method", values="cpu_s")
    names = {
        "default": "pyradiomics",
        "precrop": "pyradiomics, preCrop + 60 mm",
        "radpipe": "radpipe",
        "one filter": "radpipe, LoG 5 mm alone",
    }
    for row in rows.itertuples():
        times = row.cpu_s / cpu.loc[row.case, "radpipe"]
        ratio = "" if row.method == "one filter" else f"{times:.1f}"
        lines.append(
            f"| {row.case} | {row.voxels:,} | {row.region_voxels:,} | {names[row.method]} "
            f"| {row.cpu_s:.2f} | {row.wall_s:.2f} | {row.peak_mb:.0f} "
            f"| {row.grown_mb:.0f} | {row.difference:.1e} | {ratio} |"
        )
    return lines


def page(rows: pd.DataFrame, failures: list[str]) -> str:
    verdict = "\n".join(f"- {line}" for line in failures) or "Every goal was reached in this run."
    return f"""# Handcrafted features: speed and equality

Written by `benchmarks/features.py`. {__doc__.split(chr(10) * 2)[1]}

Cases of CT size are placed in a grid of 512 × 512 × 100 voxels and mirrored beyond their borders.
Seconds include reading the files and leave out importing packages; each row is a process of its
own. The difference is the largest relative one, over all features, to pyradiomics on the whole
image (below 1e-4 in absolute value: relative to 1e-4).

{chr(10).join(summary(rows))}

Goals: values equal to {TOLERANCE:g}; at least {GOALS["ct"]:g} times faster than pyradiomics at CT
size and {GOALS["mr"]:g} times on brain MR; never slower than `preCrop` with the padding that keeps
the values; memory with all filters, beyond what the imported packages take, at most
{MEMORY_GOAL:g} times that with one.

{verdict}
{collection_part()}"""


def collection_part() -> str:
    """The part of the page on many cases; empty as long as it was not measured."""
    if not COLLECTION.is_file():
        return ""
    lines = chr(10).join(collection_summary(read_table(COLLECTION)))
    return f"""
## Many cases

The tables of simulated cases ({len(MODALITIES)} modalities, default image types, region and two
controls) put together as rule `collect_features` does it, each row in a process of its own
(`--collection`).

{lines}

Some cases are read at a time, and a row group of 1,024 or more is held. Goal: the largest cohort
takes at most {GROWTH_GOAL:g} times the memory of the one before it, beyond what the imported
packages take.
"""


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    data = os.environ.get("RADPIPE_TEST_DATA")
    parser.add_argument("--data", type=Path, default=data and Path(data), help="the test data")
    parser.add_argument("--quick", action="store_true", help="one small case, no verdict, no page")
    parser.add_argument(
        "--collection", action="store_true", help="only collect the tables of simulated cases"
    )
    parser.add_argument("--page", action="store_true", help="only write the page from the table")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

"""Collect the tables of a simulated cohort in a process of its own: seconds, peak memory.

Run by benchmarks/features.py: `python -m features_parts.collection CASES FOLDER RESULT`. The tables
are of random numbers in the columns, the rows (the region and two controls) and the format in which
rule `extract_features` writes them, for three modalities and the default image types.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from features_parts.measure import peak_mb

from radpipe.config import Handcrafted
from radpipe.features.collection import Collected, collect_features, collect_status
from radpipe.features.dictionary import feature_columns, feature_dictionary
from radpipe.features.table import DISPLACED, KEYS, ROI, SHUFFLED
from radpipe.io.tables import write_table

MODALITIES = ("CT", "PET", "T1w")
SETTINGS = Handcrafted()


def main() -> None:
    count, folder, result = int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
    paths = [folder / f"{case}.parquet" for case in case_names(count)]
    before_mb = peak_mb()
    wall, cpu = time.perf_counter(), time.process_time()
    out = Collected(*(folder / name for name in ("f.parquet", "f.tsv.gz", "c.parquet")))
    columns = collect_features(paths, out)
    write_table(collect_status(paths), folder / "status.tsv")
    write_table(feature_dictionary(columns, SETTINGS), folder / "dictionary.tsv")
    found = {
        "cases": count,
        "columns": len(columns),
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.perf_counter() - wall,
        "peak_mb": peak_mb(),
        "grown_mb": peak_mb() - before_mb,
    }
    result.write_text(json.dumps(found), encoding="utf-8")


def case_names(count: int) -> list[str]:
    return [f"case{number:05d}" for number in range(count)]


def simulate(folder: Path, count: int) -> None:
    """Write the table of each case, as `io.tables.write_table` does."""
    columns = feature_columns(MODALITIES, SETTINGS)
    rng = np.random.default_rng(0)
    variants = [ROI, SHUFFLED, DISPLACED]
    values = pd.DataFrame(rng.normal(size=(len(variants), len(columns))), columns=columns)
    keys = pd.DataFrame({"case": "", "variant": variants, "status": "ok"}, columns=KEYS)
    table = pa.Table.from_pandas(pd.concat([keys, values], axis=1), preserve_index=False)
    table = table.replace_schema_metadata(None)
    for case in case_names(count):
        named = table.set_column(0, "case", pa.array([case] * len(variants)))
        first = rng.normal(size=len(variants))
        named = named.set_column(len(KEYS), columns[0], pa.array(first))
        path = folder / f"{case}.parquet"
        pq.write_table(
            named, path, use_dictionary=False, write_statistics=False, store_schema=False
        )


if __name__ == "__main__":
    main()

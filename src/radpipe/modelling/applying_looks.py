"""How often an external cohort was looked at (guardrail G16)."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from radpipe.io.tables import read_table, write_table

COLUMNS = ["look", "bundle_sha256", "cases_sha256", "n"]


def record_look(ledger: str | Path, bundle_sha256: str, cases: Iterable[str]) -> int:
    """Note that cases are scored with a bundle; call before their outcome is read.

    The same bundle on the same cases gives the same scores and is no new look. Another model that
    is tried on the cases is one: whoever keeps the best of several looks has no external cohort.

    Args:
        ledger: `look, bundle_sha256, cases_sha256, n`; a line is added to it.
        bundle_sha256: of the bundle.
        cases: names of the cases.

    Returns:
        The number of looks so far, this one included.
    """
    names = sorted(cases)
    cohort = hashlib.sha256("\n".join(names).encode()).hexdigest()
    known = read_table(ledger) if Path(ledger).is_file() else pd.DataFrame(columns=COLUMNS)
    same = (known["bundle_sha256"] == bundle_sha256) & (known["cases_sha256"] == cohort)
    if same.any():
        return len(known)
    look = len(known) + 1
    row = pd.DataFrame([[look, bundle_sha256, cohort, len(names)]], columns=COLUMNS)
    table = row if known.empty else pd.concat([known, row], ignore_index=True)
    write_table(table, ledger)
    return look

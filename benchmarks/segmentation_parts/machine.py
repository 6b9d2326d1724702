"""On what the benchmark ran."""

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import torch

from radpipe.io.tables import write_table
from segmentation_parts.options import Options


def write_machine(options: Options) -> None:
    """The table `machine.tsv`: `what, value`, with the settings of the last run."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    facts = {
        "date": time.strftime("%Y-%m-%d"),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "processes": options.jobs,
        "gpu": gpu,
        "python": platform.python_version(),
        **{name: version(name) for name in ("radpipe", "torch", "monai")},
    }
    table = pd.DataFrame({"what": list(facts), "value": [str(value) for value in facts.values()]})
    write_table(table, options.results / "machine.tsv")


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()

"""Give back to configparser what pyradiomics 3.0.1 asks of it while it is built.

Python 3.12 took away `SafeConfigParser` and `readfp`, which the versioneer of pyradiomics' setup.py
still calls. This folder is put on PYTHONPATH for that one build and never installed.
"""

import configparser
from collections.abc import Iterable


class SafeConfigParser(configparser.ConfigParser):
    """The parser of Python 3.11 and before."""

    def readfp(self, fp: Iterable[str], filename: str | None = None) -> None:
        """Read lines from an open file; now called `read_file`."""
        self.read_file(fp, filename)


if not hasattr(configparser, "SafeConfigParser"):
    configparser.SafeConfigParser = SafeConfigParser  # type: ignore[attr-defined]

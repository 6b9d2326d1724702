"""Grey levels: bins of a fixed width or in a fixed number, as pyradiomics makes them.

One region may be discretised in several ways in one pass; the name of the bins then stands in the
image type of a column (`original_bw25`, `original_bc32`).
"""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from radpipe.config import Handcrafted
from radpipe.errors import ConfigError
from radpipe.types import Labels, Vector

BINS_SUFFIX = re.compile(r"_(bw[0-9p]+|bc[0-9]+)$")
"""The end of an image type that names its bins."""


@dataclass(frozen=True)
class Bins:
    """A width in units of the intensity, or a number of bins; the other one is None."""

    width: float | None
    count: int | None

    def __str__(self) -> str:
        """The name in a column: `bw25`, `bw0p25`, `bc32`."""
        if self.width is not None:
            number = np.format_float_positional(self.width, trim="-")
            return f"bw{number}".replace(".", "p")
        return f"bc{self.count}"

    @property
    def setting(self) -> str:
        """The name in the config, with its value."""
        return f"bin_width {self.width:g}" if self.width else f"bin_count {self.count}"

    def number(self, values: Vector) -> float:
        """How many bins the values would fill, about, before any is made."""
        if self.count is not None:
            return float(self.count)
        return (float(values.max()) - float(values.min())) / float(self.width or 1)

    def levels(self, values: Vector, origin: float | None = None) -> Labels:
        """The level of each value, from 1.

        Args:
            values: intensities of the region, shape (n,); their precision decides on which side
                of an edge they fall, so it is left as it is.
            origin: with a width, the lower edge of level 1 in every case (IBSI, after
                re-segmentation); None as in pyradiomics: edges are multiples of the width and the
                lowest filled bin is level 1.
        """
        if self.width is not None and origin is not None:
            return np.floor((values - origin) / self.width).astype(np.int64) + 1
        return np.digitize(values, self._edges(values))

    def _edges(self, values: Vector) -> Any:
        if self.count is not None:
            edges = np.histogram_bin_edges(values, self.count)
            # The last bin is closed, or the maximum would have a level of its own.
            edges[-1] += 1
            return edges
        low, width = values.min(), float(self.width or 1)
        return np.arange(low - (low % width), values.max() + 2 * width, width)


def bins_of(modality: str, settings: Handcrafted) -> list[Bins]:
    """Every discretisation of a modality; the same for all its image types.

    A bin width wins over a single bin number; a list of bin numbers is used beside it.

    Raises:
        ConfigError: neither is set for this modality.
    """
    width = settings.bin_width
    if isinstance(width, dict):
        width = width.get(modality)
    widths = width if isinstance(width, list) else [] if width is None else [width]
    count = settings.bin_count
    counts = count if isinstance(count, list) else [] if count is None or widths else [count]
    if not widths and not counts:
        raise ConfigError(
            f"features.handcrafted has no bin_width for {modality} and no bin_count",
            hint="set bin_count, or a bin_width for every modality",
        )
    return [Bins(width, None) for width in widths] + [Bins(None, count) for count in counts]

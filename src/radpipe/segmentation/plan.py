"""The plan of a segmenter: every setting of a network, and why it is as it is.

A network that is named in the config has a plan as well: its settings as they were given.
"""

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError

from radpipe.config import Network, Section
from radpipe.errors import ConfigError
from radpipe.io import files
from radpipe.networks.spec import NetworkSpec

GIVEN = "given"
"""The reason of a setting that the user chose."""


class Plan(Section):
    """Everything that training and drawing need to know of a network."""

    segmenter: Network = Field(description="the settings, none of them `auto`")
    spacing_mm: tuple[float, float, float] | None = Field(
        None, description="voxel size x, y, z that the network sees; null: of the prepared images"
    )
    normalisation: Literal["prepared", "foreground"] = Field(
        "prepared",
        description="as prepared, or scaled by the labelled voxels of the training part",
    )
    intensities: list[tuple[float, float, float, float]] | None = Field(
        None, description="foreground: mean, sd, 0.5th and 99.5th percentile of each modality"
    )
    strides: list[list[int]] | None = Field(
        None, description="of each level below the first, an entry an axis, where a network uses it"
    )
    kernels: list[list[int]] | None = Field(
        None, description="of each level, an entry an axis, where a network uses it"
    )
    reasons: dict[str, str] = Field({}, description="why a setting is as it is, by its name")
    fingerprint: dict[str, Any] = Field({}, description="what the plan was made from")

    def network_spec(self, *, inputs: int, labels: int) -> NetworkSpec:
        """What the network is built from: `inputs` modalities, `labels` beside the background."""
        own = self.segmenter
        dims = 3 if own.view == "3d" else 2
        return NetworkSpec(
            inputs=inputs,
            outputs=labels + 1,
            dims=dims,
            channels=own.channels,
            residual_units=own.residual_units,
            dropout=own.dropout,
            deep_supervision=own.deep_supervision,
            streams=own.streams,
            patch=own.patch[-dims:],
            strides=self.strides,
            kernels=self.kernels,
        )


class _PlanDumper(yaml.SafeDumper):
    """YAML with lists of numbers on one line: sizes are read at a glance."""

    def represent_numbers(self, values: list[Any]) -> yaml.SequenceNode:
        """A list, on one line if it holds no lists."""
        flat = not any(isinstance(value, list | dict) for value in values)
        return self.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=flat)


_PlanDumper.add_representer(list, _PlanDumper.represent_numbers)


def write_plan(plan: Plan, path: str | Path) -> None:
    """Write a plan as YAML, to be read and changed by people."""
    text = yaml.dump(plan.model_dump(mode="json"), Dumper=_PlanDumper, sort_keys=False, width=100)
    with files.atomic(path) as part:
        part.write_text(text, encoding="utf-8")


def read_plan(path: str | Path) -> Plan:
    """Read a plan, as it was written or as somebody changed it.

    Raises:
        ConfigError: it cannot be read, or a key is unknown or out of range.
    """
    try:
        return Plan.model_validate(yaml.safe_load(Path(path).read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        raise ConfigError("the plan cannot be used", file=path, found=error) from None

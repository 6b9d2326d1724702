"""From a file or a mapping to a checked study; the schema for editors."""

import os
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from radpipe.config.encoders import Encoder
from radpipe.config.messages import sentence
from radpipe.config.segmentation import Segmenter
from radpipe.config.study import Study
from radpipe.errors import ConfigError


def load_study(config: Mapping[str, Any] | Path | str) -> Study:
    """Check a config, given as a file or as the mapping Snakemake made of it.

    Environment variables in `cases` and `evaluation.truth` are expanded.

    Raises:
        ConfigError: with one line a fault, naming the key and the nearest known one.
    """
    data = _read_yaml(Path(config)) if isinstance(config, Path | str) else deepcopy(dict(config))
    for section, key in ((data, "cases"), (data.get("evaluation"), "truth")):
        if isinstance(section, dict) and isinstance(section.get(key), str):
            section[key] = os.path.expandvars(section[key])
    try:
        return Study.model_validate(data)
    except ValidationError as error:
        faults = "; ".join(sentence(fault, Study) for fault in error.errors())
        raise ConfigError(f"the study config cannot be used: {faults}") from None


def read_segmenter(section: Mapping[str, Any]) -> Segmenter:
    """The settings of a segmenter, of whatever kind, from a checked section of a config."""
    return TypeAdapter[Segmenter](Segmenter).validate_python(section)


def read_encoder(section: Mapping[str, Any]) -> Encoder:
    """The settings of an encoder, of whatever kind, from a checked section of a config."""
    return TypeAdapter[Encoder](Encoder).validate_python(section)


def json_schema() -> dict[str, Any]:
    """The JSON schema of a study config, for editors."""
    return Study.model_json_schema()


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError("the config cannot be read", file=path, found=error) from None
    if not isinstance(data, dict):
        raise ConfigError(
            "the config is not a mapping", file=path, found=type(data).__name__, expected="keys"
        )
    return data

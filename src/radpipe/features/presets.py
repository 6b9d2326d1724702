"""The settings that features were made with, each with its reason: a table for the report."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from radpipe.config import Handcrafted
from radpipe.config.presets import PresetSetting, preset_settings

SETTING_COLUMNS = ["modality", "setting", "value", "reason", "source"]
CONFIG = "config"
"""The source of a setting that a user wrote, or left at its default."""

ADVICE = "advice of the preset, not applied: "


def feature_settings(modalities: Iterable[str], settings: Handcrafted) -> pd.DataFrame:
    """What the intensities of each modality are measured with, and why.

    Args:
        modalities: the images of the study.
        settings: with its presets filled in, as they are when a config is read.

    Returns:
        `modality, setting, value, reason, source`; settings are `bin_width` or `bin_count`,
        `resegmentation`, `outliers_sd` and `rounding`, and with a preset its advice on
        `normalisation` and `spacing_mm`. The source is the paper behind a preset's value, or
        `config` for what a user wrote instead or left at its default.
    """
    rows = []
    for modality in modalities:
        preset = settings.preset.get(modality)
        known = preset_settings(preset) if preset else {}
        for setting, value in _used(modality, settings).items():
            reason, source = _reason(value, known.get(setting))
            rows.append((modality, setting, _text(value), reason, source))
        rows += [
            (modality, row.setting, _text(row.value), f"{ADVICE}{row.reason}", row.source)
            for row in known.values()
            if row.setting in ("normalisation", "spacing_mm")
        ]
    return pd.DataFrame(rows, columns=SETTING_COLUMNS)


def _used(modality: str, settings: Handcrafted) -> dict[str, Any]:
    """The value of each setting for one modality; None: not done."""
    width = settings.bin_width
    width = width.get(modality) if isinstance(width, Mapping) else width
    binning: dict[str, Any] = {} if width is None else {"bin_width": width}
    if width is None or isinstance(settings.bin_count, list):
        binning["bin_count"] = settings.bin_count
    return binning | {
        "resegmentation": settings.resegmentation.get(modality),
        "outliers_sd": settings.outliers_sd.get(modality),
        "rounding": settings.rounding.get(modality, False),
    }


def _reason(value: Any, row: PresetSetting | None) -> tuple[str, str]:
    if row is not None and row.value == value:
        return row.reason, row.source
    if row is not None:
        return f"written in the config in place of {_text(row.value)}", CONFIG
    if value in (None, False):
        return "not asked for", CONFIG
    return "as configured", CONFIG


def _text(value: Any) -> str:
    """A value as a reader wants it: limits in brackets, an open end as infinity."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, tuple):
        low, high = value
        return f"[{'−∞' if low is None else f'{low:g}'}, {'∞' if high is None else f'{high:g}'}]"
    return f"{value:g}" if isinstance(value, float) else str(value)

"""Faults of a config in words for people."""

import difflib
from typing import Any, get_args

from pydantic import BaseModel


def nearest(name: str, known: list[str]) -> str:
    """The end of a message: the known name that was probably meant, or all known names."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f", did you mean '{close[0]}'?" if close else f"; known: {', '.join(known)}"


def sentence(fault: Any, root: type[BaseModel]) -> str:
    """One fault that pydantic found in a config of type `root`, in the words of a user."""
    path = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        known = list(_fields_at(fault["loc"][:-1], root))
        return f"unknown key '{path}'{nearest(str(fault['loc'][-1]), known)}"
    if fault["type"] == "missing":
        return f"key '{path}' is missing"
    message = str(fault["msg"]).removeprefix("Value error, ")
    if not path:
        return message
    return f"key '{path}': {message[0].lower()}{message[1:]}; found {fault['input']!r}"


def _fields_at(location: tuple[str | int, ...], root: type[BaseModel]) -> list[str]:
    """Names of the known keys of the section at a place of the config."""
    section = root
    for part in location:
        if isinstance(part, str) and part in section.model_fields:
            section = _section_in(section.model_fields[part].annotation) or section
    return list(section.model_fields)


def _section_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((s for a in get_args(annotation) if (s := _section_in(a))), None)

"""Faults of a config in words for people."""

import difflib
from typing import Any, get_args

from pydantic import BaseModel, Tag


def nearest(name: str, known: list[str]) -> str:
    """The end of a message: the known name that was probably meant, or all known names."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f", did you mean '{close[0]}'?" if close else f"; known: {', '.join(known)}"


def sentence(fault: Any, root: type[BaseModel]) -> str:
    """One fault that pydantic found in a config of type `root`, in the words of a user."""
    section, place = _place(fault["loc"], root)
    path = ".".join(map(str, place))
    if fault["type"] == "extra_forbidden":
        return f"unknown key '{path}'{nearest(str(place[-1]), list(section.model_fields))}"
    if fault["type"] == "missing":
        return f"key '{path}' is missing"
    message = str(fault["msg"]).removeprefix("Value error, ")
    if not path:
        return message
    return f"key '{path}': {message[0].lower()}{message[1:]}; found {fault['input']!r}"


def _place(
    location: tuple[str | int, ...], root: type[BaseModel]
) -> tuple[type[BaseModel], list[str | int]]:
    """The innermost section of a place in the config, and the place as a user wrote it.

    pydantic puts the tag of the chosen kind into the place where a section may be of several.
    """
    section, written = root, list[str | int]()
    kinds: dict[str | int, type[BaseModel]] = {}
    for part in location:
        if part in kinds:
            section, kinds = kinds[part], {}
            continue
        written.append(part)
        if isinstance(part, str) and part in section.model_fields:
            annotation = section.model_fields[part].annotation
            section = _section_in(annotation) or section
            kinds = _kinds_in(annotation)
    return section, written


def _section_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((s for a in get_args(annotation) if (s := _section_in(a))), None)


def _kinds_in(annotation: Any) -> dict[str | int, type[BaseModel]]:
    """The sections of a discriminated union by their tags; none: it is no such union."""
    kinds: dict[str | int, type[BaseModel]] = {}
    for part in get_args(annotation):
        section = _section_in(part)
        for mark in getattr(part, "__metadata__", ()):
            if isinstance(mark, Tag) and section is not None:
                kinds[mark.tag] = section
        kinds |= _kinds_in(part)
    return kinds

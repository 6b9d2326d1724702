"""Write the key reference of config/README.md and the JSON schema from the definitions in code.

Run `python workflow/tools/write_config_reference.py`; a test holds both files to the code.
"""

import json
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from radpipe.config import Study, json_schema

ROOT = Path(__file__).parents[2]
README = ROOT / "config/README.md"
SCHEMA = ROOT / "config/study.schema.json"
MARK = "<!-- keys: written by workflow/tools/write_config_reference.py -->"


def reference() -> str:
    """One table a section, in the order of the config."""
    return "\n".join(_tables("", Study, {}))


def document() -> str:
    """The whole README with a fresh reference below its mark."""
    return README.read_text(encoding="utf-8").split(MARK)[0] + MARK + "\n\n" + reference() + "\n"


def schema() -> str:
    """The JSON schema for editors."""
    return json.dumps(json_schema(), indent=2) + "\n"


def _tables(
    prefix: str, section: type[BaseModel], described: dict[type[BaseModel], str]
) -> list[str]:
    """The table of a section and of those below it; one that is used twice is described once."""
    title = f"### `{prefix}`" if prefix else "### top level"
    text = (section.__doc__ or "").strip().splitlines()[0]
    rows = [title, "", text, "", "| key | type | default | meaning |", "|---|---|---|---|"]
    below: list[str] = []
    for name, field in section.model_fields.items():
        sections = _sections(field.annotation)
        if not sections:
            rows.append(f"| `{name}` | {_type(field)} | {_default(field)} | {field.description} |")
            continue
        many = "list of " * _is_list(field.annotation)
        path = f"{prefix}.{name}".lstrip(".") + ("[]" if many else "")
        paths = [path]
        if len(sections) > 1:
            paths = [f"{path} ({inner.__name__.lower()})" for inner in sections]
        named = " or ".join(
            f"`{described.get(inner, path)}`" for inner, path in zip(sections, paths, strict=True)
        )
        rows.append(f"| `{name}` | {many}section | {_absent(field)} | see {named} |")
        for path, inner in zip(paths, sections, strict=True):
            if inner not in described:
                described[inner] = path
                below += _tables(path, inner, described)
    return [*rows, "", *below]


def _sections(annotation: Any) -> list[type[BaseModel]]:
    """The sections that a key may hold: one, or the kinds of a union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [section for part in get_args(annotation) for section in _sections(part)]


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(_is_list(a) for a in get_args(annotation))


def _absent(field: FieldInfo) -> str:
    """A section that is left out unless it is written."""
    return "`null`" if field.default is None else ""


def _type(field: FieldInfo) -> str:
    return _type_name(field.annotation).replace("|", "\\|")


def _type_name(annotation: Any) -> str:
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{p}`" for p in parts)
    if origin in (Union, types.UnionType):
        return " or ".join(_type_name(p) for p in parts)
    if origin is not None and hasattr(annotation, "__metadata__"):
        return _type_name(parts[0])
    if origin is list:
        return f"list of {_type_name(parts[0])}"
    if origin is tuple:
        return f"{len(parts)} x {_type_name(parts[0])}"
    if origin is dict:
        return f"mapping of {_type_name(parts[0])} to {_type_name(parts[1])}"
    names = {
        "NoneType": "null",
        "str": "text",
        "int": "integer",
        "float": "number",
        "bool": "yes/no",
    }
    return names.get(annotation.__name__, annotation.__name__.lower())


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value = field.default
    if isinstance(value, tuple):
        value = list(value)
    return f"`{json.dumps(value)}`" if not isinstance(value, BaseModel) else ""


if __name__ == "__main__":
    README.write_text(document(), encoding="utf-8")
    SCHEMA.write_text(schema(), encoding="utf-8")

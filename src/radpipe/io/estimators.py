"""Estimators of scikit-learn on disk without pickle, equal ones as equal bytes."""

import io
import json
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from radpipe.errors import RadpipeError
from radpipe.io import files

TRUSTED = ("numpy.dtype", "sklearn.tree._tree.Tree")
"""What an estimator may hold beside what skops itself trusts of scikit-learn and numpy."""

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip can hold: a real one would make equal files differ."""


def write_estimator(estimator: Any, path: str | Path) -> None:
    """Write a fitted estimator or pipeline."""
    data = _same_bytes(_skops().dumps(estimator))
    with files.atomic(path) as part:
        part.write_bytes(data)


def read_estimator(path: str | Path, *, trusted: Sequence[str] = ()) -> Any:
    """Read what `write_estimator` wrote.

    Args:
        path: the file.
        trusted: types of radpipe's own that it may hold beside `TRUSTED`.

    Raises:
        RadpipeError: it cannot be read, or holds a type that is not trusted.
    """
    skops = _skops()
    try:
        return skops.load(path, trusted=[*TRUSTED, *trusted])
    except skops.exceptions.UntrustedTypesFoundException as error:
        raise RadpipeError(
            "the model holds types that are not trusted; it was not loaded",
            file=path,
            found=error,
            expected="a model written by radpipe",
        ) from None
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise RadpipeError("the model cannot be read", file=path, found=error) from None


def zipped(members: Mapping[str, bytes]) -> bytes:
    """A zip file of some members by name; equal members give equal bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(members):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, members[name])
    return stream.getvalue()


def _skops() -> Any:
    """The module `skops.io`, without the torch that it would bring along.

    It walks through all of scikit-learn to list its types, and one corner of that imports torch: a
    second that each of the many jobs with a tabular model would wait for.
    """
    blocked = "torch" not in sys.modules
    if blocked:
        sys.modules["torch"] = None  # type: ignore[assignment]
    try:
        import skops.io
        import skops.io.exceptions
    finally:
        if blocked:
            del sys.modules["torch"]
    return skops.io


def _same_bytes(data: bytes) -> bytes:
    """A skops archive without memory addresses and times, so that equal models are equal bytes.

    skops names objects and array files by `id()`; they are renumbered in the order of the schema.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members.pop("schema.json"))
    numbers: dict[Any, int] = {}
    names: dict[str, str] = {}
    pending = [schema]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending += reversed(node)
        elif isinstance(node, dict):
            if "__id__" in node:
                node["__id__"] = numbers.setdefault(node["__id__"], len(numbers))
            if node.get("file") in members:
                old = node["file"]
                node["file"] = names.setdefault(old, f"{len(names)}{Path(old).suffix}")
            pending += reversed(node.values())
    renamed = {new: members[old] for old, new in names.items()}
    # Keys stay in their order: that of the blocks decides the order of the columns.
    return zipped({**renamed, "schema.json": json.dumps(schema).encode()})

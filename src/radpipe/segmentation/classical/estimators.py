"""Estimators of scikit-learn on disk without pickle, equal ones as equal bytes."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import skops.io
from skops.io.exceptions import UntrustedTypesFoundException

from radpipe.errors import RadpipeError
from radpipe.io import files

TRUSTED = ("numpy.dtype", "sklearn.tree._tree.Tree")
"""All that an estimator may hold beside what skops itself trusts of scikit-learn and numpy."""

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip can hold: a real one would make equal estimators differ."""


def write_estimator(estimator: Any, path: str | Path) -> None:
    """Write a fitted estimator or pipeline."""
    with files.atomic(path) as part:
        part.write_bytes(_same_bytes(skops.io.dumps(estimator)))


def read_estimator(path: str | Path) -> Any:
    """Read what `write_estimator` wrote.

    Raises:
        RadpipeError: it cannot be read, or holds a type outside `TRUSTED`.
    """
    try:
        return skops.io.load(path, trusted=list(TRUSTED))
    except UntrustedTypesFoundException as error:
        raise RadpipeError(
            "the classifier holds types that are not trusted; it was not loaded",
            file=path,
            found=error,
            expected="a classifier written by radpipe",
        ) from None
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise RadpipeError("the classifier cannot be read", file=path, found=error) from None


def _same_bytes(data: bytes) -> bytes:
    """A skops archive without memory addresses and times.

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
    return _zipped({**renamed, "schema.json": json.dumps(schema).encode()})


def _zipped(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(members):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, members[name])
    return stream.getvalue()

"""Write requirements.lock from what is installed in the running environment.

The lock holds the packages of pyproject.toml (with the `dev` extra), all that they need in turn,
and the build tools, each at its installed version. `make lock` runs it after an upgrade.
"""

import importlib.metadata
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
BUILD = ("pip", "setuptools", "wheel")
"""Tools of the install step itself; pyradiomics is built with them, without isolation."""
CUDA = ("nvidia-", "cuda-", "triton")
HEADER = """\
# The tested version of every package, for Python 3.11, 3.12 and 3.13. Written by `make lock`.
# torch has no local part, so that pip takes the CPU or the CUDA build it finds; what a CUDA build
# needs (nvidia-*, triton) follows from torch itself.
"""


def main() -> None:
    """Write the lock beside pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    direct = [*project["dependencies"], *project["optional-dependencies"]["dev"], *BUILD]
    lines = sorted(f"{name}=={_release(name)}" for name in _closure(direct))
    (ROOT / "requirements.lock").write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")
    sys.stdout.write(f"requirements.lock: {len(lines)} packages\n")


def _closure(requirements: list[str]) -> set[str]:
    """Names of the required packages and of all that they require here."""
    seen: set[tuple[str, str]] = set()
    waiting = [(Requirement(text), "") for text in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        name = canonicalize_name(requirement.name)
        applies = requirement.marker is None or requirement.marker.evaluate({"extra": extra})
        if not applies or name.startswith(CUDA):
            continue
        for wanted in {"", *requirement.extras}:
            if (name, wanted) not in seen:
                seen.add((name, wanted))
                needs = importlib.metadata.requires(name) or []
                waiting += [(Requirement(need), wanted) for need in needs]
    return {name for name, _ in seen}


def _release(name: str) -> str:
    """The installed version without its local part (`2.13.0+cpu` is `2.13.0`)."""
    return importlib.metadata.version(name).partition("+")[0]


if __name__ == "__main__":
    main()

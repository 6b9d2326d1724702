"""Run `snakemake --lint` and fail at every finding that is not accepted here, with its reason.

Run `python workflow/tools/lint_workflow.py --config cases=<sheet>`; the arguments go to Snakemake,
which has to read a case sheet before it can lint.
"""

import re
import subprocess
import sys

ACCEPTED = {
    "Specify a conda environment or container for each rule.": (
        "a study runs in the one environment that `make install` or environment.yml makes: rules "
        "share radpipe, and its version and code hashes are recorded in each study"
    ),
}
"""Titles of findings that are no fault here, and why."""

PLACE = re.compile(r"^Lints for (.+):$")
FINDING = re.compile(r"^    \* (.+):$")


def findings(output: str) -> list[tuple[str, str]]:
    """Place and title of each finding in what `snakemake --lint` writes."""
    place, found = "", []
    for line in output.splitlines():
        if match := PLACE.match(line):
            place = match[1]
        elif match := FINDING.match(line):
            found.append((place, match[1]))
    return found


def faults(output: str) -> list[str]:
    """One line for each finding that is not accepted."""
    return [f"{place}: {title}" for place, title in findings(output) if title not in ACCEPTED]


def main(arguments: list[str]) -> int:
    """Lint the workflow of the working directory; 0: nothing found that is not accepted."""
    command = [sys.executable, "-m", "snakemake", "--lint", *arguments]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    found = findings(done.stdout)
    if done.returncode and not found:
        print(done.stdout, end="")
        return done.returncode
    left = faults(done.stdout)
    print("\n".join(left) or f"workflow: nothing but {len(found)} accepted findings")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The command line, for what lies outside the workflow: `radpipe demo`, `radpipe check`.

A command reads its arguments, makes one call into the library and prints the answer. A fault that
a user can mend is one sentence on the standard error and exit code 1.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from radpipe.config import load_study
from radpipe.errors import ConfigError, RadpipeError
from radpipe.io.cases import read_case_sheet
from radpipe.io.checks import check_cases
from radpipe.phantoms.cohort import CohortSpec, make_cohort
from radpipe.phantoms.outcomes import Effect
from radpipe.segmentation.classical.fitted import check_segmentation

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def _about() -> None:
    """From a cohort of medical images to a study a reviewer can trust."""


@app.command()
def demo(  # noqa: PLR0913 - each argument is a flag of the command
    directory: Annotated[Path, typer.Argument(help="folder to write the cohort to")],
    development: Annotated[int | None, typer.Option(help="cases [40; tiny: 16]")] = None,
    external: Annotated[int | None, typer.Option(help="cases [16; tiny: 6]")] = None,
    spacing: Annotated[float | None, typer.Option(help="voxel size, mm [3; tiny: 5]")] = None,
    seed: Annotated[int, typer.Option(help="every random choice starts here")] = 2026,
    tiny: Annotated[bool, typer.Option("--tiny", help="a small cohort for tests")] = False,
    null: Annotated[bool, typer.Option("--null", help="outcomes unrelated to images")] = False,
    confounded: Annotated[
        bool, typer.Option("--confounded", help="volume explains all outcomes")
    ] = False,
) -> None:
    """Write a simulated cohort with known truth: images, case sheet, truth."""
    wanted: dict[str, Any] = {
        "development": development,
        "external": external,
        "spacing_mm": spacing,
    }
    numbers = {name: value for name, value in wanted.items() if value is not None}
    make_spec = CohortSpec.tiny if tiny else CohortSpec
    spec = make_spec(**numbers, seed=seed, effect=_effect(null, confounded))
    sheet = make_cohort(directory, spec)
    print(f"the case sheet is {sheet}, the truth is in {directory / 'truth'}")


@app.command()
def check(
    config: Annotated[Path, typer.Argument(help="the study config")],
    threads: Annotated[int, typer.Option(min=1, help="cases opened at a time")] = 1,
) -> None:
    """Check a study config, its case sheet and every image; tell which cases cannot be used."""
    study = load_study(config)
    check_segmentation(study.segmentation)
    sheet = read_case_sheet(study)
    usable, exclusions = check_cases(sheet, study, threads=threads)
    for cohort, rows in usable.groupby("cohort"):
        print(f"{cohort}: {len(rows)} cases of {rows['patient'].nunique()} patients")
    print(f"excluded: {len(exclusions)} cases")
    for exclusion in exclusions:
        print(f"  {exclusion.case}: {exclusion.reason}")


def main() -> None:
    """Run the command line; the entry point `radpipe`."""
    try:
        app()
    except RadpipeError as error:
        print(f"radpipe: {error}", file=sys.stderr)
        raise SystemExit(1) from None


def _effect(null: bool, confounded: bool) -> Effect:
    if null and confounded:
        raise ConfigError("a cohort is either null or confounded", found="both flags")
    if null:
        return "null"
    return "confounded" if confounded else "signal"

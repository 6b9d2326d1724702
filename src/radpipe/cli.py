"""The command line, for what lies outside the workflow: `demo`, `check`, `apply`, `certify`.

A command reads its arguments, makes one call into the library and prints the answer. A fault that
a user can mend is one sentence on the standard error and exit code 1.
"""

import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer

from radpipe.config import load_study
from radpipe.errors import ConfigError, RadpipeError
from radpipe.features.map_names import check_maps
from radpipe.features.visits import check_visits
from radpipe.io.cases import read_case_sheet
from radpipe.io.checks import check_cases
from radpipe.io.tables import write_table
from radpipe.logs import set_threads
from radpipe.phantoms.cohort import CohortSpec, make_cohort
from radpipe.phantoms.outcomes import Effect
from radpipe.provenance import versions
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
    check_maps(study)
    check_visits(sheet, study.features.stability)
    usable, exclusions = check_cases(sheet, study, threads=threads)
    for cohort, rows in usable.groupby("cohort"):
        print(f"{cohort}: {len(rows)} cases of {rows['patient'].nunique()} patients")
    print(f"excluded: {len(exclusions)} cases")
    for exclusion in exclusions:
        print(f"  {exclusion.case}: {exclusion.reason}")


@app.command()
def apply(
    bundle: Annotated[Path, typer.Argument(help="a model: results/<study>/bundles/<model>.zip")],
    cases: Annotated[Path, typer.Option(help="case sheet of the new cases; needs no outcome")],
    out: Annotated[Path | None, typer.Option(help="table of scores [standard output]")] = None,
    work: Annotated[Path | None, typer.Option(help="folder that keeps all files made")] = None,
    features: Annotated[
        Path | None, typer.Option(help="table of features, for a study made from one")
    ] = None,
) -> None:
    """Score new cases with a frozen model, one by one, from their raw images."""
    # Before the libraries start: sums of floats depend on the number of threads.
    set_threads(1)
    from radpipe.modelling import applying

    with tempfile.TemporaryDirectory() as folder, redirect_stdout(sys.stderr):
        made = applying.apply_bundle(
            bundle, cases, work or folder, features=features, versions=versions()
        )
    for warning in made.warnings:
        print(f"radpipe: warning: {warning}", file=sys.stderr)
    if out is None:
        print(made.table.to_csv(sep="\t", index=False, float_format="%.10g"), end="")
    else:
        write_table(made.table, out)
    print(f"{made.scored} of {len(made.table)} cases scored", file=sys.stderr)
    if not made.scored:
        raise typer.Exit(1)


@app.command()
def certify(
    data: Annotated[
        Path | None,
        typer.Option(
            envvar="RADPIPE_TEST_DATA",
            exists=True,
            file_okay=False,
            help="folder of test data with the CT phantom and the sarcomas of IBSI",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="folder to archive the certificate in")] = None,
) -> None:
    """Measure IBSI's phantoms and compare every feature with its reference value."""
    from radpipe.features import certificate

    made = certificate.make_certificate(data)
    print(made.summary())
    if out is not None:
        certificate.write_certificate(made, out)
        print(f"the certificate is {out / 'ibsi.md'}")
    if not made.passed:
        raise typer.Exit(1)


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

"""Hold the results of a simulated cohort against what is true."""

from pathlib import Path

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.io.tables import read_table, write_table
    from radpipe.phantoms.truth import Found, score_truth

    inputs, keys = snakemake.input, snakemake.params.keys_of
    found = Found(
        **{
            stage: dict(zip(map(tuple, keys[stage]), map(Path, inputs[stage]), strict=True))
            for stage in ("transforms", "imported", "corrected")
        },
        segmentation=next(map(Path, inputs.segmentation), None),
        performance=next(map(Path, inputs.performance), None),
    )
    summary, details = score_truth(
        read_table(inputs.cases), truth=Path(snakemake.params.truth), found=found
    )
    write_table(summary, snakemake.output.table)
    write_table(details, snakemake.output.cases)

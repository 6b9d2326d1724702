"""Record what the study was made from."""

from pathlib import Path

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import load_study
    from radpipe.io.cases import read_case_sheet
    from radpipe.io.files import write_json
    from radpipe.provenance import study_provenance

    study = load_study(snakemake.params.study)
    made = (snakemake.input.cases, *snakemake.input.tables, *snakemake.input.bundles)
    inputs = [Path(path) for path in made]
    record = study_provenance(study, read_case_sheet(study), inputs)
    write_json(record, snakemake.output.record)

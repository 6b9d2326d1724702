"""Open every image of the sheet and set unusable cases aside."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import load_study
    from radpipe.io.cases import read_case_sheet
    from radpipe.io.checks import check_cases
    from radpipe.io.cohort import clinical_table, exclusion_table
    from radpipe.io.tables import write_table

    study = load_study(snakemake.config)
    cases, exclusions = check_cases(read_case_sheet(study), study, threads=snakemake.threads)
    write_table(cases, snakemake.output.cases)
    write_table(exclusion_table(exclusions), snakemake.output.exclusions)
    write_table(clinical_table(cases, study.read_columns), snakemake.output.clinical)

"""Score the external cohort with the frozen bundle; no outcome is read."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.io.tables import write_table
    from radpipe.modelling.applying_looks import record_look
    from radpipe.modelling.bundles import read_bundle
    from radpipe.modelling.scoring import Sources, score_fold
    from radpipe.types import FINAL

    params = snakemake.params
    bundle = read_bundle(snakemake.input.bundle)
    look = record_look(params.looks, bundle.sha256, params.cases)
    print(f"look {look} at the external cohort, bundle {bundle.sha256}")
    scores = score_fold(bundle.fitted, params.cases, FINAL, Sources(**params.sources))
    write_table(scores.assign(bundle_sha256=bundle.sha256), snakemake.output.scores)
